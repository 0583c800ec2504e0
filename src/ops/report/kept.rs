//! What was kept of what was done: autosaves, the logs of refs, the audit log.

use std::path::PathBuf;

use crate::history::{CommitId, Person, Time};

/// A state recorded before a checkout, in a list.
#[derive(Clone, Debug)]
pub struct AutosaveEntry {
    /// Its short name: `autosave/3`.
    pub name: String,
    /// Its commit.
    pub commit: CommitId,
    /// The commit's short id.
    pub short: String,
    /// The commit's subject.
    pub subject: String,
    /// When it was recorded.
    pub time: Time,
    /// How many seconds ago.
    pub age: i64,
    /// Paths in which it differs from the commit that it followed.
    pub changed: u64,
    /// Bytes of content that were stored for it.
    pub stored: u64,
    /// How long it is kept.
    pub kept: Kept,
}

/// How long a state is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// While it is among the newest.
    Newest,
    /// Until then.
    Until(Time),
    /// No longer: the next clean-up may drop it.
    Expired,
}

/// The autosaves.
#[derive(Clone, Debug)]
pub struct AutosavesReport {
    /// Newest first.
    pub autosaves: Vec<AutosaveEntry>,
    /// How many of the newest are kept in any case.
    pub keep: usize,
    /// How many days all are kept.
    pub keep_days: u32,
}

/// A line of a ref's log.
#[derive(Clone, Debug)]
pub struct ReflogEntry {
    /// `HEAD@{0}`.
    pub selector: String,
    /// Where the ref was.
    pub old: Option<CommitId>,
    /// Where it went.
    pub new: CommitId,
    /// The short id of that.
    pub short: String,
    /// Who moved it.
    pub who: Person,
    /// When.
    pub time: Time,
    /// Why.
    pub message: String,
}

/// One restore of the audit log.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// The number of the line that began it.
    pub id: u64,
    /// How it began.
    pub started: crate::audit::Started,
    /// How it ended; nothing for one that was interrupted.
    pub finished: Option<crate::audit::Finished>,
}

/// The audit log.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// Restores, newest first.
    pub entries: Vec<AuditEntry>,
    /// What the check of the chain found, where it was asked for.
    pub verdict: Option<crate::audit::Verdict>,
    /// The file.
    pub path: PathBuf,
}
