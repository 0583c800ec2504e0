//! Looking again at what was touched tells what listing everything anew tells.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::capture::ignored::Ignored;
use crate::capture::recognize::Recorded;
use crate::digest::Digest;
use crate::progress::Silent;
use crate::snapshot::content::Verbatim;
use crate::snapshot::filelist;
use crate::snapshot::root::{Kind, Policy, Root};
use crate::snapshot::unit::UnitName;

fn root_at(path: &Path) -> Root {
    Root {
        name: "env".parse().unwrap(),
        path: path.to_owned(),
        kind: Kind::Project,
        policy: Policy::Exact,
        base: None,
    }
}

fn rules(root: &Path) -> Rules {
    Rules {
        ignored: Ignored::load(root).unwrap(),
        excluded: BTreeSet::new(),
        configs: None,
        form: Arc::new(Verbatim),
    }
}

fn scan(path: &Path) -> LiveRoot {
    complete(LiveRoot::scan(&root_at(path), &rules(path), None, &Written::new(), 2).unwrap())
}

fn complete(mut live: LiveRoot) -> LiveRoot {
    assert!(live.hash_pending(2, &Silent).is_empty());
    live.finish();
    live
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// What can be compared of two looks: how young stamps are differs.
fn told(live: &LiveRoot) -> (Vec<(Entry, Stamp)>, Vec<RelPath>, Vec<RelPath>) {
    let stamps = live.state.marks.iter().map(|mark| mark.stamp);
    let entries: Vec<_> = live.state.entries.iter().cloned().zip(stamps).collect();
    (entries, live.special.clone(), live.skipped.clone())
}

/// A change of the tree: which name, and to what.
#[derive(Clone, Debug)]
enum Edit {
    Write(usize, u8),
    Chmod(usize, u32),
    Mkdir(usize),
    Symlink(usize, usize),
    Link(usize, usize),
    Fifo(usize),
    Remove(usize),
    Rename(usize, usize),
}

/// `skipped*` is ignored. Names are few, so that edits meet.
const NAMES: [&str; 14] = [
    "a",
    "a-b",
    "a/b",
    "a/b/c",
    "a/b/c/d",
    "a/skipped",
    "b",
    "b/x",
    "b/y",
    "c",
    "skipped",
    "skipped/x",
    "b/z/deep",
    "b/z",
];

fn edit() -> impl Strategy<Value = Edit> {
    let name = || 0..NAMES.len();
    prop_oneof![
        4 => (name(), any::<u8>()).prop_map(|(at, byte)| Edit::Write(at, byte)),
        1 => (name(), prop_oneof![Just(0o600), Just(0o755)]).prop_map(|(at, mode)| Edit::Chmod(at, mode)),
        3 => name().prop_map(Edit::Mkdir),
        2 => (name(), name()).prop_map(|(at, to)| Edit::Symlink(at, to)),
        2 => (name(), name()).prop_map(|(at, to)| Edit::Link(at, to)),
        1 => name().prop_map(Edit::Fifo),
        3 => name().prop_map(Edit::Remove),
        2 => (name(), name()).prop_map(|(at, to)| Edit::Rename(at, to)),
    ]
}

/// Performs what can be performed; nothing goes through a symlink that matters, for the target is a name of the tree.
fn perform(root: &Path, edit: &Edit) {
    let at = |number: &usize| root.join(NAMES[*number]);
    let clear = |path: &Path| {
        let _ = std::fs::remove_file(path);
        let _ = std::fs::remove_dir_all(path);
    };
    let _ = match edit {
        Edit::Write(name, byte) => {
            // A fifo that nobody reads is not waited for.
            let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
            let file = std::fs::OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .custom_flags(flags)
                .open(at(name));
            file.and_then(|mut file| file.write_all(&[*byte; 5]))
        }
        Edit::Chmod(name, mode) => {
            let path = at(name);
            let is_link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
            let mode = if path.is_dir() { mode | 0o700 } else { *mode };
            match is_link {
                true => Ok(()),
                false => std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)),
            }
        }
        Edit::Mkdir(name) => std::fs::create_dir(at(name)),
        Edit::Symlink(name, to) => {
            clear(&at(name));
            std::os::unix::fs::symlink(at(to), at(name))
        }
        // No checkout touches what is ignored, nor takes a name of a file that is.
        Edit::Link(name, to) | Edit::Rename(name, to)
            if NAMES[*name].contains("skipped") || NAMES[*to].contains("skipped") =>
        {
            Ok(())
        }
        Edit::Link(name, to) => std::fs::hard_link(at(to), at(name)),
        Edit::Fifo(name) => {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, at(name), rustix::fs::FileType::Fifo, mode, 0).map_err(Into::into)
        }
        Edit::Remove(name) => {
            clear(&at(name));
            Ok(())
        }
        Edit::Rename(name, to) => std::fs::rename(at(name), at(to)),
    };
}

