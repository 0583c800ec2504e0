//! What differs: `diff`, `status`, and the changes in other shapes.

use serde::Serialize;

use super::FORMAT;
use crate::cli::render::changes::{FileCounts, Sections};
use crate::history::CommitId;
use crate::ops::report::{DiffReport, HeadReport, SideName};
use crate::snapshot::change::{
    ChangeKind, Changes, ConfigChange, FileChange, FileChangeKind, PackageChange, RootChanges, VarChange,
};
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::{Kind, RootName};

/// `diff --json` and `status --json`.
#[derive(Serialize)]
pub(in crate::cli) struct DiffJson<'a> {
    format: u32,
    from: SideJson<'a>,
    to: SideJson<'a>,
    clean: bool,
    roots: Vec<RootJson<'a>>,
    vars: &'a [VarChange],
    head: HeadJson<'a>,
    warnings: &'a [String],
}

/// One side.
#[derive(Serialize)]
pub(in crate::cli) struct SideJson<'a> {
    commit: Option<CommitId>,
    name: &'a str,
}

impl<'a> SideJson<'a> {
    /// The view of a side.
    pub(in crate::cli) fn of(side: &'a SideName) -> Self {
        Self {
            commit: side.commit,
            name: &side.name,
        }
    }
}

/// Where the repository stands.
#[derive(Serialize)]
pub(in crate::cli) struct HeadJson<'a> {
    branch: Option<&'a str>,
    commit: Option<CommitId>,
    detached_from: Option<&'a str>,
}

impl<'a> HeadJson<'a> {
    /// The view of HEAD.
    pub(in crate::cli) fn of(head: &'a HeadReport) -> Self {
        Self {
            branch: head.branch.as_deref(),
            commit: head.commit,
            detached_from: head.detached_from.as_deref(),
        }
    }
}

/// The changes of one root.
#[derive(Serialize)]
pub(in crate::cli) struct RootJson<'a> {
    root: &'a RootName,
    kind: Kind,
    packages: Vec<PackageChangeJson<'a>>,
    configs: &'a [ConfigChange],
    files: FilesJson<'a>,
}

/// A package that came, went or changed.
#[derive(Serialize)]
pub(in crate::cli) struct PackageChangeJson<'a> {
    name: &'a str,
    manager: Manager,
    change: ChangeKind,
    from: Option<VersionJson<'a>>,
    to: Option<VersionJson<'a>>,
}

impl<'a> PackageChangeJson<'a> {
    /// The view of a change.
    pub(in crate::cli) fn of(change: &'a PackageChange) -> Self {
        Self {
            name: &change.name,
            manager: change.manager,
            change: ChangeKind::of(change.from.as_ref(), change.to.as_ref()),
            from: change.from.as_ref().map(VersionJson::of),
            to: change.to.as_ref().map(VersionJson::of),
        }
    }
}

#[derive(Serialize)]
struct VersionJson<'a> {
    version: &'a str,
    build: Option<&'a str>,
    channel: Option<&'a str>,
    installer: Option<&'a str>,
}

impl<'a> VersionJson<'a> {
    fn of(package: &'a Package) -> Self {
        Self {
            version: &package.version,
            build: package.build.as_deref(),
            channel: package.channel.as_deref(),
            installer: package.installer.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct FilesJson<'a> {
    added: u64,
    modified: u64,
    removed: u64,
    metadata_only: u64,
    bytes_added: u64,
    bytes_removed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Vec<FileJson<'a>>>,
}

#[derive(Serialize)]
struct FileJson<'a> {
    path: &'a RelPath,
    change: FileChangeKind,
}

impl<'a> FilesJson<'a> {
    fn of(files: &'a [FileChange], lists: bool) -> Self {
        let counts = FileCounts::of(files);
        let view = |change: &'a FileChange| FileJson {
            path: change.path(),
            change: change.kind(),
        };
        Self {
            added: counts.added,
            modified: counts.modified,
            removed: counts.removed,
            metadata_only: counts.metadata_only,
            bytes_added: counts.bytes_added,
            bytes_removed: counts.bytes_removed,
            list: lists.then(|| files.iter().map(view).collect()),
        }
    }
}

impl<'a> DiffJson<'a> {
    /// The view of a report. Parts that were not asked for are empty.
    pub(in crate::cli) fn of(report: &'a DiffReport, sections: Sections) -> Self {
        Self {
            format: FORMAT,
            from: SideJson::of(&report.from),
            to: SideJson::of(&report.to),
            clean: report.changes.is_empty(),
            roots: roots(&report.changes, sections),
            vars: if sections.vars { &report.changes.vars } else { &[] },
            head: HeadJson::of(&report.head),
            warnings: &report.warnings,
        }
    }
}

/// The changes of all roots.
pub(in crate::cli) fn roots(changes: &Changes, sections: Sections) -> Vec<RootJson<'_>> {
    changes.roots.iter().map(|root| root_json(root, sections)).collect()
}

fn root_json(root: &RootChanges, sections: Sections) -> RootJson<'_> {
    let packages = if sections.packages { &root.packages[..] } else { &[] };
    RootJson {
        root: &root.root,
        kind: root.kind,
        packages: packages.iter().map(PackageChangeJson::of).collect(),
        configs: if sections.configs { &root.configs } else { &[] },
        files: FilesJson::of(if sections.files { &root.files } else { &[] }, sections.list_files),
    }
}
