//! What is remembered of a root joined with what is there, so that only what changed is read.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::vec::IntoIter;

use memchr::memmem::Finder;

use super::scan::{LiveRoot, NO_UNIT, agrees};
use super::state::{Mark, RootState};
use super::walk::Listed;
use super::written::Written;
use super::xattrs::xattrs;
use crate::cores::drop_later;
use crate::digest::Digest;
use crate::fsx::stamp::{FileType, Stamp};
use crate::fsx::{Context, Error as IoError};
use crate::snapshot::entry::{Entry, FileNode, Node, PrefixUse};
use crate::snapshot::path::RelPath;

impl LiveRoot {
    /// The merge of what is remembered with what is there.
    pub(super) fn join(
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
