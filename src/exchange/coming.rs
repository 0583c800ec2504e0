//! Layers that are to come: which ones, and how they get here.

use std::path::Path;
use std::sync::Arc;

use super::error::Error;
use super::fetch::{Lacking, Local, each_at_once, first_layers, layer_path, store_at};
use super::incoming::{self, Incoming, Part, Way, digest_of, otherwise};
use super::needs::{Holdings, sorted};
use super::source::{Carrier, Offer, Source};
use crate::digest::Digest;
use crate::fsx;
use crate::progress::{Phase, Progress, Silent};
use crate::store::Store;
use crate::store::arrival::{Arrival, Awaited};
use crate::store::catalog::LayerIndex;
use crate::store::verify::check_rest;

/// A layer that is to come.
pub struct Coming {
    /// Its length.
    pub size: u64,
    /// What it holds, and how far it has come.
    pub awaited: Awaited,
}

/// A layer that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroughtLayer {
    /// Its digest.
    pub digest: Digest,
    /// Its length.
    pub size: u64,
    /// How it came.
    pub way: Way,
}

impl Coming {
    pub(super) fn new(digest: Digest, size: u64, index: LayerIndex) -> Self {
        let arrival = Arc::new(Arrival::default());
        Self {
            size,
            awaited: Awaited { digest, index, arrival },
        }
    }

    pub(super) fn digest(&self) -> Digest {
        self.awaited.digest
    }
}

/// The layers that are to come for what is lacking: those that its commits wrote, and where they do not hold all of it,
/// those of other commits that do. Only what they say of themselves is read.
///
/// # Errors
/// A layer that says nothing sensible; contents that no layer over there holds.
pub fn foresee(local: Local<'_>, source: &Source, offer: &Offer, lacking: &Lacking) -> Result<Vec<Coming>, Error> {
    let carrier = source.carrier();
    let first = first_layers(local, offer, lacking);
    let mut coming = announced(&carrier, &first)?;
    // Parts may lie in layers that are here already.
    let store = local.store()?;
    let mut holdings = Holdings::default();
    for (digest, index) in store.catalog().layers() {
        holdings.add(*digest, index);
    }
    for layer in &coming {
        holdings.add(layer.digest(), &layer.awaited.index);
    }
    let (_, contents) = holdings.find(lacking.contents());
    if contents.is_empty() {
        return Ok(coming);
    }
    // Content that an older commit, maybe of another branch, had stored.
    let mut rest: Vec<(Digest, u64)> = offer.layers.iter().map(|(digest, size)| (*digest, *size)).collect();
    rest.retain(|layer| !layer_path(local.dir, &layer.0).exists() && !first.contains(layer));
    let others = announced(&carrier, &rest)?;
    for layer in &others {
        holdings.add(layer.digest(), &layer.awaited.index);
    }
    let (layers, nowhere) = holdings.find(&contents);
    if !nowhere.is_empty() {
        return Err(Error::Lacking {
            place: source.address().to_owned(),
            contents: sorted(&nowhere),
        });
    }
    coming.extend(others.into_iter().filter(|layer| layers.contains(&layer.digest())));
    Ok(coming)
}

/// Whether it can be foreseen for little: not where every look at a layer brings all of it.
///
/// # Errors
/// What the other side said.
pub fn is_foreseeable(local: Local<'_>, source: &Source, offer: &Offer, lacking: &Lacking) -> Result<bool, Error> {
    match first_layers(local, offer, lacking).first() {
        Some((digest, _)) => source.carrier().gives_parts(digest),
        None => Ok(true),
    }
}

/// Layers with what they say that they hold.
fn announced(carrier: &Carrier<'_>, layers: &[(Digest, u64)]) -> Result<Vec<Coming>, Error> {
    let announced = |(digest, size): &(Digest, u64)| Ok(Coming::new(*digest, *size, carrier.index(digest, *size)?));
    let mut coming = each_at_once(layers, announced)?;
    coming.sort_by_key(Coming::digest);
    Ok(coming)
}

