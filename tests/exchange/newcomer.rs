//! Two people with machines of their own: other homes, other shells, other places. What differs between their shells is
//! no change of the environment, and a change that one of them makes is.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::common::cli::{Said, Shell};

const SITE: &str = "lib/python3.11/site-packages";

/// A machine with its user's shell, in which environments may be active.
struct Machine {
    shell: Shell,
    env: PathBuf,
    project: PathBuf,
    /// What the user's terminals have.
    vars: Vec<(&'static str, String)>,
    /// Of `PATH` without any environment.
    path: &'static str,
}

impl Machine {
    fn new(project: &str, env: &str, path: &'static str) -> Self {
        let mut shell = Shell::new();
        let (project, env) = (shell.path(project), shell.path(env));
        shell.cwd = shell.path("home");
        Self {
            shell,
            env,
            project,
            vars: Vec::new(),
            path,
        }
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.vars.retain(|(known, _)| *known != name);
        self.vars.push((name, value.into()));
    }

    fn run(&self, active: Active, args: &[&str]) -> Said {
        let mut command = self.shell.command();
        command.env("PATH", self.path).envs(self.vars.clone());
        let prefix = match active {
            Active::Nothing => None,
            Active::Env => Some(self.env.clone()),
            Active::Base => Some(self.shell.path("conda")),
        };
        if let Some(prefix) = prefix {
            let bin = prefix.join("bin");
            command
                .env("PATH", format!("{}:/opt/conda/condabin:{}", bin.display(), self.path))
                .env("CONDA_PREFIX", &prefix)
                .env("CONDA_DEFAULT_ENV", prefix.file_name().unwrap())
                .env("CONDA_EXE", "/opt/conda/bin/conda")
                .env("CONDA_SHLVL", "1");
        }
        // Equal commits need equal clocks.
        command.env("ENVGIT_DATE", "1793530000");
        if self.project.exists() {
            command.current_dir(&self.project);
        }
        self.shell.said(command.args(args))
    }

    fn ok(&self, active: Active, args: &[&str]) -> Said {
        let said = self.run(active, args);
        assert_eq!(said.code, 0, "{args:?}: {}", said.transcript());
        said
    }

    fn is_clean(&self) {
        for active in [Active::Nothing, Active::Env, Active::Base] {
            let status = self.ok(active, &["status"]);
            assert!(status.out.contains("Nothing changed"), "{active:?}: {}", status.out);
            let commit = self.ok(active, &["commit", "-m", "nothing"]);
            assert!(commit.out.contains("Nothing changed"), "{active:?}: {}", commit.out);
        }
    }

    /// The names of variables that are told as changed.
    fn changed(&self) -> Vec<String> {
        let status = self.ok(Active::Env, &["status", "--json"]).json();
        let vars = status["vars"].as_array().unwrap().iter();
        vars.map(|var| var["name"].as_str().unwrap().to_owned()).collect()
    }

    fn recorded(&self, rev: &str) -> serde_json::Value {
        self.ok(Active::Nothing, &["show", rev, "--json"]).json()["recorded_vars"].clone()
    }

