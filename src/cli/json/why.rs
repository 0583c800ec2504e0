//! `why --json`.

use serde::Serialize;

use super::FORMAT;
use super::diff::SideJson;
use super::packages::{PackageChangeJson, PackageJson};
use crate::cli::dates;
use crate::history::CommitId;
use crate::ops::report::CommitFacts;
use crate::ops::why::{Chapter, FilesNow, PackageNow, WhyReport};
use crate::snapshot::explanation::PackageStory;
use crate::snapshot::finding::PackageRef;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;

/// The story of one package.
#[derive(Serialize)]
pub(in crate::cli) struct WhyJson<'a> {
    format: u32,
    name: &'a str,
    state: SideJson<'a>,
    now: Vec<NowJson<'a>>,
    story: Vec<ChapterJson<'a>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct NowJson<'a> {
    root: &'a RootName,
    #[serde(flatten)]
    package: PackageJson<'a>,
    record: &'a RelPath,
    requested: bool,
    required_by: Vec<RequirerJson<'a>>,
    files: Option<FilesJson<'a>>,
}

#[derive(Serialize)]
struct RequirerJson<'a> {
    #[serde(flatten)]
    by: &'a PackageRef,
    requirement: &'a str,
}

#[derive(Serialize)]
struct FilesJson<'a> {
    promised: u64,
    intact: u64,
    missing: u64,
    imported: bool,
    overwritten: Vec<OverwrittenJson<'a>>,
}

#[derive(Serialize)]
struct OverwrittenJson<'a> {
    by: &'a PackageRef,
    files: u64,
}

#[derive(Serialize)]
struct ChapterJson<'a> {
    #[serde(flatten)]
    commit: CommitJson<'a>,
    root: &'a RootName,
    #[serde(flatten)]
    change: PackageChangeJson<'a>,
    #[serde(flatten)]
    story: &'a PackageStory,
}

/// A commit in passing; all null for what is not committed yet.
#[derive(Serialize)]
pub(super) struct CommitJson<'a> {
    commit: Option<CommitId>,
    author: Option<String>,
    time: Option<String>,
    message: Option<&'a str>,
}

impl<'a> CommitJson<'a> {
    pub(super) fn of(facts: &'a Option<CommitFacts>) -> Self {
        let facts = facts.as_ref();
        Self {
            commit: facts.map(|facts| facts.commit),
            author: facts.map(|facts| facts.author.to_string()),
            time: facts.map(|facts| dates::rfc3339(facts.time)),
            message: facts.map(|facts| facts.subject.as_str()),
        }
    }
}

impl<'a> WhyJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a WhyReport) -> Self {
        let chapter = |chapter: &'a Chapter| ChapterJson {
            commit: CommitJson::of(&chapter.recorded),
            root: &chapter.root,
            change: PackageChangeJson::of(&chapter.change, None),
            story: &chapter.story,
        };
        Self {
            format: FORMAT,
            name: &report.name,
            state: SideJson::of(&report.side),
            now: report.now.iter().map(NowJson::of).collect(),
            story: report.story.iter().map(chapter).collect(),
            warnings: &report.warnings,
        }
    }
}

impl<'a> NowJson<'a> {
    fn of(now: &'a PackageNow) -> Self {
        let requirers = now.required_by.iter();
        Self {
            root: &now.root,
            package: PackageJson::of(&now.package),
            record: &now.package.record,
            requested: now.package.requested,
            required_by: requirers
                .map(|one| RequirerJson {
                    by: &one.by,
                    requirement: &one.requirement,
                })
                .collect(),
            files: now.files.as_ref().map(FilesJson::of),
        }
    }
}

impl<'a> FilesJson<'a> {
    fn of(files: &'a FilesNow) -> Self {
        let overwritten = files.overwritten.iter();
        Self {
            promised: files.fact.promised,
            intact: files.fact.intact,
            missing: files.fact.missing,
            imported: files.is_real,
            overwritten: overwritten
                .map(|(by, files)| OverwrittenJson { by, files: *files })
                .collect(),
        }
    }
}
