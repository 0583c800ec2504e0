//! The names in an open directory, without a look at what stands behind them.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

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
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut count = 0;
    // However deep it is: neither the stack nor the open directories grow with that.
    let mut waiting: Vec<(Rc<OwnedFd>, CString)> = Vec::new();
    let mut open = rustix::fs::open(dir, flags, Mode::empty())?;
    loop {
        let dir = Rc::new(open);
        each_name(&*dir, |entry| {
            count += 1;
            if matches!(entry.file_type(), FileType::Directory | FileType::Unknown) {
                waiting.push((dir.clone(), entry.file_name().to_owned()));
            }
            Ok(())
        })?;
        drop(dir);
        open = loop {
            let Some((parent, name)) = waiting.pop() else {
                return Ok(count);
            };
            match rustix::fs::openat(&*parent, name, flags, Mode::empty()) {
                // Where the file system does not tell what a name is.
                Err(Errno::NOTDIR | Errno::LOOP) => {}
                opened => break opened?,
            }
        };
    }
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

    #[test]
    fn a_tree_may_be_deeper_than_there_are_stack_and_files() {
        let dir = tempfile::tempdir().unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut at = rustix::fs::open(dir.path(), flags, Mode::empty()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&at, "d", Mode::from_raw_mode(0o755)).unwrap();
            at = rustix::fs::openat(&at, "d", flags, Mode::empty()).unwrap();
        }
        assert_eq!(count_beneath(dir.path()), Ok(3000));
    }
}
