//! The seam between those who hold content and those who want it: neither knows the other.

use std::collections::BTreeSet;

use super::entry::PrefixUse;
use super::prefix::PrefixScan;
use crate::digest::{Digest, Hasher};
use crate::progress::Progress;

/// What reading a file tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Identity of the bytes.
    pub digest: Digest,
    /// Whether they hold the root's prefix.
    pub prefix: PrefixUse,
    /// Whether the file has holes.
    pub sparse: bool,
}

/// Sums up a file while it is read.
#[derive(Clone)]
pub struct ContentSum<'a> {
    hasher: Hasher,
    scan: PrefixScan<'a>,
}

impl<'a> ContentSum<'a> {
    /// Nothing read yet; `prefix` is looked for.
    pub fn new(prefix: &'a [u8]) -> Self {
        Self {
            hasher: Hasher::new(),
            scan: PrefixScan::new(prefix),
        }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.scan.update(bytes);
    }

    /// All was read.
    pub fn finish(self, sparse: bool) -> Content {
        Content {
            digest: self.hasher.finish(),
            prefix: self.scan.finish(),
            sparse,
        }
    }
}

/// Takes verified content, piece by piece, in any order, from several threads.
pub trait ContentSink: Sync {
    /// `bytes` stand at `offset` of the wanted content number `want`.
    ///
    /// # Errors
    /// Ends the whole fetch.
    fn write_at(&self, want: usize, offset: u64, bytes: &[u8]) -> Result<(), crate::fsx::Error>;
}

/// One content to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Its identity.
    pub digest: Digest,
    /// Its length, as the inventory knows it.
    pub size: u64,
}

/// Holds content by digest.
pub trait ContentSource: Sync {
    /// Delivers all of `wants`, each byte checked against a digest before the sink sees it.
    ///
    /// # Errors
    /// Names every content that is missing or damaged.
    fn fetch(&self, wants: &[Want], sink: &dyn ContentSink, progress: &dyn Progress) -> Result<(), FetchError>;
}

/// Why content was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Some of it cannot be had; the rest may have been delivered.
    #[error("{} of the stored contents cannot be read: {reason}", .lost.len())]
    Lost {
        /// The contents.
        lost: BTreeSet<Digest>,
        /// What is wrong with the first of them, naming the layer.
        reason: String,
    },
    /// The sink could not take it.
    #[error(transparent)]
    Sink(#[from] crate::fsx::Error),
}
