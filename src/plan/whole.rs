//! Directories that come or go whole, by one rename instead of one for every file. Pure, as all of planning.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use super::RootPlan;
use crate::snapshot::entry::Entry;
use crate::snapshot::path::{RelPath, beneath};

/// A directory of which everything changes at once. What is planned beneath it needs no step of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The directory.
    pub dir: RelPath,
    /// A directory stands there now and goes.
    pub takes: bool,
    /// How many paths are known to be beneath the one that goes. Another number means that somebody is at work there.
    pub holds: usize,
    /// Where the directory that comes stands now, complete.
    pub brings: Option<PathBuf>,
}

/// A tree that stands ready beside the root.
pub struct Offer<'a> {
    /// Where it is.
    pub tree: PathBuf,
    /// What is in it, as the target has it, sorted by path.
    pub entries: Vec<&'a Entry>,
}

/// What planning of whole directories looks at.
pub struct Ground<'a> {
    /// All that is live, sorted.
    pub live: &'a [Entry],
    /// Of each live entry, whether it belongs to a unit that differs.
    pub differs: Vec<bool>,
    /// The target's entries of the units that differ, sorted.
    pub goal: Vec<&'a Entry>,
    /// Directories that hold something outside version control.
    pub held: BTreeSet<RelPath>,
}

impl Ground<'_> {
    /// Which live entries are beneath a directory.
    pub(super) fn beneath(&self, dir: &RelPath) -> Range<usize> {
        let (from, to) = beneath(self.live, dir.as_bytes(), |entry| entry.path.as_bytes());
        from..to
    }
}

/// A rename of a directory is worth it from this many changed paths.
pub(super) const LEAST: usize = 2;

impl RootPlan {
    /// Plans directories that go whole: those of which nothing stays.
    pub fn take_whole(&mut self) {
        let mut removed: Vec<&RelPath> = self.remove_files.iter().chain(&self.remove_dirs).collect();
        removed.sort();
        for dir in self.remove_dirs.iter().rev() {
            if within(&self.whole, dir).is_none() {
                let (from, to) = beneath(&removed, dir.as_bytes(), |path| path.as_bytes());
                let whole = Whole {
                    dir: dir.clone(),
                    takes: true,
                    holds: to - from,
                    brings: None,
                };
                let at = self.whole.partition_point(|known| known.dir < *dir);
                self.whole.insert(at, whole);
            }
        }
    }

