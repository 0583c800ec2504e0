//! Signing what is about to be written.

use super::Session;
use super::error::Error;
use crate::service::Place;
use crate::service::ssh::{self, SigningKey};

/// The signature of a commit or tag, as armored text.
///
/// # Errors
/// [`Error::Signing`] shows what ssh-keygen said.
pub(super) fn sign(session: &Session<'_>, key: &SigningKey, payload: &[u8]) -> Result<String, Error> {
    ssh::sign(place(session), key, payload).map_err(Error::Signing)
}

/// Where ssh-keygen runs.
pub(super) fn place<'a>(session: &'a Session<'_>) -> Place<'a> {
    Place {
        cwd: session.repo.project(),
        env: &session.env,
    }
}
