//! Advisory locks: one file per resource, dropped by the kernel when its holder dies.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Context, Error as IoError};

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else holds it.
    #[error("{} is locked by {holder}", .path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote of itself.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// A held lock.
#[derive(Debug)]
#[must_use]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits up to `patience` for the lock at `path`, then writes `purpose` and the process id into it for others.
    ///
    /// # Errors
    /// [`Error::Held`] names the holder after the wait.
    pub fn acquire(path: &Path, purpose: &str, patience: Duration) -> Result<Self, Error> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .at("open the lock", path)?;
        let give_up = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < give_up => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    let _ = file.read_to_string(&mut holder);
                    return Err(Error::Held {
                        path: path.to_owned(),
                        holder: match holder.trim() {
                            "" => "another process".to_owned(),
                            holder => holder.to_owned(),
                        },
                    });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(Err::<(), _>(error).at("lock", path).unwrap_err().into());
                }
            }
        }
        let note = format!("{purpose} (process {})\n", std::process::id());
        file.rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| file.write_all(note.as_bytes()))
            .at("write the lock", path)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_learns_who_holds_it_and_gets_it_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::acquire(&path, "envgit commit", Duration::ZERO).unwrap();
        let error = Lock::acquire(&path, "envgit status", Duration::from_millis(30)).unwrap_err();
        let expected = format!("envgit commit (process {})", std::process::id());
        assert!(error.to_string().ends_with(&expected), "{error}");
        drop(held);
        let _again = Lock::acquire(&path, "envgit status", Duration::ZERO).unwrap();
    }
}
