//! `checkout`: the live state becomes that of a commit.
//!
//! ```text
//! scan ─► plan ─► preflight ─► gate ─► autosave ─► stage ─► seal journal ─► swap ─► verify ─► move HEAD ─► drop journal
//! ```

mod autosave;
mod follow;
mod ground;
mod pinned;
mod placeholders;
pub(super) mod preflight;
mod prepared;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::diff::head;
use super::error::Error;
use super::live::{Live, WrittenByRoot};
use super::pathspec::Selection;
use super::report::{CheckoutReport, Outlook, SideName, Verified};
use super::side::Side;
use super::{Session, attend, missing, notes, pinning, recover};
use crate::apply::discard_stage;
use crate::apply::journal::Journal;
use crate::capture::scan::{self, device_of};
use crate::capture::state::RootState;
use crate::cores::drop_later;
use crate::history::CommitId;
use crate::snapshot::change::{Changes, RootChanges};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::{Root, RootName};
use autosave::autosave;
use follow::Start;
use preflight::refuse_unmatched;
use prepared::Prepared;
use target::Target;

/// What to bring back.
#[derive(Clone, Debug, Default)]
pub struct CheckoutOptions {
    /// The revision.
    pub rev: String,
    /// Makes this branch there and puts HEAD on it.
    pub branch: Option<String>,
    /// Moves this branch there, and puts HEAD on it.
    pub forward: Option<String>,
    /// Only these paths: relative to `cwd`, absolute, or `ROOT:PATH`.
    pub paths: Vec<String>,
    /// Only these roots.
    pub roots: Vec<String>,
    /// Only these paths, each by itself and not what is beneath it.
    pub exact: BTreeMap<RootName, BTreeSet<RelPath>>,
    /// The packages that `exact` changes. Nobody can tell these from paths.
    pub packages: Vec<RootChanges>,
    /// Do not record the live state first; overwrite what no commit holds.
    pub discard: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Go on although processes have files open that will be replaced.
    pub force: bool,
    /// Why, for the audit log.
    pub reason: Option<String>,
    /// When the health check fails afterwards, go back by itself.
    pub auto_rollback: bool,
    /// Read what comes from pins and compare digests, where stamps would do.
    pub verify: bool,
    /// Take all from the layers.
    pub without_pins: bool,
    /// What is live as this commit has it came from there: it is nobody's own, and goes where the target lacks it.
    pub brought: Option<CommitId>,
    /// The folder against which relative paths count.
    pub cwd: PathBuf,
}

/// Decides on the plan before anything is changed. The report tells what is to be done, not what was.
pub type Confirm<'a> = dyn FnMut(&CheckoutReport) -> bool + 'a;

/// Makes the live state that of a commit. Returns only after the two were compared and found equal.
///
/// # Errors
/// Whatever keeps it from being equal. Up to the swap nothing is changed; after it the next command finishes the
/// change.
pub fn checkout(
    session: &mut Session<'_>,
    options: &CheckoutOptions,
    confirm: &mut Confirm<'_>,
) -> Result<CheckoutReport, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    recover::finish_or_give_up(session, options.discard && !options.dry_run)?;
    let start = Start::of(session, options)?;
    if !options.dry_run {
        missing::bring(session, &start.options.rev)?;
    }
    let mut report = attend::checkout(session, &start.options, confirm)?;
    if !options.dry_run {
        report.follows = start.note(session, report.head.branch.as_deref())?;
    }
    Ok(report)
}

/// Why a checkout is performed.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    Checkout,
    /// The swap of an earlier one began and did not end.
    Recovery(&'a Journal),
    /// Only the live state is brought back: HEAD is moved by whoever asks for it.
    LiveOnly,
}

