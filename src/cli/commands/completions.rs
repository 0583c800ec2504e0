//! `envgit completions`.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;

/// Write the completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit completions bash > ~/.local/share/bash-completion/completions/envgit
  envgit completions zsh > ~/.zfunc/_envgit
  envgit completions fish > ~/.config/fish/completions/envgit.fish")]
pub(in crate::cli) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::command(), "envgit", &mut script);
    cmd.ui.raw().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
