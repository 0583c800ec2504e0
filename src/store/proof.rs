//! Whether the frames that a layer lists for a content make that content.
//!
//! Every frame has a digest of its own, but which frames make a file is only what the layer says. A layer that was
//! written or verified here has been found right; one that came from elsewhere could list other frames under the digest
//! of a file of another layer. So contents of such layers are hashed as a whole while they are read, and their frames
//! are not hashed a second time.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};

use crate::digest::{Digest, Hasher};
use crate::fsx::aligned::Aligned;

/// The digest of one content, from pieces that come in nearly their order.
///
/// The thread that brings the piece whose turn it is hashes it and all that follow; others leave theirs and go on.
#[derive(Default)]
pub(super) struct Proof {
    chain: Mutex<Chain>,
    /// A piece was hashed.
    moved: Condvar,
}

/// A frame's worth of the content.
pub(super) struct Piece {
    /// Where it stands.
    pub(super) offset: u64,
    /// What it is.
    pub(super) bytes: Aligned,
    /// The digest of the frame that it was.
    pub(super) digest: Digest,
}

/// What the pieces show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They make the content.
    Proven,
    /// They do not.
    Refuted,
    /// They came too far from their order to tell what they make. The first `hashed` bytes have the digest `prefix`; the
    /// pieces of all others are what their own digests say.
    Open { hashed: u64, prefix: Digest },
}

#[derive(Default)]
struct Chain {
    next: u64,
    hasher: Hasher,
    /// A thread has the hasher in hand.
    is_busy: bool,
    /// Pieces whose turn has not come.
    waiting: BTreeMap<u64, Piece>,
    /// Their bytes.
    held: usize,
    /// There were too many.
    is_lost: bool,
    /// A piece was not what its own digest says.
    is_refuted: bool,
}

/// How many bytes may wait for a thread that is hashing.
const AHEAD: usize = 32 << 20;

/// How many bytes may wait for their turn: a layer holds the frames of a file in order, a file in parts need not.
const MOST: usize = 64 << 20;

impl Proof {
    /// Takes a piece.
    pub(super) fn take(&self, piece: Piece) {
        let Ok(chain) = self.chain.lock() else { return };
        let is_ahead = |chain: &mut Chain| chain.is_busy && !chain.is_lost && chain.held > AHEAD;
        let Ok(mut chain) = self.moved.wait_while(chain, is_ahead) else {
            return;
        };
        chain.held += piece.bytes.room();
        chain.waiting.insert(piece.offset, piece);
        if chain.is_lost || chain.held > MOST {
            self.give_up(chain);
        } else if !chain.is_busy {
            self.advance(chain);
        }
    }

    /// Hashes what waits, as far as nothing is missing between.
    fn advance<'a>(&'a self, mut chain: MutexGuard<'a, Chain>) {
        chain.is_busy = true;
        let mut hasher = std::mem::take(&mut chain.hasher);
        while let Some(piece) = {
            let next = chain.next;
            chain.waiting.remove(&next)
        } {
            drop(chain);
            hasher.update(&piece.bytes);
            let Ok(locked) = self.chain.lock() else { return };
            chain = locked;
            chain.next += piece.bytes.len() as u64;
            chain.held = chain.held.saturating_sub(piece.bytes.room());
            self.moved.notify_all();
        }
        chain.hasher = hasher;
        chain.is_busy = false;
        self.moved.notify_all();
    }

    /// Checks what waits piece by piece: the whole is to be hashed otherwise.
    fn give_up<'a>(&'a self, mut chain: MutexGuard<'a, Chain>) {
        chain.is_lost = true;
        chain.held = 0;
        let waiting = std::mem::take(&mut chain.waiting);
        self.moved.notify_all();
        drop(chain);
        let is_sound = waiting.values().all(|piece| Digest::of(&piece.bytes) == piece.digest);
        if let (false, Ok(mut chain)) = (is_sound, self.chain.lock()) {
            chain.is_refuted = true;
        }
    }

    /// What the pieces showed, when all have come that will.
    pub(super) fn finish(self, digest: &Digest, size: u64) -> Verdict {
        let Ok(chain) = self.chain.into_inner() else {
            return Verdict::Refuted;
        };
        if chain.is_lost && !chain.is_refuted {
            let (hashed, prefix) = (chain.next, chain.hasher.finish());
            return Verdict::Open { hashed, prefix };
        }
        match !chain.is_refuted && chain.next == size && chain.hasher.finish() == *digest {
            true => Verdict::Proven,
            false => Verdict::Refuted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fsx::aligned::Pool;

    fn piece(offset: u64, bytes: &[u8]) -> Piece {
        let mut buffer = Pool::default().take(bytes.len());
        buffer.copy_from_slice(bytes);
        Piece {
            offset,
            bytes: buffer,
            digest: Digest::of(bytes),
        }
    }

    #[test]
    fn pieces_in_any_order_make_the_whole() {
        let whole = b"abcdefgh";
        let proof = || {
            let proof = Proof::default();
            for at in [2, 6, 0, 4] {
                proof.take(piece(at, &whole[at as usize..][..2]));
            }
            proof
        };
        assert_eq!(proof().finish(&Digest::of(whole), 8), Verdict::Proven);
        assert_eq!(proof().finish(&Digest::of(b"abcdefgx"), 8), Verdict::Refuted);
        assert_eq!(proof().finish(&Digest::of(whole), 9), Verdict::Refuted);
        assert_eq!(Proof::default().finish(&Digest::of(whole), 8), Verdict::Refuted);
    }

    #[test]
    fn pieces_far_from_their_order_are_checked_one_by_one() {
        let far = vec![0; MOST / 2 + 1];
        let lost = |last: Piece| {
            let proof = Proof::default();
            proof.take(piece(0, b"a"));
            proof.take(piece(2, &far));
            proof.take(piece(2 + far.len() as u64, &far));
            proof.take(last);
            proof.finish(&Digest::of(b"whatever"), 9)
        };
        let prefix = Digest::of(b"a");
        assert_eq!(lost(piece(5, b"b")), Verdict::Open { hashed: 1, prefix });
        let other = Piece {
            digest: Digest::of(b"c"),
            ..piece(5, b"b")
        };
        assert_eq!(lost(other), Verdict::Refuted);
        let early = Proof::default();
        early.take(Piece {
            digest: Digest::of(b"c"),
            ..piece(2, &far)
        });
        early.take(piece(2 + far.len() as u64, &far));
        assert_eq!(early.finish(&Digest::of(b"whatever"), 9), Verdict::Refuted);
    }

    #[test]
    fn many_threads_bring_pieces_of_one_content() {
        let whole: Vec<u8> = (0..40_u32 << 20).map(|at| (at >> 12) as u8).collect();
        let pieces: Vec<(usize, &[u8])> = whole.chunks(64 << 10).enumerate().collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let proof = Proof::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some((at, bytes)) = pieces.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                        proof.take(piece((at * (64 << 10)) as u64, bytes));
                    }
                });
            }
        });
        let digest = Digest::of(&whole);
        assert_eq!(proof.finish(&digest, whole.len() as u64), Verdict::Proven);
    }
}
