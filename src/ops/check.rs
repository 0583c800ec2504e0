//! `check`: everything that is wrong in one state.

use std::path::Path;

use super::Session;
use super::error::Error;
use super::explain::state_with_imports;
use super::inspect::with_side;
use super::pathspec::Selection;
use super::report::{CheckReport, RootFindings};
use super::side::Side;

/// Which state to check, and what of it.
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// The revision; the live state when absent.
    pub rev: Option<String>,
    /// Only these roots; all when empty.
    pub roots: Vec<String>,
}

/// Finds all problems of a state from what is recorded of it.
///
/// # Errors
/// An unknown revision or root.
pub fn check(session: &mut Session<'_>, options: &CheckOptions) -> Result<CheckReport, Error> {
    let selection = Selection::new(&session.repo.config().roots, &options.roots, &[], Path::new("/"))?;
    with_side(session, options.rev.as_deref(), |session, side| {
        findings(Some(session), side, &selection)
    })
}

/// The problems of one state.
pub(super) fn findings(
    session: Option<&Session<'_>>,
    side: &Side<'_>,
    selection: &Selection,
) -> Result<CheckReport, Error> {
    let mut roots = Vec::new();
    for (root, kind) in side.roots.iter().filter(|(_, kind)| kind.holds_packages()) {
        if !selection.has_root(root) {
            continue;
        }
        let mut state = state_with_imports(session, side, root)?;
        state.loose = side.loose_among_packages(root)?;
        roots.push(RootFindings {
            root: root.clone(),
            kind: *kind,
            packages: state.packages.iter().filter(|package| package.is_listed()).count() as u64,
            findings: crate::compare::check(&state),
        });
    }
    Ok(CheckReport {
        side: side.name.clone(),
        roots,
    })
}
