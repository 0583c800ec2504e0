//! `envgit man`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::fsx::{self, Context as _};

/// Write the manual pages, one a command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit man ~/.local/share/man/man1 && man envgit-checkout")]
pub(in crate::cli) struct Args {
    /// The folder to write them to.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let dir = cmd.world.cwd.join(&args.dir);
    fsx::create_dir_all(&dir)?;
    clap_mangen::generate_to(crate::cli::command(), &dir).at("write manual pages to", &dir)?;
    cmd.ui.note(&format!("Wrote the manual pages to {}", dir.display()));
    Ok(ExitCode::SUCCESS)
}
