//! `autosaves`: the states that were recorded before a checkout, and how long they are kept.

use std::collections::HashMap;

use super::Session;
use super::error::Error;
use super::operations::OperationLog;
use super::pathspec::Selection;
use super::report::{AutosaveEntry, AutosavesReport, Kept};
use super::side::{Side, compare, manifest_of};
use crate::history::{CommitId, Ref, RefKind, Time};

const DAY: i64 = 24 * 60 * 60;

/// All autosaves, newest first.
///
/// # Errors
/// What cannot be read.
pub fn autosaves(session: &mut Session<'_>) -> Result<AutosavesReport, Error> {
    let rule = session.repo.config().autosaves;
    let mut autosaves = Vec::new();
    for (known, time, kept) in judged(session, RefKind::Autosave)? {
        autosaves.push(entry(session, &known, time, kept)?);
    }
    Ok(AutosavesReport {
        autosaves,
        keep: rule.keep,
        keep_days: rule.keep_days,
    })
}

/// The refs that a clean-up may remove: autosaves, and what is kept for `undo`, when neither their age nor their
/// number keeps them. All that no other ref leads to may go with them, and nothing before.
///
/// # Errors
/// What cannot be read.
pub fn expired(session: &Session<'_>) -> Result<Vec<Ref>, Error> {
    let mut list = judged(session, RefKind::Autosave)?;
    list.extend(judged(session, RefKind::Undo)?);
    list.retain(|(_, _, kept)| *kept == Kept::Expired);
    Ok(list.into_iter().map(|(known, _, _)| known).collect())
}

/// The refs of a kind with when they were made and how long they are kept, newest first.
fn judged(session: &Session<'_>, kind: RefKind) -> Result<Vec<(Ref, Time, Kept)>, Error> {
    let history = session.repo.history();
    let rule = session.repo.config().autosaves;
    let of_kind = history.refs()?.into_iter().filter(|known| known.kind() == kind);
    // A commit may be old when an operation leaves it, and an autosave when another checkout relies on it.
    let mut left: HashMap<u64, Time> = HashMap::new();
    let mut needed: HashMap<CommitId, Time> = HashMap::new();
    for operation in OperationLog::of(session).all()? {
        left.insert(operation.id, operation.time);
        if let Some(from) = operation.live.and_then(|live| live.from) {
            needed.insert(from, operation.time);
        }
    }
    let mut list = Vec::new();
    for known in of_kind {
        let number = number(&known);
        let made = history.commit_info(known.commit)?.time;
        let time = match (kind, left.get(&number)) {
            (RefKind::Undo, Some(time)) => *time,
            _ => made,
        };
        let last_use = needed.get(&known.commit).map_or(time, |needed| time.max(*needed));
        list.push((number, known, time, last_use));
    }
    list.sort_by(|a, b| (b.0, &b.1.name).cmp(&(a.0, &a.1.name)));
    let judge = |place: usize, time: Time| {
        let until = time.seconds.saturating_add(i64::from(rule.keep_days) * DAY);
        if place < rule.keep {
            Kept::Newest
        } else if until > session.now.seconds {
            Kept::Until(Time { seconds: until, ..time })
        } else {
            Kept::Expired
        }
    };
    Ok(list
        .into_iter()
        .enumerate()
        .map(|(place, (_, known, time, last_use))| (known, time, judge(place, last_use)))
        .collect())
}

/// `refs/undo/7-2` belongs to 7.
fn number(known: &Ref) -> u64 {
    let last = known.short_name().rsplit('/').next().unwrap_or_default();
    last.split('-')
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn entry(session: &Session<'_>, known: &Ref, time: Time, kept: Kept) -> Result<AutosaveEntry, Error> {
    let history = session.repo.history();
    let info = history.commit_info(known.commit)?;
    let to = Side::of_commit(history, info.id, "")?;
    let from = match info.parents.first() {
        Some(parent) => Side::of_commit(history, *parent, "")?,
        None => Side::empty(history),
    };
    let changes = compare(&from, &to, &Selection::default())?;
    let manifest = manifest_of(history, info.id)?;
    Ok(AutosaveEntry {
        name: known.short_name().to_owned(),
        commit: known.commit,
        short: history.short(known.commit),
        subject: info.subject().trim_start_matches("Autosave: ").to_owned(),
        time,
        age: session.now.seconds.saturating_sub(time.seconds).max(0),
        changed: changes.roots.iter().map(|root| root.files.len() as u64).sum(),
        stored: manifest.layer.map_or(0, |layer| layer.content),
        kept,
    })
}