/// All that is there, with what changes when it is touched.
fn all(root: &Path) -> std::collections::BTreeMap<RelPath, (u64, i64, i64, u64, u32)> {
    fn walk(root: &Path, dir: PathBuf, found: &mut std::collections::BTreeMap<RelPath, (u64, i64, i64, u64, u32)>) {
        for item in std::fs::read_dir(dir).unwrap() {
            let full = item.unwrap().path();
            let meta = full.symlink_metadata().unwrap();
            let rel = full.strip_prefix(root).unwrap().as_os_str().as_encoded_bytes();
            let told = (meta.ino(), meta.ctime(), meta.ctime_nsec(), meta.nlink(), meta.mode());
            found.insert(RelPath::new(rel).unwrap(), told);
            if meta.is_dir() {
                walk(root, full, found);
            }
        }
    }
    let mut found = std::collections::BTreeMap::new();
    walk(root, root.to_owned(), &mut found);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn it_tells_what_a_whole_listing_tells(
        before in prop::collection::vec(edit(), 0..25),
        edits in prop::collection::vec(edit(), 1..8),
        whole in prop::collection::vec(0..NAMES.len(), 0..3),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join(".snapignore"), "skipped\n").unwrap();
        for edit in &before {
            perform(&root, edit);
        }
        // The clock of files ticks: what happens from here on shows in a ctime.
        std::thread::sleep(TICK);
        let (seen, then) = (numbered(scan(&root)), all(&root));
        let (also_seen, stood) = (numbered(scan(&root)), numbered(scan(&root)));
        for edit in &edits {
            perform(&root, edit);
        }
        let now = all(&root);
        // As a checkout names them: what differs, but for other names of a file, which the look itself must find.
        let differs = |path: &&RelPath| {
            let (then, now) = (then.get(*path), now.get(*path));
            let without = |told: Option<&(u64, i64, i64, u64, u32)>| told.map(|told| (told.0, told.4));
            match then.is_some_and(|then| then.3 > 1) && then.zip(now).is_some_and(|(then, now)| then.3 != now.3) {
                true => without(then) != without(now),
                false => then != now,
            }
        };
        let mut paths: BTreeSet<RelPath> = then.keys().chain(now.keys()).filter(differs).cloned().collect();
        let above: Vec<RelPath> = paths.iter().filter_map(|path| RelPath::new(path.parent()?).ok()).collect();
        paths.extend(above);
        let mut trees: Vec<RelPath> = whole.iter().map(|at| path(NAMES[*at])).collect();
        trees.sort();
        trees.dedup();
        let outer = trees.clone();
        trees.retain(|tree| !outer.iter().any(|dir| dir != tree && tree.is_within(dir.as_bytes())));
        let touched = Touched { trees, paths };
        let look = |seen: LiveRoot| {
            let mut again = seen.look_again(&rules(&root), Some(&touched), &Written::new(), 2).unwrap();
            assert!(again.hash_pending(2, &Silent).is_empty());
            again
        };
        let (mut again, mut other, fresh) = (look(seen), look(also_seen), numbered(scan(&root)));
        prop_assert_eq!(told(&again), told(&fresh), "{:?}", touched);
        // It is in the state in which it is, and in none that differs.
        let lists = lists(&fresh, &stood);
        let mut otherwise = lists.clone();
        if let Some((_, entries)) = otherwise.first_mut() {
            entries[0].mtime += 1;
            prop_assert!(!again.recognize(recorded(&fresh, &otherwise)));
        }
        // What was looked at anew in a unit that is as it was could be other than recorded: no list of it is at hand.
        let is_in_question = touches_a_unit_that_stays(&again, &fresh);
        prop_assert_eq!(again.recognize(recorded(&fresh, &lists)), !is_in_question);
        again.finish();
        prop_assert_eq!(units_by_path(&again), units_by_path(&fresh));
        if other.recognize(recorded(&stood, &[])) {
            prop_assert_eq!(other.state.entries, stood.state.entries);
        }
    }
}

