//! What a checkout is about to do, and did.

use super::{HeadReport, SideName, UndoReport};
use crate::history::CommitId;
use crate::relocate::Stuck;
use crate::snapshot::change::Changes;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;

/// What a checkout is about to do, or did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanReport {
    /// One per root with anything to do.
    pub roots: Vec<RootPlanReport>,
}

/// What a checkout does in one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPlanReport {
    /// The root.
    pub root: RootName,
    /// Files and links that are made where there was nothing.
    pub added: u64,
    /// Files and links that are replaced.
    pub replaced: u64,
    /// Files and links that are removed.
    pub removed: u64,
    /// Paths whose mode, time or attributes alone change.
    pub metadata: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Every path with what happens to it, sorted.
    pub paths: Vec<(RelPath, crate::snapshot::change::FileChangeKind)>,
    /// Paths that the user's own git tracks in this root and that change.
    pub git_tracked: Vec<RelPath>,
}

/// What `checkout` did.
#[derive(Clone, Debug)]
pub struct CheckoutReport {
    /// The commit that the live state is now equal to (in the part that was asked for).
    pub target: SideName,
    /// Its short id.
    pub short: String,
    /// Its subject.
    pub subject: String,
    /// What was done, or with `dry_run` would be.
    pub plan: PlanReport,
    /// The state before, recorded because no commit had it.
    pub autosave: Option<Autosave>,
    /// Where the repository stands now.
    pub head: HeadReport,
    /// Only part of the state was brought back.
    pub partial: bool,
    /// Only planned.
    pub dry_run: bool,
    /// Package changes that it brought, from the live state to the target.
    pub changes: Changes,
    /// What was compared with the target afterwards.
    pub verified: Verified,
    /// What was found out before anything changed.
    pub outlook: Outlook,
    /// Services that were not started again, and why.
    pub service_problem: Option<String>,
    /// What the health check said afterwards.
    pub health: Option<crate::service::Outcome>,
    /// The mark that the commit got, because all is well: `good/3`.
    pub marked_good: Option<String>,
    /// The way back, taken because the health check failed.
    pub rolled_back: Option<Box<UndoReport>>,
    /// The branch of a remote that the branch which was made follows from now on: `origin/main`.
    pub follows: Option<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Files that name the place where they were recorded and could not be changed to name the one here: `ROOT:PATH`,
    /// and why.
    pub stuck: Vec<(String, Stuck)>,
}

/// What a live state was compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// All paths, each by its kind, mode, time, size and target.
    pub paths: u64,
    /// Files whose bytes were looked at: read afterwards, with the right digest, or written by this checkout from a layer,
    /// with the right digest or the checksum that was noted with it.
    pub by_content: u64,
    /// Files that were not read: inode, size, times and mode are those under which their content was known.
    pub by_stamp: u64,
}

/// What is found out before a checkout changes anything.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// A commit holds the live state.
    pub is_recorded: bool,
    /// The live state will be recorded first.
    pub saves: bool,
    /// What will be stopped and started again.
    pub services: Vec<String>,
    /// Processes that use files which will be replaced or removed.
    pub in_use: Vec<crate::service::processes::Process>,
}

/// A state recorded before a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autosave {
    /// Its short name: `autosave/3`.
    pub name: String,
    /// Its commit.
    pub commit: CommitId,
}
