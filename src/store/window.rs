//! Bounds how much is under way between a feeder and an ordered writer.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};

/// Counts the bytes that were sent out and have not come back in order yet.
pub(super) struct Window {
    limit: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: u64,
    held: BTreeMap<usize, u64>,
    closed: bool,
}

impl Window {
    /// At most `limit` bytes, but always at least one job.
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Waits until job number `sequence` of `bytes` fits. False when the run is over.
    pub(super) fn enter(&self, sequence: usize, bytes: u64) -> bool {
        let Ok(state) = self.state.lock() else { return false };
        let fits = |state: &mut State| !state.closed && state.bytes > 0 && state.bytes + bytes > self.limit;
        let Ok(mut state) = self.changed.wait_while(state, fits) else {
            return false;
        };
        state.bytes += bytes;
        state.held.insert(sequence, bytes);
        !state.closed
    }

    /// Job number `sequence`, if it entered, is done.
    pub(super) fn leave(&self, sequence: usize) {
        if let Ok(mut state) = self.state.lock()
            && let Some(bytes) = state.held.remove(&sequence)
        {
            state.bytes -= bytes;
            self.changed.notify_all();
        }
    }

    /// Lets everybody in and tells them that it is over.
    pub(super) fn close(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.closed = true;
        }
        self.changed.notify_all();
    }
}
