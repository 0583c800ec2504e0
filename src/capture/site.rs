//! Folders of Python packages, and which records stand in them.

use super::listing::Listing;
use crate::snapshot::path::RelPath;

/// A record that was found, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The folder of packages that it stands in.
    pub(super) site: RelPath,
    /// The folder or file of the record.
    pub(super) path: RelPath,
    pub(super) kind: Kind,
}

/// The form of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder `NAME-VERSION.dist-info`.
    DistInfo,
    /// A folder `NAME.egg-info`, or the `EGG-INFO` of an egg.
    EggInfo,
    /// A file `NAME.egg-info`.
    EggInfoFile,
    /// A file `NAME.egg-link`.
    EggLink,
    /// A half-removed `~AME-VERSION.dist-info`.
    Leftover,
    /// Half-removed files of which no record is left: `~AME`.
    LeftoverFiles,
}

/// The folders in which Python looks for packages: `lib*/python*/site-packages` and `dist-packages`,
/// `lib/site-packages`. A `lib64` that is a link to `lib` holds nothing of its own.
pub(super) fn sites<'a>(listing: &Listing<'a>) -> Vec<&'a RelPath> {
    let folders = listing
        .entries
        .iter()
        .filter(|entry| entry.path.as_bytes().ends_with(b"-packages") && entry.is_dir());
    folders
        .map(|entry| &entry.path)
        .filter(|path| is_site(path.as_bytes()))
        .collect()
}

fn is_site(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"local/").unwrap_or(path);
    let parts: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
    match parts[..] {
        [b"lib" | b"Lib", b"site-packages"] => true,
        [lib, python, b"site-packages" | b"dist-packages"] => {
            lib.starts_with(b"lib") && (python.starts_with(b"python") || python.starts_with(b"pypy"))
        }
        _ => false,
    }
}

/// The records directly in a folder of packages.
pub(super) fn find(listing: &Listing<'_>, site: &RelPath) -> Vec<Found> {
    let mut found = Vec::new();
    let mut stripped = Vec::new();
    for entry in listing.children(site.as_bytes()) {
        let name = entry.path.file_name();
        let kind = match (name.starts_with(b"~"), entry.is_dir()) {
            (true, true) if name.ends_with(b".dist-info") => Kind::Leftover,
            (true, true) => Kind::LeftoverFiles,
            (false, true) if name.ends_with(b".dist-info") => Kind::DistInfo,
            (false, true) if name.ends_with(b".egg-info") => Kind::EggInfo,
            (false, true) if name.ends_with(b".egg") => Kind::EggInfo,
            (false, false) if name.ends_with(b".egg-info") => Kind::EggInfoFile,
            (false, false) if name.ends_with(b".egg-link") => Kind::EggLink,
            _ => continue,
        };
        if kind == Kind::Leftover {
            stripped.extend(name.split(|b| *b == b'-').next());
        }
        let path = if kind == Kind::EggInfo && name.ends_with(b".egg") {
            match listing.get(&[entry.path.as_bytes(), b"/EGG-INFO"].concat()) {
                Some(info) => info.path.clone(),
                None => continue,
            }
        } else {
            entry.path.clone()
        };
        found.push(Found {
            site: site.clone(),
            path,
            kind,
        });
    }
    // The `~umpy` and `~umpy.libs` of `~umpy-1.24.4.dist-info` are one leftover with it.
    found.retain(|found| {
        let name = found.path.file_name();
        let explained = |stem: &&[u8]| {
            name.strip_prefix(*stem)
                .is_some_and(|rest| matches!(rest, [] | [b'.', ..]))
        };
        found.kind != Kind::LeftoverFiles || !stripped.iter().any(explained)
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_packages_are_found_wherever_distributions_put_them() {
        for (path, expected) in [
            ("lib/python3.11/site-packages", true),
            ("lib64/python3.11/site-packages", true),
            ("lib/python3/dist-packages", true),
            ("lib/pypy3.9/site-packages", true),
            ("local/lib/python3.11/dist-packages", true),
            ("lib/site-packages", true),
            ("site-packages", false),
            ("share/python3.11/site-packages", false),
            ("lib/python3.11/x/site-packages", false),
            ("lib/python3.11/site-packages/lib/python3.11/site-packages", false),
        ] {
            assert_eq!(is_site(path.as_bytes()), expected, "{path}");
        }
    }
}
