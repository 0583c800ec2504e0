//! What tells which directories may come and go whole.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStringExt as _;

use crate::capture::scan::LiveRoot;
use crate::ops::side::Differing;
use crate::plan::Ground;
use crate::service::processes::standing_beneath;
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::unit::UnitName;

/// What planning of whole directories looks at.
pub(super) fn ground<'a>(live: &'a LiveRoot, units: &'a Differing) -> Ground<'a> {
    let differing: BTreeSet<&UnitName> = units.older.iter().map(|(unit, _)| unit).collect();
    let differs: Vec<bool> = live
        .state
        .units
        .iter()
        .map(|unit| differing.contains(&unit.name))
        .collect();
    let differs = |unit: &u32| differs.get(*unit as usize).copied().unwrap_or(false);
    let mut goal: Vec<&Entry> = units.newer.iter().flat_map(|(_, list)| list).collect();
    // Of sorted lists one behind the other: a stable sort merges them.
    goal.sort_by(|a, b| a.path.cmp(&b.path));
    let mut held: BTreeSet<RelPath> = live
        .outside()
        .flat_map(|path| path.ancestors())
        .filter_map(|dir| RelPath::new(dir).ok())
        .collect();
    // Whoever stands in a folder, as the user's shell may, must not find itself in another one afterwards.
    for standing in stood_in(live) {
        held.extend(standing.ancestors().filter_map(|dir| RelPath::new(dir).ok()));
        held.insert(standing);
    }
    Ground {
        live: &live.state.entries,
        differs: live.state.unit_of.iter().map(differs).collect(),
        goal,
        held,
    }
}

/// The folders of a root in which processes stand.
fn stood_in(live: &LiveRoot) -> Vec<RelPath> {
    let Ok(top) = live.root.path.canonicalize() else {
        return Vec::new();
    };
    let folders = standing_beneath(&top).into_iter();
    folders
        .filter_map(|folder| RelPath::new(folder.into_os_string().into_vec()).ok())
        .collect()
}
