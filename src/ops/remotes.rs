//! `remote`: which other repositories there are, and how they are reached.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Session;
use super::error::Error;
use super::refs::current;
use crate::config::{Editor, Remote};
use crate::exchange::{self, Memory, Peer, Source};
use crate::fsx;
use crate::history::{Expected, RefKind, RefName};
use crate::remote::address::Place;
use crate::remote::{self, Address, Surroundings, Transport};
use crate::repo::DIR_NAME;

/// The remote that is meant when none is named and there are several.
pub const FIRST_REMOTE: &str = "origin";

/// All remotes, sorted by name.
pub fn list(session: &Session<'_>) -> Vec<Remote> {
    session.repo.config().remotes.values().cloned().collect()
}

/// Adds a remote.
///
/// # Errors
/// A name that is taken, or an address that cannot be used.
pub fn add(session: &Session<'_>, name: &str, url: &str, cwd: &Path) -> Result<Remote, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    let mut editor = Editor::open(&session.repo.config_path())?;
    if editor.config().remote(name).is_some() {
        return Err(Error::refused(
            format!("there is a remote {name} already"),
            format!("choose another name, or change its address: envgit remote set-url {name} URL"),
        ));
    }
    Memory::of(session.repo.dir(), name).forget()?;
    put(&mut editor, name, url, cwd)
}

/// Changes the address of a remote. What was seen of it before no longer counts.
///
/// # Errors
/// A name that is not known, or an address that cannot be used.
pub fn set_url(session: &Session<'_>, name: &str, url: &str, cwd: &Path) -> Result<Remote, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    let mut editor = Editor::open(&session.repo.config_path())?;
    editor.config().remote(name).ok_or_else(|| unknown(name))?;
    Memory::of(session.repo.dir(), name).forget()?;
    put(&mut editor, name, url, cwd)
}

fn put(editor: &mut Editor, name: &str, url: &str, cwd: &Path) -> Result<Remote, Error> {
    editor.set_remote(name, &absolute(url, cwd))?;
    editor.save()?;
    editor.config().remote(name).cloned().ok_or_else(|| unknown(name))
}

/// Forgets a remote, with the refs that followed it. What was fetched stays until `gc`.
///
/// # Errors
/// A name that is not known.
pub fn remove(session: &Session<'_>, name: &str) -> Result<Remote, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    let mut editor = Editor::open(&session.repo.config_path())?;
    let remote = editor.config().remote(name).cloned().ok_or_else(|| unknown(name))?;
    let history = session.repo.history();
    let mine = format!("refs/remotes/{name}/");
    for known in history.refs()? {
        if known.kind() == RefKind::Remote && known.name.as_str().starts_with(&mine) {
            history.delete_ref(&known.name, Expected::Any)?;
        }
    }
    editor.remove_remote(name)?;
    editor.save()?;
    Memory::of(session.repo.dir(), name).forget()?;
    Ok(remote)
}

/// Gives a remote another name, with the refs that follow it and the branches that follow those.
///
/// # Errors
/// A name that is not known, is taken or cannot be used.
pub fn rename(session: &Session<'_>, name: &str, to: &str) -> Result<Remote, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    let mut editor = Editor::open(&session.repo.config_path())?;
    editor.config().remote(name).ok_or_else(|| unknown(name))?;
    if editor.config().remote(to).is_some() {
        return Err(Error::refused(
            format!("there is a remote {to} already"),
            "choose another name",
        ));
    }
    editor.rename_remote(name, to)?;
    let history = session.repo.history();
    let note = session.note(format!("remote: renamed {name} to {to}"));
    let mine = format!("refs/remotes/{name}/");
    let refs = history.refs()?.into_iter();
    let seen: Vec<_> = refs
        .filter(|known| known.kind() == RefKind::Remote)
        .filter_map(|known| Some((known.name.as_str().strip_prefix(&mine)?.to_owned(), known)))
        .collect();
    // The new refs stand before anything speaks of them, and the old ones until nothing does.
    for (branch, known) in &seen {
        history.set_ref(&tracking(to, branch)?, known.commit, Expected::Any, &note)?;
    }
    editor.save()?;
    for (_, known) in &seen {
        history.delete_ref(&known.name, Expected::Any)?;
    }
    for forgotten in [name, to] {
        Memory::of(session.repo.dir(), forgotten).forget()?;
    }
    editor.config().remote(to).cloned().ok_or_else(|| unknown(to))
}

