//! The log of operations, `operations.jsonl`: what each command moved, so that `undo` can move it back.
//!
//! Every command that moves HEAD, a branch or a tag, or that changes the live state, adds a line under the repository's
//! lock when it is done. What git or an interrupted envgit moved is noticed by the digest of the standing that the last
//! line gives, and gets a line of its own first. A commit that only `undo` leads to is kept by `refs/undo/N`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Session;
use super::error::Error;
use super::followed::{Followed, UpstreamMove};
use super::standing::{HeadMove, RefMove, Standing};
use crate::audit;
use crate::digest::Digest;
use crate::fsx;
use crate::fsx::append::{self, Torn};
use crate::history::{CommitId, Expected, History, Person, RefKind, RefName, Time};

/// What an operation was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// What there was when the log began.
    Start,
    /// A commit.
    Commit,
    /// A checkout, of the whole or of a part.
    Checkout,
    /// Branches were made, moved, renamed or removed.
    Branch,
    /// Tags were.
    Tag,
    /// Another repository was fetched from.
    Fetch,
    /// Done by git, or by an envgit that was interrupted before it could say so.
    Outside,
    /// Another operation was undone.
    Undo,
    /// Another operation was done again.
    Redo,
}

impl OperationKind {
    /// The word for people and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Commit => "commit",
            Self::Checkout => "checkout",
            Self::Branch => "branch",
            Self::Tag => "tag",
            Self::Fetch => "fetch",
            Self::Outside => "outside",
            Self::Undo => "undo",
            Self::Redo => "redo",
        }
    }
}

/// The live state from one state to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveMove {
    /// The commit or autosave that holds the state before. Where it was discarded, the commit nearest to it.
    pub from: Option<CommitId>,
    /// The commit it went to, whole or in part.
    pub to: CommitId,
    /// The state before was not recorded, as its user wished.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discarded: bool,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The version of its shape: 1.
    pub format: u32,
    /// Its number, counted from 1.
    pub id: u64,
    /// When.
    pub time: Time,
    /// Who.
    pub who: Person,
    /// What it was.
    pub kind: OperationKind,
    /// In words.
    pub what: String,
    /// The operation that it undid or did again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// Where HEAD went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeadMove>,
    /// Which refs moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<RefMove>,
    /// Which branches began or ceased to follow one of a remote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<UpstreamMove>,
    /// Where the live state went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveMove>,
    /// The end of the audit log at that time, if it was a restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<audit::End>,
    /// SHA-256 of the standing afterwards.
    pub after: Digest,
}

/// What an operation did besides moving refs.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) kind: OperationKind,
    pub(super) what: String,
    pub(super) of: Option<u64>,
    pub(super) live: Option<LiveMove>,
    pub(super) audit: Option<audit::End>,
}

impl Done {
    pub(super) fn refs(kind: OperationKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            of: None,
            live: None,
            audit: None,
        }
    }
}

/// An operation under way: it compares where everything was and is.
#[derive(Debug)]
pub(super) struct Watch {
    before: Standing,
    followed: Followed,
}

impl Watch {
    /// Before the first ref moves, under the lock.
    pub(super) fn begin(session: &Session<'_>) -> Result<Self, Error> {
        let log = OperationLog::of(session);
        let now = Standing::of(session.repo.history())?;
        let last = log.last()?;
        let known = last
            .as_ref()
            .map_or_else(|| Standing::initial().digest(), |op| op.after);
        if known != now.digest() {
            let kind = if last.is_some() {
                OperationKind::Outside
            } else {
                OperationKind::Start
            };
            let what = match kind {
                OperationKind::Start => "what there was when the log of operations began",
                _ => "moved by git, or by an interrupted envgit",
            };
            let earlier = log.standing()?;
            log.add(session, (&earlier, &now), Vec::new(), Done::refs(kind, what))?;
        }
        Ok(Self {
            before: now,
            followed: Followed::of(session)?,
        })
    }

    /// For an operation that was interrupted: all since the last line of the log is its doing.
    pub(super) fn resume(session: &Session<'_>) -> Result<Self, Error> {
        let log = OperationLog::of(session);
        match log.last()? {
            Some(_) => Ok(Self {
                before: log.standing()?,
                followed: Followed::of(session)?,
            }),
            None => Self::begin(session),
        }
    }

    /// Whether anything has moved.
    pub(super) fn has_moved(&self, session: &Session<'_>) -> Result<bool, Error> {
        Ok(Standing::of(session.repo.history())?.digest() != self.before.digest())
    }

    /// After the last ref moved. Nothing is noted when nothing moved.
    pub(super) fn end(self, session: &Session<'_>, done: Done) -> Result<Option<u64>, Error> {
        let now = Standing::of(session.repo.history())?;
        if now.digest() == self.before.digest() && done.live.is_none() {
            return Ok(None);
        }
        self.add(session, &now, done).map(Some)
    }

    /// The same, noted also when nothing moved.
    pub(super) fn end_always(self, session: &Session<'_>, done: Done) -> Result<(), Error> {
        let now = Standing::of(session.repo.history())?;
        self.add(session, &now, done)?;
        Ok(())
    }

    fn add(&self, session: &Session<'_>, now: &Standing, done: Done) -> Result<u64, Error> {
        let upstreams = self.followed.moves_to(&Followed::of(session)?);
        OperationLog::of(session).add(session, (&self.before, now), upstreams, done)
    }
}

/// The file.
pub(super) struct OperationLog {
    path: PathBuf,
}

impl OperationLog {
    pub(super) fn of(session: &Session<'_>) -> Self {
        Self {
            path: session.repo.operations_path(),
        }
    }

