//! One root as it stands: listed, and known as far as it is as remembered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ignored;
use super::rules::Rules;
use super::state::{Mark, RootState};
use super::touched::Touched;
use super::walk::{Listing, walk};
use super::written::Written;
use crate::fsx::stamp::{FileType, Stamp, now};
use crate::fsx::{Context, Error as IoError};
use crate::snapshot::content::Form;
use crate::snapshot::entry::{Entry, Node, PrefixUse};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::Root;
use crate::snapshot::unit::UnitName;

/// Why a root cannot be captured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The root is not there or cannot be listed.
    #[error("the root {name} cannot be read: {source}")]
    Root {
        /// Its name.
        name: String,
        /// What the system said.
        source: IoError,
    },
    /// Nothing stands where it stood, and the place is on another file system than it was: that one is not mounted.
    #[error("the root {name} is not there: {} was on another file system when it was last looked at", .path.display())]
    Elsewhere {
        /// Its name.
        name: String,
        /// Its path.
        path: PathBuf,
    },
    /// Its `.snapignore` is malformed.
    #[error(transparent)]
    Ignored(#[from] ignored::Error),
}

/// One root as it stands.
pub struct LiveRoot {
    /// The root.
    pub root: Root,
    /// All that is known, in the form in which it is remembered.
    pub state: RootState,
    /// Files whose content must be read before the entries are complete.
    pub pending: Vec<usize>,
    /// Sockets, fifos and devices, which are not recorded.
    pub special: Vec<RelPath>,
    /// What the rules leave out.
    pub skipped: Vec<RelPath>,
    /// Directories that could not be listed.
    pub unreadable: Vec<IoError>,
    /// Files that could not be read. They are not among the entries.
    pub unread: Vec<RelPath>,
    /// What is odd about the package records.
    pub warnings: Vec<String>,
    /// Whether anything differs from what was remembered.
    pub changed: bool,
    /// It is in a state that was recorded, and what is known of that was taken over.
    pub is_recognized: bool,
    pub(super) dirty: Dirty,
    pub(super) form: Arc<dyn Form>,
    /// When the listing began. A file that was written to since, or just before, is looked at again next time: what
    /// is read after this moment cannot be told from a write in the same tick of the clock.
    pub(super) began: i64,
    /// Part of it is on another file system.
    has_mounts: bool,
}

/// The number of the file system on which a directory stands.
///
/// # Errors
/// Names the directory.
pub fn device_of(dir: &Path) -> Result<u64, IoError> {
    use std::os::unix::fs::MetadataExt;
    dir.metadata().map(|meta| meta.dev()).at("look at", dir)
}

/// What makes remembered units worthless.
#[derive(Default)]
pub(super) struct Dirty {
    /// Units (by old number) that lost an entry or whose entry changed.
    pub(super) units: BTreeSet<u32>,
    /// The set of paths or a package record changed: owners must be found anew.
    pub(super) owners: bool,
    /// Entries (by new number) that are not as remembered.
    pub(super) entries: BTreeSet<usize>,
}

fn unreadable(root: &Root, source: IoError) -> Error {
    Error::Root {
        name: root.name.to_string(),
        source,
    }
}

/// No unit yet.
pub(super) const NO_UNIT: u32 = u32::MAX;

impl LiveRoot {
    /// Lists a root and joins it with its state, if it has one. Files with content to be read are left [`LiveRoot::pending`].
    ///
    /// # Errors
    /// When the root itself cannot be listed.
    pub fn scan(
        root: &Root,
        rules: &Rules,
        state: Option<&Path>,
        written: &Written,
        threads: usize,
    ) -> Result<Self, Error> {
        let fingerprint = rules.fingerprint(root);
        let began = now();
        let (old, listing) = std::thread::scope(|scope| {
            let old = scope.spawn(|| match state {
                Some(state) => RootState::load(state, fingerprint),
                None => RootState::empty(fingerprint),
            });
            let listing = walk(&root.path, rules, threads);
            (old.join().unwrap_or_else(|_| RootState::empty(fingerprint)), listing)
        });
        let listing = listing.map_err(|source| unreadable(root, source))?;
        Self::of(root, rules, began, (old, Vec::new()), listing, written)
    }

    /// Looks again at what a checkout `touched` since this was seen, and takes the rest to be as it was; at everything
    /// where that is not known.
    ///
    /// # Errors
    /// When the root itself cannot be listed.
    pub fn look_again(
        self,
        rules: &Rules,
        touched: Option<&Touched>,
        written: &Written,
        threads: usize,
    ) -> Result<Self, Error> {
        let fingerprint = rules.fingerprint(&self.root);
        let began = now();
        let is_same = self.state.rules == fingerprint;
        let touched = touched.filter(|_| is_same && !self.has_mounts && self.unreadable.is_empty());
        let listing = match touched {
            Some(touched) => touched.relist(&self, rules, threads),
            None => walk(&self.root.path, rules, threads).map(|listing| (listing, Vec::new())),
        };
        let (listing, stays) = listing.map_err(|source| unreadable(&self.root, source))?;
        let old = match is_same {
            true => self.state,
            false => RootState::empty(fingerprint),
        };
        Self::of(&self.root, rules, began, (old, stays), listing, written)
    }

