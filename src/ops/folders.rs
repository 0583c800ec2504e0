//! Environments that no repository knows: compared and checked as they stand. Everything is read, and nothing is
//! written, not even a cache.

use std::path::Path;

use super::check::findings;
use super::diff::warnings;
use super::error::Error;
use super::explain::explain;
use super::homes::Homes;
use super::live::{Live, Viewpoint};
use super::pathspec::Selection;
use super::report::{CheckReport, DiffReport, HeadReport};
use super::shell::StandIns;
use super::side::{Side, compare};
use crate::capture::detect::guess_kind;
use crate::compare::relocated::{Placed, same_but_for_prefix, same_conda_record, same_record};
use crate::config::Config;
use crate::fsx::{plain, stable};
use crate::progress::Progress;
use crate::snapshot::change::{Changes, FileChange};
use crate::snapshot::entry::{Node, PrefixUse};
use crate::snapshot::path::escape;
use crate::snapshot::root::{Kind, Root, RootName};

/// The name that the folder has as a root: both sides have the same.
const NAME: &str = "env";

/// Compares two folders (absolute): conda prefixes, virtual environments, or any.
///
/// Times do not count, nor do differences that follow from the folders' own paths, nor byte code.
///
/// # Errors
/// A path that is no folder, or cannot be listed.
pub fn diff_folders(from: &Path, to: &Path, progress: &dyn Progress) -> Result<DiffReport, Error> {
    let (a, b) = (capture(from, progress)?, capture(to, progress)?);
    let (from, to) = (side(&a), side(&b));
    let mut changes = compare(&from, &to, &Selection::default())?;
    settle(&mut changes, &a, &b);
    explain(None, &from, &to, &mut changes)?;
    let names = (from.name.clone(), to.name.clone());
    drop((from, to));
    let told = |live: Live, name: &str| {
        warnings(live)
            .into_iter()
            .map(move |text| format!("{name}: {text}"))
            .collect()
    };
    let told: [Vec<String>; 2] = [told(a, &names.0.name), told(b, &names.1.name)];
    Ok(DiffReport {
        from: names.0,
        to: names.1,
        changes,
        head: HeadReport::default(),
        warnings: told.concat(),
    })
}

/// Finds all problems of a folder (absolute).
///
/// # Errors
/// A path that is no folder, or cannot be listed.
pub fn check_folder(path: &Path, progress: &dyn Progress) -> Result<CheckReport, Error> {
    let live = capture(path, progress)?;
    findings(None, &side(&live), &Selection::default())
}

fn side(live: &Live) -> Side<'_> {
    let path = live
        .roots
        .first()
        .map(|root| root.root.path.as_os_str().as_encoded_bytes());
    Side::of_folder(live, escape(path.unwrap_or_default()))
}

fn capture(path: &Path, progress: &dyn Progress) -> Result<Live, Error> {
    let path = plain(path);
    if !path.is_dir() {
        return Err(Error::refused(
            format!("{} is no folder", path.display()),
            "name the folder of an environment, such as that which holds conda-meta or pyvenv.cfg",
        ));
    }
    let kind = guess_kind(&path).unwrap_or(Kind::Project);
    let config = Config {
        roots: vec![Root {
            name: RootName::from_lossy(NAME),
            path,
            kind,
            policy: kind.default_policy(),
            base: None,
        }],
        ..Config::default()
    };
    let viewpoint = Viewpoint {
        config: &config,
        repo: None,
        env: &[],
        progress,
        homes: Homes::default(),
        stand_ins: StandIns::default(),
    };
    Live::capture(&viewpoint, &Default::default())
}

/// Takes out what differs only because the environments were made at two times and stand at two places.
fn settle(changes: &mut Changes, from: &Live, to: &Live) {
    for root in &mut changes.roots {
        let name = root.root.as_str().as_bytes();
        let places = from.root(name).zip(to.root(name));
        let Some((a, b)) = places.map(|(a, b)| (a.root.path.clone(), b.root.path.clone())) else {
            continue;
        };
        root.files.retain_mut(|change| {
            let same = is_same(change, &a, &b);
            let (Some(older), Some(newer)) = (&mut change.from, &change.to) else {
                return true;
            };
            older.mtime = newer.mtime;
            if same {
                older.node = newer.node.clone();
            }
            !older.same_state(newer)
        });
    }
    changes.roots.retain(|root| !root.is_empty());
}

/// Files longer than this are compared as they are.
const LONGEST: u64 = 64 << 20;

/// Whether a file or link is the same on both sides but for the place of its environment.
fn is_same(change: &FileChange, a: &Path, b: &Path) -> bool {
    let prefix = |place: &'_ Path| place.as_os_str().as_encoded_bytes().to_vec();
    let (prefix_a, prefix_b) = (prefix(a), prefix(b));
    let same = |x: &[u8], y: &[u8], how| {
        let (x, y) = (
            Placed {
                bytes: x,
                prefix: &prefix_a,
            },
            Placed {
                bytes: y,
                prefix: &prefix_b,
            },
        );
        same_but_for_prefix(x, y, how)
    };
    let nodes = (
        change.from.as_ref().map(|e| &e.node),
        change.to.as_ref().map(|e| &e.node),
    );
    let (older, newer) = match nodes {
        (Some(Node::Symlink(x)), Some(Node::Symlink(y))) => return same(x, y, PrefixUse::Text),
        (Some(Node::File(older)), Some(Node::File(newer))) => (older, newer),
        _ => return false,
    };
    if older.digest == newer.digest {
        return true;
    }
    let path = change.path();
    let name = path.as_bytes();
    if name.ends_with(b".pyc") {
        // Python makes it anew, with the time and the place of its source in it.
        return true;
    }
    let is_record = name.ends_with(b".dist-info/RECORD");
    let is_conda_record = name.starts_with(b"conda-meta/") && name.ends_with(b".json");
    let how = match (older.prefix, newer.prefix) {
        (x, y) if x == y => x,
        (PrefixUse::None, how) | (how, PrefixUse::None) => how,
        _ => return false,
    };
    let is_short = older.size.max(newer.size) <= LONGEST;
    if !is_short || (how == PrefixUse::None && !is_record && !is_conda_record) {
        return false;
    }
    let read = |place: &Path| stable::read(&path.under(place)).map(|(bytes, _)| bytes);
    let (Ok(x), Ok(y)) = (read(a), read(b)) else {
        return false;
    };
    match how {
        _ if is_record => same_record(&x, &y),
        _ if is_conda_record => same_conda_record(&x, &y),
        how => same(&x, &y, how),
    }
}
