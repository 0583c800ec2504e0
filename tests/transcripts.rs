//! Sessions as a user sees them: what is typed, what is printed, how it ends.

mod common;

use common::cli::Shell;
use insta::assert_snapshot;

/// Runs the lines of a session and shows each with what it said. Ids of commits are cut to what a reader needs.
fn session(shell: &Shell, lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        let args: Vec<&str> = line.split(' ').collect();
        text.push_str(&format!("$ envgit {line}\n{}", shell.run(&args).transcript()));
    }
    text
}

/// Sizes of layers depend on the compressor's version.
fn without_sizes(text: &str) -> String {
    let layer = |line: &str| match line.split_once(" in a layer of ") {
        Some((head, _)) => format!("{head} in a layer of [size]"),
        None => line.to_owned(),
    };
    text.lines().map(|line| layer(line) + "\n").collect()
}

#[test]
fn an_upgrade_and_the_way_back() {
    let shell = Shell::with_venv();
    let before = session(&shell, &["status", "commit -t works", "commit", "status"]);
    assert_snapshot!(without_sizes(&before), @"");
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    shell.install("env", "pyworld", "0.3.4");
    let after = session(&shell, &["status", "diff --stat", "commit", "log --oneline"]);
    assert_snapshot!(without_sizes(&after), @"");
    let back = session(
        &shell,
        &[
            "checkout --dry-run works",
            "checkout works",
            "log --oneline --graph",
            "packages",
        ],
    );
    assert_snapshot!(without_sizes(&back), @"");
}

#[test]
fn nobody_is_stranded() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("env/a", "1");
    shell.ok(&["commit", "-m", "a"]);
    shell.ok(&["checkout", "v1"]);
    shell.write("env/b", "1");
    let text = session(
        &shell,
        &[
            "commit -m b",
            "branch",
            "tag",
            "log --oneline --graph",
            "checkout main",
            "branch -d v1-1",
        ],
    );
    assert_snapshot!(without_sizes(&text), @"");
}

#[test]
fn configs_and_variables_are_told() {
    let mut shell = Shell::new();
    shell.write(
        "glm/configs/G2P_replace_dict.jsonl",
        "{\"重庆\": \"<|CH|>\"}\n{\"弦\": \"<|X|><|IAN2|>\"}\n",
    );
    shell
        .vars
        .push(("CUDA_HOME".to_owned(), "/usr/local/cuda-12".to_owned()));
    shell
        .vars
        .push(("HF_TOKEN".to_owned(), "hf_secretsecretsecretsecret".to_owned()));
    shell.ok(&["init", "--yes"]);
    shell.ok(&["commit"]);
    shell.write(
        "glm/configs/G2P_replace_dict.jsonl",
        "{\"重庆\": \"<|CH|>\"}\n{\"弦\": \"<|X|><|IAN1|>\"}\n",
    );
    shell.vars[0].1 = "/usr/local/cuda-13".to_owned();
    assert_snapshot!(session(&shell, &["diff"]), @"");
    let everything: String = ["vars.json", "snapshot.json"]
        .iter()
        .map(|file| {
            let mut git = std::process::Command::new("git");
            shell.dress(git.args(["-C", ".envgit/history", "show", &format!("main:{file}")]));
            shell.said(&mut git).out
        })
        .collect();
    assert!(
        everything.contains("cuda-12") && !everything.contains("hf_secret"),
        "{everything}"
    );
}

#[test]
fn a_checkout_says_which_files_the_users_own_git_tracks() {
    let shell = Shell::new();
    shell.write("glm/start.sh", "#!/bin/sh\n");
    let git = |args: &[&str]| {
        let mut git = std::process::Command::new("git");
        shell.dress(git.args(args));
        let said = shell.said(&mut git);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    git(&["init", "-q"]);
    git(&["add", "start.sh"]);
    git(&["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "x"]);
    shell.ok(&["init", "--yes"]);
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("glm/start.sh", "#!/bin/bash\n");
    let head = git(&["rev-parse", "HEAD"]);
    let text = session(&shell, &["checkout --dry-run v1", "checkout v1"]);
    assert!(text.matches("glm:start.sh").count() >= 2, "before, each time: {text}");
    assert_eq!(git(&["rev-parse", "HEAD"]), head);
    assert!(
        git(&["status", "--porcelain"])
            .lines()
            .all(|line| line.starts_with("??")),
        "as committed, .git untouched"
    );
    let git_facts = shell.ok(&["show", "v1", "--json"]).json()["manifest"]["roots"]["glm"]["git"].clone();
    assert_eq!(git_facts["commit"].as_str().unwrap(), head.trim());
}

#[test]
fn the_repository_is_found_through_the_active_environment() {
    let mut shell = Shell::with_venv();
    shell.ok(&["commit"]);
    shell.cwd = shell.path("home");
    assert_eq!(shell.run(&["status"]).code, 1);
    let env = shell.path("env").to_str().unwrap().to_owned();
    shell.vars.push(("VIRTUAL_ENV".to_owned(), env));
    shell.ok(&["status"]);
    shell.vars[0] = (
        "ENVGIT_DIR".to_owned(),
        shell.path("glm/.envgit").to_str().unwrap().to_owned(),
    );
    shell.ok(&["status"]);
}

#[test]
fn stock_git_reads_the_history() {
    let shell = Shell::with_venv();
    shell.ok(&["commit"]);
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    shell.ok(&["commit"]);
    let git = |args: &[&str]| {
        let mut git = std::process::Command::new("git");
        shell.dress(git.arg("-C").arg(".envgit/history").args(args));
        let said = shell.said(&mut git);
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        said.out
    };
    git(&["fsck", "--strict", "--full"]);
    let log = git(&["log", "--stat", "--format=%an %s"]);
    assert!(
        log.contains("Ada numpy 1.24.4 → 1.26.4") && log.contains("env/files/pip/numpy"),
        "{log}"
    );
    let diff = git(&["diff", "HEAD~1", "HEAD", "--", "env/packages.jsonl"]);
    assert!(
        diff.contains("-{\"manager\":\"pip\",\"name\":\"numpy\",\"version\":\"1.24.4\""),
        "{diff}"
    );
}

#[test]
fn the_demo_brings_its_state_back() {
    let shell = Shell::new();
    let said = shell.ok(&["demo"]);
    assert!(said.out.contains("byte-identical"), "{}", said.transcript());
    let versions: Vec<&str> = said
        .out
        .lines()
        .filter(|line| matches!(*line, "1.24.4" | "1.26.4"))
        .collect();
    assert_eq!(
        versions,
        ["1.24.4", "1.26.4", "1.24.4"],
        "as python3 itself says: {}",
        said.out
    );
}

#[test]
fn completions_and_man_pages_are_written() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish"] {
        assert!(shell.ok(&["completions", name]).out.contains("checkout"), "{name}");
    }
    shell.ok(&["man", "man1"]);
    let page = std::fs::read_to_string(shell.path("glm/man1/envgit-checkout.1")).unwrap();
    assert!(page.contains("dry\\-run"));
}
