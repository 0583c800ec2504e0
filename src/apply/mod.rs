//! Performs a plan: stages every new file inside the root, complete and synced, then swaps by rename.
//!
//! ```text
//! stage ──► sync ──► (journal sealed by the caller) ──► swap ──► sync ──► clear
//! ```
//!
//! Until the swap the live tree is untouched. The swap uses a new inode for every changed file and never writes
//! through an existing one: running processes have it mapped, other environments may share it. What is replaced
//! ends in the stage, which is removed last.

pub mod journal;
mod parts;
pub mod pins;
mod stage;
mod swap;
pub mod untouched;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use parts::in_parts;

use crate::fsx::{self, Context, Error as IoError, atomic};
use crate::plan::RootPlan;
use crate::progress::{Phase, Progress};
use crate::relocate::{Relocation, Stuck};
use crate::snapshot::content::{ContentSource, FetchError};
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::STAGE_DIR;

/// Why a plan was not performed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Content could not be had; the live tree is untouched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// One root's plan under way.
pub struct Application<'a> {
    root: &'a Path,
    plan: &'a RootPlan,
    staged: stage::Staged,
    stuck: Vec<(RelPath, Stuck)>,
}

/// Where new files come from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Has all content, as it is recorded.
    pub store: &'a dyn ContentSource,
    /// Files to be taken from pins.
    pub pinned: &'a Pinned,
    /// How what is recorded becomes what must be here.
    pub form: &'a Relocation,
}

/// Files to be taken from pins, by their paths in the root.
pub type Pinned = BTreeMap<RelPath, pins::PinnedFile>;

/// What a swap did.
#[derive(Debug, Default)]
pub struct Placed {
    /// Files that were put in place one by one, with their inode numbers.
    pub files: Vec<(Entry, u64)>,
    /// Directories that went whole.
    pub parked: Vec<Parked>,
}

/// A directory that went out of the live tree whole.
#[derive(Clone, Debug)]
pub struct Parked {
    /// Where it stood.
    pub dir: RelPath,
    /// Where it is now: within the stage.
    pub at: PathBuf,
}

/// A swap that did not end.
#[derive(Debug)]
pub struct Stopped {
    /// Why.
    pub error: IoError,
    /// The live tree is as it was before.
    pub is_undone: bool,
}

impl<'a> Application<'a> {
    /// Paths that the plan takes for absent but where something stands: nothing that any commit holds.
    pub fn in_the_way(root: &Path, plan: &RootPlan) -> Vec<RelPath> {
        let goes: BTreeSet<&RelPath> = plan.remove_files.iter().chain(&plan.remove_dirs).collect();
        // Beneath a file or link that goes there is nothing, whatever a link leads to.
        let is_free = |path: &RelPath| {
            let beneath = |dir: &[u8]| RelPath::new(dir).is_ok_and(|dir| goes.contains(&dir));
            goes.contains(path) || path.ancestors().any(beneath)
        };
        let files = plan.place.iter().filter(|placement| !placement.replaces);
        let files = files.map(|placement| (&placement.entry.path, false));
        let dirs = plan.make_dirs.iter().map(|entry| (&entry.path, true));
        let mut paths: Vec<RelPath> = files
            .chain(dirs)
            .filter(|(path, _)| !is_free(path))
            .filter(|(path, makes_dir)| {
                let there = path.under(root).symlink_metadata();
                there.is_ok_and(|meta| !(*makes_dir && meta.is_dir()))
            })
            .map(|(path, _)| path.clone())
            .collect();
        paths.sort_unstable();
        paths
    }

    /// Writes every new file into the stage and makes it durable. The live tree is untouched, and stays so when this
    /// fails.
    ///
    /// # Errors
    /// Content that cannot be had, or what the file system refused; the stage is removed.
    pub fn stage(
        root: &'a Path,
        plan: &'a RootPlan,
        source: &Source<'_>,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let staged = stage::Staged::create(&stage_path(root))?;
        let mut application = Self {
            root,
            plan,
            staged,
            stuck: Vec::new(),
        };
        match application.staged.fill(plan, source, progress) {
            Ok(stuck) => {
                application.stuck = stuck;
                Ok(application)
            }
            Err(error) => {
                application.clear()?;
                Err(error)
            }
        }
    }

