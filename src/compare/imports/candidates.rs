//! Which packages are worth a look: those that hold what fails, and those that say they need such a package.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::package::{Package, normalize};
use crate::snapshot::path::RelPath;

/// The names of packages that are among `failing`, or that require one of them, through whatever others, also for an
/// extra.
pub fn candidates(packages: &[Package], failing: &BTreeSet<String>) -> BTreeSet<String> {
    let mut needed_by: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        for requirement in &package.requires {
            needed_by
                .entry(required(requirement))
                .or_default()
                .insert(&package.name);
        }
        // A record of pip's and the conda package that it is part of are one thing under two names.
        if let Some(whole) = package.part_of.as_ref().filter(|whole| **whole != package.name) {
            needed_by.entry(normalize(&package.name)).or_default().insert(whole);
            needed_by.entry(normalize(whole)).or_default().insert(&package.name);
        }
    }
    let mut found: BTreeSet<String> = failing.clone();
    let mut left: Vec<String> = failing.iter().cloned().collect();
    while let Some(name) = left.pop() {
        for other in needed_by.get(&normalize(&name)).into_iter().flatten() {
            if found.insert((*other).to_owned()) {
                left.push((*other).to_owned());
            }
        }
    }
    found
}

/// The name in a requirement, normalized: all of it that can be one.
fn required(requirement: &str) -> String {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let text = requirement.trim_start();
    normalize(&text[..text.find(|c| !is_name(c)).unwrap_or(text.len())])
}

/// The modules at the top that some files are or belong to: `pylab` and `matplotlib` of Matplotlib's.
pub fn top_modules<'a>(folders: &[&RelPath], files: impl IntoIterator<Item = &'a RelPath>) -> BTreeSet<String> {
    let mut tops = BTreeSet::new();
    for path in files {
        let beneath = folders.iter().filter(|folder| path.is_within(folder.as_bytes()));
        for rest in beneath.filter_map(|folder| path.as_bytes().get(folder.as_bytes().len() + 1..)) {
            let (name, is_module) = match rest.iter().position(|b| *b == b'/') {
                Some(end) => (&rest[..end], true),
                None => {
                    let end = rest.iter().position(|b| *b == b'.').unwrap_or(rest.len());
                    (&rest[..end], rest.ends_with(b".py") || rest.ends_with(b".so"))
                }
            };
            let starts = name.first().is_some_and(|b| !b.is_ascii_digit());
            let is_name = starts
                && name
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | 0x80..));
            if let Ok(name) = std::str::from_utf8(name)
                && is_module
                && is_name
                && name != "__pycache__"
                && !tops.contains(name)
            {
                tops.insert(name.to_owned());
            }
        }
    }
    tops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::package::Manager;

    fn package(name: &str, requires: &[&str]) -> Package {
        let record = RelPath::new(format!("s/{name}.dist-info")).unwrap();
        let mut package = Package::new(Manager::Pip, name, "1", record);
        package.requires = requires.iter().map(|text| (*text).to_owned()).collect();
        package
    }

    #[test]
    fn whoever_needs_what_fails_is_a_candidate() {
        let mut part = package("torch", &[]);
        part.part_of = Some("pytorch".to_owned());
        let packages = [
            package("pandas", &["numpy>=1.22"]),
            package("scikit-learn", &["numpy", "Pandas>=1.0 ; extra == 'docs'"]),
            package("hdbscan", &["scikit_learn (>0.2)"]),
            package("numpy", &[]),
            package("pandas-stubs", &["types-pytz"]),
            package("lightning", &["pytorch[x]"]),
            part,
        ];
        let found = |failing: &str| {
            let found = candidates(&packages, &BTreeSet::from([failing.to_owned()]));
            found.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(found("pandas"), "hdbscan pandas scikit-learn");
        assert_eq!(found("torch"), "lightning pytorch torch");
    }

    #[test]
    fn tops_are_what_can_be_imported() {
        let paths = [
            "s/a/b.py",
            "s/pylab.py",
            "s/_c.cpython-311-x86_64-linux-gnu.so",
            "s/a-1.dist-info/RECORD",
            "s/x.libs/y.so",
            "s/__pycache__/pylab.pyc",
            "s/z.pth",
            "bin/a.py",
        ];
        let paths: Vec<RelPath> = paths.iter().map(|path| RelPath::new(*path).unwrap()).collect();
        let folder = RelPath::new("s").unwrap();
        let tops = top_modules(&[&folder], &paths);
        assert_eq!(tops.into_iter().collect::<Vec<_>>(), ["_c", "a", "pylab"]);
    }
}
