//! Whether what a checkout is about to replace still is what was captured, and may be replaced at all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, StatxAttributes, StatxFlags};

use super::parts::in_parts;
use crate::fsx::beneath::Beneath;
use crate::fsx::names::each_name;
use crate::fsx::stamp::Stamp;
use crate::fsx::{Context, Error};
use crate::snapshot::path::{RelPath, beneath};

/// What no right helps against.
const FIXED: StatxAttributes = StatxAttributes::IMMUTABLE.union(StatxAttributes::APPEND);

/// Paths that stand in the way of a checkout.
#[derive(Debug, Default)]
pub struct Found {
    /// Not what was captured.
    pub changed: Vec<RelPath>,
    /// Marked immutable or append-only.
    pub immutable: Vec<RelPath>,
}

/// Looks at paths, best in their order, with the stamps under which they were captured: on all cores.
///
/// # Errors
/// When the root cannot be opened.
pub fn look_over(root: &Path, paths: &[(&RelPath, Option<Stamp>)]) -> Result<Found, Error> {
    let parts = in_parts(paths, |part| compare(root, part));
    let mut all = Found::default();
    for found in parts {
        let mut found = found?;
        all.changed.append(&mut found.changed);
        all.immutable.append(&mut found.immutable);
    }
    Ok(all)
}

fn compare(root: &Path, paths: &[(&RelPath, Option<Stamp>)]) -> Result<Found, Error> {
    let mut beneath = Beneath::open(root)?;
    let mut found = Found::default();
    for (path, before) in paths {
        let Some((before, now)) = before.zip(state_of(&mut beneath, path)) else {
            found.changed.push((*path).clone());
            continue;
        };
        let same = (before.ino, before.size, before.mtime, before.mode) == (now.ino, now.size, now.mtime, now.mode);
        if !same {
            found.changed.push((*path).clone());
        }
        if now.is_fixed {
            found.immutable.push((*path).clone());
        }
    }
    Ok(found)
}

struct State {
    ino: u64,
    size: u64,
    mtime: i64,
    mode: u32,
    is_fixed: bool,
}

fn state_of(beneath: &mut Beneath, path: &RelPath) -> Option<State> {
    let (parent, name) = beneath.parent(path).ok()?;
    let wanted = StatxFlags::BASIC_STATS;
    let stat = rustix::fs::statx(parent, name, AtFlags::SYMLINK_NOFOLLOW, wanted).ok()?;
    Some(State {
        ino: stat.stx_ino,
        size: stat.stx_size,
        mtime: stat.stx_mtime.tv_sec * 1_000_000_000 + i64::from(stat.stx_mtime.tv_nsec),
        mode: u32::from(stat.stx_mode) & 0o7777,
        is_fixed: stat.stx_attributes.intersects(FIXED),
    })
}

/// Which of a path and the folder it is in is marked immutable or append-only: the name cannot change then.
pub fn fixed(path: &Path) -> Option<&Path> {
    path.ancestors().take(2).find(|path| {
        let stat = rustix::fs::statx(CWD, *path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS);
        stat.is_ok_and(|stat| stat.stx_attributes.intersects(FIXED))
    })
}

/// Why names in some directories of a root cannot be changed.
#[derive(Debug)]
pub enum Unwritable {
    /// This one is marked immutable or append-only, whatever its permissions say.
    Fixed(PathBuf),
    /// Permissions or the file system forbid it.
    Forbidden(Error),
}

/// The first directory in which names cannot be changed. What is no directory is passed over.
pub fn unwritable(root: &Path, dirs: &[&[u8]]) -> Option<Unwritable> {
    let look = |dirs: &[&[u8]]| {
        dirs.iter()
            .find_map(|dir| why_unwritable(&root.join(OsStr::from_bytes(dir))))
    };
    in_parts(dirs, look).into_iter().flatten().next()
}

fn why_unwritable(dir: &Path) -> Option<Unwritable> {
    let wanted = StatxFlags::BASIC_STATS;
    let stat = rustix::fs::statx(CWD, dir, AtFlags::SYMLINK_NOFOLLOW, wanted).ok()?;
    if stat.stx_attributes.intersects(FIXED) {
        return Some(Unwritable::Fixed(dir.to_owned()));
    }
    let is_dir = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory;
    let access = || rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK).at("write in", dir);
    is_dir.then(access)?.err().map(Unwritable::Forbidden)
}

/// Names directly in some directories of a tree that are not among `known`, which is sorted by path. The directories are
/// best in their order.
pub fn foreign<T: Sync>(
    tree: &Path,
    dirs: &[&RelPath],
    known: &[T],
    path: impl Fn(&T) -> &[u8] + Sync + Copy,
) -> Vec<RelPath> {
    let look = |dirs: &[&RelPath]| {
        let mut foreign = Vec::new();
        let Ok(mut beneath_tree) = Beneath::open(tree) else {
            return foreign;
        };
        for dir in dirs {
            let Ok(open) = beneath_tree.dir(*dir) else { continue };
            let (from, to) = beneath(known, dir.as_bytes(), path);
            let above = dir.as_bytes().len() + 1;
            // What cannot be listed has no names that could be told.
            let _ = each_name(open, |name| {
                let name = name.file_name().to_bytes();
                let is_known = known[from..to].binary_search_by(|item| path(item)[above..].cmp(name));
                if is_known.is_err() {
                    foreign.extend(dir.join(name));
                }
                Ok(())
            });
        }
        foreign
    };
    in_parts(dirs, look).concat()
}

/// Those of some directories in which a name may have come or gone since their stamps were taken; all without a stamp.
///
/// # Errors
/// When the root cannot be opened.
pub fn stirred<'p>(root: &Path, dirs: &[(&'p RelPath, Option<Stamp>)]) -> Result<Vec<&'p RelPath>, Error> {
    let parts = in_parts(dirs, |dirs| {
        let mut beneath = Beneath::open(root)?;
        let mut stirred = Vec::new();
        for (dir, before) in dirs {
            let now = beneath.stamp(*dir);
            if now.is_none() || now != *before {
                stirred.push(*dir);
            }
        }
        Ok(stirred)
    });
    Ok(parts.into_iter().collect::<Result<Vec<_>, Error>>()?.concat())
}
