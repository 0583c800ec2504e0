//! `diff` and `status`: what differs between two states.

use std::path::PathBuf;

use super::error::Error;
use super::explain::explain;
use super::live::Live;
use super::pathspec::Selection;
use super::remotes::tracking;
use super::report::{DiffReport, HeadReport, UpstreamReport};
use super::side::{Side, compare};
use super::{Session, recover};
use crate::history::{Head, History};

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct DiffOptions {
    /// The older side; HEAD when absent.
    pub from: Option<String>,
    /// The newer side; the live state when absent.
    pub to: Option<String>,
    /// Only these roots.
    pub roots: Vec<String>,
    /// Only these paths (files and configs; packages are then left out).
    pub paths: Vec<String>,
    /// The folder against which relative paths count.
    pub cwd: PathBuf,
}

/// Compares two commits, or a commit with the live state. Two commits are compared without a look at the live state.
///
/// # Errors
/// An unknown revision; a root that is not there.
pub fn diff(session: &mut Session<'_>, options: &DiffOptions) -> Result<DiffReport, Error> {
    let roots = &session.repo.config().roots;
    let selection = Selection::new(roots, &options.roots, &options.paths, &options.cwd)?;
    // Looking must stay possible even where finishing is not.
    recover::if_possible(session);
    let live = match &options.to {
        Some(_) => None,
        None => Some(Live::capture(&session.viewpoint(), &Default::default())?),
    };
    let history = session.repo.history();
    let head = head(history)?;
    let side = |rev: &str| -> Result<Side<'_>, Error> { Side::of_commit(history, history.resolve(rev)?, rev) };
    let from = match (&options.from, head.commit) {
        (Some(rev), _) => side(rev)?,
        (None, Some(commit)) => Side::of_commit(history, commit, "HEAD")?,
        (None, None) => Side::empty(history),
    };
    let to = match (&options.to, &live) {
        (Some(rev), _) => side(rev)?,
        (None, Some(live)) => Side::of_live(history, live),
        (None, None) => Side::empty(history),
    };
    let mut changes = compare(&from, &to, &selection)?;
    if options.paths.is_empty() {
        explain(Some(session), &from, &to, &mut changes)?;
    }
    Ok(DiffReport {
        from: from.name.clone(),
        to: to.name.clone(),
        changes,
        head,
        warnings: live.map(warnings).unwrap_or_default(),
    })
}

/// HEAD against the live state.
///
/// # Errors
/// A root that is not there.
pub fn status(session: &mut Session<'_>) -> Result<DiffReport, Error> {
    let mut report = diff(session, &DiffOptions::default())?;
    report.head.upstream = upstream(session, &report.head)?;
    Ok(report)
}

pub(super) fn warnings(live: Live) -> Vec<String> {
    let special = live
        .special
        .into_iter()
        .map(|path| format!("{path} is a socket, fifo or device: not recorded"));
    live.warnings.into_iter().chain(live.failures).chain(special).collect()
}

/// Where the repository stands.
pub(super) fn head(history: &History) -> Result<HeadReport, Error> {
    let head = history.head()?;
    let commit = head.commit();
    let (branch, detached_from) = match head {
        Head::Unborn { branch } => (Some(branch), None),
        Head::Branch { name, .. } => (Some(name), None),
        Head::Detached { commit, from } => (None, Some(from.unwrap_or_else(|| history.short(commit)))),
    };
    Ok(HeadReport {
        branch,
        commit,
        short: commit.map(|id| history.short(id)),
        detached_from,
        upstream: None,
    })
}

/// How far the branch and what it follows are apart, as far as is known here.
fn upstream(session: &Session<'_>, head: &HeadReport) -> Result<Option<UpstreamReport>, Error> {
    let (Some(branch), Some(commit)) = (&head.branch, head.commit) else {
        return Ok(None);
    };
    let Some(upstream) = session.repo.config().upstream(branch) else {
        return Ok(None);
    };
    let history = session.repo.history();
    let name = tracking(&upstream.remote, &upstream.branch)?;
    let Some(there) = history.refs()?.into_iter().find(|known| known.name == name) else {
        return Ok(None);
    };
    let (ahead, behind) = history.apart(commit, there.commit)?;
    Ok(Some(UpstreamReport {
        name: upstream.to_string(),
        ahead,
        behind,
    }))
}
