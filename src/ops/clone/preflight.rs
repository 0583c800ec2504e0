//! What is found out before a clone moves any bytes of layers: room, places, and whether this machine can run what was
//! recorded on another.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::places::is_empty;
use super::{ClonePlan, RootPlace};
use crate::exchange::fetch::free_space;
use crate::history::{CommitId, History};
use crate::ops::error::Error;
use crate::ops::explain::state_with_imports;
use crate::ops::side::Side;
use crate::snapshot::facts::SystemFacts;
use crate::snapshot::finding::Finding;
use crate::snapshot::root::RootName;

/// What speaks against a clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// It cannot be done; else it can, and may not work.
    pub is_fatal: bool,
    /// What, for people.
    pub what: String,
}

fn fatal(what: String) -> Obstacle {
    Obstacle { is_fatal: true, what }
}

/// Looks at the places and at the machine.
pub(super) fn obstacles(
    plan: &ClonePlan,
    side: &Side<'_>,
    repo_dir: &Path,
    here: &SystemFacts,
) -> Result<Vec<Obstacle>, Error> {
    let mut found = machine(side, here);
    if plan.history_only {
        return Ok(found);
    }
    for place in &plan.roots {
        found.extend(at_place(place));
    }
    for (at, place) in plan.roots.iter().enumerate() {
        if let Some(other) = plan.roots[..at].iter().find(|other| other.path == place.path) {
            found.push(fatal(format!(
                "{} and {} cannot both stand at {}",
                other.name,
                place.name,
                place.path.display()
            )));
        }
    }
    found.extend(room(plan, repo_dir)?);
    Ok(found)
}

/// Whether a root can be made there.
fn at_place(place: &RootPlace) -> Option<Obstacle> {
    let path = place.path.display();
    if !is_empty(&place.path) {
        return Some(fatal(format!(
            "{path} is not empty; choose another place: --root {}=PATH",
            place.name
        )));
    }
    let above = standing(&place.path);
    let access = rustix::fs::access(above, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    access.err().map(|_| {
        fatal(format!(
            "{path} cannot be made: {} cannot be written to by this user",
            above.display()
        ))
    })
}

/// The nearest folder above a path that is there.
fn standing(path: &Path) -> &Path {
    path.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"))
}

/// Room by file system: layers where they come to lie, files where the roots stand.
fn room(plan: &ClonePlan, repo_dir: &Path) -> Result<Vec<Obstacle>, Error> {
    let mut needed: BTreeMap<u64, (PathBuf, u64)> = BTreeMap::new();
    let mut add = |path: &Path, bytes: u64| {
        let dir = standing(path);
        let device = dir.metadata().map(|meta| meta.dev()).unwrap_or_default();
        needed.entry(device).or_insert_with(|| (dir.to_owned(), 0)).1 += bytes;
    };
    add(repo_dir, if plan.is_near { 0 } else { plan.layer_bytes });
    for place in &plan.roots {
        add(&place.path, place.bytes);
    }
    let mut found = Vec::new();
    for (dir, bytes) in needed.into_values() {
        let free = free_space(&dir)?;
        if bytes > free {
            found.push(fatal(format!(
                "the file system of {} needs {bytes} bytes and has {free}",
                dir.display()
            )));
        }
    }
    Ok(found)
}

/// What this machine lacks.
fn machine(side: &Side<'_>, here: &SystemFacts) -> Vec<Obstacle> {
    let Some(recorded) = side.manifest.as_ref().map(|manifest| &manifest.system) else {
        return Vec::new();
    };
    let holds_code = side.roots.values().any(|kind| kind.holds_packages());
    if !holds_code || recorded.arch == here.arch || recorded.arch.is_empty() {
        return Vec::new();
    }
    vec![fatal(format!(
        "it was recorded on {}, and this machine is {}: its programs cannot run here",
        recorded.arch, here.arch
    ))]
}

/// Problems of packages that this machine has and the recording one had not: a C library that is too old, a driver.
pub(super) fn findings(
    history: &History,
    commit: CommitId,
    here: &SystemFacts,
) -> Result<Vec<(RootName, Finding)>, Error> {
    let side = Side::of_commit(history, commit, "")?;
    let mut found = Vec::new();
    for (root, _) in side.roots.iter().filter(|(_, kind)| kind.holds_packages()) {
        let mut state = state_with_imports(None, &side, root)?;
        let before = crate::compare::check(&state);
        state.system = here.clone();
        let after = crate::compare::check(&state);
        let appeared = after.into_iter().filter(|finding| !before.contains(finding));
        found.extend(appeared.map(|finding| (root.clone(), finding)));
    }
    Ok(found)
}
