//! Where a new commit goes: after which commit, on which branch, under which tags.

use super::CommitOptions;
use crate::compare::describe;
use crate::history::{CommitId, Expected, Head, RefKind, RefName, moving};
use crate::ops::Session;
use crate::ops::diff::head;
use crate::ops::error::Error;
use crate::ops::pathspec::Selection;
use crate::ops::side::{Side, compare};

/// Where a new commit goes.
pub(super) struct Place {
    /// The commit that HEAD is at.
    pub(super) at: Option<CommitId>,
    /// What the new commit follows.
    pub(super) parents: Vec<CommitId>,
    /// The message of the commit that goes, if it is amended.
    pub(super) message_before: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) starts_branch: bool,
}

impl Place {
    /// The branch that HEAD is on; else one that is named, or derived from the place that HEAD is at, so that nobody
    /// is left on no branch. Names are checked before anything is written.
    pub(super) fn choose(session: &Session<'_>, options: &CommitOptions) -> Result<Self, Error> {
        let history = session.repo.history();
        let refs = history.refs()?;
        for tag in &options.tags {
            let name = RefName::tag(tag)?;
            if refs.iter().any(|known| known.name == name) {
                return Err(Error::refused(
                    format!("the tag {tag} exists already"),
                    format!("choose another name, or move it: envgit tag -f {tag}"),
                ));
            }
        }
        let exists = |name: &str| {
            refs.iter()
                .any(|known| known.name.as_str() == format!("refs/heads/{name}"))
        };
        if let Some(branch) = &options.branch {
            RefName::branch(branch)?;
            if exists(branch) {
                return Err(Error::refused(
                    format!("the branch {branch} exists already"),
                    "choose another name",
                ));
            }
        }
        let head = history.head()?;
        let at = head.commit();
        let (branch, starts_branch) = match (&options.branch, head) {
            (Some(branch), Head::Unborn { .. }) => (branch.clone(), false),
            (Some(branch), _) => (branch.clone(), true),
            (None, Head::Unborn { branch } | Head::Branch { name: branch, .. }) => (branch, false),
            (None, Head::Detached { commit, from }) => {
                let from = from.filter(|name| RefName::branch(name).is_ok() && !commit.to_string().starts_with(name));
                let base = from.map_or_else(|| history.short(commit), |name| name.replace('/', "-"));
                let free = (1..).map(|n| format!("{base}-{n}")).find(|name| !exists(name));
                (free.unwrap_or(base), true)
            }
        };
        let amended = match (options.amend, at) {
            (false, _) => None,
            (true, Some(at)) => Some(history.commit_info(at)?),
            (true, None) => {
                return Err(Error::refused(
                    "there is no commit to amend yet",
                    "record the first one with: envgit commit",
                ));
            }
        };
        let (parents, message_before) = match amended {
            Some(amended) => (amended.parents, Some(amended.message)),
            None => (Vec::from_iter(at), None),
        };
        Ok(Self {
            at,
            parents,
            message_before,
            branch: Some(branch),
            starts_branch,
        })
    }

    /// What the new commit shall say; nothing where its changes shall tell. A message that told the changes of the
    /// commit that goes does not tell those of the new one.
    pub(super) fn message(&self, session: &Session<'_>, options: &CommitOptions) -> Result<Option<String>, Error> {
        let (Some(before), Some(at)) = (&self.message_before, self.at) else {
            return Ok(options.message.clone());
        };
        if options.message.is_some() {
            return Ok(options.message.clone());
        }
        let history = session.repo.history();
        let Some(parent) = self.parents.first() else {
            return Ok(Some(before.clone()));
        };
        let (from, to) = (
            Side::of_commit(history, *parent, "")?,
            Side::of_commit(history, at, "")?,
        );
        let told = describe(&compare(&from, &to, &Selection::default())?);
        Ok((told.trim_end() != before.trim_end()).then(|| before.clone()))
    }

    /// Tags that stay at the commit that goes.
    pub(super) fn left_behind(&self, session: &Session<'_>) -> Result<Option<String>, Error> {
        let Some(at) = self.at.filter(|_| self.message_before.is_some()) else {
            return Ok(None);
        };
        let refs = session.repo.history().refs()?.into_iter();
        let tags = refs.filter(|known| known.kind() == RefKind::Tag && known.commit == at);
        let names: Vec<String> = tags.map(|tag| tag.short_name().to_owned()).collect();
        Ok((!names.is_empty()).then(|| {
            let names = names.join(" ");
            format!("still at the commit before: {names}; move a tag with: envgit tag -f NAME")
        }))
    }

    /// Moves the refs to the new commit.
    pub(super) fn publish(
        &self,
        session: &Session<'_>,
        commit: CommitId,
        message: &str,
        tags: &[String],
    ) -> Result<(), Error> {
        let history = session.repo.history();
        let subject = message.lines().next().unwrap_or_default();
        let kind = match (self.at, &self.message_before) {
            (None, _) => "commit (initial)",
            (_, Some(_)) => "commit (amend)",
            _ => "commit",
        };
        let note = session.note(format!("{kind}: {subject}"));
        if let Some(branch) = &self.branch {
            let name = RefName::branch(branch)?;
            if self.starts_branch {
                let before = head(history)?;
                let from = before.branch.or(before.detached_from).unwrap_or_default();
                history.set_ref(&name, self.at.unwrap_or(commit), Expected::Absent, &note)?;
                history.attach_head(&name, &session.note(moving(&from, branch)))?;
            } else if self.at.is_none() {
                history.attach_head(&name, &note)?;
            }
        }
        history.move_branch_head(commit, self.at.map_or(Expected::Absent, Expected::Is), &note)?;
        self.tag(session, commit, tags)
    }

    /// Nothing changed, so the tags go to the commit that is there.
    pub(super) fn tag_head(&self, session: &Session<'_>, tags: &[String]) -> Result<(), Error> {
        self.at.map_or(Ok(()), |commit| self.tag(session, commit, tags))
    }

    fn tag(&self, session: &Session<'_>, commit: CommitId, tags: &[String]) -> Result<(), Error> {
        for tag in tags {
            let note = session.note(format!("tag: {tag}"));
            session
                .repo
                .history()
                .set_ref(&RefName::tag(tag)?, commit, Expected::Absent, &note)?;
        }
        Ok(())
    }
}
