//! A directory, on this machine or on a mounted share: each object is a file.
//!
//! An object is written under a name that no key can have, synced and then given its own, so that readers on the same
//! share see it whole or not at all, and what a crash left behind is no object.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use super::body::{Body, Measured};
use super::{Abilities, Error, Key, Listed, Transport};
use crate::fsx::{self, Context, atomic};

/// As long as nobody wrote to a draft, it is taken for one that a crash left.
const STALE: Duration = Duration::from_secs(7 * 24 * 3600);

/// How much of an object is held in memory while it is copied.
const BUFFER: usize = 256 * 1024;

/// A directory of objects. It is made with the first object, but the directory above it must be there: a share that is
/// not mounted is noticed, not written over.
pub struct Directory {
    root: PathBuf,
    address: String,
    can_write: bool,
    /// Folders that were cleared of stale drafts.
    tidy: Mutex<BTreeSet<PathBuf>>,
}

impl Directory {
    /// The directory at a path, whether it is there or not.
    pub fn new(root: PathBuf) -> Self {
        let refused = match rustix::fs::access(&root, rustix::fs::Access::WRITE_OK) {
            Err(error) => matches!(error, rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS),
            Ok(()) => false,
        };
        Self {
            address: root.display().to_string(),
            can_write: !refused,
            root,
            tidy: Mutex::new(BTreeSet::new()),
        }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Makes the folders above an object, durable, and clears them once of what crashes left.
    fn prepare(&self, path: &Path) -> Result<(), fsx::Error> {
        let folder = path.parent().unwrap_or(&self.root);
        self.make(folder)?;
        let is_new = self.tidy.lock().is_ok_and(|mut tidy| tidy.insert(folder.to_owned()));
        if is_new {
            // Another may be doing the same.
            let _ = atomic::remove_old_drafts(folder, STALE);
        }
        Ok(())
    }

    fn make(&self, folder: &Path) -> Result<(), fsx::Error> {
        if folder.is_dir() {
            return Ok(());
        }
        let above = folder.parent().unwrap_or(folder);
        if folder != self.root {
            self.make(above)?;
        }
        match fsx::create_dir(folder) {
            Err(error) if error.source.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => atomic::sync_dir(above),
        }
    }

    /// A file with the content of an object that is about to be published.
    fn draft(&self, path: &Path, body: &dyn Body) -> Result<atomic::Draft, Problem> {
        self.prepare(path)?;
        let mut draft = atomic::Draft::create(path)?;
        let mut body = Measured::open(body).map_err(Problem::Local)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            let n = body.fill(&mut buffer).map_err(Problem::Local)?;
            if n == 0 {
                return Ok(draft);
            }
            draft.file().write_all(&buffer[..n]).at("write", path)?;
        }
    }

    fn write(&self, key: &Key, body: &dyn Body) -> Result<(), Error> {
        let path = self.path(key);
        self.draft(&path, body)
            .and_then(|draft| Ok(draft.publish(&path)?))
            .map_err(|problem| self.error("write", key.as_str(), problem))
    }

    fn open(&self, key: &Key) -> Result<File, Error> {
        File::open(self.path(key)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.absent(key),
            _ => self.error("read", key.as_str(), error),
        })
    }

    fn absent(&self, key: &Key) -> Error {
        Error::Absent {
            key: key.to_string(),
            remote: self.address.clone(),
        }
    }

    fn error(&self, action: &'static str, key: &str, problem: impl Into<Problem>) -> Error {
        let source = match problem.into() {
            Problem::Local(error) => return Error::Local(error),
            Problem::Remote(source) => source,
        };
        let remote = self.address.clone();
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => Error::ReadOnly { remote },
            io::ErrorKind::PermissionDenied => Error::Denied {
                remote,
                problem: format!("this user may not {action} {key} there"),
            },
            io::ErrorKind::NotFound if action == "write" => Error::NoPlace {
                what: "directory above it (is the share mounted?)".to_owned(),
                remote,
            },
            _ => Error::failed(action, key, &remote, source),
        }
    }

    /// Adds the objects of a folder, and of those below it.
    fn gather(&self, folder: &str, found: &mut Vec<Listed>) -> io::Result<()> {
        let entries = match std::fs::read_dir(self.root.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            // What is no key is no object: drafts, and what others put here.
            let Some(key) = name.to_str().and_then(|name| Key::new(&format!("{folder}/{name}"))) else {
                continue;
            };
            // A link is as good as what it leads to, and what went meanwhile is not listed.
            match std::fs::metadata(entry.path()) {
                Ok(meta) if meta.is_dir() => self.gather(key.as_str(), found)?,
                Ok(meta) if meta.is_file() => found.push(Listed { key, size: meta.len() }),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Transport for Directory {
    fn address(&self) -> &str {
        &self.address
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            write: self.can_write,
            create: self.can_write,
            replace: self.can_write,
            list: true,
        }
    }

    fn size(&self, key: &Key) -> Result<Option<u64>, Error> {
        match std::fs::metadata(self.path(key)) {
            Ok(meta) => Ok(meta.is_file().then_some(meta.len())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(self.error("read", key.as_str(), error)),
        }
    }

    fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let file = self.open(key)?;
        let mut bytes = vec![0; super::part_len(&range)?];
        file.read_exact_at(&mut bytes, range.start)
            .map_err(|error| self.error("read", key.as_str(), error))?;
        Ok(bytes)
    }

    fn stream(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, Error> {
        let failed = |error: io::Error| self.error("read", key.as_str(), error);
        let mut file = self.open(key)?;
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let mut buffer = vec![0; BUFFER];
        let mut sum = 0;
        loop {
            let n = match file.read(&mut buffer) {
                Ok(0) => return Ok(sum),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(failed)?,
            };
            out.write_all(&buffer[..n])?;
            sum += n as u64;
        }
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Listed>, Error> {
        let mut found = Vec::new();
        self.gather(prefix.as_str(), &mut found)
            .map_err(|error| self.error("list", prefix.as_str(), error))?;
        found.sort();
        Ok(found)
    }

    fn put(&self, key: &Key, body: &dyn Body) -> Result<(), Error> {
        if self.size(key)? == Some(body.len()) {
            return Ok(());
        }
        self.write(key, body)
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<bool, Error> {
        let path = self.path(key);
        self.draft(&path, &bytes)
            .and_then(|draft| Ok(draft.publish_new(&path)?))
            .map_err(|problem| self.error("write", key.as_str(), problem))
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        self.write(key, &bytes)
    }

    fn remove(&self, key: &Key) -> Result<(), Error> {
        let path = self.path(key);
        match fsx::remove_file(&path) {
            Err(error) if error.is_not_found() => Ok(()),
            removed => removed.map_err(|error| self.error("remove", key.as_str(), error)),
        }
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.path(key))
    }
}

/// Which side a write failed on.
enum Problem {
    /// What is to be written could not be read.
    Local(io::Error),
    /// The directory refused.
    Remote(io::Error),
}

impl From<fsx::Error> for Problem {
    fn from(error: fsx::Error) -> Self {
        Self::Remote(error.source)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Remote(error)
    }
}
