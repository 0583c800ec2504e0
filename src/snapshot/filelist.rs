//! The text of `<root>/files/<unit>`: one path a line. `docs/format.md` is the norm.
//!
//! ```text
//! f 0644 1700000000.000000000 1234 <sha256> lib/libz.a<TAB>prefix=text
//! d 0755 1700000000.000000000 lib
//! l 1700000000.000000000 lib/libz.so<TAB>target=libz.so.1
//! ```

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use super::entry::{Entry, FileNode, Node, PrefixUse, Xattr};
use super::path::{RelPath, escape, unescape};
use crate::digest::Digest;

/// A line that is no entry, or that is out of order.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ParseError {
    /// 1 for the first line.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// Writes entries, which must be sorted by path.
pub fn encode<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        encode_entry(entry, &mut out);
    }
    out
}

fn encode_entry(entry: &Entry, out: &mut Vec<u8>) {
    match &entry.node {
        Node::File(file) => {
            out.extend_from_slice(b"f ");
            push_mode(entry.mode, out);
            push_mtime(entry.mtime, out);
            push_number(file.size, 1, out);
            out.push(b' ');
            file.digest.write_hex(out);
        }
        Node::Dir => {
            out.extend_from_slice(b"d ");
            push_mode(entry.mode, out);
            push_mtime(entry.mtime, out);
            out.pop();
        }
        Node::Symlink(_) => {
            out.extend_from_slice(b"l ");
            push_mtime(entry.mtime, out);
            out.pop();
        }
    }
    out.push(b' ');
    out.extend_from_slice(escape(entry.path.as_bytes()).as_bytes());
    let mut attribute = |key: &str, value: &str| {
        out.push(b'\t');
        out.extend_from_slice(key.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.as_bytes());
    };
    match &entry.node {
        Node::Symlink(target) => attribute("target", &escape(target)),
        Node::File(file) => {
            match file.prefix {
                PrefixUse::None => {}
                PrefixUse::Text => attribute("prefix", "text"),
                PrefixUse::Binary => attribute("prefix", "binary"),
                PrefixUse::Fixed => attribute("prefix", "fixed"),
            }
            if file.sparse {
                attribute("sparse", "1");
            }
            if let Some(first) = &file.hardlink {
                attribute("hardlink", &escape(first.as_bytes()));
            }
        }
        Node::Dir => {}
    }
    for xattr in &entry.xattrs {
        attribute(
            &format!("xattr:{}", escape(&xattr.name).replace('=', "\\x3d")),
            &BASE64.encode(&xattr.value),
        );
    }
    out.push(b'\n');
}

fn push_mode(mode: u32, out: &mut Vec<u8>) {
    for shift in [9, 6, 3, 0] {
        out.push(b'0' + (mode >> shift & 7) as u8);
    }
    out.push(b' ');
}

/// Seconds and nanoseconds, rounded down as POSIX does: −1 ns is `-1.999999999`.
fn push_mtime(mtime: i64, out: &mut Vec<u8>) {
    let seconds = mtime.div_euclid(1_000_000_000);
    if seconds < 0 {
        out.push(b'-');
    }
    push_number(seconds.unsigned_abs(), 1, out);
    out.push(b'.');
    push_number(mtime.rem_euclid(1_000_000_000).unsigned_abs(), 9, out);
    out.push(b' ');
}

