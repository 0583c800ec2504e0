//! Moving refs: compare and swap, with a line in the log.

use super::History;
use super::error::{Cause, Error};
use super::id::CommitId;
use super::person::{Person, Time};
use super::reflock::{LogLine, RefLock, append, sync_names};
use super::refname::RefName;
use crate::fsx;
use crate::fsx::witness::{self, saw};

/// Why a ref was not moved.
#[derive(Debug, thiserror::Error)]
pub enum RefError {
    /// The name is not one that git allows.
    #[error("{name:?} is not a valid name: {why}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// Another process is changing the ref, or died while it did.
    #[error("{name} is locked by another process (or by a dead one: {name}.lock)")]
    Locked {
        /// The ref.
        name: String,
    },
    /// The ref is not where it was expected.
    #[error("{name} is at {}, not at {}", at(.actual), at(.expected))]
    Moved {
        /// The ref.
        name: String,
        /// Where it was expected.
        expected: Option<CommitId>,
        /// Where it is.
        actual: Option<CommitId>,
    },
    /// Another ref has a name that begins with this one, or the other way round.
    #[error("{name} cannot exist beside {by}")]
    Occupied {
        /// The ref.
        name: String,
        /// The other.
        by: String,
    },
    /// `HEAD` is on no branch.
    #[error("HEAD is detached: it is on no branch that could move")]
    Detached,
    /// The ref cannot be written.
    #[error("cannot write {name}")]
    Write {
        /// The ref.
        name: String,
        /// The cause.
        source: Cause,
    },
    /// The history cannot be read or written.
    #[error(transparent)]
    History(#[from] Error),
    /// A file of the repository cannot be read or written.
    #[error(transparent)]
    Io(#[from] fsx::Error),
}

fn at(commit: &Option<CommitId>) -> String {
    commit.map_or_else(|| "nothing".to_owned(), |id| id.to_string()[..12].to_owned())
}

impl RefError {
    pub(super) fn write(name: &str, source: impl Into<Cause>) -> Self {
        Self::Write {
            name: name.to_owned(),
            source: source.into(),
        }
    }
}

/// What a ref must be at, so that it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It must not exist.
    Absent,
    /// It must be at this commit.
    Is(CommitId),
    /// Whatever it is at.
    Any,
}

/// Who moves a ref, when and why: a line of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Who.
    pub who: Person,
    /// When.
    pub time: Time,
    /// Why, in one line.
    pub message: String,
}

impl Expected {
    pub(super) fn check(self, name: &str, actual: Option<CommitId>) -> Result<(), RefError> {
        let expected = match self {
            Self::Any => return Ok(()),
            Self::Absent => None,
            Self::Is(id) => Some(id),
        };
        if expected == actual {
            return Ok(());
        }
        Err(RefError::Moved {
            name: name.to_owned(),
            expected,
            actual,
        })
    }
}

impl History {
    /// Moves or makes a ref. The log of `HEAD` gets the line too when `HEAD` is on that branch.
    ///
    /// # Errors
    /// [`RefError::Moved`] when it is not where it was expected; nothing is changed then.
    pub fn set_ref(&self, name: &RefName, new: CommitId, expected: Expected, note: &Note) -> Result<(), RefError> {
        self.commit_info(new)?;
        self.set_ref_to(name, new, new, expected, note)
    }

    /// Brings a ref back to an object it was at: a commit, or the annotation of a tag.
    ///
    /// # Errors
    /// [`RefError::Moved`] when it is not where it was expected; [`Error::Missing`] when the object is gone.
    pub fn restore_ref(
        &self,
        name: &RefName,
        object: CommitId,
        expected: Expected,
        note: &Note,
    ) -> Result<(), RefError> {
        let (commit, _) = self.peel(object.oid())?.ok_or_else(|| Error::Missing {
            kind: "commit",
            id: object.to_string(),
        })?;
        self.set_ref_to(name, object, commit, expected, note)
    }

