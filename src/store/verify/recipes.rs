//! Files that are stored in parts.

use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::catalog::{DigestMap, Frame, Recipe};
use super::super::fetch::Reader;
use super::{Flaw, LayerCheck, Part};
use crate::digest::Hasher;

/// Files in parts: every part is in some layer, and together they are what the recipe is named for.
pub(super) fn check_recipes(checks: &mut [LayerCheck], threads: usize) {
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
