//! Extended attributes of files.

use std::path::Path;

use crate::fsx::{Context, Error as IoError, xattrs::of_path};
use crate::snapshot::entry::Xattr;

/// The `user.` attributes of a path, sorted.
pub(super) fn xattrs(path: &Path) -> Result<Vec<Xattr>, IoError> {
    let pairs = of_path(path).at("read the attributes of", path)?;
    Ok(pairs.into_iter().map(Xattr::from).collect())
}
