//! `.snapignore`: what a root leaves out, in gitignore syntax.

use std::path::{Path, PathBuf};

use super::patterns::{BadPattern, Patterns};
use crate::digest::{Digest, Hasher};
use crate::fsx;
use crate::snapshot::path::RelPath;

/// The name of the file, at the top of a root.
pub const FILE_NAME: &str = ".snapignore";

/// The `.snapignore` that a project folder starts with.
pub const DEFAULT_SNAPIGNORE: &str = "\
# What envgit leaves out of this folder, in gitignore syntax: commits do not record it, checkouts do not touch it.

# The history of other tools, and envgit's own
.git/
.hg/
.svn/
.jj/
.envgit/

# Python environments: add them as roots of their own (envgit root add)
.venv/
venv/

# What programs make again by themselves
__pycache__/
*.py[co]
.ipynb_checkpoints/
.pytest_cache/
.mypy_cache/
.ruff_cache/
.tox/
.nox/
.cache/
node_modules/

# Outputs and logs
output/
outputs/
runs/
wandb/
mlruns/
lightning_logs/
log/
logs/
*.log
nohup.out

# Temporary files
tmp/
temp/
*.tmp
*.swp
*.swo
*~
.DS_Store
Thumbs.db
";

/// The `.snapignore` that conda's base environment starts with: it also holds conda's downloads and every other
/// environment.
pub const BASE_SNAPIGNORE: &str = "\
# What envgit leaves out of conda's base environment, in gitignore syntax.

# Downloaded packages, and the other environments: add those as roots of their own (envgit root add)
/pkgs/
/envs/
";

/// Why a `.snapignore` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] fsx::Error),
    /// It holds bytes that are no text.
    #[error("{}, line {line}: not UTF-8 text; write the pattern with ? or * in place of such bytes", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// One of its lines is no pattern.
    #[error("{}, line {}: {bad}; correct or remove the line", .path.display(), .bad.line)]
    Pattern {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong with it.
        bad: BadPattern,
    },
}

/// The rules of one root.
#[derive(Clone, Debug)]
pub struct Ignored {
    patterns: Patterns,
    fingerprint: Digest,
}

impl Ignored {
    /// Reads the `.snapignore` at the top of a root; where there is none, nothing is ignored.
    ///
    /// # Errors
    /// Names the file and the line.
    pub fn load(root: &Path) -> Result<Self, Error> {
        let path = root.join(FILE_NAME);
        Self::parse(&Self::text(root)?).map_err(|bad| Error::Pattern { path, bad })
    }

    /// The text of the `.snapignore` at the top of a root; empty where there is none.
    ///
    /// # Errors
    /// Names the file, and the line that is no text.
    pub fn text(root: &Path) -> Result<String, Error> {
        let path = root.join(FILE_NAME);
        let bytes = fsx::read_if_present(&path)?.unwrap_or_default();
        String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let line = newlines(&error.as_bytes()[..valid]) + 1;
            Error::NotText { path, line }
        })
    }

    /// Reads the text of a `.snapignore`.
    ///
    /// # Errors
    /// Names the first malformed pattern.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut hasher = Hasher::new();
        for line in text.lines().filter(|line| is_rule(line)) {
            hasher.update(line.as_bytes());
            hasher.update(b"\n");
        }
        Ok(Self {
            patterns: Patterns::new(text.lines())?,
            fingerprint: hasher.finish(),
        })
    }

    /// Whether a path, relative to the root, is left out. A directory that is left out takes what is in it along:
    /// the walk does not descend into it, and paths beneath it are not asked for.
    pub fn is_ignored(&self, path: &[u8], is_dir: bool) -> bool {
        self.patterns.matches(path, is_dir)
    }

    /// Whether a path is left out, or a directory above it.
    pub fn leaves_out(&self, path: &RelPath, is_dir: bool) -> bool {
        path.ancestors().any(|dir| self.is_ignored(dir, true)) || self.is_ignored(path.as_bytes(), is_dir)
    }

    /// A digest of the rules, which changes when what is left out may change; comments do not count.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }
}

fn is_rule(line: &str) -> bool {
    !line.starts_with('#') && !line.trim().is_empty()
}

fn newlines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_leaves_out_what_comes_back_by_itself() {
        let ignored = Ignored::parse(DEFAULT_SNAPIGNORE).unwrap();
        for (path, is_dir, expected) in [
            (".git", true, true),
            ("sub/.git", true, true),
            (".git", false, false),
            (".gitignore", false, false),
            (".envgit", true, true),
            ("pkg/__pycache__", true, true),
            ("a.pyc", false, true),
            ("train.log", false, true),
            ("logs", true, true),
            ("catalogs", true, false),
            ("configs/a.json", false, false),
            ("requirements.txt", false, false),
            (".env", false, false),
            (".snapignore", false, false),
        ] {
            assert_eq!(ignored.is_ignored(path.as_bytes(), is_dir), expected, "{path}");
        }
        let base = Ignored::parse(BASE_SNAPIGNORE).unwrap();
        assert!(base.is_ignored(b"pkgs", true) && !base.is_ignored(b"lib/pkgs", true));
    }

    #[test]
    fn a_missing_file_ignores_nothing_and_comments_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let none = Ignored::load(dir.path()).unwrap();
        assert!(!none.is_ignored(b".git", true));
        let path = dir.path().join(FILE_NAME);
        std::fs::write(&path, "\u{feff}# only a comment\n\n").unwrap();
        assert_eq!(Ignored::load(dir.path()).unwrap().fingerprint(), none.fingerprint());
        std::fs::write(&path, "\u{feff}*.log\r\n").unwrap();
        let some = Ignored::load(dir.path()).unwrap();
        assert!(
            some.is_ignored(b"a.log", false),
            "byte order mark and CRLF are no part of a pattern"
        );
        assert_ne!(some.fingerprint(), none.fingerprint());
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        for (bytes, expected) in [
            (&b"ok\n\na{b\n"[..], "line 3: \"a{b\""),
            (b"ok\n\xff\n", "line 2: not UTF-8"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = Ignored::load(dir.path()).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(".snapignore"), "{error}");
        }
    }
}
