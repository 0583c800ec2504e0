//! Why an exchange failed.

use crate::digest::Digest;
use crate::history::{self, RefError};
use crate::{fsx, remote, store};

/// Why an exchange failed. No ref moved, here or there, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The remote does not answer, or refuses.
    #[error(transparent)]
    Remote(#[from] remote::Error),
    /// The history here.
    #[error(transparent)]
    History(#[from] history::Error),
    /// A ref here.
    #[error(transparent)]
    Ref(#[from] RefError),
    /// The layers here.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The file system here.
    #[error(transparent)]
    Io(#[from] fsx::Error),
    /// There is nothing of envgit.
    #[error("there is nothing at {address}")]
    Nothing {
        /// The address.
        address: String,
    },
    /// What the other side has is not what it must be: damage, or somebody's intention.
    #[error("{what} is refused: {why}")]
    Refused {
        /// The object and where it is.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// The log of refs is not the one that was seen before.
    #[error("the refs at {address} are not those that were there before: {why}")]
    Rewritten {
        /// The remote.
        address: String,
        /// What is different.
        why: String,
    },
    /// Contents that no layer at hand holds.
    #[error("{} that the commits need {} in no layer at {place}, such as {}", count(.contents.len()), if .contents.len() == 1 { "is" } else { "are" }, .contents.first().map(Digest::short).unwrap_or_default())]
    Lacking {
        /// Where they were looked for.
        place: String,
        /// The contents.
        contents: Vec<Digest>,
    },
    /// Others keep moving the refs, or one died while it did.
    #[error("the refs at {address} could not be moved: {why}")]
    Busy {
        /// The remote.
        address: String,
        /// What is in the way.
        why: String,
    },
    /// There is too little room.
    #[error("{place} needs {needed} bytes and has {free}")]
    NoSpace {
        /// The directory.
        place: String,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
}

fn count(contents: usize) -> String {
    match contents {
        1 => "1 content".to_owned(),
        count => format!("{count} contents"),
    }
}

impl Error {
    /// An [`Error::Refused`].
    pub(super) fn refused(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Refused {
            what: what.into(),
            why: why.into(),
        }
    }
}
