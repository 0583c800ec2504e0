//! What a killed process leaves behind: locks of refs and objects that never got their names.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::History;
use super::error::Error;
use crate::fsx::{self, Context as _};

impl History {
    /// Removes locks and unfinished objects that are older than `age`, and tells which.
    ///
    /// Only for a caller that holds envgit's own lock, so that no other envgit is at work; the age spares a git client
    /// that is.
    ///
    /// # Errors
    /// Names what cannot be looked at or removed.
    pub fn clear_leftovers(&self, age: Duration) -> Result<Vec<PathBuf>, Error> {
        let mut found = self.locks()?;
        found.extend(list(&self.path("objects"))?.into_iter().filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("tmp_objdir-envgit-"))
        }));
        found.retain(|path| is_older(path, age));
        for path in &found {
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(path)
            } else {
                std::fs::remove_file(path)
            };
            removed.at("remove", path)?;
        }
        Ok(found)
    }

    /// Whether some ref is locked.
    ///
    /// # Errors
    /// Names what cannot be looked at.
    pub fn has_locks(&self) -> Result<bool, Error> {
        Ok(self.locks()?.iter().any(|path| path.exists()))
    }

    fn locks(&self) -> Result<Vec<PathBuf>, Error> {
        let mut found: Vec<PathBuf> = ["HEAD.lock", "packed-refs.lock"].map(|name| self.path(name)).to_vec();
        find_locks(&self.path("refs"), &mut found)?;
        Ok(found)
    }
}

fn find_locks(dir: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    for path in list(dir)? {
        if path.is_dir() {
            find_locks(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "lock") {
            found.push(path);
        }
    }
    Ok(())
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, fsx::Error> {
    let entries = std::fs::read_dir(dir).at("list", dir)?;
    entries.map(|entry| Ok(entry.at("list", dir)?.path())).collect()
}

fn is_older(path: &Path, age: Duration) -> bool {
    let written = std::fs::symlink_metadata(path).and_then(|meta| meta.modified());
    written.is_ok_and(|written| {
        SystemTime::now()
            .duration_since(written)
            .is_ok_and(|since| since >= age)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{commit_at, history, note};
    use super::super::{Expected, RefName};
    use super::*;

    #[test]
    fn only_old_leftovers_go() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        let main = RefName::branch("main").unwrap();
        history.set_ref(&main, a, Expected::Absent, &note("x")).unwrap();
        let locks = ["HEAD.lock", "refs/heads/main.lock"].map(|name| history.path(name));
        let draft = history.path("objects/tmp_objdir-envgit-x");
        std::fs::create_dir(&draft).unwrap();
        std::fs::write(draft.join("object"), "half").unwrap();
        for lock in &locks {
            std::fs::write(lock, "").unwrap();
        }
        assert!(history.clear_leftovers(Duration::from_secs(60)).unwrap().is_empty());
        assert!(locks[0].exists() && draft.exists());
        assert_eq!(history.clear_leftovers(Duration::ZERO).unwrap().len(), 3);
        assert!(!draft.exists());
        let b = commit_at(&history, "b", 2, &[a]);
        history.move_branch_head(b, Expected::Is(a), &note("x")).unwrap();
        assert_eq!(history.resolve("main").unwrap(), b);
    }
}