/// Each unit gets a number that stands for its list.
fn numbered(mut live: LiveRoot) -> LiveRoot {
    let lists = lists_of(&live);
    for (unit, (_, entries)) in live.state.units.iter_mut().zip(&lists) {
        let digest = Digest::of(&filelist::encode(entries));
        unit.id = digest.as_bytes().first_chunk().copied();
    }
    live
}

fn lists_of(live: &LiveRoot) -> Vec<(UnitName, Vec<Entry>)> {
    let units = (0u32..).zip(&live.state.units);
    let lists = units.map(|(at, unit)| (unit.name.clone(), live.unit(at).cloned().collect()));
    lists.collect()
}

/// The units that are not as they were.
fn lists(live: &LiveRoot, before: &LiveRoot) -> Vec<(UnitName, Vec<Entry>)> {
    let mut lists = lists_of(live);
    let ids: BTreeSet<_> = before.state.units.iter().map(|unit| unit.id).collect();
    let mut stayed = live.state.units.iter().map(|unit| ids.contains(&unit.id));
    lists.retain(|_| stayed.next() == Some(false));
    lists
}

/// Whether an entry was looked at anew whose unit has the list that it had.
fn touches_a_unit_that_stays(again: &LiveRoot, fresh: &LiveRoot) -> bool {
    let units = &again.state.units;
    let mut touched = again.dirty.units.iter().filter_map(|at| units.get(*at as usize));
    touched.any(|unit| fresh.state.units.contains(unit))
}

fn recorded<'a>(live: &LiveRoot, lists: &'a [(UnitName, Vec<Entry>)]) -> Recorded<'a> {
    let state = &live.state;
    Recorded {
        units: state.units.clone(),
        lists,
        packages: state.packages.clone(),
        promises: state.promises.clone(),
        binaries: state.binaries.clone(),
        conda_history: state.conda_history.clone(),
        python: state.python.clone(),
    }
}

fn units_by_path(live: &LiveRoot) -> Vec<(RelPath, UnitName)> {
    let state = &live.state;
    let entries = state.entries.iter().zip(&state.unit_of);
    let named = entries.map(|(entry, unit)| (entry.path.clone(), state.units[*unit as usize].name.clone()));
    named.collect()
}

/// `a` gets the mode that it has, and `b` goes, so that the state is another.
#[test]
fn a_unit_that_was_touched_and_has_the_list_that_it_had_is_not_recognized_but_found_anew() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("a")).unwrap();
    std::fs::create_dir(dir.path().join("b")).unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(dir.path().join("a"), mode.clone()).unwrap();
    std::thread::sleep(TICK);
    let seen = numbered(scan(dir.path()));
    std::fs::remove_dir(dir.path().join("b")).unwrap();
    std::fs::set_permissions(dir.path().join("a"), mode).unwrap();
    let fresh = numbered(scan(dir.path()));
    let lists = lists(&fresh, &seen);
    let touched = Touched {
        trees: Vec::new(),
        paths: BTreeSet::from([path("a"), path("b")]),
    };
    let mut again = seen
        .look_again(&rules(dir.path()), Some(&touched), &Written::new(), 2)
        .unwrap();
    assert!(touches_a_unit_that_stays(&again, &fresh));
    assert!(!again.recognize(recorded(&fresh, &lists)));
    again.finish();
    assert_eq!(units_by_path(&again), units_by_path(&fresh));
}

