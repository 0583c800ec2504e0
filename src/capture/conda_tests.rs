//! Records of conda packages, sound and damaged.

use super::*;
use crate::capture::tree::Tree;
use crate::snapshot::content::Verbatim;

fn record(name: &str, json: &str) -> Record {
    let tree = Tree::new(&[
        (&format!("conda-meta/{name}"), json),
        ("conda-meta/history", ""),
        ("conda-meta/d.json/", ""),
    ]);
    let entries = tree.entries();
    let listing = Listing {
        root: tree.root(),
        entries: &entries,
        form: &Verbatim,
    };
    let found = find(&listing);
    assert_eq!(found.len(), 1);
    read(&listing, &found[0])
}

fn paths(record: &Record) -> Vec<String> {
    record.paths.iter().map(ToString::to_string).collect()
}

#[test]
fn a_record_of_conda_reads_field_by_field() {
    let json = include_str!("../../tests/data/conda-meta/zlib-1.2.13-hb0f4dca_0.json");
    let record = record("zlib-1.2.13-hb0f4dca_0.json", json);
    let record_path = RelPath::new("conda-meta/zlib-1.2.13-hb0f4dca_0.json").unwrap();
    let mut expected = Package::new(Manager::Conda, "zlib", "1.2.13", record_path);
    expected.build = Some("hb0f4dca_0".to_owned());
    expected.channel = Some("file:///opt/team/channel".to_owned());
    expected.subdir = Some("linux-64".to_owned());
    expected.url = Some("file:///opt/team/channel/linux-64/zlib-1.2.13-hb0f4dca_0.conda".to_owned());
    expected.hash = Some("sha256:c1ea9e5be3f1186bd1f8144c2f5febf68c6190b70eeccf56a75386bc403face0".to_owned());
    assert_eq!(record.package, expected);
    assert_eq!(record.warnings, [""; 0]);
    assert_eq!(
        paths(&record),
        [
            "include/zconf.h",
            "include/zlib.h",
            "lib/libz.a",
            "lib/libz.so",
            "lib/libz.so.1",
            "lib/libz.so.1.2.13",
            "lib/pkgconfig/zlib.pc",
            "share/man/man3/zlib.3",
            "conda-meta/zlib-1.2.13-hb0f4dca_0.json",
        ]
    );
}

#[test]
fn a_requested_record_of_conda_names_what_it_needs_and_all_its_files() {
    let json = include_str!("../../tests/data/conda-meta/libprefixdemo-1.2.3-hb0f4dca_0.json");
    let record = record("libprefixdemo-1.2.3-hb0f4dca_0.json", json);
    assert!(record.package.requested);
    assert_eq!(record.package.requires, ["zlib"]);
    assert!(record.package.constrains.is_empty() && record.package.defect.is_none());
    assert_eq!(record.paths.len(), 22, "{:?}", paths(&record));
}

#[test]
fn a_record_of_rattler_reads_field_by_field() {
    let json = include_str!("../../tests/data/conda-meta/certifi-2024.2.2-pyh4616a5c_0.json");
    let record = record("certifi-2024.2.2-pyh4616a5c_0.json", json);
    let record_path = RelPath::new("conda-meta/certifi-2024.2.2-pyh4616a5c_0.json").unwrap();
    let mut expected = Package::new(Manager::Conda, "certifi", "2024.2.2", record_path);
    expected.build = Some("pyh4616a5c_0".to_owned());
    expected.channel = Some("conda-forge".to_owned());
    expected.subdir = Some("noarch".to_owned());
    expected.url = Some("https://conda.anaconda.org/conda-forge/noarch/certifi-2024.2.2-pyh4616a5c_0.conda".to_owned());
    expected.hash = Some("sha256:82869f87553f62d67a68d1329266989f4f7101e4c4e9e8812ff3432e8884292f".to_owned());
    expected.requires = vec!["python >=3.8".to_owned(), "python".to_owned()];
    assert_eq!(record.package, expected);
    assert_eq!(record.paths.len(), 14);
    assert_eq!(
        paths(&record)[0],
        "lib/python3.11/site-packages/certifi-2024.2.2.dist-info/INSTALLER"
    );
}

