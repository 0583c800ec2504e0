//! The store: write-once layers, and the catalog that says which content lies in which frames.
//!
//! ```text
//! layers/<sha256>.tar.zst    zstd:chunked tars
//! cache/index/<sha256>       what each layer holds; rebuilt from the layer when absent or damaged
//! ```

pub mod arrival;
pub mod catalog;
pub mod checksum;
mod chunk;
mod fetch;
pub mod frame;
pub mod ingest;
mod proof;
mod queue;
pub mod salvage;
pub mod tarball;
pub mod toc;
pub mod verify;
mod window;
pub mod writer;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

pub use fetch::NOT_HERE;

use crate::cores;
use crate::digest::Digest;
use crate::fsx::{self, Context, cache};
use crate::progress::Progress;
use crate::snapshot::facts::LayerFacts;
use arrival::{Arrival, Awaited};
use catalog::{Catalog, DamagedLayer, LayerIndex};
use ingest::{Item, Outcomes};
use toc::{Footer, Toc};

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] fsx::Error),
    /// A layer that was to come did not.
    #[error("the layer {} did not come", .layer.short())]
    Lost {
        /// Its digest.
        layer: Digest,
    },
}

/// How often a layer under way is written out to the disk.
const SYNC_EVERY: Duration = Duration::from_millis(500);

/// How the store works.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// zstd level of new layers.
    pub level: i32,
    /// Threads that compress and decompress.
    pub threads: usize,
    /// Bytes of plain content under way at once.
    pub memory: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            level: 1,
            threads: cores::count(),
            memory: 96 << 20,
        }
    }
}

/// The layers of a repository.
pub struct Store {
    layers: PathBuf,
    cache: PathBuf,
    settings: Settings,
    catalog: Catalog,
    awaited: BTreeMap<Digest, Arc<Arrival>>,
}

/// How the cached index of a layer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// It says what the layer says.
    Sound,
    /// It was not there.
    Absent,
    /// It said something else, or nothing that can be understood.
    Damaged,
}

/// What [`Store::absorb`] did.
pub struct Absorption {
    /// What became of each item.
    pub outcomes: Outcomes,
    /// The layer, complete but not yet part of the store. None when all content was there.
    pub layer: Option<writer::FinishedLayer>,
}

impl Store {
    /// Makes an empty store.
    ///
    /// # Errors
    /// Names the directory.
    pub fn init(layers: &Path) -> Result<(), fsx::Error> {
        fsx::create_dir_all(layers)
    }

    /// Opens a store. Indexes that are missing or damaged are rebuilt. A layer that cannot be understood is a fact of the
    /// catalog, and an error only for who needs what no other layer holds.
    ///
    /// # Errors
    /// Names the directory when it cannot be listed.
    pub fn open(layers: &Path, cache: &Path, settings: Settings) -> Result<Self, Error> {
        Self::open_awaiting(layers, cache, settings, Vec::new())
    }

