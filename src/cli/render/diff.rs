//! The differences between two states: packages, configs, variables, files.

use super::configs::configs;
use super::{count, counted, grown, packages, padded, problems, size, width};
use crate::cli::tally::{self, Tally};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::{DiffReport, SideName};
use crate::snapshot::change::{ChangeKind, Changes, FileChangeKind, RootChanges, VarChange};

/// What to show of the differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Sections {
    pub(in crate::cli) packages: bool,
    pub(in crate::cli) configs: Configs,
    pub(in crate::cli) vars: bool,
    pub(in crate::cli) files: Files,
}

/// How to show config files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Configs {
    Hidden,
    Names,
    /// Records that differ, the first of each file or all.
    Records {
        all: bool,
    },
    /// Unified diffs.
    Diffs,
}

/// How to show files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Files {
    Hidden,
    Counts,
    Paths,
}

/// The two sides, then the sections; or that there is no difference.
pub(in crate::cli) fn diff(report: &DiffReport, sections: Sections, theme: &Theme) -> String {
    let title = format!("{} → {}", side(&report.from), side(&report.to));
    let told = changes(&report.changes, sections, theme);
    if told.is_empty() {
        return format!("No differences: {title}\n");
    }
    format!("{}\n\n{told}", paint(theme.title, title))
}

/// `HEAD (1a2b3c4d)`, `live state`.
pub(in crate::cli) fn side(side: &SideName) -> String {
    match side.commit {
        None if side.name == "live" => "live state".to_owned(),
        None => side.name.clone(),
        Some(commit) => {
            let short = &commit.to_string()[..8];
            if short.starts_with(&side.name) || commit.to_string().starts_with(&side.name) {
                short.to_owned()
            } else {
                format!("{} ({short})", side.name)
            }
        }
    }
}

/// The sections that have anything to tell, a blank line between them.
pub(in crate::cli) fn changes(changes: &Changes, sections: Sections, theme: &Theme) -> String {
    let mut told = Vec::new();
    let several = changes.roots.len() > 1 || changes.roots.iter().any(|root| !root.configs.is_empty());
    if sections.packages {
        for root in &changes.roots {
            let problems = problems::changes(root, false, theme);
            if !problems.is_empty() {
                told.push(heading("Problems", several.then_some(root), theme) + &problems);
            }
        }
        for root in changes.roots.iter().filter(|root| !root.packages.is_empty()) {
            let title = heading("Packages", several.then_some(root), theme);
            told.push(title + &packages::changes(root, theme));
        }
    }
    for root in changes.roots.iter().filter(|root| !root.configs.is_empty()) {
        if sections.configs != Configs::Hidden {
            let title = heading("Configs", Some(root), theme);
            told.push(title + &configs(&root.configs, sections.configs, theme));
        }
    }
    if sections.vars && !changes.vars.is_empty() {
        told.push(format!(
            "{}\n{}",
            paint(theme.title, "Variables"),
            vars(&changes.vars, theme)
        ));
    }
    match sections.files {
        Files::Hidden => {}
        Files::Counts => {
            if changes.roots.iter().any(|root| !root.files.is_empty()) {
                told.push(format!(
                    "{}\n{}",
                    paint(theme.title, "Files"),
                    file_counts(&changes.roots, theme)
                ));
            }
        }
        Files::Paths => {
            for root in changes.roots.iter().filter(|root| !root.files.is_empty()) {
                told.push(heading("Files", Some(root), theme) + &file_paths(root, theme));
            }
        }
    }
    told.join("\n")
}

/// One line for each root: how much of what changed.
pub(in crate::cli) fn stat(changes: &Changes, theme: &Theme) -> String {
    let names = changes
        .roots
        .iter()
        .map(|root| width(root.root.as_str()))
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for root in &changes.roots {
        let of = |kind: ChangeKind| {
            let is = |change: &&_| package_kind(change) == kind;
            root.packages.iter().filter(is).count() as u64
        };
        let mut parts = Vec::new();
        if !root.packages.is_empty() {
            let parts_of = [
                (ChangeKind::Changed, "changed"),
                (ChangeKind::Added, "added"),
                (ChangeKind::Removed, "removed"),
            ];
            let told = parts_of.map(|(kind, word)| (of(kind), word));
            parts.push(format!("packages: {}", listed(&told)));
        }
        if !root.configs.is_empty() {
            parts.push(counted(root.configs.len() as u64, "config"));
        }
        if !root.files.is_empty() {
            parts.push(format!("files: {}", tally_text(&Tally::of(root))));
        }
        let name = paint(theme.title, padded(root.root.as_str(), names));
        text.push_str(&format!("{name}  {}\n", parts.join("; ")));
    }
    if !changes.vars.is_empty() {
        text.push_str(&format!("{} changed\n", counted(changes.vars.len() as u64, "variable")));
    }
    text
}

