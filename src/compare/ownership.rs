//! Who owns whose files: several records of one project, files that another package wrote over, files altered, missing
//! or nobody's.

use std::collections::BTreeMap;

use super::records::{Record, Records};
use super::requirements::platform::minor;
use crate::snapshot::entry::Entry;
use crate::snapshot::finding::{Finding, PackageRef, Paths, Problem, RecordFact, Severity};
use crate::snapshot::package::{Defect, Manager, Package, normalize};
use crate::snapshot::path::RelPath;
use crate::snapshot::promise::Promises;

/// The packages of one root with what became of their promises.
pub struct Ownership<'a> {
    records: Records<'a>,
    leftovers: Vec<&'a Package>,
}

impl<'a> Ownership<'a> {
    /// Joins package records with their promises, for the interpreter of this version.
    pub fn new(packages: &'a [Package], promises: &'a [Promises], python: Option<&str>) -> Self {
        let leftovers = packages.iter();
        Self {
            records: Records::new(packages, promises, minor(python)),
            leftovers: leftovers
                .filter(|package| package.defect == Some(Defect::Leftover))
                .collect(),
        }
    }

    /// Whether `import` gets the files of this record, as far as records tell.
    pub fn is_real(&self, record: &RelPath) -> bool {
        let at = self.records.position(record);
        at.is_none_or(|at| self.records.counts(at))
    }

    /// The version that `import` gets of a project, by its normalized name.
    pub fn version_of(&self, name: &str) -> Option<&'a str> {
        let mut all = self.records.all().iter().enumerate();
        let real = all.find(|(at, one)| normalize(&one.package.name) == name && self.records.counts(*at));
        real.map(|(_, one)| one.package.version.as_str())
    }

    /// The records of the project of a record that bring files, that whose files are there first.
    fn records_of(&self, at: usize) -> Vec<usize> {
        let mut records = self.records.of_project(at);
        records.retain(|at| self.records.all()[*at].brings_files());
        records
    }

    /// The other records of the project that a record is of.
    pub fn rivals(&self, record: &RelPath) -> Vec<&'a Package> {
        let Some(at) = self.records.position(record) else {
            return Vec::new();
        };
        let records = self.records_of(at).into_iter();
        records
            .filter(|other| *other != at)
            .map(|other| self.records.all()[other].package)
            .collect()
    }

    /// How many of the files that a record promises are there; nothing if its promises are not recorded.
    pub fn fact(&self, record: &RelPath) -> Option<RecordFact> {
        let at = self.records.position(record)?;
        self.records.all()[at].promises.map(|_| self.fact_at(at))
    }

    /// Whose bytes stand in place of files of a record, and in how many of them.
    pub fn overwritten(&self, record: &RelPath) -> Vec<(PackageRef, u64)> {
        let at = self.records.position(record);
        let promises = at.and_then(|at| self.records.all()[at].promises);
        let replaced = promises.into_iter().flat_map(|promises| &promises.replaced);
        replaced
            .filter_map(|(other, paths)| Some((self.package(other)?, paths.len() as u64)))
            .collect()
    }

    /// The package of a record.
    pub fn package(&self, record: &RelPath) -> Option<PackageRef> {
        let at = self.records.position(record)?;
        Some(PackageRef::from(self.records.all()[at].package))
    }

    fn fact_at(&self, at: usize) -> RecordFact {
        let Record { package, promises, .. } = &self.records.all()[at];
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
        for (at, record) in self.records.all().iter().enumerate() {
            if record.project == at {
                findings.extend(self.records_problem(at));
            }
            self.file_problems(at, &mut findings);
            findings.extend(record_problem(record));
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
        let first = self.records.all()[records[0]].package;
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
        let all = self.records.all();
        let Record {
            package,
            project,
            promises: Some(promises),
            ..
        } = all[at]
        else {
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
            let other = &all[self.records.position(record)?];
            (other.project != project).then(|| PackageRef::from(other.package))
        };
        let has_rivals = self.records_of(at).len() > 1;
        for (record, paths) in &promises.replaced {
            if let Some(by) = foreign(record) {
                let files = Paths::new(paths, promises.promised);
                add(Severity::Error, Problem::Overwritten { by, files });
            }
        }
        for (record, paths) in &promises.shared {
            // Told once, by the package whose claim is the weaker.
            if let Some(with) = foreign(record).filter(|_| self.records.position(record) < Some(at)) {
                let files = Paths::new(paths, promises.promised);
                add(Severity::Note, Problem::Shared { with, files });
            }
        }
        if !promises.altered.is_empty() {
            let files = Paths::new(&promises.altered, promises.promised);
            add(Severity::Warning, Problem::Altered { files });
        }
        if !promises.missing.is_empty() && !has_rivals {
            let files = Paths::new(&promises.missing, promises.promised);
            add(Severity::Error, Problem::Missing { files });
        }
    }
}

/// A record that cannot be read or promises nothing.
fn record_problem(record: &Record<'_>) -> Option<Finding> {
    let Record { package, promises, .. } = *record;
    let (severity, what) = match (package.defect, promises) {
        (Some(Defect::Unreadable), _) => (Severity::Error, "no readable metadata"),
        (_, Some(promises)) if promises.promised == 0 && is_dist_info(package) => {
            (Severity::Warning, "no RECORD: which files it installed is not known")
        }
        (_, Some(promises)) if promises.promised > 0 && promises.hashed == 0 && package.manager == Manager::Conda => {
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
