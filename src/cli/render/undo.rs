//! What `undo`, `redo`, `autosaves`, `reflog` and `rescue` tell.

use super::checkout::root_lines;
use super::{counted, padded, size, width};
use crate::cli::dates;
use crate::cli::theme::{Theme, paint};
use crate::history::CommitId;
use crate::ops::operations::OperationKind;
use crate::ops::report::{AutosavesReport, Kept, OperationsReport, ReflogEntry, RescueReport, UndoReport, Undoable};
use crate::ops::standing::{HeadAt, RefMove};

/// What was stepped over, and where everything is now.
pub(in crate::cli) fn undo(report: &UndoReport, theme: &Theme) -> String {
    let verb = match (report.is_redo, report.dry_run) {
        (false, false) => "Undone",
        (true, false) => "Done again",
        (false, true) => "Would undo",
        (true, true) => "Would do again",
    };
    let mut text = format!("{verb}: {}\n", theme.foreign(&report.operation.what));
    if let Some(head) = &report.head_move {
        text.push_str(&format!("  HEAD  {} → {}\n", place(&head.from), place(&head.to)));
    }
    for moved in &report.refs {
        text.push_str(&format!("  {}\n", ref_move(moved, theme)));
    }
    match &report.checkout {
        Some(checkout) if report.dry_run && checkout.plan.roots.is_empty() => {
            text.push_str("  the live state is as it was already\n");
        }
        Some(checkout) if report.dry_run => text.push_str(&root_lines(checkout, false, theme)),
        Some(checkout) => {
            let target = super::diff::side(&checkout.target);
            text.push_str(&format!(
                "  the live state is that of {target}: {}\n",
                super::checkout::verified(checkout.verified)
            ));
            if let Some(saved) = &checkout.autosave {
                text.push_str(&format!("  what was there is saved as {}\n", saved.name));
            }
        }
        None if report.operation.kind == OperationKind::Commit => {
            text.push_str("  the files stay as they are\n");
        }
        None => {}
    }
    if report.operation.live.as_ref().is_some_and(|live| live.discarded) && !report.is_redo {
        text.push_str("  what that checkout was told to discard is gone\n");
    }
    text
}

fn place(head: &HeadAt) -> String {
    let name = head.branch.clone().or_else(|| head.name.clone());
    name.or_else(|| head.commit.map(brief)).unwrap_or_default()
}

fn brief(commit: CommitId) -> String {
    commit.to_string()[..8].to_owned()
}

fn ref_move(moved: &RefMove, theme: &Theme) -> String {
    let (what, name) = match (
        moved.name.strip_prefix("refs/heads/"),
        moved.name.strip_prefix("refs/tags/"),
    ) {
        (Some(branch), _) => ("branch", branch),
        (_, Some(tag)) => ("tag", tag),
        _ => ("ref", moved.name.as_str()),
    };
    let id = |commit: CommitId| paint(theme.id, brief(commit));
    match (moved.from, moved.to) {
        (Some(from), Some(to)) => format!("{what} {name}  {} → {}", id(from), id(to)),
        (None, Some(to)) => format!("{what} {name}  is there again, at {}", id(to)),
        (Some(from), None) => format!("{what} {name}  is gone (was {})", id(from)),
        (None, None) => format!("{what} {name}"),
    }
}

/// The operations; `>` marks what the next undo undoes.
pub(in crate::cli) fn operations(report: &OperationsReport, theme: &Theme) -> String {
    if report.operations.is_empty() {
        return "Nothing was done yet that could be undone.\n".to_owned();
    }
    let next = |state| {
        report
            .operations
            .iter()
            .find(|(_, found)| *found == state)
            .map(|(op, _)| op.id)
    };
    let next = next(Undoable::Done);
    let mut text = String::new();
    for (operation, state) in &report.operations {
        let mark = if next == Some(operation.id) { '>' } else { ' ' };
        let what = theme.foreign(&operation.what);
        let line = format!("{mark} {:>4}  {}  {what}", operation.id, dates::short(operation.time));
        text.push_str(&match state {
            Undoable::Done => format!("{line}\n"),
            Undoable::Undone => format!("{}\n", paint(theme.dim, format_args!("{line}  (undone)"))),
            Undoable::Past => format!("{}\n", paint(theme.dim, line)),
        });
    }
    text
}

/// The autosaves: name, age, what, how much, how long.
pub(in crate::cli) fn autosaves(report: &AutosavesReport, theme: &Theme) -> String {
    if report.autosaves.is_empty() {
        return "No autosaves: no checkout found a state that was in no commit.\n".to_owned();
    }
    let names = report
        .autosaves
        .iter()
        .map(|entry| width(&entry.name))
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for entry in &report.autosaves {
        let kept = match entry.kept {
            Kept::Newest => "kept: among the newest".to_owned(),
            Kept::Until(time) => format!("kept until {}", dates::short(time)),
            Kept::Expired => paint(theme.warning, "may be dropped"),
        };
        text.push_str(&format!(
            "{}  {}  {:>9} ago  {}\n    {}, {} stored; {kept}\n",
            paint(theme.aside, padded(&entry.name, names)),
            paint(theme.id, &entry.short),
            age(entry.age),
            theme.foreign(&entry.subject),
            counted(entry.changed, "changed path"),
            size(entry.stored),
        ));
    }
    text.push_str(&format!(
        "Kept: the newest {} (autosave.keep), and all of the last {} days (autosave.keep_days)\n",
        report.keep, report.keep_days
    ));
    text
}

/// `5 minutes`, `3 days`.
fn age(seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    counted(number.unsigned_abs(), unit)
}

/// `1a2b3c4d HEAD@{0}: commit: message`, as git shows it.
pub(in crate::cli) fn reflog(entries: &[ReflogEntry], theme: &Theme) -> String {
    let line = |entry: &ReflogEntry| {
        let id = paint(theme.id, &entry.short);
        format!("{id} {}: {}\n", entry.selector, theme.foreign(&entry.message))
    };
    entries.iter().map(line).collect()
}

/// What a rescue leaves behind.
pub(in crate::cli) fn rescue(report: &RescueReport, theme: &Theme) -> String {
    /// How many commits are named.
    const NAMED: usize = 10;
    let mut text = format!(
        "The last good commit is {} of {}: {}\n",
        paint(theme.id, &report.short),
        dates::short(report.time),
        theme.foreign(&report.subject)
    );
    if !report.leaves.is_empty() {
        text.push_str("Going there leaves behind, for a later checkout:\n");
    }
    for (short, subject) in report.leaves.iter().take(NAMED) {
        text.push_str(&format!("  {} {}\n", paint(theme.id, short), theme.foreign(subject)));
    }
    if report.leaves.len() > NAMED {
        let more = counted((report.leaves.len() - NAMED) as u64, "more commit");
        text.push_str(&format!("  and {more}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_rounded_down() {
        let ages = [0, 59, 60, 3599, 3600, 172_799, 172_800].map(age).join(", ");
        assert_eq!(
            ages,
            "0 seconds, 59 seconds, 1 minute, 59 minutes, 1 hour, 47 hours, 2 days"
        );
    }
}
