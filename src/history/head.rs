//! `HEAD`: where the environment stands.

use super::History;
use super::error::Error;
use super::id::CommitId;
use super::refedit::{Expected, Note, RefError};
use super::reflock::{LogLine, RefLock};
use super::refname::RefName;

/// Where the environment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// On a branch that has no commit yet.
    Unborn {
        /// Its short name.
        branch: String,
    },
    /// On a branch.
    Branch {
        /// Its short name.
        name: String,
        /// The commit it is at.
        commit: CommitId,
    },
    /// At a commit, on no branch.
    Detached {
        /// The commit.
        commit: CommitId,
        /// The name by which it was reached, if the log tells.
        from: Option<String>,
    },
}

impl Head {
    /// The commit it is at.
    pub fn commit(&self) -> Option<CommitId> {
        match self {
            Self::Unborn { .. } => None,
            Self::Branch { commit, .. } | Self::Detached { commit, .. } => Some(*commit),
        }
    }
}

const MOVING: &str = "checkout: moving from ";

/// What the log of HEAD says of a checkout, in git's own words, by which the place is found again.
pub fn moving(from: &str, to: &str) -> String {
    format!("{MOVING}{from} to {to}")
}

impl History {
    /// Where `HEAD` stands.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn head(&self) -> Result<Head, Error> {
        let Some(target) = self.head_target()? else {
            let (_, commit) = self.read_ref("HEAD")?;
            return Ok(Head::Detached {
                commit: commit.ok_or_else(|| Error::damaged("HEAD", "it is at no commit"))?,
                from: self.last_checkout(),
            });
        };
        let name = target.strip_prefix("refs/heads/").unwrap_or(&target).to_owned();
        Ok(match self.read_ref(&target)?.1 {
            Some(commit) => Head::Branch { name, commit },
            None => Head::Unborn { branch: name },
        })
    }

    /// The full name of the ref that `HEAD` is on.
    pub(super) fn head_target(&self) -> Result<Option<String>, Error> {
        let head = self
            .repo
            .try_find_reference("HEAD")
            .map_err(|e| Error::read("HEAD", e))?;
        let head = head.ok_or_else(|| Error::damaged("HEAD", "it is missing"))?;
        let target = head.target();
        Ok(target.try_name().map(|name| name.as_bstr().to_string()))
    }

    /// The branch, tag or commit where HEAD was before the `nth` last checkout, counted from 1: `X` of the line
    /// `checkout: moving from X to Y` of its log, and the commit that it was then.
    pub fn place_before(&self, nth: usize) -> Option<(String, Option<CommitId>)> {
        let mut before = nth.saturating_sub(1);
        self.find_in_log_of_head(|line| {
            let (from, _) = line.message.strip_prefix(MOVING)?.split_once(" to ")?;
            let is_it = before == 0;
            before = before.saturating_sub(1);
            is_it.then(|| (from.to_owned(), line.old))
        })
    }

    /// `Y` of the last `checkout: moving from X to Y`.
    fn last_checkout(&self) -> Option<String> {
        self.find_in_log_of_head(|line| {
            let moved = line.message.strip_prefix(MOVING)?;
            moved.rsplit_once(" to ").map(|(_, to)| to.to_owned())
        })
    }

    /// Puts `HEAD` on a branch, which may be unborn. Its log gets the line unless there is no commit to tell of.
    ///
    /// # Errors
    /// [`RefError::Locked`], or names what cannot be written.
    pub fn attach_head(&self, branch: &RefName, note: &Note) -> Result<(), RefError> {
        let lock = RefLock::acquire(self, "HEAD")?;
        let old = self.read_head_commit()?;
        let new = self.read_ref(branch.as_str())?.1;
        let line = new.map(|new| LogLine { old, new, note });
        lock.write(&format!("ref: {branch}"), line)
    }

    /// Puts `HEAD` at a commit, on no branch.
    ///
    /// # Errors
    /// [`RefError::Locked`], or [`RefError::Moved`] when it was not at the expected commit.
    pub fn detach_head(&self, commit: CommitId, expected: Expected, note: &Note) -> Result<(), RefError> {
        self.commit_info(commit)?;
        let lock = RefLock::acquire(self, "HEAD")?;
        let old = self.read_head_commit()?;
        expected.check("HEAD", old)?;
        let line = LogLine { old, new: commit, note };
        lock.write(&commit.to_string(), Some(line))
    }

    fn read_head_commit(&self) -> Result<Option<CommitId>, Error> {
        match self.head_target()? {
            Some(target) => Ok(self.read_ref(&target)?.1),
            None => Ok(self.read_ref("HEAD")?.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{commit_at, history, note};
    use super::*;

    #[test]
    fn head_goes_through_its_states() {
        let (_dir, history) = history();
        assert_eq!(history.head().unwrap(), Head::Unborn { branch: "main".into() });
        let a = commit_at(&history, "a", 1, &[]);
        history
            .move_branch_head(a, Expected::Absent, &note("commit (initial): a"))
            .unwrap();
        let on_main = Head::Branch {
            name: "main".into(),
            commit: a,
        };
        assert_eq!(history.head().unwrap(), on_main);
        let b = commit_at(&history, "b", 2, &[a]);
        assert!(history.detach_head(b, Expected::Is(b), &note("no")).is_err());
        history
            .detach_head(b, Expected::Is(a), &note("checkout: moving from main to v1"))
            .unwrap();
        let detached = Head::Detached {
            commit: b,
            from: Some("v1".into()),
        };
        assert_eq!(history.head().unwrap(), detached);
        let error = history.move_branch_head(a, Expected::Any, &note("x")).unwrap_err();
        assert!(matches!(error, RefError::Detached));
        let main = RefName::branch("main").unwrap();
        history
            .attach_head(&main, &note("checkout: moving from v1 to main"))
            .unwrap();
        assert_eq!(history.head().unwrap(), on_main);
        let log = history.reflog("HEAD").unwrap();
        let moves: Vec<_> = log.iter().map(|l| (l.old, l.new, l.message.as_str())).collect();
        assert_eq!(
            moves,
            [
                (Some(b), a, "checkout: moving from v1 to main"),
                (Some(a), b, "checkout: moving from main to v1"),
                (None, a, "commit (initial): a"),
            ]
        );
        let new = RefName::branch("new").unwrap();
        history.attach_head(&new, &note("x")).unwrap();
        assert_eq!(history.head().unwrap(), Head::Unborn { branch: "new".into() });
    }
}
