//! envgit is git for environments: it records conda and pip packages, the files behind them, configs and variables,
//! says what changed between two states, and brings any of them back exactly.
//!
//! ```text
//! commit:    capture ──► snapshot ──► store ──► history
//! checkout:  history ──► store ──► plan ──► apply
//! compare:   history ──► snapshot ──► compare
//! exchange:  history, store ◄──► remote
//! ```
//!
//! [`snapshot`] holds the nouns, without IO. [`capture`] looks at the live roots, [`store`] keeps content in layers,
//! [`history`] keeps inventories as git commits. [`compare`] and [`plan`] are pure; [`apply`] performs a plan.
//! [`ops`] joins them, one file a verb, and [`cli`] is the command line on top.
#![forbid(unsafe_code)]

pub mod apply;
pub mod audit;
pub mod capture;
pub mod cli;
pub mod compare;
pub mod config;
pub mod cores;
pub mod demo;
pub mod digest;
pub mod exchange;
pub mod fsx;
pub mod history;
pub mod ops;
pub mod plan;
pub mod progress;
pub mod registry;
pub mod relocate;
pub mod remote;
pub mod repo;
pub mod service;
pub mod snapshot;
pub mod store;
