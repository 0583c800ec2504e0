//! Checks layers: every byte of the file, every frame, every content, and that the tar, its table of contents and its
//! tar-split say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use serde::Deserialize;

use super::catalog::{DigestMap, Frame, LayerIndex, RECIPE_DIR, Recipe, StoredFile, members};
use super::fetch::Reader;
use super::toc::{Footer, Toc};
use crate::digest::{Digest, Hasher};
use crate::fsx::{self, Context};
use crate::progress::Progress;
use crate::snapshot::path::escape;

/// Which part of a layer is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The file cannot be read.
    File,
    /// Its bytes are not those that its name promises.
    Name,
    /// The footer.
    Footer,
    /// The table of contents.
    Contents,
    /// tar-split.
    TarSplit,
    /// Tar headers.
    Headers,
    /// A frame of content.
    Frame,
    /// A content whose frames are sound and which is not what its digest says.
    Content,
    /// A file stored in parts, of which one is in no layer.
    Recipe,
}

/// Something wrong with a layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flaw {
    /// Where.
    pub part: Part,
    /// What, for people.
    pub what: String,
}

/// What is known of one layer after it was read from start to end.
#[derive(Clone, Debug)]
pub struct LayerCheck {
    /// The digest that is its name.
    pub name: Digest,
    /// Its file.
    pub path: PathBuf,
    /// Length of the file.
    pub size: u64,
    /// The digest of the file as it is; nothing when it cannot be read.
    pub actual: Option<Digest>,
    /// What is wrong, sorted.
    pub flaws: Vec<Flaw>,
    /// What it holds, where the table of contents can be read.
    pub index: Option<LayerIndex>,
    /// Contents in it that do not come back, with the frames at fault.
    pub lost: BTreeMap<Digest, Vec<Frame>>,
    bad_frames: BTreeSet<u64>,
}

impl LayerCheck {
    fn new(name: Digest, path: &Path) -> Self {
        Self {
            name,
            path: path.to_owned(),
            size: 0,
            actual: None,
            flaws: Vec::new(),
            index: None,
            lost: BTreeMap::new(),
            bad_frames: BTreeSet::new(),
        }
    }

    fn flaw(&mut self, part: Part, what: impl Into<String>) {
        self.flaws.push(Flaw {
            part,
            what: what.into(),
        });
    }

    /// Whether a frame of it comes back.
    pub(super) fn is_good(&self, frame: &Frame) -> bool {
        !self.bad_frames.contains(&frame.offset)
    }

    /// Nothing is wrong with it.
    pub fn is_sound(&self) -> bool {
        self.flaws.is_empty()
    }

    /// Only its name is wrong: under the name of its digest it would be sound.
    pub fn is_misnamed(&self) -> bool {
        !self.flaws.is_empty() && self.flaws.iter().all(|flaw| flaw.part == Part::Name)
    }
}

/// Which contents come back from some layers.
#[derive(Default)]
pub struct Holdings {
    wholes: DigestMap<u64>,
    chunks: DigestMap<()>,
    recipes: DigestMap<(u64, Vec<Digest>)>,
}

impl Holdings {
    /// What the sound parts of these layers hold.
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a LayerCheck>) -> Self {
        let mut holdings = Self::default();
        for check in checks {
            let Some(index) = &check.index else { continue };
            for whole in &index.wholes {
                let frames = &index.frames[whole.first as usize..][..whole.count as usize];
                if !check.lost.contains_key(&whole.digest) {
                    holdings.wholes.insert(whole.digest, whole.size);
                }
                for frame in frames.iter().filter(|frame| check.is_good(frame)) {
                    holdings.chunks.insert(frame.digest, ());
                }
            }
            for recipe in &index.recipes {
                if !check.lost.contains_key(&recipe.digest) {
                    let made = (recipe.size, recipe.chunks.clone());
                    holdings.recipes.insert(recipe.digest, made);
                }
            }
        }
        holdings
    }

    /// The length of a content that comes back whole.
    pub fn size_of(&self, digest: &Digest) -> Option<u64> {
        if let Some(size) = self.wholes.get(digest) {
            return Some(*size);
        }
        let (size, chunks) = self.recipes.get(digest)?;
        chunks
            .iter()
            .all(|chunk| self.chunks.contains_key(chunk))
            .then_some(*size)
    }
}

