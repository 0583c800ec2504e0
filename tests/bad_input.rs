//! Bad input gets one clear message that names the thing and the remedy, a documented exit code, and changes nothing.

mod common;

use common::cli::Shell;
use common::picture;

/// Exit codes of the command line, as `docs/json.md` documents them.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const LOCKED: i32 = 3;
const DAMAGED: i32 = 4;

#[test]
fn outside_a_repository() {
    let shell = Shell::new();
    let said = shell.run(&["status"]);
    assert_eq!(said.code, FAILED);
    assert!(
        said.err
            .starts_with("error: no envgit repository: neither /T/glm nor a folder above it"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("hint: ") && said.err.contains("envgit init"),
        "{}",
        said.err
    );
}

#[test]
fn an_unknown_revision_names_near_ones() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "pre-upgrade-torch29"]);
    let said = shell.run(&["checkout", "pre-upgrade-torch92"]);
    assert_eq!(said.code, FAILED);
    assert!(
        said.err.contains("unknown revision \"pre-upgrade-torch92\""),
        "{}",
        said.err
    );
    assert!(said.err.contains("pre-upgrade-torch29"), "{}", said.err);
}

#[test]
fn nothing_is_committed_yet() {
    let shell = Shell::with_venv();
    let said = shell.run(&["show"]);
    assert_eq!(said.code, FAILED);
    assert!(said.err.contains("envgit commit"), "{}", said.err);
}

#[test]
fn a_root_that_is_not_there() {
    let shell = Shell::with_venv();
    shell.ok(&["commit"]);
    std::fs::rename(shell.path("env"), shell.path("elsewhere")).unwrap();
    for command in ["status", "commit"] {
        let said = shell.run(&[command]);
        assert_eq!(said.code, FAILED, "{command}");
        assert!(said.err.contains("the root env cannot be read"), "{}", said.err);
        assert!(said.err.contains("/T/env"), "{}", said.err);
    }
}

#[test]
fn a_root_that_is_a_file() {
    let shell = Shell::with_venv();
    shell.ok(&["commit"]);
    std::fs::remove_dir_all(shell.path("env")).unwrap();
    shell.write("env", "");
    for command in [&["status"][..], &["checkout", "HEAD"]] {
        let said = shell.run(command);
        assert_eq!(said.code, FAILED, "{command:?}");
        let told = "the root env cannot be read: cannot list /T/env\n  caused by: Not a directory";
        assert!(said.err.contains(told), "{}", said.err);
        assert!(said.err.contains("bring the folder back"), "{}", said.err);
    }
    assert!(shell.path("env").is_file());
}

#[test]
fn a_file_that_cannot_be_read_fails_the_commit_unless_skipped() {
    use rustix::fs::{Mode, OFlags};
    let shell = Shell::with_venv();
    // Not even root can open a path of more than 4096 bytes by name.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = rustix::fs::open(shell.path("env"), flags, Mode::empty()).unwrap();
    let name = "d".repeat(250);
    for _ in 0..17 {
        rustix::fs::mkdirat(&at, &*name, Mode::from_raw_mode(0o755)).unwrap();
        at = rustix::fs::openat(&at, &*name, flags, Mode::empty()).unwrap();
    }
    let deep = rustix::fs::openat(&at, "deep", OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o644)).unwrap();
    rustix::io::write(&deep, b"x").unwrap();
    let said = shell.run(&["commit"]);
    assert_eq!(said.code, FAILED);
    assert!(
        said.err.contains("1 file cannot be read") && said.err.contains("/deep: File name too long"),
        "{}",
        said.err
    );
    assert!(said.err.contains("--skip-unreadable"), "{}", said.err);
    assert_eq!(shell.run(&["log"]).code, FAILED, "no commit was made");
    let said = shell.ok(&["commit", "--skip-unreadable"]);
    assert!(
        said.transcript().contains("/deep"),
        "it lists what it skipped: {}",
        said.transcript()
    );
}

