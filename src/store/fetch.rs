//! Reads contents back: frame by frame, on all cores, every frame checked against its digest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::Store;
use super::arrival::Arrival;
use super::catalog::{Frame, Located};
use super::checksum::Checksum;
use super::frame::Unpress;
use super::proof::{Piece, Proof, Verdict};
use super::queue::{Queue, Task};
use crate::digest::{Digest, Hasher};
use crate::fsx::aligned::{Aligned, Pool};
use crate::progress::Progress;
use crate::snapshot::content::{ContentSink, ContentSource, FetchError, Want};

/// Why content is lost that is in no layer here: another repository may have it.
pub const NOT_HERE: &str = "no layer at hand holds the content";

/// What was read first and what was read to find out what is wrong with it are not the same.
const OTHERWISE: &str = "a frame came otherwise than it is stored: the memory or the disk may be failing";

/// How many threads there are more than cores: some of them wait for the disk.
const WAITING: usize = 2;

impl ContentSource for Store {
    fn fetch(&self, wants: &[Want], sink: &dyn ContentSink, progress: &dyn Progress) -> Result<(), FetchError> {
        let lost = Losses::default();
        let queue = self.queue(wants, &lost);
        let files = self.open_layers(queue.tasks(), &lost, wants);
        let proofs = self.proofs(wants);
        let buffers = Pool::default();
        let stop = AtomicBool::new(false);
        let failure = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..(self.settings.threads + WAITING).min(queue.tasks().len()) {
                scope.spawn(|| {
                    let mut reader = Reader::of(&buffers);
                    for task in queue.turn().take_while(|_| !stop.load(Ordering::Relaxed)) {
                        let Some(layer) = files.get(&task.layer) else { continue };
                        let proof = proofs.get(task.want).and_then(Option::as_ref);
                        // What is hashed as a whole need not be hashed frame by frame.
                        let read = layer.up_to(&task.frame).and_then(|file| {
                            let read = match proof {
                                Some(_) => reader.unpack(&file, &task.frame),
                                None => reader.known(&file, &task.frame),
                            };
                            read.inspect_err(|what| layer.is_flawed(what))
                        });
                        let bytes = match read {
                            Ok(bytes) => bytes,
                            Err(what) => {
                                lost.note(wants[task.want].digest, || self.damage(task.layer, &what));
                                continue;
                            }
                        };
                        if let Err(error) = sink.write_at(task.want, task.offset, &bytes) {
                            stop.store(true, Ordering::Relaxed);
                            if let Ok(mut failure) = failure.lock() {
                                *failure = Some(error);
                            }
                        }
                        progress.advance(bytes.len() as u64);
                        if let Some(proof) = proof {
                            proof.take(Piece {
                                offset: task.offset,
                                bytes,
                                digest: task.frame.digest,
                            });
                        }
                    }
                });
            }
        });
        if let Some(error) = failure.into_inner().unwrap_or_default() {
            return Err(error.into());
        }
        for (want, proof) in wants.iter().zip(proofs) {
            let Some(proof) = proof else { continue };
            let flaw = match proof.finish(&want.digest, want.size) {
                Verdict::Proven => None,
                Verdict::Refuted => Some(self.flaw(want, &files, None).unwrap_or_else(|| OTHERWISE.to_owned())),
                Verdict::Open { hashed, prefix } => self.flaw(want, &files, Some((hashed, prefix))),
            };
            if let Some(flaw) = flaw {
                lost.note(want.digest, || flaw);
            }
        }
        self.tell_right(&queue, |want| !lost.has(&wants[want].digest));
        lost.into_result()
    }
}

impl Store {
    /// All frames needed.
    fn queue(&self, wants: &[Want], lost: &Losses) -> Queue {
        let mut queue = Queue::default();
        for (number, want) in wants.iter().enumerate() {
            if want.size == 0 {
                continue;
            }
            let frames = self.catalog.locate(&want.digest).unwrap_or_default();
            let size: u64 = frames.iter().map(|located| u64::from(located.frame.size)).sum();
            match size == want.size {
                true => queue.push(number, &frames),
                false => lost.note(want.digest, || self.absence()),
            }
        }
        queue.sort();
        queue
    }