/// `ROOT:PATH` lines as every command takes them, with a letter before each if that is asked for. For scripts.
pub(in crate::cli) fn names(changes: &Changes, with_status: bool) -> String {
    let mut text = String::new();
    for root in &changes.roots {
        for change in tally::told(root) {
            if with_status {
                text.push(letter(change.kind(), &Theme::plain()).0);
                text.push('\t');
            }
            text.push_str(&format!("{}:{}\n", root.root, change.path()));
        }
    }
    text
}

fn package_kind(change: &crate::snapshot::change::PackageChange) -> ChangeKind {
    ChangeKind::of(change.from.as_ref(), change.to.as_ref())
}

fn heading(what: &str, root: Option<&RootChanges>, theme: &Theme) -> String {
    match root {
        Some(root) => format!("{}\n", paint(theme.title, format_args!("{what} in {}", root.root))),
        None => format!("{}\n", paint(theme.title, what)),
    }
}

fn vars(vars: &[VarChange], theme: &Theme) -> String {
    let line = |var: &VarChange| {
        let value = |side: &Option<String>| side.as_deref().unwrap_or_default().to_owned();
        let (style, line) = match var.change {
            ChangeKind::Added => (theme.added, format!("+ {}={}", var.name, value(&var.to))),
            ChangeKind::Removed => (theme.removed, format!("- {}={}", var.name, value(&var.from))),
            ChangeKind::Changed => {
                let line = format!("  {}={} → {}", var.name, value(&var.from), value(&var.to));
                (theme.changed, line)
            }
        };
        format!("  {}\n", paint(style, theme.foreign(&line)))
    };
    vars.iter().map(line).collect()
}

fn file_counts(roots: &[RootChanges], theme: &Theme) -> String {
    let names = roots.iter().map(|root| width(root.root.as_str())).max().unwrap_or(0);
    let mut text = String::new();
    for root in roots.iter().filter(|root| !root.files.is_empty()) {
        let name = padded(root.root.as_str(), names);
        let tally = Tally::of(root);
        text.push_str(&format!("  {name}  {}{}\n", tally_text(&tally), bytes(&tally, theme)));
        text.push_str(&units(root, theme));
    }
    text
}

/// How many units are told before the rest is counted.
const UNITS: usize = 8;

/// The units with most bytes changed, the largest first.
fn units(root: &RootChanges, theme: &Theme) -> String {
    let all = root.explanation.as_ref().map_or(&[][..], |told| &told.units);
    if all.len() < 2 {
        return String::new();
    }
    let mut sorted: Vec<_> = all.iter().collect();
    sorted.sort_by_key(|unit| std::cmp::Reverse(unit.bytes_before.max(unit.bytes_after)));
    let told = &sorted[..sorted.len().min(UNITS)];
    let names = told.iter().map(|unit| width(unit.unit.as_str())).max().unwrap_or(0);
    let mut text = String::new();
    for unit in told {
        let counts = [
            (unit.added, "added"),
            (unit.modified, "modified"),
            (unit.removed, "removed"),
        ];
        let name = padded(unit.unit.as_str(), names);
        let size = grown(unit.bytes_before, unit.bytes_after, theme);
        text.push_str(&format!("    {}  {}{size}\n", paint(theme.dim, name), listed(&counts)));
    }
    if sorted.len() > told.len() {
        let more = format!(
            "    and {}",
            counted((sorted.len() - told.len()) as u64, "smaller unit")
        );
        text.push_str(&format!("{}\n", paint(theme.dim, more)));
    }
    text
}

/// `1 added, 1,204 modified`.
pub(in crate::cli) fn tally_text(tally: &Tally) -> String {
    listed(&[
        (tally.added, "added"),
        (tally.modified, "modified"),
        (tally.removed, "removed"),
        (tally.metadata_only, "metadata only"),
    ])
}

/// The counts that are not zero, with their words.
pub(super) fn listed(parts: &[(u64, &str)]) -> String {
    let told = parts.iter().filter(|(number, _)| *number > 0);
    let told: Vec<String> = told
        .map(|(number, word)| format!("{} {word}", count(*number)))
        .collect();
    told.join(", ")
}

fn bytes(tally: &Tally, theme: &Theme) -> String {
    let signed = |style, sign: char, bytes: u64| match bytes {
        0 => String::new(),
        bytes => format!("  {}", paint(style, format_args!("{sign}{}", size(bytes)))),
    };
    signed(theme.added, '+', tally.bytes_added) + &signed(theme.removed, '-', tally.bytes_removed)
}

fn file_paths(root: &RootChanges, theme: &Theme) -> String {
    let told = tally::told(root);
    let line = |change: &&crate::snapshot::change::FileChange| {
        let (letter, style) = letter(change.kind(), theme);
        let is_dir = change
            .to
            .as_ref()
            .or(change.from.as_ref())
            .is_some_and(|entry| entry.is_dir());
        let slash = if is_dir { "/" } else { "" };
        format!(
            "  {}\n",
            paint(style, format_args!("{letter} {}{slash}", change.path()))
        )
    };
    told.iter().map(line).collect()
}

