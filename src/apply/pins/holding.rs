//! The names of one unit being pinned: folders, links, clones.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::Method;
use super::hold::{Member, Restamped};
use super::prove::{Look, look, same_inode_state, stamp_in};
use super::record::Pinned;
use crate::apply::stage::{dress, times};
use crate::fsx::beneath::Beneath;
use crate::fsx::stamp::{FileType, Stamp};
use crate::fsx::witness::{Change, saw};
use crate::fsx::{Context, Error};
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::RelPath;

/// One unit being pinned.
pub(super) struct Holding {
    method: Method,
    live: Beneath,
    tree: Beneath,
    pub(super) restamped: Restamped,
    /// Stamps before and after, by inode.
    pub(super) moved: HashMap<u64, (Stamp, Stamp)>,
}

impl Holding {
    /// Of a unit of the root `live`, into the tree of its pin.
    pub(super) fn begin(method: Method, live: &Path, tree: &Path) -> Result<Self, Error> {
        Ok(Self {
            method,
            live: Beneath::open(live)?,
            tree: Beneath::open(tree)?,
            restamped: Restamped::new(),
            moved: HashMap::new(),
        })
    }

    /// Makes the directories of some entries.
    pub(super) fn make_dirs<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) -> Result<(), Error> {
        let mut dirs: BTreeSet<&[u8]> = BTreeSet::new();
        for entry in entries {
            dirs.extend(entry.path.ancestors());
            if entry.is_dir() {
                dirs.insert(entry.path.as_bytes());
            }
        }
        for dir in dirs {
            let Ok(path) = RelPath::new(dir) else { continue };
            let full = self.tree.full(&path);
            let (parent, last) = self.tree.parent(&path)?;
            let make = || rustix::fs::mkdirat(parent, last, Mode::from_raw_mode(0o700));
            let made = match make() {
                Err(Errno::EXIST) if stamp_in(parent, last).is_some_and(|there| there.file_type == FileType::Dir) => {
                    continue;
                }
                Err(Errno::EXIST) => clear_way(parent, last, &full).and_then(|()| make().at("create", &full)),
                made => made.at("create", &full),
            };
            made?;
            saw(|| Change::Dir(full));
        }
        Ok(())
    }

    /// Whether a pin is another name of a live file.
    pub(super) fn is_name_of(&self, known: &Pinned, member: &Member<'_>) -> bool {
        self.method == Method::Hardlink
            && member.entry.file().is_some()
            && known.entry == *member.entry
            && same_inode_state(&known.stamp, &member.stamp)
    }

    /// Pins one file or symlink; nothing when it is no longer what it was, or cannot have another name.
    pub(super) fn file(&mut self, member: &Member<'_>, known: Option<&Pinned>) -> Result<Option<Pinned>, Error> {
        let entry = member.entry;
        let pinned = |stamp| {
            Some(Pinned {
                entry: entry.clone(),
                stamp,
            })
        };
        if let Some(known) = known.filter(|known| known.entry == *entry) {
            if self.method == Method::Hardlink && entry.file().is_some() {
                let there = self.tree.stamp(&entry.path);
                if there.is_some_and(|there| same_inode_state(&there, &member.stamp)) {
                    return Ok(pinned(member.stamp));
                }
            } else if look(&mut self.tree, known) == Look::Same {
                return Ok(pinned(known.stamp));
            }
        }
        match (&entry.node, self.method) {
            (Node::Symlink(target), _) => self.symlink(entry, target),
            (_, Method::Reflink) => self.clone_file(member),
            (_, Method::Hardlink) => self.link(member),
        }
        .map(|stamp| stamp.and_then(pinned))
    }

    fn link(&mut self, member: &Member<'_>) -> Result<Option<Stamp>, Error> {
        let path = &member.entry.path;
        let (from, to) = (self.live.full(path), self.tree.full(path));
        let (live, last) = self.live.parent(path)?;
        let before = stamp_in(live, last);
        if !before.is_some_and(|before| same_inode_state(&before, &member.stamp)) {
            return Ok(None);
        }
        let (tree, _) = self.tree.parent(path)?;
        let linked = match rustix::fs::linkat(live, last, tree, last, AtFlags::empty()) {
            Err(Errno::EXIST) => {
                let there = stamp_in(tree, last);
                if there.is_some_and(|there| there.ino == member.stamp.ino) {
                    return Ok(there);
                }
                clear_way(tree, last, &to)?;
                rustix::fs::linkat(live, last, tree, last, AtFlags::empty())
            }
            linked => linked,
        };
        match linked {
            Ok(()) => {}
            // All names that an inode can have, or one that may not have another.
            Err(Errno::MLINK | Errno::PERM | Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno).at("link", &from),
        }
        saw(|| Change::Link { from, to: to.clone() });
        let Some(after) = stamp_in(tree, last).filter(|after| after.same_file_state(&member.stamp)) else {
            return Ok(None);
        };
        self.restamped.push((member.at, after));
        self.moved.insert(after.ino, (member.stamp, after));
        Ok(Some(after))
    }

    fn clone_file(&mut self, member: &Member<'_>) -> Result<Option<Stamp>, Error> {
        let path = &member.entry.path;
        let (from, to) = (self.live.full(path), self.tree.full(path));
        let (live, last) = self.live.parent(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let source = File::from(rustix::fs::openat(live, last, flags, Mode::empty()).at("open", &from)?);
        let is_known = |stamp: Stamp| same_inode_state(&stamp, &member.stamp);
        if !Stamp::of_file(&source).is_ok_and(is_known) {
            return Ok(None);
        }
        let (tree, _) = self.tree.parent(path)?;
        clear_way(tree, last, &to)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let copy = rustix::fs::openat(tree, last, flags, Mode::from_raw_mode(0o600)).at("create", &to)?;
        rustix::fs::ioctl_ficlone(&copy, &source).at("share the blocks of", &from)?;
        dress(&copy, member.entry).at("write", &to)?;
        saw(|| Change::File(to));
        if !Stamp::of_file(&source).is_ok_and(is_known) {
            return Ok(None);
        }
        Ok(Stamp::of_file(&copy).ok())
    }

    fn symlink(&mut self, entry: &Entry, target: &[u8]) -> Result<Option<Stamp>, Error> {
        let full = self.tree.full(&entry.path);
        let (tree, last) = self.tree.parent(&entry.path)?;
        clear_way(tree, last, &full)?;
        rustix::fs::symlinkat(target, tree, last).at("create", &full)?;
        let times = times(entry.mtime);
        rustix::fs::utimensat(tree, last, &times, AtFlags::SYMLINK_NOFOLLOW).at("set the time of", &full)?;
        saw(|| Change::Symlink(full));
        Ok(self.tree.stamp(&entry.path))
    }

    /// Gives a directory its mode and time, so that it can be put in place as it is.
    pub(super) fn settle(&mut self, entry: &Entry) -> Result<(), Error> {
        let full = self.tree.full(&entry.path);
        let (parent, last) = self.tree.parent(&entry.path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(parent, last, flags, Mode::empty()).at("open", &full)?;
        let now = Stamp::of_file(&dir).at("look at", &full)?;
        if now.mode == entry.mode && now.mtime == entry.mtime && entry.xattrs.is_empty() {
            return Ok(());
        }
        dress(&dir, entry).at("set the mode of", &full)?;
        saw(|| Change::Dir(full));
        Ok(())
    }
}

/// Removes what another state of the unit left at a place in its tree: a folder may have become a link, or a link a folder.
fn clear_way(parent: &OwnedFd, name: &[u8], full: &Path) -> Result<(), Error> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => std::fs::remove_dir_all(full).at("remove", full)?,
        removed => removed.at("remove", full)?,
    }
    saw(|| Change::Remove(full.to_owned()));
    Ok(())
}
