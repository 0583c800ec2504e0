//! Layers that are to come: which ones, and how they get here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use super::fetch::{Lacking, Local, each_at_once, first_layers, layer_path, store_at};
use super::incoming::{Incoming, Way};
use super::needs::{Holdings, sorted};
use super::source::{Carrier, Offer, Source};
use crate::digest::Digest;
use crate::fsx;
use crate::progress::{Phase, Progress, Silent};
use crate::store::Store;
use crate::store::arrival::{Arrival, Awaited};
use crate::store::catalog::LayerIndex;

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
        let acted = act();
        let failed_by_itself = acted.is_err() && !arrivals().any(Arrival::is_lost);
        if acted.is_err() {
            arrivals().for_each(Arrival::give_up);
        }
        let brought = bringing.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        match acted {
            Err(error) if failed_by_itself => Err(error),
            acted => Ok((brought?, acted?)),
        }
    })
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
        let digest = layer.digest();
        let (part, way, index): (PathBuf, _, _) = carrier.bring(layer, &incoming, progress)?;
        let index = index.map_err(|why| {
            Incoming::drop_part(&part);
            Error::refused(format!("the layer {} at {}", digest.short(), carrier.address()), why)
        })?;
        Incoming::place(&part, &layer_path(repo, &digest))?;
        Store::renew_index(&repo.join("cache"), &digest, &index);
        layer.awaited.arrival.is_here();
        Ok(BroughtLayer {
            digest,
            size: layer.size,
            way,
        })
    });
    progress.end();
    let mut brought = brought?;
    brought.sort_by_key(|layer| layer.digest);
    Ok(brought)
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
