//! What pins may do, and what they must not.

mod common;

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use common::{Sandbox, differing, picture};

fn settle() {
    // Old enough to be told from later writes.
    std::thread::sleep(Duration::from_millis(40));
}

/// Two states of a folder with some files, at the second.
fn two(sandbox: &Sandbox) {
    for version in ["one", "two"] {
        for n in 0..6 {
            sandbox.write(&format!("lib/d{}/f{n}", n % 2), format!("{version} {n}").repeat(20));
        }
        settle();
        sandbox.commit_tagged(version);
    }
}

#[test]
fn going_back_copies_nothing() {
    let sandbox = Sandbox::venv();
    let ino = |path: &str| sandbox.env().join(path).metadata().unwrap().ino();
    sandbox.write("lib/d/f", "one");
    sandbox.write("lib/d/g", "one");
    settle();
    sandbox.commit_tagged("one");
    let before = ["lib/d/f", "lib/d/g"].map(ino);
    let tree = picture(&sandbox.env());
    sandbox.write("lib/d/f", "two");
    sandbox.write("lib/d/g", "two");
    settle();
    sandbox.commit_tagged("two");
    for _ in 0..3 {
        sandbox.checkout("one");
        assert_eq!(["lib/d/f", "lib/d/g"].map(ino), before);
        assert_eq!(differing(&picture(&sandbox.env()), &tree), Vec::<String>::new());
        sandbox.checkout("two");
        assert_ne!(["lib/d/f", "lib/d/g"].map(ino), before);
        assert_eq!(sandbox.read("lib/d/f"), "two");
    }
}

#[test]
fn a_pin_whose_inode_was_written_to_is_not_used() {
    for goes in [false, true] {
        let sandbox = Sandbox::venv();
        two(&sandbox);
        sandbox.checkout("one");
        let path = sandbox.env().join("lib/d0/f0");
        let meta = path.metadata().unwrap();
        let right = std::fs::read(&path).unwrap();
        // In place, of the same length, with the time put back.
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"XXX", 0).unwrap();
        file.set_modified(meta.modified().unwrap()).unwrap();
        drop(file);
        if goes {
            std::fs::remove_file(&path).unwrap();
        }
        settle();
        sandbox.checkout("two");
        sandbox.checkout("one");
        assert_eq!(std::fs::read(&path).unwrap(), right);
    }
}

#[test]
fn equal_files_stay_two() {
    let sandbox = Sandbox::venv();
    sandbox.write("a", "same");
    settle();
    sandbox.commit_tagged("one");
    // The inode that is pinned as `a` is live as `b`.
    std::fs::rename(sandbox.env().join("a"), sandbox.env().join("b")).unwrap();
    std::fs::copy(sandbox.env().join("b"), sandbox.env().join("a")).unwrap();
    let time = sandbox.env().join("b").metadata().unwrap().modified().unwrap();
    let copy = std::fs::File::options()
        .write(true)
        .open(sandbox.env().join("a"))
        .unwrap();
    copy.set_modified(time).unwrap();
    settle();
    sandbox.commit_tagged("both");
    std::fs::remove_file(sandbox.env().join("a")).unwrap();
    sandbox.commit_tagged("b");
    sandbox.checkout("both");
    let ino = |name: &str| sandbox.env().join(name).metadata().unwrap().ino();
    assert_ne!(ino("a"), ino("b"));
}

#[test]
fn pins_may_go_at_any_time() {
    let sandbox = Sandbox::venv();
    two(&sandbox);
    let tree = picture(&sandbox.env());
    sandbox.checkout("one");
    std::fs::remove_dir_all(sandbox.repo_dir().join("cache")).unwrap();
    sandbox.checkout("two");
    assert_eq!(differing(&picture(&sandbox.env()), &tree), Vec::<String>::new());
}
