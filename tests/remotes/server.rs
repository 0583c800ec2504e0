//! Servers of others, started for a test on loopback and ended with it.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use envgit::remote::{self, Surroundings, Transport};

/// A running server with its data.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts a program of a package, which must be installed, in a folder of its own, and waits until it listens.
    pub(crate) fn start(package: &str, program: &str, dir: tempfile::TempDir, args: &[String], ports: &[u16]) -> Self {
        let log = dir.path().join("log");
        let file = std::fs::File::create(&log).unwrap();
        let child = Command::new(program)
            .args(args)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {program}, of the package {package} (see .ci/run): {error}"));
        let mut server = Self { child, log, dir };
        for port in ports {
            server.wait_for(*port);
        }
        server
    }

    fn wait_for(&mut self, port: u16) {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let start = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > Duration::from_secs(60) {
                panic!("the server does not listen ({ended:?}):\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        let mut text = String::new();
        let _ = std::fs::File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text));
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("the server's last lines, newest first:\n{}", tail.join("\n"));
        }
    }
}

/// Ports that nobody listens on.
pub(crate) fn ports<const N: usize>() -> [u16; N] {
    // Held together, so that they differ.
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// The remote at an address, with these variables only.
pub(crate) fn open(address: &str, vars: &[(&str, &str)]) -> Result<Box<dyn Transport>, remote::Error> {
    let vars = vars.iter().map(|(name, value)| (name.into(), value.into()));
    remote::open(address, &Surroundings::new(Path::new("/nonexistent"), vars))
}

/// Calls a function of `sign.py`, which makes what envgit expects to be there.
pub(crate) fn sign(call: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/remotes");
    let script = format!("import sys; sys.path.insert(0, {folder:?}); import sign; sign.{call}");
    let made = Command::new("python3").args(["-B", "-c", &script]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
