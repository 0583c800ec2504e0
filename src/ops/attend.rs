//! What stands around every restore: a reason, processes and services, the audit log, health, the log of operations.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::checkout::{CheckoutOptions, Confirm, Gate, Passed, Purpose, perform};
use super::diff::head;
use super::error::Error;
use super::health;
use super::operations::{Done, LiveMove, OperationKind, Watch};
use super::pause::{Pause, place};
use super::pending::Pending;
use super::report::{CheckoutReport, HeadReport, Outlook};
use super::{Session, undo};
use crate::apply::journal::Journal;
use crate::audit::{self, Actor, Changed, Event, Finished, HealthResult, Log, Outcome, Point, Started};
use crate::history::Time;
use crate::service::processes::{Process, user_name, using};
use crate::snapshot::change::{Changes, FileChangeKind};

/// A checkout under the lock, with all that belongs to one.
pub(super) fn checkout(
    session: &mut Session<'_>,
    options: &CheckoutOptions,
    confirm: &mut Confirm<'_>,
) -> Result<CheckoutReport, Error> {
    if options.dry_run {
        return perform(session, options, Purpose::Checkout, &mut Unasked);
    }
    let watch = Watch::begin(session)?;
    let before = head(session.repo.history())?;
    let what = what(options, &before);
    let pending = Pending {
        kind: OperationKind::Checkout,
        what: what.clone(),
        of: None,
        reverses: None,
        live: None,
        roots: options.roots.clone(),
        paths: options.paths.clone(),
        exact: options.exact.clone(),
        cwd: options.cwd.clone(),
        swap: None,
    };
    let command = if options.exact.is_empty() {
        "checkout"
    } else {
        "restore"
    };
    let mut attended = Attended::new(command, before.clone(), pending, confirm);
    let outcome = perform(session, options, Purpose::Checkout, &mut attended);
    let (mut report, end) = attended.finish(session, outcome)?;
    if let Some(commit) = report.target.commit.filter(|_| !report.partial) {
        health::note(session, commit, &mut report)?;
    }
    let done = Done {
        kind: OperationKind::Checkout,
        what,
        of: None,
        live: live_move(&report, &before),
        audit: end,
    };
    let operation = watch.end(session, done)?;
    Pending::clear(session)?;
    let is_ill = report.health.as_ref().is_some_and(|health| !health.healthy);
    if is_ill && options.auto_rollback && operation.is_some() {
        let reason = format!("the health check failed after checkout {}", options.rev);
        report.rolled_back = Some(Box::new(undo::go_back(session, options, reason)?));
        report.head = head(session.repo.history())?;
    }
    Ok(report)
}

fn what(options: &CheckoutOptions, before: &HeadReport) -> String {
    if !options.exact.is_empty() {
        return format!("restore from {}", options.rev);
    }
    if let Some(branch) = &options.forward {
        return format!("pull: {branch} goes on to {}", options.rev);
    }
    let only: Vec<&str> = options.roots.iter().chain(&options.paths).map(String::as_str).collect();
    if !only.is_empty() {
        return format!("checkout {} -- {}", options.rev, only.join(" "));
    }
    let to = options.branch.as_ref().unwrap_or(&options.rev);
    format!("checkout: from {} to {to}", name_of(before))
}

fn name_of(head: &HeadReport) -> String {
    let name = head.branch.clone().or_else(|| head.detached_from.clone());
    name.unwrap_or_default()
}

/// Where a checkout took the live state, if anywhere.
pub(super) fn live_move(report: &CheckoutReport, before: &HeadReport) -> Option<LiveMove> {
    let to = report.target.commit?;
    let saved = report.autosave.as_ref().map(|autosave| autosave.commit);
    (!report.plan.roots.is_empty()).then(|| LiveMove {
        from: saved.or(before.commit),
        to,
        discarded: saved.is_none() && !report.outlook.is_recorded,
    })
}

/// A gate that asks nothing: for plans that are only shown, and for what must be finished.
pub(super) struct Unasked;

impl Gate for Unasked {
    fn look(&mut self, session: &Session<'_>, _: &CheckoutOptions, report: &mut CheckoutReport) {
        look(session, report);
    }

    fn pass(&mut self, _: &Session<'_>, _: &CheckoutOptions, _: &CheckoutReport) -> Result<Passed, Error> {
        Ok(Passed::GoOn)
    }
}

