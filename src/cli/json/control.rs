//! `autosaves --json`, `reflog --json`, `audit --json` and `health --json`.

use serde::Serialize;

use super::FORMAT;
use super::diff::HeadJson;
use crate::audit::{End, Finished, Started};
use crate::cli::dates;
use crate::history::CommitId;
use crate::ops::report::{AuditEntry, AuditReport, AutosaveEntry, AutosavesReport, HealthReport, Kept, ReflogEntry};
use crate::service::Outcome;
use crate::service::processes::Process;
use crate::snapshot::path::escape;

/// The autosaves, newest first.
#[derive(Serialize)]
pub(in crate::cli) struct AutosavesJson<'a> {
    format: u32,
    keep: usize,
    keep_days: u32,
    autosaves: Vec<AutosaveJson<'a>>,
}

#[derive(Serialize)]
struct AutosaveJson<'a> {
    name: &'a str,
    commit: CommitId,
    subject: &'a str,
    time: String,
    age: i64,
    changed: u64,
    stored: u64,
    /// `newest`, `until` or `expired`.
    kept: &'static str,
    until: Option<String>,
}

impl<'a> AutosavesJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a AutosavesReport) -> Self {
        let one = |entry: &'a AutosaveEntry| {
            let (kept, until) = match entry.kept {
                Kept::Newest => ("newest", None),
                Kept::Until(time) => ("until", Some(dates::rfc3339(time))),
                Kept::Expired => ("expired", None),
            };
            AutosaveJson {
                name: &entry.name,
                commit: entry.commit,
                subject: &entry.subject,
                time: dates::rfc3339(entry.time),
                age: entry.age,
                changed: entry.changed,
                stored: entry.stored,
                kept,
                until,
            }
        };
        Self {
            format: FORMAT,
            keep: report.keep,
            keep_days: report.keep_days,
            autosaves: report.autosaves.iter().map(one).collect(),
        }
    }
}

/// The log of a ref, newest first.
#[derive(Serialize)]
pub(in crate::cli) struct ReflogJson<'a> {
    format: u32,
    entries: Vec<ReflogEntryJson<'a>>,
}

#[derive(Serialize)]
struct ReflogEntryJson<'a> {
    selector: &'a str,
    old: Option<CommitId>,
    new: CommitId,
    who: String,
    time: String,
    message: &'a str,
}

impl<'a> ReflogJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(entries: &'a [ReflogEntry]) -> Self {
        let one = |entry: &'a ReflogEntry| ReflogEntryJson {
            selector: &entry.selector,
            old: entry.old,
            new: entry.new,
            who: entry.who.to_string(),
            time: dates::rfc3339(entry.time),
            message: &entry.message,
        };
        Self {
            format: FORMAT,
            entries: entries.iter().map(one).collect(),
        }
    }
}

/// The audit log.
#[derive(Serialize)]
pub(in crate::cli) struct AuditJson<'a> {
    format: u32,
    restores: Vec<AuditEntryJson<'a>>,
    /// With `--verify`, else null.
    verdict: Option<VerdictJson<'a>>,
}

#[derive(Serialize)]
struct AuditEntryJson<'a> {
    id: u64,
    started: &'a Started,
    /// Null for one that was interrupted.
    finished: Option<&'a Finished>,
}

#[derive(Serialize)]
struct VerdictJson<'a> {
    whole: bool,
    lines: usize,
    faults: Vec<FaultJson<'a>>,
    end: Option<End>,
}

#[derive(Serialize)]
struct FaultJson<'a> {
    line: usize,
    what: &'a str,
}

impl<'a> AuditJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a AuditReport) -> Self {
        let one = |entry: &'a AuditEntry| AuditEntryJson {
            id: entry.id,
            started: &entry.started,
            finished: entry.finished.as_ref(),
        };
        Self {
            format: FORMAT,
            restores: report.entries.iter().map(one).collect(),
            verdict: report.verdict.as_ref().map(|verdict| VerdictJson {
                whole: verdict.faults.is_empty(),
                lines: verdict.lines,
                faults: verdict
                    .faults
                    .iter()
                    .map(|fault| FaultJson {
                        line: fault.line,
                        what: &fault.what,
                    })
                    .collect(),
                end: verdict.end,
            }),
        }
    }
}

/// `health --json`.
#[derive(Serialize)]
pub(in crate::cli) struct HealthReportJson<'a> {
    format: u32,
    health: HealthJson<'a>,
    head: HeadJson<'a>,
    differs: bool,
    marked: Option<&'a str>,
    withdrawn: &'a [String],
}

impl<'a> HealthReportJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a HealthReport) -> Self {
        Self {
            format: FORMAT,
            health: HealthJson::of(&report.outcome),
            head: HeadJson::of(&report.head),
            differs: report.differs,
            marked: report.marked.as_deref(),
            withdrawn: &report.withdrawn,
        }
    }
}

/// What the health check said.
#[derive(Serialize)]
pub(super) struct HealthJson<'a> {
    healthy: bool,
    check: &'a str,
    attempts: u32,
    milliseconds: u128,
    problem: Option<&'a str>,
    output: &'a [String],
}

impl<'a> HealthJson<'a> {
    /// A view.
    pub(super) fn of(outcome: &'a Outcome) -> Self {
        let problem = outcome.problem.as_ref();
        Self {
            healthy: outcome.healthy,
            check: &outcome.check,
            attempts: outcome.attempts,
            milliseconds: outcome.elapsed.as_millis(),
            problem: problem.map(|failure| failure.what.as_str()),
            output: problem.map_or(&[], |failure| failure.output.as_slice()),
        }
    }
}

/// A process that uses files.
#[derive(Serialize)]
pub(super) struct ProcessJson<'a> {
    pid: u32,
    user: &'a str,
    command: &'a str,
    path: String,
    files: usize,
}

impl<'a> ProcessJson<'a> {
    /// A view.
    pub(super) fn of(process: &'a Process) -> Self {
        Self {
            pid: process.pid,
            user: &process.user,
            command: &process.command,
            path: escape(process.path.as_os_str().as_encoded_bytes()),
            files: process.files,
        }
    }
}
