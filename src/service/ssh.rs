//! Signatures by ssh keys, made and checked by the system's `ssh-keygen -Y`, in the form that git uses.
//!
//! Keys stay where they are: a passphrase is asked for by ssh-keygen itself, and a key may live in the agent alone.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use super::Place;
use super::command::{Failure, ending, tail};

/// The namespace in which git signs, so that a signature made for something else is none here.
const NAMESPACE: &str = "git";

/// With what to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningKey {
    /// A file with a private key; or with a public one whose private part the agent holds.
    File(PathBuf),
    /// A public key as text, whose private part the agent holds.
    Agent(String),
}

impl SigningKey {
    /// As git's `user.signingKey` is written: a path, or a public key, with `key::` before it or not.
    pub fn parse(text: &str) -> Self {
        const KINDS: [&str; 3] = ["ssh-", "ecdsa-", "sk-"];
        match text.strip_prefix("key::") {
            Some(key) => Self::Agent(key.to_owned()),
            None if KINDS.iter().any(|kind| text.starts_with(kind)) && text.contains(' ') => {
                Self::Agent(text.to_owned())
            }
            None => Self::File(PathBuf::from(text)),
        }
    }
}

/// Who made a good signature.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signer {
    /// By which name the file of allowed signers knows the key.
    pub principal: String,
    /// The key: `ED25519 SHA256:…`.
    pub key: String,
}

/// Signs bytes; the signature is armored text, with a newline at its end.
///
/// # Errors
/// When ssh-keygen cannot be started or refuses: no such key, a wrong passphrase, no agent.
pub fn sign(place: Place<'_>, key: &SigningKey, payload: &[u8]) -> Result<String, Failure> {
    let dir = Scratch::new("sign")?;
    let message = dir.file("payload", payload)?;
    let (path, from_agent) = match key {
        SigningKey::File(path) => (place.cwd.join(path), false),
        SigningKey::Agent(text) => (dir.file("key.pub", format!("{text}\n").as_bytes())?, true),
    };
    let mut args: Vec<&OsStr> = ["-Y", "sign", "-n", NAMESPACE, "-f"].map(OsStr::new).to_vec();
    args.push(path.as_os_str());
    if from_agent {
        args.push(OsStr::new("-U"));
    }
    args.push(message.as_os_str());
    let output = run(place, &args, Stdio::inherit())?;
    if !output.status.success() {
        return Err(failure("sign", ending(output.status), &output));
    }
    std::fs::read_to_string(dir.path().join("payload.sig")).map_err(|error| failure("sign", error.to_string(), &output))
}

/// Who of the allowed signers made a signature, or why nobody did. `time` is the moment at which the key must have been
/// valid, as `YYYYMMDDHHMMSS` of the local clock.
///
/// # Errors
/// When ssh-keygen cannot be started.
pub fn verify(
    place: Place<'_>,
    allowed: &Path,
    payload: &[u8],
    signature: &[u8],
    time: Option<&str>,
) -> Result<Result<Signer, String>, Failure> {
    let dir = Scratch::new("verify")?;
    let message = dir.file("payload", payload)?;
    let signature = dir.file("payload.sig", signature)?;
    let time = time.map(|time| format!("-Overify-time={time}"));
    let asked = |verb: &'static str, more: &[&str]| -> Result<Output, Failure> {
        let mut args: Vec<&OsStr> = ["-Y", verb].map(OsStr::new).to_vec();
        args.extend(more.iter().map(OsStr::new));
        args.extend([OsStr::new("-f"), allowed.as_os_str()]);
        args.extend([OsStr::new("-s"), signature.as_os_str()]);
        args.extend(time.as_deref().map(OsStr::new));
        let input = File::open(&message).map_err(|error| failure(verb, error.to_string(), &nothing()))?;
        run(place, &args, Stdio::from(input))
    };
    let found = asked("find-principals", &[])?;
    let principals = String::from_utf8_lossy(&found.stdout).into_owned();
    let mut why = match found.status.success() {
        true => "its key is not allowed".to_owned(),
        false => last_line(&found).unwrap_or_else(|| "its key is not allowed".to_owned()),
    };
    for principal in principals
        .lines()
        .filter(|line| found.status.success() && !line.is_empty())
    {
        let checked = asked("verify", &["-n", NAMESPACE, "-I", principal])?;
        if checked.status.success() {
            let said = String::from_utf8_lossy(&checked.stdout).into_owned();
            return Ok(Ok(Signer {
                principal: principal.to_owned(),
                key: key_of(&said),
            }));
        }
        why = last_line(&checked).unwrap_or(why);
    }
    Ok(Err(plain_reason(&why)))
}

