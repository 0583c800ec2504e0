//! What the conda records of a commit promise of its binaries.

use crate::compare::files::Units;
use crate::ops::Session;
use crate::ops::error::Error;
use crate::ops::texts::fetch;
use crate::relocate::{Placeholders, placeholders};
use crate::snapshot::content::Want;

/// Records longer than this are no records.
const LONGEST: u64 = 256 << 20;

/// Reads them from the layers. Records that cannot be had promise nothing: their binaries then stay as they are.
pub(super) fn of_target(session: &Session<'_>, units: &Units) -> Result<Placeholders, Error> {
    let entries = units.iter().flat_map(|(_, entries)| entries);
    let records = entries.filter(|entry| {
        let path = entry.path.as_bytes();
        path.starts_with(b"conda-meta/") && path.ends_with(b".json")
    });
    let store = session.repo.store()?;
    let mut found = Placeholders::new();
    for file in records.filter_map(|entry| entry.file()) {
        if file.size > 0 && file.size <= LONGEST {
            let want = Want {
                digest: file.digest,
                size: file.size,
            };
            let texts = fetch(store, &[want]).unwrap_or_default();
            found.extend(texts.iter().flat_map(|text| placeholders(text)));
        }
    }
    Ok(found)
}
