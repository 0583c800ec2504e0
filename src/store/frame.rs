//! zstd frames: the unit in which content is stored, read and checked.

use std::io;

use zstd::bulk::{Compressor, Decompressor};

/// The most plain bytes that one frame of content holds.
pub const MAX_FRAME: usize = 4 * 1024 * 1024;

/// The most plain bytes of the frame of a recipe, which is never cut: 65 for every MiB of a file, so one of 1 TiB fits.
pub const MAX_RECIPE: u64 = 65 << 20;

/// How many bytes more than its plain ones a frame takes in a layer at most: the headers of raw blocks, and some room.
pub const FRAME_ROOM: u64 = 64 << 10;

/// Compresses whole frames with one context.
pub struct Press {
    compressor: Compressor<'static>,
    probe: Compressor<'static>,
}

impl Press {
    /// A context for a zstd level.
    ///
    /// # Errors
    /// When zstd refuses the level.
    pub fn new(level: i32) -> io::Result<Self> {
        Ok(Self {
            compressor: Compressor::new(level)?,
            probe: Compressor::new(1)?,
        })
    }

    /// One frame with these bytes, which are stored as they are when compressing does not pay.
    ///
    /// # Errors
    /// When zstd fails.
    pub fn frame(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        if self.is_incompressible(bytes)? {
            return Ok(stored(bytes));
        }
        let frame = self.compressor.compress(bytes)?;
        Ok(if frame.len() < bytes.len() {
            frame
        } else {
            stored(bytes)
        })
    }

    /// Tries samples of larger content, so that weights and archives cost no time.
    fn is_incompressible(&mut self, bytes: &[u8]) -> io::Result<bool> {
        const SAMPLE: usize = 16 * 1024;
        if bytes.len() < 16 * SAMPLE {
            return Ok(false);
        }
        for at in [bytes.len() / 8, bytes.len() / 2, bytes.len() / 8 * 7] {
            let sample = &bytes[at..][..SAMPLE];
            if self.probe.compress(sample)?.len() < SAMPLE / 50 * 49 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A zstd frame of raw blocks (RFC 8878, 3.1.1).
fn stored(bytes: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 128 * 1024;
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    // Content size in 8 bytes, single segment.
    const DESCRIPTOR: u8 = 0b1110_0000;
    let mut frame = Vec::with_capacity(bytes.len() + 16 + 3 * bytes.len().div_ceil(BLOCK));
    frame.extend_from_slice(&MAGIC);
    frame.push(DESCRIPTOR);
    frame.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    let mut blocks = bytes.chunks(BLOCK).peekable();
    if blocks.peek().is_none() {
        frame.extend_from_slice(&[1, 0, 0]);
    }
    while let Some(block) = blocks.next() {
        let last = u32::from(blocks.peek().is_none());
        let header = (block.len() as u32) << 3 | last;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.extend_from_slice(block);
    }
    frame
}

/// A skippable frame (RFC 8878, 3.1.2), which zstd itself passes over.
pub fn skippable(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x50, 0x2a, 0x4d, 0x18];
    frame.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Opens whole frames with one context.
pub struct Unpress(Decompressor<'static>);

impl Unpress {
    /// A new context.
    ///
    /// # Errors
    /// When zstd has no memory.
    pub fn new() -> io::Result<Self> {
        Decompressor::new().map(Self)
    }

    /// The `size` plain bytes of one frame, or of several one behind the other.
    ///
    /// # Errors
    /// When a frame is damaged or they hold another number of bytes.
    pub fn plain(&mut self, frame: &[u8], size: usize) -> io::Result<Vec<u8>> {
        let mut plain = vec![0; size];
        self.fill(&mut plain, frame)?;
        Ok(plain)
    }

    /// Fills `plain` with the bytes of one frame, or of several one behind the other.
    ///
    /// # Errors
    /// When a frame is damaged or they hold another number of bytes.
    pub fn fill(&mut self, plain: &mut [u8], frame: &[u8]) -> io::Result<()> {
        match self.0.decompress_to_buffer(frame, plain)? == plain.len() {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::InvalidData, "the frame is short")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1u64;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(len)
        .collect()
    }

    #[test]
    fn frames_round_trip_whether_squeezed_or_stored() {
        let mut press = Press::new(1).unwrap();
        let mut unpress = Unpress::new().unwrap();
        for bytes in [
            vec![],
            b"a".repeat(100_000),
            noise(1_000_000),
            noise(128 * 1024),
            noise(5),
        ] {
            let frame = press.frame(&bytes).unwrap();
            assert!(frame.len() <= bytes.len() + 64, "{} for {}", frame.len(), bytes.len());
            assert_eq!(unpress.plain(&frame, bytes.len()).unwrap(), bytes);
            assert_eq!(zstd::decode_all(&frame[..]).unwrap(), bytes);
        }
    }

    #[test]
    fn a_damaged_frame_is_an_error() {
        let frame = stored(b"hello");
        let mut unpress = Unpress::new().unwrap();
        assert!(unpress.plain(&frame[..frame.len() - 1], 5).is_err());
        assert!(unpress.plain(&frame, 4).is_err());
        assert!(unpress.plain(&frame, 6).is_err());
    }
}