fn look(session: &Session<'_>, report: &mut CheckoutReport) {
    let has_work = !report.plan.roots.is_empty();
    let services = &session.repo.config().services;
    report.outlook = Outlook {
        services: if has_work { services.names() } else { Vec::new() },
        in_use: users(session, report),
        ..report.outlook.clone()
    };
}

/// The processes that use files which get another inode or go.
fn users(session: &Session<'_>, report: &CheckoutReport) -> Vec<Process> {
    let config = session.repo.config();
    let planned = report.plan.roots.iter().filter_map(|plan| {
        // As the kernel names it.
        let top = config.root(plan.root.as_str())?.path.canonicalize().ok()?;
        Some((top, &plan.paths))
    });
    let planned: Vec<_> = planned.collect();
    let is_disturbed = |used: &Path| {
        planned.iter().any(|(top, paths)| {
            let Ok(path) = used.strip_prefix(top) else { return false };
            let path = path.as_os_str().as_bytes();
            let at = paths.binary_search_by(|(known, _)| known.as_bytes().cmp(path));
            at.is_ok_and(|at| matches!(paths[at].1, FileChangeKind::Modified | FileChangeKind::Removed))
        })
    };
    match planned.is_empty() {
        true => Vec::new(),
        false => using(&is_disturbed),
    }
}

/// A restore under way.
pub(super) struct Attended<'c, 'f> {
    command: &'static str,
    before: HeadReport,
    pending: Pending,
    confirm: &'c mut Confirm<'f>,
    begun: Instant,
    started: Option<u64>,
    pause: Option<Pause>,
}

impl<'c, 'f> Attended<'c, 'f> {
    /// `pending` is what the next command shall find if this one is interrupted.
    pub(super) fn new(
        command: &'static str,
        before: HeadReport,
        pending: Pending,
        confirm: &'c mut Confirm<'f>,
    ) -> Self {
        Self {
            command,
            before,
            pending,
            confirm,
            begun: Instant::now(),
            started: None,
            pause: None,
        }
    }

    /// Starts the services again, whatever happened, asks whether all is well, and writes down how it ended.
    pub(super) fn finish(
        mut self,
        session: &Session<'_>,
        outcome: Result<CheckoutReport, Error>,
    ) -> Result<(CheckoutReport, Option<audit::End>), Error> {
        let problem = self.pause.take().and_then(|pause| pause.end(session));
        if outcome.is_err() && !session.repo.journal_path().exists() {
            // Nothing has changed, so nothing is to be finished.
            Pending::clear(session)?;
        }
        let mut outcome = outcome;
        match &mut outcome {
            Ok(report) => {
                if !report.plan.roots.is_empty() {
                    report.health = session.repo.config().health.ask(place(session));
                }
                report.service_problem = problem;
            }
            Err(_) => problem.iter().for_each(|problem| session.progress.warn(problem)),
        }
        let noted = self.note_end(session, &outcome);
        let report = outcome?;
        Ok((report, noted?))
    }

    fn note_end(
        &self,
        session: &Session<'_>,
        outcome: &Result<CheckoutReport, Error>,
    ) -> Result<Option<audit::End>, Error> {
        let Some(of) = self.started else { return Ok(None) };
        let elapsed = self.begun.elapsed();
        let report = outcome.as_ref().ok();
        let health = report.and_then(|report| report.health.as_ref());
        let compared = report.map(|report| report.verified).unwrap_or_default();
        let finished = Finished {
            of,
            time: later(session.now, elapsed).rfc3339(),
            who: actor(session),
            outcome: if report.is_some() {
                Outcome::Done
            } else {
                Outcome::Failed
            },
            error: outcome.as_ref().err().map(ToString::to_string),
            milliseconds: u64::try_from(elapsed.as_millis()).ok(),
            verified: compared.paths,
            by_content: compared.by_content,
            by_stamp: compared.by_stamp,
            saved_as: report.and_then(|report| Some(report.autosave.as_ref()?.name.clone())),
            health: health.map(|health| HealthResult {
                healthy: health.healthy,
                check: health.check.clone(),
                problem: health.problem.as_ref().map(ToString::to_string),
            }),
        };
        Ok(Some(Log::new(session.repo.dir()).add(Event::Finished(finished))?))
    }
}

impl Gate for Attended<'_, '_> {
    fn look(&mut self, session: &Session<'_>, _: &CheckoutOptions, report: &mut CheckoutReport) {
        look(session, report);
    }

