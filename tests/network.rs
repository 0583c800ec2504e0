//! A real environment, installed by pip from the package index, upgraded, and brought back both ways.
//!
//! Needs what `cargo test` does not, and is therefore a suite of its own, which fails where something is missing:
//!
//! ```text
//! cargo test --features network-tests --test network
//! ```
//!
//! - the network, to install the versions pinned in `tests/data/venv`;
//! - a CPython 3.9 to 3.11 with `venv`, for which those versions have wheels: `python3.11` … `python3` in the search
//!   path, or the one that `ENVGIT_TEST_PYTHON` names;
//! - bash, git, zstd, tar and GNU coreutils, with which the last part brings a commit back without envgit.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use envgit::digest::Digest;
use serde_json::Value;

/// What a checkout must bring back of one path. Times of directories are restored too, so they count here.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    kind: char,
    mode: u32,
    mtime: i128,
    size: u64,
    /// SHA-256 of a file, target of a link.
    content: String,
}

type Manifest = BTreeMap<PathBuf, Facts>;

fn manifest(root: &Path) -> Manifest {
    let mut all = Manifest::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let kind = meta.file_type();
            let (kind, content) = if kind.is_symlink() {
                let target = std::fs::read_link(&path).unwrap();
                ('l', target.to_str().unwrap().to_owned())
            } else if kind.is_dir() {
                folders.push(path.clone());
                ('d', String::new())
            } else {
                ('f', Digest::of(&std::fs::read(&path).unwrap()).to_string())
            };
            let facts = Facts {
                kind,
                mode: meta.permissions().mode(),
                mtime: i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec()),
                size: if kind == 'f' { meta.len() } else { 0 },
                content,
            };
            all.insert(path.strip_prefix(root).unwrap().to_owned(), facts);
        }
    }
    all
}

fn assert_equal(what: &str, found: &Manifest, expected: &Manifest) {
    let paths: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differ: Vec<String> = paths
        .into_iter()
        .filter(|path| found.get(*path) != expected.get(*path))
        .map(|path| {
            let (found, expected) = (found.get(path), expected.get(path));
            format!("{}: found {found:?}, expected {expected:?}", path.display())
        })
        .collect();
    let some = differ.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(differ.is_empty(), "{what}: {} paths differ:\n{some}", differ.len());
}

/// A folder with an environment and a project, and nothing of the user's in sight.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("home")).unwrap();
        std::fs::create_dir_all(dir.path().join("project")).unwrap();
        Self { dir }
    }

    fn env(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("env")
    }

    fn python(&self) -> PathBuf {
        self.env().join("bin/python")
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let home = self.dir.path().join("home");
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path().join("project"))
            .env("HOME", &home)
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@localhost")
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@localhost");
        for name in [
            "VIRTUAL_ENV",
            "CONDA_PREFIX",
            "ENVGIT_DIR",
            "GIT_DIR",
            "PYTHONPATH",
            "PYTHONHOME",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// The program, as a user would call it in the project folder.
    fn envgit(&self, args: &[&str]) -> String {
        let output = self.command(env!("CARGO_BIN_EXE_envgit")).args(args).output().unwrap();
        text(&format!("envgit {}", args.join(" ")), &output)
    }

    fn envgit_json(&self, args: &[&str]) -> Value {
        let text = self.envgit(args);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("envgit {}: {error} in {text}", args.join(" ")))
    }

    fn pip(&self, requirements: &str, constraints: &str) {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/venv");
        let mut command = self.command(self.python());
        // bin/python, because the #! line of bin/pip may name a copy.
        command.args(["-m", "pip", "--disable-pip-version-check", "-q", "install", "-r"]);
        command
            .arg(data.join(requirements))
            .arg("-c")
            .arg(data.join(constraints));
        text("pip install", &command.output().unwrap());
    }

    fn pip_install(&self, arguments: &[&str]) {
        let mut command = self.command(self.python());
        command.args(["-m", "pip", "--disable-pip-version-check", "-q", "install"]);
        text("pip install", &command.args(arguments).output().unwrap());
    }

    fn ask_python(&self, code: &str) -> String {
        let output = self.command(self.python()).args(["-c", code]).output().unwrap();
        text("python", &output).trim().to_owned()
    }
}