/// What is known of compiled files is not part of what a state that was recorded tells: they are read when it is needed.
#[test]
fn compiled_files_of_a_state_that_is_there_again_are_read_when_something_changes() {
    let dir = tempfile::tempdir().unwrap();
    let root = Root {
        kind: Kind::Venv,
        ..root_at(dir.path())
    };
    let rules = rules(dir.path());
    let look = |seen: LiveRoot, touched: &str| {
        let touched = Touched {
            trees: Vec::new(),
            paths: BTreeSet::from([path(touched)]),
        };
        let mut again = seen.look_again(&rules, Some(&touched), &Written::new(), 2).unwrap();
        assert!(again.hash_pending(2, &Silent).is_empty());
        again
    };
    let scan = || {
        numbered(complete(
            LiveRoot::scan(&root, &rules, None, &Written::new(), 2).unwrap(),
        ))
    };
    let elves =
        |live: &LiveRoot| -> Vec<String> { live.state.elves.iter().map(|(path, _)| path.to_string()).collect() };
    std::fs::write(dir.path().join("other"), "one").unwrap();
    let library = dir.path().join("x.so");
    std::fs::write(
        &library,
        "no library, but as long as the shortest one is, and some bytes more",
    )
    .unwrap();
    std::thread::sleep(TICK);
    let seen = scan();
    assert_eq!(elves(&seen), Vec::<String>::new());
    std::fs::copy("/proc/self/exe", &library).unwrap();
    std::thread::sleep(TICK);
    let fresh = scan();
    assert_eq!(elves(&fresh), ["x.so"]);

    let lists = lists(&fresh, &seen);
    let mut again = look(seen, "x.so");
    assert!(again.recognize(recorded(&fresh, &lists)));
    again.finish();
    assert_eq!((elves(&again), &again.state.binaries), (vec![], &fresh.state.binaries));
    std::fs::write(dir.path().join("other"), "two").unwrap();
    let mut later = look(again, "other");
    later.finish();
    assert_eq!((elves(&later), later.state.unread.len()), (vec!["x.so".to_owned()], 0));
    assert_eq!(later.state.binaries, fresh.state.binaries);
}

#[test]
fn what_is_ignored_otherwise_is_looked_for_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), "a").unwrap();
    std::fs::write(dir.path().join("b"), "b").unwrap();
    std::fs::write(dir.path().join(".snapignore"), "b\n").unwrap();
    let seen = scan(dir.path());
    assert_eq!(seen.skipped, [path("b")]);
    std::fs::write(dir.path().join(".snapignore"), "a\n").unwrap();
    let touched = Touched {
        trees: Vec::new(),
        paths: BTreeSet::from([path(".snapignore")]),
    };
    let again = seen
        .look_again(&rules(dir.path()), Some(&touched), &Written::new(), 2)
        .unwrap();
    assert_eq!(again.skipped, [path("a")]);
    assert!(again.entry(b"b").is_some() && again.entry(b"a").is_none());
}

/// A look at files that were written so lately that they count as possibly written again.
fn scan_young(path: &Path) -> LiveRoot {
    loop {
        std::fs::create_dir_all(path.join("d")).unwrap();
        for name in ["d/known", "d/other"] {
            let _ = std::fs::remove_file(path.join(name));
            std::fs::write(path.join(name), "known").unwrap();
        }
        let live = scan(path);
        if live.state.marks.iter().all(|mark| mark.racy) {
            return live;
        }
    }
}

#[test]
fn what_a_checkout_wrote_is_trusted_once_the_clock_has_ticked() {
    let dir = tempfile::tempdir().unwrap();
    let written = |live: &LiveRoot| {
        let known = live.entry(b"d/known").unwrap().clone();
        Written::from_iter([(known, live.mark(b"d/known").unwrap().stamp.ino)])
    };
    let racy = |live: &LiveRoot| -> Vec<bool> { live.state.marks.iter().map(|mark| mark.racy).collect() };
    let mut live = scan_young(dir.path());
    live.outlast_doubt(&written(&live));
    assert_eq!(racy(&live), [false, false, true]);

    let mut live = scan_young(dir.path());
    let written = written(&live);
    std::thread::sleep(TICK);
    std::fs::write(dir.path().join("d/known"), "never").unwrap();
    live.outlast_doubt(&written);
    assert_eq!(racy(&live), [false, true, true]);
}
