//! What going back, and deciding where to, tell.

use super::{CheckoutReport, HeadReport};
use crate::history::{CommitId, Time};
use crate::ops::operations::Operation;
use crate::ops::standing::{HeadMove, RefMove};

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
