//! Which repository versions which environment: one small file for each user, so that envgit finds the repository of
//! the active environment from any folder.
//!
//! It is an aid, not a truth: entries whose repository is gone are passed over, and a file that cannot be understood
//! counts as empty. The caller says where it is (`~/.local/state/envgit/registry.json`).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fsx::{self, atomic, lock, lock::Lock};
use crate::snapshot::path::{escape, unescape};

/// How long to wait for another process that writes the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the registry was not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its directory cannot be written.
    #[error(transparent)]
    Io(#[from] fsx::Error),
    /// Another process writes it and does not finish.
    #[error(transparent)]
    Lock(#[from] lock::Error),
}

/// The registry of one user.
#[derive(Clone, Debug)]
pub struct Registry {
    path: PathBuf,
}

/// The file: by the real path of a root, the repositories (`.envgit` directories) that version it, all escaped.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Entries {
    format: u32,
    roots: BTreeMap<String, BTreeSet<String>>,
}

const FORMAT: u32 = 1;

impl Registry {
    /// The registry in a file, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Notes that the repository (its `.envgit` directory) versions these roots and no others.
    ///
    /// # Errors
    /// Names what could not be written. A registry that cannot be written is no reason to fail: the repository is
    /// still found from its folder.
    pub fn register(&self, repository: &Path, roots: &[&Path]) -> Result<(), Error> {
        let repository = text_of(repository);
        let roots: BTreeSet<String> = roots.iter().map(|root| text_of(root)).collect();
        self.change(|entries| {
            for (root, repositories) in &mut entries.roots {
                if !roots.contains(root) {
                    repositories.remove(&repository);
                }
            }
            for root in roots {
                entries.roots.entry(root).or_default().insert(repository.clone());
            }
        })
    }

    /// Removes a repository.
    ///
    /// # Errors
    /// Names what could not be written.
    pub fn forget(&self, repository: &Path) -> Result<(), Error> {
        self.register(repository, &[])
    }

    /// The repositories that version a root, by their `.envgit` directories; those that are gone are left out.
    pub fn find(&self, root: &Path) -> Vec<PathBuf> {
        let mut entries = self.read();
        let found = entries.roots.remove(&text_of(root)).unwrap_or_default();
        found.iter().filter_map(|text| existing(text)).collect()
    }

    fn read(&self) -> Entries {
        std::fs::read(&self.path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Entries>(&bytes).ok())
            .filter(|entries| entries.format == FORMAT)
            .unwrap_or_default()
    }

    fn change(&self, edit: impl FnOnce(&mut Entries)) -> Result<(), Error> {
        if let Some(dir) = self.path.parent() {
            fsx::create_dir_all(dir)?;
        }
        let _lock = Lock::acquire(&self.path.with_extension("lock"), "envgit registry", PATIENCE)?;
        let mut entries = self.read();
        let before = entries.text();
        edit(&mut entries);
        for repositories in entries.roots.values_mut() {
            repositories.retain(|text| existing(text).is_some());
        }
        entries.roots.retain(|_, repositories| !repositories.is_empty());
        entries.format = FORMAT;
        let after = entries.text();
        if after != before {
            atomic::write(&self.path, after.as_bytes())?;
        }
        Ok(())
    }
}

impl Entries {
    fn text(&self) -> String {
        // Maps of strings always have a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// The real path, so that every way to a directory finds the same entry.
fn text_of(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    escape(real.as_os_str().as_bytes())
}

fn existing(text: &str) -> Option<PathBuf> {
    let path = PathBuf::from(OsString::from_vec(unescape(text.as_bytes())?));
    path.is_dir().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    struct World {
        _dir: tempfile::TempDir,
        base: PathBuf,
        registry: Registry,
    }

    fn world() -> World {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for name in ["a/.envgit", "b/.envgit", "env"] {
            std::fs::create_dir_all(base.join(name)).unwrap();
        }
        World {
            registry: Registry::new(base.join("state/envgit/registry.json")),
            base,
            _dir: dir,
        }
    }

    #[test]
    fn repositories_come_and_go() {
        let w = world();
        let (a, b, env) = (w.base.join("a/.envgit"), w.base.join("b/.envgit"), w.base.join("env"));
        assert!(w.registry.find(&env).is_empty());
        w.registry.register(&a, &[&env, &w.base.join("a")]).unwrap();
        w.registry.register(&b, &[&env]).unwrap();
        assert_eq!(w.registry.find(&env), [a.clone(), b.clone()]);
        let link = w.base.join("link");
        std::os::unix::fs::symlink(&env, &link).unwrap();
        assert_eq!(w.registry.find(&link).len(), 2, "a symlink leads to the same entry");
        w.registry.register(&a, &[&w.base.join("a")]).unwrap();
        assert_eq!(w.registry.find(&env), std::slice::from_ref(&b));
        std::fs::remove_dir(&b).unwrap();
        assert!(
            w.registry.find(&env).is_empty(),
            "a repository that is gone is not found"
        );
        w.registry.forget(&a).unwrap();
        let text = std::fs::read_to_string(w.base.join("state/envgit/registry.json")).unwrap();
        assert!(
            !text.contains(".envgit"),
            "stale entries go with the next change: {text}"
        );
    }

    #[test]
    fn damage_counts_as_empty_and_is_mended() {
        let w = world();
        let (a, env) = (w.base.join("a/.envgit"), w.base.join("env"));
        for damage in [
            &b"{\"format\":1,\"roots\":"[..],
            b"\xff",
            b"",
            b"{\"format\":9,\"roots\":{}}",
            b"[]",
        ] {
            std::fs::create_dir_all(w.base.join("state/envgit")).unwrap();
            std::fs::write(&w.registry.path, damage).unwrap();
            assert!(w.registry.find(&env).is_empty());
            w.registry.register(&a, &[&env]).unwrap();
            assert_eq!(w.registry.find(&env), std::slice::from_ref(&a));
        }
    }

    #[test]
    fn paths_that_are_no_text_are_kept() {
        let w = world();
        let odd = w.base.join(OsStr::from_bytes(b"o\xff\\"));
        std::fs::create_dir(&odd).unwrap();
        w.registry.register(&odd, &[&odd]).unwrap();
        assert_eq!(w.registry.find(&odd), [odd]);
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let w = world();
        let roots: Vec<PathBuf> = (0..8).map(|i| w.base.join(format!("r{i}/.envgit"))).collect();
        std::thread::scope(|scope| {
            for root in &roots {
                std::fs::create_dir_all(root).unwrap();
                scope.spawn(|| w.registry.register(root, &[&w.base.join("env")]).unwrap());
            }
        });
        assert_eq!(w.registry.find(&w.base.join("env")), roots);
    }
}
