//! `check --json`, and problems wherever they stand.

use serde::Serialize;

use super::FORMAT;
use super::diff::SideJson;
use crate::ops::report::{CheckReport, RootFindings};
use crate::snapshot::finding::Finding;
use crate::snapshot::root::{Kind, RootName};

/// The problems of a state.
#[derive(Serialize)]
pub(in crate::cli) struct CheckJson<'a> {
    format: u32,
    state: SideJson<'a>,
    roots: Vec<RootJson<'a>>,
}

#[derive(Serialize)]
struct RootJson<'a> {
    root: &'a RootName,
    kind: Kind,
    packages: u64,
    problems: Vec<FindingJson<'a>>,
}

/// A problem with its sentence.
#[derive(Serialize)]
pub(super) struct FindingJson<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    text: String,
}

impl<'a> CheckJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a CheckReport) -> Self {
        let root = |root: &'a RootFindings| RootJson {
            root: &root.root,
            kind: root.kind,
            packages: root.packages,
            problems: root.findings.iter().map(FindingJson::of).collect(),
        };
        Self {
            format: FORMAT,
            state: SideJson::of(&report.side),
            roots: report.roots.iter().map(root).collect(),
        }
    }
}

impl<'a> FindingJson<'a> {
    pub(super) fn of(finding: &'a Finding) -> Self {
        Self {
            finding,
            text: finding.to_string(),
        }
    }
}
