//! Objects as streams. Many a store gives one connection only so much, so several parts of a large object are under way at
//! once where that is faster; they are passed on in order.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::{Bound, Range};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use super::pace::Pace;
use super::{FIRST_PAUSE, Store, TRIES};
use crate::remote::{Error, Key, Transport as _};

/// What one request asks of a large object, in bytes.
pub(super) const PART: u64 = 8 << 20;

/// So many parts of all objects may be under way at once, and be in memory.
const AHEAD: usize = 6;

/// How much is handed on at once, in bytes.
const PIECE: usize = 256 << 10;

/// Why passing on ended early.
enum Broken {
    Remote(opendal::Error),
    Local(io::Error),
}

impl From<opendal::Error> for Broken {
    fn from(error: opendal::Error) -> Self {
        Self::Remote(error)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Local(error)
    }
}

/// The streams of a store that are under way.
#[derive(Default)]
pub(super) struct Streams {
    count: AtomicUsize,
    /// Buffers to be used again: what one thread takes and another one gives back piles up else.
    spent: Mutex<Vec<Vec<u8>>>,
}

impl Streams {
    fn begin(&self) -> Streaming<'_> {
        self.count.fetch_add(1, Ordering::Relaxed);
        Streaming(self)
    }

    fn buffer(&self) -> Vec<u8> {
        let spent = self.spent.lock().ok().and_then(|mut spent| spent.pop());
        spent.unwrap_or_else(|| Vec::with_capacity(PIECE))
    }

    fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        if let Ok(mut spent) = self.spent.lock() {
            spent.push(buffer);
        }
    }
}

struct Streaming<'a>(&'a Streams);

impl Streaming<'_> {
    /// How many parts of this object may be under way.
    fn most(&self) -> usize {
        (AHEAD / self.0.count.load(Ordering::Relaxed).max(1)).max(1)
    }
}

impl Drop for Streaming<'_> {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::Relaxed) == 1
            && let Ok(mut spent) = self.0.spent.lock()
        {
            spent.clear();
            spent.shrink_to_fit();
        }
    }
}

impl Store {
    /// All of an object from `start` on.
    pub(super) fn stream_from(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, Error> {
        match self.size(key)? {
            Some(size) if size.saturating_sub(start) > PART => self.stream_parts(key, start..size, out),
            // That there is no such object, the store says best.
            _ => self.stream_range(key, start, None, out),
        }
    }

    fn stream_parts(&self, key: &Key, range: Range<u64>, out: &mut dyn Write) -> Result<u64, Error> {
        let streaming = self.streams.begin();
        let mut pace = Pace::default();
        let mut next = range.start;
        std::thread::scope(|scope| {
            let mut under_way = VecDeque::new();
            loop {
                let begun = Instant::now();
                let ahead = pace.ahead().min(streaming.most());
                if ahead == 1 && under_way.is_empty() && next < range.end {
                    // Nothing is gained by a thread, or by asking for each part anew.
                    let end = range.end.min(next.saturating_add(pace.round()));
                    let passed = self.stream_range(key, next, Some(end), out)?;
                    pace.note(passed, begun.elapsed());
                    next = end;
                    continue;
                }
                while under_way.len() < ahead && next < range.end {
                    let (sender, coming) = channel();
                    let (start, end) = (next, range.end.min(next + PART));
                    scope.spawn(move || {
                        let mut pieces = Pieces::of(&self.streams, &sender);
                        let streamed = self.stream_range(key, start, Some(end), &mut pieces);
                        // Whoever does not hear it any more has failed already.
                        if let Err(error) = streamed.and_then(|_| Ok(pieces.flush()?)) {
                            let _ = sender.send(Err(error));
                        }
                    });
                    under_way.push_back(coming);
                    next = end;
                }
                let Some(first) = under_way.pop_front() else {
                    return Ok(range.end - range.start);
                };
                let mut passed = 0;
                // Parts that nobody takes any more end at their next piece.
                for piece in first {
                    let piece: Vec<u8> = piece?;
                    out.write_all(&piece)?;
                    passed += piece.len() as u64;
                    self.streams.give_back(piece);
                }
                pace.note(passed, begun.elapsed());
            }
        })
    }

    /// An object from `start` to `end`, or to where it ends. A connection that broke is taken up where it did.
    fn stream_range(&self, key: &Key, start: u64, end: Option<u64>, out: &mut dyn Write) -> Result<u64, Error> {
        let failed = |error| self.naming.error("read", key.as_str(), error);
        let mut sum = 0;
        let mut tries = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            let before = sum;
            let range = (
                Bound::Included(start + sum),
                end.map_or(Bound::Unbounded, Bound::Excluded),
            );
            match self.pass_on(key, range, out, &mut sum) {
                Ok(()) if end.is_none_or(|end| start + sum == end) => return Ok(sum),
                Ok(()) => {
                    let (key, address) = (key.as_str(), &self.naming.address);
                    return Err(Error::failed("read", key, address, "the object is shorter"));
                }
                Err(Broken::Local(error)) => return Err(error.into()),
                // An object ends where it ends: nothing from there on is an empty answer, but each server has words of
                // its own for it.
                Err(Broken::Remote(error)) if end.is_none() && start + sum > 0 && !error.is_temporary() => {
                    return match self.size(key)? {
                        Some(size) if size == start + sum => Ok(sum),
                        _ => Err(failed(error)),
                    };
                }
                Err(Broken::Remote(error)) if error.is_temporary() && tries < TRIES => {
                    if sum > before {
                        (tries, pause) = (0, FIRST_PAUSE);
                    }
                    tries += 1;
                    std::thread::sleep(pause);
                    pause *= 2;
                }
                Err(Broken::Remote(error)) => return Err(failed(error)),
            }
        }
    }

    /// Passes on what there is in a range until the connection ends or breaks.
    fn pass_on(
        &self,
        key: &Key,
        range: (Bound<u64>, Bound<u64>),
        out: &mut dyn Write,
        sum: &mut u64,
    ) -> Result<(), Broken> {
        use futures::TryStreamExt;
        let opened = async { self.once.reader(key.as_str()).await?.into_stream(range).await };
        let mut stream = self.runtime.block_on(opened)?;
        while let Some(buffer) = self.runtime.block_on(stream.try_next())? {
            for piece in buffer {
                out.write_all(&piece)?;
                *sum += piece.len() as u64;
            }
        }
        Ok(())
    }
}

/// Hands pieces to who passes them on.
struct Pieces<'a> {
    streams: &'a Streams,
    to: &'a Sender<Result<Vec<u8>, Error>>,
    piece: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn of(streams: &'a Streams, to: &'a Sender<Result<Vec<u8>, Error>>) -> Self {
        let piece = streams.buffer();
        Self { streams, to, piece }
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, self.streams.buffer());
        let sent = self.to.send(Ok(piece));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