#[test]
fn sockets_are_skipped_and_named() {
    let shell = Shell::with_venv();
    let _socket = std::os::unix::net::UnixListener::bind(shell.path("env/run.sock")).unwrap();
    let said = shell.ok(&["commit"]);
    assert!(said.transcript().contains("env:run.sock"), "{}", said.transcript());
}

#[test]
fn the_second_process_waits_and_then_says_who_holds_the_lock() {
    let shell = Shell::with_venv();
    shell.ok(&["config", "lock.wait", "1"]);
    let lock = std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(shell.cwd.join(".envgit/lock"))
        .unwrap();
    lock.lock().unwrap();
    std::io::Write::write_all(&mut &lock, b"envgit checkout (process 4711)\n").unwrap();
    let said = shell.run(&["commit"]);
    assert_eq!(said.code, LOCKED);
    assert!(
        said.err.contains("locked by envgit checkout (process 4711)"),
        "{}",
        said.err
    );
    drop(lock);
    shell.ok(&["commit"]);
}

#[test]
fn two_commits_at_once_both_succeed() {
    let shell = Shell::with_venv();
    shell.ok(&["commit"]);
    shell.write("env/a", "1");
    let spawn = || shell.command().args(["commit", "-m", "x"]).spawn().unwrap();
    let (mut one, mut two) = (spawn(), spawn());
    assert!(one.wait().unwrap().success() && two.wait().unwrap().success());
    assert_eq!(
        shell.ok(&["log", "--oneline"]).out.lines().count(),
        2,
        "the second found nothing new"
    );
}