fn unknown(name: &str) -> Error {
    Error::refused(
        format!("there is no remote {name}"),
        "`envgit remote` lists them; add one with `envgit remote add NAME URL`",
    )
}

/// The remote of a name, or without one that which the current branch follows, else `origin`, else the only one.
pub(super) fn chosen(session: &Session<'_>, name: Option<&str>) -> Result<Remote, Error> {
    let config = session.repo.config();
    if let Some(name) = name {
        return config.remote(name).cloned().ok_or_else(|| unknown(name));
    }
    let followed = current(session)?.and_then(|branch| config.upstream(&branch).cloned());
    let mut names = config.remotes.keys();
    let only = names.next().filter(|_| config.remotes.len() == 1).cloned();
    let first = config.remote(FIRST_REMOTE).map(|remote| remote.name.clone());
    let name = followed.map(|upstream| upstream.remote).or(first).or(only);
    let name = name.ok_or_else(|| match config.remotes.is_empty() {
        true => Error::refused("there is no remote", "add one with `envgit remote add origin URL`"),
        false => Error::refused("there are several remotes", "name one; `envgit remote` lists them"),
    })?;
    config.remote(&name).cloned().ok_or_else(|| unknown(&name))
}

/// An address as it is kept: paths are absolute.
pub fn absolute(url: &str, cwd: &Path) -> String {
    let Some(path) = path_of(url) else {
        return url.to_owned();
    };
    let joined = cwd.join(path);
    // What is not there yet keeps its name below what is.
    let real = joined.ancestors().find_map(|above| {
        let rest = joined.strip_prefix(above).ok()?;
        Some(above.canonicalize().ok()?.join(rest))
    });
    let path: PathBuf = real.unwrap_or(joined).components().collect();
    path.to_str().map_or_else(|| url.to_owned(), str::to_owned)
}

/// The environment variables of whoever asks: credentials are looked for by them.
pub(super) type Variables = [(OsString, OsString)];

/// What is at an address: another repository, or a remote.
pub(super) fn source(url: &str, env: &Variables) -> Result<Source, Error> {
    if let Some(path) = path_of(url)
        && let Some(dir) = repository_at(&path)?
    {
        return Ok(Source::Repository(Box::new(Peer::open(&dir)?)));
    }
    Ok(Source::Remote(transport(url, env)?))
}

/// The remote at an address.
pub(super) fn transport(url: &str, env: &Variables) -> Result<Box<dyn Transport>, Error> {
    // Addresses are kept absolute, so no folder counts.
    let surroundings = Surroundings::new(Path::new("/"), env.iter().cloned());
    Ok(remote::open(url, &surroundings).map_err(exchange::Error::from)?)
}

/// The path of an address that is one.
fn path_of(url: &str) -> Option<PathBuf> {
    match Address::parse(url).ok()?.place() {
        Place::Directory(path) => Some(path.clone()),
        _ => None,
    }
}

/// The own directory of the repository that a folder is or holds.
pub(super) fn repository_at(path: &Path) -> Result<Option<PathBuf>, Error> {
    for dir in [path.to_owned(), path.join(DIR_NAME)] {
        let Some(text) = fsx::read_if_present(&dir.join("format.json")).unwrap_or_default() else {
            continue;
        };
        let format: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        if format.get("version").is_some() {
            return Ok(Some(dir));
        }
    }
    Ok(None)
}

/// Where a branch of a remote was seen last.
pub(super) fn tracking(remote: &str, branch: &str) -> Result<RefName, Error> {
    Ok(RefName::remote(remote, branch)?)
}
