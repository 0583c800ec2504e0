//! Remotes that lie: each lie is refused with one clear message, and no ref moves.

use std::path::{Path, PathBuf};

use envgit::digest::Digest;
use envgit::exchange::Source;
use envgit::remote::Directory;
use serde_json::{Value, json};

use super::common::{Sandbox, whole_history};
use super::places::*;

/// A remote with what [`with_commits`] has, to be tampered with.
struct Remote {
    dir: tempfile::TempDir,
    from: Sandbox,
}

impl Remote {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let from = with_commits();
        push_all(&from, &Directory::new(dir.path().join("remote")));
        Self { dir, from }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("remote")
    }

    fn entry(&self) -> PathBuf {
        self.path().join("refs/log/0000000001")
    }

    fn change_entry(&self, change: impl FnOnce(&mut Value)) {
        let mut entry: Value = serde_json::from_slice(&std::fs::read(self.entry()).unwrap()).unwrap();
        change(&mut entry);
        std::fs::write(self.entry(), serde_json::to_vec_pretty(&entry).unwrap()).unwrap();
    }

    /// Makes a stored object another one, and the entry name it.
    fn forge(&self, kind: &str, change: impl Fn(&mut Vec<u8>)) {
        let (folder, ending) = match kind {
            "packs" => ("history/objects/pack", ".pack"),
            _ => ("layers", ".tar.zst"),
        };
        for (name, _) in files(&self.path().join(folder)) {
            if name.ends_with(ending) {
                self.forge_one(kind, folder, &name, &change);
            }
        }
    }

    fn forge_one(&self, kind: &str, folder: &str, name: &str, change: &impl Fn(&mut Vec<u8>)) {
        let ending = if kind == "packs" { ".pack" } else { ".tar.zst" };
        let path = self.path().join(folder).join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        let digest = Digest::of(&bytes).to_string();
        self.change_entry(|entry| match kind {
            "packs" => {
                entry["packs"][0]["digest"] = json!(digest);
                entry["packs"][0]["size"] = json!(bytes.len());
            }
            _ => {
                let layers = entry["layers"].as_object_mut().unwrap();
                let old = name.strip_suffix(ending).unwrap();
                layers.remove(old);
                layers.insert(digest.clone(), json!(bytes.len()));
            }
        });
        let to = match kind {
            "packs" => path.clone(),
            _ => path.with_file_name(format!("{digest}{ending}")),
        };
        std::fs::remove_file(&path).unwrap();
        std::fs::write(to, bytes).unwrap();
    }

    /// The one thing that is said.
    fn refuses(&self) -> String {
        let b = Sandbox::venv();
        let over_the_line = Meter::new(&self.path());
        let error = try_fetch(&b, &Source::Remote(Box::new(over_the_line)))
            .err()
            .expect("it was taken");
        assert_eq!(at(&b, "refs/remotes/origin/main"), None);
        assert_eq!(at(&b, "refs/tags/v1"), None);
        whole_history(&b);
        assert_eq!(files(&b.repo_dir().join("layers")).len(), layers_that_are_sound(&b));
        error.to_string()
    }
}

fn layers_that_are_sound(sandbox: &Sandbox) -> usize {
    let names = files(&sandbox.repo_dir().join("layers"));
    let path = |name: &str| sandbox.repo_dir().join("layers").join(name);
    let is_sound =
        |name: &str| Digest::of(&std::fs::read(path(name)).unwrap()).to_string() == name.trim_end_matches(".tar.zst");
    names.iter().filter(|(name, _)| is_sound(name)).count()
}

fn says(said: &str, wanted: &str) {
    assert!(said.contains(wanted), "{said:?} does not say {wanted:?}");
}

#[test]
fn refs_that_lie() {
    let id = |n: u8| json!(format!("{n:02x}").repeat(20));
    let cases: [(&str, Value, &str); 5] = [
        ("refs/heads/../../config", id(1), "is not a valid name"),
        ("refs/remotes/origin/x", id(1), "is neither a branch nor a tag"),
        ("refs/heads/main/x", id(1), "cannot stand beside"),
        ("refs/heads/x", id(9), "lacks object"),
        ("refs/heads/x", json!("no id"), "makes no sense"),
    ];
    for (name, id, said) in cases {
        let remote = Remote::new();
        remote.change_entry(|entry| entry["refs"][name] = id);
        says(&remote.refuses(), said);
    }
}

#[test]
fn refs_to_what_is_no_commit() {
    let remote = Remote::new();
    let session = remote.from.session();
    let main = session.repo.history().resolve("main").unwrap();
    let tree = session.repo.history().commit_info(main).unwrap().tree.to_string();
    remote.change_entry(|entry| entry["refs"]["refs/heads/x"] = json!(tree));
    says(&remote.refuses(), "neither a commit nor a tag");
}

