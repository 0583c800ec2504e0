//! What `verify` tells.

use std::path::PathBuf;

use crate::digest::Digest;
use crate::history::CommitId;
use crate::ops::report::SideName;
use crate::snapshot::change::FileChange;
use crate::snapshot::root::RootName;

/// What a verification found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    /// Layers that were read from start to end.
    pub layers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Commits that can be reached.
    pub commits: u64,
    /// Objects of the history that were read and hashed.
    pub objects: u64,
    /// Refs that were read.
    pub refs: u64,
    /// Contents that inventories name, each of which some layer must hold.
    pub contents: u64,
    /// Those of them that were never brought from a remote.
    pub promised: Option<Promised>,
    /// What is damaged; after a repair, what still is.
    pub damages: Vec<Damage>,
    /// What a repair did.
    pub repairs: Vec<String>,
    /// Layers that a repair brought from remotes.
    pub fetched: Vec<Fetched>,
    /// Where a repair put damaged files, if it moved any.
    pub aside: Option<PathBuf>,
    /// Caches that were made anew, and other things worth knowing.
    pub notes: Vec<String>,
}

/// Contents that stay with a remote of which only the history was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promised {
    /// The remote's name.
    pub remote: String,
    /// How many recorded files have them.
    pub files: u64,
}

/// A layer that a repair brought from a remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its digest, which is its name.
    pub layer: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The remote's name.
    pub remote: String,
    /// Where that is.
    pub address: String,
}

/// Something that is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What kind of thing.
    pub kind: DamageKind,
    /// Its name: a file of `layers/`, an object id, a ref.
    pub object: String,
    /// What is wrong with it.
    pub what: Vec<String>,
    /// Commits that do not come back whole because of it, newest first.
    pub needed_by: Vec<Dependent>,
    /// Paths of theirs that are lost, at most [`Damage::NAMED`] of them, as `ROOT:PATH`.
    pub paths: Vec<String>,
    /// How many contents are lost by it.
    pub lost: u64,
    /// What to do.
    pub remedy: String,
}

impl Damage {
    /// How many lost paths are named.
    pub const NAMED: usize = 5;
}

/// What kind of thing is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DamageKind {
    /// A layer's file.
    Layer,
    /// A layer that is not there.
    MissingLayer,
    /// Content that an inventory names and no layer holds.
    Content,
    /// An object of the history.
    Object,
    /// A file of an inventory that cannot be understood.
    Inventory,
    /// A ref, or `HEAD`.
    Ref,
    /// The log of a ref.
    Reflog,
    /// The audit log.
    Audit,
    /// The log of operations.
    Operations,
}

impl DamageKind {
    /// The word for it in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::MissingLayer => "missing-layer",
            Self::Content => "content",
            Self::Object => "object",
            Self::Inventory => "inventory",
            Self::Ref => "ref",
            Self::Reflog => "reflog",
            Self::Audit => "audit",
            Self::Operations => "operations",
        }
    }
}

/// A commit that needs what is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// Its id.
    pub commit: CommitId,
    /// Its short id.
    pub short: String,
    /// Its subject.
    pub subject: String,
    /// Branches, tags and autosaves that lead to it, by short name.
    pub names: Vec<String>,
}

/// How live roots differ from a commit, every file read and hashed.
#[derive(Clone, Debug)]
pub struct LiveReport {
    /// The commit.
    pub side: SideName,
    /// Its short id.
    pub short: String,
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// One per root.
    pub roots: Vec<LiveRootReport>,
    /// Files that cannot be read, and other things worth knowing.
    pub warnings: Vec<String>,
}

/// How one root differs.
#[derive(Clone, Debug)]
pub struct LiveRootReport {
    /// The root.
    pub root: RootName,
    /// Differences by unit (`pip/numpy`, `loose/bin`), sorted.
    pub units: Vec<(String, Vec<FileChange>)>,
}

impl LiveReport {
    /// Every file is as the commit has it.
    pub fn is_equal(&self) -> bool {
        self.roots.iter().all(|root| root.units.is_empty())
    }
}
