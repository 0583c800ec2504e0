//! Installing and removing wheels as pip does, for the demo: stored wheels of pure Python packages.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::record;
use crate::fsx::{self, Context};
use crate::snapshot::package::normalize;
use crate::snapshot::path::RelPath;

/// Why a wheel was not installed or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the environment cannot be read or written.
    #[error(transparent)]
    Io(#[from] fsx::Error),
    /// The wheel is not what it should be.
    #[error("the wheel cannot be installed: {problem}; build it anew")]
    BadWheel {
        /// What is wrong with it.
        problem: String,
    },
    /// There is no such package.
    #[error("{name} is not installed in {}", .env.display())]
    NotInstalled {
        /// The package.
        name: String,
        /// The environment.
        env: PathBuf,
    },
    /// The record of an installed package is not what it should be.
    #[error("{} {problem}; remove the package by hand", .record.display())]
    BadRecord {
        /// The `RECORD` file.
        record: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

fn bad(problem: impl ToString) -> Error {
    Error::BadWheel {
        problem: problem.to_string(),
    }
}

/// Installs a wheel into the environment `env` (absolute, without `..`), whose packages lie in
/// `env/lib/PYTHON_TAG/site-packages` (`python3.11`) and whose interpreter is `env/bin/python`. An installed version of
/// the package is removed first. Nothing is compiled.
///
/// # Errors
/// When the wheel is damaged (nothing is changed then), or a file cannot be written.
pub fn install(wheel: &[u8], env: &Path, python_tag: &str) -> Result<(), Error> {
    put(wheel, env, python_tag, &[("INSTALLER", b"pip\n"), ("REQUESTED", b"")])
}

/// The same for a package that another one needs: pip then leaves `REQUESTED` out
/// ([PEP 376](https://peps.python.org/pep-0376/)).
///
/// # Errors
/// As [`install`].
pub fn install_dependency(wheel: &[u8], env: &Path, python_tag: &str) -> Result<(), Error> {
    put(wheel, env, python_tag, &[("INSTALLER", b"pip\n")])
}

/// Installs a wheel with these files of the installer's own.
fn put(wheel: &[u8], env: &Path, python_tag: &str, own: &[(&str, &[u8])]) -> Result<(), Error> {
    let wheel = Wheel::read(wheel)?;
    let scripts = wheel.scripts(env)?;
    match uninstall(&wheel.name, env) {
        Ok(()) | Err(Error::NotInstalled { .. }) => {}
        Err(error) => return Err(error),
    }
    let site = Path::new("lib").join(python_tag).join("site-packages");
    let site_to_env = "../".repeat(site.components().count());
    let mut listed = BTreeMap::new();
    for (path, content) in &wheel.files {
        write(&path.under(&env.join(&site)), content)?;
        listed.insert(path.to_string(), Some(content.clone()));
    }
    for (name, text) in scripts {
        let path = env.join("bin").join(&name);
        write(&path, text.as_bytes())?;
        make_executable(&path)?;
        listed.insert(format!("{site_to_env}bin/{name}"), Some(text.into_bytes()));
    }
    for (name, content) in own {
        let path = format!("{}/{name}", wheel.info);
        write(&env.join(&site).join(&path), content)?;
        listed.insert(path, Some(content.to_vec()));
    }
    let path = format!("{}/RECORD", wheel.info);
    listed.insert(path.clone(), None);
    write(&env.join(&site).join(&path), &record::text(&listed).map_err(bad)?)
}

/// Removes an installed package: what its `RECORD` lists, what was compiled from that, and directories left empty.
///
/// # Errors
/// [`Error::NotInstalled`]; or when its record leads out of the environment (nothing is changed then) or a file
/// cannot be removed.
pub fn uninstall(name: &str, env: &Path) -> Result<(), Error> {
    let (site, info) = installed(name, env)?;
    let path = site.join(&info).join("RECORD");
    let bytes = fsx::read(&path)?;
    let bad_record = |problem: String| Error::BadRecord {
        record: path.clone(),
        problem,
    };
    let rows = record::rows(&bytes).map_err(|error| bad_record(format!("cannot be read: {error}")))?;
    let mut doomed = BTreeSet::new();
    for (path, _) in &rows {
        let path = beneath(env, &site.join(path))
            .ok_or_else(|| bad_record(format!("names {path}, which is outside of the environment")))?;
        doomed.extend(compiled_from(&path)?);
        doomed.insert(path);
    }
    let mut dirs = BTreeSet::new();
    for path in &doomed {
        match std::fs::remove_file(path).at("remove", path) {
            Err(error) if !error.is_not_found() => return Err(error.into()),
            _ => {}
        }
        dirs.extend(
            path.ancestors()
                .skip(1)
                .take_while(|dir| dir.starts_with(&site) && *dir != site),
        );
    }
    // Deepest first; a directory that still holds something stays.
    for dir in dirs.iter().rev() {
        let _ = std::fs::remove_dir(dir);
    }
    Ok(())
}

/// A wheel, unpacked in memory and checked.
struct Wheel {
    /// The name of the package.
    name: String,
    /// The name of its `.dist-info` directory.
    info: String,
    /// All files but `RECORD`, by their path beneath `site-packages`.
    files: BTreeMap<RelPath, Vec<u8>>,
}

impl Wheel {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut files = unpack(bytes)?;
        let info = files
            .keys()
            .filter_map(|path| Some(path.to_string().strip_suffix("/METADATA")?.to_owned()))
            .find(|dir| dir.ends_with(".dist-info") && !dir.contains('/'))
            .ok_or_else(|| bad("it has no METADATA"))?;
        let promised = files
            .remove(format!("{info}/RECORD").as_bytes())
            .ok_or_else(|| bad("it has no RECORD"))?;
        let promised: BTreeMap<String, String> = record::rows(&promised).map_err(bad)?.into_iter().collect();
        for (path, content) in &files {
            if promised.get(&path.to_string()) != Some(&record::hash(content)) {
                return Err(bad(format!("{path} is not the file that its RECORD promises")));
            }
        }
        let metadata = files.get(format!("{info}/METADATA").as_bytes());
        let name = metadata
            .and_then(|text| header(text, "Name"))
            .ok_or_else(|| bad("its METADATA has no Name"))?;
        Ok(Self { name, info, files })
    }

    /// The console scripts by name, as pip writes them.
    fn scripts(&self, env: &Path) -> Result<Vec<(String, String)>, Error> {
        let Some(text) = self.files.get(format!("{}/entry_points.txt", self.info).as_bytes()) else {
            return Ok(Vec::new());
        };
        let text = std::str::from_utf8(text).map_err(bad)?;
        let mut section = "";
        let mut scripts = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                section = line;
            } else if section == "[console_scripts]" && !line.is_empty() && !line.starts_with(['#', ';']) {
                let (name, target) = line
                    .split_once('=')
                    .ok_or_else(|| bad(format!("bad script {line:?}")))?;
                let (name, target) = (name.trim(), target.trim());
                let (module, function) = target
                    .split_once(':')
                    .filter(|_| !name.is_empty() && !name.contains('/'))
                    .ok_or_else(|| bad(format!("bad script {line:?}")))?;
                scripts.push((name.to_owned(), script(env, module, function)));
            }
        }
        Ok(scripts)
    }
}

