//! Pinning what is live.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::holding::Holding;
use super::offer::Remembered;
use super::prove::{Look, look, read_again, same_inode_state, stands_as};
use super::record::{Pinned, Record};
use super::{HELD, LIVE, LONGEST_NAME, Method, Pins, UnitId};
use crate::apply::parts::in_parts;
use crate::fsx::beneath::Beneath;
use crate::fsx::stamp::Stamp;
use crate::fsx::{self, Error};
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::unit::UnitName;

/// A live entry of a unit.
pub struct Member<'a> {
    /// Its number among all entries of the root.
    pub at: usize,
    /// What it is.
    pub entry: &'a Entry,
    /// The stamp under which that is true.
    pub stamp: Stamp,
    /// A write could hide behind that stamp.
    pub racy: bool,
}

/// New stamps of live files, by number: another name changes the ctime of an inode.
pub type Restamped = Vec<(usize, Stamp)>;

impl Pins {
    /// Units that are not pinned in the state they are in.
    pub fn missing<'u>(&self, units: impl Iterator<Item = (&'u UnitName, UnitId)>) -> Vec<(&'u UnitName, UnitId)> {
        let known: HashSet<String> = self
            .listing()
            .into_values()
            .flatten()
            .filter(|(_, state)| *state == LIVE)
            .map(|(name, _)| name)
            .collect();
        units
            .filter(|(unit, id)| unit.as_str().len() <= LONGEST_NAME && !known.contains(&Self::name(unit, id)))
            .collect()
    }

    /// Pins a unit as it is live. Files that are pinned already stay, names put by are used again, the rest is linked. What
    /// is `known` of its pin needs not be read again.
    ///
    /// # Errors
    /// What the file system refused; the pin is then incomplete.
    pub fn hold(
        &self,
        unit: &UnitName,
        id: &UnitId,
        members: &[Member<'_>],
        known: Option<Remembered>,
    ) -> Result<Restamped, Error> {
        let name = Self::name(unit, id);
        let tree = self.tree(&name);
        let is_written = known.as_ref().is_none_or(|known| known.is_written);
        let known = known.map(|known| (known.record, known.state));
        let own = match known.or_else(|| self.record(&name)) {
            Some(own) => Some(own),
            None => self.take_over(unit, &name, members)?.map(|record| (record, LIVE)),
        };
        fsx::create_dir_all(&tree)?;
        let spares = self.take_spares(&name, members)?;
        let mut holding = Holding::begin(self.method, &self.root, &tree)?;
        // What went out of the live tree whole, and is back, is as it was then.
        let is_spare = within_spares(members, &spares);
        let made = members.iter().zip(&is_spare).filter(|(_, is_spare)| !**is_spare);
        let made = made.map(|(member, _)| member.entry);
        holding.make_dirs(made.clone())?;
        let (known, state) = own.unwrap_or_else(|| (Record::new(Vec::new(), Vec::new()), LIVE));
        let leaders: BTreeSet<&RelPath> = members.iter().filter_map(|member| leader(member.entry)).collect();
        // Names of one file within a root are put back together by the checkout, not by chance.
        let is_linked = |member: &Member<'_>| leader(member.entry).is_some() || leaders.contains(&member.entry.path);
        let held = members.iter().zip(is_spare.iter().copied());
        let held = held.filter(|(member, _)| !member.entry.is_dir() && !member.racy && !is_linked(member));
        let held: Vec<(&Member<'_>, bool)> = held.collect();
        // A unit may be nearly all that is to be pinned.
        let parts = in_parts(&held, |members| {
            let mut part = Part::begin(Holding::begin(self.method, &self.root, &tree)?);
            let mut known_at = known.in_order();
            for (member, is_spare) in members {
                part.hold(member, known_at(&member.entry.path), *is_spare)?;
            }
            Ok::<Part, Error>(part)
        });
        let mut all = Part::begin(holding);
        for part in parts {
            all.add(part?);
        }
        let Part {
            mut holding,
            files,
            is_as_known,
        } = all;
        let dirs: Vec<&Entry> = members.iter().map(|m| m.entry).filter(|entry| entry.is_dir()).collect();
        for dir in made.filter(|entry| entry.is_dir()).rev() {
            holding.settle(dir)?;
        }
        let (live, held) = (self.record_path(&name, LIVE), self.record_path(&name, HELD));
        let is_as_known = is_as_known && is_written;
        if state == HELD && is_as_known && files.len() == known.files.len() && dirs.iter().copied().eq(&known.dirs) {
            fsx::rename(&held, &live)?;
        } else {
            let record = Record::new(files, dirs.into_iter().cloned().collect());
            record.write(&live)?;
            // Out of use no longer.
            let _ = std::fs::remove_file(held);
        }
        self.restamp_others(unit, &name, &holding.moved)?;
        Ok(holding.restamped)
    }

    /// Where most of a unit is as it was pinned before, its tree becomes that of the new state, and what went out of
    /// use moves to a tree of its own. So a file more in a large unit costs a link, not thousands.
    fn take_over(&self, unit: &UnitName, name: &str, members: &[Member<'_>]) -> Result<Option<Record>, Error> {
        let by_path: BTreeMap<&RelPath, &Member<'_>> = members.iter().map(|m| (&m.entry.path, m)).collect();
        let siblings = self.listing().remove(&super::flat(unit)).unwrap_or_default();
        let newest = siblings.iter().rev().find(|(_, state)| *state == LIVE);
        let Some((base, _)) = newest else { return Ok(None) };
        let Some((record, _)) = self.record(base) else {
            return Ok(None);
        };
        let stays = |pinned: &Pinned| {
            by_path.get(&pinned.entry.path).is_some_and(|member| {
                *member.entry == pinned.entry
                    && (self.method == Method::Reflink || member.stamp.ino == pinned.stamp.ino)
            })
        };
        let count = record.files.iter().filter(|pinned| stays(pinned)).count();
        if count == 0 || count * 2 < record.files.len() {
            return Ok(None);
        }
        let (kept, gone): (Vec<Pinned>, Vec<Pinned>) = record.files.into_iter().partition(|pinned| stays(pinned));
        let (old, new) = (self.tree(base), self.tree(name));
        let _ = std::fs::remove_file(self.record_path(base, LIVE));
        fsx::rename(&old, &new)?;
        let gone = self.prove(&new, gone);
        let mut moved = Vec::new();
        for mut pinned in gone {
            let to = pinned.entry.path.under(&old);
            if let Some(parent) = to.parent() {
                fsx::create_dir_all(parent)?;
            }
            fsx::rename(&pinned.entry.path.under(&new), &to)?;
            pinned.stamp = Stamp::of_path(&to)?;
            moved.push(pinned);
        }
        if !moved.is_empty() {
            Record::new(moved, Vec::new()).write(&self.record_path(base, HELD))?;
        }
        // Written at once: what is in the tree must be known even if the rest fails.
        let record = Record::new(kept, Vec::new());
        record.write(&self.record_path(name, LIVE))?;
        Ok(Some(record))
    }

    /// The pins among some that still are what was recorded, with their stamps as they are now.
    pub(super) fn prove(&self, tree: &Path, pins: Vec<Pinned>) -> Vec<Pinned> {
        let looks = in_parts(&pins, |pins| {
            let mut beneath = Beneath::open(tree).ok()?;
            Some(pins.iter().map(|pin| look(&mut beneath, pin)).collect::<Vec<_>>())
        });
        let Some(looks) = looks.into_iter().collect::<Option<Vec<_>>>() else {
            return Vec::new();
        };
        let looks = looks.concat();
        let doubtful: Vec<&Pinned> = pins
            .iter()
            .zip(&looks)
            .filter(|(_, l)| **l == Look::Moved)
            .map(|(p, _)| p)
            .collect();
        let mut read = read_again(tree, &doubtful).into_iter();
        let stamps: Vec<Option<Stamp>> = pins
            .iter()
            .zip(&looks)
            .map(|(pin, look)| match look {
                Look::Same => Some(pin.stamp),
                Look::Moved => read.next().flatten(),
                Look::Lost => None,
            })
            .collect();
        pins.into_iter()
            .zip(stamps)
            .filter_map(|(pin, stamp)| Some(Pinned { stamp: stamp?, ..pin }))
            .collect()
    }

    /// Looks once through pins that went out of use: the names that they lost changed their stamps. `live` names those
    /// in use.
    ///
    /// # Errors
    /// What the file system refused.
    pub fn settle<'u>(&self, live: impl Iterator<Item = (&'u UnitName, UnitId)>) -> Result<(), Error> {
        for name in self.out_of_use(live) {
            let (from, to) = (self.record_path(&name, LIVE), self.record_path(&name, HELD));
            if let Some(record) = Record::read(&from) {
                let files = self.prove(&self.tree(&name), record.files);
                Record::new(files, record.dirs).write(&to)?;
            }
            fsx::remove_file(&from)?;
        }
        Ok(())
    }

    /// Files away pins that went out of use, without a look.
    ///
    /// # Errors
    /// What the file system refused.
    pub fn retire<'u>(&self, live: impl Iterator<Item = (&'u UnitName, UnitId)>) -> Result<(), Error> {
        for name in self.out_of_use(live) {
            fsx::rename(&self.record_path(&name, LIVE), &self.record_path(&name, HELD))?;
        }
        Ok(())
    }

    fn out_of_use<'u>(&self, live: impl Iterator<Item = (&'u UnitName, UnitId)>) -> Vec<String> {
        let live: HashSet<String> = live.map(|(unit, id)| Self::name(unit, &id)).collect();
        let all = self.listing().into_values().flatten();
        let is_out = |(name, state): (String, &str)| (state == LIVE && !live.contains(&name)).then_some(name);
        all.filter_map(is_out).collect()
    }

    /// Brings back names that a checkout put by; tells the directories that were brought back whole.
    fn take_spares(&self, name: &str, members: &[Member<'_>]) -> Result<HashSet<Vec<u8>>, Error> {
        let (tree, spare) = (self.tree(name), self.spare(name));
        let mut taken = HashSet::new();
        if spare.symlink_metadata().is_err() {
            return Ok(taken);
        }
        for dir in members.iter().map(|member| member.entry).filter(|entry| entry.is_dir()) {
            let (from, to) = (dir.path.under(&spare), dir.path.under(&tree));
            // One that was only made to hold what was put by beneath it has a time of its own.
            if to.symlink_metadata().is_err() && stands_as(dir, &from) {
                if let Some(parent) = to.parent() {
                    fsx::create_dir_all(parent)?;
                }
                fsx::rename(&from, &to)?;
                taken.insert(dir.path.as_bytes().to_vec());
            }
        }
        self.discard(&spare)?;
        Ok(taken)
    }

    /// Other records of a unit that hold the same inodes learn their new stamps.
    fn restamp_others(&self, unit: &UnitName, name: &str, moved: &HashMap<u64, (Stamp, Stamp)>) -> Result<(), Error> {
        if moved.is_empty() {
            return Ok(());
        }
        for (other, state) in self.listing().remove(&super::flat(unit)).unwrap_or_default() {
            if other == name {
                continue;
            }
            let path = self.record_path(&other, state);
            let Some(mut record) = Record::read(&path) else {
                continue;
            };
            let mut changed = false;
            for pinned in &mut record.files {
                if let Some((before, after)) = moved.get(&pinned.stamp.ino)
                    && same_inode_state(before, &pinned.stamp)
                {
                    pinned.stamp = *after;
                    changed = true;
                }
            }
            if changed {
                record.write(&path)?;
            }
        }
        Ok(())
    }

    /// Files away what a checkout took out of the live tree: the directory of a unit with what was in it. Where there is no
    /// use for it, it stays where it is.
    ///
    /// # Errors
    /// What the file system refused.
    pub fn put_by(
        &self,
        staged: &Path,
        dir: &RelPath,
        unit: &UnitName,
        id: &UnitId,
        members: &[Member<'_>],
    ) -> Result<(), Error> {
        let name = Self::name(unit, id);
        let is_pinned = [LIVE, HELD].iter().any(|state| self.record_path(&name, state).exists());
        let home = if is_pinned { self.spare(&name) } else { self.tree(&name) };
        let to = dir.under(&home);
        if unit.as_str().len() > LONGEST_NAME || to.symlink_metadata().is_ok() {
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fsx::create_dir_all(parent)?;
        }
        fsx::rename(staged, &to)?;
        if !is_pinned {
            let inside = |member: &&Member<'_>| member.entry.path.is_within(dir.as_bytes());
            let (dirs, files): (Vec<_>, Vec<_>) = members.iter().filter(inside).partition(|m| m.entry.is_dir());
            let files = files.into_iter().filter(|member| !member.racy).map(|member| Pinned {
                entry: member.entry.clone(),
                stamp: member.stamp,
            });
            let dirs = dirs.into_iter().map(|member| member.entry.clone()).collect();
            Record::new(files.collect(), dirs).write(&self.record_path(&name, HELD))?;
        }
        Ok(())
    }
}

/// Of each member, sorted by path, whether it is, or is in, one of some directories, none of which is in another.
fn within_spares(members: &[Member<'_>], spares: &HashSet<Vec<u8>>) -> Vec<bool> {
    let mut last: &[u8] = &[];
    let mut is_within = |path: &RelPath| {
        // Neighbours are mostly in one.
        let is_same = !last.is_empty() && path.is_within(last);
        let dirs = || path.ancestors().chain([path.as_bytes()]);
        is_same || dirs().find_map(|dir| spares.get(dir)).map(|dir| last = dir).is_some()
    };
    let paths = members.iter().map(|member| &member.entry.path);
    match spares.is_empty() {
        true => vec![false; members.len()],
        false => paths.map(&mut is_within).collect(),
    }
}

/// The files of a part of a unit, pinned.
struct Part {
    holding: Holding,
    files: Vec<Pinned>,
    /// All of them were brought back as they were known.
    is_as_known: bool,
}

impl Part {
    fn begin(holding: Holding) -> Self {
        Self {
            holding,
            files: Vec::new(),
            is_as_known: true,
        }
    }

    /// Pins one file or symlink.
    fn hold(&mut self, member: &Member<'_>, known: Option<&Pinned>, is_spare: bool) -> Result<(), Error> {
        match known.filter(|known| is_spare && self.holding.is_name_of(known, member)) {
            Some(known) => self.files.push(known.clone()),
            None => {
                self.is_as_known = false;
                self.files.extend(self.holding.file(member, known)?);
            }
        }
        Ok(())
    }

    /// Adds those of the next part.
    fn add(&mut self, part: Self) {
        self.files.extend(part.files);
        self.is_as_known &= part.is_as_known;
        self.holding.restamped.extend(part.holding.restamped);
        self.holding.moved.extend(part.holding.moved);
    }
}

fn leader(entry: &Entry) -> Option<&RelPath> {
    entry.file()?.hardlink.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fsx::stamp::FileType;
    use crate::snapshot::entry::Node;

    #[test]
    fn what_is_in_a_directory_that_came_back_is_told_from_its_neighbours() {
        let paths = ["a", "a-b", "a-b/x", "a-c", "a/b", "a/b/c", "b", "b/a"];
        let entries = paths.map(|path| Entry {
            path: RelPath::new(path).unwrap(),
            mode: 0o755,
            mtime: 0,
            node: Node::Dir,
            xattrs: Vec::new(),
        });
        let stamp = Stamp {
            file_type: FileType::Dir,
            mode: 0o755,
            size: 0,
            mtime: 0,
            ctime: 0,
            ino: 1,
            nlink: 2,
            allocated: 0,
        };
        let members = entries.iter().enumerate().map(|(at, entry)| Member {
            at,
            entry,
            stamp,
            racy: false,
        });
        let members: Vec<_> = members.collect();
        for spares in [&["a", "a-b"][..], &["a-b", "b"], &["a/b"], &["a"], &[]] {
            let set = spares.iter().map(|dir| dir.as_bytes().to_vec()).collect();
            let expected = entries
                .iter()
                .map(|entry| spares.iter().any(|dir| entry.path.is_within(dir.as_bytes())));
            assert_eq!(
                within_spares(&members, &set),
                expected.collect::<Vec<_>>(),
                "{spares:?}"
            );
        }
    }
}
