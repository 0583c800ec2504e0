//! Why one root differs between two states, and what follows.

use std::collections::BTreeMap;

use super::causes;
use super::check::{check_with, compare_problems};
use super::commands;
use super::requirements::Texts;
use super::state::RootState;
use crate::snapshot::change::{FileChange, FileChangeKind, PackageChange, RootChanges};
use crate::snapshot::explanation::{Explanation, PackageStory, UnitChange};
use crate::snapshot::finding::{Finding, PackageRef, Problem};

/// Explains the differences of one root.
pub fn explain(before: &RootState, after: &RootState, changes: &RootChanges) -> Explanation {
    let texts = Texts::default();
    let (old, new) = (before.platform(), after.platform());
    let old = before.installed(&old, &texts);
    let new = after.installed(&new, &texts);
    let problems = compare_problems(&check_with(before, &old), &check_with(after, &new));
    let commands = commands(told(&before.conda_history), told(&after.conda_history));
    let mut packages = causes(&changes.packages, &old, &new, &commands);
    for (story, change) in packages.iter_mut().zip(&changes.packages) {
        story.breaks = concerned(change, &problems.appeared);
        story.mends = concerned(change, &problems.resolved);
    }
    Explanation {
        packages,
        problems,
        units: units(&changes.files),
        commands,
    }
}

fn told(history: &str) -> Option<&str> {
    Some(history).filter(|history| !history.is_empty())
}

/// The other packages whose findings follow from a change.
fn concerned(change: &PackageChange, findings: &[Finding]) -> Vec<PackageRef> {
    let follows = |finding: &Finding| match &finding.problem {
        Problem::Requirement { needs, .. } => *needs == change.name,
        Problem::Overwritten { by, .. } => by.name == change.name && by.manager == change.manager,
        Problem::Python { .. } => change.name == "python",
        Problem::NumpyAbi { .. } | Problem::Import { .. } => change.name == "numpy",
        _ => false,
    };
    let packages = findings.iter().filter(|finding| follows(finding));
    let mut packages: Vec<PackageRef> = packages
        .filter_map(|finding| finding.package.clone())
        .filter(|package| package.name != change.name)
        .collect();
    packages.sort();
    packages.dedup();
    packages
}

/// Why packages changed: one story for each change, in the same order. `changes` are all of the root. What follows from
/// them is not told.
pub fn stories(before: &RootState, after: &RootState, changes: &[PackageChange]) -> Vec<PackageStory> {
    let texts = Texts::default();
    let (old, new) = (before.platform(), after.platform());
    let commands = commands(told(&before.conda_history), told(&after.conda_history));
    let (old, new) = (before.installed(&old, &texts), after.installed(&new, &texts));
    causes(changes, &old, &new, &commands)
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
        let size = |entry: &Option<crate::snapshot::entry::Entry>| entry.as_ref().map_or(0, |entry| entry.size());
        unit.bytes_before = unit.bytes_before.saturating_add(size(&change.from));
        unit.bytes_after = unit.bytes_after.saturating_add(size(&change.to));
        match change.kind() {
            FileChangeKind::Added => unit.added += 1,
            FileChangeKind::Removed => unit.removed += 1,
            FileChangeKind::Modified | FileChangeKind::MetadataOnly => unit.modified += 1,
        }
    }
    units.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::packages;
    use crate::snapshot::package::{Manager, Package};
    use crate::snapshot::path::RelPath;
    use crate::snapshot::promise::Promises;
    use crate::snapshot::root::Kind;
    use proptest::prelude::*;

    /// Some of four projects in either manager, each with a version, a requirement on another, and files of which some
    /// are missing or altered.
    fn state() -> impl Strategy<Value = RootState> {
        let one = (0usize..4, any::<bool>(), 1u8..4, 0usize..4, 1u8..4, 0u64..3, 0u64..3);
        proptest::collection::vec(one, 0..7).prop_map(|drawn| {
            let mut state = RootState {
                python: Some("3.11.2".to_owned()),
                ..RootState::default()
            };
            for (name, is_conda, version, needs, least, missing, altered) in drawn {
                let names = ["numpy", "pandas", "torch", "odd name"];
                let manager = if is_conda { Manager::Conda } else { Manager::Pip };
                let record = format!("r/{}-{version}.{manager}", names[name].replace(' ', "-"));
                let record = RelPath::new(record).unwrap();
                if state.packages.iter().any(|known: &Package| known.record == record) {
                    continue;
                }
                let mut package = Package::new(manager, names[name], &format!("{version}.0"), record.clone());
                package.requires = vec![format!("{} >={least}.0", names[needs])];
                let path = |n: u64| RelPath::new(format!("{}/f{n}", names[name])).unwrap();
                let mut promises = Promises::kept(manager, record);
                (promises.promised, promises.hashed) = (9, 9);
                promises.missing = (0..missing).map(path).collect();
                promises.altered = (3..3 + altered).map(path).collect();
                state.packages.push(package);
                state.promises.push(promises);
            }
            state.packages.sort_by(|a, b| a.key().cmp(&b.key()));
            state
        })
    }

    fn told(before: &RootState, after: &RootState) -> Explanation {
        let changes = RootChanges {
            root: "env".parse().unwrap(),
            kind: Kind::Conda,
            packages: packages(&before.packages, &after.packages),
            configs: Vec::new(),
            files: Vec::new(),
            explanation: None,
        };
        explain(before, after, &changes)
    }

    proptest! {
        #[test]
        fn a_state_needs_no_explanation_of_itself(one in state()) {
            prop_assert_eq!(told(&one, &one), Explanation::default());
        }

        #[test]
        fn problems_mirror_and_every_change_has_a_cause(a in state(), b in state()) {
            let (forth, back) = (told(&a, &b), told(&b, &a));
            prop_assert_eq!(&forth.problems.appeared, &back.problems.resolved);
            prop_assert_eq!(&forth.problems.resolved, &back.problems.appeared);
            prop_assert_eq!(forth.problems.changed.len(), back.problems.changed.len());
            prop_assert!(forth.packages.iter().all(|story| !story.causes.is_empty()));
        }
    }
}
