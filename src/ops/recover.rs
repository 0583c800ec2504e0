//! Finishing a checkout that was interrupted.

use std::time::{Duration, Instant};

use super::attend::Unasked;
use super::checkout::{CheckoutOptions, Purpose, perform};
use super::error::Error;
use super::notes::{self, Notes};
use super::operations::{Done, LiveMove, OperationKind, Watch};
use super::pending::Pending;
use super::{Session, attend, pause, pinning, undo};
use crate::apply::journal::Journal;
use crate::apply::{discard_stage, has_stage};
use crate::audit::Outcome;
use crate::fsx::atomic::remove_stale_drafts;
use crate::history::History;

/// Finishes an interrupted checkout, if there is one, and removes what one left that had not begun to swap. Takes the
/// lock for that; while another process holds it, that process is at work and nothing is amiss.
///
/// # Errors
/// What keeps it from being finished; the journal stays.
pub fn if_needed(session: &mut Session<'_>) -> Result<(), Error> {
    let repo = &session.repo;
    let notes = [repo.journal_path(), repo.pending_path(), repo.pause_path()];
    let roots = &repo.config().roots;
    if !notes.iter().any(|note| note.exists()) && !roots.iter().any(|root| has_stage(&root.path)) {
        return Ok(());
    }
    match session.repo.try_lock(&session.purpose)? {
        Some(_lock) => finish_interrupted(session),
        None => Ok(()),
    }
}

/// As [`if_needed`]; that it cannot be finished, and what ends it, is only told.
pub fn if_possible(session: &mut Session<'_>) {
    if let Err(error) = if_needed(session) {
        session.progress.warn(&format!(
            "an interrupted checkout could not be finished: {error}; to give it up: envgit checkout HEAD --discard"
        ));
    }
}

/// Removes the ref locks of processes that died. envgit's own writers hold the repository's lock, so another git
/// client is the only one that may hold one, for an instant: what is younger is waited for, so that nothing that was
/// interrupted stays so because of it.
pub(super) fn clear_locks(history: &History) -> Result<usize, Error> {
    const ABANDONED: Duration = Duration::from_secs(1);
    const PAUSE: Duration = Duration::from_millis(20);
    let give_up = Instant::now() + ABANDONED + PAUSE;
    let mut removed = 0;
    loop {
        removed += history.clear_leftovers(ABANDONED)?.len();
        if !history.has_locks()? || Instant::now() > give_up {
            return Ok(removed);
        }
        std::thread::sleep(PAUSE);
    }
}

/// As [`if_needed`], under the lock that the caller holds. Also removes what killed processes left half-written.
pub(super) fn finish_interrupted(session: &mut Session<'_>) -> Result<(), Error> {
    clear_drafts(session)?;
    let notes = Notes::read(session)?;
    let swapped = match &notes.journal {
        Some(journal) => finish_swap(session, journal)?,
        None => None,
    };
    pause::end_interrupted(session);
    let going_to = notes::going_to(session)?;
    let pending = &notes.pending;
    let is_stepping = pending.as_ref().is_some_and(|pending| pending.of.is_some());
    let has_happened = match pending {
        Some(pending) if swapped.is_none() && !is_stepping => has_happened(session, pending)?,
        _ => swapped.is_some() || is_stepping,
    };
    let left = match has_happened {
        false => notes.name_the_rest(session, going_to.as_ref())?,
        true => None,
    };
    clear_stages(session)?;
    let outcome = match (&left, has_happened) {
        (Some(_), _) => Outcome::Failed,
        (None, true) => Outcome::Recovered,
        (None, false) => Outcome::Dropped,
    };
    let told: Vec<String> = notes.illegible.iter().chain(&left).cloned().collect();
    let error = (!told.is_empty()).then(|| told.join("; "));
    let audit = attend::note_interrupted(session, outcome, error)?;
    match pending {
        Some(pending) if is_stepping => undo::finish_interrupted(session, pending, audit)?,
        _ if has_happened => {
            let what = pending.as_ref().map_or("checkout", |pending| pending.what.as_str());
            let done = Done {
                kind: OperationKind::Checkout,
                what: format!("{what} (interrupted, and finished later)"),
                of: None,
                live: pending.as_ref().and_then(|pending| pending.live.clone()).or(swapped),
                audit,
            };
            Watch::resume(session)?.end(session, done)?;
        }
        _ => {}
    }
    if has_happened {
        notes.name_the_rest(session, None)?;
    }
    Pending::clear(session)
}

