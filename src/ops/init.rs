//! `init`: makes a repository in a project folder.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::report::InitReport;
use super::roots::refuse_unfit;
use crate::capture::detect::is_conda_base;
use crate::capture::ignored::{BASE_SNAPIGNORE, DEFAULT_SNAPIGNORE, FILE_NAME};
use crate::config::Config;
use crate::fsx::atomic;
use crate::registry::Registry;
use crate::repo::Repo;
use crate::snapshot::root::{Kind, Root};

/// What to make.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The project folder: absolute.
    pub project: PathBuf,
    /// The roots, all absolute.
    pub roots: Vec<Root>,
    /// Where the user's repositories are noted, so that they are found from everywhere.
    pub registry: Option<Registry>,
}

/// Makes a repository.
///
/// # Errors
/// One that is there already; roots that share a name or a place; what cannot be written.
pub fn init(options: &InitOptions) -> Result<InitReport, Error> {
    options.roots.iter().try_for_each(refuse_unfit)?;
    let text = Config::initial_text(&options.project, &options.roots)?;
    let repo = Repo::init(&options.project, &text)?;
    let mut ignore_files = Vec::new();
    for root in &options.roots {
        ignore_files.extend(write_ignore_file(root)?);
    }
    register(&repo, options.registry.as_ref());
    Ok(InitReport {
        dir: repo.dir().to_owned(),
        roots: repo.config().roots.clone(),
        ignore_files,
    })
}

/// Writes the `.snapignore` that a root of this kind starts with, unless it has one.
pub(super) fn write_ignore_file(root: &Root) -> Result<Option<PathBuf>, Error> {
    let text = match root.kind {
        Kind::Project => DEFAULT_SNAPIGNORE,
        Kind::Conda if is_conda_base(&root.path) => BASE_SNAPIGNORE,
        _ => return Ok(None),
    };
    let path = root.path.join(FILE_NAME);
    if path.symlink_metadata().is_ok() {
        return Ok(None);
    }
    atomic::write(&path, text.as_bytes())?;
    Ok(Some(path))
}

/// Notes where the repository is. Without the note it is still found from its own folder.
pub(super) fn register(repo: &Repo, registry: Option<&Registry>) {
    if let Some(registry) = registry {
        let roots: Vec<&Path> = repo.config().roots.iter().map(|root| root.path.as_path()).collect();
        let _ = registry.register(repo.dir(), &roots);
    }
}
