//! How the library tells what it is doing. The library never draws: the command line does.

/// A phase of a long operation, named for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Listing the files of the roots.
    Scan,
    /// Reading and hashing files.
    Read,
    /// Reading files and writing a layer.
    Store,
    /// Writing new files beside the live tree.
    Stage,
    /// Moving staged files into place.
    Swap,
    /// Making written data durable.
    Sync,
    /// Sending objects to a remote.
    Send,
    /// Getting objects from a remote.
    Receive,
    /// Comparing the result with what was asked for.
    Verify,
}

/// Receives progress. All methods may be called from several threads.
pub trait Progress: Sync {
    /// A phase begins. `bytes` is the total that [`Progress::advance`] will count, if known.
    fn begin(&self, phase: Phase, bytes: Option<u64>);
    /// `bytes` more of the current phase are done.
    fn advance(&self, bytes: u64);
    /// The current phase is over.
    fn end(&self);
    /// Something the user should know that does not stop the operation.
    fn warn(&self, message: &str);
}

/// Ignores all progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn warn(&self, _: &str) {}
}
