//! A checkout that is planned: what it will do, doing it, and comparing the result.

mod unchanged;
mod verified;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use crate::apply::journal::Journal;
use crate::apply::{self, Application, Parked, Placed, Source, Swapped, clear_stage};
use crate::capture::touched::Touched;
use crate::fsx::is_overlay;
use crate::history::History;
use crate::ops::Session;
use crate::ops::checkout::CheckoutOptions;
use crate::ops::checkout::autosave::files_are_equal;
use crate::ops::checkout::ground::ground;
use crate::ops::checkout::pinned::{FromPins, choose};
use crate::ops::checkout::placeholders::of_target;
use crate::ops::checkout::preflight::{
    absent_roots, add_folders_above, become_files, held_by_special, leave_out_kept, leave_what_stands, plan_root,
    refuse_full, refuse_split, refuse_stray, refuse_unwritable, tamed,
};
use crate::ops::checkout::target::Target;
use crate::ops::damaged::warn_of_layers;
use crate::ops::error::Error;
use crate::ops::live::{Live, WrittenByRoot, git_tracked};
use crate::ops::pathspec::Selection;
use crate::ops::report::{PlanReport, RootPlanReport};
use crate::ops::side::{Differing, Side, compare, compare_by_unit};
use crate::plan::RootPlan;
use crate::relocate::{Placeholders, Relocation, Stuck};
use crate::snapshot::change::{Changes, FileChange, FileChangeKind};
use crate::snapshot::content::FetchError;
use crate::snapshot::entry::{Entry, PrefixUse};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::{Policy, Root, RootName};
use crate::snapshot::unit::UnitName;

/// A checkout that is planned and may be performed.
pub(super) struct Prepared {
    roots: Vec<Part>,
    /// From the live state to the target.
    pub(super) changes: Changes,
    /// Some commit holds the live state.
    pub(super) is_recorded: bool,
    /// What will be otherwise than the user may expect.
    pub(super) warnings: Vec<String>,
}

/// The part of one root.
struct Part {
    root: Root,
    plan: RootPlan,
    /// Paths that the user's own git tracks.
    tracked: BTreeSet<RelPath>,
    from_pins: FromPins,
    /// What will be otherwise than it is.
    differing: Differing,
    /// How what is recorded becomes what must be here.
    form: Relocation,
    /// What the rules left out before.
    left_out: Vec<RelPath>,
}

/// What a swap left.
#[derive(Default)]
pub(super) struct Swept {
    /// Files whose content is known.
    pub(super) written: WrittenByRoot,
    /// Directories that went whole.
    pub(super) parked: Vec<(RootName, Parked)>,
    /// Files that name another place and could not be changed.
    pub(super) stuck: Vec<(String, Stuck)>,
    /// Files that were written from layers, whose bytes were right then.
    pub(super) from_layers: u64,
}

