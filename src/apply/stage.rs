//! New files, written complete beside the live tree.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, XattrFlags};

use super::pins::{Method, PinnedFile};
use super::{Error, Source};
use crate::fsx::direct::{Direct, Written};
use crate::fsx::stamp::Stamp;
use crate::fsx::witness::{Change, saw};
use crate::fsx::{self, Context, Error as IoError, atomic, xattrs};
use crate::plan::RootPlan;
use crate::progress::{Phase, Progress};
use crate::relocate::{self, Live, Relocation, Stuck};
use crate::snapshot::content::{ContentSink, Want};
use crate::snapshot::entry::{Entry, Node, Xattr};
use crate::snapshot::path::RelPath;

/// The stage of one root. Members are named by their number in the plan's placements; those in new directories stand in
/// trees, as they will beneath the root.
pub(super) struct Staged {
    path: PathBuf,
    dir: OwnedFd,
    direct: Direct,
}

impl Staged {
    /// An empty stage; what an earlier one left is removed.
    pub(super) fn create(path: &Path) -> Result<Self, IoError> {
        if let Some(root) = path.parent() {
            super::clear_stage(root)?;
        }
        fsx::create_dir_all(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty()).at("open", path)?;
        rustix::fs::fchmod(&dir, Mode::from_raw_mode(0o700)).at("set the mode of", path)?;
        saw(|| Change::Dir(path.to_owned()));
        Ok(Self {
            path: path.to_owned(),
            dir,
            direct: Direct::on(path),
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its directory.
    pub(super) fn dir(&self) -> &OwnedFd {
        &self.dir
    }

    /// The name of a member that stands by itself.
    pub(super) fn name(number: usize) -> String {
        number.to_string()
    }

    /// The name of the tree of a new directory, by its number in the plan.
    pub(super) fn tree(number: usize) -> String {
        format!("tree-{number}")
    }

    /// Where in the stage a placement stands.
    fn member(plan: &RootPlan, number: usize) -> PathBuf {
        match plan.built_in(&plan.place[number].entry.path) {
            Some((tree, within)) => {
                Path::new(OsStr::from_bytes(&[Self::tree(tree).as_bytes(), within].concat())).into()
            }
            None => Self::name(number).into(),
        }
    }

    /// Writes all placements and makes them durable. Those that are pinned share the pin's inode or blocks.
    pub(super) fn fill(
        &self,
        plan: &RootPlan,
        source: &Source<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<(RelPath, Stuck)>, Error> {
        let written = plan.place.iter().map(|placement| &placement.entry);
        let is_brought = plan.brought();
        let is_shared = |path: &RelPath| is_brought(path) || source.pinned.contains_key(path);
        let written = written.filter(|entry| !is_shared(&entry.path));
        progress.begin(
            Phase::Stage,
            Some(written.map(Entry::size).fold(0, u64::saturating_add)),
        );
        let (sender, finished) = std::sync::mpsc::channel::<File>();
        let result = std::thread::scope(|scope| {
            // Large files that are in the cache go to the disk while others are still being unpacked; the sync at the
            // end then finds little left to do.
            scope.spawn(move || finished.iter().for_each(|file| drop(file.sync_data())));
            self.make_trees(plan)?;
            let written = self.write(plan, source, progress, sender)?;
            self.relocate(plan, &written, source.form)
        });
        progress.end();
        let stuck = result?;
        progress.begin(Phase::Sync, None);
        let synced = atomic::sync_file_system(&self.path);
        progress.end();
        synced?;
        Ok(stuck)
    }

    /// Makes the new directories, usable until they are in place and settled.
    fn make_trees(&self, plan: &RootPlan) -> Result<(), IoError> {
        for entry in plan.built_dirs() {
            let Some((tree, within)) = plan.built_in(&entry.path) else {
                continue;
            };
            let member = [Self::tree(tree).as_bytes(), within].concat();
            let path = self.path.join(OsStr::from_bytes(&member));
            rustix::fs::mkdirat(&self.dir, &member[..], Mode::from_raw_mode(0o700))
                .at("create the directory", &path)?;
            saw(|| Change::Dir(path));
        }
        Ok(())
    }

    /// Makes staged files, by number, what they must be here.
    fn relocate(&self, plan: &RootPlan, written: &[usize], form: &Relocation) -> Result<Vec<(RelPath, Stuck)>, Error> {
        let mut stuck = Vec::new();
        for number in written {
            let entry = &plan.place[*number].entry;
            let may_change = |prefix| form.may_change(&entry.path, prefix);
            let Some(file) = entry.file().filter(|file| may_change(file.prefix)) else {
                continue;
            };
            let member = Self::member(plan, *number);
            let path = self.path.join(&member);
            let recorded = match file.size > relocate::LONGEST {
                true => Vec::new(),
                false => fsx::read(&path)?,
            };
            match form.live(&entry.path, &recorded, file.prefix) {
                _ if file.size > relocate::LONGEST => stuck.push((entry.path.clone(), Stuck::TooLong)),
                Live::Same => {}
                Live::Stuck(why) => stuck.push((entry.path.clone(), why)),
                Live::Moved(here) => {
                    fsx::remove_file(&path)?;
                    let file = self.create_file(&member)?;
                    file.write_all_at(&here, 0).at("write", &path)?;
                    dress(&file, entry).at("write", &path)?;
                    saw(|| Change::File(path));
                }
            }
        }
        Ok(stuck)
    }

    /// Writes what does not come from pins, as it is recorded; tells which files that were.
    fn write(
        &self,
        plan: &RootPlan,
        source: &Source<'_>,
        progress: &dyn Progress,
        finished: std::sync::mpsc::Sender<File>,
    ) -> Result<Vec<usize>, Error> {
        let mut slots = Vec::new();
        let mut wants = Vec::new();
        let is_brought = plan.brought();
        for (number, placement) in plan.place.iter().enumerate() {
            let entry = &placement.entry;
            if is_brought(&entry.path) {
                continue;
            }
            let member = Self::member(plan, number);
            let pin = source.pinned.get(&entry.path);
            if pin.is_some_and(|pin| self.take(&member, entry, pin)) {
                continue;
            }
            match &entry.node {
                Node::File(file) if file.size > 0 => {
                    wants.push(Want {
                        digest: file.digest,
                        size: file.size,
                    });
                    slots.push(Slot {
                        number,
                        member,
                        is_in_tree: plan.built_in(&entry.path).is_some(),
                        entry,
                        open: Mutex::new(Writing {
                            to: None,
                            left: file.size,
                        }),
                    });
                }
                Node::File(_) => {
                    let file = self.create_file(&member)?;
                    let path = self.path.join(&member);
                    dress(&file, entry).at("write", &path)?;
                    saw(|| Change::File(path));
                }
                Node::Symlink(target) => self.symlink(&member, &source.form.live_link(target), entry)?,
                Node::Dir => {}
            }
        }
        let sink = Sink {
            stage: self,
            slots,
            finished: Mutex::new(finished),
        };
        source.store.fetch(&wants, &sink, progress)?;
        Ok(sink.slots.into_iter().map(|slot| slot.number).collect())
    }

    /// Takes a file from its pin; not if the pin is no longer what it was found to be.
    fn take(&self, member: &Path, entry: &Entry, pin: &PinnedFile) -> bool {
        let same = |stamp: Stamp| stamp.same_file_state(&pin.stamp) && stamp.ctime == pin.stamp.ctime;
        let share = || -> std::io::Result<bool> {
            if pin.method == Method::Hardlink {
                if !Stamp::of_path(&pin.path).is_ok_and(same) {
                    return Ok(false);
                }
                let flags = AtFlags::empty();
                rustix::fs::linkat(rustix::fs::CWD, &pin.path, &self.dir, member, flags)?;
                saw(|| Change::Link {
                    from: pin.path.clone(),
                    to: self.path.join(member),
                });
                return Ok(true);
            }
            let source = File::open(&pin.path)?;
            let copy = self.create_file(member).map_err(|error| error.source)?;
            rustix::fs::ioctl_ficlone(&copy, &source)?;
            dress(&copy, entry)?;
            saw(|| Change::File(self.path.join(member)));
            Ok(Stamp::of_file(&source).is_ok_and(same))
        };
        let shared = share().unwrap_or(false);
        if !shared {
            let _ = rustix::fs::unlinkat(&self.dir, member, AtFlags::empty());
        }
        shared
    }

    /// A new file for a place in the live tree. Where the file system lets it, its inode comes from the surroundings of
    /// the directory in which it will stand, and the stage is not locked while one is looked for: all from the
    /// surroundings of the stage are the slower to find and to list later, the more there are.
    fn create_file_for(&self, member: &Path, entry: &Entry) -> Result<File, IoError> {
        match self.file_near(member, entry) {
            Ok(file) => Ok(file),
            Err(_) => self.create_file(member),
        }
    }

    fn file_near(&self, member: &Path, entry: &Entry) -> std::io::Result<File> {
        let dir = entry.path.parent().unwrap_or_default();
        let root = self.path.parent().ok_or(std::io::ErrorKind::NotFound)?;
        let dir = root.join(OsStr::from_bytes(dir));
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(rustix::fs::CWD, &dir, flags, Mode::from_raw_mode(0o600))?;
        let nameless = format!("/proc/self/fd/{}", fd.as_raw_fd());
        rustix::fs::linkat(rustix::fs::CWD, nameless, &self.dir, member, AtFlags::SYMLINK_FOLLOW)?;
        Ok(fd.into())
    }

    fn create_file(&self, member: &Path) -> Result<File, IoError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.dir, member, flags, Mode::from_raw_mode(0o600));
        fd.map(File::from).at("create", self.path.join(member))
    }

    fn symlink(&self, member: &Path, target: &[u8], entry: &Entry) -> Result<(), IoError> {
        let path = self.path.join(member);
        rustix::fs::symlinkat(target, &self.dir, member).at("create", &path)?;
        let times = times(entry.mtime);
        rustix::fs::utimensat(&self.dir, member, &times, AtFlags::SYMLINK_NOFOLLOW).at("set the time of", &path)?;
        saw(|| Change::Symlink(path));
        Ok(())
    }
}

struct Slot<'a> {
    number: usize,
    /// Where it stands in the stage.
    member: PathBuf,
    /// With the new directory in which it will stand.
    is_in_tree: bool,
    entry: &'a Entry,
    open: Mutex<Writing>,
}

struct Writing {
    /// From the first bytes to the last.
    to: Option<Arc<Written>>,
    left: u64,
}

/// The size from which on a file goes to the disk by itself, not with all others at the end.
const LARGE: u64 = 1 << 20;

struct Sink<'a> {
    stage: &'a Staged,
    slots: Vec<Slot<'a>>,
    finished: Mutex<std::sync::mpsc::Sender<File>>,
}

