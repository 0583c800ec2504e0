//! `envgit demo`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::context::{CommandContext, World};
use crate::cli::error::CliError;
use crate::cli::theme::paint;
use crate::demo::{PROJECT, TINYNUM_NEW, TINYNUM_OLD, TINYPITCH, wheel};
use crate::digest::Digest;
use crate::fsx::{self, Context as _};

/// A guided tour: commit, upgrade, diff and come back, in a temporary folder.
///
/// Lays out a small environment from wheels that are part of the program, breaks it with an upgrade and brings it
/// back. Nothing outside of the temporary folder is touched.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Keep the folder, to go on from there.
    #[arg(long)]
    keep: bool,
}

/// The tag of the state to come back to.
const TAG: &str = "pre-upgrade-demo";

/// The edit that goes with the upgrade.
const EDIT: (&str, &str, &str) = ("configs/G2P_replace_dict.jsonl", DEMO_OLD, DEMO_NEW);
const DEMO_OLD: &str = "<|UE2|>";
const DEMO_NEW: &str = "<|IAO3|>";

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    if cmd.ui.volume.json {
        return Err(CliError::usage("the demo is for people: it has no JSON"));
    }
    let folder = tempfile::Builder::new().prefix("envgit-demo-").tempdir();
    let folder = folder.at("create a folder in", std::env::temp_dir())?;
    let real = folder.path().canonicalize().at("find", folder.path())?;
    let quiet = std::mem::replace(&mut cmd.ui.volume.quiet, true);
    let toured = Stage::set(cmd, &real).and_then(|mut stage| stage.tour());
    cmd.ui.volume.quiet = quiet;
    if args.keep {
        let kept = folder.keep().join(PROJECT_NAME);
        cmd.ui
            .print(&format!("\nThe project is kept in {}\n", kept.display()))?;
    }
    toured.map(|()| ExitCode::SUCCESS)
}

/// The folder's name, and so that of its root.
const PROJECT_NAME: &str = "glm-tts";

/// The demo under way.
struct Stage<'a, 'b> {
    cmd: &'a mut CommandContext<'b>,
    /// The demo's own world: its folder, and no environment of the user's.
    world: World,
    project: PathBuf,
    env: PathBuf,
    python: Option<Python>,
}

/// The interpreter found on this machine.
struct Python {
    path: PathBuf,
    /// `3.11`
    version: String,
}

impl<'a, 'b> Stage<'a, 'b> {
    /// Lays the project and its environment out.
    fn set(cmd: &'a mut CommandContext<'b>, folder: &Path) -> Result<Self, CliError> {
        let project = folder.join(PROJECT_NAME);
        let mut world = cmd.world.clone();
        for name in [
            "CONDA_PREFIX",
            "VIRTUAL_ENV",
            "ENVGIT_DIR",
            "HF_HOME",
            "TORCH_HOME",
            "MODELSCOPE_CACHE",
        ] {
            world.vars.remove(&OsString::from(name));
        }
        // Its registry is not the user's.
        let state = folder.join("state");
        world.vars.insert("XDG_STATE_HOME".into(), state.into());
        world.cwd.clone_from(&project);
        let stage = Self {
            python: Python::find(&cmd.world),
            env: project.join("env"),
            cmd,
            world,
            project,
        };
        for (path, mode, text) in PROJECT {
            write(&stage.project.join(path), text.as_bytes(), *mode)?;
        }
        let version = stage.python_version();
        let home = stage.python.as_ref().and_then(|python| python.path.parent());
        let home = home.unwrap_or(Path::new("/usr/bin")).display();
        let settings = format!("home = {home}\ninclude-system-site-packages = false\nversion = {version}\n");
        write(&stage.env.join("pyvenv.cfg"), settings.as_bytes(), 0o644)?;
        fsx::create_dir_all(&stage.env.join("bin"))?;
        if let Some(python) = &stage.python {
            let link = stage.env.join("bin/python");
            std::os::unix::fs::symlink(&python.path, &link).at("link", &link)?;
        }
        wheel::install(TINYNUM_OLD, &stage.env, &stage.python_tag())?;
        Ok(stage)
    }

