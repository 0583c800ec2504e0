//! What the tests share: a repository in a temporary folder, driven through the library, and a naive picture of a tree
//! to compare with.

#![allow(dead_code, unreachable_pub)]

pub mod cli;
pub mod image;
pub mod two;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use envgit::history::{Person, Time};
use envgit::ops::checkout::{CheckoutOptions, checkout};
use envgit::ops::commit::{CommitOptions, commit};
use envgit::ops::init::{InitOptions, init};
use envgit::ops::report::{CheckoutReport, CommitReport, DiffReport};
use envgit::ops::{Error, Session, diff};
use envgit::progress::Silent;
use envgit::repo::Repo;
use envgit::snapshot::root::{Kind, Policy, Root};

/// A session in a project folder, with a person and a clock that are always the same.
pub fn session(project: &Path) -> Session<'static> {
    Session {
        repo: Repo::open(&project.join(".envgit")).unwrap(),
        who: Person {
            name: "Tester".to_owned(),
            email: "tester@example.org".to_owned(),
        },
        now: Time {
            seconds: 1_700_000_000,
            offset: 0,
        },
        env: vec![("CUDA_HOME".into(), "/usr/local/cuda".into())],
        progress: &Silent,
        purpose: "envgit test".to_owned(),
    }
}

/// That git finds no fault in the history.
pub fn whole_history(sandbox: &Sandbox) {
    let fsck = Command::new("git")
        .args(["fsck", "--strict", "--full"])
        .env("GIT_DIR", sandbox.history())
        .output()
        .unwrap();
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
}

/// A repository with its roots in a temporary folder.
pub struct Sandbox {
    pub dir: tempfile::TempDir,
}

impl Sandbox {
    /// One root, `env`, of the given kind and policy, standing beside the project folder.
    pub fn new(kind: Kind, policy: Policy) -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), kind, policy)
    }

    /// A venv in a folder of a file system that is given.
    pub fn venv_on(place: &Path) -> Self {
        Self::in_dir(tempfile::tempdir_in(place).unwrap(), Kind::Venv, Policy::Exact)
    }

    fn in_dir(dir: tempfile::TempDir, kind: Kind, policy: Policy) -> Self {
        let sandbox = Self { dir };
        std::fs::create_dir(sandbox.project()).unwrap();
        std::fs::create_dir(sandbox.env()).unwrap();
        let root = Root {
            name: "env".parse().unwrap(),
            path: sandbox.env(),
            kind,
            policy,
            base: None,
        };
        init(&InitOptions {
            project: sandbox.project(),
            roots: vec![root],
            registry: None,
        })
        .unwrap();
        sandbox
    }

    pub fn venv() -> Self {
        Self::new(Kind::Venv, Policy::Exact)
    }

    pub fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    pub fn env(&self) -> PathBuf {
        self.dir.path().join("env")
    }

    pub fn repo_dir(&self) -> PathBuf {
        self.project().join(".envgit")
    }

    pub fn history(&self) -> PathBuf {
        self.repo_dir().join("history")
    }

    pub fn session(&self) -> Session<'static> {
        session(&self.project())
    }

    pub fn commit(&self) -> CommitReport {
        commit(&mut self.session(), &CommitOptions::default()).unwrap()
    }

    pub fn commit_tagged(&self, tag: &str) -> CommitReport {
        let options = CommitOptions {
            tags: vec![tag.to_owned()],
            ..CommitOptions::default()
        };
        commit(&mut self.session(), &options).unwrap()
    }

    pub fn try_checkout(&self, options: &CheckoutOptions) -> Result<CheckoutReport, Error> {
        checkout(&mut self.session(), options, &mut |_| true)
    }

    pub fn checkout(&self, rev: &str) -> CheckoutReport {
        let options = CheckoutOptions {
            rev: rev.to_owned(),
            ..CheckoutOptions::default()
        };
        self.try_checkout(&options).unwrap()
    }

    pub fn status(&self) -> DiffReport {
        diff::status(&mut self.session()).unwrap()
    }

    /// Writes a file in the environment, with the folders above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.env().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(&path);
        std::fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.env().join(path)).unwrap()
    }
}

/// One path of a tree with all that a checkout must bring back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub kind: char,
    pub mode: u32,
    /// Nothing for directories, whose times are no state.
    pub mtime: Option<i128>,
    pub content: Vec<u8>,
    /// The first path that is the same inode.
    pub first_name: Option<Vec<u8>>,
}

/// A naive picture of a tree, by path.
pub fn picture(root: &Path) -> BTreeMap<Vec<u8>, Seen> {
    let mut paths = Vec::new();
    collect(root, root, &mut paths);
    paths.sort();
    let mut inodes = BTreeMap::new();
    let mut out = BTreeMap::new();
    for relative in paths {
        let path = root.join(std::ffi::OsStr::from_bytes(&relative));
        let meta = path.symlink_metadata().unwrap();
        let time = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        let seen = if meta.is_dir() {
            Seen {
                kind: 'd',
                mode: meta.mode() & 0o7777,
                mtime: None,
                content: vec![],
                first_name: None,
            }
        } else if meta.is_symlink() {
            Seen {
                kind: 'l',
                mode: 0,
                mtime: Some(time),
                content: std::fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec(),
                first_name: None,
            }
        } else {
            let first = inodes.entry(meta.ino()).or_insert_with(|| relative.clone()).clone();
            Seen {
                kind: 'f',
                mode: meta.mode() & 0o7777,
                mtime: Some(time),
                content: std::fs::read(&path).unwrap(),
                first_name: (first != relative).then_some(first),
            }
        };
        out.insert(relative, seen);
    }
    out
}

fn collect(root: &Path, dir: &Path, out: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        out.push(path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec());
        if entry.file_type().unwrap().is_dir() {
            collect(root, &path, out);
        }
    }
}

/// The paths at which two pictures differ, for messages.
pub fn differing(a: &BTreeMap<Vec<u8>, Seen>, b: &BTreeMap<Vec<u8>, Seen>) -> Vec<String> {
    let paths: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let differs = |path: &&&Vec<u8>| a.get(**path) != b.get(**path);
    let told = |path: &Vec<u8>| {
        let brief =
            |seen: Option<&Seen>| seen.map(|s| (s.kind, s.mode, s.mtime, s.content.len(), s.first_name.clone()));
        format!(
            "{}: {:?} / {:?}",
            String::from_utf8_lossy(path),
            brief(a.get(path)),
            brief(b.get(path))
        )
    };
    paths.iter().filter(differs).map(|path| told(path)).collect()
}
