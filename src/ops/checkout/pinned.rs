//! What a checkout takes from pins: whole directories where it can, else single files.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};

use crate::apply::Pinned;
use crate::apply::pins::{Known, Offered, UnitId, Wanted};
use crate::capture::scan::LiveRoot;
use crate::compare::files::Units;
use crate::ops::Session;
use crate::ops::live::Live;
use crate::ops::pinning::pins_of;
use crate::ops::side::{ByRoot, Differing, Side};
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
    /// What was read of their records.
    pub(super) known: Option<Known>,
}

/// The search for what pins have of the target: on other threads, while all else is planned.
#[derive(Default)]
pub(super) struct Search<'scope>(HashMap<RootName, OfRoot<'scope>>);

/// What pins have, and what else is known of them now.
type Found = Option<(Vec<Offered>, Known)>;

struct OfRoot<'scope> {
    /// Where the thread waits for what the target has.
    goal: Sender<Arc<Differing>>,
    thread: ScopedJoinHandle<'scope, Found>,
}

impl<'scope> Search<'scope> {
    /// Begins it in all roots in which units are others than `goal` has them.
    pub(super) fn begin<'env>(
        scope: &'scope Scope<'scope, 'env>,
        session: &Session<'_>,
        live: &'env Live,
        goal: &'env Side<'_>,
    ) -> Self {
        let mut roots = HashMap::new();
        for live_root in &live.roots {
            let name = &live_root.root.name;
            let ids = goal.named_units(name, &live.inventory);
            let pins = (!ids.is_empty()).then(|| pins_of(session, &live_root.root));
            if let Some(Ok(pins)) = pins {
                let (sender, goal) = channel::<Arc<Differing>>();
                let search = move || {
                    let mut known = pins.known(&ids);
                    let names = Names::of(live_root);
                    // Whoever plans may find that there is nothing to plan.
                    let units = goal.recv().ok()?;
                    let is_needed = |entry: &Entry| {
                        let now = live_root.entry(entry.path.as_bytes());
                        now.is_none_or(|now| !now.same_state(entry))
                    };
                    let wanted = wanted(&ids, &units.newer);
                    let elsewhere = |ino, path: &_| names.has_other(ino, path);
                    Some((pins.offer(&mut known, &wanted, &is_needed, &elsewhere), known))
                };
                let thread = scope.spawn(search);
                roots.insert(name.clone(), OfRoot { goal: sender, thread });
            }
        }
        Self(roots)
    }

    /// Goes on with what is known now of the units that differ.
    pub(super) fn go_on(&self, differing: &ByRoot) {
        for (name, root) in &self.0 {
            if let Some(units) = differing.get(name) {
                // A thread that panicked tells that when it is joined.
                let _ = root.goal.send(units.clone());
            }
        }
    }

    /// What was found for a root.
    fn found(&mut self, root: &RootName) -> Found {
        let OfRoot { goal, thread } = self.0.remove(root)?;
        drop(goal);
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// The names of live inodes that have several, here or elsewhere, by inode.
struct Names<'a>(Vec<(u64, &'a RelPath)>);

impl<'a> Names<'a> {
    fn of(live: &'a LiveRoot) -> Self {
        let known = live.state.entries.iter().zip(&live.state.marks);
        let linked = known.filter(|(entry, mark)| mark.stamp.nlink > 1 && !entry.is_dir());
        let mut names: Vec<_> = linked.map(|(entry, mark)| (mark.stamp.ino, &entry.path)).collect();
        names.sort_unstable_by_key(|(ino, _)| *ino);
        Self(names)
    }

    /// Whether an inode is live at another path than this.
    fn has_other(&self, ino: u64, path: &RelPath) -> bool {
        let from = self.0.partition_point(|(known, _)| *known < ino);
        let mut names = self.0[from..].iter().take_while(|(known, _)| *known == ino);
        names.any(|(_, name)| *name != path)
    }
}

/// Plans with what pins have of the target. Directories come whole only with the `ground` for it.
pub(super) fn choose(
    search: &mut Search<'_>,
    live: &LiveRoot,
    plan: &mut RootPlan,
    ground: Option<&Ground<'_>>,
) -> FromPins {
    let mut from_pins = FromPins::default();
    if plan.place.is_empty() {
        return from_pins;
    }
    let Some((offers, known)) = search.found(&live.root.name) else {
        return from_pins;
    };
    from_pins.known = Some(known);
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

/// Units in the states that have these ids.
pub(super) fn wanted<'a>(ids: &[(UnitName, UnitId)], units: &'a Units) -> Vec<Wanted<'a>> {
    let ids: HashMap<&UnitName, UnitId> = ids.iter().map(|(unit, id)| (unit, *id)).collect();
    let wanted = units.iter().filter_map(|(unit, list)| {
        Some(Wanted {
            unit,
            id: *ids.get(unit)?,
            goal: list,
        })
    });
    wanted.collect()
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
