//! The file system with names in its errors: atomic and durable writes, locks, stamps, files that hold still.
//!
//! All durable writes of envgit go through here.

pub mod aligned;
pub mod append;
pub mod atomic;
pub mod beneath;
pub mod cache;
pub mod direct;
pub mod lock;
pub mod names;
pub mod stable;
pub mod stamp;
pub mod witness;
pub mod xattrs;

use std::io;
use std::path::{Component, Path, PathBuf};

use witness::{Change, saw};

/// An input or output error with what was done to which path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", .path.display())]
pub struct Error {
    /// The verb: `read`, `create`, `rename`…
    pub action: &'static str,
    /// The path.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl Error {
    /// Whether the path was not there.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether nothing can be there: the path is not, or something above it is no directory.
    pub fn is_nothing_there(&self) -> bool {
        use rustix::io::Errno;
        let errno = self.source.raw_os_error().map(Errno::from_raw_os_error);
        matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP))
    }
}

/// Whether a folder is on an overlay, as in a container: what comes from a lower layer is copied for a second name, and
/// its folders cannot be renamed (`Documentation/filesystems/overlayfs.rst` of Linux, "Renaming directories"). What cannot
/// be asked is none.
pub fn is_overlay(dir: &Path) -> bool {
    /// `OVERLAYFS_SUPER_MAGIC` of `linux/magic.h`.
    const OVERLAY: u64 = 0x794c_7630;
    magic_of(dir) == Some(OVERLAY)
}

/// Which file system a directory is on, as `linux/magic.h` numbers them. Nothing if it cannot be asked.
fn magic_of(dir: &Path) -> Option<u64> {
    rustix::fs::statfs(dir).ok().map(|found| found.f_type as u64)
}

/// Adds the action and the path to an [`io::Error`].
pub trait Context<T> {
    /// `cannot {action} {path}`.
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|source| Error {
            action,
            path: path.as_ref().to_owned(),
            source: source.into(),
        })
    }
}

/// Bytes free for the user on the file system of a directory.
///
/// # Errors
/// Names the directory.
pub fn free_space(dir: &Path) -> Result<u64, Error> {
    let stat = rustix::fs::statvfs(dir).at("look at the file system of", dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// A path without `.`, `..`, doubled and trailing separators. What `..` climbs out of is asked of the disk, as every program
/// does; where that is not there, names are taken off. Symlinks after that stay: an environment is used by the path that
/// it is known by.
pub fn plain(path: &Path) -> PathBuf {
    let components: Vec<Component<'_>> = path.components().collect();
    let Some(last) = components.iter().rposition(|part| *part == Component::ParentDir) else {
        return components.iter().collect();
    };
    let climbing: PathBuf = components[..=last].iter().collect();
    let mut plain = climbing.canonicalize().unwrap_or_else(|_| lexical(&climbing));
    plain.extend(&components[last + 1..]);
    plain
}

/// Whether two paths lead to one place. One that leads nowhere is only the same as itself.
pub fn is_same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

/// Reads a whole file.
///
/// # Errors
/// Names the path.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).at("read", path)
}

/// Reads a whole file, or nothing where there is none.
///
/// # Errors
/// Names the path, for any reason but its absence.
pub fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a directory and those above it.
///
/// # Errors
/// Names the path.
pub fn create_dir_all(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).at("create", path)?;
    saw(|| Change::Dir(path.to_owned()));
    Ok(())
}

/// Makes a directory in one that is there.
///
/// # Errors
/// Names the path, also when something is there.
pub fn create_dir(path: &Path) -> Result<(), Error> {
    std::fs::create_dir(path).at("create", path)?;
    saw(|| Change::Dir(path.to_owned()));
    Ok(())
}

/// Removes a file.
///
/// # Errors
/// Names the path.
pub fn remove_file(path: &Path) -> Result<(), Error> {
    std::fs::remove_file(path).at("remove", path)?;
    saw(|| Change::Remove(path.to_owned()));
    Ok(())
}

/// Renames a file or directory.
///
/// # Errors
/// Names the old path.
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::rename(from, to).at("rename", from)?;
    saw(|| Change::Rename {
        from: from.to_owned(),
        to: to.to_owned(),
    });
    Ok(())
}