/// The layers in a directory by the digest in their names, and files that are no layers.
///
/// # Errors
/// Names the directory.
pub fn list(dir: &Path) -> Result<(BTreeMap<Digest, PathBuf>, Vec<PathBuf>), fsx::Error> {
    let (mut layers, mut others) = (BTreeMap::new(), Vec::new());
    for entry in std::fs::read_dir(dir).at("list", dir)? {
        let path = entry.at("list", dir)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match name.strip_suffix(".tar.zst").and_then(|name| name.parse().ok()) {
            Some(digest) => {
                layers.insert(digest, path);
            }
            // A layer under way, or what is left of one.
            None if name.starts_with(".draft-") => {}
            None => others.push(path),
        }
    }
    others.sort_unstable();
    Ok((layers, others))
}

/// Reads layers from start to end, one after the other, each on all cores. One that is gone by now is left out.
pub fn check(layers: &BTreeMap<Digest, PathBuf>, threads: usize, progress: &dyn Progress) -> Vec<LayerCheck> {
    let mut checks = Vec::new();
    for (name, path) in layers {
        checks.extend(check_layer(*name, path, threads, progress));
    }
    check_recipes(&mut checks, threads);
    for check in &mut checks {
        check.flaws.sort_unstable();
        check.flaws.dedup();
    }
    checks
}

/// What is checked of one layer apart from the rest.
enum Finding {
    Whole(io::Result<Digest>),
    Headers(Option<Flaw>),
    File(usize, FileFinding),
}

/// What reading one file of a layer tells.
struct FileFinding {
    bad: Vec<Frame>,
    flaw: Option<Flaw>,
}

fn check_layer(name: Digest, path: &Path, threads: usize, progress: &dyn Progress) -> Option<LayerCheck> {
    let mut check = LayerCheck::new(name, path);
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let file = match opened {
        Ok((size, file)) => {
            check.size = size;
            file
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            check.flaw(Part::File, format!("it cannot be read: {error}"));
            return Some(check);
        }
    };
    let plan = Layout::read(&file, check.size);
    let (layout, files) = match plan {
        Ok(layout) => {
            let files = members(&layout.toc);
            if let Err(what) = &files {
                check.flaw(Part::Contents, what.clone());
            }
            (Some(layout), files.unwrap_or_default())
        }
        Err(flaw) => {
            check.flaws.push(flaw);
            (None, Vec::new())
        }
    };
    let sums: Vec<Option<u64>> = match &layout {
        Some(layout) if layout.split.is_some() => layout.sums(&files),
        _ => vec![None; files.len()],
    };
    let findings = findings(&file, check.size, layout.as_ref(), &files, &sums, threads, progress);
    for finding in findings {
        match finding {
            Finding::Whole(Ok(actual)) => {
                check.actual = Some(actual);
                if actual != name {
                    check.flaw(Part::Name, format!("its digest is {actual}, not that of its name"));
                }
            }
            Finding::Whole(Err(error)) => check.flaw(Part::File, format!("it cannot be read: {error}")),
            Finding::Headers(flaw) => check.flaws.extend(flaw),
            Finding::File(at, found) => {
                let file = &files[at];
                let is_lost = found.flaw.as_ref().is_some_and(|flaw| flaw.part != Part::TarSplit);
                check.bad_frames.extend(found.bad.iter().map(|frame| frame.offset));
                if is_lost {
                    let of = file.name.strip_prefix(RECIPE_DIR).and_then(|name| name.parse().ok());
                    check.lost.insert(of.unwrap_or(file.digest), found.bad);
                }
                check.flaws.extend(found.flaw);
            }
        }
    }
    if let Some(layout) = &layout {
        check.flaws.extend(layout.split_flaw.clone());
        check.index = sound_index(&layout.toc, &file, &mut check);
    }
    Some(check)
}

