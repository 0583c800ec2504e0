//! Looking at the world: which roots there are, what is in them and in what state, what is installed and who owns
//! which file, variables, system facts.
//!
//! Nothing in the environment is executed and nothing outside the root is read. A record that is damaged, half removed
//! or hostile becomes a [`Package`](crate::snapshot::package::Package) with a defect, or a warning: never a failure.

pub mod activation;
mod assign;
pub mod binaries;
mod conda;
pub mod configs;
pub mod contents;
pub mod detect;
pub mod elf;
pub mod ignored;
pub mod inspect;
mod join;
pub mod leaks;
mod listing;
mod metadata;
mod outside;
pub mod owners;
pub mod patterns;
mod pip;
pub mod placeholders;
mod promises;
pub mod python;
pub mod recognize;
pub mod rules;
pub mod scan;
pub mod secrets;
mod site;
pub mod state;
pub mod system;
pub mod touched;
#[cfg(test)]
mod tree;
pub mod variables;
pub mod walk;
pub mod written;
mod xattrs;

pub use inspect::{Inspection, inspect};
