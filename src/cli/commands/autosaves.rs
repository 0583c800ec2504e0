//! `envgit autosaves`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::autosaves::autosaves;

/// List the states that were recorded before a checkout because no commit held them.
///
/// Each can be brought back with envgit checkout NAME. They are kept while they are among the newest autosave.keep, or
/// younger than autosave.keep_days; nothing removes one before.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {}

pub(super) fn run(cmd: &mut CommandContext<'_>, _: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("autosaves", &bars)?;
    let report = autosaves(&mut session)?;
    if cmd.ui.volume.json {
        cmd.ui.json(&json::control::AutosavesJson::of(&report))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = render::undo::autosaves(&report, &cmd.ui.theme);
    cmd.ui.print(&text)?;
    if let Some(newest) = report.autosaves.first() {
        let name = &newest.name;
        cmd.ui.hint(&format!(
            "bring one back with: envgit checkout {name}; compare it with: envgit diff {name}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}
