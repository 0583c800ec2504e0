//! Looking at the world: which roots there are, what they leave out, what is installed in them, variables, system
//! facts.
//!
//! Nothing in the environment is executed and nothing outside the root is read. A record that is damaged, half removed
//! or hostile becomes a [`Package`](crate::snapshot::package::Package) with a defect, or a warning: never a failure.

pub mod conda;
pub mod configs;
pub mod detect;
pub mod ignored;
pub mod inspect;
mod listing;
mod metadata;
pub mod owners;
pub mod patterns;
pub mod pip;
pub mod python;
pub mod scan;
pub mod secrets;
pub mod state;
pub mod system;
pub mod variables;
pub mod walk;

pub use inspect::{Inspection, inspect};
