//! Files that are damaged: told of, and kept.

use std::path::{Path, PathBuf};

use super::Session;
use super::error::Error;
use crate::fsx::{self, Context as _, atomic};

/// Where damaged files of a repository are kept. Nothing reads them.
pub(super) fn folder(session: &Session<'_>) -> PathBuf {
    session.repo.dir().join("damaged")
}

/// A free name in the folder for what is damaged.
fn free_name(name: &str, aside: &Path) -> Result<PathBuf, Error> {
    fsx::create_dir_all(aside)?;
    let numbered = (1..).map(|n| aside.join(format!("{name}.{n}")));
    let mut free = numbered.filter(|to| to.symlink_metadata().is_err());
    Ok(free.next().unwrap_or_else(|| aside.join(name)))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Gives a damaged file a further name in the folder for such, and tells it.
pub(super) fn keep(path: &Path, aside: &Path) -> Result<PathBuf, Error> {
    let to = free_name(&name_of(path), aside)?;
    std::fs::hard_link(path, &to)
        .or_else(|_| std::fs::copy(path, &to).map(|_| ()))
        .at("keep", path)?;
    atomic::sync_file(&to)?;
    atomic::sync_dir(aside)?;
    Ok(to)
}

/// Moves a damaged file into the folder for such.
pub(super) fn move_aside(path: &Path, aside: &Path) -> Result<(), Error> {
    keep(path, aside)?;
    fsx::remove_file(path)?;
    path.parent().map_or(Ok(()), atomic::sync_dir)?;
    Ok(())
}

/// Moves a directory of the same file system there under a name, and tells where it is then.
pub(super) fn move_dir_aside(dir: &Path, name: &str, aside: &Path) -> Result<PathBuf, Error> {
    let to = free_name(name, aside)?;
    fsx::rename(dir, &to)?;
    atomic::sync_dir(aside)?;
    Ok(to)
}

/// Says of every ref that cannot be followed that it is passed over.
pub fn warn_of_refs(session: &Session<'_>) {
    for name in session.repo.history().broken_refs().unwrap_or_default() {
        session.progress.warn(&format!(
            "{name} is passed over: it is damaged; `envgit verify` says what can be done"
        ));
    }
}

/// Says of every layer that was looked into and cannot be understood that it is so. What needs it is told where it is
/// needed.
pub(super) fn warn_of_layers(session: &Session<'_>) {
    let damaged = session.repo.opened_store().map(|store| store.catalog().damaged());
    for layer in damaged.into_iter().flatten() {
        session.progress.warn(&format!(
            "layer {} is damaged ({}); nothing here needs it so far, `envgit verify` tells what does",
            layer.digest, layer.what
        ));
    }
}
