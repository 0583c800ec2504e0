//! What speaks against a clone is named before anything is written, with what to do about it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use envgit::history::{BlobId, CommitDraft, Expected, Note, RefName};
use envgit::snapshot::binary::{self, Binaries, Need};
use envgit::snapshot::path::RelPath;
use envgit::snapshot::unit::UnitName;
use serde_json::Value;

use super::common::Sandbox;
use super::common::cli::{Said, Shell};
use super::common::image::{Image, shell};
use super::places::noise;

/// A repository with a package, and somebody who clones it.
struct Case {
    from: Sandbox,
    shell: Shell,
}

impl Case {
    fn new() -> Self {
        let from = Sandbox::venv();
        let site = "lib/python3.11/site-packages";
        from.write("pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
        from.write(&format!("{site}/torch/lib.so"), noise(7, 3 << 20));
        let info = format!("{site}/torch-2.9.0.dist-info");
        from.write(
            &format!("{info}/METADATA"),
            "Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\n",
        );
        from.write(
            &format!("{info}/RECORD"),
            "torch/lib.so,,\ntorch-2.9.0.dist-info/RECORD,,\n",
        );
        from.commit();
        let shell = Shell::new();
        std::fs::create_dir(shell.path("tmp")).unwrap();
        Self { from, shell }
    }

    /// Makes the newest commit one of another machine, with code that needs what is said.
    fn recorded(&self, system: &[(&str, &str)], versions: &[(&str, &str)], libraries: &[&str]) {
        let session = self.from.session();
        let history = session.repo.history();
        let head = history.head().unwrap().commit().unwrap();
        let mut files = history.inventory(head).unwrap().files;
        let mut manifest: Value = serde_json::from_slice(&history.blob(files[&b"snapshot.json"[..]]).unwrap()).unwrap();
        for (name, value) in system {
            manifest["system"][*name] = (*value).into();
        }
        let path = RelPath::new(&b"lib/python3.11/site-packages/torch/lib.so"[..]).unwrap();
        let need = |version: &str| Need {
            version: version.to_owned(),
            path: path.clone(),
        };
        let code = Binaries {
            unit: UnitName::pip("torch"),
            files: 1,
            versions: versions
                .iter()
                .map(|(family, version)| ((*family).to_owned(), need(version)))
                .collect(),
            libraries: libraries
                .iter()
                .map(|name| ((*name).to_owned(), path.clone()))
                .collect(),
            offers: BTreeMap::new(),
            provides: Vec::new(),
            numpy: Default::default(),
        };
        let mut new_blobs = HashMap::new();
        for (path, text) in [
            (&b"snapshot.json"[..], serde_json::to_vec_pretty(&manifest).unwrap()),
            (b"env/binaries.jsonl", binary::encode(&[code])),
        ] {
            files.insert(path.to_vec(), BlobId::of(&text));
            new_blobs.insert(BlobId::of(&text), text);
        }
        let draft = CommitDraft {
            files,
            new_blobs,
            parents: vec![head],
            author: session.who.clone(),
            time: session.now,
            message: "from another machine".to_owned(),
        };
        let commit = history.write_commit(history.compose(draft).unwrap()).unwrap();
        let note = Note {
            who: session.who.clone(),
            time: session.now,
            message: "test".to_owned(),
        };
        let main = RefName::branch("main").unwrap();
        history.set_ref(&main, commit, Expected::Any, &note).unwrap();
    }

    fn clone(&self, args: &[&str]) -> Said {
        let (project, folder) = (self.from.project(), self.shell.path("bob/glm"));
        let mut command = self.shell.command();
        command.arg("clone").args(args).arg(project).arg(folder);
        self.shell.said(command.env("TMPDIR", self.shell.path("tmp")))
    }

    /// That nothing is there that was not before.
    fn is_untouched(&self) {
        let listing = |name: &str| std::fs::read_dir(self.shell.path(name)).unwrap().count();
        assert!(!self.shell.path("bob").exists());
        assert_eq!((listing("tmp"), listing("home"), listing("glm")), (0, 0, 0));
    }

    /// What a plan says, of which nothing is done.
    fn planned(&self, args: &[&str]) -> String {
        self.planned_with(0, args)
    }

    fn planned_with(&self, code: i32, args: &[&str]) -> String {
        let said = self.clone(&[&["--dry-run"], args].concat());
        assert_eq!(said.code, code, "{}", said.transcript());
        self.is_untouched();
        said.out
    }

    /// What is refused, with nothing done.
    fn refused(&self, args: &[&str], words: &[&str]) {
        let plan = self.planned_with(1, args);
        let said = self.clone(&[&["--yes"], args].concat());
        assert_eq!(said.code, 1, "{}", said.transcript());
        self.is_untouched();
        for word in words {
            assert!(plan.contains(word), "{word}: {plan}");
            assert!(said.err.contains(word), "{word}: {}", said.err);
        }
    }
}

#[test]
fn a_machine_that_is_too_old_for_the_code_is_told_and_may_be_used() {
    let case = Case::new();
    let system = [("glibc", "9.99"), ("nvidia_driver", "999.1"), ("libstdcxx", "9.9.9")];
    case.recorded(&system, &[("GLIBC", "9.90")], &["libcudart.so.13"]);
    let plan = case.planned(&[]);
    for words in [
        "warning: on this machine, env: critical torch 2.9.0 needs GLIBC 9.90, and this system has ",
        "; a newer system has that, or install a build for this one",
        "CUDA 13 needs an NVIDIA driver from 580.65.06 on",
    ] {
        assert!(plan.contains(words), "{words}: {plan}");
    }
    // Nobody knows what will be run: it is no reason to refuse.
    let said = case.clone(&["--yes"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
}

#[test]
fn what_the_first_machine_lacked_too_is_not_held_against_this_one() {
    let case = Case::new();
    case.recorded(&[("glibc", "2.17")], &[("GLIBC", "9.90")], &[]);
    let plan = case.planned(&[]);
    assert!(!plan.contains("9.90"), "{plan}");
}

#[test]
fn another_architecture_is_refused_but_for_the_history() {
    let case = Case::new();
    case.recorded(&[("arch", "riscv64")], &[], &[]);
    case.refused(&[], &["it was recorded on riscv64, and this machine is ", "--history"]);
    let said = case.clone(&["--history"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
}

#[test]
fn a_full_disk_is_told_before_anything_is_on_it() {
    let case = Case::new();
    let Some(image) = Image::new("tmpfs", 1) else { return };
    let place = format!("env={}", image.path().join("env").display());
    let at = format!("the file system of {} needs ", image.path().display());
    case.refused(&["--root", &place], &[&at, "choose another place: --root NAME=PATH"]);
    assert_eq!(std::fs::read_dir(image.path()).unwrap().count(), 0);
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let case = Case::new();
    let Some(image) = Image::new("tmpfs", 8) else { return };
    shell(&format!("mount -o remount,ro {}", image.path().display()));
    let inside = image.path().join("envs/env");
    let place = format!("env={}", inside.display());
    let words = format!(
        "{} cannot be made: {} cannot be written to",
        inside.display(),
        image.path().display()
    );
    case.refused(&["--root", &place], &[&words, "choose another place: --root env=PATH"]);
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let case = Case::new();
    case.shell.write("full/x", "x");
    let full = case.shell.path("full");
    let place = format!("env={}", full.display());
    case.refused(
        &["--root", &place],
        &["/T/full is not empty", "choose another place: --root env=PATH"],
    );
    case.refused(&["--root", &format!("{place}/x")], &["/T/full/x is no folder"]);
    // The folder of the clone itself.
    for args in [&["clone", "--dry-run"][..], &["clone", "--yes"]] {
        let mut command = case.shell.command();
        command.args(args).arg(case.from.project()).arg(&full);
        let said = case.shell.said(&mut command);
        assert_eq!(said.code, 1, "{args:?}: {}", said.transcript());
        assert!(
            said.err.contains("/T/full is not empty") && said.err.contains("name another folder"),
            "{}",
            said.err
        );
    }
    let left = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    assert_eq!(left(&full), 1);
}
