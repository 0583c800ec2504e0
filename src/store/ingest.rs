//! Reads files and writes their content into a layer: one pass, all cores, bounded memory, deterministic result.
//!
//! ```text
//! feeder ──► small batches, large files' frames ──► workers (read, hash, compress) ──► writer (in order)
//! ```
//!
//! The feeder reads and hashes large files piece by piece; workers take whole small files. Everything carries its
//! place in the order, and the writer puts it back in order, so equal input gives an equal layer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crc_fast::{CrcAlgorithm, Digest as Crc};
use crossbeam_channel::{Receiver, Sender};

use super::catalog::{CHUNK_DIR, Catalog, DigestMap, RECIPE_DIR, Recipe};
use super::chunk::Cutting;
use super::frame::{MAX_FRAME, Press};
use super::tarball::{Member, MemberKind};
use super::window::Window;
use super::writer::{LayerWriter, PressedFrame, Sum};
use super::{Error, Settings};
use crate::digest::Digest;
use crate::fsx::stable::{self, StableFile};
use crate::fsx::stamp::Stamp;
use crate::fsx::{Context, Error as IoError};
use crate::progress::Progress;
use crate::snapshot::content::{Content, ContentSum};
use crate::snapshot::entry::Xattr;

/// One member of the layer to be, in the order of the tar.
#[derive(Clone, Debug)]
pub struct Item {
    /// Full name in the tar: `<root>/<path>`.
    pub name: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Nanoseconds since 1970.
    pub mtime: i64,
    /// Extended attributes.
    pub xattrs: Vec<Xattr>,
    /// What it is.
    pub body: Body,
}

/// What an [`Item`] is.
#[derive(Clone, Debug)]
pub enum Body {
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink(Vec<u8>),
    /// Another name of an earlier item.
    Link(Vec<u8>),
    /// A regular file to be read.
    File {
        /// Where it is.
        source: PathBuf,
        /// Its length when it was listed.
        size: u64,
        /// The prefix to look for in it.
        prefix: std::sync::Arc<[u8]>,
    },
}

/// What became known of a file by reading it.
#[derive(Clone, Debug)]
pub struct Absorbed {
    /// What it holds.
    pub content: Content,
    /// The stamp under which it was read.
    pub stamp: Stamp,
}

/// What became of each item; nothing for what is no file.
pub type Outcomes = Vec<Option<Result<Absorbed, stable::Error>>>;

/// From the workers and the feeder to the writer.
enum Message {
    Small(Vec<(usize, Result<Small, stable::Error>)>),
    Begin(usize, u64),
    Frame(PressedFrame),
    End(usize, Sum, Absorbed),
    Abort,
    Known(usize, Absorbed),
    Chunk(usize, PressedFrame, u64),
    Recipe(usize, Recipe, Absorbed),
    Failed(usize, stable::Error),
    Broken(IoError),
}

struct Small {
    absorbed: Absorbed,
    crc: u64,
    /// Nothing when the content is stored already.
    frame: Option<PressedFrame>,
}

/// From the feeder to the workers.
enum Job {
    Small(Vec<usize>),
    Frame(Vec<u8>),
    Chunk(usize, Vec<u8>, Digest),
}

struct Run<'a> {
    items: &'a [Item],
    catalog: &'a Catalog,
    /// Contents that an item of this run stores, and the first such item so far.
    claims: Mutex<DigestMap<usize>>,
    window: Window,
    stop: AtomicBool,
    progress: &'a dyn Progress,
}

/// Files up to this length are read whole.
const SMALL: u64 = MAX_FRAME as u64;
const BATCH_BYTES: u64 = 1 << 20;
const BATCH_FILES: usize = 128;

/// Writes all items into `writer`.
///
/// # Errors
/// When the layer cannot be written. What is wrong with single files is in the outcomes.
pub(super) fn run(
    items: &[Item],
    catalog: &Catalog,
    settings: &Settings,
    writer: &mut LayerWriter,
    progress: &dyn Progress,
) -> Result<Outcomes, Error> {
    let context = Run {
        items,
        catalog,
        claims: Mutex::default(),
        window: Window::new(settings.memory),
        stop: AtomicBool::new(false),
        progress,
    };
    let known = hash_suspects(&context, settings.threads);
    let (jobs, job_queue) = crossbeam_channel::unbounded::<(usize, Job)>();
    let (results, result_queue) = crossbeam_channel::unbounded::<(usize, Message)>();
    std::thread::scope(|scope| {
        for _ in 0..settings.threads {
            let (queue, results, context) = (job_queue.clone(), results.clone(), &context);
            scope.spawn(move || work(context, settings.level, &queue, &results));
        }
        drop(job_queue);
        let feeder = Feeder {
            context: &context,
            known,
            jobs,
            results,
            sequence: 0,
        };
        scope.spawn(move || feeder.feed());
        let outcome = write(&context, writer, &result_queue);
        context.stop.store(true, Ordering::Relaxed);
        context.window.close();
        outcome
    })
}