    /// Which contents must be hashed as a whole: those of which only a layer from elsewhere says what makes them.
    fn proofs(&self, wants: &[Want]) -> Vec<Option<Proof>> {
        let is_open = |want: &Want| {
            if self.catalog.is_proven(&want.digest) {
                return false;
            }
            let frames = self.catalog.locate(&want.digest).unwrap_or_default();
            let is_whole = matches!(&frames[..], [one] if one.frame.digest == want.digest);
            !frames.is_empty() && !is_whole
        };
        wants.iter().map(|want| is_open(want).then(Proof::default)).collect()
    }

    /// Tells those who bring layers which frames were found right: those of the wants that came.
    fn tell_right(&self, queue: &Queue, came: impl Fn(usize) -> bool) {
        for of_layer in queue.tasks().chunk_by(|a, b| a.layer == b.layer) {
            let layer = of_layer.first().map(|task| self.catalog.layer(task.layer));
            if let Some(arrival) = layer.and_then(|digest| self.awaited.get(&digest)) {
                let right = of_layer.iter().filter(|task| came(task.want));
                arrival.found_right(right.map(|task| task.frame));
            }
        }
    }

    /// What is wrong with a content, by reading its frames once more, in order. `hashed` is the digest of so many bytes
    /// of it as they came before.
    fn flaw(&self, want: &Want, files: &Layers<'_>, hashed: Option<(u64, Digest)>) -> Option<String> {
        let mut reader = Reader::default();
        let mut hasher = Hasher::new();
        let came = |offset: u64, hasher: &Hasher| {
            let prefix = hashed.filter(|(length, _)| *length == offset);
            prefix.is_none_or(|(_, digest)| hasher.clone().finish() == digest)
        };
        for Located { layer, frame, offset } in self.catalog.locate(&want.digest).unwrap_or_default() {
            if !came(offset, &hasher) {
                return Some(OTHERWISE.to_owned());
            }
            let read = |layer: &Layer<'_>| {
                let file = layer.up_to(frame)?;
                reader.read(&file, frame).inspect_err(|what| layer.is_flawed(what))
            };
            match files.get(&layer).map(read) {
                Some(Ok(bytes)) => hasher.update(&bytes),
                Some(Err(what)) => return Some(self.damage(layer, &what)),
                // That it cannot be opened was told.
                None => return Some(self.absence()),
            }
        }
        if !came(want.size, &hasher) {
            return Some(OTHERWISE.to_owned());
        }
        if hasher.finish() == want.digest {
            return None;
        }
        let lists = self.catalog.lists(&want.digest).and_then(|layer| files.get(&layer));
        if let Some(layer) = lists {
            layer.is_flawed(&format!(
                "it lists other content under the digest {}",
                want.digest.short()
            ));
        }
        Some("a layer lists other content under its digest".to_owned())
    }

    fn open_layers(&self, tasks: &[Task], lost: &Losses, wants: &[Want]) -> Layers<'_> {
        let mut files = BTreeMap::new();
        for layer in tasks.iter().map(|task| task.layer).collect::<BTreeSet<_>>() {
            let digest = self.catalog.layer(layer);
            if let Some(arrival) = self.awaited.get(&digest) {
                files.insert(layer, Layer::Awaited(arrival));
                continue;
            }
            match File::open(self.layer_path(&digest)) {
                Ok(file) => {
                    files.insert(layer, Layer::Here(Arc::new(file)));
                }
                Err(error) => {
                    for task in tasks.iter().filter(|task| task.layer == layer) {
                        lost.note(wants[task.want].digest, || self.damage(layer, &error.to_string()));
                    }
                }
            }
        }
        files
    }

    /// Why a content is in no layer at hand, as far as that is known.
    fn absence(&self) -> String {
        let damaged = self.catalog.damaged().iter();
        let damaged: Vec<String> = damaged
            .map(|layer| format!("layer {}: {}", layer.digest, layer.what))
            .collect();
        match &damaged[..] {
            [] => NOT_HERE.to_owned(),
            damaged => damaged.join("; "),
        }
    }

    fn damage(&self, layer: usize, what: &str) -> String {
        format!("layer {}: {what}", self.catalog.layer(layer))
    }

    /// One whole content in memory.
    ///
    /// # Errors
    /// When it is not stored or damaged.
    pub fn read(&self, digest: &Digest, size: u64) -> Result<Vec<u8>, FetchError> {
        struct Buffer(Mutex<Vec<u8>>);
        impl ContentSink for Buffer {
            fn write_at(&self, _: usize, offset: u64, bytes: &[u8]) -> Result<(), crate::fsx::Error> {
                if let Ok(mut buffer) = self.0.lock() {
                    let start = offset as usize;
                    if buffer.len() < start + bytes.len() {
                        buffer.resize(start + bytes.len(), 0);
                    }
                    buffer[start..start + bytes.len()].copy_from_slice(bytes);
                }
                Ok(())
            }
        }
        let buffer = Buffer(Mutex::default());
        let want = Want { digest: *digest, size };
        self.fetch(&[want], &buffer, &crate::progress::Silent)?;
        Ok(buffer.0.into_inner().unwrap_or_default())
    }
}

