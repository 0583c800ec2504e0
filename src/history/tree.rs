//! Git trees made from and read to flat lists of paths, in memory.

use std::collections::BTreeMap;

use gix::objs::Kind;

use super::error::Error;
use super::id::{BlobId, TreeId, object_id};
use crate::snapshot::path::escape;

/// A tree being filled: the path of its folder, with a slash at the end, and its entries in git's format.
struct Open {
    prefix_len: usize,
    name: Vec<u8>,
    entries: Vec<u8>,
}

/// Trees with their ids; the last one is the root.
pub(super) struct Trees(pub(super) Vec<(TreeId, Vec<u8>)>);

impl Trees {
    /// The trees that hold these files, folders before those that hold them.
    ///
    /// The flat list is sorted by bytes, with a slash where a folder's name ends: exactly the order of git's trees.
    ///
    /// # Errors
    /// Names a path that git trees cannot hold.
    pub(super) fn of(files: &BTreeMap<Vec<u8>, BlobId>) -> Result<Self, Error> {
        let mut done = Vec::new();
        let mut stack = vec![Open {
            prefix_len: 0,
            name: Vec::new(),
            entries: Vec::new(),
        }];
        let mut current: &[u8] = b"";
        for (path, blob) in files {
            // Close the folders that this path is not in.
            while let Some(top) = stack.last()
                && (path.len() < top.prefix_len || path[..top.prefix_len] != current[..top.prefix_len])
            {
                close(&mut stack, &mut done)?;
            }
            let mut start = stack.last().map_or(0, |top| top.prefix_len);
            while let Some(length) = path[start..].iter().position(|b| *b == b'/') {
                let end = start + length;
                check(path, &path[start..end])?;
                if files.contains_key(&path[..end]) {
                    return Err(Error::FileAndDirectory {
                        path: escape(&path[..end]),
                    });
                }
                stack.push(Open {
                    prefix_len: end + 1,
                    name: path[start..end].to_owned(),
                    entries: Vec::new(),
                });
                start = end + 1;
            }
            check(path, &path[start..])?;
            if let Some(top) = stack.last_mut() {
                entry(&mut top.entries, b"100644", &path[start..], blob.as_bytes());
            }
            current = path;
        }
        while !stack.is_empty() {
            close(&mut stack, &mut done)?;
        }
        Ok(Self(done))
    }

    /// The tree that holds all.
    pub(super) fn root(&self) -> Option<TreeId> {
        self.0.last().map(|(id, _)| *id)
    }
}

fn entry(out: &mut Vec<u8>, mode: &[u8], name: &[u8], id: &[u8; 20]) {
    out.extend_from_slice(mode);
    out.push(b' ');
    out.extend_from_slice(name);
    out.push(0);
    out.extend_from_slice(id);
}

fn close(stack: &mut Vec<Open>, done: &mut Vec<(TreeId, Vec<u8>)>) -> Result<(), Error> {
    let Some(tree) = stack.pop() else { return Ok(()) };
    let id =
        object_id(Kind::Tree, &tree.entries).map_err(|e| Error::write(format!("folder {}", escape(&tree.name)), e))?;
    let id = TreeId::from_bytes(id);
    if let Some(parent) = stack.last_mut() {
        entry(&mut parent.entries, b"40000", &tree.name, id.as_bytes());
    }
    done.push((id, tree.entries));
    Ok(())
}

/// Whether a component of a path can stand in a git tree.
pub(super) fn check(path: &[u8], component: &[u8]) -> Result<(), Error> {
    use gix::validate::path::{component as validate, component::Options};
    let bad = |why: String| Error::BadPath {
        path: escape(path),
        why,
    };
    let options = Options {
        protect_windows: false,
        protect_hfs: true,
        protect_ntfs: true,
    };
    validate(component.into(), None, options).map_err(|e| bad(e.to_string()))?;
    if component.contains(&0) {
        return Err(bad("it holds a NUL byte".to_owned()));
    }
    Ok(())
}

/// The id of the tree that holds these files. Nothing is written.
///
/// # Errors
/// [`Error::BadPath`] or [`Error::FileAndDirectory`] name a path that git trees cannot hold.
pub fn tree_id(files: &BTreeMap<Vec<u8>, BlobId>) -> Result<TreeId, Error> {
    let trees = Trees::of(files)?;
    trees
        .root()
        .ok_or_else(|| Error::damaged("a new tree", "it has no root"))
}

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    Tree,
    Blob,
    /// A submodule, which holds nothing here.
    Commit,
}

/// An entry of a tree.
pub(super) struct Entry<'a> {
    pub(super) kind: EntryKind,
    pub(super) name: &'a [u8],
    pub(super) id: [u8; 20],
}

/// The entries of a tree, in order. Nothing in place of an entry means that the rest is damaged.
pub(super) fn entries(mut data: &[u8]) -> impl Iterator<Item = Option<Entry<'_>>> {
    std::iter::from_fn(move || {
        if data.is_empty() {
            return None;
        }
        let entry = read_entry(&mut data);
        if entry.is_none() {
            data = &[];
        }
        Some(entry)
    })
}

fn read_entry<'a>(data: &mut &'a [u8]) -> Option<Entry<'a>> {
    let space = data.iter().position(|b| *b == b' ')?;
    let kind = match &data[..space] {
        b"40000" | b"040000" => EntryKind::Tree,
        b"160000" => EntryKind::Commit,
        _ => EntryKind::Blob,
    };
    let rest = &data[space + 1..];
    let nul = rest.iter().position(|b| *b == 0)?;
    let id = rest.get(nul + 1..nul + 21)?.try_into().ok()?;
    *data = &rest[nul + 21..];
    Some(Entry {
        kind,
        name: &rest[..nul],
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> BTreeMap<Vec<u8>, BlobId> {
        paths.iter().map(|p| (p.as_bytes().to_vec(), BlobId::of(b""))).collect()
    }

    #[test]
    fn no_files_make_the_empty_tree() {
        assert_eq!(
            tree_id(&files(&[])).unwrap().to_string(),
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        );
    }

    #[test]
    fn folders_sort_as_if_they_ended_in_a_slash() {
        let trees = Trees::of(&files(&["a.b", "a/x", "a0", "a-", "b/c/d", "b/cd"])).unwrap();
        let (_, root) = trees.0.last().unwrap();
        let names: Vec<_> = entries(root).map(|e| e.unwrap().name.to_vec()).collect();
        assert_eq!(names, [&b"a-"[..], b"a.b", b"a", b"a0", b"b"]);
        assert_eq!(trees.0.len(), 4);
    }

    #[test]
    fn paths_that_git_refuses_are_named() {
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/./b",
            "a/.git/config",
            ".GIT",
            "a\0b",
            "git~1/x",
        ] {
            let error = tree_id(&files(&[bad])).unwrap_err();
            assert!(matches!(&error, Error::BadPath { .. }), "{bad}: {error}");
        }
        let error = tree_id(&files(&["a", "a.b", "a/b"])).unwrap_err();
        assert_eq!(error.to_string(), "a is both a file and a directory");
    }

    #[test]
    fn a_cut_tree_is_damaged_not_short() {
        let trees = Trees::of(&files(&["a", "b"])).unwrap();
        let (_, root) = &trees.0[0];
        let read: Vec<_> = entries(&root[..root.len() - 1]).map(|e| e.is_some()).collect();
        assert_eq!(read, [true, false]);
    }
}
