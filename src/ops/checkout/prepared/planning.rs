//! Planning a checkout: what differs, what pins have of it, what stays and what stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use super::{Part, Prepared};
use crate::apply::Application;
use crate::capture::scan::LiveRoot;
use crate::fsx::is_overlay;
use crate::history::History;
use crate::ops::Session;
use crate::ops::checkout::CheckoutOptions;
use crate::ops::checkout::autosave::files_are_equal;
use crate::ops::checkout::ground::ground;
use crate::ops::checkout::pinned::{Search, choose};
use crate::ops::checkout::placeholders::of_target;
use crate::ops::checkout::preflight::{
    absent_roots, add_folders_above, become_files, held_by_special, leave_out_kept, plan_root, refuse_full,
    refuse_split, refuse_stray, refuse_unwritable, tamed, without_standing,
};
use crate::ops::checkout::target::Target;
use crate::ops::error::Error;
use crate::ops::live::{Live, git_tracked};
use crate::ops::pathspec::Selection;
use crate::ops::side::{ByRoot, Side, compare, compare_by_unit, differing};
use crate::plan::RootPlan;
use crate::relocate::{Placeholders, Relocation};
use crate::snapshot::change::{Changes, FileChange, FileChangeKind};
use crate::snapshot::entry::{Entry, PrefixUse};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::{Policy, Root, RootName};

/// A plan being made.
struct Planning<'a> {
    session: &'a Session<'a>,
    target: &'a Target,
    selection: &'a Selection,
    options: &'a CheckoutOptions,
    goal: &'a Side<'a>,
    differing: &'a ByRoot,
    /// From HEAD to the live state.
    since_base: Changes,
    /// From the live state to the target.
    changes: Changes,
    warnings: Vec<String>,
}

impl Prepared {
    /// Plans; changes nothing.
    ///
    /// # Errors
    /// What stands in the way.
    pub(in crate::ops::checkout) fn new(
        session: &Session<'_>,
        live: &Live,
        target: &Target,
        selection: &Selection,
        options: &CheckoutOptions,
    ) -> Result<Self, Error> {
        let history = session.repo.history();
        let goal = Side::of_commit(history, target.commit, &target.name)?;
        let now = Side::of_live(history, live);
        std::thread::scope(|scope| {
            let mut search = match options.without_pins {
                true => Search::default(),
                false => Search::begin(scope, session, live, &goal),
            };
            let differing = differing(&now, &goal, selection)?;
            search.go_on(&differing);
            let base = match history.head()?.commit() {
                Some(commit) => Side::of_commit(history, commit, "HEAD")?,
                None => Side::empty(history),
            };
            let since_base = compare(&base, &now, &Selection::default())?;
            let mut changes = compare_by_unit(&now, &goal, selection, &differing)?;
            changes.vars.clear();
            let is_recorded =
                files_are_equal(&since_base) || files_are_equal(&compare(&now, &goal, &Selection::default())?);
            let unread = live.failures.iter();
            let unread = unread.map(|file| format!("{file}; it goes where the target has a file, and else it stays"));
            let absent = absent_roots(session, &goal, selection)?;
            let mut planning = Planning {
                session,
                target,
                selection,
                options,
                goal: &goal,
                differing: &differing,
                since_base,
                changes,
                warnings: absent.into_iter().chain(unread).collect(),
            };
            // A root that the commit does not know is left alone.
            let is_concerned = |root: &&LiveRoot| {
                let name = &root.root.name;
                selection.has_root(name) && goal.roots.contains_key(name)
            };
            let roots = live.roots.iter().filter(is_concerned);
            let roots: Result<_, Error> = roots.map(|root| planning.root(root, &mut search)).collect();
            Ok(Self {
                roots: roots?,
                changes: planning.changes,
                is_recorded,
                warnings: planning.warnings,
            })
        })
    }
}

impl Planning<'_> {
    /// Plans one root.
    fn root(&mut self, live_root: &LiveRoot, search: &mut Search<'_>) -> Result<Part, Error> {
        let name = &live_root.root.name;
        let differing = self.differing.get(name).cloned().unwrap_or_default();
        let whole = self.selection.is_everything_in(name);
        if !whole && let Some(root) = self.changes.roots.iter_mut().find(|root| root.root == *name) {
            add_folders_above(live_root, &mut root.files, &differing.newer);
        }
        let differences = without_standing(live_root, files_of(&self.changes, name));
        let unrecorded = unrecorded(
            self.session.repo.history(),
            self.options,
            name,
            files_of(&self.since_base, name),
        )?;
        self.warnings.extend(tamed(name, &differing));
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
            is_extra || self.target.was_left_out(name, entry)
        };
        let mut plan = plan_root(live_root, &differences, &stays, &wanted, whole)
            .map_err(|blocked| Error::refused(format!("{name}:{blocked}"), "move those files away, or record them"))?;
        let moves_folders = !is_overlay(&live_root.root.path);
        if !moves_folders {
            plan.whole.clear();
        }
        self.warnings.extend(held_by_special(live_root, &plan));
        refuse_stray(self.session, live_root, &plan, whole)?;
        refuse_split(live_root, self.goal, &plan)?;
        let ground = (whole && moves_folders && !plan.place.is_empty()).then(|| ground(live_root, &differing));
        let from_pins = choose(search, live_root, &mut plan, ground.as_ref());
        if let Some(ground) = &ground {
            plan.rebuild(ground);
        }
        let in_the_way = Application::in_the_way(&live_root.root.path, &plan);
        if !in_the_way.is_empty() && !self.options.discard {
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
        refuse_full(self.session, &live_root.root, &plan, &from_pins.files)?;
        refuse_unwritable(live_root, &plan)?;
        let tracked = git_tracked(&live_root.root);
        leave_out_kept(&mut self.changes, name, &plan);
        let form = form(self.session, self.goal, &live_root.root, &plan)?;
        Ok(Part {
            form,
            root: live_root.root.clone(),
            plan,
            tracked,
            from_pins,
            differing,
            left_out: live_root.skipped.clone(),
        })
    }
}

/// The changes of the files of one root.
fn files_of<'c>(changes: &'c Changes, root: &RootName) -> &'c [FileChange] {
    let of_root = changes.roots.iter().find(|of_root| of_root.root == *root);
    of_root.map_or(&[], |of_root| &of_root.files)
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
