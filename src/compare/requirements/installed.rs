//! What is installed in one state: of each project the record whose files are there, and what it requires.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rattler_conda_version::Version;

use super::conda::{self, Spec};
use super::interpreter::is_visible;
use super::names;
use super::pip::{PipVersion, Requirement, is_of_extra};
use super::platform::{Platform, Virtual};
use super::texts::{Read, Texts};
use crate::compare::records::{Records, is_of_python};
use crate::snapshot::package::{Defect, Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::promise::Promises;

/// The packages of one state of a root, joined to projects.
///
/// Of several records of one project the one that counts ([`Records`]) answers requirements by its version, and its own
/// requirements are held.
#[derive(Debug)]
pub struct Installed<'a> {
    pub(super) platform: &'a Platform,
    pub(super) members: Vec<Member<'a>>,
    by_record: HashMap<&'a RelPath, usize>,
    /// By the name of a project, its record in pip's form that answers for it.
    pip: HashMap<&'a str, usize>,
    conda: HashMap<&'a str, usize>,
}

/// One record and what it requires.
#[derive(Debug)]
pub(in crate::compare) struct Member<'a> {
    pub(in crate::compare) package: &'a Package,
    /// Whether its files are the ones that are there.
    pub(in crate::compare) counts: bool,
    /// Of a conda package: the record of pip that was installed over it. Of a part: the conda package.
    pub(super) other: Option<usize>,
    pub(in crate::compare) needs: Vec<Need<'a>>,
    /// Requirements that cannot be read, with the reason.
    pub(super) unreadable: Vec<(&'a str, String)>,
    pub(super) pip_version: Option<PipVersion>,
    pub(super) conda_version: Option<Version>,
    extras: BTreeSet<String>,
}

/// A requirement that applies.
#[derive(Clone, Debug)]
pub(in crate::compare) struct Need<'a> {
    /// As its record words it.
    pub(in crate::compare) text: &'a str,
    pub(super) what: What,
    /// Only if it is there (`constrains`).
    pub(in crate::compare) optional: bool,
}

/// A requirement as it was read; only such as could be are here.
#[derive(Clone, Debug)]
pub(super) enum What {
    Pip(Read<Requirement>),
    Conda(Read<Spec>),
}

impl Need<'_> {
    /// The name of what is required.
    pub(in crate::compare) fn name(&self) -> &str {
        match &self.what {
            What::Pip(read) => read.as_ref().as_ref().map_or("", |requirement| &requirement.name),
            What::Conda(read) => read.as_ref().as_ref().map_or("", |spec| spec.name()),
        }
    }
}

/// How a requirement stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::compare) enum Verdict<'a> {
    Holds,
    /// By what is there instead, if such a package is.
    Broken(Option<&'a Package>),
    /// What is there cannot be compared.
    Unknown,
}

impl<'a> Installed<'a> {
    /// The packages of one root, and how its records' promises are kept, where that is known.
    pub fn new(packages: &'a [Package], promises: &'a [Promises], platform: &'a Platform, texts: &Texts) -> Self {
        let members: Vec<Member<'a>> = packages
            .iter()
            .filter(|package| package.defect != Some(Defect::Leftover))
            .map(Member::new)
            .collect();
        let by_record = members
            .iter()
            .enumerate()
            .map(|(at, member)| (&member.package.record, at));
        let mut installed = Self {
            platform,
            by_record: by_record.collect(),
            members,
            pip: HashMap::new(),
            conda: HashMap::new(),
        };
        installed.join(&Records::new(packages, promises, platform.minor()));
        installed.read_requirements(texts);
        installed
    }

