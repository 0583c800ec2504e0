//! Why an operation failed.

use std::path::PathBuf;

use crate::history::{self, RefError, RevisionError};
use crate::snapshot::content::FetchError;
use crate::snapshot::finding::thousands;
use crate::{capture, config, exchange, fsx, registry, repo, store};

/// Why an operation failed. The state is as before unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository.
    #[error(transparent)]
    Repo(#[from] repo::Error),
    /// A revision.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// A ref.
    #[error(transparent)]
    Ref(#[from] RefError),
    /// The history.
    #[error(transparent)]
    History(#[from] history::Error),
    /// The layers.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A root cannot be captured.
    #[error(transparent)]
    Capture(#[from] capture::scan::Error),
    /// The settings.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The registry of repositories.
    #[error(transparent)]
    Registry(#[from] registry::Error),
    /// Another repository.
    #[error(transparent)]
    Exchange(#[from] exchange::Error),
    /// The file system.
    #[error(transparent)]
    Io(#[from] fsx::Error),
    /// Files that cannot be read, or that never hold still.
    #[error("{} cannot be read: {}", crate::ops::error::files(.0.len()), .0.join("; "))]
    Unreadable(Vec<String>),
    /// The same, where the state before a checkout would be lost.
    #[error("{} cannot be read, so what is there could not be saved before it goes: {}", crate::ops::error::files(.0.len()), .0.join("; "))]
    Unsaved(Vec<String>),
    /// The project folder was moved, and files name where it was.
    #[error("this folder was {} before, and {} still name that, such as {}", .before.display(), crate::ops::error::files(.paths.len()), .paths.first().map_or("", String::as_str))]
    Moved {
        /// Where it was.
        before: std::path::PathBuf,
        /// The files.
        paths: Vec<String>,
    },
    /// An inventory says something that makes no sense.
    #[error("the inventory of {commit} is damaged: {what}")]
    Inventory {
        /// The commit.
        commit: String,
        /// What is wrong.
        what: String,
    },
    /// Something is damaged, so that nothing may be removed.
    #[error("nothing is removed from a damaged repository: {0}")]
    Damaged(String),
    /// Content of a commit that the layers no longer give.
    #[error("{reason}; needed for {}", .paths.join(", "))]
    Lost {
        /// The paths that need it, at most ten named.
        paths: Vec<String>,
        /// What is wrong with the layer.
        reason: String,
    },
    /// A checkout ended, but the live state is not what was asked for.
    #[error("the live state is not equal to {target}: {}: {}", crate::ops::error::differ(.paths.len()), .paths.iter().take(10).cloned().collect::<Vec<_>>().join(", "))]
    NotEqual {
        /// The commit.
        target: String,
        /// The paths that differ.
        paths: Vec<String>,
    },
    /// A swap that could be neither finished nor taken back. The next command finishes it.
    #[error("{error}: {}; the change is half-way and could not be put back", .error.source)]
    HalfWay {
        /// What the file system refused.
        error: fsx::Error,
        /// What takes the cause away.
        remedy: String,
    },
    /// Something that no commit holds stands where a file must go.
    #[error("{} would be overwritten, and envgit does not record what is there: {}", crate::ops::error::files(.paths.len()), .paths.iter().take(10).cloned().collect::<Vec<_>>().join(", "))]
    InTheWay {
        /// The paths.
        paths: Vec<String>,
    },
    /// There is too little room.
    #[error("{} needs {} MiB, with what should stay free, and has {} MiB", .path.display(), .needed.div_ceil(1 << 20), .free >> 20)]
    NoSpace {
        /// A directory of the file system.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// No root has that name.
    #[error("there is no root {name:?}; the roots are {}", .known.join(", "))]
    NoSuchRoot {
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No commit and no root has a package of that name.
    #[error("no package {name:?} is recorded, and none is there")]
    NoSuchPackage {
        /// The name as given.
        name: String,
        /// Names of packages that look like it.
        near: Vec<String>,
    },
    /// No path of the state matches.
    #[error("{path:?} matches nothing in {state}")]
    NoSuchPath {
        /// The path as given.
        path: String,
        /// The state.
        state: String,
    },
    /// Processes use files that would be replaced or removed.
    #[error("files that would be replaced or removed are in use:{}", .processes.iter().map(|process| format!("\n  {process}")).collect::<String>())]
    InUse {
        /// The processes, a line each.
        processes: Vec<String>,
    },
    /// A command of the user failed.
    #[error(transparent)]
    Service(#[from] crate::service::Failure),
    /// A signature cannot be made or checked.
    #[error(transparent)]
    Signing(crate::service::Failure),
    /// Commits or tags without a good signature of an allowed key.
    #[error("not signed by an allowed key:{}", .what.iter().map(|what| format!("\n  {what}")).collect::<String>())]
    Untrusted {
        /// Each with its reason.
        what: Vec<String>,
    },
    /// Commits that are about to be pushed hold secrets.
    #[error("{} in what would be pushed:{}", crate::ops::error::secrets(.0.len()), .0.iter().map(|found| format!("\n  {found}")).collect::<String>())]
    Secrets(Vec<crate::ops::secrets::SecretFinding>),
    /// A reason is demanded and none was given.
    #[error("audit.require_reason is set, and no reason was given")]
    NoReason,
    /// The user said no.
    #[error("stopped; nothing was changed")]
    Declined,
    /// What was asked for makes no sense in this state.
    #[error("{what}")]
    Refused {
        /// What and why.
        what: String,
        /// What to do instead.
        hint: Option<String>,
    },
}

impl Error {
    /// An [`Error::Refused`].
    pub fn refused(what: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        Self::Refused {
            what: what.into(),
            hint: (!hint.is_empty()).then_some(hint),
        }
    }
}

impl From<FetchError> for Error {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Sink(error) => error.into(),
            FetchError::Closed(error) => match error.downcast::<crate::repo::Error>() {
                Ok(error) => (*error).into(),
                Err(error) => Self::refused(error.to_string(), ""),
            },
            FetchError::Lost { lost, reason } => Self::Lost {
                paths: lost
                    .iter()
                    .map(|digest| format!("content {}", digest.short()))
                    .collect(),
                reason,
            },
        }
    }
}

/// `1 file`, `12 files`.
pub(crate) fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{} files", thousands(count as u64)),
    }
}

/// `1 file differs`, `12 files differ`.
fn differ(count: usize) -> String {
    format!("{} differ{}", files(count), if count == 1 { "s" } else { "" })
}

/// `1 secret`, `12 secrets`.
pub(crate) fn secrets(count: usize) -> String {
    match count {
        1 => "1 secret".to_owned(),
        count => format!("{} secrets", thousands(count as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_many_are_told_as_such() {
        let paths = |count| vec!["env:a".to_owned(); count];
        let not_equal = |count| Error::NotEqual {
            target: "v1".to_owned(),
            paths: paths(count),
        };
        assert!(not_equal(1).to_string().ends_with(": 1 file differs: env:a"));
        assert!(not_equal(1234).to_string().contains(": 1,234 files differ: env:a, "));
        let lost = Error::Lost {
            paths: paths(1),
            reason: store::NOT_HERE.to_owned(),
        };
        assert_eq!(lost.to_string(), "no layer at hand holds the content; needed for env:a");
    }
}
