//! Servers of a few lines, which do what real ones do seldom.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A script of Python's that serves at `127.0.0.1`: it prints its port, and then what it was asked for.
pub struct Python {
    child: Child,
    out: BufReader<ChildStdout>,
    pub url: String,
}

impl Python {
    pub fn serve<A: AsRef<OsStr>>(script: &str, args: impl IntoIterator<Item = A>) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", script])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        out.read_line(&mut port).unwrap();
        let url = format!("http://127.0.0.1:{}", port.trim());
        Self { child, out, url }
    }

    /// Ends it; the lines that it printed, the last of which may be cut.
    pub fn end(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let lines = self.out.by_ref().lines();
        lines.map_while(Result::ok).collect()
    }
}

/// Also where a test fails before its end.
impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
