//! Where the roots of a clone may stand on this machine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::capture::detect::is_conda_base;
use crate::repo::DIR_NAME;
use crate::snapshot::root::{Kind, RootName, STAGE_DIR};

/// What places are proposed from.
#[derive(Clone, Debug, Default)]
pub struct Here {
    /// The folder that the clone goes into: absolute.
    pub project: PathBuf,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// Environment variables by name.
    pub vars: BTreeMap<OsString, OsString>,
}

/// A root as a commit has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) name: RootName,
    pub(super) kind: Kind,
    /// Where it stood when it was recorded.
    pub(super) home: PathBuf,
}

impl Here {
    fn var(&self, name: &str) -> Option<PathBuf> {
        let value = self.vars.get(&OsString::from(name))?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    }

    /// Where conda is installed, if anywhere.
    fn conda(&self) -> Option<PathBuf> {
        let by_exe = self
            .var("CONDA_EXE")
            .and_then(|exe| Some(exe.parent()?.parent()?.to_owned()));
        let active = self.var("CONDA_PREFIX");
        let by_active = active.iter().flat_map(|prefix| {
            let above = prefix.parent().filter(|dir| dir.ends_with("envs"));
            [Some(prefix.clone()), above.and_then(Path::parent).map(Path::to_owned)]
        });
        let names = ["miniconda3", "miniforge3", "anaconda3", "mambaforge", "micromamba"];
        let in_home = self.home.iter().flat_map(|home| names.map(|name| home.join(name)));
        let mut candidates = by_exe
            .into_iter()
            .chain(by_active.flatten())
            .chain(in_home)
            .chain([PathBuf::from("/opt/conda")]);
        candidates.find(|dir| is_conda_base(dir))
    }
}

/// A place for each root, in their order.
pub(super) fn propose(roots: &[Recorded], here: &Here) -> Vec<PathBuf> {
    // The project that holds the others, or the first.
    let project = roots
        .iter()
        .filter(|root| root.kind == Kind::Project)
        .min_by_key(|root| root.home.components().count());
    let conda = here.conda();
    let mut taken: Vec<PathBuf> = Vec::new();
    for root in roots {
        let name = root
            .home
            .file_name()
            .map_or_else(|| PathBuf::from(root.name.as_str()), PathBuf::from);
        let inside = project.and_then(|project| root.home.strip_prefix(&project.home).ok());
        let in_cache = || {
            let home = here.home.as_ref()?;
            let mut parts = root.home.components();
            parts.by_ref().find(|part| part.as_os_str() == ".cache")?;
            Some(home.join(".cache").join(parts.as_path()))
        };
        let place = match (root.kind, inside) {
            (_, Some(inside)) if inside.as_os_str().is_empty() => here.project.clone(),
            (_, Some(inside)) => here.project.join(inside),
            (Kind::Conda, None) => match &conda {
                Some(conda) => conda.join("envs").join(&name),
                None => beside(&here.project).join(&name),
            },
            (Kind::Venv, None) => here
                .project
                .join(if project.is_some() { &name } else { Path::new(".venv") }),
            (Kind::Cache, None) => in_cache().unwrap_or_else(|| beside(&here.project).join(&name)),
            (Kind::Project, None) => beside(&here.project).join(&name),
        };
        // The folder itself is for the project.
        let is_project = project.is_some_and(|project| project.name == root.name);
        let reserved = project.filter(|_| !is_project).map(|_| here.project.as_path());
        taken.push(free(place, &taken, reserved));
    }
    taken
}

fn beside(project: &Path) -> &Path {
    project.parent().unwrap_or(project)
}

/// The place, or with a number behind it when it is taken.
fn free(place: PathBuf, taken: &[PathBuf], reserved: Option<&Path>) -> PathBuf {
    let is_free = |place: &Path| {
        let others = taken.iter().map(PathBuf::as_path).chain(reserved);
        others.into_iter().all(|other| other != place) && is_empty(place)
    };
    if is_free(&place) || (taken.is_empty() && reserved.is_none()) {
        return place;
    }
    let mut numbered = (2..100).map(|n| {
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(format!("-{n}"));
        place.with_file_name(name)
    });
    numbered.find(|place| is_free(place)).unwrap_or(place)
}

/// Nothing is there, or a folder with nothing in it but envgit's own.
pub(super) fn is_empty(place: &Path) -> bool {
    match std::fs::read_dir(place) {
        Ok(mut entries) => entries.all(|entry| {
            // A try that was cut off may have left its stage.
            entry.is_ok_and(|entry| [DIR_NAME, STAGE_DIR].iter().any(|own| entry.file_name() == *own))
        }),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(list: &[(&str, Kind, &str)]) -> Vec<Recorded> {
        list.iter()
            .map(|(name, kind, home)| Recorded {
                name: name.parse().unwrap(),
                kind: *kind,
                home: PathBuf::from(home),
            })
            .collect()
    }

    #[test]
    fn places_fit_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let roots = recorded(&[
            ("cache", Kind::Cache, "/root/.cache/huggingface"),
            ("glm", Kind::Conda, "/opt/miniconda3/envs/glm"),
            ("project", Kind::Project, "/root/GLM-TTS"),
            ("venv", Kind::Venv, "/root/GLM-TTS/tools/.venv"),
            ("vocoder", Kind::Project, "/data/vocoder"),
        ]);
        let mut here = Here {
            project: at("work/glm"),
            home: Some(at("home")),
            vars: BTreeMap::new(),
        };
        let proposed = propose(&roots, &here);
        let without_conda = is_conda_base(Path::new("/opt/conda"));
        if !without_conda {
            assert_eq!(proposed[1], at("work/glm-2"), "beside the project, where glm is taken");
        }
        assert_eq!(proposed[0], at("home/.cache/huggingface"));
        assert_eq!(proposed[2], at("work/glm"));
        assert_eq!(proposed[3], at("work/glm/tools/.venv"));
        assert_eq!(proposed[4], at("work/vocoder"));
        std::fs::create_dir_all(at("home/miniforge3/conda-meta")).unwrap();
        std::fs::create_dir_all(at("home/miniforge3/condabin")).unwrap();
        here.vars
            .insert("CONDA_EXE".into(), at("home/miniforge3/bin/conda").into());
        if is_conda_base(&at("home/miniforge3")) {
            assert_eq!(propose(&roots, &here)[1], at("home/miniforge3/envs/glm"));
        }
    }

    #[test]
    fn a_venv_alone_goes_into_the_folder() {
        let roots = recorded(&[("env", Kind::Venv, "/srv/envs/prod")]);
        let here = Here {
            project: PathBuf::from("/nowhere/x"),
            ..Here::default()
        };
        assert_eq!(propose(&roots, &here), [PathBuf::from("/nowhere/x/.venv")]);
    }
}
