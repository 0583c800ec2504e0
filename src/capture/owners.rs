//! Who owns a file: from what package records claim to the unit of every path.
//!
//! Claims rank: pip over conda, because what pip installs over a conda package replaces its files. Then comes what
//! follows from a claim: byte code belongs to its source, a file in a package's own record folder to that package. What
//! nobody claims is loose, by top-level folder.

use std::collections::HashMap;

use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::unit::UnitName;

/// Decides the unit of any path of one root.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    units: Vec<UnitName>,
    numbers: HashMap<UnitName, u32>,
    files: HashMap<RelPath, Claim>,
    folders: HashMap<RelPath, u32>,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    unit: u32,
    rank: Rank,
}

/// How strong the claim of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Conda,
    Pip,
}

/// The units of a list of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// All units that have an entry: sorted, each once.
    pub units: Vec<UnitName>,
    /// For every entry the index of its unit in `units`.
    pub of: Vec<u32>,
}

/// Nothing below a folder has a unit.
const EMPTY: u32 = u32::MAX;
/// What is below a folder has several units.
const MIXED: u32 = u32::MAX - 1;
/// An entry at the top of the root.
const TOP: usize = usize::MAX;

impl Owners {
    /// Claims files for a unit. Of two claims of equal rank the earlier one holds.
    pub(super) fn claim(&mut self, unit: &UnitName, rank: Rank, paths: impl IntoIterator<Item = RelPath>) {
        let unit = self.number(unit);
        let paths = paths.into_iter();
        self.files.reserve(paths.size_hint().0);
        for path in paths {
            let claim = Claim { unit, rank };
            let held = self.files.entry(path).or_insert(claim);
            if held.rank < rank {
                *held = claim;
            }
        }
    }

    /// Claims for a unit what nobody claims in a folder. The earlier claim holds.
    pub(super) fn claim_folder(&mut self, unit: &UnitName, folder: RelPath) {
        let unit = self.number(unit);
        self.folders.entry(folder).or_insert(unit);
    }

    /// The unit whose record claims exactly this path.
    pub(super) fn claimed(&self, path: &[u8]) -> Option<&UnitName> {
        self.files.get(path).map(|claim| &self.units[claim.unit as usize])
    }

    fn number(&mut self, unit: &UnitName) -> u32 {
        if let Some(number) = self.numbers.get(unit) {
            return *number;
        }
        let number = self.units.len() as u32;
        self.units.push(unit.clone());
        self.numbers.insert(unit.clone(), number);
        number
    }

    /// The unit of a file or link by its path alone.
    pub fn unit_of(&self, path: &RelPath) -> UnitName {
        let folder = || {
            let mut folders: Vec<&[u8]> = path.ancestors().collect();
            folders.reverse();
            folders.iter().find_map(|folder| self.folders.get(*folder).copied())
        };
        match self.by_claim(path.as_bytes(), &mut Vec::new()).or_else(folder) {
            Some(unit) => self.units[unit as usize].clone(),
            None => UnitName::loose(path.as_bytes()),
        }
    }

    /// The unit of every entry of a root; the entries are sorted by path.
    ///
    /// A folder belongs to the unit of all that is beneath it if that is one unit. An empty folder goes with the folder
    /// it is in. Other folders are loose.
    pub fn assign(&self, entries: &[Entry]) -> Assignment {
        let mut loose = Loose::new(self.units.len() as u32);
        let parents = parents(entries);
        let mut folders = vec![EMPTY; entries.len()];
        let mut of = vec![EMPTY; entries.len()];
        let mut key = Vec::new();

        // Down: claims of files, and of folders for all in them.
        for (at, entry) in entries.iter().enumerate() {
            let path = entry.path.as_bytes();
            let inherited = folders.get(parents[at]).copied().unwrap_or(EMPTY);
            if entry.is_dir() {
                folders[at] = self.folders.get(path).copied().unwrap_or(inherited);
            } else {
                let unit = self.by_claim(path, &mut key);
                of[at] = unit.unwrap_or_else(|| {
                    if inherited == EMPTY {
                        loose.number(path, false)
                    } else {
                        inherited
                    }
                });
            }
        }
        // Up: folders by what is beneath them. Everything beneath a folder sorts after it.
        for at in (0..entries.len()).rev() {
            if of[at] == EMPTY {
                let claim = self.files.get(entries[at].path.as_bytes()).map(|claim| claim.unit);
                of[at] = claim.unwrap_or(folders[at]);
            }
            if let Some(parent) = of.get(parents[at]).copied() {
                let merged = match (parent, of[at]) {
                    (one, EMPTY) | (EMPTY, one) => one,
                    (one, other) if one == other => one,
                    _ => MIXED,
                };
                of[parents[at]] = merged;
            }
        }
        // Down again: empty folders by where they are, the rest is loose.
        for at in 0..entries.len() {
            if of[at] == EMPTY {
                of[at] = of.get(parents[at]).copied().unwrap_or(MIXED);
            }
            if of[at] == MIXED {
                of[at] = loose.number(entries[at].path.as_bytes(), true);
            }
        }
        self.by_name(of, loose.names)
    }

