//! Objects on their way in: written beside the repository, continued where a cut left off, and checked before anybody
//! uses them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::error::Error;
use crate::digest::{Digest, Hasher};
use crate::fsx::{self, Context as _, atomic};
use crate::progress::Progress;
use crate::remote::{Key, Transport};
use crate::store::{self, arrival::Arrival};

/// How much is read at once.
const BUFFER: usize = 256 << 10;

/// `.envgit/incoming/`: `<sha256>.part` for each object that is not complete, or not checked yet.
#[derive(Clone, Debug)]
pub(super) struct Incoming(PathBuf);

/// An object that is to come.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// What it is, for people: `the layer 4c0e…`.
    pub(super) what: &'a str,
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Hears how far it has come.
    pub(super) arrival: &'a Arrival,
}

/// An object that came, and has no place yet.
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) way: Way,
    /// Its digest is the right one. Otherwise who reads it tells what is right of it.
    pub(super) is_checked: bool,
}

/// How an object came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// So many bytes were read from a remote; the rest had come before.
    Received(u64),
    /// It is another name of a file on this machine, or shares its blocks.
    Shared,
    /// It was copied on this machine.
    Copied,
}

impl Incoming {
    /// Makes the directory.
    pub(super) fn open(repo: &Path) -> Result<Self, Error> {
        let dir = repo.join("incoming");
        fsx::create_dir_all(&dir)?;
        Ok(Self(dir))
    }

    /// Where an object is until it has its place.
    pub(super) fn part(&self, digest: &Digest) -> PathBuf {
        self.0.join(format!("{digest}.part"))
    }

    /// Gets an object from a remote, from where it was cut off the last time. The file is complete, checked and durable
    /// when this returns.
    pub(super) fn receive(
        &self,
        transport: &dyn Transport,
        key: &Key,
        wanted: Wanted<'_>,
        progress: &dyn Progress,
    ) -> Result<Part, Error> {
        let path = self.part(&wanted.digest);
        let (file, hasher, start) = resume(&path, wanted.size, progress)?;
        wanted.arrival.begin(file.try_clone().at("open", &path)?, start);
        let mut out = Arriving {
            file,
            hasher,
            length: start,
            wanted,
            progress,
            failed: None,
        };
        if start < wanted.size {
            let streamed = transport.stream(key, start, &mut out);
            if let Some(refusal) = out.failed.take() {
                return Err(match refusal {
                    Failure::Unwanted => store::Error::Lost { layer: wanted.digest }.into(),
                    Failure::TooLong => refuse(
                        &path,
                        wanted.what,
                        transport.address(),
                        "it is longer than announced".to_owned(),
                    ),
                    Failure::Io(source) => fsx::Error {
                        action: "write",
                        path,
                        source,
                    }
                    .into(),
                });
            }
            streamed?;
        }
        if out.length < wanted.size {
            let why = format!("it has {} of {} bytes", out.length, wanted.size);
            return Err(refuse(&path, wanted.what, transport.address(), why));
        }
        let digest = out.hasher.finish();
        if let Some(why) = otherwise(&digest, &wanted.digest) {
            return Err(refuse(&path, wanted.what, transport.address(), why));
        }
        out.file.sync_all().at("sync", &path)?;
        Ok(Part {
            path,
            way: Way::Received(wanted.size - start),
            is_checked: true,
        })
    }

    /// Gets an object from a file on this machine: as another name of it where its owner cannot be another user, else
    /// sharing its blocks where the file system can, else as a copy. Durable when this returns, and checked, unless it is
    /// another name and somebody reads it. Meanwhile somebody else may look at it.
    pub(super) fn adopt<R: Send>(
        &self,
        source: &Path,
        wanted: Wanted<'_>,
        look: impl FnOnce(&Path) -> R + Send,
        progress: &dyn Progress,
    ) -> Result<(Part, R), Error> {
        let path = self.part(&wanted.digest);
        if path.symlink_metadata().is_ok() {
            fsx::remove_file(&path)?;
        }
        let refused = |why: String| Error::refused(format!("{} at {}", wanted.what, source.display()), why);
        let meta = match std::fs::symlink_metadata(source) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(refused("it is missing there".to_owned()));
            }
            found => found.at("look at", source)?,
        };
        if !meta.is_file() {
            return Err(refused("it is no file".to_owned()));
        }
        if meta.len() != wanted.size {
            return Err(refused(format!("it has {} of {} bytes", meta.len(), wanted.size)));
        }
        let is_ours = meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o022 == 0;
        let is_linked = is_ours && std::fs::hard_link(source, &path).is_ok();
        let way = if is_linked {
            fsx::witness::saw(|| fsx::witness::Change::Link {
                from: source.to_owned(),
                to: path.clone(),
            });
            Way::Shared
        } else {
            copy(source, &path)?
        };
        let file = File::open(&path).at("read", &path)?;
        wanted.arrival.begin(file.try_clone().at("open", &path)?, wanted.size);
        let is_checked = !(is_linked && wanted.arrival.is_attended());
        // What was copied goes to the disk while it is hashed.
        let (digest, synced, seen) = std::thread::scope(|scope| {
            let syncing = scope.spawn(|| file.sync_all());
            let looking = scope.spawn(|| look(&path));
            let digest = is_checked.then(|| digest_of(&path, progress)).transpose();
            (digest, syncing.join(), looking.join())
        });
        synced.map_err(failed).flatten().at("sync", &path)?;
        let seen = seen.map_err(failed).at("read", &path)?;
        if let Some(why) = digest?.and_then(|digest| otherwise(&digest, &wanted.digest)) {
            return Err(refuse(&path, wanted.what, &source.display().to_string(), why));
        }
        Ok((Part { path, way, is_checked }, seen))
    }

    /// Gives an object that came its place. Durable when this returns.
    pub(super) fn place(part: &Path, destination: &Path) -> Result<(), Error> {
        fsx::rename(part, destination)?;
        if let Some(dir) = destination.parent() {
            atomic::sync_dir(dir)?;
        }
        Ok(())
    }

    /// Drops an object that came.
    pub(super) fn drop_part(part: &Path) {
        // Whatever stays is found and checked again by the next fetch.
        let _ = fsx::remove_file(part);
    }
}

