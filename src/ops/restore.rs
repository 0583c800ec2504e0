//! `restore`: a part of a recorded state comes back: packages, paths or config files.
//!
//! What is wanted becomes a set of paths, each by itself, and then a checkout of exactly those.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::checkout::{CheckoutOptions, Confirm};
use super::error::Error;
use super::live::Live;
use super::pathspec::Selection;
use super::report::CheckoutReport;
use super::side::Side;
use super::{Session, attend, recover};
use crate::capture::scan::LiveRoot;
use crate::capture::system;
use crate::compare;
use crate::compare::requirements::{Installed, Platform, Texts};
use crate::snapshot::change::RootChanges;
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::finding::{Finding, Problem};
use crate::snapshot::package::{Defect, Manager, Package, normalize};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;
use crate::snapshot::unit::UnitName;

/// What to bring back.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// The revision; HEAD when absent.
    pub from: Option<String>,
    /// These packages, with all their files.
    pub packages: Vec<String>,
    /// These paths, as in checkout.
    pub paths: Vec<String>,
    /// Only config files; with `paths`, those among them.
    pub configs: bool,
    /// Only in these roots.
    pub roots: Vec<String>,
    /// Leave two owners of one path, and go on although processes have files open that will be replaced.
    pub force: bool,
    /// Why, for the audit log.
    pub reason: Option<String>,
    /// Do not record the live state first.
    pub discard: bool,
    /// Only plan.
    pub dry_run: bool,
    /// The folder against which relative paths count.
    pub cwd: PathBuf,
}

/// Brings back a part. Returns only after it was compared with what was recorded. HEAD stays.
///
/// # Errors
/// A package that the revision does not have, a path that is in neither state, a path that another live package owns;
/// and what keeps a checkout from being done.
pub fn restore(
    session: &mut Session<'_>,
    options: &RestoreOptions,
    confirm: &mut Confirm<'_>,
) -> Result<CheckoutReport, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    recover::finish_or_give_up(session, options.discard && !options.dry_run)?;
    let rev = options.from.clone().unwrap_or_else(|| "HEAD".to_owned());
    let part = Part::find(session, &rev, options)?;
    let checkout = CheckoutOptions {
        rev,
        exact: part.paths,
        packages: part.changed,
        discard: options.discard,
        dry_run: options.dry_run,
        force: options.force,
        reason: options.reason.clone(),
        cwd: options.cwd.clone(),
        ..CheckoutOptions::default()
    };
    let mut report = attend::checkout(session, &checkout, confirm)?;
    report.warnings.extend(part.warnings);
    Ok(report)
}

/// The part of a state that is to come back.
#[derive(Default)]
struct Part {
    paths: BTreeMap<RootName, BTreeSet<RelPath>>,
    /// The roots with the packages that change in them.
    changed: Vec<RootChanges>,
    warnings: Vec<String>,
}

/// One root in both states.
struct Both<'a> {
    live: &'a LiveRoot,
    /// What was recorded, by path, with its unit.
    goal: BTreeMap<RelPath, (UnitName, Entry)>,
}

impl Part {
    fn find(session: &Session<'_>, rev: &str, options: &RestoreOptions) -> Result<Self, Error> {
        let history = session.repo.history();
        let goal = Side::of_commit(history, history.resolve(rev)?, rev)?;
        let live = Live::capture(&session.viewpoint(), &Default::default())?;
        if !live.failures.is_empty() {
            return Err(Error::Unsaved(live.failures));
        }
        let now = Side::of_live(history, &live);
        let declared = &session.repo.config().roots;
        let selection = Selection::new(declared, &options.roots, &options.paths, &options.cwd)?;
        let mut part = Self::default();
        let mut unknown: BTreeSet<&String> = options.packages.iter().collect();
        for live_root in &live.roots {
            let name = &live_root.root.name;
            if !selection.has_root(name) || !goal.roots.contains_key(name) {
                continue;
            }
            let mut both = Both {
                live: live_root,
                goal: BTreeMap::new(),
            };
            let mut chosen: BTreeSet<RelPath> = BTreeSet::new();
            if options.packages.is_empty() {
                both.read(&goal)?;
                selection.refuse_unmatched(name, both.paths(), rev)?;
                chosen = both.named(&selection, options.configs.then_some((&goal, &now)))?;
            } else if live_root.root.kind.holds_packages() {
                let (before, after) = (now.packages(name)?, goal.packages(name)?);
                let is_there = |wanted: &&String| after.iter().any(|package| is_called(package, wanted));
                let here: Vec<&String> = options.packages.iter().filter(is_there).collect();
                if here.is_empty() {
                    continue;
                }
                unknown.retain(|name| !here.contains(name));
                both.read(&goal)?;
                chosen = part.packages(&both, &here, (before, after), options.force)?;
            }
            both.close(&mut chosen)?;
            if !chosen.is_empty() {
                part.paths.insert(name.clone(), chosen);
            }
        }
        if let Some(name) = unknown.first() {
            return Err(Error::refused(
                format!("{rev} has no package {name}"),
                format!("`envgit packages {rev}` lists what it has"),
            ));
        }
        if part.paths.is_empty() {
            let path = match (options.paths.is_empty(), options.configs) {
                (false, _) => options.paths.join(" "),
                (true, true) => "--config".to_owned(),
                (true, false) => return Err(Error::refused("nothing was named to restore", "")),
            };
            let state = format!("{rev} or the live state");
            return Err(Error::NoSuchPath { path, state });
        }
        Ok(part)
    }

