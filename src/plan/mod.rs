//! From differences to an ordered list of operations. Pure: planning touches nothing.

mod fresh;
mod rebuilt;
mod stray;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

pub use stray::stray;
pub use whole::{Ground, Offer, Whole};

use crate::snapshot::change::{FileChange, FileChangeKind};
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::RelPath;

/// What planning one root starts from.
pub struct Input<'a> {
    /// The differences from the live state to the target.
    pub changes: &'a [FileChange],
    /// Whether something stays though the target lacks it.
    pub stays: &'a dyn Fn(&Entry) -> bool,
    /// Whether the file now at a path has names elsewhere, so that its inode must not be changed.
    pub shared: &'a dyn Fn(&RelPath) -> bool,
    /// Live directories that hold something outside version control, and so stay.
    pub held: &'a BTreeSet<RelPath>,
    /// A directory as it shall be, for directories that do not differ.
    pub directory: &'a dyn Fn(&[u8]) -> Option<Entry>,
    /// Directories of which only the time differs.
    pub stale_times: Vec<Entry>,
}

/// The operations of one root, in the order in which they are performed: removals, directories, files, links,
/// metadata, and the times of directories last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootPlan {
    /// Files and links to take away.
    pub remove_files: Vec<RelPath>,
    /// Directories to take away, deepest first.
    pub remove_dirs: Vec<RelPath>,
    /// Directories to make, outermost first.
    pub make_dirs: Vec<Entry>,
    /// Files and symlinks to put in place, replacing what is there.
    pub place: Vec<Placement>,
    /// Names to give to files of the same root; after all placements.
    pub link: Vec<Entry>,
    /// Files whose mode, time or attributes alone change.
    pub retouch: Vec<Entry>,
    /// Directories whose mode, time and attributes are set at the end, deepest first.
    pub settle: Vec<Entry>,
    /// What is left alone though the target lacks it.
    pub kept: BTreeSet<RelPath>,
    /// Paths of `place` and `make_dirs` at which something outside version control stands, which goes for them.
    pub overwrites: BTreeSet<RelPath>,
    /// Directories that come or go by one rename, sorted, none within another. Paths beneath them stand in the other
    /// lists too, for what is told of the plan.
    pub whole: Vec<Whole>,
    /// Directories that are built with what is placed in them and come by one rename, sorted, none within another: new
    /// ones, and those in `whole` that nothing else brings. What is in them stands in the other lists too.
    pub fresh: Vec<RelPath>,
    /// Directories that stand and are made again, in or as one of `fresh`.
    pub remake_dirs: Vec<Entry>,
}

/// A file or symlink to put in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// What shall be there.
    pub entry: Entry,
    /// Something is there now that the plan knows of.
    pub replaces: bool,
}

/// Something outside version control stands where the target wants another thing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{} is a directory with files outside version control, where the commit has a file", .0)]
pub struct Blocked(pub RelPath);

