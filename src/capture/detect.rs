//! Finding the roots worth versioning, and reading those that a person spells out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::fsx::{is_same, plain};
use crate::snapshot::root::{Kind, Policy, Root, RootName};

/// What the finding starts from. The library does not look at its own environment.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Environment variables by name.
    pub vars: BTreeMap<String, OsString>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The project folder: absolute.
    pub project: PathBuf,
}

impl Surroundings {
    fn dir(&self, name: &str) -> Option<PathBuf> {
        self.vars
            .get(name)
            .filter(|value| !value.is_empty())
            .map(|value| self.project.join(value))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.vars.get(name)?.to_str()
    }
}

/// A root that may be worth versioning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The root.
    pub root: Root,
    /// What it is and how it was found, in a few words.
    pub why: String,
    /// Whether it is taken when nobody is asked.
    pub preselected: bool,
}

/// Why a root that was spelled out cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SpecError {
    /// There is no `=` or nothing beside it.
    #[error("{spec:?} does not describe a root: write NAME=PATH, NAME=PATH:KIND or NAME=PATH:KIND:POLICY")]
    Shape {
        /// What was given.
        spec: String,
    },
    /// The name or policy is not valid.
    #[error("{problem}")]
    Word {
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The path leads to no directory.
    #[error("there is no directory {}: create it first, or correct the path of root {name}", .path.display())]
    NoDirectory {
        /// The root's name.
        name: RootName,
        /// The path, absolute.
        path: PathBuf,
    },
}

/// The roots found, environments first, each directory once and each name once.
pub fn propose(surroundings: &Surroundings) -> Vec<Proposal> {
    let mut found = Found::default();
    environments(surroundings, &mut found);
    project(surroundings, &mut found);
    caches(surroundings, &mut found);
    found.proposals
}

fn environments(surroundings: &Surroundings, found: &mut Found) {
    let mut base = None;
    if let Some(prefix) = surroundings.dir("CONDA_PREFIX") {
        let called = surroundings
            .text("CONDA_DEFAULT_ENV")
            .filter(|name| !name.is_empty() && !name.contains('/'));
        let name = called.map_or_else(|| name_of(&prefix), RootName::from_lossy);
        if is_conda_base(&prefix) {
            base = Some((name, prefix));
        } else {
            found.add(name, &prefix, Kind::Conda, "active conda environment", true);
        }
    }
    if let Some(prefix) = surroundings.dir("VIRTUAL_ENV") {
        let kind = guess_kind(&prefix).unwrap_or(Kind::Venv);
        found.add(name_of(&prefix), &prefix, kind, "active virtual environment", true);
    }
    for name in [".venv", "venv", "env", ".conda"] {
        let prefix = surroundings.project.join(name);
        if let Some(kind) = guess_kind(&prefix) {
            let why = match kind {
                Kind::Conda => "conda environment in the project folder",
                _ => "virtual environment in the project folder",
            };
            found.add(name_of(&prefix), &prefix, kind, why, true);
        }
    }
    if let Some((name, prefix)) = base {
        let why = "active conda environment; it is conda's base, which also holds conda itself, its downloads (pkgs/) \
                   and the other environments (envs/)";
        let is_all_there_is = found.proposals.is_empty();
        found.add(name, &prefix, Kind::Conda, why, is_all_there_is);
    }
}

fn project(surroundings: &Surroundings, found: &mut Found) {
    let folder = &surroundings.project;
    let name = name_of(folder);
    let is_home = surroundings.home.as_deref().is_some_and(|home| is_same(home, folder));
    if is_home || folder.parent().is_none() {
        let why = "the current folder; not chosen by itself, as it holds more than one project";
        found.add(name, folder, Kind::Project, why, false);
    } else {
        found.add(name, folder, Kind::Project, "the project folder", true);
    }
}

/// Model caches: never chosen by themselves, as they may be larger than anything else.
fn caches(surroundings: &Surroundings, found: &mut Found) {
    let user_caches = surroundings
        .dir("XDG_CACHE_HOME")
        .or_else(|| surroundings.home.as_ref().map(|home| home.join(".cache")));
    for (variable, name, whose) in [
        ("HF_HOME", "huggingface", "Hugging Face"),
        ("TORCH_HOME", "torch", "PyTorch"),
        ("MODELSCOPE_CACHE", "modelscope", "ModelScope"),
    ] {
        let dir = surroundings
            .dir(variable)
            .or_else(|| user_caches.as_ref().map(|caches| caches.join(name)));
        if let Some(dir) = dir {
            let why = format!("{whose} models and data; may be large");
            found.add(RootName::from_lossy(name), &dir, Kind::Cache, &why, false);
        }
    }
}

#[derive(Default)]
struct Found {
    proposals: Vec<Proposal>,
    /// Where the proposals really are.
    real: Vec<PathBuf>,
}

