//! One side of a comparison: a commit or the live state, both as an inventory.

mod differences;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::Error;
use super::live::{BINARIES, CONDA_HISTORY, Live, PACKAGES, PROMISES};
use super::report::SideName;
use crate::compare::files::Units;
use crate::cores;
use crate::history::{BlobId, CommitId, History};
use crate::snapshot::binary::{self, Binaries};
use crate::snapshot::entry::Entry;
use crate::snapshot::facts::{Manifest, Vars};
use crate::snapshot::filelist;
use crate::snapshot::package::{self, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::promise::{self, Promises};
use crate::snapshot::root::{Kind, RootName};
use crate::snapshot::unit::UnitName;

pub(super) use differences::{ByRoot, Differing, compare, compare_by_unit, differing, differing_units};

/// A state that can be compared.
pub(super) struct Side<'a> {
    /// How it was asked for.
    pub(super) name: SideName,
    /// Its inventory.
    pub(super) files: BTreeMap<Vec<u8>, BlobId>,
    /// The kinds of its roots.
    pub(super) roots: BTreeMap<RootName, Kind>,
    /// Its variables.
    pub(super) vars: Vars,
    /// What a commit says of itself.
    pub(super) manifest: Option<Manifest>,
    /// Nothing where the live state is all there is.
    history: Option<&'a History>,
    live: Option<&'a Live>,
}

/// Paths of the inventory.
pub(super) const MANIFEST: &[u8] = b"snapshot.json";
pub(super) const VARS: &[u8] = b"vars.json";

/// The parts of an inventory that belong to one root.
fn part(root: &RootName, part: &str) -> Vec<u8> {
    format!("{root}/{part}").into_bytes()
}

impl<'a> Side<'a> {
    /// The state of a commit.
    ///
    /// # Errors
    /// Names what is damaged.
    pub(super) fn of_commit(history: &'a History, commit: CommitId, name: &str) -> Result<Self, Error> {
        let files = history.inventory(commit)?.files;
        let parse = |path: &[u8]| -> Result<Vec<u8>, Error> {
            let id = files.get(path).ok_or_else(|| damaged(commit, path, "is missing"))?;
            Ok(history.blob(*id)?)
        };
        let manifest = read_manifest(commit, &parse(MANIFEST)?)?;
        let vars = serde_json::from_slice(&parse(VARS)?).map_err(|e| damaged(commit, VARS, &e.to_string()))?;
        Ok(Self {
            name: SideName {
                commit: Some(commit),
                name: name.to_owned(),
            },
            roots: manifest
                .roots
                .iter()
                .map(|(name, root)| (name.clone(), root.kind))
                .collect(),
            files,
            vars,
            manifest: Some(manifest),
            history: Some(history),
            live: None,
        })
    }

    /// The live state.
    pub(super) fn of_live(history: &'a History, live: &'a Live) -> Self {
        Self {
            name: SideName {
                commit: None,
                name: "live".to_owned(),
            },
            files: live.inventory.clone(),
            roots: live.roots.iter().map(|r| (r.root.name.clone(), r.root.kind)).collect(),
            vars: live.vars.clone(),
            manifest: None,
            history: Some(history),
            live: Some(live),
        }
    }

    /// The live state of a folder that no repository knows, under the name of its path.
    pub(super) fn of_folder(live: &'a Live, name: String) -> Self {
        Self {
            name: SideName { commit: None, name },
            files: live.inventory.clone(),
            roots: live.roots.iter().map(|r| (r.root.name.clone(), r.root.kind)).collect(),
            vars: Vars::new(),
            manifest: None,
            history: None,
            live: Some(live),
        }
    }

    /// Nothing at all: what the first commit is compared with.
    pub(super) fn empty(history: &'a History) -> Self {
        Self {
            name: SideName {
                commit: None,
                name: "nothing".to_owned(),
            },
            files: BTreeMap::new(),
            roots: BTreeMap::new(),
            vars: Vars::new(),
            manifest: None,
            history: Some(history),
            live: None,
        }
    }

