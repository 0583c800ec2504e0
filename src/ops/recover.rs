//! Finishing a checkout that was interrupted.

use std::time::{Duration, Instant};

use super::checkout::{CheckoutOptions, Purpose, perform};
use super::error::Error;
use super::{Session, pinning};
use crate::apply::journal::Journal;
use crate::apply::{discard_stage, has_stage};
use crate::fsx::atomic::remove_stale_drafts;

/// Finishes an interrupted checkout, if there is one, and removes what one left that had not begun to swap. Takes the
/// lock for that; while another process holds it, that process is at work and nothing is amiss.
///
/// # Errors
/// What keeps it from being finished; the journal stays.
pub fn if_needed(session: &mut Session<'_>) -> Result<(), Error> {
    let roots = &session.repo.config().roots;
    if !session.repo.journal_path().exists() && !roots.iter().any(|root| has_stage(&root.path)) {
        return Ok(());
    }
    match session.repo.try_lock(&session.purpose)? {
        Some(_lock) => finish_interrupted(session),
        None => Ok(()),
    }
}

/// Removes the ref locks of processes that died. envgit's own writers hold the repository's lock, so another git
/// client is the only one that may hold one, for an instant: what is younger is waited for, so that nothing that was
/// interrupted stays so because of it.
fn clear_locks(session: &Session<'_>) -> Result<(), Error> {
    const ABANDONED: Duration = Duration::from_secs(1);
    const PAUSE: Duration = Duration::from_millis(20);
    let give_up = Instant::now() + ABANDONED + PAUSE;
    loop {
        session.repo.history().clear_leftovers(ABANDONED)?;
        if !session.repo.history().has_locks()? || Instant::now() > give_up {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
}

/// As [`if_needed`], under the lock that the caller holds. Also removes what killed processes left half-written.
pub(super) fn finish_interrupted(session: &mut Session<'_>) -> Result<(), Error> {
    clear_locks(session)?;
    remove_stale_drafts(&session.repo.layers_dir())?;
    let Some(journal) = Journal::read(&session.repo.journal_path())? else {
        for root in &session.repo.config().roots {
            if has_stage(&root.path) {
                session.progress.warn(&format!(
                    "removed what an interrupted checkout had prepared in {}",
                    root.path.display()
                ));
                discard_stage(&root.path, pinning::pins_of(session, root).ok().as_ref())?;
            }
        }
        return Ok(());
    };
    session.progress.warn(&format!(
        "a checkout of {} was interrupted; finishing it first",
        journal.name
    ));
    let options = CheckoutOptions {
        rev: journal.target.clone(),
        branch: None,
        paths: journal.paths.clone(),
        roots: journal.roots.clone(),
        discard: true,
        cwd: journal.cwd.clone(),
        ..CheckoutOptions::default()
    };
    let purpose = Purpose::Recovery(&journal);
    if perform(session, &options, purpose, &mut |_| true).is_ok() {
        return Ok(());
    }
    // Whatever is wrong, the layers alone are enough.
    let options = CheckoutOptions {
        without_pins: true,
        ..options
    };
    journal.seal(&session.repo.journal_path())?;
    perform(session, &options, purpose, &mut |_| true)?;
    Ok(())
}