    /// Staged files that name the place where they were recorded, and could not be changed to name the one here.
    pub fn stuck(&self) -> &[(RelPath, Stuck)] {
        &self.stuck
    }

    /// Makes the live tree what the plan says. On return the change is durable; `swapped` takes it back.
    ///
    /// # Errors
    /// What the file system refused. What was done is taken back, if the file system lets it.
    pub fn swap(&self, progress: &dyn Progress) -> Result<(Placed, Swapped<'_>), Stopped> {
        progress.begin(Phase::Swap, None);
        let stopped = |error, is_undone| Stopped { error, is_undone };
        let mut swap = swap::Swap::new(self.root, self.plan, &self.staged).map_err(|error| stopped(error, true))?;
        let outcome = swap.perform(self.plan);
        let outcome = outcome.and_then(|placed| atomic::sync_file_system(self.root).map(|()| placed));
        progress.end();
        let mut swapped = Swapped { root: self.root, swap };
        match outcome {
            Ok(placed) => Ok((placed, swapped)),
            Err(error) => Err(stopped(error, swapped.undo().is_ok())),
        }
    }

    /// Removes the stage with all that was replaced.
    ///
    /// # Errors
    /// Names what could not be removed.
    pub fn clear(self) -> Result<(), IoError> {
        drop(self.staged);
        clear_stage(self.root)
    }
}

/// A swap that was performed.
pub struct Swapped<'a> {
    root: &'a Path,
    swap: swap::Swap<'a>,
}

impl Swapped<'_> {
    /// Takes the whole swap back. Durable on return.
    ///
    /// # Errors
    /// What the file system refused; the tree is then between the states.
    pub fn undo(&mut self) -> Result<(), IoError> {
        self.swap.undo()?;
        atomic::sync_file_system(self.root)
    }
}

fn stage_path(root: &Path) -> PathBuf {
    root.join(STAGE_DIR)
}

/// Whether a checkout is at work in a root, or left its stage there.
pub fn has_stage(root: &Path) -> bool {
    stage_path(root).symlink_metadata().is_ok()
}

/// Removes what an earlier checkout left in the stage of a root.
///
/// # Errors
/// Names what could not be removed.
pub fn clear_stage(root: &Path) -> Result<(), IoError> {
    let stage = stage_path(root);
    let Ok(listing) = std::fs::read_dir(&stage) else {
        return Ok(());
    };
    let files: Vec<PathBuf> = listing.flatten().map(|entry| entry.path()).collect();
    in_parts(&files, |part| {
        for file in part {
            // What cannot be removed is named by the removal of the directory below.
            let _ = std::fs::remove_file(file);
        }
    });
    match std::fs::remove_dir_all(&stage).at("remove", &stage) {
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    fsx::witness::saw(|| fsx::witness::Change::Remove(stage));
    Ok(())
}

/// Takes the stage of a root out of it. Where pins are kept on the same file system that is one rename, and the names
/// in it are removed later; names that pins have as well go at once, which costs little and leaves the pins' stamps
/// alone from then on.
///
/// # Errors
/// Names what could not be removed.
pub fn discard_stage(root: &Path, pins: Option<&pins::Pins>) -> Result<(), IoError> {
    let stage = stage_path(root);
    let Some(pins) = pins else { return clear_stage(root) };
    for entry in std::fs::read_dir(&stage).into_iter().flatten().flatten() {
        use std::os::unix::fs::MetadataExt;
        if entry.metadata().is_ok_and(|meta| meta.is_file() && meta.nlink() > 1) {
            fsx::remove_file(&entry.path())?;
        }
    }
    pins.discard(&stage).or_else(|_| clear_stage(root))
}
