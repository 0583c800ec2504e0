//! Which contents commits need, and which layers hold them.

use std::collections::BTreeSet;

use super::error::Error;
use crate::digest::Digest;
use crate::history::{BlobId, Head, History, ObjectId};
use crate::snapshot::facts::Manifest;
use crate::snapshot::filelist;
use crate::snapshot::root::RootName;
use crate::store::catalog::{DigestMap, LayerIndex};

/// What some inventories say that they need.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Contents that are not empty, with their lengths.
    pub(super) contents: DigestMap<u64>,
    /// Layers that the commits wrote.
    pub(super) layers: BTreeSet<Digest>,
}

/// The commits and annotations that all refs and HEAD lead to.
pub(super) fn haves(history: &History) -> Result<Vec<ObjectId>, Error> {
    let mut haves: Vec<ObjectId> = history.refs()?.into_iter().map(|known| known.object.into()).collect();
    if let Head::Detached { commit, .. } = history.head()? {
        haves.push(commit.into());
    }
    Ok(haves)
}

impl Needs {
    /// Of files of inventories. Every list is read in full, so one that makes no sense is found here.
    pub(super) fn of(history: &History, files: &[(Vec<u8>, BlobId)]) -> Result<Self, Error> {
        let mut needs = Self::default();
        for (path, blob) in files {
            let what = || format!("the file {} of an inventory", String::from_utf8_lossy(path));
            let mut parts = path.split(|b| *b == b'/');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(b"snapshot.json"), None, _) => {
                    let bytes = history.blob(*blob)?;
                    let manifest: Manifest = serde_json::from_slice(&bytes)
                        .map_err(|error| Error::refused(what(), format!("it makes no sense: {error}")))?;
                    if manifest.format != Manifest::FORMAT {
                        let why = format!("it has format {}; upgrade envgit to read it", manifest.format);
                        return Err(Error::refused(what(), why));
                    }
                    needs.layers.extend(manifest.layer.map(|layer| layer.digest));
                }
                (Some(root), Some(b"files"), Some(_)) => {
                    let is_name = std::str::from_utf8(root).is_ok_and(|name| name.parse::<RootName>().is_ok());
                    if !is_name {
                        return Err(Error::refused(what(), "its folder is no name of a root"));
                    }
                    let bytes = history.blob(*blob)?;
                    let entries =
                        filelist::decode(&bytes).map_err(|error| Error::refused(what(), error.to_string()))?;
                    let files = entries.iter().filter_map(|entry| entry.file());
                    needs
                        .contents
                        .extend(files.filter(|file| file.size > 0).map(|file| (file.digest, file.size)));
                }
                _ => {}
            }
        }
        Ok(needs)
    }

    /// Forgets contents that others need too.
    pub(super) fn without(&mut self, others: &Self) {
        self.contents.retain(|digest, _| !others.contents.contains_key(digest));
    }
}

/// What some layers hold.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    wholes: DigestMap<Digest>,
    chunks: DigestMap<Digest>,
    recipes: DigestMap<(Digest, Vec<Digest>)>,
}

impl Holdings {
    /// Adds a layer. What an earlier one holds stays with that.
    pub(super) fn add(&mut self, layer: Digest, index: &LayerIndex) {
        for whole in &index.wholes {
            self.wholes.entry(whole.digest).or_insert(layer);
        }
        for frame in &index.frames {
            self.chunks.entry(frame.digest).or_insert(layer);
        }
        for recipe in &index.recipes {
            let made = || (layer, recipe.chunks.clone());
            self.recipes.entry(recipe.digest).or_insert_with(made);
        }
    }

    /// The layers that together give a content; nothing if a part of it is missing.
    pub(super) fn layers_of(&self, content: &Digest) -> Option<BTreeSet<Digest>> {
        if let Some(layer) = self.wholes.get(content) {
            return Some(BTreeSet::from([*layer]));
        }
        let (layer, chunks) = self.recipes.get(content)?;
        let mut layers = BTreeSet::from([*layer]);
        for chunk in chunks {
            layers.insert(*self.chunks.get(chunk)?);
        }
        Some(layers)
    }

    /// Splits contents into the layers that hold them and the contents that none holds.
    pub(super) fn find(&self, contents: &DigestMap<u64>) -> (BTreeSet<Digest>, DigestMap<u64>) {
        let (mut layers, mut lacking) = (BTreeSet::new(), DigestMap::default());
        for (content, size) in contents {
            match self.layers_of(content) {
                Some(of) => layers.extend(of),
                None => {
                    lacking.insert(*content, *size);
                }
            }
        }
        (layers, lacking)
    }
}

/// Sorted, for errors.
pub(super) fn sorted(contents: &DigestMap<u64>) -> Vec<Digest> {
    let mut list: Vec<Digest> = contents.keys().copied().collect();
    list.sort_unstable();
    list
}
