//! What a checkout will do, and what it did.

use super::diff::{self, Configs, Files, Sections};
use super::{count, counted, padded, size, width};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::{CheckoutReport, PlanReport, Verified};
use crate::service::Outcome;

/// How many files that git tracks are named.
const NAMED: usize = 5;
/// How many files that name another place are listed.
const STUCK: usize = 10;

/// The plan: a line a root, and with `lists_paths` every path.
pub(in crate::cli) fn plan(report: &CheckoutReport, lists_paths: bool, theme: &Theme) -> String {
    let target = diff::side(&report.target);
    if report.plan.roots.is_empty() {
        let what = if report.partial { "this part" } else { "the live state" };
        return format!("Nothing to do: {what} is as in {target} already.\n");
    }
    let mut text = format!("Would bring back {}: {}\n\n", target, theme.foreign(&report.subject));
    text.push_str(&root_lines(report, lists_paths, theme));
    if !report.outlook.services.is_empty() {
        let services = report.outlook.services.join(", ");
        text.push_str(&format!("\n  stopped and started again: {services}\n"));
    }
    if !report.outlook.in_use.is_empty() {
        text.push_str("\n  in use by:\n");
        for process in &report.outlook.in_use {
            text.push_str(&format!("    {process}\n"));
        }
    }
    text
}

/// A line a root, and with `lists_paths` every path.
pub(super) fn root_lines(report: &CheckoutReport, lists_paths: bool, theme: &Theme) -> String {
    let mut text = String::new();
    let names = report
        .plan
        .roots
        .iter()
        .map(|root| width(root.root.as_str()))
        .max()
        .unwrap_or(0);
    for root in &report.plan.roots {
        let counts = diff::listed(&[
            (root.added, "to add"),
            (root.replaced, "to replace"),
            (root.removed, "to remove"),
            (root.metadata, "metadata only"),
        ]);
        let name = paint(theme.title, padded(root.root.as_str(), names));
        text.push_str(&format!("  {name}  {counts}; {} to write\n", size(root.bytes)));
        if lists_paths {
            for (path, kind) in &root.paths {
                let (letter, style) = diff::letter(*kind, theme);
                text.push_str(&format!("    {}\n", paint(style, format_args!("{letter} {path}"))));
            }
        }
    }
    text
}

/// What the health check said.
pub(in crate::cli) fn health(outcome: &Outcome, theme: &Theme) -> String {
    match &outcome.problem {
        None => format!("{} {}\n", paint(theme.added, "Healthy:"), outcome.check),
        Some(problem) => {
            let tries = match outcome.attempts {
                1 => String::new(),
                tries => format!(" ({tries} tries)"),
            };
            format!("{} {problem}{tries}\n", paint(theme.error, "Not healthy:"))
        }
    }
}

/// The files that the user's own git tracks and that a plan changes, in a few words.
pub(in crate::cli) fn git_tracked(plan: &PlanReport) -> Option<String> {
    let paths: Vec<String> = plan
        .roots
        .iter()
        .flat_map(|root| root.git_tracked.iter().map(|path| format!("{}/{path}", root.root)))
        .collect();
    if paths.is_empty() {
        return None;
    }
    let named = paths.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match paths.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {} more", count(more as u64)),
    };
    Some(format!(
        "this changes {} that git tracks: {named}{more}",
        counted(paths.len() as u64, "file")
    ))
}

/// What was compared, and by what: `13,021 paths verified (files: 9 by content, 11,400 by stamp)`.
pub(in crate::cli) fn verified(verified: Verified) -> String {
    format!(
        "{} verified (files: {} by content, {} by stamp)",
        counted(verified.paths, "path"),
        count(verified.by_content),
        count(verified.by_stamp)
    )
}

/// What was done.
pub(in crate::cli) fn done(report: &CheckoutReport, theme: &Theme) -> String {
    let target = diff::side(&report.target);
    let verified = verified(report.verified);
    let mut text = if report.partial {
        format!("Restored from {target}: {verified}\n")
    } else {
        let place = match &report.head.branch {
            Some(branch) => format!(
                "on branch {} at {}",
                paint(theme.branch, branch),
                paint(theme.id, &report.short)
            ),
            None => format!("at {target}"),
        };
        format!("Now {place}: {verified}\n")
    };
    if let (Some(branch), Some(upstream)) = (&report.head.branch, &report.follows) {
        text.push_str(&format!("{branch} follows {upstream} from now on\n"));
    }
    let sections = Sections {
        packages: true,
        configs: Configs::Names,
        vars: false,
        files: Files::Hidden,
    };
    let changes = diff::changes(&report.changes, sections, theme);
    if !changes.is_empty() {
        text.push('\n');
        text.push_str(&changes);
    }
    text.push_str(&stuck(report, theme));
    text
}

/// Files that name the place where they were recorded.
pub(in crate::cli) fn stuck(report: &CheckoutReport, theme: &Theme) -> String {
    if report.stuck.is_empty() {
        return String::new();
    }
    let title = match report.stuck.len() {
        1 => "1 file still names the place where it was recorded".to_owned(),
        many => format!(
            "{} files still name the place where they were recorded",
            count(many as u64)
        ),
    };
    let mut text = format!("\n{}\n", paint(theme.title, title));
    for (path, why) in report.stuck.iter().take(STUCK) {
        text.push_str(&format!("  {path}: {why}\n"));
    }
    if let Some(more @ 1..) = report.stuck.len().checked_sub(STUCK) {
        text.push_str(&format!("  and {} more; --json lists them\n", count(more as u64)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::testing::checkout;
    use super::*;
    use crate::relocate::Stuck;

    #[test]
    fn a_plan_counts_and_lists() {
        insta::assert_snapshot!(plan(&checkout(), true, &Theme::plain()), @r"
        Would bring back pre-upgrade-torch29 (1a1a1a1a): works

          env  12,000 to add, 1,021 to replace, 3 to remove; 44.2 MiB to write
            A lib/six.py
            D lib/x.so
        ");
    }

    #[test]
    fn what_was_done_is_told() {
        insta::assert_snapshot!(done(&checkout(), &Theme::plain()), @"
        Now at pre-upgrade-torch29 (1a1a1a1a): 13,021 paths verified (files: 9 by content, 11,400 by stamp)

        Packages in env
            numpy    1.24.4 → 1.26.4  (pip)
          + pyworld  0.3.4            (pip)
          - six      1.16.0           (pip)

        Configs in app
          M configs/g2p.jsonl  +1 -1
        ");
    }

    #[test]
    fn what_names_another_place_is_listed() {
        let mut report = checkout();
        let path = |number: usize| (format!("env:lib/{number}.so"), Stuck::NoRoom);
        report.stuck = (1..=11).map(path).collect();
        let text = stuck(&report, &Theme::plain());
        assert!(text.starts_with(
            "\n11 files still name the place where they were recorded\n  env:lib/1.so: a path in it has no room"
        ));
        assert!(text.ends_with("  and 1 more; --json lists them\n"), "{text}");
    }

    #[test]
    fn files_under_git_are_named() {
        let told = git_tracked(&checkout().plan);
        assert_eq!(
            told.as_deref(),
            Some("this changes 1 file that git tracks: env/start.sh")
        );
    }
}