#[test]
fn a_repository_of_a_newer_format() {
    let shell = Shell::with_venv();
    let format = shell.cwd.join(".envgit/format.json");
    for text in [
        r#"{"version": 2}"#,
        r#"{"version": 1, "incompatible": ["delta-frames"]}"#,
    ] {
        std::fs::write(&format, text).unwrap();
        let said = shell.run(&["status"]);
        assert_ne!(said.code, 0);
        assert!(said.err.contains("needs a newer envgit"), "{}", said.err);
    }
    std::fs::write(&format, r#"{"version": 1, "read_only_compatible": ["pins"]}"#).unwrap();
    shell.ok(&["status"]);
    assert_ne!(shell.run(&["commit"]).code, 0, "reading is allowed, writing is not");
    std::fs::write(&format, r#"{"version": 1, "compatible": ["whatever"]}"#).unwrap();
    shell.ok(&["commit"]);
    std::fs::write(&format, "{").unwrap();
    let said = shell.run(&["status"]);
    assert_eq!(said.code, DAMAGED, "{}", said.err);
}

#[test]
fn damaged_caches_are_rebuilt_silently() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("env/x", "1");
    shell.ok(&["commit"]);
    for part in ["state", "index"] {
        for entry in std::fs::read_dir(shell.cwd.join(".envgit/cache").join(part)).unwrap() {
            std::fs::write(entry.unwrap().path(), b"garbage").unwrap();
        }
    }
    assert_eq!(shell.ok(&["status", "--json"]).json()["clean"], true);
    shell.ok(&["checkout", "v1"]);
    std::fs::remove_dir_all(shell.cwd.join(".envgit/cache")).unwrap();
    assert_eq!(shell.ok(&["status", "--json"]).json()["clean"], true);
    shell.ok(&["checkout", "main"]);
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let shell = Shell::with_venv();
    shell.ok(&["commit"]);
    let noise: Vec<u8> = (0..600_000u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    shell.write("env/large", noise);
    let before = picture(&shell.cwd.join(".envgit/layers"));
    // The file size limit stands in for a full disk: writing fails in the middle of the layer.
    let mut limited = std::process::Command::new("sh");
    limited
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 1000; exec \"$0\" commit")
        .arg(env!("CARGO_BIN_EXE_envgit"));
    shell.dress(&mut limited);
    let said = shell.said(&mut limited);
    assert_eq!(said.code, FAILED, "{}", said.transcript());
    assert!(said.err.contains("File too large"), "{}", said.err);
    assert_eq!(picture(&shell.cwd.join(".envgit/layers")), before);
    shell.ok(&["commit"]);
}

#[test]
fn wrong_usage() {
    let shell = Shell::with_venv();
    for args in [&["frobnicate"][..], &["checkout"], &["log", "--since", "never"]] {
        let said = shell.run(args);
        assert_eq!(said.code, USAGE, "{args:?}: {}", said.err);
        assert!(said.out.is_empty() && said.err.starts_with("error: "), "{}", said.err);
    }
    let said = shell.run(&["-C", "/nonexistent", "status"]);
    assert_eq!(said.code, FAILED);
    assert!(
        said.err.starts_with("error: cannot change to /nonexistent"),
        "{}",
        said.err
    );
    let said = shell.run(&["reset", "--hard", "HEAD~1"]);
    assert_eq!(said.code, USAGE);
    assert!(said.err.ends_with("one file: `envgit restore PATH`\n"), "{}", said.err);
    let said = shell.run(&["diff", "--root", "nope"]);
    assert!(said.err.contains("no root \"nope\"; the roots are env"), "{}", said.err);
}

#[test]
fn odd_names_survive_everything() {
    use std::os::unix::ffi::OsStrExt;
    let shell = Shell::with_venv();
    let odd = [
        &b"new\nline"[..],
        b"tab\there",
        b"back\\slash",
        b"\xff\xfe",
        "重庆".as_bytes(),
        &[b'n'; 255],
    ];
    for name in odd {
        std::fs::write(shell.path("env").join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    std::os::unix::fs::symlink("loop", shell.path("env/loop")).unwrap();
    shell.ok(&["commit", "-t", "v1"]);
    let before = picture(&shell.path("env"));
    for name in odd {
        std::fs::remove_file(shell.path("env").join(std::ffi::OsStr::from_bytes(name))).unwrap();
    }
    let said = shell.ok(&["diff", "--json", "--files"]);
    let list = said.json()["roots"][0]["files"]["list"].clone();
    let paths: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["path"].as_str().unwrap().to_owned())
        .collect();
    for name in ["new\\nline", "tab\\there", "back\\\\slash", "\\xff\\xfe", "重庆"] {
        assert!(paths.contains(&name.to_owned()), "{name} in {paths:?}");
    }
    shell.ok(&["checkout", "v1"]);
    assert_eq!(before, picture(&shell.path("env")));
    let said = shell.ok(&["cat", "v1:env/\\xff\\xfe"]);
    assert!(said.out.contains('\u{fffd}'), "the two bytes as they are");
}

#[test]
fn what_is_amiss_with_a_remote_has_its_own_remedy() {
    let shell = common::cli::Shell::with_venv();
    shell.ok(&["commit", "-m", "works"]);
    shell.ok(&["tag", "works"]);
    shell.ok(&["remote", "add", "away", shell.path("share/glm").to_str().unwrap()]);
    let said = shell.run(&["push", "away"]);
    assert!(said.err.contains("mount or make it"), "{}", said.transcript());
    let hub = shell.path("hub");
    let hub = hub.to_str().unwrap();
    shell.ok(&["remote", "add", "origin", hub]);
    shell.ok(&["push", "origin"]);
    let said = shell.run(&["clone", "--rev", "works", hub, "other"]);
    let told = "over there are the branches main and no tags; tags come there with `envgit push --tags`";
    assert!(said.err.contains(told), "{}", said.transcript());
    shell.ok(&["push", "origin", "--tags"]);
    let said = shell.run(&["clone", "--rev", "work", hub, "other"]);
    assert!(said.err.contains("and the tags works"), "{}", said.transcript());
    let said = shell.run(&["clone", hub, "."]);
    assert!(said.err.contains("name another folder"), "{}", said.transcript());
}
