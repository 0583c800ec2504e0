//! A directory of another machine, through ssh: each object is a file, written as in a directory of this machine.
//!
//! An object is written under a name that no key can have and then renamed (`posix-rename@openssh.com`), or linked where
//! it must be new (`hardlink@openssh.com`). [`Abilities::create`] needs the latter; OpenSSH has it since 2010.

mod packet;
mod session;

use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::address::{Address, Ssh};
use super::body::{Body, Measured};
use super::{Abilities, Error, Key, Listed, Surroundings, Transport};
use packet::{kind, open, status};
use session::{Answer, Failure, Session};

/// What every server takes and gives in one packet.
const PIECE: usize = 32 * 1024;
/// How many pieces are under way at once: 2 MiB fill a line of 100 MiB/s at 20 ms.
const UNDER_WAY: usize = 64;
/// How often a broken connection is made anew.
const TRIES: usize = 3;

const RENAME: &str = "posix-rename@openssh.com";
const LINK: &str = "hardlink@openssh.com";
const SYNC: &str = "fsync@openssh.com";

/// A directory behind ssh.
pub(super) struct Sftp {
    address: String,
    place: Ssh,
    command: Vec<String>,
    session: Mutex<Option<Arc<Session>>>,
}

/// Why a write ended early.
enum Problem {
    Local(std::io::Error),
    Remote(Failure),
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Remote(failure)
    }
}

impl Sftp {
    /// Nobody is asked yet.
    pub(super) fn new(address: &Address, place: &Ssh, surroundings: &Surroundings) -> Self {
        let command = surroundings.var(&["ENVGIT_SSH_COMMAND"]).unwrap_or("ssh");
        Self {
            address: address.to_string(),
            place: place.clone(),
            command: command.split_whitespace().map(str::to_owned).collect(),
            session: Mutex::new(None),
        }
    }

    /// The connection, made when there is none.
    fn session(&self) -> Result<Arc<Session>, Failure> {
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = held.as_ref().filter(|session| session.is_alive()) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::start(&self.command, &self.place)?);
        *held = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Does what can be done twice, again when the connection broke meanwhile.
    fn again<T>(&self, mut act: impl FnMut(&Session) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut tries = 0;
        loop {
            let session = self.session()?;
            match act(&session) {
                Err(Problem::Remote(Failure::Connection(_))) if tries < TRIES => tries += 1,
                done => return done,
            }
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.place.path.trim_end_matches('/'))
    }

    fn error(&self, action: &'static str, key: &str, problem: impl Into<Problem>) -> Error {
        let remote = self.address.clone();
        match problem.into() {
            Problem::Local(error) => Error::Local(error),
            Problem::Remote(Failure::Connection(said)) if said.contains("Permission denied") => Error::Denied {
                remote,
                problem: format!(
                    "{said} (ssh's own keys, agent and configuration count; try `ssh {}`)",
                    self.place.host
                ),
            },
            Problem::Remote(Failure::Connection(problem)) => Error::Unreachable { remote, problem },
            Problem::Remote(Failure::Status(status::NO_SUCH_FILE, _)) if action == "write" => Error::NoPlace {
                what: format!("directory above {}", self.place.path),
                remote,
            },
            Problem::Remote(Failure::Status(status::NO_SUCH_FILE, _)) => Error::Absent {
                key: key.to_owned(),
                remote,
            },
            Problem::Remote(Failure::Status(status::PERMISSION_DENIED, _)) => Error::Denied {
                remote,
                problem: format!("the user there may not {action} {key}"),
            },
            Problem::Remote(Failure::Status(_, said)) => Error::failed(action, key, &remote, said),
            Problem::Remote(Failure::Io(error)) => Error::failed(action, key, &remote, error),
        }
    }

    /// Makes the folders above a file, except the one above the remote itself.
    fn make_folders(&self, session: &Session, name: &str) -> Result<(), Failure> {
        let mut folder = self.place.path.trim_end_matches('/').to_owned();
        let parts: Vec<&str> = name.split('/').collect();
        // That a folder is there already is told as a failure like any other.
        let made = session.change(kind::MKDIR, &folder);
        if let Err(failure) = made
            && failure.is_absent()
        {
            return Err(failure);
        }
        for part in &parts[..parts.len() - 1] {
            folder = format!("{folder}/{part}");
            let _ = session.change(kind::MKDIR, &folder);
        }
        Ok(())
    }

