//! Who owns whose files: several records of one project, files that another package wrote over, files altered, missing
//! or nobody's.

use std::collections::{BTreeMap, HashMap};

use crate::snapshot::entry::Entry;
use crate::snapshot::finding::{Finding, PackageRef, Paths, Problem, RecordFact, Severity};
use crate::snapshot::package::{Defect, Manager, Package, normalize};
use crate::snapshot::path::RelPath;
use crate::snapshot::promise::Promises;

/// The packages of one root with what became of their promises.
pub struct Ownership<'a> {
    /// Listed packages, each with its promises if they are recorded.
    packages: Vec<(&'a Package, Option<&'a Promises>)>,
    /// Where in `packages` a record stands.
    by_record: HashMap<&'a RelPath, usize>,
    /// For each package the projects it is a record of: the index of the first such package.
    project: Vec<usize>,
    leftovers: Vec<&'a Package>,
}

impl<'a> Ownership<'a> {
    /// Joins package records with their promises.
    pub fn new(packages: &'a [Package], promises: &'a [Promises]) -> Self {
        let promises: HashMap<&RelPath, &Promises> = promises.iter().map(|one| (&one.record, one)).collect();
        let listed = packages.iter().filter(|package| package.is_listed());
        let joined: Vec<_> = listed
            .map(|package| (package, promises.get(&package.record).copied()))
            .collect();
        let by_record = joined
            .iter()
            .enumerate()
            .map(|(at, (one, _))| (&one.record, at))
            .collect();
        let mut ownership = Self {
            project: Vec::new(),
            packages: joined,
            by_record,
            leftovers: packages
                .iter()
                .filter(|package| package.defect == Some(Defect::Leftover))
                .collect(),
        };
        ownership.project = ownership.projects();
        ownership
    }

    /// Which records are of one project: those of one name whose files meet, and those of any names when most of the
    /// files of one are those of the other (conda's `pytorch` and pip's `torch`).
    fn projects(&self) -> Vec<usize> {
        let names: Vec<String> = self.packages.iter().map(|(one, _)| normalize(&one.name)).collect();
        let mut project: Vec<usize> = (0..self.packages.len()).collect();
        for at in 0..self.packages.len() {
            for other in 0..at {
                if project[other] != project[at] && self.same_project(at, other, names[at] == names[other]) {
                    let (into, from) = (project[other].min(project[at]), project[other].max(project[at]));
                    project
                        .iter_mut()
                        .filter(|one| **one == from)
                        .for_each(|one| *one = into);
                }
            }
        }
        project
    }

    fn same_project(&self, a: usize, b: usize, same_name: bool) -> bool {
        let ((one, mine), (other, theirs)) = (self.packages[a], self.packages[b]);
        if same_name && one.manager == other.manager {
            return true;
        }
        let met = |promises: Option<&Promises>, record: &RelPath| {
            let promises = promises?;
            let met = [&promises.replaced, &promises.shared].map(|map| map.get(record).map_or(0, Vec::len));
            Some((met[0] + met[1], promises.promised as usize))
        };
        let meets = [met(mine, &other.record), met(theirs, &one.record)];
        meets.into_iter().flatten().any(|(met, promised)| {
            if same_name {
                met > 0
            } else {
                one.manager != other.manager && promised >= MOST_OF && 2 * met > promised
            }
        })
    }

    /// Whether `import` gets the files of this record, as far as records tell: it is the only one of its project, or
    /// more of its files are there than of any other.
    pub fn is_real(&self, record: &RelPath) -> bool {
        let Some(at) = self.by_record.get(record).copied() else {
            return true;
        };
        let rivals = self.records_of(self.project[at]);
        rivals.len() < 2 || rivals.first() == Some(&at)
    }

