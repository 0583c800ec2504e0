//! Finishing a checkout that was interrupted.

use std::time::Duration;

use super::Session;
use super::checkout::{CheckoutOptions, Purpose, perform};
use super::error::Error;
use crate::apply::journal::Journal;
use crate::fsx::atomic::remove_stale_drafts;

/// Finishes an interrupted checkout, if there is one. Takes the lock for that.
///
/// # Errors
/// What keeps it from being finished; the journal stays.
pub fn if_needed(session: &mut Session<'_>) -> Result<(), Error> {
    if !session.repo.journal_path().exists() {
        return Ok(());
    }
    let _lock = session.repo.lock(&session.purpose)?;
    finish_interrupted(session)
}

/// As [`if_needed`], under the lock that the caller holds. Also removes what killed processes left half-written.
pub(super) fn finish_interrupted(session: &mut Session<'_>) -> Result<(), Error> {
    /// Older git locks are of processes that died: envgit's own writers hold the repository's lock, and stock git
    /// holds one for an instant.
    const ABANDONED: Duration = Duration::from_secs(10);
    session.repo.history().clear_leftovers(ABANDONED)?;
    remove_stale_drafts(&session.repo.layers_dir())?;
    let Some(journal) = Journal::read(&session.repo.journal_path())? else {
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
        dry_run: false,
        cwd: journal.cwd.clone(),
    };
    perform(session, &options, Purpose::Recovery(&journal), &mut |_| true)?;
    Ok(())
}
