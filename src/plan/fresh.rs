//! Directories that are new: built beside the root with all that is in them, and put in place by one rename.

use std::collections::BTreeSet;

use super::{RootPlan, Whole};
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;

/// Paths in such a directory are at most that long, so that one call of the system reaches them in the stage.
pub(super) const LONGEST: usize = 1024;

impl RootPlan {
    /// Plans which new directories are built whole: the outermost ones where no directory stands. That is asked of the
    /// root itself, since the live state does not tell of what is ignored.
    pub fn build_fresh(&mut self, stands: &dyn Fn(&RelPath) -> bool) {
        let files = self.place.iter().map(|placement| &placement.entry);
        let long: BTreeSet<&[u8]> = files
            .chain(&self.make_dirs)
            .filter(|entry| entry.path.as_bytes().len() > LONGEST)
            .flat_map(|entry| entry.path.ancestors())
            .collect();
        let mut fresh: BTreeSet<RelPath> = std::mem::take(&mut self.fresh).into_iter().collect();
        for dir in self.make_dirs.iter().map(|entry| &entry.path) {
            let is_within = dir.ancestors().any(|above| fresh.contains(above));
            if !is_within && !self.is_brought(dir) && !long.contains(dir.as_bytes()) && !stands(dir) {
                fresh.insert(dir.clone());
            }
        }
        self.fresh = fresh.into_iter().collect();
    }

    /// Whether a directory that stands is exchanged for one that is built.
    pub fn is_exchanged(&self, whole: &Whole) -> bool {
        whole.takes && whole.brings.is_none() && self.fresh.binary_search(&whole.dir).is_ok()
    }

    /// Where a path is built: the number of its directory in `fresh`, and the path within that, empty or with a leading
    /// slash.
    pub fn built_in<'p>(&self, path: &'p RelPath) -> Option<(usize, &'p [u8])> {
        let number = |dir: &[u8]| self.fresh.binary_search_by(|fresh| fresh.as_bytes().cmp(dir)).ok();
        let mut dirs = path.ancestors().chain([path.as_bytes()]);
        let at = dirs.find_map(number)?;
        Some((at, &path.as_bytes()[self.fresh[at].as_bytes().len()..]))
    }

    /// The directories that are made within those in `fresh`, and these themselves, outermost first.
    pub fn built_dirs(&self) -> impl Iterator<Item = &Entry> {
        let made = self.make_dirs.iter();
        let made = made.filter(|entry| !self.is_brought(&entry.path) && self.built_in(&entry.path).is_some());
        let mut dirs: Vec<&Entry> = made.chain(&self.remake_dirs).collect();
        dirs.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        dirs.into_iter()
    }
}