impl Found {
    /// Adds a directory unless it is missing or was found before; a name already taken gets a number.
    fn add(&mut self, name: RootName, path: &Path, kind: Kind, why: &str, preselected: bool) {
        let Ok(real) = path.canonicalize() else { return };
        if !real.is_dir() || self.real.contains(&real) {
            return;
        }
        self.real.push(real);
        let root = Root {
            name: self.unused(name),
            path: plain(path),
            kind,
            policy: kind.default_policy(),
            base: None,
        };
        self.proposals.push(Proposal {
            root,
            why: why.to_owned(),
            preselected,
        });
    }

    fn unused(&self, name: RootName) -> RootName {
        let is_taken = |name: &RootName| self.proposals.iter().any(|other| other.root.name == *name);
        if !is_taken(&name) {
            return name;
        }
        let stem: String = name.as_str().chars().take(56).collect();
        (2..)
            .map(|number| RootName::from_lossy(&format!("{stem}-{number}")))
            .find(|name| !is_taken(name))
            .unwrap_or(name)
    }
}

fn name_of(dir: &Path) -> RootName {
    RootName::from_lossy(&dir.file_name().unwrap_or_default().to_string_lossy())
}

/// The kind of the Python environment in a directory, if there is one.
pub fn guess_kind(dir: &Path) -> Option<Kind> {
    if dir.join("conda-meta").is_dir() {
        Some(Kind::Conda)
    } else if dir.join("pyvenv.cfg").is_file() {
        Some(Kind::Venv)
    } else {
        None
    }
}

/// Whether a conda prefix is the base environment: it keeps its downloads and other environments within itself.
pub fn is_conda_base(prefix: &Path) -> bool {
    prefix.join("condabin").is_dir() || (prefix.join("envs").is_dir() && prefix.join("pkgs").is_dir())
}

/// Reads `NAME=PATH[:KIND[:POLICY]]`. A relative path counts from `base`, which is absolute. The path may hold colons
/// itself: only a suffix that is a kind counts as one. Without a kind, it is read from the directory: conda, venv,
/// else project.
///
/// # Errors
/// Says what part is wrong and how to write it.
pub fn parse_root_spec(spec: &str, base: &Path) -> Result<Root, SpecError> {
    let shape = || SpecError::Shape { spec: spec.to_owned() };
    let word = |problem: String| SpecError::Word { problem };
    let (name, rest) = spec.split_once('=').ok_or_else(shape)?;
    let (path, kind, policy) = split_suffix(rest, base).map_err(word)?;
    if name.is_empty() || path.is_empty() {
        return Err(shape());
    }
    let name: RootName = name.parse().map_err(word)?;
    let path = plain(&base.join(path));
    if !path.is_dir() {
        return Err(SpecError::NoDirectory { name, path });
    }
    let kind = kind.or_else(|| guess_kind(&path)).unwrap_or(Kind::Project);
    Ok(Root {
        name,
        path,
        kind,
        policy: policy.unwrap_or_else(|| kind.default_policy()),
        base: None,
    })
}

