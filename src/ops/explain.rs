//! What a comparison tells besides what differs: the states of both sides, joined in `compare`.

use std::path::Path;

use super::Session;
use super::error::Error;
use super::imports;
use super::side::Side;
use crate::capture::system;
use crate::compare;
use crate::compare::state::RootState;
use crate::snapshot::change::{Changes, PackageChange};
use crate::snapshot::explanation::PackageStory;
use crate::snapshot::facts::SystemFacts;
use crate::snapshot::root::RootName;

/// Explains the differences of every root that holds packages.
///
/// # Errors
/// An inventory that is damaged.
pub(super) fn explain(
    session: Option<&Session<'_>>,
    from: &Side<'_>,
    to: &Side<'_>,
    changes: &mut Changes,
) -> Result<(), Error> {
    for root in changes.roots.iter_mut().filter(|root| root.kind.holds_packages()) {
        let before = state_with_imports(session, from, &root.root)?;
        let after = state_with_imports(session, to, &root.root)?;
        root.explanation = Some(compare::explain(&before, &after, root));
    }
    Ok(())
}

/// Why the packages of one root changed. `changes` are all of them.
///
/// # Errors
/// An inventory that is damaged.
pub(super) fn stories(
    from: &Side<'_>,
    to: &Side<'_>,
    root: &RootName,
    changes: &[PackageChange],
) -> Result<Vec<PackageStory>, Error> {
    Ok(compare::stories(
        &root_state(from, root)?,
        &root_state(to, root)?,
        changes,
    ))
}

/// What one side knows of a root, with what cannot be imported. Without a session there are no layers to read from.
pub(super) fn state_with_imports(
    session: Option<&Session<'_>>,
    side: &Side<'_>,
    root: &RootName,
) -> Result<RootState, Error> {
    let mut state = root_state(side, root)?;
    state.imports = imports::failing(session, side, root, &state)?;
    Ok(state)
}

/// What one side knows of a root, but for the files that nobody owns and for what needs the text of modules.
fn root_state(side: &Side<'_>, root: &RootName) -> Result<RootState, Error> {
    Ok(RootState {
        packages: side.packages(root)?,
        promises: side.promises(root)?,
        binaries: side.binaries(root)?,
        loose: Vec::new(),
        imports: Vec::new(),
        python: side.python(root),
        system: system_of(side),
        conda_history: side.conda_history(root)?,
    })
}

/// The machine on which a side was recorded; for the live state, this one.
pub(super) fn system_of(side: &Side<'_>) -> SystemFacts {
    match &side.manifest {
        Some(manifest) => manifest.system.clone(),
        None => system::facts(Path::new("/")),
    }
}