/// Hashes large files whose content may be stored already, on all cores, so that a file that was only touched is not
/// compressed again.
fn hash_suspects(context: &Run<'_>, threads: usize) -> BTreeMap<usize, (Absorbed, u64)> {
    let mut sizes = std::collections::HashMap::<u64, usize>::new();
    let large = |item: &Item| match &item.body {
        Body::File { size, .. } if *size > SMALL => Some(*size),
        _ => None,
    };
    for size in context.items.iter().filter_map(large) {
        *sizes.entry(size).or_default() += 1;
    }
    let suspects: Vec<usize> = (0..context.items.len())
        .filter(|at| large(&context.items[*at]).is_some_and(|size| sizes[&size] > 1 || context.catalog.has_size(size)))
        .collect();
    let next = AtomicUsize::new(0);
    let known = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.min(suspects.len()) {
            scope.spawn(|| {
                while let Some(at) = suspects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Body::File { source, prefix, size } = &context.items[*at].body
                        && let Ok(absorbed) = hash_file(source, prefix)
                        && let Ok(mut known) = known.lock()
                    {
                        known.insert(*at, (absorbed, *size));
                    }
                }
            });
        }
    });
    known.into_inner().unwrap_or_default()
}

fn hash_file(path: &Path, prefix: &[u8]) -> Result<Absorbed, stable::Error> {
    let (sum, stamp, holes) = stable::fold(path, || ContentSum::new(prefix), ContentSum::update)?;
    Ok(Absorbed {
        content: sum.finish(holes),
        stamp,
    })
}

struct Feeder<'a> {
    context: &'a Run<'a>,
    known: BTreeMap<usize, (Absorbed, u64)>,
    jobs: Sender<(usize, Job)>,
    results: Sender<(usize, Message)>,
    sequence: usize,
}

/// The receiving side is gone: the run is over.
struct Over;

