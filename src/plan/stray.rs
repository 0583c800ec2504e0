//! Plans that no recorded tree can have led to: what stands beneath a link or file, or twice at one path.

use std::collections::BTreeSet;

use super::RootPlan;
use crate::snapshot::path::RelPath;

/// A path that a plan would put beneath something that will be no directory, or that it would put in place twice. A
/// tree on a disk has none, so only an inventory that was made by hand can lead to one: a link to another place with a
/// file beneath it, for example.
pub fn stray<'p>(plan: &'p RootPlan, is_live_dir: &dyn Fn(&[u8]) -> bool) -> Option<&'p RelPath> {
    let files = || plan.place.iter().map(|placement| &placement.entry).chain(&plan.link);
    let made: BTreeSet<&[u8]> = plan.make_dirs.iter().map(|entry| entry.path.as_bytes()).collect();
    // Sorted lists of what is nearly sorted: sets would be made path by path.
    let mut taken: Vec<&RelPath> = plan.make_dirs.iter().chain(files()).map(|entry| &entry.path).collect();
    taken.sort();
    if let Some([_, path]) = taken.array_windows().find(|[a, b]| a == b) {
        return Some(path);
    }
    let gone: BTreeSet<&[u8]> = plan
        .remove_files
        .iter()
        .chain(&plan.remove_dirs)
        .chain(files().map(|entry| &entry.path))
        .map(RelPath::as_bytes)
        .collect();
    let is_dir = |dir: &[u8]| made.contains(dir) || (is_live_dir(dir) && !gone.contains(dir));
    // Paths of one directory come one after the other.
    let mut last = None;
    for path in plan.make_dirs.iter().chain(files()).map(|entry| &entry.path) {
        let Some(dir) = path.parent().filter(|dir| last != Some(*dir)) else {
            continue;
        };
        if !is_dir(dir) {
            return Some(path);
        }
        last = Some(dir);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Placement;
    use super::*;
    use crate::snapshot::entry::{Entry, Node};

    fn entry(path: &str, node: Node) -> Entry {
        Entry {
            path: RelPath::new(path).unwrap(),
            mode: 0o755,
            mtime: 0,
            node,
            xattrs: Vec::new(),
        }
    }

    fn placed(path: &str) -> Placement {
        Placement {
            entry: entry(path, Node::Symlink(b"/etc".to_vec())),
            replaces: false,
        }
    }

    #[test]
    fn what_stands_beneath_no_directory_is_stray() {
        let found = |plan: &RootPlan| stray(plan, &|dir| dir == b"live").map(ToString::to_string);
        let mut plan = RootPlan {
            make_dirs: vec![entry("new", Node::Dir), entry("new/in", Node::Dir)],
            place: vec![placed("a"), placed("live/b"), placed("new/in/c")],
            ..RootPlan::default()
        };
        assert_eq!(found(&plan), None);
        plan.place.push(placed("a/passwd"));
        assert_eq!(found(&plan).as_deref(), Some("a/passwd"));
        plan.place.pop();
        plan.place.push(placed("elsewhere/x"));
        assert_eq!(found(&plan).as_deref(), Some("elsewhere/x"));
        plan.place.pop();
        plan.place.push(placed("a"));
        assert_eq!(found(&plan).as_deref(), Some("a"));
        plan.place.pop();
        plan.remove_dirs.push(RelPath::new("live").unwrap());
        assert_eq!(found(&plan).as_deref(), Some("live/b"));
    }
}
