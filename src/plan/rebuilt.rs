//! Directories of which nothing stays: built anew beside the root with all that is in them, and exchanged by one rename.

use std::collections::BTreeSet;

use super::fresh::LONGEST;
use super::whole::{LEAST, settle};
use super::{Ground, Placement, RootPlan, Whole};
use crate::snapshot::entry::Entry;
use crate::snapshot::path::{RelPath, beneath};

/// Files of which only mode or time changes are written too where they are less than one in so many bytes.
const SHARE: u64 = 8;

/// Files of a plan that are written, or that get another mode or time; sorted, with their lengths.
type Files = Vec<(RelPath, u64)>;

impl RootPlan {
    /// Plans which directories that stand are built anew: the outermost ones whose files are all written, or nearly all
    /// and the rest get another mode or time. The live one then goes whole.
    pub fn rebuild(&mut self, ground: &Ground<'_>) {
        let (written, retouched) = self.files();
        if written.len() < LEAST {
            return;
        }
        let made: BTreeSet<RelPath> = self.make_dirs.iter().map(|entry| entry.path.clone()).collect();
        let dirs = || ground.goal.iter().copied().filter(|entry| entry.is_dir());
        for dir in dirs() {
            let path = dir.path.as_bytes();
            if self.whole_of(&dir.path).is_some() || !self.turns_over(dir, ground, &written, &retouched) {
                continue;
            }
            self.add_whole(Whole {
                dir: dir.path.clone(),
                takes: true,
                holds: ground.beneath(&dir.path).len(),
                brings: None,
            });
            let retouched = self.retouch.iter().filter(|entry| entry.path.is_within(path));
            let written = retouched.map(|entry| Placement {
                entry: entry.clone(),
                replaces: true,
            });
            self.place.extend(written);
            let at = self.fresh.partition_point(|known| *known < dir.path);
            self.fresh.insert(at, dir.path.clone());
            for inner in dirs().filter(|inner| inner.path.is_within(path)) {
                settle(&mut self.settle, inner);
                if !made.contains(&inner.path) {
                    self.remake_dirs.push(inner.clone());
                }
            }
        }
        self.settle_above(ground);
    }

    /// What is written, and what gets another mode or time.
    fn files(&self) -> (Files, Files) {
        let sized = |entry: &Entry| (entry.path.clone(), entry.size());
        let written = self.place.iter().map(|placement| &placement.entry);
        let is_brought = self.brought();
        let written = written.filter(|entry| !is_brought(&entry.path));
        let mut files: (Files, Files) = (written.map(sized).collect(), self.retouch.iter().map(sized).collect());
        files.0.sort_unstable();
        files.1.sort_unstable();
        files
    }

    /// Whether nothing of a live directory stays but, at most, content that is written again for little.
    fn turns_over(&self, dir: &Entry, ground: &Ground<'_>, written: &Files, retouched: &Files) -> bool {
        let path = dir.path.as_bytes();
        let part = |files: &Files| {
            let (from, to) = beneath(files, path, |(path, _)| path.as_bytes());
            let bytes = files[from..to].iter().map(|(_, size)| *size);
            (to - from, bytes.fold(0, u64::saturating_add))
        };
        let ((written, bytes), (retouched, spared)) = (part(written), part(retouched));
        if written < LEAST || spared > bytes / SHARE {
            return false;
        }
        let (from, to) = beneath(&ground.goal, path, |entry| entry.path.as_bytes());
        let goal = &ground.goal[from..to];
        if goal.iter().filter(|entry| !entry.is_dir()).count() != written + retouched
            || goal.iter().any(|entry| entry.path.as_bytes().len() > LONGEST)
        {
            return false;
        }
        let is_brought = |whole: &Whole| whole.brings.is_some() && whole.dir.is_within(path);
        self.gives_way(&dir.path, ground) == Some(true) && !self.whole.iter().any(is_brought)
    }
}