impl Feeder<'_> {
    fn feed(mut self) {
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
                Body::File { size, .. } if *size > SMALL => {
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
        let Body::File { source, prefix, .. } = &self.context.items[at].body else {
            return Ok(());
        };
        let mut pieces = Pieces::open(source, prefix)?;
        if pieces.cutting == Cutting::ByContent && self.has_known_chunks(source, prefix)? {
            return self.parts(at, pieces);
        }
        self.tell(Message::Begin(at, pieces.file.size()))?;
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
    fn has_known_chunks(&self, source: &Path, prefix: &[u8]) -> Result<bool, Stop> {
        if self.context.catalog.is_empty() {
            return Ok(false);
        }
        let mut pieces = Pieces::open(source, prefix)?;
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
        let size = pieces.file.size();
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
enum Stop {
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

/// A large file, cut into pieces and summed up on the way.
struct Pieces<'a> {
    file: StableFile,
    cutting: Cutting,
    window: Vec<u8>,
    ended: bool,
    sum: ContentSum<'a>,
    crc: Crc,
}

impl<'a> Pieces<'a> {
    fn open(source: &Path, prefix: &'a [u8]) -> Result<Self, stable::Error> {
        let mut pieces = Self {
            file: StableFile::open(source)?,
            cutting: Cutting::Fixed,
            window: Vec::new(),
            ended: false,
            sum: ContentSum::new(prefix),
            crc: Crc::new(CrcAlgorithm::Crc64GoIso),
        };
        pieces.refill()?;
        pieces.cutting = Cutting::of(&pieces.window);
        Ok(pieces)
    }

    fn refill(&mut self) -> Result<(), stable::Error> {
        let have = self.window.len();
        if self.ended || have >= MAX_FRAME {
            return Ok(());
        }
        self.window.resize(MAX_FRAME, 0);
        let filled = self.file.fill(&mut self.window[have..])?;
        self.window.truncate(have + filled);
        self.ended = self.window.len() < MAX_FRAME;
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, stable::Error> {
        self.refill()?;
        let len = self.cutting.next(&self.window);
        if len == 0 {
            return Ok(None);
        }
        let rest = self.window.split_off(len);
        let piece = std::mem::replace(&mut self.window, rest);
        self.sum.update(&piece);
        self.crc.update(&piece);
        Ok(Some(piece))
    }

    fn finish(self) -> Result<(Sum, Absorbed), Stop> {
        let sparse = self.file.has_holes();
        let stamp = self.file.finish()?;
        let content = self.sum.finish(sparse);
        let sum = Sum {
            digest: content.digest,
            crc: self.crc.finalize(),
        };
        let absorbed = Absorbed { content, stamp };
        Ok((sum, absorbed))
    }
}

impl Run<'_> {
    /// Whether item `at` is to store this content: no earlier item does.
    fn claim(&self, digest: &Digest, at: usize) -> bool {
        let Ok(mut claims) = self.claims.lock() else {
            return true;
        };
        let first = claims.entry(*digest).or_insert(at);
        if *first < at {
            return false;
        }
        *first = at;
        true
    }
}

fn work(context: &Run<'_>, level: i32, jobs: &Receiver<(usize, Job)>, results: &Sender<(usize, Message)>) {
    let mut press = match Press::new(level).at("start", Path::new("zstd")) {
        Ok(press) => press,
        Err(error) => {
            // The writer waits for number 0 at least: it stops there.
            let _ = results.send((0, Message::Broken(error)));
            return;
        }
    };
    while let Ok((sequence, job)) = jobs.recv() {
        let message = match job {
            Job::Small(batch) => Ok(Message::Small(
                batch
                    .into_iter()
                    .map(|at| (at, read_small(context, &mut press, at)))
                    .collect(),
            )),
            Job::Frame(bytes) => press_frame(&mut press, &bytes, Digest::of(&bytes)).map(Message::Frame),
            Job::Chunk(at, bytes, digest) => press_frame(&mut press, &bytes, digest).map(|frame| {
                let crc = crc_fast::checksum(CrcAlgorithm::Crc64GoIso, &bytes);
                Message::Chunk(at, frame, crc)
            }),
        };
        let message = message
            .at("compress for", Path::new("the layer"))
            .unwrap_or_else(Message::Broken);
        if results.send((sequence, message)).is_err() {
            return;
        }
    }
}

fn press_frame(press: &mut Press, bytes: &[u8], digest: Digest) -> std::io::Result<PressedFrame> {
    Ok(PressedFrame {
        stored: press.frame(bytes)?,
        digest,
        size: bytes.len() as u32,
    })
}

fn read_small(context: &Run<'_>, press: &mut Press, at: usize) -> Result<Small, stable::Error> {
    let Body::File { source, prefix, .. } = &context.items[at].body else {
        return Err(stable::Error::NotAFile(PathBuf::new()));
    };
    let (bytes, stamp, sparse) = stable::read_with_holes(source)?;
    let mut sum = ContentSum::new(prefix);
    sum.update(&bytes);
    let content = sum.finish(sparse);
    let digest = content.digest;
    let absorbed = Absorbed { content, stamp };
    let stored = bytes.is_empty() || context.catalog.contains(&digest) || !context.claim(&digest, at);
    let frame = if stored {
        None
    } else {
        let frame = press_frame(press, &bytes, digest).at("compress", source);
        Some(frame.map_err(stable::Error::Io)?)
    };
    let crc = crc_fast::checksum(CrcAlgorithm::Crc64GoIso, &bytes);
    Ok(Small { absorbed, crc, frame })
}

/// Puts everything in order into the layer.
fn write(context: &Run<'_>, writer: &mut LayerWriter, results: &Receiver<(usize, Message)>) -> Result<Outcomes, Error> {
    let mut out = Writing {
        context,
        writer,
        outcomes: Vec::new(),
        names: DigestMap::default(),
    };
    out.outcomes.resize_with(context.items.len(), || None);
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    while let Ok((sequence, message)) = results.recv() {
        waiting.insert(sequence, message);
        while let Some(message) = waiting.remove(&next) {
            out.take(message)?;
            context.window.leave(next);
            next += 1;
        }
    }
    Ok(out.outcomes)
}

struct Writing<'a, 'w> {
    context: &'a Run<'a>,
    writer: &'w mut LayerWriter,
    outcomes: Outcomes,
    /// The item that holds each content of this layer.
    names: DigestMap<usize>,
}

impl Writing<'_, '_> {
    fn take(&mut self, message: Message) -> Result<(), Error> {
        match message {
            Message::Small(batch) => {
                for (at, result) in batch {
                    match (&self.context.items[at].body, result) {
                        (Body::File { .. }, Ok(small)) => self.small(at, small)?,
                        (Body::File { .. }, Err(error)) => self.outcomes[at] = Some(Err(error)),
                        _ => self.plain(at)?,
                    }
                }
            }
            Message::Begin(at, size) => {
                let member = member(&self.context.items[at], MemberKind::File(size));
                self.writer.begin_file(&member, size)?;
            }
            Message::Frame(frame) => {
                self.context.progress.advance(frame.size.into());
                self.writer.frame(&frame)?;
            }
            Message::End(at, sum, absorbed) => {
                self.writer.end_file(sum)?;
                self.names.insert(sum.digest, at);
                self.outcomes[at] = Some(Ok(absorbed));
            }
            Message::Abort => self.writer.abort_file()?,
            Message::Known(at, absorbed) => self.known(at, absorbed)?,
            Message::Chunk(at, frame, crc) => {
                self.context.progress.advance(frame.size.into());
                self.envgit_file(CHUNK_DIR, at, frame.digest, &frame, crc)?;
            }
            Message::Recipe(at, recipe, absorbed) => self.recipe(at, recipe, absorbed)?,
            Message::Failed(at, error) => self.outcomes[at] = Some(Err(error)),
            Message::Broken(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn plain(&mut self, at: usize) -> Result<(), Error> {
        let item = &self.context.items[at];
        let kind = match &item.body {
            Body::Dir => MemberKind::Dir,
            Body::Symlink(target) => MemberKind::Symlink(target),
            Body::Link(target) => MemberKind::Link(target),
            Body::File { .. } => return Ok(()),
        };
        Ok(self.writer.member(&member(item, kind))?)
    }

    fn small(&mut self, at: usize, small: Small) -> Result<(), Error> {
        let size = small.absorbed.stamp.size;
        self.context.progress.advance(size);
        let digest = small.absorbed.content.digest;
        match small.frame {
            Some(frame) if !self.names.contains_key(&digest) => {
                let member = member(&self.context.items[at], MemberKind::File(size));
                self.writer.file(&member, &frame, small.crc)?;
                self.names.insert(digest, at);
                self.outcomes[at] = Some(Ok(small.absorbed));
                Ok(())
            }
            None if size == 0 => {
                let member = member(&self.context.items[at], MemberKind::File(0));
                self.writer.member(&member)?;
                self.outcomes[at] = Some(Ok(small.absorbed));
                Ok(())
            }
            _ => self.known(at, small.absorbed),
        }
    }

    /// Content that is stored already: in this layer the tar gets a link to it, so that `tar x` gives the file; what
    /// an older layer holds is left out.
    fn known(&mut self, at: usize, absorbed: Absorbed) -> Result<(), Error> {
        if let Some(first) = self.names.get(&absorbed.content.digest) {
            let items = self.context.items;
            let kind = MemberKind::Link(&items[*first].name);
            self.writer.member(&member(&items[at], kind))?;
        }
        self.outcomes[at] = Some(Ok(absorbed));
        Ok(())
    }

    fn recipe(&mut self, at: usize, recipe: Recipe, absorbed: Absorbed) -> Result<(), Error> {
        let text = recipe.encode();
        let digest = Digest::of(&text);
        let mut press = Press::new(3).at("start", Path::new("zstd"))?;
        let frame = press_frame(&mut press, &text, digest).at("compress", Path::new("a recipe"))?;
        let crc = crc_fast::checksum(CrcAlgorithm::Crc64GoIso, &text);
        self.envgit_file(RECIPE_DIR, at, recipe.digest, &frame, crc)?;
        self.writer.recipe(recipe);
        self.outcomes[at] = Some(Ok(absorbed));
        Ok(())
    }

    /// A member of envgit's own, dated as the file it serves.
    fn envgit_file(&mut self, dir: &str, at: usize, name: Digest, frame: &PressedFrame, crc: u64) -> Result<(), Error> {
        let name = format!("{dir}{name}");
        let member = Member {
            name: name.as_bytes(),
            mode: 0o644,
            mtime: self.context.items[at].mtime,
            xattrs: &[],
            kind: MemberKind::File(frame.size.into()),
        };
        Ok(self.writer.file(&member, frame, crc)?)
    }
}

fn member<'a>(item: &'a Item, kind: MemberKind<'a>) -> Member<'a> {
    Member {
        name: &item.name,
        mode: item.mode,
        mtime: item.mtime,
        xattrs: &item.xattrs,
        kind,
    }
}
