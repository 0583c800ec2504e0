//! The audit log as text.

use std::path::Path;

use super::counted;
use crate::audit::{Outcome, Point, Verdict};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::{AuditEntry, AuditReport};

/// How many packages are named without `-v`.
const NAMED: usize = 5;

/// Restores, newest first; `is_long` names all packages.
pub(in crate::cli) fn audit(report: &AuditReport, is_long: bool, theme: &Theme) -> String {
    if report.entries.is_empty() {
        return "No restores.\n".to_owned();
    }
    let entries = report.entries.iter().map(|found| entry(found, is_long, theme));
    entries.collect::<Vec<_>>().join("\n")
}

fn entry(entry: &AuditEntry, is_long: bool, theme: &Theme) -> String {
    let started = &entry.started;
    let who = &started.who;
    let sudo = who
        .sudo_user
        .as_ref()
        .map(|user| format!(", sudo by {user}"))
        .unwrap_or_default();
    let (outcome, style) = match entry.finished.as_ref().map(|finished| finished.outcome) {
        Some(Outcome::Done) => ("done", theme.added),
        Some(outcome @ (Outcome::Recovered | Outcome::Dropped)) => (outcome.as_str(), theme.warning),
        Some(Outcome::Failed) => ("failed", theme.error),
        None => ("interrupted", theme.error),
    };
    let mut text = format!(
        "{}  {}  {}  {}\n",
        paint(theme.id, format_args!("#{}", entry.id)),
        started.time,
        started.command,
        paint(style, outcome)
    );
    let mut line = |label: &str, value: &str| text.push_str(&format!("  {label:8}{}\n", theme.foreign(value)));
    line("who", &format!("{} ({}{sudo} on {})", who.name, who.user, who.host));
    if let Some(why) = &started.why {
        line("why", &why.replace('\n', "\n          "));
    }
    line("from", &point(&started.from));
    line("to", &point(&started.to));
    if !started.only.is_empty() {
        line("only", &started.only.join(" "));
    }
    let changes = &started.changes;
    let counts = super::diff::listed(&[
        (changes.added, "added"),
        (changes.replaced, "replaced"),
        (changes.removed, "removed"),
        (changes.metadata_only, "metadata only"),
    ]);
    if !counts.is_empty() {
        line("changed", &counts);
    }
    let named = if is_long { changes.packages.len() } else { NAMED };
    for package in changes.packages.iter().take(named) {
        line("", package);
    }
    if changes.packages.len() > named {
        line("", &format!("and {} more", changes.packages.len() - named));
    }
    if let Some(finished) = &entry.finished {
        if let Some(saved) = &finished.saved_as {
            line("saved", saved);
        }
        if let Some(milliseconds) = finished.milliseconds {
            line("took", &format!("{:.1} s", milliseconds as f64 / 1000.0));
        }
        if let Some(error) = &finished.error {
            line("error", &error.replace('\n', "\n          "));
        }
        if let Some(health) = &finished.health {
            let problem = health.problem.as_deref().unwrap_or(&health.check);
            let word = if health.healthy { "well" } else { "not well" };
            line("health", &format!("{word}: {}", problem.replace('\n', "\n          ")));
        }
    }
    text
}

fn point(point: &Point) -> String {
    let commit = point.commit.as_deref().map(|id| id.get(..8).unwrap_or(id));
    let changed = if point.changed {
        ", with changes that no commit held"
    } else {
        ""
    };
    match (&point.name, commit) {
        (Some(name), Some(commit)) => format!("{name} ({commit}){changed}"),
        (Some(name), None) => format!("{name}{changed}"),
        (None, commit) => format!("{}{changed}", commit.unwrap_or("nothing")),
    }
}

/// What a check found.
pub(in crate::cli) fn verdict(path: &Path, verdict: &Verdict, theme: &Theme) -> String {
    let path = path.display();
    if verdict.faults.is_empty() {
        let end = verdict.end.map_or_else(String::new, |end| {
            format!("Entry {} ends it; keep its SHA-256 elsewhere: {}\n", end.id, end.digest)
        });
        return format!(
            "{path} is as it was written: {}\n{end}",
            counted(verdict.lines as u64, "line")
        );
    }
    let mut text = format!("{} {path} is not as it was written:\n", paint(theme.error, "DAMAGED:"));
    for fault in &verdict.faults {
        text.push_str(&format!("  line {}: {}\n", fault.line, fault.what));
    }
    text
}
