//! The notes of what was under way, also where one of them cannot be read.
//!
//! A note has its name only when it is durable, so one that is there and makes no sense was damaged later. Nobody is left
//! stuck by that: the two notes hold the same, so one stands in for the other. Where neither is left, the live state is
//! compared with HEAD and named.

use std::io;
use std::path::{Path, PathBuf};

use super::error::{Error, files};
use super::live::Live;
use super::pending::Pending;
use super::record::changes_since;
use super::{Session, damaged};
use crate::apply::journal::Journal;
use crate::audit::{Event, Log, Point};
use crate::fsx::{self, atomic};
use crate::history::CommitId;

/// What was under way.
pub(super) struct Notes {
    /// A swap that began.
    pub(super) journal: Option<Journal>,
    /// The operation.
    pub(super) pending: Option<Pending>,
    /// What could not be read, in words.
    pub(super) illegible: Vec<String>,
    /// The file of a swap of which nothing else is known.
    lost: Option<PathBuf>,
}

impl Notes {
    /// Reads them. One that cannot be read is kept in the folder for what is damaged.
    ///
    /// # Errors
    /// When one may not be read, or cannot be kept.
    pub(super) fn read(session: &Session<'_>) -> Result<Self, Error> {
        let mut illegible = Vec::new();
        let (journal_path, pending_path) = (session.repo.journal_path(), session.repo.pending_path());
        let pending = understood(session, &pending_path, Pending::read(session), &mut illegible)?;
        let mut journal = understood(session, &journal_path, Journal::read(&journal_path), &mut illegible)?;
        if pending.is_none() && pending_path.exists() {
            fsx::remove_file(&pending_path)?;
        }
        let mut lost = None;
        if journal.is_none() && journal_path.exists() {
            match pending.as_ref().and_then(|pending| pending.swap.clone()) {
                Some(swap) => {
                    swap.seal(&journal_path)?;
                    journal = Some(swap);
                }
                None => lost = Some(journal_path),
            }
        }
        Ok(Self {
            journal,
            pending,
            illegible,
            lost,
        })
    }

    /// Names the state that is left where a note was damaged, once all is done that could be done: nothing when the
    /// live state is that of HEAD. Else it is unsettled until a checkout, or until [`refuse_unsettled`] said so.
    ///
    /// # Errors
    /// When the note cannot be taken away.
    pub(super) fn name_the_rest(
        &self,
        session: &Session<'_>,
        going_to: Option<&Point>,
    ) -> Result<Option<String>, Error> {
        if self.illegible.is_empty() {
            return Ok(None);
        }
        let head = session.repo.history().head()?.commit();
        let apart = match Live::capture(&session.viewpoint(), &Default::default()) {
            Ok(live) => differing(session, head, &live)
                .map(|count| (count > 0).then(|| format!("the live state differs from HEAD in {}", files(count)))),
            Err(error) => Ok(Some(format!("the live state cannot be compared with HEAD: {error}"))),
        }?;
        if let Some(path) = &self.lost {
            if apart.is_some() {
                self.keep_stages(session);
            }
            Journal::drop_from(path)?;
        }
        let Some(apart) = apart else {
            session.progress.warn("the live state is that of HEAD");
            return Ok(None);
        };
        let on = going_to.and_then(|to| to.name.as_ref().or(to.commit.as_ref()));
        let on = on.map_or(String::new(), |name| {
            format!("; `envgit checkout {name}` goes where that was going")
        });
        atomic::write(&session.repo.unsettled_path(), apart.as_bytes())?;
        session.progress.warn(&format!(
            "{apart}: bring its state back with `envgit checkout HEAD`, which records what is there now first{on}"
        ));
        Ok(Some(apart))
    }

    /// What a swap took out of the roots is recorded, but nobody knows now by which commit: it stays at hand.
    fn keep_stages(&self, session: &Session<'_>) {
        for root in &session.repo.config().roots {
            let stage = root.path.join(crate::snapshot::root::STAGE_DIR);
            let name = format!("stage-{}", root.name);
            if stage.symlink_metadata().is_ok()
                && let Ok(to) = damaged::move_dir_aside(&stage, &name, &damaged::folder(session))
            {
                session.progress.warn(&format!(
                    "what was taken out of {} is in {}",
                    root.path.display(),
                    to.display()
                ));
            }
        }
    }
}

fn differing(session: &Session<'_>, head: Option<CommitId>, live: &Live) -> Result<usize, Error> {
    let changes = changes_since(session, head, live)?;
    Ok(changes.roots.iter().map(|root| root.files.len()).sum())
}

/// A note, if it is there and makes sense.
fn understood<T>(
    session: &Session<'_>,
    path: &Path,
    read: Result<Option<T>, fsx::Error>,
    illegible: &mut Vec<String>,
) -> Result<Option<T>, Error> {
    let error = match read {
        Ok(note) => return Ok(note),
        // Sound, but another user's.
        Err(error) if error.source.kind() == io::ErrorKind::PermissionDenied => return Err(error.into()),
        Err(error) => error,
    };
    let kept = damaged::keep(path, &damaged::folder(session))?;
    let told = format!("{} is damaged ({})", path.display(), error.source);
    session.progress.warn(&format!(
        "{told}: the note of what an interrupted command was doing; it is kept as {}",
        kept.display()
    ));
    illegible.push(told);
    Ok(None)
}

/// A state that may be between two is not recorded unseen: the first commit is refused, and the next is meant.
pub(super) fn refuse_unsettled(session: &Session<'_>) -> Result<(), Error> {
    let Some(apart) = fsx::read_if_present(&session.repo.unsettled_path())? else {
        return Ok(());
    };
    settle(session)?;
    Err(Error::refused(
        format!(
            "{}, maybe because a checkout was interrupted; nothing was recorded",
            String::from_utf8_lossy(&apart)
        ),
        "look at it with `envgit status`; bring the state of HEAD back with `envgit checkout HEAD`, or commit again to \
         record what is there",
    ))
}

/// The live state is known again.
pub(super) fn settle(session: &Session<'_>) -> Result<(), Error> {
    match fsx::remove_file(&session.repo.unsettled_path()) {
        Err(error) if !error.is_not_found() => Err(error.into()),
        _ => Ok(()),
    }
}

/// Where the restore was going that was started and has no outcome.
pub(super) fn going_to(session: &Session<'_>) -> Result<Option<Point>, Error> {
    let log = Log::new(session.repo.dir());
    let Some(of) = log.unfinished()? else { return Ok(None) };
    let started = log.entries()?.into_iter().find(|entry| entry.id == of);
    Ok(started.and_then(|entry| match entry.event {
        Event::Started(started) => Some(started.to),
        Event::Finished(_) => None,
    }))
}
