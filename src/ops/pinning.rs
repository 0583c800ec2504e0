//! Keeping pins in step with what is live. They are a cache: what goes wrong here costs only speed, and is not told.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::Session;
use super::homes::Homes;
use super::live::Live;
use crate::apply::Parked;
use crate::apply::pins::{Known, Member, NoPins, Pins, UnitId};
use crate::capture::scan::LiveRoot;
use crate::cores;
use crate::fsx;
use crate::relocate::Placeholders;
use crate::snapshot::entry::Entry;
use crate::snapshot::path::beneath;
use crate::snapshot::root::{Root, RootName};
use crate::snapshot::unit::UnitName;

/// Which units are to be pinned.
pub(super) enum Which {
    /// All that have no pin in the state they are in.
    Missing,
    /// Those that a checkout changed, with what it knows of their pins.
    Changed {
        units: HashMap<RootName, BTreeSet<UnitName>>,
        known: HashMap<RootName, Known>,
    },
}

/// Where pins are.
pub(super) fn base(session: &Session<'_>) -> PathBuf {
    session.repo.dir().join("cache/pins")
}

/// The pins of a root.
pub(super) fn pins_of(session: &Session<'_>, root: &Root) -> Result<Pins, NoPins> {
    open(session, &session.viewpoint().homes, root)
}

fn open(session: &Session<'_>, homes: &Homes, root: &Root) -> Result<Pins, NoPins> {
    let form = homes.relocation(session.repo.config(), root, Placeholders::new);
    Pins::open(&base(session), &root.name, &root.path, &form.place())
}

/// The pins of roots. How files can be pinned is found out by trying, so they are opened once for all that is done.
pub(super) type AllPins = HashMap<RootName, Pins>;

/// The pins of all roots that can have some.
pub(super) fn all_pins(session: &Session<'_>) -> AllPins {
    let homes = session.viewpoint().homes;
    let roots = session.repo.config().roots.iter();
    let pins = roots.filter_map(|root| Some((root.name.clone(), open(session, &homes, root).ok()?)));
    pins.collect()
}

/// Pins live units. The stamps of files that got another name are brought up to date in `live`, which is to be saved.
pub(super) fn hold(session: &Session<'_>, all: &AllPins, live: &mut Live, mut which: Which) {
    if session.repo.config().pins.max_size == 0 {
        return;
    }
    for (number, root) in live.roots.iter_mut().enumerate() {
        let Some(pins) = all.get(&root.root.name) else {
            continue;
        };
        let known = match &mut which {
            Which::Missing => None,
            Which::Changed { known, .. } => known.remove(&root.root.name),
        };
        let known = Mutex::new(known);
        let wanted: HashMap<u32, (UnitName, UnitId)> = match &which {
            Which::Missing => {
                let missing = pins.missing(units(root));
                let missing: BTreeSet<&UnitName> = missing.into_iter().map(|(unit, _)| unit).collect();
                numbered(root, |unit| missing.contains(unit))
            }
            Which::Changed { units, .. } => match units.get(&root.root.name) {
                Some(changed) => numbered(root, |unit| changed.contains(unit)),
                None => HashMap::new(),
            },
        };
        let mut units: Vec<_> = members(root, |at| wanted.contains_key(&at)).into_iter().collect();
        // Taken from the end: the largest first, so that no thread is left alone with it.
        units.sort_unstable_by_key(|(at, members)| (members.len(), *at));
        let restamped = Mutex::new(Vec::new());
        let queue = Mutex::new(units);
        let work = || {
            let next = || queue.lock().ok().and_then(|mut queue| queue.pop());
            while let Some((at, members)) = next() {
                let (unit, id) = &wanted[&at];
                let known = known.lock().ok().and_then(|mut known| known.as_mut()?.take(unit, id));
                let stamps = pins.hold(unit, id, &members, known).unwrap_or_default();
                if let Ok(mut all) = restamped.lock() {
                    all.extend(stamps);
                }
            }
        };
        let threads = cores::count();
        std::thread::scope(|scope| {
            for _ in 0..threads.min(wanted.len()) {
                scope.spawn(work);
            }
        });
        for (at, stamp) in restamped.into_inner().unwrap_or_default() {
            root.state.marks[at].stamp = stamp;
            live.unsaved.insert(number);
        }
    }
}