    /// What messages call it.
    pub(super) fn label(&self) -> String {
        match (self.name.commit, self.history) {
            (Some(commit), Some(history)) => history.short(commit),
            _ => self.name.name.clone(),
        }
    }

    fn damaged(&self, path: &[u8], what: &str) -> Error {
        Error::Inventory {
            commit: self.label(),
            what: format!("{}: {what}", String::from_utf8_lossy(path)),
        }
    }

    fn text(&self, path: &[u8], id: BlobId) -> Result<Vec<u8>, Error> {
        if let Some(text) = self.live.and_then(|live| live.text(path)) {
            return Ok(text);
        }
        let history = self
            .history
            .ok_or_else(|| self.damaged(path, "changed while it was read"))?;
        Ok(history.blob(id)?)
    }

    /// The packages of a root.
    pub(super) fn packages(&self, root: &RootName) -> Result<Vec<Package>, Error> {
        self.records(root, PACKAGES, package::decode)
    }

    /// What the package records of a root promise of files; empty for commits made before that was recorded.
    pub(super) fn promises(&self, root: &RootName) -> Result<Vec<Promises>, Error> {
        self.records(root, PROMISES, promise::decode)
    }

    /// conda's own history of a root.
    pub(super) fn conda_history(&self, root: &RootName) -> Result<String, Error> {
        let text = |bytes: &[u8]| Ok(String::from_utf8_lossy(bytes).into_owned());
        self.records(root, CONDA_HISTORY, text)
    }

    /// One part of the inventory of a root; where it is not there, nothing.
    fn records<T: Default>(
        &self,
        root: &RootName,
        name: &str,
        decode: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        let path = part(root, name);
        match self.files.get(&path) {
            Some(id) => decode(&self.text(&path, *id)?).map_err(|what| self.damaged(&path, &what)),
            None => Ok(T::default()),
        }
    }

    /// The text of one part of the inventory of a root; where it is not there, nothing.
    pub(super) fn record(&self, root: &RootName, name: &str) -> Result<Vec<u8>, Error> {
        self.records(root, name, |text| Ok(text.to_vec()))
    }

    /// What the compiled code of a root needs; nothing where the commit does not tell.
    pub(super) fn binaries(&self, root: &RootName) -> Result<Vec<Binaries>, Error> {
        self.records(root, BINARIES, binary::decode)
    }

    /// The units of a root with the ids of their file lists.
    pub(super) fn unit_ids(&self, root: &RootName) -> BTreeMap<&[u8], BlobId> {
        self.under(&part(root, "files/"))
    }

    /// The same by the names of the units: of those whose list is not the one that `known` has, or of all.
    pub(super) fn named_units(&self, root: &RootName, known: &BTreeMap<Vec<u8>, BlobId>) -> Vec<(UnitName, [u8; 20])> {
        let prefix = part(root, "files/");
        let units = self.unit_ids(root).into_iter();
        let unlike = units.filter(|(unit, id)| known.get(&[&prefix, *unit].concat()) != Some(id));
        unlike
            .map(|(unit, id)| (UnitName::from_tree(&String::from_utf8_lossy(unit)), *id.as_bytes()))
            .collect()
    }

    /// The id of the package list of a root: equal ids are equal lists.
    pub(super) fn packages_id(&self, root: &RootName) -> Option<BlobId> {
        self.files.get(&part(root, PACKAGES)).copied()
    }

    /// The id of the file list of a unit.
    pub(super) fn unit_id(&self, root: &RootName, unit: &UnitName) -> Option<BlobId> {
        self.files.get(&part(root, &format!("files/{unit}"))).copied()
    }

    /// The entries of a unit; none if it is not there.
    pub(super) fn unit(&self, root: &RootName, unit: &UnitName) -> Result<Vec<Entry>, Error> {
        let wanted = self.unit_id(root, unit).map(|id| (unit.as_str().as_bytes(), id));
        let [units] = parse([(self, self.units(root, wanted.into_iter())?)])?;
        Ok(units.into_iter().flat_map(|(_, entries)| entries).collect())
    }

