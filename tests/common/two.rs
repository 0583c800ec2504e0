//! Two recorded states of a small environment, for tests that go from one to the other and are disturbed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Sandbox, Seen, differing, picture};

pub type Picture = BTreeMap<Vec<u8>, Seen>;

/// Two versions of an environment: a package that is replaced whole, one of which one file changes, one that comes,
/// one that goes, scripts in a shared folder, links.
pub fn install(sandbox: &Sandbox, version: u32) {
    let env = sandbox.env();
    let site = "lib/python3.11/site-packages";
    let _ = std::fs::remove_dir_all(env.join(site));
    let _ = std::fs::remove_dir_all(env.join("bin"));
    sandbox.write("pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
    let mut packages = vec![("torch", version, 9), ("same", 1, 4)];
    packages.push(if version == 1 { ("gone", 1, 3) } else { ("fresh", 1, 3) });
    for (name, version, files) in packages {
        let info = format!("{site}/{name}-{version}.0.dist-info");
        let mut record = String::new();
        for n in 0..files {
            let path = format!("{name}/d{}/m{n}.py", n % 3);
            sandbox.write(&format!("{site}/{path}"), format!("{name} {version} {n}\n").repeat(30));
            record.push_str(&format!("{path},,\n"));
        }
        record.push_str(&format!(
            "../../../bin/{name},,\n{name}-{version}.0.dist-info/RECORD,,\n"
        ));
        sandbox.write(&format!("bin/{name}"), format!("#!/bin/{name} {version}\n"));
        sandbox.write(
            &format!("{info}/METADATA"),
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}.0\n"),
        );
        sandbox.write(&format!("{info}/RECORD"), record);
    }
    sandbox.write("share/notes", format!("notes {version}\n"));
    sandbox.write("share/odd", format!("odd {}\n", version / 2));
    let _ = std::fs::remove_file(env.join("share/link"));
    std::os::unix::fs::symlink(format!("notes{version}"), env.join("share/link")).unwrap();
    // Old enough to be told from later writes.
    std::thread::sleep(Duration::from_millis(40));
}

/// A sandbox with two recorded states, at the second.
pub struct Two {
    pub sandbox: Sandbox,
    pub ids: [String; 2],
    pub pictures: [Picture; 2],
}

impl Two {
    /// Runs the next command, which must succeed, and returns what it said on standard error.
    pub fn next_command(&self, told: &str) -> String {
        let status = program(&self.sandbox.project(), &["status"]);
        let said = String::from_utf8_lossy(&status.stderr).into_owned();
        assert!(status.status.success(), "{told}: {said}");
        said
    }

    /// Which of the two states HEAD is at; the live tree must be exactly that.
    pub fn is_exactly(&self, head: &str, told: &str) -> usize {
        let which = self.ids.iter().position(|id| *id == head);
        let which = which.expect("HEAD is at one of the two");
        let left = differing(&picture(&self.sandbox.env()), &self.pictures[which]);
        assert!(
            left.is_empty(),
            "HEAD is at v{}, these differ: {left:?}\n{told}",
            which + 1
        );
        assert!(!self.sandbox.env().join(".envgit-stage").exists(), "{told}");
        which
    }
}

pub fn two() -> Two {
    two_in(Sandbox::venv())
}

/// The same in a sandbox that is there.
pub fn two_in(sandbox: Sandbox) -> Two {
    install(&sandbox, 1);
    let first = sandbox.commit_tagged("v1").commit.unwrap().to_string();
    let one = picture(&sandbox.env());
    install(&sandbox, 2);
    let second = sandbox.commit_tagged("v2").commit.unwrap().to_string();
    let two = picture(&sandbox.env());
    Two {
        sandbox,
        ids: [first, second],
        pictures: [one, two],
    }
}

/// The program in a project folder, with nothing around it.
pub fn program(project: &Path, args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_envgit"))
        .arg("-C")
        .arg(project)
        .args(args)
        .env_clear()
        .env("HOME", project.parent().unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
