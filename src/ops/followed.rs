//! Which branches of remotes the branches here follow. The configuration says so; operations change it, and `undo`
//! brings it back with the branches.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Session;
use super::error::Error;
use crate::config::{Config, Editor, Upstream};

/// A branch that began or ceased to follow another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamMove {
    /// The branch here, by short name.
    pub branch: String,
    /// What it followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Upstream>,
    /// What it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Upstream>,
}

impl UpstreamMove {
    /// The way back.
    pub(super) fn turned(&self) -> Self {
        Self {
            branch: self.branch.clone(),
            from: self.to.clone(),
            to: self.from.clone(),
        }
    }
}

/// What each branch follows.
#[derive(Debug)]
pub(super) struct Followed(BTreeMap<String, Upstream>);

impl Followed {
    /// As the configuration has it at this moment: an operation may have changed it.
    pub(super) fn of(session: &Session<'_>) -> Result<Self, Error> {
        Ok(Self(Config::load(&session.repo.config_path())?.upstreams))
    }

    pub(super) fn moves_to(&self, after: &Self) -> Vec<UpstreamMove> {
        let branches: BTreeSet<&String> = self.0.keys().chain(after.0.keys()).collect();
        let moves = branches.into_iter().map(|branch| UpstreamMove {
            branch: branch.clone(),
            from: self.0.get(branch).cloned(),
            to: after.0.get(branch).cloned(),
        });
        moves.filter(|moved| moved.from != moved.to).collect()
    }

    /// Lets each branch follow what it is said to follow now. A remote that is gone is followed no more.
    pub(super) fn change(session: &Session<'_>, moves: &[UpstreamMove]) -> Result<(), Error> {
        if moves.is_empty() {
            return Ok(());
        }
        let mut editor = Editor::open(&session.repo.config_path())?;
        for moved in moves {
            let known = |upstream: &&Upstream| editor.config().remote(&upstream.remote).is_some();
            match moved.to.as_ref().filter(known) {
                Some(upstream) => editor.set_upstream(&moved.branch, upstream)?,
                None => editor.remove_upstream(&moved.branch)?,
            }
        }
        Ok(editor.save()?)
    }

    /// What follows when a branch is gone, or is called `new` from now on.
    pub(super) fn rename(session: &Session<'_>, old: &str, new: Option<&str>) -> Result<(), Error> {
        let mut editor = Editor::open(&session.repo.config_path())?;
        let Some(upstream) = editor.config().upstream(old).cloned() else {
            return Ok(());
        };
        editor.remove_upstream(old)?;
        if let Some(new) = new {
            editor.set_upstream(new, &upstream)?;
        }
        Ok(editor.save()?)
    }
}