    /// The record that counts of a package, by the name that a manager gives it: that of pip, where pip installed over
    /// conda's, and that of conda for the Python metadata in its package.
    pub fn effective(&self, manager: Manager, name: &str) -> Option<&'a Package> {
        let at = match manager {
            Manager::Pip => self.pip_project(name)?,
            Manager::Conda => self.conda_project(name)?,
        };
        let member = &self.members[at];
        let is_part = member.package.part_of.is_some();
        let is_gone_over = member.package.manager == Manager::Conda && !member.counts;
        let other = member.other.filter(|_| is_part || is_gone_over);
        Some(self.members[other.unwrap_or(at)].package)
    }

    /// The records that count.
    pub(in crate::compare) fn counting(&self) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter().filter(|member| member.counts)
    }

    /// The member of a record.
    pub(in crate::compare) fn member(&self, package: &Package) -> Option<&Member<'a>> {
        self.by_record.get(&package.record).map(|at| &self.members[*at])
    }

    /// Finds out which records count, and which of them answers to which name.
    fn join(&mut self, records: &Records<'a>) {
        for at in 0..self.members.len() {
            let package = self.members[at].package;
            let Some(record) = records.position(&package.record) else {
                continue;
            };
            self.members[at].counts = records.counts(record);
            if package.manager == Manager::Conda {
                let over = records.better(record).and_then(|one| self.by_record.get(&one.record));
                self.members[at].other = over.copied();
                let known = self.conda.get(&*package.name).map(|known| self.members[*known].package);
                let known = known.and_then(|known| records.position(&known.record));
                if known.is_none_or(|known| records.ranks_above(record, known)) {
                    self.conda.insert(&package.name, at);
                }
            }
        }
        let mut projects: HashMap<&'a str, Vec<usize>> = HashMap::new();
        for at in 0..self.members.len() {
            let package = self.members[at].package;
            if package.manager == Manager::Conda || !is_visible(package, self.platform.minor()) {
                continue;
            }
            projects.entry(&package.name).or_default().push(at);
            // A part stands and falls with its conda package.
            if let Some(owner) = &package.part_of {
                let owner = self.conda.get(&**owner).copied();
                self.members[at].other = owner;
                self.members[at].counts = owner.is_none_or(|owner| self.members[owner].counts);
            }
        }
        for (name, of_it) in projects {
            let best = of_it.iter().copied().max_by_key(|at| {
                let Member { package, counts, .. } = &self.members[*at];
                let version = package.version.parse::<pep440_rs::Version>().ok();
                (*counts, package.part_of.is_none(), version, Reverse(&package.record))
            });
            for at in of_it {
                self.members[at].counts &= Some(at) == best;
            }
            self.pip.extend(best.map(|best| (name, best)));
        }
    }

    /// Reads what applies; extras make more apply.
    fn read_requirements(&mut self, texts: &Texts) {
        let mut waiting: Vec<usize> = (0..self.members.len()).collect();
        while let Some(at) = waiting.pop() {
            let member = &self.members[at];
            let (needs, unreadable) = member.read(self.platform, texts);
            let asked: Vec<(usize, String)> = needs
                .iter()
                .filter(|_| member.counts)
                .filter_map(|need| match &need.what {
                    What::Pip(read) => read.as_ref().as_ref().ok(),
                    What::Conda(_) => None,
                })
                .filter_map(|requirement| Some((*self.pip.get(&*requirement.name)?, &requirement.extras)))
                .flat_map(|(at, extras)| extras.iter().map(move |extra| (at, extra.clone())))
                .collect();
            self.members[at].needs = needs;
            self.members[at].unreadable = unreadable;
            for (target, extra) in asked {
                if self.members[target].extras.insert(extra) {
                    waiting.push(target);
                }
            }
        }
    }

    /// Whether a requirement holds here.
    pub(in crate::compare) fn judge(&self, need: &Need<'_>) -> Verdict<'a> {
        match &need.what {
            What::Pip(read) => match read.as_ref() {
                Ok(requirement) => self.judge_pip(requirement),
                Err(_) => Verdict::Unknown,
            },
            What::Conda(read) => match read.as_ref() {
                Ok(spec) => self.judge_conda(spec, need.optional),
                Err(_) => Verdict::Unknown,
            },
        }
    }

    fn judge_pip(&self, requirement: &Requirement) -> Verdict<'a> {
        let Some(at) = self.pip_project(&requirement.name) else {
            return Verdict::Broken(None);
        };
        let member = &self.members[at];
        verdict(requirement.admits(member.pip_version.as_ref()), member.package)
    }

    /// A project by pip's name: its record that counts, or a conda package that brings no such record.
    fn pip_project(&self, name: &str) -> Option<usize> {
        let record = self.pip.get(name).copied();
        let conda = self.conda.get(name).copied();
        let conda = conda.filter(|at| is_of_python(self.members[*at].package));
        record.filter(|at| self.members[*at].counts).or(conda).or(record)
    }

    fn judge_conda(&self, spec: &Spec, optional: bool) -> Verdict<'a> {
        if spec.name().starts_with("__") {
            return match self.platform.virtual_package(spec.name()) {
                Virtual::Present(version) if spec.admits(conda::version(&version).as_ref(), None) == Some(false) => {
                    Verdict::Broken(None)
                }
                Virtual::Absent if !optional => Verdict::Broken(None),
                _ => Verdict::Holds,
            };
        }
        let Some(own) = self.conda_project(spec.name()) else {
            return if optional {
                Verdict::Holds
            } else {
                Verdict::Broken(None)
            };
        };
        let own = &self.members[own];
        match own.other.filter(|_| own.package.manager == Manager::Conda) {
            Some(over) => {
                // Of a package that pip put there, the build is not conda's to name.
                let over = &self.members[over];
                verdict(spec.admits(over.conda_version.as_ref(), None), over.package)
            }
            None => {
                let build = own.package.build.as_deref();
                verdict(spec.admits(own.conda_version.as_ref(), build), own.package)
            }
        }
    }

    /// A package by conda's name: conda's record, or that of pip where conda has none.
    fn conda_project(&self, name: &str) -> Option<usize> {
        let conda = self.conda.get(name).copied();
        conda.or_else(|| self.pip.get(&*names::project(name)).copied())
    }
}

