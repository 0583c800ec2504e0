//! The variables of the shell in which envgit runs, and what is remembered of it.
//!
//! `shell.json` belongs to this place and is part of no commit.

use std::path::PathBuf;

use super::Session;
use super::error::Error;
use super::homes::Homes;
use super::side::vars_of;
use crate::capture::activation::Activation;
use crate::capture::variables;
use crate::compare;
use crate::compare::vars::{Remembered, carried};
use crate::config::Config;
use crate::fsx::{self, atomic};
use crate::history::CommitId;
use crate::repo::Repo;
use crate::snapshot::facts::Vars;

/// The variables as they are recorded.
pub(super) fn vars(config: &Config, homes: &Homes, env: &[(std::ffi::OsString, std::ffi::OsString)]) -> Vars {
    variables::collect(env, &config.vars, &activation(config, env), &homes.paths(config))
}

/// What is active in the shell.
pub(super) fn activation(config: &Config, env: &[(std::ffi::OsString, std::ffi::OsString)]) -> Activation {
    let envs = config.roots.iter().filter(|root| root.kind.holds_packages());
    Activation::of(env, envs.map(|root| root.path.as_path()))
}

/// What of a shell stands for something recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct StandIns {
    recorded: Vars,
    remembered: Remembered,
}

impl StandIns {
    /// Those for what a commit recorded.
    pub(super) fn of(repo: &Repo, head: Option<CommitId>) -> Self {
        let remembered = load(repo);
        // What is damaged in a commit is told by whoever reads all of it.
        let recorded = head
            .filter(|_| !remembered.is_empty())
            .and_then(|head| vars_of(repo.history(), head).ok());
        Self {
            remembered,
            recorded: recorded.unwrap_or_default(),
        }
    }

    /// The variables of a shell as the next commit records them.
    pub(super) fn put_in(&self, shell: Vars) -> Vars {
        match self.remembered.is_empty() {
            true => shell,
            false => carried(&self.recorded, &shell, &self.remembered),
        }
    }
}

fn file(repo: &Repo) -> PathBuf {
    repo.dir().join("shell.json")
}

/// What is remembered. Of a file that makes no sense nothing is taken: differences are told then.
fn load(repo: &Repo) -> Remembered {
    let text = fsx::read_if_present(&file(repo)).ok().flatten();
    text.and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

fn save(repo: &Repo, remembered: &Remembered) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(remembered).unwrap_or_default();
    text.push(b'\n');
    Ok(atomic::write(&file(repo), &text)?)
}

/// Whether a variable has another value here than was recorded elsewhere.
pub(super) fn is_of_here(repo: &Repo, name: &str) -> bool {
    load(repo).contains_key(name)
}

/// Remembers the shell before a commit that was made elsewhere comes, and names the variables that the commit brings and
/// the shell has otherwise. A commit that then does not come changes nothing of what is told.
///
/// # Errors
/// A commit that cannot be read; a file that cannot be written.
pub(super) fn remember(session: &Session<'_>, commit: CommitId) -> Result<Vec<String>, Error> {
    let (repo, history) = (&session.repo, session.repo.history());
    let head = history.head()?.commit();
    let homes = Homes::of(session, head.into_iter().chain([commit]));
    let shell = vars(repo.config(), &homes, &session.env);
    let to = vars_of(history, commit)?;
    let from = head.map(|head| vars_of(history, head)).transpose()?;
    let known = load(repo);
    let remembered = compare::vars::remember(&known, from.as_ref(), &to, &shell);
    if remembered != known {
        save(repo, &remembered)?;
    }
    let brought = to
        .iter()
        .filter(|(name, value)| from.as_ref().and_then(|from| from.get(*name)) != Some(*value));
    let otherwise = brought.filter(|(name, value)| shell.get(*name) != Some(*value));
    Ok(otherwise.map(|(name, _)| name.clone()).collect())
}

/// Forgets variables whose values here were recorded.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn forget<'a>(repo: &Repo, names: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
    let known = load(repo);
    let mut left = known.clone();
    for name in names {
        left.remove(name);
    }
    match left == known {
        true => Ok(()),
        false => save(repo, &left),
    }
}
