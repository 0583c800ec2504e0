//! Which content lies where: the index of one layer, and the catalog of all.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher as StdHasher};
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use super::frame::{FRAME_ROOM, MAX_FRAME, MAX_RECIPE};
use super::toc::{Toc, parse_digest};
use crate::digest::Digest;

/// A frame of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Digest of its plain bytes.
    pub digest: Digest,
    /// Where it starts in the layer.
    pub offset: u64,
    /// Its length in the layer.
    pub stored: u32,
    /// Its plain length.
    pub size: u32,
    /// The checksum of its plain bytes, noted when they were found to have the digest.
    pub sum: Option<Checksum>,
}

/// A content whose frames lie one behind the other in one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// Digest of all of it.
    pub digest: Digest,
    /// Its plain length.
    pub size: u64,
    /// Its first frame in [`LayerIndex::frames`].
    pub first: u32,
    /// How many frames.
    pub count: u32,
}

/// A content put together from frames that may lie in several layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// Digest of all of it.
    pub digest: Digest,
    /// Its plain length.
    pub size: u64,
    /// Digests of its chunks in order.
    pub chunks: Vec<Digest>,
}

/// What one layer holds. Written beside the layer as a cache; rebuilt from the table of contents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerIndex {
    /// All frames of content, by offset.
    pub frames: Vec<Frame>,
    /// Contents, in the order of the tar.
    pub wholes: Vec<Whole>,
    /// Contents stored as parts.
    pub recipes: Vec<Recipe>,
    /// The layer was written here, or all of it was verified: its frames make what it says. Otherwise that is found
    /// out when they are read.
    pub is_proven: bool,
}

/// Names in a layer's tar under which envgit keeps parts of content. `.envgit` can be no root's name.
pub const CHUNK_DIR: &str = ".envgit/chunks/";
/// See [`CHUNK_DIR`].
pub const RECIPE_DIR: &str = ".envgit/recipes/";

impl LayerIndex {
    /// Whether another index says the same of the layer, however well it is known to be true.
    pub fn says_what(&self, other: &Self) -> bool {
        let said = |frame: &Frame| Frame { sum: None, ..*frame };
        let frames = (self.frames.iter().map(said), other.frames.iter().map(said));
        frames.0.eq(frames.1) && (&self.wholes, &self.recipes) == (&other.wholes, &other.recipes)
    }

    /// The same from somebody who may be wrong or lying: it must all be found out again.
    pub fn unproven(mut self) -> Self {
        self.is_proven = false;
        self.frames.iter_mut().for_each(|frame| frame.sum = None);
        self
    }

    /// Where its last frame ends: a layer that is shorter was cut.
    pub fn end(&self) -> u64 {
        let ends = self.frames.iter().map(|frame| frame.offset + u64::from(frame.stored));
        ends.max().unwrap_or(0)
    }

    /// From a table of contents. Recipes are read from the layer by `content`.
    ///
    /// # Errors
    /// What is malformed.
    pub fn from_toc<B: Deref<Target = [u8]>>(
        toc: &Toc,
        mut content: impl FnMut(&Frame) -> Result<B, String>,
    ) -> Result<Self, String> {
        let mut index = Self::default();
        for member in members(toc)? {
            if let Some(of) = member.name.strip_prefix(RECIPE_DIR) {
                let [frame] = &member.frames[..] else {
                    return Err(malformed(&member.name));
                };
                let text = content(frame)?;
                let recipe = Recipe::decode(of, &text).ok_or_else(|| malformed(&member.name))?;
                index.recipes.push(recipe);
            } else {
                index.wholes.push(Whole {
                    digest: member.digest,
                    size: member.size,
                    first: index.frames.len() as u32,
                    count: member.frames.len() as u32,
                });
                index.frames.extend(member.frames);
            }
        }
        Ok(index)
    }
}

/// A file of a layer, as the table of contents describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name in the tar, escaped.
    pub name: String,
    /// Digest of its content.
    pub digest: Digest,
    /// Its plain length.
    pub size: u64,
    /// Its frames, one behind the other.
    pub frames: Vec<Frame>,
}

