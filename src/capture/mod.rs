//! Looking at the world: which roots there are, what they leave out, what is installed in them, variables, system
//! facts.
//!
//! Nothing in the environment is executed and nothing outside the root is read. A record that is damaged, half removed
//! or hostile becomes a [`Package`](crate::snapshot::package::Package) with a defect, or a warning: never a failure.

pub mod configs;
pub mod detect;
pub mod ignored;
pub mod patterns;
pub mod scan;
pub mod secrets;
pub mod state;
pub mod system;
pub mod variables;
pub mod walk;

/// stub
pub struct Inspection {
    /// p
    pub packages: Vec<crate::snapshot::package::Package>,
    /// o
    pub owners: Owners,
    /// p
    pub python: Option<String>,
    /// w
    pub warnings: Vec<String>,
}
/// stub
pub struct Owners;
/// stub
pub struct Assignment {
    /// u
    pub units: Vec<crate::snapshot::unit::UnitName>,
    /// o
    pub of: Vec<u32>,
}
impl Owners {
    /// stub
    pub fn assign(&self, _e: &[crate::snapshot::entry::Entry]) -> Assignment {
        todo!()
    }
}
/// stub
pub fn inspect(_r: &std::path::Path, _e: &[crate::snapshot::entry::Entry]) -> Inspection {
    todo!()
}