    /// The entry at a path with its unit. Units that are the same in `but_of` are not looked at.
    pub(super) fn find(
        &self,
        root: &RootName,
        path: &RelPath,
        but_of: Option<&Side<'_>>,
    ) -> Result<Option<(UnitName, Entry)>, Error> {
        if let Some(live) = self.live {
            let root = live.root(root.as_str().as_bytes());
            return Ok(
                root.and_then(|root| Some((root.unit_at(path.as_bytes())?, root.entry(path.as_bytes())?.clone())))
            );
        }
        let known = but_of.map(|side| side.unit_ids(root)).unwrap_or_default();
        for (unit, id) in self.unit_ids(root) {
            if known.get(unit) == Some(&id) {
                continue;
            }
            let full = [&part(root, "files/"), unit].concat();
            let entry = filelist::find(&self.text(&full, id)?, path);
            if let Some(entry) = entry.map_err(|e| self.damaged(&full, &e.to_string()))? {
                return Ok(Some((UnitName::from_tree(&String::from_utf8_lossy(unit)), entry)));
            }
        }
        Ok(None)
    }

    /// The paths of the config files of a root.
    pub(super) fn config_paths(&self, root: &RootName) -> BTreeSet<RelPath> {
        let paths = self.configs(root).into_keys();
        paths.filter_map(|path| RelPath::new(path).ok()).collect()
    }

    fn configs(&self, root: &RootName) -> BTreeMap<&[u8], BlobId> {
        self.under(&part(root, "configs/"))
    }

    fn under(&self, prefix: &[u8]) -> BTreeMap<&[u8], BlobId> {
        self.files
            .range(prefix.to_vec()..)
            .take_while(|(path, _)| path.starts_with(prefix))
            .map(|(path, id)| (&path[prefix.len()..], *id))
            .collect()
    }

    /// Some units: those of the live state as they are, those of a commit still as text.
    fn units<'u>(&self, root: &RootName, wanted: impl Iterator<Item = (&'u [u8], BlobId)>) -> Result<Unparsed, Error> {
        let mut unparsed = Unparsed::default();
        for (unit, id) in wanted {
            let name = UnitName::from_tree(&String::from_utf8_lossy(unit));
            match self.live.and_then(|live| live.unit(root, &name)) {
                Some(entries) => unparsed.ready.push((name, entries)),
                None => {
                    let path = [&part(root, "files/"), unit].concat();
                    unparsed.texts.push((name, self.text(&path, id)?));
                }
            }
        }
        Ok(unparsed)
    }

    /// The version of a root's interpreter.
    pub(super) fn python(&self, root: &RootName) -> Option<String> {
        match (&self.manifest, self.live) {
            (Some(manifest), _) => manifest.roots.get(root)?.python.clone(),
            (None, live) => live?.root(root.as_str().as_bytes())?.state.python.clone(),
        }
    }

    /// Where a root of the live state stands; nothing for a commit.
    pub(super) fn live_path(&self, root: &RootName) -> Option<PathBuf> {
        Some(self.live?.root(root.as_str().as_bytes())?.root.path.clone())
    }

    /// Entries that no package owns, in folders in which packages may lie: sorted.
    pub(super) fn loose_among_packages(&self, root: &RootName) -> Result<Vec<Entry>, Error> {
        let ids = self.unit_ids(root);
        let wanted = ids.into_iter().filter(|(unit, _)| LOOSE_AMONG_PACKAGES.contains(unit));
        let [units] = parse([(self, self.units(root, wanted)?)])?;
        let mut entries: Vec<Entry> = units.into_iter().flat_map(|(_, entries)| entries).collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// All entries of a root by unit.
    pub(super) fn entries(&self, root: &RootName) -> Result<Units, Error> {
        let unparsed = self.units(root, self.unit_ids(root).into_iter())?;
        let [units] = parse([(self, unparsed)])?;
        Ok(units)
    }
}

/// The units of unowned files in the folders that hold folders of packages.
const LOOSE_AMONG_PACKAGES: [&[u8]; 4] = [b"loose/lib", b"loose/lib64", b"loose/Lib", b"loose/local"];

