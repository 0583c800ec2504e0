//! A checkout that is planned: what it will do, doing it, and comparing the result.

mod planning;
mod unchanged;
mod verified;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use crate::apply::journal::Journal;
use crate::apply::pins::Known;
use crate::apply::{self, Application, Parked, Placed, Source, Swapped, clear_stage};
use crate::capture::touched::Touched;
use crate::ops::Session;
use crate::ops::checkout::CheckoutOptions;
use crate::ops::checkout::pinned::FromPins;
use crate::ops::damaged::warn_of_layers;
use crate::ops::error::Error;
use crate::ops::live::{Live, WrittenByRoot};
use crate::ops::report::{PlanReport, RootPlanReport};
use crate::ops::side::Differing;
use crate::plan::RootPlan;
use crate::relocate::{Relocation, Stuck};
use crate::snapshot::change::{Changes, FileChangeKind};
use crate::snapshot::content::FetchError;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::{Root, RootName};
use crate::snapshot::unit::UnitName;

/// A checkout that is planned and may be performed.
pub(super) struct Prepared {
    roots: Vec<Part>,
    /// From the live state to the target: for the report, which takes them.
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
    differing: Arc<Differing>,
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

impl Prepared {
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

    /// What was read of pins, by root.
    pub(super) fn known_pins(&mut self) -> HashMap<RootName, Known> {
        let known = |part: &mut Part| Some((part.root.name.clone(), part.from_pins.known.take()?));
        self.roots.iter_mut().filter_map(known).collect()
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
