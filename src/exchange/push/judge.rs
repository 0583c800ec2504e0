//! What becomes of each ref at a remote, given where it is there.

use std::collections::BTreeMap;

use crate::exchange::error::Error;
use crate::history::{History, ObjectId, RefKind, RefName};

/// When a ref may go where no later commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Never.
    No,
    /// Always.
    Yes,
    /// If it still is where it was seen last, or is not there.
    IfAt(Option<ObjectId>),
}

/// What is to become of a ref at the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Its full name there: a branch or tag.
    pub name: RefName,
    /// Where it is to be; nothing to remove it.
    pub to: Option<ObjectId>,
    /// Whether it may lose commits.
    pub force: Force,
}

/// Why a ref was not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The remote has commits that are not here.
    Unknown,
    /// The remote has commits that are not in the branch.
    NotForward,
    /// The tag is there and means something else.
    TagExists,
    /// It is not where it was seen last.
    Stale,
}

/// What became of a ref at the remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there already.
    UpToDate,
    /// It was not there.
    New,
    /// It went on to a later commit.
    Forward,
    /// It went elsewhere.
    Forced,
    /// It was removed.
    Removed,
    /// It stays where it was.
    Rejected(Rejection),
}

/// A ref of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Its full name there.
    pub name: RefName,
    /// Where it was.
    pub from: Option<ObjectId>,
    /// Where it was to go.
    pub to: Option<ObjectId>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Pushed {
    /// Whether the ref moves.
    pub fn moves(&self) -> bool {
        !matches!(self.outcome, Outcome::UpToDate | Outcome::Rejected(_))
    }
}

/// What becomes of each ref, given those that are there.
pub(super) fn judge(
    history: &History,
    updates: &[Update],
    there: &BTreeMap<String, ObjectId>,
) -> Result<Vec<Pushed>, Error> {
    let judged = updates.iter().map(|update| {
        let from = there.get(update.name.as_str()).copied();
        Ok(Pushed {
            name: update.name.clone(),
            from,
            to: update.to,
            outcome: outcome(history, update, from)?,
        })
    });
    judged.collect()
}

fn outcome(history: &History, update: &Update, from: Option<ObjectId>) -> Result<Outcome, Error> {
    if from == update.to {
        return Ok(Outcome::UpToDate);
    }
    if let Force::IfAt(expected) = update.force
        && expected != from
    {
        return Ok(Outcome::Rejected(Rejection::Stale));
    }
    let Some(to) = update.to else {
        return Ok(Outcome::Removed);
    };
    let Some(from) = from else {
        return Ok(Outcome::New);
    };
    let rejection = match (update.name.kind(), history.has_object(from)) {
        (RefKind::Tag, _) => Rejection::TagExists,
        (_, false) => Rejection::Unknown,
        (_, true) => match (history.commit_of(from)?, history.commit_of(to)?) {
            (Some(from), Some(to)) if history.is_ancestor(from, to)? => return Ok(Outcome::Forward),
            _ => Rejection::NotForward,
        },
    };
    Ok(match update.force {
        Force::No => Outcome::Rejected(rejection),
        Force::Yes | Force::IfAt(_) => Outcome::Forced,
    })
}
