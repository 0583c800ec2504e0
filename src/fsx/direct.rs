//! Large writes past the page cache (`O_DIRECT` of open(2)).
//!
//! What is staged must be on the disk before it is used, so a copy of it in the page cache is only work: memory to find,
//! to fill and to write out, which is done on the cores that unpack. `docs/decisions/0048-past-the-page-cache.md` has
//! what was measured.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FallocateFlags, Mode, OFlags};
use rustix::io::Errno;

use super::aligned::{BLOCK, Pool};

/// Writes to the files of one directory, past the cache as long as that is the shorter way.
pub struct Direct {
    is_open: AtomicBool,
    bytes: AtomicU64,
    nanoseconds: AtomicU64,
    /// For what does not stand at a block.
    buffers: Pool,
}

/// A file that is written by several threads at once.
pub struct Written {
    file: File,
    /// The same file past the cache. A handle of its own: a short write through the cache must not share its flag.
    past: Option<File>,
}

impl Written {
    /// All through the cache.
    pub fn through_cache(file: File) -> Self {
        Self { file, past: None }
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether it is written past the cache, as far as that goes.
    pub fn is_past_cache(&self) -> bool {
        self.past.is_some()
    }

    /// The file, written.
    pub fn into_file(self) -> File {
        self.file
    }
}

impl Direct {
    /// For the file system of a directory. Where envgit does not know this way to be sound and fast it stays closed: btrfs
    /// would not compress what takes it.
    pub fn on(dir: &Path) -> Self {
        /// `EXT4_SUPER_MAGIC` and `XFS_SUPER_MAGIC` of `linux/magic.h`.
        const KNOWN: [u64; 2] = [0xef53, 0x5846_5342];
        Self::new(super::magic_of(dir).is_some_and(|magic| KNOWN.contains(&magic)))
    }

    fn new(is_open: bool) -> Self {
        Self {
            is_open: AtomicBool::new(is_open),
            bytes: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
            buffers: Pool::default(),
        }
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// A new file that will have this length. Where the way is open its room is reserved: several threads can then write
    /// to it at once, which a file system does not let them while the file grows.
    ///
    /// # Errors
    /// When there is no room.
    pub fn file(&self, file: File, size: u64) -> io::Result<Written> {
        if !self.is_open() || size < BLOCK as u64 {
            return Ok(Written::through_cache(file));
        }
        let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
        let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        let Ok(past) = rustix::fs::openat(CWD, itself, flags, Mode::empty()) else {
            self.is_open.store(false, Ordering::Relaxed);
            return Ok(Written::through_cache(file));
        };
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, size) {
            // Without it they wait for each other.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(errno) => return Err(errno.into()),
        }
        let past = Some(past.into());
        Ok(Written { file, past })
    }

    /// Writes bytes at a place of a file at which no other thread writes: whole blocks past the cache, what is before and
    /// behind them through it.
    ///
    /// # Errors
    /// As a write has them. That a file system has no such way is none.
    pub fn write_all_at(&self, to: &Written, bytes: &[u8], offset: u64) -> io::Result<()> {
        let before = (offset.next_multiple_of(BLOCK as u64) - offset) as usize;
        let past = to
            .past
            .as_ref()
            .filter(|_| self.is_open() && before + BLOCK <= bytes.len());
        let Some(past) = past else {
            return to.file.write_all_at(bytes, offset);
        };
        let (head, rest) = bytes.split_at(before);
        let (blocks, tail) = rest.split_at(rest.len() - rest.len() % BLOCK);
        let start = offset + head.len() as u64;
        to.file.write_all_at(head, offset)?;
        match self.past_the_cache(past, blocks, start) {
            Ok(time) => self.took(blocks.len() as u64, time),
            Err(error) if is_closed(&error) => {
                self.is_open.store(false, Ordering::Relaxed);
                to.file.write_all_at(blocks, start)?;
            }
            Err(error) => return Err(error),
        }
        to.file.write_all_at(tail, start + blocks.len() as u64)
    }