impl ContentSink for Sink<'_> {
    fn write_at(&self, want: usize, offset: u64, bytes: &[u8]) -> Result<(), IoError> {
        let slot = &self.slots[want];
        let path = || self.stage.path.join(&slot.member);
        let sparse = slot.entry.file().is_some_and(|file| file.sparse);
        let to = self.begin(slot, sparse)?;
        let written = match sparse {
            true => write_sparse(to.file(), bytes, offset),
            false => self.stage.direct.write_all_at(&to, bytes, offset),
        };
        written.at("write", path())?;
        drop(to);
        let mut writing = slot.lock().at("write", path())?;
        writing.left = writing.left.saturating_sub(bytes.len() as u64);
        let done = (writing.left == 0).then(|| writing.to.take()).flatten();
        drop(writing);
        // Who writes the last bytes is the last one to have it.
        let Some(done) = done.and_then(Arc::into_inner) else {
            return Ok(());
        };
        if sparse {
            done.file().set_len(slot.entry.size()).at("write", path())?;
        }
        dress(done.file(), slot.entry).at("write", path())?;
        saw(|| Change::File(path()));
        if slot.entry.size() >= LARGE
            && !done.is_past_cache()
            && let Ok(finished) = self.finished.lock()
        {
            // Without its thread the file is synced with the rest.
            let _ = finished.send(done.into_file());
        }
        Ok(())
    }
}