    /// All operations, oldest first. A last line that a crash cut short is none, nor is one that makes no sense: what it
    /// moved is then noted as done by others.
    pub(super) fn all(&self) -> Result<Vec<Operation>, Error> {
        let bytes = self.read()?;
        Ok(whole_lines(&bytes)
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }

    fn last(&self) -> Result<Option<Operation>, Error> {
        let bytes = self.read()?;
        let mut lines = whole_lines(&bytes).rev();
        Ok(lines.find_map(|line| serde_json::from_slice(line).ok()))
    }

    /// Whether HEAD, branches and tags are where the last operation left them.
    pub(super) fn left(&self, history: &History) -> bool {
        let now = Standing::of(history).map(|standing| standing.digest());
        matches!((self.last(), now), (Ok(Some(last)), Ok(now)) if last.after == now)
    }

    /// The numbers of lines that make no sense, counted from 1.
    pub(super) fn senseless(&self) -> Result<Vec<usize>, Error> {
        let bytes = self.read()?;
        let lines = whole_lines(&bytes).zip(1..);
        let is_senseless = |line: &[u8]| serde_json::from_slice::<Operation>(line).is_err();
        Ok(lines
            .filter(|(line, _)| is_senseless(line))
            .map(|(_, number)| number)
            .collect())
    }

    fn read(&self) -> Result<Vec<u8>, Error> {
        Ok(fsx::read_if_present(&self.path)?.unwrap_or_default())
    }

    /// Where everything was after the last operation.
    fn standing(&self) -> Result<Standing, Error> {
        let mut standing = Standing::initial();
        for operation in self.all()? {
            standing.advance(operation.head.as_ref(), &operation.refs);
        }
        Ok(standing)
    }

    fn add(
        &self,
        session: &Session<'_>,
        (before, after): (&Standing, &Standing),
        upstreams: Vec<UpstreamMove>,
        done: Done,
    ) -> Result<u64, Error> {
        let (head, refs) = before.moves_to(after);
        let operation = Operation {
            format: 1,
            id: self.last()?.map_or(1, |last| last.id.saturating_add(1)),
            time: session.now,
            who: session.who.clone(),
            kind: done.kind,
            what: done.what,
            of: done.of,
            head,
            refs,
            upstreams,
            live: done.live,
            audit: done.audit,
            after: after.digest(),
        };
        keep_orphans(session, &operation)?;
        let line = serde_json::to_vec(&operation).unwrap_or_default();
        append::line(&self.path, &line, Torn::Drop)?;
        Ok(operation.id)
    }
}

/// The operations of a log's text, oldest first. A last line that a crash cut short is none.
///
/// # Errors
/// A line that is no operation.
pub fn parse(bytes: &[u8]) -> Result<Vec<Operation>, serde_json::Error> {
    whole_lines(bytes).map(serde_json::from_slice).collect()
}

fn whole_lines(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let whole = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
    bytes[..whole].split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

/// Gives a ref to each object that the operation left and nothing else leads to.
fn keep_orphans(session: &Session<'_>, operation: &Operation) -> Result<(), Error> {
    let history = session.repo.history();
    let left_by_refs = operation.refs.iter().filter_map(|moved| moved.from);
    let left_by_head = operation.head.iter().filter_map(|head| head.from.commit);
    let left: Vec<CommitId> = left_by_refs.chain(left_by_head).collect();
    if left.is_empty() {
        return Ok(());
    }
    let named = history.refs()?.into_iter();
    let named: Vec<_> = named
        .filter(|known| {
            !matches!(
                known.kind(),
                RefKind::Autosave | RefKind::Good | RefKind::Undo | RefKind::Remote
            )
        })
        .collect();
    let mut tips: Vec<CommitId> = named.iter().map(|known| known.commit).collect();
    tips.extend(history.head()?.commit());
    let mut number = 0;
    let mut kept = Vec::new();
    for object in left {
        let is_named = named.iter().any(|known| known.object == object) || kept.contains(&object);
        if is_named || is_reached(history, object, &tips)? {
            continue;
        }
        number += 1;
        let name = match number {
            1 => RefName::undo(&operation.id.to_string())?,
            number => RefName::undo(&format!("{}-{number}", operation.id))?,
        };
        let note = session.note(format!("kept for undo: {}", operation.what));
        history.restore_ref(&name, object, Expected::Any, &note)?;
        kept.push(object);
    }
    Ok(())
}

/// Whether one of the tips is this commit or follows it. An annotation is reached by nothing but its name.
fn is_reached(history: &History, object: CommitId, tips: &[CommitId]) -> Result<bool, Error> {
    if tips.contains(&object) {
        return Ok(true);
    }
    for tip in tips {
        if history.commit_info(*tip)?.parents.contains(&object) {
            return Ok(true);
        }
    }
    for info in history.walk(tips)? {
        if info?.id == object {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The numbers of operations that can be undone, and of those that can be done again: the next one last.
pub fn stacks(operations: &[Operation]) -> (Vec<u64>, Vec<u64>) {
    let (mut done, mut undone) = (Vec::new(), Vec::new());
    for operation in operations {
        match (operation.kind, operation.of) {
            (OperationKind::Start, _) => {}
            (OperationKind::Undo, Some(of)) => {
                done.retain(|id| *id != of);
                undone.push(of);
            }
            (OperationKind::Redo, Some(of)) => {
                undone.retain(|id| *id != of);
                done.push(of);
            }
            _ => {
                done.push(operation.id);
                undone.clear();
            }
        }
    }
    (done, undone)
}
