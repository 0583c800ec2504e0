//! Which package records of a root are of one project, and which of them counts: the one whose files are there.
//!
//! pip may install over a conda package, and a folder may hold two records of one project. What `import` gets, whose
//! version answers requirements and whose own requirements are held follows from this one rule.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::requirements::interpreter::is_visible;
use super::requirements::names;
use crate::snapshot::package::{Manager, Package, normalize};
use crate::snapshot::path::RelPath;
use crate::snapshot::promise::Promises;

/// The records of one root, joined to projects: all that are listed, so neither leftovers nor parts of conda packages.
#[derive(Debug)]
pub(super) struct Records<'a> {
    records: Vec<Record<'a>>,
    by_path: HashMap<&'a RelPath, usize>,
}

#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) package: &'a Package,
    /// What became of its promises, if they are recorded.
    pub(super) promises: Option<&'a Promises>,
    /// The first record of its project.
    pub(super) project: usize,
    rank: Rank<'a>,
    /// The record of the same project whose files are there instead of these.
    better: Option<usize>,
}

/// How likely the files of a record are the ones that are there: the greater the likelier.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    /// The interpreter looks into its folder.
    is_visible: bool,
    /// Millionths of the files that are there; all, where that is not known, and none of a package without files.
    share: u64,
    /// Of equal shares pip's: it installs over conda's, and conda seldom over pip's.
    manager: Manager,
    is_known: bool,
    version: Option<pep440_rs::Version>,
    path: Reverse<&'a RelPath>,
}

/// From how many files on an overlap tells that two records are of one project.
const MOST_OF: u64 = 8;

impl<'a> Records<'a> {
    /// Joins records with what became of their promises, for an interpreter of this major and minor version.
    pub(super) fn new(packages: &'a [Package], promises: &'a [Promises], python: Option<(u64, u64)>) -> Self {
        let promises: HashMap<&RelPath, &Promises> = promises.iter().map(|one| (&one.record, one)).collect();
        let listed = packages.iter().filter(|package| package.is_listed());
        let records: Vec<Record<'a>> = listed
            .enumerate()
            .map(|(at, package)| {
                let promises = promises.get(&package.record).copied();
                Record {
                    package,
                    promises,
                    project: at,
                    rank: Rank::new(package, promises, python),
                    better: None,
                }
            })
            .collect();
        let by_path = records.iter().enumerate();
        let mut joined = Self {
            by_path: by_path.map(|(at, one)| (&one.package.record, at)).collect(),
            records,
        };
        joined.join_by_name(packages);
        joined.join_by_files();
        for at in 0..joined.records.len() {
            joined.records[at].better = joined.of_project(at).into_iter().find(|other| joined.beats(*other, at));
        }
        joined
    }

    /// All records, in the order of the packages.
    pub(super) fn all(&self) -> &[Record<'a>] {
        &self.records
    }

    /// Where a record stands among all.
    pub(super) fn position(&self, path: &RelPath) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Whether it is the record of its project whose files `import` gets.
    pub(super) fn counts(&self, at: usize) -> bool {
        self.records[at].better.is_none() && self.records[at].rank.is_visible
    }

