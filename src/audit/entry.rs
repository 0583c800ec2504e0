//! What a line of the audit log says.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of its shape.
    pub format: u32,
    /// Its number, counted from 1.
    pub id: u64,
    /// The SHA-256 of the line before; nothing on the first.
    pub prev: Option<Digest>,
    /// What it tells.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// The one shape there is.
    pub const FORMAT: u32 = 1;
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A restore begins; nothing has changed yet.
    Started(Started),
    /// It ended.
    Finished(Finished),
}

/// A restore that begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// When: RFC 3339.
    pub time: String,
    /// Who.
    pub who: Actor,
    /// The command: `checkout`, `undo`, `rescue`.
    pub command: String,
    /// Why, in the user's words.
    pub why: Option<String>,
    /// Where the live state was.
    pub from: Point,
    /// Where it goes.
    pub to: Point,
    /// Only part of it goes there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// What is to change.
    pub changes: Changed,
}

/// A restore that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// The number of the entry that began it.
    pub of: u64,
    /// When: RFC 3339.
    pub time: String,
    /// Who saw to it: for a restore that was interrupted, whose next command finished it.
    pub who: Actor,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds; not known where it was interrupted.
    pub milliseconds: Option<u64>,
    /// Paths that were compared with the target afterwards.
    pub verified: u64,
    /// Of them, files whose bytes were looked at: by digest, or by the checksum of the layer that they came from.
    #[serde(default, alias = "by_digest")]
    pub by_content: u64,
    /// Of them, files that were known by their stamp.
    #[serde(default)]
    pub by_stamp: u64,
    /// The state before, where it was recorded for this.
    pub saved_as: Option<String>,
    /// What the health check said.
    pub health: Option<HealthResult>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The name that goes into commits.
    pub name: String,
    /// The login name of the process's user.
    pub user: String,
    /// Who called `sudo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// The machine.
    pub host: String,
}

/// A state by its commit and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The commit that is or was nearest to it.
    pub commit: Option<String>,
    /// The branch, or the name by which it was asked for.
    pub name: Option<String>,
    /// The live state differed from that commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

/// What a restore changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Paths that come.
    pub added: u64,
    /// Paths that are replaced.
    pub replaced: u64,
    /// Paths that go.
    pub removed: u64,
    /// Paths whose mode, time or attributes alone change.
    pub metadata_only: u64,
    /// Packages, at most 50: `numpy 1.26.4 → 1.24.4`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
}

/// How a restore ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The live state is what was asked for.
    Done,
    /// It is not; `error` says why.
    Failed,
    /// It was interrupted, and a later command finished it.
    Recovered,
    /// It was interrupted before anything had changed, and a later command cleared up.
    Dropped,
}

impl Outcome {
    /// The word for people and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Recovered => "recovered",
            Self::Dropped => "dropped",
        }
    }
}

/// What a health check said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthResult {
    /// All is well.
    pub healthy: bool,
    /// What was asked.
    pub check: String,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