    /// The version that `import` gets of a project, by its normalized name.
    pub fn version_of(&self, name: &str) -> Option<&'a str> {
        let mut named = self.packages.iter().filter(|(one, _)| normalize(&one.name) == name);
        let real = named.find(|(one, _)| self.is_real(&one.record));
        real.map(|(one, _)| one.version.as_str())
    }

    /// The records of a project, that whose files are there first.
    fn records_of(&self, project: usize) -> Vec<usize> {
        let mut records: Vec<usize> = (0..self.packages.len())
            .filter(|at| self.project[*at] == project)
            .collect();
        // The share of files that are there; of equal shares pip's, which comes later.
        let share = |at: &usize| {
            let promises = self.packages[*at].1.filter(|promises| promises.promised > 0);
            promises.map_or(0, |promises| promises.intact() * 1_000_000 / promises.promised)
        };
        records.sort_by_key(|at| std::cmp::Reverse((share(at), self.packages[*at].0.manager)));
        records
    }

    /// The other records of the project that a record is of.
    pub fn rivals(&self, record: &RelPath) -> Vec<&'a Package> {
        let Some(at) = self.by_record.get(record).copied() else {
            return Vec::new();
        };
        let records = self.records_of(self.project[at]).into_iter();
        records
            .filter(|other| *other != at)
            .map(|other| self.packages[other].0)
            .collect()
    }

    /// How many of the files that a record promises are there; nothing if its promises are not recorded.
    pub fn fact(&self, record: &RelPath) -> Option<RecordFact> {
        let at = *self.by_record.get(record)?;
        self.packages[at].1.map(|_| self.fact_at(at))
    }

    /// Whose bytes stand in place of files of a record, and in how many of them.
    pub fn overwritten(&self, record: &RelPath) -> Vec<(PackageRef, u64)> {
        let promises = self.by_record.get(record).and_then(|at| self.packages[*at].1);
        let replaced = promises.into_iter().flat_map(|promises| &promises.replaced);
        replaced
            .filter_map(|(other, paths)| Some((self.package(other)?, paths.len() as u64)))
            .collect()
    }

    /// The package of a record.
    pub fn package(&self, record: &RelPath) -> Option<PackageRef> {
        let at = *self.by_record.get(record)?;
        Some(PackageRef::from(self.packages[at].0))
    }

    fn fact_at(&self, at: usize) -> RecordFact {
        let (package, promises) = self.packages[at];
        RecordFact {
            manager: package.manager,
            version: package.version.clone(),
            record: package.record.clone(),
            promised: promises.map_or(0, |one| one.promised),
            intact: promises.map_or(0, Promises::intact),
            replaced: promises.map_or(0, Promises::replaced_count),
            missing: promises.map_or(0, |one| one.missing.len() as u64),
        }
    }

    /// What is wrong with records and files. `loose` are the entries that no package owns, sorted.
    pub fn problems(&self, loose: &[Entry]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for at in 0..self.packages.len() {
            if self.project[at] == at {
                findings.extend(self.records_problem(at));
            }
            self.file_problems(at, &mut findings);
            findings.extend(self.record_problem(at));
        }
        for leftover in &self.leftovers {
            findings.push(Finding {
                severity: Severity::Warning,
                package: Some(PackageRef::from(*leftover)),
                problem: Problem::Leftover {
                    path: leftover.record.clone(),
                },
            });
        }
        findings.extend(orphans(loose));
        findings
    }

    /// Several records of one project.
    fn records_problem(&self, project: usize) -> Option<Finding> {
        let records = self.records_of(project);
        if records.len() < 2 {
            return None;
        }
        let facts: Vec<RecordFact> = records.iter().map(|at| self.fact_at(*at)).collect();
        let clear = facts[0].promised > 0 && facts[0].intact == facts[0].promised;
        let (first, _) = self.packages[records[0]];
        Some(Finding {
            severity: Severity::Error,
            package: Some(PackageRef::from(first)),
            problem: Problem::Records {
                imports: clear.then(|| first.version.clone()),
                records: facts,
            },
        })
    }

    /// Files of one record that are another's, altered or gone. What records of one project do to each other is told
    /// by [`records_problem`](Self::records_problem).
    fn file_problems(&self, at: usize, findings: &mut Vec<Finding>) {
        let (package, Some(promises)) = self.packages[at] else {
            return;
        };
        let mut add = |severity, problem| {
            findings.push(Finding {
                severity,
                package: Some(PackageRef::from(package)),
                problem,
            });
        };
        let foreign = |record: &RelPath| {
            let other = *self.by_record.get(record)?;
            (self.project[other] != self.project[at]).then(|| PackageRef::from(self.packages[other].0))
        };
        let rivals = self
            .project
            .iter()
            .filter(|project| **project == self.project[at])
            .count()
            > 1;
        for (record, paths) in &promises.replaced {
            if let Some(by) = foreign(record) {
                let files = Paths::new(paths, promises.promised);
                add(Severity::Error, Problem::Overwritten { by, files });
            }
        }
        for (record, paths) in &promises.shared {
            // Told once, by the package whose claim is the weaker.
            if let Some(with) = foreign(record).filter(|_| self.by_record[record] < at) {
                let files = Paths::new(paths, promises.promised);
                add(Severity::Note, Problem::Shared { with, files });
            }
        }
        if !promises.altered.is_empty() {
            let files = Paths::new(&promises.altered, promises.promised);
            add(Severity::Warning, Problem::Altered { files });
        }
        if !promises.missing.is_empty() && !rivals {
            let files = Paths::new(&promises.missing, promises.promised);
            add(Severity::Error, Problem::Missing { files });
        }
    }

    /// A record that cannot be read or promises nothing.
    fn record_problem(&self, at: usize) -> Option<Finding> {
        let (package, promises) = self.packages[at];
        let (severity, what) = match (package.defect, promises) {
            (Some(Defect::Unreadable), _) => (Severity::Error, "no readable metadata"),
            (_, Some(promises)) if promises.promised == 0 && is_dist_info(package) => {
                (Severity::Warning, "no RECORD: which files it installed is not known")
            }
            (_, Some(promises))
                if promises.promised > 0 && promises.hashed == 0 && package.manager == Manager::Conda =>
            {
                (Severity::Note, "no digests: its files cannot be checked")
            }
            _ => return None,
        };
        Some(Finding {
            severity,
            package: Some(PackageRef::from(package)),
            problem: Problem::Record {
                path: package.record.clone(),
                what: what.to_owned(),
            },
        })
    }
}

