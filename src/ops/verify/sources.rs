//! Where lost contents can still be had on this machine, and how they are stored anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::repair::Outcome;
use super::{Examination, understand};
use crate::digest::Digest;
use crate::fsx::{Context, stable};
use crate::ops::live::Live;
use crate::ops::survey::Part;
use crate::ops::{Error, Session};
use crate::progress::Phase;
use crate::snapshot::content::{Form, Verbatim};
use crate::snapshot::entry::Entry;
use crate::snapshot::filelist;
use crate::snapshot::finding::thousands;
use crate::store::ingest::{Body, Item};
use crate::store::salvage::Salvage;
use crate::store::verify::Holdings;
use crate::store::{Settings, Store};

/// A content that no sound layer gives.
pub(super) struct Wanted {
    /// Its length in bytes.
    pub(super) size: u64,
    root: String,
    entry: Entry,
}

/// All contents that inventories name and `holdings` do not give.
pub(super) fn wanted(
    session: &Session<'_>,
    found: &Examination,
    holdings: &Holdings,
) -> Result<BTreeMap<Digest, Wanted>, Error> {
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

/// Where wanted contents can be had on this machine.
pub(super) struct Sources {
    /// What was put together of the sound parts of damaged layers.
    _scratch: Option<tempfile::TempDir>,
    found: BTreeMap<Digest, Source>,
}

impl Sources {
    /// Looks in the layers, damaged or not, then among the live files, then in the pins.
    pub(super) fn of(
        session: &Session<'_>,
        found: &Examination,
        live: Option<&Live>,
        wanted: &BTreeMap<Digest, Wanted>,
    ) -> Result<Self, Error> {
        if wanted.is_empty() {
            return Ok(Self {
                _scratch: None,
                found: BTreeMap::new(),
            });
        }
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
        Ok(Self {
            _scratch: Some(scratch),
            found: sources,
        })
    }

    /// Whether a content can be had.
    pub(super) fn have(&self, digest: &Digest) -> bool {
        self.found.contains_key(digest)
    }
}

/// Stores what can be had of the wanted contents in one new layer, and tells which that is.
pub(super) fn store_again(
    session: &mut Session<'_>,
    sources: &Sources,
    sound: &[Digest],
    wanted: &BTreeMap<Digest, Wanted>,
    outcome: &mut Outcome,
) -> Result<Option<Digest>, Error> {
    let repo_dir = session.repo.dir().to_owned();
    let mut items: Vec<(Digest, Item)> = Vec::new();
    for (digest, wanted) in wanted {
        if let Some(source) = sources.found.get(digest) {
            items.push((*digest, item(wanted, source)));
        }
    }
    items.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    let settings = Settings {
        level: session.repo.config().layers.level,
        ..Settings::default()
    };
    let (layers, cache) = (session.repo.layers_dir(), repo_dir.join("cache"));
    let mut store = Store::open_only(&layers, &cache, settings, sound);
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
        if let Some(source) = sources.found.get(digest).filter(|_| is_it) {
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
    let lost = wanted.keys().filter(|digest| !sources.have(digest)).count();
    if lost > 0 {
        outcome
            .notes
            .push(format!("{} could be had from nowhere", counted(lost as u64, "content")));
    }
    Ok(new)
}

fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
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
