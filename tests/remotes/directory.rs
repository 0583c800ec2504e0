//! A directory.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use envgit::remote::{Directory, Error, Transport};

use crate::contract::{contract, key, long_listing};

fn at(path: &Path) -> Directory {
    Directory::new(path.to_owned())
}

#[test]
fn keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let remote = at(&dir.path().join("remote"));
    contract(&remote);
    long_listing(&remote, 1200);
}

#[test]
fn what_others_put_there_and_drafts_are_no_objects() {
    let dir = tempfile::tempdir().unwrap();
    let remote = at(dir.path());
    remote.put(&key("a/x"), &&b"x"[..]).unwrap();
    for name in [".draft-abc", "with space", "ü", "desktop.ini~"] {
        std::fs::write(dir.path().join("a").join(name), "junk").unwrap();
    }
    let listed = remote.list(&key("a")).unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    // A folder is no object either.
    assert_eq!(remote.size(&key("a")).unwrap(), None);
    assert_eq!(remote.size(&key("a/x/y")).unwrap(), None);
}

#[test]
fn old_drafts_of_the_dead_are_removed_and_those_of_the_living_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let [old, new] = [".draft-old", ".draft-new"].map(|name| dir.path().join("a").join(name));
    std::fs::create_dir(dir.path().join("a")).unwrap();
    for path in [&old, &new] {
        std::fs::write(path, "half").unwrap();
    }
    let month_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(30 * 24 * 3600);
    std::fs::File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(month_ago)
        .unwrap();
    at(dir.path()).put(&key("a/x"), &&b"x"[..]).unwrap();
    assert!(!old.exists());
    assert!(new.exists());
}

#[test]
fn a_share_that_is_not_mounted_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let remote = at(&dir.path().join("share/team"));
    assert_eq!(remote.list(&key("a")).unwrap(), []);
    let error = remote.put(&key("a/x"), &&b"x"[..]).unwrap_err();
    assert!(matches!(error, Error::NoPlace { .. }), "{error:?}");
    assert!(error.to_string().contains("share/team"), "{error}");
    assert!(!dir.path().join("share").exists());
}

#[test]
fn files_are_readable_for_the_team() {
    let dir = tempfile::tempdir().unwrap();
    let remote = at(dir.path());
    remote.put(&key("a/x"), &&b"x"[..]).unwrap();
    remote.create(&key("a/y"), b"y").unwrap();
    for name in ["a/x", "a/y"] {
        let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o444, 0o444, "{name} has mode {mode:o}");
    }
}
