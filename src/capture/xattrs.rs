//! Extended attributes of files.

use std::path::Path;

use rustix::io::Errno;

use crate::fsx::{Context, Error as IoError};
use crate::snapshot::entry::Xattr;

/// The `user.` attributes of a path, sorted.
pub(super) fn xattrs(path: &Path) -> Result<Vec<Xattr>, IoError> {
    let mut names = vec![0u8; 1024];
    let len = loop {
        match rustix::fs::llistxattr(path, &mut names[..]) {
            Ok(len) => break len,
            Err(Errno::RANGE) => names.resize(names.len() * 4, 0),
            // Not supported, or gone: the reading that follows tells.
            Err(Errno::NOTSUP | Errno::NOENT | Errno::PERM | Errno::ACCESS | Errno::NAMETOOLONG) => {
                return Ok(Vec::new());
            }
            Err(errno) => return Err(errno).at("list the attributes of", path),
        }
    };
    let mut out = Vec::new();
    for name in names[..len]
        .split(|b| *b == 0)
        .filter(|name| name.starts_with(b"user."))
    {
        let mut value = vec![0u8; 64 * 1024];
        match rustix::fs::lgetxattr(path, name, &mut value[..]) {
            Ok(len) => {
                value.truncate(len);
                out.push(Xattr {
                    name: name.to_vec(),
                    value,
                });
            }
            Err(Errno::NODATA | Errno::NOENT) => {}
            Err(errno) => return Err(errno).at("read an attribute of", path),
        }
    }
    out.sort_unstable();
    Ok(out)
}
