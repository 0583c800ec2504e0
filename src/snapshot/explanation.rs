//! What a comparison tells besides what differs: why, and with what consequence.

use serde::Serialize;

use super::finding::{Finding, PackageRef};
use super::unit::UnitName;

/// What there is to say about the differences of one root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// One for each of [`RootChanges::packages`](super::change::RootChanges::packages), in the same order.
    pub packages: Vec<PackageStory>,
    /// Problems that came, went or look different, worst first.
    pub problems: ProblemChanges,
    /// Units with other content, by name.
    pub units: Vec<UnitChange>,
    /// Commands of conda that lie between the two states, oldest first.
    pub commands: Vec<Command>,
}

/// How the problems of two states differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProblemChanges {
    /// Problems of the newer state alone.
    pub appeared: Vec<Finding>,
    /// Problems of the older state alone.
    pub resolved: Vec<Finding>,
    /// Problems of both that differ in evidence: older and newer.
    pub changed: Vec<(Finding, Finding)>,
}

/// Why one package changed, and what of it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PackageStory {
    /// Why it changed, the most telling first; never empty once it is told.
    pub causes: Vec<Cause>,
    /// What is lost by the change itself: `GPU build replaced by CPU build`.
    pub critical: Option<String>,
    /// What is worth a word and costs nothing: `CUDA 11.8 build replaced by CUDA 12.8 build`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Packages that have a problem now because of this change.
    pub breaks: Vec<PackageRef>,
    /// Packages whose problem this change has solved.
    pub mends: Vec<PackageRef>,
}

/// Why a package changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cause {
    /// The user asked for it by name: pip's `REQUESTED`, conda's requested specs.
    Requested {
        /// The command or spec that says so, where one is recorded.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A package that came or changed too requires it.
    Required {
        /// That package.
        by: PackageRef,
        /// Its requirement, as its record words it.
        requirement: String,
        /// The version before does not meet the requirement, so it had to change.
        decisive: bool,
        /// What required `by` in turn, up to what was asked for; nearest first.
        through: Vec<PackageRef>,
    },
    /// What stood there before requires what changed or went, and does not find it any more.
    Unfit {
        /// Its requirement, as its record words it.
        requirement: String,
        /// The name of the package that is required.
        needs: String,
        /// What is there instead; nothing if no such package is.
        found: Option<PackageRef>,
    },
    /// Of what went: another record of the same project has its place.
    Replaced {
        /// That record.
        by: PackageRef,
    },
    /// Of what went: what required it went too, or requires it no longer.
    Orphaned {
        /// What required it.
        of: Vec<PackageRef>,
    },
    /// Nothing that is recorded requires the change.
    Unexplained,
}

/// One line of conda's history between the two states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Command {
    /// When, as recorded: `2026-11-23 08:45:57`.
    pub time: String,
    /// What was typed.
    pub command: String,
    /// The specs that it named, to be installed or updated.
    pub specs: Vec<String>,
    /// The specs that it named, to be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removes: Vec<String>,
}

/// A unit whose files changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitChange {
    /// The unit.
    pub unit: UnitName,
    /// Bytes in it before, of files that differ.
    pub bytes_before: u64,
    /// Bytes in it after, of files that differ.
    pub bytes_after: u64,
    /// Files added.
    pub added: u64,
    /// Files with other content.
    pub modified: u64,
    /// Files removed.
    pub removed: u64,
}