/// As [`finish_interrupted`]; where it cannot be finished, the user's wish to discard what is there ends it too: then
/// it is given up, and what the user asks for follows.
pub(super) fn finish_or_give_up(session: &mut Session<'_>, discard: bool) -> Result<(), Error> {
    match finish_interrupted(session) {
        Err(error) if discard => give_up(session, &error),
        other => other,
    }
}

fn give_up(session: &Session<'_>, error: &Error) -> Result<(), Error> {
    session.progress.warn(&format!(
        "an interrupted checkout could not be finished and is given up: {error}"
    ));
    let journal = session.repo.journal_path();
    if journal.exists() {
        Journal::drop_from(&journal)?;
    }
    clear_stages(session)?;
    attend::note_interrupted(session, Outcome::Failed, Some(error.to_string()))?;
    Pending::clear(session)
}

/// Whether a checkout that was not swapping when it was interrupted was through with that.
fn has_happened(session: &mut Session<'_>, pending: &Pending) -> Result<bool, Error> {
    if Watch::resume(session)?.has_moved(session)? {
        return Ok(true);
    }
    let Some(live) = &pending.live else { return Ok(false) };
    let options = CheckoutOptions {
        rev: live.to.to_string(),
        roots: pending.roots.clone(),
        paths: pending.paths.clone(),
        exact: pending.exact.clone(),
        discard: true,
        dry_run: true,
        cwd: pending.cwd.clone(),
        ..CheckoutOptions::default()
    };
    let report = perform(session, &options, Purpose::LiveOnly, &mut Unasked)?;
    Ok(report.plan.roots.is_empty())
}

/// Clears away what was only prepared.
fn clear_stages(session: &Session<'_>) -> Result<(), Error> {
    for root in &session.repo.config().roots {
        if has_stage(&root.path) {
            session.progress.warn(&format!(
                "removed what an interrupted checkout had prepared in {}",
                root.path.display()
            ));
            discard_stage(&root.path, pinning::pins_of(session, root).ok().as_ref())?;
        }
    }
    Ok(())
}

/// Finishes a swap that began. Returns where the live state went.
fn finish_swap(session: &mut Session<'_>, journal: &Journal) -> Result<Option<LiveMove>, Error> {
    let head = session.repo.history().head()?.commit();
    session.progress.warn(&format!(
        "a checkout of {} was interrupted; finishing it first",
        journal.name
    ));
    let options = CheckoutOptions {
        rev: journal.target.clone(),
        paths: journal.paths.clone(),
        roots: journal.roots.clone(),
        exact: journal.exact.clone(),
        discard: true,
        cwd: journal.cwd.clone(),
        ..CheckoutOptions::default()
    };
    let purpose = Purpose::Recovery(journal);
    let report = match perform(session, &options, purpose, &mut Unasked) {
        Ok(report) => report,
        // Whatever is wrong, the layers alone are enough.
        Err(_) => {
            let options = CheckoutOptions {
                without_pins: true,
                ..options
            };
            journal.seal(&session.repo.journal_path())?;
            perform(session, &options, purpose, &mut Unasked)?
        }
    };
    let saved = journal.before.as_deref().and_then(|id| id.parse().ok());
    Ok(report.target.commit.map(|to| LiveMove {
        from: saved.or(head),
        to,
        discarded: false,
    }))
}

/// Removes what killed processes left half-written, under the lock that the caller holds. Tells how many there were.
pub(super) fn clear_drafts(session: &Session<'_>) -> Result<usize, Error> {
    let in_history = clear_locks(session.repo.history())?;
    let in_layers = remove_stale_drafts(&session.repo.layers_dir())?;
    Ok(in_history + in_layers.len())
}
