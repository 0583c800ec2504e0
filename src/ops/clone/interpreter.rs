//! The interpreter on which a virtual environment is based, on this machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Here;
use crate::snapshot::facts::RootFacts;
use crate::snapshot::path::unescape;
use crate::snapshot::root::Kind;

/// Where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Interpreter {
    /// Where it lay, or none is needed.
    Same,
    /// In another folder.
    Elsewhere(PathBuf),
    /// Nowhere that was looked: `python3.11`.
    Missing(String),
}

/// Finds the interpreter of a root as it was recorded: one of the same minor version, because that decides about
/// `site-packages` and about compiled modules.
pub(super) fn find(facts: &RootFacts, here: &Here) -> Interpreter {
    let base = facts.base.as_deref().filter(|_| facts.kind == Kind::Venv);
    let base = base
        .and_then(|text| unescape(text.as_bytes()))
        .map(super::prepare::bytes_to_os);
    let (Some(base), Some(name)) = (base.map(PathBuf::from), facts.python.as_deref().and_then(program)) else {
        return Interpreter::Same;
    };
    if has(&base, &name) {
        return Interpreter::Same;
    }
    match candidates(here).find(|dir| has(dir, &name)) {
        Some(dir) => Interpreter::Elsewhere(dir),
        None => Interpreter::Missing(name),
    }
}

/// `python3.11` of `3.11.7`.
fn program(version: &str) -> Option<String> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(major) && is_number(minor)).then(|| format!("python{major}.{minor}"))
}

/// Folders in which interpreters lie, in the order in which the user's shell would find them.
fn candidates(here: &Here) -> impl Iterator<Item = PathBuf> + '_ {
    let path = here.vars.get(std::ffi::OsStr::new("PATH"));
    let in_path = path.into_iter().flat_map(std::env::split_paths);
    let versions = here.home.iter().flat_map(|home| {
        let pyenv = home.join(".pyenv/versions");
        let uv = home.join(".local/share/uv/python");
        [pyenv, uv].into_iter().flat_map(sorted)
    });
    let usual = ["/usr/local/bin", "/usr/bin"].map(PathBuf::from);
    in_path.chain(usual).chain(versions.map(|dir| dir.join("bin")))
}

fn sorted(folder: PathBuf) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
    // The newest first, as far as names tell.
    paths.sort_unstable_by(|a, b| b.cmp(a));
    paths
}

/// Whether a program lies there, and it is not that of another virtual environment.
fn has(dir: &Path, name: &str) -> bool {
    let is_program = |meta: std::fs::Metadata| meta.is_file() && meta.permissions().mode() & 0o111 != 0;
    let is_venv = dir.parent().is_some_and(|above| above.join("pyvenv.cfg").exists());
    dir.is_absolute() && !is_venv && dir.join(name).metadata().is_ok_and(is_program)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::root::Policy;

    #[test]
    fn the_same_minor_version_is_found_where_shells_look() {
        let dir = tempfile::tempdir().unwrap();
        let program = |path: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let mut facts = RootFacts {
            kind: Kind::Venv,
            policy: Policy::Exact,
            home: "/x".to_owned(),
            files: 0,
            bytes: 0,
            packages: 0,
            python: Some("3.99.7".to_owned()),
            base: Some(dir.path().join("gone/bin").display().to_string()),
            git: None,
        };
        let here = Here {
            home: Some(dir.path().join("home")),
            vars: [("PATH".into(), dir.path().join("venv/bin").into())].into(),
            ..Here::default()
        };
        assert_eq!(find(&facts, &here), Interpreter::Missing("python3.99".to_owned()));
        program("venv/bin/python3.99");
        program("home/.pyenv/versions/3.99.1/bin/python3.99");
        std::fs::write(dir.path().join("venv/pyvenv.cfg"), "").unwrap();
        let pyenv = dir.path().join("home/.pyenv/versions/3.99.1/bin");
        assert_eq!(find(&facts, &here), Interpreter::Elsewhere(pyenv));
        std::fs::remove_file(dir.path().join("venv/pyvenv.cfg")).unwrap();
        let bin = dir.path().join("venv/bin");
        assert_eq!(find(&facts, &here), Interpreter::Elsewhere(bin), "PATH comes first");
        program("gone/bin/python3.99");
        assert_eq!(find(&facts, &here), Interpreter::Same);
        facts.kind = Kind::Conda;
        facts.base = Some("/nowhere".to_owned());
        assert_eq!(find(&facts, &here), Interpreter::Same, "it brings its own");
    }
}
