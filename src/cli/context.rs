//! What a command starts from: the world around the process, the repository it finds there, who acts and when.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::progress::Bars;
use super::ui::Ui;
use super::{dates, identity};
use crate::capture::detect::Surroundings;
use crate::fsx::{self, Context as _};
use crate::history::Time;
use crate::ops::{Session, clone, damaged, recover};
use crate::progress::Progress;
use crate::registry::Registry;
use crate::repo::{DIR_NAME, Repo};

/// The folder and the environment variables that a command sees. Nothing else reads those of the process.
#[derive(Clone, Debug)]
pub struct World {
    /// The current folder: absolute.
    pub cwd: PathBuf,
    /// The environment variables.
    pub vars: BTreeMap<OsString, OsString>,
}

impl World {
    /// That of this process.
    pub fn of_process() -> Self {
        let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        // The path by which the shell knows the folder, symlinks included, when it is the same folder.
        let logical = std::env::var_os("PWD").map(PathBuf::from).filter(|pwd| {
            pwd.is_absolute() && matches!((pwd.canonicalize(), cwd.canonicalize()), (Ok(a), Ok(b)) if a == b)
        });
        Self {
            cwd: logical.unwrap_or(cwd),
            vars: std::env::vars_os().collect(),
        }
    }

    /// The same in another folder.
    pub(super) fn moved_to(mut self, dir: Option<&Path>) -> Result<Self, CliError> {
        if let Some(dir) = dir {
            let to = fsx::plain(&self.cwd.join(dir));
            let kind = std::fs::metadata(&to).at("change to", &to).map_err(CliError::from)?;
            if !kind.is_dir() {
                return Err(CliError::usage(format!("{} is not a directory", to.display())));
            }
            self.cwd = to;
        }
        Ok(self)
    }

    /// A variable that is set and not empty.
    pub(super) fn var(&self, name: &str) -> Option<&OsStr> {
        let value = self.vars.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// The same as text, if it is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.var(name)?.to_str()
    }

    /// The same as a path, absolute.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(|value| self.cwd.join(value))
    }

    /// The user's home directory.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.path("HOME")
    }

    /// The note of which repository versions which environment.
    pub(super) fn registry(&self) -> Option<Registry> {
        let state = self.path("XDG_STATE_HOME");
        let state = state.or_else(|| Some(self.home()?.join(".local/state")));
        Some(Registry::new(state?.join("envgit/registry.json")))
    }

    /// What roots are found from, for a project folder.
    pub(super) fn surroundings(&self, project: &Path) -> Surroundings {
        let vars = self.vars.iter().filter_map(|(name, value)| {
            let name = name.to_str()?.to_owned();
            Some((name, value.clone()))
        });
        Surroundings {
            vars: vars.collect(),
            home: self.home(),
            project: project.to_owned(),
        }
    }

    /// The same with its time zone, for dates that people type.
    pub(super) fn now_zoned(&self) -> Result<jiff::Zoned, CliError> {
        let given = self.var("ENVGIT_DATE").map(|_| self.now()).transpose()?;
        Ok(given.and_then(Time::to_zoned).unwrap_or_else(jiff::Zoned::now))
    }

    /// Now, or `ENVGIT_DATE`.
    pub(super) fn now(&self) -> Result<Time, CliError> {
        match self.var("ENVGIT_DATE") {
            None => Ok(Time::from(&jiff::Zoned::now())),
            Some(given) => given.to_str().and_then(dates::moment).ok_or_else(|| {
                CliError::usage(format!("ENVGIT_DATE is {given:?}, which is no date"))
                    .hinting("write 2026-11-01T10:00:00+08:00, or seconds since 1970")
            }),
        }
    }
}

/// What a command runs in.
pub struct CommandContext<'a> {
    /// Where its words go.
    pub(super) ui: &'a mut Ui,
    /// What it sees.
    pub(super) world: World,
}

impl CommandContext<'_> {
    /// Finds and opens the repository.
    pub(super) fn repo(&self) -> Result<Repo, CliError> {
        let dir = match self.world.path("ENVGIT_DIR") {
            Some(given) if given.join("format.json").exists() || !given.join(DIR_NAME).exists() => given,
            Some(given) => given.join(DIR_NAME),
            None => {
                let active: Vec<PathBuf> = ["VIRTUAL_ENV", "CONDA_PREFIX"]
                    .iter()
                    .filter_map(|name| self.world.path(name))
                    .collect();
                Repo::discover(&self.world.cwd, &active, self.world.registry().as_ref())?
            }
        };
        Ok(Repo::open(&dir)?)
    }

    /// Everything that an operation needs. `verb` is the command's name, for those who wait for it.
    pub(super) fn session<'p>(&self, verb: &str, progress: &'p dyn Progress) -> Result<Session<'p>, CliError> {
        let repo = self.repo()?;
        let who = identity::of(&repo.config().user, &self.world);
        let mut session = Session {
            who,
            now: self.world.now()?,
            env: self.world.vars.clone().into_iter().collect(),
            progress,
            purpose: format!("envgit {verb}"),
            repo,
        };
        damaged::warn_of_refs(&session);
        if let Some(url) = clone::unfinished(&session) {
            let project = session.repo.project().display();
            progress.warn(&format!(
                "the clone of {url} was cut off; finish it with: envgit clone {url} {project}"
            ));
        }
        // Whatever is asked for: a checkout that was interrupted is finished first, if that can be. These do it, and
        // tell of it, by themselves.
        if !matches!(verb, "status" | "diff" | "commit" | "checkout" | "restore") {
            recover::if_possible(&mut session);
        }
        Ok(session)
    }

    /// Bars for a long operation.
    pub(super) fn bars(&self) -> Bars {
        Bars::new(self.ui)
    }
}

/// Paths as they were typed, escaped where they are not text.
pub(super) fn path_texts(paths: &[OsString]) -> Vec<String> {
    let text = |path: &OsString| match path.to_str() {
        Some(text) => text.to_owned(),
        None => crate::snapshot::path::escape(path.as_encoded_bytes()),
    };
    paths.iter().map(text).collect()
}
