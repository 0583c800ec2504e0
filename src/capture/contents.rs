//! The content of files of a root: read where it is not known, on all cores.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::scan::LiveRoot;
use crate::fsx::stable;
use crate::fsx::stamp::Stamp;
use crate::progress::Progress;
use crate::snapshot::content::{Content, ContentSum, Form};
use crate::snapshot::entry::{Node, PrefixUse};
use crate::snapshot::path::RelPath;

impl LiveRoot {
    /// A live file in the form in which it is recorded.
    ///
    /// # Errors
    /// When it cannot be read, or never holds still.
    pub fn read(&self, path: &RelPath) -> Result<Vec<u8>, stable::Error> {
        let (live, _) = stable::read(&path.under(&self.root.path))?;
        Ok(self.form.take(path, live).bytes)
    }

    /// Completes a pending entry.
    pub fn resolve(&mut self, at: usize, content: Content, stamp: Stamp) {
        let (entry, mark) = (&mut self.state.entries[at], &mut self.state.marks[at]);
        entry.mode = stamp.mode;
        entry.mtime = stamp.mtime;
        if let Node::File(file) = &mut entry.node {
            file.size = content.size;
            file.digest = content.digest;
            file.prefix = content.prefix;
            file.sparse = content.sparse;
        }
        mark.racy = stamp.is_racy(self.began);
        mark.stamp = stamp;
    }

    /// Reads all pending files on all cores, only to know them. Returns those that could not be read, which are taken
    /// out; files that are gone by now are taken out silently.
    pub fn hash_pending(&mut self, threads: usize, progress: &dyn Progress) -> Vec<stable::Error> {
        let mut order = std::mem::take(&mut self.pending);
        order.sort_by_key(|at| std::cmp::Reverse(self.state.entries[*at].size()));
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(order.len()));
        let (entries, root, form) = (&self.state.entries, &self.root.path, &*self.form);
        std::thread::scope(|scope| {
            for _ in 0..threads.min(order.len()) {
                scope.spawn(|| {
                    while let Some(at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = sum_up(root, &entries[*at].path, form, progress);
                        if let Ok(mut results) = results.lock() {
                            results.push((*at, result));
                        }
                    }
                });
            }
        });
        let mut failures = BTreeMap::new();
        for (at, result) in results.into_inner().unwrap_or_default() {
            match result {
                Ok((content, stamp)) => self.resolve(at, content, stamp),
                Err(error) => {
                    failures.insert(at, error);
                }
            }
        }
        let unread = failures.iter().filter(|(_, error)| !is_gone(error));
        self.unread
            .extend(unread.map(|(at, _)| self.state.entries[*at].path.clone()));
        self.remove(&failures.keys().copied().collect());
        failures.into_values().filter(|error| !is_gone(error)).collect()
    }
}

/// Reads a file only to know it.
pub(super) fn sum_up(
    root: &Path,
    path: &RelPath,
    form: &dyn Form,
    progress: &dyn Progress,
) -> Result<(Content, Stamp), stable::Error> {
    let full = path.under(root);
    let (sum, stamp, holes) = stable::fold(
        &full,
        || ContentSum::new(form.sought(path)),
        |sum, bytes| {
            sum.update(bytes);
            progress.advance(bytes.len() as u64);
        },
    )?;
    let content = sum.finish(holes);
    if form.is_home() || content.prefix == PrefixUse::None {
        return Ok((content, stamp));
    }
    if content.size > form.longest() {
        let (sum, stamp, holes) = stable::fold(&full, || ContentSum::new(form.homes(path)), ContentSum::update)?;
        return Ok((sum.finish(holes), stamp));
    }
    let (live, stamp, holes) = stable::read_with_holes(&full)?;
    Ok((form.take(path, live).content(holes), stamp))
}

/// Whether a read failed only because the file is no more.
pub fn is_gone(error: &stable::Error) -> bool {
    matches!(error, stable::Error::Io(error) if error.is_not_found())
}
