//! Remotes for tests: one in memory that creates nothing exactly once, and one that counts calls and can be cut off.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use envgit::exchange::coming;
use envgit::exchange::fetch::{self, Local};
use envgit::exchange::push::{Force, PushOptions, PushReport, Update, push};
use envgit::exchange::{Error, Memory, Offer, Source};
use envgit::history::{Note, ObjectId, Person, RefKind, RefName, Time};
use envgit::progress::Silent;
use envgit::remote::{self, Abilities, Body, Directory, Key, Listed, Transport};

use super::common::Sandbox;
use super::common::cli::{Said, Shell};

/// Objects in memory. Whoever creates looks first and then writes, as on a WebDAV server.
#[derive(Clone, Default)]
pub struct Heap {
    objects: Arc<Mutex<BTreeMap<Key, Vec<u8>>>>,
}

impl Heap {
    fn absent(key: &Key) -> remote::Error {
        remote::Error::Absent {
            key: key.to_string(),
            remote: "memory".into(),
        }
    }

    pub fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().map(Key::to_string).collect()
    }
}

impl Transport for Heap {
    fn address(&self) -> &str {
        "memory"
    }
    fn abilities(&self) -> Abilities {
        Abilities {
            write: true,
            create: false,
            replace: true,
            list: true,
        }
    }
    fn size(&self, key: &Key) -> Result<Option<u64>, remote::Error> {
        Ok(self.objects.lock().unwrap().get(key).map(|bytes| bytes.len() as u64))
    }
    fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, remote::Error> {
        let objects = self.objects.lock().unwrap();
        let bytes = objects.get(key).ok_or_else(|| Self::absent(key))?;
        Ok(bytes[range.start as usize..range.end as usize].to_vec())
    }
    fn stream(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, remote::Error> {
        let objects = self.objects.lock().unwrap();
        let bytes = objects.get(key).ok_or_else(|| Self::absent(key))?;
        out.write_all(&bytes[start as usize..])?;
        Ok(bytes.len() as u64 - start)
    }
    fn list(&self, prefix: &Key) -> Result<Vec<Listed>, remote::Error> {
        let prefix = format!("{prefix}/");
        let objects = self.objects.lock().unwrap();
        let found = objects.iter().filter(|(key, _)| key.as_str().starts_with(&prefix));
        Ok(found
            .map(|(key, bytes)| Listed {
                key: key.clone(),
                size: bytes.len() as u64,
            })
            .collect())
    }
    fn put(&self, key: &Key, body: &dyn Body) -> Result<(), remote::Error> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut body.open()?, &mut bytes)?;
        self.objects.lock().unwrap().insert(key.clone(), bytes);
        Ok(())
    }
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<bool, remote::Error> {
        let is_there = self.size(key)?.is_some();
        std::thread::yield_now();
        if !is_there {
            self.replace(key, bytes)?;
        }
        Ok(!is_there)
    }
    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<(), remote::Error> {
        self.objects.lock().unwrap().insert(key.clone(), bytes.to_vec());
        Ok(())
    }
    fn remove(&self, key: &Key) -> Result<(), remote::Error> {
        self.objects.lock().unwrap().remove(key);
        Ok(())
    }
}

/// What was moved through a [`Meter`].
#[derive(Debug, Default)]
pub struct Traffic {
    pub calls: Vec<String>,
    /// Objects that were written whole, each as often as it was.
    pub written: Vec<(String, u64)>,
    /// Bytes read of each object.
    pub read: BTreeMap<String, u64>,
}

/// A directory as a remote that counts, and that breaks after so many calls or so many bytes of one stream.
#[derive(Clone)]
pub struct Meter {
    inner: Arc<Directory>,
    pub traffic: Arc<Mutex<Traffic>>,
    /// Calls that still work.
    pub fuse: Arc<AtomicU64>,
    /// Bytes of a stream that still come.
    pub budget: Arc<AtomicU64>,
}

