//! Looking at a history that may be damaged: what is wrong is told, and the rest goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error as _;
use std::path::{Path, PathBuf};

use gix::objs::Kind;

use super::History;
use super::error::Error;
use super::id::{BlobId, CommitId, TreeId};
use super::objects::NewObject;
use super::refname::RefName;
use super::refs::Listed;
use super::tree::{EntryKind, Trees, entries};
use crate::fsx::{self, Context as _, atomic};

/// A ref as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRef {
    /// Its full name; what stands for it where it has none.
    pub name: String,
    /// The commit it leads to, or why it leads to none.
    pub commit: Result<CommitId, String>,
}

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeEntry {
    /// A folder.
    Folder(Vec<u8>, TreeId),
    /// A file.
    File(Vec<u8>, BlobId),
}

impl History {
    /// All refs, and those that cannot be read.
    pub fn checked_refs(&self) -> Vec<CheckedRef> {
        let bad = |name: &str, why: String| CheckedRef {
            name: name.to_owned(),
            commit: Err(why),
        };
        let Listed { names, senseless } = match self.listed_refs() {
            Ok(listed) => listed,
            Err(error) => return vec![bad("refs", told(&error))],
        };
        let senseless = senseless.iter();
        let mut refs: Vec<CheckedRef> = senseless
            .map(|name| bad(name, "its file makes no sense".to_owned()))
            .collect();
        for name in names {
            if RefName::new(&name).is_err() {
                continue;
            }
            let commit = match self.read_raw(&name) {
                Ok(None) => Err("it leads nowhere".to_owned()),
                Err(error) => Err(told(&error)),
                Ok(Some(raw)) => match self.peel(raw.oid()) {
                    Ok(Some((commit, _))) => Ok(commit),
                    Ok(None) => Err(format!("{raw} is no commit")),
                    Err(error) => Err(told(&error)),
                },
            };
            refs.push(CheckedRef { name, commit });
        }
        refs
    }

    /// The entries of a tree.
    ///
    /// # Errors
    /// Names the tree that is missing or damaged.
    pub fn tree_entries(&self, tree: TreeId) -> Result<Vec<TreeEntry>, Error> {
        let data = self.read_object(tree.oid(), Kind::Tree)?;
        let mut list = Vec::new();
        for entry in entries(&data) {
            let entry = entry.ok_or_else(|| Error::damaged(format!("tree {tree}"), "an entry is cut short"))?;
            let name = entry.name.to_vec();
            match entry.kind {
                EntryKind::Tree => list.push(TreeEntry::Folder(name, TreeId::from_bytes(entry.id))),
                EntryKind::Blob => list.push(TreeEntry::File(name, BlobId::from_bytes(entry.id))),
                EntryKind::Commit => {}
            }
        }
        Ok(list)
    }

    /// Writes anew those of the `wanted` objects that are among these blobs, or among the trees that hold `files`. The
    /// damaged file of an object is moved into `aside`. Tells which are back.
    ///
    /// # Errors
    /// Names what cannot be moved or written.
    pub fn write_again(
        &self,
        wanted: &BTreeSet<[u8; 20]>,
        blobs: HashMap<BlobId, Vec<u8>>,
        files: &BTreeMap<Vec<u8>, BlobId>,
        aside: &Path,
    ) -> Result<BTreeSet<[u8; 20]>, Error> {
        let mut objects = Vec::new();
        for (id, data) in blobs {
            if wanted.contains(id.as_bytes()) {
                objects.push(NewObject::new(Kind::Blob, data)?);
            }
        }
        for (id, data) in Trees::of(files)?.0 {
            if wanted.contains(id.as_bytes()) {
                objects.push(NewObject::new(Kind::Tree, data)?);
            }
        }
        let mut written = BTreeSet::new();
        for object in objects {
            if !wanted.contains(&object.id) {
                continue;
            }
            self.move_aside(object.id, aside)?;
            written.insert(object.id);
            self.write_objects(vec![object])?;
        }
        Ok(written)
    }

    fn move_aside(&self, id: [u8; 20], aside: &Path) -> Result<(), Error> {
        let path = self.loose_path(id);
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        fsx::create_dir_all(aside)?;
        let hex = gix::ObjectId::Sha1(id).to_string();
        let to = (1..)
            .map(|n| aside.join(format!("{hex}.{n}")))
            .find(|to| to.symlink_metadata().is_err())
            .unwrap_or_else(|| aside.join(&hex));
        std::fs::rename(&path, &to).at("move aside", &path)?;
        Ok(atomic::sync_dir(aside)?)
    }

    /// Where an object lies when it has a file of its own.
    fn loose_path(&self, id: [u8; 20]) -> PathBuf {
        let hex = gix::ObjectId::Sha1(id).to_string();
        self.path("objects").join(&hex[..2]).join(&hex[2..])
    }
}

/// An error with its causes in one line.
pub fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
