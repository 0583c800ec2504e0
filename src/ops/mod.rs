//! The verbs, one file each: options in, report out. The only place where the halves of envgit meet.

mod attend;
pub mod audit;
pub mod autosaves;
pub mod blame;
pub mod check;
pub mod checkout;
pub mod clone;
pub mod commit;
pub mod damaged;
mod derived;
pub mod diff;
pub mod doctor;
pub mod env;
pub mod error;
mod explain;
pub mod fetch;
pub mod folders;
pub mod followed;
pub mod gc;
pub mod health;
mod homes;
mod imports;
pub mod init;
pub mod inspect;
mod live;
pub mod log;
mod missing;
mod moved;
mod notes;
pub mod operations;
mod pathspec;
mod pause;
mod pending;
mod pinning;
pub mod pins;
pub mod pull;
pub mod push;
mod record;
pub mod recover;
pub mod reflog;
pub mod refs;
pub mod remotes;
pub mod report;
pub mod rescue;
pub mod restore;
pub mod roots;
pub mod secrets;
mod shell;
mod side;
pub mod signatures;
mod signing;
pub mod standing;
mod survey;
mod texts;
mod trail;
pub mod undo;
pub mod verify;
pub mod why;

use std::ffi::OsString;

pub use error::Error;

use crate::history::{Note, Person, Time};
use crate::progress::Progress;
use crate::repo::Repo;

/// What every operation needs besides its options.
pub struct Session<'a> {
    /// The repository.
    pub repo: Repo,
    /// Who acts.
    pub who: Person,
    /// When.
    pub now: Time,
    /// The environment variables to record from.
    pub env: Vec<(OsString, OsString)>,
    /// Who hears of progress.
    pub progress: &'a dyn Progress,
    /// What is being done, for the lock: `envgit commit`.
    pub purpose: String,
}

impl Session<'_> {
    /// A line for a ref's log.
    fn note(&self, message: impl Into<String>) -> Note {
        Note {
            who: self.who.clone(),
            time: self.now,
            message: message.into(),
        }
    }
}
