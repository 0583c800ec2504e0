//! Puts staged files and pinned directories in place by rename, and takes that back when it cannot be finished.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::stage::{Staged, dress, times, undressed};
use super::{Parked, Placed};
use crate::fsx::beneath::Beneath;
use crate::fsx::names::count_beneath;
use crate::fsx::witness::{Change, saw};
use crate::fsx::{Context, Error};
use crate::plan::{RootPlan, Whole};
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::RelPath;

/// A swap under way.
pub(super) struct Swap<'a> {
    beneath: Beneath,
    staged: &'a Staged,
    /// The number of the next name in the stage.
    next: usize,
    /// What was done, in order.
    done: Vec<Step>,
}

/// A step that was taken, with what takes it back.
enum Step {
    /// A path went into the stage.
    Parked(RelPath, String),
    /// A path changed places with a member of the stage.
    Exchanged(RelPath, String),
    /// A member of the stage went to a free path.
    Placed(RelPath, String),
    /// A directory was made.
    MadeDir(RelPath),
    /// An empty directory was removed.
    RemovedDir(RelPath),
    /// A pinned directory changed places with a live one.
    ExchangedWhole(RelPath, PathBuf),
    /// The live one then went from where pins are into the stage.
    PutAside(PathBuf, String),
    /// A pinned directory went to a free path.
    Brought(RelPath, PathBuf),
    /// Mode, time and attributes of a file or directory were set; before they were those.
    Retouched(Entry),
    /// The time of a symlink was set.
    RetouchedLink(RelPath, i64),
}

impl<'a> Swap<'a> {
    pub(super) fn new(root: &Path, plan: &RootPlan, staged: &'a Staged) -> Result<Self, Error> {
        Ok(Self {
            beneath: Beneath::open(root)?,
            staged,
            next: plan.place.len(),
            done: Vec::new(),
        })
    }

    /// Performs all operations of a plan in order. What went whole is looked into meanwhile.
    pub(super) fn perform(&mut self, plan: &RootPlan) -> Result<Placed, Error> {
        let root = self.beneath.full("".as_bytes());
        std::thread::scope(|scope| {
            let (gone, looked_into) = channel();
            let look = scope.spawn(move || refuse_newcomers(&root, looked_into));
            let placed = self.perform_telling(plan, &|whole, parked| {
                // Nobody listens any more where newcomers were found, which is told at the end.
                let _ = gone.send((whole.holds, parked.clone()));
            })?;
            drop(gone);
            look.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok(placed)
        })
    }

    fn perform_telling(&mut self, plan: &RootPlan, went: &dyn Fn(&Whole, &Parked)) -> Result<Placed, Error> {
        let mut placed = Placed::default();
        let goes = |whole: &&Whole| whole.brings.is_none() && !plan.is_exchanged(whole);
        for whole in plan.whole.iter().filter(goes) {
            if let Some(name) = self.park(&whole.dir)? {
                let at = self.staged.path().join(name);
                let dir = whole.dir.clone();
                let parked = Parked { dir, at };
                went(whole, &parked);
                placed.parked.push(parked);
            }
        }
        self.beneath.forget();
        let whole_of = plan.wholes();
        let is_single = |path: &&RelPath| whole_of(path).is_none();
        let dirs: Vec<&RelPath> = plan.remove_dirs.iter().filter(is_single).collect();
        for dir in &dirs {
            // Who takes all back gives them their modes and times last.
            let file = self.open(dir)?;
            let before = undressed(&file, dir).at("look at", self.beneath.full(*dir))?;
            self.done.push(Step::Retouched(before));
        }
        for path in plan.remove_files.iter().filter(is_single) {
            self.park(path)?;
        }
        self.beneath.forget();
        // They do not go whole where directories cannot be renamed.
        for dir in dirs {
            self.remove_dir(dir)?;
            self.done.push(Step::RemovedDir(dir.clone()));
        }
        for entry in plan.make_dirs.iter().filter(|entry| !plan.is_brought(&entry.path)) {
            if plan.overwrites.contains(&entry.path) {
                self.park(&entry.path)?;
            }
            match plan.built_in(&entry.path) {
                None => {
                    if self.make_dir(&entry.path)? {
                        self.done.push(Step::MadeDir(entry.path.clone()));
                    }
                }
                Some((tree, [])) => self.put(&entry.path, Staged::tree(tree))?,
                Some(_) => {}
            }
        }
        for whole in &plan.whole {
            let parked = match (&whole.brings, plan.built_in(&whole.dir)) {
                (Some(from), _) => self.bring(whole, from)?,
                (None, Some((tree, []))) if plan.is_exchanged(whole) => {
                    self.exchange_built(whole, Staged::tree(tree))?
                }
                _ => None,
            };
            if let Some(parked) = parked {
                went(whole, &parked);
                placed.parked.push(parked);
            }
        }
        self.beneath.forget();
        for (number, placement) in plan.place.iter().enumerate() {
            let entry = &placement.entry;
            if whole_of(&entry.path).is_some_and(|whole| whole.brings.is_some()) {
                continue;
            }
            if plan.built_in(&entry.path).is_none() {
                let replaces = placement.replaces || plan.overwrites.contains(&entry.path);
                self.place(number, entry, replaces)?;
            }
            if entry.file().is_some() {
                placed.files.push((entry.clone(), self.ino(&entry.path)?));
            }
        }
        for entry in &plan.link {
            self.link(entry)?;
        }
        for entry in plan.retouch.iter().filter(|entry| plan.built_in(&entry.path).is_none()) {
            self.retouch(entry)?;
        }
        for entry in &plan.settle {
            self.retouch(entry)?;
        }
        Ok(placed)
    }

