//! Remedies: for every reason to fail its stable word, its exit code, and what to do about it.

use std::io;

use super::error::{DAMAGED, FAILED, LOCKED, USAGE};
use crate::history::{self, RefError, RevisionError};
use crate::store::NOT_HERE;
use crate::{capture, config, exchange, fsx, ops, registry, remote, repo, store};

/// What the printer adds to an error's own words.
pub(super) struct Advice {
    pub(super) kind: &'static str,
    pub(super) code: u8,
    pub(super) hint: Option<String>,
}

impl Advice {
    pub(super) fn new(kind: &'static str, code: u8, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        Self {
            kind,
            code,
            hint: (!hint.is_empty()).then_some(hint),
        }
    }
}

pub(super) fn of_ops(error: &ops::Error) -> Advice {
    match error {
        ops::Error::Repo(error) => of_repo(error),
        ops::Error::Revision(error) => of_revision(error),
        ops::Error::Ref(error) => of_ref(error),
        ops::Error::History(error) => of_history(error),
        ops::Error::Store(error) => of_store(error),
        ops::Error::Capture(error) => of_capture(error),
        ops::Error::Config(error) => of_config(error),
        ops::Error::Registry(error) => match error {
            registry::Error::Io(error) => of_io(error),
            registry::Error::Lock(error) => of_lock(error),
        },
        ops::Error::Exchange(error) => of_exchange(error),
        ops::Error::Io(error) => of_io(error),
        ops::Error::Unreadable(_) => Advice::new(
            "unreadable",
            FAILED,
            "make them readable, stop what writes to them, name them in .snapignore, or leave them out this once with \
             --skip-unreadable; nothing was committed",
        ),
        ops::Error::Moved { .. } => Advice::new(
            "moved",
            FAILED,
            "let them name this place first: envgit checkout HEAD; what you changed besides is saved by it, and comes \
             back with: envgit restore --from autosave/N PATH",
        ),
        ops::Error::Unsaved(_) => Advice::new(
            "unreadable",
            FAILED,
            "nothing was changed; make them readable, as their owner or with sudo, or move them away, and do it again; \
             `envgit checkout --discard` gives up files of which the target has another",
        ),
        ops::Error::Inventory { .. } => Advice::new("damaged", DAMAGED, DAMAGED_HISTORY),
        ops::Error::Damaged(_) => Advice::new(
            "damaged",
            DAMAGED,
            "see all that is damaged with `envgit verify`; `envgit verify --repair` brings back what it can",
        ),
        ops::Error::Lost { reason, .. } if reason == NOT_HERE => Advice::new(
            "damaged",
            DAMAGED,
            "get it from a remote with `envgit fetch --missing` (a clone of the history alone has no layers); else see \
             what depends on it with `envgit verify`",
        ),
        ops::Error::Lost { .. } => Advice::new("damaged", DAMAGED, DAMAGED_LAYER),
        ops::Error::NotEqual { .. } => Advice::new(
            "not-equal",
            FAILED,
            "something else changed these files meanwhile; stop it and run the same checkout again",
        ),
        ops::Error::HalfWay { remedy, .. } => Advice::new(
            "half-way",
            FAILED,
            format!("{remedy}; the next command finishes the change, such as: envgit status"),
        ),
        ops::Error::InTheWay { .. } => Advice::new(
            "in-the-way",
            FAILED,
            "move them away, or overwrite them with --discard; nothing was changed",
        ),
        ops::Error::NoSpace { .. } => Advice::new(
            "no-space",
            FAILED,
            "free some space on that file system and try again; nothing was changed",
        ),
        ops::Error::NoSuchRoot { .. } => Advice::new(
            "no-such-root",
            FAILED,
            "see `envgit root list`; add one with `envgit root add NAME=PATH`",
        ),
        ops::Error::NoSuchPackage { near, .. } => Advice::new(
            "no-such-package",
            FAILED,
            match near.as_slice() {
                [] => "see `envgit packages` for what there is".to_owned(),
                near => format!("did you mean {}?", either(near)),
            },
        ),
        ops::Error::NoSuchPath { .. } => Advice::new(
            "no-such-path",
            FAILED,
            "list what there is with `envgit ls REV`; paths count from the current folder, or write ROOT:PATH",
        ),
        ops::Error::InUse { .. } => Advice::new(
            "in-use",
            FAILED,
            "stop them, have envgit stop and start them (`envgit config service.systemd UNIT`), or go on with --force: \
             they then keep the old files until they end; nothing was changed",
        ),
        ops::Error::Service(_) => Advice::new(
            "service",
            FAILED,
            "see the settings with `envgit config`; nothing was changed, and what had been stopped was started again unless a \
             warning says otherwise",
        ),
        ops::Error::Signing(_) => Advice::new(
            "signing",
            FAILED,
            "the key is -S KEY or `envgit config user.signing_key`; a key with a passphrase wants a terminal or an ssh \
             agent, and ssh-keygen must be at least 8.9; nothing was changed",
        ),
        ops::Error::Untrusted { .. } => Advice::new(
            "untrusted",
            FAILED,
            "ask whoever made them to sign (`envgit commit -S`, `envgit tag -s`), or allow their key in the file of \
             signers; nothing was changed",
        ),
        ops::Error::Secrets(_) => Advice::new(
            "secrets",
            FAILED,
            "nothing was sent. What is in a commit stays in it: revoke the secret, take it out of the file and start \
             the branch anew without these commits; or send it all the same with --allow-secrets, or allow one for good: \
             envgit config push.allowed_secrets 'PLACE:KIND'",
        ),
        ops::Error::NoReason => Advice::new("no-reason", USAGE, "say why with --reason TEXT"),
        ops::Error::Declined => Advice::new("declined", FAILED, ""),
        ops::Error::Refused { hint, .. } => Advice::new("refused", FAILED, hint.clone().unwrap_or_default()),
    }
}

