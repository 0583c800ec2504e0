//! Fetching: what another repository has and this one lacks.
//!
//! ```text
//! offer ─► objects ─► examine ─► layers ─► structure ─► refs
//! ```
//!
//! Objects and layers that came are complete and durable before a ref moves, and nothing of them is used before it was
//! checked. Whatever was cut off goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::error::Error;
use super::memory::Memory;
use super::needs::{Needs, haves};
use super::source::{Offer, Source};
use crate::digest::Digest;
use crate::history::{Beyond, BlobId, Expected, History, Note, ObjectId, RefError, RefKind, RefName};
use crate::progress::{Phase, Progress};
use crate::store::catalog::DigestMap;
use crate::store::{Settings, Store};

/// The repository here: its history and its own directory.
#[derive(Clone, Copy)]
pub struct Local<'a> {
    /// Its history.
    pub history: &'a History,
    /// Its own directory (`…/.envgit`).
    pub dir: &'a Path,
}

impl Local<'_> {
    pub(super) fn layers(&self) -> PathBuf {
        self.dir.join("layers")
    }

    fn layer(&self, digest: &Digest) -> PathBuf {
        layer_path(self.dir, digest)
    }

    /// The layers that are here.
    pub(super) fn store(&self) -> Result<Store, Error> {
        store_at(self.dir)
    }
}

/// The layers that are in a repository.
pub(super) fn store_at(repo: &Path) -> Result<Store, Error> {
    let layers = repo.join("layers");
    Ok(Store::open(&layers, &repo.join("cache"), Settings::default())?)
}

/// Where a layer lies in a repository.
pub(super) fn layer_path(repo: &Path, digest: &Digest) -> PathBuf {
    repo.join("layers").join(format!("{digest}.tar.zst"))
}

/// Objects that came.
#[derive(Debug)]
pub struct Objects {
    /// What they are.
    pub beyond: Beyond,
    /// Packs that were read.
    pub packs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is lacking of layers.
#[derive(Debug, Default)]
pub struct Lacking {
    contents: DigestMap<u64>,
    /// Layers that the commits themselves wrote.
    named: BTreeSet<Digest>,
}

impl Lacking {
    /// Nothing is lacking.
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }

    /// Without some contents.
    pub(super) fn without(&self, is_here: impl Fn(&Digest) -> bool) -> Self {
        let contents = self.contents.iter().filter(|(content, _)| !is_here(content));
        Self {
            contents: contents.map(|(content, size)| (*content, *size)).collect(),
            named: self.named.clone(),
        }
    }

    /// The contents with their lengths.
    pub(super) fn contents(&self) -> &DigestMap<u64> {
        &self.contents
    }

    /// How many contents are lacking.
    pub fn len(&self) -> usize {
        self.contents.len()
    }
}

/// What became of a ref here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It was not there.
    New,
    /// It went on to a later commit.
    Forward,
    /// It went elsewhere.
    Forced,
    /// The other side no longer has it.
    Pruned,
    /// A tag of that name is here and means something else; it stays.
    Kept,
}

/// A ref here that follows one of another repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// Its full name here.
    pub name: RefName,
    /// Where it was.
    pub from: Option<ObjectId>,
    /// Where it is, or with [`Moved::Kept`] would have gone.
    pub to: Option<ObjectId>,
    /// What became of it.
    pub moved: Moved,
}

/// Brings the objects that the offered refs lead to, and examines all that is new. No ref moves.
///
/// # Errors
/// What is missing or refused.
pub fn objects(local: Local<'_>, source: &Source, offer: &Offer, progress: &dyn Progress) -> Result<Objects, Error> {
    let mut wants: Vec<ObjectId> = offer.refs.values().copied().collect();
    wants.sort_unstable();
    wants.dedup();
    let haves = haves(local.history)?;
    progress.begin(Phase::Receive, None);
    let brought = source.bring_objects(offer, &wants, &haves, local.history, local.dir, progress);
    progress.end();
    let (packs, bytes) = brought?;
    let beyond = local.history.examine(&wants, &haves).map_err(|error| {
        let why = crate::history::told(&error);
        Error::refused(format!("the history at {}", source.address()), why)
    })?;
    for (name, id) in &offer.refs {
        let leads_to = local.history.commit_of(*id)?;
        let must_be_commit = name.starts_with("refs/heads/");
        let is_commit = leads_to.is_some_and(|commit| ObjectId::from(commit) == *id);
        if leads_to.is_none() || (must_be_commit && !is_commit) {
            return Err(Error::refused(
                format!("{name} at {}", source.address()),
                format!("{id} is no commit"),
            ));
        }
    }
    Ok(Objects { beyond, packs, bytes })
}

/// Contents that these inventories need and no layer here holds.
///
/// # Errors
/// An inventory that makes no sense, or a layer here that cannot be read.
pub fn lacking(local: Local<'_>, beyond: &Beyond) -> Result<Lacking, Error> {
    lacking_of(local, &beyond.files)
}

/// The same of these files of inventories, by path.
///
/// # Errors
/// As [`lacking`].
pub fn lacking_of(local: Local<'_>, files: &[(Vec<u8>, BlobId)]) -> Result<Lacking, Error> {
    let Needs { mut contents, layers } = Needs::of(local.history, files)?;
    let store = local.store()?;
    contents.retain(|digest, _| !store.catalog().contains(digest));
    Ok(Lacking {
        contents,
        named: layers,
    })
}

