//! Paths beneath a root: bytes, relative, `/`-separated, checked once at the border.

use std::borrow::Borrow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path beneath a root. Never empty, never absolute, without `.`, `..`, empty components or NUL.
///
/// The order is that of the bytes; every list of envgit is sorted by it, so that comparing two lists is one merge.
///
/// A clone shares the bytes: a checkout holds the same path in its listing, its plan, its report and more.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Arc<[u8]>);

/// Why bytes are not a [`RelPath`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{path} is not a plain relative path")]
pub struct BadPath {
    /// The path, escaped as by [`escape`].
    pub path: String,
}

impl RelPath {
    /// Checks bytes.
    ///
    /// # Errors
    /// When they are empty, absolute, hold NUL, or have an empty, `.` or `..` component.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, BadPath> {
        let bytes = bytes.as_ref();
        if is_plain(bytes) {
            Ok(Self(bytes.into()))
        } else {
            Err(BadPath { path: escape(bytes) })
        }
    }

    /// Wraps bytes that came from a directory listing, which the kernel keeps plain.
    pub(crate) fn from_listing(bytes: &[u8]) -> Self {
        debug_assert!(is_plain(bytes));
        Self(bytes.into())
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As a relative path of the operating system.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// This path beneath `root`.
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(self.as_path())
    }

    /// The last component.
    pub fn file_name(&self) -> &[u8] {
        let start = self.0.iter().rposition(|b| *b == b'/').map_or(0, |i| i + 1);
        &self.0[start..]
    }

    /// The path without its last component, if it has more than one.
    pub fn parent(&self) -> Option<&[u8]> {
        let end = self.0.iter().rposition(|b| *b == b'/')?;
        Some(&self.0[..end])
    }

    /// All proper ancestors, shortest first: `a`, `a/b` for `a/b/c`.
    pub fn ancestors(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'/')
            .map(|(i, _)| &self.0[..i])
    }

    /// Whether this path is `dir` or lies beneath it.
    pub fn is_within(&self, dir: &[u8]) -> bool {
        self.0.starts_with(dir) && (self.0.len() == dir.len() || self.0[dir.len()] == b'/')
    }

    /// `self/name`.
    pub fn join(&self, name: &[u8]) -> Result<Self, BadPath> {
        Self::new([&self.0, &b"/"[..], name].concat())
    }

    /// Reads the form written by [`escape`].
    ///
    /// # Errors
    /// When the text holds an unknown escape or the result is no plain relative path.
    pub fn parse(text: &[u8]) -> Result<Self, BadPath> {
        let bad = || BadPath {
            path: String::from_utf8_lossy(text).into_owned(),
        };
        Self::new(unescape(text).ok_or_else(bad)?)
    }
}

/// Not empty, no NUL, no empty, `.` or `..` component.
fn is_plain(path: &[u8]) -> bool {
    let (Some(first), Some(b'\x01'..=b'.' | b'0'..)) = (path.first(), path.last()) else {
        return false;
    };
    // Only behind a slash can a path go wrong, and hardly one has a dot or another slash there: that none has is seen
    // without a branch a byte.
    let odd = |before: u8, byte: u8| (byte == 0) | ((before == b'/') & ((byte == b'/') | (byte == b'.')));
    let pairs = path.iter().zip(&path[1..]);
    let is_odd = pairs.fold(*first == 0, |found, (before, byte)| found | odd(*before, *byte));
    if !is_odd && !matches!(first, b'/' | b'.') {
        return true;
    }
    let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && memchr::memchr(0, name).is_none();
    path.split(|byte| *byte == b'/').all(is_name)
}

/// Where in a sorted list that stands which is beneath a directory.
pub fn beneath<T>(list: &[T], dir: &[u8], path: impl Fn(&T) -> &[u8]) -> (usize, usize) {
    let prefix = [dir, b"/"].concat();
    let from = list.partition_point(|item| path(item) < &prefix[..]);
    let count = list[from..].partition_point(|item| path(item).starts_with(&prefix));
    (from, from + count)
}

/// Whether a path, or a directory above it, is among sorted ones.
pub fn is_at_or_within(sorted: &[RelPath], path: &RelPath) -> bool {
    let is_known = |path: &[u8]| sorted.binary_search_by(|known| known.as_bytes().cmp(path)).is_ok();
    is_known(path.as_bytes()) || path.ancestors().any(is_known)
}

impl Borrow<[u8]> for RelPath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// Escaped as by [`escape`].
impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Escaped text in formats for people (JSON), raw bytes in the caches.
impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::parse(text.as_bytes()).map_err(D::Error::custom)
        } else {
            let bytes = <&serde_bytes::Bytes>::deserialize(deserializer)?;
            Self::new(bytes).map_err(D::Error::custom)
        }
    }
}

/// Bytes as one line of UTF-8 text: backslash as `\\`, newline, tab and carriage return as `\n`, `\t`, `\r`,
/// other control characters and bytes that are not UTF-8 as `\xNN`. Everything else stands for itself.
///
/// The same form serves inventories, JSON and the terminal.
pub fn escape(bytes: &[u8]) -> String {
    if bytes.iter().all(|b| matches!(b, b' '..=b'[' | b']'..=b'~')) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    use fmt::Write;
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                c if c.is_control() => {
                    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                        let _ = write!(out, "\\x{byte:02x}");
                    }
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The bytes that [`escape`] wrote, or nothing when an escape is malformed.
pub fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    if memchr::memchr(b'\\', text).is_none() {
        return Some(text.to_vec());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        out.push(match rest.next()? {
            b'\\' => b'\\',
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'x' => {
                let digits = [*rest.next()?, *rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_plain_relative_paths_pass() {
        for good in ["a", "a/b", ".hidden", "a/..b", "naïve/重庆"] {
            assert!(RelPath::new(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\0"] {
            assert!(RelPath::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn within_respects_component_borders() {
        let path = RelPath::new("lib/python").unwrap();
        assert!(path.is_within(b"lib") && path.is_within(b"lib/python"));
        assert!(!path.is_within(b"li") && !path.is_within(b"lib/py"));
        assert_eq!(path.ancestors().collect::<Vec<_>>(), [b"lib"]);
    }

    proptest! {
        #[test]
        fn a_path_is_plain_if_each_of_its_names_is(path in "[a./\0]{0,9}") {
            let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
            prop_assert_eq!(RelPath::new(&path).is_ok(), path.split('/').all(is_name));
        }

        #[test]
        fn escape_round_trips_any_bytes_on_one_line(bytes: Vec<u8>) {
            let text = escape(&bytes);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(unescape(text.as_bytes()), Some(bytes));
        }
    }
}
