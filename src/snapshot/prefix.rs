//! Finding the absolute paths of roots in the content of files, while they are read.

use super::entry::PrefixUse;

/// Searches a stream for paths and tells text from binary, as git does: by a NUL in the first 8 KiB.
#[derive(Clone, Debug)]
pub struct PrefixScan<'a> {
    needles: &'a [Vec<u8>],
    /// The end of what was read, in which a path may begin.
    tail: Vec<u8>,
    overlap: usize,
    seen: usize,
    binary: bool,
    found: bool,
}

impl<'a> PrefixScan<'a> {
    /// So far into a stream a NUL tells that it is no text.
    pub const SNIFF: usize = 8 * 1024;

    /// A search for `needles`; an empty one is never found.
    pub fn new(needles: &'a [Vec<u8>]) -> Self {
        let longest = needles.iter().map(Vec::len).max().unwrap_or(0);
        Self {
            needles,
            tail: Vec::new(),
            overlap: longest.saturating_sub(1),
            seen: 0,
            binary: false,
            found: false,
        }
    }

    /// The next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        if self.seen < Self::SNIFF && !self.binary {
            let head = &bytes[..bytes.len().min(Self::SNIFF - self.seen)];
            self.binary = memchr::memchr(0, head).is_some();
        }
        self.seen = self.seen.saturating_add(bytes.len());
        if self.found || self.overlap == 0 && self.needles.iter().all(Vec::is_empty) {
            return;
        }
        if !self.tail.is_empty() {
            self.tail.extend_from_slice(&bytes[..bytes.len().min(self.overlap)]);
            self.found = self.holds(&self.tail);
        }
        self.found = self.found || self.holds(bytes);
        if bytes.len() >= self.overlap {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - self.overlap..]);
        } else if self.tail.is_empty() {
            self.tail.extend_from_slice(bytes);
        } else if self.tail.len() > self.overlap {
            self.tail.drain(..self.tail.len() - self.overlap);
        }
    }

    fn holds(&self, bytes: &[u8]) -> bool {
        let mut needles = self.needles.iter().filter(|needle| !needle.is_empty());
        needles.any(|needle| memchr::memmem::find(bytes, needle).is_some())
    }

    /// What the whole stream was.
    pub fn finish(&self) -> PrefixUse {
        match (self.found, self.binary) {
            (false, _) => PrefixUse::None,
            (true, false) => PrefixUse::Text,
            (true, true) => PrefixUse::Binary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_split_of_the_stream_finds_the_same(
            bytes in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), Just(0u8)], 0..40),
            needles in proptest::collection::vec(
                proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b')], 0..6), 0..3),
            cuts in proptest::collection::vec(1usize..6, 0..40),
        ) {
            let mut scan = PrefixScan::new(&needles);
            let mut rest = &bytes[..];
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                scan.update(head);
                rest = tail;
            }
            let holds = |needle: &Vec<u8>| !needle.is_empty() && bytes.windows(needle.len()).any(|w| w == needle);
            let expected = match (needles.iter().any(holds), bytes.contains(&0)) {
                (false, _) => PrefixUse::None,
                (true, false) => PrefixUse::Text,
                (true, true) => PrefixUse::Binary,
            };
            prop_assert_eq!(scan.finish(), expected);
        }
    }
}
