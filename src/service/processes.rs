//! Which processes have files open or mapped, and in which folders they stand, as `/proc` tells.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A process that uses files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Whose it is.
    pub user: String,
    /// What it runs.
    pub command: String,
    /// One of the files.
    pub path: PathBuf,
    /// How many of the files it uses.
    pub files: usize,
}

/// `7012 ada python serve.py: /env/lib/libtorch.so and 3 more`.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "{} {} {}: {path}", self.pid, self.user, self.command)?;
        match self.files {
            0 | 1 => Ok(()),
            files => write!(f, " and {} more", files - 1),
        }
    }
}

/// The processes but this one that have a sought file open or mapped, or stand in a sought folder, by id. What is sought
/// is asked for paths that are free of symlinks. What belongs to others is seen only with the right to see it, and paths
/// inside containers are not recognized.
pub fn using(is_sought: &dyn Fn(&Path) -> bool) -> Vec<Process> {
    let Ok(list) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = list.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let mut found: Vec<Process> = pids
        .filter(|pid| *pid != std::process::id())
        .filter_map(|pid| user_of(pid, is_sought))
        .collect();
    found.sort_by_key(|process| process.pid);
    found
}

/// The folders beneath one in which processes stand, this one included, relative to it. The path must be free of symlinks.
pub fn standing_beneath(top: &Path) -> Vec<PathBuf> {
    let Ok(list) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let folders = list.filter_map(|entry| std::fs::read_link(entry.ok()?.path().join("cwd")).ok());
    folders
        .filter_map(|folder| Some(folder.strip_prefix(top).ok()?.to_owned()))
        .collect()
}

fn user_of(pid: u32, is_sought: &dyn Fn(&Path) -> bool) -> Option<Process> {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let mut used: Vec<PathBuf> = Vec::new();
    if let Ok(maps) = std::fs::read(proc.join("maps")) {
        used.extend(maps.split(|b| *b == b'\n').filter_map(mapped));
    }
    if let Ok(open) = std::fs::read_dir(proc.join("fd")) {
        used.extend(open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()));
    }
    used.extend(std::fs::read_link(proc.join("cwd")));
    used.retain(|path| is_sought(path));
    used.sort();
    used.dedup();
    let path = used.first()?.clone();
    Some(Process {
        pid,
        user: owner(&proc),
        command: command(&proc),
        path,
        files: used.len(),
    })
}

/// The path of a line of `maps`: what follows address, rights, offset, device and inode.
fn mapped(line: &[u8]) -> Option<PathBuf> {
    let start = memchr::memchr(b'/', line)?;
    let path = &line[start..];
    // The kernel writes a newline in a name as \012 and nothing else so.
    let path = if memchr::memchr(b'\\', path).is_some() {
        let text = path.to_vec();
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        while let Some(at) = memchr::memmem::find(rest, b"\\012") {
            out.extend_from_slice(&rest[..at]);
            out.push(b'\n');
            rest = &rest[at + 4..];
        }
        out.extend_from_slice(rest);
        out
    } else {
        path.to_vec()
    };
    Some(PathBuf::from(std::ffi::OsString::from_vec(path)))
}

fn owner(proc: &Path) -> String {
    let Ok(meta) = std::fs::metadata(proc) else {
        return "?".to_owned();
    };
    user_name(meta.uid())
}

/// The login name of a user id, or the id itself.
pub fn user_name(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    });
    known.unwrap_or_else(|| uid.to_string())
}

/// The command line, cut to what fits a line.
fn command(proc: &Path) -> String {
    const COLUMNS: usize = 60;
    let line = std::fs::read(proc.join("cmdline")).unwrap_or_default();
    let words = line.split(|b| *b == 0).filter(|word| !word.is_empty());
    let text = words
        .map(|word| crate::snapshot::path::escape(OsStr::from_bytes(word).as_bytes()))
        .collect::<Vec<_>>()
        .join(" ");
    match text.char_indices().nth(COLUMNS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None if text.is_empty() => "?".to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn an_open_file_names_its_user() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("with space");
        std::fs::write(&path, "x").unwrap();
        let mut child = Command::new("sleep")
            .arg("1000")
            .stdin(std::fs::File::open(&path).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let is_sought = |used: &Path| used == path;
        let found = using(&is_sought);
        let _ = child.kill();
        let _ = child.wait();
        let process = found
            .iter()
            .find(|process| process.pid == child.id())
            .expect("it is found");
        assert_eq!((process.path.as_path(), process.files), (path.as_path(), 1));
        assert_eq!(process.command, "sleep 1000");
        assert_eq!(process.user, user_name(rustix::process::getuid().as_raw()));
        assert!(using(&is_sought).is_empty());
    }

    #[test]
    fn this_process_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("own");
        let _file = std::fs::File::create(&path).unwrap();
        assert!(using(&|used| used == path).is_empty());
    }

    #[test]
    fn lines_of_maps_are_read() {
        let line = b"7f0-7f1 r-xp 00000000 08:01 131 \t\t  /usr/lib/with space/a\\012b.so";
        assert_eq!(mapped(line).unwrap(), Path::new("/usr/lib/with space/a\nb.so"));
        assert_eq!(mapped(b"7ff-800 rw-p 00000000 00:00 0 [stack]"), None);
    }
}
