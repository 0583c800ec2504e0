//! `pull`: fetches, and brings the live state where the branch's upstream went.

use super::checkout::{CheckoutOptions, Confirm};
use super::diff::head;
use super::error::Error;
use super::fetch::{FetchOptions, FetchReport};
use super::operations::{Done, OperationKind, Watch};
use super::refs::current;
use super::remotes::tracking;
use super::report::CheckoutReport;
use super::{Session, attend, fetch, recover, shell};
use crate::config::Upstream;
use crate::history::{CommitId, FIRST_BRANCH, RefKind};

/// How to pull.
#[derive(Clone, Debug, Default)]
pub struct PullOptions {
    /// The remote; that which the branch follows when absent.
    pub remote: Option<String>,
    /// Goes on although processes have files open that will be replaced.
    pub force: bool,
    /// Why, for the audit log.
    pub reason: Option<String>,
    /// When the health check fails afterwards, go back by itself.
    pub auto_rollback: bool,
    /// Only fetch, and plan.
    pub dry_run: bool,
}

/// Where the branch stood to its upstream.
#[derive(Clone, Debug)]
pub enum Pulled {
    /// Both are at the same commit.
    UpToDate,
    /// The branch has so many commits that the remote lacks.
    Ahead(usize),
    /// The branch went on, and the live state with it.
    Forward(Box<CheckoutReport>),
}

/// What a pull did.
#[derive(Clone, Debug)]
pub struct PullReport {
    /// What came.
    pub fetch: FetchReport,
    /// The branch.
    pub branch: String,
    /// What it follows.
    pub upstream: Upstream,
    /// Where it went.
    pub pulled: Pulled,
    /// Variables that came with it and that the shell has otherwise, or not at all: escaped.
    pub otherwise: Vec<String>,
}

/// Pulls. Only forward: a branch that went elsewhere than its upstream is left alone.
///
/// # Errors
/// As fetching and checking out; [`Error::Refused`] when the two have diverged: what came is kept.
pub fn pull(session: &mut Session<'_>, options: &PullOptions, confirm: &mut Confirm<'_>) -> Result<PullReport, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    recover::finish_interrupted(session)?;
    let branch = match current(session)? {
        Some(branch) => branch,
        None => return Err(on_no_branch(session)?),
    };
    let watch = Watch::begin(session)?;
    let fetched = fetch::perform(
        session,
        &FetchOptions {
            remote: options.remote.clone(),
            ..FetchOptions::default()
        },
    )?;
    watch.end(
        session,
        Done::refs(OperationKind::Fetch, format!("fetch {}", fetched.remote)),
    )?;
    let upstream = session.repo.config().upstream(&branch).cloned();
    let upstream = upstream
        .filter(|upstream| upstream.remote == fetched.remote)
        .unwrap_or(Upstream {
            remote: fetched.remote.clone(),
            branch: branch.clone(),
        });
    let name = tracking(&upstream.remote, &upstream.branch)?;
    let history = session.repo.history();
    let there = history.refs()?.into_iter().find(|known| known.name == name);
    let there = there.map(|known| known.commit).ok_or_else(|| {
        Error::refused(
            format!("{} has no branch {}", upstream.remote, upstream.branch),
            format!("push it: envgit push {} {branch}", upstream.remote),
        )
    })?;
    let (pulled, otherwise) = go_on(session, options, &branch, &upstream, there, confirm)?;
    Ok(PullReport {
        fetch: fetched,
        branch,
        upstream,
        pulled,
        otherwise,
    })
}

/// HEAD is at a tag or commit, as after `clone --rev TAG`: what there is to go onto is named.
fn on_no_branch(session: &Session<'_>) -> Result<Error, Error> {
    let history = session.repo.history();
    let head = head(history)?;
    let at = head.detached_from.or(head.short).unwrap_or_default();
    let refs = history.refs()?;
    let branches = refs.iter().filter_map(|known| match known.kind() {
        RefKind::Branch => Some(known.short_name()),
        // `checkout` makes one of that name, which follows it.
        RefKind::Remote => known.short_name().split_once('/').map(|(_, branch)| branch),
        _ => None,
    });
    let first = branches.min_by_key(|name| (*name != FIRST_BRANCH, *name));
    let hint = match first {
        Some(name) => format!(
            "go onto a branch first: envgit checkout {name}; or only bring what is new and stay here: envgit fetch"
        ),
        None => "start a branch here first: envgit branch NAME && envgit checkout NAME".to_owned(),
    };
    Ok(Error::refused(
        format!("HEAD is at {at} and on no branch, so nothing could go on"),
        hint,
    ))
}

fn go_on(
    session: &mut Session<'_>,
    options: &PullOptions,
    branch: &str,
    upstream: &Upstream,
    there: CommitId,
    confirm: &mut Confirm<'_>,
) -> Result<(Pulled, Vec<String>), Error> {
    let history = session.repo.history();
    let mut checkout = CheckoutOptions {
        rev: there.to_string(),
        force: options.force,
        reason: options.reason.clone(),
        auto_rollback: options.auto_rollback,
        dry_run: options.dry_run,
        cwd: session.repo.project().to_owned(),
        ..CheckoutOptions::default()
    };
    match history.head()?.commit() {
        None => checkout.branch = Some(branch.to_owned()),
        Some(here) if here == there => return Ok((Pulled::UpToDate, Vec::new())),
        Some(here) => {
            let (ahead, behind) = history.apart(here, there)?;
            if behind == 0 {
                return Ok((Pulled::Ahead(ahead), Vec::new()));
            }
            if ahead > 0 {
                return Err(Error::refused(
                    format!("{branch} and {upstream} have diverged: {ahead} and {behind} commits apart"),
                    format!(
                        "look at theirs with `envgit diff {branch} {upstream}`; to keep both, `envgit branch mine {branch}`, \
                         then take theirs: `envgit checkout -b theirs {upstream}`; nothing was changed here"
                    ),
                ));
            }
            checkout.forward = Some(branch.to_owned());
        }
    }
    let otherwise = match options.dry_run {
        true => Vec::new(),
        false => shell::remember(session, there)?,
    };
    let report = attend::checkout(session, &checkout, confirm)?;
    Ok((Pulled::Forward(Box::new(report)), otherwise))
}
