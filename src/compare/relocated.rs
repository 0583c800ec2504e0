//! Whether two files of two environments are the same but for the paths at which the environments stand.

use std::collections::BTreeSet;

use crate::snapshot::entry::PrefixUse;

/// A file's bytes, and the absolute path of the environment that it is of.
#[derive(Clone, Copy)]
pub struct Placed<'a> {
    /// The bytes, or the target of a link.
    pub bytes: &'a [u8],
    /// The path.
    pub prefix: &'a [u8],
}

/// Whether both are the same once each one's own prefix is replaced by the same marker. In binaries the marker stands
/// in a string that ends in a NUL, and what it is shorter is made up with NULs behind that string, as conda does.
pub fn same_but_for_prefix(a: Placed<'_>, b: Placed<'_>, how: PrefixUse) -> bool {
    match how {
        PrefixUse::Binary => in_strings(a) == in_strings(b),
        PrefixUse::None | PrefixUse::Text | PrefixUse::Fixed => in_text(a) == in_text(b),
    }
}

/// Where a prefix stands as a path of its own: not as the beginning of a longer name.
fn places(file: Placed<'_>) -> Vec<usize> {
    if file.prefix.is_empty() {
        return Vec::new();
    }
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+');
    memchr::memmem::find_iter(file.bytes, file.prefix)
        .filter(|at| !file.bytes.get(at + file.prefix.len()).is_some_and(goes_on))
        .collect()
}

/// Stands for a prefix. Text holds no NUL.
const IN_TEXT: &[u8] = b"\0prefix\0";

fn in_text(file: Placed<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(file.bytes.len());
    let mut done = 0;
    for at in places(file) {
        out.extend_from_slice(&file.bytes[done..at]);
        out.extend_from_slice(IN_TEXT);
        done = at + file.prefix.len();
    }
    out.extend_from_slice(&file.bytes[done..]);
    out
}

/// Stands for a prefix in binaries: one byte, so that it is never longer.
const IN_STRINGS: u8 = 1;

fn in_strings(file: Placed<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(file.bytes.len());
    let (mut done, mut owed) = (0, 0);
    let copy = |out: &mut Vec<u8>, from: usize, to: usize, owed: &mut usize| {
        let part = &file.bytes[from..to];
        match memchr::memchr(0, part).filter(|_| *owed > 0) {
            Some(end) => {
                out.extend_from_slice(&part[..end]);
                out.resize(out.len() + std::mem::take(owed), 0);
                out.extend_from_slice(&part[end..]);
            }
            None => out.extend_from_slice(part),
        }
    };
    for at in places(file) {
        copy(&mut out, done, at, &mut owed);
        out.push(IN_STRINGS);
        owed += file.prefix.len() - 1;
        done = at + file.prefix.len();
    }
    copy(&mut out, done, file.bytes.len(), &mut owed);
    out
}

/// Whether two `RECORD`s of pip say the same but for the hashes of files outside the folder of packages: the scripts
/// whose first line holds the prefix. The order of lines does not count.
pub fn same_record(a: &[u8], b: &[u8]) -> bool {
    fn lines(text: &[u8]) -> BTreeSet<&[u8]> {
        let line = |line: &'_ [u8]| -> usize {
            match line.starts_with(b"../") {
                true => memchr::memchr(b',', line).unwrap_or(line.len()),
                false => line.len(),
            }
        };
        let all = text
            .split(|b| *b == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        all.filter(|text| !text.is_empty())
            .map(|text| &text[..line(text)])
            .collect()
    }
    lines(a) == lines(b)
}