/// What is asked when the plan is known and nothing has changed yet.
pub(super) trait Gate {
    /// Adds to the report what else is known beforehand.
    fn look(&mut self, session: &Session<'_>, options: &CheckoutOptions, report: &mut CheckoutReport);

    /// The last moment at which nothing has changed.
    fn pass(
        &mut self,
        session: &Session<'_>,
        options: &CheckoutOptions,
        report: &CheckoutReport,
    ) -> Result<Passed, Error>;

    /// The state before is recorded where it has to be. Nothing has changed yet. The journal is the one that the swap will
    /// seal.
    fn saved(&mut self, _: &Session<'_>, _: &CheckoutReport, _: &Journal) -> Result<(), Error> {
        Ok(())
    }
}

/// How it goes on behind a [`Gate`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// The plan holds.
    GoOn,
    /// Services that wrote to the roots were stopped meanwhile.
    LookAgain,
}

/// A checkout under the lock.
pub(super) fn perform(
    session: &mut Session<'_>,
    options: &CheckoutOptions,
    purpose: Purpose<'_>,
    gate: &mut dyn Gate,
) -> Result<CheckoutReport, Error> {
    let target = Target::find(session, options, purpose)?;
    let selection = Selection::new(
        &session.repo.config().roots,
        &options.roots,
        &options.paths,
        &options.cwd,
    )?
    .with_exact(&options.exact);
    make_missing_roots(session, options)?;
    let (mut live, mut prepared, mut report) = plan(session, options, purpose, &target, &selection)?;
    // Planning again finds the same.
    prepared
        .warnings
        .iter()
        .for_each(|warning| session.progress.warn(warning));
    gate.look(session, options, &mut report);
    if options.dry_run {
        return Ok(report);
    }
    let passed = gate.pass(session, options, &report)?;
    // A question may have stood for long.
    if passed == Passed::LookAgain || live.is_old() {
        let outlook = report.outlook;
        (live, prepared, report) = plan(session, options, purpose, &target, &selection)?;
        report.outlook = Outlook {
            is_recorded: report.outlook.is_recorded,
            saves: report.outlook.saves,
            ..outlook
        };
    }
    if report.outlook.saves {
        report.autosave = Some(autosave(session, &mut live)?);
        // It pinned that state, and for that may have moved pins that the plan counts on.
        prepared = Prepared::new(session, &live, &target, &selection, options)?;
    }
    let journal = match purpose {
        Purpose::Recovery(journal) => journal.clone(),
        _ => target.journal(session, options, report.autosave.as_ref())?,
    };
    gate.saved(session, &report, &journal)?;
    let swept = prepared.apply(session, &live, &journal, options)?;
    report.stuck = swept.stuck.clone();
    if !swept.parked.is_empty() {
        pinning::put_by(&pinning::all_pins(session), &live, &swept.parked);
    }
    let viewpoint = session.viewpoint_of(Some(target.commit));
    let mut live = live.look_again(&viewpoint, &prepared.touched(), &swept.written)?;
    if !target.partial {
        prepared.recognize(session, &mut live, &target)?;
    }
    live.derive(&viewpoint)?;
    report.verified = prepared.verify(session, &live, &target, &selection, swept.from_layers)?;
    target.move_head(session)?;
    live.outlast_doubt(&swept.written);
    // Opened again: HEAD moved, and may name other homes.
    let pins = pinning::all_pins(session);
    let changed = pinning::Which::Changed {
        units: prepared.units(),
        known: prepared.known_pins(),
    };
    pinning::hold(session, &pins, &mut live, changed);
    if !target.partial {
        live.mark_recorded();
    }
    let journal = session.repo.journal_path();
    if journal.exists() {
        Journal::drop_from(&journal)?;
    }
    if !target.partial {
        session.repo.note_place()?;
        notes::settle(session)?;
    }
    for root in &session.repo.config().roots {
        discard_stage(&root.path, pins.get(&root.name))?;
    }
    live.save_while(&session.viewpoint(), |live, is_saving| {
        pinning::tidy(session, &pins, live, pinning::After::Checkout, is_saving)
    });
    report.head = head(session.repo.history())?;
    drop_later((live, prepared, swept));
    Ok(report)
}

