//! History: a plain bare git repository with commits, refs and reflogs, and inventories as its trees.
//!
//! Any git client can read, list, compare and check what this module writes. It is the only user of gix, and no type
//! of gix leaves it. Two things are done here and not by gix, which never syncs a file:
//!
//! - new objects are written in a directory of their own, synced, and only then given their names in `objects/`;
//! - a ref is locked, compared, written, synced and renamed, after its reflog line is durable.
//!
//! So a name never stands for bytes that a power cut can take away.

mod check;
mod commit;
mod error;
mod head;
mod id;
mod inventory;
mod leftovers;
mod log;
mod near;
mod objects;
mod pack;
mod person;
mod reach;
mod refedit;
mod reflock;
mod reflog;
mod refname;
mod refs;
mod revision;
mod signature;
mod tag;
mod tree;
mod walk;
mod worktree;

#[cfg(test)]
mod testing;

use std::path::{Path, PathBuf};

pub use check::{CheckedRef, TreeEntry, told};
pub use commit::{CommitDraft, Composed};
pub use error::{Cause, Error};
pub use head::{Head, moving};
pub use id::{BlobId, CommitId, ObjectId, ParseIdError, TreeId};
pub use inventory::Inventory;
pub use log::CommitInfo;
pub use near::near;
pub use pack::PackFiles;
pub use person::{Person, Time, git_identity};
pub use reach::Beyond;
pub use refedit::{Expected, Note, RefError};
pub use reflog::ReflogLine;
pub use refname::{RefKind, RefName};
pub use refs::{Annotation, Ref};
pub use revision::RevisionError;
pub use signature::Signed;
pub use tag::TagDraft;
pub use tree::tree_id;
pub use walk::Walk;
pub use worktree::{tracked_paths, work_tree_facts};

use crate::fsx::{self, Context as _};

/// The branch on which a new history starts.
pub const FIRST_BRANCH: &str = "main";

/// Recently read objects that stay in memory, in bytes.
const OBJECT_CACHE: usize = 16 << 20;

/// An open history.
pub struct History {
    repo: gix::Repository,
}

impl History {
    /// Makes a bare repository at `dir`, which must be absent or empty, with an unborn branch [`FIRST_BRANCH`].
    ///
    /// # Errors
    /// [`Error::Create`] names the directory.
    pub fn init(dir: &Path) -> Result<Self, Error> {
        let create = |source: gix::Error| Error::Create {
            path: dir.to_owned(),
            source: source.into(),
        };
        gix::create::into(dir, gix::create::Kind::Bare, gix::create::Options::default()).map_err(create)?;
        // git keeps reflogs in a bare repository only when told to.
        let config = dir.join("config");
        let text = fsx::read(&config)?;
        let mut text = String::from_utf8_lossy(&text).replace("logallrefupdates = false", "logallrefupdates = true");
        if !text.contains("logallrefupdates = true") {
            text.push_str("[core]\n\tlogallrefupdates = true\n");
        }
        fsx::atomic::write(&config, text.as_bytes())?;
        let head = format!("ref: refs/heads/{FIRST_BRANCH}\n");
        fsx::atomic::write(&dir.join("HEAD"), head.as_bytes())?;
        // The samples would only puzzle: nothing here runs hooks.
        let hooks = dir.join("hooks");
        std::fs::remove_dir_all(&hooks)
            .and_then(|()| std::fs::create_dir(&hooks))
            .at("empty", &hooks)?;
        for name in [
            "objects/info",
            "objects/pack",
            "objects",
            "refs/heads",
            "refs/tags",
            "refs",
            "",
        ] {
            fsx::atomic::sync_dir(&dir.join(name))?;
        }
        Self::open(dir)
    }

    /// Opens the history at `dir`, hermetically: neither the user's git configuration nor the environment counts.
    ///
    /// # Errors
    /// [`Error::Open`] names the directory.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let options = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .open_path_as_is(true)
            .config_overrides(["core.abbrev=8"]);
        let mut repo = options
            .open(dir)
            .map_err(|source| Error::Open {
                path: dir.to_owned(),
                source: source.into(),
            })?
            .to_thread_local();
        repo.object_cache_size_if_unset(OBJECT_CACHE);
        Ok(Self { repo })
    }

    /// The directory of the bare repository.
    pub fn dir(&self) -> &Path {
        self.repo.git_dir()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "History({})", self.dir().display())
    }
}