#[test]
fn short_noarch_paths_are_mapped_to_the_site_of_python() {
    let mut record = record(
        "a-1-0.json",
        r#"{"name": "a", "version": "1", "noarch": "python", "sha256": null, "md5": "12",
           "files": ["lib/python3.11/site-packages/a.py", "bin/a", "site-packagesx"],
           "paths_data": {"paths": [{"_path": "site-packages/a.py", "path_type": "hardlink"},
             {"_path": "python-scripts/a-tool"}, {"_path": "site-packages/\u00fc.py"}, {"_path": "../x"}]}}"#,
    );
    record.place(&RelPath::new("lib/python3.11/site-packages").unwrap());
    let mut paths = paths(&record);
    paths.sort();
    paths.dedup();
    assert_eq!(
        paths,
        [
            "bin/a",
            "bin/a-tool",
            "conda-meta/a-1-0.json",
            "lib/python3.11/site-packages/a.py",
            "lib/python3.11/site-packages/ü.py",
            "site-packagesx",
        ]
    );
    assert_eq!(record.package.hash.as_deref(), Some("md5:12"));
    assert_eq!(
        record.warnings,
        ["conda-meta/a-1-0.json: 1 of its file names are no paths within the root, ignored"]
    );
}

#[test]
fn the_record_of_python_knows_the_site() {
    let site = |json: &str| record("python-3-0.json", json).site.map(|site| site.to_string());
    assert_eq!(
        site(r#"{"name": "python", "version": "3.11.2"}"#).as_deref(),
        Some("lib/python3.11/site-packages")
    );
    assert_eq!(
        site(
            r#"{"name": "python", "version": "3.13.1", "python_site_packages_path": "lib/python3.13t/site-packages"}"#
        )
        .as_deref(),
        Some("lib/python3.13t/site-packages")
    );
    assert_eq!(
        site(r#"{"name": "python", "version": "3", "python_site_packages_path": "../x"}"#),
        None
    );
    assert_eq!(site(r#"{"name": "pythonlike", "version": "3.11.2"}"#), None);
}

#[test]
fn requested_specs_have_three_names() {
    for (field, requested) in [
        (r#""requested_spec": "a >1""#, true),
        (r#""requested_spec": """#, false),
        (r#""requested_spec": "None""#, false),
        (r#""requested_spec": null"#, false),
        (r#""requested_specs": ["a"]"#, true),
        (r#""requested_specs": []"#, false),
        (r#""_requested_specs": ["a"]"#, true),
        (r#""_requested_specs": []"#, false),
    ] {
        let record = record("a-1-0.json", &format!(r#"{{"name": "a", {field}}}"#));
        assert_eq!(record.package.requested, requested, "{field}");
    }
}

#[test]
fn damaged_records_are_packages_with_a_defect() {
    for json in ["", "{", "[]", r#"{"name": 1}"#, r#"{"version": "1"}"#, "\u{0}"] {
        let record = record("lib-x-1.0-py_0.json", json);
        let package = record.package;
        assert_eq!((&*package.name, &*package.version), ("lib-x", "1.0"), "{json}");
        assert_eq!(package.build.as_deref(), Some("py_0"));
        assert_eq!(package.defect, Some(Defect::Unreadable));
        assert_eq!(record.paths, [package.record]);
        assert!(record.warnings[0].starts_with("conda-meta/lib-x-1.0-py_0.json: not a conda record: "));
    }
    assert_eq!(record("odd.json", "").package.name, "odd");
}

#[test]
fn channels_are_named_alike_whoever_wrote_them() {
    for (written, name) in [
        ("conda-forge", "conda-forge"),
        ("https://conda.anaconda.org/conda-forge/", "conda-forge"),
        ("https://conda.anaconda.org/conda-forge/noarch", "conda-forge"),
        (
            "https://conda.anaconda.org/conda-forge/label/dev/noarch",
            "conda-forge/label/dev",
        ),
        ("https://conda.anaconda.org/t/tk-secret/team/noarch", "team"),
        ("https://repo.anaconda.com/pkgs/main/noarch", "pkgs/main"),
        ("file:///opt/team/channel/noarch", "file:///opt/team/channel"),
        ("https://u:p@host/c/noarch/", "https://host/c"),
        ("noarch", "noarch"),
    ] {
        assert_eq!(channel_name(written, Some("noarch")), name, "{written}");
    }
    assert_eq!(channel_name("https://e.org/c/noarch", None), "https://e.org/c/noarch");
}
