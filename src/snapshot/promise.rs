//! What package records promise of files, held against the files that are there.
//!
//! The promise is the digest that a record names: `sha256_in_prefix` or `sha256` in conda's `paths_data`, the hash column
//! of pip's `RECORD` ([PEP 376](https://peps.python.org/pep-0376/)). Byte code is left out: Python makes it anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::package::Manager;
use super::path::RelPath;

/// One record's promises, kept and broken: one line of an inventory's `promises.jsonl`.
///
/// Lists are sorted. What stands in none of them is as promised, or was promised without a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promises {
    /// Whose record it is.
    pub manager: Manager,
    /// The record: [`Package::record`](super::package::Package::record).
    pub record: RelPath,
    /// Files that the record names.
    pub promised: u64,
    /// Those of them for which it gives a digest.
    pub hashed: u64,
    /// Files that are not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<RelPath>,
    /// Files with other bytes than promised, and no other record promised those either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub altered: Vec<RelPath>,
    /// Files with the bytes that another record promised, by that record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replaced: BTreeMap<RelPath, Vec<RelPath>>,
    /// Files as promised that another record promises too, by that record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shared: BTreeMap<RelPath, Vec<RelPath>>,
}

impl Promises {
    /// A record that keeps all it promises.
    pub fn kept(manager: Manager, record: RelPath) -> Self {
        Self {
            manager,
            record,
            promised: 0,
            hashed: 0,
            missing: Vec::new(),
            altered: Vec::new(),
            replaced: BTreeMap::new(),
            shared: BTreeMap::new(),
        }
    }

    /// Files whose bytes are those of another record.
    pub fn replaced_count(&self) -> u64 {
        self.replaced.values().map(|paths| paths.len() as u64).sum()
    }

    /// Whether every file is there as promised.
    pub fn are_kept(&self) -> bool {
        self.intact() == self.promised
    }

    /// Files that are there as promised, or without a digest to tell.
    pub fn intact(&self) -> u64 {
        let broken = (self.missing.len() + self.altered.len()) as u64 + self.replaced_count();
        self.promised.saturating_sub(broken)
    }
}

/// The text of `promises.jsonl`: one JSON object a line.
pub fn encode(promises: &[Promises]) -> Vec<u8> {
    super::lines::encode(promises)
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// Names the line.
pub fn decode(text: &[u8]) -> Result<Vec<Promises>, String> {
    super::lines::decode(text)
}
