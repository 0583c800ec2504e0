//! envgit is git for environments.
//!
//! ```text
//! commit:    capture ──► snapshot ──► store ──► history
//! checkout:  history ──► store ──► plan ──► apply
//! compare:   history ──► snapshot ──► compare
//! ```
#![forbid(unsafe_code)]

pub mod capture;
pub mod digest;
pub mod fsx;
pub mod progress;
pub mod snapshot;
