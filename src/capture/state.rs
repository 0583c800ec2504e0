//! The stat cache: what was known of each path when it was last looked at, as git's index knows it.
//!
//! A cache in the full sense: absent, damaged or of another version, it is rebuilt by reading everything once.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::elf::Elf;
use crate::digest::Digest;
use crate::fsx::{Error, cache, stamp::Stamp};
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::unit::UnitName;

/// Raised whenever the meaning of anything in here changes.
const VERSION: u32 = 4;

/// What is remembered of one root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootState {
    version: u32,
    /// The place and rules under which it was made; another place or other rules make it worthless.
    pub rules: Digest,
    /// The file system on which the root stood, as the kernel numbers it. Zero when it is not known.
    pub device: u64,
    /// All paths, sorted.
    pub entries: Vec<Entry>,
    /// What is known of the file behind each entry.
    pub marks: Vec<Mark>,
    /// The number of each entry's unit.
    pub unit_of: Vec<u32>,
    /// Units, sorted by name, each with the git id of its file list once that is known.
    pub units: Vec<RememberedUnit>,
    /// Config files, sorted, each with the git id of its text.
    pub configs: Vec<(RelPath, [u8; 20])>,
    /// The text of `packages.jsonl`.
    #[serde(with = "serde_bytes")]
    pub packages: Vec<u8>,
    /// The text of `promises.jsonl`.
    #[serde(with = "serde_bytes")]
    pub promises: Vec<u8>,
    /// conda's own history of the prefix.
    #[serde(with = "serde_bytes")]
    pub conda_history: Vec<u8>,
    /// What is known of ELF files, sorted.
    pub elves: Vec<(RelPath, Elf)>,
    /// Files of which it is not known whether they are ELF files: they came with a state that was recorded before.
    pub unread: BTreeSet<RelPath>,
    /// The text of `binaries.jsonl`.
    #[serde(with = "serde_bytes")]
    pub binaries: Vec<u8>,
    /// Version of the root's interpreter.
    pub python: Option<String>,
    /// The folder of the interpreter on which a virtual environment is based.
    pub base: Option<Vec<u8>>,
    /// Inventories of this root that were derived from its entries, by this version of envgit: the last ones.
    pub derived: VecDeque<Digest>,
}

/// How far an entry can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The stamp under which the entry was true.
    pub stamp: Stamp,
    /// A later write could hide behind the same stamp: look again.
    pub racy: bool,
    /// Part of the last commit, as it is.
    pub recorded: bool,
}

/// One unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RememberedUnit {
    /// Its name.
    pub name: UnitName,
    /// The git id of its file list.
    pub id: Option<[u8; 20]>,
}

impl RootState {
    /// Nothing known.
    pub fn empty(rules: Digest) -> Self {
        Self {
            version: VERSION,
            rules,
            device: 0,
            entries: Vec::new(),
            marks: Vec::new(),
            unit_of: Vec::new(),
            units: Vec::new(),
            configs: Vec::new(),
            packages: Vec::new(),
            promises: Vec::new(),
            conda_history: Vec::new(),
            elves: Vec::new(),
            binaries: Vec::new(),
            python: None,
            unread: BTreeSet::new(),
            base: None,
            derived: VecDeque::new(),
        }
    }

    /// Reads the state of a root; whatever is wrong with it, the answer is an empty one.
    pub fn load(path: &Path, rules: Digest) -> Self {
        let read = Self::read(path).filter(|state| state.rules == rules);
        read.unwrap_or_else(|| Self::empty(rules))
    }

    fn read(path: &Path) -> Option<Self> {
        let state: Self = cache::read(path)?;
        let entries = state.entries.len();
        let whole = state.marks.len() == entries && state.unit_of.len() == entries;
        (state.version == VERSION && whole).then_some(state)
    }

    /// On which file system the root stood by what the state at a path says, if it held anything.
    pub fn remembered_device(path: &Path) -> Option<u64> {
        let state = Self::read(path)?;
        (state.device != 0 && !state.entries.is_empty()).then_some(state.device)
    }

    /// Writes the state of a root.
    ///
    /// # Errors
    /// Names the path. Only speed is lost.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        cache::write(path, self)
    }
}
