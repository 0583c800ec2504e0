//! The names in an open directory, without a look at what stands behind them.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, RawDir, RawDirEntry, SeekFrom};
use rustix::io::Errno;

/// Does something with each name but `.` and `..`, from the first one on.
///
/// # Errors
/// The directory cannot be listed, or what was done failed.
pub fn each_name(
    dir: impl AsFd,
    mut with: impl FnMut(&RawDirEntry<'_>) -> rustix::io::Result<()>,
) -> rustix::io::Result<()> {
    let dir = dir.as_fd();
    rustix::fs::seek(dir, SeekFrom::Start(0))?;
    let mut buffer = [MaybeUninit::uninit(); 32 * 1024];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            with(&entry)?;
        }
    }
    Ok(())
}

/// How many paths are beneath a directory, links not followed.
///
/// # Errors
/// It, or a directory in it, cannot be listed.
pub fn count_beneath(dir: &Path) -> rustix::io::Result<usize> {
    count_in(rustix::fs::CWD, dir)
}

fn count_in(parent: impl AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<usize> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(parent, name, flags, Mode::empty())?;
    let mut count = 0;
    each_name(&dir, |entry| {
        count += 1;
        let may_be_dir = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if may_be_dir {
            match count_in(&dir, entry.file_name()) {
                // Where the file system does not tell what a name is.
                Err(Errno::NOTDIR | Errno::LOOP) => {}
                beneath => count += beneath?,
            }
        }
        Ok(())
    })?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_beneath_is_counted_and_nothing_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        for d in ["a/b", "c"] {
            std::fs::create_dir_all(dir.path().join(d)).unwrap();
        }
        for n in 0..1000 {
            std::fs::write(dir.path().join("a/b").join(format!("{n:0100}")), "").unwrap();
        }
        std::os::unix::fs::symlink("../a", dir.path().join("c/link")).unwrap();
        assert_eq!(count_beneath(dir.path()), Ok(1000 + 4));
        assert_eq!(count_beneath(&dir.path().join("no")), Err(Errno::NOENT));
    }
}
