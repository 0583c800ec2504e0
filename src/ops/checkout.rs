//! `checkout`: the live state becomes that of a commit.
//!
//! ```text
//! scan ─► plan ─► preflight ─► autosave ─► stage ─► seal journal ─► swap ─► verify ─► move HEAD ─► drop journal
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::commit::{absorb, record};
use super::diff::head;
use super::error::Error;
use super::live::{Live, WrittenByRoot, git_tracked};
use super::pathspec::Selection;
use super::report::{Autosave, CheckoutReport, PlanReport, RootPlanReport, SideName};
use super::side::{Side, compare, differing_units};
use super::{Session, recover};
use crate::apply::journal::Journal;
use crate::apply::{self, Application, clear_stage, free_space};
use crate::capture::scan::LiveRoot;
use crate::fsx::Context;
use crate::fsx::stamp::Stamp;
use crate::history::{CommitId, Expected, RefKind, RefName};
use crate::plan::{self, RootPlan};
use crate::progress::Phase;
use crate::snapshot::change::{Changes, FileChange, FileChangeKind, RootChanges};
use crate::snapshot::content::FetchError;
use crate::snapshot::entry::{Entry, Node, PrefixUse};
use crate::snapshot::path::{RelPath, escape};
use crate::snapshot::root::{Policy, Root, RootName};

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
    let mut live = Live::capture(session, &WrittenByRoot::new())?;
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
    let written = prepared.apply(session, &live, &target, options, report.autosave.as_ref())?;
    drop(live);
    let mut live = Live::capture(session, &written)?;
    report.verified = prepared.verify(session, &live, &target, &selection)?;
    target.move_head(session)?;
    if !target.partial {
        live.mark_recorded(session);
    }
    let journal = session.repo.journal_path();
    if journal.exists() {
        Journal::drop_from(&journal)?;
    }
    for root in &session.repo.config().roots {
        clear_stage(&root.path)?;
    }
    report.head = head(session.repo.history())?;
    Ok(report)
}

/// Where a checkout goes.
struct Target {
    commit: CommitId,
    name: String,
    /// The branch that HEAD will be on; nothing for the commit itself.
    branch: Option<String>,
    /// The branch is made for it.
    new_branch: bool,
    /// HEAD stays.
    partial: bool,
}

impl Target {
    fn find(session: &Session<'_>, options: &CheckoutOptions, purpose: Purpose<'_>) -> Result<Self, Error> {
        let history = session.repo.history();
        let partial = !options.paths.is_empty() || !options.roots.is_empty();
        let commit = history.resolve(&options.rev)?;
        if let Purpose::Recovery(journal) = purpose {
            let known = |name: &String| RefName::branch(name).is_ok_and(|full| history.resolve(full.as_str()).is_ok());
            return Ok(Self {
                commit,
                name: journal.name.clone(),
                new_branch: journal.branch.as_ref().is_some_and(|name| !known(name)),
                branch: journal.branch.clone(),
                partial: journal.partial,
            });
        }
        let refs = history.refs()?;
        let is_branch = |name: &str| {
            refs.iter()
                .any(|known| known.kind() == RefKind::Branch && known.short_name() == name)
        };
        if let Some(branch) = &options.branch {
            RefName::branch(branch)?;
            if partial {
                return Err(Error::refused(
                    "a branch cannot be made by bringing back a part",
                    "leave out -b, or the paths and roots",
                ));
            }
            if is_branch(branch) {
                return Err(Error::refused(
                    format!("the branch {branch} exists already"),
                    format!("choose another name, or go there: envgit checkout {branch}"),
                ));
            }
        }
        let branch = options
            .branch
            .clone()
            .or_else(|| is_branch(&options.rev).then(|| options.rev.clone()));
        Ok(Self {
            commit,
            name: options.rev.clone(),
            branch,
            new_branch: options.branch.is_some(),
            partial,
        })
    }

