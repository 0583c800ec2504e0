//! Looks at the world: what is installed in a root, and which package owns which file.
//!
//! Nothing in the environment is executed and nothing outside the root is read. A record that is damaged, half removed
//! or hostile becomes a [`Package`](crate::snapshot::package::Package) with a defect, or a warning: never a failure.

pub mod conda;
pub mod inspect;
mod listing;
mod metadata;
pub mod owners;
pub mod pip;
pub mod python;
#[cfg(test)]
mod tree;