    /// What is remembered and what is there make the state. The entries that stay as remembered, as the second part of
    /// `old` tells, are not listed.
    fn of(
        root: &Root,
        rules: &Rules,
        began: i64,
        (old, stays): (RootState, Vec<bool>),
        listing: Listing,
        written: &Written,
    ) -> Result<Self, Error> {
        let fail = |source| unreadable(root, source);
        let device = device_of(&root.path).map_err(fail)?;
        if listing.listed.is_empty() && !old.entries.is_empty() && ![0, device].contains(&old.device) {
            return Err(Error::Elsewhere {
                name: root.name.to_string(),
                path: root.path.clone(),
            });
        }
        let mut live = Self {
            root: root.clone(),
            state: RootState::empty(old.rules),
            pending: Vec::new(),
            special: listing.special,
            skipped: listing.skipped,
            unreadable: listing.unreadable,
            unread: Vec::new(),
            warnings: Vec::new(),
            changed: false,
            is_recognized: false,
            dirty: Dirty::default(),
            form: rules.form.clone(),
            began,
            has_mounts: listing.listed.iter().any(|found| found.device != device),
        };
        live.state.device = device;
        live.join(old, stays, listing.listed, written).map_err(fail)?;
        Ok(live)
    }

    /// The form in which its content is recorded.
    pub fn form(&self) -> &Arc<dyn Form> {
        &self.form
    }

    /// What stands in it and is not among the entries.
    pub fn outside(&self) -> impl Iterator<Item = &RelPath> {
        self.skipped.iter().chain(&self.special).chain(&self.unread)
    }

    /// Takes entries out, as if they were not there.
    pub fn remove(&mut self, gone: &BTreeSet<usize>) {
        if gone.is_empty() {
            return;
        }
        let keep = |at: usize| !gone.contains(&at);
        retain_by_index(&mut self.state.entries, keep);
        retain_by_index(&mut self.state.marks, keep);
        retain_by_index(&mut self.state.unit_of, keep);
        let shift = |at: usize| at - gone.range(..at).count();
        self.dirty.entries = self
            .dirty
            .entries
            .iter()
            .filter(|at| keep(**at))
            .map(|at| shift(*at))
            .collect();
        self.dirty.owners = true;
    }

    /// The entries of one unit, sorted.
    pub fn unit(&self, unit: u32) -> impl Iterator<Item = &Entry> {
        let entries = self.state.entries.iter().zip(&self.state.unit_of);
        entries.filter(move |(_, of)| **of == unit).map(|(entry, _)| entry)
    }

    /// How far the entry at a path can be trusted.
    pub fn mark(&self, path: &[u8]) -> Option<&Mark> {
        let entries = &self.state.entries;
        let at = entries.binary_search_by(|entry| entry.path.as_bytes().cmp(path)).ok()?;
        Some(&self.state.marks[at])
    }

    /// The unit of the entry at a path.
    pub fn unit_at(&self, path: &[u8]) -> Option<UnitName> {
        let entries = &self.state.entries;
        let at = entries.binary_search_by(|entry| entry.path.as_bytes().cmp(path)).ok()?;
        let unit = self.state.units.get(self.state.unit_of[at] as usize)?;
        Some(unit.name.clone())
    }

    /// The entry at a path.
    pub fn entry(&self, path: &[u8]) -> Option<&Entry> {
        let entries = &self.state.entries;
        let at = entries.binary_search_by(|entry| entry.path.as_bytes().cmp(path)).ok()?;
        Some(&entries[at])
    }
}

fn retain_by_index<T>(items: &mut Vec<T>, keep: impl Fn(usize) -> bool) {
    let mut at = 0;
    items.retain(|_| {
        at += 1;
        keep(at - 1)
    });
}

/// Whether a stamp is what a checkout of `entry` leaves.
pub(super) fn agrees(entry: &Entry, stamp: &Stamp) -> bool {
    match &entry.node {
        Node::File(file) => {
            // Text that holds the path of a root is as long as that path is here.
            stamp.file_type == FileType::File
                && (stamp.size == file.size || file.prefix == PrefixUse::Text)
                && stamp.mtime == entry.mtime
                && stamp.mode == entry.mode
        }
        _ => false,
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