fn verdict(admitted: Option<bool>, found: &Package) -> Verdict<'_> {
    match admitted {
        Some(true) => Verdict::Holds,
        Some(false) => Verdict::Broken(Some(found)),
        None => Verdict::Unknown,
    }
}

impl<'a> Member<'a> {
    fn new(package: &'a Package) -> Self {
        Self {
            package,
            counts: false,
            other: None,
            needs: Vec::new(),
            unreadable: Vec::new(),
            pip_version: PipVersion::parse(&package.version),
            conda_version: conda::version(match package.manager {
                Manager::Conda => &package.version,
                // A spec of conda cannot mean a local label of pip's (`+cpu`).
                Manager::Pip => package.version.split('+').next().unwrap_or_default(),
            }),
            extras: BTreeSet::new(),
        }
    }

    fn read(&self, platform: &Platform, texts: &Texts) -> (Vec<Need<'a>>, Vec<(&'a str, String)>) {
        let (mut needs, mut unreadable) = (Vec::new(), Vec::new());
        match self.package.manager {
            Manager::Conda => {
                let required = self.package.requires.iter().map(|text| (text, false));
                let constrained = self.package.constrains.iter().map(|text| (text, true));
                for (text, optional) in required.chain(constrained) {
                    let read = texts.conda(text);
                    match read.as_ref() {
                        Ok(_) => needs.push(Need {
                            text,
                            what: What::Conda(Rc::clone(&read)),
                            optional,
                        }),
                        Err(why) => unreadable.push((&**text, why.clone())),
                    }
                }
            }
            Manager::Pip => {
                let extras: Vec<String> = self.extras.iter().cloned().collect();
                let skipped = |text: &&String| extras.is_empty() && is_of_extra(text);
                for text in self.package.requires.iter().filter(|text| !skipped(text)) {
                    let read = texts.pip(text);
                    match read.as_ref() {
                        Ok(requirement) if requirement.applies(platform, &extras) => needs.push(Need {
                            text,
                            what: What::Pip(Rc::clone(&read)),
                            optional: false,
                        }),
                        Ok(_) => {}
                        Err(why) => unreadable.push((&**text, why.clone())),
                    }
                }
            }
        }
        (needs, unreadable)
    }
}
