//! Commits: the log, its graph, and one commit in full.

use super::changes;
use super::numbers::{count, plural, size};
use crate::cli::dates;
use crate::cli::theme::{Theme, paint};
use crate::history::{CommitId, RefKind};
use crate::ops::report::{HeadReport, LogEntry, LogReport, PackageCounts, ShowReport};

/// How the log is written.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct LogStyle {
    /// One line a commit.
    pub(in crate::cli) oneline: bool,
    /// With lines that join commits.
    pub(in crate::cli) graph: bool,
}

/// All commits of a log.
pub(in crate::cli) fn log(report: &LogReport, style: LogStyle, theme: &Theme) -> String {
    let mut lanes = Lanes::default();
    let mut out = String::new();
    for (at, entry) in report.entries.iter().enumerate() {
        let text = if style.oneline {
            oneline(entry, &report.head, theme)
        } else {
            full(entry, &report.head, theme)
        };
        if style.graph {
            out.push_str(&lanes.draw(entry, &text));
        } else {
            out.push_str(&text);
        }
        if !style.oneline && !style.graph && at + 1 < report.entries.len() {
            out.push('\n');
        }
    }
    out
}

fn oneline(entry: &LogEntry, head: &HeadReport, theme: &Theme) -> String {
    let subject = entry.message.lines().next().unwrap_or_default();
    let mut line = format!(
        "{}{} {}\n",
        paint(theme.id, &entry.short),
        decoration(entry, head, theme),
        theme.foreign(subject)
    );
    line.push_str(&package_lines(entry, "  ", theme));
    line
}

fn full(entry: &LogEntry, head: &HeadReport, theme: &Theme) -> String {
    let id = paint(theme.id, format!("commit {}", entry.commit));
    let mut out = format!("{id}{}\n", decoration(entry, head, theme));
    out.push_str(&format!("Author: {}\n", theme.foreign(&entry.author.to_string())));
    out.push_str(&format!("Date:   {}\n", dates::shown(entry.time)));
    let mut facts = Vec::new();
    facts.extend(package_counts(&entry.packages));
    if let Some(layer) = &entry.layer {
        facts.push(format!("layer of {}", size(layer.size)));
    }
    if !facts.is_empty() {
        out.push_str(&format!("State:  {}\n", facts.join(", ")));
    }
    out.push('\n');
    for line in theme.foreign(entry.message.trim_end()).lines() {
        out.push_str(&format!("    {line}\n"));
    }
    out.push_str(&package_lines(entry, "    ", theme));
    out
}

fn package_lines(entry: &LogEntry, indent: &str, theme: &Theme) -> String {
    let width = entry
        .package_changes
        .iter()
        .map(|change| change.name.chars().count())
        .max()
        .unwrap_or(0);
    let lines = entry
        .package_changes
        .iter()
        .map(|change| changes::package(change, width, theme));
    lines.map(|line| format!("{indent}{}\n", line.trim_start())).collect()
}

fn package_counts(counts: &PackageCounts) -> Option<String> {
    let told = [
        (counts.changed, "changed"),
        (counts.added, "added"),
        (counts.removed, "removed"),
    ];
    let told: Vec<_> = told
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", count(n as u64)))
        .collect();
    (!told.is_empty()).then(|| format!("packages: {}", told.join(", ")))
}

/// ` (HEAD -> main, tag: v1)`
fn decoration(entry: &LogEntry, head: &HeadReport, theme: &Theme) -> String {
    let mut labels = Vec::new();
    let current = head.branch.as_deref().filter(|_| entry.is_head);
    match current {
        Some(branch) => labels.push(format!(
            "{} {}",
            paint(theme.head, "HEAD ->"),
            paint(theme.branch, branch)
        )),
        None if entry.is_head => labels.push(paint(theme.head, "HEAD")),
        None => {}
    }
    for label in &entry.refs {
        labels.push(match label.kind {
            RefKind::Branch if Some(label.name.as_str()) == current => continue,
            RefKind::Branch => paint(theme.branch, &label.name),
            RefKind::Tag => paint(theme.tag, format!("tag: {}", label.name)),
            RefKind::Autosave | RefKind::Other => paint(theme.aside, &label.name),
        });
    }
    if labels.is_empty() {
        return String::new();
    }
    format!(" ({})", labels.join(", "))
}

