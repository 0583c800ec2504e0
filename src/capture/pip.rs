//! Python packages outside conda: what pip, uv, setuptools and distutils record in a folder of packages.
//!
//! | record | format |
//! |---|---|
//! | `NAME-VERSION.dist-info/` | [PEP 376](https://peps.python.org/pep-0376/), [PEP 427](https://peps.python.org/pep-0427/), [PEP 610](https://peps.python.org/pep-0610/) |
//! | `NAME.egg-info/`, `NAME.egg/EGG-INFO/`, `NAME.egg-link` | setuptools |
//! | `NAME.egg-info` (a file) | distutils ([PEP 314](https://peps.python.org/pep-0314/)) |
//! | `~AME-VERSION.dist-info/`, `~AME/` | what pip leaves behind when an uninstall is interrupted |

use serde::Deserialize;

use super::listing::{Listing, resolve, shown};
use super::metadata::{Headers, egg_requirements, lines, text};
use super::promises::{Promised, digest_of_record};
use super::site::{Found, Kind};
use crate::snapshot::package::{Defect, Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::url::without_secrets;

/// What one record says.
pub(super) struct Record {
    pub(super) package: Package,
    /// The file that says name and version: who owns it, owns the record.
    pub(super) metadata: RelPath,
    /// The files it installed.
    pub(super) paths: Vec<RelPath>,
    /// What it promises of them: nothing when the files are a guess.
    pub(super) promised: Vec<Promised>,
    /// Folders in which everything that nobody claims is its own.
    pub(super) folders: Vec<RelPath>,
    pub(super) warnings: Vec<String>,
}

/// Reads one record.
pub(super) fn read(listing: &Listing<'_>, found: &Found) -> Record {
    let mut reader = Reader {
        listing,
        found,
        warnings: Vec::new(),
    };
    let mut record = match found.kind {
        Kind::DistInfo | Kind::Leftover => reader.dist_info(),
        Kind::EggInfo | Kind::EggInfoFile => reader.egg_info(),
        Kind::EggLink => reader.egg_link(),
        Kind::LeftoverFiles => reader.record(Package::new(Manager::Pip, &reader.stem(), "", found.path.clone()), b""),
    };
    if matches!(found.kind, Kind::Leftover | Kind::LeftoverFiles) {
        record.package.defect = Some(Defect::Leftover);
        record.paths.clear();
        record.promised.clear();
        record.folders.clear();
    }
    record.warnings = reader.warnings;
    record
}

struct Reader<'a> {
    listing: &'a Listing<'a>,
    found: &'a Found,
    warnings: Vec<String>,
}

/// `direct_url.json`: where a package came from that no index named
/// ([PEP 610](https://peps.python.org/pep-0610/)).
#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    dir_info: Option<DirInfo>,
    vcs_info: Option<VcsInfo>,
    subdirectory: Option<String>,
}

#[derive(Deserialize)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
}

#[derive(Deserialize)]
struct VcsInfo {
    vcs: String,
    commit_id: Option<String>,
}