fn script(env: &Path, module: &str, function: &str) -> String {
    let python = env.join("bin/python");
    let import = function.split('.').next().unwrap_or(function);
    format!(
        "#!{}\n# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom {module} import {import}\nif __name__ == '__main__':\n    \
         sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    sys.exit({function}())\n",
        python.display()
    )
}

/// The files of a zip archive by their checked paths.
fn unpack(bytes: &[u8]) -> Result<BTreeMap<RelPath, Vec<u8>>, Error> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(bad)?;
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(bad)?;
        if file.is_dir() {
            continue;
        }
        let path = RelPath::new(file.name_raw()).map_err(bad)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(bad)?;
        files.insert(path, content);
    }
    Ok(files)
}

fn header(text: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    text.lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}

fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    if let Some(dir) = path.parent() {
        fsx::create_dir_all(dir)?;
    }
    Ok(std::fs::write(path, content).at("write", path)?)
}

/// Lets everybody run a file who may read it.
fn make_executable(path: &Path) -> Result<(), Error> {
    let mode = std::fs::metadata(path).at("look at", path)?.permissions().mode() & 0o7777;
    let permissions = std::fs::Permissions::from_mode(mode | (mode & 0o444) >> 2);
    Ok(std::fs::set_permissions(path, permissions).at("set the mode of", path)?)
}

/// `site-packages` and the name of the package's `.dist-info` in it.
fn installed(name: &str, env: &Path) -> Result<(PathBuf, String), Error> {
    let lib = env.join("lib");
    let wanted = normalize(name);
    for python in list(&lib)? {
        let site = lib.join(python).join("site-packages");
        for entry in list(&site)? {
            let project = entry.strip_suffix(".dist-info").and_then(|stem| stem.split('-').next());
            if project.is_some_and(|project| normalize(project) == wanted) {
                return Ok((site, entry));
            }
        }
    }
    Err(Error::NotInstalled {
        name: name.to_owned(),
        env: env.to_owned(),
    })
}

/// The names in a directory, sorted; none where there is no directory.
fn list(dir: &Path) -> Result<Vec<String>, Error> {
    let entries = match std::fs::read_dir(dir).at("list", dir) {
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.at("list", dir)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// The path without `..`, if it lies beneath the environment.
fn beneath(env: &Path, path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    (plain.starts_with(env) && plain != env).then_some(plain)
}

/// The `.pyc` files that the interpreter made from a module.
fn compiled_from(module: &Path) -> Result<Vec<PathBuf>, Error> {
    let (Some(dir), Some(stem)) = (module.parent(), module.file_stem().and_then(|stem| stem.to_str())) else {
        return Ok(Vec::new());
    };
    if module.extension().is_none_or(|extension| extension != "py") {
        return Ok(Vec::new());
    }
    let cache = dir.join("__pycache__");
    let prefix = format!("{stem}.");
    let names = list(&cache)?;
    let made = names
        .iter()
        .filter(|name| name.starts_with(&prefix) && name.ends_with(".pyc"));
    Ok(made.map(|name| cache.join(name)).collect())
}
