//! `snapshot.json` and `vars.json`: what an inventory says besides files and packages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::root::{Kind, Policy, RootName};
use crate::digest::Digest;

/// The `snapshot.json` of an inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the inventory format: [`Manifest::FORMAT`].
    pub format: u32,
    /// The roots by name.
    pub roots: BTreeMap<RootName, RootFacts>,
    /// The machine on which it was recorded.
    pub system: SystemFacts,
    /// The layer that holds what this commit added, if it added any content.
    #[serde(default)]
    pub layer: Option<LayerFacts>,
}

impl Manifest {
    /// The only version of the inventory format there is.
    pub const FORMAT: u32 = 1;
}

/// What a manifest says of one root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFacts {
    /// What lives in it.
    pub kind: Kind,
    /// What checkout does with files that the commit lacks.
    pub policy: Policy,
    /// The path at which the root stood when recorded, escaped; file content refers to it.
    pub home: String,
    /// Regular files.
    pub files: u64,
    /// Their length in all.
    pub bytes: u64,
    /// Listed packages.
    pub packages: u64,
    /// The interpreter's version, read from its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// The folder of the interpreter on which a virtual environment is based, escaped: `home` in `pyvenv.cfg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The git work tree of a project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitFacts>,
}

/// A project root that is a git work tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitFacts {
    /// The commit of its HEAD, if it has one.
    pub commit: Option<String>,
    /// The branch of its HEAD, if on one.
    pub branch: Option<String>,
    /// Whether tracked files differ from that commit.
    pub dirty: bool,
}

/// The machine. Never a difference by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemFacts {
    /// Operating system for people (`Debian GNU/Linux 12 (bookworm)`).
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// Machine architecture (`x86_64`).
    pub arch: String,
    /// Version of the C library, if found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<String>,
    /// The highest `GLIBCXX` version that its C++ library offers, if found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libstdcxx: Option<String>,
    /// Model of the processor, if found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Version of the NVIDIA kernel driver, if loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nvidia_driver: Option<String>,
    /// Models of the NVIDIA GPUs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<String>,
}

/// The layer that a commit wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// SHA-256 of the compressed layer, which is also its file name.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Files whose content it holds, whole or in part.
    pub files: u64,
    /// Bytes of that content before compression.
    pub content: u64,
    /// The compressor with its version and level (`zstd 1.5.7 level 1`): equal input gives equal bytes only with it.
    pub compressor: String,
}

/// The `vars.json` of an inventory: recorded environment variables, secrets redacted.
pub type Vars = BTreeMap<String, String>;