const DAMAGED_HISTORY: &str = "see all that is damaged with `envgit verify`; `envgit verify --repair` brings back what \
                               it can";

const DAMAGED_LAYER: &str = "see what depends on it with `envgit verify`; `envgit verify --repair` brings back what live \
                             files, pins, other layers and remotes have; commits that need nothing of it still work";

pub(super) fn of_repo(error: &repo::Error) -> Advice {
    match error {
        repo::Error::NotFound { .. } => Advice::new(
            "not-a-repository",
            FAILED,
            "make one in the project folder with `envgit init`, or name one with -C DIR or ENVGIT_DIR",
        ),
        repo::Error::NotARepository { .. } => Advice::new(
            "not-a-repository",
            FAILED,
            "ENVGIT_DIR must name a .envgit folder or the folder that holds one",
        ),
        repo::Error::Unfinished { .. } => Advice::new(
            "exists",
            FAILED,
            "finish it: envgit clone ADDRESS FOLDER, as before; or remove that folder and begin anew",
        ),
        repo::Error::Exists { .. } => Advice::new(
            "exists",
            FAILED,
            "add what it should also hold with `envgit root add NAME=PATH`, then `envgit commit`",
        ),
        repo::Error::Newer { .. } => Advice::new("newer-format", FAILED, "upgrade envgit; nothing was changed"),
        repo::Error::Format { .. } => Advice::new(
            "damaged",
            DAMAGED,
            "bring the file back from a backup; a new repository has {\"version\":1} in it",
        ),
        repo::Error::Config(error) => of_config(error),
        repo::Error::History(error) => of_history(error),
        repo::Error::Store(error) => of_store(error),
        repo::Error::Lock(error) => of_lock(error),
        repo::Error::Io(error) => of_io(error),
    }
}

