//! `gc --json`.

use serde::Serialize;

use super::FORMAT;
use crate::digest::Digest;
use crate::ops::gc::GcReport;

/// What gc removed, or would.
#[derive(Serialize)]
pub(in crate::cli) struct GcJson<'a> {
    format: u32,
    dry_run: bool,
    removed: Vec<RemovedJson>,
    removed_bytes: u64,
    kept: u64,
    kept_bytes: u64,
    dead_bytes: u64,
    partly_dead: u64,
    expired: &'a [String],
    leftovers: u64,
}

#[derive(Serialize)]
struct RemovedJson {
    layer: Digest,
    size: u64,
}

impl<'a> GcJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a GcReport) -> Self {
        let removed = report.removed.iter().map(|(layer, size)| RemovedJson {
            layer: *layer,
            size: *size,
        });
        Self {
            format: FORMAT,
            dry_run: report.dry_run,
            removed: removed.collect(),
            removed_bytes: report.removed_bytes(),
            kept: report.kept,
            kept_bytes: report.kept_bytes,
            dead_bytes: report.dead_bytes,
            partly_dead: report.partly_dead,
            expired: &report.expired,
            leftovers: report.leftovers,
        }
    }
}
