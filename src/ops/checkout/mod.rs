//! `checkout`: the live state becomes that of a commit.
//!
//! ```text
//! scan ─► plan ─► preflight ─► autosave ─► stage ─► seal journal ─► swap ─► verify ─► move HEAD ─► drop journal
//! ```

mod autosave;
mod pinned;
mod preflight;
mod prepared;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use super::diff::head;
use super::error::Error;
use super::live::{Live, WrittenByRoot};
use super::pathspec::Selection;
use super::report::{CheckoutReport, PlanReport, SideName};
use super::side::Side;
use super::{Session, pinning, recover};
use crate::apply::discard_stage;
use crate::apply::journal::Journal;
use autosave::autosave;
use prepared::Prepared;
use target::Target;

/// What to bring back.
#[derive(Clone, Debug, Default)]
pub struct CheckoutOptions {
    /// The revision.
    pub rev: String,
    /// Makes this branch there and puts HEAD on it.
    pub branch: Option<String>,
    /// Only these paths: relative to `cwd`, absolute, or `ROOT:PATH`.
    pub paths: Vec<String>,
    /// Only these roots.
    pub roots: Vec<String>,
    /// Do not record the live state first; overwrite what no commit holds.
    pub discard: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Read what comes from pins and compare digests, where stamps would do.
    pub verify: bool,
    /// Take all from the layers.
    pub without_pins: bool,
    /// The folder against which relative paths count.
    pub cwd: PathBuf,
}

/// Decides on the plan before anything is changed.
pub type Confirm<'a> = dyn FnMut(&PlanReport) -> bool + 'a;

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
    recover::finish_interrupted(session)?;
    perform(session, options, Purpose::Checkout, confirm)
}

/// Why a checkout is performed.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    Checkout,
    /// The swap of an earlier one began and did not end.
    Recovery(&'a Journal),
}

/// A checkout under the lock.
pub(super) fn perform(
    session: &mut Session<'_>,
    options: &CheckoutOptions,
    purpose: Purpose<'_>,
    confirm: &mut Confirm<'_>,
) -> Result<CheckoutReport, Error> {
    let target = Target::find(session, options, purpose)?;
    let selection = Selection::new(
        &session.repo.config().roots,
        &options.roots,
        &options.paths,
        &options.cwd,
    )?;
    make_missing_roots(session, options)?;
    let mut live = Live::capture(session, &known_before(session, &target, purpose)?)?;
    if !live.failures.is_empty() {
        return Err(Error::Unreadable(live.failures));
    }
    let prepared = Prepared::new(session, &live, &target, &selection, options)?;
    let mut report = CheckoutReport {
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
        changes: prepared.changes.clone(),
        verified: 0,
        warnings: live.warnings.clone(),
    };
    if options.dry_run {
        return Ok(report);
    }
    if !confirm(&report.plan) {
        return Err(Error::Declined);
    }
    if !options.discard && !prepared.is_recorded && prepared.has_work() {
        report.autosave = Some(autosave(session, &mut live)?);
    }
    let swept = prepared.apply(session, &live, &target, options, report.autosave.as_ref())?;
    let before = live;
    let mut live = Live::capture(session, &swept.written)?;
    report.verified = prepared.verify(session, &live, &target, &selection)?;
    target.move_head(session)?;
    for (root, parked) in &swept.parked {
        pinning::put_by(session, &before, root, parked);
    }
    drop(before);
    pinning::hold(session, &mut live, &pinning::Which::Changed(&prepared.units()));
    if target.partial {
        live.save_restamped(session);
    } else {
        live.mark_recorded(session);
    }
    let journal = session.repo.journal_path();
    if journal.exists() {
        Journal::drop_from(&journal)?;
    }
    for root in &session.repo.config().roots {
        discard_stage(&root.path, pinning::pins_of(session, root).ok().as_ref())?;
    }
    pinning::tidy(session, &live, PATIENCE);
    report.head = head(session.repo.history())?;
    Ok(report)
}

/// How long a checkout removes what waits to be removed.
const PATIENCE: Duration = Duration::from_millis(50);

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
        let entries = pins.recognize(&pinned::wanted(&goal, &root.name, &units));
        let entries = entries
            .into_iter()
            .map(|(entry, ino)| (entry.path.clone(), (entry, ino)));
        known.insert(root.name.clone(), entries.collect());
    }
    Ok(known)
}

/// A root whose directory is gone is made anew, empty, so that it can be brought back.
fn make_missing_roots(session: &Session<'_>, options: &CheckoutOptions) -> Result<(), Error> {
    for root in &session.repo.config().roots {
        let parent_stands = root.path.parent().is_some_and(|parent| parent.is_dir());
        if root.path.symlink_metadata().is_err() && parent_stands && !options.dry_run {
            session
                .progress
                .warn(&format!("{} is gone; it is made anew", root.path.display()));
            crate::fsx::create_dir_all(&root.path)?;
        }
    }
    Ok(())
}
