//! What operations tell: plain values of which text and JSON are two views.
//!
//! Here is what several verbs tell, and what those that record and compare do. A verb whose report is its own business
//! keeps it in its own file.

mod checkout;
mod kept;
mod lists;
mod undo;

use std::path::PathBuf;

pub use checkout::{Autosave, CheckoutReport, Outlook, PlanReport, RootPlanReport, Verified};
pub use kept::{AuditEntry, AuditReport, AutosaveEntry, AutosavesReport, Kept, ReflogEntry};
pub use lists::{
    LayerEntry, LayersReport, LogEntry, LogReport, LsReport, PackageCounts, PackagesReport, RefEntry, RefLabel,
    ShowReport,
};
pub use undo::{HealthReport, OperationsReport, RescueReport, UndoReport, Undoable};

use crate::history::{CommitId, Person, Time};
use crate::snapshot::change::Changes;
use crate::snapshot::facts::Manifest;
use crate::snapshot::finding::Finding;
use crate::snapshot::root::{Kind, RootName};

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideName {
    /// The commit; nothing for the live state.
    pub commit: Option<CommitId>,
    /// How it was asked for (`HEAD`, `v1`, `live`).
    pub name: String,
}

/// What differs between two states, for `diff` and `status`.
#[derive(Clone, Debug)]
pub struct DiffReport {
    /// The older side.
    pub from: SideName,
    /// The newer side.
    pub to: SideName,
    /// The differences.
    pub changes: Changes,
    /// Where the repository stands, for `status`.
    pub head: HeadReport,
    /// What the user should know: special files, odd package records, unreadable files.
    pub warnings: Vec<String>,
}

/// What is said of a commit in passing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFacts {
    /// Its id.
    pub commit: CommitId,
    /// Its short id.
    pub short: String,
    /// Who made it.
    pub author: Person,
    /// When.
    pub time: Time,
    /// The first line of its message.
    pub subject: String,
}

/// The problems of one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootFindings {
    /// The root.
    pub root: RootName,
    /// What lives in it.
    pub kind: Kind,
    /// Listed packages.
    pub packages: u64,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
}

/// What `check` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The state.
    pub side: SideName,
    /// Roots that hold packages.
    pub roots: Vec<RootFindings>,
}

/// Where the repository stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadReport {
    /// The branch, if on one.
    pub branch: Option<String>,
    /// The commit, if there is one.
    pub commit: Option<CommitId>,
    /// The commit's short id.
    pub short: Option<String>,
    /// On no branch: the name by which it was checked out.
    pub detached_from: Option<String>,
    /// What the branch follows, where that is known; for `status`.
    pub upstream: Option<UpstreamReport>,
}

/// How far a branch and what it follows are apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamReport {
    /// `origin/main`
    pub name: String,
    /// Commits that only the branch has.
    pub ahead: usize,
    /// Commits that only the other has.
    pub behind: usize,
}

/// What `init` made.
#[derive(Clone, Debug)]
pub struct InitReport {
    /// The repository's own directory.
    pub dir: PathBuf,
    /// Its roots.
    pub roots: Vec<crate::snapshot::root::Root>,
    /// The `.snapignore` files it wrote.
    pub ignore_files: Vec<PathBuf>,
}

/// What `commit` did.
#[derive(Clone, Debug)]
pub struct CommitReport {
    /// The new commit; nothing when nothing had changed.
    pub commit: Option<CommitId>,
    /// Its short id (or that of HEAD when nothing had changed).
    pub short: String,
    /// The branch it is on.
    pub branch: Option<String>,
    /// A branch that was started for it, because HEAD was at a tag or older commit.
    pub started_branch: bool,
    /// The first commit of all.
    pub is_first: bool,
    /// Its message.
    pub message: String,
    /// The tags it got.
    pub tags: Vec<String>,
    /// The differences to its parent. Empty for a first commit.
    pub changes: Changes,
    /// What it says of its roots, system and layer.
    pub manifest: Option<Manifest>,
    /// Services that were not started again, and why.
    pub service_problem: Option<String>,
    /// Files left out: unreadable (with `skip_unreadable`) or sockets, fifos and devices, each with the reason.
    pub skipped: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}
