//! Names of refs, checked once.

use std::fmt;

use super::refedit::RefError;

/// A full ref name (`refs/heads/main`) that `git check-ref-format` accepts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

/// What a ref is for, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefKind {
    /// `refs/heads/…`
    Branch,
    /// `refs/tags/…`
    Tag,
    /// `refs/autosave/…`: a state that was recorded before a checkout.
    Autosave,
    /// `refs/good/N`: a commit that the health check found good, the newest finding with the highest number.
    Good,
    /// `refs/undo/N`: what only undoing operation N leads to.
    Undo,
    /// `refs/remotes/REMOTE/BRANCH`: where a branch of another repository was seen last.
    Remote,
    /// Any other.
    Other,
}

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";
const AUTOSAVES: &str = "refs/autosave/";
pub(super) const GOOD: &str = "refs/good/";
const UNDO: &str = "refs/undo/";
const REMOTES: &str = "refs/remotes/";

impl RefName {
    /// Checks a full name.
    ///
    /// # Errors
    /// [`RefError::BadName`] says what is wrong with it.
    pub fn new(full: &str) -> Result<Self, RefError> {
        let bad = |why: String| RefError::BadName {
            name: full.to_owned(),
            why,
        };
        gix::validate::reference::name(full.into()).map_err(|e| bad(e.to_string()))?;
        if !full.starts_with("refs/") {
            return Err(bad("it does not start with refs/".to_owned()));
        }
        Ok(Self(full.to_owned()))
    }

    /// The branch of this name.
    ///
    /// # Errors
    /// [`RefError::BadName`], also for what git does not take for a branch (`HEAD`, `-x`).
    pub fn branch(name: &str) -> Result<Self, RefError> {
        Self::short(BRANCHES, name)
    }

    /// The tag of this name.
    ///
    /// # Errors
    /// [`RefError::BadName`], also for what git does not take for a tag (`-x`).
    pub fn tag(name: &str) -> Result<Self, RefError> {
        Self::short(TAGS, name)
    }

    /// The autosave of this name.
    ///
    /// # Errors
    /// [`RefError::BadName`].
    pub fn autosave(name: &str) -> Result<Self, RefError> {
        Self::short(AUTOSAVES, name)
    }

    /// The mark of this number on a commit that was found good.
    ///
    /// # Errors
    /// [`RefError::BadName`].
    pub fn good(number: u64) -> Result<Self, RefError> {
        Self::short(GOOD, &number.to_string())
    }

    /// What keeps a state for undoing an operation: `name` is the operation's number, or that and more.
    ///
    /// # Errors
    /// [`RefError::BadName`].
    pub fn undo(name: &str) -> Result<Self, RefError> {
        Self::short(UNDO, name)
    }

    /// Where a branch of a remote was seen last.
    ///
    /// # Errors
    /// [`RefError::BadName`].
    pub fn remote(remote: &str, branch: &str) -> Result<Self, RefError> {
        Self::short(REMOTES, &format!("{remote}/{branch}"))
    }

    fn short(prefix: &str, name: &str) -> Result<Self, RefError> {
        let bad = |why: String| RefError::BadName {
            name: name.to_owned(),
            why,
        };
        if matches!(name, "HEAD" | "@") {
            return Err(bad(format!("{name} has a meaning of its own")));
        }
        if name.starts_with('-') {
            return Err(bad("it starts with a dash".to_owned()));
        }
        Self::new(&format!("{prefix}{name}")).map_err(|error| match error {
            RefError::BadName { why, .. } => bad(why),
            other => other,
        })
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is for.
    pub fn kind(&self) -> RefKind {
        if self.0.starts_with(BRANCHES) {
            RefKind::Branch
        } else if self.0.starts_with(TAGS) {
            RefKind::Tag
        } else if self.0.starts_with(AUTOSAVES) {
            RefKind::Autosave
        } else if self.0.starts_with(GOOD) {
            RefKind::Good
        } else if self.0.starts_with(UNDO) {
            RefKind::Undo
        } else if self.0.starts_with(REMOTES) {
            RefKind::Remote
        } else {
            RefKind::Other
        }
    }

    /// The name for people: `main`, `v1`, `autosave/3`, `origin/main`.
    pub fn short_name(&self) -> &str {
        let name = &self.0;
        [BRANCHES, TAGS, REMOTES, "refs/"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name)
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_refuses_are_refused() {
        let long = [
            "a b", "a..b", "a.lock", "/a", "a/", "a//b", "a~1", "a^", "a:b", ".a", "a.", "", "a@{1}", "\u{7f}",
        ];
        for bad in long.into_iter().chain(["HEAD", "-a"]) {
            let error = RefName::branch(bad).unwrap_err();
            assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
        }
        assert!(RefName::new("HEAD").is_err() && RefName::new("main").is_err());
    }

    #[test]
    fn kinds_and_short_names() {
        let of = |full: &str| {
            let name = RefName::new(full).unwrap();
            (name.kind(), name.short_name().to_owned())
        };
        assert_eq!(of("refs/heads/a/b"), (RefKind::Branch, "a/b".into()));
        assert_eq!(of("refs/tags/v1"), (RefKind::Tag, "v1".into()));
        assert_eq!(of("refs/autosave/3"), (RefKind::Autosave, "autosave/3".into()));
        assert_eq!(of("refs/good/3"), (RefKind::Good, "good/3".into()));
        assert_eq!(of("refs/undo/3-1"), (RefKind::Undo, "undo/3-1".into()));
        assert_eq!(of("refs/remotes/origin/a"), (RefKind::Remote, "origin/a".into()));
        assert_eq!(of("refs/notes/x"), (RefKind::Other, "notes/x".into()));
    }
}
