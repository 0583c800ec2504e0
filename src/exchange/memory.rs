//! What is remembered of a remote: the newest entry that was seen, so that a remote that was set back is noticed.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::log::Seen;
use crate::fsx::{self, atomic};

/// `.envgit/remotes/<name>.json`
#[derive(Clone, Debug)]
pub struct Memory(PathBuf);

impl Memory {
    /// That of a remote, in a repository's own directory.
    pub fn of(repo: &Path, remote: &str) -> Self {
        Self(repo.join("remotes").join(format!("{remote}.json")))
    }

    /// Whether anything was seen of it.
    pub fn is_there(&self) -> bool {
        matches!(self.recall(), Ok(Some(_)))
    }

    /// What was seen last. What cannot be read was not seen.
    pub(super) fn recall(&self) -> Result<Option<Seen>, Error> {
        let bytes = fsx::read_if_present(&self.0)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    pub(super) fn remember(&self, seen: Seen) -> Result<(), Error> {
        if self.recall()? == Some(seen) {
            return Ok(());
        }
        if let Some(dir) = self.0.parent() {
            fsx::create_dir_all(dir)?;
        }
        let mut text = serde_json::to_vec(&seen).unwrap_or_default();
        text.push(b'\n');
        Ok(atomic::write(&self.0, &text)?)
    }

    /// Forgets it: the remote is another one from now on.
    ///
    /// # Errors
    /// Names the file.
    pub fn forget(&self) -> Result<(), Error> {
        match fsx::remove_file(&self.0) {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }
}
