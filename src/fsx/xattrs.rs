//! The `user.` extended attributes of files. Those of other namespaces belong to the machine.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::io::{Errno, Result};

/// The most that the kernel gives: XATTR_LIST_MAX bytes of names, XATTR_SIZE_MAX bytes of a value.
const LONGEST: usize = 64 * 1024;

/// Names, `user.` included, with their values, sorted.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The attributes of a path, whose last part is not followed. None where the file system has none, or where they may not
/// be seen.
///
/// # Errors
/// What the file system refused.
pub fn of_path(path: &Path) -> Result<Pairs> {
    pairs(
        |names| rustix::fs::llistxattr(path, names),
        |name, value| rustix::fs::lgetxattr(path, name, value),
    )
}

/// The attributes of an open file; as [`of_path`].
///
/// # Errors
/// What the file system refused.
pub fn of_file(file: impl AsFd) -> Result<Pairs> {
    pairs(
        |names| rustix::fs::flistxattr(&file, names),
        |name, value| rustix::fs::fgetxattr(&file, name, value),
    )
}

fn pairs(list: impl Fn(&mut [u8]) -> Result<usize>, get: impl Fn(&[u8], &mut [u8]) -> Result<usize>) -> Result<Pairs> {
    let mut names = vec![0u8; 1024];
    let length = loop {
        match list(&mut names) {
            Ok(length) => break length,
            Err(Errno::RANGE) if names.len() < LONGEST => names.resize(LONGEST, 0),
            Err(Errno::NOTSUP | Errno::NOENT | Errno::PERM | Errno::ACCESS | Errno::NAMETOOLONG) => {
                return Ok(Vec::new());
            }
            Err(errno) => return Err(errno),
        }
    };
    let mut pairs = Vec::new();
    let names = names[..length].split(|byte| *byte == 0);
    for name in names.filter(|name| name.starts_with(b"user.")) {
        let mut value = vec![0u8; LONGEST];
        match get(name, &mut value) {
            Ok(length) => {
                value.truncate(length);
                pairs.push((name.to_vec(), value));
            }
            // It went meanwhile.
            Err(Errno::NODATA | Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    pairs.sort_unstable();
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_attributes_are_all_seen() {
        // ext4 and others hold few in an inode; tmpfs holds any number that the kernel can list.
        let dir = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let file = std::fs::File::create(dir.path().join("f")).unwrap();
        let path = dir.path().join("f");
        let mut set = Vec::new();
        for n in 0..200u32 {
            let name = format!("user.{n:03}-{}", "x".repeat(90));
            match rustix::fs::fsetxattr(&file, &name[..], b"v", rustix::fs::XattrFlags::empty()) {
                Ok(()) => set.push((name.into_bytes(), b"v".to_vec())),
                Err(_) => break,
            }
        }
        assert!(
            set.len() > 20,
            "the list of {} names fits into the first buffer",
            set.len()
        );
        assert_eq!(of_file(&file).unwrap(), set);
        assert_eq!(of_path(&path).unwrap(), set);
        assert_eq!(of_path(&dir.path().join("nothing")).unwrap(), Vec::new());
    }
}
