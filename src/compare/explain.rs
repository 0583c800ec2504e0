//! Why one root differs between two states, and what follows.

use std::collections::BTreeMap;

use super::check::{check, compare_problems};
use super::state::RootState;
use crate::snapshot::change::{FileChange, FileChangeKind, PackageChange, RootChanges};
use crate::snapshot::explanation::{Explanation, PackageStory, UnitChange};

/// Explains the differences of one root.
pub fn explain(before: &RootState, after: &RootState, changes: &RootChanges) -> Explanation {
    Explanation {
        root: changes.root.clone(),
        packages: stories(before, after, &changes.packages),
        problems: compare_problems(&check(before), &check(after)),
        units: units(&changes.files),
        commands: Vec::new(),
    }
}

/// Why packages changed: one story for each change, in the same order. `changes` are all of the root.
pub fn stories(_before: &RootState, _after: &RootState, changes: &[PackageChange]) -> Vec<PackageStory> {
    changes.iter().map(|_| PackageStory::default()).collect()
}

/// The changed files by unit, by name.
pub fn units(files: &[FileChange]) -> Vec<UnitChange> {
    let mut units: BTreeMap<_, UnitChange> = BTreeMap::new();
    for change in files {
        let is_dir = [&change.from, &change.to]
            .into_iter()
            .flatten()
            .all(|entry| entry.is_dir());
        if is_dir || change.kind() == FileChangeKind::MetadataOnly {
            continue;
        }
        let unit = units.entry(&change.unit).or_insert_with(|| UnitChange {
            unit: change.unit.clone(),
            bytes_before: 0,
            bytes_after: 0,
            added: 0,
            modified: 0,
            removed: 0,
        });
        unit.bytes_before += change.from.as_ref().map_or(0, |entry| entry.size());
        unit.bytes_after += change.to.as_ref().map_or(0, |entry| entry.size());
        match change.kind() {
            FileChangeKind::Added => unit.added += 1,
            FileChangeKind::Removed => unit.removed += 1,
            FileChangeKind::Modified | FileChangeKind::MetadataOnly => unit.modified += 1,
        }
    }
    units.into_values().collect()
}