/// Removes what fetches that were cut off left and nobody wrote to for `age`. Only for who holds the repository's lock: a
/// fetch holds it too, so nothing goes that is still written. How many files went.
///
/// # Errors
/// Names what cannot be read or removed.
pub fn clear(repo: &Path, age: Duration) -> Result<u64, fsx::Error> {
    let dir = repo.join("incoming");
    let listing = match std::fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        listing => listing.at("list", &dir)?,
    };
    let mut count = 0;
    for entry in listing {
        let path = entry.at("list", &dir)?.path();
        let is_part = path.extension().is_some_and(|end| end == "part");
        let written = path.symlink_metadata().and_then(|meta| meta.modified());
        let is_old = written.is_ok_and(|written| written.elapsed().is_ok_and(|since| since >= age));
        if is_part && is_old {
            fsx::remove_file(&path)?;
            count += 1;
        }
    }
    // What a peer's history was packed into, by a process that died.
    Ok(count + atomic::remove_old_drafts(&dir, age)?.len() as u64)
}

/// The part of an object that is there, hashed, and where it ends.
fn resume(path: &Path, size: u64, progress: &dyn Progress) -> Result<(File, Hasher, u64), Error> {
    // A part that is another name of somebody's file must not be written to.
    let is_usable = std::fs::symlink_metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.len() <= size && (meta.nlink() == 1 || meta.len() == size));
    if !is_usable && path.symlink_metadata().is_ok() {
        fsx::remove_file(path)?;
    }
    let open = || OpenOptions::new().read(true).append(true).create(true).open(path);
    let mut file = open().at("open", path)?;
    let mut hasher = Hasher::new();
    let start = read_through(&mut file, &mut hasher, progress).at("read", path)?;
    Ok((file, hasher, start))
}

/// Drops what came, and says why.
pub(super) fn refuse(part: &Path, what: &str, place: &str, why: String) -> Error {
    Incoming::drop_part(part);
    Error::refused(format!("{what} at {place}"), why)
}

/// What is wrong where a digest is another one than it must be.
pub(super) fn otherwise(found: &Digest, wanted: &Digest) -> Option<String> {
    (found != wanted).then(|| format!("its SHA-256 is {found}, not {wanted}"))
}

/// The digest of a file.
pub(super) fn digest_of(path: &Path, progress: &dyn Progress) -> Result<Digest, Error> {
    let mut hasher = Hasher::new();
    let mut file = File::open(path).at("read", path)?;
    read_through(&mut file, &mut hasher, progress).at("read", path)?;
    Ok(hasher.finish())
}

/// Hashes a file to its end. It is read on a thread of its own: of a file that is in memory, that is a fourth of the work.
fn read_through(file: &mut File, hasher: &mut Hasher, progress: &dyn Progress) -> io::Result<u64> {
    let (full, filled) = sync_channel::<Vec<u8>>(2);
    let (spent, empty) = sync_channel(2);
    for _ in 0..2 {
        let _ = spent.send(Vec::with_capacity(BUFFER));
    }
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            for mut buffer in empty {
                buffer.clear();
                Read::by_ref(file).take(BUFFER as u64).read_to_end(&mut buffer)?;
                if buffer.is_empty() || full.send(buffer).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let mut total = 0;
        for buffer in filled {
            hasher.update(&buffer);
            progress.advance(buffer.len() as u64);
            total += buffer.len() as u64;
            let _ = spent.send(buffer);
        }
        reading.join().map_err(failed).flatten().map(|()| total)
    })
}

fn failed(_: Box<dyn std::any::Any + Send>) -> io::Error {
    io::Error::other("a thread failed")
}

fn copy(source: &Path, path: &Path) -> Result<Way, Error> {
    let from = File::open(source).at("read", source)?;
    let mut to = File::create_new(path).at("create", path)?;
    if rustix::fs::ioctl_ficlone(&to, &from).is_ok() {
        return Ok(Way::Shared);
    }
    io::copy(&mut &from, &mut to).at("write", path)?;
    Ok(Way::Copied)
}

enum Failure {
    TooLong,
    Unwanted,
    Io(io::Error),
}

/// Writes what arrives, hashing it.
struct Arriving<'a> {
    file: File,
    hasher: Hasher,
    length: u64,
    wanted: Wanted<'a>,
    progress: &'a dyn Progress,
    failed: Option<Failure>,
}

impl Write for Arriving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.wanted.arrival.is_wanted() {
            self.failed = Some(Failure::Unwanted);
            return Err(io::Error::other("nobody waits for it"));
        }
        if self.length + bytes.len() as u64 > self.wanted.size {
            self.failed = Some(Failure::TooLong);
            return Err(io::Error::other("it is longer than announced"));
        }
        if let Err(error) = self.file.write_all(bytes) {
            let told = io::Error::new(error.kind(), error.to_string());
            self.failed = Some(Failure::Io(error));
            return Err(told);
        }
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.wanted.arrival.reached(self.length);
        self.progress.advance(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