/// The index of a layer of which some recipes may be damaged: those are left out.
fn sound_index(toc: &Toc, file: &File, check: &mut LayerCheck) -> Option<LayerIndex> {
    let mut reader = Reader::default();
    let files = members(toc).ok()?;
    let mut index = LayerIndex::default();
    for file_of in files {
        if let Some(of) = file_of.name.strip_prefix(RECIPE_DIR) {
            let text = file_of.frames.first().and_then(|frame| reader.read(file, frame).ok());
            match text.and_then(|text| Recipe::decode(of, &text)) {
                Some(recipe) => index.recipes.push(recipe),
                None if check.lost.keys().any(|lost| lost.to_string() == of) => {}
                None => check.flaw(Part::Recipe, format!("the recipe of {of} makes no sense")),
            }
            continue;
        }
        index.wholes.push(super::catalog::Whole {
            digest: file_of.digest,
            size: file_of.size,
            first: index.frames.len() as u32,
            count: file_of.frames.len() as u32,
        });
        index.frames.extend(file_of.frames);
    }
    Some(index)
}

/// Does all that can be done at once on one layer.
fn findings(
    file: &File,
    size: u64,
    layout: Option<&Layout>,
    files: &[StoredFile],
    sums: &[Option<u64>],
    threads: usize,
    progress: &dyn Progress,
) -> Vec<Finding> {
    // The file as a whole and the headers come first: they take longest.
    let extra = 2;
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let tasks = files.len() + extra;
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, tasks) {
            scope.spawn(|| {
                let mut reader = Reader::default();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let finding = match at {
                        0 => Finding::Whole(hash(file, size, progress)),
                        1 => Finding::Headers(layout.and_then(|layout| layout.check_headers(file, files))),
                        at if at < tasks => {
                            let at = at - extra;
                            Finding::File(at, check_file(&mut reader, file, &files[at], sums[at]))
                        }
                        _ => break,
                    };
                    if let Ok(mut found) = found.lock() {
                        found.push(finding);
                    }
                }
            });
        }
    });
    found.into_inner().unwrap_or_default()
}

/// The digest of the file as it is.
fn hash(file: &File, size: u64, progress: &dyn Progress) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    while at < size {
        let want = usize::try_from(size - at).map_or(buffer.len(), |left| left.min(buffer.len()));
        file.read_exact_at(&mut buffer[..want], at)?;
        hasher.update(&buffer[..want]);
        at += want as u64;
        progress.advance(want as u64);
    }
    Ok(hasher.finish())
}

fn check_file(reader: &mut Reader, layer: &File, file: &StoredFile, crc: Option<u64>) -> FileFinding {
    let mut found = FileFinding {
        bad: Vec::new(),
        flaw: None,
    };
    let mut hasher = Hasher::new();
    let mut sum = Crc::new(CrcAlgorithm::Crc64GoIso);
    let is_single = file.frames.len() == 1;
    for frame in &file.frames {
        match reader.read(layer, frame) {
            Ok(bytes) => {
                if !is_single {
                    hasher.update(&bytes);
                }
                sum.update(&bytes);
            }
            Err(what) => {
                found.bad.push(*frame);
                found.flaw.get_or_insert(Flaw {
                    part: Part::Frame,
                    what: format!("{what}; {} is in it", file.name),
                });
            }
        }
    }
    if found.flaw.is_some() {
        return found;
    }
    let digest = match &file.frames[..] {
        [frame] => frame.digest,
        _ => hasher.finish(),
    };
    if digest != file.digest {
        found.flaw = Some(Flaw {
            part: Part::Content,
            what: format!("{} is not the content {} that it is listed as", file.name, file.digest),
        });
    } else if crc.is_some_and(|crc| crc != sum.finalize()) {
        found.flaw = Some(Flaw {
            part: Part::TarSplit,
            what: format!("tar-split has another checksum for {}", file.name),
        });
    }
    found
}

