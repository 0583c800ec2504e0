//! Where a command's words go: data to standard output, talk to standard error.

use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;

use super::error::CliError;
use super::theme::{Theme, paint};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much a command tells, and to whom.
#[derive(Clone, Copy, Debug, Default)]
pub struct Volume {
    /// JSON for programs.
    pub json: bool,
    /// No hints, no progress.
    pub quiet: bool,
    /// More detail.
    pub verbose: bool,
}

/// The ends of a command: two writers and how to write on them.
pub struct Ui {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    pub(super) volume: Volume,
    /// Styles of the output.
    pub(super) theme: Theme,
    err_theme: Theme,
    is_interactive: bool,
    is_err_terminal: bool,
}

impl Ui {
    /// On the process's own streams.
    pub fn of_process(color: ColorChoice, volume: Volume) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let theme = |auto: bool| match color {
            ColorChoice::Always => Theme::color(),
            ColorChoice::Auto if auto => Theme::color(),
            _ => Theme::plain(),
        };
        let wants = |choice: anstream::ColorChoice| choice != anstream::ColorChoice::Never;
        Self {
            theme: theme(wants(anstream::AutoStream::choice(&stdout))).shown(stdout.is_terminal()),
            err_theme: theme(wants(anstream::AutoStream::choice(&stderr))).shown(stderr.is_terminal()),
            is_interactive: io::stdin().is_terminal() && stderr.is_terminal(),
            is_err_terminal: stderr.is_terminal(),
            out: Box::new(BufWriter::new(stdout)),
            err: Box::new(stderr),
            volume,
        }
    }

    /// On given writers, which are no terminals.
    pub fn on(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, color: ColorChoice, volume: Volume) -> Self {
        let theme = match color {
            ColorChoice::Always => Theme::color(),
            _ => Theme::plain(),
        };
        Self {
            out,
            err,
            volume,
            theme,
            err_theme: theme,
            is_interactive: false,
            is_err_terminal: false,
        }
    }

    /// Writes text for people to the output.
    pub(super) fn print(&mut self, text: &str) -> Result<(), CliError> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// Writes one JSON value as a line to the output.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        serde_json::to_writer(&mut self.out, value).map_err(io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }

    /// The output, for bytes that are not text.
    pub(super) fn raw(&mut self) -> &mut (dyn Write + Send) {
        &mut self.out
    }

    /// Says something on the side. A standard error that is gone is no reason to fail.
    pub(super) fn note(&mut self, text: &str) {
        if !self.volume.quiet && !self.volume.json {
            let _ = self.out.flush();
            let _ = writeln!(self.err, "{text}");
        }
    }

    /// Names the next command or a remedy.
    pub(super) fn hint(&mut self, text: &str) {
        let word = paint(self.err_theme.hint, "hint:");
        self.note(&format!("{word} {text}"));
    }

    /// Says what the user should know, also when quiet. With JSON, the report holds it.
    pub(super) fn warn(&mut self, text: &str) {
        if !self.volume.json {
            let _ = self.out.flush();
            let word = paint(self.err_theme.warning, "warning:");
            let _ = writeln!(self.err, "{word} {}", self.err_theme.foreign(text));
        }
    }

    /// [`Ui::warn`] for each.
    pub(super) fn warn_all(&mut self, warnings: &[String]) {
        for warning in warnings {
            self.warn(warning);
        }
    }

    /// Writes to standard error whatever the volume: for errors.
    pub(super) fn complain(&mut self, text: &str) {
        let _ = self.out.flush();
        let _ = self.err.write_all(text.as_bytes());
        let _ = self.err.flush();
    }

    /// Styles of standard error.
    pub(super) fn err_theme(&self) -> Theme {
        self.err_theme
    }

    /// Whether somebody can be asked.
    pub(super) fn can_ask(&self) -> bool {
        self.is_interactive && !self.volume.json
    }

    /// Whether bars can be drawn.
    pub(super) fn can_draw(&self) -> bool {
        self.is_err_terminal && !self.volume.json && !self.volume.quiet
    }

    /// Writes out what is buffered.
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        Ok(self.out.flush()?)
    }
}
