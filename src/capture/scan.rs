//! One root as it stands: the listing joined with what is remembered, so that only what changed is read.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::vec::IntoIter;

use memchr::memmem::Finder;

use super::ignored;
use super::rules::Rules;
use super::state::{Mark, RootState};
use super::touched::Touched;
use super::walk::{Listed, Listing, walk};
use super::written::Written;
use super::xattrs::xattrs;
use crate::cores::drop_later;
use crate::digest::Digest;
use crate::fsx::stamp::{FileType, Stamp, now};
use crate::fsx::{Context, Error as IoError};
use crate::snapshot::content::Form;
use crate::snapshot::entry::{Entry, FileNode, Node, PrefixUse};
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

    /// The merge of what is remembered with what is there.
    fn join(
        &mut self,
        mut old: RootState,
        stays: Vec<bool>,
        listed: Vec<Listed>,
        written: &Written,
    ) -> Result<(), IoError> {
        // Of a file that has other names all are listed, or none.
        let (links, has_all) = std::thread::scope(|scope| {
            let links = scope.spawn(|| hard_links(&listed));
            let has_all = stays.is_empty() && stamps_are_as_remembered(&old, &listed);
            let joined = links.join();
            (joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), has_all)
        });
        old.device = self.state.device;
        if has_all && links_are_as_remembered(&old, &links) {
            self.state = old;
            drop_later(listed);
            return Ok(());
        }
        let mut known = Remembered {
            entries: std::mem::take(&mut old.entries).into_iter(),
            marks: std::mem::take(&mut old.marks).into_iter(),
            unit_of: std::mem::take(&mut old.unit_of).into_iter(),
            stays: stays.into_iter(),
        };
        self.state = old;
        let most = known.entries.len().max(listed.len());
        self.state.entries.reserve(most);
        self.state.marks.reserve(most);
        self.state.unit_of.reserve(most);
        let mut wrote = written.in_order();
        for (at, found) in listed.into_iter().enumerate() {
            self.unlisted(&mut known, Some(&found.path));
            let is_known = known
                .entries
                .as_slice()
                .first()
                .is_some_and(|entry| entry.path == found.path);
            let before = if is_known { known.next() } else { None };
            let link = links.get(&at);
            match before {
                Some((entry, mark, unit)) if holds(&entry, &mark, &found.stamp, link) => {
                    self.push(entry, mark, unit);
                }
                before => {
                    let unit = before.as_ref().map_or(NO_UNIT, |(.., unit)| *unit);
                    let before = before.map(|(entry, mark, _)| (entry, mark));
                    let wrote = wrote(&found.path);
                    self.fresh(found, before, unit, link.cloned(), wrote)?;
                }
            }
        }
        self.unlisted(&mut known, None);
        Ok(())
    }

    /// What is remembered and not listed, up to a path or to the end, stays as it was or is gone.
    fn unlisted(&mut self, known: &mut Remembered, up_to: Option<&RelPath>) {
        let entries = known.entries.as_slice();
        let mut count = up_to.map_or(entries.len(), |path| count_before(entries, path));
        while count > 0 {
            let flags = known.stays.as_slice();
            let stays = flags.first().copied().unwrap_or(false);
            let alike = flags.iter().take(count).take_while(|flag| **flag == stays).count();
            // Those without a flag, at the end, are gone.
            let alike = if alike == 0 { count } else { alike };
            if stays {
                self.state.entries.extend(known.entries.by_ref().take(alike));
                self.state.marks.extend(known.marks.by_ref().take(alike));
                self.state.unit_of.extend(known.unit_of.by_ref().take(alike));
                known.stays.by_ref().take(alike).for_each(drop);
            } else {
                for _ in 0..alike {
                    if let Some((entry, _, unit)) = known.next() {
                        self.lost(&entry.path, unit);
                    }
                }
            }
            count -= alike;
        }
    }

    fn push(&mut self, entry: Entry, mark: Mark, unit: u32) {
        self.state.entries.push(entry);
        self.state.marks.push(mark);
        self.state.unit_of.push(unit);
    }

    fn lost(&mut self, path: &RelPath, unit: u32) {
        self.changed = true;
        self.dirty.units.insert(unit);
        self.dirty.owners = true;
        self.drop_config(path);
    }

    fn drop_config(&mut self, path: &RelPath) {
        if let Ok(at) = self.state.configs.binary_search_by(|(known, _)| known.cmp(path)) {
            self.state.configs.remove(at);
        }
    }

    /// An entry that is new or not as remembered.
    fn fresh(
        &mut self,
        found: Listed,
        before: Option<(Entry, Mark)>,
        unit: u32,
        hardlink: Option<RelPath>,
        wrote: Option<&(Entry, u64)>,
    ) -> Result<(), IoError> {
        self.changed = true;
        let at = self.state.entries.len();
        self.dirty.entries.insert(at);
        self.dirty.units.insert(unit);
        self.dirty.owners |= before.is_none() || is_package_record(found.path.as_bytes());
        self.drop_config(&found.path);
        let stamp = found.stamp;
        let mut mark = Mark {
            stamp,
            racy: stamp.is_racy(self.began),
            recorded: false,
        };
        if let Some((entry, ino)) = wrote
            && *ino == stamp.ino
            && agrees(entry, &stamp)
        {
            mark.recorded = true;
            let mut entry = entry.clone();
            if let Node::File(file) = &mut entry.node {
                file.hardlink = hardlink;
            }
            self.push(entry, mark, unit);
            return Ok(());
        }
        let path = found.path.under(&self.root.path);
        let node = match stamp.file_type {
            FileType::Dir => Node::Dir,
            FileType::Symlink => {
                let target = std::fs::read_link(&path).at("read the link", &path)?;
                Node::Symlink(self.form.recorded_link(target.into_os_string().into_encoded_bytes()))
            }
            FileType::File | FileType::Special => {
                self.pending.push(at);
                Node::File(FileNode {
                    size: stamp.size,
                    digest: Digest::from_bytes([0; 32]),
                    prefix: PrefixUse::None,
                    sparse: false,
                    hardlink,
                })
            }
        };
        // A directory whose contents changed is as recorded as before: only its time is new.
        if let (Node::Dir, Some((entry, old))) = (&node, &before) {
            mark.recorded = old.recorded && entry.is_dir() && entry.mode == stamp.mode;
        }
        let entry = Entry {
            mode: if matches!(node, Node::Symlink(_)) {
                0
            } else {
                stamp.mode
            },
            mtime: stamp.mtime,
            xattrs: match node {
                Node::Symlink(_) => Vec::new(),
                _ => xattrs(&path)?,
            },
            path: found.path,
            node,
        };
        self.push(entry, mark, unit);
        Ok(())
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

/// What is left of what is remembered while it is joined with what is there.
struct Remembered {
    entries: IntoIter<Entry>,
    marks: IntoIter<Mark>,
    unit_of: IntoIter<u32>,
    /// Of each whether it was not looked at and stays; those without are gone if they were not listed.
    stays: IntoIter<bool>,
}

impl Remembered {
    fn next(&mut self) -> Option<(Entry, Mark, u32)> {
        self.stays.next();
        Some((self.entries.next()?, self.marks.next()?, self.unit_of.next()?))
    }
}

/// How many sorted entries come before a path, which is most likely near the first.
fn count_before(entries: &[Entry], path: &RelPath) -> usize {
    let mut end = 1;
    while entries.get(end - 1).is_some_and(|entry| entry.path < *path) {
        end *= 2;
    }
    let from = end / 2;
    let near = &entries[from..end.min(entries.len())];
    from + near.partition_point(|entry| entry.path < *path)
}

/// Whether what is remembered of a path holds for what stands there, whose first name is `link` if it has several.
fn holds(entry: &Entry, mark: &Mark, stamp: &Stamp, link: Option<&RelPath>) -> bool {
    mark.stamp == *stamp && !mark.racy && link == entry.file().and_then(|file| file.hardlink.as_ref())
}

/// Whether all that is remembered of single paths holds, and nothing else is there.
fn stamps_are_as_remembered(old: &RootState, listed: &[Listed]) -> bool {
    let known = old.entries.iter().zip(&old.marks);
    let mut pairs = known.zip(listed);
    let holds = |mark: &Mark, stamp: &Stamp| mark.stamp == *stamp && !mark.racy;
    old.entries.len() == listed.len()
        && pairs.all(|((entry, mark), found)| entry.path == found.path && holds(mark, &found.stamp))
}

/// Whether the names of files that have several are so too, where the paths are.
fn links_are_as_remembered(old: &RootState, links: &HashMap<usize, RelPath>) -> bool {
    let known = old.entries.iter().enumerate();
    let known = known.filter_map(|(at, entry)| Some((at, entry.file()?.hardlink.as_ref()?)));
    let mut as_known = known.map(|(at, link)| links.get(&at) == Some(link));
    let mut count = 0;
    as_known.all(|is_so| {
        count += 1;
        is_so
    }) && count == links.len()
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

/// For each later name of an inode that has several names in the listing: its first name.
fn hard_links(listed: &[Listed]) -> HashMap<usize, RelPath> {
    let named = listed.iter().enumerate();
    let named = named.filter(|(_, found)| found.stamp.nlink > 1 && found.stamp.file_type == FileType::File);
    // With pins nearly all files have several names, and most only one of them here.
    let mut named: Vec<_> = named.map(|(at, found)| ((found.device, found.stamp.ino), at)).collect();
    named.sort_unstable();
    let mut links = HashMap::new();
    for names in named.chunk_by(|(a, _), (b, _)| a == b) {
        let (_, leader) = names[0];
        links.extend(names[1..].iter().map(|(_, at)| (*at, listed[leader].path.clone())));
    }
    links
}

/// Whether a change of this path can change packages or owners.
fn is_package_record(path: &[u8]) -> bool {
    static OF_PIP: LazyLock<[Finder<'_>; 2]> = LazyLock::new(|| [".dist-info/", ".egg-"].map(Finder::new));
    let is_of_pip = || OF_PIP.iter().any(|part| part.find(path).is_some());
    path.starts_with(b"conda-meta/") || path == b"pyvenv.cfg" || is_of_pip()
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
