//! Gets whole contents out of layers of which some are damaged.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::catalog::{DigestMap, Frame, Recipe};
use super::fetch::Reader;
use super::verify::LayerCheck;
use crate::digest::{Digest, Hasher};
use crate::fsx::{Context, Error};

/// The sound frames of some layers.
pub struct Salvage<'a> {
    files: Vec<Option<File>>,
    frames: DigestMap<(usize, Frame)>,
    wholes: DigestMap<Vec<Digest>>,
    recipes: DigestMap<&'a Recipe>,
    reader: Reader,
}

impl<'a> Salvage<'a> {
    /// Of layers that were checked.
    pub fn new(checks: &'a [LayerCheck]) -> Self {
        let mut salvage = Self {
            files: checks.iter().map(|check| File::open(&check.path).ok()).collect(),
            frames: DigestMap::default(),
            wholes: DigestMap::default(),
            recipes: DigestMap::default(),
            reader: Reader::default(),
        };
        for (layer, check) in checks.iter().enumerate() {
            let Some(index) = &check.index else { continue };
            for frame in index.frames.iter().filter(|frame| check.is_good(frame)) {
                salvage.frames.entry(frame.digest).or_insert((layer, *frame));
            }
            for whole in &index.wholes {
                let frames = &index.frames[whole.first as usize..][..whole.count as usize];
                let parts = frames.iter().map(|frame| frame.digest).collect();
                salvage.wholes.entry(whole.digest).or_insert(parts);
            }
            salvage
                .recipes
                .extend(index.recipes.iter().map(|recipe| (recipe.digest, recipe)));
        }
        salvage
    }

    /// Writes a content to a new file, if all of it can be had. A part of it that is damaged in one layer may be sound
    /// in another.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn write(&mut self, digest: &Digest, path: &Path) -> Result<bool, Error> {
        let ways = [
            self.wholes.get(digest).cloned(),
            self.recipes.get(digest).map(|recipe| recipe.chunks.clone()),
        ];
        for parts in ways.into_iter().flatten() {
            if self.write_parts(&parts, digest, path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn write_parts(&mut self, parts: &[Digest], digest: &Digest, path: &Path) -> Result<bool, Error> {
        if !parts.iter().all(|part| self.frames.contains_key(part)) {
            return Ok(false);
        }
        let mut out = File::create(path).at("write", path)?;
        let mut hasher = Hasher::new();
        for part in parts {
            let place = self.frames.get(part).copied();
            let file = place.and_then(|(layer, frame)| Some((self.files.get(layer)?.as_ref()?, frame)));
            let bytes = file.and_then(|(file, frame)| self.reader.read(file, &frame).ok());
            let Some(bytes) = bytes else { return Ok(false) };
            hasher.update(&bytes);
            out.write_all(&bytes).at("write", path)?;
        }
        Ok(hasher.finish() == *digest)
    }
}
