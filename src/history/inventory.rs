//! Inventories: the files of a commit.

use std::collections::BTreeMap;

use gix::objs::Kind;

use super::History;
use super::error::Error;
use super::id::{BlobId, CommitId, TreeId};
use super::tree::{EntryKind, entries};

/// The files of a commit, flat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The tree that holds them.
    pub tree: TreeId,
    /// What stands at each path.
    pub files: BTreeMap<Vec<u8>, BlobId>,
}

/// Folders within folders, beyond which a tree is taken for hostile.
const MAX_DEPTH: usize = 2048;

impl History {
    /// The files of a commit.
    ///
    /// # Errors
    /// Names the object that is missing or damaged.
    pub fn inventory(&self, commit: CommitId) -> Result<Inventory, Error> {
        let tree = self.commit_info(commit)?.tree;
        let mut files = BTreeMap::new();
        let mut todo = vec![(Vec::new(), tree, 0)];
        while let Some((prefix, tree, depth)) = todo.pop() {
            if depth > MAX_DEPTH {
                return Err(Error::damaged(
                    format!("tree {tree}"),
                    "its folders are nested too deeply",
                ));
            }
            self.each_entry(tree, |kind, name, id| {
                let mut path = Vec::with_capacity(prefix.len() + name.len() + 1);
                path.extend_from_slice(&prefix);
                path.extend_from_slice(name);
                match kind {
                    EntryKind::Tree => {
                        path.push(b'/');
                        todo.push((path, TreeId::from_bytes(id), depth + 1));
                    }
                    EntryKind::Blob => {
                        files.insert(path, BlobId::from_bytes(id));
                    }
                    EntryKind::Commit => {}
                }
                true
            })?;
        }
        Ok(Inventory { tree, files })
    }

    /// What stands at a path in a commit, found without reading the other folders.
    ///
    /// # Errors
    /// Names the object that is missing or damaged.
    pub fn path_at(&self, commit: CommitId, path: &[u8]) -> Result<Option<BlobId>, Error> {
        let mut tree = self.commit_info(commit)?.tree;
        let mut components = path.split(|b| *b == b'/').peekable();
        while let Some(component) = components.next() {
            let mut found = None;
            self.each_entry(tree, |kind, name, id| {
                if name == component {
                    found = Some((kind, id));
                }
                found.is_none()
            })?;
            match (found, components.peek()) {
                (Some((EntryKind::Tree, id)), Some(_)) => tree = TreeId::from_bytes(id),
                (Some((EntryKind::Blob, id)), None) => return Ok(Some(BlobId::from_bytes(id))),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Calls `visit` for the entries of one tree until it returns `false`.
    fn each_entry(&self, tree: TreeId, mut visit: impl FnMut(EntryKind, &[u8], [u8; 20]) -> bool) -> Result<(), Error> {
        let data = self.read_object(tree.oid(), Kind::Tree)?;
        for entry in entries(&data) {
            let entry = entry.ok_or_else(|| Error::damaged(format!("tree {tree}"), "an entry is cut short"))?;
            if !visit(entry.kind, entry.name, entry.id) {
                break;
            }
        }
        Ok(())
    }

    /// The content of a blob, checked against its id.
    ///
    /// # Errors
    /// [`Error::Missing`], or names the damaged object.
    pub fn blob(&self, id: BlobId) -> Result<Vec<u8>, Error> {
        self.read_object(id.oid(), Kind::Blob)
    }

    /// Whether the history holds a blob.
    pub fn has_blob(&self, id: BlobId) -> bool {
        self.has(id.oid())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{commit_files, history};
    use super::*;

    #[test]
    fn inventories_come_back_and_paths_are_found() {
        let (_dir, history) = history();
        let files = [
            ("snapshot.json", "{}"),
            ("env/files/pip/numpy", "n"),
            ("env/files/pip.x", "x"),
        ];
        let commit = commit_files(&history, &files, &[]);
        let inventory = history.inventory(commit).unwrap();
        let paths: Vec<_> = inventory.files.keys().map(|p| String::from_utf8_lossy(p)).collect();
        assert_eq!(paths, ["env/files/pip.x", "env/files/pip/numpy", "snapshot.json"]);
        assert_eq!(super::super::tree_id(&inventory.files).unwrap(), inventory.tree);
        for (path, content) in files {
            let id = history.path_at(commit, path.as_bytes()).unwrap().unwrap();
            assert_eq!(history.blob(id).unwrap(), content.as_bytes());
        }
        for absent in [
            "",
            "env",
            "env/files",
            "env/files/pip/numpy/x",
            "env/nothing",
            "snapshot.json/",
        ] {
            assert_eq!(history.path_at(commit, absent.as_bytes()).unwrap(), None, "{absent}");
        }
    }

    #[test]
    fn a_damaged_object_is_named() {
        let (dir, history) = history();
        commit_files(&history, &[("a", "content")], &[]);
        let id = BlobId::of(b"content");
        let hex = id.to_string();
        let object = |id: &str| dir.path().join("h/objects").join(&id[..2]).join(&id[2..]);
        let other = BlobId::of(b"other content");
        commit_files(&history, &[("a", "other content")], &[]);
        std::fs::remove_file(object(&hex)).unwrap();
        std::fs::copy(object(&other.to_string()), object(&hex)).unwrap();
        let history = History::open(&dir.path().join("h")).unwrap();
        let error = history.blob(id).unwrap_err();
        assert!(error.to_string().contains(&hex), "{error}");
        assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    }
}