/// Whether two records of conda say the same but for digests and sizes of files that hold the prefix.
pub fn same_conda_record(a: &[u8], b: &[u8]) -> bool {
    let read = |text: &[u8]| {
        let mut record: serde_json::Value = serde_json::from_slice(text).ok()?;
        let paths = record
            .pointer_mut("/paths_data/paths")
            .and_then(|paths| paths.as_array_mut());
        for path in paths.into_iter().flatten() {
            let Some(path) = path.as_object_mut() else { continue };
            let is_script = path
                .get("path_type")
                .is_some_and(|kind| kind == "unix_python_entry_point");
            if is_script || path.contains_key("prefix_placeholder") {
                path.shift_remove("sha256_in_prefix");
                path.shift_remove("size_in_bytes");
            }
            if is_script {
                // The installer makes it: no package holds it.
                path.shift_remove("sha256");
            }
        }
        Some(record)
    };
    match (read(a), read(b)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn placed<'a>(bytes: &'a [u8], prefix: &'a str) -> Placed<'a> {
        Placed {
            bytes,
            prefix: prefix.as_bytes(),
        }
    }

    #[test]
    fn a_prefix_is_a_whole_path() {
        let same = |a: &str, b: &str| {
            same_but_for_prefix(
                placed(a.as_bytes(), "/e/a"),
                placed(b.as_bytes(), "/e/bc"),
                PrefixUse::Text,
            )
        };
        assert!(same("#!/e/a/bin/python\n", "#!/e/bc/bin/python\n"));
        assert!(same("PATH=/e/a:/e/a/bin", "PATH=/e/bc:/e/bc/bin"));
        assert!(!same("#!/e/a/bin/python\n", "#!/e/bc/bin/python3\n"));
        assert!(!same("/e/a/bin", "/bin"), "what is gone is a difference");
        assert!(!same("/e/a2/bin", "/e/bc2/bin"), "these are other environments");
        assert!(!same("/e/a", "/e/a"), "one points into the other");
    }

    #[test]
    fn strings_in_binaries_keep_their_length() {
        let same = |a: &[u8], b: &[u8]| same_but_for_prefix(placed(a, "/e/a"), placed(b, "/e/bcd"), PrefixUse::Binary);
        assert!(same(b"\x7fELF/e/a/lib\0\0\0\0x", b"\x7fELF/e/bcd/lib\0\0x"));
        assert!(same(b"-L/e/a/lib -I/e/a/i\0\0\0\0\0x", b"-L/e/bcd/lib -I/e/bcd/i\0x"));
        assert!(!same(b"/e/a/lib\0\0\0x", b"/e/bcd/lib\0\0x"), "another length");
        assert!(!same(b"/e/a/lib\0\0\0x", b"/e/bcd/lib\0y"));
    }

    #[test]
    fn records_are_the_same_but_for_scripts() {
        let record = |hash: &str, module: &str| format!("../../../bin/f,sha256={hash},9\r\nm.py,sha256={module},2\r\n");
        assert!(same_record(
            record("aa", "bb").as_bytes(),
            record("cc", "bb").as_bytes()
        ));
        assert!(!same_record(
            record("aa", "bb").as_bytes(),
            record("aa", "cc").as_bytes()
        ));
        assert!(!same_record(record("aa", "bb").as_bytes(), b"m.py,sha256=bb,2\n"));
        let conda = |hash: &str, holds: bool, version: &str| {
            let placeholder = if holds { r#""prefix_placeholder":"/opt","# } else { "" };
            format!(
                r#"{{"version":"{version}","paths_data":{{"paths":[{{{placeholder}"_path":"a","sha256_in_prefix":"{hash}"}}]}}}}"#
            )
        };
        let same = |a: String, b: String| same_conda_record(a.as_bytes(), b.as_bytes());
        assert!(same(conda("aa", true, "1"), conda("bb", true, "1")));
        assert!(!same(conda("aa", true, "1"), conda("bb", true, "2")));
        assert!(!same(conda("aa", false, "1"), conda("bb", false, "1")));
        assert!(
            !same("{".to_owned(), "{".to_owned()),
            "what cannot be read is not known to be the same"
        );
    }

    proptest! {
        /// What is made from one template for two places is the same; one byte more is not.
        #[test]
        fn what_differs_by_its_place_alone_is_the_same(
            parts in proptest::collection::vec("[ a-z/\n]{0,6}", 1..5),
            a in "/[a-z]{1,4}(/[a-z]{1,4})?",
            b in "/[a-z]{1,4}(/[a-z]{1,4})?",
        ) {
            let at = |prefix: &str| parts.join(&format!("{prefix}/"));
            // Where a part happens to hold a prefix, no template can be told from the text.
            prop_assume!(parts.iter().all(|part| !part.contains(&a) && !part.contains(&b)));
            prop_assume!(places(placed(at(&a).as_bytes(), &a)).len() == places(placed(at(&b).as_bytes(), &b)).len());
            let (text_a, text_b) = (at(&a), at(&b));
            prop_assert!(same_but_for_prefix(
                placed(text_a.as_bytes(), &a), placed(text_b.as_bytes(), &b), PrefixUse::Text));
            let more = format!("{text_b}!");
            prop_assert!(!same_but_for_prefix(
                placed(text_a.as_bytes(), &a), placed(more.as_bytes(), &b), PrefixUse::Text));
            let padded = |text: &str, prefix: &str| {
                let used = places(placed(text.as_bytes(), prefix)).len() * prefix.len();
                let mut bytes = text.as_bytes().to_vec();
                bytes.resize(bytes.len() + 100 - used.min(99), 0);
                bytes.push(b'x');
                bytes
            };
            prop_assert!(same_but_for_prefix(
                placed(&padded(&text_a, &a), &a), placed(&padded(&text_b, &b), &b), PrefixUse::Binary));
        }
    }
}