/// Looks at the live state and plans, and changes nothing.
fn plan(
    session: &Session<'_>,
    options: &CheckoutOptions,
    purpose: Purpose<'_>,
    target: &Target,
    selection: &Selection,
) -> Result<(Live, Prepared, CheckoutReport), Error> {
    let known = known_before(session, target, purpose)?;
    let live = Live::capture(&session.viewpoint_of(Some(target.commit)), &known)?;
    let is_recovery = matches!(purpose, Purpose::Recovery(_));
    // Nobody knows what is in a folder that cannot be listed. One who only goes on gives up nothing that he did not say.
    let may_go = options.discard && !is_recovery && live.roots.iter().all(|root| root.unreadable.is_empty());
    if !live.failures.is_empty() && !may_go {
        return Err(Error::Unsaved(live.failures));
    }
    // What an interrupted checkout was asked for may be gone by now.
    if !is_recovery {
        refuse_unmatched(session, &live, target, selection)?;
    }
    let mut prepared = Prepared::new(session, &live, target, selection, options)?;
    let report = CheckoutReport {
        target: SideName {
            commit: Some(target.commit),
            name: target.name.clone(),
        },
        short: session.repo.history().short(target.commit),
        subject: session.repo.history().commit_info(target.commit)?.subject().to_owned(),
        plan: prepared.report(),
        autosave: None,
        head: head(session.repo.history())?,
        partial: target.partial,
        dry_run: options.dry_run,
        changes: with_packages(std::mem::take(&mut prepared.changes), &options.packages),
        verified: Verified::default(),
        outlook: Outlook {
            is_recorded: prepared.is_recorded,
            saves: !options.discard && !prepared.is_recorded && prepared.has_work(),
            ..Outlook::default()
        },
        service_problem: None,
        health: None,
        marked_good: None,
        rolled_back: None,
        follows: None,
        warnings: live.warnings.clone(),
        stuck: Vec::new(),
    };
    Ok((live, prepared, report))
}

/// Changes of paths, with those of packages.
fn with_packages(mut changes: Changes, packages: &[RootChanges]) -> Changes {
    for of_root in packages {
        match changes.roots.iter_mut().find(|known| known.root == of_root.root) {
            Some(known) => known.packages.clone_from(&of_root.packages),
            None => changes.roots.push(of_root.clone()),
        }
    }
    changes.roots.retain(|root| !root.is_empty());
    changes
}

/// What an interrupted checkout had moved into place is known by the stamps of its pins.
fn known_before(session: &Session<'_>, target: &Target, purpose: Purpose<'_>) -> Result<WrittenByRoot, Error> {
    let mut known = WrittenByRoot::new();
    if !matches!(purpose, Purpose::Recovery(_)) {
        return Ok(known);
    }
    let goal = Side::of_commit(session.repo.history(), target.commit, &target.name)?;
    for root in &session.repo.config().roots {
        let Ok(pins) = pinning::pins_of(session, root) else {
            continue;
        };
        let units = goal.entries(&root.name)?;
        let ids = goal.named_units(&root.name, &BTreeMap::new());
        let entries = pins.recognize(&pinned::wanted(&ids, &units));
        known.insert(root.name.clone(), entries.into_iter().collect());
    }
    Ok(known)
}

/// A root that stood on a file system which is not mounted now is not made anew where it would be mounted.
fn refuse_elsewhere(session: &Session<'_>, root: &Root) -> Result<(), Error> {
    let before = RootState::remembered_device(&session.repo.state_path(&root.name));
    let now = root.path.parent().map(device_of).transpose()?;
    match before {
        Some(before) if Some(before) != now => Err(scan::Error::Elsewhere {
            name: root.name.to_string(),
            path: root.path.clone(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// A root whose directory is gone is made anew, empty, so that it can be brought back.
fn make_missing_roots(session: &Session<'_>, options: &CheckoutOptions) -> Result<(), Error> {
    for root in &session.repo.config().roots {
        let parent_stands = root.path.parent().is_some_and(|parent| parent.is_dir());
        if root.path.symlink_metadata().is_err() && parent_stands && !options.dry_run {
            refuse_elsewhere(session, root)?;
            session
                .progress
                .warn(&format!("{} is gone; it is made anew", root.path.display()));
            crate::fsx::create_dir_all(&root.path)?;
        }
    }
    Ok(())
}
