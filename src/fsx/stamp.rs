//! What `lstat` says of a path: enough to know that a file was not written since.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{AtFlags, Stat};
use serde::{Deserialize, Serialize};

use super::{Context, Error};

/// The type of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileType {
    /// A directory.
    Dir,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A socket, fifo or device.
    Special,
}

/// The metadata of one path. Equal stamps mean an unchanged file, as far as the clock can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// What it is.
    pub file_type: FileType,
    /// Permission bits (`0o7777`).
    pub mode: u32,
    /// Length in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime: i64,
    /// Change time of the inode, nanoseconds since 1970.
    pub ctime: i64,
    /// Inode number.
    pub ino: u64,
    /// Number of names of the inode. Making another name changes the ctime but not the file.
    pub nlink: u32,
    /// Allocated bytes.
    pub allocated: u64,
}

impl Stamp {
    /// The stamp of a path, without following a symlink at its end.
    ///
    /// # Errors
    /// Names the path.
    pub fn of_path(path: &Path) -> Result<Self, Error> {
        rustix::fs::lstat(path).map(Self::from).at("look at", path)
    }

    /// The stamp of a name in an open directory.
    ///
    /// # Errors
    /// As `fstatat`.
    pub fn of_name(dir: impl AsFd, name: &std::ffi::CStr) -> rustix::io::Result<(Self, u64)> {
        let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok((Self::from(stat), device(&stat)))
    }

    /// The stamp of an open file.
    ///
    /// # Errors
    /// As `fstat`.
    pub fn of_file(file: impl AsFd) -> rustix::io::Result<Self> {
        rustix::fs::fstat(file).map(Self::from)
    }

    /// Whether both are of the same file in the same state, however many names it has.
    pub fn same_file_state(&self, other: &Self) -> bool {
        let state = |stamp: &Self| (stamp.file_type, stamp.mode, stamp.size, stamp.mtime, stamp.ino);
        state(self) == state(other)
    }

    /// Whether a write just before or during the moment `now` (nanoseconds since 1970) could have left this stamp:
    /// the kernel's clock for files ticks coarsely (every 10 ms at most; every 2 s where the file system keeps no
    /// fractions of a second).
    pub fn is_racy(&self, now: i64) -> bool {
        const MILLISECOND: i64 = 1_000_000;
        let tick = if self.ctime % MILLISECOND == 0 { 2000 } else { 20 };
        self.ctime.max(self.mtime) > now - tick * MILLISECOND
    }
}

/// The device a stat was taken on.
fn device(stat: &Stat) -> u64 {
    stat.st_dev
}

impl From<Stat> for Stamp {
    fn from(stat: Stat) -> Self {
        use rustix::fs::FileType as T;
        let nanoseconds = |seconds: i64, fraction: u64| {
            seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(i64::try_from(fraction).unwrap_or(0))
        };
        Self {
            file_type: match T::from_raw_mode(stat.st_mode) {
                T::Directory => FileType::Dir,
                T::RegularFile => FileType::File,
                T::Symlink => FileType::Symlink,
                _ => FileType::Special,
            },
            mode: stat.st_mode & 0o7777,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            ctime: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
            ino: stat.st_ino,
            nlink: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
            allocated: u64::try_from(stat.st_blocks).unwrap_or(0) * 512,
        }
    }
}

/// The current time in nanoseconds since 1970.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
}
