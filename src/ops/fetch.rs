//! `fetch`: brings what another repository has and this one lacks.

use super::error::Error;
use super::operations::{Done, OperationKind, Watch};
use super::remotes::{chosen, source};
use super::{Session, recover};
use crate::config::Editor;
use crate::exchange::Memory;
use crate::exchange::coming::{self, BroughtLayer};
use crate::exchange::fetch::{self, Local, RefUpdate};

/// What to bring.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    /// The remote; that of the current branch when absent.
    pub remote: Option<String>,
    /// Also the layers that anything here lacks.
    pub missing: bool,
    /// Forget branches that are no longer there.
    pub prune: bool,
}

/// What came.
#[derive(Clone, Debug)]
pub struct FetchReport {
    /// The remote's name.
    pub remote: String,
    /// Where it is.
    pub address: String,
    /// Refs that moved.
    pub refs: Vec<RefUpdate>,
    /// Packs of the history, and their bytes.
    pub packs: u64,
    /// Bytes of these.
    pub pack_bytes: u64,
    /// Layers.
    pub layers: Vec<BroughtLayer>,
    /// Only the history was asked for.
    pub history_only: bool,
}

impl FetchReport {
    /// Nothing came and nothing moved.
    pub fn is_empty(&self) -> bool {
        self.refs.is_empty() && self.layers.is_empty()
    }
}

/// Fetches.
///
/// # Errors
/// What the remote said, or what it has that is refused. No ref moved then.
pub fn fetch(session: &mut Session<'_>, options: &FetchOptions) -> Result<FetchReport, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    recover::finish_interrupted(session)?;
    let watch = Watch::begin(session)?;
    let report = perform(session, options)?;
    watch.end(
        session,
        Done::refs(OperationKind::Fetch, format!("fetch {}", report.remote)),
    )?;
    Ok(report)
}

/// Fetches under the lock.
pub(super) fn perform(session: &mut Session<'_>, options: &FetchOptions) -> Result<FetchReport, Error> {
    let remote = chosen(session, options.remote.as_deref())?;
    let from = source(&remote.url, &session.env)?;
    let memory = Memory::of(session.repo.dir(), &remote.name);
    let offer = from.offer(Some(&memory))?;
    let local = Local {
        history: session.repo.history(),
        dir: session.repo.dir(),
    };
    let objects = fetch::objects(local, &from, &offer, session.progress)?;
    let history_only = remote.history_only && !options.missing;
    let mut layers = Vec::new();
    if !history_only {
        let lacking = fetch::lacking(local, &objects.beyond)?;
        layers = coming::layers(local, &from, &offer, &lacking, session.progress)?;
    }
    let note = session.note(format!("fetch {}", remote.name));
    let refs = fetch::track(local, &remote.name, &offer, options.prune, &note)?;
    if options.missing {
        let lacking = fetch::lacking_of_all(local)?;
        layers.extend(coming::layers(local, &from, &offer, &lacking, session.progress)?);
        if remote.history_only {
            let mut editor = Editor::open(&session.repo.config_path())?;
            editor.set_history_only(&remote.name, false)?;
            editor.save()?;
        }
    }
    fetch::remember(&memory, &offer)?;
    session.repo.forget_layers();
    Ok(FetchReport {
        remote: remote.name,
        address: from.address().to_owned(),
        refs,
        packs: objects.packs,
        pack_bytes: objects.bytes,
        layers,
        history_only,
    })
}
