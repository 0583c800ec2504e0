//! `why`: the story of one package. From records alone: two states are compared only where their package lists differ.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Session;
use super::diff::warnings;
use super::error::Error;
use super::explain::{stories, system_of};
use super::inspect::stands_for_live;
use super::live::Live;
use super::report::{CommitFacts, SideName};
use super::side::Side;
use super::trail::Trail;
use crate::compare;
use crate::compare::ownership::Ownership;
use crate::compare::requirements::{Installed, Platform, Texts};
use crate::compare::requirers::Requirer;
use crate::history::{BlobId, near};
use crate::snapshot::change::PackageChange;
use crate::snapshot::explanation::PackageStory;
use crate::snapshot::finding::{PackageRef, RecordFact};
use crate::snapshot::package::{Manager, Package, normalize};
use crate::snapshot::root::RootName;

/// Whose story to tell.
#[derive(Clone, Debug, Default)]
pub struct WhyOptions {
    /// The package, as any manager spells it.
    pub name: String,
    /// Up to this commit; up to the live state when absent.
    pub rev: Option<String>,
}

/// The story of one package.
#[derive(Clone, Debug)]
pub struct WhyReport {
    /// The name as asked for.
    pub name: String,
    /// The state of [`now`](Self::now).
    pub side: SideName,
    /// Its records at present.
    pub now: Vec<PackageNow>,
    /// What happened to it, newest first.
    pub story: Vec<Chapter>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// One record of the package.
#[derive(Clone, Debug)]
pub struct PackageNow {
    /// Where it is.
    pub root: RootName,
    /// The record.
    pub package: Package,
    /// Who requires it.
    pub required_by: Vec<Requirer>,
    /// Its files; nothing where the state does not tell.
    pub files: Option<FilesNow>,
}

/// What became of the files that a record promises.
#[derive(Clone, Debug)]
pub struct FilesNow {
    /// How many, and how many are as promised.
    pub fact: RecordFact,
    /// `import` gets this record's files, as far as records tell.
    pub is_real: bool,
    /// Whose bytes stand in place of its own.
    pub overwritten: Vec<(PackageRef, u64)>,
}

/// One change of the package.
#[derive(Clone, Debug)]
pub struct Chapter {
    /// The commit that brought it; nothing if it is not committed yet.
    pub recorded: Option<CommitFacts>,
    /// Where.
    pub root: RootName,
    /// What changed.
    pub change: PackageChange,
    /// Why.
    pub story: PackageStory,
}

/// The story of one package.
///
/// # Errors
/// An unknown revision; a name that no state has.
pub fn why(session: &mut Session<'_>, options: &WhyOptions) -> Result<WhyReport, Error> {
    let rev = options.rev.as_deref().or(stands_for_live(session));
    let live = match rev {
        Some(_) => None,
        None => Some(Live::capture(&session.viewpoint(), &Default::default())?),
    };
    let history = session.repo.history();
    let mut trail = Trail::new(history, live.as_ref(), rev)?;
    let Some(first) = trail.next().transpose()? else {
        // Says that nothing is committed yet.
        return Err(history
            .resolve("HEAD")
            .map_or_else(Error::from, |_| no_such(options, &BTreeSet::new())));
    };
    let mut wanted = Wanted::new(&options.name);
    let side = first.side.name.clone();
    let now = now(&first.side, &mut wanted)?;
    let mut lists = Lists::default();
    let mut story = Vec::new();
    let mut newer = first;
    // The live state counts for itself: nothing before the first commit is no story.
    loop {
        let older = trail.next().transpose()?;
        if newer.recorded.is_some() || older.is_some() {
            let nothing = Side::empty(history);
            let from = older.as_ref().map_or(&nothing, |step| &step.side);
            for (root, change, told) in lists.changes(from, &newer.side, &mut wanted)? {
                story.push(Chapter {
                    recorded: newer.recorded.clone(),
                    root,
                    change,
                    story: told,
                });
            }
        }
        match older {
            Some(older) => newer = older,
            None => break,
        }
    }
    if now.is_empty() && story.is_empty() {
        return Err(no_such(options, &wanted.seen));
    }
    Ok(WhyReport {
        name: options.name.clone(),
        side,
        now,
        story,
        warnings: live.map(warnings).unwrap_or_default(),
    })
}

fn no_such(options: &WhyOptions, seen: &BTreeSet<String>) -> Error {
    Error::NoSuchPackage {
        name: options.name.clone(),
        near: near(&normalize(&options.name), seen.iter().cloned()),
    }
}

/// The records of the package in one state, with those that are of the same project under another name.
fn now(side: &Side<'_>, wanted: &mut Wanted) -> Result<Vec<PackageNow>, Error> {
    let mut now = Vec::new();
    for (root, _) in side.roots.iter().filter(|(_, kind)| kind.holds_packages()) {
        let packages = side.packages(root)?;
        let promises = side.promises(root)?;
        let python = side.python(root);
        let ownership = Ownership::new(&packages, &promises, python.as_deref());
        let platform = Platform::new(python.as_deref(), &system_of(side), &packages);
        let installed = Installed::new(&packages, &promises, &platform, &Texts::default());
        wanted.learn(&packages);
        let matching = packages.iter().filter(|package| wanted.has(package));
        let rivals: Vec<&Package> = matching.flat_map(|package| ownership.rivals(&package.record)).collect();
        let rivals = rivals.into_iter().map(|rival| (rival.manager, rival.name.clone()));
        wanted.names.extend(rivals);
        for package in packages.iter().filter(|package| wanted.has(package)) {
            let files = ownership.fact(&package.record).map(|fact| FilesNow {
                fact,
                is_real: ownership.is_real(&package.record),
                overwritten: ownership.overwritten(&package.record),
            });
            now.push(PackageNow {
                root: root.clone(),
                package: package.clone(),
                required_by: compare::requirers(package, &installed),
                files,
            });
        }
    }
    Ok(now)
}

/// The names that are asked for.
struct Wanted {
    normalized: String,
    /// Names that turned out to be those of the package.
    names: BTreeSet<(Manager, String)>,
    /// All names that were seen, for "did you mean".
    seen: BTreeSet<String>,
}

impl Wanted {
    fn new(name: &str) -> Self {
        Self {
            normalized: normalize(name),
            names: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Learns names from a package list. The Python part of a conda package has a name of its own, and is asked for as
    /// often as the package (`torch`, which is part of `pytorch`).
    fn learn(&mut self, packages: &[Package]) {
        for package in packages {
            if normalize(&package.name) == self.normalized {
                match &package.part_of {
                    Some(whole) => self.names.insert((Manager::Conda, whole.clone())),
                    None => self.names.insert((package.manager, package.name.clone())),
                };
            }
            if !self.seen.contains(&package.name) {
                self.seen.insert(package.name.clone());
            }
        }
    }

    fn has(&self, package: &Package) -> bool {
        package.is_listed() && self.names.contains(&(package.manager, package.name.clone()))
    }
}

/// Package lists that were read: that of the newer state is that of the older one of the comparison before.
#[derive(Default)]
struct Lists {
    last: BTreeMap<RootName, (BlobId, Rc<Vec<Package>>)>,
}

impl Lists {
    fn of(&mut self, side: &Side<'_>, root: &RootName) -> Result<Rc<Vec<Package>>, Error> {
        let Some(id) = side.packages_id(root) else {
            return Ok(Rc::default());
        };
        if let Some((known, list)) = self.last.get(root)
            && *known == id
        {
            return Ok(Rc::clone(list));
        }
        let list = Rc::new(side.packages(root)?);
        self.last.insert(root.clone(), (id, Rc::clone(&list)));
        Ok(list)
    }

    /// The changes of the package between two states, with their causes.
    fn changes(
        &mut self,
        from: &Side<'_>,
        to: &Side<'_>,
        wanted: &mut Wanted,
    ) -> Result<Vec<(RootName, PackageChange, PackageStory)>, Error> {
        let roots: BTreeSet<&RootName> = from.roots.keys().chain(to.roots.keys()).collect();
        let mut found = Vec::new();
        for root in roots {
            if from.packages_id(root) == to.packages_id(root) {
                continue;
            }
            let (newer, older) = (self.of(to, root)?, self.of(from, root)?);
            wanted.learn(&newer);
            wanted.learn(&older);
            let changes = compare::packages(&older, &newer);
            let is_wanted = |change: &PackageChange| wanted.names.contains(&(change.manager, change.name.clone()));
            if !changes.iter().any(is_wanted) {
                continue;
            }
            let stories = stories(from, to, root, &changes)?;
            let told = changes.into_iter().zip(stories).filter(|(change, _)| is_wanted(change));
            found.extend(told.map(|(change, story)| (root.clone(), change, story)));
        }
        Ok(found)
    }
}
