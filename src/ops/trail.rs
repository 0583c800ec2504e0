//! A state and those it came from, newest first: along first parents.

use super::error::Error;
use super::live::Live;
use super::report::CommitFacts;
use super::side::Side;
use crate::history::{CommitId, History};

/// One state of a trail.
pub(super) struct Step<'a> {
    /// The state.
    pub(super) side: Side<'a>,
    /// Its commit; nothing for the live state.
    pub(super) recorded: Option<CommitFacts>,
}

/// The states, newest first. Each is read when it is asked for.
pub(super) struct Trail<'a> {
    history: &'a History,
    live: Option<&'a Live>,
    next: Option<CommitId>,
    /// How the first commit was asked for.
    name: String,
}

impl<'a> Trail<'a> {
    /// From a live state, if one is given, and then from the commit `rev`; before the first commit, from nothing.
    ///
    /// # Errors
    /// An unknown revision.
    pub(super) fn new(history: &'a History, live: Option<&'a Live>, rev: Option<&str>) -> Result<Self, Error> {
        let next = match rev {
            Some(rev) => Some(history.resolve(rev)?),
            None => history.head()?.commit(),
        };
        Ok(Self {
            history,
            live,
            next,
            name: rev.unwrap_or("HEAD").to_owned(),
        })
    }

    /// Where the commits are.
    pub(super) fn history(&self) -> &'a History {
        self.history
    }

    fn step(&mut self, commit: CommitId) -> Result<Step<'a>, Error> {
        let info = self.history.commit_info(commit)?;
        self.next = info.parents.first().copied();
        Ok(Step {
            side: Side::of_commit(self.history, commit, &std::mem::take(&mut self.name))?,
            recorded: Some(CommitFacts {
                short: self.history.short(commit),
                subject: info.subject().to_owned(),
                author: info.author,
                time: info.time,
                commit,
            }),
        })
    }
}

impl<'a> Iterator for Trail<'a> {
    type Item = Result<Step<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(live) = self.live.take() {
            return Some(Ok(Step {
                side: Side::of_live(self.history, live),
                recorded: None,
            }));
        }
        let commit = self.next.take()?;
        Some(self.step(commit))
    }
}
