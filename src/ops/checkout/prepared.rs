//! A checkout that is planned: what it will do, doing it, and comparing the result.

use std::collections::{BTreeMap, BTreeSet};

use super::CheckoutOptions;
use super::autosave::files_are_equal;
use super::preflight::{plan_root, refuse_full, refuse_moved, refuse_unwritable};
use super::target::Target;
use crate::apply::journal::Journal;
use crate::apply::{self, Application, clear_stage};
use crate::fsx::stamp::Stamp;
use crate::ops::Session;
use crate::ops::error::Error;
use crate::ops::live::{Live, WrittenByRoot, git_tracked};
use crate::ops::pathspec::Selection;
use crate::ops::report::{Autosave, PlanReport, RootPlanReport};
use crate::ops::side::{Side, compare, differing_units};
use crate::plan::RootPlan;
use crate::progress::Phase;
use crate::snapshot::change::{Changes, FileChange, FileChangeKind};
use crate::snapshot::content::FetchError;
use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::Root;
/// A checkout that is planned and may be performed.
pub(super) struct Prepared {
    roots: Vec<(Root, RootPlan, BTreeSet<RelPath>)>,
    /// From the live state to the target.
    pub(super) changes: Changes,
    /// Some commit holds the live state.
    pub(super) is_recorded: bool,
}

impl Prepared {
    pub(super) fn new(
        session: &Session<'_>,
        live: &Live,
        target: &Target,
        selection: &Selection,
        options: &CheckoutOptions,
    ) -> Result<Self, Error> {
        let history = session.repo.history();
        let goal = Side::of_commit(history, target.commit, &target.name)?;
        let now = Side::of_live(history, live);
        let base = match history.head()?.commit() {
            Some(commit) => Side::of_commit(history, commit, "HEAD")?,
            None => Side::empty(history),
        };
        let since_base = compare(&base, &now, &Selection::default())?;
        let mut changes = compare(&now, &goal, selection)?;
        changes.vars.clear();
        let is_recorded =
            files_are_equal(&since_base) || files_are_equal(&compare(&now, &goal, &Selection::default())?);
        let mut roots = Vec::new();
        for live_root in &live.roots {
            let name = &live_root.root.name;
            // A root that the commit does not know is left alone.
            if !selection.has_root(name) || !goal.roots.contains_key(name) {
                continue;
            }
            refuse_moved(&goal, live_root)?;
            let of_root = |changes: &Changes| changes.roots.iter().find(|r| r.root == *name).map(|r| r.files.clone());
            let differences = of_root(&changes).unwrap_or_default();
            let unrecorded: BTreeSet<RelPath> = of_root(&since_base)
                .unwrap_or_default()
                .iter()
                .filter(|change| change.kind() == FileChangeKind::Added)
                .map(|change| change.path().clone())
                .collect();
            let (older, newer) = differing_units(&now, &goal, name)?;
            let whole = selection.is_everything_in(name);
            let wanted: BTreeMap<&[u8], &Entry> = newer
                .iter()
                .flat_map(|(_, list)| list)
                .filter(|entry| entry.is_dir())
                .map(|entry| (entry.path.as_bytes(), entry))
                .collect();
            let plan = plan_root(live_root, &differences, &unrecorded, &wanted, whole)
                .map_err(|blocked| Error::refused(blocked.to_string(), "move those files away, or record them"))?;
            drop(older);
            let in_the_way = Application::in_the_way(&live_root.root.path, &plan);
            if !in_the_way.is_empty() && !options.discard {
                return Err(Error::InTheWay {
                    paths: in_the_way.iter().map(|path| format!("{name}:{path}")).collect(),
                });
            }
            refuse_full(&live_root.root, &plan)?;
            refuse_unwritable(&live_root.root, &plan)?;
            let tracked = git_tracked(&live_root.root);
            roots.push((live_root.root.clone(), plan, tracked));
        }
        Ok(Self {
            roots,
            changes,
            is_recorded,
        })
    }

    /// Whether anything is to be done.
    pub(super) fn has_work(&self) -> bool {
        self.roots.iter().any(|(_, plan, _)| !plan.is_empty())
    }

    /// What it will do.
    pub(super) fn report(&self) -> PlanReport {
        let roots = self.roots.iter().filter_map(|(root, plan, tracked)| {
            let paths = plan.paths();
            let count = |kind| paths.iter().filter(|(_, found)| *found == kind).count() as u64;
            if paths.is_empty() {
                return None;
            }
            Some(RootPlanReport {
                root: root.name.clone(),
                added: count(FileChangeKind::Added),
                replaced: count(FileChangeKind::Modified),
                removed: count(FileChangeKind::Removed),
                metadata: count(FileChangeKind::MetadataOnly),
                bytes: plan.bytes(),
                git_tracked: paths
                    .iter()
                    .map(|(path, _)| path)
                    .filter(|path| tracked.contains(*path))
                    .cloned()
                    .collect(),
                paths,
            })
        });
        PlanReport { roots: roots.collect() }
    }

