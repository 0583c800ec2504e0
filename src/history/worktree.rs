//! What git knows of a project folder. Nothing is written there.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::snapshot::facts::GitFacts;
use crate::snapshot::path::RelPath;

/// The repository whose work tree `path` is or lies in. Only its own configuration counts.
fn open(path: &Path) -> Option<gix::Repository> {
    let trust = gix::sec::trust::Mapping {
        full: gix::open::Options::isolated(),
        reduced: gix::open::Options::isolated(),
    };
    let repo = gix::ThreadSafeRepository::discover_opts(path, gix::discover::upwards::Options::default(), trust);
    let repo = repo.ok()?.to_thread_local();
    repo.workdir().is_some().then_some(repo)
}

/// What to record of the git work tree that `path` is or lies in: nothing when it is none.
///
/// A work tree that cannot be compared counts as dirty.
pub fn work_tree_facts(path: &Path) -> Option<GitFacts> {
    let repo = open(path)?;
    let head = repo.head().ok()?;
    let branch = head.referent_name().map(|name| name.shorten().to_string());
    let commit = repo.head_id().ok().map(|id| id.detach().to_string());
    Some(GitFacts {
        commit,
        branch,
        dirty: repo.is_dirty().unwrap_or(true),
    })
}

/// The files beneath `path` that are in the index of the git work tree which `path` is or lies in, relative to `path`.
pub fn tracked_paths(path: &Path) -> Option<BTreeSet<RelPath>> {
    let repo = open(path)?;
    let top = repo.workdir()?.canonicalize().ok()?;
    let path = path.canonicalize().ok()?;
    let mut prefix = path.strip_prefix(&top).ok()?.as_os_str().as_bytes().to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    let index = repo.index_or_empty().ok()?;
    let entries = index.entries().iter().filter(|entry| {
        use gix::index::entry::Mode;
        !matches!(entry.mode, Mode::COMMIT | Mode::DIR)
    });
    Some(
        entries
            .filter_map(|entry| {
                let path: &[u8] = entry.path(&index);
                RelPath::new(path.strip_prefix(prefix.as_slice())?).ok()
            })
            .collect(),
    )
}
