//! `audit`: the restores that were made, and whether the log of them is as it was written.

use super::Session;
use super::error::Error;
use super::operations::OperationLog;
use super::report::{AuditEntry, AuditReport};
use crate::audit::{Event, Finished, Log, Started, Verdict, verify};

/// Which restores to show.
#[derive(Clone, Debug, Default)]
pub struct AuditOptions {
    /// Not before this (seconds since 1970).
    pub since: Option<i64>,
    /// Not after this.
    pub until: Option<i64>,
    /// Only by this user: a login name, the one who called sudo, or the name in commits.
    pub user: Option<String>,
    /// Only with this outcome: `done`, `failed`, `recovered`, `dropped`, or `interrupted` for those that have none.
    pub outcome: Option<String>,
    /// Check the chain.
    pub verify: bool,
}

/// The log, newest first.
///
/// # Errors
/// When it cannot be read.
pub fn audit(session: &mut Session<'_>, options: &AuditOptions) -> Result<AuditReport, Error> {
    let log = Log::new(session.repo.dir());
    let verdict = match options.verify {
        true => Some(verdict(session)?),
        false => None,
    };
    let mut entries: Vec<AuditEntry> = Vec::new();
    for entry in log.entries()? {
        match entry.event {
            Event::Started(started) => entries.push(AuditEntry {
                id: entry.id,
                started,
                finished: None,
            }),
            Event::Finished(finished) => {
                if let Some(begun) = entries.iter_mut().rfind(|begun| begun.id == finished.of) {
                    begun.finished = Some(finished);
                }
            }
        }
    }
    entries.retain(|entry| options.wants(&entry.started, entry.finished.as_ref()));
    entries.reverse();
    Ok(AuditReport {
        entries,
        verdict,
        path: log.path().to_owned(),
    })
}

/// Whether the chain is whole, and holds all that the log of operations knows of.
///
/// # Errors
/// When either log cannot be read.
pub(super) fn verdict(session: &Session<'_>) -> Result<Verdict, Error> {
    let operations = OperationLog::of(session).all()?;
    let kept: Vec<_> = operations.iter().filter_map(|operation| operation.audit).collect();
    Ok(verify(&Log::new(session.repo.dir()).bytes()?, &kept))
}

impl AuditOptions {
    fn wants(&self, started: &Started, finished: Option<&Finished>) -> bool {
        let seconds = started.time.parse::<jiff::Timestamp>().map(|time| time.as_second());
        let seconds = seconds.unwrap_or_default();
        let who = &started.who;
        let outcome = finished.map_or("interrupted", |finished| finished.outcome.as_str());
        self.since.is_none_or(|since| seconds >= since)
            && self.until.is_none_or(|until| seconds <= until)
            && self.outcome.as_deref().is_none_or(|wanted| wanted == outcome)
            && self
                .user
                .as_deref()
                .is_none_or(|user| user == who.user || user == who.name || who.sudo_user.as_deref() == Some(user))
    }
}
