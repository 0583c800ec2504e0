//! What is written to a remote: a file, or bytes at hand.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// The content of an object that is to be written: read again from the start when a write is tried again.
pub trait Body: Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> u64;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Its bytes, from the start. Whoever reads them may tell of progress.
    ///
    /// # Errors
    /// What the system said.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;
}

impl Body for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(*self))
    }
}

/// A file that does not change.
pub struct FileBody {
    path: PathBuf,
    len: u64,
}

impl FileBody {
    /// The file as it now is.
    ///
    /// # Errors
    /// What the system said.
    pub fn new(path: PathBuf) -> io::Result<Self> {
        let len = std::fs::metadata(&path)?.len();
        Ok(Self { path, len })
    }
}

impl Body for FileBody {
    fn len(&self) -> u64 {
        self.len
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(File::open(&self.path)?))
    }
}

/// Reads a body and holds it to its length, so that a file that was cut or goes on growing is never published.
pub(super) struct Measured<'a> {
    inner: Box<dyn Read + Send + 'a>,
    left: u64,
}

impl<'a> Measured<'a> {
    pub(super) fn open(body: &'a dyn Body) -> io::Result<Self> {
        Ok(Self {
            inner: body.open()?,
            left: body.len(),
        })
    }

    /// Fills as much of the buffer as there is left; less than all of it only at the end.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    }
}

impl Read for Measured<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        let changed = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        if n as u64 > self.left {
            return changed("what is to be sent became longer while it was read");
        }
        if n == 0 && self.left > 0 && !buffer.is_empty() {
            return changed("what is to be sent became shorter while it was read");
        }
        self.left -= n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wrong(&'static [u8], u64);

    impl Body for Wrong {
        fn len(&self) -> u64 {
            self.1
        }
        fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
            Ok(Box::new(self.0))
        }
    }

    #[test]
    fn a_body_of_another_length_is_an_error() {
        let all = |len| {
            let mut bytes = Vec::new();
            Measured::open(&Wrong(b"four", len))
                .unwrap()
                .read_to_end(&mut bytes)
                .map_err(|error| error.to_string())
        };
        assert_eq!(all(4), Ok(4));
        assert!(all(5).unwrap_err().contains("shorter"));
        assert!(all(3).unwrap_err().contains("longer"));
    }
}