/// Files away the pins of units that are live no longer, keeps pins within their bounds, and removes what waits for it, at
/// least as long as `is_waited_for` something else.
pub(super) fn tidy(session: &Session<'_>, all: &AllPins, live: &Live, after: After, is_waited_for: &dyn Fn() -> bool) {
    for root in &live.roots {
        if let Some(pins) = all.get(&root.root.name) {
            let _ = match after {
                After::Commit => pins.settle(units(root)),
                After::Checkout => pins.retire(units(root)),
            };
        }
    }
    super::pins::keep_within_bounds(session, all, live);
    let began = Instant::now();
    let patience = match after {
        After::Commit => Duration::from_millis(50),
        After::Checkout => Duration::from_millis(10),
    };
    Pins::sweep(&base(session), &|| began.elapsed() > patience && !is_waited_for());
}

/// What was done before pins are tidied.
#[derive(Clone, Copy)]
pub(super) enum After {
    /// Others took the files of units away, one by one: that is looked at now, so that a checkout needs not to.
    Commit,
    /// Whole directories went, for the most part. What is left to be looked at waits until it is needed: who goes back
    /// is in a hurry.
    Checkout,
}

/// Files away directories that a checkout took out of the live state `before`.
pub(super) fn put_by(all: &AllPins, before: &Live, parked: &[(RootName, Parked)]) {
    for (name, parked) in parked {
        let root = before.roots.iter().find(|live| live.root.name == *name);
        if let (Some(root), Some(pins)) = (root, all.get(name)) {
            // What stays in the stage goes with it.
            let _ = put_tree_by(pins, root, parked).and_then(|()| pins.discard(&parked.at));
        }
    }
}

/// Where a directory is of several units, those in it that are of one are filed away by themselves. What there is no use
/// for stays.
fn put_tree_by(pins: &Pins, root: &LiveRoot, parked: &Parked) -> Result<(), fsx::Error> {
    let entries = &root.state.entries;
    let Ok(at) = entries.binary_search_by(|entry| entry.path.cmp(&parked.dir)) else {
        return Ok(());
    };
    let (from, to) = beneath(entries, parked.dir.as_bytes(), |entry| entry.path.as_bytes());
    let unit = root.state.unit_of[at];
    let is_one = root.state.unit_of[from..to].iter().all(|other| *other == unit);
    if !is_one {
        let is_inner = |entry: &&Entry| entry.is_dir() && entry.path.parent() == Some(parked.dir.as_bytes());
        for inner in entries[from..to].iter().filter(is_inner) {
            let at = parked.at.join(OsStr::from_bytes(inner.path.file_name()));
            let dir = inner.path.clone();
            put_tree_by(pins, root, &Parked { dir, at })?;
        }
        return Ok(());
    }
    let known = root.state.units.get(unit as usize);
    match known.and_then(|unit| Some((&unit.name, unit.id?))) {
        Some((name, id)) => {
            let members: Vec<Member<'_>> = std::iter::once(at).chain(from..to).map(|at| member(root, at)).collect();
            pins.put_by(&parked.at, &parked.dir, name, &id, &members)
        }
        None => Ok(()),
    }
}

/// The units of a root with the git ids of their lists.
pub(super) fn units(root: &LiveRoot) -> impl Iterator<Item = (&UnitName, UnitId)> {
    root.state.units.iter().filter_map(|unit| Some((&unit.name, unit.id?)))
}

fn numbered(root: &LiveRoot, wanted: impl Fn(&UnitName) -> bool) -> HashMap<u32, (UnitName, UnitId)> {
    let units = (0u32..).zip(&root.state.units);
    let wanted = units.filter(|(_, unit)| wanted(&unit.name));
    wanted
        .filter_map(|(at, unit)| Some((at, (unit.name.clone(), unit.id?))))
        .collect()
}

fn member(root: &LiveRoot, at: usize) -> Member<'_> {
    let mark = &root.state.marks[at];
    Member {
        at,
        entry: &root.state.entries[at],
        stamp: mark.stamp,
        racy: mark.racy,
    }
}

/// The members of some units in one pass over the entries.
fn members(root: &LiveRoot, wanted: impl Fn(u32) -> bool) -> HashMap<u32, Vec<Member<'_>>> {
    let mut members: HashMap<u32, Vec<Member<'_>>> = HashMap::new();
    for (at, unit) in root.state.unit_of.iter().enumerate() {
        if wanted(*unit) {
            members.entry(*unit).or_default().push(member(root, at));
        }
    }
    members
}
