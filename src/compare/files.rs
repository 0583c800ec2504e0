//! Which paths differ.

use super::merge;
use crate::snapshot::change::FileChange;
use crate::snapshot::entry::Entry;
use crate::snapshot::unit::UnitName;

/// The entries of some units of one state, in any order of units.
pub type Units = Vec<(UnitName, Vec<Entry>)>;

/// The differences between units of two states, sorted by path. A path that only moved from one unit to another
/// does not differ.
pub fn files(from: &Units, to: &Units) -> Vec<FileChange> {
    let mut changes = Vec::new();
    merge(
        by_path(from),
        by_path(to),
        |(_, a)| &a.path,
        |(_, b)| &b.path,
        |a, b| {
            let differs = match (&a, &b) {
                (Some((_, a)), Some((_, b))) => !a.same_state(b),
                _ => true,
            };
            if differs && let Some((unit, _)) = b.or(a) {
                changes.push(FileChange {
                    unit: unit.clone(),
                    from: a.map(|(_, entry)| entry.clone()),
                    to: b.map(|(_, entry)| entry.clone()),
                });
            }
        },
    );
    changes
}

fn by_path(units: &Units) -> Vec<(&UnitName, &Entry)> {
    let mut all: Vec<_> = units
        .iter()
        .flat_map(|(unit, entries)| entries.iter().map(move |entry| (unit, entry)))
        .collect();
    all.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::snapshot::change::FileChangeKind;
    use crate::snapshot::entry::{FileNode, Node, PrefixUse};
    use crate::snapshot::path::RelPath;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn entry(path: u8, content: u8, mode: u32, mtime: i64) -> Entry {
        let node = match content {
            0 => Node::Dir,
            1 => Node::Symlink(b"target".to_vec()),
            n => Node::File(FileNode {
                size: n.into(),
                digest: Digest::of(&[n]),
                prefix: PrefixUse::None,
                sparse: false,
                hardlink: None,
            }),
        };
        Entry {
            path: RelPath::new(format!("p{path}")).unwrap(),
            mode,
            mtime,
            node,
            xattrs: vec![],
        }
    }

    type Model = BTreeMap<u8, (u8, u8, u32, i64)>;

    fn units(model: &Model) -> Units {
        let mut units: BTreeMap<u8, Vec<Entry>> = BTreeMap::new();
        for (path, (unit, content, mode, mtime)) in model {
            units
                .entry(*unit)
                .or_default()
                .push(entry(*path, *content, *mode, *mtime));
        }
        let named = |(unit, entries): (u8, _)| (UnitName::pip(&format!("u{unit}")), entries);
        units.into_iter().map(named).collect()
    }

    fn model() -> impl Strategy<Value = Model> {
        proptest::collection::btree_map(0u8..12, (0u8..3, 0u8..4, 0u32..2, 0i64..2), 0..10)
    }

    proptest! {
        #[test]
        fn a_state_does_not_differ_from_itself(a in model()) {
            prop_assert_eq!(files(&units(&a), &units(&a)), vec![]);
        }

        #[test]
        fn changes_mirror_and_are_those_of_a_naive_comparison(a in model(), b in model()) {
            let forth = files(&units(&a), &units(&b));
            let back = files(&units(&b), &units(&a));
            prop_assert_eq!(forth.len(), back.len());
            for (x, y) in forth.iter().zip(&back) {
                prop_assert_eq!((&x.from, &x.to), (&y.to, &y.from));
            }
            let mut naive = Vec::new();
            for path in 0u8..12 {
                let kind = match (a.get(&path), b.get(&path)) {
                    (None, None) => continue,
                    (None, _) => FileChangeKind::Added,
                    (_, None) => FileChangeKind::Removed,
                    (Some(x), Some(y)) if x.1 != y.1 => FileChangeKind::Modified,
                    (Some(x), Some(y)) if x.2 != y.2 || (x.1 != 0 && x.3 != y.3) => FileChangeKind::MetadataOnly,
                    _ => continue,
                };
                naive.push((format!("p{path}"), kind));
            }
            naive.sort();
            let mine: Vec<_> = forth.iter().map(|c| (c.path().to_string(), c.kind())).collect();
            prop_assert_eq!(mine, naive);
        }
    }
}