/// Brings the layers that hold what is lacking.
///
/// # Errors
/// A layer that is refused; contents that no layer over there holds. What came is kept.
pub fn layers(
    local: Local<'_>,
    source: &Source,
    offer: &Offer,
    lacking: &Lacking,
    progress: &dyn Progress,
) -> Result<Vec<BroughtLayer>, Error> {
    let carrier = source.carrier();
    // Mostly these are all, and then nothing of them need be read twice.
    let first = first_layers(local, offer, lacking).into_iter();
    let first: Vec<Coming> = first
        .map(|(digest, size)| Coming::new(digest, size, LayerIndex::default()))
        .collect();
    let mut brought = bring(local.dir, &carrier, &first, progress)?;
    let lacking = still_lacking(local.dir, lacking)?;
    let second = match lacking.is_empty() {
        true => return Ok(brought),
        false => foresee(local, source, offer, &lacking)?,
    };
    brought.extend(bring(local.dir, &carrier, &second, progress)?);
    check_complete(local.dir, source.address(), &lacking)?;
    Ok(brought)
}

/// Brings layers, while somebody uses what has come of them. Whoever does must wait for all of them by
/// [`Store::settle`] before anything is final.
///
/// # Errors
/// What failed first: [`layers`] or `act`. What came is kept.
pub fn layers_while<T, E: From<Error>>(
    local: Local<'_>,
    source: &Source,
    coming: &[Coming],
    lacking: &Lacking,
    act: impl FnOnce() -> Result<T, E>,
) -> Result<(Vec<BroughtLayer>, T), E> {
    let arrivals = || coming.iter().map(|layer| &*layer.awaited.arrival);
    let (dir, carrier, address) = (local.dir, source.carrier(), source.address());
    std::thread::scope(|scope| {
        let bringing = scope.spawn(|| {
            let over = Over(coming);
            let brought = bring(dir, &carrier, coming, &Silent);
            drop(over);
            brought.and_then(|brought| check_complete(dir, address, lacking).map(|()| brought))
        });
        let left = Left(coming);
        let acted = act();
        let failed_by_itself = acted.is_err() && !arrivals().any(Arrival::is_lost);
        if acted.is_err() {
            arrivals().for_each(Arrival::give_up);
        }
        drop(left);
        let brought = bringing.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        let error = match acted {
            Ok(acted) => return Ok((brought?, acted)),
            Err(error) => error,
        };
        // What is wrong with what came says more than that it could not be used.
        Err(match (refuse_flawed(dir, &carrier, coming)?, brought) {
            (Some(refused), _) => refused.into(),
            (None, Err(lost)) if !failed_by_itself => lost.into(),
            _ => error,
        })
    })
}

/// Drops what was found wrong of layers that came or are half here, so that they come anew. Says of one what.
fn refuse_flawed(repo: &Path, carrier: &Carrier<'_>, coming: &[Coming]) -> Result<Option<Error>, Error> {
    let incoming = Incoming::open(repo)?;
    let mut refused = None;
    for layer in coming {
        if let Some(why) = layer.awaited.arrival.flaw() {
            let part = incoming.part(&layer.digest());
            refused.get_or_insert(refuse(carrier, layer, &part, why));
        }
    }
    Ok(refused)
}

/// However the reading ends, nobody waits for what will not be told.
struct Left<'a>(&'a [Coming]);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|layer| layer.awaited.arrival.leave());
    }
}

/// However the bringing ends, nobody waits for what will not come.
struct Over<'a>(&'a [Coming]);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|layer| layer.awaited.arrival.is_over());
    }
}

/// What is lacking by now.
fn still_lacking(repo: &Path, lacking: &Lacking) -> Result<Lacking, Error> {
    let store = store_at(repo)?;
    Ok(lacking.without(|content| store.catalog().contains(content)))
}

