//! The sorted entries of a root: what is where, and the reading of small files among them.

use std::path::Path;

use crate::fsx::stable;
use crate::snapshot::content::Form;
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::{RelPath, escape};

/// No record of a package manager is longer.
const LONGEST: u64 = 256 << 20;

/// Everything in a root, sorted by path, and where the root stands.
#[derive(Clone, Copy)]
pub(super) struct Listing<'a> {
    pub(super) root: &'a Path,
    pub(super) entries: &'a [Entry],
    pub(super) form: &'a dyn Form,
}

impl<'a> Listing<'a> {
    /// The entry at a path.
    pub(super) fn get(&self, path: &[u8]) -> Option<&'a Entry> {
        let at = self.entries.partition_point(|entry| entry.path.as_bytes() < path);
        self.entries.get(at).filter(|entry| entry.path.as_bytes() == path)
    }

    /// The entries directly in a folder.
    pub(super) fn children(&self, folder: &[u8]) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let prefix = [folder, b"/"].concat();
        let from = self
            .entries
            .partition_point(|entry| entry.path.as_bytes() < &prefix[..]);
        let rest = &self.entries[from..];
        let count = rest.partition_point(|entry| entry.path.as_bytes().starts_with(&prefix));
        rest[..count]
            .iter()
            .filter(move |entry| memchr::memchr(b'/', &entry.path.as_bytes()[prefix.len()..]).is_none())
    }

    /// Where the root stands in what its files say.
    pub(super) fn home(&self) -> &'a Path {
        use std::os::unix::ffi::OsStrExt;
        let home = self
            .form
            .home()
            .map(|home| Path::new(std::ffi::OsStr::from_bytes(home)));
        home.unwrap_or(self.root)
    }

    /// The content of a regular file, or nothing where there is none.
    ///
    /// Only files in real folders of the root are read: a link is an error, wherever it points.
    pub(super) fn read(&self, path: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let Some(entry) = self.get(path) else { return Ok(None) };
        match &entry.node {
            Node::File(file) if file.size <= LONGEST => stable::read(&entry.path.under(self.root))
                .map(|(live, _)| Some(self.form.take(&entry.path, live).bytes))
                .map_err(|error| format!("{}: {}", entry.path, reason(&error))),
            Node::File(_) => Err(format!("{}: too long for a package record, not read", entry.path)),
            Node::Symlink(_) => Err(format!("{}: a link, not followed", entry.path)),
            Node::Dir => Ok(None),
        }
    }
}

fn reason(error: &stable::Error) -> String {
    match error {
        stable::Error::Torn(_) => "changes while it is read".to_owned(),
        stable::Error::NotAFile(_) => "is no regular file any more".to_owned(),
        stable::Error::Io(error) => format!("cannot be read: {}", error.source),
    }
}

/// Resolves a path that a record gives relative to `base`, without looking at the disk: nothing when it leaves the root.
///
/// Absolute paths are taken as they are and must lie beneath `root`.
pub(super) fn resolve(root: &Path, base: &[u8], path: &[u8]) -> Option<RelPath> {
    use std::os::unix::ffi::OsStrExt;
    if path.is_empty() {
        return None;
    }
    let plain = !path.starts_with(b"/") && !path.starts_with(b".") && memchr::memmem::find(path, b"/.").is_none();
    if plain
        && let Ok(path) = RelPath::new(if base.is_empty() {
            path.to_vec()
        } else {
            [base, b"/", path].concat()
        })
    {
        return Some(path);
    }
    let (base, path) = match path.strip_prefix(b"/") {
        None => (base, path),
        Some(_) => {
            let root = root.as_os_str().as_bytes();
            let root = root.strip_suffix(b"/").unwrap_or(root);
            (&b""[..], path.strip_prefix(root)?.strip_prefix(b"/")?)
        }
    };
    let mut parts: Vec<&[u8]> = base.split(|b| *b == b'/').filter(|part| !part.is_empty()).collect();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    RelPath::new(parts.join(&b'/')).ok()
}

/// A path or a name out of a record, for a message.
pub(super) fn shown(bytes: &[u8]) -> String {
    escape(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::tree::Tree;
    use crate::snapshot::content::Verbatim;

    #[test]
    fn paths_of_records_resolve_within_the_root_only() {
        let resolve = |path: &str| {
            resolve(Path::new("/env/"), b"lib/python3/site-packages", path.as_bytes()).map(|path| path.to_string())
        };
        let site = |path: &str| Some(format!("lib/python3/site-packages/{path}"));
        assert_eq!(resolve("a/b.py"), site("a/b.py"));
        assert_eq!(resolve(".hidden"), site(".hidden"));
        assert_eq!(resolve("a/./b//c/"), site("a/b/c"));
        assert_eq!(resolve("a/..b"), site("a/..b"));
        assert_eq!(resolve("../../../bin/x"), Some("bin/x".to_owned()));
        assert_eq!(resolve("/env/bin/x"), Some("bin/x".to_owned()));
        for outside in [
            "",
            "../../../../x",
            "../../../..",
            "../../..",
            "/env",
            "/environment/x",
            "/etc/passwd",
            "a\0",
        ] {
            assert_eq!(resolve(outside), None, "{outside}");
        }
    }

    #[test]
    fn links_are_not_followed_even_within_the_root() {
        let tree = Tree::new(&[("a", "text"), ("d/b", "x"), ("d-c", ""), ("d/e/f", "")]);
        tree.link("l", "a");
        let entries = tree.entries();
        let listing = Listing {
            root: tree.root(),
            entries: &entries,
            form: &Verbatim,
        };
        assert_eq!(listing.read(b"a"), Ok(Some(b"text".to_vec())));
        assert_eq!(listing.read(b"d"), Ok(None));
        assert_eq!(listing.read(b"gone"), Ok(None));
        assert_eq!(listing.read(b"l"), Err("l: a link, not followed".to_owned()));
        let children: Vec<String> = listing.children(b"d").map(|entry| entry.path.to_string()).collect();
        assert_eq!(children, ["d/b", "d/e"]);
    }

    #[test]
    fn a_file_that_is_gone_since_the_listing_is_named() {
        let tree = Tree::new(&[("a", "text")]);
        let entries = tree.entries();
        std::fs::remove_file(tree.root().join("a")).unwrap();
        let listing = Listing {
            root: tree.root(),
            entries: &entries,
            form: &Verbatim,
        };
        let error = listing.read(b"a").unwrap_err();
        assert!(error.starts_with("a: cannot be read: "), "{error}");
    }
}
