//! Where a checkout goes, and how HEAD gets there.

use std::collections::BTreeMap;

use super::{CheckoutOptions, Purpose};
use crate::apply::journal::Journal;
use crate::capture::ignored::Ignored;
use crate::capture::scan;
use crate::history::{CommitId, Expected, Head, RefName, moving};
use crate::ops::Session;
use crate::ops::diff::head;
use crate::ops::error::Error;
use crate::ops::report::Autosave;
use crate::snapshot::entry::Entry;
use crate::snapshot::root::RootName;

/// Where a checkout goes.
pub(super) struct Target {
    pub(super) commit: CommitId,
    pub(super) name: String,
    /// The branch that HEAD will be on; nothing for the commit itself.
    pub(super) branch: Option<String>,
    /// The branch is made or moved for it, if it is where this says.
    moves_branch: Option<Expected>,
    /// HEAD stays.
    pub(super) partial: bool,
    /// Where an earlier checkout is finished: what was left out of the roots before it.
    ignored_before: BTreeMap<RootName, Ignored>,
}

impl Target {
    pub(super) fn find(session: &Session<'_>, options: &CheckoutOptions, purpose: Purpose<'_>) -> Result<Self, Error> {
        let history = session.repo.history();
        let partial = !options.paths.is_empty() || !options.roots.is_empty() || !options.exact.is_empty();
        let mut commit = history.resolve(&options.rev)?;
        if let Purpose::Recovery(journal) = purpose {
            let at = |name: &String| history.resolve(RefName::branch(name).ok()?.as_str()).ok();
            let moves_branch = journal.branch.as_ref().and_then(|name| match at(name) {
                None => Some(Expected::Absent),
                Some(there) => (journal.forward && there != commit).then_some(Expected::Is(there)),
            });
            return Ok(Self {
                commit,
                name: journal.name.clone(),
                moves_branch,
                branch: journal.branch.clone(),
                partial: journal.partial,
                ignored_before: ignored_before(journal)?,
            });
        }
        if let Purpose::LiveOnly = purpose {
            return Ok(Self {
                commit,
                name: options.rev.clone(),
                branch: None,
                moves_branch: None,
                partial: true,
                ignored_before: BTreeMap::new(),
            });
        }
        if let Some(branch) = &options.forward {
            let there = history.resolve(RefName::branch(branch)?.as_str())?;
            return Ok(Self {
                commit,
                name: branch.clone(),
                branch: Some(branch.clone()),
                moves_branch: Some(Expected::Is(there)),
                partial: false,
                ignored_before: BTreeMap::new(),
            });
        }
        if let Some(branch) = &options.branch {
            RefName::branch(branch)?;
            if partial {
                return Err(Error::refused(
                    "a branch cannot be made by bringing back a part",
                    "leave out -b, or the paths and roots",
                ));
            }
            if history.has_branch(branch)? {
                return Err(Error::refused(
                    format!("the branch {branch} exists already"),
                    format!("choose another name, or go there: envgit checkout {branch}"),
                ));
            }
        }
        if let (false, None, Some(tag)) = (partial, &options.branch, history.tag_beside_branch(&options.rev)?) {
            // As with git, whose other verbs mean the tag.
            commit = history.resolve(RefName::branch(&options.rev)?.as_str())?;
            let (name, tag) = (&options.rev, tag.as_str());
            session.progress.warn(&format!(
                "{name} is a branch and a tag; the branch is taken, the tag is {tag}"
            ));
        }
        let branch = match &options.branch {
            Some(branch) => Some(branch.clone()),
            None => history.has_branch(&options.rev)?.then(|| options.rev.clone()),
        };
        let name = match (&branch, options.rev.as_str()) {
            (None, "HEAD" | "@") => head(history)?.detached_from,
            _ => None,
        };
        Ok(Self {
            commit,
            name: name.unwrap_or_else(|| options.rev.clone()),
            branch,
            moves_branch: options.branch.as_ref().map(|_| Expected::Absent),
            partial,
            ignored_before: BTreeMap::new(),
        })
    }

    /// Whether something was left out of its root before an earlier checkout that is finished now: that one was not to
    /// touch it, whatever the rules say that it brought.
    pub(super) fn was_left_out(&self, root: &RootName, entry: &Entry) -> bool {
        let ignored = self.ignored_before.get(root);
        ignored.is_some_and(|ignored| ignored.leaves_out(&entry.path, entry.is_dir()))
    }

    /// What the next command needs to finish the swap.
    pub(super) fn journal(
        &self,
        session: &Session<'_>,
        options: &CheckoutOptions,
        autosave: Option<&Autosave>,
    ) -> Result<Journal, Error> {
        let mut ignored = BTreeMap::new();
        for root in &session.repo.config().roots {
            let text = Ignored::text(&root.path).map_err(scan::Error::from)?;
            if !text.is_empty() {
                ignored.insert(root.name.clone(), text);
            }
        }
        Ok(Journal {
            target: self.commit.to_string(),
            name: self.name.clone(),
            branch: self.branch.clone(),
            forward: options.forward.is_some(),
            partial: self.partial,
            before: autosave.map(|autosave| autosave.commit.to_string()),
            roots: options.roots.clone(),
            paths: options.paths.clone(),
            exact: options.exact.clone(),
            ignored,
            cwd: options.cwd.clone(),
        })
    }

    pub(super) fn move_head(&self, session: &Session<'_>) -> Result<(), Error> {
        if self.partial {
            return Ok(());
        }
        let history = session.repo.history();
        let now = head(history)?;
        let from = now.branch.or(now.detached_from).unwrap_or_default();
        let to = self.branch.as_ref().unwrap_or(&self.name);
        let note = session.note(moving(&from, to));
        match &self.branch {
            Some(branch) => {
                let name = RefName::branch(branch)?;
                if let Some(expected) = self.moves_branch {
                    history.set_ref(&name, self.commit, expected, &note)?;
                }
                // A branch that HEAD is on was moved with HEAD.
                let is_there = matches!(history.head()?, Head::Branch { name, .. } if name == *branch);
                if !(is_there && matches!(self.moves_branch, Some(Expected::Is(_)))) {
                    history.attach_head(&name, &note)?;
                }
            }
            None => history.detach_head(self.commit, Expected::Any, &note)?,
        }
        Ok(())
    }
}

fn ignored_before(journal: &Journal) -> Result<BTreeMap<RootName, Ignored>, Error> {
    let parse = |(root, text): (&RootName, &String)| match Ignored::parse(text) {
        Ok(ignored) => Ok((root.clone(), ignored)),
        Err(bad) => Err(Error::refused(
            format!("the note of an interrupted checkout names patterns that are none: {bad}"),
            "to give it up: envgit checkout HEAD --discard",
        )),
    };
    journal.ignored.iter().map(parse).collect()
}
