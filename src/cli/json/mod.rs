//! Reports as JSON: the stable shapes of `docs/json.md`. Each is a view of a report, never the report itself.

mod changes;
pub(super) mod checkout;
pub(super) mod commit;
pub(super) mod diff;
pub(super) mod error;
pub(super) mod lists;
pub(super) mod log;
mod packages;
pub(super) mod pins;
pub(super) mod show;

pub(super) use packages::PackagesJson;

/// The version of every shape.
const FORMAT: u32 = 1;
