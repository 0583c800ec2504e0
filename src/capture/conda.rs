//! conda's records: `conda-meta/NAME-VERSION-BUILD.json`, one per installed package.
//!
//! The format is conda's [`PrefixRecord`](https://docs.conda.io/projects/conda/en/stable/dev-guide/api/conda/models/records/index.html),
//! written by conda, mamba and rattler (pixi) with small differences: the channel with or without its platform, the
//! requested specs under three names, and for `noarch: python` packages short paths in `paths_data` (conda) or the real
//! ones (rattler). Records take up to a megabyte, nearly all of it file names, so they are read without copies.

use std::borrow::Cow;

use serde::Deserialize;

use super::listing::{Listing, shown};
use super::promises::Promised;
use crate::digest::Digest;
use crate::snapshot::package::{Defect, Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::url::without_secrets;

/// What one record says.
pub(super) struct Record {
    pub(super) package: Package,
    /// The files it installed, its own record included; short `noarch` paths until [`Record::place`] maps them.
    pub(super) paths: Vec<RelPath>,
    /// What it promises of them.
    pub(super) promised: Vec<Promised>,
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
    /// rattler: where the file would be, had another package's not been there first.
    original_path: Option<Text<'a>>,
    path_type: Option<Text<'a>>,
    sha256: Option<Text<'a>>,
    sha256_in_prefix: Option<Text<'a>>,
    prefix_placeholder: Option<Text<'a>>,
}

impl PathData<'_> {
    /// The digest of the file as installed. `sha256` is that of the file in the package, which differs where the prefix
    /// was put in; of links neither is a digest of content.
    fn digest(&self) -> Option<Digest> {
        if self.path_type.as_ref().is_some_and(|kind| kind.0 != "hardlink") {
            return None;
        }
        let packaged = self.sha256.as_ref().filter(|_| self.prefix_placeholder.is_none());
        let hex = self.sha256_in_prefix.as_ref().or(packaged)?;
        Digest::from_hex(hex.0.as_bytes())
    }
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
    let promised = promised(&paths, &files);
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
        promised,
        site,
        warnings,
    }
}

/// The files with their digests. What `files` alone names, and names in its real place, has none.
fn promised(paths: &[PathData<'_>], files: &[Text<'_>]) -> Vec<Promised> {
    let with_digest = paths.iter().filter_map(|data| {
        let path = data.original_path.as_ref().unwrap_or(&data.path);
        Promised::new(RelPath::new(&*path.0).ok()?, data.digest())
    });
    if !paths.is_empty() {
        return with_digest.collect();
    }
    files
        .iter()
        .filter_map(|file| Promised::new(RelPath::new(&*file.0).ok()?, None))
        .collect()
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
        promised: Vec::new(),
        site: None,
        warnings: vec![warning],
    }
}

impl Record {
    /// Maps the short paths of `noarch: python` packages to where the files are: below `site`, and in `bin`
    /// ([documentation](https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/packages.html#noarch-packages)).
    pub(super) fn place(&mut self, site: &RelPath) {
        let promised = self.promised.iter_mut().map(|promised| &mut promised.path);
        for path in self.paths.iter_mut().chain(promised) {
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

#[cfg(test)]
#[path = "conda_tests.rs"]
mod tests;
