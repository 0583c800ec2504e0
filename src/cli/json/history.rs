//! Commits, refs, and what made or brought them back.

use serde::Serialize;

use super::FORMAT;
use super::diff::{DiffJson, HeadJson, PackageChangeJson, RootJson, SideJson, roots};
use crate::cli::dates::rfc3339;
use crate::cli::render::changes::Sections;
use crate::digest::Digest;
use crate::history::{CommitId, Person};
use crate::ops::report::{
    CheckoutReport, CommitReport, LayersReport, LogEntry, PackageCounts, PlanReport, RefEntry, ShowReport,
};
use crate::snapshot::change::{FileChangeKind, VarChange};
use crate::snapshot::facts::{LayerFacts, Manifest, Vars};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;

/// One line of `log --json`.
#[derive(Serialize)]
pub(in crate::cli) struct LogJson<'a> {
    commit: CommitId,
    parents: &'a [CommitId],
    refs: Vec<&'a str>,
    head: bool,
    author: PersonJson<'a>,
    time: String,
    message: &'a str,
    packages: CountsJson,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    package_changes: Vec<PackageChangeJson<'a>>,
    layer: Option<LayerJson>,
}

#[derive(Serialize)]
struct PersonJson<'a> {
    name: &'a str,
    email: &'a str,
}

#[derive(Serialize)]
struct CountsJson {
    added: usize,
    removed: usize,
    changed: usize,
}

#[derive(Serialize)]
struct LayerJson {
    digest: String,
    size: u64,
    files: u64,
    content: u64,
}

fn digest(digest: Digest) -> String {
    format!("sha256:{digest}")
}

impl LayerJson {
    fn of(layer: &LayerFacts) -> Self {
        Self {
            digest: digest(layer.digest),
            size: layer.size,
            files: layer.files,
            content: layer.content,
        }
    }
}

impl<'a> LogJson<'a> {
    /// The view of a commit.
    pub(in crate::cli) fn of(entry: &'a LogEntry) -> Self {
        let Person { name, email } = &entry.author;
        let PackageCounts {
            added,
            removed,
            changed,
        } = entry.packages;
        Self {
            commit: entry.commit,
            parents: &entry.parents,
            refs: entry.refs.iter().map(|label| label.name.as_str()).collect(),
            head: entry.is_head,
            author: PersonJson { name, email },
            time: rfc3339(entry.time),
            message: entry.message.trim_end(),
            packages: CountsJson {
                added,
                removed,
                changed,
            },
            package_changes: entry.package_changes.iter().map(PackageChangeJson::of).collect(),
            layer: entry.layer.as_ref().map(LayerJson::of),
        }
    }
}

/// `show --json`.
#[derive(Serialize)]
pub(in crate::cli) struct ShowJson<'a> {
    format: u32,
    #[serde(flatten)]
    entry: LogJson<'a>,
    manifest: &'a Manifest,
    vars: &'a Vars,
    changes: Option<DiffJson<'a>>,
}

impl<'a> ShowJson<'a> {
    /// The view of a commit in full.
    pub(in crate::cli) fn of(report: &'a ShowReport) -> Self {
        Self {
            format: FORMAT,
            entry: LogJson::of(&report.entry),
            manifest: &report.manifest,
            vars: &report.vars,
            changes: report.changes.as_ref().map(|diff| DiffJson::of(diff, Sections::ALL)),
        }
    }
}

/// `commit --json`.
#[derive(Serialize)]
pub(in crate::cli) struct CommitJson<'a> {
    format: u32,
    commit: Option<CommitId>,
    branch: Option<&'a str>,
    started_branch: bool,
    message: &'a str,
    tags: &'a [String],
    roots: Vec<RootJson<'a>>,
    vars: &'a [VarChange],
    layer: Option<LayerJson>,
    skipped: &'a [String],
    warnings: &'a [String],
}

