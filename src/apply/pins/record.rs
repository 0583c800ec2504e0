//! What is known of a pinned tree: its entries, each with the stamp under which it was true.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::fsx::stamp::Stamp;
use crate::fsx::{Error, cache};
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;

/// Raised when the form or meaning of any field changes.
const VERSION: u32 = 1;

/// A pinned file or symlink.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pinned {
    /// What it is.
    pub(super) entry: Entry,
    /// The stamp of the pin under which that was true. A write to the inode changes it for good: nothing sets a ctime
    /// back.
    pub(super) stamp: Stamp,
}

/// A pinned tree.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// Files and symlinks, sorted by path.
    pub(super) files: Vec<Pinned>,
    /// Directories, sorted by path.
    pub(super) dirs: Vec<Entry>,
}

impl Record {
    pub(super) fn new(mut files: Vec<Pinned>, dirs: Vec<Entry>) -> Self {
        files.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
        Self {
            version: VERSION,
            files,
            dirs,
        }
    }

    /// Reads a record; whatever is wrong with it, there is none.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let record: Self = cache::read(path)?;
        (record.version == VERSION).then_some(record)
    }

    /// Writes it. It may be lost or old after a power cut, which costs only speed: every stamp is compared before a
    /// pin is used.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        cache::write(path, self)
    }

    /// The file or symlink at each of the paths that are asked for in their order.
    pub(super) fn in_order<'a>(&'a self) -> impl FnMut(&RelPath) -> Option<&'a Pinned> {
        let mut rest = &self.files[..];
        let mut has_begun = false;
        move |path| {
            if !std::mem::replace(&mut has_begun, true) {
                rest = &rest[rest.partition_point(|known| known.entry.path < *path)..];
            }
            while let Some((known, others)) = rest.split_first()
                && known.entry.path <= *path
            {
                rest = others;
                if known.entry.path == *path {
                    return Some(known);
                }
            }
            None
        }
    }

    /// Bytes of its files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.entry.size()).sum()
    }
}
