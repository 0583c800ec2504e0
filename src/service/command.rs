//! One command of the user: run to its end or to its time limit, its output kept for the case that it fails.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::Place;

/// A command as the settings give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// For `sh -c`.
    Shell(String),
    /// A program with its arguments, without a shell.
    Argv(Vec<String>),
}

/// A command that did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{command}` {what}{}", shown(.output))]
pub struct Failure {
    /// The command.
    pub command: String,
    /// `ended with exit code 3`, `did not end within 10 s`.
    pub what: String,
    /// The last lines that it wrote.
    pub output: Vec<String>,
}

/// How many lines of a failing command are shown.
const LINES: usize = 10;
/// How much of its output is looked at for them.
const TAIL: u64 = 16 << 10;

fn shown(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  | {line}")).collect()
}

impl Command {
    /// A program with its arguments.
    pub fn argv(words: &[&str]) -> Self {
        Self::Argv(words.iter().map(|word| (*word).to_owned()).collect())
    }

    /// Runs it. Its output goes to a file that has no name, not to a pipe: a service that it leaves running keeps a
    /// standard output that works.
    ///
    /// # Errors
    /// When it cannot be started, fails, or does not end in time; it and its children are killed then.
    pub fn run(&self, place: Place<'_>, timeout: Duration) -> Result<(), Failure> {
        let fails = |what: String, output| Failure {
            command: self.to_string(),
            what,
            output,
        };
        let cannot_start = |error: std::io::Error| fails(format!("cannot be started: {error}"), Vec::new());
        let mut log = tempfile::tempfile().map_err(cannot_start)?;
        let mut child = self.spawn(place, &log).map_err(cannot_start)?;
        match wait(&mut child, timeout) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(fails(ending(status), last_lines(&mut log))),
            None => Err(fails(
                format!("did not end within {} s", timeout.as_secs_f64()),
                last_lines(&mut log),
            )),
        }
    }

    fn spawn(&self, place: Place<'_>, log: &File) -> std::io::Result<Child> {
        let mut command = match self {
            Self::Shell(script) => {
                let mut command = std::process::Command::new("sh");
                command.arg("-c").arg(script);
                command
            }
            Self::Argv(words) => {
                let mut command = std::process::Command::new(words.first().map_or("", String::as_str));
                command.args(words.iter().skip(1));
                command
            }
        };
        command
            .env_clear()
            .envs(place.env.iter().map(|(name, value)| (name, value)))
            .current_dir(place.cwd)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            // Of its own, so that its children end with it, and that Ctrl-C does not stop a service halfway.
            .process_group(0)
            .spawn()
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell(script) => f.write_str(script),
            Self::Argv(words) => f.write_str(&words.join(" ")),
        }
    }
}

/// How it ended, or nothing when it had to be killed.
fn wait(child: &mut Child, timeout: Duration) -> Option<ExitStatus> {
    /// Between SIGTERM and SIGKILL.
    const GRACE: Duration = Duration::from_secs(2);
    if let Some(status) = wait_until(child, Instant::now() + timeout) {
        return Some(status);
    }
    let group = Pid::from_child(child);
    let _ = kill_process_group(group, Signal::TERM);
    wait_until(child, Instant::now() + GRACE);
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
    None
}

fn wait_until(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

pub(super) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "did not end well".to_owned(),
    }
}

fn last_lines(log: &mut File) -> Vec<String> {
    let mut bytes = Vec::new();
    let length = log.seek(SeekFrom::End(0)).unwrap_or(0);
    let read = log
        .seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .and_then(|_| log.take(TAIL).read_to_end(&mut bytes));
    if read.is_err() {
        return Vec::new();
    }
    tail(&String::from_utf8_lossy(&bytes))
}

/// The last lines of a text, without control characters.
pub(super) fn tail(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let plain = |line: &&str| line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
    lines[lines.len().saturating_sub(LINES)..].iter().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &Command, timeout: Duration) -> Result<(), Failure> {
        let dir = tempfile::tempdir().unwrap();
        let env = [("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
        let place = Place {
            cwd: dir.path(),
            env: &env,
        };
        command.run(place, timeout)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_a_failing_command_said_is_kept() {
        let script = Command::Shell("seq 1 12; echo oh no >&2; exit 3".to_owned());
        let failure = run(&script, LONG).unwrap_err();
        assert_eq!(failure.what, "ended with exit code 3");
        assert_eq!(failure.output.len(), LINES);
        assert_eq!((failure.output[0].as_str(), failure.output[9].as_str()), ("4", "oh no"));
        assert!(failure.to_string().ends_with("\n  | 12\n  | oh no"), "{failure}");
    }

    #[test]
    fn arguments_are_no_shell_words() {
        run(&Command::argv(&["test", "a b", "=", "a b"]), LONG).unwrap();
        let failure = run(&Command::argv(&["no-such-program-here", "x"]), LONG).unwrap_err();
        assert!(failure.what.starts_with("cannot be started: "), "{failure}");
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let script = Command::Shell(format!("sleep 1000 & echo $! > {}; wait", pid.display()));
        let start = Instant::now();
        let failure = run(&script, Duration::from_millis(500)).unwrap_err();
        assert_eq!(failure.what, "did not end within 0.5 s");
        assert!(start.elapsed() < Duration::from_secs(30));
        let pid: u32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let gone = |pid: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        let end = Instant::now() + Duration::from_secs(10);
        while !gone(pid) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(gone(pid), "the child lives");
    }

    #[test]
    fn a_service_that_stays_does_not_hold_up_its_start() {
        let start = Instant::now();
        run(&Command::Shell("sleep 20 & echo started".to_owned()), LONG).unwrap();
        assert!(start.elapsed() < Duration::from_secs(15));
    }
}
