//! A virtual environment that pip made, cloned to another path and back.

use std::path::Path;
use std::process::Command;

use super::common::cli::{Said, Shell};

fn at(shell: &Shell, dir: &Path, args: &[&str]) -> Said {
    let said = shell.said(shell.command().current_dir(dir).args(args));
    assert_eq!(said.code, 0, "{args:?}: {}", said.transcript());
    said
}

/// Runs a program of an environment and returns what it printed.
fn program(path: &Path, args: &[&str]) -> String {
    let output = Command::new(path).args(args).env_clear().output().unwrap();
    assert!(
        output.status.success(),
        "{} {args:?}: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn its_scripts_run_at_the_new_place_and_its_commits_are_those_of_the_old() {
    let shell = Shell::new();
    let env = shell.path("env");
    let made = Command::new("python3").args(["-m", "venv"]).arg(&env).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let root = format!("env={}", env.display());
    shell.ok(&["init", "--no-project", "--root", &root]);
    shell.ok(&["commit", "-m", "pip"]);
    let remote = shell.path("remote");
    shell.ok(&["remote", "add", "origin", remote.to_str().unwrap()]);
    shell.ok(&["push"]);
    let longer = shell.path("a/much/longer/way/to/the/environment");
    let there = shell.path("there");
    let clone = at(
        &shell,
        shell.dir.path(),
        &[
            "clone",
            "--root",
            &format!("env={}", longer.display()),
            "remote",
            "there",
        ],
    );
    assert!(!clone.out.contains("still name"), "{}", clone.out);
    // The old place must not be needed.
    std::fs::rename(&env, shell.path("gone")).unwrap();
    let real = longer.canonicalize().unwrap();
    let version = program(&longer.join("bin/pip"), &["--version"]);
    assert!(version.contains(real.to_str().unwrap()), "{version}");
    program(&longer.join("bin/python"), &["-m", "pip", "check"]);
    assert_eq!(
        program(&longer.join("bin/python"), &["-c", "import sys; print(sys.prefix)"]).trim(),
        longer.to_str().unwrap()
    );
    // What runs leave (byte code) is no change of what counts; a real change goes back as if it had been made there.
    std::fs::write(
        longer.join("bin/new"),
        format!("#!{}/bin/python\nprint(1)\n", longer.display()),
    )
    .unwrap();
    at(&shell, &there, &["commit", "-m", "new"]);
    at(&shell, &there, &["push"]);
    std::fs::rename(shell.path("gone"), &env).unwrap();
    shell.ok(&["pull"]);
    assert_eq!(
        std::fs::read_to_string(env.join("bin/new")).unwrap(),
        format!("#!{}/bin/python\nprint(1)\n", env.display())
    );
    program(&env.join("bin/pip"), &["--version"]);
    let head = |dir: &Path| at(&shell, dir, &["log", "--json", "-n", "1"]).json()["commits"][0]["commit"].clone();
    assert_eq!(head(&there), head(&shell.cwd));
    assert!(at(&shell, &there, &["status"]).out.contains("Nothing changed since"));
    assert!(shell.ok(&["status"]).out.contains("Nothing changed since"));
}
