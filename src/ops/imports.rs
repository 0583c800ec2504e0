//! What certainly cannot be imported: the sources that `compare` asks for, out of layers or from the live root.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use super::Session;
use super::error::Error;
use super::side::Side;
use super::texts::fetch;
use crate::compare::imports::{self, Broken, Candidate, Python, Sources, Tree};
use crate::compare::ownership::Ownership;
use crate::compare::state::RootState;
use crate::fsx::stable;
use crate::snapshot::content::Want;
use crate::snapshot::entry::Entry;
use crate::snapshot::finding::{Finding, PackageRef};
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;
use crate::snapshot::unit::UnitName;
use crate::store::Store;

/// The packages of a root whose import fails because of what is broken. Nothing is read where nothing is broken.
///
/// # Errors
/// An inventory that is damaged. Layers that are not at hand only make the answer shorter.
pub(super) fn failing(
    session: Option<&Session<'_>>,
    side: &Side<'_>,
    root: &RootName,
    state: &RootState,
) -> Result<Vec<Finding>, Error> {
    let ownership = Ownership::new(&state.packages, &state.promises, state.python.as_deref());
    let Some(numpy) = ownership.version_of("numpy") else {
        return Ok(Vec::new());
    };
    let mut broken: Vec<Broken> = Vec::new();
    let mut units: BTreeSet<&UnitName> = BTreeSet::new();
    for unit in &state.binaries {
        let modules = imports::broken_by_numpy(&unit.numpy, numpy);
        if !modules.is_empty() {
            units.insert(&unit.unit);
            broken.extend(modules);
        }
    }
    if broken.is_empty() {
        return Ok(Vec::new());
    }
    let by_unit: BTreeMap<UnitName, Vec<Entry>> = side.entries(root)?.into_iter().collect();
    let mut entries: Vec<&Entry> = by_unit
        .values()
        .flatten()
        .filter(|entry| entry.file().is_some())
        .collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let folders = folders_of_packages(&state.packages);
    let tree = Tree {
        folders: folders.iter().collect(),
        files: entries.iter().map(|entry| &entry.path).collect(),
        python: Python::new(state.python.as_deref()),
    };
    let listed = || state.packages.iter().filter(|package| package.is_listed());
    let failing: BTreeSet<String> = listed()
        .filter(|package| units.contains(&unit_of(package)))
        .map(|package| package.name.clone())
        .collect();
    let wanted = imports::candidates(&state.packages, &failing);
    let candidates: Vec<Candidate> = listed()
        .filter(|package| wanted.contains(&package.name) && ownership.is_real(&package.record))
        .map(|package| {
            let files = by_unit.get(&unit_of(package)).into_iter().flatten();
            Candidate {
                package: PackageRef::from(package),
                modules: imports::top_modules(&tree.folders, files.map(|entry| &entry.path)),
            }
        })
        .collect();
    let entries = entries.into_iter().map(|entry| (&entry.path, entry)).collect();
    let sources = match (side.live_path(root), session) {
        (Some(path), _) => Files::Live { path },
        (None, Some(session)) => Files::Stored {
            store: session.repo.store()?,
            entries,
        },
        (None, None) => return Ok(Vec::new()),
    };
    Ok(imports::problems(&tree, &sources, &broken, &candidates))
}

fn unit_of(package: &Package) -> UnitName {
    match package.manager {
        Manager::Conda => UnitName::conda(&package.name),
        Manager::Pip => UnitName::pip(&package.name),
    }
}

/// The folders that Python packages are recorded in.
fn folders_of_packages(packages: &[Package]) -> Vec<RelPath> {
    let records = packages.iter().filter(|package| package.manager == Manager::Pip);
    let folders: BTreeSet<RelPath> = records
        .filter_map(|package| RelPath::new(package.record.parent()?).ok())
        .collect();
    folders.into_iter().collect()
}

/// Where the text of modules comes from.
enum Files<'a> {
    Live {
        path: PathBuf,
    },
    Stored {
        store: &'a Store,
        entries: HashMap<&'a RelPath, &'a Entry>,
    },
}

impl Sources for Files<'_> {
    fn read(&self, paths: &[&RelPath]) -> Vec<Option<Vec<u8>>> {
        match self {
            Self::Live { path } => {
                let text = |file: &&RelPath| stable::read(&file.under(path)).ok().map(|(text, _)| text);
                paths.iter().map(text).collect()
            }
            Self::Stored { store, entries } => stored(store, entries, paths),
        }
    }
}

/// All at once, because frames are read in the order of their places. Where that fails, one by one: a layer that is
/// damaged or not at hand must not hide what others hold.
fn stored(store: &Store, entries: &HashMap<&RelPath, &Entry>, paths: &[&RelPath]) -> Vec<Option<Vec<u8>>> {
    let want = |path: &&RelPath| {
        let file = entries.get(*path)?.file()?;
        Some(Want {
            digest: file.digest,
            size: file.size,
        })
    };
    let wants: Vec<Option<Want>> = paths.iter().map(want).collect();
    let present: Vec<Want> = wants.iter().flatten().copied().collect();
    let mut texts = match fetch(store, &present) {
        Some(texts) => texts.into_iter().map(Some).collect(),
        None => {
            let one = |want: &Want| fetch(store, std::slice::from_ref(want))?.pop();
            present.iter().map(one).collect::<Vec<_>>()
        }
    }
    .into_iter();
    wants
        .iter()
        .map(|want| want.and_then(|_| texts.next().flatten()))
        .collect()
}