    fn move_head(&self, session: &Session<'_>) -> Result<(), Error> {
        if self.partial {
            return Ok(());
        }
        let history = session.repo.history();
        let now = head(history)?;
        let from = now.branch.or(now.detached_from).unwrap_or_default();
        let to = self.branch.as_ref().unwrap_or(&self.name);
        let note = session.note(format!("checkout: moving from {from} to {to}"));
        match &self.branch {
            Some(branch) => {
                let name = RefName::branch(branch)?;
                if self.new_branch {
                    history.set_ref(&name, self.commit, Expected::Absent, &note)?;
                }
                history.attach_head(&name, &note)?;
            }
            None => history.detach_head(self.commit, Expected::Any, &note)?,
        }
        Ok(())
    }
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

/// A checkout that is planned and may be performed.
struct Prepared {
    roots: Vec<(Root, RootPlan, BTreeSet<RelPath>)>,
    /// From the live state to the target.
    changes: Changes,
    /// Some commit holds the live state.
    is_recorded: bool,
}

impl Prepared {
    fn new(
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

    fn has_work(&self) -> bool {
        self.roots.iter().any(|(_, plan, _)| !plan.is_empty())
    }

    fn report(&self) -> PlanReport {
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
    fn apply(
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
    fn verify(&self, session: &Session<'_>, live: &Live, target: &Target, selection: &Selection) -> Result<u64, Error> {
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

fn files_are_equal(changes: &Changes) -> bool {
    changes.roots.iter().all(|root: &RootChanges| root.files.is_empty())
}

fn plan_root(
    live: &LiveRoot,
    differences: &[FileChange],
    unrecorded: &BTreeSet<RelPath>,
    wanted: &BTreeMap<&[u8], &Entry>,
    whole: bool,
) -> Result<RootPlan, plan::Blocked> {
    let policy = live.root.policy;
    let outside = live.skipped.iter().chain(&live.special);
    let held: BTreeSet<RelPath> = outside
        .flat_map(|path| path.ancestors())
        .filter_map(|dir| RelPath::new(dir).ok())
        .collect();
    let stale = |dir: &&Entry| {
        whole
            && live
                .entry(dir.path.as_bytes())
                .is_some_and(|now| now.mtime != dir.mtime)
    };
    plan::plan(plan::Input {
        changes: differences,
        policy,
        recorded: &|path| policy == Policy::Exact || !unrecorded.contains(path),
        shared: &|path| live.mark(path.as_bytes()).is_none_or(|mark| mark.stamp.nlink > 1),
        held: &held,
        directory: &|dir| {
            wanted
                .get(dir)
                .map(|entry| (*entry).clone())
                .or_else(|| live.entry(dir).cloned())
        },
        stale_times: wanted.values().copied().filter(stale).cloned().collect(),
    })
}

/// Files of a commit that hold the path at which it was recorded fit only there.
fn refuse_moved(goal: &Side<'_>, live: &LiveRoot) -> Result<(), Error> {
    let name: &RootName = &live.root.name;
    let facts = goal.manifest.as_ref().and_then(|manifest| manifest.roots.get(name));
    let home = facts.map(|facts| facts.home.clone()).unwrap_or_default();
    if home.is_empty() || home == escape(live.root.path.as_os_str().as_encoded_bytes()) {
        return Ok(());
    }
    let units = goal.entries(name)?;
    let holds = |entry: &Entry| matches!(&entry.node, Node::File(file) if file.prefix != PrefixUse::None);
    let count = units
        .iter()
        .flat_map(|(_, list)| list)
        .filter(|entry| holds(entry))
        .count();
    if count == 0 {
        return Ok(());
    }
    Err(Error::Moved {
        root: name.to_string(),
        home,
        path: live.root.path.clone(),
        count,
    })
}

fn refuse_full(root: &Root, plan: &RootPlan) -> Result<(), Error> {
    /// What a file costs besides its bytes: an inode and half a block.
    const PER_FILE: u64 = 4096;
    const RESERVE: u64 = 16 << 20;
    let needed = plan.bytes() + plan.place.len() as u64 * PER_FILE;
    let free = free_space(&root.path)?;
    if needed == 0 || needed + RESERVE <= free {
        return Ok(());
    }
    Err(Error::NoSpace {
        path: root.path.clone(),
        needed,
        free,
    })
}

/// Every directory in which a name changes must be writable: found out before the first name changes.
fn refuse_unwritable(root: &Root, plan: &RootPlan) -> Result<(), Error> {
    use rustix::fs::Access;
    let changed = plan.paths();
    let mut dirs: BTreeSet<PathBuf> = changed.iter().map(|(path, _)| parent_of(root, path)).collect();
    if !changed.is_empty() {
        dirs.insert(root.path.clone());
    }
    for dir in dirs {
        if dir.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            rustix::fs::access(&dir, Access::WRITE_OK | Access::EXEC_OK).at("write in", &dir)?;
        }
    }
    Ok(())
}

fn parent_of(root: &Root, path: &RelPath) -> PathBuf {
    let mut full = path.under(&root.path);
    full.pop();
    full
}

/// Records the live state under `refs/autosave/N`, unless the newest autosave is equal to it.
fn autosave(session: &mut Session<'_>, live: &mut Live) -> Result<Autosave, Error> {
    let history = session.repo.history();
    let numbers = history
        .refs()?
        .into_iter()
        .filter(|known| known.kind() == RefKind::Autosave);
    let numbered = numbers.filter_map(|known| {
        let number: u64 = known.short_name().rsplit('/').next()?.parse().ok()?;
        Some((number, known.commit))
    });
    let newest = numbered.max();
    if let Some((number, commit)) = newest
        && files_are_equal(&super::commit::changes_since(session, Some(commit), live)?)
    {
        return Ok(Autosave {
            name: format!("autosave/{number}"),
            commit,
        });
    }
    let parent = history.head()?.commit();
    let changes = super::commit::changes_since(session, parent, live)?;
    let layer = absorb(session, live)?;
    if !live.failures.is_empty() {
        return Err(Error::Unreadable(live.failures.clone()));
    }
    let message = format!("Autosave: {}", crate::compare::describe(&changes));
    let (commit, _) = record(session, live, layer, parent, &message)?;
    let number = newest.map_or(1, |(number, _)| number + 1);
    let name = RefName::autosave(&number.to_string())?;
    let note = session.note(message);
    session.repo.history().set_ref(&name, commit, Expected::Absent, &note)?;
    Ok(Autosave {
        name: name.short_name().to_owned(),
        commit,
    })
}
