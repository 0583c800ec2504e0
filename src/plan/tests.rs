//! Plans are tested on values: performed on a naive model of a tree they give the target.

use super::*;
use crate::digest::Digest;
use crate::snapshot::entry::{FileNode, PrefixUse};
use crate::snapshot::root::Policy;
use crate::snapshot::unit::UnitName;
use proptest::prelude::*;

type Tree = BTreeMap<RelPath, Entry>;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn entry(at: &str, node: Node, mode: u32, mtime: i64) -> Entry {
    Entry {
        path: path(at),
        mode,
        mtime,
        node,
        xattrs: vec![],
    }
}

fn file(content: &str) -> Node {
    Node::File(FileNode {
        size: content.len() as u64,
        digest: Digest::of(content.as_bytes()),
        prefix: PrefixUse::None,
        sparse: false,
        hardlink: None,
    })
}

fn changes(live: &Tree, target: &Tree) -> Vec<FileChange> {
    let paths: BTreeSet<_> = live.keys().chain(target.keys()).collect();
    let change = |path: &RelPath| {
        let (from, to) = (live.get(path).cloned(), target.get(path).cloned());
        let same = matches!((&from, &to), (Some(a), Some(b)) if a.same_state(b));
        (!same).then(|| FileChange {
            unit: UnitName::loose(path.as_bytes()),
            from,
            to,
        })
    };
    paths.into_iter().filter_map(change).collect()
}

fn plan_for(live: &Tree, target: &Tree, policy: Policy, recorded: &BTreeSet<RelPath>) -> Result<RootPlan, Blocked> {
    plan(Input {
        changes: &changes(live, target),
        stays: &|entry| policy == Policy::Tracked && !recorded.contains(&entry.path),
        shared: &|_| false,
        held: &BTreeSet::new(),
        directory: &|dir| live.get(dir).cloned(),
        stale_times: vec![],
    })
}

/// Performs a plan on a model, refusing what a file system would refuse.
fn perform(mut tree: Tree, plan: &RootPlan) -> Tree {
    for path in &plan.remove_files {
        assert!(!tree.remove(path).expect("is there").is_dir());
    }
    for dir in &plan.remove_dirs {
        assert!(tree.remove(dir).expect("is there").is_dir());
        assert!(!tree.keys().any(|p| p.is_within(dir.as_bytes())), "{dir} is not empty");
    }
    let has_parent = |tree: &Tree, path: &RelPath| path.parent().is_none_or(|p| tree.get(p).is_some_and(Entry::is_dir));
    let placed = || plan.place.iter().map(|placement| &placement.entry);
    let built = |number: usize, dir: &RelPath| {
        let mut built = Tree::new();
        for entry in plan.built_dirs().chain(placed()) {
            if plan.built_in(&entry.path).is_some_and(|(at, _)| at == number) {
                let in_place = entry.path == *dir || has_parent(&built, &entry.path);
                assert!(in_place && entry.path.is_within(dir.as_bytes()), "{}", entry.path);
                assert!(built.insert(entry.path.clone(), entry.clone()).is_none());
            }
        }
        built
    };
    for whole in plan.whole.iter().filter(|whole| plan.is_exchanged(whole)) {
        let (number, _) = plan.built_in(&whole.dir).expect("is built");
        assert!(tree[&whole.dir].is_dir());
        tree.retain(|path, _| !path.is_within(whole.dir.as_bytes()));
        tree.extend(built(number, &whole.dir));
    }
    for dir in &plan.make_dirs {
        match plan.built_in(&dir.path) {
            None => {
                assert!(has_parent(&tree, &dir.path), "{}", dir.path);
                assert!(tree.insert(dir.path.clone(), dir.clone()).is_none());
            }
            Some((number, [])) => {
                let within = |path: &RelPath| path.is_within(dir.path.as_bytes());
                assert!(has_parent(&tree, &dir.path) && !tree.keys().any(within), "{}", dir.path);
                tree.extend(built(number, &dir.path));
            }
            Some(_) => assert!(tree.contains_key(&dir.path)),
        }
    }
    for placement in &plan.place {
        let entry = &placement.entry;
        if plan.built_in(&entry.path).is_some() {
            assert_eq!(tree.get(&entry.path), Some(entry));
            continue;
        }
        assert!(has_parent(&tree, &entry.path), "{}", entry.path);
        let old = tree.insert(entry.path.clone(), entry.clone());
        assert_eq!(old.is_some(), placement.replaces);
        assert!(!old.is_some_and(|old| old.is_dir()));
    }
    for entry in &plan.retouch {
        assert!(
            tree.insert(entry.path.clone(), entry.clone())
                .unwrap()
                .same_content(entry)
        );
    }
    for entry in &plan.settle {
        assert!(
            tree.insert(entry.path.clone(), entry.clone()).unwrap().is_dir(),
            "{}",
            entry.path
        );
    }
    tree
}

