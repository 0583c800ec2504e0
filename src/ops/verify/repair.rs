//! `verify --repair`: what is damaged is moved aside, and what can be had elsewhere is stored anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Examination, understand};
use crate::digest::Digest;
use crate::fsx::{self, Context, atomic, stable};
use crate::history::BlobId;
use crate::ops::live::Live;
use crate::ops::side::VARS;
use crate::ops::survey::Part;
use crate::ops::{Error, Session};
use crate::progress::Phase;
use crate::snapshot::content::{Form, Verbatim};
use crate::snapshot::entry::Entry;
use crate::snapshot::filelist;
use crate::store::ingest::{Body, Item};
use crate::store::salvage::Salvage;
use crate::store::verify::{Holdings, LayerCheck};
use crate::store::{Settings, Store};

/// What a repair did.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) done: Vec<String>,
    pub(super) notes: Vec<String>,
    /// Where damaged files went, if any did.
    pub(super) aside: Option<PathBuf>,
}

/// A content that no sound layer gives.
struct Wanted {
    size: u64,
    root: String,
    entry: Entry,
}

/// Repairs under the lock that the caller holds.
pub(super) fn repair(session: &mut Session<'_>, found: &Examination) -> Result<Outcome, Error> {
    let aside = session.repo.dir().join("damaged");
    let mut outcome = Outcome::default();
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
    layers(session, found, live.as_ref(), &aside, &mut outcome)?;
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
    live: Option<&Live>,
    aside: &Path,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let dir = session.repo.layers_dir();
    let mut sound: Vec<Digest> = Vec::new();
    let mut damaged: Vec<&LayerCheck> = Vec::new();
    let mut intact: Vec<&LayerCheck> = Vec::new();
    for check in &found.checks {
        if check.is_sound() {
            sound.push(check.name);
            intact.push(check);
        } else if let Some(name) = proper_name(&dir, check)? {
            outcome.done.push(format!(
                "gave layer {} its right name, {}",
                check.name.short(),
                name.short()
            ));
            sound.push(name);
            intact.push(check);
        } else {
            damaged.push(check);
        }
    }
    // Kept before anything new can take the place of one: a layer that is rebuilt may be equal to what it was.
    for check in &damaged {
        keep(&check.path, aside)?;
        outcome
            .done
            .push(format!("moved the damaged layer {} aside", check.name.short()));
    }
    let wanted = wanted(session, found, &Holdings::of(intact))?;
    let new = match wanted.is_empty() {
        true => None,
        false => store_again(session, found, live, &sound, &wanted, outcome)?,
    };
    // What could be had of them is durable elsewhere by now.
    for check in damaged.iter().filter(|check| Some(check.name) != new) {
        std::fs::remove_file(&check.path).at("remove", &check.path)?;
        let index = session.repo.dir().join("cache/index").join(check.name.to_string());
        let _ = std::fs::remove_file(index);
    }
    atomic::sync_dir(&dir)?;
    strays(session, &dir, aside, outcome)
}

/// Gives a layer of which only the name is wrong its own, if that is free.
fn proper_name(dir: &Path, check: &LayerCheck) -> Result<Option<Digest>, Error> {
    let Some(actual) = check.actual.filter(|_| check.is_misnamed()) else {
        return Ok(None);
    };
    let to = dir.join(format!("{actual}.tar.zst"));
    if to.symlink_metadata().is_ok() {
        return Ok(None);
    }
    std::fs::rename(&check.path, &to).at("rename", &check.path)?;
    atomic::sync_dir(dir)?;
    Ok(Some(actual))
}

