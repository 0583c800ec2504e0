//! Lists a tree: every path with its stamp, by directory handles, on all cores, never following a symlink.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::fsx::beneath::Beneath;
use crate::fsx::names::each_name;
use crate::fsx::stamp::{FileType, Stamp};
use crate::fsx::{Context, Error};
use crate::snapshot::path::RelPath;

/// What the walk leaves out.
pub trait Filter: Sync {
    /// Whether a path (and all beneath it) is left out.
    fn skips(&self, path: &RelPath, is_dir: bool) -> bool;
}

/// One path of the tree.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Where it is.
    pub path: RelPath,
    /// What `lstat` says.
    pub stamp: Stamp,
    /// The device it is on, which a hard link cannot leave.
    pub device: u64,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Listing {
    /// Directories, files and symlinks, sorted by path.
    pub listed: Vec<Listed>,
    /// Sockets, fifos and devices, sorted.
    pub special: Vec<RelPath>,
    /// What the filter left out, sorted.
    pub skipped: Vec<RelPath>,
    /// Directories that could not be listed.
    pub unreadable: Vec<Error>,
}

struct Task {
    parent: Option<Arc<OwnedFd>>,
    name: CString,
    path: Option<RelPath>,
}

struct Queue {
    tasks: Vec<Task>,
    busy: usize,
}

struct Walk<'a> {
    root: &'a Path,
    filter: &'a dyn Filter,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// Lists everything beneath `root`.
///
/// # Errors
/// When `root` itself cannot be listed.
pub fn walk(root: &Path, filter: &dyn Filter, threads: usize) -> Result<Listing, Error> {
    let name = CString::new(root.as_os_str().as_encoded_bytes())
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))
        .at("list", root)?;
    let all = Task {
        parent: None,
        name,
        path: None,
    };
    let mut all = run(root, vec![all], filter, threads);
    if let Some(at) = all.unreadable.iter().position(|error| error.path == root) {
        return Err(all.unreadable.swap_remove(at));
    }
    Ok(all)
}

/// Lists everything beneath some directories of `root`, none of which is within another. One that is not there, or no
/// directory, has nothing beneath it.
///
/// # Errors
/// When `root` itself cannot be opened.
pub fn walk_within(root: &Path, dirs: &[RelPath], filter: &dyn Filter, threads: usize) -> Result<Listing, Error> {
    /// Each may hold a directory open.
    const AT_ONCE: usize = 64;
    let mut beneath = Beneath::open(root)?;
    let mut all = Listing::default();
    for dirs in dirs.chunks(AT_ONCE) {
        let mut tasks = Vec::with_capacity(dirs.len());
        for dir in dirs {
            let (parent, name) = match beneath.parent(dir) {
                Err(error) if error.is_nothing_there() => continue,
                other => other?,
            };
            let parent = parent.try_clone().at("open the directory of", dir.under(root))?;
            // A name of a path has no zero byte.
            let Ok(name) = CString::new(name) else { continue };
            tasks.push(Task {
                parent: Some(Arc::new(parent)),
                name,
                path: Some(dir.clone()),
            });
        }
        all.append(run(root, tasks, filter, threads));
    }
    all.sort();
    Ok(all)
}

fn run(root: &Path, tasks: Vec<Task>, filter: &dyn Filter, threads: usize) -> Listing {
    let walk = Walk {
        root,
        filter,
        queue: Mutex::new(Queue { tasks, busy: 0 }),
        changed: Condvar::new(),
    };
    let mut all = Listing::default();
    let parts: Vec<Listing> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(|| walk.run())).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    for part in parts {
        all.append(part);
    }
    all.sort();
    all
}

impl Listing {
    /// Takes over what another holds; not sorted then.
    pub(super) fn append(&mut self, mut other: Self) {
        match self.listed.is_empty() {
            true => self.listed = other.listed,
            false => self.listed.append(&mut other.listed),
        }
        self.special.append(&mut other.special);
        self.skipped.append(&mut other.skipped);
        self.unreadable.append(&mut other.unreadable);
    }

