//! What every place must keep, whatever it is made of.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use envgit::remote::{Body, Error, Key, Listed, Transport};

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// Larger than any part or buffer, and no multiple of one.
const LARGE: u64 = (37 << 20) + 12_345;

/// Runs all of it on an empty place that can be written.
pub(crate) fn contract(remote: &dyn Transport) {
    contract_up_to(remote, LARGE);
}

/// The same with no object larger than that, for servers that do not take objects in parts.
pub(crate) fn contract_up_to(remote: &dyn Transport, largest: u64) {
    assert!(remote.abilities().write, "{}", remote.address());
    absent(remote);
    written_is_read(remote);
    parts(remote);
    listing(remote);
    put_again(remote);
    replacing(remote);
    removing(remote);
    creating_in_turn(remote);
    if remote.abilities().create {
        creating_at_once(remote);
    }
    put_is_whole_or_absent(remote);
    replaced_is_old_or_new(remote);
    an_interrupted_put_leaves_nothing(remote, largest);
    big(remote, largest);
}

fn absent(remote: &dyn Transport) {
    let key = key("nothing/here");
    assert_eq!(remote.size(&key).unwrap(), None);
    assert_eq!(remote.get(&key).unwrap(), None);
    assert_eq!(remote.list(&key).unwrap(), []);
    remote.remove(&key).unwrap();
    for error in [
        remote.read(&key, 0..1).unwrap_err(),
        remote.stream(&key, 0, &mut Vec::new()).unwrap_err(),
    ] {
        assert!(error.is_absent(), "{error:?}");
        assert_eq!(error.to_string(), format!("{} has no nothing/here", remote.address()));
    }
}

fn written_is_read(remote: &dyn Transport) {
    for (name, bytes) in [
        ("layers/empty", &b""[..]),
        ("layers/one", b"1"),
        ("top", b"at the top"),
        ("a/b/c/d-e_f.G", b"deep"),
    ] {
        remote.put(&key(name), &bytes).unwrap();
        assert_eq!(remote.size(&key(name)).unwrap(), Some(bytes.len() as u64), "{name}");
        assert_eq!(remote.get(&key(name)).unwrap().as_deref(), Some(bytes), "{name}");
    }
}

fn parts(remote: &dyn Transport) {
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let all = key("parts/all");
    remote.put(&all, &&bytes[..]).unwrap();
    for range in [0..0, 0..1, 0..400_000, 399_999..400_000, 1234..98_765] {
        let expected = &bytes[range.start as usize..range.end as usize];
        assert!(remote.read(&all, range.clone()).unwrap() == expected, "{range:?}");
    }
    assert!(remote.read(&all, 399_999..400_001).is_err(), "beyond the end");
    for start in [0, 1, 399_999, 400_000] {
        let mut got = Vec::new();
        let sum = remote.stream(&all, start, &mut got).unwrap();
        assert_eq!(sum, 400_000 - start);
        assert!(got == bytes[start as usize..], "from {start}");
    }
    // What cannot be written here is no fault of the remote.
    let error = remote.stream(&all, 0, &mut Full).unwrap_err();
    assert!(matches!(error, Error::Local(_)), "{error:?}");
}

/// A disk with no room.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn listing(remote: &dyn Transport) {
    let names = ["list/b", "list/a/y", "list/a/x", "list/c", "listed", "list.not"];
    for name in names {
        remote.put(&key(name), &name.as_bytes()).unwrap();
        let listed = remote.list(&key("list")).unwrap();
        assert_eq!(
            listed.iter().any(|seen| seen.key.as_str() == name),
            name.starts_with("list/"),
            "{name} just after it was written"
        );
    }
    let names = ["list/a/x", "list/a/y", "list/b", "list/c"];
    let expected = names.map(|name| Listed {
        key: key(name),
        size: name.len() as u64,
    });
    assert_eq!(remote.list(&key("list")).unwrap(), expected);
    assert_eq!(remote.list(&key("list/a")).unwrap(), expected[..2]);
}

/// More than a server lists in one answer, for those that a test can afford it on.
pub(crate) fn long_listing(remote: &dyn Transport, count: usize) {
    let names: Vec<String> = (0..count).map(|n| format!("many/{n:06}")).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    remote.put(&key(name), &name.as_bytes()).unwrap();
                }
            });
        }
    });
    let listed = remote.list(&key("many")).unwrap();
    let listed: Vec<&str> = listed.iter().map(|seen| seen.key.as_str()).collect();
    assert_eq!(listed, names);
}