    /// The paths of some packages, in both states.
    fn packages(
        &mut self,
        both: &Both<'_>,
        names: &[&String],
        (before, after): (Vec<Package>, Vec<Package>),
        force: bool,
    ) -> Result<BTreeSet<RelPath>, Error> {
        let is_named = |package: &Package| names.iter().any(|name| is_called(package, name));
        let units: BTreeSet<UnitName> = before
            .iter()
            .chain(&after)
            .filter(|package| is_named(package))
            .map(unit_of)
            .collect();
        let root = &both.live.root.name;
        let mut chosen = BTreeSet::new();
        let mut owned: BTreeMap<UnitName, Vec<&RelPath>> = BTreeMap::new();
        for (path, (unit, entry)) in &both.goal {
            if !units.contains(unit) {
                continue;
            }
            chosen.insert(path.clone());
            if !entry.is_dir()
                && let Some(owner) = both.live_unit(path.as_bytes())
                && is_package(owner)
                && !units.contains(owner)
            {
                owned.entry(owner.clone()).or_default().push(path);
            }
        }
        if let Some((owner, paths)) = owned.iter().next().filter(|_| !force) {
            let named: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            return Err(Error::refused(
                format!(
                    "{} of {} would have two owners: {root}:{} belongs to {owner} now",
                    super::error::files(paths.len()),
                    named.join(", "),
                    paths[0]
                ),
                format!(
                    "remove {owner} first, restore it too, or restore all the same with --force; nothing was changed"
                ),
            ));
        }
        for entry in both.live.state.entries.iter() {
            let of_package = both
                .live_unit(entry.path.as_bytes())
                .is_some_and(|unit| units.contains(unit));
            if !of_package || chosen.contains(&entry.path) {
                continue;
            }
            match both.goal.get(&entry.path) {
                // What another package had there then is not asked for.
                Some((other, then)) if is_package(other) && !then.is_dir() => self.warnings.push(format!(
                    "{root}:{} is left as it is: it belonged to {other} then",
                    entry.path
                )),
                _ => {
                    chosen.insert(entry.path.clone());
                }
            }
        }
        let mut rest: Vec<Package> = before.iter().filter(|package| !is_named(package)).cloned().collect();
        let then: Vec<Package> = after.iter().filter(|package| is_named(package)).cloned().collect();
        let now: Vec<Package> = before.into_iter().filter(|package| is_named(package)).collect();
        let changes = RootChanges {
            root: root.clone(),
            kind: both.live.root.kind,
            packages: compare::packages(&now, &then),
            configs: Vec::new(),
            files: Vec::new(),
            explanation: None,
        };
        self.changed.push(changes);
        rest.extend(then);
        let python = both.live.state.python.as_deref();
        self.warnings.extend(unmet_after(rest, names, python));
        Ok(chosen)
    }
}

/// Requirements, of the restored packages or on them, that do not hold in a state with `packages`, for people.
fn unmet_after(mut packages: Vec<Package>, restored: &[&String], python: Option<&str>) -> Vec<String> {
    packages.sort_by(|a, b| a.key().cmp(&b.key()));
    let platform = Platform::new(python, &system::facts(Path::new("/")), &packages);
    let installed = Installed::new(&packages, &[], &platform, &Texts::default());
    let is_restored = |name: &str| restored.iter().any(|known| normalize(known) == normalize(name));
    let concerns = |finding: &Finding| match (&finding.problem, &finding.package) {
        (Problem::Requirement { needs, .. }, Some(by)) => is_restored(needs) || is_restored(&by.name),
        _ => false,
    };
    let findings = compare::unmet(&installed).into_iter().filter(concerns);
    findings
        .filter_map(|finding| {
            let by = finding.package.as_ref()?;
            Some(format!("{} {} {finding}", by.name, by.version))
        })
        .collect()
}

