//! `envgit completions`

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;

/// Write a completion script for a shell to the output.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit completions bash > ~/.local/share/bash-completion/completions/envgit
  envgit completions fish > ~/.config/fish/completions/envgit.fish")]
pub(in crate::cli) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Writes.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::command(), "envgit", &mut script);
    cmd.ui.print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
