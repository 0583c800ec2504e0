//! `branch` and `tag`.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::error::Error;
use super::followed::Followed;
use super::operations::{Done, OperationKind, Watch};
use super::report::RefEntry;
use super::standing::Standing;
use super::{Session, recover, signing};
use crate::history::{CommitId, Expected, Head, Ref, RefKind, RefName, TagDraft, moving};
use crate::service::ssh::SigningKey;

/// The branches whose names match one of `patterns`, all when there are none: those here, those of remotes as they were
/// at the last fetch, or both, sorted.
///
/// # Errors
/// A pattern that is none; what cannot be read.
pub fn branches(session: &mut Session<'_>, scope: BranchScope, patterns: &[String]) -> Result<Vec<RefEntry>, Error> {
    let kinds: &[RefKind] = match scope {
        BranchScope::Local => &[RefKind::Branch],
        BranchScope::Remote => &[RefKind::Remote],
        BranchScope::All => &[RefKind::Branch, RefKind::Remote],
    };
    list(session, kinds, patterns)
}

/// Whose branches to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BranchScope {
    /// Those here.
    #[default]
    Local,
    /// Those of remotes.
    Remote,
    /// Both.
    All,
}

/// The tags whose names match one of `patterns`, all when there are none, sorted.
///
/// # Errors
/// A pattern that is none; what cannot be read.
pub fn tags(session: &mut Session<'_>, patterns: &[String]) -> Result<Vec<RefEntry>, Error> {
    list(session, &[RefKind::Tag], patterns)
}

/// Makes a branch at `rev` (HEAD when absent); `force` moves an existing one.
///
/// # Errors
/// A name that is taken or malformed, an unknown revision, or the branch that HEAD is on.
pub fn create_branch(session: &mut Session<'_>, name: &str, rev: Option<&str>, force: bool) -> Result<RefEntry, Error> {
    recorded(session, OperationKind::Branch, format!("branch {name}"), |session| {
        make_branch(session, name, rev, force)
    })
}

fn make_branch(session: &Session<'_>, name: &str, rev: Option<&str>, force: bool) -> Result<RefEntry, Error> {
    let full = RefName::branch(name)?;
    refuse_own(name)?;
    let commit = session.repo.history().resolve(rev.unwrap_or("HEAD"))?;
    if force && current(session)?.as_deref() == Some(name) {
        return Err(Error::refused(
            format!("HEAD is on the branch {name}, which cannot be moved away under it"),
            format!(
                "bring that state back instead: envgit checkout {}",
                rev.unwrap_or("HEAD")
            ),
        ));
    }
    let taken = find(session, &full)?;
    if taken.is_some() && !force {
        return Err(Error::refused(
            format!("the branch {name} exists already"),
            format!("choose another name, or move it: envgit branch -f {name}"),
        ));
    }
    let expected = taken.map_or(Expected::Absent, |known| Expected::Is(known.commit));
    let note = session.note(format!("branch: Created from {}", rev.unwrap_or("HEAD")));
    session.repo.history().set_ref(&full, commit, expected, &note)?;
    entry(session, name.to_owned(), commit, None)
}

/// Makes a branch at HEAD and puts HEAD on it. The live state stays as it is, recorded or not.
///
/// # Errors
/// A name that is taken or malformed, or nothing is committed yet.
pub fn start_branch(session: &mut Session<'_>, name: &str) -> Result<RefEntry, Error> {
    recorded(
        session,
        OperationKind::Branch,
        format!("checkout -b {name}"),
        |session| {
            let history = session.repo.history();
            let from = Standing::of(history)?.head.words(history);
            let made = make_branch(session, name, None, false)?;
            let note = session.note(moving(&from, name));
            history.attach_head(&RefName::branch(name)?, &note)?;
            Ok(RefEntry {
                is_current: true,
                ..made
            })
        },
    )
}

/// Removes a branch; unless forced only when its commits are reachable from elsewhere.
///
/// # Errors
/// An unknown branch, the branch that HEAD is on, or one whose commits nothing else reaches.
pub fn delete_branch(session: &mut Session<'_>, name: &str, force: bool) -> Result<RefEntry, Error> {
    recorded(session, OperationKind::Branch, format!("branch -d {name}"), |session| {
        remove_branch(session, name, force)
    })
}

