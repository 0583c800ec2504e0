//! A conversation with the sftp subsystem of a host, through the system's own ssh: its configuration, keys, agent and
//! known hosts count, and it asks its user for a password itself.
//!
//! Requests of all threads go through one connection; a thread of its own hands each answer to whoever asked.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::packet::{Attributes, Reply, Request, kind, nonsense, status};
use crate::remote::address::Ssh;

/// How long an answer may take. ssh itself notices a dead connection earlier.
const PATIENCE: Duration = Duration::from_secs(180);

/// Who waits for which answer; nothing when the connection has ended.
type Waiting = Arc<Mutex<Option<HashMap<u32, SyncSender<Reply>>>>>;

/// A connection.
pub(super) struct Session {
    child: Mutex<Child>,
    input: Mutex<Option<ChildStdin>>,
    waiting: Waiting,
    next: AtomicU32,
    complaints: Mutex<Option<JoinHandle<String>>>,
    reader: Option<JoinHandle<()>>,
    extensions: BTreeMap<String, String>,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server said no: a number of [`status`], and its words.
    Status(u32, String),
    /// There is no connection, or it broke: what ssh said of it.
    Connection(String),
    /// Something else.
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Status(status::NO_SUCH_FILE, _))
    }
}

/// A request that is under way.
#[must_use]
pub(super) struct Answer(Receiver<Reply>);

