//! What a checkout does, and above all what it must never do.

mod common;

use std::os::unix::fs::MetadataExt;

use common::{Sandbox, differing, picture};
use envgit::ops::Error;
use envgit::ops::checkout::CheckoutOptions;
use envgit::ops::commit::{CommitOptions, commit};
use envgit::ops::undo::{UndoOptions, undo};
use envgit::snapshot::root::{Kind, Policy};

fn options(rev: &str) -> CheckoutOptions {
    CheckoutOptions {
        rev: rev.to_owned(),
        ..CheckoutOptions::default()
    }
}

#[test]
fn an_unrecorded_state_is_saved_first_and_comes_back() {
    let sandbox = Sandbox::venv();
    sandbox.write("a", "one");
    sandbox.commit_tagged("v1");
    sandbox.write("a", "precious");
    sandbox.write("new/b", "also precious");
    let before = picture(&sandbox.env());
    let report = sandbox.checkout("v1");
    assert_eq!(sandbox.read("a"), "one");
    assert!(!sandbox.env().join("new").exists());
    let saved = report.autosave.expect("the state was in no commit").name;
    assert_eq!(saved, "autosave/1");
    let report = sandbox.checkout(&saved);
    assert_eq!(differing(&before, &picture(&sandbox.env())), Vec::<String>::new());
    assert!(report.autosave.is_none(), "v1 is a commit: nothing to save");
}

#[test]
fn discard_saves_nothing() {
    let sandbox = Sandbox::venv();
    sandbox.write("a", "one");
    sandbox.commit();
    sandbox.write("a", "two");
    let report = sandbox
        .try_checkout(&CheckoutOptions {
            discard: true,
            ..options("HEAD")
        })
        .unwrap();
    assert!(report.autosave.is_none());
    assert_eq!(sandbox.read("a"), "one");
}

#[test]
fn a_dry_run_tells_the_plan_and_changes_nothing() {
    let sandbox = Sandbox::venv();
    sandbox.write("keep", "same");
    sandbox.write("changed", "12345");
    sandbox.write("gone", "x");
    sandbox.commit_tagged("v1");
    sandbox.write("changed", "67");
    std::fs::remove_file(sandbox.env().join("gone")).unwrap();
    sandbox.write("extra", "y");
    let before = picture(&sandbox.env());
    let report = sandbox
        .try_checkout(&CheckoutOptions {
            dry_run: true,
            ..options("v1")
        })
        .unwrap();
    let plan = &report.plan.roots[0];
    assert_eq!((plan.added, plan.replaced, plan.removed, plan.bytes), (1, 1, 1, 6));
    assert_eq!(before, picture(&sandbox.env()));
    assert!(report.autosave.is_none());
}

#[test]
fn declining_the_plan_changes_nothing() {
    let sandbox = Sandbox::venv();
    sandbox.write("a", "one");
    sandbox.commit_tagged("v1");
    sandbox.write("a", "two");
    let mut session = sandbox.session();
    let outcome = envgit::ops::checkout::checkout(&mut session, &options("v1"), &mut |_| false);
    assert!(matches!(outcome, Err(Error::Declined)));
    assert_eq!(sandbox.read("a"), "two");
}

#[test]
fn tracked_roots_keep_what_no_commit_recorded() {
    let sandbox = Sandbox::new(Kind::Project, Policy::Tracked);
    sandbox.write("src/a.py", "1");
    sandbox.commit_tagged("v1");
    sandbox.write("src/b.py", "2");
    sandbox.commit_tagged("v2");
    sandbox.write("src/notes.txt", "mine");
    sandbox.write("scratch/x", "mine too");
    let report = sandbox.checkout("v1");
    let told = report.changes.roots.iter().flat_map(|root| &root.files);
    let told: Vec<String> = told.map(|change| change.path().to_string()).collect();
    assert_eq!(told, ["src/b.py"], "what stays is no change");
    assert!(!sandbox.env().join("src/b.py").exists(), "recorded, and not in v1");
    assert_eq!(sandbox.read("src/notes.txt"), "mine");
    assert_eq!(sandbox.read("scratch/x"), "mine too");
}

