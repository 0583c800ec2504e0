//! Looks at the world: what is installed in a root, and which package owns which file.
//!
//! Nothing in the environment is executed and nothing outside the root is read. A record that is damaged, half removed
//! or hostile becomes a [`Package`](crate::snapshot::package::Package) with a defect, or a warning: never a failure.

mod conda;
pub mod inspect;
mod listing;
mod metadata;
pub mod owners;
mod pip;
pub mod python;
mod site;
#[cfg(test)]
mod tree;
