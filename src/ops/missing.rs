//! What a clone of the history alone lacks is brought when a checkout needs it.

use super::Session;
use super::error::Error;
use super::remotes::source;
use crate::exchange::fetch::{self, Local};
use crate::exchange::parts;

/// Brings the contents that a commit needs and no layer here holds, if this is such a clone. Nothing else is brought:
/// `fetch --missing` completes.
pub(super) fn bring(session: &mut Session<'_>, rev: &str) -> Result<(), Error> {
    let remotes = &session.repo.config().remotes;
    let Some(remote) = remotes.values().find(|remote| remote.history_only).cloned() else {
        return Ok(());
    };
    let history = session.repo.history();
    // An unknown name is told of by the checkout.
    let Ok(commit) = history.resolve(rev) else {
        return Ok(());
    };
    let files: Vec<_> = history.inventory(commit)?.files.into_iter().collect();
    let local = Local {
        history,
        dir: session.repo.dir(),
    };
    let lacking = fetch::lacking_of(local, &files)?;
    if lacking.is_empty() {
        return Ok(());
    }
    let from = source(&remote.url, &session.env)?;
    let offer = from.offer(None)?;
    parts::contents(local, &from, &offer, &lacking, session.progress)?;
    session.repo.forget_layers();
    Ok(())
}
