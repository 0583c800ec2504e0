//! One ref under lock: write, log and rename, durable at each step.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gix::lock::File as LockFile;
use gix::lock::acquire::Fail;

use super::History;
use super::id::CommitId;
use super::refedit::{Note, RefError};
use crate::fsx::witness::{Change, saw};
use crate::fsx::{self, Context as _, atomic};

/// How long somebody else may hold a ref's lock.
const PATIENCE: Duration = Duration::from_secs(1);

/// A ref (`HEAD` or `refs/…`) that nobody else can change, with git's own lock file. Dropped, it is as before.
pub(super) struct RefLock<'a> {
    history: &'a History,
    name: String,
    file: LockFile,
}

impl<'a> RefLock<'a> {
    pub(super) fn acquire(history: &'a History, name: &str) -> Result<Self, RefError> {
        let path = history.path(name);
        let boundary = if name.starts_with("refs/") {
            history.path("refs")
        } else {
            history.dir().to_owned()
        };
        let patience = Fail::AfterDurationWithBackoff(PATIENCE);
        let file = LockFile::acquire_to_update_resource(&path, patience, Some(boundary), 0).map_err(|error| {
            let kind = error
                .iter_errors()
                .find_map(|e| e.downcast_ref::<io::Error>().map(io::Error::kind));
            match kind {
                Some(io::ErrorKind::AlreadyExists) => RefError::Locked { name: name.to_owned() },
                Some(io::ErrorKind::NotADirectory) => RefError::Occupied {
                    name: name.to_owned(),
                    by: occupant(history, name),
                },
                _ => RefError::write(name, error),
            }
        })?;
        Ok(Self {
            history,
            name: name.to_owned(),
            file,
        })
    }

    /// Makes the lock's content the ref's, after the log line.
    pub(super) fn write(mut self, content: &str, log: Option<LogLine<'_>>) -> Result<(), RefError> {
        let path = self.history.path(&self.name);
        let new = !path.is_file();
        let lock_path = self.file.lock_path().to_owned();
        self.file
            .with_mut(|file| {
                writeln!(file, "{content}")?;
                file.sync_all()
            })
            .at("write", &lock_path)?;
        saw(|| Change::File(lock_path.clone()));
        saw(|| Change::SyncFile(lock_path.clone()));
        if path.is_dir() {
            // Left by refs that are no more; one that is not empty stays, and the rename says so.
            let _ = gix::tempfile::remove_dir::empty_depth_first(path.clone());
        }
        if let Some(line) = log {
            append(self.history, &self.name, &line)?;
        }
        self.file.commit().map_err(|failed| failed.error).at("write", &path)?;
        saw(|| Change::Rename {
            from: lock_path,
            to: path.clone(),
        });
        sync_names(self.history.dir(), &path, new)
    }
}

/// A line of a reflog before it is written.
#[derive(Clone, Copy)]
pub(super) struct LogLine<'a> {
    pub(super) old: Option<CommitId>,
    pub(super) new: CommitId,
    pub(super) note: &'a Note,
}

/// Appends a line to the log of a ref, where git would: to that of `HEAD`, of branches, and of any ref that has one.
pub(super) fn append(history: &History, name: &str, line: &LogLine<'_>) -> Result<(), RefError> {
    let path = history.path("logs").join(name);
    let new = !path.is_file();
    let logged = ["refs/heads/", "refs/remotes/", "refs/notes/"];
    if new && name != "HEAD" && !logged.iter().any(|prefix| name.starts_with(prefix)) {
        return Ok(());
    }
    if path.is_dir() {
        let _ = gix::tempfile::remove_dir::empty_depth_first(path.clone());
    }
    if let Some(parent) = path.parent() {
        fsx::create_dir_all(parent)?;
    }
    let old = line.old.unwrap_or(CommitId::from_bytes([0; 20]));
    let Note { who, time, message } = line.note;
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let tab = if message.is_empty() { "" } else { "\t" };
    let text = format!("{old} {} {who} {time}{tab}{message}\n", line.new);
    let write = || -> io::Result<()> {
        let mut file = std::fs::File::options().append(true).create(true).open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().at("write", &path)?;
    saw(|| Change::File(path.clone()));
    saw(|| Change::SyncFile(path.clone()));
    sync_names(history.dir(), &path, new)
}

/// Makes the name of a file durable; where it is new, also those of the directories above it.
pub(super) fn sync_names(top: &Path, path: &Path, new: bool) -> Result<(), RefError> {
    for dir in path.ancestors().skip(1) {
        atomic::sync_dir(dir)?;
        if !new || dir == top {
            break;
        }
    }
    Ok(())
}

/// The ref that stands where a directory is needed for `name`.
fn occupant(history: &History, name: &str) -> String {
    let path = PathBuf::from(name);
    let above = path.ancestors().skip(1).find(|dir| history.dir().join(dir).is_file());
    above.map_or_else(|| name.to_owned(), |path| path.display().to_string())
}
