//! `verify --live`: live roots against a commit, every file read and hashed, whatever the caches say.

use std::collections::BTreeMap;
use std::path::Path;

use super::report::{LiveReport, LiveRootReport};
use crate::capture::scan::LiveRoot;
use crate::capture::written::Written;
use crate::compare;
use crate::cores;
use crate::ops::error::Error;
use crate::ops::live::{Viewpoint, describe, rules};
use crate::ops::report::SideName;
use crate::ops::side::Side;
use crate::ops::{Session, pathspec};
use crate::progress::Phase;
use crate::snapshot::change::FileChange;
use crate::snapshot::root::Root;

/// Compares live roots with a commit: all of them, or those that are named.
///
/// # Errors
/// An unknown revision or root; a root that is not there.
pub fn verify_live(session: &mut Session<'_>, rev: &str, roots: &[String]) -> Result<LiveReport, Error> {
    let history = session.repo.history();
    let commit = history.resolve(rev)?;
    let goal = Side::of_commit(history, commit, rev)?;
    let declared = &session.repo.config().roots;
    let selection = pathspec::Selection::new(declared, roots, &[], Path::new("/"))?;
    let mut report = LiveReport {
        side: SideName {
            commit: Some(commit),
            name: rev.to_owned(),
        },
        short: history.short(commit),
        files: 0,
        bytes: 0,
        roots: Vec::new(),
        warnings: Vec::new(),
    };
    for root in declared.iter().filter(|root| selection.has_root(&root.name)) {
        if !goal.roots.contains_key(&root.name) {
            report
                .warnings
                .push(format!("{rev} does not know the root {}", root.name));
            continue;
        }
        let live = read(&session.viewpoint_of(Some(commit)), root, &mut report)?;
        let now = by_unit(live);
        let mut units: BTreeMap<String, Vec<FileChange>> = BTreeMap::new();
        let recorded = goal.entries(&root.name)?;
        for change in compare::files(&recorded, &now) {
            let unit = match &change.from {
                Some(from) => owner(&recorded, from.path.as_bytes()),
                None => change.unit.to_string(),
            };
            units.entry(unit).or_default().push(change);
        }
        report.roots.push(LiveRootReport {
            root: root.name.clone(),
            units: units.into_iter().collect(),
        });
    }
    Ok(report)
}

/// The unit of a recorded path.
fn owner(recorded: &compare::files::Units, path: &[u8]) -> String {
    let holds = |entries: &[crate::snapshot::entry::Entry]| {
        entries
            .binary_search_by(|entry| entry.path.as_bytes().cmp(path))
            .is_ok()
    };
    let unit = recorded.iter().find(|(_, entries)| holds(entries));
    unit.map(|(unit, _)| unit.to_string()).unwrap_or_default()
}

fn by_unit(live: LiveRoot) -> compare::files::Units {
    let names = live.state.units.iter().map(|unit| (unit.name.clone(), Vec::new()));
    let mut units: compare::files::Units = names.collect();
    for (entry, unit) in live.state.entries.into_iter().zip(live.state.unit_of) {
        if let Some((_, entries)) = units.get_mut(unit as usize) {
            entries.push(entry);
        }
    }
    units
}

/// Reads every file of a root; the stat cache has no say.
fn read(viewpoint: &Viewpoint<'_>, root: &Root, report: &mut LiveReport) -> Result<LiveRoot, Error> {
    let threads = cores::count();
    let progress = viewpoint.progress;
    progress.begin(Phase::Scan, None);
    let live = LiveRoot::scan(root, &rules(viewpoint, root)?, None, &Written::new(), threads);
    progress.end();
    let mut live = live?;
    let bytes = live.pending.iter().map(|at| live.state.entries[*at].size()).sum();
    report.files += live.pending.len() as u64;
    report.bytes += bytes;
    progress.begin(Phase::Read, Some(bytes));
    let failures = live.hash_pending(threads, progress);
    progress.end();
    report.warnings.extend(failures.iter().map(describe));
    let unlisted = live.unreadable.iter().map(|error| format!("{error}: {}", error.source));
    report.warnings.extend(unlisted);
    live.finish();
    Ok(live)
}
