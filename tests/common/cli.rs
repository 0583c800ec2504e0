//! The program as a user runs it: cleared environment, fixed clock, all it said in one value.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run printed and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The whole run, as a transcript shows it.
    pub fn transcript(&self) -> String {
        let mut text = self.out.clone();
        if !self.err.is_empty() {
            text.push_str("--- stderr\n");
            text.push_str(&self.err);
        }
        if self.code != 0 {
            text.push_str(&format!("--- exit {}\n", self.code));
        }
        text
    }
}

/// A line without its ids: words of lowercase hexadecimal digits, as long as one of `lengths`.
pub fn without_ids(line: &str, lengths: &[usize]) -> String {
    let is_id = |word: &str| {
        lengths.contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let end = rest[start..]
            .find(|c: char| !c.is_ascii_alphanumeric())
            .map_or(rest.len(), |len| start + len);
        out.push_str(&rest[..start]);
        out.push_str(if is_id(&rest[start..end]) {
            "[id]"
        } else {
            &rest[start..end]
        });
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Text without how many files were compared by what: a file that was written a moment before its commit has no pin, so
/// that depends on how fast the machine is.
fn without_methods(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("(files: ") {
        let Some((_, tail)) = tail.split_once(" by stamp)") else {
            break;
        };
        out.push_str(head);
        out.push_str("(files: [n] by content, [m] by stamp)");
        rest = tail;
    }
    out + rest
}

/// A temporary folder with a home and a project folder in it.
pub struct Shell {
    pub dir: tempfile::TempDir,
    pub cwd: PathBuf,
    pub vars: Vec<(String, String)>,
    /// Commands so far: the clock ticks a minute for each.
    commands: Cell<u64>,
}

impl Shell {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path().join("glm");
        std::fs::create_dir(&cwd).unwrap();
        std::fs::create_dir(dir.path().join("home")).unwrap();
        Self {
            dir,
            cwd,
            vars: Vec::new(),
            commands: Cell::new(0),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file beneath the temporary folder.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A dist-info as pip leaves it, with one module.
    pub fn install(&self, env: &str, name: &str, version: &str) {
        let site = format!("{env}/lib/python3.11/site-packages");
        let info = format!("{site}/{name}-{version}.dist-info");
        self.write(
            &format!("{site}/{name}/__init__.py"),
            format!("__version__ = \"{version}\"\n"),
        );
        self.write(
            &format!("{info}/METADATA"),
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"),
        );
        self.write(&format!("{info}/INSTALLER"), "pip\n");
        self.write(
            &format!("{info}/RECORD"),
            format!("{name}/__init__.py,,\n{name}-{version}.dist-info/METADATA,,\n{name}-{version}.dist-info/INSTALLER,,\n{name}-{version}.dist-info/RECORD,,\n"),
        );
    }

    pub fn uninstall(&self, env: &str, name: &str, version: &str) {
        let site = self.path(env).join("lib/python3.11/site-packages");
        std::fs::remove_dir_all(site.join(name)).unwrap();
        std::fs::remove_dir_all(site.join(format!("{name}-{version}.dist-info"))).unwrap();
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_envgit"));
        self.dress(&mut command);
        command
    }

    /// Gives any command the hermetic surroundings.
    pub fn dress(&self, command: &mut Command) {
        /// 2026-11-01T10:00:00Z
        const START: u64 = 1_793_527_200;
        self.commands.set(self.commands.get() + 1);
        command
            .current_dir(&self.cwd)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("ENVGIT_DATE", (START + 60 * self.commands.get()).to_string())
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.org")
            .envs(self.vars.iter().cloned())
            .stdin(Stdio::null());
    }

    pub fn run(&self, args: &[&str]) -> Said {
        self.run_in(&self.cwd, args)
    }

    /// Runs it from another folder.
    pub fn run_in(&self, dir: &Path, args: &[&str]) -> Said {
        self.said(self.command().current_dir(dir).args(args))
    }

    /// Runs the lines of a session and shows each with what it said.
    pub fn session(&self, lines: &[&str]) -> String {
        let mut text = String::new();
        for line in lines {
            let args: Vec<&str> = line.split(' ').collect();
            text.push_str(&format!("$ envgit {line}\n{}", self.run(&args).transcript()));
        }
        text
    }

    pub fn said(&self, command: &mut Command) -> Said {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| self.normal(&String::from_utf8_lossy(&bytes));
        Said {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Runs what must succeed.
    pub fn ok(&self, args: &[&str]) -> Said {
        self.ok_in(&self.cwd, args)
    }

    /// The same from another folder.
    pub fn ok_in(&self, dir: &Path, args: &[&str]) -> Said {
        let said = self.run_in(dir, args);
        assert_eq!(said.code, 0, "{args:?}: {}", said.transcript());
        said
    }

    /// The temporary folder by one name, whatever it is.
    fn normal(&self, text: &str) -> String {
        let real = self.dir.path().canonicalize().unwrap();
        let mut text = text.to_owned();
        for path in [real.as_path(), self.dir.path()] {
            text = text.replace(path.to_str().unwrap(), "/T");
        }
        without_methods(&text)
    }

    /// A repository in the project folder with one venv root, `env`.
    pub fn with_venv() -> Self {
        let shell = Self::new();
        shell.write("env/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
        shell.install("env", "numpy", "1.24.4");
        let env = shell.path("env");
        shell.ok(&["init", "--no-project", "--root", &format!("env={}", env.display())]);
        shell
    }
}

/// Makes a path's parent folders and returns it.
pub fn absolute(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