/// How the content of a commit becomes what must be here. What conda's records promise is read only where a binary may
/// need it.
fn form(session: &Session<'_>, goal: &Side<'_>, root: &Root, plan: &RootPlan) -> Result<Relocation, Error> {
    let homes = session.viewpoint_of(goal.name.commit).homes;
    let config = session.repo.config();
    let form = homes.relocation(config, root, Placeholders::new);
    let is_binary = |entry: &Entry| entry.file().is_some_and(|file| file.prefix == PrefixUse::Binary);
    if form.is_identity() || !plan.place.iter().any(|placement| is_binary(&placement.entry)) {
        return Ok(form);
    }
    let known = of_target(session, &goal.entries(&root.name)?)?;
    Ok(homes.relocation(config, root, move || known.clone()))
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
        let (mut changes, mut units) = compare_by_unit(&now, &goal, selection)?;
        changes.vars.clear();
        let is_recorded =
            files_are_equal(&since_base) || files_are_equal(&compare(&now, &goal, &Selection::default())?);
        let mut warnings = Vec::from_iter(absent_roots(session, &goal, selection)?);
        let unread = live.failures.iter();
        warnings.extend(unread.map(|file| format!("{file}; it goes where the target has a file, and else it stays")));
        let mut roots = Vec::new();
        for live_root in &live.roots {
            let name = &live_root.root.name;
            // A root that the commit does not know is left alone.
            if !selection.has_root(name) || !goal.roots.contains_key(name) {
                continue;
            }
            let of_root = |changes: &Changes| changes.roots.iter().find(|r| r.root == *name).map(|r| r.files.clone());
            let differing = units.remove(name).unwrap_or_default();
            let whole = selection.is_everything_in(name);
            if !whole && let Some(root) = changes.roots.iter_mut().find(|root| root.root == *name) {
                add_folders_above(live_root, &mut root.files, &differing.newer);
            }
            let mut differences = of_root(&changes).unwrap_or_default();
            leave_what_stands(live_root, &mut differences);
            let unrecorded = unrecorded(history, options, name, &of_root(&since_base).unwrap_or_default())?;
            warnings.extend(tamed(name, &differing));
            let wanted: BTreeMap<&[u8], &Entry> = differing
                .newer
                .iter()
                .flat_map(|(_, list)| list)
                .filter(|entry| entry.is_dir())
                .map(|entry| (entry.path.as_bytes(), entry))
                .collect();
            let is_tracked = live_root.root.policy == Policy::Tracked;
            // Where a folder becomes a file, what is in it goes: if no commit held it, the autosave does.
            let folders = become_files(&differences);
            let makes_way = |path: &RelPath| path.ancestors().any(|dir| folders.contains(dir));
            let stays = |entry: &Entry| {
                let is_extra = is_tracked && unrecorded.contains(&entry.path) && !makes_way(&entry.path);
                is_extra || target.was_left_out(name, entry)
            };
            let mut plan = plan_root(live_root, &differences, &stays, &wanted, whole).map_err(|blocked| {
                Error::refused(format!("{name}:{blocked}"), "move those files away, or record them")
            })?;
            let moves_folders = !is_overlay(&live_root.root.path);
            if !moves_folders {
                plan.whole.clear();
            }
            warnings.extend(held_by_special(live_root, &plan));
            refuse_stray(session, live_root, &plan, whole)?;
            refuse_split(live_root, &goal, &plan)?;
            let ground = (whole && moves_folders && !plan.place.is_empty()).then(|| ground(live_root, &differing));
            let from_pins = match options.without_pins {
                true => FromPins::default(),
                false => choose(session, live_root, &goal, &differing, &mut plan, ground.as_ref()),
            };
            if let Some(ground) = &ground {
                plan.rebuild(ground);
            }
            let in_the_way = Application::in_the_way(&live_root.root.path, &plan);
            if !in_the_way.is_empty() && !options.discard {
                return Err(Error::InTheWay {
                    paths: in_the_way.iter().map(|path| format!("{name}:{path}")).collect(),
                });
            }
            plan.overwrites = in_the_way.into_iter().collect();
            plan.build_fresh(&|dir| {
                dir.under(&live_root.root.path)
                    .symlink_metadata()
                    .is_ok_and(|meta| meta.is_dir())
            });
            refuse_full(session, &live_root.root, &plan, &from_pins.files)?;
            refuse_unwritable(live_root, &plan)?;
            let tracked = git_tracked(&live_root.root);
            leave_out_kept(&mut changes, name, &plan);
            let form = form(session, &goal, &live_root.root, &plan)?;
            roots.push(Part {
                form,
                root: live_root.root.clone(),
                plan,
                tracked,
                from_pins,
                differing,
                left_out: live_root.skipped.clone(),
            });
        }
        Ok(Self {
            roots,
            changes,
            is_recorded,
            warnings,
        })
    }

    /// Whether anything is to be done.
    pub(super) fn has_work(&self) -> bool {
        self.roots.iter().any(|part| !part.plan.is_empty())
    }

    /// The units that change, by root.
    pub(super) fn units(&self) -> HashMap<RootName, BTreeSet<UnitName>> {
        let units = |part: &Part| {
            let units = part.differing.newer.iter().map(|(unit, _)| unit.clone());
            (part.root.name.clone(), units.collect())
        };
        self.roots.iter().map(units).collect()
    }

    /// The paths that are others afterwards, and the directories in which they are.
    pub(super) fn touched(&self) -> HashMap<RootName, Touched> {
        let touched = |part: &Part| (part.root.name.clone(), touched(&part.plan));
        self.roots.iter().map(touched).collect()
    }

    /// What it will do.
    pub(super) fn report(&self) -> PlanReport {
        let roots = self.roots.iter().filter_map(|part| {
            let Part {
                root, plan, tracked, ..
            } = part;
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
        journal: &Journal,
        options: &CheckoutOptions,
    ) -> Result<Swept, Error> {
        let mut staged = Vec::new();
        for part in self.roots.iter().filter(|part| !part.plan.is_empty()) {
            let (plan, pinned) = (&part.plan, &part.from_pins.files);
            let source = Source {
                store: &session.repo,
                pinned,
                form: &part.form,
            };
            let application = Application::stage(&part.root.path, plan, &source, session.progress);
            staged.push((part, application.map_err(|error| self.explain(error))?));
        }
        // What was staged was checked piece by piece; nothing is swapped in before all it came from is.
        session.repo.settle().inspect_err(|_| self.clear_stages())?;
        if staged.is_empty() {
            return Ok(Swept::default());
        }
        warn_of_layers(session);
        self.refuse_changed(live)?;
        journal.seal(&session.repo.journal_path())?;
        let stuck = staged.iter().flat_map(|(part, application)| {
            let named = |(path, why): &(RelPath, Stuck)| (format!("{}:{path}", part.root.name), *why);
            application.stuck().iter().map(named)
        });
        let mut swept = Swept {
            stuck: stuck.collect(),
            ..Swept::default()
        };
        let mut swapped: Vec<Swapped<'_>> = Vec::new();
        for (part, application) in &staged {
            match application.swap(session.progress) {
                Ok((placed, one)) => {
                    swapped.push(one);
                    self.note(part, live, placed, options, &mut swept);
                }
                Err(stopped) => {
                    let is_undone = stopped.is_undone && swapped.iter_mut().rev().all(|one| one.undo().is_ok());
                    return Err(self.stopped(session, stopped.error, is_undone));
                }
            }
        }
        Ok(swept)
    }

    /// What is known of one root after its swap.
    fn note(&self, part: &Part, live: &Live, placed: Placed, options: &CheckoutOptions, swept: &mut Swept) {
        let name = &part.root.name;
        swept
            .parked
            .extend(placed.parked.into_iter().map(|parked| (name.clone(), parked)));
        // Who wants every byte read again has it read, wherever it came from.
        if !options.verify {
            let is_pinned = |path: &RelPath| part.from_pins.files.contains_key(path);
            let from_layers = placed.files.iter().filter(|(entry, _)| !is_pinned(&entry.path));
            swept.from_layers += from_layers.count() as u64;
        }
        let placed = placed.files.into_iter().filter(|_| !options.verify);
        let brought = part.from_pins.brought.iter().filter(|_| !options.verify);
        let root = live.roots.iter().find(|live| live.root.name == *name);
        let retouched = part.plan.retouch.iter();
        let retouched = retouched.filter(|entry| part.plan.built_in(&entry.path).is_none());
        let retouched = retouched.filter_map(|entry| {
            let mark = root?.mark(entry.path.as_bytes())?;
            Some((entry.clone(), mark.stamp.ino))
        });
        let written = placed.chain(brought.cloned()).chain(retouched);
        swept.written.insert(name.clone(), written.collect());
    }

    /// A swap that could not be finished. Where it was taken back nothing is left to do for the next command.
    fn stopped(&self, session: &Session<'_>, error: crate::fsx::Error, is_undone: bool) -> Error {
        let remedy = match (apply::untouched::fixed(&error.path), error.source.kind()) {
            (Some(path), _) => format!("take the mark away from {} (chattr -i -a)", path.display()),
            (None, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => "free some space".to_owned(),
            (None, _) => "remove the cause".to_owned(),
        };
        if !is_undone || Journal::drop_from(&session.repo.journal_path()).is_err() {
            return Error::HalfWay { error, remedy };
        }
        self.clear_stages();
        Error::refused(
            format!("{error}: {}; what had been changed was put back", error.source),
            format!("the state is as before; {remedy} and run the checkout again"),
        )
    }

    /// What cannot be removed the next checkout removes.
    fn clear_stages(&self) {
        for part in &self.roots {
            let _ = clear_stage(&part.root.path);
        }
    }

    /// Names the paths behind contents that could not be had.
    fn explain(&self, error: apply::Error) -> Error {
        // The error at hand matters more than a stage that stays.
        self.clear_stages();
        match error {
            apply::Error::Fetch(FetchError::Lost { lost, reason }) => {
                let places = self.roots.iter().flat_map(|Part { root, plan, .. }| {
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
            apply::Error::Fetch(error) => error.into(),
            apply::Error::Io(error) => error.into(),
        }
    }
}

/// Paths of a root that HEAD does not have. An undo knows which of them came with what it undoes.
fn unrecorded(
    history: &History,
    options: &CheckoutOptions,
    root: &RootName,
    since_base: &[FileChange],
) -> Result<BTreeSet<RelPath>, Error> {
    let added = since_base
        .iter()
        .filter(|change| change.kind() == FileChangeKind::Added);
    let mut added: BTreeMap<&RelPath, &FileChange> = added.map(|change| (change.path(), change)).collect();
    if let Some(commit) = options.brought.filter(|_| !added.is_empty()) {
        let brought = Side::of_commit(history, commit, &history.short(commit))?.entries(root)?;
        for entry in brought.iter().flat_map(|(_, entries)| entries) {
            let came = |change: &&FileChange| change.to.as_ref().is_some_and(|now| now.same_state(entry));
            if added.get(&entry.path).is_some_and(came) {
                added.remove(&entry.path);
            }
        }
    }
    Ok(added.into_keys().cloned().collect())
}

fn touched(plan: &RootPlan) -> Touched {
    let changed = plan.changed();
    let above: BTreeSet<&[u8]> = changed.iter().filter_map(|path| path.parent()).collect();
    let above = above.into_iter().filter_map(|dir| RelPath::new(dir).ok());
    let settled = plan.settle.iter().map(|entry| entry.path.clone());
    let whole = plan.whole.iter().map(|whole| &whole.dir);
    let whole = whole.filter(|dir| plan.built_in(dir).is_none());
    let trees: BTreeSet<&RelPath> = whole.chain(&plan.fresh).collect();
    Touched {
        paths: above.chain(settled).chain(changed.into_iter().cloned()).collect(),
        trees: trees.into_iter().cloned().collect(),
    }
}
