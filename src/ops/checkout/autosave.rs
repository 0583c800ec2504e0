//! The state before a checkout, recorded because no commit holds it.

use crate::history::{Expected, RefKind, RefName};
use crate::ops::Session;
use crate::ops::error::Error;
use crate::ops::live::Live;
use crate::ops::pinning;
use crate::ops::record::{Words, absorb, changes_since, keep, record};
use crate::ops::report::Autosave;
use crate::snapshot::change::{Changes, RootChanges};

/// Whether no path differs.
pub(super) fn files_are_equal(changes: &Changes) -> bool {
    changes.roots.iter().all(|root: &RootChanges| root.files.is_empty())
}

/// How many autosaves are compared with the live state, at most.
const COMPARED: usize = 8;

/// Records the live state under `refs/autosave/N`, unless an autosave at hand is equal to it: the newest, or one that was
/// made from the same HEAD. So who goes to and fro with a file that no commit holds gets one for each state.
pub(super) fn autosave(session: &mut Session<'_>, live: &mut Live) -> Result<Autosave, Error> {
    if let Some(known) = equal_one(session, live)? {
        return Ok(known);
    }
    let history = session.repo.history();
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
    let layer = keep(session, layer)?;
    let (commit, _) = record(session, live, layer, parent.as_slice(), words)?;
    let history = session.repo.history();
    let number = history.next_number(RefKind::Autosave)?;
    let name = RefName::autosave(&number.to_string())?;
    let note = session.note(message);
    history.set_ref(&name, commit, Expected::Absent, &note)?;
    pinning::hold(session, &pinning::all_pins(session), live, pinning::Which::Missing);
    live.save_while(&session.viewpoint(), |_, _| ());
    Ok(Autosave {
        name: name.short_name().to_owned(),
        commit,
    })
}

fn equal_one(session: &Session<'_>, live: &Live) -> Result<Option<Autosave>, Error> {
    let history = session.repo.history();
    let head = history.head()?.commit();
    let known = history.refs()?.into_iter();
    let autosaves = known.filter(|known| known.kind() == RefKind::Autosave);
    let mut numbered: Vec<_> = autosaves
        .filter_map(|known| Some((known.number()?, known.commit)))
        .collect();
    numbered.sort_unstable_by(|a, b| b.cmp(a));
    let mut compared = 0;
    for (place, (number, commit)) in numbered.into_iter().enumerate() {
        if place > 0 && history.commit_info(commit)?.parents.first().copied() != head {
            continue;
        }
        if files_are_equal(&changes_since(session, Some(commit), live)?) {
            let name = format!("autosave/{number}");
            return Ok(Some(Autosave { name, commit }));
        }
        compared += 1;
        if compared == COMPARED {
            break;
        }
    }
    Ok(None)
}
