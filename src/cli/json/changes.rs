//! What differs in roots and variables.

use serde::Serialize;

use super::explanation::ExplanationJson;
use super::packages::PackageChangeJson;
use crate::cli::render::diff::{Configs, Files, Sections};
use crate::cli::tally::{self, Tally};
use crate::snapshot::change::{ChangeKind, Changes, ConfigChange, FileChange, FileChangeKind, RootChanges, VarChange};
use crate::snapshot::path::RelPath;
use crate::snapshot::records::ConfigMeaning;
use crate::snapshot::root::{Kind, RootName};

/// Differences, to be flattened into a report. What the user did not ask for is empty.
#[derive(Serialize)]
pub(super) struct ChangesJson<'a> {
    roots: Vec<RootJson<'a>>,
    vars: &'a [VarChange],
}

#[derive(Serialize)]
struct RootJson<'a> {
    root: &'a RootName,
    kind: Kind,
    packages: Vec<PackageChangeJson<'a>>,
    configs: Vec<ConfigJson<'a>>,
    files: FilesJson<'a>,
    #[serde(flatten)]
    explanation: Option<ExplanationJson<'a>>,
}

#[derive(Serialize)]
struct ConfigJson<'a> {
    path: &'a RelPath,
    change: ChangeKind,
    diff: &'a str,
    meaning: &'a ConfigMeaning,
}

#[derive(Default, Serialize)]
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

impl<'a> ChangesJson<'a> {
    pub(super) fn of(changes: &'a Changes, sections: Sections) -> Self {
        Self {
            roots: changes.roots.iter().map(|root| RootJson::of(root, sections)).collect(),
            vars: if sections.vars { &changes.vars } else { &[] },
        }
    }
}

impl<'a> RootJson<'a> {
    fn of(root: &'a RootChanges, sections: Sections) -> Self {
        let config = |config: &'a ConfigChange| ConfigJson {
            path: &config.path,
            change: config.change,
            diff: &config.diff,
            meaning: &config.meaning,
        };
        let stories = root.stories().filter(|_| sections.packages);
        let explanation = root.explanation.as_ref().filter(|_| sections.packages);
        let configs = match sections.configs {
            Configs::Hidden => &[],
            Configs::Names | Configs::Records { .. } | Configs::Diffs => root.configs.as_slice(),
        };
        Self {
            root: &root.root,
            kind: root.kind,
            packages: stories
                .map(|(change, story)| PackageChangeJson::of(change, story))
                .collect(),
            configs: configs.iter().map(config).collect(),
            files: match sections.files {
                Files::Hidden => FilesJson::default(),
                Files::Counts => FilesJson::of(root, false),
                Files::Paths => FilesJson::of(root, true),
            },
            explanation: explanation.map(ExplanationJson::of),
        }
    }
}

impl<'a> FilesJson<'a> {
    fn of(root: &'a RootChanges, has_list: bool) -> Self {
        let tally = Tally::of(root);
        let file = |change: &'a FileChange| FileJson {
            path: change.path(),
            change: change.kind(),
        };
        Self {
            added: tally.added,
            modified: tally.modified,
            removed: tally.removed,
            metadata_only: tally.metadata_only,
            bytes_added: tally.bytes_added,
            bytes_removed: tally.bytes_removed,
            list: has_list.then(|| tally::told(root).into_iter().map(file).collect()),
        }
    }
}
