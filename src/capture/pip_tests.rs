//! Records of Python packages, sound and damaged.

use super::*;
use crate::capture::site::{find, sites};
use crate::capture::tree::Tree;
use crate::snapshot::content::Verbatim;

const SITE: &str = "lib/python3.11/site-packages";

/// Files in the folder of packages.
fn site(files: &[(&str, &str)]) -> Tree {
    let tree = Tree::new(&[]);
    for (path, text) in files {
        tree.write(&format!("{SITE}/{path}"), text);
    }
    tree
}

fn records(tree: &Tree) -> Vec<Record> {
    let entries = tree.entries();
    let listing = Listing {
        root: tree.root(),
        entries: &entries,
        form: &Verbatim,
    };
    let sites = sites(&listing);
    let found = sites.iter().flat_map(|site| find(&listing, site));
    found.map(|found| read(&listing, &found)).collect()
}

/// The only record.
fn record(tree: &Tree) -> Record {
    let mut records = records(tree);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn package(name: &str, version: &str, record: &str) -> Package {
    let record = RelPath::new(format!("{SITE}/{record}")).unwrap();
    Package::new(Manager::Pip, name, version, record)
}

/// Without the folder of packages in front.
fn short(paths: &[RelPath]) -> Vec<String> {
    let short = |path: &RelPath| path.to_string().replace(&format!("{SITE}/"), "");
    paths.iter().map(short).collect()
}

#[test]
fn a_dist_info_reads_field_by_field() {
    let tree = site(&[
        (
            "Odd_Name-1.2.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: Odd.Name\nVersion: 1.2\nRequires-Python: >=3.8\nRequires-Dist: a>1\n\
             Requires-Dist: b; extra == 'x'\nProvides-Extra: x\nProvides-Extra: y\n\nName: body\n",
        ),
        ("Odd_Name-1.2.dist-info/INSTALLER", "pip\n"),
        ("Odd_Name-1.2.dist-info/REQUESTED", ""),
        (
            "Odd_Name-1.2.dist-info/WHEEL",
            "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_17_x86_64\nTag: cp311-cp311-manylinux2014_x86_64\n",
        ),
        (
            "Odd_Name-1.2.dist-info/direct_url.json",
            r#"{"url": "https://e.org/x.whl", "archive_info": {}}"#,
        ),
        (
            "Odd_Name-1.2.dist-info/RECORD",
            "../../../bin/odd,sha256=x,1\nodd/__init__.py,,\n\"odd/a,b.py\",,\n../../../../escape,,\n\n/etc/passwd,,\n",
        ),
    ]);
    let record = record(&tree);
    let mut expected = package("Odd.Name", "1.2", "Odd_Name-1.2.dist-info");
    expected.installer = Some("pip".to_owned());
    expected.requested = true;
    expected.requires_python = Some(">=3.8".to_owned());
    expected.requires = vec!["a>1".to_owned(), "b; extra == 'x'".to_owned()];
    expected.extras = vec!["x".to_owned(), "y".to_owned()];
    expected.url = Some("https://e.org/x.whl".to_owned());
    expected.tags = vec![
        "cp311-cp311-manylinux_2_17_x86_64".to_owned(),
        "cp311-cp311-manylinux2014_x86_64".to_owned(),
    ];
    assert_eq!(record.package, expected);
    assert_eq!(record.package.name, "odd-name");
    assert_eq!(short(&record.paths), ["bin/odd", "odd/__init__.py", "odd/a,b.py"]);
    assert_eq!(short(&record.folders), ["Odd_Name-1.2.dist-info"]);
    assert_eq!(record.warnings, [""; 0]);
}

#[test]
fn absolute_paths_beneath_the_root_are_its_files() {
    let tree = site(&[("a-1.dist-info/METADATA", "Name: a\nVersion: 1\n")]);
    let text = format!("{}/bin/a,,\n/elsewhere/bin/a,,\n", tree.root().display());
    tree.write(&format!("{SITE}/a-1.dist-info/RECORD"), text);
    assert_eq!(short(&record(&tree).paths), ["bin/a"]);
}

#[test]
fn metadata_that_is_not_utf_8_survives() {
    let tree = site(&[]);
    tree.write(
        &format!("{SITE}/latin-1.dist-info/METADATA"),
        b"Name: latin\nAuthor: Andr\xe9\nVersion: 1\nRequires-Dist: caf\xe9\n\n\xff\xfe",
    );
    let record = record(&tree);
    assert_eq!(record.package.requires, ["café"]);
    assert_eq!(record.package.defect, None);
}

#[test]
fn without_metadata_the_folder_tells_name_and_version() {
    for (tree, paths) in [
        (site(&[("odd_name-1.0.dist-info/", "")]), [""; 0].as_slice()),
        (site(&[("odd_name-1.0.dist-info/METADATA", "\n")]), &[]),
        (site(&[("odd_name-1.0.dist-info/RECORD", "a.py,,")]), &["a.py"]),
        (site(&[("odd_name-1.0.dist-info/METADATA/", "")]), &[]),
    ] {
        let record = record(&tree);
        let mut expected = package("odd_name", "1.0", "odd_name-1.0.dist-info");
        expected.defect = Some(Defect::Unreadable);
        assert_eq!(record.package, expected);
        assert_eq!(short(&record.paths), paths);
        assert_eq!(record.warnings.len(), 1, "{:?}", record.warnings);
    }
    let half = record(&site(&[("odd_name-1.0.dist-info/METADATA", "Name: Odd_Name\n")]));
    assert_eq!((half.package.version.as_str(), half.package.defect), ("1.0", None));
}

#[test]
fn metadata_behind_a_link_is_not_read() {
    let tree = site(&[("a-1.dist-info/", "")]);
    tree.link(&format!("{SITE}/a-1.dist-info/METADATA"), "/etc/hostname");
    let record = record(&tree);
    assert_eq!(record.package.defect, Some(Defect::Unreadable));
    assert_eq!(
        record.warnings[0],
        format!("{SITE}/a-1.dist-info/METADATA: a link, not followed")
    );
}

#[test]
fn direct_urls_tell_editable_installs_and_commits() {
    for (json, url, editable) in [
        (
            r#"{"url": "file:///src/a", "dir_info": {"editable": true}}"#,
            "file:///src/a",
            true,
        ),
        (r#"{"url": "file:///src/a", "dir_info": {}}"#, "file:///src/a", false),
        (
            r#"{"url": "https://u:p@e.org/a.git", "subdirectory": "py",
                "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "main"}}"#,
            "git+https://e.org/a.git@abc#subdirectory=py",
            false,
        ),
    ] {
        let tree = site(&[
            ("a-1.dist-info/METADATA", "Name: a\nVersion: 1\n"),
            ("a-1.dist-info/direct_url.json", json),
        ]);
        let package = record(&tree).package;
        assert_eq!((package.url.as_deref(), package.editable), (Some(url), editable));
    }
    let tree = site(&[
        ("a-1.dist-info/METADATA", "Name: a\nVersion: 1\n"),
        ("a-1.dist-info/direct_url.json", "{"),
    ]);
    let record = record(&tree);
    assert_eq!((record.package.url, record.package.defect), (None, None));
    assert!(
        record.warnings[0].contains("direct_url.json cannot be read"),
        "{:?}",
        record.warnings
    );
}

#[test]
fn leftovers_of_pip_claim_nothing() {
    let tree = site(&[
        ("~umpy-1.24.4.dist-info/METADATA", "Name: numpy\nVersion: 1.24.4\n"),
        ("~umpy-1.24.4.dist-info/RECORD", "numpy/__init__.py,,\n"),
        ("~umpy/core.py", ""),
        ("~umpy.libs/x.so", ""),
        ("~cipy/x.py", ""),
        ("~-x-2.dist-info/", ""),
        ("~file", ""),
    ]);
    let records = records(&tree);
    let seen: Vec<_> = records
        .iter()
        .map(|record| (record.package.name.as_str(), record.package.version.as_str()))
        .collect();
    assert_eq!(seen, [("~", "x-2"), ("~cipy", ""), ("numpy", "1.24.4")]);
    for record in &records {
        assert_eq!(record.package.defect, Some(Defect::Leftover));
        assert!(record.paths.is_empty() && record.folders.is_empty() && !record.package.is_listed());
    }
}

#[test]
fn an_egg_info_folder_with_installed_files() {
    let tree = site(&[
        ("old-2.0-py3.11.egg-info/PKG-INFO", "Name: Old\nVersion: 2.0\n"),
        ("old-2.0-py3.11.egg-info/requires.txt", "six\n\n[test]\npytest\n"),
        (
            "old-2.0-py3.11.egg-info/installed-files.txt",
            "../old/__init__.py\n../../../../bin/old\nPKG-INFO\n",
        ),
        ("old-2.0-py3.11.egg-info/top_level.txt", "old\n"),
    ]);
    let record = record(&tree);
    let mut expected = package("Old", "2.0", "old-2.0-py3.11.egg-info");
    expected.requires = vec!["six".to_owned(), "pytest; extra == \"test\"".to_owned()];
    expected.extras = vec!["test".to_owned()];
    assert_eq!(record.package, expected);
    assert_eq!(
        short(&record.paths),
        ["old/__init__.py", "bin/old", "old-2.0-py3.11.egg-info/PKG-INFO"]
    );
    assert_eq!(short(&record.folders), ["old-2.0-py3.11.egg-info"]);
}

#[test]
fn an_egg_info_folder_with_sources_only() {
    let tree = site(&[
        ("old.egg-info/PKG-INFO", "Name: Old\nVersion: 2.0\n"),
        (
            "old.egg-info/SOURCES.txt",
            "setup.py\nsrc/x.py\nold/__init__.py\nns/y.py\n../../../../../x\n",
        ),
        ("old.egg-info/top_level.txt", "old\nns\n..\n"),
        ("old.egg-info/namespace_packages.txt", "ns\n"),
    ]);
    let record = record(&tree);
    assert_eq!(short(&record.paths), ["old.py", "old/__init__.py"]);
    assert_eq!(short(&record.folders), ["old.egg-info", "old"]);
}

#[test]
fn egg_info_files_eggs_and_egg_links() {
    let tree = site(&[
        ("dist_utils-1.0-py3.11-linux-x86_64.egg-info", ""),
        ("egg-3.1-py3.11.egg/EGG-INFO/PKG-INFO", "Name: egg\nVersion: 3.1\n"),
        ("empty.egg/x", ""),
        ("My-Project.egg-link", "/src/my project\n../\n"),
        ("zipped-1.0-py3.11.egg", "PK"),
    ]);
    let records = records(&tree);
    let [link, file, egg] = &records[..] else {
        panic!("{} records", records.len())
    };

    let mut expected = package("My-Project", "", "My-Project.egg-link");
    expected.editable = true;
    expected.url = Some("file:///src/my project".to_owned());
    assert_eq!(link.package, expected);
    assert_eq!(short(&link.paths), ["My-Project.egg-link"]);

    let mut expected = package("dist_utils", "1.0", "dist_utils-1.0-py3.11-linux-x86_64.egg-info");
    expected.defect = Some(Defect::Unreadable);
    assert_eq!(file.package, expected);

    assert_eq!(egg.package, package("egg", "3.1", "egg-3.1-py3.11.egg/EGG-INFO"));
    assert_eq!(
        short(&egg.folders),
        ["egg-3.1-py3.11.egg/EGG-INFO", "egg-3.1-py3.11.egg"]
    );
}

#[test]
fn a_lib64_that_is_a_link_holds_no_second_record() {
    let tree = site(&[("a-1.dist-info/METADATA", "Name: a\nVersion: 1\n")]);
    tree.link("lib64", "lib");
    assert_eq!(records(&tree).len(), 1);
}
