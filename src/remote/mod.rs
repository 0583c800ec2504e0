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

pub mod address;
mod body;
mod directory;
#[cfg(feature = "remote-stores")]
mod endpoint;
#[cfg(feature = "remote-stores")]
mod http;
mod key;
#[cfg(feature = "remote-stores")]
mod login;
#[cfg(feature = "remote-stores")]
mod oci;
mod sftp;
#[cfg(feature = "remote-stores")]
mod store;
mod surroundings;
#[cfg(feature = "remote-stores")]
mod web;
#[cfg(feature = "remote-stores")]
mod webdav;

pub use address::Address;
pub use body::{Body, FileBody};
pub use directory::Directory;
pub use key::Key;
pub use surroundings::Surroundings;

use address::Place;

use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;

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
    /// There is no object of that key.
    #[error("{remote} has no {key}")]
    Absent {
        /// The object.
        key: String,
        /// The remote, without credentials.
        remote: String,
    },
    /// There is no such host, or it does not answer.
    #[error("cannot reach {remote}: {problem}")]
    Unreachable {
        /// The remote, without credentials.
        remote: String,
        /// What was tried, and what came of it.
        problem: String,
    },
    /// The host answers, but what the address names is not there: a bucket, a directory.
    #[error("there is no {what} at {remote}")]
    NoPlace {
        /// What is missing, with its name.
        what: String,
        /// The remote, without credentials.
        remote: String,
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
    #[error("what is to be sent, or was received, could not be read or written here")]
    Local(#[from] io::Error),
}

impl Error {
    /// Whether it says that there is no such object.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }

    fn failed(
        action: &'static str,
        key: &str,
        remote: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed {
            action,
            key: key.to_owned(),
            remote: remote.to_owned(),
            source: source.into(),
        }
    }
}

/// The remote at an address. Nobody is asked yet.
///
/// # Errors
/// When the address is none, or needs something that only the user can say.
pub fn open(address: &str, surroundings: &Surroundings) -> Result<Box<dyn Transport>, Error> {
    let address = Address::parse(address)?;
    match address.place() {
        Place::Directory(path) => Ok(Box::new(Directory::new(surroundings.folder().join(path)))),
        Place::Ssh(place) => Ok(Box::new(sftp::Sftp::new(&address, place, surroundings))),
        #[cfg(feature = "remote-stores")]
        Place::Store(place) => Ok(Box::new(store::Store::open(&address, place, surroundings)?)),
        #[cfg(feature = "remote-stores")]
        Place::Web(place) if place.is_webdav => Ok(Box::new(webdav::Webdav::open(&address, place, surroundings)?)),
        #[cfg(feature = "remote-stores")]
        Place::Web(place) => Ok(Box::new(web::Web::open(&address, place, surroundings)?)),
        #[cfg(feature = "remote-stores")]
        Place::Oci(place) => Ok(Box::new(oci::Oci::new(&address, place, surroundings))),
        #[cfg(not(feature = "remote-stores"))]
        _ => Err(Error::Address {
            url: address.to_string(),
            problem: "this envgit was built without remotes of this kind".to_owned(),
        }),
    }
}

/// A number for a name that nobody else has at the same time.
fn unlike_any_other() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::time::Instant::now())
}

/// The most that is read into memory at once.
const PART_MAX: u64 = 256 << 20;

/// The length of a part that is read into memory.
fn part_len(range: &Range<u64>) -> Result<usize, Error> {
    let len = range.end.checked_sub(range.start).filter(|len| *len <= PART_MAX);
    let len = len.and_then(|len| usize::try_from(len).ok());
    len.ok_or_else(|| io::Error::other(format!("{}..{} is no part to hold in memory", range.start, range.end)).into())
}

/// What a place can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Objects can be written.
    pub write: bool,
    /// [`Transport::create`] is atomic: of several who create one key at the same moment exactly one is told so.
    /// Elsewhere it looks first and then writes, and two can both be told so.
    pub create: bool,
    /// [`Transport::replace`] is atomic: a reader sees the old object or the new one. Elsewhere it may for a moment find
    /// none, or parts of both.
    pub replace: bool,
    /// Objects can be listed. What cannot be listed can only be read by keys that are known.
    pub list: bool,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Its length in bytes.
    pub size: u64,
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

    /// Whether part of an object comes without the rest, as nearly everywhere.
    ///
    /// # Errors
    /// What the place said.
    fn gives_parts(&self, _key: &Key) -> Result<bool, Error> {
        Ok(true)
    }

    /// All bytes of an object from `start` on, in order, as they come, in bounded memory. Returns how many there were.
    /// After an error `out` may have got some of them; a connection that broke is taken up where it did.
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

    /// A whole small object as it is at one moment, or nothing where there is none.
    ///
    /// # Errors
    /// What the remote said.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        match self.stream(key, 0, &mut bytes) {
            Err(error) if error.is_absent() => Ok(None),
            read => read.map(|_| Some(bytes)),
        }
    }

    /// The file that an object is, where it is one on this machine, so that it can be linked instead of copied.
    fn local_path(&self, _key: &Key) -> Option<PathBuf> {
        None
    }
}