/// `A`, `M`, `D`, or `m` for mode and time only.
pub(super) fn letter(kind: FileChangeKind, theme: &Theme) -> (char, anstyle::Style) {
    match kind {
        FileChangeKind::Added => ('A', theme.added),
        FileChangeKind::Modified => ('M', theme.changed),
        FileChangeKind::Removed => ('D', theme.removed),
        FileChangeKind::MetadataOnly => ('m', theme.dim),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    const ALL: Sections = Sections {
        packages: true,
        configs: Configs::Records { all: false },
        vars: true,
        files: Files::Counts,
    };

    #[test]
    fn packages_come_first() {
        let text = diff(&testing::report(testing::changes()), ALL, &Theme::plain());
        insta::assert_snapshot!(text, @"
        HEAD (1a1a1a1a) → live state

        Packages in env
            numpy    1.24.4 → 1.26.4  (pip)
          + pyworld  0.3.4            (pip)
          - six      1.16.0           (pip)

        Configs in app
          M configs/g2p.jsonl
              ~ b  2 → 3

        Variables
            CUDA_HOME=/usr/local/cuda-11 → /usr/local/cuda-12
          + HF_HOME=/data/hf

        Files
          env  1 added, 1 modified, 1 removed, 1 metadata only  +44.2 MiB  -3.0 KiB
          app  1 modified  +20 B  -20 B
        ");
    }

    #[test]
    fn problems_causes_and_consequences_stand_with_the_packages() {
        let sections = Sections {
            configs: Configs::Hidden,
            vars: false,
            ..ALL
        };
        insta::assert_snapshot!(changes(&testing::explained(), sections, &Theme::plain()), @"
        Problems in env
          critical  pandas 2.0.3      2 modules built for NumPy 1.x, and NumPy here is 2.4.6 (pandas/_libs/a.so, pandas/_libs/b.so)
          error     matplotlib 3.7.5  requires numpy<2,>=1.20, but pip's numpy 2.4.6 is there
          solved                      1 file that no record names in mine (mine/a.py)

        Packages in env
            numpy    1.24.4 → 1.26.4  (pip)
                     because pyworld 0.3.4 requires numpy>=1.26
                     breaks matplotlib 3.7.5, pandas 2.0.3
          + pyworld  0.3.4            (pip)
                     asked for directly
          - six      1.16.0           (pip)
                     no requirement explains it

        Files
          env  1 added, 1 modified, 1 removed, 1 metadata only  +44.2 MiB  -3.0 KiB
          app  1 modified  +20 B  -20 B
        ");
    }

    #[test]
    fn files_are_listed_when_asked_for() {
        let sections = Sections {
            packages: false,
            configs: Configs::Names,
            vars: false,
            files: Files::Paths,
        };
        insta::assert_snapshot!(changes(&testing::changes(), sections, &Theme::plain()), @r"
        Configs in app
          M configs/g2p.jsonl  +1 -1

        Files in env
          A lib/pyworld/core.so
          M lib/numpy.py
          D lib/six.py
          m lib/x.py

        Files in app
          M configs/g2p.jsonl
        ");
    }

    #[test]
    fn a_stat_is_a_line_a_root() {
        insta::assert_snapshot!(stat(&testing::changes(), &Theme::plain()), @r"
        env  packages: 1 changed, 1 added, 1 removed; files: 1 added, 1 modified, 1 removed, 1 metadata only
        app  1 config; files: 1 modified
        2 variables changed
        ");
    }

    #[test]
    fn names_are_for_scripts() {
        let changes = testing::changes();
        insta::assert_snapshot!(names(&changes, false), @"
        env:lib/pyworld/core.so
        env:lib/numpy.py
        env:lib/six.py
        env:lib/x.py
        app:configs/g2p.jsonl
        ");
        let letters: String = names(&changes, true)
            .lines()
            .filter_map(|line| line.chars().next())
            .collect();
        assert_eq!(letters, "AMDmM");
        assert!(names(&changes, true).starts_with("A\tenv:lib/pyworld/core.so\n"));
    }

    #[test]
    fn no_difference_is_said() {
        let text = diff(&testing::report(Changes::default()), ALL, &Theme::plain());
        assert_eq!(text, "No differences: HEAD (1a1a1a1a) → live state\n");
    }

    #[test]
    fn foreign_text_cannot_draw() {
        let mut changes = testing::changes();
        changes.roots[1].configs[0].diff.push_str("+\u{1b}[2J\n");
        let sections = Sections {
            configs: Configs::Diffs,
            ..ALL
        };
        let text = super::changes(&changes, sections, &Theme::color());
        assert!(!text.contains("\u{1b}[2J") && text.contains('\u{fffd}'), "{text}");
    }
}
