//! `envgit layers`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::inspect::layers;

/// List the layers that hold the content of a commit and of those before it.
///
/// A layer is a plain tar archive compressed with zstd: zstd -dc FILE | tar tv lists it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The commit; the current one when absent.
    #[arg(value_name = "REV")]
    rev: Option<String>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("layers", &bars)?;
    let report = layers(&mut session, args.rev.as_deref())?;
    if cmd.ui.volume.json {
        cmd.ui.json(&json::lists::LayersJson::of(&report))?;
    } else {
        let text = render::lists::layers(&report, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