#[test]
fn a_folder_of_new_files_makes_way_for_a_recorded_file() {
    for discard in [false, true] {
        let sandbox = Sandbox::new(Kind::Project, Policy::Tracked);
        sandbox.write("a", "recorded");
        sandbox.commit_tagged("v1");
        std::fs::remove_file(sandbox.env().join("a")).unwrap();
        sandbox.write("a/deep/x", "mine");
        sandbox.write("notes", "mine too");
        let options = CheckoutOptions {
            discard,
            ..options("v1")
        };
        sandbox.try_checkout(&options).unwrap();
        assert_eq!([sandbox.read("a"), sandbox.read("notes")], ["recorded", "mine too"]);
        if !discard {
            sandbox.checkout("autosave/1");
            assert_eq!(sandbox.read("a/deep/x"), "mine");
        }
    }
}

#[test]
fn ignored_files_are_never_touched() {
    let sandbox = Sandbox::new(Kind::Project, Policy::Exact);
    sandbox.write("data/a", "1");
    sandbox.commit_tagged("with-data");
    std::fs::remove_dir_all(sandbox.env().join("data")).unwrap();
    sandbox.write("x", "1");
    sandbox.commit_tagged("without");
    sandbox.checkout("with-data");
    sandbox.write("data/run.log", "ignored by the default .snapignore");
    sandbox.checkout("without");
    assert_eq!(sandbox.read("data/run.log"), "ignored by the default .snapignore");
    assert!(!sandbox.env().join("data/a").exists());
    assert!(
        sandbox.status().changes.roots.iter().all(|root| root.files.len() == 1),
        "only the folder that had to stay"
    );
}

#[test]
fn what_no_commit_holds_is_not_overwritten_unless_discarded() {
    let sandbox = Sandbox::new(Kind::Project, Policy::Tracked);
    sandbox.write(".snapignore", "");
    sandbox.write("run.log", "recorded");
    sandbox.commit_tagged("logged");
    std::fs::remove_file(sandbox.env().join("run.log")).unwrap();
    sandbox.write(".snapignore", "*.log\n");
    sandbox.commit_tagged("ignoring");
    sandbox.write("run.log", "precious and ignored");
    let error = sandbox.try_checkout(&options("logged")).unwrap_err();
    let Error::InTheWay { paths } = &error else {
        panic!("{error}")
    };
    assert_eq!(paths, &["env:run.log"]);
    assert_eq!(sandbox.read("run.log"), "precious and ignored");
    assert_eq!(sandbox.read(".snapignore"), "*.log\n", "nothing was changed");
    let discarding = CheckoutOptions {
        discard: true,
        ..options("logged")
    };
    sandbox.try_checkout(&discarding).unwrap();
    assert_eq!(sandbox.read("run.log"), "recorded");
}

#[test]
fn what_is_ignored_only_now_is_kept_where_the_target_has_no_such_rule() {
    for policy in [Policy::Tracked, Policy::Exact] {
        let sandbox = Sandbox::new(Kind::Project, policy);
        sandbox.write(".snapignore", "");
        sandbox.write("build/a.o", "recorded");
        sandbox.commit_tagged("old");
        std::fs::remove_dir_all(sandbox.env().join("build")).unwrap();
        sandbox.write(".snapignore", "build/\n*.log\n");
        sandbox.commit_tagged("new");
        sandbox.write("run.log", "mine");
        sandbox.write("build/new.o", "mine");
        sandbox.checkout("old");
        let read = |path| sandbox.read(path);
        assert_eq!((read("run.log"), read("build/new.o")), ("mine".into(), "mine".into()));
        assert_eq!(read("build/a.o"), "recorded");
        let changes = sandbox.status().changes.roots;
        assert_eq!(changes[0].files.len(), 2, "new to the rules of that time: {changes:?}");
    }
}

#[test]
fn a_rule_that_no_commit_holds_does_not_keep_a_checkout_from_ending() {
    let sandbox = Sandbox::new(Kind::Project, Policy::Tracked);
    std::fs::remove_file(sandbox.env().join(".snapignore")).unwrap();
    sandbox.write("build/a.o", "1");
    sandbox.commit_tagged("v1");
    sandbox.write("build/a.o", "2");
    sandbox.commit_tagged("v2");
    sandbox.write(".snapignore", "build/\n.snapignore\n");
    let error = sandbox.try_checkout(&options("v1")).unwrap_err();
    assert!(matches!(error, Error::InTheWay { .. }), "{error}");
    std::fs::remove_dir_all(sandbox.env().join("build")).unwrap();
    sandbox.checkout("v1");
    assert_eq!(sandbox.read("build/a.o"), "1");
}