fn remove_branch(session: &Session<'_>, name: &str, force: bool) -> Result<RefEntry, Error> {
    let full = RefName::branch(name)?;
    let known = find(session, &full)?.ok_or_else(|| no_such("branch", name))?;
    if current(session)?.as_deref() == Some(name) {
        return Err(Error::refused(
            format!("HEAD is on the branch {name}"),
            "check out another branch first",
        ));
    }
    let history = session.repo.history();
    if !force {
        let others = history.refs()?.into_iter().filter(|other| other.name != full);
        let mut tips: Vec<CommitId> = others.map(|other| other.commit).collect();
        tips.extend(history.head()?.commit());
        let mut reached = false;
        for tip in tips {
            reached = reached || history.is_ancestor(known.commit, tip)?;
        }
        if !reached {
            return Err(Error::refused(
                format!("only the branch {name} leads to its commits"),
                format!("to lose them: envgit branch -D {name}; to keep them first: envgit tag NAME {name}"),
            ));
        }
    }
    let removed = entry(session, name.to_owned(), known.commit, None)?;
    history.delete_ref(&full, Expected::Is(known.commit))?;
    Followed::rename(session, name, None)?;
    Ok(removed)
}

/// Renames a branch.
///
/// # Errors
/// An unknown branch, or a name that is taken or malformed.
pub fn rename_branch(session: &mut Session<'_>, old: &str, new: &str) -> Result<RefEntry, Error> {
    recorded(
        session,
        OperationKind::Branch,
        format!("branch -m {old} {new}"),
        |session| move_branch(session, old, new),
    )
}

fn move_branch(session: &Session<'_>, old: &str, new: &str) -> Result<RefEntry, Error> {
    let (from, to) = (RefName::branch(old)?, RefName::branch(new)?);
    let note = session.note(format!(
        "branch: renamed {from} to {to}",
        from = from.as_str(),
        to = to.as_str()
    ));
    let is_current = current(session)?.as_deref() == Some(old);
    let history = session.repo.history();
    let Some(known) = find(session, &from)? else {
        if is_current && matches!(history.head()?, Head::Unborn { .. }) {
            return Err(Error::refused(
                "nothing is committed yet",
                "commit first: envgit commit",
            ));
        }
        return Err(no_such("branch", old));
    };
    refuse_own(new)?;
    if find(session, &to)?.is_some() {
        return Err(Error::refused(
            format!("the branch {new} exists already"),
            format!("choose another name, or remove it first: envgit branch -d {new}"),
        ));
    }
    history.set_ref(&to, known.commit, Expected::Absent, &note)?;
    if is_current {
        history.attach_head(&to, &note)?;
    }
    history.delete_ref(&from, Expected::Is(known.commit))?;
    Followed::rename(session, old, Some(new))?;
    entry(session, new.to_owned(), known.commit, None)
}

/// A name under which a state that envgit saved or found good is asked for is not to mean another one.
fn refuse_own(name: &str) -> Result<(), Error> {
    let is_own = name
        .split_once('/')
        .is_some_and(|(kind, number)| ["autosave", "good"].contains(&kind) && number.parse::<u64>().is_ok());
    match is_own {
        false => Ok(()),
        true => Err(Error::refused(
            format!("{name} is how envgit calls a state that it keeps by itself"),
            "choose another name",
        )),
    }
}

/// A tag to make.
#[derive(Clone, Debug, Default)]
pub struct TagOptions {
    /// What it names; HEAD when absent.
    pub rev: Option<String>,
    /// What it says. A tag that says something, or is signed, is annotated.
    pub message: Option<String>,
    /// Move an existing one.
    pub force: bool,
    /// Sign it with this key.
    pub key: Option<SigningKey>,
}

/// Makes a tag.
///
/// # Errors
/// A name that is taken or malformed, or an unknown revision.
pub fn create_tag(session: &mut Session<'_>, name: &str, options: &TagOptions) -> Result<RefEntry, Error> {
    recorded(session, OperationKind::Tag, format!("tag {name}"), |session| {
        make_tag(session, name, options)
    })
}

