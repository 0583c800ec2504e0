//! `root`: what is under version control.

use super::Session;
use super::error::Error;
use super::init::{register, write_ignore_file};
use crate::config::Editor;
use crate::registry::Registry;
use crate::repo::{DIR_NAME, Repo};
use crate::snapshot::root::Root;

/// Adds a root to the repository. It takes effect with the next commit.
///
/// # Errors
/// A name or place that is taken; a file that cannot be written.
pub fn add(session: &mut Session<'_>, root: &Root, registry: Option<&Registry>) -> Result<(), Error> {
    refuse_unfit(root)?;
    edit(session, registry, |editor| Ok(editor.add_root(root)?))?;
    write_ignore_file(root)?;
    Ok(())
}

/// Some directories are none to put under version control.
pub(super) fn refuse_unfit(root: &Root) -> Result<(), Error> {
    let real = root.path.canonicalize().unwrap_or_else(|_| root.path.clone());
    let is_ours = real.components().any(|part| part.as_os_str() == DIR_NAME);
    let what = match (real.parent(), is_ours) {
        (None, _) => "the whole file system",
        (_, true) => "envgit's own folder",
        _ => return Ok(()),
    };
    Err(Error::refused(
        format!("{} cannot be a root: it is {what}", root.path.display()),
        "name the environment or the project folder itself",
    ))
}

/// Removes a root from the repository; its files and its history stay.
///
/// # Errors
/// A root that is not declared; a file that cannot be written.
pub fn remove(session: &mut Session<'_>, name: &str, registry: Option<&Registry>) -> Result<(), Error> {
    edit(session, registry, |editor| Ok(editor.remove_root(name)?))
}

/// Changes the settings under the lock and opens the repository with them.
fn edit(
    session: &mut Session<'_>,
    registry: Option<&Registry>,
    change: impl FnOnce(&mut Editor) -> Result<(), Error>,
) -> Result<(), Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    let mut editor = Editor::open(&session.repo.config_path())?;
    change(&mut editor)?;
    editor.save()?;
    session.repo = Repo::open(session.repo.dir())?;
    register(&session.repo, registry);
    Ok(())
}
