//! `verify --json`.

use std::os::unix::ffi::OsStrExt as _;

use serde::Serialize;

use super::FORMAT;
use super::diff::SideJson;
use crate::digest::Digest;
use crate::history::CommitId;
use crate::ops::verify::VerifyReport;
use crate::ops::verify::report::{Damage, Dependent, Fetched, LiveReport, LiveRootReport};
use crate::snapshot::change::{FileChange, FileChangeKind};
use crate::snapshot::path::{RelPath, escape};
use crate::snapshot::root::RootName;

/// What is recorded, and what of it is damaged.
#[derive(Serialize)]
pub(in crate::cli) struct VerifyJson<'a> {
    format: u32,
    sound: bool,
    layers: u64,
    bytes: u64,
    commits: u64,
    objects: u64,
    refs: u64,
    contents: u64,
    promised: Option<PromisedJson<'a>>,
    damages: Vec<DamageJson<'a>>,
    repairs: &'a [String],
    fetched: Vec<FetchedJson<'a>>,
    aside: Option<String>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct DamageJson<'a> {
    kind: &'static str,
    object: &'a str,
    what: &'a [String],
    lost: u64,
    paths: &'a [String],
    needed_by: Vec<DependentJson<'a>>,
    remedy: &'a str,
}

#[derive(Serialize)]
struct PromisedJson<'a> {
    remote: &'a str,
    files: u64,
}

#[derive(Serialize)]
struct FetchedJson<'a> {
    layer: Digest,
    size: u64,
    remote: &'a str,
    address: &'a str,
}

#[derive(Serialize)]
struct DependentJson<'a> {
    commit: CommitId,
    subject: &'a str,
    names: &'a [String],
}

impl<'a> VerifyJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a VerifyReport) -> Self {
        Self {
            format: FORMAT,
            sound: report.damages.is_empty(),
            layers: report.layers,
            bytes: report.bytes,
            commits: report.commits,
            objects: report.objects,
            refs: report.refs,
            contents: report.contents,
            promised: report.promised.as_ref().map(|promised| PromisedJson {
                remote: &promised.remote,
                files: promised.files,
            }),
            damages: report.damages.iter().map(DamageJson::of).collect(),
            repairs: &report.repairs,
            fetched: report.fetched.iter().map(FetchedJson::of).collect(),
            aside: report.aside.as_ref().map(|aside| escape(aside.as_os_str().as_bytes())),
            warnings: &report.notes,
        }
    }
}

impl<'a> FetchedJson<'a> {
    fn of(fetched: &'a Fetched) -> Self {
        Self {
            layer: fetched.layer,
            size: fetched.size,
            remote: &fetched.remote,
            address: &fetched.address,
        }
    }
}

impl<'a> DamageJson<'a> {
    fn of(damage: &'a Damage) -> Self {
        let dependent = |by: &'a Dependent| DependentJson {
            commit: by.commit,
            subject: &by.subject,
            names: &by.names,
        };
        Self {
            kind: damage.kind.as_str(),
            object: &damage.object,
            what: &damage.what,
            lost: damage.lost,
            paths: &damage.paths,
            needed_by: damage.needed_by.iter().map(dependent).collect(),
            remedy: &damage.remedy,
        }
    }
}

/// How live files differ from a commit.
#[derive(Serialize)]
pub(in crate::cli) struct LiveJson<'a> {
    format: u32,
    equal: bool,
    commit: SideJson<'a>,
    files: u64,
    bytes: u64,
    roots: Vec<RootJson<'a>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct RootJson<'a> {
    root: &'a RootName,
    units: Vec<UnitJson<'a>>,
}

#[derive(Serialize)]
struct UnitJson<'a> {
    unit: &'a str,
    paths: Vec<PathJson<'a>>,
}

#[derive(Serialize)]
struct PathJson<'a> {
    path: &'a RelPath,
    change: FileChangeKind,
}

impl<'a> LiveJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a LiveReport) -> Self {
        let path = |change: &'a FileChange| PathJson {
            path: change.path(),
            change: change.kind(),
        };
        let unit = |(unit, changes): &'a (String, Vec<FileChange>)| UnitJson {
            unit,
            paths: changes.iter().map(path).collect(),
        };
        let root = |root: &'a LiveRootReport| RootJson {
            root: &root.root,
            units: root.units.iter().map(unit).collect(),
        };
        Self {
            format: FORMAT,
            equal: report.is_equal(),
            commit: SideJson::of(&report.side),
            files: report.files,
            bytes: report.bytes,
            roots: report.roots.iter().map(root).collect(),
            warnings: &report.warnings,
        }
    }
}
