//! A repository: the parts of `.envgit/`, opened together.
//!
//! ```text
//! .envgit/
//!   format.json   version and feature flags
//!   config.toml   roots and settings
//!   place         by what path the project folder is known
//!   history/      bare git repository
//!   layers/       <sha256>.tar.zst
//!   cache/        state/, index/: may be deleted at any time
//!   journal/      a checkout or undo under way; services that stand still
//!   operations.jsonl   what moved which ref, for undo
//!   audit.jsonl   every restore
//!   lock          held by the command that changes something
//! ```

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{self, Config};
use crate::fsx::lock::{self, Lock};
use crate::fsx::{self, Context as _, atomic};
use crate::history::{self, History};
use crate::progress::Progress;
use crate::registry::Registry;
use crate::snapshot::content::{ContentSink, ContentSource, FetchError, Want};
use crate::store::arrival::Awaited;
use crate::store::{self, Settings, Store};

/// The name of the repository's directory in a project folder.
pub const DIR_NAME: &str = ".envgit";

/// The note of a clone under way, in the repository's own directory.
pub const CLONE_NOTE: &str = "clone.json";

/// The file that tells by what path the project folder is known.
const PLACE: &str = "place";

/// Why a repository cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("no envgit repository: neither {} nor a folder above it has one, and no active environment is versioned", .start.display())]
    NotFound {
        /// Where the search began.
        start: PathBuf,
    },
    /// The directory named explicitly is none.
    #[error("{} is not an envgit repository", .dir.display())]
    NotARepository {
        /// The directory.
        dir: PathBuf,
    },
    /// There is one already.
    #[error("{} is already an envgit repository", .dir.display())]
    Exists {
        /// Its directory.
        dir: PathBuf,
    },
    /// A clone into it was cut off.
    #[error("{} holds a clone that was cut off", .dir.display())]
    Unfinished {
        /// Its directory.
        dir: PathBuf,
    },
    /// A newer envgit made it.
    #[error("{} needs a newer envgit: {what}", .dir.display())]
    Newer {
        /// Its directory.
        dir: PathBuf,
        /// What this version does not know.
        what: String,
    },
    /// Its format file is damaged.
    #[error("{} is damaged", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Its settings.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// Its history.
    #[error(transparent)]
    History(#[from] history::Error),
    /// Its layers.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Its lock.
    #[error(transparent)]
    Lock(#[from] lock::Error),
    /// The file system.
    #[error(transparent)]
    Io(#[from] fsx::Error),
}

/// `format.json`: what a reader must know to read, or to write, the repository. As in ext4, an unknown flag in
/// `incompatible` forbids all, one in `read_only_compatible` forbids writing, one in `compatible` nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Format {
    version: u32,
    #[serde(default)]
    compatible: Vec<String>,
    #[serde(default)]
    read_only_compatible: Vec<String>,
    #[serde(default)]
    incompatible: Vec<String>,
}

/// The one version there is.
const FORMAT_VERSION: u32 = 1;

impl Format {
    fn current() -> Self {
        Self {
            version: FORMAT_VERSION,
            compatible: Vec::new(),
            read_only_compatible: Vec::new(),
            incompatible: Vec::new(),
        }
    }
}

/// An open repository.
pub struct Repo {
    dir: PathBuf,
    config: Config,
    history: History,
    store: OnceCell<Store>,
    read_only_because: Option<String>,
}

/// Its layers, opened only when something must come from them.
impl ContentSource for Repo {
    fn fetch(&self, wants: &[Want], sink: &dyn ContentSink, progress: &dyn Progress) -> Result<(), FetchError> {
        if wants.is_empty() {
            return Ok(());
        }
        let store = self.store().map_err(|error| FetchError::Closed(Box::new(error)))?;
        store.fetch(wants, sink, progress)
    }
}

impl Repo {
    /// Makes a repository in a project folder.
    ///
    /// # Errors
    /// [`Error::Exists`], or names what cannot be written.
    pub fn init(project: &Path, config_text: &str) -> Result<Self, Error> {
        let dir = project.join(DIR_NAME);
        if dir.join(CLONE_NOTE).exists() {
            return Err(Error::Unfinished { dir });
        }
        Self::prepare(project)?;
        Self::complete(project, config_text)
    }

    /// Makes all of a repository but what says that it is complete, and gives its directory. What is there of an
    /// earlier try stays.
    ///
    /// # Errors
    /// [`Error::Exists`], or names what cannot be written.
    pub fn prepare(project: &Path) -> Result<PathBuf, Error> {
        let dir = project.join(DIR_NAME);
        if dir.join("format.json").exists() {
            return Err(Error::Exists { dir });
        }
        for part in ["", "cache/state", "journal"] {
            fsx::create_dir_all(&dir.join(part))?;
        }
        Store::init(&dir.join("layers"))?;
        let history = dir.join("history");
        if History::open(&history).and_then(|history| history.head()).is_err() {
            if history.exists() {
                std::fs::remove_dir_all(&history).at("remove", &history)?;
            }
            History::init(&history)?;
        }
        Ok(dir)
    }

    /// Completes a repository that was prepared.
    ///
    /// # Errors
    /// Names what cannot be written.
    pub fn complete(project: &Path, config_text: &str) -> Result<Self, Error> {
        let repo = Self::open_awaiting(project, config_text, Vec::new())?;
        repo.settle()?;
        Ok(repo)
    }

    /// Opens a repository that was prepared, with its settings, and whose layers are on their way: before
    /// [`Repo::settle`] it is none for anybody else.
    ///
    /// # Errors
    /// Names what cannot be read or written.
    pub fn open_awaiting(project: &Path, config_text: &str, layers: Vec<Awaited>) -> Result<Self, Error> {
        let dir = project.join(DIR_NAME);
        atomic::write(&dir.join(config::FILE_NAME), config_text.as_bytes())?;
        write_place(&dir)?;
        let mut repo = Self::of_parts(&as_noted(&dir), Format::current())?;
        repo.await_layers(layers)?;
        Ok(repo)
    }

    /// Layers are on their way: they are read as they come.
    ///
    /// # Errors
    /// A layer that cannot be read.
    pub fn await_layers(&mut self, layers: Vec<Awaited>) -> Result<(), Error> {
        let store = Store::open_awaiting(&self.layers_dir(), &self.dir.join("cache"), self.settings(), layers)?;
        self.store = OnceCell::from(store);
        Ok(())
    }

    /// Waits until all awaited layers are here, and only then says of a repository that was prepared that it is complete.
    ///
    /// # Errors
    /// A layer that does not come; what cannot be written.
    pub fn settle(&self) -> Result<(), Error> {
        if let Some(store) = self.store.get() {
            store.settle()?;
        }
        let path = self.dir.join("format.json");
        if path.exists() {
            return Ok(());
        }
        // Last: its presence says that the rest is complete.
        let format = serde_json::to_vec_pretty(&Format::current()).unwrap_or_default();
        atomic::write(&path, &format)?;
        Ok(atomic::sync_dir(self.project())?)
    }

    /// Opens the repository at its own directory (`…/.envgit`).
    ///
    /// # Errors
    /// [`Error::NotARepository`], [`Error::Newer`], or what is damaged.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let dir = &as_noted(dir);
        let path = dir.join("format.json");
        let Some(text) = fsx::read_if_present(&path)? else {
            return Err(Error::NotARepository { dir: dir.to_owned() });
        };
        let format: Format = serde_json::from_slice(&text).map_err(|source| Error::Format { path, source })?;
        let newer = |what: String| Error::Newer {
            dir: dir.to_owned(),
            what,
        };
        if format.version > FORMAT_VERSION {
            return Err(newer(format!("its format has version {}", format.version)));
        }
        if !format.incompatible.is_empty() {
            return Err(newer(format!("it uses {}", format.incompatible.join(", "))));
        }
        Self::of_parts(dir, format)
    }

    fn of_parts(dir: &Path, format: Format) -> Result<Self, Error> {
        let read_only = !format.read_only_compatible.is_empty();
        Ok(Self {
            config: Config::load(&dir.join(config::FILE_NAME))?,
            history: History::open(&dir.join("history"))?,
            store: OnceCell::new(),
            read_only_because: read_only.then(|| format!("it uses {}", format.read_only_compatible.join(", "))),
            dir: dir.to_owned(),
        })
    }

    /// Notes by what path the project folder is known, if none is noted that leads here: its files name that path from now
    /// on.
    ///
    /// # Errors
    /// Names what cannot be written.
    pub fn note_place(&self) -> Result<(), Error> {
        match place_of(&self.dir) {
            Some(place) if fsx::is_same(&place, self.project()) => Ok(()),
            _ => Ok(write_place(&self.dir)?),
        }
    }

    /// Where the project folder was before it was moved, as long as its files may name that place.
    pub fn moved_from(&self) -> Option<PathBuf> {
        place_of(&self.dir).filter(|place| !fsx::is_same(place, self.project()))
    }

    /// Finds the repository for a command: in `start` or a folder above it, or else the one that versions one of the
    /// `active` environments.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub fn discover(start: &Path, active: &[PathBuf], registry: Option<&Registry>) -> Result<PathBuf, Error> {
        let above = start.ancestors().map(|folder| folder.join(DIR_NAME));
        let mut candidates = above.filter(|dir| dir.join("format.json").exists());
        if let Some(dir) = candidates.next() {
            return Ok(dir);
        }
        let known = registry
            .into_iter()
            .flat_map(|registry| active.iter().flat_map(|env| registry.find(env)));
        known
            .into_iter()
            .find(|dir| dir.join("format.json").exists())
            .ok_or_else(|| Error::NotFound {
                start: start.to_owned(),
            })
    }

    /// Its own directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder that holds it.
    pub fn project(&self) -> &Path {
        self.dir.parent().unwrap_or(&self.dir)
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The path of its settings.
    pub fn config_path(&self) -> PathBuf {
        self.dir.join(config::FILE_NAME)
    }

    /// Its commits.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Its layers. Opened when first asked for: most questions need none.
    ///
    /// # Errors
    /// A layer that cannot be read.
    pub fn store(&self) -> Result<&Store, Error> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = Store::open(&self.layers_dir(), &self.dir.join("cache"), self.settings())?;
        Ok(self.store.get_or_init(|| store))
    }

    fn settings(&self) -> Settings {
        Settings {
            level: self.config.layers.level,
            ..Settings::default()
        }
    }

    /// Its layers, if something asked for them before.
    pub fn opened_store(&self) -> Option<&Store> {
        self.store.get()
    }

    /// Its layers, to add one.
    ///
    /// # Errors
    /// A layer that cannot be read.
    pub fn store_mut(&mut self) -> Result<&mut Store, Error> {
        self.store()?;
        self.store
            .get_mut()
            .ok_or_else(|| Error::NotARepository { dir: self.dir.clone() })
    }

    /// Layers came from elsewhere: they are looked at anew when asked for.
    pub fn forget_layers(&mut self) {
        self.store = OnceCell::new();
    }

    /// Where its layers lie.
    pub fn layers_dir(&self) -> PathBuf {
        self.dir.join("layers")
    }

    /// Where the stat cache of a root lies.
    pub fn state_path(&self, root: &crate::snapshot::root::RootName) -> PathBuf {
        self.dir.join("cache/state").join(root.as_str())
    }

    /// The journal of a checkout under way.
    pub fn journal_path(&self) -> PathBuf {
        self.dir.join("journal/checkout.json")
    }

    /// The note of an operation that is not in the log yet.
    pub fn pending_path(&self) -> PathBuf {
        self.dir.join("journal/operation.json")
    }

    /// The note that services stand still.
    pub fn pause_path(&self) -> PathBuf {
        self.dir.join("journal/services")
    }

    /// The note that the live state may be between two, and nobody knows which.
    pub fn unsettled_path(&self) -> PathBuf {
        self.dir.join("journal/unsettled")
    }

    /// The log of operations, for `undo`.
    pub fn operations_path(&self) -> PathBuf {
        self.dir.join("operations.jsonl")
    }

    /// Whether a checkout gives files the setuid and setgid bits that a commit recorded: as `restore.setuid` says, else
    /// only where no commit came from elsewhere.
    pub fn keeps_setuid(&self) -> bool {
        let setting = self.config.restore.setuid;
        setting.unwrap_or_else(|| !self.history.knows_remotes())
    }

    /// Takes the lock that every command holds while it changes something.
    ///
    /// # Errors
    /// [`lock::Error::Held`] after the configured wait; [`Error::Newer`] for a repository that may only be read.
    pub fn lock(&self, purpose: &str) -> Result<Lock, Error> {
        self.acquire(purpose, self.config.lock.wait)
    }

    /// As [`Repo::lock`] without waiting: nothing while another process holds it.
    ///
    /// # Errors
    /// [`Error::Newer`] for a repository that may only be read.
    pub fn try_lock(&self, purpose: &str) -> Result<Option<Lock>, Error> {
        match self.acquire(purpose, Duration::ZERO) {
            Ok(lock) => Ok(Some(lock)),
            Err(Error::Lock(lock::Error::Held { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn acquire(&self, purpose: &str, patience: Duration) -> Result<Lock, Error> {
        if let Some(what) = &self.read_only_because {
            return Err(Error::Newer {
                dir: self.dir.clone(),
                what: format!("{what}, so this version may only read it"),
            });
        }
        Ok(Lock::acquire(&self.dir.join("lock"), purpose, patience)?)
    }
}

/// A repository's directory by the path under which its project folder was noted, if that still leads there: files of the
/// project name that one, from wherever somebody comes.
fn as_noted(dir: &Path) -> PathBuf {
    let place = place_of(dir).filter(|place| dir.parent().is_some_and(|project| fsx::is_same(place, project)));
    place.map_or_else(|| dir.to_owned(), |place| place.join(DIR_NAME))
}

fn place_of(dir: &Path) -> Option<PathBuf> {
    let text = fsx::read_if_present(&dir.join(PLACE)).ok()??;
    let path = text.strip_suffix(b"\n")?;
    Some(PathBuf::from(OsStr::from_bytes(path))).filter(|place| place.is_absolute())
}

fn write_place(dir: &Path) -> Result<(), fsx::Error> {
    let Some(project) = dir.parent().filter(|project| project.is_absolute()) else {
        return Ok(());
    };
    atomic::write(&dir.join(PLACE), &[project.as_os_str().as_bytes(), b"\n"].concat())
}
