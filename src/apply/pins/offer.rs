//! What pins have of a wanted state.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::prove::{Look, is_as, look, read_again};
use super::record::{Pinned, Record};
use super::{Method, Pins, UnitId};
use crate::apply::parts::in_parts;
use crate::apply::untouched::foreign;
use crate::fsx::beneath::Beneath;
use crate::fsx::stamp::Stamp;
use crate::fsx::xattrs;
use crate::snapshot::entry::{Entry, Xattr};
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

/// What is on disk of the pins of a root, with the records of some read: it takes a while, and needs no more than names.
pub struct Known {
    listing: HashMap<String, Vec<(String, &'static str)>>,
    records: HashMap<String, Remembered>,
}

/// The record of a pin, in memory.
pub struct Remembered {
    pub(super) record: Record,
    /// The state in which it is on disk.
    pub(super) state: &'static str,
    /// What is on disk says the same.
    pub(super) is_written: bool,
}

impl Known {
    /// The record of a unit in a state, if it was read.
    pub fn take(&mut self, unit: &UnitName, id: &UnitId) -> Option<Remembered> {
        self.records.remove(&Pins::name(unit, id))
    }
}

impl Pins {
    /// Reads what is known of some units in the states that are wanted.
    pub fn known(&self, wanted: &[(UnitName, UnitId)]) -> Known {
        let listing = self.listing();
        let own = wanted.iter().filter_map(|(unit, id)| {
            let own = Self::name(unit, id);
            let (_, state) = listing.get(&super::flat(unit))?.iter().find(|(name, _)| *name == own)?;
            Some((self.remembered(&own, state)?, own))
        });
        let records = own.map(|(record, name)| (name, record)).collect();
        Known { listing, records }
    }

    fn remembered(&self, name: &str, state: &'static str) -> Option<Remembered> {
        Some(Remembered {
            record: Record::read(&self.record_path(name, state))?,
            state,
            is_written: true,
        })
    }

    /// What pins have of some units: of the wanted state, and of others in which a file is the same. Pins whose stamp
    /// moved are read if the file is `needed`. A pin is left out whose inode is live at another path, as `elsewhere`
    /// tells: the two would become one file.
    pub fn offer(
        &self,
        known: &mut Known,
        wanted: &[Wanted<'_>],
        needed: &dyn Fn(&Entry) -> bool,
        elsewhere: &(dyn Fn(u64, &RelPath) -> bool + Sync),
    ) -> Vec<Offered> {
        let mut offers = Vec::new();
        for want in wanted {
            let own = Self::name(want.unit, &want.id);
            let mut names = known.listing.remove(&super::flat(want.unit)).unwrap_or_default();
            names.reverse();
            names.sort_by_key(|(name, _)| *name != own);
            for (name, state) in names {
                let pin = known.records.remove(&name).or_else(|| self.remembered(&name, state));
                let Some(mut pin) = pin else { continue };
                let offered = self.offer_one(&name, &mut pin, want, needed, elsewhere);
                if name == own {
                    known.records.insert(name, pin);
                }
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
        pin: &mut Remembered,
        want: &Wanted<'_>,
        needed: &dyn Fn(&Entry) -> bool,
        elsewhere: &(dyn Fn(u64, &RelPath) -> bool + Sync),
    ) -> Option<Offered> {
        let (tree, record) = (self.tree(name), &mut pin.record);
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
        let is_doubtful = |at: &usize| looks[*at] == Look::Moved && needed(&record.files[*at].entry);
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
            pin.is_written = bytes > WORTH_A_RECORD && record.write(&self.record_path(name, pin.state)).is_ok();
        }
        let files = record.files.iter().zip(is_good).filter(|(_, is_good)| *is_good);
        let files = files.map(|(pinned, _)| {
            let stamp = pinned.entry.file().map(|_| pinned.stamp);
            (pinned.entry.clone(), stamp)
        });
        let stand = in_parts(&record.dirs, |dirs| {
            let mut beneath = Beneath::open(&tree).ok()?;
            let stands = |dir: &Entry| {
                let is_wanted = goal(&dir.path).is_some_and(|entry| entry.same_state(dir));
                is_wanted
                    && beneath.stamp(&dir.path).is_some_and(|now| is_as(dir, &now))
                    && xattrs::of_path(&dir.path.under(&tree))
                        .is_ok_and(|now| now.into_iter().map(Xattr::from).eq(dir.xattrs.iter().cloned()))
            };
            Some(dirs.iter().map(stands).collect::<Vec<_>>())
        });
        let stand = stand.into_iter().collect::<Option<Vec<_>>>()?.concat();
        let dirs = record.dirs.iter().zip(stand);
        let dirs = dirs.filter(|(_, stands)| *stands).map(|(dir, _)| dir.clone());
        let mut found: Vec<(Entry, Option<Stamp>)> = files.chain(dirs.map(|dir| (dir, None))).collect();
        found.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        let dirs = found.iter().map(|(entry, _)| entry).filter(|entry| entry.is_dir());
        let dirs: Vec<&RelPath> = dirs.map(|entry| &entry.path).collect();
        let foreign: BTreeSet<Vec<u8>> = foreign(&tree, &dirs, &found, |(entry, _)| entry.path.as_bytes())
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
