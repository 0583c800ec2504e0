//! Removing pins, and names that wait to be removed.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::record::Record;
use super::{LIVE, Pins, TRASH};
use crate::fsx::{self, Context, Error};

/// How many discards may wait to be removed. Each may hold what a whole upgrade replaced.
const WAITING: usize = 3;

/// One pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinEntry {
    /// The unit, as in an inventory.
    pub unit: String,
    /// The git id of its file list, in hex.
    pub id: String,
    /// The state is live, so that the pin takes no room of its own.
    pub is_live: bool,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that only the pin keeps: what removing it frees.
    pub own_bytes: u64,
    /// When it was written down: nanoseconds since 1970.
    pub time: i64,
    name: String,
}

/// What removing pins did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Eviction {
    /// Pins that went.
    pub pins: u64,
    /// Bytes that nothing else keeps now.
    pub bytes: u64,
}

impl Pins {
    /// Moves something to where names wait to be removed: one rename, whatever is in it.
    ///
    /// # Errors
    /// Names the path.
    pub fn discard(&self, path: &Path) -> Result<(), Error> {
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        let trash = self.base.join(TRASH);
        fsx::create_dir_all(&trash)?;
        let place = tempfile::Builder::new()
            .prefix("t")
            .tempdir_in(&trash)
            .at("create a directory in", &trash)?
            .keep();
        fsx::witness::saw(|| fsx::witness::Change::Dir(place.clone()));
        fsx::rename(path, &place.join("x"))
    }

    /// Whether names wait to be removed.
    pub fn has_trash(base: &Path) -> bool {
        std::fs::read_dir(base.join(TRASH)).is_ok_and(|mut list| list.next().is_some())
    }

    /// Removes names that wait, the oldest first, until it `is_late`. Where many discards wait, the oldest goes whatever
    /// it takes: so they do not pile up. Tells whether all are gone.
    pub fn sweep(base: &Path, is_late: &dyn Fn() -> bool) -> bool {
        let waiting = std::fs::read_dir(base.join(TRASH)).into_iter().flatten().flatten();
        let mut waiting: Vec<_> = waiting
            .map(|entry| (entry.metadata().and_then(|meta| meta.modified()).ok(), entry.path()))
            .collect();
        waiting.sort();
        let is_much = waiting.len() > WAITING;
        let sweep = |(number, (_, path)): (usize, &(_, PathBuf))| {
            let goes_anyway = number == 0 && is_much;
            remove_until(path, &|| !goes_anyway && is_late())
        };
        // One that cannot be removed does not keep the others.
        waiting.iter().enumerate().map(sweep).fold(true, |all, one| all & one)
    }

    /// All pins, the oldest first. With `measure` their own bytes are counted, which looks at every file.
    pub fn list(&self, measure: bool) -> Vec<PinEntry> {
        let mut pins = Vec::new();
        for (name, state) in self.listing().into_values().flatten() {
            let path = self.record_path(&name, state);
            let Some(record) = Record::read(&path) else { continue };
            let time = path
                .metadata()
                .map_or(0, |m| m.mtime() * 1_000_000_000 + m.mtime_nsec());
            let Some((unit, id)) = name.rsplit_once('@') else {
                continue;
            };
            let own_bytes = if measure { self.own_bytes(&name, &record) } else { 0 };
            pins.push(PinEntry {
                unit: unit.replace(':', "/"),
                id: id.to_owned(),
                is_live: state == LIVE,
                files: record.files.len() as u64,
                bytes: record.bytes(),
                own_bytes,
                time,
                name,
            });
        }
        pins.sort_by(|a, b| (a.time, &a.name).cmp(&(b.time, &b.name)));
        pins
    }

    /// Bytes of all pins that are not live: at most this is what they keep.
    pub fn held_bytes(&self) -> u64 {
        let pins = self.listing().into_values().flatten();
        let held = pins.filter(|(_, state)| *state == super::HELD);
        let records = held.filter_map(|(name, _)| Record::read(&self.record_path(&name, super::HELD)));
        records.map(|record| record.bytes()).sum()
    }

    /// Bytes of files that have no name but that of the pin and its spare one.
    fn own_bytes(&self, name: &str, record: &Record) -> u64 {
        let (tree, spare) = (self.tree(name), self.spare(name));
        let own = record.files.iter().filter(|pinned| {
            let names = |root: &PathBuf| pinned.entry.path.under(root).symlink_metadata().ok();
            let Some(meta) = names(&tree).filter(|meta| meta.ino() == pinned.stamp.ino) else {
                return false;
            };
            let spare = u64::from(names(&spare).is_some_and(|other| other.ino() == meta.ino()));
            meta.nlink() <= 1 + spare
        });
        own.map(|pinned| pinned.entry.size()).sum()
    }

    /// Takes a pin out of use. Its names wait to be removed.
    ///
    /// # Errors
    /// What the file system refused.
    pub fn drop_pin(&self, pin: &PinEntry) -> Result<(), Error> {
        for state in [LIVE, super::HELD] {
            let path = self.record_path(&pin.name, state);
            if path.exists() {
                fsx::remove_file(&path)?;
            }
        }
        self.discard(&self.tree(&pin.name))?;
        self.discard(&self.spare(&pin.name))
    }

    /// Removes trees that no record knows: left by a process that died.
    ///
    /// # Errors
    /// What the file system refused.
    pub fn drop_unknown(&self) -> Result<(), Error> {
        let known: BTreeSet<String> = self.listing().into_values().flatten().map(|(name, _)| name).collect();
        for entry in std::fs::read_dir(&self.dir).at("list", &self.dir)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let of = name.strip_suffix(".spare").unwrap_or(&name);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !known.contains(of) {
                self.discard(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// Removes a tree, stopping when it is late. Tells whether it is gone.
fn remove_until(path: &Path, is_late: &dyn Fn() -> bool) -> bool {
    let is_dir = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    if is_late() {
        return false;
    }
    let gone = if is_dir {
        let children = std::fs::read_dir(path).into_iter().flatten().flatten();
        children.into_iter().all(|child| remove_until(&child.path(), is_late)) && std::fs::remove_dir(path).is_ok()
    } else {
        std::fs::remove_file(path).is_ok()
    };
    if gone {
        fsx::witness::saw(|| fsx::witness::Change::Remove(path.to_owned()));
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_wait_do_not_pile_up() {
        let base = tempfile::tempdir().unwrap();
        let trash = base.path().join(TRASH);
        for n in 0..10 {
            let discard = trash.join(format!("t{}", 9 - n));
            std::fs::create_dir_all(discard.join("x/lib")).unwrap();
            std::fs::write(discard.join("x/lib/f"), "replaced").unwrap();
            let age = std::time::SystemTime::now() - std::time::Duration::from_secs(100 - n);
            std::fs::File::open(&discard).unwrap().set_modified(age).unwrap();
        }
        for _ in 0..10 {
            assert!(!Pins::sweep(base.path(), &|| true), "some wait on");
        }
        let mut left: Vec<_> = std::fs::read_dir(&trash)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["t0", "t1", "t2"], "the youngest");
        assert!(Pins::sweep(base.path(), &|| false));
        assert!(!Pins::has_trash(base.path()));
    }
}
