//! `show --json`.

use serde::Serialize;

use super::FORMAT;
use super::changes::ChangesJson;
use super::log::LogJson;
use crate::cli::render::diff::Sections;
use crate::ops::report::ShowReport;
use crate::snapshot::facts::{Manifest, Vars};

/// A commit in full.
#[derive(Serialize)]
pub(in crate::cli) struct ShowJson<'a> {
    format: u32,
    #[serde(flatten)]
    entry: LogJson<'a>,
    /// `snapshot.json` of the commit.
    snapshot: &'a Manifest,
    recorded_vars: &'a Vars,
    changes: Option<ChangesJson<'a>>,
}

impl<'a> ShowJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a ShowReport, sections: Sections) -> Self {
        let changes = report.changes.as_ref();
        Self {
            format: FORMAT,
            entry: LogJson::of(&report.entry),
            snapshot: &report.manifest,
            recorded_vars: &report.vars,
            changes: changes.map(|changes| ChangesJson::of(&changes.changes, sections)),
        }
    }
}
