//! Random edits, commits and checkouts against a naive model: copies of what the tree looked like.

// A guard that makes room would hide that it changes the disk.
#![allow(clippy::collapsible_match)]

mod common;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use common::{Sandbox, differing, picture};
use envgit::snapshot::root::{Kind, Policy};
use proptest::prelude::*;

/// Paths that collide in every way: files that are directories elsewhere, odd bytes, deep and shallow.
const NAMES: [&[u8]; 10] = [
    b"a",
    b"a/b",
    b"a/b/c",
    b"a-b",
    b"lib/x.py",
    b"lib/x",
    b"lib",
    b"odd \n\\name",
    b"not-utf8-\xff",
    b"bin/tool",
];

#[derive(Clone, Debug)]
enum Edit {
    Write(usize, u8, u16),
    Append(usize, u8),
    MakeDir(usize),
    Symlink(usize, u8),
    HardLink(usize, usize),
    Remove(usize),
    Chmod(usize, bool),
    Touch(usize, u32),
    Rename(usize, usize),
    Commit,
    Checkout(usize),
    Status,
}

fn edit() -> impl Strategy<Value = Edit> {
    let n = 0..NAMES.len();
    prop_oneof![
        4 => (n.clone(), any::<u8>(), 0u16..3000).prop_map(|(a, b, c)| Edit::Write(a, b, c)),
        1 => (n.clone(), any::<u8>()).prop_map(|(a, b)| Edit::Append(a, b)),
        1 => n.clone().prop_map(Edit::MakeDir),
        1 => (n.clone(), 0u8..4).prop_map(|(a, b)| Edit::Symlink(a, b)),
        1 => (n.clone(), n.clone()).prop_map(|(a, b)| Edit::HardLink(a, b)),
        2 => n.clone().prop_map(Edit::Remove),
        1 => (n.clone(), any::<bool>()).prop_map(|(a, b)| Edit::Chmod(a, b)),
        1 => (n.clone(), any::<u32>()).prop_map(|(a, b)| Edit::Touch(a, b)),
        1 => (n.clone(), n).prop_map(|(a, b)| Edit::Rename(a, b)),
        3 => Just(Edit::Commit),
        3 => (0usize..6).prop_map(Edit::Checkout),
        1 => Just(Edit::Status),
    ]
}

/// Whether a name would lead through a symlink, and so perhaps out of the environment.
fn leads_through_a_link(env: &Path, n: usize) -> bool {
    let name = Path::new(std::ffi::OsStr::from_bytes(NAMES[n]));
    let mut folders = name.ancestors().skip(1);
    folders.any(|folder| {
        env.join(folder).symlink_metadata().is_ok_and(|meta| meta.is_symlink()) && folder != Path::new("")
    })
}

/// Performs an edit as a user might; one that the file system refuses does nothing.
fn perform(env: &Path, edit: &Edit) {
    let names: &[usize] = match edit {
        Edit::HardLink(from, to) | Edit::Rename(from, to) => &[*from, *to],
        Edit::Write(n, ..) | Edit::Append(n, _) | Edit::MakeDir(n) | Edit::Symlink(n, _) | Edit::Remove(n) => &[*n],
        Edit::Chmod(n, _) | Edit::Touch(n, _) => &[*n],
        Edit::Commit | Edit::Checkout(_) | Edit::Status => &[],
    };
    if names.iter().any(|n| leads_through_a_link(env, *n)) {
        return;
    }
    let at = |n: usize| env.join(std::ffi::OsStr::from_bytes(NAMES[n]));
    let remove = |path: &Path| match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path).unwrap(),
        Ok(_) => std::fs::remove_file(path).unwrap(),
        Err(_) => {}
    };
    let make_room = |path: &Path| {
        if std::fs::create_dir_all(path.parent().unwrap()).is_err() {
            return false;
        }
        remove(path);
        true
    };
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    match edit {
        Edit::Write(n, byte, len) => {
            if make_room(&at(*n)) {
                std::fs::write(at(*n), vec![*byte; usize::from(*len)]).unwrap();
            }
        }
        Edit::Append(n, byte) if is_file(&at(*n)) => {
            use std::io::Write;
            let mut file = std::fs::File::options().append(true).open(at(*n)).unwrap();
            file.write_all(&[*byte]).unwrap();
        }
        Edit::MakeDir(n) => {
            if make_room(&at(*n)) {
                std::fs::create_dir(at(*n)).unwrap();
            }
        }
        Edit::Symlink(n, target) => {
            if make_room(&at(*n)) {
                std::os::unix::fs::symlink(["a", "../..", "/etc/passwd", "nowhere"][usize::from(*target)], at(*n))
                    .unwrap();
            }
        }
        Edit::HardLink(from, to) if from != to && is_file(&at(*from)) => {
            let within = NAMES[*from].starts_with(NAMES[*to]);
            if !within && make_room(&at(*to)) && is_file(&at(*from)) {
                std::fs::hard_link(at(*from), at(*to)).unwrap();
            }
        }
        Edit::Remove(n) => remove(&at(*n)),
        Edit::Chmod(n, on) if at(*n).symlink_metadata().is_ok_and(|m| !m.is_symlink()) => {
            let mode = if *on { 0o755 } else { 0o740 };
            std::fs::set_permissions(at(*n), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        Edit::Touch(n, seconds) if is_file(&at(*n)) => {
            let file = std::fs::File::options().write(true).open(at(*n)).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::new(u64::from(*seconds), 123_456_789);
            file.set_modified(time).unwrap();
        }
        Edit::Rename(from, to) => {
            let nested = NAMES[*to].starts_with(NAMES[*from]) || NAMES[*from].starts_with(NAMES[*to]);
            if !nested && at(*from).symlink_metadata().is_ok() && make_room(&at(*to)) {
                let _ = std::fs::rename(at(*from), at(*to));
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_checkout_gives_the_tree_that_was_committed(edits in proptest::collection::vec(edit(), 1..40)) {
        let sandbox = Sandbox::new(Kind::Venv, Policy::Exact);
        let mut states = Vec::new();
        for edit in &edits {
            match edit {
                Edit::Commit => {
                    if let Some(commit) = sandbox.commit().commit {
                        states.push((commit.to_string(), picture(&sandbox.env())));
                    }
                    prop_assert!(sandbox.status().changes.is_empty());
                }
                Edit::Checkout(n) if !states.is_empty() => {
                    let before = picture(&sandbox.env());
                    let (rev, expected) = states[n % states.len()].clone();
                    let report = sandbox.checkout(&rev);
                    prop_assert_eq!(differing(&picture(&sandbox.env()), &expected), Vec::<String>::new());
                    prop_assert!(!sandbox.env().join(".envgit-stage").exists());
                    if let Some(saved) = report.autosave {
                        states.push((saved.name, before));
                    }
                }
                Edit::Status => {
                    sandbox.status();
                }
                edit => perform(&sandbox.env(), edit),
            }
        }
        for (rev, expected) in &states {
            sandbox.checkout(rev);
            prop_assert_eq!(differing(&picture(&sandbox.env()), expected), Vec::<String>::new(), "{}", rev);
        }
        let fsck = std::process::Command::new("git")
            .args(["fsck", "--strict", "--full"])
            .env("GIT_DIR", sandbox.history())
            .output()
            .unwrap();
        prop_assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
    }
}