    /// Writes the content of an object under a name of its own beside it, complete and synced. Returns the name.
    fn draft(&self, session: &Session, key: &Key, body: &dyn Body) -> Result<String, Problem> {
        let folder = key.as_str().strip_suffix(key.name()).unwrap_or_default();
        let name = format!(
            "{folder}.draft-{:x}-{:016x}",
            std::process::id(),
            super::unlike_any_other()
        );
        let path = self.path(&name);
        let handle = match session.open(&path, open::NEW) {
            Err(failure) if failure.is_absent() => {
                self.make_folders(session, &name)?;
                session.open(&path, open::NEW)?
            }
            opened => opened?,
        };
        let written = fill(session, &handle, body).and_then(|()| {
            if session.has(SYNC) {
                let fill = |request: packet::Request| request.string(SYNC.as_bytes()).string(&handle);
                session.ask(kind::EXTENDED, kind::STATUS, fill)?;
            }
            Ok(())
        });
        let closed = session.close(&handle);
        if let Err(problem) = written.and_then(|()| Ok(closed?)) {
            let _ = session.change(kind::REMOVE, &path);
            return Err(problem);
        }
        Ok(path)
    }

    fn publish(&self, session: &Session, draft: &str, path: &str) -> Result<(), Failure> {
        if session.has(RENAME) {
            return session.extended(RENAME, draft, path);
        }
        // Version 3 by itself replaces nothing.
        let fill = |request: packet::Request| request.string(draft.as_bytes()).string(path.as_bytes());
        session.ask(kind::RENAME, kind::STATUS, fill).map(drop)
    }

    fn write(&self, key: &Key, body: &dyn Body) -> Result<(), Error> {
        let path = self.path(key.as_str());
        let written = self.again(|session| {
            let draft = self.draft(session, key, body)?;
            self.publish(session, &draft, &path).map_err(|failure| {
                let _ = session.change(kind::REMOVE, &draft);
                failure.into()
            })
        });
        written.map_err(|problem| self.error("write", key.as_str(), problem))
    }

    /// Passes on what there is from `start` on, and counts it.
    fn pass_on(&self, session: &Session, path: &str, from: Part, out: &mut dyn Write) -> Result<u64, Problem> {
        let handle = session.open(path, open::READ)?;
        let passed = receive(session, &handle, from, out);
        let closed = session.close(&handle);
        let sum = passed?;
        closed?;
        Ok(sum)
    }

    fn gather(&self, session: &Session, folder: &str, found: &mut Vec<Listed>) -> Result<(), Failure> {
        let path = self.path(folder);
        let handle = match session.ask(kind::OPENDIR, kind::HANDLE, |request| request.string(path.as_bytes())) {
            Err(failure) if failure.is_absent() => return Ok(()),
            opened => opened?.string()?,
        };
        let mut folders = Vec::new();
        loop {
            let mut names = match session.ask(kind::READDIR, kind::NAME, |request| request.string(&handle)) {
                Err(Failure::Status(status::EOF, _)) => break,
                names => names?,
            };
            for _ in 0..names.number()? {
                let name = names.string()?;
                // A line as `ls` prints it.
                names.string()?;
                let mut attributes = names.attributes()?;
                let name = std::str::from_utf8(&name).ok();
                let Some(key) = name.and_then(|name| Key::new(&format!("{folder}/{name}"))) else {
                    continue;
                };
                if attributes.is_link() {
                    attributes = match session.stat(&self.path(key.as_str())) {
                        Err(failure) if failure.is_absent() => continue,
                        attributes => attributes?,
                    };
                }
                match attributes.size {
                    _ if attributes.is_folder() => folders.push(key),
                    Some(size) if attributes.is_file() => found.push(Listed { key, size }),
                    _ => {}
                }
            }
        }
        session.close(&handle)?;
        folders
            .iter()
            .try_for_each(|key| self.gather(session, key.as_str(), found))
    }
}

/// Where to read, and how much at most.
#[derive(Clone, Copy)]
struct Part {
    start: u64,
    len: u64,
}

/// Sends a body into an open file.
fn fill(session: &Session, handle: &[u8], body: &dyn Body) -> Result<(), Problem> {
    let mut body = Measured::open(body).map_err(Problem::Local)?;
    let mut piece = vec![0; PIECE];
    let mut sent: VecDeque<Answer> = VecDeque::new();
    let mut at = 0;
    loop {
        let n = body.fill(&mut piece).map_err(Problem::Local)?;
        if n == 0 || sent.len() == UNDER_WAY {
            let Some(first) = sent.pop_front() else { break };
            session.wait(first, kind::STATUS)?;
        }
        if n > 0 {
            let write = |request: packet::Request| request.string(handle).long(at).string(&piece[..n]);
            sent.push_back(session.send(kind::WRITE, write)?);
            at += n as u64;
        }
    }
    Ok(())
}

