//! `blame`: which commit and which package brought a file. From records alone; commits in which the file's unit did not
//! change are passed over.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Session;
use super::diff::warnings;
use super::error::Error;
use super::inspect::stands_for_live;
use super::live::Live;
use super::pathspec::place;
use super::report::{CommitFacts, SideName};
use super::side::Side;
use super::trail::{Step, Trail};
use crate::compare::ownership::Ownership;
use crate::history::History;
use crate::snapshot::entry::Entry;
use crate::snapshot::finding::PackageRef;
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;
use crate::snapshot::unit::UnitName;

/// Which path to look into.
#[derive(Clone, Debug, Default)]
pub struct BlameOptions {
    /// Relative to the current folder, absolute, or `ROOT:PATH`.
    pub path: String,
    /// As of this commit; of the live state when absent.
    pub rev: Option<String>,
    /// The folder against which relative paths count.
    pub cwd: PathBuf,
}

/// Who brought what.
#[derive(Clone, Debug)]
pub struct BlameReport {
    /// The state.
    pub side: SideName,
    /// The root.
    pub root: RootName,
    /// The path in it; nothing for the whole root.
    pub path: Option<RelPath>,
    /// What stands there.
    pub blame: Blame,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What stands at a path, and who brought it.
#[derive(Clone, Debug)]
pub enum Blame {
    /// A file or link.
    File(Box<FileBlame>),
    /// A folder: what is in it by unit, sorted by name.
    Folder(Vec<UnitBlame>),
}

/// Who brought one file or link.
#[derive(Clone, Debug)]
pub struct FileBlame {
    /// The file.
    pub entry: Entry,
    /// The unit that it belongs to.
    pub unit: UnitName,
    /// The package of that unit; nothing if no package owns the file.
    pub owner: Option<PackageRef>,
    /// Whose bytes they are.
    pub bytes: Bytes,
    /// Other packages whose records name the file.
    pub also: Vec<PackageRef>,
    /// How its present content came.
    pub content: Origin,
    /// How the path first came.
    pub first: Origin,
}

/// Whose bytes a file holds, as far as records tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// Nothing speaks against the owner.
    Owner,
    /// No record promised them.
    Altered,
    /// Another package promised them.
    Other(PackageRef),
}

/// Where something came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The commit; nothing if it is not committed yet.
    pub recorded: Option<CommitFacts>,
    /// The package that owned the file in that state.
    pub owner: Option<PackageRef>,
}

/// The files of one unit in a folder.
#[derive(Clone, Debug)]
pub struct UnitBlame {
    /// The unit.
    pub unit: UnitName,
    /// Its package; nothing for files that no package owns.
    pub owner: Option<PackageRef>,
    /// Files and links.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// The last commit that changed the content of any of them; nothing if that is not committed yet.
    pub recorded: Option<CommitFacts>,
}

/// Who brought a file, or what is in a folder.
///
/// # Errors
/// An unknown revision; a path that is not there.
pub fn blame(session: &mut Session<'_>, options: &BlameOptions) -> Result<BlameReport, Error> {
    let (root, path) = place(&session.repo.config().roots, &options.path, &options.cwd)?;
    let rev = options.rev.as_deref().or(stands_for_live(session));
    let live = match rev {
        Some(_) => None,
        None => Some(Live::capture(&session.viewpoint(), &Default::default())?),
    };
    let mut trail = Trail::new(session.repo.history(), live.as_ref(), rev)?;
    let none = |side: &Side<'_>| Error::NoSuchPath {
        path: options.path.clone(),
        state: side.label(),
    };
    let Some(first) = trail.next().transpose()? else {
        return Err(none(&Side::empty(session.repo.history())));
    };
    let side = first.side.name.clone();
    let file = match &path {
        None if first.side.roots.contains_key(&root) => None,
        None => return Err(none(&first.side)),
        Some(path) => {
            let found = first.side.find(&root, path, None)?;
            let (unit, entry) = found.ok_or_else(|| none(&first.side))?;
            (!entry.is_dir()).then_some((unit, entry))
        }
    };
    let blame = match file {
        Some((unit, entry)) => Blame::File(Box::new(file_blame(first, trail, &root, unit, entry)?)),
        None => Blame::Folder(folder_blame(first, trail, &root, path.as_ref())?),
    };
    Ok(BlameReport {
        side,
        root,
        path,
        blame,
        warnings: live.map(warnings).unwrap_or_default(),
    })
}

