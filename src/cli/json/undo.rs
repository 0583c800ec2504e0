//! `undo --json`, `redo --json` and `undo --list --json`.

use serde::Serialize;

use super::FORMAT;
use super::checkout::CheckoutJson;
use super::diff::HeadJson;
use crate::cli::dates;
use crate::ops::operations::{LiveMove, Operation};
use crate::ops::report::{OperationsReport, UndoReport, Undoable};
use crate::ops::standing::{HeadMove, RefMove};

/// What was stepped over.
#[derive(Serialize)]
pub(in crate::cli) struct UndoJson<'a> {
    format: u32,
    redo: bool,
    dry_run: bool,
    operation: OperationJson<'a>,
    /// Where HEAD went, or null.
    head_move: Option<&'a HeadMove>,
    refs: &'a [RefMove],
    head: HeadJson<'a>,
    /// As `checkout` has it; null when the live state stays.
    checkout: Option<CheckoutJson<'a>>,
}

#[derive(Serialize)]
struct OperationJson<'a> {
    id: u64,
    kind: &'static str,
    what: &'a str,
    time: String,
    who: String,
    of: Option<u64>,
    live: Option<&'a LiveMove>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
}

impl<'a> OperationJson<'a> {
    fn of(operation: &'a Operation, state: Option<&'static str>) -> Self {
        Self {
            id: operation.id,
            kind: operation.kind.as_str(),
            what: &operation.what,
            time: dates::rfc3339(operation.time),
            who: operation.who.to_string(),
            of: operation.of,
            live: operation.live.as_ref(),
            state,
        }
    }
}

impl<'a> UndoJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a UndoReport, lists_paths: bool) -> Self {
        let checkout = report.checkout.as_ref();
        Self {
            format: FORMAT,
            redo: report.is_redo,
            dry_run: report.dry_run,
            operation: OperationJson::of(&report.operation, None),
            head_move: report.head_move.as_ref(),
            refs: &report.refs,
            head: HeadJson::of(&report.head),
            checkout: checkout.map(|checkout| CheckoutJson::of(checkout, lists_paths)),
        }
    }
}

/// The operations, newest first.
#[derive(Serialize)]
pub(in crate::cli) struct OperationsJson<'a> {
    format: u32,
    operations: Vec<OperationJson<'a>>,
}

impl<'a> OperationsJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a OperationsReport) -> Self {
        let state = |state: &Undoable| match state {
            Undoable::Done => "done",
            Undoable::Undone => "undone",
            Undoable::Past => "past",
        };
        let all = report.operations.iter();
        Self {
            format: FORMAT,
            operations: all
                .map(|(operation, found)| OperationJson::of(operation, Some(state(found))))
                .collect(),
        }
    }
}