    /// Sorts all. Parts that are sorted are only merged.
    pub(super) fn sort(&mut self) {
        self.listed.sort_by(|a, b| a.path.cmp(&b.path));
        self.special.sort_unstable();
        self.skipped.sort_unstable();
        self.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

impl Walk<'_> {
    fn run(&self) -> Listing {
        let mut out = Listing::default();
        while let Some(task) = self.take() {
            let children = match self.list(&task, &mut out) {
                Ok(children) => children,
                // Removed or replaced between the listing and now: as if it had never been.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) if task.path.is_some() => Vec::new(),
                Err(errno) => {
                    let path = task.path.map_or(self.root.to_owned(), |p| p.under(self.root));
                    out.unreadable.extend(Err::<(), _>(errno).at("list", path).err());
                    Vec::new()
                }
            };
            self.give(children);
        }
        out.listed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        out
    }

    /// The next directory, or nothing when all are done.
    fn take(&self) -> Option<Task> {
        let mut queue = self.queue.lock().ok()?;
        loop {
            if let Some(task) = queue.tasks.pop() {
                queue.busy += 1;
                return Some(task);
            }
            if queue.busy == 0 {
                return None;
            }
            queue = self.changed.wait(queue).ok()?;
        }
    }

    fn give(&self, tasks: Vec<Task>) {
        if let Ok(mut queue) = self.queue.lock() {
            queue.tasks.extend(tasks);
            queue.busy -= 1;
        }
        self.changed.notify_all();
    }

    fn list(&self, task: &Task, out: &mut Listing) -> rustix::io::Result<Vec<Task>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = match &task.parent {
            // The root itself may be named through a symlink.
            None => rustix::fs::open(&task.name, flags, Mode::empty())?,
            Some(parent) => rustix::fs::openat(parent, &task.name, flags | OFlags::NOFOLLOW, Mode::empty())?,
        };
        let dir = Arc::new(dir);
        let mut children = Vec::new();
        // One buffer for all: a path is allocated once, as what it becomes.
        let mut path = Vec::new();
        if let Some(parent) = &task.path {
            path.extend_from_slice(parent.as_bytes());
            path.push(b'/');
        }
        let above = path.len();
        each_name(&*dir, |entry| {
            let name = entry.file_name();
            path.truncate(above);
            path.extend_from_slice(name.to_bytes());
            self.entry(&dir, name, RelPath::from_listing(&path), out, &mut children)
        })?;
        Ok(children)
    }

    fn entry(
        &self,
        dir: &Arc<OwnedFd>,
        name: &CStr,
        path: RelPath,
        out: &mut Listing,
        children: &mut Vec<Task>,
    ) -> rustix::io::Result<()> {
        let (stamp, device) = match Stamp::of_name(dir, name) {
            Err(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        let is_dir = stamp.file_type == FileType::Dir;
        if self.filter.skips(&path, is_dir) {
            out.skipped.push(path);
            return Ok(());
        }
        match stamp.file_type {
            FileType::Special => {
                out.special.push(path);
                return Ok(());
            }
            FileType::Dir => children.push(Task {
                parent: Some(dir.clone()),
                name: name.to_owned(),
                path: Some(path.clone()),
            }),
            FileType::File | FileType::Symlink => {}
        }
        out.listed.push(Listed { path, stamp, device });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    struct Skip(&'static [u8]);

    impl Filter for Skip {
        fn skips(&self, path: &RelPath, _: bool) -> bool {
            path.file_name() == self.0
        }
    }

    #[test]
    fn everything_is_listed_in_order_and_nothing_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        for d in ["a/b/c", "a-b", "skip/inner"] {
            std::fs::create_dir_all(at.join(d)).unwrap();
        }
        let odd = std::ffi::OsStr::from_bytes(b"a/new\nline \xff");
        std::fs::write(at.join(odd), b"x").unwrap();
        std::fs::write(at.join("a").join("n".repeat(255)), b"").unwrap();
        std::os::unix::fs::symlink("..", at.join("a/b/loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at.join("socket")).unwrap();
        for threads in [1, 4] {
            let listing = walk(at, &Skip(b"skip"), threads).unwrap();
            let paths: Vec<_> = listing.listed.iter().map(|l| l.path.to_string()).collect();
            let long = format!("a/{}", "n".repeat(255));
            assert_eq!(
                paths,
                ["a", "a-b", "a/b", "a/b/c", "a/b/loop", "a/new\\nline \\xff", &long]
            );
            assert_eq!(listing.special.len(), 1);
            assert_eq!(listing.skipped[0].to_string(), "skip");
        }
    }

    #[test]
    fn trees_deeper_than_path_max_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        let name = "d".repeat(250);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut at = rustix::fs::open(dir.path(), flags, Mode::empty()).unwrap();
        for _ in 0..20 {
            rustix::fs::mkdirat(&at, &*name, Mode::from_raw_mode(0o755)).unwrap();
            at = rustix::fs::openat(&at, &*name, flags, Mode::empty()).unwrap();
        }
        let listing = walk(dir.path(), &Skip(b"-"), 2).unwrap();
        assert_eq!(listing.listed.len(), 20);
        assert_eq!(listing.listed[19].path.as_bytes().len(), 20 * 251 - 1);
    }

    #[test]
    fn a_root_that_is_not_there_is_an_error() {
        let error = walk(Path::new("/nonexistent"), &Skip(b"-"), 2).unwrap_err();
        assert_eq!(error.to_string(), "cannot list /nonexistent");
    }
}
