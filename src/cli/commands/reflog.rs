//! `envgit reflog`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::reflog::reflog;

/// Show where HEAD or a branch has been.
///
/// Every entry can be named as a revision: envgit checkout HEAD@{1}, envgit diff main@{2}.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The branch; HEAD when absent.
    #[arg(value_name = "REF")]
    name: Option<String>,
    /// Show at most so many entries.
    #[arg(short = 'n', long, value_name = "N")]
    max_count: Option<usize>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("reflog", &bars)?;
    let mut entries = reflog(&mut session, args.name.as_deref())?;
    entries.truncate(args.max_count.unwrap_or(usize::MAX));
    if cmd.ui.volume.json {
        cmd.ui.json(&json::control::ReflogJson::of(&entries))?;
    } else {
        let text = render::undo::reflog(&entries, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
