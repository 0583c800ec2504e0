//! The seam between those who hold content and those who want it: neither knows the other.

use std::collections::BTreeSet;

use super::entry::PrefixUse;
use super::path::RelPath;
use super::prefix::PrefixScan;
use crate::digest::{Digest, Hasher};
use crate::progress::Progress;

/// What reading a file tells of it, in the form in which it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Identity of the bytes.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
    /// Whether they hold the path of a root.
    pub prefix: PrefixUse,
    /// Whether the file has holes.
    pub sparse: bool,
}

/// The form in which the content of a root is recorded, wherever the root stands.
pub trait Form: Send + Sync {
    /// Stands for all that decides about the form.
    fn fingerprint(&self) -> Digest;

    /// Paths whose presence in a live file means that it may be recorded in another form.
    fn sought(&self, path: &RelPath) -> &[Vec<u8>];

    /// Paths that mark the recorded content of a file, see [`PrefixUse`].
    fn homes(&self, path: &RelPath) -> &[Vec<u8>];

    /// Whether every live file is recorded as it is.
    fn is_home(&self) -> bool;

    /// The path at which the root stands in recorded content; none where that is its own.
    fn home(&self) -> Option<&[u8]>;

    /// Longer files are recorded as they are.
    fn longest(&self) -> u64;

    /// The longest that a file of `live` bytes may be when it is recorded.
    fn bound(&self, live: u64) -> u64;

    /// The recorded form of a live file that holds one of the sought paths.
    fn recorded(&self, path: &RelPath, live: Vec<u8>) -> Recorded;

    /// The recorded form of a live link's target.
    fn recorded_link(&self, target: Vec<u8>) -> Vec<u8>;

    /// The recorded form of any live file.
    fn take(&self, path: &RelPath, live: Vec<u8>) -> Recorded {
        let mut scan = PrefixScan::new(self.sought(path));
        scan.update(&live);
        match scan.finish() {
            PrefixUse::None => Recorded {
                bytes: live,
                prefix: PrefixUse::None,
            },
            prefix if self.is_home() => Recorded { bytes: live, prefix },
            _ => self.recorded(path, live),
        }
    }
}

/// Records everything as it is, and looks for nothing in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verbatim;

impl Form for Verbatim {
    fn fingerprint(&self) -> Digest {
        Digest::of(b"")
    }

    fn sought(&self, _: &RelPath) -> &[Vec<u8>] {
        &[]
    }

    fn homes(&self, _: &RelPath) -> &[Vec<u8>] {
        &[]
    }

    fn is_home(&self) -> bool {
        true
    }

    fn home(&self) -> Option<&[u8]> {
        None
    }

    fn longest(&self) -> u64 {
        u64::MAX
    }

    fn bound(&self, live: u64) -> u64 {
        live
    }

    fn recorded(&self, _: &RelPath, live: Vec<u8>) -> Recorded {
        Recorded {
            bytes: live,
            prefix: PrefixUse::None,
        }
    }

    fn recorded_link(&self, target: Vec<u8>) -> Vec<u8> {
        target
    }
}

/// A content in the form in which it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What they hold.
    pub prefix: PrefixUse,
}

/// Sums up a file while it is read.
#[derive(Clone)]
pub struct ContentSum<'a> {
    hasher: Hasher,
    size: u64,
    scan: PrefixScan<'a>,
}

impl<'a> ContentSum<'a> {
    /// Nothing read yet; these paths are looked for.
    pub fn new(sought: &'a [Vec<u8>]) -> Self {
        Self {
            hasher: Hasher::new(),
            size: 0,
            scan: PrefixScan::new(sought),
        }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.scan.update(bytes);
    }

    /// All was read.
    pub fn finish(self, sparse: bool) -> Content {
        Content {
            digest: self.hasher.finish(),
            size: self.size,
            prefix: self.scan.finish(),
            sparse,
        }
    }
}

impl Recorded {
    /// What it tells.
    pub fn content(&self, sparse: bool) -> Content {
        Content {
            digest: Digest::of(&self.bytes),
            size: self.bytes.len() as u64,
            prefix: self.prefix,
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
pub trait ContentSource {
    /// Delivers all of `wants`, each byte checked, by its digest or what was noted with it, before the sink sees it.
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
    /// The source itself cannot be opened.
    #[error(transparent)]
    Closed(Box<dyn std::error::Error + Send + Sync>),
}
