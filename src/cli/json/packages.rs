//! Packages.

use serde::Serialize;

use super::FORMAT;
use super::diff::SideJson;
use crate::ops::report::PackagesReport;
use crate::snapshot::change::{ChangeKind, PackageChange};
use crate::snapshot::explanation::PackageStory;
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::root::{Kind, RootName};

/// `packages --json`.
#[derive(Serialize)]
pub(in crate::cli) struct PackagesJson<'a> {
    format: u32,
    state: SideJson<'a>,
    roots: Vec<RootPackages<'a>>,
}

#[derive(Serialize)]
struct RootPackages<'a> {
    root: &'a RootName,
    kind: Kind,
    packages: Vec<PackageJson<'a>>,
}

#[derive(Serialize)]
pub(super) struct PackageJson<'a> {
    name: &'a str,
    manager: Manager,
    version: &'a str,
    build: Option<&'a str>,
    channel: Option<&'a str>,
    installer: Option<&'a str>,
}

impl<'a> PackagesJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a PackagesReport) -> Self {
        let root = |(root, kind, packages): &'a (RootName, Kind, Vec<Package>)| RootPackages {
            root,
            kind: *kind,
            packages: packages.iter().map(PackageJson::of).collect(),
        };
        Self {
            format: FORMAT,
            state: SideJson::of(&report.side),
            roots: report.roots.iter().map(root).collect(),
        }
    }
}

impl<'a> PackageJson<'a> {
    pub(super) fn of(package: &'a Package) -> Self {
        Self {
            name: &package.name,
            manager: package.manager,
            version: &package.version,
            build: package.build.as_deref(),
            channel: package.channel.as_deref(),
            installer: package.installer.as_deref(),
        }
    }
}

/// A package that differs.
#[derive(Serialize)]
pub(super) struct PackageChangeJson<'a> {
    name: &'a str,
    manager: Manager,
    change: ChangeKind,
    from: Option<VersionJson<'a>>,
    to: Option<VersionJson<'a>>,
    #[serde(flatten)]
    story: Option<&'a PackageStory>,
}

#[derive(Serialize)]
struct VersionJson<'a> {
    version: &'a str,
    build: Option<&'a str>,
    channel: Option<&'a str>,
    installer: Option<&'a str>,
}

impl<'a> PackageChangeJson<'a> {
    pub(super) fn of(change: &'a PackageChange, story: Option<&'a PackageStory>) -> Self {
        fn side(package: &Option<Package>) -> Option<VersionJson<'_>> {
            package.as_ref().map(|package| VersionJson {
                version: &package.version,
                build: package.build.as_deref(),
                channel: package.channel.as_deref(),
                installer: package.installer.as_deref(),
            })
        }
        Self {
            name: &change.name,
            manager: change.manager,
            change: ChangeKind::of(change.from.as_ref(), change.to.as_ref()),
            from: side(&change.from),
            to: side(&change.to),
            story,
        }
    }
}