    /// Writes whole blocks to a whole place; tells how long the disk took.
    fn past_the_cache(&self, file: &File, blocks: &[u8], offset: u64) -> io::Result<Duration> {
        let timed = |blocks: &[u8]| {
            let began = Instant::now();
            file.write_all_at(blocks, offset).map(|()| began.elapsed())
        };
        if blocks.as_ptr().align_offset(BLOCK) == 0 {
            return timed(blocks);
        }
        let mut aligned = self.buffers.take(blocks.len());
        aligned.copy_from_slice(blocks);
        timed(&aligned)
    }

    /// Closes the way when a disk is so slow that the cores wait for it: then the cache costs no time, and whoever reads
    /// the files next is glad of it.
    fn took(&self, bytes: u64, time: Duration) {
        const TRIAL: u64 = 64 << 20;
        /// Bytes in a second, of one thread among those that share the disk.
        const SLOW: u64 = 100 << 20;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let time = self.nanoseconds.fetch_add(time, Ordering::Relaxed).saturating_add(time);
        let least = Duration::from_secs(1).as_nanos() * u128::from(bytes) / u128::from(SLOW);
        if bytes >= TRIAL && u128::from(time) > least {
            self.is_open.store(false, Ordering::Relaxed);
        }
    }
}

/// Whether that says that there is no such way for the file.
fn is_closed(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::INVAL | Errno::OPNOTSUPP))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Pieces of all lengths, in any order.
        #[test]
        fn a_file_is_what_was_written(
            cuts in prop::collection::btree_set(1usize..60_000, 0..12),
            is_reversed in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let bytes: Vec<u8> = (0..60_000u64).map(|at| ((at ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
            let ends: Vec<usize> = cuts.iter().copied().chain([bytes.len()]).collect();
            let starts = [0].into_iter().chain(cuts.iter().copied());
            let mut pieces: Vec<(usize, usize)> = starts.zip(ends).collect();
            if is_reversed {
                pieces.reverse();
            }
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("file");
            let direct = Direct::new(true);
            let file = direct.file(File::create(&path).unwrap(), 60_000).unwrap();
            std::thread::scope(|scope| {
                for (start, end) in &pieces {
                    let (file, direct, bytes) = (&file, &direct, &bytes[*start..*end]);
                    scope.spawn(move || direct.write_all_at(file, bytes, *start as u64).unwrap());
                }
            });
            prop_assert!(std::fs::read(&path).unwrap() == bytes);
            let whole = |(start, end): &(usize, usize)| (end - end % BLOCK).saturating_sub(start.next_multiple_of(BLOCK));
            let expected: usize = pieces.iter().map(whole).sum();
            if direct.is_open() {
                prop_assert_eq!(direct.bytes.load(Ordering::Relaxed), expected as u64);
            }
            prop_assert!(!rustix::fs::fcntl_getfl(file.file()).unwrap().contains(OFlags::DIRECT));
        }
    }

    #[test]
    fn a_slow_disk_closes_the_way_and_a_short_write_does_not() {
        let direct = Direct::new(true);
        direct.took(1 << 20, Duration::from_secs(1));
        assert!(direct.is_open(), "one write tells nothing");
        direct.took(512 << 20, Duration::from_secs(1));
        assert!(direct.is_open(), "half a gigabyte in two seconds");
        direct.took(64 << 20, Duration::from_secs(9));
        assert!(!direct.is_open());
    }

    #[test]
    fn a_file_that_has_no_such_way_is_written_all_the_same() {
        let direct = Direct::new(true);
        let file = rustix::fs::memfd_create("file", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let file = direct.file(File::from(file), 2 * BLOCK as u64 + 8).unwrap();
        direct.write_all_at(&file, &[7; 2 * BLOCK + 5], 3).unwrap();
        let mut bytes = vec![1; 2 * BLOCK + 8];
        file.file().read_exact_at(&mut bytes, 0).unwrap();
        assert!(bytes[..3] == [0; 3] && bytes[3..] == [7; 2 * BLOCK + 5]);
    }
}