/// One line of tar-split.
#[derive(Deserialize)]
struct SplitLine {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    name: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    payload: String,
}

/// A part of the tar, put together from tar-split.
enum Piece {
    Raw(Vec<u8>),
    Content { name: String, size: u64, crc: Option<u64> },
}

/// How a layer is put together.
struct Layout {
    toc: Toc,
    toc_offset: u64,
    split: Option<Vec<Piece>>,
    split_flaw: Option<Flaw>,
}

impl Layout {
    fn read(file: &File, size: u64) -> Result<Self, Flaw> {
        let flaw = |part: Part| {
            move |error: io::Error| Flaw {
                part,
                what: error.to_string(),
            }
        };
        let footer = read_footer(file, size).map_err(flaw(Part::Footer))?;
        let toc = read_skippable(file, footer.toc_offset, footer.toc_stored, footer.toc_size, size);
        let toc = toc.map_err(flaw(Part::Contents))?;
        let toc = serde_json::from_slice(&toc).map_err(|error| flaw(Part::Contents)(error.into()))?;
        let (offset, stored, plain) = (footer.tarsplit_offset, footer.tarsplit_stored, footer.tarsplit_size);
        let split = read_skippable(file, offset, stored, plain, size).and_then(|text| pieces(&text));
        let (split, split_flaw) = match split {
            Ok(split) => (Some(split), None),
            Err(error) => (None, Some(flaw(Part::TarSplit)(error))),
        };
        Ok(Self {
            toc,
            toc_offset: footer.toc_offset,
            split,
            split_flaw,
        })
    }

    /// The checksum of each file as tar-split has it.
    fn sums(&self, files: &[StoredFile]) -> Vec<Option<u64>> {
        let contents = self.split.iter().flatten().filter_map(|piece| match piece {
            Piece::Content { crc, .. } => Some(*crc),
            Piece::Raw(_) => None,
        });
        let mut sums: Vec<_> = contents.take(files.len()).collect();
        sums.resize(files.len(), None);
        sums
    }

    /// Whether tar-split, the headers in the layer and the table of contents say the same.
    fn check_headers(&self, file: &File, files: &[StoredFile]) -> Option<Flaw> {
        let split = self.split.as_ref()?;
        let told = |part: Part, what: String| Some(Flaw { part, what });
        let listed: Vec<(&str, u64)> = files.iter().map(|file| (file.name.as_str(), file.size)).collect();
        let in_split: Vec<(&str, u64)> = split
            .iter()
            .filter_map(|piece| match piece {
                Piece::Content { name, size, .. } => Some((name.as_str(), *size)),
                Piece::Raw(_) => None,
            })
            .collect();
        if listed != in_split {
            let what = "tar-split lists other files than the table of contents".to_owned();
            return told(Part::TarSplit, what);
        }
        if let Err(what) = self.compare_gaps(file, files, split) {
            return told(Part::Headers, what);
        }
        match compare_tar(split, &self.toc) {
            Ok(()) => None,
            Err(what) => told(Part::Headers, what),
        }
    }

    /// Between the contents stand the headers, as tar-split has them.
    fn compare_gaps(&self, file: &File, files: &[StoredFile], split: &[Piece]) -> Result<(), String> {
        let mut pieces = split.iter();
        let mut at = 0;
        let end = self.toc_offset.saturating_sub(8);
        let starts = files.iter().map(|file| {
            let first = file.frames.first().map_or(0, |frame| frame.offset);
            let after = file
                .frames
                .last()
                .map_or(0, |frame| frame.offset + u64::from(frame.stored));
            (first, after)
        });
        for (first, after) in starts.chain([(end, end)]) {
            let mut expected: Vec<u8> = Vec::new();
            for piece in pieces.by_ref() {
                match piece {
                    Piece::Raw(bytes) => expected.extend_from_slice(bytes),
                    Piece::Content { .. } => break,
                }
            }
            let gap = first
                .checked_sub(at)
                .ok_or_else(|| format!("the contents overlap at byte {first}"))?;
            let broken = |error: io::Error| format!("the tar headers at byte {at} are damaged: {error}");
            let mut stored = vec![0; usize::try_from(gap).unwrap_or(usize::MAX)];
            file.read_exact_at(&mut stored, at).map_err(broken)?;
            let plain = decompress(&stored, expected.len() as u64).map_err(broken)?;
            if plain != expected {
                return Err(format!("the tar headers at byte {at} are not those of tar-split"));
            }
            at = after;
        }
        Ok(())
    }
}