    /// The unit that a record claims a file for, or the source of which it is the byte code. `key` is scratch space.
    fn by_claim(&self, path: &[u8], key: &mut Vec<u8>) -> Option<u32> {
        let claim = self.files.get(path);
        if claim.is_some_and(|claim| claim.rank == Rank::Pip) {
            return claim.map(|claim| claim.unit);
        }
        let source = self.source(path, key);
        match (claim, source) {
            (Some(claim), Some(source)) if source.rank > claim.rank => Some(source.unit),
            (Some(claim), _) => Some(claim.unit),
            (None, source) => source.map(|source| source.unit),
        }
    }

    /// The claim of `D/NAME.py` for `D/__pycache__/NAME.TAG.pyc` ([PEP 3147](https://peps.python.org/pep-3147/)), other
    /// caches in that folder and `D/NAME.pyc`.
    fn source(&self, path: &[u8], key: &mut Vec<u8>) -> Option<Claim> {
        let start = memchr::memrchr(b'/', path).map_or(0, |at| at + 1);
        let (folder, name) = path.split_at(start);
        let folder = folder.strip_suffix(b"__pycache__/");
        if folder.is_none() && !name.ends_with(b".pyc") {
            return None;
        }
        let folder = folder.unwrap_or(&path[..start]);
        if !folder.is_empty() && !folder.ends_with(b"/") {
            return None;
        }
        key.clear();
        key.extend_from_slice(folder);
        let base = key.len();
        // A module's name has no dots, that of a script may.
        memchr::memchr_iter(b'.', name).find_map(|dot| {
            key.truncate(base);
            key.extend_from_slice(&name[..dot]);
            key.extend_from_slice(b".py");
            self.files.get(key.as_slice()).copied()
        })
    }

    /// Renumbers units in the order of their names and leaves out those without entries.
    fn by_name(&self, mut of: Vec<u32>, loose: Vec<UnitName>) -> Assignment {
        let names: Vec<&UnitName> = self.units.iter().chain(&loose).collect();
        let mut used = vec![false; names.len()];
        of.iter().for_each(|unit| used[*unit as usize] = true);
        let mut order: Vec<usize> = (0..names.len()).filter(|unit| used[*unit]).collect();
        order.sort_by_key(|unit| names[*unit]);
        let mut units: Vec<UnitName> = Vec::with_capacity(order.len());
        let mut renumbered = vec![0; names.len()];
        for unit in order {
            if units.last() != Some(names[unit]) {
                units.push(names[unit].clone());
            }
            renumbered[unit] = (units.len() - 1) as u32;
        }
        of.iter_mut().for_each(|unit| *unit = renumbered[*unit as usize]);
        Assignment { units, of }
    }
}

/// Loose units by top-level folder, numbered as they come.
struct Loose<'a> {
    names: Vec<UnitName>,
    numbers: HashMap<&'a [u8], u32>,
    first: u32,
    last: Option<(&'a [u8], u32)>,
}

impl<'a> Loose<'a> {
    fn new(first: u32) -> Self {
        Self {
            names: Vec::new(),
            numbers: HashMap::new(),
            first,
            last: None,
        }
    }

    fn number(&mut self, path: &'a [u8], is_dir: bool) -> u32 {
        // No folder has an empty name: it stands for the top.
        let folder = match memchr::memchr(b'/', path) {
            Some(end) => &path[..end],
            None if is_dir => path,
            None => b"",
        };
        if let Some((_, number)) = self.last.filter(|(last, _)| *last == folder) {
            return number;
        }
        let number = *self.numbers.entry(folder).or_insert_with(|| {
            self.names.push(if folder.is_empty() {
                UnitName::loose(path)
            } else {
                UnitName::loose_folder(folder)
            });
            self.first + (self.names.len() - 1) as u32
        });
        self.last = Some((folder, number));
        number
    }
}

/// For every entry the index of the folder it is in.
fn parents(entries: &[Entry]) -> Vec<usize> {
    let mut folders: HashMap<&[u8], usize> = HashMap::new();
    let mut last: (&[u8], usize) = (b"", TOP);
    let mut parents = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let parent = entry.path.parent().unwrap_or_default();
        if parent != last.0 {
            last = (parent, folders.get(parent).copied().unwrap_or(TOP));
        }
        parents.push(last.1);
        if entry.is_dir() {
            folders.insert(entry.path.as_bytes(), at);
        }
    }
    parents
}

/// Whether a path is byte code, wherever its source is.
pub(super) fn is_byte_code(path: &[u8]) -> bool {
    path.ends_with(b".pyc") || path.ends_with(b".pyo")
}

#[cfg(test)]
#[path = "owners_tests.rs"]
mod tests;
