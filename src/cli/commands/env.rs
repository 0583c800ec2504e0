//! `envgit env`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::env::env;

/// Print what a shell must do to take over the variables of a state.
///
/// Variables that are set now, and of a kind that is recorded, but were not set then are unset. Secrets were never
/// recorded: they stand as comments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eval \"$(envgit env v1)\"
  envgit env v1 --shell fish | source")]
pub(in crate::cli) struct Args {
    /// The commit; the current one when absent.
    #[arg(value_name = "REV")]
    rev: Option<String>,
    /// Whose words to use.
    #[arg(long, value_enum, default_value = "sh", value_name = "SHELL")]
    shell: Shell,
}

/// A shell that variables can be printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Shell {
    /// sh, bash, zsh and others like them.
    Sh,
    /// fish.
    Fish,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    print(cmd, args.rev.as_deref().unwrap_or("HEAD"), args.shell)
}

/// Prints the variables of a revision.
pub(super) fn print(cmd: &mut CommandContext<'_>, rev: &str, shell: Shell) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let session = cmd.session("env", &bars)?;
    let report = env(&session, rev)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::env::EnvJson::of(&report))?;
    } else {
        let script = match shell {
            Shell::Sh => render::env::sh(&report),
            Shell::Fish => render::env::fish(&report),
        };
        cmd.ui.raw().write_all(&script)?;
    }
    Ok(ExitCode::SUCCESS)
}
