//! Reports as JSON for programs: published shapes, documented in `docs/json.md`. Pure: values in, values out.

pub(super) mod diff;
pub(super) mod error;
pub(super) mod history;
pub(super) mod state;

/// The number of every shape here. Fields may be added without raising it.
pub(super) const FORMAT: u32 = 1;
