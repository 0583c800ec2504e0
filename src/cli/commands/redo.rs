//! `envgit redo`.

use std::process::ExitCode;

use super::undo::How;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;

/// Do again what `envgit undo` undid last.
///
/// It brings back what stood before that undo, the live state included. After another operation there is nothing to do
/// again; `envgit autosaves` and `envgit reflog` still lead to every state.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    how: How,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    args.how.step(cmd, true)
}
