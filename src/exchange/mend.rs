//! Layers that are damaged or lost here, had again from where they are still whole.

use std::collections::{BTreeMap, BTreeSet};

use super::coming::{BroughtLayer, Coming, bring};
use super::error::Error;
use super::fetch::Local;
use super::needs::Holdings;
use super::source::{Carrier, Offer, Source};
use crate::digest::Digest;
use crate::progress::Progress;
use crate::remote;
use crate::store::Store;
use crate::store::catalog::{DigestMap, LayerIndex};

/// What is to be had again.
#[derive(Debug, Default)]
pub struct Loss {
    /// Contents that no sound layer here gives, with their lengths in bytes.
    pub contents: DigestMap<u64>,
    /// Layers that are damaged or not there: where they are offered, they are preferred to others with the same content.
    pub layers: BTreeSet<Digest>,
    /// What the sound layers here hold. Parts of a lost content may lie in them.
    pub sound: Vec<(Digest, LayerIndex)>,
}

/// What came.
#[derive(Debug, Default)]
pub struct Mended {
    /// Layers that came, each with the digest that is its name.
    pub brought: Vec<BroughtLayer>,
    /// Layers over there that could not be had, or are damaged there too, with the reason.
    pub failed: Vec<Error>,
}

/// Brings layers that give what is lost, and takes off the loss what they give. Each takes its place, also that of a
/// damaged one, in one step after it was found to be what its name says; one that fails leaves all as it was, and the
/// others come all the same.
pub fn mend(local: Local<'_>, source: &Source, offer: &Offer, loss: &mut Loss, progress: &dyn Progress) -> Mended {
    let mut mended = Mended::default();
    let carrier = source.carrier();
    // Those of the lost layers' own names first: what they give needs no look at others.
    let all = offer.layers.iter().map(|(digest, size)| (*digest, *size));
    let (own, others): (BTreeMap<Digest, u64>, BTreeMap<Digest, u64>) =
        all.partition(|(digest, _)| loss.layers.contains(digest));
    for offered in [own, others] {
        let Some(mut there) = indexes(&carrier, &offered, loss, &mut mended) else {
            return mended;
        };
        while !loss.contents.is_empty() {
            let mut holdings = Holdings::default();
            // Parts that are here need not come again.
            for (digest, index) in loss.sound.iter().chain(&there) {
                holdings.add(*digest, index);
            }
            let (mut layers, _) = holdings.find(&loss.contents);
            layers.retain(|digest| there.iter().any(|(offered, _)| offered == digest));
            if layers.is_empty() {
                break;
            }
            for layer in layers {
                let Some(at) = there.iter().position(|(digest, _)| *digest == layer) else {
                    continue;
                };
                let (_, index) = there.swap_remove(at);
                let size = offered.get(&layer).copied().unwrap_or_default();
                let coming = [Coming::new(layer, size, index)];
                match bring(local.dir, &carrier, &coming, progress) {
                    Ok(brought) => {
                        mended.brought.extend(brought);
                        let read = Store::cached_index(&local.dir.join("cache"), &layer);
                        let index = read.unwrap_or_else(|| coming[0].awaited.index.clone());
                        loss.sound.push((layer, index));
                    }
                    Err(error) => {
                        let is_gone = is_gone(&error);
                        mended.failed.push(error);
                        if is_gone {
                            take_off(loss);
                            return mended;
                        }
                    }
                }
            }
            take_off(loss);
        }
    }
    mended
}

/// What these layers hold, as far as they say; those that are sound here are left out. Nothing if the remote is gone.
fn indexes(
    carrier: &Carrier<'_>,
    offered: &BTreeMap<Digest, u64>,
    loss: &Loss,
    mended: &mut Mended,
) -> Option<Vec<(Digest, LayerIndex)>> {
    let mut found = Vec::new();
    if loss.contents.is_empty() {
        return Some(found);
    }
    let is_here = |digest: &Digest| loss.sound.iter().any(|(sound, _)| sound == digest);
    for (digest, size) in offered.iter().filter(|(digest, _)| !is_here(digest)) {
        match carrier.index(digest, *size) {
            Ok(index) => found.push((*digest, index)),
            Err(error) => {
                let is_gone = is_gone(&error);
                mended.failed.push(error);
                if is_gone {
                    return None;
                }
            }
        }
    }
    Some(found)
}

/// Whether the remote as a whole is of no further use, so that nobody waits for each of its layers.
fn is_gone(error: &Error) -> bool {
    use remote::Error::{Denied, NoPlace, Unreachable};
    matches!(
        error,
        Error::Remote(Unreachable { .. } | Denied { .. } | NoPlace { .. })
    )
}

/// Forgets contents that the sound layers give by now.
fn take_off(loss: &mut Loss) {
    let mut holdings = Holdings::default();
    for (digest, index) in &loss.sound {
        holdings.add(*digest, index);
    }
    loss.contents.retain(|content, _| holdings.layers_of(content).is_none());
}
