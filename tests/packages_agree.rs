//! What envgit reads from a virtual environment is what its own Python says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use envgit::capture::inspect::{Inspection, inspect};
use envgit::digest::Digest;
use envgit::snapshot::content::Verbatim;
use envgit::snapshot::entry::{Entry, FileNode, Node, PrefixUse};
use envgit::snapshot::path::RelPath;
use serde::Deserialize;

/// Makes a wheel with a script, a data file, a name to quote and metadata folded over lines: `wheel.py FOLDER`.
const WHEEL: &str = r##"
import sys, zipfile
info = "Tiny_Wheel-1.2.dist-info/"
files = {
    "tiny_wheel/__init__.py": "def main(): pass\n",
    "tiny_wheel/a,b.txt": "comma\n",
    "tiny_wheel/na\u00efve.py": "",
    "Tiny_Wheel-1.2.data/scripts/tiny-script": "#!python\nprint(1)\n",
    "Tiny_Wheel-1.2.data/data/share/tiny/x.txt": "x\n",
    info + "METADATA": "Metadata-Version: 2.1\nName: Tiny.Wheel\nVersion: 1.2\nAuthor: Andr\u00e9\n"
        "Requires-Python: >=3.6\nRequires-Dist: absent (>=1) ;\n  python_version < '3'\n"
        "Requires-Dist: other[x]>2; extra == 'more'\nProvides-Extra: more\n\nBody\n",
    info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n",
    info + "entry_points.txt": "[console_scripts]\ntiny = tiny_wheel:main\n",
}
record = "".join(('"%s",,\n' if "," in name else "%s,,\n") % name for name in [*files, info + "RECORD"])
with zipfile.ZipFile(sys.argv[1] + "/Tiny_Wheel-1.2-py2.py3-none-any.whl", "w") as archive:
    for name, text in [*files.items(), (info + "RECORD", record)]:
        archive.writestr(name, text)
"##;

