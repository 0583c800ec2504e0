//! A small fuzzer: seeds, mutations, and what came of each input. Deterministic from its seed; how many inputs it tries
//! depends on the time it is given.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many targets share the time.
pub(crate) const TARGETS: u32 = 18;

/// Longer than any input of a few hundred kilobytes may take, also on a machine with much else to do.
const HANG: Duration = Duration::from_secs(60);
/// More memory than any input of a few hundred kilobytes may take, in KiB.
const MOST_MEMORY: u64 = 1 << 20;
/// The longest input.
const MOST: usize = 256 << 10;
/// How many inputs that did something new are kept to go on from.
const MOST_KEPT: usize = 400;

/// Something that reads foreign bytes. What it gives back tells kinds of outcomes apart: an input with a new one is
/// gone on from.
pub(crate) struct Target<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Real inputs.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// Words that its format knows.
    pub(crate) words: &'a [&'a str],
    /// Reads an input.
    pub(crate) run: &'a dyn Fn(&[u8]) -> String,
}

/// Random numbers: xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Runs a target for its share of `ENVGIT_FUZZ_SECONDS` (half a second where that is not set).
pub(crate) fn fuzz(target: &Target<'_>) {
    let total = std::env::var("ENVGIT_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    let time = total.map_or(Duration::from_millis(500), |total| Duration::from_secs(total) / TARGETS);
    let seed = std::env::var("ENVGIT_FUZZ_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1u64);
    let start = Instant::now();
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut corpus = target.seeds.clone();
    corpus.extend(found_before(target.name));
    let mut seen = HashSet::new();
    let mut recent: Vec<Vec<u8>> = Vec::new();
    let watch = Watch::start(target.name);
    let mut count = 0u64;
    let mut at = 0;
    while at < corpus.len() || start.elapsed() < time {
        // All seeds as they are, then one after the other mutated.
        let input = match corpus.get(at) {
            Some(input) if at < target.seeds.len() + found_before(target.name).len() => input.clone(),
            _ if start.elapsed() >= time => break,
            _ => mutate(&mut random, &corpus, target.words),
        };
        at += 1;
        watch.begin(&input);
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
        watch.end();
        count += 1;
        let outcome = outcome.unwrap_or_else(|_| report(target.name, seed, &input, "it panicked"));
        if corpus.len() < MOST_KEPT && seen.insert(kind(&outcome)) {
            corpus.push(input.clone());
        }
        recent.push(input);
        if recent.len() == 64 {
            check_memory(target, seed, &recent);
            recent.clear();
        }
    }
    println!("{}: {count} inputs, {} kinds of outcomes", target.name, seen.len());
}

/// Outcomes without their numbers and names are of one kind.
fn kind(outcome: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in outcome.split(|c: char| !c.is_ascii_alphabetic()).take(40) {
        word.hash(&mut hasher);
    }
    hasher.finish()
}

/// Where inputs are kept that once went wrong.
fn found_before(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/found")
        .join(name);
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        files.insert(entry.path(), std::fs::read(entry.path()).unwrap());
    }
    files.into_values().collect()
}

fn saved(name: &str, input: &[u8]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{:016x}", hasher.finish()));
    std::fs::write(&path, input).unwrap();
    path
}

fn report(name: &str, seed: u64, input: &[u8], what: &str) -> ! {
    let path = saved(name, input);
    panic!(
        "{name} (ENVGIT_FUZZ_SEED={seed}): {what} on {}; keep it in tests/fuzz/found/{name}/ when it is mended",
        path.display()
    );
}

/// The most memory that the process had, in KiB, since it was last asked.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = line
        .and_then(|line| line.trim().split(' ').next()?.parse().ok())
        .unwrap_or(0);
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    peak
}

fn check_memory(target: &Target<'_>, seed: u64, recent: &[Vec<u8>]) {
    if peak() < MOST_MEMORY {
        return;
    }
    for input in recent {
        peak();
        (target.run)(input);
        let most = peak();
        if most >= MOST_MEMORY {
            report(target.name, seed, input, &format!("it took {most} KiB"));
        }
    }
}

