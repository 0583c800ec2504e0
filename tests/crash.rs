//! `kill -9` at random moments: the next command finds the old state or the new one, and HEAD says which.

mod common;

use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Sandbox, differing, picture, whole_history};

fn envgit(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_envgit"));
    command
        .arg("-C")
        .arg(sandbox.project())
        .args(args)
        .env_clear()
        .env("HOME", sandbox.dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn fill(sandbox: &Sandbox, version: u32) {
    for n in 0..300 {
        if n % 7 != version % 7 {
            sandbox.write(
                &format!("lib/p{}/m{n}.py", n % 11),
                format!("version {version} of {n}\n").repeat(50),
            );
        } else {
            let _ = std::fs::remove_file(sandbox.env().join(format!("lib/p{}/m{n}.py", n % 11)));
        }
    }
    sandbox.write("lib/big.so", format!("{version}").repeat(6 << 20));
}

#[test]
fn a_killed_checkout_leaves_the_old_state_or_is_finished() {
    let sandbox = Sandbox::venv();
    fill(&sandbox, 1);
    let first = sandbox.commit_tagged("v1").commit.unwrap();
    let pictures = [picture(&sandbox.env())];
    fill(&sandbox, 2);
    let second = sandbox.commit_tagged("v2").commit.unwrap();
    let pictures = [pictures[0].clone(), picture(&sandbox.env())];
    // How long one takes here, so that the kills spread over all of it.
    let start = std::time::Instant::now();
    assert!(envgit(&sandbox, &["checkout", "v1"]).status().unwrap().success());
    let whole = start.elapsed();
    let mut outcomes = [0; 2];
    for round in 0..40u32 {
        let target = if round % 2 == 0 { "v2" } else { "v1" };
        let mut child = envgit(&sandbox, &["checkout", target]).spawn().unwrap();
        std::thread::sleep(whole * (round % 20) / 18 + Duration::from_micros(u64::from(round) * 137));
        let _ = child.kill();
        child.wait().unwrap();
        let status = envgit(&sandbox, &["status"]).output().unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        let head = sandbox.status().head.commit.unwrap();
        let which = [first, second]
            .iter()
            .position(|commit| *commit == head)
            .expect("HEAD is at one of the two");
        outcomes[usize::from((which == 1) == (target == "v2"))] += 1;
        assert_eq!(
            differing(&picture(&sandbox.env()), &pictures[which]),
            Vec::<String>::new(),
            "round {round}: HEAD is at {head}"
        );
    }
    assert!(
        outcomes[0] > 0 && outcomes[1] > 0,
        "kills before and after the seal: {outcomes:?}"
    );
}

#[test]
fn a_killed_commit_leaves_the_history_whole() {
    let sandbox = Sandbox::venv();
    fill(&sandbox, 1);
    sandbox.commit();
    for round in 2..14u32 {
        fill(&sandbox, round);
        let mut child = envgit(&sandbox, &["commit", "-m", "x"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(round) * 9));
        let _ = child.kill();
        child.wait().unwrap();
        whole_history(&sandbox);
        let before = picture(&sandbox.env());
        sandbox.commit();
        assert!(sandbox.status().changes.is_empty());
        assert_eq!(before, picture(&sandbox.env()));
    }
    let kept = sandbox.dir.path().join("kept");
    std::fs::rename(sandbox.env(), &kept).unwrap();
    sandbox.checkout("HEAD");
    assert_eq!(
        differing(&picture(&kept), &picture(&sandbox.env())),
        Vec::<String>::new()
    );
}
