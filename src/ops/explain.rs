//! What a comparison tells besides what differs: the states of both sides, joined in `compare`.

use std::path::Path;

use super::error::Error;
use super::side::Side;
use crate::capture::system;
use crate::compare;
use crate::compare::state::RootState;
use crate::snapshot::change::{Changes, PackageChange};
use crate::snapshot::explanation::{Explanation, PackageStory};
use crate::snapshot::facts::SystemFacts;
use crate::snapshot::root::RootName;

/// Explains the differences of every root that holds packages.
///
/// # Errors
/// An inventory that is damaged.
pub(super) fn explain(from: &Side<'_>, to: &Side<'_>, changes: &Changes) -> Result<Vec<Explanation>, Error> {
    let roots = changes.roots.iter().filter(|root| root.kind.holds_packages());
    let explain = |root: &crate::snapshot::change::RootChanges| {
        let before = root_state(from, &root.root)?;
        let after = root_state(to, &root.root)?;
        Ok(compare::explain(&before, &after, root))
    };
    roots.map(explain).collect()
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

/// What one side knows of a root, but for the files that nobody owns.
pub(super) fn root_state(side: &Side<'_>, root: &RootName) -> Result<RootState, Error> {
    Ok(RootState {
        packages: side.packages(root)?,
        promises: side.promises(root)?,
        binaries: Vec::new(),
        loose: Vec::new(),
        python: side.python(root),
        system: system_of(side),
        conda_history: side.conda_history(root)?,
    })
}

/// The machine on which a side was recorded; for the live state, this one.
fn system_of(side: &Side<'_>) -> SystemFacts {
    match &side.manifest {
        Some(manifest) => manifest.system.clone(),
        None => system::facts(Path::new("/")),
    }
}