    fn tour(&mut self) -> Result<(), CliError> {
        let folder = self.project.display().to_string();
        self.say(&format!(
            "A small speech project with an environment of its own, in {folder}"
        ))?;
        self.say("Put both under version control, and record the state that works:")?;
        self.envgit(&["init", "--yes"])?;
        self.ask_python()?;
        self.envgit(&["commit", "-m", "works", "-t", TAG])?;
        let before = fingerprint(&self.project)?;

        self.say("Then comes the upgrade, and somebody edits a config:")?;
        self.command("pip install tinypitch")?;
        let tag = self.python_tag();
        wheel::install_dependency(TINYNUM_NEW, &self.env, &tag)?;
        wheel::install(TINYPITCH, &self.env, &tag)?;
        self.print("Successfully installed tinynum-1.26.4 tinypitch-0.3.4\n")?;
        self.say("(pip's part is played by the demo: two tiny wheels of its own, installed as pip does)")?;
        self.edit()?;
        self.ask_python()?;

        self.say("What happened?")?;
        self.envgit(&["diff"])?;
        self.envgit(&["why", "tinynum"])?;
        self.envgit(&["commit"])?;

        self.say("Bring the state that worked back, exactly and offline:")?;
        self.envgit(&["checkout", TAG])?;
        self.ask_python()?;
        self.prove(&before)?;
        self.envgit(&["log", "--oneline", "--graph"])?;

        self.say("Now with your own: activate an environment, go to your project folder, and run")?;
        self.print("  envgit init\n  envgit commit -m \"works\"\n")
    }

    fn print(&mut self, text: &str) -> Result<(), CliError> {
        self.cmd.ui.print(text)
    }

    fn say(&mut self, text: &str) -> Result<(), CliError> {
        let line = paint(self.cmd.ui.theme.dim, format_args!("# {text}"));
        self.print(&format!("\n{line}\n"))
    }

    fn command(&mut self, line: &str) -> Result<(), CliError> {
        let line = paint(self.cmd.ui.theme.title, format_args!("$ {line}"));
        self.print(&format!("\n{line}\n"))
    }

    /// Runs one of envgit's own commands, as if typed.
    fn envgit(&mut self, args: &[&str]) -> Result<(), CliError> {
        let quoted: Vec<String> = args
            .iter()
            .enumerate()
            .map(|(index, arg)| match index > 0 && args[index - 1] == "-m" {
                true => format!("\"{arg}\""),
                false => (*arg).to_owned(),
            })
            .collect();
        self.command(&format!("envgit {}", quoted.join(" ")))?;
        let args: Vec<OsString> = std::iter::once("envgit")
            .chain(args.iter().copied())
            .map(OsString::from)
            .collect();
        let mut context = CommandContext {
            ui: &mut *self.cmd.ui,
            world: self.world.clone(),
        };
        crate::cli::run_in(&mut context, &args)?;
        Ok(())
    }

    fn python_tag(&self) -> String {
        format!("python{}", self.python_version())
    }

    fn python_version(&self) -> &str {
        self.python.as_ref().map_or("3.11", |python| &python.version)
    }

