//! Files that a checkout wrote and therefore knows.

use crate::snapshot::entry::Entry;
use crate::snapshot::path::RelPath;

/// Files that a checkout just wrote, each with its inode number, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct Written(Vec<(Entry, u64)>);

impl Written {
    /// None.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// What was written at a path.
    pub fn get(&self, path: &RelPath) -> Option<&(Entry, u64)> {
        let at = self.0.binary_search_by(|(entry, _)| entry.path.cmp(path)).ok()?;
        Some(&self.0[at])
    }

    /// The same for paths that are asked for in their order, which needs no search.
    pub fn in_order<'a>(&'a self) -> impl FnMut(&RelPath) -> Option<&'a (Entry, u64)> {
        let mut rest = self.0.iter().peekable();
        move |path| {
            while rest.next_if(|(entry, _)| entry.path < *path).is_some() {}
            rest.next_if(|(entry, _)| entry.path == *path)
        }
    }
}

/// Of several at one path the last counts.
impl FromIterator<(Entry, u64)> for Written {
    fn from_iter<T: IntoIterator<Item = (Entry, u64)>>(files: T) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        files.dedup_by(|later, earlier| {
            let is_same = later.0.path == earlier.0.path;
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
        Self(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::entry::Node;

    fn folder(path: &str) -> Entry {
        Entry {
            path: RelPath::new(path).unwrap(),
            mode: 0o755,
            mtime: 0,
            node: Node::Dir,
            xattrs: Vec::new(),
        }
    }

    #[test]
    fn the_last_of_a_path_counts_and_both_ways_of_asking_agree() {
        let named = ["b", "a", "b/c", "b-c", "a"];
        let written: Written = named.iter().zip(1..).map(|(path, ino)| (folder(path), ino)).collect();
        let mut next = written.in_order();
        let mut asked: Vec<RelPath> = ["0", "a", "a/x", "b", "b-c", "b/c", "z"]
            .iter()
            .map(|path| RelPath::new(path).unwrap())
            .collect();
        asked.sort();
        let found: Vec<Option<u64>> = asked.iter().map(|path| next(path).map(|(_, ino)| *ino)).collect();
        assert_eq!(found, [None, Some(5), None, Some(1), Some(4), Some(3), None]);
        for (path, ino) in asked.iter().zip(found) {
            assert_eq!(written.get(path).map(|(_, ino)| *ino), ino);
        }
    }
}