fn of_revision(error: &RevisionError) -> Advice {
    match error {
        RevisionError::Unknown { near, .. } if near.is_empty() => Advice::new(
            "unknown-revision",
            FAILED,
            "see `envgit log --oneline`, `envgit branch` and `envgit tag` for what there is",
        ),
        RevisionError::Unknown { near, .. } => {
            Advice::new("unknown-revision", FAILED, format!("did you mean {}?", either(near)))
        }
        RevisionError::Ambiguous { candidates, .. } => {
            let lines = candidates.iter().map(|(id, subject)| format!("\n  {id} {subject}"));
            let lines: String = lines.collect();
            Advice::new("ambiguous-revision", FAILED, format!("write more of the id:{lines}"))
        }
        RevisionError::NotACommit { .. } => Advice::new(
            "not-a-commit",
            FAILED,
            "name one commit, such as HEAD~1, a tag or a branch; a file of it is shown by `envgit cat REV:PATH`",
        ),
        RevisionError::NoGood { .. } => Advice::new(
            "no-good-commit",
            FAILED,
            "set a check with `envgit config service.health COMMAND` and run `envgit health` while all is well",
        ),
        RevisionError::NoCommits { .. } => Advice::new(
            "no-commits",
            FAILED,
            "record the present state with `envgit commit -m MESSAGE`",
        ),
        RevisionError::History(error) => of_history(error),
    }
}

