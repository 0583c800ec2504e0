//! What pins have of a wanted state.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::prove::{Look, look, read_again, stands_as};
use super::record::{Pinned, Record};
use super::{Method, Pins, UnitId};
use crate::apply::parts::in_parts;
use crate::apply::untouched::foreign;
use crate::fsx::beneath::Beneath;
use crate::fsx::stamp::Stamp;
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::unit::UnitName;

/// A pinned tree with that of it which is as wanted.
pub struct Offered {
    /// Where it is.
    pub tree: PathBuf,
    /// Files, symlinks and directories that are as wanted, sorted by path. A directory is among them only if nothing
    /// else is in it.
    pub entries: Vec<Entry>,
    /// The stamps of files.
    stamps: HashMap<RelPath, Stamp>,
    method: Method,
}

/// A pinned file that is what is wanted at its path.
#[derive(Clone, Debug)]
pub struct PinnedFile {
    /// Where it is.
    pub path: PathBuf,
    /// The stamp under which that was found.
    pub stamp: Stamp,
    /// How it is shared.
    pub method: Method,
}

impl Offered {
    /// Whether no other pin can have more of what is wanted.
    fn is_all_of(&self, goal: &[Entry]) -> bool {
        let sought = goal
            .iter()
            .filter(|entry| entry.file().is_none_or(|file| file.hardlink.is_none()));
        sought.count() == self.entries.len()
    }

    /// The inode of the pinned file for a path.
    pub fn inode(&self, path: &RelPath) -> Option<u64> {
        self.stamps.get(path).map(|stamp| stamp.ino)
    }

    /// The pinned file for a path.
    pub fn file(&self, path: &RelPath) -> Option<PinnedFile> {
        let stamp = *self.stamps.get(path)?;
        Some(PinnedFile {
            path: path.under(&self.tree),
            stamp,
            method: self.method,
        })
    }
}

/// What is wanted of one unit.
pub struct Wanted<'a> {
    /// The unit.
    pub unit: &'a UnitName,
    /// The state it shall have.
    pub id: UnitId,
    /// The entries of that state, sorted.
    pub goal: &'a [Entry],
}

impl Pins {
    /// What pins have of some units: of the wanted state, and of others in which a file is the same. Pins whose stamp
    /// moved are read if the path is `needed`. A pin is left out whose inode is live at another path, as `elsewhere`
    /// tells: the two would become one file.
    pub fn offer(
        &self,
        wanted: &[Wanted<'_>],
        needed: &dyn Fn(&RelPath) -> bool,
        elsewhere: &(dyn Fn(u64, &RelPath) -> bool + Sync),
    ) -> Vec<Offered> {
        let mut listing = self.listing();
        let mut offers = Vec::new();
        for want in wanted {
            let own = Self::name(want.unit, &want.id);
            let mut names = listing.remove(&super::flat(want.unit)).unwrap_or_default();
            names.reverse();
            names.sort_by_key(|(name, _)| *name != own);
            for (name, state) in names {
                let offered = self.offer_one(&name, state, want, needed, elsewhere);
                let is_all = offered.as_ref().is_some_and(|offered| offered.is_all_of(want.goal));
                offers.extend(offered);
                if is_all {
                    break;
                }
            }
        }
        offers
    }

    fn offer_one(
        &self,
        name: &str,
        state: &str,
        want: &Wanted<'_>,
        needed: &dyn Fn(&RelPath) -> bool,
        elsewhere: &(dyn Fn(u64, &RelPath) -> bool + Sync),
    ) -> Option<Offered> {
        let record_path = self.record_path(name, state);
        let mut record = Record::read(&record_path)?;
        let tree = self.tree(name);
        let goal = |path: &RelPath| {
            let at = want.goal.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
            Some(&want.goal[at])
        };
        let fits = |pinned: &Pinned| {
            let is_goal = goal(&pinned.entry.path).is_some_and(|entry| entry.same_state(&pinned.entry));
            is_goal && !elsewhere(pinned.stamp.ino, &pinned.entry.path)
        };
        let looks = in_parts(&record.files, |pins| {
            let mut beneath = Beneath::open(&tree).ok()?;
            let look = |pinned| {
                if fits(pinned) {
                    look(&mut beneath, pinned)
                } else {
                    Look::Lost
                }
            };
            Some(pins.iter().map(look).collect::<Vec<_>>())
        });
        let looks: Vec<Look> = looks.into_iter().collect::<Option<Vec<_>>>()?.concat();
        let mut good: Vec<usize> = Vec::new();
        let mut doubtful: Vec<usize> = Vec::new();
        for (at, look) in looks.into_iter().enumerate() {
            match look {
                Look::Same => good.push(at),
                Look::Moved if needed(&record.files[at].entry.path) => doubtful.push(at),
                Look::Moved | Look::Lost => {}
            }
        }
        const WORTH_A_RECORD: u64 = 1 << 20;
        if !doubtful.is_empty() {
            let pins: Vec<&Pinned> = doubtful.iter().map(|at| &record.files[*at]).collect();
            let bytes: u64 = pins.iter().map(|pin| pin.entry.size()).sum();
            for (at, stamp) in doubtful.iter().zip(read_again(&tree, &pins)) {
                if let Some(stamp) = stamp {
                    record.files[*at].stamp = stamp;
                    good.push(*at);
                }
            }
            good.sort_unstable();
            // Few bytes are read again sooner than the record is written.
            if bytes > WORTH_A_RECORD {
                let _ = record.write(&record_path);
            }
        }
        let mut stamps = HashMap::with_capacity(good.len());
        let mut entries = Vec::with_capacity(good.len() + record.dirs.len());
        for at in good {
            let pinned = &record.files[at];
            if pinned.entry.file().is_some() {
                stamps.insert(pinned.entry.path.clone(), pinned.stamp);
            }
            entries.push(pinned.entry.clone());
        }
        let mut dirs: Vec<Entry> = record.dirs;
        dirs.retain(|dir| {
            let is_wanted = goal(&dir.path).is_some_and(|entry| entry.same_state(dir));
            is_wanted && stands_as(dir, &dir.path.under(&tree))
        });
        entries.append(&mut dirs);
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let is_known = |path: &[u8]| {
            entries
                .binary_search_by(|entry| entry.path.as_bytes().cmp(path))
                .is_ok()
        };
        let dirs: Vec<&RelPath> = entries.iter().filter(|e| e.is_dir()).map(|e| &e.path).collect();
        let foreign: BTreeSet<Vec<u8>> = foreign(&tree, &dirs, &is_known)
            .into_iter()
            .flat_map(|path| path.ancestors().map(<[u8]>::to_vec).collect::<Vec<_>>())
            .collect();
        entries.retain(|entry| !entry.is_dir() || !foreign.contains(entry.path.as_bytes()));
        Some(Offered {
            tree,
            entries,
            stamps,
            method: self.method,
        })
    }

    /// Entries that are live under exactly the stamp of their pin: what a checkout had moved into place before it was
    /// interrupted needs not be read again.
    pub fn recognize(&self, wanted: &[Wanted<'_>]) -> Vec<(Entry, u64)> {
        let mut known = Vec::new();
        let Ok(mut live) = Beneath::open(&self.root) else {
            return known;
        };
        for want in wanted {
            let Some((record, _)) = self.record(&Self::name(want.unit, &want.id)) else {
                continue;
            };
            for pinned in record.files.iter().filter(|pinned| pinned.entry.file().is_some()) {
                if look(&mut live, pinned) == Look::Same {
                    known.push((pinned.entry.clone(), pinned.stamp.ino));
                }
            }
        }
        known
    }
}