    /// Takes back all steps, the last one first. What goes wrong ends it: the journal then stands, and the next command
    /// goes forward instead.
    pub(super) fn undo(&mut self) -> Result<(), Error> {
        self.beneath.forget();
        while let Some(step) = self.done.pop() {
            self.take_back(step)?;
        }
        Ok(())
    }

    fn take_back(&mut self, step: Step) -> Result<(), Error> {
        match step {
            Step::Parked(path, name) => self.rename(Way::OutOfStage, &path, &name, RenameFlags::NOREPLACE),
            Step::Exchanged(path, name) => self.rename(Way::OutOfStage, &path, &name, RenameFlags::EXCHANGE),
            Step::Placed(path, name) => self.rename(Way::IntoStage, &path, &name, RenameFlags::NOREPLACE),
            Step::MadeDir(path) => self.remove_dir(&path),
            Step::RemovedDir(path) => self.make_dir(&path).map(drop),
            Step::ExchangedWhole(dir, pin) => self.exchange_whole(&dir, &pin),
            Step::PutAside(pin, name) => {
                let from = self.staged.path().join(&name);
                rustix::fs::renameat_with(self.staged.dir(), &*name, CWD, &pin, RenameFlags::NOREPLACE)
                    .at("put back", &pin)?;
                saw(|| Change::Rename { from, to: pin });
                Ok(())
            }
            Step::Brought(dir, pin) => {
                let full = self.beneath.full(&dir);
                let (parent, last) = self.beneath.parent(&dir)?;
                rustix::fs::renameat_with(parent, last, CWD, &pin, RenameFlags::NOREPLACE).at("put back", &full)?;
                self.beneath.forget();
                saw(|| Change::Rename { from: full, to: pin });
                Ok(())
            }
            Step::Retouched(entry) => {
                let full = self.beneath.full(&entry.path);
                let file = self.open(&entry.path)?;
                dress(&file, &entry).at("set the mode and time of", full)
            }
            Step::RetouchedLink(path, mtime) => self.set_link_time(&path, mtime),
        }
    }

    /// Removes a directory whose names are all gone.
    fn remove_dir(&mut self, path: &RelPath) -> Result<(), Error> {
        let full = self.beneath.full(path);
        let (parent, last) = self.beneath.parent(path)?;
        rustix::fs::unlinkat(parent, last, AtFlags::REMOVEDIR).at("remove the directory", &full)?;
        self.beneath.forget();
        saw(|| Change::Remove(full));
        Ok(())
    }

    fn next_name(&mut self) -> String {
        let name = Staged::name(self.next);
        self.next += 1;
        name
    }

    /// One rename between the stage and the live tree.
    fn rename(&mut self, way: Way, path: &RelPath, name: &str, flags: RenameFlags) -> Result<(), Error> {
        self.try_rename(way, path, name, flags)?
            .at("put in place", self.beneath.full(path))
    }

