//! Reads files and writes their content into a layer: one pass, all cores, bounded memory, deterministic result.
//!
//! ```text
//! feeder ──► small batches, large files' frames ──► workers (read, hash, compress) ──► writer (in order)
//! ```
//!
//! The feeder reads and hashes large files piece by piece; workers take whole small files. Everything carries its
//! place in the order, and the writer puts it back in order, so equal input gives an equal layer.

mod feeder;
mod ordered;
mod pieces;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crc_fast::CrcAlgorithm;
use crossbeam_channel::{Receiver, Sender};

use super::catalog::{Catalog, DigestMap, Recipe};
use super::checksum::Checksum;
use super::frame::{MAX_FRAME, Press};
use super::window::Window;
use super::writer::{LayerWriter, PressedFrame, Sum};
use super::{Error, Settings};
use crate::digest::Digest;
use crate::fsx::stamp::Stamp;
use crate::fsx::{Context, Error as IoError, stable};
use crate::progress::Progress;
use crate::snapshot::content::{Content, ContentSum, Form};
use crate::snapshot::entry::Xattr;
use crate::snapshot::path::RelPath;
use feeder::Feeder;

/// One member of the layer to be, in the order of the tar.
#[derive(Clone)]
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
#[derive(Clone)]
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
        /// Its path in its root.
        path: RelPath,
        /// In which form it is recorded.
        form: Arc<dyn Form>,
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
        let outcome = ordered::write(&context, writer, &result_queue);
        context.stop.store(true, Ordering::Relaxed);
        context.window.close();
        outcome
    })
}

/// Hashes large files whose content may be stored already, on all cores, so that a file that was only touched is not
/// compressed again.
fn hash_suspects(context: &Run<'_>, threads: usize) -> BTreeMap<usize, (Absorbed, u64)> {
    let mut sizes = std::collections::HashMap::<u64, usize>::new();
    // What is recorded in another form may have another length.
    let large = |item: &Item| match &item.body {
        Body::File { size, form, .. } if *size > SMALL && form.is_home() => Some(*size),
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
                    if let Body::File {
                        source,
                        size,
                        path,
                        form,
                    } = &context.items[*at].body
                        && let Ok(absorbed) = hash_file(source, form.homes(path))
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

fn hash_file(path: &Path, homes: &[Vec<u8>]) -> Result<Absorbed, stable::Error> {
    let (sum, stamp, holes) = stable::fold(path, || ContentSum::new(homes), ContentSum::update)?;
    Ok(Absorbed {
        content: sum.finish(holes),
        stamp,
    })
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
        sum: Checksum::of(bytes),
    })
}

fn read_small(context: &Run<'_>, press: &mut Press, at: usize) -> Result<Small, stable::Error> {
    let Body::File { source, path, form, .. } = &context.items[at].body else {
        return Err(stable::Error::NotAFile(PathBuf::new()));
    };
    let (live, stamp, sparse) = stable::read_with_holes(source)?;
    let recorded = form.take(path, live);
    let (content, bytes) = (recorded.content(sparse), recorded.bytes);
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