impl Sink<'_> {
    /// The file of a slot, made by who writes to it first.
    fn begin(&self, slot: &Slot<'_>, sparse: bool) -> Result<Arc<Written>, IoError> {
        let path = || self.stage.path.join(&slot.member);
        let mut writing = slot.lock().at("write", path())?;
        if let Some(to) = &writing.to {
            return Ok(to.clone());
        }
        let file = match slot.is_in_tree {
            true => self.stage.create_file(&slot.member)?,
            false => self.stage.create_file_for(&slot.member, slot.entry)?,
        };
        let to = match slot.entry.size() >= LARGE && !sparse {
            true => self.stage.direct.file(file, slot.entry.size()).at("write", path())?,
            false => Written::through_cache(file),
        };
        Ok(writing.to.insert(Arc::new(to)).clone())
    }
}

impl Slot<'_> {
    fn lock(&self) -> std::io::Result<MutexGuard<'_, Writing>> {
        self.open
            .lock()
            .map_err(|_| std::io::Error::other("another thread failed"))
    }
}

/// Writes the bytes of a sparse file: blocks that are not all zero.
fn write_sparse(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    const BLOCK: usize = 4096;
    for (at, block) in bytes.chunks(BLOCK).enumerate() {
        if block.iter().any(|b| *b != 0) {
            file.write_all_at(block, offset + (at * BLOCK) as u64)?;
        }
    }
    Ok(())
}

