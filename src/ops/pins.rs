//! `pins`: what is kept to go back quickly, and how much of it.

use std::collections::{BTreeMap, BTreeSet};

use super::Session;
use super::error::Error;
use super::live::Live;
use super::pinning::{AllPins, base, pins_of, units};
use super::recover;
use crate::apply::pins::{Eviction, PinEntry, Pins};
use crate::history::History;
use crate::snapshot::root::RootName;

/// The pins of a repository.
#[derive(Clone, Debug)]
pub struct PinsReport {
    /// Root by root.
    pub roots: Vec<RootPins>,
    /// The bound.
    pub max_size: u64,
    /// Names that wait to be removed.
    pub has_trash: bool,
    /// What was removed, if that was asked for.
    pub evicted: Option<Eviction>,
}

/// The pins of one root.
#[derive(Clone, Debug)]
pub struct RootPins {
    /// The root.
    pub root: RootName,
    /// How files are pinned there, or why they are not.
    pub method: Result<&'static str, String>,
    /// The pins, oldest first, each with whether some commit has the unit in that state.
    pub pins: Vec<(PinEntry, bool)>,
}

/// What to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evict {
    /// What exceeds the bound.
    Bound,
    /// All but what is live, which takes no room.
    All,
}

/// Lists pins; removes some before, if asked.
///
/// # Errors
/// The history cannot be read; another process works on the repository.
pub fn pins(session: &mut Session<'_>, evict: Option<Evict>) -> Result<PinsReport, Error> {
    let mut evicted = None;
    if let Some(evict) = evict {
        let _lock = session.repo.lock(&session.purpose)?;
        recover::finish_interrupted(session)?;
        let bound = match evict {
            Evict::Bound => session.repo.config().pins.max_size,
            Evict::All => 0,
        };
        evicted = Some(remove(session, bound)?);
        sweep(session);
    }
    let referenced = referenced(session.repo.history())?;
    let roots = session.repo.config().roots.iter().map(|root| {
        let pins = pins_of(session, root);
        RootPins {
            root: root.name.clone(),
            method: match &pins {
                Ok(pins) => Ok(pins.method().as_str()),
                Err(error) => Err(error.to_string()),
            },
            pins: pins.map_or(Vec::new(), |pins| {
                let is_known = |pin: &PinEntry| referenced.contains(&key(&root.name, pin));
                let list = pins.list(true).into_iter();
                list.map(|pin| {
                    let known = is_known(&pin);
                    (pin, known)
                })
                .collect()
            }),
        }
    });
    Ok(PinsReport {
        roots: roots.collect(),
        max_size: session.repo.config().pins.max_size,
        has_trash: Pins::has_trash(&base(session)),
        evicted,
    })
}

/// After a commit or checkout: whether pins that are not live exceed the bound is known from their records alone; only
/// then is the history looked through.
pub(super) fn keep_within_bounds(session: &Session<'_>, all: &AllPins, live: &Live) {
    let bound = session.repo.config().pins.max_size;
    let mut held = 0;
    for root in &live.roots {
        let Some(pins) = all.get(&root.root.name) else {
            continue;
        };
        if units(root).next().is_some() {
            held += pins.held_bytes();
        }
    }
    if held > bound {
        let _ = remove(session, bound);
    }
}

/// Removes pins until the rest is within the bound: first those that no commit refers to, the oldest first.
fn remove(session: &Session<'_>, bound: u64) -> Result<Eviction, Error> {
    let referenced = referenced(session.repo.history())?;
    let mut candidates = Vec::new();
    let mut total = 0;
    for root in &session.repo.config().roots {
        let Ok(pins) = pins_of(session, root) else { continue };
        let _ = pins.drop_unknown();
        for pin in pins.list(true).into_iter().filter(|pin| !pin.is_live) {
            total += pin.own_bytes;
            let known = referenced.contains(&key(&root.name, &pin));
            candidates.push(((known, pin.time), root, pin));
        }
    }
    candidates.sort_by_key(|(age, ..)| *age);
    let mut evicted = Eviction::default();
    for (_, root, pin) in candidates {
        if total <= bound && bound > 0 {
            break;
        }
        if let Ok(pins) = pins_of(session, root) {
            pins.drop_pin(&pin)?;
        }
        total = total.saturating_sub(pin.own_bytes);
        evicted.pins += 1;
        evicted.bytes += pin.own_bytes;
    }
    Ok(evicted)
}

/// Frees what pins keep, when there is no room for a checkout.
pub(super) fn make_room(session: &Session<'_>) -> Result<Eviction, Error> {
    let evicted = remove(session, 0)?;
    sweep(session);
    Ok(evicted)
}

/// Removes all names that wait for it.
pub(super) fn sweep(session: &Session<'_>) {
    Pins::sweep(&base(session), &|| false);
}

fn key(root: &RootName, pin: &PinEntry) -> (String, String) {
    (format!("{root}/files/{}", pin.unit), pin.id.clone())
}

/// The units of all commits, as paths of inventories with the ids that stand there.
fn referenced(history: &History) -> Result<BTreeSet<(String, String)>, Error> {
    let tips: BTreeMap<_, _> = history.refs()?.into_iter().map(|known| (known.commit, ())).collect();
    let mut tips: Vec<_> = tips.into_keys().collect();
    tips.extend(history.head()?.commit());
    let mut all = BTreeSet::new();
    for info in history.walk(&tips)? {
        for (path, id) in history.inventory(info?.id)?.files {
            all.insert((String::from_utf8_lossy(&path).into_owned(), id.to_string()));
        }
    }
    Ok(all)
}