    /// Moves or makes a ref that is at `object`, which stands for `commit`.
    pub(super) fn set_ref_to(
        &self,
        name: &RefName,
        object: CommitId,
        commit: CommitId,
        expected: Expected,
        note: &Note,
    ) -> Result<(), RefError> {
        let name = name.as_str();
        let head = if self.head_target()?.as_deref() == Some(name) {
            Some(RefLock::acquire(self, "HEAD")?)
        } else {
            None
        };
        let lock = RefLock::acquire(self, name)?;
        let (raw, peeled) = self.read_ref(name)?;
        expected.check(name, peeled)?;
        if raw == Some(object) {
            return Ok(());
        }
        if raw.is_none() {
            self.check_vacant(name)?;
        }
        let line = LogLine {
            old: raw,
            new: object,
            note,
        };
        lock.write(&object.to_string(), Some(line))?;
        if head.is_some() {
            append(self, "HEAD", &LogLine { new: commit, ..line })?;
        }
        Ok(())
    }

    /// Moves the branch that `HEAD` is on, or makes it when it is unborn. Both logs get the line, as with `git commit`.
    ///
    /// # Errors
    /// [`RefError::Detached`], or [`RefError::Moved`] when the branch is not where it was expected.
    pub fn move_branch_head(&self, new: CommitId, expected: Expected, note: &Note) -> Result<(), RefError> {
        let branch = self.head_target()?.ok_or(RefError::Detached)?;
        self.set_ref(&RefName::new(&branch)?, new, expected, note)
    }

    /// Removes a ref with its log. It is no error that an expected-anything ref is not there.
    ///
    /// # Errors
    /// [`RefError::Moved`] when it is not where it was expected; nothing is changed then.
    pub fn delete_ref(&self, name: &RefName, expected: Expected) -> Result<(), RefError> {
        use gix::refs::transaction::{Change, PreviousValue, RefEdit, RefLog};
        let full = name.as_str();
        let (raw, peeled) = self.read_ref(full)?;
        expected.check(full, peeled)?;
        let Some(raw) = raw else { return Ok(()) };
        let edit = RefEdit {
            change: Change::Delete {
                expected: PreviousValue::MustExistAndMatch(gix::refs::Target::Object(raw.oid())),
                log: RefLog::AndReference,
            },
            name: gix::refs::FullName::try_from(full).map_err(|e| RefError::BadName {
                name: full.to_owned(),
                why: e.to_string(),
            })?,
            deref: false,
        };
        self.repo.edit_reference(edit).map_err(|error| {
            if error.is_conflict() || error.is_not_found() {
                let actual = self.read_ref(full).ok().and_then(|(_, peeled)| peeled);
                return RefError::Moved {
                    name: full.to_owned(),
                    expected: peeled,
                    actual,
                };
            }
            if self.path(&format!("{full}.lock")).exists() || self.path("packed-refs.lock").exists() {
                return RefError::Locked { name: full.to_owned() };
            }
            RefError::write(full, error)
        })?;
        // Directories that became empty are gone with the ref; the nearest that is left has lost a name.
        for path in [self.path(full), self.path("logs").join(full), self.path("packed-refs")] {
            if let Some(dir) = path.ancestors().skip(1).find(|dir| dir.is_dir()) {
                let gone = path.ancestors().take_while(|path| *path != dir).last();
                if let Some(gone) = gone.filter(|gone| !gone.exists()) {
                    saw(|| witness::Change::Remove(gone.to_owned()));
                }
                sync_names(self.dir(), &dir.join("gone"), false)?;
            }
        }
        let packed = self.path("packed-refs");
        if packed.is_file() {
            saw(|| witness::Change::File(packed.clone()));
            fsx::atomic::sync_file(&packed)?;
        }
        Ok(())
    }

    /// What a ref is at, and the commit that this stands for.
    pub(super) fn read_ref(&self, name: &str) -> Result<(Option<CommitId>, Option<CommitId>), Error> {
        let found = self.repo.try_find_reference(name).map_err(|e| Error::read(name, e))?;
        let Some(mut found) = found.filter(|found| found.name().as_bstr() == name) else {
            return Ok((None, None));
        };
        let raw = found.follow_to_object().map_err(|e| Error::read(name, e))?.detach();
        let raw = CommitId::from_oid(&raw);
        let peeled = match raw {
            Some(raw) => self.peel(raw.oid())?.map(|(id, _)| id),
            None => None,
        };
        Ok((raw, peeled))
    }

