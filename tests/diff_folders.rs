//! `diff --env`: two environments that no repository knows.

mod common;

use common::cli::Shell;
use common::picture;
use envgit::demo::{TINYNUM_NEW, TINYNUM_OLD, TINYPITCH, wheel};
use insta::assert_snapshot;

const SITE: &str = "lib/python3.11/site-packages";

/// A venv with tinynum, whose script holds the path of the venv.
fn venv(shell: &Shell, name: &str, tinynum: &[u8]) {
    let env = shell.path(name);
    shell.write(
        &format!("{name}/pyvenv.cfg"),
        format!("home = /usr/bin\ncommand = python -m venv {}\n", env.display()),
    );
    wheel::install(tinynum, &env, "python3.11").unwrap();
    // Byte code holds the time and the path of its source.
    shell.write(&format!("{name}/{SITE}/tinynum/__pycache__/info.cpython-311.pyc"), name);
    std::os::unix::fs::symlink(env.join("lib"), env.join("lib64")).unwrap();
}

fn told(shell: &Shell, args: &[&str]) -> String {
    shell.run(args).transcript()
}

#[test]
fn the_same_environment_elsewhere_is_no_difference() {
    let shell = Shell::new();
    venv(&shell, "a", TINYNUM_OLD);
    venv(&shell, "envs/longer", TINYNUM_OLD);
    let before = picture(&shell.path("."));
    assert_snapshot!(told(&shell, &["diff", "--env", "../a", "../envs/longer", "--exit-code"]), @"No differences: /T/a → /T/envs/longer");
    assert_eq!(picture(&shell.path(".")), before, "nothing is written");
    // What is not the path of the environment still counts.
    let script = shell.path("a/bin/tinynum-info");
    let text = std::fs::read_to_string(&script).unwrap();
    std::fs::write(&script, text.replace("bin/python", "bin/python3")).unwrap();
    assert_snapshot!(told(&shell, &["diff", "--env", "../a", "../envs/longer", "--exit-code", "--files"]), @"
    /T/a → /T/envs/longer

    Files in env
      M bin/tinynum-info
    --- exit 1
    ");
}

#[test]
fn two_environments_are_compared_as_two_commits() {
    let shell = Shell::new();
    venv(&shell, "a", TINYNUM_OLD);
    venv(&shell, "b", TINYNUM_NEW);
    wheel::install(TINYPITCH, &shell.path("b"), "python3.11").unwrap();
    assert_snapshot!(told(&shell, &["diff", "--env", "../a", "../b"]), @"
    /T/a → /T/b

    Packages
        tinynum    1.24.4 → 1.26.4  (pip)  +225 B
                   asked for directly (and 1 more)
      + tinypitch  0.3.4            (pip)  +1.4 KiB
                   asked for directly

    Files
      env  14 added, 4 modified, 7 removed  +5.3 KiB  -3.7 KiB
        pip/tinynum    7 added, 4 modified, 7 removed  +225 B
        pip/tinypitch  7 added  +1.4 KiB
    ");
    let json = shell.ok(&["diff", "--env", "../a", "../b", "--json"]).json();
    assert_eq!(json["from"]["name"], "/T/a");
    assert_eq!(json["to"]["commit"], serde_json::Value::Null);
    assert_eq!(json["roots"][0]["packages"].as_array().unwrap().len(), 2);
}

#[test]
fn any_folders_will_do() {
    let shell = Shell::new();
    shell.write("a/configs/x.json", "{\"a\": 1}\n");
    shell.write("b/configs/x.json", "{\"a\": 2}\n");
    shell.write("b/.envgit/format.json", "not looked at");
    assert_snapshot!(told(&shell, &["diff", "--env", "../a", "../b"]), @"
    /T/a → /T/b

    Configs in env
      M configs/x.json
          ~ a  1 → 2

    Files
      env  1 modified  +9 B  -9 B
    ");
}

#[test]
fn wrong_folders_are_named() {
    let shell = Shell::new();
    shell.write("a/x", "");
    assert_snapshot!(told(&shell, &["diff", "--env", "../a", "../nothing"]), @"
    --- stderr
    error: /T/nothing is no folder
    hint: name the folder of an environment, such as that which holds conda-meta or pyvenv.cfg
    --- exit 1
    ");
    assert_snapshot!(told(&shell, &["diff", "--env", "../a", "../a/x"]), @"
    --- stderr
    error: /T/a/x is no folder
    hint: name the folder of an environment, such as that which holds conda-meta or pyvenv.cfg
    --- exit 1
    ");
    for args in [
        &["diff", "--env", "../a"][..],
        &["diff", "--env", "../a", "../a", "--root", "env"],
    ] {
        assert_eq!(shell.run(args).code, 2, "{args:?}");
    }
}