    /// The same change wherever it is made, at the same moment.
    fn change(&self, text: &str) {
        let file = self.env.join(SITE).join("numpy/__init__.py");
        std::fs::write(&file, text).unwrap();
        let touched = Command::new("touch")
            .args(["-d", "2026-01-02T03:04:05Z"])
            .arg(&file)
            .status();
        assert!(touched.unwrap().success());
    }
}

#[derive(Clone, Copy, Debug)]
enum Active {
    Nothing,
    /// The environment of the repository.
    Env,
    /// Another one.
    Base,
}

fn git(project: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(args).env("GIT_DIR", project.join(".envgit/history"));
    let output = git.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Ada's machine, recorded and pushed, and the address.
fn ada() -> (Machine, String) {
    let mut ada = Machine::new("glm", "envs/glm29", "/home/ada/bin:/usr/local/bin:/usr/bin:/bin");
    for (path, text) in [
        ("envs/glm29/conda-meta/history", ""),
        ("envs/glm29/bin/python3.11", ""),
        ("glm/run.py", "print(1)\n"),
    ] {
        ada.shell.write(path, text);
    }
    ada.shell.install("envs/glm29", "numpy", "1.24.4");
    let (env, project) = (ada.env.display().to_string(), ada.project.display().to_string());
    ada.set("HF_HOME", "/data/ada/hf");
    ada.set("CUDA_HOME", "/usr/local/cuda-12");
    ada.set("PYTHONPATH", format!("{project}/src"));
    ada.set("LD_LIBRARY_PATH", format!("{env}/lib:/usr/local/cuda-12/lib64"));
    ada.ok(Active::Env, &["init", "--root", &format!("env={env}:conda")]);
    ada.ok(Active::Env, &["commit", "-m", "first"]);
    let hub = ada.shell.path("hub").to_str().unwrap().to_owned();
    ada.ok(Active::Nothing, &["remote", "add", "origin", &hub]);
    ada.ok(Active::Nothing, &["push"]);
    (ada, hub)
}

/// Bob's, with a clone.
fn bob(hub: &str) -> (Machine, Said) {
    let mut bob = Machine::new("work/speech", "e/speech", "/usr/bin:/bin:/home/bob/.local/bin");
    bob.set("LANG", "de_DE.UTF-8");
    bob.set("OMP_NUM_THREADS", "2");
    let root = format!("env={}", bob.env.display());
    let project = bob.project.to_str().unwrap().to_owned();
    let said = bob.ok(Active::Nothing, &["clone", "--yes", "--root", &root, hub, &project]);
    (bob, said)
}

#[test]
fn the_shell_of_a_newcomer_is_no_change() {
    let (ada, hub) = ada();
    ada.is_clean();
    let (bob, said) = bob(&hub);
    let hint = "other values than were recorded for CUDA_HOME, HF_HOME, LD_LIBRARY_PATH, PATH, PYTHONPATH";
    assert!(said.err.contains(hint), "{}", said.err);
    bob.is_clean();
    // The next commit is the one that it would have been at Ada's.
    for machine in [&ada, &bob] {
        machine.change("__version__ = \"1.24.5\"\n");
        machine.ok(Active::Nothing, &["commit", "-m", "next"]);
    }
    let of_both = |rev: &str| [&ada, &bob].map(|machine| git(&machine.project, &["rev-parse", rev]));
    for rev in ["HEAD:vars.json", "HEAD:env", "HEAD:glm", "HEAD"] {
        let [there, here] = of_both(rev);
        assert_eq!(there, here, "{rev}");
    }
    assert_eq!(ada.recorded("HEAD")["PATH"], ada.path);
    bob.is_clean();
}

#[test]
fn a_change_of_a_variable_is_told_at_either_place_and_goes_to_the_other() {
    let (mut ada, hub) = ada();
    let (mut bob, _) = bob(&hub);
    // What Bob changes is a change, and the only one that is recorded.
    bob.set("HF_HOME", "/data/bob/hf");
    assert_eq!(bob.changed(), ["HF_HOME"]);
    let mut expected = bob.recorded("HEAD");
    expected["HF_HOME"] = "/data/bob/hf".into();
    bob.ok(Active::Env, &["commit", "-m", "hf"]);
    assert_eq!(bob.recorded("HEAD"), expected);
    bob.is_clean();
    // From now on it is a variable of this environment: that it goes is a change.
    bob.vars.retain(|(name, _)| *name != "HF_HOME");
    assert_eq!(bob.changed(), ["HF_HOME"]);
    bob.set("HF_HOME", "/data/bob/hf");
    // One within a root means the same at both places.
    bob.set("PYTHONPATH", format!("{}/lib", bob.project.display()));
    assert_eq!(bob.changed(), ["PYTHONPATH"]);
    bob.ok(Active::Nothing, &["commit", "-m", "path"]);
    bob.ok(Active::Nothing, &["push"]);
    // Ada has changed something herself; what comes does not hide it, and is not taken for hers.
    ada.set("CUDA_HOME", "/usr/local/cuda-13");
    assert_eq!(ada.changed(), ["CUDA_HOME"]);
    let said = ada.ok(Active::Env, &["pull"]);
    assert!(said.err.contains("recorded for HF_HOME, PYTHONPATH,"), "{}", said.err);
    assert_eq!(ada.changed(), ["CUDA_HOME"]);
    assert_eq!(
        ada.recorded("HEAD")["PYTHONPATH"],
        format!(
            "{}/lib",
            ada.project
                .to_str()
                .unwrap()
                .replace(ada.shell.dir.path().to_str().unwrap(), "/T")
        )
    );
    let printed = ada.ok(Active::Env, &["env"]).out;
    let bin = format!("{}/bin", ada.env.display());
    let first = format!("export PATH='{bin}:").replace(ada.shell.dir.path().to_str().unwrap(), "/T");
    assert!(printed.contains(&first), "what is active stays so: {printed}");
    ada.ok(Active::Env, &["commit", "-m", "cuda"]);
    ada.is_clean();
    // Bob's shell never had CUDA_HOME, and his PATH is not taken away from him.
    ada.ok(Active::Env, &["push"]);
    bob.ok(Active::Env, &["pull"]);
    bob.is_clean();
    let printed = bob.ok(Active::Env, &["env"]).out;
    assert!(printed.contains("export CUDA_HOME='/usr/local/cuda-13'"), "{printed}");
    assert!(printed.contains("export PYTHONPATH='/T/work/speech/lib'"), "{printed}");
    assert!(!printed.contains("PATH='/home/ada"), "{printed}");
}
