//! Two sides compared: which units differ, and what the differences are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Side, parse, part};
use crate::compare;
use crate::compare::files::Units;
use crate::history::BlobId;
use crate::ops::error::Error;
use crate::ops::live::{Live, PACKAGES};
use crate::ops::pathspec::Selection;
use crate::snapshot::change::{Changes, RootChanges};
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::{Kind, RootName};

/// The units of one root that are not the same on both sides.
#[derive(Default)]
pub(in crate::ops) struct Differing {
    pub(in crate::ops) older: Units,
    pub(in crate::ops) newer: Units,
    /// Files of the newer side that lost setuid or setgid, as they are recorded.
    pub(in crate::ops) tamed: Vec<Entry>,
}

/// Finds them.
pub(in crate::ops) fn differing_units(from: &Side<'_>, to: &Side<'_>, root: &RootName) -> Result<Differing, Error> {
    let (a, b) = (from.unit_ids(root), to.unit_ids(root));
    let only = |side: &Side<'_>, mine: &BTreeMap<&[u8], BlobId>, other: &BTreeMap<&[u8], BlobId>| {
        let differing = mine.iter().filter(|(unit, id)| other.get(*unit) != Some(id));
        side.units(root, differing.map(|(unit, id)| (*unit, *id)))
    };
    let [mut older, mut newer] = parse([(from, only(from, &a, &b)?), (to, only(to, &b, &a)?)])?;
    let tamed = from.live.map(|live| tame(live, root, &mut newer));
    if let Some(live) = to.live {
        tame(live, root, &mut older);
    }
    Ok(Differing {
        older,
        newer,
        tamed: tamed.unwrap_or_default(),
    })
}

/// Takes from files of a commit the setuid and setgid bits that it may not give: those that the live file of the same
/// content does not have. Gives those files as they are recorded.
fn tame(live: &Live, root: &RootName, units: &mut Units) -> Vec<Entry> {
    let mut tamed = Vec::new();
    if live.keeps_setuid {
        return tamed;
    }
    let live = live.root(root.as_str().as_bytes());
    let has = |entry: &Entry| {
        let now = live.and_then(|root| root.entry(entry.path.as_bytes()));
        now.is_some_and(|now| now.mode == entry.mode && now.node == entry.node)
    };
    for entry in units.iter_mut().flat_map(|(_, entries)| entries) {
        if is_setuid(entry) && !has(entry) {
            tamed.push(entry.clone());
            entry.mode &= !SETUID;
        }
    }
    tamed
}

/// The bits by which a program runs with the rights of its owner or group.
const SETUID: u32 = 0o6000;

/// A file that runs with the rights of its owner or group. Of a folder, setgid says whose group new files are.
fn is_setuid(entry: &Entry) -> bool {
    entry.file().is_some() && entry.mode & SETUID != 0
}

/// The units that are not the same, by root: of every root that a selection has part of.
pub(in crate::ops) type ByRoot = BTreeMap<RootName, Arc<Differing>>;

/// Finds them.
pub(in crate::ops) fn differing(from: &Side<'_>, to: &Side<'_>, selection: &Selection) -> Result<ByRoot, Error> {
    let names: BTreeSet<&RootName> = from.roots.keys().chain(to.roots.keys()).collect();
    let names = names.into_iter().filter(|root| selection.has_root(root));
    let of_root = |root: &RootName| Ok((root.clone(), Arc::new(differing_units(from, to, root)?)));
    names.map(of_root).collect()
}

/// All differences within a selection.
pub(in crate::ops) fn compare(from: &Side<'_>, to: &Side<'_>, selection: &Selection) -> Result<Changes, Error> {
    compare_by_unit(from, to, selection, &differing(from, to, selection)?)
}

/// The same, where it is known in which units they are.
pub(in crate::ops) fn compare_by_unit(
    from: &Side<'_>,
    to: &Side<'_>,
    selection: &Selection,
    units: &ByRoot,
) -> Result<Changes, Error> {
    let mut changes = Changes::default();
    for (root, differing) in units {
        let kind = to
            .roots
            .get(root)
            .or(from.roots.get(root))
            .copied()
            .unwrap_or(Kind::Project);
        let mut found = RootChanges {
            root: root.clone(),
            kind,
            packages: Vec::new(),
            configs: compare_configs(from, to, root, selection)?,
            files: Vec::new(),
            explanation: None,
        };
        let packages = part(root, PACKAGES);
        if selection.is_everything_in(root) && from.files.get(&packages) != to.files.get(&packages) {
            found.packages = compare::packages(&from.packages(root)?, &to.packages(root)?);
        }
        found.files = compare::files(&differing.older, &differing.newer);
        found.files.retain(|change| selection.has_path(root, change.path()));
        if !found.is_empty() {
            changes.roots.push(found);
        }
    }
    if selection.is_everything() {
        changes.vars = compare::vars(&from.vars, &to.vars);
    }
    Ok(changes)
}

fn compare_configs(
    from: &Side<'_>,
    to: &Side<'_>,
    root: &RootName,
    selection: &Selection,
) -> Result<Vec<crate::snapshot::change::ConfigChange>, Error> {
    let (a, b) = (from.configs(root), to.configs(root));
    let mut paths: Vec<&[u8]> = a.keys().chain(b.keys()).copied().collect();
    paths.sort_unstable();
    paths.dedup();
    let mut changes = Vec::new();
    for path in paths {
        let (old, new) = (a.get(path).copied(), b.get(path).copied());
        let Ok(plain) = RelPath::new(path) else { continue };
        if old == new || !selection.has_path(root, &plain) {
            continue;
        }
        let full = [&part(root, "configs/"), path].concat();
        let text = |side: &Side<'_>, id: Option<BlobId>| id.map(|id| side.text(&full, id)).transpose();
        let (old, new) = (text(from, old)?, text(to, new)?);
        changes.extend(compare::config(&plain, old.as_deref(), new.as_deref()));
    }
    Ok(changes)
}
