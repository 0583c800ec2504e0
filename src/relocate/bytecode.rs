//! Byte code (`.pyc`), which is never patched: a change of length would break it.
//!
//! The interpreter corrects the path of the source when it loads byte code, but not constants in it. Byte code whose
//! constants name a root was made of a source that names it, and that source is another one at another place. Of equal
//! length and time it would still be taken for the same. So its time is inverted: the interpreter then finds that the byte
//! code is not of this source, and compiles that. Done twice it is as before.
//!
//! Which place it names does not matter: what was compiled here and names only here is recorded with an inverted time, so
//! that it is stale everywhere else, at home as well.

use crate::snapshot::path::RelPath;

/// The header ([PEP 552](https://peps.python.org/pep-0552/)): magic number, flags, then time and length of the source or
/// its hash.
const HEADER: usize = 16;
/// Flags, four bytes; zero where the source is checked by time.
const FLAGS: std::ops::Range<usize> = 4..8;
/// The time of the source.
const TIME: std::ops::Range<usize> = 8..12;
/// Byte code that is made of the hash of its source, and never checked. With inverted flags no interpreter takes it. One
/// that is checked by hash is found stale by that.
const UNCHECKED: [u8; 4] = [1, 0, 0, 0];

/// Whether it is byte code by its name.
pub(super) fn is_code(path: &RelPath) -> bool {
    path.as_bytes().ends_with(b".pyc")
}

/// Byte code as it must be at the other place, where anything in it matters there. `tokens` are the paths that are other ones
/// there, and `places` those at which its own root may stand. Strings have no end in byte code, so that a longer name which
/// begins with such a path counts, too; then it is compiled for nothing.
pub(super) fn change(path: &RelPath, bytes: &[u8], tokens: &[Vec<u8>], places: [&[u8]; 2]) -> Option<Vec<u8>> {
    if bytes.len() <= HEADER || bytes[2..4] != *b"\r\n" {
        return None;
    }
    let inverted = match &bytes[FLAGS] {
        [0, 0, 0, 0] => TIME,
        flags if *flags == UNCHECKED || *flags == UNCHECKED.map(|byte| !byte) => FLAGS,
        _ => return None,
    };
    let source = source(path.as_bytes())?;
    let is_source = |start: usize| {
        let of_place = |place: &[u8]| bytes[start..].starts_with(&[place, b"/", &source[..]].concat());
        places.into_iter().any(of_place)
    };
    let mut found = tokens
        .iter()
        .flat_map(|token| memchr::memmem::find_iter(&bytes[HEADER..], token));
    let names_a_root = found.any(|start| !is_source(HEADER + start));
    names_a_root.then(|| {
        let mut changed = bytes.to_vec();
        changed[inverted].iter_mut().for_each(|byte| *byte = !*byte);
        changed
    })
}

/// `D/NAME.py` of `D/__pycache__/NAME.TAG.pyc` ([PEP 3147](https://peps.python.org/pep-3147/)).
fn source(code: &[u8]) -> Option<Vec<u8>> {
    const CACHE: &[u8] = b"__pycache__/";
    let at = memchr::memmem::rfind(code, CACHE)?;
    let name = &code[at + CACHE.len()..];
    let end = memchr::memchr(b'.', name)?;
    Some([&code[..at], &name[..end], b".py"].concat())
}

#[cfg(test)]
mod tests {
    use super::super::paths::{Pair, Paths};
    use super::*;

    #[test]
    fn byte_code_of_a_source_that_names_a_root_is_not_taken_for_that_of_another_place() {
        let pair = Pair {
            home: b"/ada/e".to_vec(),
            here: b"/bob/e".to_vec(),
        };
        let places: [&[u8]; 2] = [b"/ada/e", b"/bob/e"];
        let paths = Paths::new(vec![pair]);
        let tokens = paths.tokens();
        let path = RelPath::new(&b"lib/__pycache__/conf.cpython-311.pyc"[..]).unwrap();
        let code = |flags: u8, text: &str| {
            let mut bytes = vec![0xa7, 0x0d, b'\r', b'\n', flags, 0, 0, 0, 1, 2, 3, 4, 20, 0, 0, 0];
            bytes.extend(text.as_bytes());
            bytes
        };
        let names = code(0, "\u{1}/ada/eN\u{1}/ada/e/lib/conf.pyN");
        let changed = change(&path, &names, tokens, places).unwrap();
        assert_eq!(changed[8..12], [254, 253, 252, 251]);
        assert_eq!(change(&path, &changed, tokens, places).unwrap(), names);
        let unchecked = code(1, "\u{1}/bob/e/share\0");
        let changed = change(&path, &unchecked, tokens, places).unwrap();
        assert_eq!(changed[4..12], [254, 255, 255, 255, 1, 2, 3, 4]);
        assert_eq!(change(&path, &changed, tokens, places).unwrap(), unchecked);
        for same in [
            code(0, "\u{1}/ada/e/lib/conf.py\0"),
            code(3, "\u{1}/ada/e/share\0"),
            b"/ada/e/share".to_vec(),
        ] {
            assert_eq!(change(&path, &same, tokens, places), None);
        }
    }
}