    /// The record whose files stand in place of those of this one.
    pub(super) fn better(&self, at: usize) -> Option<&'a Package> {
        self.records[at].better.map(|better| self.records[better].package)
    }

    /// Whether the files of one are likelier there than those of another.
    pub(super) fn ranks_above(&self, one: usize, other: usize) -> bool {
        self.records[one].rank > self.records[other].rank
    }

    /// The records of the project of this one, the likeliest first.
    pub(super) fn of_project(&self, at: usize) -> Vec<usize> {
        let project = self.records[at].project;
        let mut of_it: Vec<usize> = (0..self.records.len())
            .filter(|other| self.records[*other].project == project)
            .collect();
        of_it.sort_by(|a, b| self.records[*b].rank.cmp(&self.records[*a].rank));
        of_it
    }

    /// Conda packages of different names may both be what pip replaced; they do not replace each other.
    fn beats(&self, one: usize, other: usize) -> bool {
        let (a, b) = (self.records[one].package, self.records[other].package);
        self.ranks_above(one, other) && (a.manager != b.manager || normalize(&a.name) == normalize(&b.name))
    }

    /// Those of one manager and one name; those of both managers whose names agree, unless only by chance: some files
    /// are both's, or the conda package is one of Python.
    fn join_by_name(&mut self, packages: &[Package]) {
        let mut named: BTreeMap<(Manager, String), Vec<usize>> = BTreeMap::new();
        for (at, record) in self.records.iter().enumerate() {
            let key = (record.package.manager, normalize(&record.package.name));
            named.entry(key).or_default().push(at);
        }
        let mut parts: HashMap<&str, Vec<String>> = HashMap::new();
        for part in packages {
            if let Some(owner) = &part.part_of {
                parts.entry(owner).or_default().push(normalize(&part.name));
            }
        }
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for ((manager, _), records) in &named {
            for at in records.iter().copied() {
                pairs.push((records[0], at));
                if *manager == Manager::Pip {
                    continue;
                }
                let package = self.records[at].package;
                let parts = parts.get(&*package.name).into_iter().flatten().cloned();
                let names = std::iter::once((names::project(&package.name), is_of_python(package)));
                for (name, is_sure) in names.chain(parts.map(|name| (name, true))) {
                    let of_pip = named.get(&(Manager::Pip, name)).into_iter().flatten().copied();
                    let same = |other: &usize| {
                        let meet = self.common(at, *other) + self.common(*other, at) > 0;
                        meet || (is_sure && self.records[*other].rank.is_visible)
                    };
                    pairs.extend(of_pip.filter(same).map(|other| (at, other)));
                }
            }
        }
        for (a, b) in pairs {
            self.join(a, b);
        }
    }

    /// Those of both managers when most of the files of one are those of the other, whatever their names (conda's
    /// `pytorch` and pip's `torch`).
    fn join_by_files(&mut self) {
        for at in 0..self.records.len() {
            let record = &self.records[at];
            let Some(promises) = record.promises.filter(|one| one.promised >= MOST_OF) else {
                continue;
            };
            let met = promises.replaced.keys().chain(promises.shared.keys());
            let others: Vec<usize> = met
                .filter_map(|path| self.position(path))
                .filter(|other| self.records[*other].package.manager != record.package.manager)
                .filter(|other| 2 * self.common(at, *other) > promises.promised)
                .collect();
            for other in others {
                self.join(at, other);
            }
        }
    }

    /// How many of the files that a record promises another has, or promises too.
    fn common(&self, at: usize, other: usize) -> u64 {
        let path = &self.records[other].package.record;
        let maps = self.records[at].promises.into_iter();
        maps.flat_map(|one| [&one.replaced, &one.shared])
            .map(|map| map.get(path).map_or(0, |files| files.len() as u64))
            .sum()
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.records[a].project, self.records[b].project);
        for record in &mut self.records {
            if record.project == a.max(b) {
                record.project = a.min(b);
            }
        }
    }
}

impl Record<'_> {
    /// Conda has packages that only require others.
    pub(super) fn brings_files(&self) -> bool {
        brings_files(self.package, self.promises)
    }
}

fn brings_files(package: &Package, promises: Option<&Promises>) -> bool {
    package.manager == Manager::Pip || promises.is_none_or(|one| one.promised > 0)
}

impl<'a> Rank<'a> {
    fn new(package: &'a Package, promises: Option<&Promises>, python: Option<(u64, u64)>) -> Self {
        let known = promises.filter(|one| one.promised > 0);
        let whole = if brings_files(package, promises) { 1_000_000 } else { 0 };
        Self {
            is_visible: is_visible(package, python),
            share: known.map_or(whole, |one| one.intact() * 1_000_000 / one.promised),
            manager: package.manager,
            is_known: known.is_some(),
            version: package.version.parse().ok(),
            path: Reverse(&package.record),
        }
    }
}

/// Whether a conda package is one of Python: others may share a name with a project without being it (`tzdata`).
pub(super) fn is_of_python(package: &Package) -> bool {
    let python = |text: &String| text.split([' ', '=', '>', '<']).next() == Some("python");
    package.requires.iter().any(python)
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
