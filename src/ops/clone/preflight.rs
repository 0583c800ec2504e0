//! What is found out before a clone moves any bytes of layers: room, places, and whether this machine can run what was
//! recorded on another.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::places::is_empty;
use super::{ClonePlan, RootPlace};
use crate::fsx;
use crate::history::{CommitId, History};
use crate::ops::checkout::preflight::{PER_FILE, RESERVE};
use crate::ops::error::Error;
use crate::ops::explain::state_with_imports;
use crate::ops::side::Side;
use crate::repo::DIR_NAME;
use crate::snapshot::entry::{Entry, PrefixUse};
use crate::snapshot::facts::SystemFacts;
use crate::snapshot::finding::{Finding, Problem};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::Kind;
use crate::snapshot::root::RootName;
use crate::snapshot::unit::UnitName;

/// What speaks against a clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// It cannot be done; else it can, and may not work.
    pub is_fatal: bool,
    /// What, for people.
    pub what: String,
}

fn fatal(what: String) -> Obstacle {
    Obstacle { is_fatal: true, what }
}

/// All obstacles that are in the way at once.
pub(super) fn hindrance(plan: &ClonePlan) -> Option<Error> {
    let fatal: Vec<&str> = plan
        .obstacles
        .iter()
        .filter(|obstacle| obstacle.is_fatal)
        .map(|obstacle| obstacle.what.as_str())
        .collect();
    (!fatal.is_empty()).then(|| {
        Error::refused(
            format!("this cannot be cloned here:\n  {}", fatal.join("\n  ")),
            "nothing was changed; `--dry-run` shows the whole plan",
        )
    })
}

/// Looks at the places and at the machine.
pub(super) fn obstacles(
    plan: &ClonePlan,
    side: &Side<'_>,
    repo_dir: &Path,
    here: &SystemFacts,
) -> Result<Vec<Obstacle>, Error> {
    if plan.history_only {
        return Ok(Vec::new());
    }
    let mut found = machine(side, here);
    for (at, place) in plan.roots.iter().enumerate() {
        let refused = refusal(place, &plan.roots[..at]);
        found.extend(refused.map(|why| fatal(format!("{why}; choose another place: --root {}=PATH", place.name))));
        found.extend(within(place, &plan.roots, side)?);
        found.extend(elsewhere(place, side)?);
        found.extend(interpreter(place));
        found.extend(quoting(place));
    }
    found.extend(room(plan, repo_dir)?);
    Ok(found)
}

/// Programs quote the paths that they write into scripts, but for the place at which they were installed: at another one the
/// same quotes may not do.
fn quoting(place: &RootPlace) -> Option<Obstacle> {
    let meant = |path: &Path| {
        let bytes = path.as_os_str().as_bytes().iter();
        bytes.copied().find(|byte| b"'\"`$\\\n:".contains(byte)).map(char::from)
    };
    let odd = meant(&place.path).filter(|_| meant(&place.home).is_none())?;
    Some(Obstacle {
        is_fatal: false,
        what: format!(
            "{}: there is a {odd:?} in {}: scripts and settings that name it may not work; a place without is better",
            place.name,
            place.path.display()
        ),
    })
}

/// A root must not stand where another one has something of its own.
fn within(place: &RootPlace, all: &[RootPlace], side: &Side<'_>) -> Result<Option<Obstacle>, Error> {
    for holder in all.iter().filter(|holder| holder.name != place.name) {
        let beneath = place.path.strip_prefix(&holder.path).ok();
        let beneath = beneath.and_then(|path| RelPath::new(path.as_os_str().as_bytes()).ok());
        let Some(beneath) = beneath else { continue };
        let units = side.entries(&holder.name)?;
        let mut entries = units.iter().flat_map(|(_, list)| list);
        let clashes = |entry: &&Entry| {
            entry.path.is_within(beneath.as_bytes()) || (!entry.is_dir() && beneath.is_within(entry.path.as_bytes()))
        };
        if let Some(entry) = entries.find(clashes) {
            return Ok(Some(fatal(format!(
                "{} cannot stand at {}, where {} has {}; choose another place: --root {}=PATH",
                place.name,
                place.path.display(),
                holder.name,
                entry.path,
                place.name
            ))));
        }
    }
    Ok(None)
}

