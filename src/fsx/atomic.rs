//! Files that appear whole or not at all, and are durable when the call returns.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags};
use tempfile::NamedTempFile;

use super::witness::{Change, saw};
use super::{Context, Error};

/// Writes a file beside its destination, syncs it, renames it into place and syncs the directory.
///
/// # Errors
/// Names the path; nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut draft = Draft::create(path)?;
    draft.file().write_all(bytes).at("write", path)?;
    draft.publish(path)
}

/// Writes a file that may be lost or old after a power cut, but is never torn. For caches.
///
/// # Errors
/// Names the path; nothing is left behind.
pub fn write_cache(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut draft = Draft::create(path)?;
    draft.file().write_all(bytes).at("write", path)?;
    saw(|| Change::File(draft.path().to_owned()));
    draft.persist(path)
}

/// A file being written under a name of its own; dropped, it is removed.
#[must_use]
pub struct Draft(NamedTempFile);

impl Draft {
    /// Starts a file in the directory of `destination`.
    ///
    /// # Errors
    /// Names the destination.
    pub fn create(destination: &Path) -> Result<Self, Error> {
        let dir = parent(destination);
        tempfile::Builder::new()
            .prefix(".draft-")
            .tempfile_in(dir)
            .map(Self)
            .at("create a file in", dir)
    }

    /// The open file.
    pub fn file(&mut self) -> &mut File {
        self.0.as_file_mut()
    }

    /// Where the file is while it is written.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Syncs the file, gives it its name and syncs the directory.
    ///
    /// # Errors
    /// Names the destination; the draft is removed.
    pub fn publish(self, destination: &Path) -> Result<(), Error> {
        self.complete(destination)?;
        self.persist(destination)?;
        sync_dir(parent(destination))
    }

    /// The same, unless something has that name already: of several who try at once one succeeds. Returns whether the
    /// name was free.
    ///
    /// # Errors
    /// Names the destination, also when the file system has neither hard links nor a rename that replaces nothing; the
    /// draft is removed.
    pub fn publish_new(self, destination: &Path) -> Result<bool, Error> {
        self.complete(destination)?;
        let from = self.path().to_owned();
        let linked = std::fs::hard_link(&from, destination);
        // Over NFS a link that was made can be reported as one that was there, when the answer was lost and asked for
        // again: the number of names tells.
        if linked.is_ok() || self.0.as_file().metadata().is_ok_and(|meta| meta.nlink() == 2) {
            saw(|| Change::Link {
                from,
                to: destination.to_owned(),
            });
            sync_dir(parent(destination))?;
            return Ok(true);
        }
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) if !has_no_links(&error) => Err(error).at("create", destination),
            _ => self.rename_new(destination),
        }
    }

    fn rename_new(self, destination: &Path) -> Result<bool, Error> {
        let from = self.path().to_owned();
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(CWD, &from, CWD, destination, flags) {
            Err(rustix::io::Errno::EXIST) => return Ok(false),
            renamed => renamed.at("create", destination)?,
        }
        saw(|| Change::Rename {
            from,
            to: destination.to_owned(),
        });
        sync_dir(parent(destination))?;
        Ok(true)
    }

    /// Makes the content durable.
    fn complete(&self, destination: &Path) -> Result<(), Error> {
        self.0.as_file().sync_all().at("sync", destination)?;
        // Made private by tempfile; what is published follows the umask as any other file does.
        let mode = 0o666 & !umask();
        set_mode(self.0.as_file(), mode).at("set the mode of", destination)?;
        saw(|| Change::File(self.path().to_owned()));
        saw(|| Change::SyncFile(self.path().to_owned()));
        Ok(())
    }

    fn persist(self, destination: &Path) -> Result<(), Error> {
        let from = self.path().to_owned();
        let renamed = self.0.persist(destination).map_err(|e| e.error);
        renamed.at("write", destination)?;
        saw(|| Change::Rename {
            from,
            to: destination.to_owned(),
        });
        Ok(())
    }
}

/// Whether the file system, not the place, refused a hard link.
fn has_no_links(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    matches!(
        errno,
        Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK)
    )
}

fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// The umask, read without changing it for other threads.
fn umask() -> u32 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find_map(|l| l.strip_prefix("Umask:"))?;
            u32::from_str_radix(line.trim(), 8).ok()
        })
        .unwrap_or(0o022)
}

/// Makes the names in a directory durable.
///
/// # Errors
/// Names the directory.
pub fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|f| f.sync_all()).at("sync", dir)?;
    saw(|| Change::SyncDir(dir.to_owned()));
    Ok(())
}

/// Makes an existing file durable.
///
/// # Errors
/// Names the file.
pub fn sync_file(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|f| f.sync_all()).at("sync", path)?;
    saw(|| Change::SyncFile(path.to_owned()));
    Ok(())
}

/// Makes all that was written to the file system of `path` durable.
///
/// # Errors
/// Names the path.
pub fn sync_file_system(path: &Path) -> Result<(), Error> {
    let dir = File::open(path).at("open", path)?;
    rustix::fs::syncfs(&dir).at("sync the file system of", path)?;
    saw(|| Change::SyncAll(path.to_owned()));
    Ok(())
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Removes drafts that a crash left in `dir`. Only for directories whose lock the caller holds.
///
/// # Errors
/// Names what could not be read or removed.
pub fn remove_stale_drafts(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    remove_old_drafts(dir, Duration::ZERO)
}

/// Removes drafts that nobody has written to for `age`. For directories in which others write without a lock.
///
/// # Errors
/// Names what could not be read or removed.
pub fn remove_old_drafts(dir: &Path, age: Duration) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    for entry in std::fs::read_dir(dir).at("list", dir)? {
        let entry = entry.at("list", dir)?;
        let path = entry.path();
        let is_draft = entry.file_name().as_encoded_bytes().starts_with(b".draft-");
        if !is_draft || !is_older(&path, age) {
            continue;
        }
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let gone = if is_dir {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        gone.at("remove", &path)?;
        removed.push(path);
    }
    Ok(removed)
}

fn is_older(path: &Path, age: Duration) -> bool {
    let written = std::fs::symlink_metadata(path).and_then(|meta| meta.modified());
    age.is_zero() || written.is_ok_and(|written| written.elapsed().is_ok_and(|since| since >= age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_draft_leaves_nothing_and_a_failed_write_keeps_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write(&path, b"one").unwrap();
        let mut draft = Draft::create(&path).unwrap();
        draft.file().write_all(b"half").unwrap();
        drop(draft);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        write(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn a_new_file_never_replaces_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let draft = |text: &[u8]| {
            let mut draft = Draft::create(&path).unwrap();
            draft.file().write_all(text).unwrap();
            draft
        };
        assert!(draft(b"one").publish_new(&path).unwrap());
        assert!(!draft(b"two").publish_new(&path).unwrap());
        // As on a file system without hard links.
        assert!(!draft(b"two").rename_new(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        std::fs::remove_file(&path).unwrap();
        assert!(draft(b"three").rename_new(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn errors_name_the_path() {
        let error = write(Path::new("/nonexistent/x"), b"").unwrap_err();
        assert!(error.to_string().contains("/nonexistent"), "{error}");
    }
}
