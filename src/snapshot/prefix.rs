//! Finding the absolute path of a root in the content of its files, while they are read.

use super::entry::PrefixUse;

/// Searches a stream for a prefix and tells text from binary, as git does: by a NUL in the first 8 KiB.
#[derive(Clone, Debug)]
pub struct PrefixScan<'a> {
    needle: &'a [u8],
    tail: Vec<u8>,
    seen: usize,
    binary: bool,
    found: bool,
}

const SNIFF: usize = 8 * 1024;

impl<'a> PrefixScan<'a> {
    /// A search for `needle`; an empty one is never found.
    pub fn new(needle: &'a [u8]) -> Self {
        Self {
            needle,
            tail: Vec::new(),
            seen: 0,
            binary: false,
            found: needle.is_empty(),
        }
    }

    /// The next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        if self.seen < SNIFF && !self.binary {
            let head = &bytes[..bytes.len().min(SNIFF - self.seen)];
            self.binary = memchr::memchr(0, head).is_some();
        }
        self.seen = self.seen.saturating_add(bytes.len());
        if self.found {
            return;
        }
        let overlap = self.needle.len() - 1;
        if !self.tail.is_empty() {
            self.tail.extend_from_slice(&bytes[..bytes.len().min(overlap)]);
            self.found = memchr::memmem::find(&self.tail, self.needle).is_some();
        }
        self.found = self.found || memchr::memmem::find(bytes, self.needle).is_some();
        if bytes.len() >= overlap {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - overlap..]);
        } else if self.tail.is_empty() {
            self.tail.extend_from_slice(bytes);
        } else if self.tail.len() > overlap {
            self.tail.drain(..self.tail.len() - overlap);
        }
    }

    /// What the whole stream was.
    pub fn finish(&self) -> PrefixUse {
        match (self.found && !self.needle.is_empty(), self.binary) {
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
            needle in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b')], 0..5),
            cuts in proptest::collection::vec(1usize..6, 0..40),
        ) {
            let mut scan = PrefixScan::new(&needle);
            let mut rest = &bytes[..];
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                scan.update(head);
                rest = tail;
            }
            let found = !needle.is_empty() && bytes.windows(needle.len()).any(|w| w == needle);
            let expected = match (found, bytes.contains(&0)) {
                (false, _) => PrefixUse::None,
                (true, false) => PrefixUse::Text,
                (true, true) => PrefixUse::Binary,
            };
            prop_assert_eq!(scan.finish(), expected);
        }
    }
}