fn put_again(remote: &dyn Transport) {
    let again = key("again/x");
    for _ in 0..3 {
        remote.put(&again, &&b"the same"[..]).unwrap();
        assert_eq!(remote.get(&again).unwrap().as_deref(), Some(&b"the same"[..]));
    }
}

fn replacing(remote: &dyn Transport) {
    let head = key("replace/head");
    for text in ["first", "2", "the third is longer", ""] {
        remote.replace(&head, text.as_bytes()).unwrap();
        assert_eq!(remote.get(&head).unwrap().as_deref(), Some(text.as_bytes()));
        assert_eq!(remote.size(&head).unwrap(), Some(text.len() as u64));
    }
}

fn removing(remote: &dyn Transport) {
    let gone = key("remove/x");
    remote.put(&gone, &&b"x"[..]).unwrap();
    remote.put(&key("remove/y"), &&b"y"[..]).unwrap();
    // Equal content under another name is another object.
    remote.put(&key("remove/z"), &&b"x"[..]).unwrap();
    remote.remove(&gone).unwrap();
    remote.remove(&gone).unwrap();
    assert_eq!(remote.get(&key("remove/z")).unwrap().as_deref(), Some(&b"x"[..]));
    assert_eq!(remote.size(&gone).unwrap(), None);
    assert_eq!(remote.get(&gone).unwrap(), None);
    let left: Vec<String> = remote
        .list(&key("remove"))
        .unwrap()
        .iter()
        .map(|seen| seen.key.to_string())
        .collect();
    assert_eq!(left, ["remove/y", "remove/z"]);
    // The name is free again.
    remote.put(&gone, &&b"back"[..]).unwrap();
    assert_eq!(remote.get(&gone).unwrap().as_deref(), Some(&b"back"[..]));
}

fn creating_in_turn(remote: &dyn Transport) {
    let once = key("create/once");
    assert!(remote.create(&once, b"first").unwrap());
    assert!(!remote.create(&once, b"second").unwrap());
    assert_eq!(remote.get(&once).unwrap().as_deref(), Some(&b"first"[..]));
    remote.remove(&once).unwrap();
    assert!(remote.create(&once, b"third").unwrap());
    assert_eq!(remote.get(&once).unwrap().as_deref(), Some(&b"third"[..]));
}

fn creating_at_once(remote: &dyn Transport) {
    for round in 0..10 {
        let name = key(&format!("create/race-{round}"));
        let barrier = std::sync::Barrier::new(8);
        let made: Vec<bool> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|n| {
                    let (name, barrier) = (&name, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        remote.create(name, format!("made by {n}").as_bytes()).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<usize> = (0..8).filter(|n| made[*n]).collect();
        assert_eq!(winners.len(), 1, "round {round}: {made:?}");
        let expected = format!("made by {}", winners[0]);
        assert_eq!(remote.get(&name).unwrap(), Some(expected.into_bytes()));
    }
}

/// Runs `write` while others read, until it is done.
fn while_others_read(read: impl Fn() + Sync, write: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    read();
                }
            });
        }
        // Dropped also by a panic, so that the readers end.
        let _end = Ending(&done);
        write();
    });
}

struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn put_is_whole_or_absent(remote: &dyn Transport) {
    const LEN: u64 = 3_000_000;
    for round in 0..4 {
        let name = key(&format!("whole/{round}"));
        let body = Noise::new(round, LEN);
        while_others_read(
            || {
                let listed = remote.list(&key("whole")).unwrap();
                for seen in listed {
                    assert_eq!(seen.size, LEN, "{} is listed half", seen.key);
                }
                match remote.size(&name).unwrap() {
                    None => {}
                    Some(size) => {
                        assert_eq!(size, LEN, "half an object was seen");
                        assert_eq!(remote.stream(&name, 0, &mut Expect::new(&body)).unwrap(), LEN);
                    }
                }
            },
            || remote.put(&name, &body).unwrap(),
        );
    }
}

