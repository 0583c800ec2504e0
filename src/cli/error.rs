//! What is said when a command fails: the only place with exit codes and remedies.

use std::error::Error as StdError;
use std::io;
use std::process::ExitCode;

use super::json::error::ErrorJson;
use super::theme::{Theme, paint};
use super::ui::Ui;
use crate::history::{self, RefError, RevisionError};
use crate::{capture, config, demo, fsx, ops, registry, repo, store};

/// The operation failed.
pub(super) const FAILED: u8 = 1;
/// The arguments are wrong.
pub(super) const USAGE: u8 = 2;
/// Another process works on the repository.
pub(super) const LOCKED: u8 = 3;
/// The repository or a layer is damaged.
pub(super) const DAMAGED: u8 = 4;

/// Why a command failed, as its user is told.
#[derive(Debug)]
pub struct CliError {
    /// A stable word for programs.
    pub(super) kind: &'static str,
    /// What went wrong.
    pub(super) message: String,
    /// Why, from near to far.
    pub(super) causes: Vec<String>,
    /// What to do about it.
    pub(super) hint: Option<String>,
    pub(super) code: u8,
}

/// What the printer adds to an error's own words.
struct Advice {
    kind: &'static str,
    code: u8,
    hint: Option<String>,
}

impl Advice {
    fn new(kind: &'static str, code: u8, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        Self {
            kind,
            code,
            hint: (!hint.is_empty()).then_some(hint),
        }
    }
}

impl CliError {
    /// Wrong arguments.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            kind: "usage",
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            code: USAGE,
        }
    }

    /// The same with a remedy.
    pub(super) fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn new(error: &(dyn StdError + 'static), advice: Advice) -> Self {
        let message = error.to_string();
        let mut causes: Vec<String> = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some libraries repeat their cause in their own words.
            if !message.ends_with(&text) && causes.last() != Some(&text) {
                causes.push(text);
            }
            source = cause.source();
        }
        Self {
            kind: advice.kind,
            message,
            causes,
            hint: advice.hint,
            code: advice.code,
        }
    }

    /// Tells the user and gives the exit code.
    pub(super) fn report(&self, ui: &mut Ui) -> ExitCode {
        if self.kind == BROKEN_PIPE {
            return ExitCode::SUCCESS;
        }
        if ui.volume.json {
            let mut line = serde_json::to_string(&ErrorJson::of(self)).unwrap_or_default();
            line.push('\n');
            ui.complain(&line);
        } else {
            let text = self.text(&ui.err_theme());
            ui.complain(&text);
        }
        ExitCode::from(self.code)
    }

    fn text(&self, theme: &Theme) -> String {
        let mut text = format!("{} {}\n", paint(theme.error, "error:"), self.message);
        for cause in &self.causes {
            text.push_str(&format!("  caused by: {cause}\n"));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("{} {hint}\n", paint(theme.hint, "hint:")));
        }
        text
    }
}

/// Somebody stopped reading: no failure.
const BROKEN_PIPE: &str = "broken-pipe";

/// Of the output.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::BrokenPipe => BROKEN_PIPE,
            _ => "output",
        };
        Self {
            message: "cannot write the output".to_owned(),
            causes: vec![error.to_string()],
            kind,
            hint: None,
            code: FAILED,
        }
    }
}

impl From<ops::Error> for CliError {
    fn from(error: ops::Error) -> Self {
        Self::new(&error, of_ops(&error))
    }
}

impl From<repo::Error> for CliError {
    fn from(error: repo::Error) -> Self {
        Self::new(&error, of_repo(&error))
    }
}

impl From<config::Error> for CliError {
    fn from(error: config::Error) -> Self {
        Self::new(&error, of_config(&error))
    }
}

impl From<fsx::Error> for CliError {
    fn from(error: fsx::Error) -> Self {
        Self::new(&error, of_io(&error))
    }
}

impl From<fsx::lock::Error> for CliError {
    fn from(error: fsx::lock::Error) -> Self {
        Self::new(&error, of_lock(&error))
    }
}

impl From<demo::wheel::Error> for CliError {
    fn from(error: demo::wheel::Error) -> Self {
        Self::new(&error, Advice::new("demo", FAILED, ""))
    }
}

impl From<capture::detect::SpecError> for CliError {
    fn from(error: capture::detect::SpecError) -> Self {
        use capture::detect::SpecError::{NoDirectory, Shape, Word};
        let hint = match &error {
            Shape { .. } => "for example --root env=/opt/conda/envs/glm:conda",
            Word { .. } | NoDirectory { .. } => "",
        };
        Self::new(&error, Advice::new("usage", USAGE, hint))
    }
}

