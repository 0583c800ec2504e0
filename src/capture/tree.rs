//! Small trees on disk for the tests of this module.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::digest::Digest;
use crate::snapshot::entry::{Entry, FileNode, Node, PrefixUse};
use crate::snapshot::path::RelPath;

/// A folder that is removed with the value.
pub(super) struct Tree(tempfile::TempDir);

impl Tree {
    /// Writes files; a path that ends with `/` is an empty folder.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    /// Writes one file, or makes a folder.
    pub(super) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let full = self.root().join(path);
        if path.ends_with('/') {
            return std::fs::create_dir_all(full).unwrap();
        }
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, content).unwrap();
    }

    /// Makes a symlink.
    pub(super) fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.root().join(path)).unwrap();
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Everything in it, sorted by path.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        scan(self.root(), &[], &mut entries);
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }
}

fn scan(root: &Path, folder: &[u8], into: &mut Vec<Entry>) {
    let full = root.join(Path::new(std::ffi::OsStr::from_bytes(folder)));
    for item in std::fs::read_dir(full).unwrap() {
        let item = item.unwrap();
        let mut path = folder.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend(item.file_name().as_bytes());
        let meta = item.metadata().unwrap();
        let node = if meta.is_dir() {
            scan(root, &path, into);
            Node::Dir
        } else if meta.is_symlink() {
            Node::Symlink(
                std::fs::read_link(item.path())
                    .unwrap()
                    .into_os_string()
                    .as_bytes()
                    .to_vec(),
            )
        } else {
            Node::File(FileNode {
                size: meta.len(),
                digest: Digest::of(&std::fs::read(item.path()).unwrap()),
                prefix: PrefixUse::None,
                sparse: false,
                hardlink: None,
            })
        };
        into.push(Entry {
            path: RelPath::new(path).unwrap(),
            mode: 0o644,
            mtime: 0,
            node,
            xattrs: Vec::new(),
        });
    }
}