fn read_footer(file: &File, size: u64) -> io::Result<Footer> {
    let cut = || io::Error::new(io::ErrorKind::InvalidData, "it is cut short: there is no footer");
    let start = size.checked_sub(Footer::LEN as u64).ok_or_else(cut)?;
    let mut bytes = [0; Footer::LEN];
    file.read_exact_at(&mut bytes, start)?;
    let footer = Footer::decode(&bytes).map_err(|_| cut())?;
    let after = |offset: u64, stored: u64| offset.saturating_add(stored).saturating_add(8);
    let in_order = footer.tarsplit_offset == after(footer.toc_offset, footer.toc_stored)
        && after(footer.tarsplit_offset, footer.tarsplit_stored) == start + 8;
    if in_order {
        Ok(footer)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the footer does not fit the file",
        ))
    }
}

fn read_skippable(file: &File, offset: u64, stored: u64, plain: u64, size: u64) -> io::Result<Vec<u8>> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if offset.saturating_add(stored) > size {
        return Err(invalid("it lies beyond the end of the file"));
    }
    let mut bytes = vec![0; usize::try_from(stored).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, offset)?;
    let text = decompress(&bytes, plain)?;
    if text.len() as u64 == plain {
        Ok(text)
    } else {
        Err(invalid("it has another length than the footer says"))
    }
}

/// The plain bytes of frames one behind the other; at most one byte more than `limit`.
fn decompress(stored: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    zstd::stream::read::Decoder::new(stored)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut plain)?;
    Ok(plain)
}

fn pieces(text: &[u8]) -> io::Result<Vec<Piece>> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "a line of tar-split makes no sense");
    let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let line: SplitLine = serde_json::from_slice(line)?;
            let payload = BASE64.decode(&line.payload).map_err(|_| invalid())?;
            match line.kind {
                1 => Ok(Piece::Content {
                    name: line.name,
                    size: line.size,
                    crc: payload.try_into().ok().map(u64::from_be_bytes),
                }),
                2 => Ok(Piece::Raw(payload)),
                _ => Err(invalid()),
            }
        })
        .collect()
}

/// The headers of the tar against the table of contents.
fn compare_tar(split: &[Piece], toc: &Toc) -> Result<(), String> {
    let odd = |error: io::Error| format!("the tar cannot be read: {error}");
    let mut archive = tar::Archive::new(Tar::new(split));
    let mut listed = toc.entries.iter().filter(|entry| entry.kind != "chunk");
    for member in archive.entries_with_seek().map_err(odd)? {
        let member = member.map_err(odd)?;
        let mut name = member.path_bytes().into_owned();
        if name.ends_with(b"/") {
            name.pop();
        }
        let name = escape(&name);
        let entry = listed
            .next()
            .ok_or_else(|| format!("{name} is not in the table of contents"))?;
        let kind = match member.header().entry_type() {
            tar::EntryType::Directory => "dir",
            tar::EntryType::Symlink => "symlink",
            tar::EntryType::Link => "hardlink",
            _ => "reg",
        };
        let link = member.link_name_bytes().map(|link| escape(&link)).unwrap_or_default();
        let mode = member.header().mode().ok();
        let same_mode = kind == "symlink" || mode == entry.mode;
        let same_size = kind != "reg" || member.size() == entry.size.unwrap_or(0);
        if name != entry.name || kind != entry.kind || link != entry.link_name || !same_mode || !same_size {
            return Err(format!(
                "the tar has {kind} {name} where the table of contents has {} {}",
                entry.kind, entry.name
            ));
        }
    }
    match listed.next() {
        Some(entry) => Err(format!("the tar has no {}", entry.name)),
        None => Ok(()),
    }
}

