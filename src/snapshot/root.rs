//! Roots: the directory trees under version control.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The folder in a root where a checkout stages new files. Never part of a snapshot.
pub const STAGE_DIR: &str = ".envgit-stage";

/// What lives in a root; decides defaults and where packages are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A conda prefix (it has `conda-meta/`).
    Conda,
    /// A Python virtual environment (it has `pyvenv.cfg`).
    Venv,
    /// A folder of the user's own files.
    Project,
    /// Downloaded models and data.
    Cache,
}

impl Kind {
    /// The policy of a root of this kind unless its owner says otherwise.
    pub fn default_policy(self) -> Policy {
        match self {
            Self::Conda | Self::Venv => Policy::Exact,
            Self::Project | Self::Cache => Policy::Tracked,
        }
    }

    /// Whether conda or pip packages are looked for in it.
    pub fn holds_packages(self) -> bool {
        matches!(self, Self::Conda | Self::Venv)
    }

    /// The name in configuration and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conda => "conda",
            Self::Venv => "venv",
            Self::Project => "project",
            Self::Cache => "cache",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Conda, Self::Venv, Self::Project, Self::Cache]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("unknown kind {text:?}: use conda, venv, project or cache"))
    }
}

/// What checkout does with files that the target commit lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The tree becomes equal to the commit: what the commit lacks is removed.
    Exact,
    /// Files that were never recorded are left alone.
    Tracked,
}

impl Policy {
    /// The name in configuration and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Tracked => "tracked",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "exact" => Ok(Self::Exact),
            "tracked" => Ok(Self::Tracked),
            _ => Err(format!("unknown policy {text:?}: use exact or tracked")),
        }
    }
}

/// The name of a root: 1 to 64 of `A-Z a-z 0-9 . _ -`, not starting with `.` or `-`, not a name that the
/// inventory uses itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RootName(String);

impl RootName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest valid name to some text, for proposals.
    pub fn from_lossy(text: &str) -> Self {
        let mut name: String = text
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                    c
                } else {
                    '-'
                }
            })
            .take(60)
            .collect();
        name = name.trim_start_matches(['.', '-']).to_owned();
        name.parse()
            .or_else(|_| format!("root-{name}").parse())
            .unwrap_or(Self("root".to_owned()))
    }
}

impl fmt::Display for RootName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RootName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = (1..=64).contains(&text.len())
            && !text.starts_with(['.', '-'])
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if plain && !text.ends_with(".json") && !text.ends_with(".lock") {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "{text:?} cannot name a root: use up to 64 letters, digits, '.', '_' and '-', starting with a \
                 letter, digit or '_', not ending in .json or .lock"
            ))
        }
    }
}

impl TryFrom<String> for RootName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RootName> for String {
    fn from(name: RootName) -> Self {
        name.0
    }
}

/// A root as the configuration declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its name, unique in the repository.
    pub name: RootName,
    /// Where it stands now: absolute.
    pub path: PathBuf,
    /// What lives in it.
    pub kind: Kind,
    /// What checkout does with files that a commit lacks.
    pub policy: Policy,
    /// The folder of the interpreter on which a virtual environment is based, where that is another one here than
    /// where the environment was recorded.
    pub base: Option<PathBuf>,
}