impl<'a> CommitJson<'a> {
    /// The view of a report.
    pub(in crate::cli) fn of(report: &'a CommitReport) -> Self {
        let layer = report.manifest.as_ref().and_then(|manifest| manifest.layer.as_ref());
        Self {
            format: FORMAT,
            commit: report.commit,
            branch: report.branch.as_deref(),
            started_branch: report.started_branch,
            message: &report.message,
            tags: &report.tags,
            roots: roots(&report.changes, Sections::ALL),
            vars: &report.changes.vars,
            layer: layer.map(LayerJson::of),
            skipped: &report.skipped,
            warnings: &report.warnings,
        }
    }
}

/// `checkout --json`.
#[derive(Serialize)]
pub(in crate::cli) struct CheckoutJson<'a> {
    format: u32,
    target: SideJson<'a>,
    dry_run: bool,
    partial: bool,
    plan: Vec<RootPlanJson<'a>>,
    autosave: Option<AutosaveJson<'a>>,
    verified: u64,
    head: HeadJson<'a>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct RootPlanJson<'a> {
    root: &'a RootName,
    added: u64,
    replaced: u64,
    removed: u64,
    metadata_only: u64,
    bytes: u64,
    git_tracked: &'a [RelPath],
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Vec<PathJson<'a>>>,
}

#[derive(Serialize)]
struct PathJson<'a> {
    path: &'a RelPath,
    change: FileChangeKind,
}

#[derive(Serialize)]
struct AutosaveJson<'a> {
    name: &'a str,
    commit: CommitId,
}

impl<'a> CheckoutJson<'a> {
    /// The view of a report; every path with `lists`.
    pub(in crate::cli) fn of(report: &'a CheckoutReport, lists: bool) -> Self {
        Self {
            format: FORMAT,
            target: SideJson::of(&report.target),
            dry_run: report.dry_run,
            partial: report.partial,
            plan: plan(&report.plan, lists),
            autosave: report.autosave.as_ref().map(|saved| AutosaveJson {
                name: &saved.name,
                commit: saved.commit,
            }),
            verified: report.verified,
            head: HeadJson::of(&report.head),
            warnings: &report.warnings,
        }
    }
}

fn plan(plan: &PlanReport, lists: bool) -> Vec<RootPlanJson<'_>> {
    let view = |(path, change)| PathJson { path, change };
    let roots = plan.roots.iter().map(|root| RootPlanJson {
        root: &root.root,
        added: root.added,
        replaced: root.replaced,
        removed: root.removed,
        metadata_only: root.metadata,
        bytes: root.bytes,
        git_tracked: &root.git_tracked,
        list: lists.then(|| root.paths.iter().map(|(path, change)| view((path, *change))).collect()),
    });
    roots.collect()
}

/// `branch --json` and `tag --json`.
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
    /// The view of a list.
    pub(in crate::cli) fn of(entries: &'a [RefEntry]) -> Self {
        let view = |entry: &'a RefEntry| RefJson {
            name: &entry.name,
            commit: entry.commit,
            subject: &entry.subject,
            time: rfc3339(entry.time),
            current: entry.is_current,
        };
        Self {
            format: FORMAT,
            refs: entries.iter().map(view).collect(),
        }
    }
}

/// `layers --json`.
#[derive(Serialize)]
pub(in crate::cli) struct LayersJson<'a> {
    format: u32,
    state: SideJson<'a>,
    layers: Vec<StackedJson<'a>>,
}

#[derive(Serialize)]
struct StackedJson<'a> {
    commit: CommitId,
    subject: &'a str,
    #[serde(flatten)]
    layer: LayerJson,
    present: bool,
}

impl<'a> LayersJson<'a> {
    /// The view of a stack.
    pub(in crate::cli) fn of(report: &'a LayersReport) -> Self {
        let layers = report.layers.iter().map(|entry| StackedJson {
            commit: entry.commit,
            subject: &entry.subject,
            layer: LayerJson::of(&entry.layer),
            present: entry.present,
        });
        Self {
            format: FORMAT,
            state: SideJson::of(&report.side),
            layers: layers.collect(),
        }
    }
}