/// ssh-keygen's words for common reasons, in words that name the cause.
fn plain_reason(said: &str) -> String {
    if said.contains("No principal matched") || said.is_empty() {
        "its key is not allowed, or was not at that time".to_owned()
    } else if said.contains("incorrect signature") || said.contains("Signature verification failed") {
        "it was altered after it was signed, or is not the text that was signed".to_owned()
    } else {
        said.to_owned()
    }
}

/// `Good "git" signature for ada@example.org with ED25519 key SHA256:…`
fn key_of(said: &str) -> String {
    let key = said.trim_end().rsplit_once(" with ").map_or("", |(_, key)| key);
    key.replace(" key ", " ")
}

fn run(place: Place<'_>, args: &[&OsStr], input: Stdio) -> Result<Output, Failure> {
    std::process::Command::new("ssh-keygen")
        .args(args)
        .env_clear()
        .envs(place.env.iter().map(|(name, value)| (name, value)))
        // What it says is taken apart.
        .env("LC_ALL", "C")
        .current_dir(place.cwd)
        .stdin(input)
        .output()
        .map_err(|error| Failure {
            command: "ssh-keygen".to_owned(),
            what: format!("cannot be started: {error}"),
            output: Vec::new(),
        })
}

fn failure(verb: &str, what: String, output: &Output) -> Failure {
    Failure {
        command: format!("ssh-keygen -Y {verb}"),
        what,
        output: tail(&String::from_utf8_lossy(&output.stderr)),
    }
}

fn nothing() -> Output {
    Output {
        status: std::process::ExitStatus::default(),
        stdout: Vec::new(),
        stderr: Vec::new(),
    }
}

fn last_line(output: &Output) -> Option<String> {
    // Its verdict is on standard output, its reason on standard error.
    let said = |bytes: &[u8]| tail(&String::from_utf8_lossy(bytes)).pop();
    said(&output.stderr).or_else(|| said(&output.stdout))
}

/// A folder for what ssh-keygen reads and writes.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new(verb: &str) -> Result<Self, Failure> {
        let dir = tempfile::tempdir().map_err(|error| failure(verb, error.to_string(), &nothing()))?;
        Ok(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str, content: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path().join(name);
        std::fs::write(&path, content).map_err(|error| failure(name, error.to_string(), &nothing()))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_for_git() {
        let agent = |text: &str| SigningKey::Agent(text.to_owned());
        assert_eq!(SigningKey::parse("key::ssh-rsa AAAA"), agent("ssh-rsa AAAA"));
        assert_eq!(SigningKey::parse("ssh-ed25519 AAAA ada"), agent("ssh-ed25519 AAAA ada"));
        assert_eq!(SigningKey::parse("/k/id"), SigningKey::File("/k/id".into()));
        assert_eq!(SigningKey::parse("ssh-key"), SigningKey::File("ssh-key".into()));
    }

    #[test]
    fn the_key_is_read_from_what_is_said() {
        let said = "Good \"git\" signature for ada with b with ED25519 key SHA256:abc\n";
        assert_eq!(key_of(said), "ED25519 SHA256:abc");
        assert_eq!(key_of("x"), "");
    }
}
