//! The note of an operation under way that changes the live state or steps back: what the next command needs to finish
//! it, or to write it into the log of operations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Session;
use super::error::Error;
use super::operations::{LiveMove, OperationKind};
use crate::apply::journal::Journal;
use crate::fsx::{self, Context as _, atomic};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;

/// Written when the state before is safe and before anything changes; gone when the operation is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) kind: OperationKind,
    pub(super) what: String,
    /// The operation that is undone or done again.
    pub(super) of: Option<u64>,
    /// The operation whose moves are reversed for that.
    pub(super) reverses: Option<u64>,
    pub(super) live: Option<LiveMove>,
    /// The only roots that change; all when empty.
    pub(super) roots: Vec<String>,
    /// The only paths that change; all when empty.
    pub(super) paths: Vec<String>,
    /// By root, the paths that change each by itself; all when empty.
    #[serde(default)]
    pub(super) exact: BTreeMap<RootName, BTreeSet<RelPath>>,
    pub(super) cwd: PathBuf,
    /// The swap that is about to begin, as its own note will have it: should one of the two be damaged.
    #[serde(default)]
    pub(super) swap: Option<Journal>,
}

impl Pending {
    pub(super) fn write(&self, session: &Session<'_>) -> Result<(), Error> {
        let path = session.repo.pending_path();
        if let Some(dir) = path.parent() {
            fsx::create_dir_all(dir)?;
        }
        Ok(atomic::write(&path, &serde_json::to_vec(self).unwrap_or_default())?)
    }

    pub(super) fn read(session: &Session<'_>) -> Result<Option<Self>, fsx::Error> {
        let path = session.repo.pending_path();
        let Some(text) = fsx::read_if_present(&path)? else {
            return Ok(None);
        };
        let parsed = serde_json::from_slice(&text).map_err(std::io::Error::other);
        parsed.map(Some).at("understand", &path)
    }

    /// It is in the log, or it never was.
    pub(super) fn clear(session: &Session<'_>) -> Result<(), Error> {
        let path = session.repo.pending_path();
        match fsx::remove_file(&path) {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }
}
