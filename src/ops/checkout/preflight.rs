//! What is found out before the first name changes: the plan of a root, and whether anything forbids it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::target::Target;
use crate::apply::Pinned;
use crate::apply::untouched::{Unwritable, unwritable};
use crate::capture::scan::LiveRoot;
use crate::fsx;
use crate::ops::Session;
use crate::ops::error::Error;
use crate::ops::live::Live;
use crate::ops::pathspec::Selection;
use crate::ops::pins::{make_room, sweep};
use crate::ops::side::{Differing, Side};
use crate::plan::{self, RootPlan};
use crate::snapshot::change::{Changes, FileChange};
use crate::snapshot::entry::Entry;
use crate::snapshot::path::{RelPath, beneath};
use crate::snapshot::root::{Root, RootName, STAGE_DIR};
use crate::snapshot::unit::UnitName;

/// A path that neither state has is a mistake, and nothing is brought back.
pub(super) fn refuse_unmatched(
    session: &Session<'_>,
    live: &Live,
    target: &Target,
    selection: &Selection,
) -> Result<(), Error> {
    let given = live.roots.iter().filter(|live| selection.has_paths_in(&live.root.name));
    for live in given {
        let name = &live.root.name;
        let goal = Side::of_commit(session.repo.history(), target.commit, &target.name)?;
        let entries = goal.entries(name)?;
        let recorded = entries.iter().flat_map(|(_, entries)| entries);
        let both = recorded.chain(&live.state.entries).map(|entry| &entry.path);
        selection.refuse_unmatched(name, both, &target.name)?;
    }
    Ok(())
}

pub(super) fn plan_root(
    live: &LiveRoot,
    differences: &[FileChange],
    stays: &dyn Fn(&Entry) -> bool,
    wanted: &BTreeMap<&[u8], &Entry>,
    whole: bool,
) -> Result<RootPlan, plan::Blocked> {
    let held: BTreeSet<RelPath> = live
        .outside()
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
        stays,
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

/// Adds to the differences of some paths the folders above them that are not there: nobody names those. They are among
/// the `wanted` entries, by unit.
pub(super) fn add_folders_above(live: &LiveRoot, differences: &mut Vec<FileChange>, wanted: &[(UnitName, Vec<Entry>)]) {
    let mut above: BTreeSet<RelPath> = BTreeSet::new();
    for change in differences.iter().filter(|change| change.to.is_some()) {
        let missing = change.path().ancestors().filter(|dir| live.entry(dir).is_none());
        above.extend(missing.filter_map(|dir| RelPath::new(dir).ok()));
    }
    for change in differences.iter() {
        above.remove(change.path());
    }
    if above.is_empty() {
        return;
    }
    for (unit, entries) in wanted {
        let folders = entries.iter().filter(|entry| above.contains(&entry.path));
        differences.extend(folders.map(|entry| FileChange {
            unit: unit.clone(),
            from: None,
            to: Some(entry.clone()),
        }));
    }
    differences.sort_by(|a, b| a.path().cmp(b.path()));
}

/// Whether a path that the live state is said to lack is only left out by the rules, and stands as it shall be.
pub(super) fn stands_left_out(live: &LiveRoot, change: &FileChange) -> bool {
    let lacks = change.from.is_none() && live.leaves_out(change.path());
    lacks && change.to.as_ref().is_some_and(|wanted| live.stands_left_out(wanted))
}

/// The differences, sorted by path, without what is left out by the rules and stands as it shall be: nothing is to be done
/// there. Directories stay for what is to be done in them.
pub(super) fn without_standing<'c>(live: &LiveRoot, differences: &'c [FileChange]) -> Cow<'c, [FileChange]> {
    let stands: Vec<bool> = differences.iter().map(|change| stands_left_out(live, change)).collect();
    if !stands.contains(&true) {
        return Cow::Borrowed(differences);
    }
    let mut needed: BTreeSet<&[u8]> = BTreeSet::new();
    let mut left = Vec::new();
    for (change, stands) in differences.iter().zip(stands).rev() {
        let path = change.path();
        if needed.contains(path.as_bytes()) || !stands {
            needed.extend(path.ancestors());
            left.push(change.clone());
        }
    }
    left.reverse();
    Cow::Owned(left)
}