/// The same of everything that the refs here lead to.
///
/// # Errors
/// What is damaged.
pub fn lacking_of_all(local: Local<'_>) -> Result<Lacking, Error> {
    let beyond = local.history.beyond(&haves(local.history)?, &[])?;
    lacking(local, &beyond)
}

/// The layers that will be got first for what is lacking, with their lengths.
pub fn first_layers(local: Local<'_>, offer: &Offer, lacking: &Lacking) -> Vec<(Digest, u64)> {
    if lacking.is_empty() {
        return Vec::new();
    }
    let new = lacking.named.iter().filter(|digest| !local.layer(digest).exists());
    new.filter_map(|digest| Some((*digest, *offer.layers.get(digest)?)))
        .collect()
}

/// So many objects are read from a remote at once.
const AT_ONCE: usize = 4;

/// Does something with each of some things, several at once, until one fails.
pub(super) fn each_at_once<'t, T: Sync, R: Send>(
    things: &'t [T],
    act: impl Fn(&'t T) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let queue = Mutex::new(things.iter());
    let done = Mutex::new(Vec::with_capacity(things.len()));
    let failed = Mutex::new(None);
    let next = || {
        let has_failed = failed.lock().map_or(true, |failed| failed.is_some());
        let mut queue = queue.lock().ok()?;
        if has_failed { None } else { queue.next() }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(things.len()) {
            scope.spawn(|| {
                while let Some(thing) = next() {
                    match act(thing) {
                        Ok(result) => {
                            if let Ok(mut done) = done.lock() {
                                done.push(result);
                            }
                        }
                        Err(error) => {
                            if let Ok(mut failed) = failed.lock() {
                                failed.get_or_insert(error);
                            }
                        }
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_default() {
        Some(error) => Err(error),
        None => Ok(done.into_inner().unwrap_or_default()),
    }
}

/// Lets the refs here follow the offered ones: branches as `refs/remotes/REMOTE/…`, tags that are new. All they need
/// must be here.
///
/// # Errors
/// Names the ref that cannot be moved; those before it were.
pub fn track(local: Local<'_>, remote: &str, offer: &Offer, prune: bool, note: &Note) -> Result<Vec<RefUpdate>, Error> {
    let history = local.history;
    let known = history.refs()?.into_iter();
    let known: BTreeMap<RefName, ObjectId> = known
        .filter(|known| matches!(known.kind(), RefKind::Remote | RefKind::Tag))
        .map(|known| (known.name, known.object.into()))
        .collect();
    let mut updates = Vec::new();
    let mut wanted = BTreeSet::new();
    for (name, id) in &offer.refs {
        let parsed = RefName::new(name)?;
        let (name, is_tag) = match parsed.kind() {
            RefKind::Branch => (RefName::remote(remote, parsed.short_name())?, false),
            _ => (parsed, true),
        };
        wanted.insert(name.clone());
        let from = known.get(&name).copied();
        let moved = match from {
            None => Moved::New,
            Some(from) if from == *id => continue,
            Some(_) if is_tag => Moved::Kept,
            Some(from) => match (history.commit_of(from)?, history.commit_of(*id)?) {
                (Some(from), Some(to)) if history.is_ancestor(from, to)? => Moved::Forward,
                _ => Moved::Forced,
            },
        };
        updates.push(RefUpdate {
            name,
            from,
            to: Some(*id),
            moved,
        });
    }
    let mine = format!("refs/remotes/{remote}/");
    let is_stale = |name: &RefName| name.as_str().starts_with(&mine) && !wanted.contains(name);
    for (name, id) in known.iter().filter(|(name, _)| is_stale(name)) {
        // A name that is gone may be in the way of a new one.
        let clashes = wanted.iter().any(|new| {
            let (short, long) = match new.as_str().len() < name.as_str().len() {
                true => (new.as_str(), name.as_str()),
                false => (name.as_str(), new.as_str()),
            };
            long.strip_prefix(short).is_some_and(|rest| rest.starts_with('/'))
        });
        if prune || clashes {
            history.delete_ref(name, Expected::Any)?;
            updates.push(RefUpdate {
                name: name.clone(),
                from: Some(*id),
                to: None,
                moved: Moved::Pruned,
            });
        }
    }
    for update in &updates {
        if let (Some(to), false) = (update.to, update.moved == Moved::Kept) {
            set(history, &update.name, to, note)?;
        }
    }
    Ok(updates)
}

/// Moves a ref to an object.
pub(super) fn set(history: &History, name: &RefName, to: ObjectId, note: &Note) -> Result<(), RefError> {
    let object = crate::history::CommitId::from_bytes(*to.as_bytes());
    history.restore_ref(name, object, Expected::Any, note)
}

/// Remembers what was offered, once all of it is here.
///
/// # Errors
/// Names the file.
pub fn remember(memory: &Memory, offer: &Offer) -> Result<(), Error> {
    match offer.seen {
        Some(seen) => memory.remember(seen),
        None => Ok(()),
    }
}
