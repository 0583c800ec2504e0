//! An environment that is brought back at another path works there, and is the same commit wherever it stands.

mod common;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::cli::Shell;
use common::{differing, picture, session};
use envgit::ops::checkout::{CheckoutOptions, checkout};
use envgit::ops::commit::{CommitOptions, commit};
use envgit::ops::init::{InitOptions, init};
use envgit::ops::report::CheckoutReport;
use envgit::ops::{diff, verify};
use envgit::snapshot::root::{Kind, Policy, Root};

/// A project with an environment beside it: somebody's.
struct Machine {
    project: PathBuf,
    env: PathBuf,
}

impl Machine {
    /// A virtual environment as Python and pip make it, with what else holds absolute paths, recorded.
    fn first(dir: &Path) -> Self {
        let machine = Self {
            project: dir.join("glm"),
            env: dir.join("envs/torch29"),
        };
        std::fs::create_dir_all(&machine.project).unwrap();
        std::fs::create_dir_all(machine.env.parent().unwrap()).unwrap();
        run(Command::new("python3").args(["-m", "venv"]).arg(&machine.env));
        let (project, env) = (machine.project.display(), machine.env.display());
        machine.write("start.sh", &format!("source {env}/bin/activate\ncd {project}\n"));
        machine.write("configs/paths.json", &format!("{{\"ckpt\": \"{project}/ckpt\"}}\n"));
        let site = machine.site();
        std::fs::write(site.join("__editable__.glm.pth"), format!("{project}/src\n")).unwrap();
        let pc = format!("prefix={env}\nlibdir=${{prefix}}/lib\nrun=-Wl,-rpath,{env}/lib\n");
        std::fs::create_dir_all(machine.env.join("lib/pkgconfig")).unwrap();
        std::fs::write(machine.env.join("lib/pkgconfig/glm.pc"), pc).unwrap();
        symlink(machine.env.join("bin/python"), machine.project.join("py")).unwrap();
        let mut binary = format!("\x7fELF\0{env}/lib").into_bytes();
        binary.extend(b"\0next\0");
        std::fs::write(machine.env.join("lib/own.bin"), binary).unwrap();
        let root = |name: &str, path: &Path, kind: Kind, policy| Root {
            name: name.parse().unwrap(),
            path: path.to_owned(),
            kind,
            policy,
            base: None,
        };
        init(&InitOptions {
            project: machine.project.clone(),
            roots: vec![
                root("torch29", &machine.env, Kind::Venv, Policy::Exact),
                root("glm", &machine.project, Kind::Project, Policy::Tracked),
            ],
            registry: None,
        })
        .unwrap();
        machine.commit();
        machine
    }