/// The layers that something is read from, by number.
type Layers<'a> = BTreeMap<usize, Layer<'a>>;

enum Layer<'a> {
    Here(Arc<File>),
    Awaited(&'a Arrival),
}

impl Layer<'_> {
    /// Its file, as soon as this frame is in it.
    fn up_to(&self, frame: &Frame) -> Result<Arc<File>, String> {
        match self {
            Self::Here(file) => Ok(file.clone()),
            Self::Awaited(arrival) => arrival.up_to(frame.offset.saturating_add(u64::from(frame.stored))),
        }
    }

    /// Tells who brings it what is wrong with it.
    fn is_flawed(&self, what: &str) {
        if let Self::Awaited(arrival) = self {
            arrival.is_flawed(what);
        }
    }
}

#[derive(Default)]
struct Losses(Mutex<(BTreeSet<Digest>, Option<String>)>);

impl Losses {
    fn note(&self, digest: Digest, reason: impl FnOnce() -> String) {
        if let Ok(mut losses) = self.0.lock() {
            losses.0.insert(digest);
            losses.1.get_or_insert_with(reason);
        }
    }

    fn has(&self, digest: &Digest) -> bool {
        self.0.lock().is_ok_and(|losses| losses.0.contains(digest))
    }

    fn into_result(self) -> Result<(), FetchError> {
        let (lost, reason) = self.0.into_inner().unwrap_or_default();
        if lost.is_empty() {
            return Ok(());
        }
        Err(FetchError::Lost {
            lost,
            reason: reason.unwrap_or_default(),
        })
    }
}

/// Reads frames with buffers of its own.
#[derive(Default)]
pub(super) struct Reader {
    stored: Vec<u8>,
    unpress: Option<Unpress>,
    buffers: Pool,
}

impl Reader {
    /// With buffers that others use, too.
    fn of(buffers: &Pool) -> Self {
        Self {
            buffers: buffers.clone(),
            ..Self::default()
        }
    }

    /// The plain bytes of a frame, checked by its digest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(&mut self, layer: &File, frame: &Frame) -> Result<Aligned, String> {
        let plain = self.unpack(layer, frame)?;
        match Digest::of(&plain) == frame.digest {
            true => Ok(plain),
            false => Err(damaged(frame)),
        }
    }

    /// The same, by its checksum where one was noted.
    ///
    /// # Errors
    /// What is wrong with it.
    fn known(&mut self, layer: &File, frame: &Frame) -> Result<Aligned, String> {
        let Some(sum) = frame.sum else {
            return self.read(layer, frame);
        };
        let plain = self.unpack(layer, frame)?;
        // The noted one may be what is wrong.
        match Checksum::of(&plain) == sum || Digest::of(&plain) == frame.digest {
            true => Ok(plain),
            false => Err(damaged(frame)),
        }
    }

    /// The same for who hashes what it is a part of.
    ///
    /// # Errors
    /// What is wrong with it, as far as that shows.
    fn unpack(&mut self, layer: &File, frame: &Frame) -> Result<Aligned, String> {
        self.stored.resize(frame.stored as usize, 0);
        layer
            .read_exact_at(&mut self.stored, frame.offset)
            .map_err(|e| e.to_string())?;
        let unpress = match &mut self.unpress {
            Some(unpress) => unpress,
            none => none.insert(Unpress::new().map_err(|e| e.to_string())?),
        };
        let mut plain = self.buffers.take(frame.size as usize);
        unpress.fill(&mut plain, &self.stored).map_err(|_| damaged(frame))?;
        Ok(plain)
    }
}

fn damaged(frame: &Frame) -> String {
    format!("the frame at byte {} is damaged", frame.offset)
}