fn is_called(package: &Package, name: &str) -> bool {
    package.defect != Some(Defect::Leftover) && normalize(&package.name) == normalize(name)
}

/// The unit that holds the files of a package.
fn unit_of(package: &Package) -> UnitName {
    match (&package.part_of, package.manager) {
        (Some(conda), _) => UnitName::conda(conda),
        (None, Manager::Conda) => UnitName::conda(&package.name),
        (None, Manager::Pip) => UnitName::pip(&package.name),
    }
}

fn is_package(unit: &UnitName) -> bool {
    unit.as_str().starts_with("pip/") || unit.as_str().starts_with("conda/")
}

impl Both<'_> {
    fn read(&mut self, goal: &Side<'_>) -> Result<(), Error> {
        for (unit, entries) in goal.entries(&self.live.root.name)? {
            let named = entries
                .into_iter()
                .map(|entry| (entry.path.clone(), (unit.clone(), entry)));
            self.goal.extend(named);
        }
        Ok(())
    }

    fn live_unit(&self, path: &[u8]) -> Option<&UnitName> {
        let state = &self.live.state;
        let at = state
            .entries
            .binary_search_by(|entry| entry.path.as_bytes().cmp(path))
            .ok()?;
        Some(&state.units.get(*state.unit_of.get(at)? as usize)?.name)
    }

    /// The paths of both states.
    fn paths(&self) -> impl Iterator<Item = &RelPath> + Clone {
        let live = self.live.state.entries.iter().map(|entry| &entry.path);
        self.goal.keys().chain(live)
    }

    /// The selected paths of both states; with `configs`, only those that either keeps as config files.
    fn named(
        &self,
        selection: &Selection,
        configs: Option<(&Side<'_>, &Side<'_>)>,
    ) -> Result<BTreeSet<RelPath>, Error> {
        let root = &self.live.root.name;
        if let Some((goal, now)) = configs {
            let mut paths = goal.config_paths(root);
            paths.extend(now.config_paths(root));
            paths.retain(|path| selection.has_path(root, path));
            return Ok(paths);
        }
        Ok(self
            .paths()
            .filter(|path| selection.has_path(root, path))
            .cloned()
            .collect())
    }

    /// Adds what the chosen paths cannot do without: the first names of hard links. Leaves folders that hold something
    /// else; those above them the checkout adds.
    fn close(&self, chosen: &mut BTreeSet<RelPath>) -> Result<(), Error> {
        let mut more: Vec<RelPath> = Vec::new();
        for path in chosen.iter() {
            let Some((_, entry)) = self.goal.get(path) else {
                continue;
            };
            // One that stands there with other content is not replaced unasked; the checkout then says so.
            if let Node::File(file) = &entry.node
                && let Some(first) = &file.hardlink
                && self.live.entry(first.as_bytes()).is_none()
            {
                more.push(first.clone());
            }
        }
        chosen.extend(more);
        let dirs = chosen
            .iter()
            .filter(|path| self.live.entry(path.as_bytes()).is_some_and(Entry::is_dir));
        let goes = |path: &&RelPath| !self.goal.get(*path).is_some_and(|(_, entry)| entry.is_dir());
        let mut stay = Vec::new();
        for dir in dirs.filter(goes) {
            let Some(other) = self.beneath(dir).find(|path| !chosen.contains(*path)) else {
                continue;
            };
            if self.goal.contains_key(dir) {
                let root = &self.live.root.name;
                return Err(Error::refused(
                    format!("{root}:{dir} must become a file, and {root}:{other} is in it"),
                    format!("move {root}:{other} away, or restore {root}:{dir} with all that is beneath it"),
                ));
            }
            stay.push(dir.clone());
        }
        chosen.retain(|path| !stay.contains(path));
        Ok(())
    }

    /// The live paths beneath a folder.
    fn beneath<'b>(&'b self, dir: &'b RelPath) -> impl Iterator<Item = &'b RelPath> {
        let entries = &self.live.state.entries;
        let start = entries.partition_point(|entry| entry.path <= *dir);
        // Names such as `dir-x` sort between a folder and what is in it.
        let after = [dir.as_bytes(), b"0"].concat();
        entries[start..]
            .iter()
            .map(|entry| &entry.path)
            .take_while(move |path| path.as_bytes() < &after[..])
            .filter(|path| path.is_within(dir.as_bytes()))
    }
}