fn replaced_is_old_or_new(remote: &dyn Transport) {
    let name = key("swap/x");
    let state = |n: usize| vec![b'a' + n as u8; 1000 * (n + 1)];
    remote.replace(&name, &state(0)).unwrap();
    while_others_read(
        || {
            let got = remote.get(&name).unwrap();
            if remote.abilities().replace {
                let got = got.expect("it was there all the time");
                let n = got.first().map_or(99, |first| (first - b'a') as usize);
                assert!(n < 20 && got == state(n), "a mix of two states, {} bytes", got.len());
            }
        },
        || (1..20).for_each(|n| remote.replace(&name, &state(n)).unwrap()),
    );
    assert!(remote.get(&name).unwrap() == Some(state(19)));
}

/// Ends with an error after some bytes.
struct Broken {
    len: u64,
    after: u64,
}

impl Body for Broken {
    fn len(&self) -> u64 {
        self.len
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let start = io::repeat(b'x').take(self.after);
        Ok(Box::new(start.chain(Failing)))
    }
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

fn an_interrupted_put_leaves_nothing(remote: &dyn Transport, largest: u64) {
    let name = key("broken/x");
    for (len, after) in [(10, 0), (10, 5), (largest, largest / 2)] {
        let error = remote.put(&name, &Broken { len, after }).unwrap_err();
        assert!(matches!(error, Error::Local(_)), "{error:?}");
        assert_eq!(remote.size(&name).unwrap(), None, "{after} of {len} bytes are seen");
        assert_eq!(remote.list(&key("broken")).unwrap(), []);
    }
    remote.put(&name, &&b"whole"[..]).unwrap();
    assert_eq!(remote.get(&name).unwrap().as_deref(), Some(&b"whole"[..]));
}

fn big(remote: &dyn Transport, len: u64) {
    let body = Noise::new(77, len);
    let name = key("big/object");
    remote.put(&name, &body).unwrap();
    assert_eq!(remote.size(&name).unwrap(), Some(body.len()));
    let sum = remote.stream(&name, 0, &mut Expect::new(&body)).unwrap();
    assert_eq!(sum, body.len());
    let at = len / 2 + 3;
    let part = remote.read(&name, at..at + 1000).unwrap();
    let mut expected = vec![0; 1000];
    body.fill(at, &mut expected);
    assert!(part == expected);
}

/// Bytes that are made as they are read, the same each time.
pub(crate) struct Noise {
    seed: u64,
    len: u64,
}

impl Noise {
    pub(crate) fn new(seed: u64, len: u64) -> Self {
        Self { seed, len }
    }

    /// The bytes from a place on.
    pub(crate) fn fill(&self, at: u64, buffer: &mut [u8]) {
        let mut skip = (at % 8) as usize;
        let mut number = at / 8 + self.seed * 0x1_0000_0001;
        let mut filled = 0;
        while filled < buffer.len() {
            let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let bytes = (word ^ (word >> 29)).to_le_bytes();
            let n = (8 - skip).min(buffer.len() - filled);
            buffer[filled..filled + n].copy_from_slice(&bytes[skip..skip + n]);
            (filled, skip, number) = (filled + n, 0, number + 1);
        }
    }
}

impl Body for Noise {
    fn len(&self) -> u64 {
        self.len
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(NoiseReader { noise: self, at: 0 }))
    }
}

struct NoiseReader<'a> {
    noise: &'a Noise,
    at: u64,
}

impl Read for NoiseReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Never as much as was asked for, as a pipe does.
        let n = (buffer.len() as u64).min(self.noise.len - self.at).min(65_521);
        self.noise.fill(self.at, &mut buffer[..n as usize]);
        self.at += n;
        Ok(n as usize)
    }
}

/// Takes exactly the bytes of a body.
pub(crate) struct Expect<'a> {
    noise: &'a Noise,
    at: u64,
}

impl<'a> Expect<'a> {
    pub(crate) fn new(noise: &'a Noise) -> Self {
        Self { noise, at: 0 }
    }
}

impl Write for Expect<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut expected = vec![0; bytes.len()];
        self.noise.fill(self.at, &mut expected);
        assert!(bytes == expected, "wrong in the {} bytes from {}", bytes.len(), self.at);
        self.at += bytes.len() as u64;
        assert!(self.at <= self.noise.len, "too much");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
