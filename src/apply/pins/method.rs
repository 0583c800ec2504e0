//! How files of a root can be pinned: tried, not guessed from the name of a file system.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::fsx::{self, Context, Error};

/// How files are pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a file of its own that shares the blocks until one of the two is written to.
    Reflink,
    /// By another name of the same file.
    Hardlink,
}

/// Why a root has no pins.
#[derive(Debug, thiserror::Error)]
pub enum NoPins {
    /// Nothing is shared between file systems.
    #[error("{} and {} are on different file systems", .root.display(), .pins.display())]
    Apart {
        /// The root.
        root: PathBuf,
        /// Where pins would be.
        pins: PathBuf,
    },
    /// Another name of a file from a lower layer is a copy of it.
    #[error("{} is on an overlay, where a pin of what an image brought is a copy", .0.display())]
    Overlay(PathBuf),
    /// Neither reflinks nor hard links.
    #[error("the file system of {} has neither reflinks nor hard links", .0.display())]
    NoLinks(PathBuf),
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] Error),
}

impl Method {
    /// The name in text and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reflink => "reflink",
            Self::Hardlink => "hardlink",
        }
    }

    /// Finds out how a root can be pinned beneath `base`, which is made.
    ///
    /// # Errors
    /// [`NoPins`]
    pub(super) fn find(base: &Path, root: &Path) -> Result<Self, NoPins> {
        if fsx::is_overlay(root) {
            return Err(NoPins::Overlay(root.to_owned()));
        }
        fsx::create_dir_all(base)?;
        let device = |path: &Path| path.metadata().map(|meta| meta.dev()).at("look at", path);
        if device(base)? != device(root)? {
            return Err(NoPins::Apart {
                root: root.to_owned(),
                pins: base.to_owned(),
            });
        }
        let trial = tempfile::Builder::new()
            .prefix(".trial-")
            .tempdir_in(base)
            .at("create a directory in", base)?;
        let (from, to) = (trial.path().join("a"), trial.path().join("b"));
        let mut file = File::create(&from).at("create", &from)?;
        file.write_all(&[1; 4096]).at("write", &from)?;
        let source = File::open(&from).at("open", &from)?;
        let copy = File::create(&to).at("create", &to)?;
        if rustix::fs::ioctl_ficlone(&copy, &source).is_ok() {
            return Ok(Self::Reflink);
        }
        std::fs::remove_file(&to).at("remove", &to)?;
        match std::fs::hard_link(&from, &to) {
            Ok(()) => Ok(Self::Hardlink),
            Err(_) => Err(NoPins::NoLinks(base.to_owned())),
        }
    }
}