#[test]
fn packs_that_are_cut_or_changed() {
    let remote = Remote::new();
    remote.forge("packs", |bytes| bytes.truncate(bytes.len() - 30));
    says(&remote.refuses(), "is refused");
    let remote = Remote::new();
    remote.forge("packs", |bytes| bytes[8..12].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]));
    says(&remote.refuses(), "more objects than its length can hold");
    let remote = Remote::new();
    let middle = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    remote.forge("packs", middle);
    says(&remote.refuses(), "is refused");
    // Not the bytes that the entry names.
    let remote = Remote::new();
    let packs = remote.path().join("history/objects/pack");
    let (name, _) = files(&packs)
        .into_iter()
        .find(|(name, _)| name.ends_with("pack"))
        .unwrap();
    let mut bytes = std::fs::read(packs.join(&name)).unwrap();
    middle(&mut bytes);
    std::fs::remove_file(packs.join(&name)).unwrap();
    std::fs::write(packs.join(&name), bytes).unwrap();
    says(&remote.refuses(), "its SHA-256 is");
}

#[test]
fn lengths_that_are_not_true() {
    for (size, said) in [(1_u64 << 60, "says it has"), (10, "longer than announced")] {
        let remote = Remote::new();
        remote.change_entry(|entry| {
            entry["packs"][0]["size"] = json!(size);
        });
        says(&remote.refuses(), said);
    }
    let remote = Remote::new();
    remote.change_entry(|entry| {
        let layers = entry["layers"].as_object_mut().unwrap();
        for (_, size) in layers {
            *size = json!(size.as_u64().unwrap() + 1);
        }
    });
    says(&remote.refuses(), "bytes");
    // More than there is room for.
    let remote = Remote::new();
    remote.change_entry(|entry| {
        let layers = entry["layers"].as_object_mut().unwrap();
        for (_, size) in layers {
            *size = json!(1_u64 << 49);
        }
    });
    says(&remote.refuses(), "and has");
}

#[test]
fn layers_that_are_not_what_they_say() {
    let remote = Remote::new();
    let layers = remote.path().join("layers");
    for (name, _) in files(&layers) {
        let path = layers.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100] ^= 1;
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
    says(&remote.refuses(), "its SHA-256 is");
}

/// Layers whose digest is right and whose inside is not.
#[test]
fn layers_that_lie_within() {
    type Lie = fn(&mut Vec<u8>);
    let lies: [(Lie, &str); 4] = [
        (|bytes| bytes.truncate(bytes.len() - 10), "no zstd:chunked footer"),
        // The plain length of the table of contents.
        (
            |bytes| {
                let at = bytes.len() - 48;
                bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
            },
            "its footer makes no sense",
        ),
        (
            |bytes| {
                let at = bytes.len() - 64;
                bytes[at..at + 8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
            },
            "",
        ),
        (|bytes| bytes[3] ^= 0xff, "tar headers"),
    ];
    for (lie, said) in lies {
        let remote = Remote::new();
        remote.forge("layers", lie);
        says(&remote.refuses(), said);
    }
}

#[test]
fn a_log_that_forks() {
    let a = with_commits();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("remote");
    let there = Directory::new(path.clone());
    push_all(&a, &there);
    let b = Sandbox::venv();
    try_fetch(&b, &Source::Remote(Box::new(Directory::new(path.clone())))).unwrap();
    for n in 0..3 {
        a.write("n", format!("{n}"));
        a.commit();
        push_all(&a, &there);
    }
    let entry = |n: u32| path.join(format!("refs/log/{n:010}"));
    let change = |file: &Path, change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        change(&mut value);
        std::fs::remove_file(file).unwrap();
        std::fs::write(file, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
    };
    change(&entry(3), &|value| value["id"] = json!("0"));
    let from = || Source::Remote(Box::new(Directory::new(path.clone())));
    let error = try_fetch(&b, &from()).err().unwrap();
    says(&error.to_string(), "entry 4 does not follow entry 3");
    let before = at(&b, "refs/remotes/origin/main");
    // Somebody who rewrote all of it is found out by what was seen.
    let c = Sandbox::venv();
    try_fetch(&c, &from()).unwrap();
    change(&entry(4), &|value| value["id"] = json!("0"));
    let error = try_fetch(&c, &from()).err().unwrap();
    says(&error.to_string(), "entry 4 is another one");
    assert_eq!(at(&b, "refs/remotes/origin/main"), before);
}