/// Splits `PATH[:KIND[:POLICY]]`.
fn split_suffix<'a>(rest: &'a str, base: &Path) -> Result<(&'a str, Option<Kind>, Option<Policy>), String> {
    let Some((front, last)) = rest.rsplit_once(':') else {
        return Ok((rest, None, None));
    };
    if let Some((path, middle)) = front.rsplit_once(':')
        && let Ok(kind) = middle.parse::<Kind>()
    {
        return Ok((path, Some(kind), Some(last.parse()?)));
    }
    if let Ok(kind) = last.parse::<Kind>() {
        return Ok((front, Some(kind), None));
    }
    // Neither a path with a colon in it nor a kind: most likely a slip in the kind.
    if !base.join(rest).exists() && base.join(front).is_dir() {
        return Err(last.parse::<Kind>().err().unwrap_or_default());
    }
    Ok((rest, None, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A home with a project in it, made of the given directories and files.
    fn world(paths: &[&str]) -> (tempfile::TempDir, Surroundings) {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        for path in ["GLM-TTS/"].iter().chain(paths) {
            let path_in_home = home.join(path);
            if path.ends_with('/') {
                std::fs::create_dir_all(path_in_home).unwrap();
            } else {
                std::fs::create_dir_all(path_in_home.parent().unwrap()).unwrap();
                std::fs::write(path_in_home, "").unwrap();
            }
        }
        let project = home.join("GLM-TTS");
        let surroundings = Surroundings {
            vars: BTreeMap::new(),
            home: Some(home),
            project,
        };
        (dir, surroundings)
    }

    fn set(surroundings: &mut Surroundings, name: &str, path: &str) {
        let value = surroundings.home.as_ref().unwrap().join(path);
        surroundings.vars.insert(name.to_owned(), value.into());
    }

    fn summary(surroundings: &Surroundings) -> Vec<(String, Kind, Policy, bool)> {
        propose(surroundings)
            .into_iter()
            .map(|p| (p.root.name.to_string(), p.root.kind, p.root.policy, p.preselected))
            .collect()
    }

    #[test]
    fn conda_environment_project_and_caches() {
        let (_dir, mut around) = world(&["conda/envs/glm/conda-meta/", ".cache/huggingface/", "models/hub/"]);
        set(&mut around, "CONDA_PREFIX", "conda/envs/glm");
        set(&mut around, "TORCH_HOME", "models");
        let expected = [
            ("glm", Kind::Conda, Policy::Exact, true),
            ("GLM-TTS", Kind::Project, Policy::Tracked, true),
            ("huggingface", Kind::Cache, Policy::Tracked, false),
            ("torch", Kind::Cache, Policy::Tracked, false),
        ];
        assert_eq!(summary(&around), expected.map(|(n, k, p, s)| (n.to_owned(), k, p, s)));
        around.vars.insert("CONDA_DEFAULT_ENV".into(), "speech".into());
        assert_eq!(summary(&around)[0].0, "speech");
    }

    #[test]
    fn the_same_venv_active_and_local_is_one() {
        let (_dir, mut around) = world(&[
            "GLM-TTS/.venv/pyvenv.cfg",
            "GLM-TTS/env/readme",
            "other/venv/pyvenv.cfg",
        ]);
        set(&mut around, "VIRTUAL_ENV", "GLM-TTS/.venv/");
        let names: Vec<_> = summary(&around).into_iter().map(|s| s.0).collect();
        assert_eq!(names, ["venv", "GLM-TTS"]);
        set(&mut around, "VIRTUAL_ENV", "other/venv");
        let names: Vec<_> = summary(&around).into_iter().map(|s| s.0).collect();
        assert_eq!(names, ["venv", "venv-2", "GLM-TTS"]);
    }

    #[test]
    fn base_is_taken_only_where_there_is_nothing_else() {
        let (_dir, mut around) = world(&["conda/conda-meta/", "conda/condabin/"]);
        set(&mut around, "CONDA_PREFIX", "conda");
        let proposals = propose(&around);
        assert!(proposals[0].preselected && proposals[0].why.contains("base"));
        std::fs::create_dir_all(around.project.join("venv")).unwrap();
        std::fs::write(around.project.join("venv/pyvenv.cfg"), "").unwrap();
        let chosen: Vec<_> = summary(&around).into_iter().map(|s| (s.0, s.3)).collect();
        assert_eq!(
            chosen,
            [("venv".into(), true), ("conda".into(), false), ("GLM-TTS".into(), true)]
        );
    }

    #[test]
    fn home_is_no_project_and_stale_variables_are_ignored() {
        let (_dir, mut around) = world(&[]);
        set(&mut around, "CONDA_PREFIX", "gone");
        around.project = around.home.clone().unwrap();
        let proposals = propose(&around);
        assert_eq!(proposals.len(), 1);
        assert!(!proposals[0].preselected, "{proposals:?}");
    }

    #[test]
    fn root_specs() {
        let (_dir, around) = world(&["e/conda-meta/", "v/pyvenv.cfg", "p/", "odd:dir/", "odd:cache/"]);
        let base = around.home.unwrap();
        for (spec, path, kind, policy) in [
            ("a=e", "e", Kind::Conda, Policy::Exact),
            ("a=./v/", "v", Kind::Venv, Policy::Exact),
            ("a=p", "p", Kind::Project, Policy::Tracked),
            ("a=p:cache", "p", Kind::Cache, Policy::Tracked),
            ("a=e:project:exact", "e", Kind::Project, Policy::Exact),
            ("a=odd:dir", "odd:dir", Kind::Project, Policy::Tracked),
            ("a=odd:dir:venv", "odd:dir", Kind::Venv, Policy::Exact),
        ] {
            let root = parse_root_spec(spec, &base).unwrap();
            assert_eq!(
                (root.path, root.kind, root.policy),
                (base.join(path), kind, policy),
                "{spec}"
            );
        }
        for (spec, expected) in [
            ("p", "NAME=PATH"),
            ("=p", "NAME=PATH"),
            ("a=", "NAME=PATH"),
            ("a b=p", "cannot name a root"),
            ("a=missing", "there is no directory"),
            ("a=p:konda", "unknown kind"),
            ("a=p:conda:strict", "unknown policy"),
        ] {
            let error = parse_root_spec(spec, &base).unwrap_err().to_string();
            assert!(error.contains(expected), "{spec}: {error}");
        }
    }
}
