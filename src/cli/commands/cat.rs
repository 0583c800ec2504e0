//! `envgit cat`

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::ops::inspect::cat;

/// Write one recorded file to the output.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit cat pre-upgrade-torch29:glm/configs/G2P_replace_dict.jsonl
  envgit cat HEAD~1:configs/app.yaml      when only one root has that path")]
pub(in crate::cli) struct Args {
    /// The state and the file: REV:ROOT/PATH. The target of a symlink is written as text.
    #[arg(value_name = "REV:PATH")]
    spec: String,
}

/// Writes.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("cat", &bars)?;
    cat(&mut session, &args.spec, cmd.ui.raw())?;
    Ok(ExitCode::SUCCESS)
}
