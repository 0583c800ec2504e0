//! Small histories for the tests of this module.

use std::collections::{BTreeMap, HashMap};

use super::{BlobId, CommitDraft, CommitId, History, Note, Person, Time};

pub(super) fn history() -> (tempfile::TempDir, History) {
    let dir = tempfile::tempdir().unwrap();
    let history = History::init(&dir.path().join("h")).unwrap();
    (dir, history)
}

pub(super) fn person() -> Person {
    Person {
        name: "Ada".into(),
        email: "ada@example.com".into(),
    }
}

pub(super) fn note(message: &str) -> Note {
    Note {
        who: person(),
        time: Time {
            seconds: 1_700_000_000,
            offset: 3600,
        },
        message: message.into(),
    }
}

pub(super) fn draft(files: &[(&str, &str)]) -> CommitDraft {
    let id = |content: &str| BlobId::of(content.as_bytes());
    let list: BTreeMap<_, _> = files.iter().map(|(p, c)| (p.as_bytes().to_vec(), id(c))).collect();
    let blobs: HashMap<_, _> = files.iter().map(|(_, c)| (id(c), c.as_bytes().to_vec())).collect();
    CommitDraft {
        files: list,
        new_blobs: blobs,
        parents: Vec::new(),
        author: person(),
        time: note("").time,
        message: "subject\n\nbody".into(),
    }
}

pub(super) fn commit_files(history: &History, files: &[(&str, &str)], parents: &[CommitId]) -> CommitId {
    let mut draft = draft(files);
    draft.parents = parents.to_vec();
    history.commit(draft).unwrap()
}

pub(super) fn commit_at(history: &History, subject: &str, seconds: i64, parents: &[CommitId]) -> CommitId {
    let mut draft = draft(&[("a", subject)]);
    draft.parents = parents.to_vec();
    draft.time.seconds = seconds;
    draft.message = subject.into();
    history.commit(draft).unwrap()
}
