//! `blame --json`.

use serde::Serialize;

use super::FORMAT;
use super::diff::SideJson;
use super::why::CommitJson;
use crate::ops::blame::{Blame, BlameReport, Bytes, FileBlame, Origin, UnitBlame};
use crate::snapshot::finding::PackageRef;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;
use crate::snapshot::unit::UnitName;

/// Who brought what.
#[derive(Serialize)]
pub(in crate::cli) struct BlameJson<'a> {
    format: u32,
    state: SideJson<'a>,
    root: &'a RootName,
    path: Option<&'a RelPath>,
    /// Of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileJson<'a>>,
    /// Of a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<Vec<UnitJson<'a>>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct FileJson<'a> {
    unit: &'a UnitName,
    owner: Option<&'a PackageRef>,
    /// `owner`, `altered` or `other`.
    bytes: &'static str,
    bytes_of: Option<&'a PackageRef>,
    also_promised_by: &'a [PackageRef],
    content: OriginJson<'a>,
    first: OriginJson<'a>,
}

#[derive(Serialize)]
struct OriginJson<'a> {
    #[serde(flatten)]
    commit: CommitJson<'a>,
    owner: Option<&'a PackageRef>,
}

#[derive(Serialize)]
struct UnitJson<'a> {
    unit: &'a UnitName,
    owner: Option<&'a PackageRef>,
    files: u64,
    bytes: u64,
    #[serde(flatten)]
    commit: CommitJson<'a>,
}

impl<'a> BlameJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a BlameReport) -> Self {
        let (file, units) = match &report.blame {
            Blame::File(file) => (Some(FileJson::of(file)), None),
            Blame::Folder(units) => (None, Some(units.iter().map(UnitJson::of).collect())),
        };
        Self {
            format: FORMAT,
            state: SideJson::of(&report.side),
            root: &report.root,
            path: report.path.as_ref(),
            file,
            units,
            warnings: &report.warnings,
        }
    }
}

impl<'a> FileJson<'a> {
    fn of(file: &'a FileBlame) -> Self {
        let (bytes, bytes_of) = match &file.bytes {
            Bytes::Owner => ("owner", None),
            Bytes::Altered => ("altered", None),
            Bytes::Other(by) => ("other", Some(by)),
        };
        Self {
            unit: &file.unit,
            owner: file.owner.as_ref(),
            bytes,
            bytes_of,
            also_promised_by: &file.also,
            content: OriginJson::of(&file.content),
            first: OriginJson::of(&file.first),
        }
    }
}

impl<'a> OriginJson<'a> {
    fn of(origin: &'a Origin) -> Self {
        Self {
            commit: CommitJson::of(&origin.recorded),
            owner: origin.owner.as_ref(),
        }
    }
}

impl<'a> UnitJson<'a> {
    fn of(unit: &'a UnitBlame) -> Self {
        Self {
            unit: &unit.unit,
            owner: unit.owner.as_ref(),
            files: unit.files,
            bytes: unit.bytes,
            commit: CommitJson::of(&unit.recorded),
        }
    }
}