/// Gives an open file or directory the mode, attributes and time of its entry, in the order in which none undoes
/// another.
pub(super) fn dress(file: impl AsFd, entry: &Entry) -> rustix::io::Result<()> {
    set_xattrs(&file, &entry.xattrs)?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(entry.mode))?;
    rustix::fs::futimens(&file, &times(entry.mtime))
}

/// The mode, time and attributes of an open file, as an entry has them.
pub(super) fn undressed(file: impl AsFd, path: &RelPath) -> rustix::io::Result<Entry> {
    let stamp = Stamp::of_file(&file)?;
    Ok(Entry {
        path: path.clone(),
        mode: stamp.mode,
        mtime: stamp.mtime,
        node: Node::Dir,
        xattrs: user_xattrs(&file)?,
    })
}

/// The attributes of an open file that are recorded, sorted by name.
pub(super) fn user_xattrs(file: impl AsFd) -> rustix::io::Result<Vec<Xattr>> {
    Ok(xattrs::of_file(file)?.into_iter().map(Xattr::from).collect())
}

fn set_xattrs(file: impl AsFd, wanted: &[Xattr]) -> rustix::io::Result<()> {
    for (name, _) in xattrs::of_file(&file)? {
        if !wanted.iter().any(|xattr| xattr.name == name) {
            rustix::fs::fremovexattr(&file, &name[..])?;
        }
    }
    for xattr in wanted {
        rustix::fs::fsetxattr(&file, &xattr.name[..], &xattr.value, XattrFlags::empty())?;
    }
    Ok(())
}

/// The modification time; the access time stays.
pub(super) fn times(mtime: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: rustix::fs::UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: mtime.div_euclid(1_000_000_000),
            tv_nsec: mtime.rem_euclid(1_000_000_000),
        },
    }
}