    /// Refuses a new ref that would need a directory where another is, or the other way round.
    fn check_vacant(&self, name: &str) -> Result<(), RefError> {
        let clash = self.ref_names()?.into_iter().find(|other| {
            let (short, long) = if other.len() < name.len() {
                (other.as_str(), name)
            } else {
                (name, other.as_str())
            };
            long.strip_prefix(short).is_some_and(|rest| rest.starts_with('/'))
        });
        match clash {
            Some(by) => Err(RefError::Occupied {
                name: name.to_owned(),
                by,
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{commit_at, history, note};
    use super::*;

    #[test]
    fn a_ref_moves_only_from_where_it_was_expected() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        let b = commit_at(&history, "b", 2, &[a]);
        let name = RefName::branch("x/y").unwrap();
        let set = |new, expected| history.set_ref(&name, new, expected, &note("test"));
        assert!(matches!(
            set(a, Expected::Is(b)),
            Err(RefError::Moved { actual: None, .. })
        ));
        set(a, Expected::Absent).unwrap();
        let refused = set(b, Expected::Absent).unwrap_err();
        assert!(matches!(refused, RefError::Moved { expected: None, actual: Some(id), .. } if id == a));
        assert!(set(b, Expected::Is(b)).is_err());
        assert_eq!(history.read_ref(name.as_str()).unwrap().0, Some(a));
        set(b, Expected::Is(a)).unwrap();
        assert!(history.delete_ref(&name, Expected::Is(a)).is_err());
        history.delete_ref(&name, Expected::Is(b)).unwrap();
        assert_eq!(history.read_ref(name.as_str()).unwrap(), (None, None));
        history.delete_ref(&name, Expected::Any).unwrap();
        assert!(history.reflog(name.as_str()).unwrap().is_empty());
    }

    #[test]
    fn a_held_lock_is_named_and_nothing_moves() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        let name = RefName::branch("main").unwrap();
        let lock = history.path("refs/heads/main.lock");
        std::fs::write(&lock, "").unwrap();
        let error = history.set_ref(&name, a, Expected::Any, &note("x")).unwrap_err();
        assert!(
            matches!(&error, RefError::Locked { name } if name == "refs/heads/main"),
            "{error:?}"
        );
        assert!(lock.exists() && history.read_ref("refs/heads/main").unwrap().0.is_none());
        assert!(!history.path("HEAD.lock").exists());
        std::fs::remove_file(&lock).unwrap();
        history.set_ref(&name, a, Expected::Any, &note("x")).unwrap();
        std::fs::write(&lock, "").unwrap();
        let error = history.delete_ref(&name, Expected::Any).unwrap_err();
        assert!(matches!(error, RefError::Locked { .. }), "{error:?}");
    }

    #[test]
    fn a_ref_and_a_directory_of_refs_cannot_share_a_name() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        let set = |name: &str| history.set_ref(&RefName::branch(name).unwrap(), a, Expected::Absent, &note("x"));
        set("a").unwrap();
        set("b/c").unwrap();
        for clash in ["a/b", "a/b/c", "b"] {
            let error = set(clash).unwrap_err();
            assert!(matches!(error, RefError::Occupied { .. }), "{clash}: {error:?}");
        }
        // The name is free again once those below it are gone.
        history
            .delete_ref(&RefName::branch("b/c").unwrap(), Expected::Is(a))
            .unwrap();
        set("b").unwrap();
    }

    #[test]
    fn a_ref_to_nothing_is_refused() {
        let (_dir, history) = history();
        let name = RefName::branch("main").unwrap();
        let error = history.set_ref(&name, CommitId::from_bytes([9; 20]), Expected::Any, &note("x"));
        assert!(matches!(error, Err(RefError::History(Error::Missing { .. }))));
    }
}
