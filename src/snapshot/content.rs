//! The seam between those who hold content and those who want it: neither knows the other.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::progress::Progress;

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
