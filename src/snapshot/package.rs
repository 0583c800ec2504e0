//! Packages as their installers recorded them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::path::RelPath;

/// Which package manager's records a package was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// `conda-meta/*.json`.
    Conda,
    /// `*.dist-info` and `*.egg-info`, whoever installed them (pip, uv, …), unless they are part of a conda package.
    Pip,
}

impl Manager {
    /// The name in JSON and unit names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conda => "conda",
            Self::Pip => "pip",
        }
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One installed package: one line of an inventory's `packages.jsonl`.
///
/// The order of a package list is that of manager, normalized name, version, then the record's path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Whose record it is.
    pub manager: Manager,
    /// Normalized name: PEP 503 for pip (`ruamel-yaml`), as recorded for conda.
    pub name: String,
    /// The name as recorded, when it differs from the normalized one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Version as recorded; empty when the record names none.
    pub version: String,
    /// The record: `conda-meta/NAME.json`, `…/NAME.dist-info` or `…/NAME.egg-info`.
    pub record: RelPath,
    /// Conda: the build string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Conda: channel without its subdirectory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Conda: platform subdirectory (`linux-64`, `noarch`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
    /// Where the package file came from: conda's `url`, pip's `direct_url.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Conda: SHA-256 (else MD5) of the package file, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Pip: content of `INSTALLER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installer: Option<String>,
    /// Asked for by the user rather than pulled in (`REQUESTED`; conda's requested specs).
    #[serde(default, skip_serializing_if = "is_false")]
    pub requested: bool,
    /// Pip: an editable install of the project at `url`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub editable: bool,
    /// Pip: Python versions it works with (`Requires-Python`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// Requirements as recorded: conda's `depends`, pip's `Requires-Dist`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Conda: `constrains`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constrains: Vec<String>,
    /// Pip: extras it offers (`Provides-Extra`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<String>,
    /// Pip: compatibility tags from `WHEEL` (`cp311-cp311-manylinux_2_17_x86_64`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Pip: the conda package whose record lists this dist-info, when it is that package's own and not installed
    /// over it. Such a package is part of the conda one: kept for its requirements, not listed or counted twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// What is wrong with the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<Defect>,
}

/// What is wrong with a package record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// Half-removed: pip renamed it to `~name` and never finished.
    Leftover,
    /// The record has no readable metadata.
    Unreadable,
}

impl Package {
    /// A package of which only the identity is known.
    pub fn new(manager: Manager, name: &str, version: &str, record: RelPath) -> Self {
        let normalized = match manager {
            Manager::Pip => normalize(name),
            Manager::Conda => name.to_owned(),
        };
        Self {
            manager,
            display_name: (normalized != name).then(|| name.to_owned()),
            name: normalized,
            version: version.to_owned(),
            record,
            build: None,
            channel: None,
            subdir: None,
            url: None,
            hash: None,
            installer: None,
            requested: false,
            editable: false,
            requires_python: None,
            requires: Vec::new(),
            constrains: Vec::new(),
            extras: Vec::new(),
            tags: Vec::new(),
            part_of: None,
            defect: None,
        }
    }

    /// The key by which package lists are sorted and matched.
    pub fn key(&self) -> (Manager, &str, &str, &RelPath) {
        (self.manager, &self.name, &self.version, &self.record)
    }

    /// Whether it counts in lists: neither a half-removed leftover nor part of a conda package.
    pub fn is_listed(&self) -> bool {
        self.part_of.is_none() && self.defect != Some(Defect::Leftover)
    }
}

/// The text of `packages.jsonl`: one JSON object a line.
pub fn encode(packages: &[Package]) -> Vec<u8> {
    super::lines::encode(packages)
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// Names the line.
pub fn decode(text: &[u8]) -> Result<Vec<Package>, String> {
    super::lines::decode(text)
}

/// A project's name as PEP 503 compares it: lower case, runs of `-_.` as one `-`.
pub fn normalize(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            if !out.ends_with('-') {
                out.push('-');
            }
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_normalize_as_pep_503_says() {
        for name in ["Ruamel.YAML", "ruamel_yaml", "ruamel-._yaml"] {
            assert_eq!(normalize(name), "ruamel-yaml");
        }
    }
}