/// A build backend that makes editable wheels, so that the tests need nothing that is not in every environment.
const BACKEND: &str = r#"
import os, zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "tiny_project-0.1.dist-info/"
    files = {
        "__editable__.tiny_project-0.1.pth": os.getcwd() + "\n",
        info + "METADATA": "Metadata-Version: 2.1\nName: tiny-project\nVersion: 0.1\nRequires-Dist: a\n",
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    name = "tiny_project-0.1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(info + "RECORD", "".join(f"{path},,\n" for path in [*files, info + "RECORD"]))
    return name
build_wheel = build_editable
"#;

/// What `importlib.metadata` says, as JSON.
const ASK: &str = r#"
import importlib.metadata, json, os, sys
def facts(dist):
    files = dist.files
    direct = json.loads(dist.read_text("direct_url.json") or "{}")
    return {
        "name": dist.metadata["Name"], "version": dist.version, "requires": dist.requires or [],
        "installer": (dist.read_text("INSTALLER") or "").strip(),
        "extras": dist.metadata.get_all("Provides-Extra") or [],
        "requires_python": dist.metadata["Requires-Python"],
        "editable": direct.get("dir_info", {}).get("editable", False),
        "files": None if files is None else
            [os.path.relpath(os.path.normpath(dist.locate_file(f)), sys.prefix) for f in files],
    }
print(json.dumps([facts(dist) for dist in importlib.metadata.distributions()]))
"#;

#[derive(Debug, Deserialize)]
struct Facts {
    name: String,
    version: String,
    requires: Vec<String>,
    installer: String,
    extras: Vec<String>,
    requires_python: Option<String>,
    editable: bool,
    files: Option<Vec<String>>,
}

/// Runs a program and returns what it printed.
fn run(program: impl AsRef<Path>, args: &[&str], folder: &Path) -> String {
    let program = program.as_ref();
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .env("PIP_CONFIG_FILE", "/dev/null")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{} {args:?}:\n{}{}",
        program.display(),
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Everything in a folder, sorted by path.
fn scan(root: &Path) -> Vec<Entry> {
    let (mut entries, mut todo) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = todo.pop() {
        for item in std::fs::read_dir(root.join(&folder)).unwrap() {
            let item = item.unwrap();
            let path = folder.join(item.file_name());
            let meta = item.metadata().unwrap();
            let node = if meta.is_dir() {
                todo.push(path.clone());
                Node::Dir
            } else if meta.is_symlink() {
                Node::Symlink(std::fs::read_link(item.path()).unwrap().as_os_str().as_bytes().to_vec())
            } else {
                Node::File(FileNode {
                    size: meta.len(),
                    digest: Digest::from_bytes([0; 32]),
                    prefix: PrefixUse::None,
                    sparse: false,
                    hardlink: None,
                })
            };
            let path = RelPath::new(path.as_os_str().as_bytes()).unwrap();
            entries.push(Entry {
                path,
                mode: 0o644,
                mtime: 0,
                node,
                xattrs: Vec::new(),
            });
        }
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}

/// The regular files of every unit.
fn files_by_unit(inspection: &Inspection, entries: &[Entry]) -> BTreeMap<String, BTreeSet<String>> {
    let assignment = inspection.owners.assign(entries);
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (entry, unit) in entries.iter().zip(&assignment.of).filter(|(entry, _)| !entry.is_dir()) {
        let path = String::from_utf8_lossy(entry.path.as_bytes()).into_owned();
        files
            .entry(assignment.units[*unit as usize].to_string())
            .or_default()
            .insert(path);
    }
    files
}

/// Python keeps the white space of folded headers.
fn plain(requires: &[String]) -> Vec<String> {
    requires
        .iter()
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// Compares what envgit reads with what Python says, package by package.
fn assert_agree(root: &Path) -> Inspection {
    let python = root.join("bin/python");
    let mut facts: Vec<Facts> = serde_json::from_str(&run(&python, &["-I", "-c", ASK], root)).unwrap();
    facts.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let entries = scan(root);
    let inspection = inspect(root, &entries, &Verbatim);
    assert_eq!(inspection.warnings, [""; 0]);
    let units = files_by_unit(&inspection, &entries);

    let mut packages: Vec<_> = inspection.packages.iter().collect();
    let recorded = |package: &envgit::snapshot::package::Package| {
        package.display_name.clone().unwrap_or_else(|| package.name.clone())
    };
    packages.sort_by_key(|package| (recorded(package), package.version.clone()));
    let identities = |facts: &Facts| (facts.name.clone(), facts.version.clone());
    assert_eq!(
        packages
            .iter()
            .map(|package| (recorded(package), package.version.clone()))
            .collect::<Vec<_>>(),
        facts.iter().map(identities).collect::<Vec<_>>()
    );
    for (package, facts) in packages.into_iter().zip(&facts) {
        let name = &facts.name;
        assert_eq!(plain(&package.requires), plain(&facts.requires), "{name}");
        assert_eq!(
            package.installer.as_deref().unwrap_or_default(),
            facts.installer,
            "{name}"
        );
        assert_eq!(package.extras, facts.extras, "{name}");
        assert_eq!(package.requires_python, facts.requires_python, "{name}");
        assert_eq!(package.editable, facts.editable, "{name}");
        let there = |path: &&String| root.join(path).symlink_metadata().is_ok();
        let files: BTreeSet<String> = facts.files.iter().flatten().filter(there).cloned().collect();
        let unit = units.get(&format!("pip/{}", package.name)).cloned().unwrap_or_default();
        assert_eq!(unit, files, "{name}");
    }
    inspection
}

/// The system's Python with `venv`.
fn make_venv(root: &Path) {
    run("python3", &["-m", "venv", root.to_str().unwrap()], Path::new("/"));
}

#[test]
fn envgit_and_python_see_the_same_packages() {
    let dir = tempfile::tempdir().unwrap();
    let (root, wheels) = (dir.path().join("venv"), dir.path().join("wheels"));
    make_venv(&root);
    assert_agree(&root);

    std::fs::create_dir(&wheels).unwrap();
    let python = root.join("bin/python");
    run(&python, &["-I", "-c", WHEEL, wheels.to_str().unwrap()], dir.path());
    let wheel = wheels.join("Tiny_Wheel-1.2-py2.py3-none-any.whl");
    run(
        &python,
        &[
            "-I",
            "-m",
            "pip",
            "install",
            "--no-index",
            "--no-deps",
            wheel.to_str().unwrap(),
        ],
        dir.path(),
    );
    let inspection = assert_agree(&root);
    let tiny = inspection
        .packages
        .iter()
        .find(|package| package.name == "tiny-wheel")
        .unwrap();
    assert_eq!(tiny.display_name.as_deref(), Some("Tiny.Wheel"));
    assert_eq!(tiny.tags, ["py2-none-any", "py3-none-any"]);
    assert!(tiny.requested && !tiny.editable);
    assert_eq!(tiny.url.as_deref(), Some(&*format!("file://{}", wheel.display())));
    let unit = |path: &str| inspection.owners.unit_of(&RelPath::new(path).unwrap()).to_string();
    for path in ["bin/tiny", "bin/tiny-script", "share/tiny/x.txt"] {
        assert_eq!(unit(path), "pip/tiny-wheel", "{path}");
    }
    let version = run(
        &python,
        &["-I", "-c", "import platform; print(platform.python_version())"],
        dir.path(),
    );
    assert_eq!(inspection.python.as_deref(), Some(version.trim()));

    run(
        &python,
        &["-I", "-m", "pip", "uninstall", "--yes", "tiny-wheel"],
        dir.path(),
    );
    let inspection = assert_agree(&root);
    assert!(inspection.packages.iter().all(|package| package.name != "tiny-wheel"));
}

#[test]
fn envgit_and_python_see_the_same_editable_install() {
    let dir = tempfile::tempdir().unwrap();
    let (root, project) = (dir.path().join("venv"), dir.path().join("my project"));
    make_venv(&root);
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join("tiny_project.py"), "x = 1\n").unwrap();
    std::fs::write(
        project.join("pyproject.toml"),
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
    )
    .unwrap();
    std::fs::write(project.join("backend.py"), BACKEND).unwrap();
    let python = root.join("bin/python");
    let args = [
        "-I",
        "-m",
        "pip",
        "install",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "-e",
    ];
    run(&python, &[&args[..], &[project.to_str().unwrap()]].concat(), dir.path());
    let inspection = assert_agree(&root);
    let package = inspection
        .packages
        .iter()
        .find(|package| package.name == "tiny-project")
        .unwrap();
    assert!(package.editable && package.requested);
    let url = package.url.as_deref().unwrap();
    assert!(url.starts_with("file:///") && url.ends_with("/my%20project"), "{url}");
}