/// What no recorded tree can ask for, and what would reach into the repository itself.
pub(super) fn refuse_stray(session: &Session<'_>, live: &LiveRoot, plan: &RootPlan, whole: bool) -> Result<(), Error> {
    let is_dir = |dir: &[u8]| live.entry(dir).is_some_and(Entry::is_dir);
    let name = &live.root.name;
    if let Some(path) = plan::stray(plan, &is_dir) {
        let above = path
            .ancestors()
            .find(|dir| live.entry(dir).is_some_and(|entry| !entry.is_dir()));
        if let Some(link) = above.filter(|_| !whole).and_then(|dir| RelPath::new(dir).ok()) {
            return Err(Error::refused(
                format!("{name}:{link} is no folder here, and {name}:{path} cannot be put into it"),
                format!("name {name}:{link} too, or move it away; nothing was changed"),
            ));
        }
        return Err(Error::refused(
            format!("the commit puts {name}:{path} where it has no directory, or twice: it was not made by envgit"),
            "do not trust where it comes from; nothing was changed",
        ));
    }
    let real = |path: &std::path::Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (root, own) = (real(&live.root.path), real(session.repo.dir()));
    let is_inside = root.starts_with(&own);
    // Within the root, or, where the root lies within it, anywhere.
    let own = own
        .strip_prefix(&root)
        .map(|own| own.as_os_str().as_encoded_bytes().to_vec());
    let reaches = |path: &RelPath| {
        is_inside || path.is_within(STAGE_DIR.as_bytes()) || own.as_ref().is_ok_and(|own| path.is_within(own))
    };
    let files = plan.place.iter().map(|placement| &placement.entry);
    let mut entries = plan.make_dirs.iter().chain(files).chain(&plan.link).chain(&plan.settle);
    match entries.find(|entry| reaches(&entry.path)) {
        None => Ok(()),
        Some(entry) => Err(Error::refused(
            format!("the commit puts {name}:{} into envgit's own folder", entry.path),
            "do not trust where it comes from; nothing was changed",
        )),
    }
}

/// A further name of a file is made from its first one, which must then be what the commit has there: it is, or becomes it
/// in the same step.
pub(super) fn refuse_split(live: &LiveRoot, goal: &Side<'_>, plan: &RootPlan) -> Result<(), Error> {
    if plan.link.is_empty() {
        return Ok(());
    }
    let placed = plan.place.iter().map(|placement| &placement.entry);
    let changes: BTreeSet<&RelPath> = placed.chain(&plan.retouch).map(|entry| &entry.path).collect();
    let first = |entry: &Entry| entry.file().and_then(|file| file.hardlink.clone());
    let links = plan.link.iter().filter_map(|entry| Some((entry, first(entry)?)));
    let others: Vec<(&Entry, RelPath)> = links.filter(|(_, first)| !changes.contains(first)).collect();
    if others.is_empty() {
        return Ok(());
    }
    let name = &live.root.name;
    let units = goal.entries(name)?;
    for (entry, first) in others {
        let mut wanted = units.iter().flat_map(|(_, list)| list);
        if live.entry(first.as_bytes()) != wanted.find(|wanted| wanted.path == first) {
            let rev = &goal.name.name;
            return Err(Error::refused(
                format!(
                    "in {rev}, {name}:{} and {name}:{first} are one file, and {name}:{first} is another now",
                    entry.path
                ),
                format!(
                    "name both, so that both are brought back: {name}:{first} {name}:{}",
                    entry.path
                ),
            ));
        }
    }
    Ok(())
}

/// A root of the commit that this repository does not have is not brought back, and that is said. With none of them there is
/// nothing to bring back.
pub(super) fn absent_roots(
    session: &Session<'_>,
    goal: &Side<'_>,
    selection: &Selection,
) -> Result<Option<String>, Error> {
    let config = session.repo.config();
    let is_absent = |name: &&RootName| config.root(name.as_str()).is_none();
    let absent: Vec<&str> = goal.roots.keys().filter(is_absent).map(RootName::as_str).collect();
    if absent.is_empty() || !selection.is_everything() {
        return Ok(None);
    }
    let names = absent.join(", ");
    let hint = "declare it first: envgit root add NAME=PATH";
    if absent.len() == goal.roots.len() {
        let what = format!(
            "{} has the roots {names}, and this repository has none of them",
            goal.name.name
        );
        return Err(Error::refused(what, hint));
    }
    Ok(Some(format!(
        "{names} of {} is not brought back: this repository has no such root; {hint}",
        goal.name.name
    )))
}

