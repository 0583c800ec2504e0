//! Walks the items in order: hands small files to the workers in batches, and reads large ones piece by piece.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crossbeam_channel::Sender;

use super::pieces::Pieces;
use super::{Absorbed, Body, Job, Message, Run, SMALL};
use crate::digest::Digest;
use crate::fsx::stable;
use crate::store::catalog::Recipe;
use crate::store::chunk::Cutting;

/// A batch of small files ends at this many bytes or files.
const BATCH_BYTES: u64 = 1 << 20;
const BATCH_FILES: usize = 128;

/// Feeds one run.
pub(super) struct Feeder<'a> {
    pub(super) context: &'a Run<'a>,
    pub(super) known: BTreeMap<usize, (Absorbed, u64)>,
    pub(super) jobs: Sender<(usize, Job)>,
    pub(super) results: Sender<(usize, Message)>,
    /// The place of the next message in the order.
    pub(super) sequence: usize,
}

/// The receiving side is gone: the run is over.
struct Over;

impl Feeder<'_> {
    /// Feeds all items; ends early when the run is over.
    pub(super) fn feed(mut self) {
        let _ = self.feed_all();
    }

    fn feed_all(&mut self) -> Result<(), Over> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for (at, item) in self.context.items.iter().enumerate() {
            if self.context.stop.load(Ordering::Relaxed) {
                return Err(Over);
            }
            match &item.body {
                Body::File { size, form, .. } if form.bound(*size) > SMALL => {
                    self.send_batch(&mut batch, &mut bytes)?;
                    self.large(at)?;
                }
                Body::File { size, .. } => {
                    batch.push(at);
                    bytes += size;
                }
                _ => batch.push(at),
            }
            if bytes >= BATCH_BYTES || batch.len() >= BATCH_FILES {
                self.send_batch(&mut batch, &mut bytes)?;
            }
        }
        self.send_batch(&mut batch, &mut bytes)
    }

    fn send_batch(&mut self, batch: &mut Vec<usize>, bytes: &mut u64) -> Result<(), Over> {
        if batch.is_empty() {
            return Ok(());
        }
        self.job(Job::Small(std::mem::take(batch)), std::mem::take(bytes))
    }

    fn job(&mut self, job: Job, bytes: u64) -> Result<(), Over> {
        if !self.context.window.enter(self.sequence, bytes) {
            return Err(Over);
        }
        self.jobs.send((self.sequence, job)).map_err(|_| Over)?;
        self.sequence += 1;
        Ok(())
    }

    fn tell(&mut self, message: Message) -> Result<(), Over> {
        self.results.send((self.sequence, message)).map_err(|_| Over)?;
        self.sequence += 1;
        Ok(())
    }

    fn large(&mut self, at: usize) -> Result<(), Over> {
        if let Some((absorbed, size)) = self.known.remove(&at) {
            let stored = self.context.catalog.contains(&absorbed.content.digest)
                || !self.context.claim(&absorbed.content.digest, at);
            if stored {
                self.context.progress.advance(size);
                return self.tell(Message::Known(at, absorbed));
            }
        }
        for attempt in 1.. {
            match self.stream(at) {
                Ok(()) => return Ok(()),
                Err(Stop::Over) => return Err(Over),
                Err(Stop::Torn(_)) if attempt < stable::ATTEMPTS => {}
                Err(Stop::Torn(error)) => return self.tell(Message::Failed(at, error)),
            }
        }
        Ok(())
    }

    /// One reading of a large file, which ends in `End`, `Recipe` or (for a torn one) `Abort`.
    fn stream(&mut self, at: usize) -> Result<(), Stop> {
        let Body::File { source, path, form, .. } = &self.context.items[at].body else {
            return Ok(());
        };
        let open = || Pieces::open(source, path, &**form);
        let mut pieces = open()?;
        if pieces.cutting == Cutting::ByContent && self.has_known_chunks(&open)? {
            return self.parts(at, pieces);
        }
        self.tell(Message::Begin(at, pieces.size()))?;
        let outcome = self.frames(&mut pieces).and_then(|()| pieces.finish());
        match outcome {
            Ok((sum, absorbed)) => Ok(self.tell(Message::End(at, sum, absorbed))?),
            Err(Stop::Over) => Err(Stop::Over),
            Err(torn) => {
                self.tell(Message::Abort)?;
                Err(torn)
            }
        }
    }

    fn frames(&mut self, pieces: &mut Pieces<'_>) -> Result<(), Stop> {
        while let Some(piece) = pieces.next()? {
            let bytes = piece.len() as u64;
            self.job(Job::Frame(piece), bytes)?;
        }
        Ok(())
    }

    /// Whether any chunk of a data file is stored. Reads it once more than storing alone would, only when there is
    /// something to find.
    fn has_known_chunks<'a>(&self, open: &dyn Fn() -> Result<Pieces<'a>, stable::Error>) -> Result<bool, Stop> {
        if self.context.catalog.is_empty() {
            return Ok(false);
        }
        let mut pieces = open()?;
        while let Some(piece) = pieces.next()? {
            if self.context.catalog.contains_chunk(&Digest::of(&piece)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stores only the chunks that no layer has, and the recipe.
    fn parts(&mut self, at: usize, mut pieces: Pieces<'_>) -> Result<(), Stop> {
        let mut chunks = Vec::new();
        let mut new = std::collections::HashSet::new();
        while let Some(piece) = pieces.next()? {
            let digest = Digest::of(&piece);
            chunks.push(digest);
            let bytes = piece.len() as u64;
            if self.context.catalog.contains_chunk(&digest) || !new.insert(digest) {
                self.context.progress.advance(bytes);
            } else {
                self.job(Job::Chunk(at, piece, digest), bytes)?;
            }
        }
        let size = pieces.size();
        // Torn: the chunks already sent are true content of their digests and do no harm.
        let (sum, absorbed) = pieces.finish()?;
        let recipe = Recipe {
            digest: sum.digest,
            size,
            chunks,
        };
        Ok(self.tell(Message::Recipe(at, recipe, absorbed))?)
    }
}

/// Why a large file was not read to its end.
pub(super) enum Stop {
    Over,
    Torn(stable::Error),
}

impl From<Over> for Stop {
    fn from(_: Over) -> Self {
        Self::Over
    }
}

impl From<stable::Error> for Stop {
    fn from(error: stable::Error) -> Self {
        Self::Torn(error)
    }
}
