//! Records of both managers in one root, joined.

use super::*;
use crate::capture::tree::Tree;
use crate::snapshot::content::Verbatim;
use crate::snapshot::package::Manager;

const SITE: &str = "lib/python3.11/site-packages";

fn conda_record(name: &str, version: &str, files: &[&str]) -> String {
    let files: Vec<String> = files.iter().map(|file| format!("{file:?}")).collect();
    format!(
        r#"{{"name": "{name}", "version": "{version}", "build": "0", "files": [{}]}}"#,
        files.join(", ")
    )
}

/// A conda environment with numpy 1.24.4 in it, owned by conda.
fn conda_numpy(installer: Option<&str>) -> Tree {
    let site = |path: &str| format!("{SITE}/{path}");
    let files = [
        site("numpy/__init__.py"),
        site("numpy/__pycache__/__init__.cpython-311.pyc"),
        site("numpy-1.24.4.dist-info/METADATA"),
    ];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let tree = Tree::new(&[
        (
            "conda-meta/numpy-1.24.4-0.json",
            &conda_record("numpy", "1.24.4", &files),
        ),
        (
            "conda-meta/python-3.11.2-0.json",
            &conda_record("python", "3.11.2", &["bin/python"]),
        ),
        ("conda-meta/history", ""),
        ("bin/python", ""),
    ]);
    for file in files {
        tree.write(file, "Name: numpy\nVersion: 1.24.4\n");
    }
    if let Some(installer) = installer {
        tree.write(&site("numpy-1.24.4.dist-info/INSTALLER"), installer);
    }
    tree
}

fn look(tree: &Tree) -> Inspection {
    inspect(tree.root(), &tree.entries(), &Verbatim)
}

fn unit(inspection: &Inspection, path: &str) -> String {
    inspection.owners.unit_of(&RelPath::new(path).unwrap()).to_string()
}

fn summary(inspection: &Inspection) -> Vec<String> {
    let of = |package: &Package| {
        let part = package
            .part_of
            .as_ref()
            .map(|name| format!(" of {name}"))
            .unwrap_or_default();
        format!("{} {} {}{part}", package.manager, package.name, package.version)
    };
    inspection.packages.iter().map(of).collect()
}

#[test]
fn the_dist_info_of_a_conda_package_is_part_of_it() {
    for installer in [None, Some("conda"), Some("conda\n")] {
        let inspection = look(&conda_numpy(installer));
        assert_eq!(
            summary(&inspection),
            ["conda numpy 1.24.4", "conda python 3.11.2", "pip numpy 1.24.4 of numpy"]
        );
        assert_eq!(
            inspection.packages.iter().filter(|package| package.is_listed()).count(),
            2
        );
        assert_eq!(inspection.python.as_deref(), Some("3.11.2"));
        assert_eq!(inspection.warnings, [""; 0]);
        for path in [
            "numpy/__init__.py",
            "numpy-1.24.4.dist-info/METADATA",
            "numpy-1.24.4.dist-info/INSTALLER",
        ] {
            assert_eq!(unit(&inspection, &format!("{SITE}/{path}")), "conda/numpy", "{path}");
        }
        assert_eq!(unit(&inspection, "conda-meta/numpy-1.24.4-0.json"), "conda/numpy");
        assert_eq!(unit(&inspection, "conda-meta/history"), "loose/conda-meta");
    }
}

#[test]
fn pip_over_conda_takes_the_files() {
    for installer in ["pip", "uv"] {
        let tree = conda_numpy(Some(installer));
        let record = "numpy/__init__.py,,\nnumpy-1.24.4.dist-info/METADATA,,\n";
        tree.write(&format!("{SITE}/numpy-1.24.4.dist-info/RECORD"), record);
        let inspection = look(&tree);
        assert_eq!(
            summary(&inspection),
            ["conda numpy 1.24.4", "conda python 3.11.2", "pip numpy 1.24.4"]
        );
        // conda recorded the byte code, but it is made of pip's source now.
        for path in [
            "numpy/__init__.py",
            "numpy/__pycache__/__init__.cpython-311.pyc",
            "numpy-1.24.4.dist-info/RECORD",
        ] {
            assert_eq!(unit(&inspection, &format!("{SITE}/{path}")), "pip/numpy", "{path}");
        }
        assert_eq!(unit(&inspection, "conda-meta/numpy-1.24.4-0.json"), "conda/numpy");
    }
}

