//! A large file, read once from start to end.

use std::path::Path;

use crc_fast::{CrcAlgorithm, Digest as Crc};

use super::Absorbed;
use super::feeder::Stop;
use crate::fsx::stable::{self, StableFile};
use crate::snapshot::content::ContentSum;
use crate::store::chunk::Cutting;
use crate::store::frame::MAX_FRAME;
use crate::store::writer::Sum;

/// A large file, cut into pieces and summed up on the way.
pub(super) struct Pieces<'a> {
    pub(super) file: StableFile,
    pub(super) cutting: Cutting,
    window: Vec<u8>,
    ended: bool,
    sum: ContentSum<'a>,
    crc: Crc,
}

impl<'a> Pieces<'a> {
    pub(super) fn open(source: &Path, prefix: &'a [u8]) -> Result<Self, stable::Error> {
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
