//! Lists: entries, layers, branches and tags, roots, settings.

use std::path::Path;

use super::{counted, padded, size, width};
use crate::cli::dates;
use crate::cli::theme::{Theme, paint};
use crate::config::Listed;
use crate::history::Time;
use crate::ops::report::{InitReport, LayersReport, LsReport, RefEntry};
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::escape;
use crate::snapshot::root::Root;

/// `ROOT/PATH` lines; `is_long` with mode, size, time, and where a link leads.
pub(in crate::cli) fn ls(report: &LsReport, is_long: bool, theme: &Theme) -> String {
    let mut text = String::new();
    for (root, entries) in &report.roots {
        let sizes = entries
            .iter()
            .map(|(entry, _)| entry.size().to_string().len())
            .max()
            .unwrap_or(0);
        for (entry, _) in entries {
            let style = match entry.node {
                Node::Dir => theme.title,
                Node::Symlink(_) => theme.aside,
                Node::File(_) => anstyle::Style::new(),
            };
            let slash = if entry.is_dir() { "/" } else { "" };
            let name = paint(style, format_args!("{root}/{}{slash}", entry.path));
            if is_long {
                text.push_str(&format!(
                    "{} {:>sizes$} {} {name}{}\n",
                    mode(entry),
                    entry.size(),
                    time(entry),
                    target(entry)
                ));
            } else {
                text.push_str(&name);
                text.push('\n');
            }
        }
    }
    text
}

/// `drwxr-xr-x`, as ls shows it.
fn mode(entry: &Entry) -> String {
    let (kind, mode) = match entry.node {
        Node::Dir => ('d', entry.mode),
        Node::File(_) => ('-', entry.mode),
        Node::Symlink(_) => ('l', 0o777),
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 > 0 { 'r' } else { '-' });
        text.push(if bits & 2 > 0 { 'w' } else { '-' });
        text.push(match (mode & special > 0, bits & 1 > 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

fn time(entry: &Entry) -> String {
    let seconds = entry.mtime.div_euclid(1_000_000_000);
    let offset = jiff::Timestamp::from_second(seconds)
        .map_or(0, |moment| jiff::tz::TimeZone::system().to_offset(moment).seconds());
    dates::short(Time { seconds, offset })
}

fn target(entry: &Entry) -> String {
    match &entry.node {
        Node::Symlink(target) => format!(" -> {}", escape(target)),
        Node::File(file) => file
            .hardlink
            .as_ref()
            .map(|first| format!(" = {first}"))
            .unwrap_or_default(),
        Node::Dir => String::new(),
    }
}

/// The layer stack, newest first.
pub(in crate::cli) fn layers(report: &LayersReport, theme: &Theme) -> String {
    if report.layers.is_empty() {
        return "No layers.\n".to_owned();
    }
    let mut text = String::new();
    for entry in &report.layers {
        let layer = &entry.layer;
        let gone = if entry.present {
            String::new()
        } else {
            paint(theme.error, "  MISSING")
        };
        text.push_str(&format!(
            "{}  sha256:{}  {:>10}  {:>14}  {}{gone}\n",
            paint(theme.id, &entry.short),
            layer.digest,
            size(layer.size),
            counted(layer.files, "file"),
            theme.foreign(&entry.subject),
        ));
    }
    let total: u64 = report
        .layers
        .iter()
        .map(|entry| entry.layer.size)
        .fold(0, u64::saturating_add);
    let content: u64 = report
        .layers
        .iter()
        .map(|entry| entry.layer.content)
        .fold(0, u64::saturating_add);
    let count = counted(report.layers.len() as u64, "layer");
    text.push_str(&format!(
        "{count} of {} for {} of content, in {}\n",
        size(total),
        size(content),
        report.dir.display()
    ));
    text
}

/// Branches or tags; `*` marks the current one.
pub(in crate::cli) fn refs(refs: &[RefEntry], theme: &Theme) -> String {
    let names = refs.iter().map(|entry| width(&entry.name)).max().unwrap_or(0);
    let line = |entry: &RefEntry| {
        let name = padded(&entry.name, names);
        let (mark, name) = match entry.is_current {
            true => ('*', paint(theme.branch, name)),
            false => (' ', name),
        };
        let subject = entry.subject.lines().next().unwrap_or_default();
        format!(
            "{mark} {name}  {}  {}\n",
            paint(theme.id, &entry.short),
            theme.foreign(subject)
        )
    };
    refs.iter().map(line).collect()
}

/// Roots with kind, policy and path.
pub(in crate::cli) fn roots(roots: &[Root], theme: &Theme) -> String {
    let names = roots.iter().map(|root| width(root.name.as_str())).max().unwrap_or(0);
    let line = |root: &Root| {
        let name = paint(theme.title, padded(root.name.as_str(), names));
        let path = root.path.display();
        format!(
            "  {name}  {:7}  {:7}  {path}\n",
            root.kind.as_str(),
            root.policy.as_str()
        )
    };
    roots.iter().map(line).collect()
}

/// `key = value` lines; defaults dimmed.
pub(in crate::cli) fn settings(settings: &[Listed], theme: &Theme) -> String {
    let line = |setting: &Listed| {
        let line = format!("{} = {}", setting.key, setting.value);
        match setting.origin {
            crate::config::Origin::Default => format!("{}\n", paint(theme.dim, format_args!("{line}  (default)"))),
            crate::config::Origin::File => format!("{line}\n"),
        }
    };
    settings.iter().map(line).collect()
}

/// What `init` made.
pub(in crate::cli) fn init(report: &InitReport, theme: &Theme) -> String {
    let mut text = format!("Made {} for:\n{}", report.dir.display(), roots(&report.roots, theme));
    let mut written: Vec<&Path> = report.ignore_files.iter().map(AsRef::as_ref).collect();
    let config = report.dir.join(crate::config::FILE_NAME);
    written.push(&config);
    let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    text.push_str(&format!("Wrote {}\n", written.join(" and ")));
    text
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn the_current_branch_is_marked() {
        let entry = |name: &str, is_current| RefEntry {
            name: name.to_owned(),
            commit: testing::id(1),
            short: "01010101".to_owned(),
            subject: "works".to_owned(),
            time: testing::time(),
            is_current,
        };
        let text = refs(&[entry("main", true), entry("try-torch-29", false)], &Theme::plain());
        assert_eq!(
            text,
            "* main          01010101  works\n  try-torch-29  01010101  works\n"
        );
    }

    #[test]
    fn modes_read_as_in_ls() {
        let with = |mode| Entry {
            mode,
            ..testing::entry("x", 1, "x")
        };
        let modes = [0o644, 0o4755, 0o2644, 0o1777].map(|bits| mode(&with(bits)));
        assert_eq!(modes.join(" "), "-rw-r--r-- -rwsr-xr-x -rw-r-Sr-- -rwxrwxrwt");
        assert_eq!(mode(&testing::dir("d")), "drw-r--r--");
    }
}
