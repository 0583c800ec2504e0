//! What the conda records of a commit promise of its binaries.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::compare::files::Units;
use crate::ops::Session;
use crate::ops::error::Error;
use crate::progress::Silent;
use crate::relocate::{Placeholders, placeholders};
use crate::snapshot::content::{ContentSink, ContentSource, Want};

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
            let sink = Memory::default();
            if store.fetch(&[want], &sink, &Silent).is_ok() {
                found.extend(placeholders(&sink.into_bytes()));
            }
        }
    }
    Ok(found)
}

/// Puts one content together.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<u64, Vec<u8>>>);

impl ContentSink for Memory {
    fn write_at(&self, _: usize, offset: u64, bytes: &[u8]) -> Result<(), crate::fsx::Error> {
        if let Ok(mut pieces) = self.0.lock() {
            pieces.insert(offset, bytes.to_vec());
        }
        Ok(())
    }
}

impl Memory {
    fn into_bytes(self) -> Vec<u8> {
        let pieces = self.0.into_inner().unwrap_or_default();
        pieces.into_values().flatten().collect()
    }
}
