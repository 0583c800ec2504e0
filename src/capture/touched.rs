//! What a checkout touched, looked at again. The rest of the root is as it was seen a moment before.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use rustix::fs::AtFlags;

use super::rules::Rules;
use super::scan::{LiveRoot, agrees};
use super::walk::{Filter, Listed, Listing, walk_within};
use super::written::Written;
use super::xattrs::xattrs;
use crate::fsx::beneath::Beneath;
use crate::fsx::stamp::{FileType, Stamp, now};
use crate::fsx::{Context, Error};
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::{RelPath, beneath};

/// The clock of files ticks at least that often.
const TICK: Duration = Duration::from_millis(25);

/// Paths of a root that may be other than they were.
#[derive(Debug, Default)]
pub struct Touched {
    /// Directories of which everything may be, sorted, none within another.
    pub trees: Vec<RelPath>,
    /// Paths by themselves, not what is beneath them.
    pub paths: BTreeSet<RelPath>,
}

impl Touched {
    /// The listing of all that may have changed in a root since `before`, and for each entry of then whether it is as it
    /// was.
    pub(super) fn relist(
        &self,
        before: &LiveRoot,
        rules: &Rules,
        threads: usize,
    ) -> Result<(Listing, Vec<bool>), Error> {
        let root = &before.root.path;
        let is_listed = |dir: &&RelPath| !skips_above(rules, dir) && !rules.skips(dir, true);
        let walked: Vec<RelPath> = self.trees.iter().filter(is_listed).cloned().collect();
        let mut listing = walk_within(root, &walked, rules, threads)?;
        let touched = self.entries(before);
        let trees: HashSet<&[u8]> = self.trees.iter().map(RelPath::as_bytes).collect();
        let is_outside = |path: &&RelPath| !path.ancestors().any(|dir| trees.contains(dir));
        let singly: BTreeSet<&RelPath> = self.paths.iter().filter(is_outside).chain(&self.trees).collect();
        let mut beneath = Beneath::open(root)?;
        for path in singly {
            look_at(path, &mut beneath, rules, &mut listing);
        }
        // A file that lost a name, or got one, is another at its other names too.
        let linked = |stamp: &Stamp| (stamp.nlink > 1 && stamp.file_type != FileType::Dir).then_some(stamp.ino);
        let marks = before.state.marks.iter().zip(&touched);
        let then = marks.filter(|(_, touched)| **touched).map(|(mark, _)| mark.stamp);
        let now = listing.listed.iter().map(|found| found.stamp);
        let mut inodes: Vec<u64> = then.chain(now).filter_map(|stamp| linked(&stamp)).collect();
        inodes.sort_unstable();
        let known = before.state.entries.iter().zip(&before.state.marks).zip(&touched);
        let mut stays = Vec::with_capacity(touched.len());
        for ((entry, mark), touched) in known {
            let is_linked = !touched && !entry.is_dir() && inodes.binary_search(&mark.stamp.ino).is_ok();
            if is_linked {
                look_at(&entry.path, &mut beneath, rules, &mut listing);
            }
            stays.push(!touched && !is_linked);
        }
        let is_untouched =
            |path: &&RelPath| is_outside(path) && !self.paths.contains(*path) && !trees.contains(path.as_bytes());
        listing
            .special
            .extend(before.special.iter().filter(is_untouched).cloned());
        listing
            .skipped
            .extend(before.skipped.iter().filter(is_untouched).cloned());
        listing.sort();
        Ok((listing, stays))
    }

    /// Which of the entries that were there may be others now.
    fn entries(&self, before: &LiveRoot) -> Vec<bool> {
        let entries = &before.state.entries;
        let mut touched = vec![false; entries.len()];
        for path in self.paths.iter().chain(&self.trees) {
            if let Ok(at) = entries.binary_search_by(|entry| entry.path.cmp(path)) {
                touched[at] = true;
            }
        }
        for dir in &self.trees {
            let (from, to) = beneath(entries, dir.as_bytes(), |entry| entry.path.as_bytes());
            touched[from..to].fill(true);
        }
        touched
    }
}

/// Adds what is at one path, if anything is, to a listing.
fn look_at(path: &RelPath, beneath: &mut Beneath, rules: &Rules, listing: &mut Listing) {
    let full = beneath.full(path);
    let stat = beneath
        .parent(path)
        .and_then(|(parent, name)| rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).at("look at", full));
    let stat = match stat {
        Ok(stat) => stat,
        Err(error) if error.is_nothing_there() => return,
        Err(error) => return listing.unreadable.push(error),
    };
    let device = stat.st_dev;
    let stamp = Stamp::from(stat);
    if skips_above(rules, path) {
        return;
    }
    let path = path.clone();
    if rules.skips(&path, stamp.file_type == FileType::Dir) {
        listing.skipped.push(path);
    } else if stamp.file_type == FileType::Special {
        listing.special.push(path);
    } else {
        listing.listed.push(Listed { path, stamp, device });
    }
}

/// Whether a directory above a path is left out, and the path with it.
fn skips_above(rules: &Rules, path: &RelPath) -> bool {
    let mut above = path.ancestors().filter_map(|dir| RelPath::new(dir).ok());
    above.any(|dir| rules.skips(&dir, true))
}

impl LiveRoot {
    /// What a checkout just wrote has stamps behind which a later write could hide. Once the clock has ticked on, the
    /// same stamps say that there was none. `written` are the files that it wrote.
    pub fn outlast_doubt(&mut self, written: &Written) {
        let is_known = |entry: &Entry, stamp: &Stamp| {
            let wrote = written.get(&entry.path);
            entry.file().is_none() || wrote.is_some_and(|(wrote, ino)| *ino == stamp.ino && agrees(wrote, stamp))
        };
        let known = self.state.entries.iter().zip(&self.state.marks).enumerate();
        let doubtful: Vec<(usize, Stamp)> = known
            .filter(|(_, (entry, mark))| mark.racy && is_known(entry, &mark.stamp))
            .map(|(at, (_, mark))| (at, mark.stamp))
            .collect();
        let youngest = doubtful.iter().map(|(_, stamp)| stamp.ctime.max(stamp.mtime)).max();
        let Some(youngest) = youngest else { return };
        let age = Duration::from_nanos(now().saturating_sub(youngest).try_into().unwrap_or(0));
        std::thread::sleep(TICK.saturating_sub(age));
        let Ok(mut beneath) = Beneath::open(&self.root.path) else {
            return;
        };
        for (at, before) in doubtful {
            let entry = &self.state.entries[at];
            let path = entry.path.under(&self.root.path);
            let look = now();
            let is_same = match &entry.node {
                Node::File(_) => true,
                Node::Dir => xattrs(&path).is_ok_and(|now| now == entry.xattrs),
                Node::Symlink(target) => {
                    let now = std::fs::read_link(&path).map(|target| target.into_os_string().into_encoded_bytes());
                    now.is_ok_and(|now| self.form().recorded_link(now) == *target)
                }
            };
            let Ok((parent, name)) = beneath.parent(&entry.path) else {
                continue;
            };
            let stamp = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map(Stamp::from);
            self.state.marks[at].racy = !(is_same && stamp == Ok(before) && !before.is_racy(look));
        }
    }
}

#[cfg(test)]
#[path = "touched_tests.rs"]
mod tests;