fn make_tag(session: &Session<'_>, name: &str, options: &TagOptions) -> Result<RefEntry, Error> {
    let full = RefName::tag(name)?;
    refuse_own(name)?;
    let history = session.repo.history();
    let commit = history.resolve(options.rev.as_deref().unwrap_or("HEAD"))?;
    let taken = find(session, &full)?;
    if taken.is_some() && !options.force {
        return Err(Error::refused(
            format!("the tag {name} exists already"),
            format!("choose another name, or move it: envgit tag -f {name}"),
        ));
    }
    let expected = if taken.is_some() {
        Expected::Any
    } else {
        Expected::Absent
    };
    // As in git, a signed tag must say something; where nothing is said, what it is.
    let said = options.key.as_ref().map(|_| format!("tag {name}"));
    let message = options.message.clone().or(said);
    match &message {
        Some(message) => {
            let mut draft = TagDraft::new(name, commit, &session.note(message))?;
            if let Some(key) = &options.key {
                draft.sign(&signing::sign(session, key, draft.payload())?);
            }
            history.write_tag(draft, expected)?;
        }
        None => history.set_ref(&full, commit, expected, &session.note(format!("tag: {name}")))?,
    }
    entry(session, name.to_owned(), commit, message)
}

/// Removes a tag.
///
/// # Errors
/// An unknown tag.
pub fn delete_tag(session: &mut Session<'_>, name: &str) -> Result<RefEntry, Error> {
    recorded(session, OperationKind::Tag, format!("tag -d {name}"), |session| {
        remove_tag(session, name)
    })
}

fn remove_tag(session: &Session<'_>, name: &str) -> Result<RefEntry, Error> {
    let full = RefName::tag(name)?;
    let known = find(session, &full)?.ok_or_else(|| no_such("tag", name))?;
    let removed = entry(session, name.to_owned(), known.commit, None)?;
    session.repo.history().delete_ref(&full, Expected::Any)?;
    Ok(removed)
}

/// Moves refs under the lock, so that it can be undone.
fn recorded<T>(
    session: &mut Session<'_>,
    kind: OperationKind,
    what: String,
    act: impl FnOnce(&Session<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    recover::finish_interrupted(session)?;
    let watch = Watch::begin(session)?;
    let done = act(session)?;
    watch.end(session, Done::refs(kind, what))?;
    Ok(done)
}

fn no_such(what: &str, name: &str) -> Error {
    Error::refused(
        format!("there is no {what} {name}"),
        format!("`envgit {what}` lists them"),
    )
}

fn find(session: &Session<'_>, name: &RefName) -> Result<Option<Ref>, Error> {
    let refs = session.repo.history().refs()?;
    Ok(refs.into_iter().find(|known| known.name == *name))
}

/// The branch that HEAD is on.
pub(super) fn current(session: &Session<'_>) -> Result<Option<String>, Error> {
    Ok(match session.repo.history().head()? {
        Head::Unborn { branch } | Head::Branch { name: branch, .. } => Some(branch),
        Head::Detached { .. } => None,
    })
}

fn list(session: &Session<'_>, kinds: &[RefKind], patterns: &[String]) -> Result<Vec<RefEntry>, Error> {
    let patterns = globs(patterns)?;
    let current = current(session)?;
    let refs = session.repo.history().refs()?.into_iter();
    let is_meant =
        |known: &Ref| kinds.contains(&known.kind()) && (patterns.is_empty() || patterns.is_match(known.short_name()));
    refs.filter(is_meant)
        .map(|known| {
            let message = known.annotation.as_ref().map(|annotation| annotation.message.clone());
            let mut entry = entry(session, known.short_name().to_owned(), known.commit, message)?;
            entry.is_current = known.kind() == RefKind::Branch && current.as_deref() == Some(&entry.name);
            Ok(entry)
        })
        .collect()
}

/// As git has it for names of refs: `*` stands for slashes too.
fn globs(patterns: &[String]) -> Result<GlobSet, Error> {
    let unusable = |error: globset::Error| {
        Error::refused(
            format!("this is no pattern of names: {error}"),
            "write * for any characters, ? for one, [ab] for one of these",
        )
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(unusable)?);
    }
    set.build().map_err(unusable)
}

fn entry(session: &Session<'_>, name: String, commit: CommitId, message: Option<String>) -> Result<RefEntry, Error> {
    let history = session.repo.history();
    let info = history.commit_info(commit)?;
    let message = message
        .as_deref()
        .and_then(|text| text.lines().next())
        .map(str::to_owned);
    Ok(RefEntry {
        name,
        commit,
        short: history.short(commit),
        subject: message.unwrap_or_else(|| info.subject().to_owned()),
        time: info.time,
        is_current: false,
    })
}