/// From how many files on an overlap tells that two records are of one project.
const MOST_OF: usize = 8;

fn is_dist_info(package: &Package) -> bool {
    package.record.as_bytes().ends_with(b".dist-info")
}

/// Files among Python packages that nobody owns, by what stands directly in the folder of packages.
fn orphans(loose: &[Entry]) -> Vec<Finding> {
    let mut found: BTreeMap<RelPath, Vec<RelPath>> = BTreeMap::new();
    for entry in loose.iter().filter(|entry| !entry.is_dir()) {
        let path = entry.path.as_bytes();
        let Some(top) = top_of_site(path) else { continue };
        let name = top.rsplit(|b| *b == b'/').next().unwrap_or_default();
        // Half-removed packages are told as such; these hooks are those of the makers of environments.
        if name.starts_with(b"~") || MADE_BY_TOOLS.contains(&name) {
            continue;
        }
        if let Ok(top) = RelPath::new(top) {
            found.entry(top).or_default().push(entry.path.clone());
        }
    }
    let orphan = |(path, files): (RelPath, Vec<RelPath>)| {
        let is_cache = |file: &RelPath| file.ancestors().any(|folder| folder.ends_with(b"__pycache__"));
        let is_made_anew = files
            .iter()
            .all(|file| file.as_bytes().ends_with(b".pyc") || is_cache(file));
        Finding {
            severity: if is_made_anew {
                Severity::Note
            } else {
                Severity::Warning
            },
            package: None,
            problem: Problem::Orphans {
                files: Paths::new(&files, files.len() as u64),
                path,
            },
        }
    };
    found.into_iter().map(orphan).collect()
}

/// Files that pip, venv, virtualenv and setuptools put beside packages without a record.
const MADE_BY_TOOLS: &[&[u8]] = &[
    b"_virtualenv.py",
    b"_virtualenv.pth",
    b"distutils-precedence.pth",
    b"easy-install.pth",
    b"README.txt",
];

/// Up to the name directly in a folder of packages.
fn top_of_site(path: &[u8]) -> Option<&[u8]> {
    for folder in [&b"site-packages/"[..], b"dist-packages/"] {
        if let Some(at) = memchr::memmem::find(path, folder) {
            let start = at + folder.len();
            let end = memchr::memchr(b'/', &path[start..]).map_or(path.len(), |end| start + end);
            return Some(&path[..end]);
        }
    }
    None
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