impl Meter {
    pub fn new(path: &Path) -> Self {
        Self {
            inner: Arc::new(Directory::new(path.to_owned())),
            traffic: Arc::default(),
            fuse: Arc::new(AtomicU64::new(u64::MAX)),
            budget: Arc::new(AtomicU64::new(u64::MAX)),
        }
    }

    fn broken() -> remote::Error {
        remote::Error::Unreachable {
            remote: "the meter".into(),
            problem: "the line is cut".into(),
        }
    }

    fn call(&self, what: &str, key: &Key) -> Result<(), remote::Error> {
        self.traffic.lock().unwrap().calls.push(format!("{what} {key}"));
        let left = self
            .fuse
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        left.map(|_| ()).map_err(|_| Self::broken())
    }

    pub fn calls(&self) -> usize {
        self.traffic.lock().unwrap().calls.len()
    }

    pub fn reset(&self) {
        *self.traffic.lock().unwrap() = Traffic::default();
        self.fuse.store(u64::MAX, Ordering::SeqCst);
        self.budget.store(u64::MAX, Ordering::SeqCst);
    }

    fn wrote(&self, key: &Key, size: u64) {
        self.traffic.lock().unwrap().written.push((key.to_string(), size));
    }

    fn has_read(&self, key: &Key, size: u64) {
        *self.traffic.lock().unwrap().read.entry(key.to_string()).or_default() += size;
    }
}

/// Lets so many bytes through.
struct Limited<'a> {
    out: &'a mut dyn Write,
    budget: &'a AtomicU64,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.budget.load(Ordering::SeqCst);
        let n = (bytes.len() as u64).min(left);
        if n == 0 && !bytes.is_empty() {
            return Err(io::Error::other("the line is cut"));
        }
        let written = self.out.write(&bytes[..n as usize])?;
        if left != u64::MAX {
            self.budget.store(left - written as u64, Ordering::SeqCst);
        }
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Meter {
    fn address(&self) -> &str {
        self.inner.address()
    }
    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }
    fn size(&self, key: &Key) -> Result<Option<u64>, remote::Error> {
        self.call("size", key)?;
        self.inner.size(key)
    }
    fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, remote::Error> {
        self.call("read", key)?;
        self.has_read(key, range.end - range.start);
        self.inner.read(key, range)
    }
    fn stream(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, remote::Error> {
        self.call("stream", key)?;
        let mut counted = Tally { out, sum: 0 };
        let mut limited = Limited {
            out: &mut counted,
            budget: &self.budget,
        };
        let streamed = self.inner.stream(key, start, &mut limited);
        self.has_read(key, counted.sum);
        streamed
    }
    fn list(&self, prefix: &Key) -> Result<Vec<Listed>, remote::Error> {
        self.call("list", prefix)?;
        self.inner.list(prefix)
    }
    fn put(&self, key: &Key, body: &dyn Body) -> Result<(), remote::Error> {
        self.call("put", key)?;
        self.inner.put(key, body)?;
        self.wrote(key, body.len());
        Ok(())
    }
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<bool, remote::Error> {
        self.call("create", key)?;
        self.inner.create(key, bytes)
    }
    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<(), remote::Error> {
        self.call("replace", key)?;
        self.inner.replace(key, bytes)
    }
    fn remove(&self, key: &Key) -> Result<(), remote::Error> {
        self.call("remove", key)?;
        self.inner.remove(key)
    }
}

struct Tally<'a> {
    out: &'a mut dyn Write,
    sum: u64,
}

impl Write for Tally<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.sum += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn who(name: &str) -> Person {
    Person {
        name: name.into(),
        email: format!("{name}@example.org"),
    }
}

pub const NOW: Time = Time {
    seconds: 1_700_000_000,
    offset: 0,
};

/// Where a sandbox stands, by full ref name.
pub fn at(sandbox: &Sandbox, name: &str) -> Option<ObjectId> {
    let refs = sandbox.session().repo.history().refs().unwrap();
    let found = refs.into_iter().find(|known| known.name.as_str() == name);
    found.map(|known| known.object.into())
}