    /// The same history on another machine: `project` and `env` stand elsewhere, and nothing is there yet.
    fn moved(&self, project: PathBuf, env: PathBuf) -> Self {
        let (from, to) = (self.project.join(".envgit"), project.join(".envgit"));
        std::fs::create_dir_all(&project).unwrap();
        std::fs::create_dir_all(env.parent().unwrap()).unwrap();
        run(Command::new("cp").arg("-r").args([&from, &to]));
        std::fs::remove_dir_all(to.join("cache")).unwrap();
        std::fs::create_dir_all(to.join("cache/state")).unwrap();
        let config = to.join("config.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let (old, new) = (self.env.to_str().unwrap(), env.to_str().unwrap());
        assert!(
            text.contains(&format!("path = \"{old}\"")) && text.contains("path = \".\""),
            "{text}"
        );
        std::fs::write(&config, text.replace(old, new)).unwrap();
        Self { project, env }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.project.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn site(&self) -> PathBuf {
        let mut found = std::fs::read_dir(self.env.join("lib"))
            .unwrap()
            .flatten()
            .map(|item| item.path());
        let python = found.find(|path| path.join("site-packages").is_dir());
        python.unwrap().join("site-packages")
    }

    fn commit(&self) -> BTreeSet<String> {
        commit(&mut session(&self.project), &CommitOptions::default()).unwrap();
        self.tree()
    }

    /// The inventory of HEAD: paths with the ids of what they hold.
    fn tree(&self) -> BTreeSet<String> {
        let history = self.project.join(".envgit/history");
        let listed = run(Command::new("git")
            .args(["ls-tree", "-r", "HEAD"])
            .env("GIT_DIR", history));
        listed.lines().map(str::to_owned).collect()
    }

    fn checkout(&self) -> CheckoutReport {
        let options = CheckoutOptions {
            rev: "main".to_owned(),
            ..CheckoutOptions::default()
        };
        checkout(&mut session(&self.project), &options, &mut |_| true).unwrap()
    }

    fn is_clean(&self) {
        let report = diff::status(&mut session(&self.project)).unwrap();
        assert!(report.changes.is_empty(), "{:#?}", report.changes);
        let live = verify::verify_live(&mut session(&self.project), "HEAD", &[]).unwrap();
        assert!(live.roots.iter().all(|root| root.units.is_empty()), "{:#?}", live.roots);
    }

    /// That nothing of it names another place, and that its programs run.
    fn works(&self, elsewhere: &Machine) {
        let (there, here) = (elsewhere.env.to_str().unwrap(), self.env.to_str().unwrap());
        let text = |path: &Path| std::fs::read_to_string(path).unwrap();
        for file in [
            self.env.join("pyvenv.cfg"),
            self.env.join("bin/activate"),
            self.env.join("bin/activate.csh"),
            self.env.join("bin/activate.fish"),
            self.env.join("lib/pkgconfig/glm.pc"),
            self.project.join("start.sh"),
        ] {
            let text = text(&file);
            assert!(!text.contains(there), "{}:\n{text}", file.display());
        }
        assert!(text(&self.project.join("start.sh")).contains(here));
        let pth = text(&self.site().join("__editable__.glm.pth"));
        assert_eq!(pth, format!("{}/src\n", self.project.display()));
        assert_eq!(
            std::fs::read_link(self.project.join("py")).unwrap(),
            self.env.join("bin/python")
        );
        let pip = run(Command::new(self.env.join("bin/pip")).arg("--version"));
        assert!(pip.contains(here), "{pip}");
        let prefix = run(Command::new(self.env.join("bin/python")).args(["-c", "import sys; print(sys.prefix)"]));
        assert_eq!(prefix.trim(), here);
    }

    /// The next change, as it would be made on this machine, at a moment that is always the same.
    fn change(&self) {
        let env = self.env.display();
        let python = format!("{env}/bin/python");
        // As pip writes it: see `a_script_has_the_form_that_pip_would_give_it_here`.
        let first = match python.len() > 124 || python.contains(' ') {
            true => format!("#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''"),
            false => format!("#!{python}"),
        };
        let script = format!("{first}\nprint({:?})\n", self.project);
        let file = self.env.join("bin/glm");
        std::fs::write(&file, script).unwrap();
        self.write("start.sh", &format!("source {env}/bin/activate\n"));
        for path in [
            file,
            self.env.join("bin"),
            self.project.join("start.sh"),
            self.project.clone(),
        ] {
            run(Command::new("touch").args(["-d", "2026-01-02T03:04:05Z"]).arg(path));
        }
    }
}

fn run(command: &mut Command) -> String {
    // What runs here may write byte code only where it was before.
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_environment_moves_any_number_of_times_and_stays_the_same_commit() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    let alice = Machine::first(&at("home/alice"));
    // A shorter place; then from there to one so long that no kernel reads it as an interpreter, with a space in it.
    let bob = alice.moved(at("b/p"), at("b/e"));
    let carol = bob.moved(at("carol c/p"), at(&format!("carol c/{}/e", "d".repeat(130))));
    for machine in [&bob, &carol] {
        let report = machine.checkout();
        let stuck: Vec<String> = report
            .stuck
            .iter()
            .map(|(path, why)| format!("{path}: {why}"))
            .collect();
        let expected: &[&str] = match machine.env == carol.env {
            true => &["torch29:lib/own.bin: a path in it has no room for the one here"],
            false => &[],
        };
        assert_eq!(stuck, expected);
        machine.works(&alice);
        machine.is_clean();
    }
    let trees = [&alice, &bob, &carol].map(|machine| {
        machine.change();
        machine.commit()
    });
    for other in &trees[1..] {
        let differing: Vec<_> = trees[0].symmetric_difference(other).collect();
        assert!(differing.is_empty(), "{differing:#?}");
    }
    for machine in [&bob, &carol] {
        // Without the caches everything is read, and is the same all the same.
        std::fs::remove_dir_all(machine.project.join(".envgit/cache")).unwrap();
        machine.is_clean();
    }
}

#[test]
fn a_virtual_environment_finds_its_interpreter_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let alice = Machine::first(&dir.path().join("alice"));
    let interpreter = run(Command::new("python3").args(["-c", "import sys; print(sys._base_executable)"]));
    let real = Path::new(interpreter.trim()).canonicalize().unwrap();
    let base = real.parent().unwrap();
    // Another machine's Python: the same one under another path.
    let elsewhere = dir.path().join("opt/py");
    std::fs::create_dir_all(&elsewhere).unwrap();
    for name in ["bin", "lib"] {
        symlink(base.parent().unwrap().join(name), elsewhere.join(name)).unwrap();
    }
    let bob = alice.moved(dir.path().join("bob/p"), dir.path().join("bob/e"));
    let config = bob.project.join(".envgit/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let here = elsewhere.join("bin");
    let based = format!("kind = \"venv\"\nbase = \"{}\"", here.display());
    std::fs::write(&config, text.replace("kind = \"venv\"", &based)).unwrap();
    bob.checkout();
    let cfg = std::fs::read_to_string(bob.env.join("pyvenv.cfg")).unwrap();
    assert!(cfg.contains(&format!("home = {}\n", here.display())), "{cfg}");
    let python = std::fs::read_link(bob.env.join("bin/python3")).unwrap();
    assert_eq!(python.parent(), Some(&*here), "{python:?}");
    bob.works(&alice);
    bob.is_clean();
    let trees = [&alice, &bob].map(|machine| {
        machine.change();
        machine.commit()
    });
    assert_eq!(trees[0], trees[1]);
}

/// conda issue 9063: after `pip install` over a conda package, `conda create --clone` gives the old version, or files of
/// both. A clone here has what was there, and the records that say so.
#[test]
fn what_pip_put_over_conda_is_cloned_as_it_is() {
    let shell = Shell::new();
    let site = "prefix/lib/python3.11/site-packages";
    // conda's package: its record names the files that it brought, and none of pip's.
    shell.install("prefix", "numpy", "1.24.4");
    let old = picture(&shell.path("prefix"));
    let is_file = |seen: &common::Seen| seen.kind == 'f';
    let paths = old.iter().filter(|(_, seen)| is_file(seen)).map(|(path, _)| {
        let digest = envgit::digest::Digest::of(&std::fs::read(shell.path("prefix").join(OsStr::from_bytes(path))).unwrap());
        serde_json::json!({ "_path": String::from_utf8_lossy(path), "path_type": "hardlink", "sha256": digest.to_string() })
    });
    let record = serde_json::json!({
        "name": "numpy", "version": "1.24.4", "build": "py311_0", "build_number": 0, "channel": "local",
        "depends": [], "files": [], "paths_data": { "paths_version": 1, "paths": paths.collect::<Vec<_>>() },
    });
    shell.write("prefix/conda-meta/history", "");
    shell.write("prefix/conda-meta/numpy-1.24.4-py311_0.json", record.to_string());
    // pip finds a package of its own kind, takes it away, and puts the new one there.
    shell.install("prefix", "numpy", "1.26.4");
    let prefix = shell.path("prefix");
    shell.write("prefix/bin/np", format!("#!{}/bin/python\n", prefix.display()));
    shell.ok(&[
        "init",
        "--no-project",
        "--root",
        &format!("env={}:conda", prefix.display()),
    ]);
    shell.ok(&["commit", "-m", "pip over conda"]);
    let (hub, there) = (shell.path("hub"), shell.path("elsewhere/longer/prefix"));
    shell.ok(&["remote", "add", "origin", hub.to_str().unwrap()]);
    shell.ok(&["push"]);
    let root = format!("env={}", there.display());
    shell.ok(&[
        "clone",
        "--yes",
        "--root",
        &root,
        hub.to_str().unwrap(),
        shell.path("clone").to_str().unwrap(),
    ]);
    let mut left = differing(&picture(&prefix), &picture(&there));
    left.retain(|path| !path.starts_with("bin/np:"));
    assert!(left.is_empty(), "{left:?}");
    let script = std::fs::read_to_string(there.join("bin/np")).unwrap();
    assert_eq!(script, format!("#!{}/bin/python\n", there.display()));
    let in_clone = |args: &[&str]| {
        let said = shell.said(shell.command().current_dir(shell.path("clone")).args(args));
        assert_eq!(said.code, 0, "{}", said.transcript());
        said
    };
    assert!(in_clone(&["status"]).out.contains("Nothing changed"));
    let packages = |said: &common::cli::Said| said.json()["packages"].clone();
    let (ours, theirs) = (shell.ok(&["packages", "--json"]), in_clone(&["packages", "--json"]));
    assert_eq!(packages(&ours), packages(&theirs));
    assert!(shell.path(site).join("numpy").exists() && theirs.out.contains("1.26.4") && theirs.out.contains("1.24.4"));
}

#[test]
fn what_was_made_elsewhere_comes_home() {
    let dir = tempfile::tempdir().unwrap();
    let alice = Machine::first(&dir.path().join("home/alice"));
    let bob = alice.moved(dir.path().join("b/p"), dir.path().join("b/e"));
    bob.checkout();
    bob.change();
    let made = b"\x7fELF\0/here/alone\0".to_vec();
    let own = [&made[..], bob.env.to_str().unwrap().as_bytes(), b"\0next\0"].concat();
    std::fs::write(bob.env.join("lib/new.bin"), &own).unwrap();
    bob.commit();
    // The way back to the first machine: bob's history with alice's paths.
    std::fs::remove_dir_all(alice.project.join(".envgit")).unwrap();
    std::fs::remove_dir_all(&alice.env).unwrap();
    let alice = bob.moved(alice.project.clone(), alice.env.clone());
    let report = alice.checkout();
    assert_eq!(
        report.stuck,
        [("torch29:lib/new.bin".to_owned(), envgit::relocate::Stuck::Fixed)]
    );
    assert_eq!(std::fs::read(alice.env.join("lib/new.bin")).unwrap(), own);
    alice.is_clean();
    let script = std::fs::read_to_string(alice.env.join("bin/glm")).unwrap();
    let expected = format!("#!{}/bin/python\nprint({:?})\n", alice.env.display(), alice.project);
    assert_eq!(script, expected);
    // And bob can go back to the first state and forward again, from pins as well as from layers.
    for without_pins in [false, true] {
        for rev in ["HEAD~1", "main"] {
            let options = CheckoutOptions {
                rev: rev.to_owned(),
                without_pins,
                ..CheckoutOptions::default()
            };
            let report = checkout(&mut session(&bob.project), &options, &mut |_| true).unwrap();
            assert!(report.autosave.is_none(), "{report:?}");
        }
        bob.works(&alice);
    }
}

/// What Python compiled at one place must not be run at another where its source names that one. The paths here are of equal
/// length, so that the interpreter could not tell by itself.
#[test]
fn byte_code_does_not_bring_the_paths_of_another_place() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    let ada = Machine {
        project: at("ada/p"),
        env: at("ada/e"),
    };
    std::fs::create_dir_all(&ada.project).unwrap();
    run(Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(&ada.env));
    std::fs::write(ada.site().join("conf.py"), format!("HERE = '{}'\n", ada.env.display())).unwrap();
    std::fs::write(ada.site().join("plain.py"), "import conf\n").unwrap();
    let python = |machine: &Machine, writes: bool| {
        let mut python = Command::new(machine.env.join("bin/python"));
        match writes {
            true => python.env_remove("PYTHONDONTWRITEBYTECODE"),
            false => python.env("PYTHONDONTWRITEBYTECODE", "1"),
        };
        let output = python
            .args(["-c", "import plain; print(plain.conf.HERE)"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(python(&ada, true), ada.env.to_str().unwrap());
    assert_eq!(std::fs::read_dir(ada.site().join("__pycache__")).unwrap().count(), 2);
    init(&InitOptions {
        project: ada.project.clone(),
        roots: [("e", &ada.env, Kind::Venv), ("p", &ada.project, Kind::Project)]
            .map(|(name, path, kind)| Root {
                name: name.parse().unwrap(),
                path: path.clone(),
                kind,
                policy: Policy::Exact,
                base: None,
            })
            .to_vec(),
        registry: None,
    })
    .unwrap();
    ada.commit();
    for place in ["bob", "carol/longer"] {
        let tree = ada.tree();
        let other = ada.moved(at(place).join("p"), at(place).join("e"));
        other.checkout();
        other.is_clean();
        assert_eq!(python(&other, false), other.env.to_str().unwrap());
        // What names no place is run as it came, and nothing is written.
        other.is_clean();
        assert_eq!(other.tree(), tree);
        // What was made anew here is another file, and is told; a checkout brings back the other.
        assert_eq!(python(&other, true), other.env.to_str().unwrap());
        let report = diff::status(&mut session(&other.project)).unwrap();
        let files: Vec<_> = report.changes.roots.iter().flat_map(|root| &root.files).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        assert!(files[0].path().to_string().contains("__pycache__/conf."), "{files:?}");
        // Committed there, it is what it is there, with and without the caches.
        other.commit();
        std::fs::remove_dir_all(other.project.join(".envgit/cache")).unwrap();
        other.is_clean();
        // At the first place it is taken for stale, as it was to begin with.
        for home in [&ada.project.join(".envgit"), &ada.env] {
            std::fs::remove_dir_all(home).unwrap();
        }
        let ada = other.moved(ada.project.clone(), ada.env.clone());
        ada.checkout();
        ada.is_clean();
        assert_eq!(python(&ada, false), ada.env.to_str().unwrap());
        ada.is_clean();
        // And back where it was made it is the same file.
        let made = picture(&other.env);
        std::fs::remove_dir_all(&other.env).unwrap();
        other.checkout();
        assert_eq!(differing(&made, &picture(&other.env)), Vec::<String>::new());
        other.is_clean();
    }
}