/// Layers without a layer's name: those that are sound get theirs.
fn strays(session: &Session<'_>, dir: &Path, aside: &Path, outcome: &mut Outcome) -> Result<(), Error> {
    let (_, strays) = crate::store::verify::list(dir)?;
    for path in strays {
        if path.extension().is_none_or(|end| end != "zst") {
            continue;
        }
        let (digest, _, _) = stable::fold(&path, crate::digest::Hasher::new, |hasher, bytes| hasher.update(bytes))
            .map_err(|error| Error::refused(error.to_string(), "see what that file is, and move it away"))?;
        let name = digest.finish();
        let layer = BTreeMap::from([(name, path.clone())]);
        let checks = crate::store::verify::check(&layer, 1, session.progress);
        let to = dir.join(format!("{name}.tar.zst"));
        let told = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_layer = checks.iter().any(LayerCheck::is_sound);
        if is_layer && to.symlink_metadata().is_err() {
            std::fs::rename(&path, &to).at("rename", &path)?;
            atomic::sync_dir(dir)?;
            outcome
                .done
                .push(format!("gave {told} its name as layer {}", name.short()));
        } else {
            move_aside(&path, aside)?;
            outcome.done.push(format!("moved {told} aside"));
        }
    }
    Ok(())
}

/// All contents that inventories name and `holdings` do not give.
fn wanted(session: &Session<'_>, found: &Examination, holdings: &Holdings) -> Result<BTreeMap<Digest, Wanted>, Error> {
    let gives = |digest: &Digest, size: u64| holdings.size_of(digest) == Some(size);
    let readings = found.survey.read(session.repo.history(), |text, bytes| {
        if text.part != Part::Unit {
            return understand(text, bytes, &gives).map(|_| Vec::new());
        }
        let mut entries = filelist::decode(bytes).map_err(|error| error.to_string())?;
        entries.retain(|entry| {
            entry
                .file()
                .is_some_and(|file| file.size > 0 && !gives(&file.digest, file.size))
        });
        Ok(entries)
    })?;
    let mut wanted = BTreeMap::new();
    for (text, entries) in readings {
        for entry in entries.unwrap_or_default() {
            if let Some(file) = entry.file() {
                let (digest, size) = (file.digest, file.size);
                let root = text.root();
                wanted.entry(digest).or_insert(Wanted { size, root, entry });
            }
        }
    }
    Ok(wanted)
}

