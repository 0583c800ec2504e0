//! Pushes and clones that are killed as a process, at moments spread over their whole length.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::common::cli::Shell;
use super::places::{files, noise};

/// A repository with some megabytes in several layers.
fn repository() -> Shell {
    let shell = Shell::with_venv();
    for n in 0..4 {
        shell.write(&format!("env/lib/{n}"), noise(n, 3 << 20));
        shell.ok(&["commit", "-m", &format!("{n}")]);
    }
    shell
}

/// Runs a command again and again, each time killed a little later, until it is through. Tells how often it was killed.
/// `whole` is how long it takes when nobody kills it.
fn killed_until_done(whole: Duration, mut command: impl FnMut() -> Command, mut look: impl FnMut()) -> u32 {
    const KILLS: u32 = 30;
    let mut kills = 0;
    loop {
        let mut told = tempfile::tempfile().unwrap();
        let stderr = told.try_clone().unwrap();
        let mut child = command().stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        let end = Instant::now() + whole * kills / KILLS;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                let mut text = String::new();
                told.seek(SeekFrom::Start(0)).unwrap();
                told.read_to_string(&mut text).unwrap();
                // A clone that was killed between its last step and its end is through.
                let was_through = kills > 0 && text.contains("is already an envgit repository");
                assert!(status.success() || was_through, "after {kills} kills: {text}");
                return kills;
            }
            if Instant::now() > end {
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        look();
    }
}

/// Whole objects by name, with the inode of each.
fn objects(remote: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for folder in ["layers", "history/objects/pack"] {
        let folder = remote.join(folder);
        if folder.is_dir() {
            for (name, _) in files(&folder) {
                if !name.starts_with(".draft-") {
                    found.insert(name.clone(), folder.join(&name).metadata().unwrap().ino());
                }
            }
        }
    }
    found
}

#[test]
fn a_push_that_is_killed_sends_nothing_whole_twice() {
    let shell = repository();
    let remote = shell.path("remote");
    shell.ok(&["remote", "add", "origin", remote.to_str().unwrap()]);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let push = || {
        let mut command = shell.command();
        command.args(["push", "origin", "main"]);
        command
    };
    let start = Instant::now();
    shell.ok(&["remote", "add", "trial", shell.path("trial").to_str().unwrap()]);
    shell.ok(&["push", "trial", "main"]);
    let kills = killed_until_done(start.elapsed(), push, || {
        let now = objects(&remote);
        for (name, inode) in &seen {
            assert_eq!(now.get(name), Some(inode), "{name} was written again");
        }
        seen = now;
    });
    assert!(kills > 2, "{kills}");
    let now = objects(&remote);
    assert!(seen.iter().all(|(name, inode)| now.get(name) == Some(inode)));
    // One pack with its index, and the layers of four commits.
    assert_eq!(now.len(), 6, "{now:?}");
    let said = shell.ok(&["clone", remote.to_str().unwrap(), "../there"]);
    assert!(said.out.contains("Cloned"), "{}", said.out);
}

#[test]
fn a_clone_that_is_killed_goes_on() {
    let shell = repository();
    let remote = shell.path("remote");
    shell.ok(&["remote", "add", "origin", remote.to_str().unwrap()]);
    shell.ok(&["push"]);
    let there = shell.path("there");
    let layers = there.join(".envgit/layers");
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let clone = || {
        let mut command = shell.command();
        command.args(["clone", remote.to_str().unwrap(), there.to_str().unwrap()]);
        command
    };
    let start = Instant::now();
    shell.ok(&["clone", remote.to_str().unwrap(), shell.path("trial").to_str().unwrap()]);
    let kills = killed_until_done(start.elapsed(), clone, || {
        if layers.is_dir() {
            let now = files(&layers);
            let inode = |name: &str| layers.join(name).metadata().unwrap().ino();
            let now: BTreeMap<String, u64> = now.into_iter().map(|(name, _)| (name.clone(), inode(&name))).collect();
            for name in seen.keys().filter(|name| !name.starts_with(".draft-")) {
                assert!(now.contains_key(name), "{name} went");
            }
            seen = now;
        }
    });
    assert!(kills > 2, "{kills}");
    let status = shell.said(shell.command().arg("status").current_dir(&there));
    assert!(status.out.contains("Nothing changed since"), "{}", status.transcript());
    assert!(status.out.contains("Up to date with origin/main"), "{}", status.out);
    let verify = shell.said(shell.command().arg("verify").current_dir(&there));
    assert_eq!(verify.code, 0, "{}", verify.transcript());
}
