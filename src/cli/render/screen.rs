//! The screen before a large change: what will change, what is saved, how to return.

use super::checkout::root_lines;
use super::{counted, diff};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::CheckoutReport;
use crate::snapshot::change::PackageChange;

/// How many packages and processes are named.
const NAMED: usize = 10;

/// Fits one screen, however large the change.
pub(in crate::cli) fn screen(report: &CheckoutReport, theme: &Theme) -> String {
    let outlook = &report.outlook;
    let mut text = format!(
        "This brings back {}: {}\n",
        diff::side(&report.target),
        theme.foreign(&report.subject)
    );
    section(&mut text, theme, "What will change");
    text.push_str(&root_lines(report, false, theme));
    let packages: Vec<&PackageChange> = report.changes.roots.iter().flat_map(|root| &root.packages).collect();
    let told: Vec<String> = packages.iter().map(|change| format!("  {}", package(change))).collect();
    text.push_str(&lines(&told, "package"));
    if !outlook.services.is_empty() {
        text.push_str(&format!(
            "  stopped and started again: {}\n",
            outlook.services.join(", ")
        ));
    }
    if !outlook.in_use.is_empty() {
        text.push_str("  in use by processes, which keep the old files until they end:\n");
        let told: Vec<String> = outlook.in_use.iter().map(|process| format!("  {process}")).collect();
        text.push_str(&lines(&told, "program"));
    }
    section(&mut text, theme, "What is saved");
    text.push_str(match (outlook.saves, outlook.is_recorded) {
        (true, _) => "  the state as it is now: it is in no commit, so it is recorded first, as an autosave\n",
        (false, true) => "  nothing needs saving: the state as it is now is in a commit\n",
        (false, false) => "  NOTHING, as you asked with --discard: what is in no commit will be lost\n",
    });
    section(&mut text, theme, "How to return");
    text.push_str(match (outlook.saves, outlook.is_recorded) {
        (false, false) => "  envgit undo leads back to the last commit, without what was lost\n",
        _ => "  envgit undo\n",
    });
    text
}

fn section(text: &mut String, theme: &Theme, title: &str) {
    text.push_str(&format!("\n{}\n", paint(theme.title, title)));
}

/// At most [`NAMED`] lines, and how many more there are.
fn lines(told: &[String], noun: &str) -> String {
    let mut text: String = told.iter().take(NAMED).map(|line| format!("  {line}\n")).collect();
    if told.len() > NAMED {
        let more = counted((told.len() - NAMED) as u64, noun);
        text.push_str(&format!("    and {more} more\n"));
    }
    text
}

fn package(change: &PackageChange) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{} {} → {}", change.name, from.version, to.version),
        (None, Some(to)) => format!("+ {} {}", change.name, to.version),
        (Some(from), None) => format!("- {} {}", change.name, from.version),
        (None, None) => change.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::checkout;
    use super::*;
    use crate::service::processes::Process;

    #[test]
    fn it_says_what_changes_what_is_saved_and_how_to_return() {
        let mut report = checkout();
        report.outlook.saves = true;
        report.outlook.services = vec!["systemd unit glm.service".to_owned()];
        report.outlook.in_use = vec![Process {
            pid: 7012,
            user: "ada".to_owned(),
            command: "python serve.py".to_owned(),
            path: "/env/lib/x.so".into(),
            files: 3,
        }];
        insta::assert_snapshot!(screen(&report, &Theme::plain()), @"
        This brings back pre-upgrade-torch29 (1a1a1a1a): works

        What will change
          env  12,000 to add, 1,021 to replace, 3 to remove; 44.2 MiB to write
            numpy 1.24.4 → 1.26.4
            + pyworld 0.3.4
            - six 1.16.0
          stopped and started again: systemd unit glm.service
          in use by processes, which keep the old files until they end:
            7012 ada python serve.py: /env/lib/x.so and 2 more

        What is saved
          the state as it is now: it is in no commit, so it is recorded first, as an autosave

        How to return
          envgit undo
        ");
        report.outlook = Default::default();
        insta::assert_snapshot!(screen(&report, &Theme::plain()), @"
        This brings back pre-upgrade-torch29 (1a1a1a1a): works

        What will change
          env  12,000 to add, 1,021 to replace, 3 to remove; 44.2 MiB to write
            numpy 1.24.4 → 1.26.4
            + pyworld 0.3.4
            - six 1.16.0

        What is saved
          NOTHING, as you asked with --discard: what is in no commit will be lost

        How to return
          envgit undo leads back to the last commit, without what was lost
        ");
        report.outlook.is_recorded = true;
        let text = screen(&report, &Theme::plain());
        assert!(
            text.contains("nothing needs saving") && text.ends_with("  envgit undo\n"),
            "{text}"
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let told: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert!(lines(&told, "program").ends_with("  9\n    and 2 programs more\n"));
        assert!(lines(&told[..11], "package").ends_with("    and 1 package more\n"));
    }
}
