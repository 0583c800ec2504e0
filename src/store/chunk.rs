//! Where large content is cut into frames.

use fastcdc::v2020::FastCDC;

use super::frame::MAX_FRAME;

/// How a large file is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cutting {
    /// Every 4 MiB: programs and archives, in which an edit moves everything (measured: chunks find nothing).
    Fixed,
    /// By content (FastCDC, about 1 MiB): data that grows, and is edited in places.
    ByContent,
}

const MIN_CHUNK: usize = 256 * 1024;
const AVERAGE_CHUNK: usize = 1024 * 1024;

impl Cutting {
    /// By the first bytes of the file.
    pub(super) fn of(head: &[u8]) -> Self {
        const FIXED: [&[u8]; 8] = [
            b"\x7fELF",
            b"!<arch>\n",
            b"\xfe\xed\xfa",
            b"\xcf\xfa\xed\xfe",
            b"MZ",
            b"\x1f\x8b",
            b"\x28\xb5\x2f\xfd",
            b"\xfd7zXZ",
        ];
        if FIXED.iter().any(|magic| head.starts_with(magic)) {
            Self::Fixed
        } else {
            Self::ByContent
        }
    }

    /// The length of the next piece of `window`, which holds the next [`MAX_FRAME`] bytes, or all that are left.
    pub(super) fn next(self, window: &[u8]) -> usize {
        match self {
            Self::Fixed => window.len().min(MAX_FRAME),
            Self::ByContent if window.is_empty() => 0,
            Self::ByContent => {
                let cutter = FastCDC::new(window, MIN_CHUNK, AVERAGE_CHUNK, MAX_FRAME);
                let (_, end) = cutter.cut(0, window.len());
                end.clamp(1, window.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insertion_moves_one_or_two_cuts_of_data() {
        let mut state = 7u64;
        let data: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            b'a' + (state % 26) as u8
        })
        .take(12 << 20)
        .collect();
        let mut edited = data.clone();
        edited.splice(5_000_000..5_000_000, *b"one more line\n");
        let pieces = |mut rest: &[u8]| {
            let mut digests = Vec::new();
            while !rest.is_empty() {
                let len = Cutting::ByContent.next(&rest[..rest.len().min(MAX_FRAME)]);
                digests.push(crate::digest::Digest::of(&rest[..len]));
                rest = &rest[len..];
            }
            digests
        };
        let (before, after) = (pieces(&data), pieces(&edited));
        let new = after.iter().filter(|digest| !before.contains(digest)).count();
        assert!(before.len() >= 6 && (1..=2).contains(&new), "{new} of {}", before.len());
    }
}
