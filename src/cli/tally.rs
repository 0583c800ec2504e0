//! How many files changed, and by how many bytes: what text and JSON both say.

use std::collections::HashSet;

use crate::snapshot::change::{FileChange, FileChangeKind, RootChanges};
use crate::snapshot::entry::Entry;

/// The file changes of one root, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) added: u64,
    pub(super) modified: u64,
    pub(super) removed: u64,
    pub(super) metadata_only: u64,
    /// Sizes of new content.
    pub(super) bytes_added: u64,
    /// Sizes of content that is gone.
    pub(super) bytes_removed: u64,
}

impl Tally {
    /// Counts.
    pub(super) fn of(root: &RootChanges) -> Self {
        let mut tally = Self::default();
        for change in told(root) {
            let size = |entry: &Option<Entry>| entry.as_ref().map_or(0, Entry::size);
            let kind = change.kind();
            match kind {
                FileChangeKind::Added => tally.added += 1,
                FileChangeKind::Modified => tally.modified += 1,
                FileChangeKind::Removed => tally.removed += 1,
                FileChangeKind::MetadataOnly => tally.metadata_only += 1,
            }
            if kind != FileChangeKind::MetadataOnly {
                tally.bytes_added += size(&change.to);
                tally.bytes_removed += size(&change.from);
            }
        }
        tally
    }
}

/// The changes worth telling: all but directories that came or went together with what is in them.
pub(super) fn told(root: &RootChanges) -> Vec<&FileChange> {
    let parents: HashSet<&[u8]> = root.files.iter().flat_map(|change| change.path().ancestors()).collect();
    let is_told = |change: &&FileChange| {
        let is_dir = change.to.as_ref().or(change.from.as_ref()).is_some_and(Entry::is_dir);
        let came_or_went = change.from.is_none() || change.to.is_none();
        !(is_dir && came_or_went && parents.contains(change.path().as_bytes()))
    };
    root.files.iter().filter(is_told).collect()
}
