//! The paths of roots at home and here, as a permutation: each is exchanged for another, and none is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

/// The path of one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Where it was first recorded: absolute, without a slash at the end.
    pub home: Vec<u8>,
    /// Where it stands here.
    pub here: Vec<u8>,
}

/// The paths of all roots.
///
/// A text that holds both places, such as a note on how two machines are set up, could not be changed back if `here`
/// simply took the place of `home`. So the two are exchanged: `here` becomes `home` as well. Where the home of one root
/// is where another stands here, the exchange goes around in a ring. Either way every path has one image and one
/// origin, and the change back is exact.
#[derive(Debug)]
pub struct Paths {
    to_here: Map,
    to_home: Map,
    homes: Vec<Vec<u8>>,
    tokens: Vec<Vec<u8>>,
    is_identity: bool,
    pairs: Vec<Pair>,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Map {
    /// What is looked for, and what stands for it; by number of the pattern.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The same without those that are written as URLs.
    plain: usize,
    finder: OnceLock<Option<AhoCorasick>>,
}

/// A path that was found.
pub(super) struct Found<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) becomes: &'a [u8],
}

impl Paths {
    /// The paths of some roots. Of two that share a home, or a place, the second is left out.
    pub fn new(pairs: Vec<Pair>) -> Self {
        let (mut homes, mut heres) = (BTreeSet::new(), BTreeSet::new());
        let mut forward: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for Pair { home, here } in pairs.iter().cloned() {
            let is_free = !homes.contains(&home) && !heres.contains(&here);
            if is_free && home.len() > 1 && here.len() > 1 {
                homes.insert(home.clone());
                heres.insert(here.clone());
                forward.insert(home, here);
            }
        }
        let backward: BTreeMap<&Vec<u8>, &Vec<u8>> = forward.iter().map(|(home, here)| (here, home)).collect();
        // A place here that is nobody's home takes the path at the other end of its ring.
        let mut ring: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for here in heres.difference(&homes) {
            let mut end = here;
            while let Some(home) = backward.get(end) {
                end = home;
            }
            ring.push((here.clone(), end.clone()));
        }
        let mut exchanged: Vec<(Vec<u8>, Vec<u8>)> = forward.into_iter().chain(ring).collect();
        let is_identity = exchanged.iter().all(|(from, to)| from == to);
        let forms = |path: &Vec<u8>| {
            let url = file_url(path);
            std::iter::once(path.clone()).chain((url.len() > path.len() + FILE.len()).then_some(url))
        };
        let tokens = exchanged.iter().flat_map(|(from, _)| forms(from)).collect();
        let homes = homes.iter().flat_map(forms).collect();
        let to_here = Map::new(exchanged.clone());
        exchanged.iter_mut().for_each(|(from, to)| std::mem::swap(from, to));
        Self {
            to_home: Map::new(exchanged),
            to_here,
            homes,
            tokens,
            is_identity,
            pairs,
        }
    }

    /// These and one more.
    pub fn and(&self, pair: Pair) -> Self {
        let pairs = self.pairs.iter().cloned();
        Self::new(pairs.chain([pair]).collect())
    }

    /// Whether every root stands at home.
    pub fn is_identity(&self) -> bool {
        self.is_identity
    }

    /// The homes of all roots, also as URLs where these look otherwise.
    pub fn homes(&self) -> &[Vec<u8>] {
        &self.homes
    }

    /// All paths that stand for another, here or at home, also as URLs where these look otherwise.
    pub fn tokens(&self) -> &[Vec<u8>] {
        &self.tokens
    }

    /// A text of here that is no file, such as the value of a variable, as it is recorded: with the homes of the roots. One
    /// of which that could not be taken back stays as it is.
    pub fn recorded(&self, live: &[u8]) -> Vec<u8> {
        exact(live, &self.to_home, &self.to_here)
    }

    /// The same the other way.
    pub fn live(&self, recorded: &[u8]) -> Vec<u8> {
        exact(recorded, &self.to_here, &self.to_home)
    }

    pub(super) fn to_here(&self) -> &Map {
        &self.to_here
    }

    pub(super) fn to_home(&self) -> &Map {
        &self.to_home
    }
}

