//! Whether what a checkout is about to replace still is what was captured, and may be replaced at all.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, StatxAttributes, StatxFlags};

use super::parts::in_parts;
use crate::fsx::Error;
use crate::fsx::beneath::Beneath;
use crate::fsx::stamp::Stamp;
use crate::snapshot::path::RelPath;

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
    let fixed = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
    Some(State {
        ino: stat.stx_ino,
        size: stat.stx_size,
        mtime: stat.stx_mtime.tv_sec * 1_000_000_000 + i64::from(stat.stx_mtime.tv_nsec),
        mode: u32::from(stat.stx_mode) & 0o7777,
        is_fixed: stat.stx_attributes.intersects(fixed),
    })
}

/// Whether a directory may not be changed whatever its permissions say.
pub fn is_fixed(path: &Path) -> bool {
    let fixed = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
    rustix::fs::statx(
        rustix::fs::CWD,
        path,
        AtFlags::SYMLINK_NOFOLLOW,
        StatxFlags::BASIC_STATS,
    )
    .is_ok_and(|stat| stat.stx_attributes.intersects(fixed))
}

/// Names directly in some directories of a tree that are not known.
pub fn foreign(tree: &Path, dirs: &[&RelPath], is_known: &(dyn Fn(&[u8]) -> bool + Sync)) -> Vec<RelPath> {
    let look = |dirs: &[&RelPath]| {
        let mut foreign = Vec::new();
        for dir in dirs {
            let names = std::fs::read_dir(dir.under(tree)).into_iter().flatten().flatten();
            for name in names {
                let path = [dir.as_bytes(), b"/", name.file_name().as_bytes()].concat();
                if !is_known(&path) {
                    foreign.extend(RelPath::new(path));
                }
            }
        }
        foreign
    };
    in_parts(dirs, look).concat()
}
