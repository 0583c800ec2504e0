//! The one change type: what status, diff, commit messages and checkout previews all speak of.

use serde::Serialize;

use super::entry::Entry;
use super::explanation::{Explanation, PackageStory};
use super::package::{Manager, Package};
use super::path::RelPath;
use super::records::ConfigMeaning;
use super::root::{Kind, RootName};
use super::unit::UnitName;

/// How a path changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChangeKind {
    /// Only in the newer state.
    Added,
    /// Only in the older state.
    Removed,
    /// Other bytes, other link target or other type.
    Modified,
    /// Same bytes, other mode, time, extended attributes or hard-link group.
    MetadataOnly,
}

/// One path that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The unit it belongs to: in the newer state, unless removed.
    pub unit: UnitName,
    /// The older entry.
    pub from: Option<Entry>,
    /// The newer entry.
    pub to: Option<Entry>,
}

impl FileChange {
    /// The path. A change always has an entry on one side.
    pub fn path(&self) -> &RelPath {
        let entry = self.to.as_ref().or(self.from.as_ref());
        &entry.expect("a change has a side").path
    }

    /// How it changed.
    pub fn kind(&self) -> FileChangeKind {
        match (&self.from, &self.to) {
            (None, _) => FileChangeKind::Added,
            (_, None) => FileChangeKind::Removed,
            (Some(from), Some(to)) if from.same_content(to) => FileChangeKind::MetadataOnly,
            _ => FileChangeKind::Modified,
        }
    }
}

/// How something named changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Only in the newer state.
    Added,
    /// Only in the older state.
    Removed,
    /// In both, differently.
    Changed,
}

impl ChangeKind {
    /// From which sides there are.
    pub fn of<A, B>(from: Option<A>, to: Option<B>) -> Self {
        match (from.is_some(), to.is_some()) {
            (false, _) => Self::Added,
            (_, false) => Self::Removed,
            _ => Self::Changed,
        }
    }
}

/// A package that came, went or changed its version, build or origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageChange {
    /// Whose package it is.
    pub manager: Manager,
    /// Its normalized name.
    pub name: String,
    /// The older record.
    pub from: Option<Package>,
    /// The newer record.
    pub to: Option<Package>,
}

/// A config file that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigChange {
    /// Its path in the root.
    pub path: RelPath,
    /// How it changed.
    pub change: ChangeKind,
    /// Unified diff of the text.
    pub diff: String,
    /// The same change by records, where the text can be read as such.
    pub meaning: ConfigMeaning,
}

/// A recorded variable that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VarChange {
    /// Its name.
    pub name: String,
    /// How it changed.
    pub change: ChangeKind,
    /// The older value.
    pub from: Option<String>,
    /// The newer value.
    pub to: Option<String>,
}

/// All that differs in one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootChanges {
    /// The root.
    pub root: RootName,
    /// What lives in it.
    pub kind: Kind,
    /// Packages, sorted.
    pub packages: Vec<PackageChange>,
    /// Config files, sorted by path.
    pub configs: Vec<ConfigChange>,
    /// Paths, sorted.
    pub files: Vec<FileChange>,
    /// Why, and what follows; only where it was asked for, in roots that hold packages.
    pub explanation: Option<Explanation>,
}

impl RootChanges {
    /// Each package change with its story, if it is told.
    pub fn stories(&self) -> impl Iterator<Item = (&PackageChange, Option<&PackageStory>)> {
        let stories = self.explanation.as_ref().map_or(&[][..], |told| &told.packages);
        let stories = stories.iter().map(Some).chain(std::iter::repeat(None));
        self.packages.iter().zip(stories)
    }

    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.configs.is_empty() && self.files.is_empty()
    }
}

/// All that differs between two states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Roots with differences.
    pub roots: Vec<RootChanges>,
    /// Variables, sorted by name.
    pub vars: Vec<VarChange>,
}

impl Changes {
    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.vars.is_empty()
    }
}
