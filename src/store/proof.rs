//! Whether the frames that a layer lists for a content make that content.
//!
//! Every frame is checked against its own digest, but which frames make a file is only what the layer says. A layer
//! that was written or verified here has been found right; one that came from elsewhere could list other frames under
//! the digest of a file of another layer. So contents of such layers are hashed as a whole while they are read.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::digest::{Digest, Hasher};

/// The digest of one content, from pieces that come in nearly their order.
#[derive(Default)]
pub(super) struct Proof(Mutex<Chain>);

#[derive(Default)]
struct Chain {
    next: u64,
    hasher: Hasher,
    /// Pieces that came before their turn: those that other threads have in hand.
    early: BTreeMap<u64, Vec<u8>>,
    /// Their bytes.
    held: usize,
    /// There were too many.
    is_lost: bool,
}

/// How many bytes may wait for their turn: a layer holds the frames of a file in order, a file in parts need not.
const MOST: usize = 64 << 20;

impl Proof {
    /// Takes the piece that stands at `offset`.
    pub(super) fn piece(&self, offset: u64, bytes: &[u8]) {
        let Ok(mut chain) = self.0.lock() else { return };
        if chain.is_lost {
            return;
        }
        if offset != chain.next {
            chain.held += bytes.len();
            chain.early.insert(offset, bytes.to_vec());
            if chain.held > MOST {
                chain.is_lost = true;
                chain.early.clear();
            }
            return;
        }
        chain.take(bytes);
        while let Some(bytes) = {
            let next = chain.next;
            chain.early.remove(&next)
        } {
            chain.held -= bytes.len();
            chain.take(&bytes);
        }
    }

    /// Whether all pieces up to `size` came and make the content; nothing when too many came too early to tell.
    pub(super) fn finish(self, digest: &Digest, size: u64) -> Option<bool> {
        let chain = self.0.into_inner().unwrap_or_default();
        (!chain.is_lost).then(|| chain.next == size && chain.hasher.finish() == *digest)
    }
}

impl Chain {
    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.next += bytes.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order_make_the_whole() {
        let whole = b"abcdefgh";
        let proof = || {
            let proof = Proof::default();
            for at in [2, 6, 0, 4] {
                proof.piece(at, &whole[at as usize..][..2]);
            }
            proof
        };
        assert_eq!(proof().finish(&Digest::of(whole), 8), Some(true));
        assert_eq!(proof().finish(&Digest::of(b"abcdefgx"), 8), Some(false));
        assert_eq!(proof().finish(&Digest::of(whole), 9), Some(false));
        assert_eq!(Proof::default().finish(&Digest::of(whole), 8), Some(false));
        let lost = Proof::default();
        lost.piece(1, &vec![0; MOST + 1]);
        assert_eq!(lost.finish(&Digest::of(whole), 8), None);
    }
}
