//! conda's records: `conda-meta/NAME-VERSION-BUILD.json`, one per installed package.
//!
//! The format is conda's [`PrefixRecord`](https://docs.conda.io/projects/conda/en/stable/dev-guide/api/conda/models/records/index.html),
//! written by conda, mamba and rattler (pixi) with small differences: the channel with or without its platform, the
//! requested specs under three names, and for `noarch: python` packages short paths in `paths_data` (conda) or the real
//! ones (rattler). Records take up to a megabyte, nearly all of it file names, so they are read without copies.

use std::borrow::Cow;

use serde::Deserialize;

use super::listing::{Listing, shown};
use crate::snapshot::package::{Defect, Manager, Package};
use crate::snapshot::path::RelPath;

/// What one record says.
pub(super) struct Record {
    pub(super) package: Package,
    /// The files it installed, its own record included; short `noarch` paths until [`Record::place`] maps them.
    pub(super) paths: Vec<RelPath>,
    /// Where Python packages go: only the record of `python` knows.
    pub(super) site: Option<RelPath>,
    pub(super) warnings: Vec<String>,
}

/// A record as it is on disk, its text borrowed.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    version: Option<Text<'a>>,
    build: Option<Text<'a>>,
    channel: Option<Text<'a>>,
    subdir: Option<Text<'a>>,
    url: Option<Text<'a>>,
    sha256: Option<Text<'a>>,
    md5: Option<Text<'a>>,
    depends: Option<Vec<Text<'a>>>,
    constrains: Option<Vec<Text<'a>>>,
    requested_spec: Option<Text<'a>>,
    requested_specs: Option<Vec<Text<'a>>>,
    #[serde(rename = "_requested_specs")]
    hidden_requested_specs: Option<Vec<Text<'a>>>,
    python_site_packages_path: Option<Text<'a>>,
    files: Option<Vec<Text<'a>>>,
    paths_data: Option<PathsData<'a>>,
}

#[derive(Deserialize)]
struct PathsData<'a> {
    #[serde(borrow)]
    paths: Option<Vec<PathData<'a>>>,
}

#[derive(Deserialize)]
struct PathData<'a> {
    #[serde(borrow, rename = "_path")]
    path: Text<'a>,
}

/// Borrowed unless it holds escapes. (Within lists and options serde borrows only types of one's own.)
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The records in `conda-meta`.
pub(super) fn find(listing: &Listing<'_>) -> Vec<RelPath> {
    let records = listing.children(b"conda-meta").filter(|entry| !entry.is_dir());
    records
        .map(|entry| entry.path.clone())
        .filter(|path| path.as_bytes().ends_with(b".json"))
        .collect()
}

/// Reads one record. One that cannot be read is a package by the name of its file.
pub(super) fn read(listing: &Listing<'_>, path: &RelPath) -> Record {
    let bytes = listing.read(path.as_bytes());
    let parsed = match &bytes {
        Ok(bytes) => serde_json::from_slice::<Wire<'_>>(bytes.as_deref().unwrap_or_default())
            .map_err(|error| format!("{path}: not a conda record: {error}")),
        Err(error) => Err(error.clone()),
    };
    match parsed {
        Ok(wire) if wire.name.0.is_empty() => unreadable(path, format!("{path}: a conda record without a name")),
        Ok(wire) => from_wire(wire, path),
        Err(warning) => unreadable(path, warning),
    }
}

fn from_wire(wire: Wire<'_>, path: &RelPath) -> Record {
    let text = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned()).filter(|text| !text.is_empty());
    let list = |list: Option<Vec<Text<'_>>>| -> Vec<String> {
        list.into_iter().flatten().map(|text| text.0.into_owned()).collect()
    };
    let mut package = Package::new(Manager::Conda, &wire.name.0, "", path.clone());
    package.version = text(wire.version).unwrap_or_default();
    package.build = text(wire.build);
    package.subdir = text(wire.subdir);
    package.channel = text(wire.channel).map(|channel| channel_name(&channel, package.subdir.as_deref()));
    package.url = text(wire.url).map(|url| without_secrets(&url));
    package.hash = text(wire.sha256).map(|hash| format!("sha256:{hash}"));
    package.hash = package
        .hash
        .or_else(|| text(wire.md5).map(|hash| format!("md5:{hash}")));
    package.requires = list(wire.depends);
    package.constrains = list(wire.constrains);
    // conda once wrote Python's None as text.
    package.requested = text(wire.requested_spec).is_some_and(|spec| spec != "None")
        || [wire.requested_specs, wire.hidden_requested_specs]
            .iter()
            .flatten()
            .any(|specs| !specs.is_empty());

    let site = match (&*package.name, wire.python_site_packages_path) {
        ("python", Some(site)) => RelPath::new(site.0.trim_end_matches('/')).ok(),
        ("python", None) => default_site(&package.version),
        _ => None,
    };
    let paths = wire.paths_data.and_then(|data| data.paths).unwrap_or_default();
    let files = wire.files.unwrap_or_default();
    let mut names: Vec<&str> = paths
        .iter()
        .map(|path| &*path.path.0)
        .chain(files.iter().map(|file| &*file.0))
        .collect();
    names.sort_unstable();
    names.dedup();
    let all = names.len();
    let mut paths: Vec<RelPath> = names.into_iter().filter_map(|name| RelPath::new(name).ok()).collect();
    let warnings = match all - paths.len() {
        0 => Vec::new(),
        bad => vec![format!(
            "{path}: {bad} of its file names are no paths within the root, ignored"
        )],
    };
    paths.push(path.clone());
    Record {
        package,
        paths,
        site,
        warnings,
    }
}

