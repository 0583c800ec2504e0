//! Changes in one line: the message of a commit that was given none.

use std::collections::BTreeSet;

use crate::snapshot::change::{ChangeKind, Changes, FileChangeKind, PackageChange, RootChanges};

/// How many items are named before the rest is counted.
const NAMED: usize = 4;

/// `numpy 1.24.4 → 1.26.4, +pyworld 0.3.4`; configs, variables and files where no package changed.
pub fn describe(changes: &Changes) -> String {
    let packages = packages(changes);
    let told = if packages.is_empty() { others(changes) } else { packages };
    let more = told.len().saturating_sub(NAMED);
    let mut line = told.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        line.push_str(&format!(" and {more} more"));
    }
    if line.is_empty() { "No changes".to_owned() } else { line }
}

/// Changed packages first, then what came, then what went. A change told by both managers is told once; of others of
/// one name it is told whose they are.
fn packages(changes: &Changes) -> Vec<String> {
    let rank = |change: &PackageChange| ChangeKind::of(change.from.as_ref(), change.to.as_ref()) as u8;
    let mut all: Vec<&PackageChange> = changes.roots.iter().flat_map(|root| &root.packages).collect();
    all.sort_by_key(|change| (rank(change) + 1) % 3);
    let differs = |one: &PackageChange| {
        let mut twins = all
            .iter()
            .filter(|other| other.name == one.name && other.manager != one.manager);
        twins.any(|other| package(other) != package(one))
    };
    let told = all.iter().map(|one| match differs(one) {
        true => format!("{} ({})", package(one), one.manager),
        false => package(one),
    });
    let mut seen = BTreeSet::new();
    told.filter(|text| seen.insert(text.clone())).collect()
}

/// One package change: `numpy 1.24.4 → 1.26.4`, `+pyworld 0.3.4`, `-six 1.16.0`.
pub fn package(change: &PackageChange) -> String {
    let name = &change.name;
    match (&change.from, &change.to) {
        (Some(from), Some(to)) if from.version == to.version => {
            let build = |p: &crate::snapshot::package::Package| p.build.clone().unwrap_or_default();
            if build(from) == build(to) {
                format!("{name} {} reinstalled from elsewhere", to.version)
            } else {
                format!("{name} {} {} → {}", to.version, build(from), build(to))
            }
        }
        (Some(from), Some(to)) => format!("{name} {} → {}", from.version, to.version),
        (None, Some(to)) => format!("+{name} {}", to.version),
        (Some(from), None) => format!("-{name} {}", from.version),
        (None, None) => String::new(),
    }
}

fn others(changes: &Changes) -> Vec<String> {
    let mut told = Vec::new();
    for root in &changes.roots {
        for config in &root.configs {
            told.push(match config.change {
                ChangeKind::Added => format!("+{}", config.path),
                ChangeKind::Removed => format!("-{}", config.path),
                ChangeKind::Changed => config.path.to_string(),
            });
        }
    }
    for root in &changes.roots {
        told.extend(files(root));
    }
    if !changes.vars.is_empty() && told.is_empty() {
        told.extend(changes.vars.iter().map(|var| format!("${}", var.name)));
    }
    told
}

/// Files of a root that are not told as configs: named when few, else counted.
fn files(root: &RootChanges) -> Vec<String> {
    let configs: BTreeSet<_> = root.configs.iter().map(|config| &config.path).collect();
    let rest: Vec<_> = root
        .files
        .iter()
        .filter(|change| !configs.contains(change.path()))
        .filter(|change| change.to.as_ref().or(change.from.as_ref()).is_some_and(|e| !e.is_dir()))
        .collect();
    if rest.is_empty() && configs.is_empty() && !root.files.is_empty() {
        return vec![format!("{} directories in {}", root.files.len(), root.root)];
    }
    if rest.len() > 2 {
        return vec![format!("{} files in {}", rest.len(), root.root)];
    }
    rest.iter()
        .map(|change| match change.kind() {
            FileChangeKind::Added => format!("+{}", change.path()),
            FileChangeKind::Removed => format!("-{}", change.path()),
            FileChangeKind::Modified | FileChangeKind::MetadataOnly => change.path().to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::package::{Manager, Package};
    use crate::snapshot::path::RelPath;
    use crate::snapshot::root::Kind;

    fn change(name: &str, from: Option<&str>, to: Option<&str>) -> PackageChange {
        let package = |version: &str| {
            let record = RelPath::new(format!("{name}-{version}.dist-info")).unwrap();
            Package::new(Manager::Pip, name, version, record)
        };
        PackageChange {
            manager: Manager::Pip,
            name: name.to_owned(),
            from: from.map(package),
            to: to.map(package),
        }
    }

    fn told(packages: Vec<PackageChange>) -> String {
        let root = RootChanges {
            root: "env".parse().unwrap(),
            kind: Kind::Venv,
            packages,
            configs: vec![],
            files: vec![],
            explanation: None,
        };
        describe(&Changes {
            roots: vec![root],
            vars: vec![],
        })
    }

    #[test]
    fn versions_come_first_and_the_rest_is_counted() {
        let two = vec![
            change("pyworld", None, Some("0.3.4")),
            change("numpy", Some("1.24.4"), Some("1.26.4")),
        ];
        assert_eq!(told(two), "numpy 1.24.4 → 1.26.4, +pyworld 0.3.4");
        let mut conda = change("numpy", Some("1.26.4"), Some("1.24.4"));
        conda.manager = Manager::Conda;
        let pip = change("numpy", None, Some("1.25.2"));
        assert_eq!(
            told(vec![conda.clone(), pip]),
            "numpy 1.26.4 → 1.24.4 (conda), +numpy 1.25.2 (pip)"
        );
        let mut twin = conda.clone();
        twin.manager = Manager::Pip;
        assert_eq!(told(vec![conda, twin]), "numpy 1.26.4 → 1.24.4");
        let many = (0..6).map(|n| change(&format!("p{n}"), Some("1"), None)).collect();
        assert_eq!(told(many), "-p0 1, -p1 1, -p2 1, -p3 1 and 2 more");
        assert_eq!(told(vec![]), "No changes");
    }
}