fn of_ops(error: &ops::Error) -> Advice {
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
        ops::Error::Io(error) => of_io(error),
        ops::Error::Unreadable(_) => Advice::new(
            "unreadable",
            FAILED,
            "make them readable, name them in .snapignore, or leave them out this once with --skip-unreadable; \
             nothing was committed",
        ),
        ops::Error::Inventory { .. } => Advice::new("damaged", DAMAGED, DAMAGED_HISTORY),
        ops::Error::Lost { .. } => Advice::new("damaged", DAMAGED, DAMAGED_LAYER),
        ops::Error::NotEqual { .. } => Advice::new(
            "not-equal",
            FAILED,
            "something else changed these files meanwhile; stop it and run the same checkout again",
        ),
        ops::Error::InTheWay { .. } => Advice::new(
            "in-the-way",
            FAILED,
            "move them away, or overwrite them with --discard; nothing was changed",
        ),
        ops::Error::Moved { .. } => Advice::new(
            "moved",
            FAILED,
            "envgit config roots.NAME.path says where a root stands: move the folder back there, or restore on the \
             machine that recorded it; nothing was changed",
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
        ops::Error::NoSuchPath { .. } => Advice::new(
            "no-such-path",
            FAILED,
            "list what there is with `envgit ls REV`; paths count from the current folder, or write ROOT:PATH",
        ),
        ops::Error::Declined => Advice::new("declined", FAILED, ""),
        ops::Error::Refused { hint, .. } => Advice::new("refused", FAILED, hint.clone().unwrap_or_default()),
    }
}

const DAMAGED_HISTORY: &str = "see what else is with `git -C .envgit/history fsck --full`; bring .envgit back from a \
                               backup, or check out another commit";

const DAMAGED_LAYER: &str = "bring the layer's file back from a backup of .envgit/layers; commits that need nothing \
                             of it still work";

fn of_repo(error: &repo::Error) -> Advice {
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
            "go onto a branch with `envgit checkout main`, or start one with `envgit checkout -b NAME HEAD`",
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
        store::Error::Damaged { .. } => Advice::new("damaged", DAMAGED, DAMAGED_LAYER),
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
        capture::scan::Error::Ignored(_) => Advice::new("snapignore", FAILED, "correct that line of .snapignore"),
    }
}

fn of_config(error: &config::Error) -> Advice {
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

fn of_lock(error: &fsx::lock::Error) -> Advice {
    match error {
        fsx::lock::Error::Held { .. } => Advice::new(
            "locked",
            LOCKED,
            "wait for it to end and try again; `envgit config lock.wait SECONDS` makes envgit wait longer",
        ),
        fsx::lock::Error::Io(error) => of_io(error),
    }
}

fn of_io(error: &fsx::Error) -> Advice {
    match error.source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Advice::new("no-space", FAILED, "free some space on that file system and try again")
        }
        io::ErrorKind::PermissionDenied => Advice::new("io", FAILED, "you need permission for that path"),
        io::ErrorKind::ReadOnlyFilesystem => Advice::new("io", FAILED, "that file system can only be read"),
        _ => Advice::new("io", FAILED, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: impl Into<CliError>) -> (u8, String) {
        let error = error.into();
        (error.code, error.text(&Theme::plain()))
    }

    #[test]
    fn near_names_are_offered() {
        let error = RevisionError::Unknown {
            rev: "mian".to_owned(),
            near: vec!["main".to_owned(), "v1".to_owned()],
        };
        let (code, text) = told(ops::Error::from(error));
        assert_eq!(code, FAILED);
        assert_eq!(
            text,
            "error: unknown revision \"mian\"\nhint: did you mean main or v1?\n"
        );
    }

    #[test]
    fn candidates_are_listed() {
        let error = RevisionError::Ambiguous {
            rev: "1a".to_owned(),
            candidates: vec![("1a2b3c4d".to_owned(), "works".to_owned())],
        };
        let (_, text) = told(ops::Error::from(error));
        assert_eq!(
            text,
            "error: \"1a\" is the beginning of several ids\nhint: write more of the id:\n  1a2b3c4d works\n"
        );
    }

    #[test]
    fn the_holder_of_the_lock_is_named() {
        let error = fsx::lock::Error::Held {
            path: "/p/.envgit/lock".into(),
            holder: "envgit commit (process 7)".to_owned(),
        };
        let (code, text) = told(ops::Error::from(repo::Error::from(error)));
        assert_eq!(code, LOCKED);
        assert!(text.starts_with("error: /p/.envgit/lock is locked by envgit commit (process 7)\nhint: wait"));
    }

    #[test]
    fn causes_follow_once() {
        let error = fsx::Error {
            action: "write",
            path: "/full/x".into(),
            source: io::Error::from(io::ErrorKind::StorageFull),
        };
        let (_, text) = told(ops::Error::from(error));
        assert_eq!(
            text,
            "error: cannot write /full/x\n  caused by: no storage space\nhint: free some space on that file system and \
             try again\n"
        );
    }
}
