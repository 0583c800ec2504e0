//! Somebody who sees every durable change in the order in which it was made.
//!
//! Nobody watches a program that runs for its user. A test that links the library can: it stops the process between
//! two changes, or plays back which of them a power cut may leave.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

/// A change that was just made, with full paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file was made or its content, mode or times were set: it is as it now stands.
    File(PathBuf),
    /// A symlink was made.
    Symlink(PathBuf),
    /// A directory was made, or its mode or times were set.
    Dir(PathBuf),
    /// A name moved, replacing what was there.
    Rename {
        /// The old name.
        from: PathBuf,
        /// The new name.
        to: PathBuf,
    },
    /// Two names changed places.
    Exchange {
        /// One.
        a: PathBuf,
        /// The other.
        b: PathBuf,
    },
    /// A file got another name.
    Link {
        /// The name it had.
        from: PathBuf,
        /// The name it has as well.
        to: PathBuf,
    },
    /// A name was removed, with all beneath it.
    Remove(PathBuf),
    /// The content of a file is durable.
    SyncFile(PathBuf),
    /// The names in a directory are durable.
    SyncDir(PathBuf),
    /// All that was done on the file system of a path is durable.
    SyncAll(PathBuf),
}

/// Is told of changes.
pub trait Witness: Send + Sync {
    /// A change was made, maybe by another thread than the last.
    fn saw(&self, change: Change);
}

static WATCHED: AtomicBool = AtomicBool::new(false);
static WITNESS: RwLock<Option<Arc<dyn Witness>>> = RwLock::new(None);

/// Tells a witness of all changes of this process from now on, or nobody.
pub fn watch(witness: Option<Arc<dyn Witness>>) {
    if let Ok(mut current) = WITNESS.write() {
        WATCHED.store(witness.is_some(), Ordering::SeqCst);
        *current = witness;
    }
}

/// Tells the witness, if there is one.
pub(crate) fn saw(change: impl FnOnce() -> Change) {
    if WATCHED.load(Ordering::Relaxed)
        && let Ok(current) = WITNESS.read()
        && let Some(witness) = current.as_ref()
    {
        witness.saw(change());
    }
}