    /// As [`Store::open`], with layers that are still on their way.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_awaiting(
        layers: &Path,
        cache: &Path,
        settings: Settings,
        awaited: Vec<Awaited>,
    ) -> Result<Self, Error> {
        let all = Self::open_only(layers, cache, settings, &[]).list()?;
        let mut store = Self::load(layers, cache, settings, &all);
        for Awaited { digest, index, arrival } in awaited {
            if !all.contains(&digest) {
                store.catalog.add(digest, index);
            }
            arrival.attend();
            store.awaited.insert(digest, arrival);
        }
        store.catalog.forget_incomplete();
        Ok(store)
    }

    /// Opens a store that knows only these layers.
    pub fn open_only(layers: &Path, cache: &Path, settings: Settings, only: &[Digest]) -> Self {
        let mut store = Self::load(layers, cache, settings, only);
        store.catalog.forget_incomplete();
        store
    }

    fn load(layers: &Path, cache: &Path, settings: Settings, only: &[Digest]) -> Self {
        let mut store = Self {
            layers: layers.to_owned(),
            cache: cache.join("index"),
            settings,
            catalog: Catalog::default(),
            awaited: BTreeMap::new(),
        };
        for digest in only {
            match store.index(digest) {
                Ok(index) => store.catalog.add(*digest, index),
                Err(what) => store.catalog.add_damaged(DamagedLayer { digest: *digest, what }),
            }
        }
        store
    }

    /// The digests of all layers, sorted.
    ///
    /// # Errors
    /// Names the directory.
    pub fn list(&self) -> Result<Vec<Digest>, fsx::Error> {
        let mut digests = Vec::new();
        for entry in std::fs::read_dir(&self.layers).at("list", &self.layers)? {
            let name = entry.at("list", &self.layers)?.file_name();
            let digest = name.to_str().and_then(|n| n.strip_suffix(".tar.zst"));
            digests.extend(digest.and_then(|text| text.parse::<Digest>().ok()));
        }
        digests.sort_unstable();
        Ok(digests)
    }

    /// Where a layer lies.
    pub fn layer_path(&self, digest: &Digest) -> PathBuf {
        self.layers.join(format!("{digest}.tar.zst"))
    }

    /// Which content lies where.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// How many threads the store works with.
    pub fn threads(&self) -> usize {
        self.settings.threads
    }

    /// What a layer holds, or what is wrong with it. An index that outlived the end of its layer is not believed.
    fn index(&self, digest: &Digest) -> Result<LayerIndex, String> {
        let len = self
            .layer_path(digest)
            .metadata()
            .map_err(|error| error.to_string())?
            .len();
        if let Some(index) = cache::read::<LayerIndex>(&self.cache.join(digest.to_string()))
            && index.end() + Footer::LEN as u64 <= len
        {
            return Ok(index);
        }
        let index = self.rebuild_index(digest)?;
        self.write_index(digest, &index);
        Ok(index)
    }

    /// The index of a layer as the cache has it, sound or not there.
    pub fn cached_index(dir: &Path, layer: &Digest) -> Option<LayerIndex> {
        cache::read(&dir.join("index").join(layer.to_string()))
    }

    /// Makes the cached index of a layer this one, and tells how it was.
    pub fn renew_index(dir: &Path, layer: &Digest, index: &LayerIndex) -> IndexState {
        let dir = dir.join("index");
        let path = dir.join(layer.to_string());
        let before = fsx::read_if_present(&path).unwrap_or_default();
        let state = match before.as_deref().map(cache::decode::<LayerIndex>) {
            Some(Some(known)) if known == *index => return IndexState::Sound,
            Some(Some(known)) if known.says_what(index) => IndexState::Sound,
            Some(_) => IndexState::Damaged,
            None => IndexState::Absent,
        };
        if fsx::create_dir_all(&dir).is_ok() {
            let _ = cache::write(&path, index);
        }
        state
    }

    /// A cache: when it cannot be written the next call rebuilds it.
    fn write_index(&self, digest: &Digest, index: &LayerIndex) {
        if fsx::create_dir_all(&self.cache).is_ok() {
            let _ = cache::write(&self.cache.join(digest.to_string()), index);
        }
    }

    fn rebuild_index(&self, digest: &Digest) -> Result<LayerIndex, String> {
        let told = |error: std::io::Error| error.to_string();
        let file = File::open(self.layer_path(digest)).map_err(told)?;
        let toc = read_toc(&file).map_err(told)?;
        let mut reader = fetch::Reader::default();
        LayerIndex::from_toc(&toc, |frame| reader.read(&file, frame))
    }

    /// Reads all files among the items and writes what is new into a layer.
    ///
    /// # Errors
    /// When the layer cannot be written; nothing is left behind.
    pub fn absorb(&self, items: &[Item], progress: &dyn Progress) -> Result<Absorption, Error> {
        let mut writer = writer::LayerWriter::create(&self.layers)?;
        let file = writer.handle()?;
        let outcomes = std::thread::scope(|scope| {
            let (working, done) = std::sync::mpsc::channel::<()>();
            // The layer goes to the disk while it is written; the sync that publishes it then finds little to do.
            scope.spawn(move || {
                while done.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Timeout) {
                    // What goes wrong here goes wrong again in that last sync, which reports it.
                    let _ = file.sync_data();
                }
            });
            let outcomes = ingest::run(items, &self.catalog, &self.settings, &mut writer, progress);
            drop(working);
            outcomes
        })?;
        let layer = if writer.is_empty() {
            None
        } else {
            Some(writer.finish()?)
        };
        Ok(Absorption { outcomes, layer })
    }

    /// Makes a finished layer part of the store; durable on return.
    ///
    /// # Errors
    /// Names the layer; nothing is left behind.
    pub fn add(&mut self, layer: writer::FinishedLayer) -> Result<LayerFacts, Error> {
        let facts = LayerFacts {
            digest: layer.digest,
            size: layer.size,
            files: layer.files,
            content: layer.content,
            compressor: format!("zstd {} level {}", zstd_version(), self.settings.level),
        };
        let (_, index) = layer.publish(&self.layer_path(&facts.digest))?;
        self.write_index(&facts.digest, &index);
        self.catalog.add(facts.digest, index);
        Ok(facts)
    }
}

fn zstd_version() -> String {
    let number = zstd::zstd_safe::version_number();
    format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100)
}

fn read_toc(file: &File) -> std::io::Result<Toc> {
    let invalid = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let len = file.metadata()?.len();
    let start = len
        .checked_sub(Footer::LEN as u64)
        .ok_or_else(|| invalid("it is cut short"))?;
    let mut footer = [0; Footer::LEN];
    file.read_exact_at(&mut footer, start)?;
    let footer = Footer::decode(&footer)?;
    if footer.toc_offset.saturating_add(footer.toc_stored) > len {
        return Err(invalid("its footer points beyond its end"));
    }
    let mut stored = vec![0; footer.toc_stored as usize];
    file.read_exact_at(&mut stored, footer.toc_offset)?;
    Toc::parse(&toc::unpack(&stored, footer.toc_size)?)
}

#[cfg(test)]
mod tests;