/// Trees over a few paths in which every parent is a directory.
fn tree() -> impl Strategy<Value = Tree> {
    let kinds = proptest::collection::vec(0u8..6, 11);
    kinds.prop_map(|kinds| {
        let mut tree = Tree::new();
        let names = [
            "a", "a/x", "a/x/1", "a/x/2", "a/y", "a/z", "b", "b/x", "b/x/2", "c", "c/z",
        ];
        for (name, kind) in names.into_iter().zip(kinds) {
            let at = path(name);
            if !at.parent().is_none_or(|p| tree.get(p).is_some_and(Entry::is_dir)) {
                continue;
            }
            let node = match kind {
                0 => continue,
                1 | 2 => Node::Dir,
                3 => Node::Symlink(b"t".to_vec()),
                4 => file("one"),
                _ => file("two"),
            };
            tree.insert(at, entry(name, node, u32::from(kind % 2), i64::from(kind)));
        }
        tree
    })
}

proptest! {
    #[test]
    fn an_exact_plan_gives_the_target(live in tree(), target in tree()) {
        let mut plan = plan_for(&live, &target, Policy::Exact, &BTreeSet::new()).unwrap();
        let result = perform(live.clone(), &plan);
        prop_assert_eq!(changes(&result, &target), vec![]);
        plan.build_fresh(&|dir| live.get(dir).is_some_and(Entry::is_dir));
        let new: BTreeSet<RelPath> = plan.make_dirs.iter().map(|entry| entry.path.clone()).collect();
        let outermost = new.iter().filter(|dir| !dir.ancestors().any(|above| new.contains(above)));
        prop_assert_eq!(plan.fresh.iter().collect::<Vec<_>>(), outermost.collect::<Vec<_>>());
        prop_assert_eq!(perform(live, &plan), result);
    }

    #[test]
    fn directories_of_which_nothing_stays_are_built_anew(live in tree(), target in tree(), held in "a|a/x|b|none") {
        let mut plan = plan_for(&live, &target, Policy::Exact, &BTreeSet::new()).unwrap();
        let (told, result) = (plan.paths(), perform(live.clone(), &plan));
        let held: BTreeSet<RelPath> = [path(&held)].into();
        // What is in one folder at the top is one unit.
        let unit = |path: &RelPath| path.as_bytes()[0];
        let changed: BTreeSet<u8> = changes(&live, &target).iter().map(|change| unit(change.path())).collect();
        let entries: Vec<Entry> = live.values().cloned().collect();
        let differs = entries.iter().map(|entry| changed.contains(&unit(&entry.path))).collect();
        let goal = target.values().filter(|entry| changed.contains(&unit(&entry.path))).collect();
        plan.rebuild(&Ground { live: &entries, differs, goal, held: held.clone() });
        plan.build_fresh(&|dir| live.get(dir).is_some_and(Entry::is_dir));
        prop_assert_eq!(perform(live.clone(), &plan), result);
        prop_assert_eq!(plan.paths(), told, "what is told of it stays");
        for whole in plan.whole.iter().filter(|whole| plan.is_exchanged(whole)) {
            let beneath = |tree: &Tree| {
                let is_file = |(path, entry): &(&RelPath, &Entry)| path.is_within(whole.dir.as_bytes()) && !entry.is_dir();
                tree.iter().filter(is_file).map(|(path, entry)| (path.clone(), entry.clone())).collect::<Tree>()
            };
            let (before, after) = (beneath(&live), beneath(&target));
            prop_assert!(!held.contains(&whole.dir));
            prop_assert!(after.len() >= 2 && after.iter().all(|(path, entry)| before.get(path) != Some(entry)));
        }
    }

    #[test]
    fn a_tracked_plan_touches_nothing_that_was_never_recorded(
        live in tree(),
        target in tree(),
        recorded in proptest::collection::vec(any::<bool>(), 11),
    ) {
        let recorded: BTreeSet<RelPath> = live.keys().zip(recorded).filter(|(_, r)| *r).map(|(p, _)| p.clone()).collect();
        let Ok(plan) = plan_for(&live, &target, Policy::Tracked, &recorded) else { return Ok(()) };
        let result = perform(live.clone(), &plan);
        for (path, entry) in &live {
            if !recorded.contains(path) && !target.contains_key(path) && !entry.is_dir() {
                prop_assert_eq!(result.get(path), Some(entry));
            }
        }
        for (path, entry) in &target {
            prop_assert!(result.get(path).is_some_and(|e| e.same_state(entry)), "{}", path);
        }
    }
}

