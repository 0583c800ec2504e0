//! `undo` and `redo`: stepping back and forth through operations.
//!
//! An operation is undone by moving back what it moved: HEAD, branches and tags to where they were, and the live state
//! if the operation had changed it. That is an operation itself, whose undoing is `redo`. The live state before is
//! recorded as before every checkout, so that stepping loses nothing.

use super::attend::{Attended, Unasked, live_move};
use super::checkout::{CheckoutOptions, Confirm, Purpose, perform};
use super::diff::head;
use super::error::Error;
use super::followed::{Followed, UpstreamMove};
use super::operations::{Done, LiveMove, Operation, OperationKind, OperationLog, Watch, stacks};
use super::pending::Pending;
use super::report::{CheckoutReport, OperationsReport, UndoReport, Undoable};
use super::standing::{HeadAt, HeadMove, RefMove, Standing};
use super::{Session, recover};
use crate::exchange::fetch::{self, Local};
use crate::history::{CommitId, Expected, Ref, RefKind, RefName, moving};

/// How to undo.
#[derive(Clone, Debug, Default)]
pub struct UndoOptions {
    /// Do again what was undone last, instead.
    pub redo: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Go on although processes have files open that will be replaced.
    pub force: bool,
    /// Why, for the audit log.
    pub reason: Option<String>,
}

/// Undoes the last operation, or does the last undone one again.
///
/// # Errors
/// When there is none, when a state that is needed is no longer kept, or as a checkout.
pub fn undo(session: &mut Session<'_>, options: &UndoOptions, confirm: &mut Confirm<'_>) -> Result<UndoReport, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    recover::finish_interrupted(session)?;
    let watch = Watch::begin(session)?;
    let reversal = Reversal::next(session, options.redo)?;
    reversal.carry_out(session, options, watch, confirm)
}

/// All operations, newest first.
///
/// # Errors
/// When the log cannot be read.
pub fn operations(session: &mut Session<'_>) -> Result<OperationsReport, Error> {
    let all = OperationLog::of(session).all()?;
    let (done, undone) = stacks(&all);
    let judge = |operation: &Operation| {
        if done.contains(&operation.id) {
            Undoable::Done
        } else if undone.contains(&operation.id) {
            Undoable::Undone
        } else {
            Undoable::Past
        }
    };
    let steps = all.into_iter().rev();
    Ok(OperationsReport {
        operations: steps.map(|operation| (operation.clone(), judge(&operation))).collect(),
    })
}

/// Undoes the last operation at once: the way back from a checkout after which not all is well.
pub(super) fn go_back(
    session: &mut Session<'_>,
    options: &CheckoutOptions,
    reason: String,
) -> Result<UndoReport, Error> {
    let watch = Watch::begin(session)?;
    let reversal = Reversal::next(session, false)?;
    let options = UndoOptions {
        force: options.force,
        reason: Some(reason),
        ..UndoOptions::default()
    };
    reversal.carry_out(session, &options, watch, &mut |_| true)
}

/// An operation that is to be undone or done again.
struct Reversal {
    is_redo: bool,
    /// The operation that people know.
    operation: Operation,
    /// The operation whose moves are reversed: the same, or its last undo or redo.
    reverses: Operation,
}

impl Reversal {
    fn next(session: &Session<'_>, is_redo: bool) -> Result<Self, Error> {
        let all = OperationLog::of(session).all()?;
        let (done, undone) = stacks(&all);
        let next = if is_redo { undone.last() } else { done.last() };
        let Some(id) = next else {
            return Err(match is_redo {
                true => Error::refused(
                    "there is nothing to do again",
                    "`envgit undo --list` shows what was done",
                ),
                false => Error::refused("there is nothing to undo", "`envgit reflog` shows where HEAD has been"),
            });
        };
        Self::of(&all, *id, is_redo).ok_or_else(|| Error::refused(format!("operation {id} is not in the log"), ""))
    }

    fn of(all: &[Operation], id: u64, is_redo: bool) -> Option<Self> {
        let touches = |operation: &&Operation| operation.id == id || operation.of == Some(id);
        Some(Self {
            is_redo,
            operation: all.iter().find(|operation| operation.id == id)?.clone(),
            reverses: all.iter().rev().find(touches)?.clone(),
        })
    }

    fn head_move(&self) -> Option<HeadMove> {
        self.reverses.head.as_ref().map(|moved| HeadMove {
            from: moved.to.clone(),
            to: moved.from.clone(),
        })
    }

    fn ref_moves(&self) -> Vec<RefMove> {
        let turned = self.reverses.refs.iter().map(|moved| RefMove {
            name: moved.name.clone(),
            from: moved.to,
            to: moved.from,
        });
        turned.collect()
    }

    /// The state that the live one goes to, if it moves.
    fn live(&self) -> Option<CommitId> {
        self.reverses.live.as_ref()?.from
    }