    /// Lets the environment itself say which version it has.
    fn ask_python(&mut self) -> Result<(), CliError> {
        const CODE: &str = "import tinynum; print(tinynum.__version__)";
        if self.python.is_none() {
            return Ok(());
        }
        self.command(&format!("env/bin/python -c \"{CODE}\""))?;
        let python = self.env.join("bin/python");
        let output = std::process::Command::new(&python)
            .args(["-B", "-c", CODE])
            .current_dir(&self.project)
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONHOME")
            .output()
            .at("run", &python)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(
                crate::ops::Error::refused(format!("the demo's Python cannot import tinynum: {said}"), "").into(),
            );
        }
        self.print(&String::from_utf8_lossy(&output.stdout))
    }

    fn edit(&mut self) -> Result<(), CliError> {
        let (name, old, new) = EDIT;
        self.command(&format!("sed -i 's/{old}/{new}/' {name}"))?;
        let path = self.project.join(name);
        let text = String::from_utf8_lossy(&fsx::read(&path)?).replacen(old, new, 1);
        Ok(std::fs::write(&path, text).at("write", &path)?)
    }

    /// Compares every file with how it was, independently of envgit's own check.
    fn prove(&mut self, before: &Fingerprint) -> Result<(), CliError> {
        let after = fingerprint(&self.project)?;
        if after != *before {
            let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
            let paths: Vec<String> = before
                .keys()
                .chain(after.keys())
                .filter(differs)
                .map(|path| path.display().to_string())
                .collect();
            let target = TAG.to_owned();
            return Err(crate::ops::Error::NotEqual { target, paths }.into());
        }
        let count = before.values().filter(|fact| fact.digest.is_some()).count() as u64;
        let count = crate::cli::render::counted(count, "file");
        let theme = self.cmd.ui.theme;
        let proof = paint(theme.added, format_args!("{count} byte-identical"));
        self.say("Is it really the same? SHA-256, mode and time of every file, before the upgrade and now:")?;
        self.print(&format!("{proof}\n"))
    }
}

impl Python {
    fn find(world: &World) -> Option<Self> {
        let path = std::env::split_paths(world.var("PATH")?)
            .map(|dir| dir.join("python3"))
            .find(|path| path.is_file())?;
        // What is on the path may be a script that picks an interpreter, or one of another environment: asked, it names
        // the program behind it.
        let code = "import os, sys; print('%d.%d' % sys.version_info[:2]); \
                    print(os.path.realpath(getattr(sys, '_base_executable', sys.executable)))";
        let output = std::process::Command::new(&path)
            .args(["-I", "-c", code])
            .output()
            .ok()?;
        let said = String::from_utf8(output.stdout).ok()?;
        let (version, path) = said.trim().split_once('\n')?;
        output.status.success().then(|| Self {
            path: PathBuf::from(path),
            version: version.to_owned(),
        })
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CliError> {
    if let Some(dir) = path.parent() {
        fsx::create_dir_all(dir)?;
    }
    std::fs::write(path, bytes).at("write", path)?;
    let permissions = std::fs::Permissions::from_mode(mode);
    Ok(std::fs::set_permissions(path, permissions).at("set the mode of", path)?)
}

/// All paths of the project with what is in them.
type Fingerprint = BTreeMap<PathBuf, Fact>;

#[derive(Debug, PartialEq, Eq)]
struct Fact {
    mode: u32,
    /// Of files.
    mtime: Option<(i64, i64)>,
    digest: Option<Digest>,
    target: Option<PathBuf>,
}

fn fingerprint(project: &Path) -> Result<Fingerprint, CliError> {
    let mut facts = Fingerprint::new();
    let mut folders = vec![project.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).at("list", &folder)? {
            let path = entry.at("list", &folder)?.path();
            if path == project.join(crate::repo::DIR_NAME) {
                continue;
            }
            let meta = std::fs::symlink_metadata(&path).at("look at", &path)?;
            let target = match meta.is_symlink() {
                true => Some(std::fs::read_link(&path).at("read", &path)?),
                false => None,
            };
            let fact = Fact {
                mode: meta.mode(),
                mtime: meta.is_file().then(|| (meta.mtime(), meta.mtime_nsec())),
                digest: if meta.is_file() {
                    Some(Digest::of(&fsx::read(&path)?))
                } else {
                    None
                },
                target,
            };
            if meta.is_dir() {
                folders.push(path.clone());
            }
            facts.insert(path, fact);
        }
    }
    Ok(facts)
}
