//! Opening directories beneath a root, whatever symlinks stand in the way: never through one.

use std::borrow::Borrow;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};

use super::stamp::Stamp;
use super::{Context, Error};

const DIR: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A root with the directories opened last, so that sorted paths cost one `open` a directory.
pub struct Beneath {
    path: PathBuf,
    root: OwnedFd,
    /// The components of `dir`, each opened.
    open: Vec<(Vec<u8>, OwnedFd)>,
    /// The directory that is open, if the last one asked for could be opened.
    dir: Option<Vec<u8>>,
}

impl Beneath {
    /// Opens the root itself, which may be named through a symlink.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            root: rustix::fs::open(path, flags, Mode::empty()).at("open", path)?,
            path: path.to_owned(),
            open: Vec::new(),
            dir: Some(Vec::new()),
        })
    }

    /// The directory that holds `path`, and the last component of `path`.
    ///
    /// # Errors
    /// When an ancestor is not a plain directory.
    pub fn parent<'p>(&mut self, path: &'p (impl Borrow<[u8]> + ?Sized)) -> Result<(&OwnedFd, &'p [u8]), Error> {
        let bytes = path.borrow();
        let at = bytes.iter().rposition(|b| *b == b'/');
        let (dir, name) = at.map_or((&[][..], bytes), |at| (&bytes[..at], &bytes[at + 1..]));
        if self.dir.as_deref() != Some(dir) {
            self.go_to(dir, bytes)?;
        }
        Ok((self.open.last().map_or(&self.root, |(_, fd)| fd), name))
    }

    /// A directory itself.
    ///
    /// # Errors
    /// When it, or an ancestor, is not a plain directory.
    pub fn dir(&mut self, dir: &(impl Borrow<[u8]> + ?Sized)) -> Result<&OwnedFd, Error> {
        let dir = dir.borrow();
        if self.dir.as_deref() != Some(dir) {
            self.go_to(dir, dir)?;
        }
        Ok(self.open.last().map_or(&self.root, |(_, fd)| fd))
    }

    /// The stamp of what stands at a path, if anything does.
    pub fn stamp(&mut self, path: &(impl Borrow<[u8]> + ?Sized)) -> Option<Stamp> {
        let (parent, name) = self.parent(path).ok()?;
        let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Stamp::from(stat))
    }

    /// Opens a directory; `path` is for messages.
    fn go_to(&mut self, dir: &[u8], path: &[u8]) -> Result<(), Error> {
        let components: Vec<&[u8]> = dir.split(|b| *b == b'/').filter(|c| !c.is_empty()).collect();
        let common = self
            .open
            .iter()
            .zip(&components)
            .take_while(|((name, _), component)| name == *component)
            .count();
        self.open.truncate(common);
        self.dir = None;
        for component in &components[common..] {
            let at = self.open.last().map_or(&self.root, |(_, fd)| fd);
            let fd = rustix::fs::openat(at, *component, DIR, Mode::empty())
                .at("open the directory of", self.path.join(OsStr::from_bytes(path)))?;
            self.open.push((component.to_vec(), fd));
        }
        self.dir = Some(dir.to_vec());
        Ok(())
    }

    /// Forgets open directories, after directories were removed or made.
    pub fn forget(&mut self) {
        self.open.clear();
        self.dir = Some(Vec::new());
    }

    /// The full path, for messages.
    pub fn full(&self, path: &(impl Borrow<[u8]> + ?Sized)) -> PathBuf {
        self.path.join(OsStr::from_bytes(path.borrow()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_looked_for_where_it_is_and_never_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        std::fs::create_dir_all(at.join("a/b")).unwrap();
        std::os::unix::fs::symlink("a", at.join("link")).unwrap();
        for (path, length) in [("a/b/x", 1), ("a/x", 2), ("x", 3), ("a/y", 4)] {
            std::fs::write(at.join(path), vec![0; length]).unwrap();
        }
        let mut beneath = Beneath::open(at).unwrap();
        let mut size = |path: &str| -> Option<i64> {
            let (parent, name) = beneath.parent(path.as_bytes()).ok()?;
            Some(
                rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
                    .ok()?
                    .st_size,
            )
        };
        // After each failure comes a path that must not be sought where the failure left off.
        let told = [
            "a/b/x",
            "a/x",
            "a/no/x",
            "x",
            "a/y",
            "a/no/no/x",
            "a/x",
            "link/x",
            "x",
            "a/b/no",
            "a/b/x",
            "no/x",
            "a/b/x",
        ]
        .map(&mut size);
        let (one, two, three, four) = (Some(1), Some(2), Some(3), Some(4));
        assert_eq!(
            told,
            [
                one, two, None, three, four, None, two, None, three, None, one, None, one
            ]
        );
    }
}
