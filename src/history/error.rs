//! Why the history cannot be read or written.

use std::fmt;
use std::path::PathBuf;

use crate::fsx;

/// What the git library said, without its types.
#[derive(Debug)]
pub struct Cause(Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<gix::Error> for Cause {
    fn from(error: gix::Error) -> Self {
        Self(Box::new(error))
    }
}

impl From<std::io::Error> for Cause {
    fn from(error: std::io::Error) -> Self {
        Self(Box::new(error))
    }
}

/// Why the history cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository can be made there.
    #[error("cannot make a history at {}", .path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: Cause,
    },
    /// There is no repository, or it is not readable.
    #[error("cannot open the history at {}", .path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: Cause,
    },
    /// An object is not there.
    #[error("the history lacks {kind} {id}")]
    Missing {
        /// What was looked for: `commit`, `tree`, `blob`.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// Something is there and cannot be read.
    #[error("cannot read {what} from the history")]
    Read {
        /// The object, ref or log.
        what: String,
        /// The cause.
        source: Cause,
    },
    /// Something was read and makes no sense.
    #[error("{what} in the history is damaged: {why}")]
    Damaged {
        /// The object or log.
        what: String,
        /// What is wrong.
        why: &'static str,
    },
    /// What somebody else sent is not what it must be.
    #[error("{what} is refused: {why}")]
    Refused {
        /// The pack or object.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// New objects cannot be written.
    #[error("cannot write {what} to the history")]
    Write {
        /// What was to be written.
        what: String,
        /// The cause.
        source: Cause,
    },
    /// A path that git trees cannot hold.
    #[error("{path} cannot stand in a git tree: {why}")]
    BadPath {
        /// The path, escaped.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// Two lists say different things about one path.
    #[error("{path} is both a file and a directory")]
    FileAndDirectory {
        /// The path, escaped.
        path: String,
    },
    /// A file of the repository cannot be read or written.
    #[error(transparent)]
    Io(#[from] fsx::Error),
}

impl Error {
    pub(super) fn read(what: impl fmt::Display, source: impl Into<Cause>) -> Self {
        Self::Read {
            what: what.to_string(),
            source: source.into(),
        }
    }

    pub(super) fn write(what: impl fmt::Display, source: impl Into<Cause>) -> Self {
        Self::Write {
            what: what.to_string(),
            source: source.into(),
        }
    }

    pub(super) fn damaged(what: impl fmt::Display, why: &'static str) -> Self {
        Self::Damaged {
            what: what.to_string(),
            why,
        }
    }
}
