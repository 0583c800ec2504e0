//! A large file, read once from start to end.

use std::path::Path;

use crc_fast::{CrcAlgorithm, Digest as Crc};

use super::Absorbed;
use super::feeder::Stop;
use crate::fsx::stable::{self, StableFile};
use crate::fsx::stamp::Stamp;
use crate::snapshot::content::{ContentSum, Form};
use crate::snapshot::entry::PrefixUse;
use crate::snapshot::path::RelPath;
use crate::store::chunk::Cutting;
use crate::store::frame::MAX_FRAME;
use crate::store::writer::Sum;

/// A large file, cut into pieces and summed up on the way.
pub(super) struct Pieces<'a> {
    source: Source,
    pub(super) cutting: Cutting,
    window: Vec<u8>,
    ended: bool,
    sum: ContentSum<'a>,
    crc: Crc,
}

/// Where the bytes come from.
enum Source {
    /// The live file, which is recorded as it is.
    Live(StableFile),
    /// The recorded form of one that is not.
    Recorded(Recorded),
}

struct Recorded {
    bytes: Vec<u8>,
    done: usize,
    prefix: PrefixUse,
    stamp: Stamp,
    sparse: bool,
}

impl Source {
    fn open(source: &Path, path: &RelPath, form: &dyn Form) -> Result<Self, stable::Error> {
        let file = StableFile::open(source)?;
        if form.is_home() || file.size() > form.longest() {
            return Ok(Self::Live(file));
        }
        let (sum, _, _) = stable::fold(source, || ContentSum::new(form.sought()), ContentSum::update)?;
        if sum.finish(false).prefix == PrefixUse::None {
            return Ok(Self::Live(file));
        }
        let (live, stamp, sparse) = stable::read_with_holes(source)?;
        let recorded = form.take(path, live);
        Ok(Self::Recorded(Recorded {
            bytes: recorded.bytes,
            done: 0,
            prefix: recorded.prefix,
            stamp,
            sparse,
        }))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, stable::Error> {
        match self {
            Self::Live(file) => file.fill(buffer),
            Self::Recorded(recorded) => {
                let rest = &recorded.bytes[recorded.done..];
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                recorded.done += count;
                Ok(count)
            }
        }
    }
}

impl<'a> Pieces<'a> {
    pub(super) fn open(source: &Path, path: &RelPath, form: &'a dyn Form) -> Result<Self, stable::Error> {
        let mut pieces = Self {
            source: Source::open(source, path, form)?,
            cutting: Cutting::Fixed,
            window: Vec::new(),
            ended: false,
            sum: ContentSum::new(form.homes()),
            crc: Crc::new(CrcAlgorithm::Crc64GoIso),
        };
        pieces.refill()?;
        pieces.cutting = Cutting::of(&pieces.window);
        Ok(pieces)
    }

    /// How many bytes there are in all.
    pub(super) fn size(&self) -> u64 {
        match &self.source {
            Source::Live(file) => file.size(),
            Source::Recorded(recorded) => recorded.bytes.len() as u64,
        }
    }

    fn refill(&mut self) -> Result<(), stable::Error> {
        let have = self.window.len();
        if self.ended || have >= MAX_FRAME {
            return Ok(());
        }
        self.window.resize(MAX_FRAME, 0);
        let filled = self.source.fill(&mut self.window[have..])?;
        self.window.truncate(have + filled);
        self.ended = self.window.len() < MAX_FRAME;
        Ok(())
    }

    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, stable::Error> {
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

    pub(super) fn finish(self) -> Result<(Sum, Absorbed), Stop> {
        let (stamp, content) = match self.source {
            Source::Live(file) => {
                let sparse = file.has_holes();
                (file.finish()?, self.sum.finish(sparse))
            }
            Source::Recorded(recorded) => {
                let mut content = self.sum.finish(recorded.sparse);
                content.prefix = recorded.prefix;
                (recorded.stamp, content)
            }
        };
        let sum = Sum {
            digest: content.digest,
            crc: self.crc.finalize(),
        };
        let absorbed = Absorbed { content, stamp };
        Ok((sum, absorbed))
    }
}
