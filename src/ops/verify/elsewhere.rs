//! What nothing on this machine gives back, asked for at the remotes.

use std::collections::BTreeMap;
use std::path::Path;

use super::Examination;
use super::repair::Outcome;
use super::report::Fetched;
use super::sources::{Sources, Wanted};
use crate::digest::Digest;
use crate::exchange::fetch::Local;
use crate::exchange::mend::{Loss, Mended, mend};
use crate::ops::remotes::source;
use crate::ops::{Error, Session};
use crate::store::verify::LayerCheck;

/// Brings layers from the remotes, in the order of the configuration, until all is there that `sources` cannot give.
/// Whether any layer came. A remote that is of no help is noted, and the next one asked.
pub(super) fn fetch_lost(
    session: &mut Session<'_>,
    found: &Examination,
    wanted: &BTreeMap<Digest, Wanted>,
    sources: &Sources,
    aside: &Path,
    outcome: &mut Outcome,
) -> Result<bool, Error> {
    let mut loss = Loss::default();
    let lost = wanted.iter().filter(|(digest, _)| !sources.have(digest));
    loss.contents
        .extend(lost.map(|(digest, wanted)| (*digest, wanted.size)));
    let mut remotes: Vec<_> = session.repo.config().remotes.values().cloned().collect();
    remotes.sort_by_key(|remote| remote.place);
    if loss.contents.is_empty() || remotes.is_empty() {
        return Ok(false);
    }
    let written = found.written.keys();
    loss.layers
        .extend(written.filter(|layer| !found.checks.iter().any(|check| check.name == **layer)));
    for check in &found.checks {
        match (has_its_bytes(check), check.actual, &check.index) {
            (true, Some(name), Some(index)) => loss.sound.push((name, index.clone())),
            _ => {
                loss.layers.insert(check.name);
            }
        }
    }
    // What comes may take the place of any of them.
    for check in found.checks.iter().filter(|check| loss.layers.contains(&check.name)) {
        outcome.keep(check, aside)?;
    }
    let local = Local {
        history: session.repo.history(),
        dir: session.repo.dir(),
    };
    for remote in remotes {
        if loss.contents.is_empty() {
            break;
        }
        let asked = source(&remote.url, &session.env).and_then(|from| {
            // A remote that was set back may still have them; what comes is known by its digest.
            let offer = from.offer(None)?;
            Ok((mend(local, &from, &offer, &mut loss, session.progress), from))
        });
        let (Mended { brought, failed }, from) = match asked {
            Ok(asked) => asked,
            Err(error) => {
                outcome.notes.push(format!(
                    "the remote {} was of no help: {error}; once it answers, run `envgit verify --repair` again",
                    remote.name
                ));
                continue;
            }
        };
        for layer in brought {
            outcome.fetched.push(Fetched {
                layer: layer.digest,
                size: layer.size,
                remote: remote.name.clone(),
                address: from.address().to_owned(),
            });
        }
        let failed = failed.iter();
        outcome
            .notes
            .extend(failed.map(|error| format!("not from the remote {}: {error}", remote.name)));
    }
    session.repo.forget_layers();
    Ok(!outcome.fetched.is_empty())
}

/// Whether the file is what its name promises, even if parts of its files are missing in other layers. One that has
/// another layer's name is not: what comes would take its place.
fn has_its_bytes(check: &LayerCheck) -> bool {
    check.actual == Some(check.name)
}