/// Why a root cannot be made at its place, beside others.
pub(super) fn refusal(place: &RootPlace, others: &[RootPlace]) -> Option<String> {
    let path = place.path.display();
    if let Some(other) = others.iter().find(|other| other.path == place.path) {
        return Some(format!("{} and {} cannot both stand at {path}", other.name, place.name));
    }
    if place.path.components().any(|part| part.as_os_str() == DIR_NAME) {
        return Some(format!("{path} is in envgit's own folder"));
    }
    let nearest = place.path.ancestors().find(|path| path.symlink_metadata().is_ok());
    if let Some(file) = nearest.filter(|path| !path.is_dir()) {
        return Some(format!("{path} cannot be made: {} is no folder", file.display()));
    }
    if !is_empty(&place.path) {
        return Some(format!("{path} is not empty"));
    }
    let above = standing(&place.path);
    let access = rustix::fs::access(above, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    access.err().map(|_| {
        format!(
            "{path} cannot be made: {} cannot be written to by this user",
            above.display()
        )
    })
}

/// The nearest folder above a path that is there.
fn standing(path: &Path) -> &Path {
    path.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"))
}

/// How many files are named.
const NAMED: usize = 5;

/// Files that will keep the path of another place. What conda's records say of binaries lies in the layers: of a conda
/// package's own all are taken to have the room that conda gives them.
fn elsewhere(place: &RootPlace, side: &Side<'_>) -> Result<Option<Obstacle>, Error> {
    /// The length of the paths for which conda's packages have room.
    const ROOM: usize = 255;
    let (home, here) = (place.home.as_os_str().len(), place.path.as_os_str().len());
    let has_room = |unit: &UnitName| here <= home || (unit.as_str().starts_with("conda/") && here <= ROOM);
    // Binaries of a project and of a cache are data, most of them.
    let holds_data = matches!(place.kind, Kind::Project | Kind::Cache);
    let mut stuck = Vec::new();
    for (unit, entries) in side.entries(&place.name)? {
        for entry in entries {
            let prefix = entry.file().map_or(PrefixUse::None, |file| file.prefix);
            let is_code = entry.path.as_bytes().ends_with(b".pyc");
            let is_stuck = match prefix {
                PrefixUse::Fixed => true,
                PrefixUse::Binary => !is_code && (holds_data || !has_room(&unit)),
                PrefixUse::None | PrefixUse::Text => false,
            };
            if is_stuck && place.path != place.home || prefix == PrefixUse::Fixed {
                stuck.push(entry.path.to_string());
            }
        }
    }
    let more = match stuck.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = stuck.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    Ok((!stuck.is_empty()).then(|| Obstacle {
        is_fatal: false,
        what: format!(
            "{}: binaries that keep the path at which they were recorded: {named}{more}",
            place.name
        ),
    }))
}

/// The interpreter that a virtual environment needs.
fn interpreter(place: &RootPlace) -> Option<Obstacle> {
    let name = place.lacks.as_ref()?;
    Some(Obstacle {
        is_fatal: false,
        what: format!(
            "{}: no {name} was found on this machine; install it, then: envgit config roots.{}.base FOLDER && envgit \
             checkout HEAD",
            place.name, place.name
        ),
    })
}

/// Room by file system: layers where they come to lie, files where the roots stand.
fn room(plan: &ClonePlan, repo_dir: &Path) -> Result<Vec<Obstacle>, Error> {
    let mut needed: BTreeMap<u64, (PathBuf, u64)> = BTreeMap::new();
    let mut add = |path: &Path, bytes: u64| {
        let dir = standing(path);
        let device = dir.metadata().map(|meta| meta.dev()).unwrap_or_default();
        let sum = &mut needed.entry(device).or_insert_with(|| (dir.to_owned(), 0)).1;
        // What an inventory says may be anything.
        *sum = sum.saturating_add(bytes);
    };
    add(repo_dir, if plan.is_near { 0 } else { plan.layer_bytes });
    for place in &plan.roots {
        // As the checkout counts.
        let blocks = place.files.saturating_mul(PER_FILE).saturating_add(RESERVE);
        add(&place.path, place.bytes.saturating_add(blocks));
    }
    let mut found = Vec::new();
    for (dir, bytes) in needed.into_values() {
        let free = fsx::free_space(&dir)?;
        if bytes > free {
            found.push(fatal(format!(
                "the file system of {} needs {} MiB and has {} MiB; free some, or choose another place: --root NAME=PATH",
                dir.display(),
                bytes.div_ceil(1 << 20),
                free >> 20
            )));
        }
    }
    Ok(found)
}

/// What this machine lacks.
fn machine(side: &Side<'_>, here: &SystemFacts) -> Vec<Obstacle> {
    let Some(recorded) = side.manifest.as_ref().map(|manifest| &manifest.system) else {
        return Vec::new();
    };
    let holds_code = side.roots.values().any(|kind| kind.holds_packages());
    if !holds_code || recorded.arch == here.arch || recorded.arch.is_empty() {
        return Vec::new();
    }
    vec![fatal(format!(
        "it was recorded on {}, and this machine is {}: its programs cannot run here; clone it on a machine of that \
         kind, or only the history: --history",
        recorded.arch, here.arch
    ))]
}

/// Problems of packages that this machine has and the recording one had not: a C library that is too old, a driver.
pub(super) fn findings(
    history: &History,
    commit: CommitId,
    here: &SystemFacts,
) -> Result<Vec<(RootName, Finding)>, Error> {
    let side = Side::of_commit(history, commit, "")?;
    let mut found = Vec::new();
    for (root, _) in side.roots.iter().filter(|(_, kind)| kind.holds_packages()) {
        let mut state = state_with_imports(None, &side, root)?;
        let before: Vec<Finding> = crate::compare::check(&state).iter().map(needed).collect();
        state.system = here.clone();
        let after = crate::compare::check(&state);
        let appeared = after.into_iter().filter(|finding| !before.contains(&needed(finding)));
        found.extend(appeared.map(|finding| (root.clone(), finding)));
    }
    Ok(found)
}

/// A finding without what is there instead: two machines may lack the same in two ways.
fn needed(finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    match &mut finding.problem {
        Problem::System { has, .. } => has.clear(),
        Problem::Driver { has, .. } => *has = None,
        _ => {}
    }
    finding
}