#[test]
fn shared_inodes_are_replaced_and_own_ones_retouched() {
    let live: Tree = [("f", 0)]
        .into_iter()
        .map(|(p, t)| (path(p), entry(p, file("x"), 0o644, t)))
        .collect();
    let target: Tree = [("f", 9)]
        .into_iter()
        .map(|(p, t)| (path(p), entry(p, file("x"), 0o644, t)))
        .collect();
    for shared in [false, true] {
        let plan = plan(Input {
            changes: &changes(&live, &target),
            stays: &|_| false,
            shared: &|_| shared,
            held: &BTreeSet::new(),
            directory: &|_| None,
            stale_times: vec![],
        })
        .unwrap();
        assert_eq!(
            (plan.retouch.len(), plan.place.len()),
            if shared { (0, 1) } else { (1, 0) }
        );
    }
}

#[test]
fn a_directory_with_ignored_files_stays_and_blocks_a_file() {
    let dir = |p: &str| (path(p), entry(p, Node::Dir, 0o755, 0));
    let live: Tree = [dir("d"), dir("d/e")].into();
    let held: BTreeSet<RelPath> = [path("d")].into();
    let input = |target: &Tree| {
        plan(Input {
            changes: &changes(&live, target),
            stays: &|_| false,
            shared: &|_| false,
            held: &held,
            directory: &|_| None,
            stale_times: vec![],
        })
    };
    let gone = input(&Tree::new()).unwrap();
    assert_eq!(gone.remove_dirs, [path("d/e")]);
    assert!(gone.kept.contains(&path("d")));
    let wants_file: Tree = [(path("d"), entry("d", file("x"), 0o644, 0))].into();
    assert_eq!(input(&wants_file), Err(Blocked(path("d"))));
}

#[test]
fn a_directory_is_built_anew_where_all_of_it_is_written_or_nearly_all() {
    let tree = |one: &str, spared: u64, mtime: i64| -> Tree {
        let mut entries = vec![
            entry("a", Node::Dir, 0o755, 0),
            entry("a/b", Node::Dir, 0o755, 0),
            entry("a/b/1", file(one), 0o644, mtime),
            entry("a/b/2", file(one), 0o644, mtime),
            entry("a/b/touched", file("x"), 0o644, mtime),
            entry("a/kept", file("kept"), 0o644, 0),
        ];
        if let Node::File(file) = &mut entries[4].node {
            file.size = spared;
        }
        entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect()
    };
    let rebuilt = |spared: u64| {
        let (live, target) = (
            tree("1".repeat(80).as_str(), spared, 1),
            tree("2".repeat(80).as_str(), spared, 2),
        );
        let mut plan = plan_for(&live, &target, Policy::Exact, &BTreeSet::new()).unwrap();
        let entries: Vec<Entry> = live.values().cloned().collect();
        plan.rebuild(&Ground {
            live: &entries,
            differs: vec![true, true, true, true, true, false],
            goal: target.values().collect(),
            held: BTreeSet::new(),
        });
        plan
    };
    let plan = rebuilt(20);
    assert_eq!(plan.fresh, [path("a/b")], "`a` has a file that stays");
    assert_eq!((plan.place.len(), plan.retouch.len()), (3, 1));
    assert_eq!(plan.whole[0].holds, 3);
    assert!(plan.settle.iter().any(|dir| dir.path == path("a")), "it has a new time");
    assert_eq!(rebuilt(21).fresh, [], "more than an eighth of what is written");
}

#[test]
fn what_stands_unseen_is_not_built_anew_and_long_paths_are_not_either() {
    let dir = |at: &str| entry(at, Node::Dir, 0o755, 0);
    let long = format!("long/{}/{}", "x".repeat(600), "y".repeat(600));
    let mut plan = RootPlan {
        make_dirs: ["a", "a/b", "a/c", "a-b", "long"].map(dir).into(),
        place: vec![Placement {
            entry: entry(&long, file("one"), 0o644, 0),
            replaces: false,
        }],
        ..RootPlan::default()
    };
    // `a` holds what is ignored.
    plan.build_fresh(&|dir| *dir == path("a"));
    assert_eq!(plan.fresh, ["a-b", "a/b", "a/c"].map(path));
    assert_eq!(plan.built_in(&path("a/b/x/1")), Some((1, &b"/x/1"[..])));
    assert_eq!(plan.built_in(&path("a-b")), Some((0, &b""[..])));
    assert_eq!(plan.built_in(&path("a/x")), None);
}