impl Session {
    /// Connects. `command` is ssh, or what the user wants in its place, with its first arguments.
    pub(super) fn start(command: &[String], place: &Ssh) -> Result<Self, Failure> {
        let (program, args) = command.split_first().ok_or_else(nonsense)?;
        let mut ssh = Command::new(program);
        ssh.args(args);
        for option in [
            "ConnectTimeout=20",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=4",
            "ForwardX11=no",
            "ForwardAgent=no",
            "PermitLocalCommand=no",
            "ClearAllForwardings=yes",
        ] {
            ssh.arg("-o").arg(option);
        }
        if let Some(port) = place.port {
            ssh.arg("-p").arg(port.to_string());
        }
        if let Some(user) = &place.user {
            ssh.arg("-l").arg(user);
        }
        ssh.args(["-s", "--", &place.host, "sftp"]);
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = ssh.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::Connection(format!("the program {program} is not installed")),
            _ => Failure::Io(error),
        })?;
        let (Some(input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(nonsense().into());
        };
        let mut session = Self {
            child: Mutex::new(child),
            input: Mutex::new(Some(input)),
            waiting: Arc::new(Mutex::new(Some(HashMap::new()))),
            next: AtomicU32::new(0),
            complaints: Mutex::new(Some(std::thread::spawn(|| listen(errors)))),
            reader: None,
            extensions: BTreeMap::new(),
        };
        session.greet(output)?;
        Ok(session)
    }

    /// Agrees on the version, and hears what the server can do.
    fn greet(&mut self, output: ChildStdout) -> Result<(), Failure> {
        let mut output = BufReader::with_capacity(64 * 1024, output);
        let greeting = Request::new(kind::INIT, 3).finish();
        let hello = self.send_bytes(&greeting).and_then(|()| Reply::receive(&mut output));
        let mut hello = hello.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Failure::Io(error),
            _ => self.broken(),
        })?;
        if hello.kind != kind::VERSION || hello.number()? < 3 {
            return Err(nonsense().into());
        }
        while !hello.is_empty() {
            let name = String::from_utf8_lossy(&hello.string()?).into_owned();
            let value = String::from_utf8_lossy(&hello.string()?).into_owned();
            self.extensions.insert(name, value);
        }
        let waiting = Arc::clone(&self.waiting);
        self.reader = Some(std::thread::spawn(move || hand_out(output, &waiting)));
        Ok(())
    }

    /// Whether the server has an addition of OpenSSH's.
    pub(super) fn has(&self, extension: &str) -> bool {
        self.extensions.contains_key(extension)
    }

    /// Whether the connection still stands.
    pub(super) fn is_alive(&self) -> bool {
        lock(&self.waiting).is_some()
    }

    fn send_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut input = lock(&self.input);
        let input = input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(bytes)?;
        input.flush()
    }

    /// Sends a request; its answer is waited for separately, so that many can be under way.
    pub(super) fn send(&self, kind: u8, fill: impl FnOnce(Request) -> Request) -> Result<Answer, Failure> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = sync_channel(1);
        // Let go before anything else: `broken` wants it too.
        let is_open = lock(&self.waiting)
            .as_mut()
            .map(|waiting| waiting.insert(id, sender))
            .is_some();
        if !is_open {
            return Err(self.broken());
        }
        let bytes = fill(Request::new(kind, id)).finish();
        self.send_bytes(&bytes).map_err(|_| self.broken())?;
        Ok(Answer(receiver))
    }

    /// Waits for an answer of the wanted kind.
    pub(super) fn wait(&self, answer: Answer, wanted: u8) -> Result<Reply, Failure> {
        let mut reply = answer.0.recv_timeout(PATIENCE).map_err(|_| self.broken())?;
        if reply.kind == wanted && wanted != kind::STATUS {
            return Ok(reply);
        }
        if reply.kind != kind::STATUS {
            return Err(nonsense().into());
        }
        let code = reply.number()?;
        if code == status::OK && wanted == kind::STATUS {
            return Ok(reply);
        }
        let words = reply.string().unwrap_or_default();
        Err(Failure::Status(code, String::from_utf8_lossy(&words).into_owned()))
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask(&self, kind: u8, wanted: u8, fill: impl FnOnce(Request) -> Request) -> Result<Reply, Failure> {
        let answer = self.send(kind, fill)?;
        self.wait(answer, wanted)
    }

    /// Asks for a change to a path.
    pub(super) fn change(&self, kind: u8, path: &str) -> Result<(), Failure> {
        let fill = |request: Request| {
            let request = request.string(path.as_bytes());
            // New folders get no attributes of their own: the server's umask decides.
            if kind == self::kind::MKDIR {
                request.number(0)
            } else {
                request
            }
        };
        self.ask(kind, self::kind::STATUS, fill).map(drop)
    }

    /// One of OpenSSH's additions that takes two paths.
    pub(super) fn extended(&self, name: &str, from: &str, to: &str) -> Result<(), Failure> {
        let fill = |request: Request| {
            request
                .string(name.as_bytes())
                .string(from.as_bytes())
                .string(to.as_bytes())
        };
        self.ask(kind::EXTENDED, kind::STATUS, fill).map(drop)
    }

    /// A file's attributes, following links.
    pub(super) fn stat(&self, path: &str) -> Result<Attributes, Failure> {
        let fill = |request: Request| request.string(path.as_bytes());
        Ok(self.ask(kind::STAT, kind::ATTRS, fill)?.attributes()?)
    }

    /// Opens a file.
    pub(super) fn open(&self, path: &str, how: u32) -> Result<Vec<u8>, Failure> {
        let fill = |request: Request| request.string(path.as_bytes()).number(how).number(0);
        Ok(self.ask(kind::OPEN, kind::HANDLE, fill)?.string()?)
    }

    pub(super) fn close(&self, handle: &[u8]) -> Result<(), Failure> {
        self.ask(kind::CLOSE, kind::STATUS, |request| request.string(handle))
            .map(drop)
    }

    /// What ssh said when the connection ended. Ends it, if it has not.
    fn broken(&self) -> Failure {
        lock(&self.waiting).take();
        lock(&self.input).take();
        let mut child = lock(&self.child);
        // It ends by itself when its input does; a host that does not answer would keep it.
        for _ in 0..50 {
            if !matches!(child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
        let said = lock(&self.complaints).take().and_then(|thread| thread.join().ok());
        let said = said.unwrap_or_default();
        let words: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Failure::Connection(match words.is_empty() {
            true => "the connection ended".to_owned(),
            false => words.join("; "),
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        lock(&self.input).take();
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Hands out answers until the connection ends.
fn hand_out(mut output: BufReader<ChildStdout>, waiting: &Waiting) {
    while let Ok(mut reply) = Reply::receive(&mut output) {
        let Ok(id) = reply.number() else { break };
        let asker = lock(waiting).as_mut().and_then(|waiting| waiting.remove(&id));
        // Nobody waits any more for what was given up.
        let _ = asker.map(|asker| asker.send(reply));
    }
    lock(waiting).take();
}

/// The last of what ssh complains about.
fn listen(errors: ChildStderr) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    let mut errors = errors;
    while let Ok(n @ 1..) = errors.read(&mut buffer) {
        bytes.extend(&buffer[..n]);
        let surplus = bytes.len().saturating_sub(4096);
        bytes.drain(..surplus);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a lock guards is whole whenever it is free, also after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