/// Ends the process when an input takes too long, and knows which one it was.
struct Watch {
    current: PathBuf,
    /// When the current input began, in milliseconds of `clock`; 0 when there is none.
    began: std::sync::Arc<AtomicU64>,
    clock: Instant,
}

impl Watch {
    fn start(name: &str) -> Self {
        let current = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-current"));
        let began = std::sync::Arc::new(AtomicU64::new(0));
        let clock = Instant::now();
        let (weak, path, name) = (std::sync::Arc::downgrade(&began), current.clone(), name.to_owned());
        std::thread::spawn(move || {
            while let Some(began) = weak.upgrade() {
                let since = began.load(Ordering::Relaxed);
                let now = clock.elapsed().as_millis() as u64 + 1;
                if since > 0 && Duration::from_millis(now.saturating_sub(since)) > HANG {
                    eprintln!("{name}: it hangs on {}", path.display());
                    std::process::exit(101);
                }
                drop(began);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Self { current, began, clock }
    }

    /// The input is on the disk before it is tried: a stack that overflows leaves no time for it.
    fn begin(&self, input: &[u8]) {
        std::fs::write(&self.current, input).unwrap();
        self.began
            .store(self.clock.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
    }

    fn end(&self) {
        self.began.store(0, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_file(&self.current);
        }
    }
}

/// Numbers at which arithmetic goes wrong.
const NUMBERS: &[u64] = &[
    0,
    1,
    7,
    255,
    256,
    65_535,
    1 << 20,
    (1 << 22) + 1,
    i32::MAX as u64,
    u32::MAX as u64,
    1 << 32,
    1 << 60,
    i64::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];

/// One to eight changes of an input.
pub(crate) fn mutate(random: &mut Random, corpus: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..1 + random.below(8) {
        change(random, &mut input, corpus, words);
    }
    input.truncate(MOST);
    input
}

fn change(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) {
    let at = random.below(input.len() + 1);
    let reach = 1 << random.below(10);
    let length = 1 + random.below(reach);
    let end = (at + length).min(input.len());
    match random.below(13) {
        0 | 1 if at < input.len() => input[at] ^= 1 << random.below(8),
        2 if at < input.len() => input[at] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b' ', b'"', b'/', b'\\'][random.below(10)],
        3 => drop(input.drain(at..end)),
        4 => {
            let part = input[at..end].to_vec();
            input.splice(at..at, part);
        }
        5 => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len() + 1);
            let to = (from + length).min(other.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
        6 => input.truncate(at),
        7 | 8 if !words.is_empty() => {
            let word = words[random.below(words.len())];
            let cut = if random.below(2) == 0 { at } else { end };
            input.splice(at..cut, word.bytes());
        }
        9 => number_in_text(random, input, at),
        10 => {
            let bytes = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
            let width = [1, 2, 4, 8][random.below(4)];
            let end = (at + width).min(input.len());
            input.splice(at..end, bytes[..width].iter().copied());
        }
        11 if random.below(20) == 0 => {
            // What is nested too deeply, or too long.
            let byte = [b'(', b'[', b'{', b' ', b'-', b'a', b'\n', b'"', b'.'][random.below(9)];
            let count = 1 << random.below(17);
            input.splice(at..at, std::iter::repeat_n(byte, count));
        }
        12 => {
            // Lines in another order.
            let lines: Vec<&[u8]> = input.split_inclusive(|b| *b == b'\n').collect();
            let (a, b) = (random.below(lines.len()), random.below(lines.len()));
            let mut lines = lines;
            if !lines.is_empty() {
                lines.swap(a, b);
            }
            *input = lines.concat();
        }
        _ => input.insert(at, random.next() as u8),
    }
}

/// Puts another number in the place of the next one that is written in digits.
fn number_in_text(random: &mut Random, input: &mut Vec<u8>, at: usize) {
    let Some(start) = input[at..].iter().position(u8::is_ascii_digit).map(|n| at + n) else {
        return;
    };
    let digits = input[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let number = NUMBERS[random.below(NUMBERS.len())].to_string();
    input.splice(start..start + digits, number.bytes());
}