fn push_number(mut number: u64, digits: usize, out: &mut Vec<u8>) {
    let mut buffer = [b'0'; 20];
    let mut at = buffer.len();
    while number > 0 || buffer.len() - at < digits {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&buffer[at..]);
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// Names the first line that is malformed or not after its predecessor.
pub fn decode(text: &[u8]) -> Result<Vec<Entry>, ParseError> {
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in text.split_inclusive(|b| *b == b'\n').enumerate() {
        let fail = |what: &str| ParseError {
            line: at + 1,
            what: what.to_owned(),
        };
        let line = line.strip_suffix(b"\n").ok_or_else(|| fail("is cut short"))?;
        let entry = decode_entry(line).map_err(|what| fail(&what))?;
        if entries.last().is_some_and(|last| last.path >= entry.path) {
            return Err(fail("is not sorted by path"));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Cuts a text at ends of lines into parts of about so many bytes: each can be decoded by itself, as long as [`join`] is
/// asked whether they are a whole.
pub fn cut(text: &[u8], about: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let least = (from + about.max(1)).min(text.len());
        let to = memchr::memchr(b'\n', &text[least - 1..]).map_or(text.len(), |at| least + at);
        parts.push(from..to);
        from = to;
    }
    parts
}

/// The entries of a text of which all parts were decoded; nothing if one begins before the one ahead of it ends.
pub fn join(parts: Vec<Vec<Entry>>) -> Option<Vec<Entry>> {
    let ends = parts
        .iter()
        .filter_map(|part| Some((&part.first()?.path, &part.last()?.path)));
    let ends: Vec<_> = ends.collect();
    if ends.windows(2).any(|two| two[0].1 >= two[1].0) {
        return None;
    }
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    parts.for_each(|mut part| all.append(&mut part));
    Some(all)
}

/// The entry at a path, found without reading the others.
///
/// # Errors
/// Its line is malformed.
pub fn find(text: &[u8], path: &RelPath) -> Result<Option<Entry>, ParseError> {
    let needle = format!(" {}", escape(path.as_bytes()));
    for at in memchr::memmem::find_iter(text, needle.as_bytes()) {
        let end = at + needle.len();
        if !matches!(text.get(end), Some(b'\n' | b'\t')) {
            continue;
        }
        let start = memchr::memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1);
        let end = memchr::memchr(b'\n', &text[end..]).map_or(text.len(), |length| end + length);
        let fail = |what| ParseError {
            line: memchr::memchr_iter(b'\n', &text[..start]).count() + 1,
            what,
        };
        // The needle may be the end of another path, or of a link's target.
        let entry = decode_entry(&text[start..end]).map_err(fail)?;
        if entry.path == *path {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

fn decode_entry(line: &[u8]) -> Result<Entry, String> {
    let (kind, mut rest) = (line.first(), line.get(2..).unwrap_or_default());
    let mut field = |what: &str| {
        let end = memchr::memchr(b' ', rest).ok_or_else(|| format!("has no {what}"))?;
        let (value, tail) = (&rest[..end], &rest[end + 1..]);
        rest = tail;
        Ok::<&[u8], String>(value)
    };
    let mut mode = 0;
    if !matches!(kind, Some(b'f' | b'd' | b'l')) {
        return Err("has an unknown type".to_owned());
    }
    if !matches!(kind, Some(b'l')) {
        mode = parse_mode(field("mode")?).ok_or("has a bad mode")?;
    }
    let mtime = parse_mtime(field("time")?).ok_or("has a bad time")?;
    let mut node = match kind {
        Some(b'd') => Node::Dir,
        Some(b'l') => Node::Symlink(Vec::new()),
        _ => {
            let size = parse_number(field("size")?).ok_or("has a bad size")?;
            let digest = Digest::from_hex(field("digest")?).ok_or("has a bad digest")?;
            Node::File(FileNode {
                size,
                digest,
                prefix: PrefixUse::None,
                sparse: false,
                hardlink: None,
            })
        }
    };
    let mut parts = rest.split(|b| *b == b'\t');
    let text = parts.next().unwrap_or_default();
    let path = RelPath::parse(text).map_err(|e| e.to_string())?;
    // One path has one form, by which it is found without reading all lines.
    let is_plain = text.iter().all(|b| matches!(b, b' '..=b'[' | b']'..=b'~'));
    if !is_plain && escape(path.as_bytes()).as_bytes() != text {
        return Err("has a path that is not escaped as it must be".to_owned());
    }
    let mut xattrs = Vec::new();
    for attribute in parts {
        decode_attribute(attribute, &mut node, &mut xattrs)
            .ok_or_else(|| format!("has a bad attribute {:?}", String::from_utf8_lossy(attribute)))?;
    }
    Ok(Entry {
        path,
        mode,
        mtime,
        node,
        xattrs,
    })
}

fn decode_attribute(attribute: &[u8], node: &mut Node, xattrs: &mut Vec<Xattr>) -> Option<()> {
    let equals = memchr::memchr(b'=', attribute)?;
    let (key, value) = (&attribute[..equals], &attribute[equals + 1..]);
    match (key, node) {
        (b"target", Node::Symlink(target)) => *target = unescape(value)?,
        (b"prefix", Node::File(file)) => {
            file.prefix = match value {
                b"text" => PrefixUse::Text,
                b"binary" => PrefixUse::Binary,
                b"fixed" => PrefixUse::Fixed,
                _ => return None,
            }
        }
        (b"sparse", Node::File(file)) => file.sparse = value == b"1",
        (b"hardlink", Node::File(file)) => file.hardlink = Some(RelPath::parse(value).ok()?),
        // Attributes of other kinds are rights (capabilities, access lists), which no inventory gives.
        (key, _) => xattrs.push(Xattr {
            name: unescape(key.strip_prefix(b"xattr:")?).filter(|name| name.starts_with(b"user."))?,
            value: BASE64.decode(value).ok()?,
        }),
    }
    Some(())
}

fn parse_mode(text: &[u8]) -> Option<u32> {
    let octal = text.len() == 4 && text.iter().all(|b| (b'0'..=b'7').contains(b));
    octal.then(|| text.iter().fold(0, |mode, b| mode << 3 | u32::from(b - b'0')))
}

fn parse_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn parse_mtime(text: &[u8]) -> Option<i64> {
    let dot = text.len().checked_sub(10).filter(|dot| text[*dot] == b'.')?;
    let (sign, seconds) = match text[..dot].strip_prefix(b"-") {
        Some(seconds) => (-1, seconds),
        None => (1, &text[..dot]),
    };
    let seconds = i64::try_from(parse_number(seconds)?).ok()?.checked_mul(sign)?;
    let nanoseconds = i64::try_from(parse_number(&text[dot + 1..])?).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = Entry> {
        let path =
            proptest::collection::vec(any::<u8>(), 1..12).prop_filter_map("plain", |bytes| RelPath::new(bytes).ok());
        let file = (
            any::<u64>(),
            any::<[u8; 32]>(),
            any::<bool>(),
            0..4,
            proptest::option::of(path.clone()),
        )
            .prop_map(|(size, digest, sparse, prefix, hardlink)| {
                Node::File(FileNode {
                    size,
                    digest: Digest::from_bytes(digest),
                    prefix: [PrefixUse::None, PrefixUse::Text, PrefixUse::Binary, PrefixUse::Fixed][prefix as usize],
                    sparse,
                    hardlink,
                })
            });
        let node = prop_oneof![Just(Node::Dir), file, any::<Vec<u8>>().prop_map(Node::Symlink),];
        let xattr = (any::<Vec<u8>>(), any::<Vec<u8>>()).prop_map(|(name, value)| Xattr {
            name: [&b"user."[..], &name].concat(),
            value,
        });
        (
            path,
            0u32..0o10000,
            any::<i64>(),
            node,
            proptest::collection::vec(xattr, 0..3),
        )
            .prop_map(|(path, mode, mtime, node, xattrs)| Entry {
                path,
                mode: if matches!(node, Node::Symlink(_)) { 0 } else { mode },
                mtime: mtime.max(i64::MIN + 1_000_000_000),
                node,
                xattrs,
            })
    }

    proptest! {
        #[test]
        fn the_parts_of_a_text_are_the_whole(entries in proptest::collection::vec(entry(), 0..12), about in 1usize..200) {
            let mut entries = entries;
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            entries.dedup_by(|a, b| a.path == b.path);
            let text = encode(&entries);
            let parts = cut(&text, about);
            prop_assert_eq!(parts.iter().flat_map(|part| &text[part.clone()]).count(), text.len());
            let decoded: Vec<_> = parts.into_iter().map(|part| decode(&text[part]).unwrap()).collect();
            let swapped: Vec<_> = decoded.iter().rev().cloned().collect();
            prop_assert_eq!(join(swapped).is_some(), decoded.len() < 2);
            prop_assert_eq!(join(decoded), Some(entries));
        }

        #[test]
        fn lists_round_trip(mut entries in proptest::collection::vec(entry(), 0..20)) {
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            entries.dedup_by(|a, b| a.path == b.path);
            let text = encode(&entries);
            prop_assert_eq!(text.iter().filter(|b| **b == b'\n').count(), entries.len());
            prop_assert_eq!(decode(&text).unwrap(), entries);
        }

        #[test]
        fn what_is_found_is_what_a_full_reading_finds(
            mut entries in proptest::collection::vec(entry(), 0..20),
            absent in "[a-c ]{1,3}",
        ) {
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            entries.dedup_by(|a, b| a.path == b.path);
            let text = encode(&entries);
            let absent = RelPath::new(absent).unwrap();
            let paths: Vec<RelPath> = entries.iter().map(|entry| entry.path.clone()).chain([absent]).collect();
            for path in paths {
                let naive = entries.iter().find(|entry| entry.path == path).cloned();
                prop_assert_eq!(find(&text, &path).unwrap(), naive);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn a_list_reads_as_documented() {
        let text = "d 0755 1700000000.000000000 lib\n\
                    f 0644 1700000000.123456789 4 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 lib/a b\tprefix=text\n\
                    l -1.999999999 lib/l\ttarget=a\\tb\n";
        let entries = decode(text.as_bytes()).unwrap();
        assert_eq!(entries[1].mtime, 1_700_000_000_123_456_789);
        assert_eq!(entries[2].mtime, -1);
        assert_eq!(String::from_utf8(encode(&entries)).unwrap(), text);
    }

    #[test]
    fn a_path_that_ends_another_is_not_taken_for_it() {
        let text =
            b"d 0755 1.000000000 a b\nl 1.000000000 c\ttarget=x b\nd 0755 2.000000000 b\nd 0755 1.000000000 b c\n";
        let found = find(text, &RelPath::new("b").unwrap()).unwrap().unwrap();
        assert_eq!(found.mtime, 2_000_000_000);
        assert_eq!(find(text, &RelPath::new("bc").unwrap()).unwrap(), None);
        let error = find(b"d 0755 1.000000000 a\nd 9 1 b\n", &RelPath::new("b").unwrap()).unwrap_err();
        assert_eq!(error.line, 2);
    }

    #[test]
    fn damage_is_named_by_line() {
        let good = "d 0755 1.000000000 b\n";
        for (bad, what) in [
            ("d 0755 1.000000000 a\n", "sorted"),
            ("x 0755 1.000000000 c\n", "type"),
            ("d 9755 1.000000000 c\n", "mode"),
            ("d 0755 1.0 c\n", "time"),
            ("d 0755 1.000000000 ../c\n", "plain"),
            ("d 0755 1.000000000 c\tsparse=1\n", "attribute"),
            ("d 0755 1.000000000 c", "cut"),
        ] {
            let error = decode(format!("{good}{bad}").as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("line 2:") && error.contains(what), "{bad:?}: {error}");
        }
    }
}
