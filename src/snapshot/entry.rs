//! One path of a root: a directory, a file or a symlink.

use serde::{Deserialize, Serialize};

use super::path::RelPath;
use crate::digest::Digest;

/// One path of a root with everything a checkout brings back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it is.
    pub path: RelPath,
    /// Permission bits with setuid, setgid and sticky (`0o7777`); 0 for symlinks, which have none.
    pub mode: u32,
    /// Modification time in nanoseconds since 1970.
    pub mtime: i64,
    /// What it is.
    pub node: Node,
    /// Extended attributes of the `user.` namespace, sorted by name.
    pub xattrs: Vec<Xattr>,
}

/// An extended attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Xattr {
    /// The full name, `user.` included.
    #[serde(with = "serde_bytes")]
    pub name: Vec<u8>,
    /// The value.
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}

impl From<(Vec<u8>, Vec<u8>)> for Xattr {
    fn from((name, value): (Vec<u8>, Vec<u8>)) -> Self {
        Self { name, value }
    }
}

/// What an [`Entry`] is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// A directory.
    Dir,
    /// A regular file.
    File(FileNode),
    /// A symbolic link with its target, verbatim.
    Symlink(#[serde(with = "serde_bytes")] Vec<u8>),
}

/// The content of a regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNode {
    /// Length in bytes.
    pub size: u64,
    /// Identity of the content.
    pub digest: Digest,
    /// Whether the content holds the path of a root.
    pub prefix: PrefixUse,
    /// Whether the file had holes; a checkout then leaves runs of zeros unallocated. Never a difference by itself.
    pub sparse: bool,
    /// The first path (in order) of the same root that is the same inode, when this is a later one.
    pub hardlink: Option<RelPath>,
}

/// Whether and how a file's content, as it is recorded, holds the absolute path of a root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PrefixUse {
    /// It does not.
    #[default]
    None,
    /// In text (no NUL byte in its first 8 KiB).
    Text,
    /// In a binary.
    Binary,
    /// It holds that of another place, where it was recorded, and is brought back as it is wherever a root stands.
    Fixed,
}

impl Entry {
    /// The content when this is a regular file.
    pub fn file(&self) -> Option<&FileNode> {
        match &self.node {
            Node::File(file) => Some(file),
            _ => None,
        }
    }

    /// Length of the content: 0 for what is no regular file.
    pub fn size(&self) -> u64 {
        self.file().map_or(0, |file| file.size)
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        matches!(self.node, Node::Dir)
    }

    /// Whether both have the same type and bytes (of the file or of the link target).
    pub fn same_content(&self, other: &Self) -> bool {
        match (&self.node, &other.node) {
            (Node::Dir, Node::Dir) => true,
            (Node::File(a), Node::File(b)) => a.digest == b.digest && a.size == b.size,
            (Node::Symlink(a), Node::Symlink(b)) => a == b,
            _ => false,
        }
    }

    /// Whether both are the same in all that counts as a difference. Times of directories change with every file
    /// made in them, and holes depend on the file system: neither counts.
    pub fn same_state(&self, other: &Self) -> bool {
        let link = |entry: &Self| entry.file().and_then(|file| file.hardlink.clone());
        self.same_content(other)
            && self.mode == other.mode
            && (self.is_dir() || self.mtime == other.mtime)
            && self.xattrs == other.xattrs
            && link(self) == link(other)
    }
}
