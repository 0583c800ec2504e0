//! Whether a pin still is what was pinned.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::AtFlags;

use super::record::Pinned;
use crate::apply::stage::user_xattrs;
use crate::cores;
use crate::digest::Hasher;
use crate::fsx::beneath::Beneath;
use crate::fsx::stable;
use crate::fsx::stamp::{FileType, Stamp};
use crate::snapshot::entry::{Entry, Node};

/// What a look at a pin tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Its stamp is as recorded.
    Same,
    /// Its inode changed somehow; size, time and mode are as recorded.
    Moved,
    /// It is gone or another.
    Lost,
}

/// The stamp of a name in an open directory, if it is there.
pub(super) fn stamp_in(parent: &OwnedFd, name: &[u8]) -> Option<Stamp> {
    let stat = rustix::fs::statat(parent.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(Stamp::from(stat))
}

/// Compares a pin with its record.
pub(super) fn look(tree: &mut Beneath, pinned: &Pinned) -> Look {
    match tree.stamp(&pinned.entry.path) {
        Some(now) if same_inode_state(&now, &pinned.stamp) => Look::Same,
        Some(now) if now.same_file_state(&pinned.stamp) => Look::Moved,
        _ => Look::Lost,
    }
}

/// Whether a directory with its recorded mode and time is at a path.
pub(super) fn stands_as(dir: &Entry, path: &Path) -> bool {
    Stamp::of_path(path).is_ok_and(|now| is_as(dir, &now))
}

/// Whether what is there is a directory with its recorded mode and time. Every name that came or went since shows in the
/// time, also what a process did that stood in it while it was out of use.
pub(super) fn is_as(dir: &Entry, now: &Stamp) -> bool {
    (now.file_type, now.mode, now.mtime) == (FileType::Dir, dir.mode, dir.mtime)
}

/// Whether nothing happened to the inode between two stamps.
pub(super) fn same_inode_state(a: &Stamp, b: &Stamp) -> bool {
    a.same_file_state(b) && a.ctime == b.ctime
}

/// Reads pins whose stamps moved, on all cores, and tells the stamps under which they are what was recorded. A pin that
/// is not gets none.
pub(super) fn read_again(tree: &Path, pins: &[&Pinned]) -> Vec<Option<Stamp>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![None; pins.len()]);
    let bytes: u64 = pins.iter().map(|pin| pin.entry.size()).sum();
    const WORTH_A_THREAD: u64 = 1 << 20;
    let threads = if bytes > WORTH_A_THREAD { cores::count() } else { 1 };
    let mut order: Vec<usize> = (0..pins.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(pins[*at].entry.size()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(pins.len()) {
            scope.spawn(|| {
                while let Some(at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let stamp = read_one(tree, pins[*at]);
                    if let Ok(mut results) = results.lock() {
                        results[*at] = stamp;
                    }
                }
            });
        }
    });
    results.into_inner().unwrap_or_default()
}

fn read_one(tree: &Path, pin: &Pinned) -> Option<Stamp> {
    let path = pin.entry.path.under(tree);
    match &pin.entry.node {
        Node::File(file) => {
            let (sum, stamp, _) = stable::fold(&path, Hasher::new, |sum, bytes| sum.update(bytes)).ok()?;
            // An attribute that was given to another name of it shows in the stamp alone.
            let is_dressed = user_xattrs(&std::fs::File::open(&path).ok()?).ok()? == pin.entry.xattrs;
            let same = is_dressed && sum.finish() == file.digest && stamp.same_file_state(&pin.stamp);
            same.then_some(stamp)
        }
        Node::Symlink(target) => {
            let now = std::fs::read_link(&path).ok()?;
            let stamp = Stamp::of_path(&path).ok()?;
            let same = now.as_os_str().as_encoded_bytes() == target && stamp.file_type == FileType::Symlink;
            (same && stamp.mtime == pin.entry.mtime).then_some(stamp)
        }
        Node::Dir => None,
    }
}
