//! `verify --repair`: what is damaged is moved aside, and what can be had elsewhere is stored anew.
//!
//! ```text
//! right names ─► objects ─► what is lost ─► sources here ─► remotes, for what these lack ─► layers
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::Examination;
use super::elsewhere::fetch_lost;
use super::names::right_names;
use super::report::Fetched;
use super::sources::{Sources, store_again, wanted};
use crate::digest::Digest;
use crate::fsx::{Context, atomic};
use crate::history::BlobId;
use crate::ops::damaged::{self, keep};
use crate::ops::live::Live;
use crate::ops::side::VARS;
use crate::ops::{Error, Session};
use crate::store::verify::{Holdings, LayerCheck};

/// What a repair did.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) done: Vec<String>,
    pub(super) notes: Vec<String>,
    /// Layers that came from remotes.
    pub(super) fetched: Vec<Fetched>,
    /// Where damaged files went, if any did.
    pub(super) aside: Option<PathBuf>,
    /// Damaged layers that have a further name there, by name and digest: another file may get the name.
    kept: BTreeSet<(Digest, Option<Digest>)>,
}

impl Outcome {
    /// Keeps a damaged layer in the folder for such, unless it is there already.
    pub(super) fn keep(&mut self, check: &LayerCheck, aside: &Path) -> Result<(), Error> {
        if self.kept.insert((check.name, check.actual)) {
            keep(&check.path, aside)?;
            self.done
                .push(format!("kept the damaged layer {} aside", check.name.short()));
        }
        Ok(())
    }
}

/// Repairs under the lock that the caller holds.
pub(super) fn repair(session: &mut Session<'_>, found: &Examination) -> Result<Outcome, Error> {
    let aside = damaged::folder(session);
    let mut outcome = Outcome::default();
    let named = match right_names(session, found, &aside, &mut outcome)? {
        true => Some(Examination::of(session)?),
        false => None,
    };
    let found = named.as_ref().unwrap_or(found);
    let live = match Live::capture(&session.viewpoint(), &Default::default()) {
        Ok(live) => Some(live),
        Err(error) => {
            outcome.notes.push(format!("the live state was of no help: {error}"));
            None
        }
    };
    let mut again = None;
    if let Some(live) = &live
        && objects(session, found, live, &aside, &mut outcome)?
    {
        // A file list that is back may name contents that nobody asked for before.
        again = Some(Examination::of(session)?);
    }
    let found = again.as_ref().unwrap_or(found);
    let intact = found.checks.iter().filter(|check| check.is_sound());
    let lost = wanted(session, found, &Holdings::of(intact))?;
    let sources = Sources::of(session, found, live.as_ref(), &lost)?;
    match fetch_lost(session, found, &lost, &sources, &aside, &mut outcome)? {
        // What came may make layers whole of which it has parts.
        true => layers(session, &Examination::of(session)?, &sources, &aside, &mut outcome)?,
        false => layers(session, found, &sources, &aside, &mut outcome)?,
    }
    if aside.symlink_metadata().is_ok() {
        outcome.aside = Some(aside);
    }
    Ok(outcome)
}

/// Writes objects anew that the live state tells. Whether any was.
fn objects(
    session: &Session<'_>,
    found: &Examination,
    live: &Live,
    aside: &Path,
    outcome: &mut Outcome,
) -> Result<bool, Error> {
    let mut wanted: BTreeSet<[u8; 20]> = found.survey.flaws.iter().filter_map(|flaw| flaw.id).collect();
    wanted.extend(found.bad_texts.keys().map(|id| *id.as_bytes()));
    if wanted.is_empty() {
        return Ok(false);
    }
    let is_wanted = |id: BlobId| wanted.contains(id.as_bytes());
    let mut blobs: HashMap<BlobId, Vec<u8>> = live.new_texts(&BTreeMap::new(), |id| !is_wanted(id))?;
    let mut files = live.inventory.clone();
    let mut vars = serde_json::to_vec_pretty(&live.vars).unwrap_or_default();
    vars.push(b'\n');
    files.insert(VARS.to_vec(), BlobId::of(&vars));
    blobs.insert(BlobId::of(&vars), vars);
    let history = session.repo.history();
    let written = history.write_again(&wanted, blobs, &files, aside)?;
    for id in &written {
        let id = BlobId::from_bytes(*id);
        outcome
            .done
            .push(format!("wrote object {id} of the history anew from the live state"));
    }
    Ok(!written.is_empty())
}

/// Puts sound layers in the place of damaged ones.
fn layers(
    session: &mut Session<'_>,
    found: &Examination,
    sources: &Sources,
    aside: &Path,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let dir = session.repo.layers_dir();
    let (intact, damaged): (Vec<&LayerCheck>, Vec<&LayerCheck>) =
        found.checks.iter().partition(|check| check.is_sound());
    let sound: Vec<Digest> = intact.iter().map(|check| check.name).collect();
    // Kept before anything new can take the place of one: a layer that is rebuilt may be equal to what it was.
    for check in &damaged {
        outcome.keep(check, aside)?;
    }
    let wanted = wanted(session, found, &Holdings::of(intact))?;
    let new = match wanted.is_empty() {
        true => None,
        false => store_again(session, sources, &sound, &wanted, outcome)?,
    };
    // What could be had of them is durable elsewhere by now.
    for check in damaged.iter().filter(|check| Some(check.name) != new) {
        std::fs::remove_file(&check.path).at("remove", &check.path)?;
        let index = session.repo.dir().join("cache/index").join(check.name.to_string());
        let _ = std::fs::remove_file(index);
    }
    atomic::sync_dir(&dir)?;
    Ok(())
}
