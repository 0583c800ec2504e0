//! `.envgit/config.toml`: the settings of one repository.
//!
//! ```toml
//! [roots.glm]
//! path = "/opt/conda/envs/glm"
//! kind = "conda"
//! policy = "exact"
//!
//! [files]
//! patterns = ["*.csv"]
//! ```
//!
//! A file is read by [`Config::load`]. [`Editor`] changes single settings and leaves all else, comments included, as
//! it was written. Every setting has a dotted key (`files.max_size`, `roots.glm.policy`) and is declared once, in
//! `settings/table.rs`.

mod edit;
mod nearest;
mod read;
mod remotes;
mod settings;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use crate::capture::variables::VarRules;
pub use edit::{Editor, Listed, Origin};
pub use remotes::{Remote, Upstream};

use crate::capture::configs::DEFAULT_MAX_SIZE;
use crate::fsx;
use crate::service::{Health, Services};
use crate::snapshot::root::{Root, RootName};

/// The name of the file within `.envgit`.
pub const FILE_NAME: &str = "config.toml";

/// The settings of a repository, with defaults in place of what the file does not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// What is under version control, in the order of the file. Paths are absolute.
    pub roots: Vec<Root>,
    /// Which files are kept as text.
    pub files: ConfigFilePatterns,
    /// Which variables are recorded.
    pub vars: VarRules,
    /// Who makes commits here; without it the user's own identity counts.
    pub user: User,
    /// Whether commits and tags are signed, and whose signatures count.
    pub signatures: Signatures,
    /// What may leave this machine.
    pub push: Push,
    /// What a checkout gives files.
    pub restore: Restore,
    /// How layers are written.
    pub layers: Layers,
    /// What `gc` keeps.
    pub gc: Gc,
    /// How much is kept to go back quickly.
    pub pins: PinBounds,
    /// How long to wait for others.
    pub lock: Locking,
    /// What stands still while the live state changes.
    pub services: Services,
    /// How to learn whether all is well.
    pub health: Health,
    /// What the audit log demands.
    pub audit: Audit,
    /// How long states that were recorded before a checkout are kept.
    pub autosaves: Autosaves,
    /// Other repositories.
    pub remotes: BTreeMap<String, Remote>,
    /// What branches follow.
    pub upstreams: BTreeMap<String, Upstream>,
}

/// What the audit log demands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// A restore needs a reason.
    pub require_reason: bool,
}

/// How long autosaves, and states that only `undo` leads to, are kept: as long as either of the two says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autosaves {
    /// The newest so many, however old.
    pub keep: usize,
    /// All of the last so many days.
    pub keep_days: u32,
}

impl Default for Autosaves {
    fn default() -> Self {
        Self {
            keep: 20,
            keep_days: 30,
        }
    }
}

/// Which files of project roots are kept in the inventory as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFilePatterns {
    /// Patterns in gitignore syntax, besides the built-in ones; `!` takes back.
    pub patterns: Vec<String>,
    /// The largest such file, in bytes.
    pub max_size: u64,
}

impl Default for ConfigFilePatterns {
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            max_size: DEFAULT_MAX_SIZE,
        }
    }
}

/// Who makes commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Their name.
    pub name: Option<String>,
    /// Their mail address.
    pub email: Option<String>,
    /// With what they sign: the path of an ssh key, or a public key that their agent knows.
    pub signing_key: Option<String>,
}

/// Whether commits and tags are signed, and whose signatures count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatures {
    /// Sign every commit, and every tag that says something.
    pub sign: bool,
    /// The file that says whose keys are allowed, as ssh-keygen(1) describes it.
    pub allowed: Option<String>,
}

/// What may leave this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Push {
    /// Secrets that may be pushed: `PLACE:KIND` as `check --secrets` tells them, with `*` and `?`.
    pub allowed_secrets: Vec<String>,
}

/// What a checkout gives files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restore {
    /// The setuid and setgid bits that were recorded. Nothing: only where no commit came from a remote.
    pub setuid: Option<bool>,
}

/// How layers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    /// The zstd level, 1 (fastest) to 19 (smallest).
    pub level: i32,
}

impl Default for Layers {
    fn default() -> Self {
        Self { level: 1 }
    }
}

/// What `gc` keeps besides what branches, tags and autosaves lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gc {
    /// For how many days a commit is kept that only the log of a ref still knows.
    pub keep_days: u32,
}

impl Default for Gc {
    fn default() -> Self {
        Self { keep_days: 30 }
    }
}

