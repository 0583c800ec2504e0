//! The first half of a clone: the history comes, and what is to be done is found out.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::interpreter::{self, Interpreter};
use super::places::{self, Recorded};
use super::revision::{chosen, refs_of};
use super::{Asker, CloneOptions, ClonePlan, Cloner, RootPlace, preflight};
use crate::capture::system;
use crate::config::Config;
use crate::exchange::fetch::{self, Local};
use crate::exchange::{Offer, Source};
use crate::history::History;
use crate::ops::error::Error;
use crate::ops::side::Side;
use crate::ops::{side, signatures};
use crate::service::Place;
use crate::snapshot::facts::Manifest;
use crate::snapshot::path::unescape;

/// Brings the history, and finds out what is to be done.
pub(super) fn prepare(
    options: &CloneOptions,
    cloner: &Cloner<'_>,
    asker: &mut dyn Asker,
    from: &Source,
    dir: &Path,
) -> Result<(ClonePlan, Offer), Error> {
    let offer = from.offer(None)?;
    let history = History::open(&dir.join("history"))?;
    let local = Local { history: &history, dir };
    let objects = fetch::objects(local, from, &offer, cloner.progress)?;
    let lacking = fetch::lacking(local, &objects.beyond)?;
    let layers = match options.history_only {
        true => Vec::new(),
        false => fetch::first_layers(local, &offer, &lacking),
    };
    let layer_bytes = layers.iter().map(|(_, size)| size).sum();
    // The folder of the clone is not there yet with --dry-run.
    let place = options.here.project.ancestors().find(|place| place.is_dir());
    let is_near = from.is_near(&layers, place.unwrap_or(dir));
    // Following refs need layers: they are made when these are there. Only names are looked up here.
    let (name, branch, commit) = chosen(&history, &offer, options.rev.as_deref())?;
    if let Some(allowed) = &options.verify {
        // The folder of the clone is not there yet with --dry-run.
        let here = dir;
        let place = Place {
            cwd: here,
            env: &cloner.env,
        };
        let refs = refs_of(&history, &offer)?;
        signatures::of_refs(&history, place, allowed, &refs, Some((&name, commit)))?.into_result()?;
    }
    let side = Side::of_commit(&history, commit, &name)?;
    let manifest = side::manifest_of(&history, commit)?;
    let mut roots = places_of(&manifest, options)?;
    let is_settled = settle(&mut roots, dir)?;
    if !is_settled && roots.iter().any(|root| !root.is_given) && !asker.places(&mut roots, &preflight::refusal) {
        return Err(Error::Declined);
    }
    let here = system::facts(Path::new("/"));
    let mut plan = ClonePlan {
        address: from.address().to_owned(),
        project: options.here.project.clone(),
        branch,
        name,
        commit,
        short: history.short(commit),
        subject: history.commit_info(commit)?.subject().to_owned(),
        refs: offer.refs.len(),
        layers: layers.len(),
        layer_bytes,
        is_near,
        history_only: options.history_only,
        roots,
        obstacles: Vec::new(),
        findings: preflight::findings(&history, commit, &here)?,
        dry_run: options.dry_run,
    };
    if !is_settled {
        plan.obstacles = preflight::obstacles(&plan, &side, &options.here.project, &here)?;
    }
    Ok((plan, offer))
}

/// Takes the places that an earlier try settled on, where it came so far that they may hold files already.
fn settle(roots: &mut [RootPlace], dir: &Path) -> Result<bool, Error> {
    if !dir.join("format.json").exists() {
        return Ok(false);
    }
    let config = Config::load(&dir.join(crate::config::FILE_NAME))?;
    for root in roots.iter_mut() {
        let Some(settled) = config.root(root.name.as_str()) else {
            continue;
        };
        if root.is_given && root.path != settled.path {
            return Err(Error::refused(
                format!(
                    "this clone was begun before with {} at {}",
                    root.name,
                    settled.path.display()
                ),
                "finish it there, or remove the folder of the clone and begin anew",
            ));
        }
        root.path = settled.path.clone();
    }
    Ok(true)
}

/// The roots of a commit with a place for each.
fn places_of(manifest: &Manifest, options: &CloneOptions) -> Result<Vec<RootPlace>, Error> {
    for (at, (name, _)) in options.roots.iter().enumerate() {
        if options.roots[..at].iter().any(|(before, _)| before == name) {
            return Err(Error::refused(format!("two places are named for {name}"), "name one"));
        }
        if !manifest.roots.keys().any(|known| known.as_str() == name) {
            return Err(Error::NoSuchRoot {
                name: name.clone(),
                known: manifest.roots.keys().map(ToString::to_string).collect(),
            });
        }
    }
    let home = |text: &str| unescape(text.as_bytes()).map(|bytes| PathBuf::from(bytes_to_os(bytes)));
    let recorded: Vec<Recorded> = manifest
        .roots
        .iter()
        .map(|(name, facts)| Recorded {
            name: name.clone(),
            kind: facts.kind,
            home: home(&facts.home).unwrap_or_default(),
        })
        .collect();
    let proposed = places::propose(&recorded, &options.here);
    let roots = manifest.roots.iter().zip(recorded).zip(proposed);
    Ok(roots
        .map(|(((name, facts), recorded), proposed)| {
            let (base, lacks) = match interpreter::find(facts, &options.here) {
                Interpreter::Same => (None, None),
                Interpreter::Elsewhere(dir) => (Some(dir), None),
                Interpreter::Missing(name) => (None, Some(name)),
            };
            let given = options.roots.iter().find(|(given, _)| given == name.as_str());
            RootPlace {
                name: name.clone(),
                kind: facts.kind,
                policy: facts.policy,
                home: recorded.home,
                path: given.map_or(proposed, |(_, path)| path.clone()),
                files: facts.files,
                bytes: facts.bytes,
                is_given: given.is_some(),
                base,
                lacks,
            }
        })
        .collect())
}

pub(super) fn bytes_to_os(bytes: Vec<u8>) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(bytes)
}