/// The files with content, in the order of the tar.
///
/// # Errors
/// What is malformed.
pub fn members(toc: &Toc) -> Result<Vec<StoredFile>, String> {
    let mut members = Vec::new();
    let mut entries = toc.entries.iter().peekable();
    while let Some(entry) = entries.next() {
        let size = entry.size.unwrap_or(0);
        if entry.kind != "reg" || size == 0 {
            continue;
        }
        let malformed = || malformed(&entry.name);
        let digest = entry.digest.as_deref().and_then(parse_digest).ok_or_else(malformed)?;
        let end = entry.end_offset.ok_or_else(malformed)?;
        let mut pieces = vec![entry];
        while let Some(chunk) = entries.next_if(|next| next.kind == "chunk") {
            pieces.push(chunk);
        }
        let most = match entry.name.starts_with(RECIPE_DIR) {
            true => MAX_RECIPE,
            false => MAX_FRAME as u64,
        };
        let mut frames = Vec::with_capacity(pieces.len());
        for (at, piece) in pieces.iter().enumerate() {
            let offset = piece.offset.ok_or_else(malformed)?;
            let next = pieces
                .get(at + 1)
                .map_or(Some(end), |next| next.offset)
                .ok_or_else(malformed)?;
            let (plain, of) = match (&piece.chunk_digest, piece.chunk_size) {
                // One frame is the whole: it can have no other digest.
                _ if pieces.len() == 1 => (size, digest),
                (Some(text), Some(size)) => (size, parse_digest(text).ok_or_else(malformed)?),
                _ => return Err(malformed()),
            };
            let stored = next.checked_sub(offset).ok_or_else(malformed)?;
            // Before anything is read: a frame may neither take nor give more than a frame has.
            if plain > most || stored > most + FRAME_ROOM {
                return Err(malformed());
            }
            frames.push(Frame {
                digest: of,
                offset,
                stored: stored.try_into().map_err(|_| malformed())?,
                size: plain.try_into().map_err(|_| malformed())?,
                sum: None,
            });
        }
        if frames.iter().map(|frame| u64::from(frame.size)).sum::<u64>() != size {
            return Err(malformed());
        }
        members.push(StoredFile {
            name: entry.name.clone(),
            digest,
            size,
            frames,
        });
    }
    Ok(members)
}

fn malformed(name: &str) -> String {
    format!("the table of contents is malformed at {name:?}")
}

impl Recipe {
    /// One line a chunk: its digest. The name of the file says what they make.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!("{}\n", self.size).into_bytes();
        for chunk in &self.chunks {
            chunk.write_hex(&mut text);
            text.push(b'\n');
        }
        text
    }

    /// Reads what [`Recipe::encode`] wrote; the name is the digest of what it makes.
    pub(super) fn decode(name: &str, text: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(text).ok()?.lines();
        Some(Self {
            digest: name.parse().ok()?,
            size: lines.next()?.parse().ok()?,
            chunks: lines.map(str::parse).collect::<Result<_, _>>().ok()?,
        })
    }
}

/// SHA-256 is as good a hash as any: its first bytes serve.
#[derive(Clone, Copy, Default)]
pub struct DigestHasher(u64);

impl StdHasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(head) = bytes.first_chunk::<8>()
            && bytes.len() == 32
        {
            self.0 = u64::from_le_bytes(*head);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

/// A map by digest.
pub type DigestMap<T> = HashMap<Digest, T, BuildHasherDefault<DigestHasher>>;

/// Where a content lies.
#[derive(Clone, Copy, Debug)]
enum Place {
    Whole { layer: u32, at: u32 },
    Recipe { layer: u32, at: u32 },
}

/// A frame and the layer it lies in.
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    /// Number of the layer in the catalog.
    pub layer: usize,
    /// The frame.
    pub frame: &'a Frame,
    /// Where it goes in the plain content.
    pub offset: u64,
}

/// A layer that cannot be understood, so that nothing of it is in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedLayer {
    /// Its digest, as its name says.
    pub digest: Digest,
    /// What is wrong with it.
    pub what: String,
}

/// All layers of a store.
#[derive(Default)]
pub struct Catalog {
    layers: Vec<(Digest, LayerIndex)>,
    damaged: Vec<DamagedLayer>,
    places: DigestMap<Place>,
    chunks: DigestMap<(u32, u32)>,
    sizes: std::collections::HashSet<u64>,
}

impl Catalog {
    /// Adds a layer. Content that is there already stays where it was.
    pub fn add(&mut self, digest: Digest, index: LayerIndex) {
        // What was damaged may have been replaced.
        self.damaged.retain(|damaged| damaged.digest != digest);
        let layer = self.layers.len() as u32;
        self.places.reserve(index.wholes.len());
        for (at, whole) in index.wholes.iter().enumerate() {
            self.places
                .entry(whole.digest)
                .or_insert(Place::Whole { layer, at: at as u32 });
            self.sizes.insert(whole.size);
            if whole.count > 1 {
                for at in whole.first..whole.first + whole.count {
                    self.chunks
                        .entry(index.frames[at as usize].digest)
                        .or_insert((layer, at));
                }
            } else {
                self.chunks.entry(whole.digest).or_insert((layer, whole.first));
            }
        }
        for (at, recipe) in index.recipes.iter().enumerate() {
            self.places
                .entry(recipe.digest)
                .or_insert(Place::Recipe { layer, at: at as u32 });
            self.sizes.insert(recipe.size);
        }
        self.layers.push((digest, index));
    }

