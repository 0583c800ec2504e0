//! `health`: whether all is well, and which commit that speaks for.
//!
//! A commit that was found good has a ref `refs/good/N`; the highest N is the newest finding, which `@good` names. The
//! newest result counts: a commit that is found ill loses its marks.

use super::diff::head;
use super::error::Error;
use super::live::{Live, WrittenByRoot};
use super::pause::place;
use super::report::{CheckoutReport, HealthReport};
use super::{Session, recover};
use crate::history::{CommitId, Expected, Ref, RefKind, RefName};
use crate::service::Outcome;

/// How many good commits are remembered.
const KEPT: usize = 20;

/// Runs the health check, and notes the result with the commit when the live state is equal to HEAD's.
///
/// # Errors
/// When no check is configured, or the live state cannot be looked at.
pub fn health(session: &mut Session<'_>) -> Result<HealthReport, Error> {
    recover::if_needed(session)?;
    let Some(outcome) = session.repo.config().health.ask(place(session)) else {
        return Err(Error::refused(
            "there is no health check",
            "set one: envgit config service.health COMMAND, or an address http://…",
        ));
    };
    let _lock = session.repo.lock(&session.purpose)?;
    recover::finish_interrupted(session)?;
    let head = head(session.repo.history())?;
    let mut report = HealthReport {
        outcome,
        differs: !is_clean(session, head.commit)?,
        head,
        marked: None,
        withdrawn: Vec::new(),
    };
    if let Some(commit) = report.head.commit.filter(|_| !report.differs) {
        (report.marked, report.withdrawn) = mark(session, commit, &report.outcome)?;
    }
    Ok(report)
}

/// Notes what the check said after a checkout of `commit`.
pub(super) fn note(session: &Session<'_>, commit: CommitId, report: &mut CheckoutReport) -> Result<(), Error> {
    if let Some(outcome) = &report.health {
        (report.marked_good, _) = mark(session, commit, outcome)?;
    }
    Ok(())
}

fn is_clean(session: &Session<'_>, commit: Option<CommitId>) -> Result<bool, Error> {
    let Some(commit) = commit else { return Ok(false) };
    let live = Live::capture(&session.viewpoint(), &WrittenByRoot::new())?;
    let changes = super::record::changes_since(session, Some(commit), &live)?;
    Ok(live.failures.is_empty() && changes.roots.iter().all(|root| root.files.is_empty()))
}

/// Gives the commit a new mark, or takes its marks away. Returns what it got and what it lost.
fn mark(session: &Session<'_>, commit: CommitId, outcome: &Outcome) -> Result<(Option<String>, Vec<String>), Error> {
    let history = session.repo.history();
    let mut marks: Vec<Ref> = history
        .refs()?
        .into_iter()
        .filter(|known| known.kind() == RefKind::Good)
        .collect();
    marks.sort_by_key(Ref::number);
    if outcome.healthy && marks.last().is_some_and(|mark| mark.commit == commit) {
        return Ok((marks.last().map(|mark| mark.short_name().to_owned()), Vec::new()));
    }
    let mut name = None;
    if outcome.healthy {
        let mark = RefName::good(history.next_number(RefKind::Good)?)?;
        let note = session.note(format!("health: well, by {}", outcome.check));
        history.set_ref(&mark, commit, Expected::Absent, &note)?;
        name = Some(mark.short_name().to_owned());
    }
    let (of_commit, others): (Vec<Ref>, Vec<Ref>) = marks.into_iter().partition(|mark| mark.commit == commit);
    let room = KEPT - usize::from(outcome.healthy);
    let oldest = others.len().saturating_sub(room);
    for mark in of_commit.iter().chain(&others[..oldest]) {
        history.delete_ref(&mark.name, Expected::Is(mark.commit))?;
    }
    let lost = match outcome.healthy {
        true => Vec::new(),
        false => of_commit.iter().map(|mark| mark.short_name().to_owned()).collect(),
    };
    Ok((name, lost))
}
