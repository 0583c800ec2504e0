//! What a state holds: packages, entries, roots, settings.

use serde::Serialize;

use super::FORMAT;
use super::diff::SideJson;
use crate::config::Listed;
use crate::digest::Digest;
use crate::ops::report::{InitReport, LsReport, PackagesReport};
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::path::{RelPath, escape};
use crate::snapshot::root::{Kind, Policy, Root, RootName};

/// `packages --json`.
#[derive(Serialize)]
pub(in crate::cli) struct PackagesJson<'a> {
    format: u32,
    state: SideJson<'a>,
    roots: Vec<RootPackagesJson<'a>>,
}

#[derive(Serialize)]
struct RootPackagesJson<'a> {
    root: &'a RootName,
    kind: Kind,
    packages: Vec<PackageJson<'a>>,
}

#[derive(Serialize)]
struct PackageJson<'a> {
    name: &'a str,
    manager: Manager,
    version: &'a str,
    build: Option<&'a str>,
    channel: Option<&'a str>,
    installer: Option<&'a str>,
    requested: bool,
    editable: bool,
    url: Option<&'a str>,
    record: &'a RelPath,
}

impl<'a> PackagesJson<'a> {
    /// The view of a report.
    pub(in crate::cli) fn of(report: &'a PackagesReport) -> Self {
        let view = |package: &'a Package| PackageJson {
            name: &package.name,
            manager: package.manager,
            version: &package.version,
            build: package.build.as_deref(),
            channel: package.channel.as_deref(),
            installer: package.installer.as_deref(),
            requested: package.requested,
            editable: package.editable,
            url: package.url.as_deref(),
            record: &package.record,
        };
        let roots = report.roots.iter().map(|(root, kind, packages)| RootPackagesJson {
            root,
            kind: *kind,
            packages: packages.iter().map(view).collect(),
        });
        Self {
            format: FORMAT,
            state: SideJson::of(&report.side),
            roots: roots.collect(),
        }
    }
}

/// `ls --json`.
#[derive(Serialize)]
pub(in crate::cli) struct LsJson<'a> {
    format: u32,
    state: SideJson<'a>,
    roots: Vec<RootEntriesJson<'a>>,
}

#[derive(Serialize)]
struct RootEntriesJson<'a> {
    root: &'a RootName,
    entries: Vec<EntryJson<'a>>,
}

#[derive(Serialize)]
struct EntryJson<'a> {
    path: &'a RelPath,
    #[serde(rename = "type")]
    kind: &'static str,
    mode: String,
    mtime: i64,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hardlink: Option<&'a RelPath>,
}

impl<'a> LsJson<'a> {
    /// The view of a report.
    pub(in crate::cli) fn of(report: &'a LsReport) -> Self {
        let roots = report.roots.iter().map(|(root, entries)| RootEntriesJson {
            root,
            entries: entries.iter().map(|(entry, unit)| entry_json(entry, unit)).collect(),
        });
        Self {
            format: FORMAT,
            state: SideJson::of(&report.side),
            roots: roots.collect(),
        }
    }
}

fn entry_json<'a>(entry: &'a Entry, unit: &'a str) -> EntryJson<'a> {
    let (kind, target) = match &entry.node {
        Node::Dir => ("dir", None),
        Node::File(_) => ("file", None),
        Node::Symlink(target) => ("symlink", Some(escape(target))),
    };
    let file = entry.file();
    EntryJson {
        path: &entry.path,
        kind,
        mode: format!("{:04o}", entry.mode),
        mtime: entry.mtime,
        unit,
        size: file.map(|file| file.size),
        sha256: file.map(|file| file.digest),
        target,
        hardlink: file.and_then(|file| file.hardlink.as_ref()),
    }
}

/// `init --json` and `root list --json`.
#[derive(Serialize)]
pub(in crate::cli) struct RootsJson {
    format: u32,
    dir: String,
    roots: Vec<RootJson>,
}

#[derive(Serialize)]
struct RootJson {
    root: RootName,
    path: String,
    kind: Kind,
    policy: Policy,
}

impl RootsJson {
    /// The view of what `init` made.
    pub(in crate::cli) fn of_init(report: &InitReport) -> Self {
        Self::of(&report.dir, &report.roots)
    }

    /// The view of a repository's roots.
    pub(in crate::cli) fn of(dir: &std::path::Path, roots: &[Root]) -> Self {
        let view = |root: &Root| RootJson {
            root: root.name.clone(),
            path: escape(root.path.as_os_str().as_encoded_bytes()),
            kind: root.kind,
            policy: root.policy,
        };
        Self {
            format: FORMAT,
            dir: escape(dir.as_os_str().as_encoded_bytes()),
            roots: roots.iter().map(view).collect(),
        }
    }
}

/// `config --json`.
#[derive(Serialize)]
pub(in crate::cli) struct SettingsJson<'a> {
    format: u32,
    settings: Vec<SettingJson<'a>>,
}

#[derive(Serialize)]
struct SettingJson<'a> {
    key: &'a str,
    value: &'a str,
    origin: &'a str,
}

impl<'a> SettingsJson<'a> {
    /// The view of effective settings.
    pub(in crate::cli) fn of(settings: &'a [Listed]) -> Self {
        let view = |listed: &'a Listed| SettingJson {
            key: &listed.key,
            value: &listed.value,
            origin: listed.origin.as_str(),
        };
        Self {
            format: FORMAT,
            settings: settings.iter().map(view).collect(),
        }
    }
}