/// Stores what can be had of the wanted contents in one new layer, and tells which that is.
fn store_again(
    session: &mut Session<'_>,
    found: &Examination,
    live: Option<&Live>,
    sound: &[Digest],
    wanted: &BTreeMap<Digest, Wanted>,
    outcome: &mut Outcome,
) -> Result<Option<Digest>, Error> {
    let repo_dir = session.repo.dir().to_owned();
    let scratch = tempfile::Builder::new()
        .prefix(".draft-salvage-")
        .tempdir_in(&repo_dir)
        .at("create a directory in", &repo_dir)?;
    let verbatim: Arc<dyn Form> = Arc::new(Verbatim);
    let mut sources: BTreeMap<Digest, Source> = BTreeMap::new();
    let as_it_is = |path, told| Source {
        path,
        form: verbatim.clone(),
        told,
    };
    let mut salvage = Salvage::new(&found.checks);
    for digest in wanted.keys() {
        let path = scratch.path().join(digest.to_string());
        if salvage.write(digest, &path)? {
            sources.insert(*digest, as_it_is(path, "the layers"));
        }
    }
    for (digest, path, form) in live.into_iter().flat_map(live_files) {
        if wanted.contains_key(&digest) {
            let told = "the live files";
            sources.entry(digest).or_insert(Source { path, form, told });
        }
    }
    let missing: BTreeMap<Digest, u64> = wanted
        .iter()
        .filter(|(digest, _)| !sources.contains_key(*digest))
        .map(|(digest, wanted)| (*digest, wanted.size))
        .collect();
    if !missing.is_empty() {
        let pinned = pinned_files(&repo_dir.join("cache/pins"), &missing);
        sources.extend(
            pinned
                .into_iter()
                .map(|(digest, path)| (digest, as_it_is(path, "the pins"))),
        );
    }
    let mut items: Vec<(Digest, Item)> = Vec::new();
    for (digest, source) in &sources {
        if let Some(wanted) = wanted.get(digest) {
            items.push((*digest, item(wanted, source)));
        }
    }
    items.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    let settings = Settings {
        level: session.repo.config().layers.level,
        ..Settings::default()
    };
    let (layers, cache) = (session.repo.layers_dir(), repo_dir.join("cache"));
    let mut store = Store::open_only(&layers, &cache, settings, sound)?;
    let (digests, items): (Vec<Digest>, Vec<Item>) = items.into_iter().unzip();
    let bytes = items.iter().map(|item| match item.body {
        Body::File { size, .. } => size,
        _ => 0,
    });
    session.progress.begin(Phase::Store, Some(bytes.sum()));
    let absorption = store.absorb(&items, session.progress);
    session.progress.end();
    let absorption = absorption?;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (digest, result) in digests.iter().zip(&absorption.outcomes) {
        let is_it = matches!(result, Some(Ok(absorbed)) if absorbed.content.digest == *digest);
        if let Some(source) = sources.get(digest).filter(|_| is_it) {
            *counts.entry(source.told).or_default() += 1;
        }
    }
    let mut new = None;
    if let Some(layer) = absorption.layer {
        let facts = store.add(layer)?;
        new = Some(facts.digest);
        for (from, count) in counts {
            outcome.done.push(format!(
                "stored {} from {from} in layer {}",
                counted(count, "content"),
                facts.digest.short()
            ));
        }
    }
    let lost = wanted.len() - sources.len();
    if lost > 0 {
        outcome
            .notes
            .push(format!("{} could be had from nowhere", counted(lost as u64, "content")));
    }
    Ok(new)
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Where a content can be had.
struct Source {
    path: PathBuf,
    form: Arc<dyn Form>,
    told: &'static str,
}

fn item(wanted: &Wanted, source: &Source) -> Item {
    Item {
        name: [wanted.root.as_bytes(), b"/", wanted.entry.path.as_bytes()].concat(),
        mode: wanted.entry.mode,
        mtime: wanted.entry.mtime,
        xattrs: wanted.entry.xattrs.clone(),
        body: Body::File {
            source: source.path.clone(),
            size: wanted.size,
            path: wanted.entry.path.clone(),
            form: source.form.clone(),
        },
    }
}

/// Live files by what they hold.
fn live_files(live: &Live) -> impl Iterator<Item = (Digest, PathBuf, Arc<dyn Form>)> {
    live.roots.iter().flat_map(|root| {
        let files = root
            .state
            .entries
            .iter()
            .filter_map(|entry| Some((entry, entry.file()?)));
        files.map(|(entry, file)| (file.digest, entry.path.under(&root.root.path), root.form().clone()))
    })
}

/// Files beneath a folder of pins that hold one of these contents. A pin is a plain copy or link of a committed file;
/// what it holds is read, not believed.
fn pinned_files(pins: &Path, wanted: &BTreeMap<Digest, u64>) -> BTreeMap<Digest, PathBuf> {
    let sizes: BTreeSet<u64> = wanted.values().copied().collect();
    let mut found = BTreeMap::new();
    let mut folders = vec![pins.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(listing) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in listing.flatten() {
            let path = entry.path();
            let Ok(meta) = path.symlink_metadata() else { continue };
            if meta.is_dir() {
                folders.push(path);
            } else if meta.is_file() && sizes.contains(&meta.len()) {
                let hashed = stable::fold(&path, crate::digest::Hasher::new, |hasher, bytes| hasher.update(bytes));
                if let Ok((hasher, _, _)) = hashed {
                    let digest = hasher.finish();
                    if wanted.contains_key(&digest) {
                        found.insert(digest, path);
                    }
                }
            }
        }
    }
    found
}

/// Gives a damaged file a further name in the folder for such.
fn keep(path: &Path, aside: &Path) -> Result<(), Error> {
    fsx::create_dir_all(aside)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let to = (1..)
        .map(|n| aside.join(format!("{name}.{n}")))
        .find(|to| to.symlink_metadata().is_err())
        .unwrap_or_else(|| aside.join(&name));
    std::fs::hard_link(path, &to)
        .or_else(|_| std::fs::copy(path, &to).map(|_| ()))
        .at("keep", path)?;
    atomic::sync_file(&to)?;
    Ok(atomic::sync_dir(aside)?)
}

/// Moves a damaged file into the folder for such.
fn move_aside(path: &Path, aside: &Path) -> Result<(), Error> {
    keep(path, aside)?;
    std::fs::remove_file(path).at("remove", path)?;
    path.parent().map_or(Ok(()), atomic::sync_dir)?;
    Ok(())
}
