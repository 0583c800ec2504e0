//! What conda's records promise of files that hold a prefix (`paths_data` in `conda-meta/*.json`, as conda-build writes it).

use std::collections::HashMap;

use serde::Deserialize;

use crate::snapshot::path::RelPath;

/// A binary of a conda package in which the installer put the prefix in the place of a longer placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// The length of the placeholder, in bytes: mostly 255.
    pub len: usize,
}

/// Placeholders by path in the root.
pub type Placeholders = HashMap<RelPath, Placeholder>;

#[derive(Deserialize)]
struct Record {
    paths_data: PathsData,
}

#[derive(Deserialize)]
struct PathsData {
    paths: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "_path")]
    path: String,
    #[serde(default)]
    prefix_placeholder: Option<String>,
    #[serde(default)]
    file_mode: Option<String>,
}

/// No real placeholder is longer: conda-build's is 255.
const LONGEST: usize = 1024;

/// The binaries of one record; none of a record that makes no sense.
pub fn placeholders(record: &[u8]) -> Placeholders {
    let Ok(record) = serde_json::from_slice::<Record>(record) else {
        return Placeholders::new();
    };
    let binary = |file: File| {
        let len = file.prefix_placeholder.map(|text| text.len())?;
        let is_binary = file.file_mode.as_deref() == Some("binary") && len <= LONGEST;
        Some((RelPath::new(file.path).ok()?, Placeholder { len })).filter(|_| is_binary)
    };
    record.paths_data.paths.into_iter().filter_map(binary).collect()
}
