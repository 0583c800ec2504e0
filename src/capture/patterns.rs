//! Lists of path patterns in gitignore syntax.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A pattern that cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{pattern:?} is not a valid pattern: {reason}")]
pub struct BadPattern {
    /// Which of the lines it was, counted from 1.
    pub line: usize,
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Patterns in gitignore syntax: the last one that matches decides, `!` takes back, `#` starts a comment line.
#[derive(Clone, Debug)]
pub struct Patterns(Gitignore);

impl Patterns {
    /// Compiles patterns, one a line.
    ///
    /// # Errors
    /// Names the first pattern that is malformed.
    pub fn new<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, BadPattern> {
        let mut builder = GitignoreBuilder::new("");
        for (index, line) in lines.into_iter().enumerate() {
            builder.add_line(None, line).map_err(|error| BadPattern {
                line: index + 1,
                pattern: line.to_owned(),
                reason: reason(&error),
            })?;
        }
        builder.build().map(Self).map_err(|error| BadPattern {
            line: 0,
            pattern: "the whole list".to_owned(),
            reason: error.to_string(),
        })
    }

    /// Whether there is nothing to match.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the list selects a path, given relative to where the patterns stand. Directories above the path are
    /// not looked at: a walk that does not descend into what is selected needs no more.
    pub fn matches(&self, path: &[u8], is_dir: bool) -> bool {
        !self.is_empty() && self.0.matched(Path::new(OsStr::from_bytes(path)), is_dir).is_ignore()
    }
}

/// The words of the glob parser without its repetition of the pattern.
fn reason(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        ignore::Error::WithPath { err, .. }
        | ignore::Error::WithLineNumber { err, .. }
        | ignore::Error::WithDepth { err, .. } => reason(err),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_match_decides_and_bytes_need_not_be_text() {
        let patterns = Patterns::new(["*.json", "!big.json", "/top.txt", "dir/", "# note"]).unwrap();
        for (path, is_dir, expected) in [
            (&b"a.json"[..], false, true),
            (b"deep/a.json", false, true),
            (b"deep/\xff.json", false, true),
            (b"big.json", false, false),
            (b"top.txt", false, true),
            (b"deep/top.txt", false, false),
            (b"dir", true, true),
            (b"dir", false, false),
        ] {
            assert_eq!(patterns.matches(path, is_dir), expected, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn a_bad_pattern_is_named_with_its_line() {
        let error = Patterns::new(["ok", "a{b"]).unwrap_err();
        assert_eq!((error.line, error.pattern.as_str()), (2, "a{b"));
        assert!(!error.reason.contains("a{b"), "{error}");
    }
}