/// All that was lacking is here.
fn check_complete(repo: &Path, address: &str, lacking: &Lacking) -> Result<(), Error> {
    let lacking = still_lacking(repo, lacking)?;
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Error::Lacking {
        place: address.to_owned(),
        contents: sorted(lacking.contents()),
    })
}

/// Brings layers. Each takes its place once it is what its digest says.
pub(super) fn bring(
    repo: &Path,
    carrier: &Carrier<'_>,
    layers: &[Coming],
    progress: &dyn Progress,
) -> Result<Vec<BroughtLayer>, Error> {
    if layers.is_empty() {
        return Ok(Vec::new());
    }
    let incoming = Incoming::open(repo)?;
    let far = layers.iter().filter(|layer| !carrier.is_near(&layer.digest(), repo));
    check_space(repo, far.map(|layer| layer.size).sum())?;
    progress.begin(Phase::Receive, Some(layers.iter().map(|layer| layer.size).sum()));
    let brought = each_at_once(layers, |layer| {
        let (part, index) = carrier.bring(layer, &incoming, progress)?;
        let index = index.map_err(|why| refuse(carrier, layer, &part.path, why))?;
        let came = Came { layer, part, index };
        match came.part.is_checked {
            true => came.place(repo).map(Brought::Here),
            false => Ok(Brought::Open(came)),
        }
    });
    progress.end();
    let mut done = Vec::with_capacity(layers.len());
    for brought in brought? {
        done.push(match brought {
            Brought::Here(layer) => layer,
            // Only now, for who tells of one may be waiting for another.
            Brought::Open(came) => {
                check_by_parts(carrier, &came)?;
                came.place(repo)?
            }
        });
    }
    done.sort_by_key(|layer| layer.digest);
    Ok(done)
}

/// A layer that came, and what is known of it.
enum Brought<'a> {
    Here(BroughtLayer),
    /// What is in it is not checked yet.
    Open(Came<'a>),
}

/// A layer that came and has no place yet.
struct Came<'a> {
    layer: &'a Coming,
    part: Part,
    index: LayerIndex,
}

impl Came<'_> {
    fn place(self, repo: &Path) -> Result<BroughtLayer, Error> {
        let digest = self.layer.digest();
        Incoming::place(&self.part.path, &layer_path(repo, &digest))?;
        Store::renew_index(&repo.join("cache"), &digest, &self.index);
        self.layer.awaited.arrival.is_here();
        Ok(BroughtLayer {
            digest,
            size: self.layer.size,
            way: self.part.way,
        })
    }
}

/// Checks what whoever read the layer did not read of it, or all of it by its digest where nobody did.
fn check_by_parts(carrier: &Carrier<'_>, came: &Came<'_>) -> Result<(), Error> {
    let (layer, path) = (came.layer, &came.part.path);
    let arrival = &layer.awaited.arrival;
    let flaw = match arrival.right() {
        Some(right) => check_rest(path, &came.index, right).err(),
        None if !arrival.is_wanted() => {
            Incoming::drop_part(path);
            let layer = layer.digest();
            return Err(crate::store::Error::Lost { layer }.into());
        }
        None => otherwise(&digest_of(path, &Silent)?, &layer.digest()),
    };
    flaw.map_or(Ok(()), |why| Err(refuse(carrier, layer, path, why)))
}

/// Drops what came of a layer, and says why.
fn refuse(carrier: &Carrier<'_>, layer: &Coming, part: &Path, why: String) -> Error {
    let what = format!("the layer {}", layer.digest().short());
    incoming::refuse(part, &what, &carrier.address(), why)
}

fn check_space(repo: &Path, needed: u64) -> Result<(), Error> {
    let free = fsx::free_space(repo)?;
    if needed <= free {
        return Ok(());
    }
    Err(Error::NoSpace {
        place: repo.display().to_string(),
        needed,
        free,
    })
}