/// All branches and tags of a sandbox, as they stand.
pub fn updates(sandbox: &Sandbox, force: Force) -> Vec<Update> {
    let refs = sandbox.session().repo.history().refs().unwrap().into_iter();
    refs.filter(|known| matches!(known.kind(), RefKind::Branch | RefKind::Tag))
        .map(|known| Update {
            name: known.name,
            to: Some(known.object.into()),
            force,
        })
        .collect()
}

/// Pushes all branches and tags.
pub fn try_push(sandbox: &Sandbox, to: &dyn Transport, updates: Vec<Update>) -> Result<PushReport, Error> {
    let session = sandbox.session();
    let local = Local {
        history: session.repo.history(),
        dir: &sandbox.repo_dir(),
    };
    let who = who("Ada");
    let options = PushOptions {
        updates,
        head: RefName::branch("main").ok(),
        who: &who,
        now: NOW,
        mend: false,
        dry_run: false,
    };
    let memory = Memory::of(&sandbox.repo_dir(), "origin");
    push(local, to, &memory, &options, &Silent)
}

pub fn push_all(sandbox: &Sandbox, to: &dyn Transport) -> PushReport {
    try_push(sandbox, to, updates(sandbox, Force::No)).unwrap()
}

/// What a fetch brought.
pub struct Fetched {
    pub offer: Offer,
    pub objects: fetch::Objects,
    pub layers: Vec<coming::BroughtLayer>,
    pub refs: Vec<fetch::RefUpdate>,
}

/// Fetches all.
pub fn try_fetch(sandbox: &Sandbox, from: &Source) -> Result<Fetched, Error> {
    let session = sandbox.session();
    let dir = sandbox.repo_dir();
    let local = Local {
        history: session.repo.history(),
        dir: &dir,
    };
    let memory = Memory::of(&dir, "origin");
    let offer = from.offer(Some(&memory))?;
    let objects = fetch::objects(local, from, &offer, &Silent)?;
    let lacking = fetch::lacking(local, &objects.beyond)?;
    let layers = coming::layers(local, from, &offer, &lacking, &Silent)?;
    let note = Note {
        who: who("Ada"),
        time: NOW,
        message: "fetch".into(),
    };
    let refs = fetch::track(local, "origin", &offer, false, &note)?;
    fetch::remember(&memory, &offer)?;
    Ok(Fetched {
        offer,
        objects,
        layers,
        refs,
    })
}

pub fn fetch_all(sandbox: &Sandbox, from: &dyn Fn() -> Box<dyn Transport>) -> Fetched {
    try_fetch(sandbox, &Source::Remote(from())).unwrap()
}

/// A sandbox with two commits: `v1`, and `main` after it.
pub fn with_commits() -> Sandbox {
    let sandbox = Sandbox::venv();
    sandbox.write("lib/a.txt", "one\n".repeat(1000));
    sandbox.write("lib/b.txt", noise(1, 200_000));
    sandbox.commit_tagged("v1");
    sandbox.write("lib/a.txt", "two\n".repeat(1000));
    sandbox.write("lib/c.txt", noise(2, 300_000));
    sandbox.commit();
    sandbox
}

/// Bytes that do not compress.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// The files of a folder with their lengths, relative, sorted.
pub fn files(folder: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            if meta.is_dir() {
                todo.push(entry.path());
            } else {
                let path = entry.path();
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push((name, meta.len()));
            }
        }
    }
    found.sort();
    found
}

/// Clones to `ben/glm`, with the environment at `ben/env`.
pub fn clone_for_ben(shell: &Shell, url: &str) -> Said {
    let root = format!("env={}", shell.path("ben/env").display());
    let there = shell.path("ben/glm");
    shell.run(&["clone", "--yes", "--root", &root, url, there.to_str().unwrap()])
}
