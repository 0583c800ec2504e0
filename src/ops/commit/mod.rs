//! `commit`: the live state becomes a commit.

mod place;

use super::error::Error;
use super::live::Live;
use super::operations::{Done, OperationKind, Watch};
use super::pause::Pause;
use super::record::{Words, absorb, changes_since, keep, manifest, record};
use super::report::CommitReport;
use super::side::manifest_of;
use super::{Session, clone, moved, notes, pinning, recover, shell};
use crate::compare::describe as describe_changes;
use crate::service::ssh::SigningKey;
use crate::snapshot::change::Changes;
use crate::snapshot::facts::{Manifest, RootFacts};
use crate::snapshot::finding::thousands;
use place::Place;

/// How to commit.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// The message; written from the changes when absent.
    pub message: Option<String>,
    /// Tags for the new commit.
    pub tags: Vec<String>,
    /// Starts this branch for it.
    pub branch: Option<String>,
    /// Commit even if nothing changed.
    pub allow_empty: bool,
    /// Put the new commit in the place of the one that HEAD is at, with its message where none is given.
    pub amend: bool,
    /// Leave out files that cannot be read.
    pub skip_unreadable: bool,
    /// Sign the commit with this key.
    pub key: Option<SigningKey>,
}

/// Records the live state.
///
/// # Errors
/// A root that is not there, files that cannot be read or never hold still, names that are taken. No ref has moved
/// then.
pub fn commit(session: &mut Session<'_>, options: &CommitOptions) -> Result<CommitReport, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    recover::finish_interrupted(session)?;
    notes::refuse_unsettled(session)?;
    let watch = Watch::begin(session)?;
    let pause = match session.repo.config().services.quiesce {
        true => Pause::begin(session)?,
        false => None,
    };
    let outcome = record_live(session, options);
    let problem = pause.and_then(|pause| pause.end(session));
    let report = match (outcome, problem) {
        (Ok(report), problem) => CommitReport {
            service_problem: problem,
            ..report
        },
        (Err(error), problem) => {
            problem.iter().for_each(|problem| session.progress.warn(problem));
            return Err(error);
        }
    };
    let done = match report.commit {
        Some(_) => Done::refs(
            OperationKind::Commit,
            format!(
                "{}: {}",
                if options.amend { "commit --amend" } else { "commit" },
                report.message.lines().next().unwrap_or_default()
            ),
        ),
        None => Done::refs(OperationKind::Tag, format!("tag {}", report.tags.join(" "))),
    };
    watch.end(session, done)?;
    Ok(report)
}

fn record_live(session: &mut Session<'_>, options: &CommitOptions) -> Result<CommitReport, Error> {
    if let Some(url) = clone::unfinished(session) {
        return Err(Error::refused(
            format!("this is a clone of {url} that was cut off: nothing of it stands here yet"),
            format!("finish it: envgit clone {url} {}", session.repo.project().display()),
        ));
    }
    let place = Place::choose(session, options)?;
    let mut live = Live::scan(&session.viewpoint(), &Default::default())?;
    let mut layer = None;
    let mut changes = Changes::default();
    // Where nothing must be read, nothing may have changed, and then the layers need not even be opened.
    let maybe_unchanged = live.is_known() && place.at.is_some();
    if maybe_unchanged {
        live.complete(&session.viewpoint())?;
        changes = changes_since(session, place.at, &live)?;
    }
    if !maybe_unchanged || !changes.is_empty() || options.allow_empty {
        layer = absorb(session, &mut live)?;
        refuse_unreadable(&live, options)?;
        live.complete(&session.viewpoint())?;
        changes = changes_since(session, place.at, &live)?;
    }
    refuse_unreadable(&live, options)?;
    moved::refuse(session, &changes)?;
    let mut report = CommitReport {
        commit: None,
        short: place.at.map(|id| session.repo.history().short(id)).unwrap_or_default(),
        branch: place.branch.clone(),
        started_branch: false,
        is_first: place.parents.is_empty(),
        message: String::new(),
        tags: options.tags.clone(),
        changes: Changes::default(),
        manifest: None,
        service_problem: None,
        skipped: [live.failures.clone(), live.special.clone()].concat(),
        warnings: live.warnings.clone(),
    };
    let says_the_same = match (&options.message, &place.message_before) {
        (Some(message), Some(before)) => message.trim_end() == before.trim_end(),
        _ => true,
    };
    if place.at.is_some() && changes.is_empty() && says_the_same && !options.allow_empty {
        place.tag_head(session, &options.tags)?;
        return Ok(report);
    }
    let message = place.message(session, options)?;
    let new_layer = keep(session, layer)?;
    let layer = match (&new_layer, place.at) {
        // The same state under another message: its content came with the commit that goes.
        (None, Some(at)) if options.amend && changes.is_empty() => manifest_of(session.repo.history(), at)?.layer,
        _ => new_layer.clone(),
    };
    if options.amend {
        changes = changes_since(session, place.parents.first().copied(), &live)?;
    }
    let message = match message {
        Some(message) => message,
        None if place.parents.is_empty() => first_message(&live),
        None => describe_changes(&changes),
    };
    let words = Words {
        message: &message,
        key: options.key.as_ref(),
    };
    let (commit, manifest) = record(session, &live, layer, &place.parents, words)?;
    report.warnings.extend(place.left_behind(session)?);
    place.publish(session, commit, &message, &options.tags)?;
    let pins = pinning::all_pins(session);
    pinning::hold(session, &pins, &mut live, pinning::Which::Missing);
    live.mark_recorded();
    let recorded = changes.vars.iter().map(|var| var.name.as_str());
    if let Err(error) = shell::forget(&session.repo, recorded) {
        report.warnings.push(error.to_string());
    }
    live.save_while(&session.viewpoint(), |live, is_saving| {
        pinning::tidy(session, &pins, live, pinning::After::Commit, is_saving);
    });
    report.commit = Some(commit);
    report.short = session.repo.history().short(commit);
    report.started_branch = place.starts_branch;
    report.message = message;
    if !report.is_first {
        report.changes = changes;
    }
    report.manifest = Some(Manifest {
        layer: new_layer,
        ..manifest
    });
    Ok(report)
}

fn refuse_unreadable(live: &Live, options: &CommitOptions) -> Result<(), Error> {
    if live.failures.is_empty() || options.skip_unreadable {
        return Ok(());
    }
    Err(Error::Unreadable(live.failures.clone()))
}

fn first_message(live: &Live) -> String {
    let manifest = manifest(live, None);
    let total = |count: fn(&RootFacts) -> u64| manifest.roots.values().map(count).sum::<u64>();
    let names: Vec<_> = manifest.roots.keys().map(ToString::to_string).collect();
    let counted = |count: u64, noun: &str| format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" });
    format!(
        "First state of {}: {}, {}",
        names.join(", "),
        counted(total(|root| root.packages), "package"),
        counted(total(|root| root.files), "file")
    )
}