#[test]
fn with_ignore_installed_both_dist_infos_are_listed() {
    let tree = conda_numpy(Some("conda"));
    tree.write(
        &format!("{SITE}/numpy-1.26.4.dist-info/METADATA"),
        "Name: numpy\nVersion: 1.26.4\n",
    );
    tree.write(&format!("{SITE}/numpy-1.26.4.dist-info/INSTALLER"), "pip\n");
    tree.write(
        &format!("{SITE}/numpy-1.26.4.dist-info/RECORD"),
        "numpy/__init__.py,,\n",
    );
    let inspection = look(&tree);
    assert_eq!(
        summary(&inspection),
        [
            "conda numpy 1.24.4",
            "conda python 3.11.2",
            "pip numpy 1.24.4 of numpy",
            "pip numpy 1.26.4"
        ]
    );
    assert_eq!(unit(&inspection, &format!("{SITE}/numpy/__init__.py")), "pip/numpy");
    assert_eq!(
        unit(&inspection, &format!("{SITE}/numpy-1.24.4.dist-info/METADATA")),
        "conda/numpy"
    );
}

#[test]
fn two_dist_infos_of_one_project_share_a_unit() {
    let tree = Tree::new(&[("pyvenv.cfg", "version = 3.11.7\n")]);
    for version in ["1.0", "2.0"] {
        tree.write(
            &format!("{SITE}/a_b-{version}.dist-info/METADATA"),
            format!("Name: A.B\nVersion: {version}\n"),
        );
        tree.write(
            &format!("{SITE}/a_b-{version}.dist-info/RECORD"),
            format!("a_b/v{version}.py,,\n"),
        );
        tree.write(&format!("{SITE}/a_b/v{version}.py"), "");
    }
    let entries = tree.entries();
    let inspection = inspect(tree.root(), &entries, &Verbatim);
    assert_eq!(summary(&inspection), ["pip a-b 1.0", "pip a-b 2.0"]);
    assert_eq!(inspection.python.as_deref(), Some("3.11.7"));
    let assignment = inspection.owners.assign(&entries);
    let names: Vec<&str> = assignment.units.iter().map(UnitName::as_str).collect();
    assert_eq!(names, ["pip/a-b", "top"]);
}

#[test]
fn noarch_short_paths_and_lib64_lead_to_real_files() {
    let tree = Tree::new(&[
        (
            "conda-meta/python-3.11.2-0.json",
            &conda_record("python", "3.11.2", &[]),
        ),
        (
            "conda-meta/a-1-0.json",
            &conda_record("a", "1", &["site-packages/a.py", "python-scripts/a"]),
        ),
    ]);
    tree.write(&format!("{SITE}/b-1.dist-info/METADATA"), "Name: b\nVersion: 1\n");
    tree.write(
        &format!("{SITE}/b-1.dist-info/RECORD"),
        "../../../lib64/python3.11/site-packages/b.py,,\n",
    );
    tree.link("lib64", "lib");
    let inspection = look(&tree);
    assert_eq!(unit(&inspection, &format!("{SITE}/a.py")), "conda/a");
    assert_eq!(unit(&inspection, "bin/a"), "conda/a");
    assert_eq!(unit(&inspection, &format!("{SITE}/b.py")), "pip/b");
}

