//! What is said when a command fails, and with which exit code. The remedies stand in `advice.rs`.

use std::error::Error as StdError;
use std::io;
use std::process::ExitCode;

use super::advice::{self, Advice};
use super::json::error::ErrorJson;
use super::theme::{Theme, paint};
use super::ui::Ui;
use crate::{capture, config, demo, fsx, ops, repo};

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

    /// What another repository refused.
    pub(super) fn rejected(message: impl Into<String>) -> Self {
        Self {
            kind: "rejected",
            code: FAILED,
            ..Self::usage(message)
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
        let mut text = format!("{} {}\n", paint(theme.error, "error:"), theme.foreign(&self.message));
        for cause in &self.causes {
            text.push_str(&format!("  caused by: {}\n", theme.foreign(cause)));
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
        Self::new(&error, advice::of_ops(&error))
    }
}

impl From<repo::Error> for CliError {
    fn from(error: repo::Error) -> Self {
        Self::new(&error, advice::of_repo(&error))
    }
}

impl From<config::Error> for CliError {
    fn from(error: config::Error) -> Self {
        Self::new(&error, advice::of_config(&error))
    }
}

impl From<fsx::Error> for CliError {
    fn from(error: fsx::Error) -> Self {
        Self::new(&error, advice::of_io(&error))
    }
}

impl From<fsx::lock::Error> for CliError {
    fn from(error: fsx::lock::Error) -> Self {
        Self::new(&error, advice::of_lock(&error))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::RevisionError;

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
