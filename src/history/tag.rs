//! Annotated tags.

use gix::objs::Kind;

use super::History;
use super::commit::tidy;
use super::id::CommitId;
use super::objects::NewObject;
use super::refedit::{Expected, Note, RefError};
use super::refname::RefName;

/// An annotated tag that is put together and not written yet.
pub struct TagDraft {
    name: RefName,
    commit: CommitId,
    note: Note,
    text: String,
}

impl TagDraft {
    /// The tag `name` for a commit; the tagger, time and message are those of `note`.
    ///
    /// # Errors
    /// [`RefError::BadName`].
    pub fn new(name: &str, commit: CommitId, note: &Note) -> Result<Self, RefError> {
        let full = RefName::tag(name)?;
        let Note { who, time, message } = note;
        let text = format!(
            "object {commit}\ntype commit\ntag {name}\ntagger {who} {time}\n\n{}",
            tidy(message)
        );
        Ok(Self {
            name: full,
            commit,
            note: note.clone(),
            text,
        })
    }

    /// What a signature is to be made over.
    pub fn payload(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Adds a signature, as armored text.
    pub fn sign(&mut self, signature: &str) {
        self.text.push_str(signature);
    }
}

impl History {
    /// Makes the annotated tag `name` for a commit; the tagger, time and message are those of `note`.
    ///
    /// # Errors
    /// [`RefError::Moved`] when the tag is not as expected.
    pub fn annotate_tag(&self, name: &str, commit: CommitId, expected: Expected, note: &Note) -> Result<(), RefError> {
        self.write_tag(TagDraft::new(name, commit, note)?, expected)
    }

    /// Writes a tag that was put together, and its ref.
    ///
    /// # Errors
    /// [`RefError::Moved`] when the tag is not as expected.
    pub fn write_tag(&self, draft: TagDraft, expected: Expected) -> Result<(), RefError> {
        self.commit_info(draft.commit)?;
        // Told before an object is written; under the lock it is checked again.
        expected.check(draft.name.as_str(), self.read_ref(draft.name.as_str())?.1)?;
        let tag = NewObject::new(Kind::Tag, draft.text.into_bytes())?;
        let id = CommitId::from_bytes(tag.id);
        self.write_objects(vec![tag])?;
        self.set_ref_to(&draft.name, id, draft.commit, expected, &draft.note)
    }
}

#[cfg(test)]
mod tests {
    use super::super::RefKind;
    use super::super::testing::{commit_at, history, note, person};
    use super::*;

    #[test]
    fn tags_peel_and_tell() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        let b = commit_at(&history, "b", 2, &[a]);
        history
            .annotate_tag("v1", a, Expected::Absent, &note("works\n\nreally"))
            .unwrap();
        assert!(matches!(
            history.annotate_tag("v1", b, Expected::Absent, &note("again")),
            Err(RefError::Moved { .. })
        ));
        let light = RefName::tag("light").unwrap();
        history.set_ref(&light, b, Expected::Absent, &note("tag")).unwrap();
        let refs = history.refs().unwrap();
        let names: Vec<_> = refs.iter().map(|r| (r.short_name(), r.kind(), r.commit)).collect();
        assert_eq!(names, [("light", RefKind::Tag, b), ("v1", RefKind::Tag, a)]);
        assert_eq!(refs[0].annotation, None);
        let said = refs[1].annotation.as_ref().unwrap();
        assert_eq!(said.message, "works\n\nreally\n");
        assert_eq!(said.tagger, Some(person()));
        assert_eq!(said.time, Some(note("").time));
        history.annotate_tag("v1", b, Expected::Any, &note("forced")).unwrap();
        assert_eq!(history.resolve("v1").unwrap(), b);
    }
}
