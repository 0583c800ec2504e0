//! Checks layers: every byte of the file, every frame, every content, and that the tar, its table of contents and its
//! tar-split say the same.

mod layout;
mod recipes;
mod structure;
mod tarball;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crc_fast::{CrcAlgorithm, Digest as Crc};

use super::catalog::{DigestMap, Frame, LayerIndex, RECIPE_DIR, Recipe, StoredFile, members};
use super::checksum::Checksum;
use super::fetch::Reader;
use super::toc::Toc;
use crate::digest::{Digest, Hasher};
use crate::fsx::{self, Context};
use crate::progress::Progress;
use layout::Layout;
use recipes::check_recipes;
pub use structure::{check_rest, structure};

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

    /// Its bytes are those of a layer. Wrong are at most its name, and parts of its files that other layers lack.
    pub fn is_whole(&self) -> bool {
        let is_minor = |flaw: &Flaw| matches!(flaw.part, Part::Name | Part::Recipe);
        self.actual.is_some() && self.flaws.iter().all(is_minor)
    }

    /// It is whole, and has a name that is not its own.
    pub fn is_misnamed(&self) -> bool {
        self.is_whole() && self.actual != Some(self.name)
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
        let is_proven = check.flaws.is_empty();
        check.index.iter_mut().for_each(|index| index.is_proven = is_proven);
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
    /// Checksums of sound frames, by where they start.
    sums: Vec<(u64, Checksum)>,
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
    let mut sums_of_frames = HashMap::new();
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
                sums_of_frames.extend(found.sums);
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
        for frame in check.index.iter_mut().flat_map(|index| &mut index.frames) {
            frame.sum = sums_of_frames.get(&frame.offset).copied();
        }
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
        sums: Vec::with_capacity(file.frames.len()),
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
                found.sums.push((frame.offset, Checksum::of(&bytes)));
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
