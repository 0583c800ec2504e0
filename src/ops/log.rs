//! `log` and `show`: the commits. Never a look at the live state or the layers.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::Session;
use super::diff::{DiffOptions, diff, head};
use super::error::Error;
use super::pathspec::Selection;
use super::report::{HeadReport, LogEntry, LogReport, PackageCounts, RefLabel, ShowReport};
use super::side::{Side, compare, manifest_of};
use super::signatures::Witness;
use crate::compare;
use crate::history::{BlobId, CommitId, CommitInfo, History, RefKind};
use crate::snapshot::change::{ChangeKind, PackageChange};
use crate::snapshot::package::{self, Package};

/// Which commits to list.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Start from these; from every branch, tag and HEAD when empty. As in git, `^A` leaves out A and what comes before
    /// it, and `A..B` is `^A B`; HEAD stands for a side that is left out.
    pub revs: Vec<String>,
    /// Also start from autosaves.
    pub autosaves: bool,
    /// At most this many.
    pub max: Option<usize>,
    /// Only commits not older than this (seconds since 1970).
    pub since: Option<i64>,
    /// Only commits that changed this package.
    pub package: Option<String>,
    /// Only commits that changed these paths.
    pub paths: Vec<String>,
    /// The folder against which relative paths count.
    pub cwd: PathBuf,
    /// Say of each commit who signed it, by this file of allowed signers.
    pub allowed_signers: Option<PathBuf>,
}

/// The log, newest first.
///
/// # Errors
/// An unknown revision; what is damaged.
pub fn log(session: &mut Session<'_>, options: &LogOptions) -> Result<LogReport, Error> {
    let selection = Selection::new(&session.repo.config().roots, &[], &options.paths, &options.cwd)?;
    let history = session.repo.history();
    let head = head(history)?;
    let teller = Teller::new(history, &head)?;
    let Span { starts, hidden } = Span::of(history, options, &head)?;
    let allowed = options.allowed_signers.as_deref();
    let witness = allowed.map(|allowed| Witness::new(session, allowed)).transpose()?;
    let name = options
        .package
        .as_deref()
        .map(|name| (name.to_owned(), package::normalize(name)));
    let mut entries = Vec::new();
    for info in history.walk(&starts)? {
        if options.max.is_some_and(|max| entries.len() >= max) {
            break;
        }
        let info = info?;
        if hidden.contains(&info.id) {
            continue;
        }
        if options.since.is_some_and(|since| info.time.seconds < since) {
            continue;
        }
        if !options.paths.is_empty() && !changed_paths(history, &info, &selection)? {
            continue;
        }
        let changes = teller.package_changes(&info)?;
        let mut entry = teller.entry(info, &changes)?;
        if let Some((given, normalized)) = &name {
            entry.package_changes = changes
                .into_iter()
                .filter(|change| change.name == *given || change.name == *normalized)
                .collect();
            if entry.package_changes.is_empty() {
                continue;
            }
        }
        entry.signature = witness.as_ref().map(|witness| witness.of(entry.commit)).transpose()?;
        entries.push(entry);
    }
    Ok(LogReport { entries, head })
}

/// Which commits are meant, before any are picked.
struct Span {
    starts: Vec<CommitId>,
    /// These are left out.
    hidden: HashSet<CommitId>,
}

impl Span {
    fn of(history: &History, options: &LogOptions, head: &HeadReport) -> Result<Self, Error> {
        let or_head = |rev: &str| history.resolve(if rev.is_empty() { "HEAD" } else { rev });
        let (mut starts, mut without) = (Vec::new(), Vec::new());
        for rev in &options.revs {
            if let Some(rev) = rev.strip_prefix('^') {
                without.push(or_head(rev)?);
            } else if let Some((from, to)) = rev.split_once("..").filter(|(_, to)| !to.starts_with('.')) {
                without.push(or_head(from)?);
                starts.push(or_head(to)?);
            } else {
                starts.push(history.resolve(rev)?);
            }
        }
        if starts.is_empty() {
            starts = everywhere(history, options, head)?;
        }
        Ok(Self {
            starts,
            hidden: history.up_to(&without)?,
        })
    }
}

/// Every branch and tag, and HEAD.
fn everywhere(history: &History, options: &LogOptions, head: &HeadReport) -> Result<Vec<CommitId>, Error> {
    let wanted = |kind| {
        matches!(kind, RefKind::Branch | RefKind::Tag | RefKind::Remote)
            || (kind == RefKind::Autosave && options.autosaves)
    };
    let refs = history.refs()?.into_iter().filter(|known| wanted(known.kind()));
    let starts: Vec<CommitId> = refs.map(|known| known.commit).chain(head.commit).collect();
    if starts.is_empty() {
        // Says that nothing is committed yet.
        history.resolve("HEAD")?;
    }
    Ok(starts)
}

