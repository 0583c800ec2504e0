//! The note of a checkout under way: what the next command needs to finish it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fsx::{self, Context, Error, atomic};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;

/// A checkout whose swap has begun. The state before it is recorded in `before`, so going forward loses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The commit it brings back.
    pub target: String,
    /// How the user named it.
    pub name: String,
    /// The branch that HEAD is to be on, or nothing for the commit itself.
    pub branch: Option<String>,
    /// That branch is moved to the commit, from wherever it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forward: bool,
    /// HEAD is not moved: only part of the state is brought back.
    pub partial: bool,
    /// The commit that holds the state before, unless the user had it discarded.
    pub before: Option<String>,
    /// The only roots that change; all when empty.
    pub roots: Vec<String>,
    /// The only paths that change, as given; all when empty.
    pub paths: Vec<String>,
    /// The only paths that change besides, each by itself; all when empty.
    #[serde(default)]
    pub exact: BTreeMap<RootName, BTreeSet<RelPath>>,
    /// The text of the `.snapignore` that each root had before: what it leaves out is not touched, also when the one
    /// that comes with the target is in place already.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ignored: BTreeMap<RootName, String>,
    /// The folder against which relative paths count.
    pub cwd: PathBuf,
}

impl Journal {
    /// Seals the journal: from here on the change only rolls forward. Durable on return.
    ///
    /// # Errors
    /// Names the file.
    pub fn seal(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(std::io::Error::other)
            .at("write", path)?;
        atomic::write(path, &text)
    }

    /// The journal of an interrupted checkout, if there is one.
    ///
    /// # Errors
    /// When it is there and cannot be read or understood.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let Some(text) = fsx::read_if_present(path)? else {
            return Ok(None);
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(std::io::Error::other)
            .at("understand", path)
    }

    /// The change is complete.
    ///
    /// # Errors
    /// Names the file.
    pub fn drop_from(path: &Path) -> Result<(), Error> {
        fsx::remove_file(path)?;
        path.parent().map_or(Ok(()), atomic::sync_dir)
    }
}