/// Plans one root.
///
/// # Errors
/// [`Blocked`]
pub fn plan(input: Input<'_>) -> Result<RootPlan, Blocked> {
    let mut plan = RootPlan::default();
    let mut settle: BTreeMap<RelPath, Entry> = BTreeMap::new();
    let mut touched = Parents::default();
    settle.extend(input.stale_times.into_iter().map(|entry| (entry.path.clone(), entry)));
    for change in input.changes {
        let path = change.path();
        if let (Some(from), None) = (&change.from, &change.to) {
            if (input.stays)(from) {
                plan.kept.insert(path.clone());
                plan.kept
                    .extend(path.ancestors().filter_map(|dir| RelPath::new(dir).ok()));
            } else if from.is_dir() {
                plan.remove_dirs.push(path.clone());
            } else {
                plan.remove_files.push(path.clone());
            }
        }
    }
    // A directory goes only when nothing in it stays.
    plan.remove_dirs.retain(|dir| {
        let stays = input.held.contains(dir) || plan.kept.contains(dir);
        if stays {
            plan.kept.insert(dir.clone());
        }
        !stays
    });
    plan.remove_dirs.reverse();
    for change in input.changes {
        let Some(to) = &change.to else { continue };
        let from = change.from.as_ref();
        if to.is_dir() {
            match from {
                Some(from) if from.is_dir() => {}
                from => {
                    if from.is_some() {
                        plan.remove_files.push(to.path.clone());
                    }
                    plan.make_dirs.push(to.clone());
                }
            }
            settle.insert(to.path.clone(), to.clone());
            touched.add(&to.path);
            continue;
        }
        if from.is_some_and(Entry::is_dir) {
            if input.held.contains(&to.path) || plan.kept.contains(&to.path) {
                return Err(Blocked(to.path.clone()));
            }
            let at = plan.remove_dirs.partition_point(|dir| *dir > to.path);
            plan.remove_dirs.insert(at, to.path.clone());
        }
        touched.add(&to.path);
        match &to.node {
            Node::File(file) if file.hardlink.is_some() => plan.link.push(to.clone()),
            Node::File(_) if change.kind() == FileChangeKind::MetadataOnly && !(input.shared)(&to.path) => {
                plan.retouch.push(to.clone());
            }
            _ => plan.place.push(Placement {
                entry: to.clone(),
                replaces: from.is_some_and(|from| !from.is_dir()),
            }),
        }
    }
    plan.remove_files
        .iter()
        .chain(&plan.remove_dirs)
        .for_each(|path| touched.add(path));
    let gone: BTreeSet<&RelPath> = plan.remove_dirs.iter().collect();
    for dir in touched.dirs {
        if !settle.contains_key(&dir[..])
            && let Some(entry) = (input.directory)(&dir)
            && !gone.contains(&entry.path)
        {
            settle.insert(entry.path.clone(), entry);
        }
    }
    plan.settle = settle.into_values().rev().collect();
    plan.take_whole();
    Ok(plan)
}

/// The directories above paths, of which neighbours are mostly in one.
#[derive(Default)]
struct Parents {
    dirs: BTreeSet<Vec<u8>>,
    last: Vec<u8>,
}

impl Parents {
    fn add(&mut self, path: &RelPath) {
        if let Some(dir) = path.parent().filter(|dir| *dir != self.last) {
            self.last = dir.to_vec();
            self.dirs.insert(dir.to_vec());
        }
    }
}

impl RootPlan {
    /// Nothing to do that counts as a difference.
    pub fn is_empty(&self) -> bool {
        self.remove_files.is_empty()
            && self.remove_dirs.is_empty()
            && self.make_dirs.is_empty()
            && self.place.is_empty()
            && self.link.is_empty()
            && self.retouch.is_empty()
            && self.settle.is_empty()
    }

    /// Bytes of all that is put in place.
    pub fn bytes(&self) -> u64 {
        // Sizes are what an inventory says: too much is too much, not little.
        let sizes = self.place.iter().map(|placement| placement.entry.size());
        sizes.fold(0, u64::saturating_add)
    }

    /// Every path with what happens to it. Of a path that is named twice the last counts.
    fn steps(&self) -> impl Iterator<Item = (&RelPath, FileChangeKind)> {
        use FileChangeKind::{Added, MetadataOnly, Modified, Removed};
        let removed = self
            .remove_files
            .iter()
            .chain(&self.remove_dirs)
            .map(|path| (path, Removed));
        let made = self.make_dirs.iter().map(|entry| (&entry.path, Added));
        let retouched = self.retouch.iter().map(|entry| (&entry.path, MetadataOnly));
        let linked = self.link.iter().map(|entry| (&entry.path, Modified));
        let placed = self.place.iter().map(|placement| {
            let kind = if placement.replaces { Modified } else { Added };
            (&placement.entry.path, kind)
        });
        // What is retouched may be placed as well, in a directory that is built anew.
        removed.chain(made).chain(linked).chain(placed).chain(retouched)
    }

    /// What changes by a step of its own: single paths, and directories that come or go whole.
    pub fn changed(&self) -> BTreeSet<&RelPath> {
        let whole_of = self.wholes();
        let single = self
            .steps()
            .map(|(path, _)| path)
            .filter(|path| whole_of(path).is_none() && self.built_in(path).is_none());
        let whole = self.whole.iter().map(|whole| &whole.dir);
        single.chain(whole).chain(&self.fresh).collect()
    }

    /// Every path with what happens to it, sorted.
    pub fn paths(&self) -> Vec<(RelPath, FileChangeKind)> {
        let paths: BTreeMap<&RelPath, FileChangeKind> = self.steps().collect();
        paths.into_iter().map(|(path, kind)| (path.clone(), kind)).collect()
    }
}

#[cfg(test)]
mod tests;