impl Reader<'_> {
    fn dist_info(&mut self) -> Record {
        let (headers, metadata) = self.headers(&[b"METADATA", b"PKG-INFO"]);
        let mut package = self.package(headers.as_ref());
        package.installer = self
            .read(b"INSTALLER")
            .and_then(|bytes| Some(text(lines(&bytes).next()?)));
        package.requested = self.listing.get(&self.within(b"REQUESTED")).is_some();
        if let Some(wheel) = self.read(b"WHEEL") {
            package.tags = Headers::parse(&wheel).list("Tag");
        }
        if let Some(bytes) = self.read(b"direct_url.json") {
            match serde_json::from_slice::<DirectUrl>(&bytes) {
                Ok(direct) => {
                    package.editable = direct.dir_info.as_ref().is_some_and(|info| info.editable);
                    package.url = Some(direct_url(&direct));
                }
                Err(error) => self.warn(&format!("direct_url.json cannot be read: {error}")),
            }
        }
        let mut record = self.record(package, metadata);
        record.folders.push(self.found.path.clone());
        if self.found.kind == Kind::DistInfo
            && let Some(bytes) = self.read(b"RECORD")
        {
            record.promised = self.files_of_record(&bytes);
            record.paths = record.promised.iter().map(|promised| promised.path.clone()).collect();
            record.promised.retain(Promised::is_no_byte_code);
        }
        if self.found.kind == Kind::DistInfo && record.paths.is_empty() {
            self.guess_files(&mut record);
        }
        record
    }

    /// The paths of a `RECORD`: comma-separated values, relative to the folder of packages (PEP 376, PEP 427).
    fn files_of_record(&mut self, bytes: &[u8]) -> Vec<Promised> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        let mut paths = Vec::with_capacity(bytes.len() / 100);
        let mut row = csv::ByteRecord::new();
        while reader.read_byte_record(&mut row).unwrap_or(false) {
            if let Some(path) = row.get(0).filter(|path| !path.is_empty()) {
                let digest = row.get(1).and_then(digest_of_record);
                let path = resolve(self.listing.home(), self.found.site.as_bytes(), path);
                paths.extend(path.map(|path| Promised { path, digest }));
            }
        }
        paths
    }

    fn egg_info(&mut self) -> Record {
        let (headers, metadata) = match self.found.kind {
            Kind::EggInfo => self.headers(&[b"PKG-INFO", b"METADATA"]),
            _ => self.headers(&[b""]),
        };
        let mut package = self.package(headers.as_ref());
        if self.found.kind == Kind::EggInfoFile {
            let mut record = self.record(package, metadata);
            record.paths.push(self.found.path.clone());
            return record;
        }
        if let Some(bytes) = self.read(b"requires.txt") {
            let (requires, extras) = egg_requirements(&bytes);
            if package.requires.is_empty() {
                package.requires = requires;
            }
            if package.extras.is_empty() {
                package.extras = extras;
            }
        }
        package.installer = self
            .read(b"INSTALLER")
            .and_then(|bytes| Some(text(lines(&bytes).next()?)));
        let mut record = self.record(package, metadata);
        record.folders.push(self.found.path.clone());
        if self.found.path.file_name() == b"EGG-INFO" {
            // An egg is a folder of its own.
            record
                .folders
                .extend(self.found.path.parent().and_then(|egg| RelPath::new(egg).ok()));
        } else if let Some(bytes) = self.read(b"installed-files.txt") {
            let files = lines(&bytes).filter_map(|line| resolve(self.listing.home(), self.found.path.as_bytes(), line));
            record.paths.extend(files);
        } else {
            self.guess_files(&mut record);
        }
        record
    }

    /// Where nothing tells what was installed: the names that can be imported, and the sources beneath them.
    fn guess_files(&mut self, record: &mut Record) {
        let (root, site) = (self.listing.root, self.found.site.as_bytes());
        let top = self.read(b"top_level.txt").unwrap_or_default();
        let namespaces = self.read(b"namespace_packages.txt").unwrap_or_default();
        let names: Vec<&[u8]> = lines(&top)
            .filter(|name| !name.contains(&b'/') && !name.starts_with(b"."))
            .filter(|name| !lines(&namespaces).any(|shared| shared == *name))
            .collect();
        for name in &names {
            record.folders.extend(resolve(root, site, name));
            record.paths.extend(resolve(root, site, &[name, &b".py"[..]].concat()));
        }
        let sources = self.read(b"SOURCES.txt").unwrap_or_default();
        let ours = lines(&sources).filter(|line| {
            let first = line.split(|b| *b == b'/').next().unwrap_or_default();
            line.contains(&b'/') && names.contains(&first)
        });
        record.paths.extend(ours.filter_map(|line| resolve(root, site, line)));
    }

    /// An `.egg-link`: the project's folder in the first line. The project is not looked at; it may be anywhere.
    fn egg_link(&mut self) -> Record {
        let mut package = Package::new(Manager::Pip, &self.stem(), "", self.found.path.clone());
        package.editable = true;
        match self.listing.read(self.found.path.as_bytes()) {
            Ok(bytes) => match lines(&bytes.unwrap_or_default()).next() {
                Some(line) => package.url = Some(format!("file://{}", text(line))),
                None => package.defect = Some(Defect::Unreadable),
            },
            Err(error) => {
                self.warnings.push(error);
                package.defect = Some(Defect::Unreadable);
            }
        }
        let mut record = self.record(package, b"");
        record.paths.push(self.found.path.clone());
        record
    }

    /// A package by its headers, or where they say nothing by the name of its record.
    fn package(&self, headers: Option<&Headers>) -> Package {
        let first = |name| headers.and_then(|headers| headers.first(name));
        let list = |name| headers.map(|headers| headers.list(name)).unwrap_or_default();
        let stem = self.stem();
        let (stem_name, stem_version) = stem
            .split_once('-')
            .filter(|(name, _)| !name.is_empty())
            .unwrap_or((&stem, ""));
        let (name, version) = (first("Name"), first("Version"));
        let path = self.found.path.clone();
        let mut package = Package::new(
            Manager::Pip,
            name.unwrap_or(stem_name),
            version.unwrap_or(stem_version),
            path,
        );
        package.requires = list("Requires-Dist");
        package.extras = list("Provides-Extra");
        package.requires_python = first("Requires-Python").map(str::to_owned);
        package.defect = (name.is_none() && version.is_none()).then_some(Defect::Unreadable);
        package
    }

    /// The name of the record without ending: `NAME-VERSION`, or only `NAME`.
    ///
    /// What has no name goes by the whole of it. Eggs add the version of Python and the platform:
    /// `NAME-VERSION-py3.11-linux-x86_64.egg-info`.
    fn stem(&self) -> String {
        let path = &self.found.path;
        let name = match path.file_name() {
            b"EGG-INFO" => path
                .parent()
                .and_then(|egg| egg.rsplit(|b| *b == b'/').next())
                .unwrap_or_default(),
            name => name,
        };
        let mut stem = shown(name);
        for ending in [".dist-info", ".egg-info", ".egg-link", ".egg"] {
            if let Some(rest) = stem.strip_suffix(ending) {
                stem = rest.to_owned();
                break;
            }
        }
        if self.found.kind == Kind::EggInfo || self.found.kind == Kind::EggInfoFile {
            let python = stem.match_indices("-py").map(|(at, _)| at);
            let python = python
                .filter(|at| stem[at + 3..].starts_with(|c: char| c.is_ascii_digit()))
                .last();
            stem.truncate(python.unwrap_or(stem.len()));
        }
        if stem.is_empty() || stem.starts_with('-') {
            shown(name)
        } else {
            stem
        }
    }

    /// The headers in the first of these files that is there and not empty, and its name.
    fn headers(&mut self, names: &[&'static [u8]]) -> (Option<Headers>, &'static [u8]) {
        for name in names {
            if let Some(bytes) = self.read(name).filter(|bytes| !bytes.trim_ascii().is_empty()) {
                return (Some(Headers::parse(&bytes)), name);
            }
        }
        self.warn("no readable metadata: name and version are taken from its name");
        (None, names.first().copied().unwrap_or_default())
    }

    fn record(&self, package: Package, metadata: &[u8]) -> Record {
        let metadata = RelPath::new(self.within(metadata)).unwrap_or_else(|_| self.found.path.clone());
        Record {
            package,
            metadata,
            paths: Vec::new(),
            promised: Vec::new(),
            folders: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// A file of the record; the record itself for no name.
    fn within(&self, name: &[u8]) -> Vec<u8> {
        let path = self.found.path.as_bytes();
        if name.is_empty() {
            path.to_vec()
        } else {
            [path, b"/", name].concat()
        }
    }

    fn read(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let content = self.listing.read(&self.within(name));
        content.unwrap_or_else(|error| {
            self.warnings.push(error);
            None
        })
    }

    fn warn(&mut self, message: &str) {
        self.warnings.push(format!("{}: {message}", self.found.path));
    }
}

/// The URL as pip takes it: `git+https://…@COMMIT#subdirectory=…`.
fn direct_url(direct: &DirectUrl) -> String {
    let mut url = without_secrets(&direct.url);
    if let Some(VcsInfo { vcs, commit_id }) = &direct.vcs_info {
        url = format!("{vcs}+{url}");
        if let Some(commit) = commit_id {
            url = format!("{url}@{commit}");
        }
    }
    if let Some(folder) = &direct.subdirectory {
        url = format!("{url}#subdirectory={folder}");
    }
    url
}

#[cfg(test)]
#[path = "pip_tests.rs"]
mod tests;
