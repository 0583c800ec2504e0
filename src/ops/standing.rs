//! Where HEAD, branches and tags are: what operations move and `undo` brings back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::digest::Digest;
use crate::history::{CommitId, Head, History, RefKind};

/// Where HEAD is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadAt {
    /// The branch it is on, which may have no commit yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// On no branch: the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
    /// On no branch: the name by which it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl HeadAt {
    /// How people call the place.
    pub fn words(&self, history: &History) -> String {
        let by_name = self.branch.clone().or_else(|| self.name.clone());
        by_name
            .or_else(|| self.commit.map(|commit| history.short(commit)))
            .unwrap_or_default()
    }
}

/// A ref that moved, came (from nothing) or went (to nothing).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefMove {
    /// Its full name.
    pub name: String,
    /// The object it was at.
    pub from: Option<CommitId>,
    /// The object it is at.
    pub to: Option<CommitId>,
}

/// HEAD from one place to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadMove {
    /// Where it was.
    pub from: HeadAt,
    /// Where it is.
    pub to: HeadAt,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) head: HeadAt,
    /// The objects of branches and tags by full name.
    pub(super) refs: BTreeMap<String, CommitId>,
}

impl Standing {
    /// That of a history in which nothing happened.
    pub(super) fn initial() -> Self {
        Self {
            head: HeadAt {
                branch: Some(crate::history::FIRST_BRANCH.to_owned()),
                commit: None,
                name: None,
            },
            refs: BTreeMap::new(),
        }
    }

    pub(super) fn of(history: &History) -> Result<Self, Error> {
        let head = match history.head()? {
            Head::Unborn { branch } | Head::Branch { name: branch, .. } => HeadAt {
                branch: Some(branch),
                commit: None,
                name: None,
            },
            Head::Detached { commit, from } => HeadAt {
                branch: None,
                commit: Some(commit),
                name: from,
            },
        };
        let refs = history.refs()?.into_iter();
        let moved_by_people = refs.filter(|known| matches!(known.kind(), RefKind::Branch | RefKind::Tag));
        Ok(Self {
            head,
            refs: moved_by_people
                .map(|known| (known.name.as_str().to_owned(), known.object))
                .collect(),
        })
    }

    /// What tells it from others. The name by which a commit was reached is no part of it.
    pub(super) fn digest(&self) -> Digest {
        let head = match (&self.head.branch, self.head.commit) {
            (Some(branch), _) => format!("ref: refs/heads/{branch}"),
            (None, Some(commit)) => commit.to_string(),
            (None, None) => String::new(),
        };
        let refs = self.refs.iter().map(|(name, object)| format!("{object} {name}\n"));
        Digest::of(format!("{head}\n{}", refs.collect::<String>()).as_bytes())
    }

    /// What leads from this one to a later one.
    pub(super) fn moves_to(&self, later: &Self) -> (Option<HeadMove>, Vec<RefMove>) {
        let place = |head: &HeadAt| (head.branch.clone(), head.commit);
        let head = (place(&self.head) != place(&later.head)).then(|| HeadMove {
            from: self.head.clone(),
            to: later.head.clone(),
        });
        let names: std::collections::BTreeSet<&String> = self.refs.keys().chain(later.refs.keys()).collect();
        let moves = names.into_iter().map(|name| RefMove {
            name: name.clone(),
            from: self.refs.get(name).copied(),
            to: later.refs.get(name).copied(),
        });
        (head, moves.filter(|found| found.from != found.to).collect())
    }

    /// The same after these moves.
    pub(super) fn advance(&mut self, head: Option<&HeadMove>, refs: &[RefMove]) {
        if let Some(head) = head {
            self.head = head.to.clone();
        }
        for moved in refs {
            match moved.to {
                Some(object) => self.refs.insert(moved.name.clone(), object),
                None => self.refs.remove(&moved.name),
            };
        }
    }
}
