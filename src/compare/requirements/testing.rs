//! Packages and systems in few words.

use crate::compare::requirements::{Installed, Platform, Texts, unmet};
use crate::snapshot::facts::SystemFacts;
use crate::snapshot::finding::{Finding, Problem};
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::promise::Promises;

/// A package of pip, for Python 3.11.
pub(crate) fn pip(name: &str, version: &str, requires: &[&str]) -> Package {
    let record = RelPath::new(format!("lib/python3.11/site-packages/{name}-{version}.dist-info")).unwrap();
    let mut package = Package::new(Manager::Pip, name, version, record);
    package.requires = requires.iter().map(|text| (*text).to_owned()).collect();
    package
}

/// A package of conda: `NAME VERSION BUILD`.
pub(crate) fn conda(spec: &str, requires: &[&str]) -> Package {
    let mut words = spec.split(' ');
    let mut word = || words.next().unwrap_or("0");
    let (name, version, build) = (word(), word(), word());
    let record = RelPath::new(format!("conda-meta/{name}-{version}-{build}.json")).unwrap();
    let mut package = Package::new(Manager::Conda, name, version, record);
    package.build = Some(build.to_owned());
    package.requires = requires.iter().map(|text| (*text).to_owned()).collect();
    package
}

/// The Python metadata of a conda package.
pub(crate) fn part(of: &str, name: &str, version: &str, requires: &[&str]) -> Package {
    let mut package = pip(name, version, requires);
    package.part_of = Some(of.to_owned());
    package
}

/// How many files of a package are there, of ten.
pub(crate) fn kept(package: &Package, intact: u64) -> Promises {
    let mut promises = Promises::kept(package.manager, package.record.clone());
    promises.promised = 10;
    promises.hashed = 10;
    promises.missing = (intact..10)
        .map(|n| RelPath::new(format!("gone{n}")).unwrap())
        .collect();
    promises
}

pub(crate) fn system() -> SystemFacts {
    SystemFacts {
        os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        kernel: "6.1.0-18-amd64".to_owned(),
        arch: "x86_64".to_owned(),
        glibc: Some("2.36".to_owned()),
        ..SystemFacts::default()
    }
}

/// Linux with this Python.
pub(crate) fn platform(python: &str) -> Platform {
    Platform::new(Some(python), &system(), &[])
}

/// What does not hold, in words.
pub(crate) fn broken(packages: &[Package], promises: &[Promises]) -> Vec<String> {
    let platform = platform("3.11.2");
    let installed = Installed::new(packages, promises, &platform, &Texts::default());
    unmet(&installed).iter().map(told).collect()
}

/// A finding in words.
pub(crate) fn told(finding: &Finding) -> String {
    let package = finding.package.as_ref().map(ToString::to_string).unwrap_or_default();
    match &finding.problem {
        Problem::Requirement { requirement, found, .. } => {
            let found = found.as_ref().map_or("nothing".to_owned(), ToString::to_string);
            format!("{package} requires {requirement}: {found}")
        }
        Problem::Python { requirement, found } => format!("{package} is for {requirement}: Python {found}"),
        Problem::Unparsable { requirement, .. } => format!("{package}: cannot read {requirement}"),
        Problem::Record { what, .. } => format!("{package}: {what}"),
        other => format!("{package}: {other:?}"),
    }
}