/// A word on each file that gets less rights than it was recorded with.
pub(super) fn tamed(root: &RootName, differing: &Differing) -> Vec<String> {
    let told = differing.tamed.iter().map(|entry| {
        format!(
            "{root}:{} was recorded with mode {:04o}; setuid and setgid are left out (restore.setuid)",
            entry.path, entry.mode
        )
    });
    told.collect()
}

/// A word on each folder that stays because of what is in it.
pub(super) fn held_by_special(live: &LiveRoot, plan: &RootPlan) -> Vec<String> {
    let stays = |path: &&RelPath| path.parent().is_some_and(|dir| plan.kept.contains(dir));
    let name = &live.root.name;
    let special = live.special.iter().filter(stays);
    special
        .map(|path| format!("{name}:{path} is no file, folder or link: it is not recorded, and what it is in stays"))
        .collect()
}

/// The folders that become files or links.
pub(super) fn become_files(differences: &[FileChange]) -> BTreeSet<&[u8]> {
    let becomes_file = |change: &&FileChange| {
        change.from.as_ref().is_some_and(Entry::is_dir) && change.to.as_ref().is_some_and(|to| !to.is_dir())
    };
    let folders = differences.iter().filter(becomes_file);
    folders.map(|change| change.path().as_bytes()).collect()
}

/// Takes out of the changes what stays although the target lacks it: that is none.
pub(super) fn leave_out_kept(changes: &mut Changes, root: &RootName, plan: &RootPlan) {
    if let Some(of_root) = changes.roots.iter_mut().find(|known| known.root == *root) {
        let stays = |path: &RelPath| plan.kept.contains(path);
        of_root
            .files
            .retain(|change| change.to.is_some() || !stays(change.path()));
        of_root.configs.retain(|config| !stays(&config.path));
    }
    changes.roots.retain(|known| !known.is_empty());
}

/// What a file costs besides its bytes: an inode and half a block.
pub(in crate::ops) const PER_FILE: u64 = 4096;
/// What stays free: the journal and the logs are written too.
pub(in crate::ops) const RESERVE: u64 = 16 << 20;

pub(super) fn refuse_full(session: &Session<'_>, root: &Root, plan: &RootPlan, pinned: &Pinned) -> Result<(), Error> {
    let written = plan.place.iter().map(|placement| &placement.entry);
    let is_brought = plan.brought();
    let written = written.filter(|entry| !is_brought(&entry.path) && !pinned.contains_key(&entry.path));
    // What an inventory says may be anything: too much must not become little.
    let sizes = written.map(|entry| entry.size().saturating_add(PER_FILE));
    let needed = sizes.fold(0, u64::saturating_add);
    let is_full = |free: u64| needed > 0 && needed.saturating_add(RESERVE) > free;
    let mut free = fsx::free_space(&root.path)?;
    if is_full(free) {
        sweep(session);
        free = fsx::free_space(&root.path)?;
    }
    if is_full(free) && pinned.is_empty() && plan.whole.iter().all(|whole| whole.brings.is_none()) {
        // Pins are worth less than a checkout; none of them is needed for this one.
        make_room(session)?;
        free = fsx::free_space(&root.path)?;
    }
    if !is_full(free) {
        return Ok(());
    }
    Err(Error::NoSpace {
        path: root.path.clone(),
        needed: needed.saturating_add(RESERVE),
        free,
    })
}

/// Every directory in which a name changes, or that goes, must be writable: found out before the first name changes.
pub(super) fn refuse_unwritable(live: &LiveRoot, plan: &RootPlan) -> Result<(), Error> {
    let root = &live.root.path;
    let changed = plan.changed();
    let mut dirs: BTreeSet<&[u8]> = changed.iter().map(|path| path.parent().unwrap_or_default()).collect();
    if !changed.is_empty() {
        dirs.insert(b"");
    }
    for whole in plan.whole.iter().filter(|whole| whole.takes) {
        let entries = &live.state.entries;
        let (from, to) = beneath(entries, whole.dir.as_bytes(), |entry| entry.path.as_bytes());
        let inner = entries[from..to].iter().filter(|entry| entry.is_dir());
        dirs.extend(inner.map(|entry| entry.path.as_bytes()).chain([whole.dir.as_bytes()]));
    }
    match unwritable(root, &Vec::from_iter(dirs)) {
        None => Ok(()),
        Some(Unwritable::Forbidden(error)) => Err(error.into()),
        Some(Unwritable::Fixed(dir)) => Err(Error::refused(
            format!("{} is marked immutable or append-only", dir.display()),
            "take the mark away (chattr -i -a) and run the checkout again; nothing was changed",
        )),
    }
}
