//! What is found out before the first name changes: the plan of a root, and whether anything forbids it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::apply::untouched::is_fixed;
use crate::apply::{Pinned, free_space};
use crate::capture::scan::LiveRoot;
use crate::fsx::Context;
use crate::ops::Session;
use crate::ops::error::Error;
use crate::ops::pins::make_room;
use crate::plan::{self, RootPlan};
use crate::snapshot::change::FileChange;
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::{Policy, Root};

pub(super) fn plan_root(
    live: &LiveRoot,
    differences: &[FileChange],
    unrecorded: &BTreeSet<RelPath>,
    wanted: &BTreeMap<&[u8], &Entry>,
    whole: bool,
) -> Result<RootPlan, plan::Blocked> {
    let policy = live.root.policy;
    let outside = live.skipped.iter().chain(&live.special);
    let held: BTreeSet<RelPath> = outside
        .flat_map(|path| path.ancestors())
        .filter_map(|dir| RelPath::new(dir).ok())
        .collect();
    let stale = |dir: &&Entry| {
        whole
            && live
                .entry(dir.path.as_bytes())
                .is_some_and(|now| now.mtime != dir.mtime)
    };
    plan::plan(plan::Input {
        changes: differences,
        policy,
        recorded: &|path| policy == Policy::Exact || !unrecorded.contains(path),
        shared: &|path| live.mark(path.as_bytes()).is_none_or(|mark| mark.stamp.nlink > 1),
        held: &held,
        directory: &|dir| {
            wanted
                .get(dir)
                .map(|entry| (*entry).clone())
                .or_else(|| live.entry(dir).cloned())
        },
        stale_times: wanted.values().copied().filter(stale).cloned().collect(),
    })
}

pub(super) fn refuse_full(session: &Session<'_>, root: &Root, plan: &RootPlan, pinned: &Pinned) -> Result<(), Error> {
    /// What a file costs besides its bytes: an inode and half a block.
    const PER_FILE: u64 = 4096;
    const RESERVE: u64 = 16 << 20;
    let written = plan.place.iter().map(|placement| &placement.entry);
    let written = written.filter(|entry| !plan.is_brought(&entry.path) && !pinned.contains_key(&entry.path));
    let needed = written.map(|entry| entry.size() + PER_FILE).sum::<u64>();
    let mut free = free_space(&root.path)?;
    if needed > 0 && needed + RESERVE > free && pinned.is_empty() && plan.whole.iter().all(|w| w.brings.is_none()) {
        // Pins are worth less than a checkout; none of them is needed for this one.
        make_room(session)?;
        free = free_space(&root.path)?;
    }
    if needed == 0 || needed + RESERVE <= free {
        return Ok(());
    }
    Err(Error::NoSpace {
        path: root.path.clone(),
        needed,
        free,
    })
}

/// Every directory in which a name changes must be writable: found out before the first name changes.
pub(super) fn refuse_unwritable(root: &Root, plan: &RootPlan) -> Result<(), Error> {
    use rustix::fs::Access;
    let changed = plan.paths();
    let mut dirs: BTreeSet<PathBuf> = changed.iter().map(|(path, _)| parent_of(root, path)).collect();
    if !changed.is_empty() {
        dirs.insert(root.path.clone());
    }
    for dir in dirs {
        if is_fixed(&dir) {
            return Err(Error::refused(
                format!("{} is marked immutable or append-only", dir.display()),
                "take the mark away (chattr -i -a) and run the checkout again; nothing was changed",
            ));
        }
        if dir.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            rustix::fs::access(&dir, Access::WRITE_OK | Access::EXEC_OK).at("write in", &dir)?;
        }
    }
    Ok(())
}

fn parent_of(root: &Root, path: &RelPath) -> PathBuf {
    let mut full = path.under(&root.path);
    full.pop();
    full
}
