//! Which files of a project are configuration: kept in the inventory as text that every git tool can compare.

use super::patterns::{BadPattern, Patterns};
use crate::digest::Digest;

/// What counts as configuration unless the repository says otherwise.
pub const DEFAULT_PATTERNS: &[&str] = &[
    "*.json", "*.jsonl", "*.yaml", "*.yml", "*.toml", "*.ini", "*.cfg", "*.conf", "*.env", "*.sh", "*.txt",
];

/// How large a file kept as text may be unless the repository says otherwise, in bytes.
pub const DEFAULT_MAX_SIZE: u64 = 1 << 20;

/// How much of a file decides whether it is text, in bytes.
const SNIFFED: usize = 8 << 10;

/// The rule by which config files are told from others.
#[derive(Clone, Debug)]
pub struct ConfigPatterns {
    patterns: Patterns,
    max_size: u64,
    fingerprint: Digest,
}

impl ConfigPatterns {
    /// The [default patterns](DEFAULT_PATTERNS) followed by further ones in gitignore syntax; the last match decides,
    /// so `!*.txt` takes a default back. `max_size` is in bytes.
    ///
    /// # Errors
    /// Names the first malformed pattern; its line counts in `patterns`, from 1.
    pub fn new<S: AsRef<str>>(patterns: &[S], max_size: u64) -> Result<Self, BadPattern> {
        let further = patterns.iter().map(AsRef::as_ref);
        let lines = DEFAULT_PATTERNS.iter().copied().chain(further);
        let text = lines
            .clone()
            .fold(max_size.to_string(), |text, line| text + "\n" + line);
        let patterns = Patterns::new(lines).map_err(|bad| BadPattern {
            line: bad.line.saturating_sub(DEFAULT_PATTERNS.len()),
            ..bad
        })?;
        Ok(Self {
            patterns,
            max_size,
            fingerprint: Digest::of(text.as_bytes()),
        })
    }

    /// Another rule has another fingerprint.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// Whether a file, named relative to its root, is configuration by its name and size (in bytes). Whether its
    /// content is text is [`is_text`]'s to say.
    pub fn matches(&self, path: &[u8], size: u64) -> bool {
        size <= self.max_size && self.patterns.matches(path, false) && fits_git_tree(path)
    }
}

/// Whether content can be kept as text: no NUL in its first 8 KiB, which is also git's rule.
pub fn is_text(content: &[u8]) -> bool {
    memchr::memchr(0, &content[..content.len().min(SNIFFED)]).is_none()
}

/// Whether a path may stand in a git tree. Git refuses components that some file system takes for `.git`, `..` or
/// one of git's own files; this refuses at least those.
pub fn fits_git_tree(path: &[u8]) -> bool {
    // Windows takes a backslash for a separator, and git minds it everywhere.
    !path.split(|b| matches!(b, b'/' | b'\\')).any(is_git_name)
}

/// Whether some file system takes the name for one that is git's.
fn is_git_name(component: &[u8]) -> bool {
    let mut name = without_hfs_ignorables(component);
    name.make_ascii_lowercase();
    // NTFS: `.git::$INDEX_ALLOCATION` is `.git`, and so is `.git . `.
    if let Some(colon) = name.iter().position(|b| *b == b':') {
        name.truncate(colon);
    }
    while name.last().is_some_and(|b| matches!(b, b' ' | b'.')) && name.len() > 1 {
        name.pop();
    }
    let is_short_name = (name.starts_with(b"git") || name.starts_with(b"gi")) && name.contains(&b'~');
    is_short_name
        || matches!(component, b"" | b"." | b"..")
        || name == b".git"
        || [&b".gitmodules"[..], b".gitattributes", b".gitignore", b".mailmap"].contains(&name.as_slice())
}

/// The name without the code points that HFS+ does not look at when it compares names.
fn without_hfs_ignorables(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(byte) = rest.first() {
        let ignorable = matches!(
            rest,
            [0xe2, 0x80, 0x8c..=0x8f | 0xaa..=0xae, ..] | [0xe2, 0x81, 0xaa..=0xaf, ..] | [0xef, 0xbb, 0xbf, ..]
        );
        if ignorable {
            rest = &rest[3..];
        } else {
            out.push(*byte);
            rest = &rest[1..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_size_decide() {
        let patterns = ConfigPatterns::new(&["*.csv", "!notes.txt", "/only/here.dat"], 100).unwrap();
        for (path, size, expected) in [
            ("a.json", 100, true),
            ("a.json", 101, false),
            ("configs/G2P_replace_dict.jsonl", 1, true),
            (".env", 1, true),
            ("prod.env", 1, true),
            ("start.sh", 1, true),
            ("requirements-dev.txt", 1, true),
            ("notes.txt", 1, false),
            ("model.py", 1, false),
            ("table.csv", 1, true),
            ("only/here.dat", 1, true),
            ("not/only/here.dat", 1, false),
            (".git/config.json", 1, false),
        ] {
            assert_eq!(patterns.matches(path.as_bytes(), size), expected, "{path} {size}");
        }
    }

    #[test]
    fn a_bad_pattern_is_counted_among_the_given_ones() {
        let error = ConfigPatterns::new(&["*.csv", "a{b"], 1).unwrap_err();
        assert_eq!(error.line, 2);
    }

    #[test]
    fn names_that_git_refuses_do_not_pass_and_near_ones_do() {
        for bad in [
            ".git/a",
            "x/.GiT/a",
            "git~1/a",
            "GI7EBA~1/a",
            ".g\u{200c}it/a",
            "\u{feff}.git/a",
            ".git. /a",
            ".git::$INDEX_ALLOCATION/a",
            "a\\.git\\b.json",
            ".gitmodules",
            "a/../b",
        ] {
            assert!(!fits_git_tree(bad.as_bytes()), "{bad}");
        }
        for good in [
            ".github/workflows/ci.yml",
            ".gitlab-ci.yml",
            "digit/a",
            "a~1",
            "...",
            "重庆.json",
            ".g/it",
        ] {
            assert!(fits_git_tree(good.as_bytes()), "{good}");
        }
    }

    #[test]
    fn nul_near_the_start_makes_it_no_text() {
        assert!(is_text("重庆".as_bytes()) && is_text(b"") && is_text(b"\xff\xfe"));
        assert!(!is_text(b"a\0b"));
        let mut late = vec![b'a'; SNIFFED];
        late.push(0);
        assert!(is_text(&late));
    }
}
