//! Services that stand still while something changes.

use super::Session;
use super::error::Error;
use crate::fsx::{self, atomic};
use crate::service::Place;

/// Services that were stopped and have to be started again. A note on disk says so too, for the case of a crash.
#[must_use]
pub(super) struct Pause(());

/// Where the user's commands run.
pub(super) fn place<'a>(session: &'a Session<'_>) -> Place<'a> {
    Place {
        cwd: session.repo.project(),
        env: &session.env,
    }
}

impl Pause {
    /// Stops what is configured, if anything. When that fails, all is started again.
    pub(super) fn begin(session: &Session<'_>) -> Result<Option<Self>, Error> {
        let services = &session.repo.config().services;
        if !services.is_configured() {
            return Ok(None);
        }
        let path = session.repo.pause_path();
        if let Some(dir) = path.parent() {
            fsx::create_dir_all(dir)?;
        }
        atomic::write(&path, format!("{}\n", services.names().join("\n")).as_bytes())?;
        let pause = Self(());
        match services.stop(place(session)) {
            Ok(()) => Ok(Some(pause)),
            Err(failure) => {
                if let Some(problem) = pause.end(session) {
                    session.progress.warn(&problem);
                }
                Err(failure.into())
            }
        }
    }

    /// Starts it again; says what went wrong with that.
    pub(super) fn end(self, session: &Session<'_>) -> Option<String> {
        let started = session.repo.config().services.start(place(session));
        let path = session.repo.pause_path();
        let removed = fsx::remove_file(&path);
        match (started, removed) {
            (Ok(()), Ok(())) => None,
            (Err(failure), _) => Some(format!("a service was not started again: {failure}")),
            (Ok(()), Err(error)) => Some(error.to_string()),
        }
    }
}

/// Starts what an interrupted command left stopped.
pub(super) fn end_interrupted(session: &Session<'_>) {
    if !session.repo.pause_path().exists() {
        return;
    }
    session
        .progress
        .warn("services were stopped by an envgit that was interrupted; starting them again");
    if let Some(problem) = Pause(()).end(session) {
        session.progress.warn(&problem);
    }
}
