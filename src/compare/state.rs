//! What the comparison of packages sees of one root in one state.

use super::requirements::{Installed, Platform, Texts};
use crate::snapshot::binary::Binaries;
use crate::snapshot::entry::Entry;
use crate::snapshot::facts::SystemFacts;
use crate::snapshot::finding::Finding;
use crate::snapshot::package::Package;
use crate::snapshot::promise::Promises;

/// One root in one state, as recorded. Empty is a root that is not there.
#[derive(Clone, Debug, Default)]
pub struct RootState {
    /// All package records, sorted.
    pub packages: Vec<Package>,
    /// What the records promise of files, and what became of it.
    pub promises: Vec<Promises>,
    /// What the compiled code of each unit needs.
    pub binaries: Vec<Binaries>,
    /// Entries that no package owns, sorted; only where they were asked for.
    pub loose: Vec<Entry>,
    /// What certainly cannot be imported. Telling that needs the text of modules, so it is found out before.
    pub imports: Vec<Finding>,
    /// The version of the interpreter.
    pub python: Option<String>,
    /// The machine.
    pub system: SystemFacts,
    /// conda's own history.
    pub conda_history: String,
}

impl RootState {
    /// What requirements are held against besides packages.
    pub fn platform(&self) -> Platform {
        Platform::new(self.python.as_deref(), &self.system, &self.packages)
    }

    /// The packages joined to projects.
    pub fn installed<'a>(&'a self, platform: &'a Platform, texts: &Texts) -> Installed<'a> {
        Installed::new(&self.packages, &self.promises, platform, texts)
    }
}
