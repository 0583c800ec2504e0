//! Problems: one line each, the worst first.

use std::collections::BTreeSet;

use super::{count, padded, width};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::{CheckReport, RootFindings};
use crate::snapshot::change::{PackageChange, RootChanges};
use crate::snapshot::explanation::PackageStory;
use crate::snapshot::finding::{Finding, Problem, Severity};

/// How many problems are told before the rest is counted.
const TOLD: usize = 12;

/// One problem to tell.
pub(super) struct Told {
    /// How much it matters; nothing for a problem that is solved.
    pub(super) severity: Option<Severity>,
    /// The package with its version; empty where it is about none.
    pub(super) package: String,
    /// What is wrong.
    pub(super) text: String,
}

impl Told {
    fn of(finding: &Finding) -> Self {
        let package = finding.package.as_ref().map(|package| {
            let space = if package.version.is_empty() { "" } else { " " };
            format!("{}{space}{}", package.name, package.version)
        });
        Self {
            severity: Some(finding.severity),
            package: package.unwrap_or_default(),
            text: without_site(&finding.to_string()),
        }
    }

    /// `critical`, `solved`.
    pub(super) fn word(&self) -> &'static str {
        self.severity.map_or("solved", word)
    }
}

/// One problem in one line, with the package it is about.
pub(in crate::cli) fn line(finding: &Finding) -> String {
    let told = Told::of(finding);
    let space = if told.package.is_empty() { "" } else { " " };
    format!("{} {}{space}{}", told.word(), told.package, told.text)
}

/// Problems that came or look different, then those that went. Notes are left out unless `all`.
pub(super) fn told(root: &RootChanges, all: bool) -> Vec<Told> {
    let Some(explanation) = &root.explanation else {
        return Vec::new();
    };
    let is_told = |finding: &&Finding| all || finding.severity < Severity::Note;
    let lost = |(change, story): (&PackageChange, Option<&PackageStory>)| {
        Some(Told {
            severity: Some(Severity::Critical),
            package: change.name.clone(),
            text: story?.critical.clone()?,
        })
    };
    let mut told: Vec<Told> = root.stories().filter_map(lost).collect();
    let problems = &explanation.problems;
    let changed = problems.changed.iter().map(|(_, now)| now);
    let mut worse: Vec<&Finding> = problems.appeared.iter().chain(changed).filter(is_told).collect();
    // An import that fails says why: what it is built for need not be said before.
    let fails: BTreeSet<_> = worse
        .iter()
        .filter(|one| is_import(one))
        .map(|one| one.package.clone())
        .collect();
    worse.retain(|one| all || !matches!(one.problem, Problem::NumpyAbi { .. }) || !fails.contains(&one.package));
    worse.sort();
    told.extend(worse.into_iter().map(Told::of));
    let solved = problems.resolved.iter().filter(is_told).map(|finding| Told {
        severity: None,
        ..Told::of(finding)
    });
    told.extend(solved);
    told
}

fn is_import(finding: &Finding) -> bool {
    matches!(finding.problem, Problem::Import { .. })
}

/// [`told`] as text.
pub(super) fn changes(root: &RootChanges, all: bool, theme: &Theme) -> String {
    aligned(&told(root, all), if all { usize::MAX } else { TOLD }, theme)
}

/// All problems of one state.
pub(in crate::cli) fn check(report: &CheckReport, all: bool, theme: &Theme) -> String {
    let mut text = String::new();
    for root in &report.roots {
        if !text.is_empty() {
            text.push('\n');
        }
        let title = format!(
            "{} ({}, {})",
            root.root,
            root.kind,
            super::counted(root.packages, "package")
        );
        text.push_str(&format!("{}: {}\n", paint(theme.title, title), tally(root)));
        let findings = root.findings.iter().filter(|one| all || one.severity < Severity::Note);
        let lines: Vec<Told> = findings.map(Told::of).collect();
        text.push_str(&aligned(&lines, usize::MAX, theme));
    }
    if text.is_empty() {
        text.push_str("No root holds packages.\n");
    }
    text
}