    fn try_rename(
        &mut self,
        way: Way,
        path: &RelPath,
        name: &str,
        flags: RenameFlags,
    ) -> Result<Result<(), Errno>, Error> {
        let (full, member) = (self.beneath.full(path), self.staged.path().join(name));
        let stage = self.staged.dir();
        let (parent, last) = self.beneath.parent(path)?;
        let once = |flags: RenameFlags| match way {
            Way::IntoStage => rustix::fs::renameat_with(parent, last, stage, name, flags),
            Way::OutOfStage => rustix::fs::renameat_with(stage, name, parent, last, flags),
        };
        let result = match once(flags) {
            // A file system without these flags. Nothing is overwritten all the same: the names in the stage are new,
            // and a live one was seen to be free.
            Err(errno) if lacks_flags(errno) && flags == RenameFlags::NOREPLACE => once(RenameFlags::empty()),
            result => result,
        };
        if result.is_ok() {
            saw(|| match (way, flags) {
                (_, RenameFlags::EXCHANGE) => Change::Exchange { a: member, b: full },
                (Way::IntoStage, _) => Change::Rename { from: full, to: member },
                (Way::OutOfStage, _) => Change::Rename { from: member, to: full },
            });
        }
        Ok(result)
    }

    /// Moves a path into the stage, which costs far less than removing it. Tells its name there.
    fn park(&mut self, path: &RelPath) -> Result<Option<String>, Error> {
        let name = self.next_name();
        match self.try_rename(Way::IntoStage, path, &name, RenameFlags::NOREPLACE)? {
            Ok(()) => {
                self.done.push(Step::Parked(path.clone(), name.clone()));
                Ok(Some(name))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno).at("remove", self.beneath.full(path)),
        }
    }

    /// Puts a pinned directory in place; one that stood there goes into the stage.
    fn bring(&mut self, whole: &Whole, from: &Path) -> Result<Option<Parked>, Error> {
        if !whole.takes {
            let full = self.beneath.full(&whole.dir);
            let (parent, last) = self.beneath.parent(&whole.dir)?;
            rustix::fs::renameat_with(CWD, from, parent, last, RenameFlags::NOREPLACE).at("put in place", &full)?;
            self.done.push(Step::Brought(whole.dir.clone(), from.to_owned()));
            saw(|| Change::Rename {
                from: from.to_owned(),
                to: full,
            });
            return Ok(None);
        }
        self.exchange_whole(&whole.dir, from)?;
        self.done.push(Step::ExchangedWhole(whole.dir.clone(), from.to_owned()));
        let name = self.next_name();
        let at = self.staged.path().join(&name);
        rustix::fs::renameat_with(CWD, from, self.staged.dir(), &*name, RenameFlags::NOREPLACE).at("rename", from)?;
        self.done.push(Step::PutAside(from.to_owned(), name));
        saw(|| Change::Rename {
            from: from.to_owned(),
            to: at.clone(),
        });
        Ok(Some(Parked {
            dir: whole.dir.clone(),
            at,
        }))
    }

    /// Puts a directory that was built in place of a live one, which goes into the stage.
    fn exchange_built(&mut self, whole: &Whole, tree: String) -> Result<Option<Parked>, Error> {
        let built = self.staged.path().join(&tree);
        let at = match self.exchange_whole(&whole.dir, &built) {
            Ok(()) => {
                self.done.push(Step::ExchangedWhole(whole.dir.clone(), built.clone()));
                Some(built)
            }
            // A file system without exchange.
            Err(error) if Errno::from_io_error(&error.source).is_some_and(lacks_flags) => {
                let name = self.park(&whole.dir)?;
                self.put(&whole.dir, tree)?;
                name.map(|name| self.staged.path().join(name))
            }
            Err(error) => return Err(error),
        };
        let Some(at) = at else { return Ok(None) };
        let dir = whole.dir.clone();
        Ok(Some(Parked { dir, at }))
    }

    fn exchange_whole(&mut self, dir: &RelPath, pin: &Path) -> Result<(), Error> {
        let full = self.beneath.full(dir);
        let (parent, last) = self.beneath.parent(dir)?;
        rustix::fs::renameat_with(CWD, pin, parent, last, RenameFlags::EXCHANGE).at("put in place", &full)?;
        self.beneath.forget();
        saw(|| Change::Exchange {
            a: pin.to_owned(),
            b: full,
        });
        Ok(())
    }

    /// Makes a directory, and tells whether there was none.
    fn make_dir(&mut self, path: &RelPath) -> Result<bool, Error> {
        let full = self.beneath.full(path);
        let (parent, last) = self.beneath.parent(path)?;
        // Usable until it is settled.
        match rustix::fs::mkdirat(parent, last, Mode::from_raw_mode(0o700)) {
            Err(Errno::EXIST) => Ok(false),
            other => {
                other.at("create the directory", &full)?;
                saw(|| Change::Dir(full));
                Ok(true)
            }
        }
    }

