//! Files on their way to a remote.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Hasher};
use crate::fsx::{self, Context as _};
use crate::progress::Progress;
use crate::remote::Body;

/// The digest of a file's bytes.
pub(super) fn digest_of(path: &Path) -> Result<Digest, fsx::Error> {
    let mut file = File::open(path).at("read", path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let n = file.read(&mut buffer).at("read", path)?;
        if n == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..n]);
    }
}

/// A file that is sent.
pub(super) struct SentFile<'a> {
    path: PathBuf,
    size: u64,
    progress: Option<&'a dyn Progress>,
}

impl<'a> SentFile<'a> {
    pub(super) fn open(path: &Path, progress: Option<&'a dyn Progress>) -> Result<Self, fsx::Error> {
        Ok(Self {
            path: path.to_owned(),
            size: path.metadata().at("look at", path)?.len(),
            progress,
        })
    }
}

impl Body for SentFile<'_> {
    fn len(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Counted {
            file: File::open(&self.path)?,
            progress: self.progress,
        }))
    }
}

struct Counted<'a> {
    file: File,
    progress: Option<&'a dyn Progress>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        if let Some(progress) = self.progress {
            progress.advance(n as u64);
        }
        Ok(n)
    }
}
