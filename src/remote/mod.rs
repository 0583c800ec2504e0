//! Remotes: places where objects lie under keys for others. What the objects mean is not known here.
//!
//! Every kind of place is a [`Transport`], and all of them keep one contract (`tests/remotes.rs` runs it against real
//! servers):
//!
//! - an object is whole or not there: a reader never sees a part of one that is being written;
//! - an object that was written is seen by every later reader, and in every later listing;
//! - [`Transport::create`] makes an object exactly once, whoever else tries at the same moment, where
//!   [`Abilities::create`] says so;
//! - nothing is tried in silence for ever: what a server refuses is an error that names it, and what may pass with
//!   time is tried again a few times.

mod key;

pub use key::Key;

use std::io::{Read, Write};
use std::ops::Range;

/// What went wrong at a remote.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address makes no sense.
    #[error("{url:?} is not the address of a remote: {problem}")]
    Address {
        /// As it was given.
        url: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The server, or the file system, refused or did not answer.
    #[error("cannot {action} {key} at {remote}")]
    Failed {
        /// The verb: `read`, `write`, `list`…
        action: &'static str,
        /// The object, or nothing for the remote as a whole.
        key: String,
        /// The remote, without credentials.
        remote: String,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The credentials were refused, or there are none.
    #[error("{remote} refuses access: {problem}")]
    Denied {
        /// The remote, without credentials.
        remote: String,
        /// What it said, and where credentials are looked for.
        problem: String,
    },
    /// It can only be read.
    #[error("{remote} can only be read")]
    ReadOnly {
        /// The remote, without credentials.
        remote: String,
    },
    /// What is to be written could not be read here.
    #[error(transparent)]
    Local(#[from] std::io::Error),
}

/// What a place can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Objects can be written.
    pub write: bool,
    /// [`Transport::create`] is atomic: of several who create one key at the same moment exactly one is told so.
    pub create: bool,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Its length in bytes.
    pub size: u64,
}

/// The content of an object that is to be written: read again from the start when a write is tried again.
pub trait Body: Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> u64;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Its bytes, from the start. Whoever reads them may tell of progress.
    ///
    /// # Errors
    /// What the system said.
    fn open(&self) -> std::io::Result<Box<dyn Read + Send + '_>>;
}

/// A place that keeps objects. All methods may be called from several threads at once.
pub trait Transport: Send + Sync {
    /// Its address for people, without credentials.
    fn address(&self) -> &str;

    /// What it can do.
    fn abilities(&self) -> Abilities;

    /// The length of an object, or nothing where there is none.
    ///
    /// # Errors
    /// What the remote said.
    fn size(&self, key: &Key) -> Result<Option<u64>, Error>;

    /// A part of an object, which must lie within it: for small parts, it is held in memory.
    ///
    /// # Errors
    /// What the remote said; also when the object is absent or shorter.
    fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, Error>;

    /// All bytes of an object from `start` on, in order, as they come, in bounded memory. Returns how many there were.
    /// After an error `out` may have got some of them.
    ///
    /// # Errors
    /// What the remote or `out` said; also when the object is absent.
    fn stream(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, Error>;

    /// All objects whose keys begin with `prefix`, a folder, sorted by key; of a folder that is not there, none.
    ///
    /// # Errors
    /// What the remote said.
    fn list(&self, prefix: &Key) -> Result<Vec<Listed>, Error>;

    /// Writes an object whose key follows from its content, whole or not at all. Writing one that is there already is
    /// no error and changes nothing that a reader can see.
    ///
    /// # Errors
    /// What the remote said.
    fn put(&self, key: &Key, body: &dyn Body) -> Result<(), Error>;

    /// Makes a small object if there is none of that key, and says whether it did.
    ///
    /// # Errors
    /// What the remote said. It is then not known whether the object was made.
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<bool, Error>;

    /// Makes a small object this one, whatever it was: the last writer wins.
    ///
    /// # Errors
    /// What the remote said.
    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<(), Error>;

    /// Removes an object; that it is not there is no error.
    ///
    /// # Errors
    /// What the remote said.
    fn remove(&self, key: &Key) -> Result<(), Error>;
}