impl Map {
    fn new(pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        let plain = pairs.len();
        let urls = pairs.iter().filter_map(|(from, to)| {
            let (a, b) = (file_url(from), file_url(to));
            let is_escaped = a.len() + b.len() != from.len() + to.len() + 2 * FILE.len();
            is_escaped.then_some((a, b))
        });
        let urls: Vec<_> = urls.collect();
        let pairs = [pairs, urls].concat();
        Self {
            pairs,
            plain,
            finder: OnceLock::new(),
        }
    }

    /// Built when first asked for: most commands look into no text.
    fn finder(&self) -> Option<&AhoCorasick> {
        // Some dozens of short patterns: building an automaton for them fails for no memory alone.
        let build = || AhoCorasick::new(self.pairs.iter().map(|(from, _)| from)).ok();
        self.finder.get_or_init(build).as_ref()
    }

    /// All paths in a text, in order, none within another: at one place the longest.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Found<'_>> {
        let Some(finder) = self.finder() else { return Vec::new() };
        let mut candidates: Vec<(usize, usize, usize)> = finder
            .find_overlapping_iter(text)
            .filter(|found| is_whole(text, found.start(), found.end()))
            .map(|found| (found.start(), found.end(), found.pattern().as_usize()))
            .collect();
        candidates.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let mut done = 0;
        candidates.retain(|(start, end, _)| {
            let is_free = *start >= done;
            if is_free {
                done = *end;
            }
            is_free
        });
        let found = |(start, end, number): (usize, usize, usize)| Found {
            start,
            end,
            becomes: &self.pairs[number].1,
        };
        candidates.into_iter().map(found).collect()
    }

    /// How many times as long a text may become.
    pub(super) fn growth(&self) -> u64 {
        let times = self.pairs.iter().map(|(from, to)| to.len().div_ceil(from.len()));
        times.max().unwrap_or(1) as u64
    }

    /// Every path in a text exchanged.
    pub(super) fn change(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 64);
        let mut done = 0;
        for found in self.find(text) {
            out.extend_from_slice(&text[done..found.start]);
            out.extend_from_slice(found.becomes);
            done = found.end;
        }
        out.extend_from_slice(&text[done..]);
        out
    }

    /// The target of a link exchanged, if it lies in a root.
    pub(super) fn link(&self, target: &[u8]) -> Vec<u8> {
        let within = |from: &[u8]| {
            target
                .strip_prefix(from)
                .filter(|rest| matches!(rest.first(), None | Some(b'/')))
        };
        let mut longest: Option<(usize, Vec<u8>)> = None;
        for (from, to) in &self.pairs[..self.plain] {
            if let Some(rest) = within(from)
                && longest.as_ref().is_none_or(|(len, _)| *len < from.len())
            {
                longest = Some((from.len(), [to, rest].concat()));
            }
        }
        longest.map_or_else(|| target.to_vec(), |(_, changed)| changed)
    }
}

fn exact(text: &[u8], way: &Map, back: &Map) -> Vec<u8> {
    let changed = way.change(text);
    match back.change(&changed) == text {
        true => changed,
        false => text.to_vec(),
    }
}

/// A byte of a file's name in the widest sense.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+') || byte >= 0x80
}

/// No path is longer than the kernel's limit.
const LONGEST_PATH: usize = 4096;

/// Whether a path in a text is a whole one: neither the beginning of a longer name (`/env2`) nor the end of a longer
/// path (`/mnt/env`). What stands before it may be an option (`-L/env/lib`) or the beginning of a URL (`file:///env`).
fn is_whole(text: &[u8], start: usize, end: usize) -> bool {
    if text.get(end).copied().is_some_and(is_name) {
        return false;
    }
    if text[start] != b'/' {
        return true;
    }
    let before = text[..start].iter().rev().take(LONGEST_PATH);
    let run: Vec<u8> = before
        .copied()
        .take_while(|byte| *byte == b'/' || is_name(*byte))
        .collect();
    !run.contains(&b'/') || run.iter().all(|byte| *byte == b'/')
}

const FILE: &[u8] = b"file://";

/// The URL of a path (RFC 8089): what is neither unreserved nor a slash is escaped.
fn file_url(path: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = FILE.to_vec();
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(byte) {
            out.push(*byte);
        } else {
            out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
    out
}
