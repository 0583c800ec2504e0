//! Reading a file and knowing afterwards that nobody wrote to it meanwhile.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::stamp::{FileType, Stamp};
use super::{Context, Error as IoError};

/// How often a file that changes while it is read is tried.
pub const ATTEMPTS: usize = 4;

/// Why a file was not read whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody wrote to it.
    #[error("{} changed while it was read", .0.display())]
    Torn(PathBuf),
    /// It is no regular file (any more).
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// It cannot be opened or read.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// A regular file open for one reading from start to end.
#[derive(Debug)]
pub struct StableFile {
    file: File,
    path: PathBuf,
    before: Stamp,
    read: u64,
}

impl StableFile {
    /// Opens a file, refusing symlinks and never blocking on a fifo.
    ///
    /// # Errors
    /// [`Error::NotAFile`], or what the system said.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::open(path, flags, Mode::empty()) {
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => return Err(Error::NotAFile(path.to_owned())),
            other => File::from(other.at("read", path)?),
        };
        let before = Stamp::of_file(&file).at("look at", path)?;
        if before.file_type != FileType::File {
            return Err(Error::NotAFile(path.to_owned()));
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            before,
            read: 0,
        })
    }

    /// The file, for those who do not read it from start to end.
    pub fn into_file(self) -> File {
        self.file
    }

    /// The length when it was opened.
    pub fn size(&self) -> u64 {
        self.before.size
    }

    /// Fills `buffer` as far as the file goes and returns how many bytes that was.
    ///
    /// # Errors
    /// What the system said.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Err::<(), _>(error).at("read", &self.path).unwrap_err().into()),
            }
        }
        self.read += filled as u64;
        Ok(filled)
    }

    /// The stamp under which all bytes were read.
    ///
    /// # Errors
    /// [`Error::Torn`] when the file was written to since it was opened.
    pub fn finish(self) -> Result<Stamp, Error> {
        let after = Stamp::of_file(&self.file).at("look at", &self.path)?;
        let same = Stamp {
            nlink: self.before.nlink,
            ..after
        } == self.before;
        if same && self.read == after.size {
            Ok(after)
        } else {
            Err(Error::Torn(self.path))
        }
    }

    /// Whether the file has holes.
    pub fn has_holes(&self) -> bool {
        self.before.allocated < self.before.size
            && rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Hole(0)).is_ok_and(|hole| hole < self.before.size)
            && rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Start(self.read)).is_ok()
    }
}

/// Reads a whole file that holds still; tries again when it does not.
///
/// # Errors
/// [`Error::Torn`] after several attempts.
pub fn read(path: &Path) -> Result<(Vec<u8>, Stamp), Error> {
    read_with_holes(path).map(|(bytes, stamp, _)| (bytes, stamp))
}

/// As [`read`]; also tells whether the file has holes.
///
/// # Errors
/// [`Error::Torn`] after several attempts.
pub fn read_with_holes(path: &Path) -> Result<(Vec<u8>, Stamp, bool), Error> {
    until_still(path, |file| {
        let mut bytes = vec![0; usize::try_from(file.size()).unwrap_or(usize::MAX)];
        let filled = file.fill(&mut bytes)?;
        bytes.truncate(filled);
        Ok(bytes)
    })
}

/// Reads a file that holds still block by block, from `start()` again whenever it was written to meanwhile. Also
/// tells whether the file has holes.
///
/// # Errors
/// [`Error::Torn`] after several attempts.
pub fn fold<S>(
    path: &Path,
    start: impl Fn() -> S,
    mut block: impl FnMut(&mut S, &[u8]),
) -> Result<(S, Stamp, bool), Error> {
    let mut buffer = vec![0; 256 * 1024];
    until_still(path, |file| {
        let mut state = start();
        loop {
            match file.fill(&mut buffer)? {
                0 => return Ok(state),
                filled => block(&mut state, &buffer[..filled]),
            }
        }
    })
}

fn until_still<T>(
    path: &Path,
    mut attempt: impl FnMut(&mut StableFile) -> Result<T, Error>,
) -> Result<(T, Stamp, bool), Error> {
    for number in 1.. {
        let mut file = StableFile::open(path)?;
        let value = attempt(&mut file)?;
        let holes = file.has_holes();
        match file.finish() {
            Ok(stamp) => return Ok((value, stamp, holes)),
            Err(Error::Torn(_)) if number < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("the last attempt returns")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_written_during_the_reading_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, b"0123456789").unwrap();
        let mut file = StableFile::open(&path).unwrap();
        let mut buffer = [0; 4];
        file.fill(&mut buffer).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"x")
            .unwrap();
        file.fill(&mut [0; 20]).unwrap();
        assert!(matches!(file.finish(), Err(Error::Torn(_))));
        assert_eq!(read(&path).unwrap().0, b"0123456789x");
    }

    #[test]
    fn links_and_fifos_are_no_files() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("l");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(matches!(StableFile::open(&link), Err(Error::NotAFile(_))));
        assert!(matches!(StableFile::open(dir.path()), Err(Error::NotAFile(_))));
    }
}
