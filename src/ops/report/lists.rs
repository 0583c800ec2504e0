//! What is in the history and in its commits.

use std::path::PathBuf;

use super::{DiffReport, HeadReport, SideName};
use crate::history::{CommitId, Person, Time};
use crate::snapshot::entry::Entry;
use crate::snapshot::facts::{LayerFacts, Manifest, Vars};
use crate::snapshot::package::Package;
use crate::snapshot::root::{Kind, RootName};

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
    /// Who signed it, if that was asked.
    pub signature: Option<crate::ops::signatures::Verdict>,
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