    /// Where what is live came from. Where the state before was discarded, nobody knows what of it was there already.
    fn brought(&self) -> Option<CommitId> {
        let live = self.reverses.live.as_ref()?;
        (!live.discarded).then_some(live.to)
    }

    fn command(&self) -> &'static str {
        if self.is_redo { "redo" } else { "undo" }
    }

    /// Moves the live state first, then the refs, and notes it as an operation.
    fn carry_out(
        &self,
        session: &mut Session<'_>,
        options: &UndoOptions,
        watch: Watch,
        confirm: &mut Confirm<'_>,
    ) -> Result<UndoReport, Error> {
        self.refuse_impossible(session)?;
        let before = head(session.repo.history())?;
        let checkout_options = CheckoutOptions {
            rev: self.live_name(session)?,
            dry_run: options.dry_run,
            force: options.force,
            reason: options.reason.clone(),
            brought: self.brought(),
            cwd: session.repo.project().to_owned(),
            ..CheckoutOptions::default()
        };
        if options.dry_run {
            let checkout = match self.live() {
                Some(_) => Some(perform(session, &checkout_options, Purpose::LiveOnly, &mut Unasked)?),
                None => None,
            };
            return self.report(session, checkout, true);
        }
        let mut end = None;
        let mut checkout = None;
        if self.live().is_some() {
            let mut attended = Attended::new(self.command(), before.clone(), self.pending(session), confirm);
            let outcome = perform(session, &checkout_options, Purpose::LiveOnly, &mut attended);
            let (report, noted) = attended.finish(session, outcome)?;
            (checkout, end) = (Some(report), noted);
        } else {
            self.pending(session).write(session)?;
        }
        self.move_refs(session)?;
        // Where nothing had to change, what comes back when this is undone is the same state.
        let stayed = |at| LiveMove {
            from: Some(at),
            to: at,
            discarded: false,
        };
        let live = checkout.as_ref().and_then(|report| live_move(report, &before));
        let live = live.or_else(|| self.live().map(stayed));
        self.note_done(session, watch, live, end)?;
        Pending::clear(session)?;
        self.report(session, checkout, false)
    }

    /// What has to be there, and where the refs have to be, is found out before anything moves.
    fn refuse_impossible(&self, session: &Session<'_>) -> Result<(), Error> {
        let history = session.repo.history();
        let needed = self.ref_moves().into_iter().filter_map(|moved| moved.to);
        let head = self.head_move().and_then(|moved| moved.to.commit);
        for object in needed.chain(head).chain(self.live()) {
            if history.resolve(&object.to_string()).is_err() || self.has_lost(session, object)? {
                return Err(Error::refused(
                    format!("the state before \"{}\" is no longer kept", self.operation.what),
                    "autosave.keep and autosave.keep_days say how long; `envgit reflog` shows where HEAD has been",
                ));
            }
        }
        let now = Standing::of(history)?;
        for moved in self.ref_moves() {
            if now.refs.get(&moved.name) != moved.from.as_ref() {
                return Err(Error::refused(
                    format!("{} has moved since \"{}\"", moved.name, self.operation.what),
                    "move it yourself: `envgit reflog` shows where it has been",
                ));
            }
        }
        Ok(())
    }

    /// Whether gc removed content of a commit that nothing leads to any more.
    fn has_lost(&self, session: &Session<'_>, object: CommitId) -> Result<bool, Error> {
        let history = session.repo.history();
        let refs = history.refs()?;
        let is_at = |known: &Ref| known.object == object || known.commit == object;
        if refs.iter().any(is_at) || history.head()?.commit() == Some(object) {
            return Ok(false);
        }
        let Some(commit) = history.commit_of(object.into())? else {
            return Ok(true);
        };
        let tips: Vec<CommitId> = refs.iter().map(|known| known.commit).collect();
        if history.up_to(&tips)?.contains(&commit) {
            return Ok(false);
        }
        if session.repo.config().is_history_only() {
            // There content comes when it is needed.
            return Ok(false);
        }
        let files: Vec<_> = history.inventory(commit)?.files.into_iter().collect();
        let local = Local {
            history,
            dir: session.repo.dir(),
        };
        Ok(!fetch::lacking_of(local, &files)?.is_empty())
    }

    /// Brings refs and HEAD to where they were. What is there already is left alone.
    fn move_refs(&self, session: &Session<'_>) -> Result<(), Error> {
        let history = session.repo.history();
        let note = session.note(format!("{}: {}", self.command(), self.operation.what));
        let moves = self.ref_moves();
        for moved in &moves {
            if let Some(object) = moved.to {
                history.restore_ref(&RefName::new(&moved.name)?, object, Expected::Any, &note)?;
            }
        }
        if let Some(moved) = self.head_move() {
            let (from, to) = (moved.from.words(history), moved.to.words(history));
            let note = session.note(moving(&from, &to));
            match &moved.to {
                HeadAt {
                    branch: Some(branch), ..
                } => history.attach_head(&RefName::branch(branch)?, &note)?,
                HeadAt {
                    commit: Some(commit), ..
                } => history.detach_head(*commit, Expected::Any, &note)?,
                _ => {}
            }
        }
        for moved in moves.iter().filter(|moved| moved.to.is_none()) {
            let name = RefName::new(&moved.name)?;
            history.delete_ref(&name, Expected::Any)?;
            // A branch of that name that is made later is another.
            if name.kind() == RefKind::Branch {
                Followed::rename(session, name.short_name(), None)?;
            }
        }
        let turned: Vec<UpstreamMove> = self.reverses.upstreams.iter().map(UpstreamMove::turned).collect();
        Followed::change(session, &turned)
    }

    fn kind(&self) -> OperationKind {
        match self.is_redo {
            true => OperationKind::Redo,
            false => OperationKind::Undo,
        }
    }

    fn pending(&self, session: &Session<'_>) -> Pending {
        Pending {
            kind: self.kind(),
            what: self.operation.what.clone(),
            of: Some(self.operation.id),
            reverses: Some(self.reverses.id),
            live: None,
            roots: Vec::new(),
            paths: Vec::new(),
            exact: Default::default(),
            cwd: session.repo.project().to_owned(),
            swap: None,
        }
    }

    fn note_done(
        &self,
        session: &Session<'_>,
        watch: Watch,
        live: Option<LiveMove>,
        audit: Option<crate::audit::End>,
    ) -> Result<(), Error> {
        let done = Done {
            kind: self.kind(),
            what: format!("{}: {}", self.command(), self.operation.what),
            of: Some(self.operation.id),
            live,
            audit,
        };
        // Noted also when nothing moved, so that the next undo is that of the operation before.
        watch.end_always(session, done)
    }

    /// By what name the live state is known that is brought back, so that people see it; else its id.
    fn live_name(&self, session: &Session<'_>) -> Result<String, Error> {
        let Some(commit) = self.live() else {
            return Ok(String::new());
        };
        let history = session.repo.history();
        let rank = |kind| match kind {
            RefKind::Branch => Some(0),
            RefKind::Tag => Some(1),
            RefKind::Autosave => Some(2),
            _ => None,
        };
        let names = history.refs()?.into_iter().filter(|known| known.commit == commit);
        let names = names.filter_map(|known| Some((rank(known.kind())?, known.short_name().to_owned())));
        let mut names: Vec<(u8, String)> = names.collect();
        names.sort();
        // A name that is both a tag's and a branch's may lead elsewhere.
        let leads_there = |name: &String| history.resolve(name).is_ok_and(|found| found == commit);
        let name = names.into_iter().map(|(_, name)| name).find(leads_there);
        Ok(name.unwrap_or_else(|| commit.to_string()))
    }

    fn report(
        &self,
        session: &Session<'_>,
        checkout: Option<CheckoutReport>,
        dry_run: bool,
    ) -> Result<UndoReport, Error> {
        let all = OperationLog::of(session).all()?;
        let (done, undone) = stacks(&all);
        let find = |id: Option<&u64>| all.iter().find(|operation| Some(&operation.id) == id).cloned();
        Ok(UndoReport {
            is_redo: self.is_redo,
            operation: self.operation.clone(),
            head_move: self.head_move(),
            refs: self.ref_moves(),
            head: head(session.repo.history())?,
            checkout,
            next_undo: find(done.last()),
            next_redo: find(undone.last()),
            dry_run,
        })
    }
}

/// Finishes a reversal that was interrupted.
pub(super) fn finish_interrupted(
    session: &mut Session<'_>,
    pending: &Pending,
    audit: Option<crate::audit::End>,
) -> Result<(), Error> {
    let all = OperationLog::of(session).all()?;
    let reversal = pending
        .of
        .and_then(|of| Reversal::of(&all, of, pending.kind == OperationKind::Redo));
    // The last thing that it does is to note itself: then another operation would be the one to reverse.
    let Some(reversal) = reversal.filter(|reversal| Some(reversal.reverses.id) == pending.reverses) else {
        return Ok(());
    };
    session.progress.warn(&format!(
        "{} of \"{}\" was interrupted; finishing it first",
        reversal.command(),
        reversal.operation.what
    ));
    let watch = Watch::resume(session)?;
    if let Some(to) = reversal.live() {
        let options = CheckoutOptions {
            rev: to.to_string(),
            brought: reversal.brought(),
            cwd: session.repo.project().to_owned(),
            ..CheckoutOptions::default()
        };
        perform(session, &options, Purpose::LiveOnly, &mut Unasked)?;
    }
    reversal.move_refs(session)?;
    reversal.note_done(session, watch, pending.live.clone(), audit)
}
