//! Problems: one line each, the worst first.

use super::{count, padded, width};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::{CheckReport, RootFindings};
use crate::snapshot::change::RootChanges;
use crate::snapshot::explanation::PackageStory;
use crate::snapshot::finding::{Finding, Severity};

/// How many problems are told before the rest is counted.
const TOLD: usize = 12;

/// One line to tell.
struct Line<'a> {
    word: &'a str,
    style: anstyle::Style,
    package: String,
    text: String,
}

/// Problems that came or look different, then those that went. Notes are left out unless `all`.
pub(super) fn changes(root: &RootChanges, all: bool, theme: &Theme) -> String {
    let Some(explanation) = &root.explanation else {
        return String::new();
    };
    let told = |finding: &&Finding| all || finding.severity < Severity::Note;
    let mut lines: Vec<Line<'_>> = root
        .stories()
        .filter_map(|(change, story)| lost(&change.name, story?, theme))
        .collect();
    let problems = &explanation.problems;
    let appeared = problems.appeared.iter();
    let changed = problems.changed.iter().map(|(_, now)| now);
    let mut worse: Vec<&Finding> = appeared.chain(changed).filter(told).collect();
    worse.sort();
    lines.extend(worse.into_iter().map(|finding| line(finding, theme)));
    let solved = problems.resolved.iter().filter(told).map(|finding| Line {
        word: "solved",
        style: theme.added,
        ..line(finding, theme)
    });
    lines.extend(solved);
    aligned(&lines, if all { usize::MAX } else { TOLD }, theme)
}

fn lost<'a>(name: &str, story: &PackageStory, theme: &Theme) -> Option<Line<'a>> {
    Some(Line {
        word: word(Severity::Critical),
        style: style(Severity::Critical, theme),
        package: name.to_owned(),
        text: story.critical.clone()?,
    })
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
        let told = root.findings.iter().filter(|one| all || one.severity < Severity::Note);
        let lines: Vec<Line<'_>> = told.map(|finding| line(finding, theme)).collect();
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

fn line<'a>(finding: &Finding, theme: &Theme) -> Line<'a> {
    let package = finding.package.as_ref().map(|package| {
        let version = if package.version.is_empty() { "" } else { " " };
        format!("{}{version}{}", package.name, package.version)
    });
    Line {
        word: word(finding.severity),
        style: style(finding.severity, theme),
        package: package.unwrap_or_default(),
        text: theme.foreign(&without_site(&finding.to_string())).into_owned(),
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

fn aligned(lines: &[Line<'_>], most: usize, theme: &Theme) -> String {
    let told = &lines[..lines.len().min(most)];
    let words = told.iter().map(|line| width(line.word)).max().unwrap_or(0);
    let names = told.iter().map(|line| width(&line.package)).max().unwrap_or(0);
    let mut text = String::new();
    for line in told {
        let word = paint(line.style, padded(line.word, words));
        let name = padded(&line.package, names);
        text.push_str(&format!("  {word}  {name}  {}\n", line.text));
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
