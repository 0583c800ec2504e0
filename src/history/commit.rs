//! Making a commit.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use gix::objs::Kind;

use super::History;
use super::error::Error;
use super::id::{BlobId, CommitId};
use super::objects::NewObject;
use super::person::{Person, Time};
use super::signature::header_line;
use super::tree::Trees;

/// All that a new commit is made of.
#[derive(Clone, Debug)]
pub struct CommitDraft {
    /// The files of its inventory.
    pub files: BTreeMap<Vec<u8>, BlobId>,
    /// The content of those files that the history may lack. Others must be in it.
    pub new_blobs: HashMap<BlobId, Vec<u8>>,
    /// The commits it follows.
    pub parents: Vec<CommitId>,
    /// Who makes it.
    pub author: Person,
    /// When.
    pub time: Time,
    /// What for. The first line is the subject.
    pub message: String,
}

/// A commit that is put together and not written yet.
pub struct Composed {
    /// What the commit needs: files and folders.
    objects: Vec<NewObject>,
    header: String,
    signature: Option<String>,
    message: String,
}

impl Composed {
    /// What a signature is to be made over: the commit as it is without one.
    pub fn payload(&self) -> Vec<u8> {
        format!("{}\n{}", self.header, self.message).into_bytes()
    }

    /// Adds a signature, as armored text.
    pub fn sign(&mut self, signature: String) {
        self.signature = Some(signature);
    }

    fn text(&self) -> Vec<u8> {
        let signature = self.signature.as_deref().map(header_line).unwrap_or_default();
        format!("{}{signature}\n{}", self.header, self.message).into_bytes()
    }
}

impl History {
    /// Writes a commit and all it needs. It is durable when this returns, but no ref knows it yet.
    ///
    /// # Errors
    /// Those of [`History::compose`] and [`History::write_commit`].
    pub fn commit(&self, draft: CommitDraft) -> Result<CommitId, Error> {
        self.write_commit(self.compose(draft)?)
    }

    /// Writes a commit that was put together. It is durable when this returns, but no ref knows it yet.
    ///
    /// # Errors
    /// Names what cannot be stored. A failed commit leaves no more than unreachable objects.
    pub fn write_commit(&self, composed: Composed) -> Result<CommitId, Error> {
        let commit = NewObject::new(Kind::Commit, composed.text())?;
        let id = CommitId::from_bytes(commit.id);
        let mut objects = composed.objects;
        objects.push(commit);
        self.write_objects(objects)?;
        Ok(id)
    }

    /// Puts a commit together. Nothing is written.
    ///
    /// # Errors
    /// [`Error::Missing`] for a file whose content is neither given nor in the history, or an unknown parent.
    pub fn compose(&self, draft: CommitDraft) -> Result<Composed, Error> {
        let CommitDraft {
            files,
            mut new_blobs,
            parents,
            author,
            time,
            message,
        } = draft;
        let trees = Trees::of(&files)?;
        let root = trees
            .root()
            .ok_or_else(|| Error::damaged("a new tree", "it has no root"))?;
        if let Some(parent) = parents.iter().find(|parent| !self.has(parent.oid())) {
            return Err(Error::Missing {
                kind: "commit",
                id: parent.to_string(),
            });
        }
        let mut objects = Vec::new();
        let wanted: HashSet<BlobId> = files.into_values().collect();
        for id in wanted {
            if let Some(data) = new_blobs.remove(&id) {
                let object = NewObject::new(Kind::Blob, data)?;
                if object.id != *id.as_bytes() {
                    return Err(Error::damaged(
                        format!("new blob {id}"),
                        "its content does not match its id",
                    ));
                }
                objects.push(object);
            } else if !self.has_blob(id) {
                return Err(Error::Missing {
                    kind: "blob",
                    id: id.to_string(),
                });
            }
        }
        objects.sort_by_key(|object| object.id);
        objects.extend(trees.0.into_iter().map(|(id, data)| NewObject {
            id: *id.as_bytes(),
            kind: Kind::Tree,
            data,
        }));
        let mut text = format!("tree {root}\n");
        for parent in &parents {
            let _ = writeln!(text, "parent {parent}");
        }
        let _ = writeln!(text, "author {author} {time}\ncommitter {author} {time}");
        Ok(Composed {
            objects,
            header: text,
            signature: None,
            message: tidy(&message),
        })
    }

    pub(super) fn has(&self, id: gix::ObjectId) -> bool {
        use gix::objs::Exists as _;
        self.repo.objects.exists(&id)
    }
}

/// A message as git keeps it: no NUL, no carriage returns, one newline at its end.
pub(super) fn tidy(message: &str) -> String {
    let mut text = message.replace("\r\n", "\n").replace('\0', "");
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::testing::{commit_files, draft, history};
    use super::*;

    #[test]
    fn messages_end_in_one_newline() {
        assert_eq!(tidy("a\r\nb\n\n"), "a\nb\n");
        assert_eq!(tidy("a\0b"), "ab\n");
        assert_eq!(tidy(" \n"), "");
    }

    #[test]
    fn content_that_nobody_has_is_missing() {
        let (_dir, history) = history();
        let mut incomplete = draft(&[("a", "1"), ("b", "2")]);
        incomplete.new_blobs.remove(&BlobId::of(b"2"));
        let error = history.commit(incomplete.clone()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the history lacks blob {}", BlobId::of(b"2"))
        );
        // Once it is there, it need not be given again.
        commit_files(&history, &[("other", "2")], &[]);
        history.commit(incomplete).unwrap();
    }

    #[test]
    fn content_under_a_wrong_id_is_refused() {
        let (_dir, history) = history();
        let mut wrong = draft(&[("a", "1")]);
        wrong.new_blobs.insert(BlobId::of(b"1"), b"not 1".to_vec());
        assert!(matches!(history.commit(wrong), Err(Error::Damaged { .. })));
        assert!(!history.has_blob(BlobId::of(b"1")) && !history.has_blob(BlobId::of(b"not 1")));
    }

    #[test]
    fn unknown_parents_are_refused() {
        let (_dir, history) = history();
        let mut orphan = draft(&[("a", "1")]);
        orphan.parents = vec![CommitId::from_bytes([7; 20])];
        assert!(matches!(
            history.commit(orphan),
            Err(Error::Missing { kind: "commit", .. })
        ));
    }
}