/// File lists that were read.
#[derive(Default)]
struct Unparsed {
    ready: Units,
    texts: Vec<(UnitName, Vec<u8>)>,
}

/// Parses the file lists of some sides on all cores, long ones in parts.
fn parse<const N: usize>(sides: [(&Side<'_>, Unparsed); N]) -> Result<[Units; N], Error> {
    const PART: usize = 256 * 1024;
    let mut texts = Vec::new();
    let mut owners = Vec::new();
    let mut units = sides.map(|(side, unparsed)| {
        texts.extend(unparsed.texts.into_iter().map(|text| (owners.len(), text)));
        owners.push(side);
        unparsed.ready
    });
    let parts = texts.iter().enumerate();
    let parts =
        parts.flat_map(|(at, (_, (_, text)))| filelist::cut(text, PART).into_iter().map(move |part| (at, part)));
    let parts: Vec<_> = parts.collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let next = || parts.get(next.fetch_add(1, Ordering::Relaxed));
        let decode = |(at, part): &(usize, Range<usize>)| {
            let (_, (_, text)) = &texts[*at];
            (*at, part.start, filelist::decode(&text[part.clone()]))
        };
        std::iter::from_fn(|| next().map(decode)).collect::<Vec<_>>()
    };
    let total: usize = texts.iter().map(|(_, (_, text))| text.len()).sum();
    let mut decoded = match total {
        ..PART => work(),
        _ => std::thread::scope(|scope| {
            let workers: Vec<_> = (0..cores::count()).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(joined).collect()
        }),
    };
    decoded.sort_unstable_by_key(|(at, from, _)| (*at, *from));
    let mut decoded = decoded.into_iter().peekable();
    for (at, (owner, (name, text))) in texts.iter().enumerate() {
        let of_text = std::iter::from_fn(|| decoded.next_if(|(of, ..)| *of == at));
        let entries: Option<Vec<_>> = of_text.map(|(_, _, entries)| entries.ok()).collect();
        let entries = match entries.and_then(filelist::join) {
            Some(entries) => entries,
            // Read as one, it tells which line is wrong.
            None => filelist::decode(text)
                .map_err(|error| owners[*owner].damaged(name.as_str().as_bytes(), &error.to_string()))?,
        };
        units[*owner].push((name.clone(), entries));
    }
    Ok(units)
}

/// What a thread returned; its panic is the caller's.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What a commit says of its roots, system and layer, without reading the rest of it.
///
/// # Errors
/// Names what is damaged.
pub(super) fn manifest_of(history: &History, commit: CommitId) -> Result<Manifest, Error> {
    let id = history.path_at(commit, MANIFEST)?;
    let id = id.ok_or_else(|| damaged(commit, MANIFEST, "is missing"))?;
    read_manifest(commit, &history.blob(id)?)
}

/// The variables that a commit recorded, without reading the rest of it.
///
/// # Errors
/// Names what is damaged.
pub(super) fn vars_of(history: &History, commit: CommitId) -> Result<Vars, Error> {
    let id = history.path_at(commit, VARS)?;
    let id = id.ok_or_else(|| damaged(commit, VARS, "is missing"))?;
    serde_json::from_slice(&history.blob(id)?).map_err(|error| damaged(commit, VARS, &error.to_string()))
}

fn read_manifest(commit: CommitId, text: &[u8]) -> Result<Manifest, Error> {
    let manifest: Manifest = serde_json::from_slice(text).map_err(|e| damaged(commit, MANIFEST, &e.to_string()))?;
    if manifest.format == Manifest::FORMAT {
        return Ok(manifest);
    }
    Err(Error::refused(
        format!(
            "the inventory of {commit} has format {}, which this envgit does not know",
            manifest.format
        ),
        "use a newer envgit",
    ))
}

fn damaged(commit: CommitId, path: &[u8], what: &str) -> Error {
    Error::Inventory {
        commit: commit.to_string(),
        what: format!("{} {what}", String::from_utf8_lossy(path)),
    }
}