fn unreadable(path: &RelPath, warning: String) -> Record {
    let name = shown(path.file_name());
    let stem = name.strip_suffix(".json").unwrap_or(&name);
    let mut parts = stem.rsplitn(3, '-');
    let (name, version, build) = match (parts.next(), parts.next(), parts.next()) {
        (Some(build), Some(version), Some(name)) if !name.is_empty() => (name, version, Some(build.to_owned())),
        _ => (stem, "", None),
    };
    let mut package = Package::new(Manager::Conda, name, version, path.clone());
    package.build = build;
    package.defect = Some(Defect::Unreadable);
    Record {
        package,
        paths: vec![path.clone()],
        site: None,
        warnings: vec![warning],
    }
}

impl Record {
    /// Maps the short paths of `noarch: python` packages to where the files are: below `site`, and in `bin`
    /// ([documentation](https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/packages.html#noarch-packages)).
    pub(super) fn place(&mut self, site: &RelPath) {
        for path in &mut self.paths {
            let bytes = path.as_bytes();
            let real = if let Some(rest) = bytes.strip_prefix(b"site-packages/") {
                site.join(rest)
            } else if let Some(rest) = bytes.strip_prefix(b"python-scripts/") {
                RelPath::new([b"bin/", rest].concat())
            } else {
                continue;
            };
            if let Ok(real) = real {
                *path = real;
            }
        }
    }
}

/// Where conda puts Python packages when the record of `python` does not say.
fn default_site(version: &str) -> Option<RelPath> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    RelPath::new(format!("lib/python{major}.{minor}/site-packages")).ok()
}

/// A channel by its shortest unambiguous name, without platform: `conda-forge`, `pkgs/main`, or a URL.
///
/// conda writes names or URLs with the platform, rattler URLs with a slash at the end. The names stand for URLs beneath
/// conda's default channel alias and Anaconda's default channels.
fn channel_name(channel: &str, subdir: Option<&str>) -> String {
    let mut channel = channel.trim_end_matches('/');
    if let Some(base) = subdir
        .and_then(|subdir| channel.strip_suffix(subdir))
        .and_then(|rest| rest.strip_suffix('/'))
    {
        channel = base.trim_end_matches('/');
    }
    let channel = without_secrets(channel);
    let known = ["https://conda.anaconda.org/", "https://repo.anaconda.com/"];
    let name = known
        .iter()
        .find_map(|base| channel.strip_prefix(base))
        .filter(|name| !name.is_empty());
    name.map(str::to_owned).unwrap_or(channel)
}

/// A URL without user, password and conda's `/t/TOKEN`: a record is shown and shared, a secret must not be.
pub(super) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // A user alone (`git@`) is no secret, nor is a reference to a variable (PEP 610).
    let host = match host.rsplit_once('@') {
        Some((user, host)) if user.contains(':') && !user.contains("${") => host,
        _ => host,
    };
    let path = path
        .strip_prefix("/t/")
        .and_then(|rest| rest.split_once('/'))
        .map_or(path.to_owned(), |(_, path)| format!("/{path}"));
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::tree::Tree;

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
        expected.url =
            Some("https://conda.anaconda.org/conda-forge/noarch/certifi-2024.2.2-pyh4616a5c_0.conda".to_owned());
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
            site(r#"{"name": "python", "version": "3.13.1", "python_site_packages_path": "lib/python3.13t/site-packages"}"#)
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

    #[test]
    fn urls_lose_their_secrets() {
        for (url, plain) in [
            ("https://user:pw@e.org/x", "https://e.org/x"),
            ("https://e.org/t/tk-123/c/x", "https://e.org/c/x"),
            ("git+ssh://git@e.org/x", "git+ssh://git@e.org/x"),
            ("https://${U}:${P}@e.org/x", "https://${U}:${P}@e.org/x"),
            ("https://e.org/a@b:c", "https://e.org/a@b:c"),
            ("https://e.org", "https://e.org"),
            ("/local/path", "/local/path"),
        ] {
            assert_eq!(without_secrets(url), plain);
        }
    }
}
