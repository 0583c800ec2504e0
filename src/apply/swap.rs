//! Puts staged files in place by rename.

use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::Placed;
use super::beneath::Beneath;
use super::stage::{Staged, dress, times};
use crate::fsx::{Context, Error};
use crate::plan::RootPlan;
use crate::progress::{Phase, Progress};
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::RelPath;

/// Performs all operations of a plan in order.
pub(super) fn perform(root: &Path, plan: &RootPlan, staged: &Staged, progress: &dyn Progress) -> Result<Placed, Error> {
    progress.begin(Phase::Swap, None);
    let swap = Swap {
        beneath: Beneath::open(root)?,
        staged,
        next: plan.place.len(),
    };
    let placed = swap.perform(plan);
    progress.end();
    placed
}

struct Swap<'a> {
    beneath: Beneath,
    staged: &'a Staged,
    /// The number of the next name in the stage.
    next: usize,
}

impl Swap<'_> {
    fn perform(mut self, plan: &RootPlan) -> Result<Placed, Error> {
        for path in &plan.remove_files {
            self.park(path)?;
        }
        for path in &plan.remove_dirs {
            self.remove_dir(path)?;
        }
        self.beneath.forget();
        for entry in &plan.make_dirs {
            self.make_dir(entry)?;
        }
        let mut placed = Placed::with_capacity(plan.place.len());
        for (number, placement) in plan.place.iter().enumerate() {
            self.place(number, &placement.entry, placement.replaces)?;
            if placement.entry.file().is_some() {
                placed.push((placement.entry.clone(), self.ino(&placement.entry.path)?));
            }
        }
        for entry in &plan.link {
            self.link(entry)?;
        }
        for entry in &plan.retouch {
            self.retouch(entry)?;
        }
        for entry in &plan.settle {
            self.retouch(entry)?;
        }
        Ok(placed)
    }

    /// Moves a path into the stage, which costs far less than removing it.
    fn park(&mut self, path: &RelPath) -> Result<(), Error> {
        let name = Staged::name(self.next);
        self.next += 1;
        let full = self.beneath.full(path);
        let (parent, last) = self.beneath.parent(path)?;
        match rustix::fs::renameat(parent, last, self.staged.dir(), &*name) {
            Err(Errno::NOENT) => Ok(()),
            // A mount point within the root.
            Err(Errno::XDEV) => rustix::fs::unlinkat(parent, last, AtFlags::empty()).at("remove", full),
            other => other.at("remove", full),
        }
    }

    fn remove_dir(&mut self, path: &RelPath) -> Result<(), Error> {
        let full = self.beneath.full(path);
        let (parent, last) = self.beneath.parent(path)?;
        match rustix::fs::unlinkat(parent, last, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) => Ok(()),
            other => other.at("remove the directory", full),
        }
    }

    fn make_dir(&mut self, entry: &Entry) -> Result<(), Error> {
        let full = self.beneath.full(&entry.path);
        let (parent, last) = self.beneath.parent(&entry.path)?;
        // Usable until it is settled.
        match rustix::fs::mkdirat(parent, last, Mode::from_raw_mode(0o700)) {
            Err(Errno::EXIST) => Ok(()),
            other => other.at("create the directory", full),
        }
    }

    fn place(&mut self, number: usize, entry: &Entry, replaces: bool) -> Result<(), Error> {
        let full = self.beneath.full(&entry.path);
        let (parent, last) = self.beneath.parent(&entry.path)?;
        let (stage, name) = (self.staged.dir(), Staged::name(number));
        let flags = if replaces {
            RenameFlags::EXCHANGE
        } else {
            RenameFlags::NOREPLACE
        };
        match rustix::fs::renameat_with(stage, &*name, parent, last, flags) {
            // Gone since it was seen: nothing to exchange with. Or a file system without these flags.
            Err(Errno::NOENT | Errno::INVAL | Errno::NOSYS) => rustix::fs::renameat(stage, &*name, parent, last),
            other => other,
        }
        .at("put in place", full)
    }

    fn ino(&mut self, path: &RelPath) -> Result<u64, Error> {
        let full = self.beneath.full(path);
        let (parent, last) = self.beneath.parent(path)?;
        let stat = rustix::fs::statat(parent, last, AtFlags::SYMLINK_NOFOLLOW).at("look at", full)?;
        Ok(stat.st_ino)
    }

    fn link(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(leader) = entry.file().and_then(|file| file.hardlink.as_ref()) else {
            return Ok(());
        };
        let name = Staged::name(self.next);
        self.next += 1;
        let full = self.beneath.full(&entry.path);
        let stage = self.staged.dir();
        let (parent, last) = self.beneath.parent(leader)?;
        rustix::fs::linkat(parent, last, stage, &*name, AtFlags::empty()).at("link", &full)?;
        let (parent, last) = self.beneath.parent(&entry.path)?;
        rustix::fs::renameat(stage, &*name, parent, last).at("put in place", full)
    }

    fn retouch(&mut self, entry: &Entry) -> Result<(), Error> {
        let full = self.beneath.full(&entry.path);
        let (parent, last) = self.beneath.parent(&entry.path)?;
        if matches!(entry.node, Node::Symlink(_)) {
            let times = times(entry.mtime);
            return rustix::fs::utimensat(parent, last, &times, AtFlags::SYMLINK_NOFOLLOW).at("set the time of", full);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(parent, last, flags, Mode::empty()).at("open", &full)?;
        dress(&file, entry).at("set the mode and time of", full)
    }
}
