//! What the conda records of a live root promise of binaries that hold its prefix.

use std::path::Path;

use crate::fsx::stable;
use crate::relocate::{Placeholders, placeholders};

/// Reads them from `conda-meta`. Records that cannot be read promise nothing.
pub fn read(root: &Path) -> Placeholders {
    let listing = std::fs::read_dir(root.join("conda-meta"));
    let records = listing.into_iter().flatten().flatten().map(|item| item.path());
    let records = records.filter(|path| path.extension().is_some_and(|end| end == "json"));
    records
        .filter_map(|path| Some(placeholders(&stable::read(&path).ok()?.0)))
        .flatten()
        .collect()
}
