//! `env`: the variables of a state, so that a shell can take them over.

use std::os::unix::ffi::OsStrExt as _;

use super::error::Error;
use super::homes::Homes;
use super::report::SideName;
use super::side::Side;
use super::{Session, shell};
use crate::capture::variables::is_redacted;
use crate::relocate::Paths;
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
    let config = session.repo.config();
    let homes = Homes::of(session, side.name.commit);
    let now = shell::vars(config, &homes, &session.env);
    let mut then = side.vars;
    if shell::is_of_here(&session.repo, "PATH") {
        // It was recorded on another machine, and this one would find nothing any more.
        then.remove("PATH");
    }
    let mut report = report(side.name, &then, &now, &homes.paths(config));
    let path = session.env.iter().find(|(name, _)| name == "PATH");
    if let Some((_, value)) = report.set.iter_mut().find(|(name, _)| name == b"PATH") {
        let shell = path.map(|(_, value)| value.as_bytes()).unwrap_or_default();
        *value = shell::activation(config, &session.env).put_before(value, shell);
    }
    Ok(report)
}

fn report(side: SideName, then: &Vars, now: &Vars, paths: &Paths) -> EnvReport {
    let plain = |text: &str| unescape(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
    let secret = then.iter().filter(|(_, value)| is_redacted(value));
    let open = then.iter().filter(|(_, value)| !is_redacted(value));
    // A shell without PATH would find nothing any more.
    let gone = now.keys().filter(|name| !then.contains_key(*name) && *name != "PATH");
    EnvReport {
        set: open
            .map(|(name, value)| (plain(name), paths.live(&plain(value))))
            .collect(),
        unset: gone.map(|name| plain(name)).collect(),
        secret: secret.map(|(name, _)| plain(name)).collect(),
        side,
    }
}