    /// Plans directories that come whole out of what is offered.
    pub fn bring_whole(&mut self, offers: &[Offer<'_>], ground: &Ground<'_>) {
        let touched: Vec<RelPath> = self.touched().into_iter().cloned().collect();
        for offer in offers {
            for dir in offer.entries.iter().filter(|entry| entry.is_dir()) {
                if within(&self.whole, &dir.path).is_none()
                    && let Some(takes) = self.fits(dir, offer, &touched, ground)
                {
                    self.add_whole(Whole {
                        dir: dir.path.clone(),
                        takes,
                        holds: ground.beneath(&dir.path).len(),
                        brings: Some(dir.path.under(&offer.tree)),
                    });
                }
            }
        }
        // What comes whole has the times and modes that it was recorded with.
        let mut settled = std::mem::take(&mut self.settle);
        {
            let whole_of = self.wholes();
            let comes = |dir: &RelPath| whole_of(dir).is_some_and(|whole| whole.brings.is_some() && whole.dir != *dir);
            settled.retain(|dir| !comes(&dir.path));
        }
        self.settle = settled;
        self.settle_above(ground);
    }

    /// What would have gone from within it goes with it.
    pub(super) fn add_whole(&mut self, whole: Whole) {
        self.whole.retain(|known| !known.dir.is_within(whole.dir.as_bytes()));
        let at = self.whole.partition_point(|known| known.dir < whole.dir);
        self.whole.insert(at, whole);
    }

    /// A directory that comes gives the one above it a new time, also where nothing there differs.
    pub(super) fn settle_above(&mut self, ground: &Ground<'_>) {
        let comes = |whole: &&Whole| whole.brings.is_some() || self.is_exchanged(whole);
        let coming = self.whole.iter().filter(comes);
        let above: BTreeSet<&[u8]> = coming.filter_map(|whole| whole.dir.parent()).collect();
        for dir in above {
            let in_goal = ground.goal.binary_search_by(|entry| entry.path.as_bytes().cmp(dir));
            let in_live = ground.live.binary_search_by(|entry| entry.path.as_bytes().cmp(dir));
            let entry = in_goal.map(|at| ground.goal[at]).or(in_live.map(|at| &ground.live[at]));
            if let Ok(entry) = entry {
                settle(&mut self.settle, entry);
            }
        }
    }

    /// Whether an offered directory is what the target has there, and nothing else of what is live stands in it. Tells
    /// whether a live one goes for it.
    fn fits(&self, dir: &Entry, offer: &Offer<'_>, touched: &[RelPath], ground: &Ground<'_>) -> Option<bool> {
        let path = dir.path.as_bytes();
        let (from, to) = beneath(touched, path, |path| path.as_bytes());
        let changes = to - from;
        if changes < LEAST {
            return None;
        }
        let (from, to) = beneath(&ground.goal, path, |entry| entry.path.as_bytes());
        let goal = &ground.goal[from..to];
        let (from, to) = beneath(&offer.entries, path, |entry| entry.path.as_bytes());
        let offered = &offer.entries[from..to];
        // Where little changes, what stays is not moved either.
        if changes * 2 < goal.len() || goal.len() != offered.len() {
            return None;
        }
        if !goal
            .iter()
            .zip(offered)
            .all(|(a, b)| a.path == b.path && a.same_state(b))
        {
            return None;
        }
        let at = ground.goal.binary_search_by(|entry| entry.path.cmp(&dir.path)).ok()?;
        if !ground.goal[at].same_state(dir) {
            return None;
        }
        self.gives_way(&dir.path, ground)
    }

    /// Whether all that is live in a directory may go with it: nothing that stays, or is outside version control. Tells
    /// whether one stands there.
    pub(super) fn gives_way(&self, dir: &RelPath, ground: &Ground<'_>) -> Option<bool> {
        let is_kept = ground.held.contains(dir) || self.kept.contains(dir);
        if is_kept || !ground.differs[ground.beneath(dir)].iter().all(|differs| *differs) {
            return None;
        }
        match ground.live.binary_search_by(|entry| entry.path.cmp(dir)) {
            Ok(at) => ground.live[at].is_dir().then_some(true),
            Err(_) => Some(false),
        }
    }

    /// Every path that changes, sorted.
    fn touched(&self) -> Vec<&RelPath> {
        let removed = self.remove_files.iter().chain(&self.remove_dirs);
        let made = self.make_dirs.iter().chain(&self.link).chain(&self.retouch);
        let placed = self.place.iter().map(|placement| &placement.entry);
        let mut touched: Vec<&RelPath> = removed.chain(made.chain(placed).map(|entry| &entry.path)).collect();
        // Of sorted lists one behind the other: a stable sort merges them.
        touched.sort();
        touched.dedup();
        touched
    }

    /// The directory that comes or goes whole and takes a path along.
    pub fn whole_of(&self, path: &RelPath) -> Option<&Whole> {
        within(&self.whole, path).map(|at| &self.whole[at])
    }

    /// The same for many paths, of which neighbours are mostly in one.
    pub fn wholes<'p>(&'p self) -> impl Fn(&RelPath) -> Option<&'p Whole> {
        let last = Cell::new(0);
        move |path| {
            let same = self.whole.get(last.get());
            let same = same.filter(|whole| path.is_within(whole.dir.as_bytes()));
            same.or_else(|| {
                let at = within(&self.whole, path)?;
                last.set(at);
                self.whole.get(at)
            })
        }
    }

    /// Whether a path is brought by a directory that comes whole.
    pub fn is_brought(&self, path: &RelPath) -> bool {
        self.whole_of(path).is_some_and(|whole| whole.brings.is_some())
    }

    /// The same for many paths, of which neighbours are mostly in one.
    pub fn brought(&self) -> impl Fn(&RelPath) -> bool {
        let whole_of = self.wholes();
        move |path| whole_of(path).is_some_and(|whole| whole.brings.is_some())
    }
}

/// Adds a directory to those that are settled, the deepest first, if it is not among them.
pub(super) fn settle(settled: &mut Vec<Entry>, dir: &Entry) {
    if let Err(at) = settled.binary_search_by(|known| dir.path.cmp(&known.path)) {
        settled.insert(at, dir.clone());
    }
}

/// The number of the directory among sorted ones, none within another, that a path is or lies beneath.
fn within(whole: &[Whole], path: &RelPath) -> Option<usize> {
    let mut sought = path.as_bytes();
    loop {
        let before = whole.partition_point(|known| known.dir.as_bytes() <= sought);
        let known = whole[..before].last()?;
        if path.is_within(known.dir.as_bytes()) {
            return Some(before - 1);
        }
        // One between, such as `a-b` for `a/x`: what is above the path and sorts before it begins both.
        let common = known.dir.as_bytes().iter().zip(sought).take_while(|(a, b)| a == b);
        let end = sought[..=common.count()].iter().rposition(|byte| *byte == b'/')?;
        sought = &sought[..end];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_directory_that_takes_a_path_along_is_found(
            dirs in prop::collection::btree_set("a-?(/a-?){0,2}", 0..6),
            path in "a-?(/a-?){0,3}",
        ) {
            let mut whole: Vec<Whole> = Vec::new();
            for dir in dirs {
                let dir = RelPath::new(dir).unwrap();
                if !whole.iter().any(|known| dir.is_within(known.dir.as_bytes())) {
                    whole.push(Whole { dir, takes: true, holds: 0, brings: None });
                }
            }
            let path = RelPath::new(path).unwrap();
            let expected = whole.iter().position(|known| path.is_within(known.dir.as_bytes()));
            prop_assert_eq!(within(&whole, &path), expected);
        }
    }
}
