//! `envgit show`

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::history::ShowJson;
use crate::cli::render::history::show as render;
use crate::ops::log::show;
use crate::ops::report::HeadReport;

/// Show one commit in full: its roots and system, and what it changed.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The commit.
    #[arg(value_name = "REV", default_value = "HEAD")]
    rev: String,
}

/// Shows.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let report = show(&mut cmd.session("show", &bars)?, &args.rev)?;
    if cmd.ui.volume.json {
        cmd.ui.json(&ShowJson::of(&report))?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = report
        .changes
        .as_ref()
        .map_or_else(HeadReport::default, |diff| diff.head.clone());
    let theme = cmd.ui.theme;
    cmd.ui.print(&render(&report, &head, &theme))?;
    Ok(ExitCode::SUCCESS)
}
