//! The audit log: what was restored, by whom, when, why and how it ended, each line chained to the one before.
//!
//! ```text
//! audit.jsonl   one JSON object a line: {"format":1,"id":2,"prev":SHA-256 of line 1,"event":"finished","of":1,…}
//! ```
//!
//! A restore is two lines: `started` is durable before anything changes, `finished` tells the outcome. A `started`
//! without its `finished` is a restore that was interrupted. The chain makes an edited, cut, removed or moved line
//! evident; whoever may write the file can also write a new chain, so the digest of its end should be kept elsewhere.

mod entry;
mod verify;

use std::path::{Path, PathBuf};

pub use entry::{Actor, Changed, Entry, Event, Finished, HealthResult, Outcome, Point, Started};
pub use verify::{Fault, Verdict, verify};

use crate::digest::Digest;
use crate::fsx::append::{self, Torn};
use crate::fsx::{self, Error};

/// The name of the file within `.envgit`.
pub const FILE_NAME: &str = "audit.jsonl";

/// The end of a log: what a copy elsewhere has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct End {
    /// The number of the last entry.
    pub id: u64,
    /// The SHA-256 of its line.
    pub digest: Digest,
}

/// The log of one repository.
#[derive(Clone, Debug)]
pub struct Log {
    path: PathBuf,
}

impl Log {
    /// The log of a repository's directory. It need not exist.
    pub fn new(repository: &Path) -> Self {
        Self {
            path: repository.join(FILE_NAME),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes; none where there is none.
    ///
    /// # Errors
    /// Names the file.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        Ok(fsx::read_if_present(&self.path)?.unwrap_or_default())
    }

    /// All entries that can be understood, oldest first. What cannot is the matter of [`verify`].
    ///
    /// # Errors
    /// Names the file.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let bytes = self.bytes()?;
        Ok(lines(&bytes)
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }

    /// Adds an entry, durable on return. Only for whoever holds the repository's lock.
    ///
    /// # Errors
    /// Names the file.
    pub fn add(&self, event: Event) -> Result<End, Error> {
        let bytes = self.bytes()?;
        let last = lines(&bytes).last();
        // A line that a crash cut short has its number too.
        let count = lines(&bytes).count() as u64;
        let newest = last_entry(&bytes).map_or(0, |entry| entry.id);
        let entry = Entry {
            format: Entry::FORMAT,
            id: count.max(newest).saturating_add(1),
            prev: last.map(Digest::of),
            event,
        };
        let line = serde_json::to_vec(&entry).unwrap_or_default();
        append::line(&self.path, &line, Torn::Keep)?;
        Ok(End {
            id: entry.id,
            digest: Digest::of(&line),
        })
    }

    /// The restore that was started and has no outcome. It can only be the last: restores hold the repository's lock.
    ///
    /// # Errors
    /// Names the file.
    pub fn unfinished(&self) -> Result<Option<u64>, Error> {
        let newest = last_entry(&self.bytes()?);
        Ok(newest
            .filter(|entry| matches!(entry.event, Event::Started(_)))
            .map(|entry| entry.id))
    }
}

/// The last line that can be understood.
fn last_entry(bytes: &[u8]) -> Option<Entry> {
    let all: Vec<&[u8]> = lines(bytes).collect();
    all.iter().rev().find_map(|line| serde_json::from_slice(line).ok())
}

/// The lines of a log, without their newlines. A last line without one counts.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .strip_suffix(b"\n")
        .unwrap_or(bytes)
        .split(|b| *b == b'\n')
        .filter(|_| !bytes.is_empty())
}
