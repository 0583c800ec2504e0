//! Opening directories beneath a root, whatever symlinks stand in the way: never through one.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::fsx::{Context, Error};
use crate::snapshot::path::RelPath;

const DIR: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A root with the directories opened last, so that sorted paths cost one `open` a directory.
pub(super) struct Beneath {
    path: PathBuf,
    root: OwnedFd,
    open: Vec<(Vec<u8>, OwnedFd)>,
}

impl Beneath {
    /// Opens the root itself, which may be named through a symlink.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            root: rustix::fs::open(path, flags, Mode::empty()).at("open", path)?,
            path: path.to_owned(),
            open: Vec::new(),
        })
    }

    /// The directory that holds `path`, and the last component of `path`.
    ///
    /// # Errors
    /// When an ancestor is not a plain directory.
    pub(super) fn parent<'p>(&mut self, path: &'p RelPath) -> Result<(&OwnedFd, &'p [u8]), Error> {
        let dir = path.parent().unwrap_or_default();
        let components: Vec<&[u8]> = dir.split(|b| *b == b'/').filter(|c| !c.is_empty()).collect();
        let common = self
            .open
            .iter()
            .zip(&components)
            .take_while(|((name, _), component)| name == *component)
            .count();
        self.open.truncate(common);
        for component in &components[common..] {
            let at = self.open.last().map_or(&self.root, |(_, fd)| fd);
            let fd = rustix::fs::openat(at, *component, DIR, Mode::empty())
                .at("open the directory of", path.under(&self.path))?;
            self.open.push((component.to_vec(), fd));
        }
        Ok((self.open.last().map_or(&self.root, |(_, fd)| fd), path.file_name()))
    }

    /// Forgets open directories, after directories were removed or made.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }

    /// The full path, for messages.
    pub(super) fn full(&self, path: &RelPath) -> PathBuf {
        path.under(&self.path)
    }
}
