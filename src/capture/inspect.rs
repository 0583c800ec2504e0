//! What is installed in a root.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::listing::Listing;
use super::owners::{Owners, Rank};
use super::promises::Ledger;
use super::{conda, pip, python, site};
use crate::cores;
use crate::snapshot::content::Form;
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::package::{Defect, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::promise::Promises;
use crate::snapshot::unit::UnitName;

/// What is installed in a root, as its records say.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// The packages, sorted by [`Package::key`].
    pub packages: Vec<Package>,
    /// Which unit a file belongs to.
    pub owners: Owners,
    /// What the records promise of files and what became of it, by manager and record. Records of Python packages
    /// that are part of a conda package have none: conda's record promises the same files.
    pub promises: Vec<Promises>,
    /// conda's own history of the prefix: `conda-meta/history`, verbatim; empty where there is none.
    pub conda_history: Vec<u8>,
    /// The version of the interpreter.
    pub python: Option<String>,
    /// The folder of the interpreter on which a virtual environment is based.
    pub base: Option<Vec<u8>>,
    /// Records that cannot be read and the like: for people, sorted by record.
    pub warnings: Vec<String>,
}

/// Reads the package records of a root. `entries` is everything in it, sorted by path.
///
/// Records are found in `entries` and read from disk, in the form in which they are recorded; of the rest of the root
/// nothing is opened.
pub fn inspect(root: &Path, entries: &[Entry], form: &dyn Form) -> Inspection {
    let listing = Listing { root, entries, form };
    let conda_records = conda::find(&listing);
    let pip_records: Vec<site::Found> = site::sites(&listing)
        .iter()
        .flat_map(|site| site::find(&listing, site))
        .collect();

    // The records of conda take longest: they come first.
    let (mut conda, mut pip) = (Vec::new(), Vec::new());
    let read = |at: usize| match conda_records.get(at) {
        Some(path) => Record::Conda(conda::read(&listing, path)),
        None => Record::Pip(pip::read(&listing, &pip_records[at - conda_records.len()])),
    };
    for record in in_parallel(conda_records.len() + pip_records.len(), read) {
        match record {
            Record::Conda(record) => conda.push(record),
            Record::Pip(record) => pip.push(record),
        }
    }
    conda.sort_by(|a, b| a.package.key().cmp(&b.package.key()));
    pip.sort_by(|a, b| a.package.key().cmp(&b.package.key()));

    let mut inspection = Inspection::default();
    let mut ledger = Ledger::default();
    inspection.add_conda(conda, &mut ledger);
    inspection.add_pip(pip, &links_to_lib(entries), &mut ledger);
    inspection.promises = ledger.settle(entries);
    inspection
        .promises
        .sort_by(|a, b| (a.manager, &a.record).cmp(&(b.manager, &b.record)));
    inspection.warn_of_hooks(&listing);
    let mut small_file = |path: &[u8]| {
        listing.read(path).unwrap_or_else(|error| {
            inspection.warnings.push(error);
            None
        })
    };
    let cfg = small_file(b"pyvenv.cfg");
    inspection.conda_history = small_file(b"conda-meta/history").unwrap_or_default();
    inspection.packages.sort_by(|a, b| a.key().cmp(&b.key()));
    inspection.base = cfg.as_deref().and_then(python::base);
    inspection.python = python::version(&inspection.packages, cfg.as_deref());
    inspection.warnings.sort();
    inspection
}

enum Record {
    Conda(conda::Record),
    Pip(pip::Record),
}

impl Inspection {
    fn add_conda(&mut self, records: Vec<conda::Record>, ledger: &mut Ledger) {
        let site = records.iter().find_map(|record| record.site.clone());
        for mut record in records {
            if let Some(site) = &site {
                record.place(site);
            }
            let unit = UnitName::conda(&record.package.name);
            self.owners.claim(&unit, Rank::Conda, record.paths);
            ledger.add(&record.package, Rank::Conda, record.promised);
            self.warnings.append(&mut record.warnings);
            self.packages.push(record.package);
        }
    }

    /// After conda's, because they tell which records of Python packages are part of conda packages.
    fn add_pip(&mut self, records: Vec<pip::Record>, lib_links: &[&[u8]], ledger: &mut Ledger) {
        let conda: Vec<(UnitName, String)> = self
            .packages
            .iter()
            .map(|package| (UnitName::conda(&package.name), package.name.clone()))
            .collect();
        let mut parts = Vec::with_capacity(records.len());
        for record in &records {
            let own = matches!(record.package.installer.as_deref(), None | Some("conda"));
            let unit = self.owners.claimed(record.metadata.as_bytes()).filter(|_| own);
            parts.push(
                unit.and_then(|unit| conda.iter().find(|(known, _)| known == unit))
                    .cloned(),
            );
        }
        for (mut record, part) in records.into_iter().zip(parts) {
            self.warnings.append(&mut record.warnings);
            let leftover = record.package.defect == Some(Defect::Leftover);
            let (unit, part_of) = match part {
                Some((unit, name)) => (unit, Some(name).filter(|_| !leftover)),
                None => (UnitName::pip(&record.package.name), None),
            };
            if part_of.is_none() {
                let paths = record.paths.into_iter().map(|path| through_link(path, lib_links));
                self.owners.claim(&unit, Rank::Pip, paths);
                let promised = record.promised.into_iter().map(|mut promised| {
                    promised.path = through_link(promised.path, lib_links);
                    promised
                });
                if !leftover {
                    ledger.add(&record.package, Rank::Pip, promised);
                }
            }
            for folder in record.folders {
                self.owners.claim_folder(&unit, folder);
            }
            record.package.part_of = part_of;
            self.packages.push(record.package);
        }
    }

    /// The start-up hooks of editable installs change what Python imports: one without its package is worth a word.
    fn warn_of_hooks(&mut self, listing: &Listing<'_>) {
        for site in site::sites(listing) {
            for entry in listing.children(site.as_bytes()) {
                let name = entry.path.file_name();
                let hook = name.starts_with(b"__editable__.") && name.ends_with(b".pth");
                if hook && self.owners.claimed(entry.path.as_bytes()).is_none() {
                    self.warnings.push(format!(
                        "{}: hook of an editable install that is no longer recorded",
                        entry.path
                    ));
                }
            }
        }
    }
}

/// Links at the top of the root that stand for `lib` (`lib64`): records name files through them.
fn links_to_lib(entries: &[Entry]) -> Vec<&[u8]> {
    let lib = |entry: &&Entry| matches!(&entry.node, Node::Symlink(target) if target == b"lib");
    entries
        .iter()
        .filter(|entry| entry.path.parent().is_none())
        .filter(lib)
        .map(|entry| entry.path.as_bytes())
        .collect()
}

fn through_link(path: RelPath, lib_links: &[&[u8]]) -> RelPath {
    let beneath = |link: &&[u8]| {
        path.is_within(link)
            .then(|| [b"lib", &path.as_bytes()[link.len()..]].concat())
    };
    match lib_links.iter().find_map(beneath) {
        Some(real) => RelPath::new(real).unwrap_or(path),
        None => path,
    }
}

/// Results of `work` for `0..count`, in no certain order.
pub(super) fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = cores::count().min(8).min(count / 4);
    if threads < 2 {
        return (0..count).map(work).collect();
    }
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(count)));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Vec::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    own.push(work(at));
                }
                done.lock().unwrap_or_else(PoisonError::into_inner).append(&mut own);
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
