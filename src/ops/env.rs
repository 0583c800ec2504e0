//! `env`: the variables of a state, so that a shell can take them over.

use super::Session;
use super::error::Error;
use super::report::SideName;
use super::side::Side;
use crate::capture::variables::{self, is_redacted};
use crate::snapshot::facts::Vars;
use crate::snapshot::path::unescape;

/// The variables of a state, as against those of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvReport {
    /// The state.
    pub side: SideName,
    /// Variables to set: name and value.
    pub set: Vec<(Vec<u8>, Vec<u8>)>,
    /// Variables that are set now and were not then.
    pub unset: Vec<Vec<u8>>,
    /// Variables whose value is a secret, so that it was not recorded, or not as a whole.
    pub secret: Vec<Vec<u8>>,
}

/// The recorded variables of a revision.
///
/// # Errors
/// An unknown revision.
pub fn env(session: &Session<'_>, rev: &str) -> Result<EnvReport, Error> {
    let history = session.repo.history();
    let side = Side::of_commit(history, history.resolve(rev)?, rev)?;
    let now = variables::collect(session.env.iter().cloned(), &session.repo.config().vars);
    Ok(report(side.name, &side.vars, &now))
}

fn report(side: SideName, then: &Vars, now: &Vars) -> EnvReport {
    let plain = |text: &str| unescape(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
    let secret = then.iter().filter(|(_, value)| is_redacted(value));
    let open = then.iter().filter(|(_, value)| !is_redacted(value));
    // A shell without PATH would find nothing any more.
    let gone = now.keys().filter(|name| !then.contains_key(*name) && *name != "PATH");
    EnvReport {
        set: open.map(|(name, value)| (plain(name), plain(value))).collect(),
        unset: gone.map(|name| plain(name)).collect(),
        secret: secret.map(|(name, _)| plain(name)).collect(),
        side,
    }
}