/// How much is kept beside the layers to go back quickly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinBounds {
    /// Bytes that only pins keep.
    pub max_size: u64,
}

impl Default for PinBounds {
    fn default() -> Self {
        Self { max_size: 20 << 30 }
    }
}

/// How to get along with other envgit processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locking {
    /// How long to wait for a repository that another process works on. Whole seconds in the file.
    pub wait: Duration,
}

impl Default for Locking {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(10),
        }
    }
}

/// Why the settings cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] fsx::Error),
    /// It is no TOML.
    #[error("{}, line {line}: {problem}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A key that means nothing.
    #[error("{}, line {line}: there is no setting {key}{}", .path.display(), suggestion(.nearest))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The key, dotted.
        key: String,
        /// The key that may have been meant.
        nearest: Option<String>,
    },
    /// A value that does not fit its key.
    #[error("{}, line {line}: {key} {problem}", .path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The key, dotted.
        key: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A key asked for or to be set that means nothing.
    #[error("there is no setting {key}{}", suggestion(.nearest))]
    NoSetting {
        /// The key as given.
        key: String,
        /// The key that may have been meant.
        nearest: Option<String>,
    },
    /// A value to be set that does not fit its key.
    #[error("{key} {problem}")]
    BadValue {
        /// The key as given.
        key: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A root that is not declared.
    #[error("there is no root {name}; {}", known(.roots))]
    NoRoot {
        /// The name as given.
        name: String,
        /// The declared roots.
        roots: Vec<RootName>,
    },
    /// A root's name that is taken.
    #[error("there is already a root {name}, at {}; choose another name", .path.display())]
    NameTaken {
        /// The name.
        name: RootName,
        /// Where that root stands.
        path: PathBuf,
    },
    /// A directory that is a root already.
    #[error("{} is already under version control as root {name}", .path.display())]
    PathTaken {
        /// The name of the root that stands there.
        name: RootName,
        /// The directory.
        path: PathBuf,
    },
    /// A path that TOML cannot hold.
    #[error(
        "the path {} is not UTF-8, which config.toml cannot hold; rename the directory, or use a symlink with a plain \
         name", crate::snapshot::path::escape(.path.as_os_str().as_encoded_bytes())
    )]
    NotText {
        /// The path.
        path: PathBuf,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    match nearest {
        Some(key) => format!("; did you mean {key}?"),
        None => "; see `envgit config` for all of them".to_owned(),
    }
}

fn known(roots: &[RootName]) -> String {
    if roots.is_empty() {
        return "none is declared, add one with `envgit root add`".to_owned();
    }
    let names: Vec<&str> = roots.iter().map(RootName::as_str).collect();
    format!("the roots are {}", names.join(", "))
}

impl Config {
    /// Reads `.envgit/config.toml`. Relative paths of roots count from the project folder, which holds `.envgit`.
    ///
    /// # Errors
    /// Names the file, line and key, and what to write instead.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = fsx::read(path)?;
        let text = read::utf8(&bytes, path)?;
        read::config(text, path)
    }

    /// The commented file that a new repository starts with.
    ///
    /// # Errors
    /// When two roots share a name or a directory, or a path is not UTF-8.
    pub fn initial_text(project: &Path, roots: &[Root]) -> Result<String, Error> {
        text::initial(project, roots)
    }

    /// Whether only the history was cloned: contents stay with a remote until they are needed.
    pub fn is_history_only(&self) -> bool {
        self.remotes.values().any(|remote| remote.history_only)
    }

    /// The root of a name.
    pub fn root(&self, name: &str) -> Option<&Root> {
        self.roots.iter().find(|root| root.name.as_str() == name)
    }
}

/// The project folder of a repository whose settings are in `config`: the parent of `.envgit`.
fn project_of(config: &Path) -> &Path {
    config.parent().and_then(Path::parent).unwrap_or(Path::new("/"))
}

/// Checks that a root shares neither name nor directory with others.
fn check_apart(root: &Root, others: &[Root]) -> Result<(), Error> {
    if let Some(other) = others.iter().find(|other| other.name == root.name) {
        return Err(Error::NameTaken {
            name: other.name.clone(),
            path: other.path.clone(),
        });
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = real(&root.path);
    if let Some(other) = others.iter().find(|other| real(&other.path) == here) {
        return Err(Error::PathTaken {
            name: other.name.clone(),
            path: root.path.clone(),
        });
    }
    Ok(())
}
