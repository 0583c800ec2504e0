//! What pins have of a wanted state.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::prove::{Look, look, read_again, stands_as};
use super::record::{Pinned, Record};
use super::{Method, Pins, UnitId};
use crate::apply::parts::in_parts;
use crate::apply::untouched::foreign;
use crate::fsx::beneath::Beneath;
use crate::fsx::stamp::Stamp;
use crate::snapshot::entry::Entry;
use crate::snapshot::path::{RelPath, beneath};
use crate::snapshot::unit::UnitName;

/// A pinned tree with that of it which is as wanted.
pub struct Offered {
    /// Where it is.
    pub tree: PathBuf,
    /// Files, symlinks and directories that are as wanted, sorted by path. A directory is among them only if nothing
    /// else is in it.
    pub entries: Vec<Entry>,
    /// The stamp of each that is a file.
    stamps: Vec<Option<Stamp>>,
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

    /// Its files beneath a directory, with their inodes.
    pub fn files_beneath(&self, dir: &RelPath) -> impl Iterator<Item = (&Entry, u64)> {
        let (from, to) = beneath(&self.entries, dir.as_bytes(), |entry| entry.path.as_bytes());
        let entries = self.entries[from..to].iter().zip(&self.stamps[from..to]);
        entries.filter_map(|(entry, stamp)| stamp.map(|stamp| (entry, stamp.ino)))
    }

    /// The pinned file for a path.
    pub fn file(&self, path: &RelPath) -> Option<PinnedFile> {
        let at = self.entries.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        Some(PinnedFile {
            path: path.under(&self.tree),
            stamp: self.stamps[at]?,
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
        let mut is_good: Vec<bool> = looks.iter().map(|look| *look == Look::Same).collect();
        let is_doubtful = |at: &usize| looks[*at] == Look::Moved && needed(&record.files[*at].entry.path);
        let doubtful: Vec<usize> = (0..looks.len()).filter(is_doubtful).collect();
        const WORTH_A_RECORD: u64 = 1 << 20;
        if !doubtful.is_empty() {
            let pins: Vec<&Pinned> = doubtful.iter().map(|at| &record.files[*at]).collect();
            let bytes: u64 = pins.iter().map(|pin| pin.entry.size()).sum();
            for (at, stamp) in doubtful.iter().zip(read_again(&tree, &pins)) {
                if let Some(stamp) = stamp {
                    record.files[*at].stamp = stamp;
                    is_good[*at] = true;
                }
            }
            // Few bytes are read again sooner than the record is written.
            if bytes > WORTH_A_RECORD {
                let _ = record.write(&record_path);
            }
        }
        let files = record.files.into_iter().zip(is_good).filter(|(_, is_good)| *is_good);
        let files = files.map(|(pinned, _)| {
            let stamp = pinned.entry.file().map(|_| pinned.stamp);
            (pinned.entry, stamp)
        });
        let dirs = record.dirs.into_iter().filter(|dir| {
            let is_wanted = goal(&dir.path).is_some_and(|entry| entry.same_state(dir));
            is_wanted && stands_as(dir, &dir.path.under(&tree))
        });
        let mut found: Vec<(Entry, Option<Stamp>)> = files.chain(dirs.map(|dir| (dir, None))).collect();
        found.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        let is_known = |path: &[u8]| {
            let at = found.binary_search_by(|(entry, _)| entry.path.as_bytes().cmp(path));
            at.is_ok()
        };
        let dirs = found.iter().map(|(entry, _)| entry).filter(|entry| entry.is_dir());
        let dirs: Vec<&RelPath> = dirs.map(|entry| &entry.path).collect();
        let foreign: BTreeSet<Vec<u8>> = foreign(&tree, &dirs, &is_known)
            .into_iter()
            .flat_map(|path| path.ancestors().map(<[u8]>::to_vec).collect::<Vec<_>>())
            .collect();
        found.retain(|(entry, _)| !entry.is_dir() || !foreign.contains(entry.path.as_bytes()));
        let (entries, stamps) = found.into_iter().unzip();
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