fn text(what: &str, output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{what} ended with {}\n{out}\n{err}",
        output.status
    );
    out.into_owned()
}

/// A Python for which the pinned versions have wheels.
fn system_python() -> String {
    let named = std::env::var("ENVGIT_TEST_PYTHON").ok();
    let candidates = ["python3.11", "python3.10", "python3.9", "python3"].map(str::to_owned);
    let fits = |name: &String| {
        let code = "import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))";
        Command::new(name)
            .args(["-c", code])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    named.into_iter().chain(candidates).find(fits).expect(
        "the network suite needs a CPython 3.9 to 3.11 with the venv module: install one (python3-venv), or name it in \
         ENVGIT_TEST_PYTHON",
    )
}

/// What `importlib.metadata` says: versions by name as PEP 503 compares it.
fn packages_by_python(world: &World) -> BTreeMap<String, String> {
    let code = "import importlib.metadata as m, json, re; \
                print(json.dumps({re.sub(r'[-_.]+', '-', d.metadata['Name']).lower(): d.version for d in m.distributions()}))";
    serde_json::from_str(&world.ask_python(code)).unwrap()
}

fn packages_by_envgit(world: &World, args: &[&str]) -> BTreeMap<String, String> {
    let report = world.envgit_json(args);
    assert_eq!(report["format"], 1);
    let roots = report["roots"].as_array().unwrap();
    let root = roots
        .iter()
        .find(|root| root["root"] == "env")
        .expect("the root is listed");
    assert_eq!(root["kind"], "venv");
    let list = root["packages"].as_array().unwrap();
    let field = |package: &Value, name: &str| package[name].as_str().unwrap().to_owned();
    for package in list {
        assert_eq!(package["manager"], "pip");
        assert_eq!(package["installer"], "pip", "{package}");
    }
    let found: BTreeMap<_, _> = list.iter().map(|p| (field(p, "name"), field(p, "version"))).collect();
    assert_eq!(found.len(), list.len(), "a package is listed twice");
    found
}

/// The change of one package in a report of `diff` or `status`.
fn change<'a>(report: &'a Value, name: &str) -> &'a Value {
    let root = &report["roots"].as_array().unwrap()[0];
    assert_eq!(root["root"], "env");
    let packages = root["packages"].as_array().unwrap();
    let found = packages.iter().find(|package| package["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not among {packages:?}"))
}

fn assert_numpy(report: &Value, from: &str, to: &str) {
    let numpy = change(report, "numpy");
    assert_eq!(numpy["manager"], "pip");
    assert_eq!(numpy["change"], "changed");
    assert_eq!(
        (&numpy["from"]["version"], &numpy["to"]["version"]),
        (&Value::from(from), &Value::from(to))
    );
    let root = &report["roots"][0];
    assert_eq!(
        root["packages"].as_array().unwrap().len(),
        1,
        "only numpy changed: {root}"
    );
    assert_eq!(report["clean"], false);
}

const NUMPY: &str =
    "import numpy; print(numpy.__version__, int((numpy.arange(6).reshape(2, 3) @ numpy.ones(3)).sum()))";

/// A venv without packages.
fn make_venv(world: &World) {
    let output = Command::new(system_python())
        .args(["-m", "venv"])
        .arg(world.env())
        .output()
        .unwrap();
    text("python -m venv", &output);
}

fn init(world: &World) {
    let root = format!("env={}:venv", world.env().display());
    world.envgit(&["init", "--yes", "--no-project", "--root", &root]);
}