/// `2 critical, 1 error, 3 notes`, or that nothing is wrong.
fn tally(root: &RootFindings) -> String {
    let of = |severity: Severity| root.findings.iter().filter(|one| one.severity == severity).count() as u64;
    let critical = of(Severity::Critical);
    let mut parts: Vec<String> = (critical > 0)
        .then(|| format!("{} critical", count(critical)))
        .into_iter()
        .collect();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        if of(severity) > 0 {
            parts.push(super::counted(of(severity), word(severity)));
        }
    }
    match parts.as_slice() {
        [] => "no problems".to_owned(),
        parts => parts.join(", "),
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn style(severity: Severity, theme: &Theme) -> anstyle::Style {
    match severity {
        Severity::Critical => theme.error,
        Severity::Error => theme.removed,
        Severity::Warning => theme.changed,
        Severity::Note => theme.dim,
    }
}

fn aligned(lines: &[Told], most: usize, theme: &Theme) -> String {
    let told = &lines[..lines.len().min(most)];
    let words = told.iter().map(|line| width(line.word())).max().unwrap_or(0);
    let names = told.iter().map(|line| width(&line.package)).max().unwrap_or(0);
    let mut text = String::new();
    for line in told {
        let style = line.severity.map_or(theme.added, |severity| style(severity, theme));
        let word = paint(style, padded(line.word(), words));
        let rest = format!("{}  {}", padded(&line.package, names), line.text);
        text.push_str(&format!("  {word}  {}\n", theme.foreign(&rest)));
    }
    if lines.len() > told.len() {
        let more = format!("  and {} more: envgit check", count((lines.len() - told.len()) as u64));
        text.push_str(&format!("{}\n", paint(theme.dim, more)));
    }
    text
}

/// Paths without the folder of packages that they all begin with.
fn without_site(text: &str) -> String {
    let Some(at) = text.find("/site-packages/") else {
        return text.to_owned();
    };
    let start = text[..at]
        .rfind(|c: char| c.is_whitespace() || c == '(')
        .map_or(0, |before| before + 1);
    let site = &text[start..at + "/site-packages/".len()];
    text.replace(site, "")
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn the_worst_comes_first_and_the_folder_of_packages_is_not_repeated() {
        let report = testing::check_report();
        insta::assert_snapshot!(check(&report, false, &Theme::plain()), @"
        env (venv, 81 packages): 1 critical, 1 error, 1 warning, 1 note
          critical  pandas 2.0.3      2 modules built for NumPy 1.x, and NumPy here is 2.4.6 (pandas/_libs/a.so, pandas/_libs/b.so)
          error     matplotlib 3.7.5  requires numpy<2,>=1.20, but pip's numpy 2.4.6 is there
          warning                     1 file that no record names in mine (mine/a.py)
        ");
        insta::assert_snapshot!(check(&report, true, &Theme::plain()), @"
        env (venv, 81 packages): 1 critical, 1 error, 1 warning, 1 note
          critical  pandas 2.0.3      2 modules built for NumPy 1.x, and NumPy here is 2.4.6 (pandas/_libs/a.so, pandas/_libs/b.so)
          error     matplotlib 3.7.5  requires numpy<2,>=1.20, but pip's numpy 2.4.6 is there
          warning                     1 file that no record names in mine (mine/a.py)
          note      a 1               1 of 9 files is also promised by pip's b 1, with the same bytes (ns/__init__.py)
        ");
    }

    #[test]
    fn what_came_and_went_is_told_by_a_diff() {
        let changes = testing::explained();
        insta::assert_snapshot!(super::changes(&changes.roots[0], false, &Theme::plain()), @"
        critical  pandas 2.0.3      2 modules built for NumPy 1.x, and NumPy here is 2.4.6 (pandas/_libs/a.so, pandas/_libs/b.so)
        error     matplotlib 3.7.5  requires numpy<2,>=1.20, but pip's numpy 2.4.6 is there
        solved                      1 file that no record names in mine (mine/a.py)
        ");
    }
}
