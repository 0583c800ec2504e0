//! envgit is git for environments.
//!
//! ```text
//! commit:    capture ──► snapshot ──► store ──► history
//! checkout:  history ──► store ──► plan ──► apply
//! compare:   history ──► snapshot ──► compare
//! ```
#![forbid(unsafe_code)]

pub mod capture;
pub mod cli;
pub mod compare;
pub mod config;
pub mod demo;
pub mod digest;
pub mod fsx;
pub mod history;
pub mod ops;
pub mod progress;
pub mod registry;
pub mod repo;
pub mod snapshot;
pub mod store;