/// The columns of a graph: each waits for a commit.
#[derive(Default)]
struct Lanes(Vec<CommitId>);

impl Lanes {
    /// The text of a commit with its lines at the left.
    fn draw(&mut self, entry: &LogEntry, text: &str) -> String {
        let waiting: Vec<usize> = (0..self.0.len()).filter(|at| self.0[*at] == entry.commit).collect();
        let mut out = String::new();
        // Branches that meet here: all but the leftmost lane end.
        for at in waiting.iter().skip(1).rev() {
            let mut row: Vec<&str> = vec!["| "; self.0.len()];
            row[at - 1] = "|/";
            out.push_str(format!("{}\n", row[..*at].concat()).replace("|/", "|/ ").trim_end());
            out.push_str(&" |".repeat(self.0.len() - at - 1));
            out.push('\n');
            self.0.remove(*at);
        }
        let lane = waiting.first().copied().unwrap_or_else(|| {
            self.0.push(entry.commit);
            self.0.len() - 1
        });
        let others = self.0.len();
        let draw = |mark: &str| -> String {
            (0..others)
                .map(|at| if at == lane { mark } else { "| " })
                .collect::<String>()
        };
        match entry.parents.first() {
            Some(parent) => self.0[lane] = *parent,
            None => {
                self.0.remove(lane);
            }
        }
        let below: String = match entry.parents.first() {
            Some(_) => "| ".repeat(self.0.len()),
            None => draw("  "),
        };
        for (at, line) in text.lines().enumerate() {
            let left = if at == 0 { draw("* ") } else { below.clone() };
            out.push_str(format!("{left}{line}").trim_end());
            out.push('\n');
        }
        if text.lines().count() > 1 && !self.0.is_empty() {
            out.push_str(format!("{}\n", "| ".repeat(self.0.len()).trim_end()).as_str());
        }
        out
    }
}

/// One commit in full: what the log says, the state, and the changes as `diff` shows them.
pub(in crate::cli) fn show(report: &ShowReport, head: &HeadReport, theme: &Theme) -> String {
    let mut out = full(&report.entry, head, theme);
    out.push('\n');
    let manifest = &report.manifest;
    let width = manifest.roots.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
    for (name, root) in &manifest.roots {
        let mut facts = vec![format!("{}, {}", root.kind, root.policy)];
        if root.kind.holds_packages() {
            facts.push(plural(root.packages, "package", "packages"));
        }
        facts.push(plural(root.files, "file", "files"));
        facts.push(size(root.bytes));
        facts.extend(root.python.as_ref().map(|version| format!("Python {version}")));
        if let Some(git) = &root.git {
            let commit = git.commit.as_deref().map_or("no commit", |id| &id[..id.len().min(8)]);
            facts.push(format!("git {commit}{}", if git.dirty { ", dirty" } else { "" }));
        }
        out.push_str(&format!("{:width$}  {}\n", name.as_str(), facts.join(", ")));
        out.push_str(&format!("{:width$}  {}\n", "", paint(theme.dim, &root.home)));
    }
    let system = &manifest.system;
    let known = [
        Some(format!("{} ({})", system.os, system.arch)),
        Some(format!("Linux {}", system.kernel)),
        system.glibc.as_ref().map(|version| format!("glibc {version}")),
        system.cpu.clone(),
        system
            .nvidia_driver
            .as_ref()
            .map(|version| format!("NVIDIA driver {version}")),
        (!system.gpus.is_empty()).then(|| system.gpus.join(", ")),
    ];
    out.push_str(&format!(
        "{}\n",
        known.into_iter().flatten().collect::<Vec<_>>().join(", ")
    ));
    if let Some(diff) = &report.changes
        && !diff.changes.is_empty()
    {
        out.push('\n');
        out.push_str(&changes::changes(&diff.changes, changes::Sections::ALL, theme));
    }
    out
}
