//! `commit --json`.

use serde::Serialize;

use super::FORMAT;
use super::changes::ChangesJson;
use super::log::LayerJson;
use crate::cli::render::diff::{Configs, Files, Sections};
use crate::history::CommitId;
use crate::ops::report::CommitReport;

/// What a commit recorded.
#[derive(Serialize)]
pub(in crate::cli) struct CommitJson<'a> {
    format: u32,
    /// Null when nothing had changed.
    commit: Option<CommitId>,
    branch: Option<&'a str>,
    started_branch: bool,
    message: &'a str,
    tags: &'a [String],
    layer: Option<LayerJson>,
    #[serde(flatten)]
    changes: ChangesJson<'a>,
    /// Null unless services were not started again.
    service_problem: Option<&'a str>,
    skipped: &'a [String],
    warnings: &'a [String],
}

impl<'a> CommitJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a CommitReport) -> Self {
        let sections = Sections {
            packages: true,
            configs: Configs::Diffs,
            vars: true,
            files: Files::Counts,
        };
        let layer = report.manifest.as_ref().and_then(|manifest| manifest.layer.as_ref());
        Self {
            format: FORMAT,
            commit: report.commit,
            branch: report.branch.as_deref(),
            started_branch: report.started_branch,
            message: report.message.trim_end(),
            tags: &report.tags,
            layer: layer.filter(|_| report.commit.is_some()).map(LayerJson::of),
            changes: ChangesJson::of(&report.changes, sections),
            service_problem: report.service_problem.as_deref(),
            skipped: &report.skipped,
            warnings: &report.warnings,
        }
    }
}