    /// Notes a layer that cannot be understood. That is an error only where something is needed that no other one holds.
    pub fn add_damaged(&mut self, layer: DamagedLayer) {
        self.damaged.push(layer);
    }

    /// The layers that cannot be understood.
    pub fn damaged(&self) -> &[DamagedLayer] {
        &self.damaged
    }

    /// Forgets contents of which a part is in no layer, so that nobody takes them for stored.
    pub fn forget_incomplete(&mut self) {
        let recipes = self
            .places
            .iter()
            .filter(|(_, place)| matches!(place, Place::Recipe { .. }));
        let incomplete: Vec<Digest> = recipes
            .map(|(digest, _)| *digest)
            .filter(|digest| self.locate(digest).is_none())
            .collect();
        for digest in incomplete {
            self.places.remove(&digest);
        }
    }

    /// All layers with what they hold.
    pub fn layers(&self) -> impl Iterator<Item = (&Digest, &LayerIndex)> {
        self.layers.iter().map(|(digest, index)| (digest, index))
    }

    /// The digest of layer number `at`.
    pub fn layer(&self, at: usize) -> Digest {
        self.layers[at].0
    }

    /// Whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Whether a content is stored (or is empty, which needs no storing).
    pub fn contains(&self, digest: &Digest) -> bool {
        self.places.contains_key(digest)
    }

    /// Whether any content of that length is stored. A file of another length is new for sure.
    pub fn has_size(&self, size: u64) -> bool {
        self.sizes.contains(&size)
    }

    /// Whether a chunk is stored.
    pub fn contains_chunk(&self, digest: &Digest) -> bool {
        self.chunks.contains_key(digest)
    }

    /// Whether the frames of a content are known to make it.
    pub fn is_proven(&self, digest: &Digest) -> bool {
        let index = self.lists(digest).and_then(|layer| self.layers.get(layer));
        index.is_some_and(|(_, index)| index.is_proven)
    }

    /// The layer that says which frames make a content.
    pub fn lists(&self, digest: &Digest) -> Option<usize> {
        match self.places.get(digest)? {
            Place::Whole { layer, .. } | Place::Recipe { layer, .. } => Some(*layer as usize),
        }
    }

    /// The frames of a content in order, or nothing if any of it is not stored.
    pub fn locate(&self, digest: &Digest) -> Option<Vec<Located<'_>>> {
        let mut offset = 0;
        let mut located = |layer: u32, at: u32| {
            let frame = self.layers.get(layer as usize)?.1.frames.get(at as usize)?;
            let start = offset;
            offset += u64::from(frame.size);
            Some(Located {
                layer: layer as usize,
                frame,
                offset: start,
            })
        };
        match *self.places.get(digest)? {
            Place::Whole { layer, at } => {
                let whole = &self.layers[layer as usize].1.wholes[at as usize];
                (whole.first..whole.first + whole.count)
                    .map(|at| located(layer, at))
                    .collect()
            }
            Place::Recipe { layer, at } => {
                let recipe = &self.layers[layer as usize].1.recipes[at as usize];
                recipe
                    .chunks
                    .iter()
                    .map(|chunk| {
                        let (layer, at) = *self.chunks.get(chunk)?;
                        located(layer, at)
                    })
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::toc::{TocEntry, digest_text};

    #[test]
    fn a_frame_gives_no_more_than_a_frame_has_and_a_recipe_more() {
        let read = |name: &str, size: u64, stored: u64| {
            let entry = TocEntry {
                kind: "reg".to_owned(),
                name: name.to_owned(),
                size: Some(size),
                digest: Some(digest_text(Digest::of(b""))),
                offset: Some(0),
                end_offset: Some(stored),
                ..TocEntry::default()
            };
            let toc = Toc {
                version: 1,
                entries: vec![entry],
            };
            members(&toc).is_ok()
        };
        let frame = MAX_FRAME as u64;
        assert!(read("env/a", frame, frame + 100));
        assert!(!read("env/a", frame + 1, 100));
        assert!(!read("env/a", 100, frame + (1 << 20)));
        // A file of 100 GB in parts has a recipe of more than a frame.
        let recipe = format!("{RECIPE_DIR}{}", Digest::of(b""));
        assert!(read(&recipe, 6 << 20, 3 << 20));
        assert!(!read(&recipe, 1 << 30, 3 << 20));
    }
}