    fn pass(
        &mut self,
        session: &Session<'_>,
        options: &CheckoutOptions,
        report: &CheckoutReport,
    ) -> Result<Passed, Error> {
        if session.repo.config().audit.require_reason
            && options.reason.as_deref().is_none_or(|reason| reason.trim().is_empty())
        {
            return Err(Error::NoReason);
        }
        let outlook = &report.outlook;
        if !outlook.in_use.is_empty() && !options.force && outlook.services.is_empty() {
            return Err(Error::InUse {
                processes: outlook.in_use.iter().map(ToString::to_string).collect(),
            });
        }
        if !(self.confirm)(report) {
            return Err(Error::Declined);
        }
        // From here on time counts that the restore takes, not the user.
        self.begun = Instant::now();
        let started = Started {
            time: session.now.rfc3339(),
            who: actor(session),
            command: self.command.to_owned(),
            why: options.reason.clone(),
            from: Point {
                commit: self.before.commit.as_ref().map(ToString::to_string),
                name: Some(name_of(&self.before)),
                changed: !outlook.is_recorded,
            },
            to: Point {
                commit: report.target.commit.as_ref().map(ToString::to_string),
                name: Some(options.branch.clone().unwrap_or_else(|| report.target.name.clone())),
                changed: false,
            },
            only: [options.roots.clone(), options.paths.clone()].concat(),
            changes: changed(report),
        };
        let log = Log::new(session.repo.dir());
        self.started = Some(log.add(Event::Started(started))?.id);
        if outlook.services.is_empty() {
            return Ok(Passed::GoOn);
        }
        self.pause = Pause::begin(session)?;
        Ok(Passed::LookAgain)
    }

    fn saved(&mut self, session: &Session<'_>, report: &CheckoutReport, swap: &Journal) -> Result<(), Error> {
        self.pending.live = live_move(report, &self.before);
        self.pending.swap = Some(swap.clone());
        self.pending.write(session)
    }
}

fn changed(report: &CheckoutReport) -> Changed {
    /// How many packages a line names.
    const NAMED: usize = 50;
    let total = |count: fn(&super::report::RootPlanReport) -> u64| report.plan.roots.iter().map(count).sum();
    let mut packages = packages(&report.changes);
    if packages.len() > NAMED {
        let more = packages.len() - NAMED;
        packages.truncate(NAMED);
        packages.push(format!("and {more} more"));
    }
    Changed {
        added: total(|root| root.added),
        replaced: total(|root| root.replaced),
        removed: total(|root| root.removed),
        metadata_only: total(|root| root.metadata),
        packages,
    }
}

/// `numpy 1.26.4 → 1.24.4`, `+pyworld 0.3.4`, `-six 1.16.0`.
fn packages(changes: &Changes) -> Vec<String> {
    let all = changes.roots.iter().flat_map(|root| &root.packages);
    all.map(|change| match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{} {} → {}", change.name, from.version, to.version),
        (None, Some(to)) => format!("+{} {}", change.name, to.version),
        (Some(from), None) => format!("-{} {}", change.name, from.version),
        (None, None) => change.name.clone(),
    })
    .collect()
}

fn later(time: Time, elapsed: Duration) -> Time {
    Time {
        seconds: time.seconds.saturating_add_unsigned(elapsed.as_secs()),
        ..time
    }
}

/// Who acts, as the machine knows it.
pub(super) fn actor(session: &Session<'_>) -> Actor {
    let sudo = session.env.iter().find(|(name, _)| name == "SUDO_USER");
    let uname = rustix::system::uname();
    Actor {
        name: session.who.name.clone(),
        user: user_name(rustix::process::geteuid().as_raw()),
        sudo_user: sudo.and_then(|(_, value)| Some(value.to_str()?.to_owned())),
        host: uname.nodename().to_string_lossy().into_owned(),
    }
}

/// Tells the audit log what became of a restore that was interrupted.
pub(super) fn note_interrupted(
    session: &Session<'_>,
    outcome: Outcome,
    error: Option<String>,
) -> Result<Option<audit::End>, Error> {
    let log = Log::new(session.repo.dir());
    let Some(of) = log.unfinished()? else { return Ok(None) };
    let finished = Finished {
        of,
        time: session.now.rfc3339(),
        who: actor(session),
        outcome,
        error,
        milliseconds: None,
        verified: 0,
        by_content: 0,
        by_stamp: 0,
        saved_as: None,
        health: None,
    };
    Ok(Some(log.add(Event::Finished(finished))?))
}
