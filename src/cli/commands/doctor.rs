//! `envgit doctor`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::doctor::doctor;

/// Check what keeps envgit from being at its best here, and say what would help.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {}

pub(super) fn run(cmd: &mut CommandContext<'_>, _: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let session = cmd.session("doctor", &bars)?;
    let report = doctor(&session);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::pins::DoctorJson::of(&report))?;
    } else {
        let text = render::pins::doctor(&report);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