/// Receives a part of an open file. What a server gives less than was asked for is asked for again.
fn receive(session: &Session, handle: &[u8], part: Part, out: &mut dyn Write) -> Result<u64, Problem> {
    let end = part.start.saturating_add(part.len);
    let ask = |at: u64, len: u64| {
        let read = |request: packet::Request| request.string(handle).long(at).number(len as u32);
        session.send(kind::READ, read).map(|answer| (at, len, answer))
    };
    let mut asked: VecDeque<(u64, u64, Answer)> = VecDeque::new();
    let mut next = part.start;
    let mut at = part.start;
    let mut window = 1;
    loop {
        while asked.len() < window && next < end {
            let len = (PIECE as u64).min(end - next);
            asked.push_back(ask(next, len)?);
            next += len;
        }
        let Some((from, len, answer)) = asked.pop_front() else {
            break;
        };
        let data = match session.wait(answer, kind::DATA) {
            Err(Failure::Status(status::EOF, _)) => break,
            data => data?.string().map_err(Failure::Io)?,
        };
        if data.is_empty() || data.len() as u64 > len || from != at {
            return Err(Failure::Io(packet::nonsense()).into());
        }
        out.write_all(&data).map_err(Problem::Local)?;
        at += data.len() as u64;
        if (data.len() as u64) < len {
            // What was asked for beyond would leave a gap.
            asked.clear();
            next = at;
        }
        // Small files are not asked for 64 times over.
        window = (window * 2).min(UNDER_WAY);
    }
    Ok(at - part.start)
}

impl Transport for Sftp {
    fn address(&self) -> &str {
        &self.address
    }

    fn abilities(&self) -> Abilities {
        let session = self.session().ok();
        let has = |extension| session.as_ref().is_some_and(|session| session.has(extension));
        Abilities {
            write: true,
            create: has(LINK),
            replace: has(RENAME),
            list: true,
        }
    }

    fn size(&self, key: &Key) -> Result<Option<u64>, Error> {
        let path = self.path(key.as_str());
        match self.again(|session| Ok(session.stat(&path)?)) {
            Ok(attributes) => Ok(attributes.size.filter(|_| attributes.is_file())),
            Err(Problem::Remote(failure)) if failure.is_absent() => Ok(None),
            Err(problem) => Err(self.error("read", key.as_str(), problem)),
        }
    }

    fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let len = super::part_len(&range)?;
        let path = self.path(key.as_str());
        let part = Part {
            start: range.start,
            len: len as u64,
        };
        let read = self.again(|session| {
            let mut bytes = Vec::with_capacity(len);
            self.pass_on(session, &path, part, &mut bytes)?;
            Ok(bytes)
        });
        match read.map_err(|problem| self.error("read", key.as_str(), problem))? {
            bytes if bytes.len() == len => Ok(bytes),
            _ => Err(Error::failed(
                "read",
                key.as_str(),
                &self.address,
                "the object is shorter",
            )),
        }
    }

    fn stream(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, Error> {
        let path = self.path(key.as_str());
        let mut out = Counted { out, sum: 0 };
        let streamed = self.again(|session| {
            let part = Part {
                start: start + out.sum,
                len: u64::MAX,
            };
            self.pass_on(session, &path, part, &mut out)
        });
        streamed.map_err(|problem| self.error("read", key.as_str(), problem))?;
        Ok(out.sum)
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Listed>, Error> {
        let listed = self.again(|session| {
            let mut found = Vec::new();
            self.gather(session, prefix.as_str(), &mut found)?;
            Ok(found)
        });
        let mut found = listed.map_err(|problem| self.error("list", prefix.as_str(), problem))?;
        found.sort();
        Ok(found)
    }

    fn put(&self, key: &Key, body: &dyn Body) -> Result<(), Error> {
        if self.size(key)? == Some(body.len()) {
            return Ok(());
        }
        self.write(key, body)
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<bool, Error> {
        let failed = |problem| self.error("write", key.as_str(), problem);
        let path = self.path(key.as_str());
        let session = self.session().map_err(|failure| failed(failure.into()))?;
        if !session.has(LINK) {
            return match self.size(key)? {
                Some(_) => Ok(false),
                None => self.write(key, &bytes).map(|()| true),
            };
        }
        let draft = self.draft(&session, key, &bytes).map_err(failed)?;
        let linked = session.extended(LINK, &draft, &path);
        let _ = session.change(kind::REMOVE, &draft);
        match linked {
            Ok(()) => Ok(true),
            // The protocol has no word for it.
            Err(Failure::Status(..)) if session.stat(&path).is_ok() => Ok(false),
            Err(failure) => Err(failed(failure.into())),
        }
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        self.write(key, &bytes)
    }

    fn remove(&self, key: &Key) -> Result<(), Error> {
        let path = self.path(key.as_str());
        match self.again(|session| Ok(session.change(kind::REMOVE, &path)?)) {
            Err(Problem::Remote(failure)) if failure.is_absent() => Ok(()),
            removed => removed.map_err(|problem| self.error("remove", key.as_str(), problem)),
        }
    }
}

/// Counts what is passed on.
struct Counted<'a> {
    out: &'a mut dyn Write,
    sum: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.sum += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
