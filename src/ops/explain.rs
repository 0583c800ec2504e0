//! What a comparison tells besides what differs: the states of both sides, joined in `compare`.

use std::path::Path;

use super::Session;
use super::error::Error;
use super::imports;
use super::side::Side;
use crate::capture::system;
use crate::compare;
use crate::compare::state::RootState;
use crate::snapshot::change::Changes;
use crate::snapshot::facts::SystemFacts;
use crate::snapshot::root::RootName;

/// Explains the differences of every root that holds packages.
///
/// # Errors
/// An inventory that is damaged.
pub(super) fn explain(
    session: &Session<'_>,
    from: &Side<'_>,
    to: &Side<'_>,
    changes: &mut Changes,
) -> Result<(), Error> {
    for root in changes.roots.iter_mut().filter(|root| root.kind.holds_packages()) {
        let (before, after) = (
            root_state(session, from, &root.root)?,
            root_state(session, to, &root.root)?,
        );
        root.explanation = Some(compare::explain(&before, &after, root));
    }
    Ok(())
}

/// What one side knows of a root, but for the files that nobody owns.
pub(super) fn root_state(session: &Session<'_>, side: &Side<'_>, root: &RootName) -> Result<RootState, Error> {
    let mut state = RootState {
        packages: side.packages(root)?,
        promises: side.promises(root)?,
        binaries: side.binaries(root)?,
        loose: Vec::new(),
        imports: Vec::new(),
        python: side.python(root),
        system: system_of(side),
        conda_history: side.conda_history(root)?,
    };
    state.imports = imports::failing(session, side, root, &state)?;
    Ok(state)
}

/// The machine on which a side was recorded; for the live state, this one.
fn system_of(side: &Side<'_>) -> SystemFacts {
    match &side.manifest {
        Some(manifest) => manifest.system.clone(),
        None => system::facts(Path::new("/")),
    }
}