/// The problems of the live state of one kind.
fn problems(world: &World, kind: &str) -> Vec<Value> {
    let report = world.envgit_json(&["check", "--json", "--fail-on", "never"]);
    let all = report["roots"][0]["problems"].as_array().unwrap();
    all.iter().filter(|problem| problem["kind"] == kind).cloned().collect()
}

/// The modules at the top that Python itself cannot import, each tried in a process of its own.
fn modules_that_fail(world: &World) -> BTreeSet<String> {
    let code = "import pkgutil, subprocess, sys, sysconfig\n\
                site = sysconfig.get_paths()['purelib']\n\
                for module in sorted(m.name for m in pkgutil.iter_modules([site])):\n\
                \x20   done = subprocess.run([sys.executable, '-W', 'ignore', '-c', 'import ' + module], capture_output=True)\n\
                \x20   if done.returncode: print(module)";
    world.ask_python(code).lines().map(str::to_owned).collect()
}

#[test]
fn what_envgit_says_of_a_broken_environment_is_what_python_finds() {
    let world = World::new();
    make_venv(&world);
    world.pip_install(&[
        "numpy==1.24.4",
        "pandas==2.0.3",
        "matplotlib==3.7.5",
        "contourpy==1.1.1",
    ]);
    init(&world);
    world.envgit(&["commit", "-q", "-t", "works"]);
    assert_eq!(modules_that_fail(&world), BTreeSet::new());
    assert_eq!(problems(&world, "import"), [] as [Value; 0]);
    assert_eq!(problems(&world, "requirement"), [] as [Value; 0]);

    world.pip_install(&["--no-deps", "numpy==2.0.2"]);
    let failing = modules_that_fail(&world);
    assert!(failing.contains("pandas"), "{failing:?}");
    let text_of = |problem: &Value, field: &str| problem[field].as_str().unwrap().to_owned();
    let told = problems(&world, "import");
    let told: BTreeSet<String> = told.iter().map(|problem| text_of(problem, "module")).collect();
    assert_eq!(told, failing);
    // pip's own check names requirements only.
    let unmet = problems(&world, "requirement");
    let unmet: BTreeSet<String> = unmet
        .iter()
        .map(|problem| text_of(&problem["package"], "name"))
        .collect();
    let output = world
        .command(world.python())
        .args(["-m", "pip", "check"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let by_pip: BTreeSet<String> = said
        .lines()
        .filter(|line| line.contains(" has requirement "))
        .filter_map(|line| Some(line.split(' ').next()?.to_owned()))
        .collect();
    assert_eq!(unmet, by_pip, "{said}");
    let diff = world.envgit_json(&["diff", "--json"]);
    let broken = change(&diff, "numpy")["breaks"].as_array().unwrap().clone();
    let broken: BTreeSet<String> = broken.iter().map(|package| text_of(package, "name")).collect();
    assert!(broken.contains("pandas") && broken.contains("matplotlib"), "{broken:?}");

    // Two records of one project: the one that counts is the one that is imported.
    world.pip_install(&["--ignore-installed", "--no-deps", "numpy==1.26.4"]);
    let records = problems(&world, "records");
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["records"].as_array().unwrap().len(), 2);
    assert_eq!(
        text_of(&records[0], "imports"),
        world.ask_python("import numpy; print(numpy.__version__)")
    );
    world.envgit(&["checkout", "-q", "--yes", "works"]);
    assert_eq!(modules_that_fail(&world), BTreeSet::new());
}

#[test]
fn a_pip_environment_is_upgraded_and_brought_back() {
    let world = World::new();
    let env = world.env();
    make_venv(&world);
    world.pip("before.txt", "before-constraints.txt");
    assert_eq!(world.ask_python(NUMPY), "1.24.4 15");

    init(&world);
    world.envgit(&["commit", "-q", "-m", "as installed", "-t", "before"]);
    let before = manifest(&env);
    assert!(before.len() > 2000, "{} paths", before.len());
    assert_eq!(
        packages_by_envgit(&world, &["packages", "--json"]),
        packages_by_python(&world)
    );
    assert_eq!(world.envgit_json(&["status", "--json"])["clean"], true);

    world.pip("after.txt", "after-constraints.txt");
    assert_eq!(world.ask_python(NUMPY), "1.26.4 15");
    assert_numpy(&world.envgit_json(&["status", "--json"]), "1.24.4", "1.26.4");
    assert_numpy(&world.envgit_json(&["diff", "--json"]), "1.24.4", "1.26.4");
    let message = world.envgit_json(&["commit", "--json"]);
    assert!(message.to_string().contains("numpy 1.24.4 → 1.26.4"), "{message}");
    let after = manifest(&env);
    assert_eq!(
        packages_by_envgit(&world, &["packages", "--json"]),
        packages_by_python(&world)
    );
    assert_numpy(
        &world.envgit_json(&["diff", "--json", "before", "HEAD"]),
        "1.24.4",
        "1.26.4",
    );
    assert_numpy(
        &world.envgit_json(&["diff", "--json", "HEAD", "before"]),
        "1.26.4",
        "1.24.4",
    );

    world.envgit(&["checkout", "-q", "before"]);
    assert_equal("checkout before", &manifest(&env), &before);
    // Byte code is valid only while the times of its sources are as they were: a Python that finds nothing to compile
    // writes nothing.
    assert_eq!(world.ask_python(NUMPY), "1.24.4 15");
    assert_equal("import after checkout before", &manifest(&env), &before);
    assert_eq!(world.envgit_json(&["status", "--json"])["clean"], true);
    assert_eq!(
        packages_by_envgit(&world, &["packages", "before", "--json"]),
        packages_by_python(&world)
    );

    world.envgit(&["checkout", "-q", "main"]);
    assert_equal("checkout main", &manifest(&env), &after);
    assert_eq!(world.ask_python(NUMPY), "1.26.4 15");
    assert_eq!(world.envgit_json(&["status", "--json"])["clean"], true);

    an_unrecorded_state_is_saved_before_a_checkout(&world, &before);
    without_envgit(&world, &before);
}

fn an_unrecorded_state_is_saved_before_a_checkout(world: &World, before: &Manifest) {
    let env = world.env();
    std::fs::write(env.join("bin/mine.sh"), "echo mine\n").unwrap();
    std::fs::remove_dir_all(
        env.join("lib")
            .join(python_folder(&env))
            .join("site-packages/numpy/linalg"),
    )
    .unwrap();
    let broken = manifest(&env);
    world.envgit(&["checkout", "-q", "before"]);
    assert_equal("checkout from a broken state", &manifest(&env), before);
    world.envgit(&["checkout", "-q", "autosave/1"]);
    assert_equal("checkout of the autosave", &manifest(&env), &broken);
    world.envgit(&["checkout", "-q", "before"]);
    assert_equal("checkout before, once more", &manifest(&env), before);
}

fn python_folder(env: &Path) -> String {
    let mut names = std::fs::read_dir(env.join("lib")).unwrap();
    names.next().unwrap().unwrap().file_name().into_string().unwrap()
}

/// The script at the end of `docs/format.md` gives the same tree.
fn without_envgit(world: &World, before: &Manifest) {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/format.md")).unwrap();
    let script = document
        .rsplit("```bash\n")
        .next()
        .and_then(|rest| rest.split("\n```").next())
        .unwrap();
    assert!(
        script.starts_with("#!/bin/bash\n# usage: restore.sh"),
        "the script is the last bash block: {script}"
    );
    let (path, target) = (world.dir.path().join("restore.sh"), world.dir.path().join("restored"));
    std::fs::write(&path, script).unwrap();
    std::fs::create_dir(&target).unwrap();
    let repository = world.dir.path().join("project/.envgit");
    let output = world
        .command("bash")
        .arg(&path)
        .arg(&repository)
        .args(["before", "env"])
        .arg(&target)
        .output();
    text("restore.sh", &output.expect("bash can be started"));
    assert_equal("restored without envgit", &manifest(&target), before);
}