/// The tar with zeros in place of contents.
struct Tar<'a> {
    pieces: &'a [Piece],
    /// Where each piece starts, and the end of all.
    starts: Vec<u64>,
    at: u64,
}

impl<'a> Tar<'a> {
    fn new(pieces: &'a [Piece]) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for piece in pieces {
            end += match piece {
                Piece::Raw(bytes) => bytes.len() as u64,
                Piece::Content { size, .. } => *size,
            };
            starts.push(end);
        }
        Self { pieces, starts, at: 0 }
    }
}

impl Read for Tar<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.starts.partition_point(|start| *start <= self.at).saturating_sub(1);
        let Some(found) = self.pieces.get(piece) else {
            return Ok(0);
        };
        let within = self.at - self.starts[piece];
        let filled = match found {
            Piece::Raw(bytes) => {
                let mut rest = &bytes[within as usize..];
                rest.read(buffer)?
            }
            Piece::Content { size, .. } => {
                let filled = usize::try_from(size - within).map_or(buffer.len(), |left| left.min(buffer.len()));
                buffer[..filled].fill(0);
                filled
            }
        };
        self.at += filled as u64;
        Ok(filled)
    }
}

impl Seek for Tar<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = self.starts.last().copied().unwrap_or(0);
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => end.checked_add_signed(by),
        };
        self.at = to.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// Files in parts: every part is in some layer, and together they are what the recipe is named for.
fn check_recipes(checks: &mut [LayerCheck], threads: usize) {
    let mut places: DigestMap<(usize, Frame)> = DigestMap::default();
    for (layer, check) in checks.iter().enumerate() {
        let frames = check.index.iter().flat_map(|index| &index.frames);
        for frame in frames.filter(|frame| !check.bad_frames.contains(&frame.offset)) {
            places.entry(frame.digest).or_insert((layer, *frame));
        }
    }
    let recipes: Vec<(usize, &Recipe)> = checks
        .iter()
        .enumerate()
        .flat_map(|(layer, check)| {
            check
                .index
                .iter()
                .flat_map(move |index| index.recipes.iter().map(move |r| (layer, r)))
        })
        .collect();
    let files: Vec<Option<File>> = match recipes.is_empty() {
        true => Vec::new(),
        false => checks.iter().map(|check| File::open(&check.path).ok()).collect(),
    };
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.min(recipes.len()) {
            scope.spawn(|| {
                let mut reader = Reader::default();
                while let Some((layer, recipe)) = recipes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let flaw = check_recipe(&mut reader, recipe, &places, &files);
                    if let (Some(flaw), Ok(mut found)) = (flaw, found.lock()) {
                        found.push((*layer, recipe.digest, flaw));
                    }
                }
            });
        }
    });
    for (layer, digest, flaw) in found.into_inner().unwrap_or_default() {
        checks[layer].lost.insert(digest, Vec::new());
        checks[layer].flaws.push(flaw);
    }
}

fn check_recipe(
    reader: &mut Reader,
    recipe: &Recipe,
    places: &DigestMap<(usize, Frame)>,
    files: &[Option<File>],
) -> Option<Flaw> {
    let told = |what: String| {
        Some(Flaw {
            part: Part::Recipe,
            what,
        })
    };
    let mut hasher = Hasher::new();
    let mut size = 0;
    for chunk in &recipe.chunks {
        let place = places.get(chunk);
        let bytes = place.and_then(|(layer, frame)| reader.read(files.get(*layer)?.as_ref()?, frame).ok());
        let Some(bytes) = bytes else {
            return told(format!(
                "the file {} needs the part {chunk}, which no layer gives",
                recipe.digest
            ));
        };
        hasher.update(&bytes);
        size += bytes.len() as u64;
    }
    if hasher.finish() == recipe.digest && size == recipe.size {
        return None;
    }
    told(format!("the parts of the file {} make another one", recipe.digest))
}
