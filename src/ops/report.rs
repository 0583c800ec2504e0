//! What operations tell: plain values of which text and JSON are two views.

use std::path::PathBuf;

use super::operations::Operation;
use super::standing::{HeadMove, RefMove};
use crate::history::{CommitId, Person, Time};
use crate::relocate::Stuck;
use crate::snapshot::change::Changes;
use crate::snapshot::entry::Entry;
use crate::snapshot::facts::{LayerFacts, Manifest, Vars};
use crate::snapshot::finding::Finding;
use crate::snapshot::package::Package;
use crate::snapshot::path::RelPath;
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
    /// Paths compared with the target afterwards.
    pub verified: u64,
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
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Files that name the place where they were recorded and could not be changed to name the one here: `ROOT:PATH`,
    /// and why.
    pub stuck: Vec<(String, Stuck)>,
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

/// What `undo` and `redo` did, or with `dry_run` would do.
#[derive(Clone, Debug)]
pub struct UndoReport {
    /// It was done again rather than undone.
    pub is_redo: bool,
    /// The operation.
    pub operation: Operation,
    /// Where HEAD went.
    pub head_move: Option<HeadMove>,
    /// Which refs moved.
    pub refs: Vec<RefMove>,
    /// Where the repository stands now.
    pub head: HeadReport,
    /// The live state, if the operation had changed it.
    pub checkout: Option<CheckoutReport>,
    /// What comes next for `undo`.
    pub next_undo: Option<Operation>,
    /// What comes next for `redo`.
    pub next_redo: Option<Operation>,
    /// Only planned.
    pub dry_run: bool,
}

/// The operations there are.
#[derive(Clone, Debug)]
pub struct OperationsReport {
    /// Each with whether it can be undone, newest first.
    pub operations: Vec<(Operation, Undoable)>,
}

/// Whether an operation can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undoable {
    /// By `undo`, when those after it are undone.
    Done,
    /// By `redo`: it is undone.
    Undone,
    /// No longer: it was undone, and then something else was done.
    Past,
}

/// What `health` found.
#[derive(Clone, Debug)]
pub struct HealthReport {
    /// The answer.
    pub outcome: crate::service::Outcome,
    /// Where the repository stands.
    pub head: HeadReport,
    /// The live state is not that of HEAD's commit, so that the answer says nothing of it.
    pub differs: bool,
    /// The mark that the commit got: `good/3`.
    pub marked: Option<String>,
    /// Marks that the commit lost.
    pub withdrawn: Vec<String>,
}

/// Where `rescue` goes.
#[derive(Clone, Debug)]
pub struct RescueReport {
    /// The revision to check out.
    pub rev: String,
    /// The commit that was found good most recently.
    pub commit: CommitId,
    /// Its short id.
    pub short: String,
    /// Its subject.
    pub subject: String,
    /// When it was made.
    pub time: Time,
    /// The commits that the live state leaves behind, newest first: short id and subject.
    pub leaves: Vec<(String, String)>,
}

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

/// A state recorded before a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autosave {
    /// Its short name: `autosave/3`.
    pub name: String,
    /// Its commit.
    pub commit: CommitId,
}

/// One commit of the log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Its id.
    pub commit: CommitId,
    /// Its short id.
    pub short: String,
    /// The commits it follows.
    pub parents: Vec<CommitId>,
    /// Branches, tags and autosaves that point to it, by short name; branches first.
    pub refs: Vec<RefLabel>,
    /// HEAD is here.
    pub is_head: bool,
    /// Who made it.
    pub author: Person,
    /// When.
    pub time: Time,
    /// Its message.
    pub message: String,
    /// Package changes to its first parent: added, removed, changed.
    pub packages: PackageCounts,
    /// With `--package`: the changes of that package.
    pub package_changes: Vec<crate::snapshot::change::PackageChange>,
    /// The layer it wrote.
    pub layer: Option<LayerFacts>,
}

/// A name that points to a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefLabel {
    /// Short name.
    pub name: String,
    /// What it is.
    pub kind: crate::history::RefKind,
}

/// How many packages came, went and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageCounts {
    /// Only in the newer state.
    pub added: usize,
    /// Only in the older state.
    pub removed: usize,
    /// In both, differently.
    pub changed: usize,
}

/// The log.
#[derive(Clone, Debug)]
pub struct LogReport {
    /// Commits, newest first.
    pub entries: Vec<LogEntry>,
    /// Where the repository stands.
    pub head: HeadReport,
}

/// One commit in full.
#[derive(Clone, Debug)]
pub struct ShowReport {
    /// What the log says of it.
    pub entry: LogEntry,
    /// Its roots, system facts and layer.
    pub manifest: Manifest,
    /// Its variables.
    pub vars: Vars,
    /// The differences to its first parent; none for a first commit.
    pub changes: Option<DiffReport>,
}

/// Entries of a state.
#[derive(Clone, Debug)]
pub struct LsReport {
    /// The state.
    pub side: SideName,
    /// Per root: its entries, sorted by path, each with its unit.
    pub roots: Vec<(RootName, Vec<(Entry, String)>)>,
}

/// Packages of a state.
#[derive(Clone, Debug)]
pub struct PackagesReport {
    /// The state.
    pub side: SideName,
    /// Per root: its listed packages, sorted.
    pub roots: Vec<(RootName, Kind, Vec<Package>)>,
}

/// One layer of a stack.
#[derive(Clone, Debug)]
pub struct LayerEntry {
    /// The commit that wrote it.
    pub commit: CommitId,
    /// Its short id.
    pub short: String,
    /// Its subject.
    pub subject: String,
    /// The layer.
    pub layer: LayerFacts,
    /// Whether its file is at hand.
    pub present: bool,
}

/// The layers of a commit and its ancestors, newest first.
#[derive(Clone, Debug)]
pub struct LayersReport {
    /// The state.
    pub side: SideName,
    /// The layers.
    pub layers: Vec<LayerEntry>,
    /// Where layers lie.
    pub dir: PathBuf,
}

/// A branch or tag in a list.
#[derive(Clone, Debug)]
pub struct RefEntry {
    /// Short name.
    pub name: String,
    /// The commit.
    pub commit: CommitId,
    /// Its short id.
    pub short: String,
    /// The commit's subject, or an annotated tag's message.
    pub subject: String,
    /// When the commit was made.
    pub time: Time,
    /// HEAD is on this branch.
    pub is_current: bool,
}