#[test]
fn leftovers_are_loose_and_do_not_take_files() {
    let tree = conda_numpy(Some("conda"));
    tree.write(
        &format!("{SITE}/~umpy-1.23.dist-info/METADATA"),
        "Name: numpy\nVersion: 1.23\n",
    );
    tree.write(&format!("{SITE}/~umpy-1.23.dist-info/RECORD"), "numpy/__init__.py,,\n");
    let inspection = look(&tree);
    assert_eq!(inspection.packages[2].defect, Some(Defect::Leftover));
    assert_eq!(unit(&inspection, &format!("{SITE}/numpy/__init__.py")), "conda/numpy");
    assert_eq!(
        unit(&inspection, &format!("{SITE}/~umpy-1.23.dist-info/METADATA")),
        "loose/lib"
    );
}

#[test]
fn an_editable_hook_without_its_package_is_a_warning() {
    let tree = Tree::new(&[]);
    for (name, text) in [
        ("__editable__.gone-1.0.pth", "import x"),
        ("__editable__.here-1.0.pth", "import x"),
        ("here-1.0.dist-info/METADATA", "Name: here\nVersion: 1.0\n"),
        ("here-1.0.dist-info/RECORD", "__editable__.here-1.0.pth,,\n"),
    ] {
        tree.write(&format!("{SITE}/{name}"), text);
    }
    let inspection = look(&tree);
    let hook = format!("{SITE}/__editable__.gone-1.0.pth: hook of an editable install that is no longer recorded");
    assert_eq!(inspection.warnings, [hook]);
}

#[test]
fn hostile_and_damaged_records_never_fail() {
    let tree = Tree::new(&[
        (
            "conda-meta/a-1-0.json",
            &conda_record("../../x", "1", &["../../etc/passwd", "/etc/passwd", "", "a\\u0000"]),
        ),
        ("conda-meta/b-1-0.json", "{\"name\": "),
        ("conda-meta/c-1-0.json/", ""),
        ("conda-meta/e-1-0.json", &conda_record("", "1", &[])),
        ("pyvenv.cfg/", ""),
    ]);
    tree.link("conda-meta/d-1-0.json", "/etc/hostname");
    tree.write(&format!("{SITE}/-.dist-info/"), "");
    tree.write(&format!("{SITE}/.dist-info/RECORD"), "\"unclosed\n,,\n");
    tree.write(&format!("{SITE}/x.egg-info/top_level.txt"), "../../..\n.\n/\n");
    let inspection = look(&tree);
    let defects = inspection
        .packages
        .iter()
        .filter(|package| package.defect == Some(Defect::Unreadable))
        .count();
    assert_eq!(defects, 6, "{:#?}", inspection.packages);
    assert_eq!(inspection.packages[0].manager, Manager::Conda);
    assert_eq!(inspection.warnings.len(), 7, "{:#?}", inspection.warnings);
    assert_eq!(unit(&inspection, "conda-meta/a-1-0.json"), "conda/%2E.%2F..%2Fx");
    assert!(inspection.packages.iter().all(|package| !package.name.is_empty()));
    assert_eq!(inspection.owners.assign(&tree.entries()).of.len(), tree.entries().len());
}

#[test]
fn a_root_without_records_has_no_packages() {
    let inspection = look(&Tree::new(&[("README", ""), ("src/a.py", "")]));
    assert!(inspection.packages.is_empty() && inspection.warnings.is_empty() && inspection.python.is_none());
}

#[test]
fn many_records_in_parallel_come_out_in_order() {
    let tree = Tree::new(&[]);
    for number in (0..100).rev() {
        tree.write(
            &format!("{SITE}/p{number:03}-1.dist-info/METADATA"),
            format!("Name: P{number:03}\nVersion: 1\n"),
        );
    }
    let inspection = look(&tree);
    let names: Vec<&str> = inspection.packages.iter().map(|package| &*package.name).collect();
    assert_eq!(names.len(), 100);
    assert!(names.is_sorted());
}
