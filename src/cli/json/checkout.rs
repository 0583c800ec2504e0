//! `checkout --json`.

use serde::Serialize;

use super::FORMAT;
use super::changes::ChangesJson;
use super::control::{HealthJson, ProcessJson};
use super::diff::{HeadJson, SideJson};
use super::undo::UndoJson;
use crate::cli::render::diff::{Configs, Files, Sections};
use crate::history::CommitId;
use crate::ops::report::{CheckoutReport, RootPlanReport};
use crate::snapshot::change::FileChangeKind;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;

/// How many files were compared by what.
#[derive(Serialize)]
struct ComparedJson {
    by_content: u64,
    by_stamp: u64,
}

/// What a checkout did, or would do.
#[derive(Serialize)]
pub(in crate::cli) struct CheckoutJson<'a> {
    format: u32,
    target: SideJson<'a>,
    dry_run: bool,
    partial: bool,
    head: HeadJson<'a>,
    autosave: Option<AutosaveJson<'a>>,
    verified: u64,
    compared: ComparedJson,
    /// The live state was in a commit.
    recorded: bool,
    services: &'a [String],
    in_use: Vec<ProcessJson<'a>>,
    /// Null unless services were not started again.
    service_problem: Option<&'a str>,
    /// Null when there is no check, or nothing changed.
    health: Option<HealthJson<'a>>,
    marked_good: Option<&'a str>,
    /// With `--auto-rollback` after a bad answer: as `undo` has it.
    rolled_back: Option<Box<UndoJson<'a>>>,
    /// Null unless a branch was made that follows one of a remote.
    follows: Option<&'a str>,
    plan: Vec<RootPlanJson<'a>>,
    changes: ChangesJson<'a>,
    warnings: &'a [String],
    /// Files that still name the place where they were recorded.
    stuck: Vec<StuckJson<'a>>,
}

#[derive(Serialize)]
struct StuckJson<'a> {
    /// `ROOT:PATH`.
    path: &'a str,
    why: String,
}

#[derive(Serialize)]
struct AutosaveJson<'a> {
    name: &'a str,
    commit: CommitId,
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
    /// With `-v`.
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Vec<PathJson<'a>>>,
}

#[derive(Serialize)]
struct PathJson<'a> {
    path: &'a RelPath,
    change: FileChangeKind,
}

impl<'a> CheckoutJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a CheckoutReport, lists_paths: bool) -> Self {
        let sections = Sections {
            packages: true,
            configs: Configs::Diffs,
            vars: true,
            files: Files::Counts,
        };
        let path = |(path, change): &'a (RelPath, FileChangeKind)| PathJson { path, change: *change };
        let root = |root: &'a RootPlanReport| RootPlanJson {
            root: &root.root,
            added: root.added,
            replaced: root.replaced,
            removed: root.removed,
            metadata_only: root.metadata,
            bytes: root.bytes,
            git_tracked: &root.git_tracked,
            list: lists_paths.then(|| root.paths.iter().map(path).collect()),
        };
        Self {
            format: FORMAT,
            target: SideJson::of(&report.target),
            dry_run: report.dry_run,
            partial: report.partial,
            head: HeadJson::of(&report.head),
            autosave: report.autosave.as_ref().map(|autosave| AutosaveJson {
                name: &autosave.name,
                commit: autosave.commit,
            }),
            verified: report.verified.paths,
            compared: ComparedJson {
                by_content: report.verified.by_content,
                by_stamp: report.verified.by_stamp,
            },
            recorded: report.outlook.is_recorded,
            services: &report.outlook.services,
            in_use: report.outlook.in_use.iter().map(ProcessJson::of).collect(),
            service_problem: report.service_problem.as_deref(),
            health: report.health.as_ref().map(HealthJson::of),
            marked_good: report.marked_good.as_deref(),
            rolled_back: report
                .rolled_back
                .as_ref()
                .map(|back| Box::new(UndoJson::of(back, lists_paths))),
            follows: report.follows.as_deref(),
            plan: report.plan.roots.iter().map(root).collect(),
            changes: ChangesJson::of(&report.changes, sections),
            warnings: &report.warnings,
            stuck: report
                .stuck
                .iter()
                .map(|(path, why)| StuckJson {
                    path,
                    why: why.to_string(),
                })
                .collect(),
        }
    }
}
