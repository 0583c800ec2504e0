//! The log: as git's, with a line for the packages.

use std::collections::HashSet;

use super::diff::listed;
use super::graph::{Graph, Rows};
use crate::cli::dates;
use crate::cli::theme::{Theme, paint};
use crate::compare;
use crate::history::RefKind;
use crate::ops::report::{HeadReport, LogEntry, LogReport, PackageCounts};
use crate::ops::signatures::Verdict;

/// How to show the log.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct Style {
    /// One line a commit.
    pub(in crate::cli) is_oneline: bool,
    /// Lanes at the left.
    pub(in crate::cli) has_graph: bool,
}

/// All commits of a log.
pub(in crate::cli) fn log(report: &LogReport, style: Style, theme: &Theme) -> String {
    let shown: HashSet<_> = report.entries.iter().map(|entry| entry.commit).collect();
    let mut graph = Graph::default();
    let mut text = String::new();
    for (index, entry) in report.entries.iter().enumerate() {
        let is_last = index + 1 == report.entries.len();
        let mut lines = if style.is_oneline {
            oneline(entry, &report.head, theme)
        } else {
            full(entry, &report.head, theme)
        };
        if !style.is_oneline && !is_last {
            lines.push(String::new());
        }
        if style.has_graph {
            let parent = entry.parents.first().copied().filter(|parent| shown.contains(parent));
            lines = beside(graph.draw(entry.commit, parent), lines);
        }
        for line in lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

fn beside(rows: Rows, lines: Vec<String>) -> Vec<String> {
    let width = rows.commit.chars().count();
    let place = |(index, line): (usize, String)| {
        let row = if index == 0 { &rows.commit } else { &rows.body };
        format!("{row:width$} {line}")
    };
    let mut placed: Vec<String> = lines.into_iter().enumerate().map(place).collect();
    placed.extend(rows.after);
    placed
}

fn oneline(entry: &LogEntry, head: &HeadReport, theme: &Theme) -> Vec<String> {
    let id = paint(theme.id, &entry.short);
    let subject = entry.message.lines().next().unwrap_or_default();
    let mut lines = vec![format!("{id}{} {}", names(entry, head, theme), theme.foreign(subject))];
    lines.extend(signature(entry, theme).into_iter().map(|line| format!("    {line}")));
    lines.extend(package_changes(entry).map(|line| format!("    {line}")));
    lines
}

/// Who signed it, in git's order: right after the id.
fn signature(entry: &LogEntry, theme: &Theme) -> Option<String> {
    Some(match entry.signature.as_ref()? {
        Verdict::Good(signer) => format!(
            "{} for {} with {}",
            paint(theme.added, "Good signature"),
            theme.foreign(&signer.principal),
            theme.foreign(&signer.key)
        ),
        Verdict::Bad(why) => format!("{}: {}", paint(theme.error, "Bad signature"), theme.foreign(why)),
        Verdict::None => "No signature".to_owned(),
    })
}

/// The lines of one commit as `git log` shows it.
pub(super) fn full(entry: &LogEntry, head: &HeadReport, theme: &Theme) -> Vec<String> {
    let id = paint(theme.id, format_args!("commit {}", entry.commit));
    let mut lines = vec![format!("{id}{}", names(entry, head, theme))];
    lines.extend(signature(entry, theme));
    lines.extend([
        format!("Author: {}", theme.foreign(&entry.author.to_string())),
        format!("Date:   {}", dates::shown(entry.time)),
    ]);
    if let Some(counts) = counts(&entry.packages) {
        lines.push(format!("Packages: {counts}"));
    }
    lines.push(String::new());
    lines.extend(
        entry
            .message
            .trim_end()
            .lines()
            .map(|line| format!("    {}", theme.foreign(line))),
    );
    let changes: Vec<String> = package_changes(entry).map(|line| format!("    {line}")).collect();
    if !changes.is_empty() {
        lines.push(String::new());
        lines.extend(changes);
    }
    lines
}

fn package_changes(entry: &LogEntry) -> impl Iterator<Item = String> {
    entry.package_changes.iter().map(compare::message::package)
}

fn counts(packages: &PackageCounts) -> Option<String> {
    let parts = [
        (packages.changed as u64, "changed"),
        (packages.added as u64, "added"),
        (packages.removed as u64, "removed"),
    ];
    Some(listed(&parts)).filter(|text| !text.is_empty())
}

/// ` (HEAD -> main, tag: v1, autosave/3)`.
fn names(entry: &LogEntry, head: &HeadReport, theme: &Theme) -> String {
    let mut names = Vec::new();
    let current = head.branch.as_deref().filter(|_| entry.is_head);
    if entry.is_head {
        let arrow = current.map(|branch| format!(" -> {}", paint(theme.branch, branch)));
        names.push(paint(theme.head, "HEAD") + &arrow.unwrap_or_default());
    }
    for label in &entry.refs {
        names.push(match label.kind {
            RefKind::Branch if current == Some(label.name.as_str()) => continue,
            RefKind::Branch => paint(theme.branch, &label.name),
            RefKind::Tag => paint(theme.tag, format_args!("tag: {}", label.name)),
            RefKind::Autosave | RefKind::Good | RefKind::Undo | RefKind::Remote | RefKind::Other => {
                paint(theme.aside, &label.name)
            }
        });
    }
    if names.is_empty() {
        return String::new();
    }
    let bracket = |text: &str| paint(theme.id, text);
    format!(" {}{}{}", bracket("("), names.join(&bracket(", ")), bracket(")"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{commit, head, package};
    use super::*;
    use crate::ops::report::RefLabel;

    fn report() -> LogReport {
        let label = |name: &str, kind| RefLabel {
            name: name.to_owned(),
            kind,
        };
        let mut top = commit(4, Some(2), "pyworld at last", &[label("main", RefKind::Branch)]);
        top.is_head = true;
        top.packages.added = 1;
        top.packages.changed = 2;
        LogReport {
            entries: vec![
                top,
                commit(
                    3,
                    Some(1),
                    "try torch 2.9\n\nit broke",
                    &[label("autosave/1", RefKind::Autosave)],
                ),
                commit(2, Some(1), "numpy 1.24.4 → 1.26.4", &[]),
                commit(1, None, "works", &[label("v1", RefKind::Tag)]),
            ],
            head: head(),
        }
    }

    #[test]
    fn as_git_shows_it() {
        let mut report = report();
        report.entries.drain(1..3);
        report.entries[0].package_changes = vec![package("pyworld", None, Some("0.3.4"))];
        insta::assert_snapshot!(log(&report, Style::default(), &Theme::plain()), @r"
        commit 0404040404040404040404040404040404040404 (HEAD -> main)
        Author: Ada <ada@example.org>
        Date:   Sun Nov 1 10:00:00 2026 +0800
        Packages: 2 changed, 1 added

            pyworld at last

            +pyworld 0.3.4

        commit 0101010101010101010101010101010101010101 (tag: v1)
        Author: Ada <ada@example.org>
        Date:   Sun Nov 1 10:00:00 2026 +0800

            works
        ");
    }

    #[test]
    fn lanes_of_one_line_commits() {
        let style = Style {
            is_oneline: true,
            has_graph: true,
        };
        insta::assert_snapshot!(log(&report(), style, &Theme::plain()), @r"
        * 04040404 (HEAD -> main) pyworld at last
        | * 03030303 (autosave/1) try torch 2.9
        * | 02020202 numpy 1.24.4 → 1.26.4
        |/
        * 01010101 (tag: v1) works
        ");
    }

    #[test]
    fn lanes_of_whole_commits() {
        let style = Style {
            is_oneline: false,
            has_graph: true,
        };
        insta::assert_snapshot!(log(&report(), style, &Theme::plain()), @r"
        * commit 0404040404040404040404040404040404040404 (HEAD -> main)
        | Author: Ada <ada@example.org>
        | Date:   Sun Nov 1 10:00:00 2026 +0800
        | Packages: 2 changed, 1 added
        |
        |     pyworld at last
        |
        | * commit 0303030303030303030303030303030303030303 (autosave/1)
        | | Author: Ada <ada@example.org>
        | | Date:   Sun Nov 1 10:00:00 2026 +0800
        | |
        | |     try torch 2.9
        | |
        | |     it broke
        | |
        * | commit 0202020202020202020202020202020202020202
        | | Author: Ada <ada@example.org>
        | | Date:   Sun Nov 1 10:00:00 2026 +0800
        | |
        | |     numpy 1.24.4 → 1.26.4
        | |
        |/
        * commit 0101010101010101010101010101010101010101 (tag: v1)
          Author: Ada <ada@example.org>
          Date:   Sun Nov 1 10:00:00 2026 +0800

              works
        ");
    }
}