    fn place(&mut self, number: usize, entry: &Entry, replaces: bool) -> Result<(), Error> {
        let name = Staged::name(number);
        if replaces {
            match self.try_rename(Way::OutOfStage, &entry.path, &name, RenameFlags::EXCHANGE)? {
                Ok(()) => {
                    self.done.push(Step::Exchanged(entry.path.clone(), name));
                    return Ok(());
                }
                // Gone since it was seen: nothing to exchange with.
                Err(Errno::NOENT) => {}
                // A file system without exchange.
                Err(errno) if lacks_flags(errno) => {
                    self.park(&entry.path)?;
                }
                Err(errno) => return Err(errno).at("put in place", self.beneath.full(&entry.path)),
            }
        }
        self.put(&entry.path, name)
    }

    /// Moves a member of the stage to a free path.
    fn put(&mut self, path: &RelPath, name: String) -> Result<(), Error> {
        self.rename(Way::OutOfStage, path, &name, RenameFlags::NOREPLACE)?;
        self.done.push(Step::Placed(path.clone(), name));
        Ok(())
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
        let name = self.next_name();
        let (from, full) = (self.beneath.full(leader), self.beneath.full(&entry.path));
        let stage = self.staged.dir();
        let (parent, last) = self.beneath.parent(leader)?;
        rustix::fs::linkat(parent, last, stage, &*name, AtFlags::empty()).at("link", &full)?;
        let member = self.staged.path().join(&name);
        saw(|| Change::Link { from, to: member });
        let is_there = self.ino(&entry.path).is_ok();
        if is_there {
            self.park(&entry.path)?;
        }
        self.put(&entry.path, name)
    }

    fn open(&mut self, path: &RelPath) -> Result<std::os::fd::OwnedFd, Error> {
        let full = self.beneath.full(path);
        let (parent, last) = self.beneath.parent(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(parent, last, flags, Mode::empty()).at("open", full)
    }

    fn set_link_time(&mut self, path: &RelPath, mtime: i64) -> Result<(), Error> {
        let full = self.beneath.full(path);
        let (parent, last) = self.beneath.parent(path)?;
        rustix::fs::utimensat(parent, last, &times(mtime), AtFlags::SYMLINK_NOFOLLOW).at("set the time of", &full)?;
        saw(|| Change::Symlink(full));
        Ok(())
    }

    fn retouch(&mut self, entry: &Entry) -> Result<(), Error> {
        let full = self.beneath.full(&entry.path);
        if matches!(entry.node, Node::Symlink(_)) {
            let (parent, last) = self.beneath.parent(&entry.path)?;
            let stat = rustix::fs::statat(parent, last, AtFlags::SYMLINK_NOFOLLOW).at("look at", &full)?;
            let before = crate::fsx::stamp::Stamp::from(stat).mtime;
            self.set_link_time(&entry.path, entry.mtime)?;
            self.done.push(Step::RetouchedLink(entry.path.clone(), before));
            return Ok(());
        }
        let file = self.open(&entry.path)?;
        let before = undressed(&file, &entry.path).at("look at", &full)?;
        if before.mode == entry.mode && before.mtime == entry.mtime && before.xattrs == entry.xattrs {
            return Ok(());
        }
        dress(&file, entry).at("set the mode and time of", &full)?;
        self.done.push(Step::Retouched(before));
        saw(|| {
            if entry.is_dir() {
                Change::Dir(full)
            } else {
                Change::File(full)
            }
        });
        Ok(())
    }
}

/// Looks into directories that went whole, each with the number of paths that were in it when it was looked at: none may
/// take along a file that was made since, which nobody has seen.
fn refuse_newcomers(root: &Path, gone: Receiver<(usize, Parked)>) -> Result<(), Error> {
    for (holds, Parked { dir, at }) in gone {
        let found = count_beneath(&at).at("look into", &at)?;
        if found != holds {
            let message = format!("{found} paths are in it, {holds} were a moment ago");
            return Err(std::io::Error::other(message)).at("move", dir.under(root));
        }
    }
    Ok(())
}

/// Whether a file system does not know the flags of a rename.
fn lacks_flags(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS)
}

/// Between the stage and the live tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    IntoStage,
    OutOfStage,
}
