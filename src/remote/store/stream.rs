//! Objects as streams. A store gives one connection only so much, so several parts of a large object are under way at
//! once; they are passed on in order.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::{Bound, Range};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use super::{FIRST_PAUSE, Store, TRIES};
use crate::remote::{Error, Key, Transport as _};

/// What one request asks of a large object, in bytes.
const PART: u64 = 8 << 20;

/// So many parts of all objects are under way at once, each of them in memory at most, and some of each object.
const AHEAD: usize = 6;
const AHEAD_LEAST: usize = 2;

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

/// How many objects are streamed in parts.
#[derive(Default)]
pub(super) struct Streams(AtomicUsize);

impl Streams {
    fn begin(&self) -> Streaming<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Streaming(self)
    }
}

struct Streaming<'a>(&'a Streams);

impl Streaming<'_> {
    /// How many parts of this object may be under way.
    fn ahead(&self) -> usize {
        (AHEAD / self.0.0.load(Ordering::Relaxed).max(1)).max(AHEAD_LEAST)
    }
}

impl Drop for Streaming<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
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
        let mut parts = (range.start..range.end).step_by(PART as usize);
        std::thread::scope(|scope| {
            let mut under_way = VecDeque::new();
            loop {
                while under_way.len() < streaming.ahead()
                    && let Some(start) = parts.next()
                {
                    let (pieces, coming) = channel();
                    let end = range.end.min(start + PART);
                    scope.spawn(move || {
                        let mut out = Pieces(&pieces);
                        if let Err(error) = self.stream_range(key, start, Some(end), &mut out) {
                            // Whoever does not hear it any more has failed already.
                            let _ = pieces.send(Err(error));
                        }
                    });
                    under_way.push_back(coming);
                }
                let Some(first) = under_way.pop_front() else {
                    return Ok(range.end - range.start);
                };
                // An end before all came is an error: parts that nobody takes any more end at their next piece.
                for piece in first {
                    out.write_all(&piece?)?;
                }
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
struct Pieces<'a>(&'a Sender<Result<Vec<u8>, Error>>);

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.send(Ok(bytes.to_vec())) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