    /// Stages, seals and swaps all roots.
    pub(super) fn apply(
        &self,
        session: &Session<'_>,
        live: &Live,
        target: &Target,
        options: &CheckoutOptions,
        autosave: Option<&Autosave>,
    ) -> Result<WrittenByRoot, Error> {
        let mut staged = Vec::new();
        let work = self.roots.iter().filter(|(_, plan, _)| !plan.is_empty());
        for (root, plan, _) in work {
            let application = Application::stage(&root.path, plan, session.repo.store()?, session.progress);
            staged.push((root, plan, application.map_err(|error| self.explain(error))?));
        }
        if staged.is_empty() {
            return Ok(WrittenByRoot::new());
        }
        self.refuse_changed(live)?;
        let journal = Journal {
            target: target.commit.to_string(),
            name: target.name.clone(),
            branch: target.branch.clone(),
            partial: target.partial,
            before: autosave.map(|autosave| autosave.commit.to_string()),
            roots: options.roots.clone(),
            paths: options.paths.clone(),
            exact: options.exact.clone(),
            cwd: options.cwd.clone(),
        };
        journal.seal(&session.repo.journal_path())?;
        let mut written = WrittenByRoot::new();
        for (root, plan, application) in staged {
            let known = written.entry(root.name.clone()).or_default();
            let placed = application.swap(session.progress)?;
            known.extend(
                placed
                    .into_iter()
                    .map(|(entry, ino)| (entry.path.clone(), (entry, ino))),
            );
            let inodes = live.roots.iter().find(|live| live.root.name == root.name);
            for entry in &plan.retouch {
                if let Some(mark) = inodes.and_then(|live| live.mark(entry.path.as_bytes())) {
                    known.insert(entry.path.clone(), (entry.clone(), mark.stamp.ino));
                }
            }
        }
        // So that no file written a moment ago counts as possibly written again.
        std::thread::sleep(std::time::Duration::from_millis(25));
        Ok(written)
    }

    /// Nothing that is replaced or removed may have been written since it was captured.
    fn refuse_changed(&self, live: &Live) -> Result<(), Error> {
        let mut changed = Vec::new();
        for (root, plan, _) in &self.roots {
            let Some(live_root) = live.roots.iter().find(|live| live.root.name == root.name) else {
                continue;
            };
            let replaced = plan.place.iter().filter(|p| p.replaces).map(|p| &p.entry.path);
            let touched = replaced
                .chain(&plan.remove_files)
                .chain(plan.retouch.iter().map(|entry| &entry.path));
            for path in touched {
                let before = live_root.mark(path.as_bytes()).map(|mark| mark.stamp);
                let after = Stamp::of_path(&path.under(&root.path)).ok();
                let same = matches!((before, after), (Some(a), Some(b)) if a.same_file_state(&b));
                if !same {
                    changed.push(format!("{}:{path}", root.name));
                }
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        for (root, _, _) in &self.roots {
            clear_stage(&root.path)?;
        }
        changed.truncate(10);
        Err(Error::refused(
            format!("files changed while the checkout was prepared: {}", changed.join(", ")),
            "stop what writes to them and run the checkout again; nothing was changed",
        ))
    }

    /// Names the paths behind contents that could not be had.
    fn explain(&self, error: apply::Error) -> Error {
        for (root, _, _) in &self.roots {
            // The error at hand matters more than a stage that stays: the next checkout removes it.
            let _ = clear_stage(&root.path);
        }
        match error {
            apply::Error::Fetch(FetchError::Lost { lost, reason }) => {
                let places = self.roots.iter().flat_map(|(root, plan, _)| {
                    let entries = plan.place.iter().map(|placement| &placement.entry);
                    entries.map(move |entry| (root, entry))
                });
                let touched = places.filter(|(_, e)| e.file().is_some_and(|file| lost.contains(&file.digest)));
                Error::Lost {
                    paths: touched
                        .map(|(root, entry)| format!("{}:{}", root.name, entry.path))
                        .take(10)
                        .collect(),
                    reason,
                }
            }
            apply::Error::Fetch(FetchError::Sink(error)) | apply::Error::Io(error) => error.into(),
        }
    }

    /// Compares the live state with the target; returns how many paths were compared.
    pub(super) fn verify(
        &self,
        session: &Session<'_>,
        live: &Live,
        target: &Target,
        selection: &Selection,
    ) -> Result<u64, Error> {
        session.progress.begin(Phase::Verify, None);
        let history = session.repo.history();
        let goal = Side::of_commit(history, target.commit, &target.name)?;
        let now = Side::of_live(history, live);
        let mut left = Vec::new();
        let mut compared = 0;
        for (root, plan, _) in &self.roots {
            let is_kept = |change: &FileChange| change.to.is_none() && plan.kept.contains(change.path());
            let (older, newer) = differing_units(&now, &goal, &root.name)?;
            let differences = crate::compare::files(&older, &newer);
            left.extend(
                differences
                    .iter()
                    .filter(|change| selection.has_path(&root.name, change.path()) && !is_kept(change))
                    .map(|change| format!("{}:{}", root.name, change.path())),
            );
            let live_root = live.roots.iter().find(|live| live.root.name == root.name);
            compared += live_root.map_or(0, |live| live.state.entries.len() as u64);
        }
        session.progress.end();
        if left.is_empty() && live.failures.is_empty() {
            Ok(compared)
        } else {
            left.extend(live.failures.iter().cloned());
            Err(Error::NotEqual {
                target: history.short(target.commit),
                paths: left,
            })
        }
    }
}