fn file_blame(
    first: Step<'_>,
    trail: Trail<'_>,
    root: &RootName,
    unit: UnitName,
    entry: Entry,
) -> Result<FileBlame, Error> {
    let packages = first.side.packages(root)?;
    let promises = first.side.promises(root)?;
    let ownership = Ownership::new(&packages, &promises, first.side.python(root).as_deref());
    let owner = owner(&packages, &ownership, &unit);
    let (mut bytes, mut also) = (Bytes::Owner, Vec::new());
    for promise in &promises {
        let Some(package) = ownership.package(&promise.record) else {
            continue;
        };
        let holder = |map: &BTreeMap<RelPath, Vec<RelPath>>| {
            let mut map = map.iter();
            map.find_map(|(record, paths)| paths.contains(&entry.path).then(|| record.clone()))
        };
        let is_owner = owner.as_ref() == Some(&package);
        if promise.altered.contains(&entry.path) {
            bytes = Bytes::Altered;
        } else if let Some(by) = holder(&promise.replaced) {
            match ownership.package(&by).filter(|by| owner.as_ref() != Some(by)) {
                Some(by) if is_owner => bytes = Bytes::Other(by),
                _ if !is_owner => also.push(package),
                _ => {}
            }
        } else if holder(&promise.shared).is_some() && !is_owner {
            also.push(package);
        }
    }
    let content_now = entry.clone();
    let mut content = place_of(&first, &unit);
    let mut came = place_of(&first, &unit);
    let mut same = true;
    let history = trail.history();
    let (mut newer, mut here) = (first, Some((unit.clone(), entry.clone())));
    for step in trail {
        let older = step?;
        let there = earlier(&older.side, &newer.side, root, &entry.path, here)?;
        same = same
            && there
                .as_ref()
                .is_some_and(|(_, entry)| entry.same_content(&content_now));
        if let Some((unit, _)) = &there {
            came = place_of(&older, unit);
            if same {
                content = place_of(&older, unit);
            }
        }
        (newer, here) = (older, there);
    }
    Ok(FileBlame {
        content: origin(history, root, content, &owner)?,
        first: origin(history, root, came, &owner)?,
        entry: content_now,
        unit,
        owner,
        bytes,
        also,
    })
}

/// A commit and the unit that a file belonged to in it.
type Place = (Option<CommitFacts>, UnitName);

fn place_of(step: &Step<'_>, unit: &UnitName) -> Place {
    (step.recorded.clone(), unit.clone())
}

/// The same path one state earlier. Units that are the same in both states are not read.
fn earlier(
    older: &Side<'_>,
    newer: &Side<'_>,
    root: &RootName,
    path: &RelPath,
    here: Option<(UnitName, Entry)>,
) -> Result<Option<(UnitName, Entry)>, Error> {
    if let Some((unit, _)) = &here
        && older.unit_id(root, unit) == newer.unit_id(root, unit)
    {
        return Ok(here);
    }
    older.find(root, path, Some(newer))
}

/// Names the package that owned the file then. `now` is its owner in the live state.
fn origin(history: &History, root: &RootName, place: Place, now: &Option<PackageRef>) -> Result<Origin, Error> {
    let (recorded, unit) = place;
    let owner = match &recorded {
        None => now.clone(),
        Some(facts) => {
            let side = Side::of_commit(history, facts.commit, "")?;
            let (packages, promises) = (side.packages(root)?, side.promises(root)?);
            let ownership = Ownership::new(&packages, &promises, side.python(root).as_deref());
            owner(&packages, &ownership, &unit)
        }
    };
    Ok(Origin { recorded, owner })
}

/// The package of a unit; of several records the one whose files are there.
fn owner(packages: &[Package], ownership: &Ownership<'_>, unit: &UnitName) -> Option<PackageRef> {
    unit.package()?;
    let is_of = |package: &&Package| {
        let name = match package.manager {
            Manager::Conda => UnitName::conda(&package.name),
            Manager::Pip => UnitName::pip(&package.name),
        };
        package.is_listed() && name == *unit
    };
    let owners: Vec<&Package> = packages.iter().filter(is_of).collect();
    let real = owners.iter().find(|package| ownership.is_real(&package.record));
    real.or(owners.first()).map(|package| PackageRef::from(*package))
}

fn folder_blame(
    first: Step<'_>,
    trail: Trail<'_>,
    root: &RootName,
    dir: Option<&RelPath>,
) -> Result<Vec<UnitBlame>, Error> {
    let packages = first.side.packages(root)?;
    let promises = first.side.promises(root)?;
    let ownership = Ownership::new(&packages, &promises, first.side.python(root).as_deref());
    let beneath = |mut entries: Vec<Entry>| {
        entries.retain(|entry| !entry.is_dir() && dir.is_none_or(|dir| entry.path.is_within(dir.as_bytes())));
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    };
    // Units whose last change is not found yet, with their entries beneath the folder.
    let mut open: BTreeMap<UnitName, Vec<Entry>> = BTreeMap::new();
    for (unit, entries) in first.side.entries(root)? {
        let entries = beneath(entries);
        if !entries.is_empty() {
            open.insert(unit, entries);
        }
    }
    let told = |unit: &UnitName, entries: &[Entry], recorded: &Option<CommitFacts>| UnitBlame {
        owner: owner(&packages, &ownership, unit),
        unit: unit.clone(),
        files: entries.len() as u64,
        bytes: entries.iter().map(Entry::size).fold(0, u64::saturating_add),
        recorded: recorded.clone(),
    };
    let mut found = Vec::new();
    let mut newer = first;
    for step in trail {
        let older = step?;
        for (unit, entries) in std::mem::take(&mut open) {
            let is_same = older.side.unit_id(root, &unit) == newer.side.unit_id(root, &unit)
                || same_content(&beneath(older.side.unit(root, &unit)?), &entries);
            if is_same {
                open.insert(unit, entries);
            } else {
                found.push(told(&unit, &entries, &newer.recorded));
            }
        }
        newer = older;
        if open.is_empty() {
            break;
        }
    }
    found.extend(open.iter().map(|(unit, entries)| told(unit, entries, &newer.recorded)));
    found.sort_by(|a, b| a.unit.cmp(&b.unit));
    Ok(found)
}

fn same_content(a: &[Entry], b: &[Entry]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.path == b.path && a.same_content(b))
}