fn changed_paths(history: &History, info: &CommitInfo, selection: &Selection) -> Result<bool, Error> {
    let to = Side::of_commit(history, info.id, "")?;
    let from = match info.parents.first() {
        Some(parent) => Side::of_commit(history, *parent, "")?,
        None => Side::empty(history),
    };
    Ok(!compare(&from, &to, selection)?.is_empty())
}

/// One commit in full.
///
/// # Errors
/// An unknown revision; what is damaged.
pub fn show(session: &mut Session<'_>, rev: &str) -> Result<ShowReport, Error> {
    let commit = session.repo.history().resolve(rev)?;
    let info = session.repo.history().commit_info(commit)?;
    let changes = match info.parents.first() {
        Some(parent) => Some(diff(
            session,
            &DiffOptions {
                from: Some(parent.to_string()),
                to: Some(commit.to_string()),
                ..DiffOptions::default()
            },
        )?),
        None => None,
    };
    let history = session.repo.history();
    let teller = Teller::new(history, &head(history)?)?;
    let packages = teller.package_changes(&info)?;
    let side = Side::of_commit(history, commit, rev)?;
    Ok(ShowReport {
        entry: teller.entry(info, &packages)?,
        manifest: manifest_of(history, commit)?,
        vars: side.vars,
        changes,
    })
}

/// Tells of commits, reading each package list once.
struct Teller<'a> {
    history: &'a History,
    labels: HashMap<CommitId, Vec<RefLabel>>,
    head: Option<CommitId>,
}

impl<'a> Teller<'a> {
    fn new(history: &'a History, head: &HeadReport) -> Result<Self, Error> {
        let mut labels: HashMap<CommitId, Vec<RefLabel>> = HashMap::new();
        // What keeps a state for `undo` is no name that anybody gave.
        let named = history
            .refs()?
            .into_iter()
            .filter(|known| known.kind() != RefKind::Undo);
        for known in named {
            labels.entry(known.commit).or_default().push(RefLabel {
                name: known.short_name().to_owned(),
                kind: known.kind(),
            });
        }
        for list in labels.values_mut() {
            let rank = |label: &RefLabel| match label.kind {
                RefKind::Branch => 0,
                RefKind::Tag => 1,
                _ => 2,
            };
            list.sort_by_key(rank);
        }
        Ok(Self {
            history,
            labels,
            head: head.commit,
        })
    }

    /// The package changes of a commit to its first parent. Only lists that differ are read.
    fn package_changes(&self, info: &CommitInfo) -> Result<Vec<PackageChange>, Error> {
        let manifest = manifest_of(self.history, info.id)?;
        let parent = info.parents.first().copied();
        let mut names: Vec<_> = manifest.roots.keys().cloned().collect();
        if let Some(parent) = parent {
            names.extend(manifest_of(self.history, parent)?.roots.into_keys());
            names.sort_unstable();
            names.dedup();
        }
        let mut changes = Vec::new();
        for root in names {
            let path = format!("{root}/packages.jsonl").into_bytes();
            let new = self.history.path_at(info.id, &path)?;
            let old = match parent {
                Some(parent) => self.history.path_at(parent, &path)?,
                None => None,
            };
            if new != old {
                changes.extend(compare::packages(
                    &self.packages(info.id, old)?,
                    &self.packages(info.id, new)?,
                ));
            }
        }
        Ok(changes)
    }

    fn packages(&self, commit: CommitId, id: Option<BlobId>) -> Result<Vec<Package>, Error> {
        let Some(id) = id else { return Ok(Vec::new()) };
        package::decode(&self.history.blob(id)?).map_err(|what| Error::Inventory {
            commit: commit.to_string(),
            what: format!("packages.jsonl: {what}"),
        })
    }

    fn entry(&self, info: CommitInfo, changes: &[PackageChange]) -> Result<LogEntry, Error> {
        let mut packages = PackageCounts::default();
        for change in changes {
            match ChangeKind::of(change.from.as_ref(), change.to.as_ref()) {
                ChangeKind::Added => packages.added += 1,
                ChangeKind::Removed => packages.removed += 1,
                ChangeKind::Changed => packages.changed += 1,
            }
        }
        Ok(LogEntry {
            short: self.history.short(info.id),
            refs: self.labels.get(&info.id).cloned().unwrap_or_default(),
            is_head: self.head == Some(info.id),
            layer: manifest_of(self.history, info.id)?.layer,
            commit: info.id,
            parents: info.parents,
            author: info.author,
            time: info.time,
            message: info.message,
            packages,
            package_changes: Vec::new(),
            signature: None,
        })
    }
}
