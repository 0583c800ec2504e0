//! Reports as JSON: the stable shapes of `docs/json.md`. Each is a view of a report, never the report itself.

pub(super) mod blame;
mod changes;
pub(super) mod check;
pub(super) mod checkout;
pub(super) mod commit;
pub(super) mod control;
pub(super) mod diff;
pub(super) mod env;
pub(super) mod error;
pub(super) mod exchange;
mod explanation;
pub(super) mod gc;
pub(super) mod lists;
pub(super) mod log;
mod packages;
pub(super) mod pins;
pub(super) mod secrets;
pub(super) mod show;
pub(super) mod signatures;
pub(super) mod undo;
pub(super) mod verify;
pub(super) mod why;

pub(super) use packages::PackagesJson;

/// The version of every shape.
const FORMAT: u32 = 1;
