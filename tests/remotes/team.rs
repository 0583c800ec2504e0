//! Two people share an environment through a remote: push, clone to another path, commit, push, pull, with the program
//! itself and against the server that the contract was held on.

use std::path::{Path, PathBuf};

use crate::common::cli::Shell;
use crate::common::{differing, picture};

/// Shares an environment through a remote that can be written. `vars` are the credentials.
pub(crate) fn shares(address: &str, vars: &[(&str, &str)]) {
    let shell = shared(address, vars);
    let clone = cloned(&shell, address);
    let env = shell.path("ben/env");
    // What Ben commits reaches Ada, and is the same commit.
    std::fs::write(env.join("lib/note.txt"), format!("made in {}\n", env.display())).unwrap();
    shell.ok_in(&clone, &["commit", "-m", "a note"]);
    shell.ok_in(&clone, &["push"]);
    shell.ok(&["pull"]);
    let note = std::fs::read_to_string(shell.path("env/lib/note.txt")).unwrap();
    assert_eq!(note, format!("made in {}\n", shell.path("env").display()));
    let head = |dir: &Path| shell.ok_in(dir, &["show", "--json"]).json()["commit"].clone();
    assert_eq!(head(&clone), head(&shell.cwd));
    // Nothing new is nothing to send.
    let said = shell.ok(&["push"]);
    assert!(said.out.contains("up to date"), "{}", said.out);
}

/// Clones from a place that can only be read.
pub(crate) fn is_cloned(served: &Path, address: &str, vars: &[(&str, &str)]) {
    let shell = shared(served.to_str().unwrap(), vars);
    let clone = cloned(&shell, address);
    shell.ok_in(&clone, &["fetch"]);
    std::fs::write(shell.path("ben/env/lib/note.txt"), "mine").unwrap();
    shell.ok_in(&clone, &["commit"]);
    let said = shell.run_in(&clone, &["push"]);
    assert_ne!(said.code, 0);
    assert!(said.err.contains("can only be read"), "{}", said.err);
}

/// Ada's repository, pushed.
fn shared(address: &str, vars: &[(&str, &str)]) -> Shell {
    let mut shell = Shell::with_venv();
    shell.vars.extend(
        vars.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let start = format!("#!{}/bin/python\n", shell.path("env").display());
    shell.write("env/bin/start", start);
    shell.ok(&["commit", "-m", "works"]);
    shell.ok(&["tag", "v1"]);
    shell.ok(&["remote", "add", "origin", address]);
    shell.ok(&["push", "--tags"]);
    shell.ok(&["push"]);
    shell
}

/// Ben's clone, with the environment at another path.
fn cloned(shell: &Shell, address: &str) -> PathBuf {
    let ben = shell.path("ben");
    std::fs::create_dir(&ben).unwrap();
    let root = format!("env={}", ben.join("env").display());
    shell.ok_in(&ben, &["clone", "--yes", "--root", &root, address, "glm"]);
    let clone = ben.join("glm");
    let (there, here) = (shell.path("env"), ben.join("env"));
    let start = std::fs::read_to_string(here.join("bin/start")).unwrap();
    assert_eq!(start, format!("#!{}/bin/python\n", here.display()));
    let mut left = differing(&picture(&there), &picture(&here));
    // The one names the path, the other the interpreter of this machine.
    left.retain(|path| !path.starts_with("bin/start") && !path.starts_with("pyvenv.cfg"));
    assert!(left.is_empty(), "{left:?}");
    let said = shell.ok_in(&clone, &["status"]);
    assert!(said.out.contains("Nothing changed"), "{}", said.out);
    clone
}