/// `a`, `a or b`, `a, b or c`.
fn either(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

fn of_ref(error: &RefError) -> Advice {
    match error {
        RefError::BadName { .. } => Advice::new(
            "bad-name",
            USAGE,
            "use letters, digits, '-', '_', '.' and '/', such as before-torch-2.9",
        ),
        RefError::Locked { .. } => Advice::new(
            "locked",
            LOCKED,
            "try again; if no envgit or git runs, remove the .lock file in .envgit/history",
        ),
        RefError::Moved { .. } => Advice::new("ref-moved", FAILED, "another process moved it; look again and retry"),
        RefError::Occupied { .. } => Advice::new("name-taken", FAILED, "choose another name"),
        RefError::Detached => Advice::new(
            "detached",
            FAILED,
            "go onto a branch with `envgit checkout main`, or start one here with `envgit checkout -b NAME`",
        ),
        RefError::Write { .. } => Advice::new("history", FAILED, ""),
        RefError::History(error) => of_history(error),
        RefError::Io(error) => of_io(error),
    }
}

fn of_history(error: &history::Error) -> Advice {
    match error {
        history::Error::Missing { .. } | history::Error::Read { .. } | history::Error::Damaged { .. } => {
            Advice::new("damaged", DAMAGED, DAMAGED_HISTORY)
        }
        history::Error::Refused { .. } => Advice::new("refused", FAILED, ""),
        history::Error::Open { .. } => Advice::new("damaged", DAMAGED, "bring .envgit/history back from a backup"),
        history::Error::Io(error) => of_io(error),
        history::Error::BadPath { .. } | history::Error::FileAndDirectory { .. } => Advice::new(
            "bad-path",
            FAILED,
            "rename it, or name it in .snapignore; nothing was committed",
        ),
        history::Error::Create { .. } | history::Error::Write { .. } => Advice::new("history", FAILED, ""),
    }
}

fn of_store(error: &store::Error) -> Advice {
    match error {
        store::Error::Io(error) => of_io(error),
        store::Error::Lost { .. } => Advice::new("lacking", FAILED, "try again; what came is kept"),
    }
}

fn of_exchange(error: &exchange::Error) -> Advice {
    use exchange::Error as E;
    match error {
        E::Remote(error) => of_remote(error),
        E::History(error) => of_history(error),
        E::Ref(error) => of_ref(error),
        E::Store(error) => of_store(error),
        E::Io(error) => of_io(error),
        E::Nothing { .. } => Advice::new(
            "nothing-there",
            FAILED,
            "look at the address; a remote comes into being with the first `envgit push`",
        ),
        E::Refused { .. } => Advice::new(
            "refused",
            FAILED,
            "it was damaged on the way or there, or somebody tampered with it; nothing of it is used",
        ),
        E::Rewritten { .. } => Advice::new(
            "rewritten",
            FAILED,
            "ask who did it; if that was meant, forget what was seen: envgit remote set-url NAME URL",
        ),
        E::Lacking { .. } => Advice::new(
            "lacking",
            FAILED,
            "get what others have with `envgit fetch --missing`, and see what is damaged with `envgit verify`",
        ),
        E::Busy { .. } => Advice::new("busy", LOCKED, "try again in a minute"),
        E::NoSpace { .. } => Advice::new(
            "no-space",
            FAILED,
            "free some space on that file system and try again; what came is kept",
        ),
    }
}

fn of_remote(error: &remote::Error) -> Advice {
    use remote::Error as E;
    match error {
        E::Address { .. } => Advice::new("address", USAGE, ""),
        E::Denied { .. } => Advice::new("denied", FAILED, ""),
        E::ReadOnly { .. } => Advice::new(
            "read-only",
            FAILED,
            "push to another remote, or ask for the right to write",
        ),
        E::Absent { .. } => Advice::new(
            "absent",
            FAILED,
            "it went meanwhile, or was never written: try again, and ask who cares for the remote",
        ),
        E::NoPlace { .. } => Advice::new(
            "remote",
            FAILED,
            "mount or make it, or correct the address with `envgit remote`; what came or went is kept",
        ),
        _ => Advice::new(
            "remote",
            FAILED,
            "try again; what came or went before the line broke is kept",
        ),
    }
}

fn of_capture(error: &capture::scan::Error) -> Advice {
    match error {
        capture::scan::Error::Root { name, .. } => Advice::new(
            "root",
            FAILED,
            format!(
                "bring the folder back, say where it is with `envgit config roots.{name}.path PATH`, or give it up with \
                 `envgit root remove {name}`"
            ),
        ),
        capture::scan::Error::Elsewhere { name, .. } => Advice::new(
            "unmounted",
            FAILED,
            format!(
                "mount its file system again; if it is meant to stand here now, remove .envgit/cache/state/{name}; nothing \
                 was changed"
            ),
        ),
        capture::scan::Error::Ignored(_) => Advice::new("snapignore", FAILED, "correct .snapignore, or move it away"),
    }
}

pub(super) fn of_config(error: &config::Error) -> Advice {
    use config::Error as E;
    match error {
        E::Io(error) => of_io(error),
        E::Syntax { .. } | E::UnknownKey { .. } | E::Value { .. } => {
            Advice::new("config", FAILED, "correct that line of the file; nothing was changed")
        }
        E::NoSetting { .. } | E::BadValue { .. } => Advice::new("config", USAGE, ""),
        E::NoRoot { .. } => Advice::new("no-such-root", FAILED, ""),
        E::NameTaken { .. } | E::PathTaken { .. } | E::NotText { .. } => Advice::new("config", FAILED, ""),
    }
}

pub(super) fn of_lock(error: &fsx::lock::Error) -> Advice {
    match error {
        fsx::lock::Error::Held { .. } => Advice::new(
            "locked",
            LOCKED,
            "wait for it to end and try again; `envgit config lock.wait SECONDS` makes envgit wait longer",
        ),
        fsx::lock::Error::Io(error) => of_io(error),
    }
}

pub(super) fn of_io(error: &fsx::Error) -> Advice {
    match error.source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Advice::new("no-space", FAILED, "free some space on that file system and try again")
        }
        io::ErrorKind::PermissionDenied => Advice::new("io", FAILED, "you need permission for that path"),
        io::ErrorKind::ReadOnlyFilesystem => Advice::new("io", FAILED, "that file system can only be read"),
        _ => Advice::new("io", FAILED, ""),
    }
}
