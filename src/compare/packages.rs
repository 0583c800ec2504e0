//! Which packages differ.

use std::collections::BTreeMap;

use super::merge;
use crate::snapshot::change::PackageChange;
use crate::snapshot::package::{Manager, Package};

/// The differences between two package lists, sorted by manager and name.
///
/// Only what counts in lists is compared. Where a name is installed twice on a side, records that are on both sides
/// are matched first and what is left is paired in order of version.
pub fn packages(from: &[Package], to: &[Package]) -> Vec<PackageChange> {
    let mut changes = Vec::new();
    merge(
        by_name(from),
        by_name(to),
        |(key, _)| *key,
        |(key, _)| *key,
        |a, b| {
            let (manager, name) = match (&a, &b) {
                (Some((key, _)), _) | (_, Some((key, _))) => *key,
                (None, None) => return,
            };
            let mut older = a.map_or(Vec::new(), |(_, packages)| packages);
            let mut newer = b.map_or(Vec::new(), |(_, packages)| packages);
            newer.retain(|new| match older.iter().position(|old| same(old, new)) {
                Some(at) => {
                    older.remove(at);
                    false
                }
                None => true,
            });
            let pairs = older.len().max(newer.len());
            for at in 0..pairs {
                changes.push(PackageChange {
                    manager,
                    name: name.to_owned(),
                    from: older.get(at).map(|p| (*p).clone()),
                    to: newer.get(at).map(|p| (*p).clone()),
                });
            }
        },
    );
    changes
}

type Named<'a> = BTreeMap<(Manager, &'a str), Vec<&'a Package>>;

fn by_name(packages: &[Package]) -> Named<'_> {
    let mut named = Named::new();
    for package in packages.iter().filter(|package| package.is_listed()) {
        named.entry((package.manager, &package.name)).or_default().push(package);
    }
    named
}

/// Whether two records of one name say the same of what is installed.
fn same(a: &Package, b: &Package) -> bool {
    let identity = |p: &Package| {
        (
            p.version.clone(),
            p.build.clone(),
            p.channel.clone(),
            p.subdir.clone(),
            p.installer.clone(),
            p.editable,
            (p.manager == Manager::Pip).then(|| p.url.clone()),
            p.defect,
        )
    };
    identity(a) == identity(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::path::RelPath;

    fn pip(name: &str, version: &str) -> Package {
        let record = RelPath::new(format!("lib/{name}-{version}.dist-info")).unwrap();
        Package::new(Manager::Pip, name, version, record)
    }

    fn told(changes: &[PackageChange]) -> Vec<String> {
        let version = |p: &Option<Package>| p.as_ref().map_or("-".to_owned(), |p| p.version.clone());
        changes
            .iter()
            .map(|c| format!("{} {} {}", c.name, version(&c.from), version(&c.to)))
            .collect()
    }

    #[test]
    fn versions_are_matched_by_name_and_manager() {
        let mut conda = pip("numpy", "1.24.4");
        conda.manager = Manager::Conda;
        let before = [
            conda.clone(),
            pip("NumPy", "1.24.4"),
            pip("gone", "1"),
            pip("same", "2"),
        ];
        let after = [conda, pip("numpy", "1.26.4"), pip("pyworld", "0.3.4"), pip("same", "2")];
        let changes = packages(&before, &after);
        assert_eq!(told(&changes), ["gone 1 -", "numpy 1.24.4 1.26.4", "pyworld - 0.3.4"]);
        assert!(packages(&after, &after).is_empty());
    }

    #[test]
    fn a_second_record_of_a_name_is_an_addition() {
        let once = [pip("numpy", "1.25.2")];
        let twice = [pip("numpy", "1.24.4"), pip("numpy", "1.25.2")];
        assert_eq!(told(&packages(&once, &twice)), ["numpy - 1.24.4"]);
        assert_eq!(told(&packages(&twice, &once)), ["numpy 1.24.4 -"]);
    }

    #[test]
    fn leftovers_and_parts_of_conda_packages_do_not_count() {
        let mut part = pip("numpy", "1.24.4");
        part.part_of = Some("numpy".to_owned());
        let mut leftover = pip("~umpy", "1");
        leftover.defect = Some(crate::snapshot::package::Defect::Leftover);
        assert!(packages(&[], &[part, leftover]).is_empty());
    }
}
