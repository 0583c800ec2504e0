//! `push`: brings a remote what it lacks of this repository.

use super::error::Error;
use super::refs::current;
use super::remotes::{chosen, repository_at, source, tracking, transport};
use super::secrets::{self, Range};
use super::{Session, recover};
use crate::config::{Editor, Remote, Upstream};
use crate::exchange::fetch::Local;
use crate::exchange::push::{self, Force, Outcome, Pushed, Update};
use crate::exchange::{self, Memory};
use crate::history::{CommitId, Expected, ObjectId, Ref, RefKind, RefName};
use crate::remote;

/// What to push.
#[derive(Clone, Debug, Default)]
pub struct PushOptions {
    /// The remote; that of the current branch when absent.
    pub remote: Option<String>,
    /// Branches, or tags; the current branch when empty.
    pub names: Vec<String>,
    /// All branches.
    pub all: bool,
    /// All tags as well.
    pub tags: bool,
    /// Remove the named ones there.
    pub delete: bool,
    /// Move refs there also where that loses commits.
    pub force: bool,
    /// The same, if the remote still is where it was seen last.
    pub force_with_lease: bool,
    /// Send secrets that were recorded, too.
    pub allow_secrets: bool,
    /// Only plan.
    pub dry_run: bool,
}

/// What a push did.
#[derive(Clone, Debug)]
pub struct PushReport {
    /// The remote's name.
    pub remote: String,
    /// Where it is.
    pub address: String,
    /// What was sent, and what became of the refs.
    pub pushed: push::PushReport,
    /// Branches that follow the remote's from now on.
    pub follows: Vec<(String, Upstream)>,
}

impl PushReport {
    /// Some ref stayed where it was.
    pub fn is_rejected(&self) -> bool {
        let is_rejected = |pushed: &Pushed| matches!(pushed.outcome, Outcome::Rejected(_));
        self.pushed.refs.iter().any(is_rejected)
    }
}

/// Pushes.
///
/// # Errors
/// What there is not, or what the remote said. No ref moved then.
pub fn push(session: &mut Session<'_>, options: &PushOptions) -> Result<PushReport, Error> {
    let remote = chosen(session, options.remote.as_deref())?;
    if let Some(dir) = repository_at(std::path::Path::new(&remote.url))? {
        return Err(Error::refused(
            format!("{} is a repository that somebody works in", dir.display()),
            "push to a folder of its own, which both fetch from, or fetch from here over there",
        ));
    }
    let to = transport(&remote.url, &session.env)?;
    if !to.abilities().write {
        let remote = to.address().to_owned();
        return Err(exchange::Error::from(remote::Error::ReadOnly { remote }).into());
    }
    let updates = match options.delete {
        true => deletions(session, &remote, options)?,
        false => updates(session, &remote, options)?,
    };
    if !options.allow_secrets {
        refuse_secrets(session, &remote, &updates)?;
    }
    let local = Local {
        history: session.repo.history(),
        dir: session.repo.dir(),
    };
    let head = current(session)?.map(|branch| RefName::branch(&branch)).transpose()?;
    let what = push::PushOptions {
        updates,
        head,
        who: &session.who,
        now: session.now,
        mend: options.force,
        dry_run: options.dry_run,
    };
    let memory = Memory::of(session.repo.dir(), &remote.name);
    let pushed = push::push(local, &*to, &memory, &what, session.progress)?;
    let follows = match options.dry_run {
        true => Vec::new(),
        false => follow(session, &remote, &pushed.refs)?,
    };
    Ok(PushReport {
        address: to.address().to_owned(),
        remote: remote.name,
        pushed,
        follows,
    })
}

fn updates(session: &Session<'_>, remote: &Remote, options: &PushOptions) -> Result<Vec<Update>, Error> {
    let refs = session.repo.history().refs()?;
    let of = |kind: RefKind| refs.iter().filter(move |known| known.kind() == kind);
    let same = |known| -> (&Ref, String) { (known, known.short_name().to_owned()) };
    // What goes, and what it is to be called there.
    let mut chosen: Vec<(&Ref, String)> = Vec::new();
    if options.all {
        chosen.extend(of(RefKind::Branch).map(same));
    }
    for name in &options.names {
        let (name, there) = name.split_once(':').unwrap_or((name, name));
        let known = of(RefKind::Branch).chain(of(RefKind::Tag));
        let found = known.into_iter().find(|known| known.short_name() == name);
        match found {
            Some(found) => chosen.push((found, there.to_owned())),
            None => {
                return Err(Error::refused(
                    format!("there is no branch or tag {name}"),
                    "`envgit branch` and `envgit tag` list them",
                ));
            }
        }
    }
    let mut updates: Vec<Update> = Vec::new();
    if options.names.is_empty() && !options.all {
        let branch = current(session)?;
        let found = of(RefKind::Branch).find(|known| branch.as_deref() == Some(known.short_name()));
        match (found, branch) {
            (Some(found), Some(branch)) => {
                refuse_other_name(session, remote, &branch)?;
                chosen.push((found, branch));
            }
            (None, _) if options.tags => {}
            (None, Some(_)) => {
                return Err(Error::refused(
                    "nothing is committed yet",
                    "commit first: envgit commit",
                ));
            }
            (_, None) => {
                return Err(Error::refused(
                    "HEAD is on no branch",
                    "name what to push: envgit push REMOTE BRANCH",
                ));
            }
        }
    }
    if options.tags {
        chosen.extend(of(RefKind::Tag).map(same));
    }
    for (known, there) in chosen {
        let name = match known.kind() {
            RefKind::Tag => RefName::tag(&there)?,
            _ => RefName::branch(&there)?,
        };
        if updates.iter().any(|update| update.name == name) {
            continue;
        }
        updates.push(Update {
            name,
            to: Some(known.object.into()),
            force: force(&refs, remote, &there, known.kind(), options)?,
        });
    }
    Ok(updates)
}

