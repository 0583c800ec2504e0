//! Lists: entries, layers, branches and tags, roots, settings.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use super::FORMAT;
use super::diff::SideJson;
use crate::cli::dates;
use crate::config::Listed;
use crate::digest::Digest;
use crate::history::CommitId;
use crate::ops::report::{InitReport, LayerEntry, LayersReport, LsReport, RefEntry};
use crate::snapshot::entry::{Entry, Node, PrefixUse};
use crate::snapshot::path::{RelPath, escape};
use crate::snapshot::root::{Kind, Policy, Root, RootName};

/// `ls --json`.
#[derive(Serialize)]
pub(in crate::cli) struct LsJson<'a> {
    format: u32,
    state: SideJson<'a>,
    roots: Vec<RootEntries<'a>>,
}

#[derive(Serialize)]
struct RootEntries<'a> {
    root: &'a RootName,
    entries: Vec<EntryJson<'a>>,
}

#[derive(Serialize)]
struct EntryJson<'a> {
    path: &'a RelPath,
    #[serde(rename = "type")]
    kind: &'static str,
    mode: String,
    /// Nanoseconds since 1970.
    mtime: i64,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hardlink: Option<&'a RelPath>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

impl<'a> LsJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a LsReport) -> Self {
        let root = |(root, entries): &'a (RootName, Vec<(Entry, String)>)| RootEntries {
            root,
            entries: entries.iter().map(|(entry, unit)| EntryJson::of(entry, unit)).collect(),
        };
        Self {
            format: FORMAT,
            state: SideJson::of(&report.side),
            roots: report.roots.iter().map(root).collect(),
        }
    }
}

impl<'a> EntryJson<'a> {
    fn of(entry: &'a Entry, unit: &'a str) -> Self {
        let file = entry.file();
        Self {
            path: &entry.path,
            kind: match entry.node {
                Node::Dir => "dir",
                Node::File(_) => "file",
                Node::Symlink(_) => "symlink",
            },
            mode: format!("{:04o}", entry.mode),
            mtime: entry.mtime,
            unit,
            size: file.map(|file| file.size),
            sha256: file.map(|file| file.digest),
            prefix: file.and_then(|file| match file.prefix {
                PrefixUse::None => None,
                PrefixUse::Text => Some("text"),
                PrefixUse::Binary => Some("binary"),
                PrefixUse::Fixed => Some("fixed"),
            }),
            hardlink: file.and_then(|file| file.hardlink.as_ref()),
            target: match &entry.node {
                Node::Symlink(target) => Some(escape(target)),
                _ => None,
            },
        }
    }
}

/// `layers --json`.
#[derive(Serialize)]
pub(in crate::cli) struct LayersJson<'a> {
    format: u32,
    state: SideJson<'a>,
    dir: String,
    layers: Vec<LayerEntryJson<'a>>,
}

#[derive(Serialize)]
struct LayerEntryJson<'a> {
    digest: Digest,
    size: u64,
    files: u64,
    content: u64,
    compressor: &'a str,
    present: bool,
    commit: CommitId,
    subject: &'a str,
}

impl<'a> LayersJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a LayersReport) -> Self {
        let layer = |entry: &'a LayerEntry| LayerEntryJson {
            digest: entry.layer.digest,
            size: entry.layer.size,
            files: entry.layer.files,
            content: entry.layer.content,
            compressor: &entry.layer.compressor,
            present: entry.present,
            commit: entry.commit,
            subject: &entry.subject,
        };
        Self {
            format: FORMAT,
            state: SideJson::of(&report.side),
            dir: path_text(&report.dir),
            layers: report.layers.iter().map(layer).collect(),
        }
    }
}

/// `branch --json` and `tag --json`, for lists and for what was made or removed.
#[derive(Serialize)]
pub(in crate::cli) struct RefsJson<'a> {
    format: u32,
    refs: Vec<RefJson<'a>>,
}

#[derive(Serialize)]
struct RefJson<'a> {
    name: &'a str,
    commit: CommitId,
    subject: &'a str,
    time: String,
    current: bool,
}

impl<'a> RefsJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(refs: &'a [RefEntry]) -> Self {
        let one = |entry: &'a RefEntry| RefJson {
            name: &entry.name,
            commit: entry.commit,
            subject: &entry.subject,
            time: dates::rfc3339(entry.time),
            current: entry.is_current,
        };
        Self {
            format: FORMAT,
            refs: refs.iter().map(one).collect(),
        }
    }
}

/// `root --json`.
#[derive(Serialize)]
pub(in crate::cli) struct RootsJson<'a> {
    format: u32,
    roots: Vec<RootJson<'a>>,
}

#[derive(Serialize)]
struct RootJson<'a> {
    root: &'a RootName,
    kind: Kind,
    policy: Policy,
    path: String,
}

impl<'a> RootsJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(roots: &'a [Root]) -> Self {
        Self {
            format: FORMAT,
            roots: roots.iter().map(RootJson::of).collect(),
        }
    }
}

impl<'a> RootJson<'a> {
    fn of(root: &'a Root) -> Self {
        Self {
            root: &root.name,
            kind: root.kind,
            policy: root.policy,
            path: path_text(&root.path),
        }
    }
}

/// `init --json`.
#[derive(Serialize)]
pub(in crate::cli) struct InitJson<'a> {
    format: u32,
    dir: String,
    roots: Vec<RootJson<'a>>,
    ignore_files: Vec<String>,
}

impl<'a> InitJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a InitReport) -> Self {
        Self {
            format: FORMAT,
            dir: path_text(&report.dir),
            roots: report.roots.iter().map(RootJson::of).collect(),
            ignore_files: report.ignore_files.iter().map(|path| path_text(path)).collect(),
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
    origin: &'static str,
}

impl<'a> SettingsJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(settings: &'a [Listed]) -> Self {
        let one = |setting: &'a Listed| SettingJson {
            key: &setting.key,
            value: &setting.value,
            origin: setting.origin.as_str(),
        };
        Self {
            format: FORMAT,
            settings: settings.iter().map(one).collect(),
        }
    }
}

fn path_text(path: &Path) -> String {
    escape(path.as_os_str().as_bytes())
}
