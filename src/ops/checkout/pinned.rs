//! What a checkout takes from pins: whole directories where it can, else single files.

use std::collections::{BTreeSet, HashMap};

use crate::apply::Pinned;
use crate::apply::pins::{Offered, Pins, UnitId, Wanted};
use crate::capture::scan::LiveRoot;
use crate::compare::files::Units;
use crate::ops::Session;
use crate::ops::pinning::pins_of;
use crate::ops::side::{Differing, Side};
use crate::plan::{Ground, Offer, RootPlan};
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;
use crate::snapshot::unit::UnitName;

/// What one root takes from pins.
#[derive(Default)]
pub(super) struct FromPins {
    /// Files that are taken one by one.
    pub(super) files: Pinned,
    /// Files that come within whole directories, with their inodes.
    pub(super) brought: Vec<(Entry, u64)>,
}

/// Finds out what pins have of the target, and plans with it. Directories come whole only with the `ground` for it.
pub(super) fn choose(
    session: &Session<'_>,
    live: &LiveRoot,
    goal: &Side<'_>,
    units: &Differing,
    plan: &mut RootPlan,
    ground: Option<&Ground<'_>>,
) -> FromPins {
    let mut from_pins = FromPins::default();
    if plan.place.is_empty() {
        return from_pins;
    }
    let Ok(pins) = pins_of(session, &live.root) else {
        return from_pins;
    };
    let offers = offers(&pins, live, goal, &units.newer, plan);
    if let Some(ground) = ground {
        bring_whole(live, ground, plan, &offers);
    }
    let is_brought = plan.brought();
    for placement in &plan.place {
        let path = &placement.entry.path;
        if placement.entry.size() > 0
            && !is_brought(path)
            && let Some(pinned) = offers.iter().find_map(|offer| offer.file(path))
        {
            from_pins.files.insert(path.clone(), pinned);
        }
    }
    // All that is in them is another inode afterwards, also files that do not differ.
    for whole in &plan.whole {
        let from = whole.brings.as_ref();
        for offer in offers
            .iter()
            .filter(|offer| from.is_some_and(|from| from.starts_with(&offer.tree)))
        {
            let files = offer.files_beneath(&whole.dir);
            from_pins.brought.extend(files.map(|(entry, ino)| (entry.clone(), ino)));
        }
    }
    from_pins
}

fn offers(pins: &Pins, live: &LiveRoot, goal: &Side<'_>, newer: &Units, plan: &RootPlan) -> Vec<Offered> {
    let needed: BTreeSet<&RelPath> = plan.place.iter().map(|placement| &placement.entry.path).collect();
    // The one live name of each inode; none where there are several.
    let mut names: HashMap<u64, Option<&RelPath>> = HashMap::new();
    for (entry, mark) in live.state.entries.iter().zip(&live.state.marks) {
        if mark.stamp.nlink > 1 && !entry.is_dir() {
            let name = names.entry(mark.stamp.ino);
            name.and_modify(|name| *name = None).or_insert(Some(&entry.path));
        }
    }
    let elsewhere = |ino: u64, path: &RelPath| names.get(&ino).is_some_and(|name| *name != Some(path));
    let wanted = wanted(goal, &live.root.name, newer);
    pins.offer(&wanted, &|path| needed.contains(path), &elsewhere)
}

/// Units of a root in the state in which a commit has them.
pub(super) fn wanted<'a>(goal: &Side<'_>, root: &RootName, units: &'a Units) -> Vec<Wanted<'a>> {
    units
        .iter()
        .filter_map(|(unit, list)| {
            Some(Wanted {
                unit,
                id: id_of(goal, root, unit)?,
                goal: list,
            })
        })
        .collect()
}

fn id_of(side: &Side<'_>, root: &RootName, unit: &UnitName) -> Option<UnitId> {
    let path = format!("{root}/files/{unit}").into_bytes();
    side.files.get(&path).map(|id| *id.as_bytes())
}

fn bring_whole(live: &LiveRoot, ground: &Ground<'_>, plan: &mut RootPlan, offers: &[Offered]) {
    let offers: Vec<Offer<'_>> = offers
        .iter()
        .map(|offered| Offer {
            tree: offered.tree.clone(),
            entries: offered.entries.iter().collect(),
        })
        .collect();
    plan.bring_whole(&offers, ground);
    // What stands there without being live, as what is ignored does, would be in the way.
    let root = &live.root.path;
    plan.whole
        .retain(|whole| whole.takes || whole.brings.is_none() || whole.dir.under(root).symlink_metadata().is_err());
}