/// As in git, a branch goes to another name only where that is said: one that was made for an attempt would move the
/// branch of everybody.
fn refuse_other_name(session: &Session<'_>, remote: &Remote, branch: &str) -> Result<(), Error> {
    let upstream = session.repo.config().upstream(branch);
    let upstream = upstream.filter(|upstream| upstream.remote == remote.name && upstream.branch != branch);
    let Some(upstream) = upstream else { return Ok(()) };
    let name = &remote.name;
    Err(Error::refused(
        format!("{branch} follows {name}/{}, which has another name", upstream.branch),
        format!(
            "to move that: envgit push {name} {branch}:{}; to have one of its own there: envgit push {name} {branch}",
            upstream.branch
        ),
    ))
}

/// Looks through what is about to leave: all that the branches of the remote, as they were last seen, do not lead to.
fn refuse_secrets(session: &Session<'_>, remote: &Remote, updates: &[Update]) -> Result<(), Error> {
    let history = session.repo.history();
    let mut range = Range::default();
    for to in updates.iter().filter_map(|update| update.to) {
        range.wanted.extend(history.commit_of(to)?);
    }
    // Where its address was changed, it is another remote, whatever was seen of the one before.
    if Memory::of(session.repo.dir(), &remote.name).is_there() {
        let prefix = format!("{}/", remote.name);
        let seen = history.refs()?.into_iter();
        let seen = seen.filter(|known| known.kind() == RefKind::Remote && known.short_name().starts_with(&prefix));
        range.known.extend(seen.map(|known| known.commit));
    }
    secrets::find(session, &range)?.into_result()
}

fn is_other_branch(full: &str, name: &RefName) -> bool {
    full.starts_with("refs/heads/") && full != name.as_str()
}

/// What is to go has to be there: asked is the remote itself, since what was seen of it may be old.
fn deletions(session: &Session<'_>, remote: &Remote, options: &PushOptions) -> Result<Vec<Update>, Error> {
    if options.names.is_empty() {
        return Err(Error::refused(
            "nothing is named that could be removed",
            "envgit push --delete REMOTE BRANCH",
        ));
    }
    let refs = session.repo.history().refs()?;
    let offer = source(&remote.url, &session.env)?.offer(None)?;
    let there = offer.refs;
    let mut updates = Vec::new();
    for short in &options.names {
        let names = [RefName::branch(short)?, RefName::tag(short)?];
        let Some(name) = names.into_iter().find(|name| there.contains_key(name.as_str())) else {
            return Err(Error::refused(
                format!("{} has no branch or tag {short}", remote.name),
                format!(
                    "what it has no more is forgotten here with: envgit fetch --prune {}",
                    remote.name
                ),
            ));
        };
        if offer.head.as_deref() == Some(name.as_str()) && there.keys().any(|other| is_other_branch(other, &name)) {
            return Err(Error::refused(
                format!("{short} is what a clone of {} checks out", remote.name),
                "others begin with it: it stays",
            ));
        }
        updates.push(Update {
            force: force(&refs, remote, short, name.kind(), options)?,
            name,
            to: None,
        });
    }
    Ok(updates)
}

fn force(refs: &[Ref], remote: &Remote, short: &str, kind: RefKind, options: &PushOptions) -> Result<Force, Error> {
    if options.force_with_lease && kind == RefKind::Branch {
        let name = tracking(&remote.name, short)?;
        let seen = refs.iter().find(|known| known.name == name);
        return Ok(Force::IfAt(seen.map(|known| known.object.into())));
    }
    Ok(match options.force {
        true => Force::Yes,
        false => Force::No,
    })
}

/// What is known of the remote now, and which branches follow it.
fn follow(session: &mut Session<'_>, remote: &Remote, refs: &[Pushed]) -> Result<Vec<(String, Upstream)>, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    let history = session.repo.history();
    recover::clear_locks(history)?;
    let note = session.note(format!("push {}", remote.name));
    let mut editor = Editor::open(&session.repo.config_path())?;
    let mut follows = Vec::new();
    for pushed in refs.iter().filter(|pushed| pushed.name.kind() == RefKind::Branch) {
        if matches!(pushed.outcome, Outcome::Rejected(_)) {
            continue;
        }
        let branch = pushed.name.short_name();
        let name = tracking(&remote.name, branch)?;
        match pushed.to {
            Some(to) => history.restore_ref(&name, commit(to), Expected::Any, &note)?,
            None => history.delete_ref(&name, Expected::Any)?,
        }
        let here = RefName::branch(branch)?;
        let is_ours = pushed.to.is_some() && history.resolve(here.as_str()).ok() == pushed.to.map(commit);
        if is_ours && editor.config().upstream(branch).is_none() {
            let upstream = Upstream {
                remote: remote.name.clone(),
                branch: branch.to_owned(),
            };
            editor.set_upstream(branch, &upstream)?;
            follows.push((branch.to_owned(), upstream));
        }
    }
    if !follows.is_empty() {
        editor.save()?;
    }
    Ok(follows)
}

fn commit(id: ObjectId) -> CommitId {
    CommitId::from_bytes(*id.as_bytes())
}
