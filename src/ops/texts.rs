//! Contents of the layers, whole and in memory: for small ones.

use std::sync::{Mutex, PoisonError};

use crate::progress::Silent;
use crate::snapshot::content::{ContentSink, ContentSource, Want};
use crate::store::Store;

/// All of some contents, in their order; nothing if any cannot be had.
pub(super) fn fetch(store: &Store, wants: &[Want]) -> Option<Vec<Vec<u8>>> {
    let memory = Memory(
        wants
            .iter()
            .map(|want| Mutex::new(vec![0; want.size as usize]))
            .collect(),
    );
    store.fetch(wants, &memory, &Silent).ok()?;
    let texts = memory.0.into_iter();
    Some(
        texts
            .map(|text| text.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect(),
    )
}

/// Contents as they come.
struct Memory(Vec<Mutex<Vec<u8>>>);

impl ContentSink for Memory {
    fn write_at(&self, want: usize, offset: u64, bytes: &[u8]) -> Result<(), crate::fsx::Error> {
        let mut text = self.0[want].lock().unwrap_or_else(PoisonError::into_inner);
        let start = offset as usize;
        text[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}