#[test]
fn a_checkout_that_cannot_be_finished_is_given_up_when_all_is_discarded() {
    use envgit::apply::journal::Journal;
    let sandbox = Sandbox::venv();
    sandbox.write("a", "1");
    let target = sandbox.commit_tagged("v1").commit.unwrap();
    sandbox.write("a", "2");
    sandbox.commit();
    let journal = Journal {
        target: target.to_string(),
        name: "v1".to_owned(),
        branch: None,
        forward: false,
        partial: true,
        before: None,
        roots: vec!["gone".to_owned()],
        paths: vec![],
        exact: Default::default(),
        ignored: Default::default(),
        cwd: sandbox.project(),
    };
    let path = sandbox.repo_dir().join("journal/checkout.json");
    journal.seal(&path).unwrap();
    sandbox.try_checkout(&options("HEAD")).unwrap_err();
    assert!(path.exists(), "what was begun is not forgotten by itself");
    let discarding = CheckoutOptions {
        discard: true,
        ..options("HEAD")
    };
    sandbox.try_checkout(&discarding).unwrap();
    assert!(!path.exists());
    assert_eq!(sandbox.read("a"), "2");
    sandbox.commit();
}

#[test]
fn files_shared_with_a_package_cache_are_replaced_never_written() {
    let sandbox = Sandbox::venv();
    let cache = sandbox.dir.path().join("pkgs");
    std::fs::create_dir(&cache).unwrap();
    std::fs::write(cache.join("lib.so"), "cached bytes").unwrap();
    std::fs::hard_link(cache.join("lib.so"), sandbox.env().join("lib.so")).unwrap();
    sandbox.commit_tagged("linked");
    sandbox.write("lib.so", "other bytes!");
    sandbox.commit_tagged("own");
    std::fs::remove_file(sandbox.env().join("lib.so")).unwrap();
    std::fs::hard_link(cache.join("lib.so"), sandbox.env().join("lib.so")).unwrap();
    let time = cache.join("lib.so").metadata().unwrap().mtime_nsec();
    sandbox.checkout("own");
    assert_eq!(std::fs::read_to_string(cache.join("lib.so")).unwrap(), "cached bytes");
    assert_eq!(cache.join("lib.so").metadata().unwrap().mtime_nsec(), time);
    assert_eq!(sandbox.read("lib.so"), "other bytes!");
}

