//! The state before a checkout, recorded because no commit holds it.

use crate::history::{Expected, RefKind, RefName};
use crate::ops::Session;
use crate::ops::commit::{Words, absorb, changes_since, record};
use crate::ops::error::Error;
use crate::ops::live::Live;
use crate::ops::pinning;
use crate::ops::report::Autosave;
use crate::snapshot::change::{Changes, RootChanges};
/// Whether no path differs.
pub(super) fn files_are_equal(changes: &Changes) -> bool {
    changes.roots.iter().all(|root: &RootChanges| root.files.is_empty())
}

/// Records the live state under `refs/autosave/N`, unless the newest autosave is equal to it.
pub(super) fn autosave(session: &mut Session<'_>, live: &mut Live) -> Result<Autosave, Error> {
    let history = session.repo.history();
    let numbers = history
        .refs()?
        .into_iter()
        .filter(|known| known.kind() == RefKind::Autosave);
    let numbered = numbers.filter_map(|known| Some((known.number()?, known.commit)));
    let newest = numbered.max();
    if let Some((number, commit)) = newest
        && files_are_equal(&changes_since(session, Some(commit), live)?)
    {
        return Ok(Autosave {
            name: format!("autosave/{number}"),
            commit,
        });
    }
    let parent = history.head()?.commit();
    let changes = changes_since(session, parent, live)?;
    let layer = absorb(session, live)?;
    if !live.failures.is_empty() {
        return Err(Error::Unsaved(live.failures.clone()));
    }
    let message = format!("Autosave: {}", crate::compare::describe(&changes));
    // Never signed: an emergency must not wait for a passphrase, and nobody vouches for it.
    let words = Words {
        message: &message,
        key: None,
    };
    let (commit, _) = record(session, live, layer, parent, words)?;
    let history = session.repo.history();
    let number = history.next_number(RefKind::Autosave)?;
    let name = RefName::autosave(&number.to_string())?;
    let note = session.note(message);
    history.set_ref(&name, commit, Expected::Absent, &note)?;
    pinning::hold(session, live, &pinning::Which::Missing);
    live.save_while(&session.viewpoint(), |_| ());
    Ok(Autosave {
        name: name.short_name().to_owned(),
        commit,
    })
}