#[test]
fn a_mode_change_of_a_shared_file_leaves_the_other_name_alone() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::venv();
    sandbox.write("tool", "#!/bin/sh\n");
    std::fs::set_permissions(sandbox.env().join("tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.commit_tagged("executable");
    std::fs::set_permissions(sandbox.env().join("tool"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let outside = sandbox.dir.path().join("outside");
    std::fs::hard_link(sandbox.env().join("tool"), &outside).unwrap();
    sandbox.checkout("executable");
    assert_eq!(sandbox.env().join("tool").metadata().unwrap().mode() & 0o777, 0o755);
    assert_eq!(outside.metadata().unwrap().mode() & 0o777, 0o644);
}

#[test]
fn nothing_is_restored_through_a_symlink() {
    let sandbox = Sandbox::venv();
    sandbox.write("lib/a", "1");
    sandbox.commit_tagged("v1");
    let outside = sandbox.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("a"), "not mine to touch").unwrap();
    std::fs::remove_dir_all(sandbox.env().join("lib")).unwrap();
    std::os::unix::fs::symlink(&outside, sandbox.env().join("lib")).unwrap();
    sandbox.checkout("v1");
    assert_eq!(std::fs::read_to_string(outside.join("a")).unwrap(), "not mine to touch");
    assert!(sandbox.env().join("lib").symlink_metadata().unwrap().is_dir());
    assert_eq!(sandbox.read("lib/a"), "1");
}

#[test]
fn a_part_comes_back_and_head_stays() {
    let sandbox = Sandbox::venv();
    sandbox.write("lib/a", "1");
    sandbox.write("bin/b", "1");
    sandbox.commit_tagged("v1");
    sandbox.write("lib/a", "2");
    sandbox.write("bin/b", "2");
    let second = sandbox.commit();
    let report = sandbox
        .try_checkout(&CheckoutOptions {
            paths: vec!["env:lib".to_owned()],
            ..options("v1")
        })
        .unwrap();
    assert!(report.partial);
    assert_eq!(report.head.commit, second.commit);
    assert_eq!(
        (sandbox.read("lib/a"), sandbox.read("bin/b")),
        ("1".to_owned(), "2".to_owned())
    );
}

#[test]
fn damage_in_a_layer_names_the_files_and_changes_nothing() {
    let sandbox = Sandbox::venv();
    let noise: Vec<u8> = (0..200_000u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    sandbox.write("lib/big.bin", &noise);
    sandbox.write("lib/other", "fine");
    sandbox.commit_tagged("v1");
    sandbox.write("lib/big.bin", "small");
    sandbox.write("lib/other", "changed");
    sandbox.commit();
    let layers = sandbox.repo_dir().join("layers");
    let largest = std::fs::read_dir(layers).unwrap().map(|e| e.unwrap().path());
    let largest = largest.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&largest, bytes).unwrap();
    let before = picture(&sandbox.env());
    // Pins would be enough, where there was time to make them.
    let from_layers = CheckoutOptions {
        without_pins: true,
        ..options("v1")
    };
    let error = sandbox.try_checkout(&from_layers).unwrap_err();
    let Error::Lost { paths, reason } = &error else {
        panic!("{error}")
    };
    assert_eq!(paths, &["env:lib/big.bin"]);
    assert!(
        reason.contains(
            largest
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .split('.')
                .next()
                .unwrap()
        ),
        "{reason}"
    );
    assert_eq!(before, picture(&sandbox.env()));
    assert!(!sandbox.env().join(".envgit-stage").exists());
}

#[test]
fn a_root_that_is_gone_is_brought_back() {
    let sandbox = Sandbox::venv();
    sandbox.write("lib/a", "1");
    sandbox.commit_tagged("v1");
    let before = picture(&sandbox.env());
    std::fs::remove_dir_all(sandbox.env()).unwrap();
    assert!(envgit::ops::diff::status(&mut sandbox.session()).is_err());
    sandbox.checkout("v1");
    assert_eq!(differing(&before, &picture(&sandbox.env())), Vec::<String>::new());
}

#[test]
fn a_commit_away_from_a_branch_starts_one_named_from_the_place() {
    let sandbox = Sandbox::venv();
    sandbox.write("a", "1");
    sandbox.commit_tagged("pre-upgrade-torch29");
    sandbox.write("a", "2");
    sandbox.commit();
    sandbox.checkout("pre-upgrade-torch29");
    sandbox.write("a", "3");
    let report = sandbox.commit();
    assert_eq!(report.branch.as_deref(), Some("pre-upgrade-torch29-1"));
    assert!(report.started_branch);
    sandbox.checkout("pre-upgrade-torch29");
    sandbox.write("a", "4");
    assert_eq!(sandbox.commit().branch.as_deref(), Some("pre-upgrade-torch29-2"));
    sandbox.checkout("main~1");
    sandbox.write("a", "5");
    let branch = sandbox.commit().branch.unwrap();
    assert!(
        branch.ends_with("-1") && branch.len() == 10,
        "named from the short id: {branch}"
    );
}

#[test]
fn an_interrupted_checkout_is_finished_by_the_next_command() {
    use envgit::apply::journal::Journal;
    let sandbox = Sandbox::venv();
    sandbox.write("a", "1");
    sandbox.write("b", "1");
    let target = sandbox.commit_tagged("v1").commit.unwrap();
    let wanted = picture(&sandbox.env());
    sandbox.write("a", "2");
    sandbox.write("b", "2");
    sandbox.commit();
    // As a crash between two renames leaves it: sealed, half swapped, the stage still there.
    let journal = Journal {
        target: target.to_string(),
        name: "v1".to_owned(),
        branch: None,
        forward: false,
        partial: false,
        before: None,
        roots: vec![],
        paths: vec![],
        exact: Default::default(),
        ignored: Default::default(),
        cwd: sandbox.project(),
    };
    journal.seal(&sandbox.repo_dir().join("journal/checkout.json")).unwrap();
    sandbox.write("a", "1");
    sandbox.write(".envgit-stage/0", "left over");
    let status = sandbox.status();
    assert!(status.changes.is_empty());
    assert_eq!(status.head.commit, Some(target));
    assert_eq!(differing(&wanted, &picture(&sandbox.env())), Vec::<String>::new());
    assert!(!sandbox.env().join(".envgit-stage").exists());
    assert!(!sandbox.repo_dir().join("journal/checkout.json").exists());
}

#[test]
fn holes_attributes_and_special_files() {
    let sandbox = Sandbox::venv();
    let sparse = std::fs::File::create(sandbox.env().join("sparse")).unwrap();
    sparse.set_len(20 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", (20 << 20) - 3).unwrap();
    drop(sparse);
    sandbox.write("tagged", "x");
    let has_xattrs = rustix::fs::setxattr(
        sandbox.env().join("tagged"),
        "user.origin",
        b"conda",
        rustix::fs::XattrFlags::empty(),
    );
    has_xattrs.expect("the temporary folder's file system keeps user attributes");
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.env().join("socket")).unwrap();
    let report = commit(&mut sandbox.session(), &CommitOptions::default()).unwrap();
    assert_eq!(report.skipped, ["env:socket"]);
    std::fs::remove_file(sandbox.env().join("sparse")).unwrap();
    sandbox.write("tagged", "y");
    sandbox.checkout("HEAD");
    let meta = sandbox.env().join("sparse").metadata().unwrap();
    assert_eq!(meta.len(), 20 << 20);
    assert!(meta.blocks() * 512 < 1 << 20, "{} blocks", meta.blocks());
    let mut value = [0; 16];
    let len = rustix::fs::getxattr(sandbox.env().join("tagged"), "user.origin", &mut value[..]).unwrap();
    assert_eq!(&value[..len], b"conda");
    assert!(sandbox.env().join("socket").exists(), "left alone");
}

/// As git's racy index: a write in the same tick of the clock as the last look, same length, is still seen.
#[test]
fn a_write_right_after_a_commit_is_seen() {
    let sandbox = Sandbox::venv();
    for round in 0..20 {
        sandbox.write("a", format!("{round:04}"));
        sandbox.commit();
        let path = sandbox.env().join("a");
        let time = path.metadata().unwrap().modified().unwrap();
        std::fs::write(&path, format!("{:04}", round + 5000)).unwrap();
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        assert!(!sandbox.status().changes.is_empty(), "round {round}");
    }
}

/// In a tracked root a file that HEAD does not have is somebody's own, unless what is undone brought it.
#[test]
fn what_a_part_of_a_checkout_brought_goes_when_it_is_undone() {
    let sandbox = Sandbox::new(Kind::Project, Policy::Tracked);
    sandbox.write("data/brought", "recorded in one");
    sandbox.write("data/both", "one");
    sandbox.commit_tagged("one");
    std::fs::remove_file(sandbox.env().join("data/brought")).unwrap();
    sandbox.write("data/both", "two");
    sandbox.commit_tagged("two");
    let before = picture(&sandbox.env());
    let part = CheckoutOptions {
        roots: vec!["env".to_owned()],
        paths: vec!["env:data".to_owned()],
        ..options("one")
    };
    sandbox.try_checkout(&part).unwrap();
    assert_eq!(sandbox.read("data/brought"), "recorded in one");
    sandbox.write("data/own", "nobody recorded it");
    undo(&mut sandbox.session(), &UndoOptions::default(), &mut |_| true).unwrap();
    assert_eq!(sandbox.read("data/own"), "nobody recorded it");
    std::fs::remove_file(sandbox.env().join("data/own")).unwrap();
    assert_eq!(differing(&picture(&sandbox.env()), &before), Vec::<String>::new());
    // Where it was there before, it stays.
    sandbox.write("data/brought", "recorded in one");
    let before = picture(&sandbox.env());
    sandbox.try_checkout(&part).unwrap();
    undo(&mut sandbox.session(), &UndoOptions::default(), &mut |_| true).unwrap();
    assert_eq!(differing(&picture(&sandbox.env()), &before), Vec::<String>::new());
    assert_eq!(sandbox.read("data/brought"), "recorded in one");
}

#[test]
fn a_link_above_what_is_asked_for_is_named() {
    let sandbox = Sandbox::venv();
    sandbox.write("lib/pkg/sub/f", "one");
    sandbox.commit_tagged("one");
    let pkg = sandbox.env().join("lib/pkg");
    std::fs::rename(&pkg, sandbox.env().join("lib/moved")).unwrap();
    std::os::unix::fs::symlink("moved", &pkg).unwrap();
    let before = picture(&sandbox.env());
    let part = CheckoutOptions {
        paths: vec!["env:lib/pkg/sub".to_owned()],
        ..options("one")
    };
    let error = sandbox.try_checkout(&part).unwrap_err();
    assert!(
        error.to_string().starts_with("env:lib/pkg is no folder here"),
        "{error}"
    );
    assert_eq!(differing(&picture(&sandbox.env()), &before), Vec::<String>::new());
}
