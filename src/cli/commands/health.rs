//! `envgit health`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::{CliError, FAILED};
use crate::cli::{json, render};
use crate::ops::health::health;

/// Ask whether all is well, and remember the commit that it speaks for.
///
/// The check is service.health: a command, or an http:// address. When the live state is that of the current commit, a
/// good answer marks the commit as good, and a bad one takes its marks away. @good names the commit that was found good
/// most recently; envgit rescue brings it back. Ends with 1 when not all is well.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit config service.health http://localhost:8000/health
  envgit config service.health \"python -c 'import torch'\"
  envgit health
  envgit diff @good")]
pub(in crate::cli) struct Args {}

pub(super) fn run(cmd: &mut CommandContext<'_>, _: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("health", &bars)?;
    let report = health(&mut session)?;
    drop(session);
    drop(bars);
    let code = match report.outcome.healthy {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    };
    let theme = cmd.ui.theme;
    if cmd.ui.volume.json {
        cmd.ui.json(&json::control::HealthReportJson::of(&report))?;
        return Ok(code);
    }
    cmd.ui.print(&render::checkout::health(&report.outcome, &theme))?;
    let short = report.head.short.as_deref().unwrap_or_default();
    if report.differs {
        cmd.ui.hint(match report.head.commit {
            Some(_) => "the live state is in no commit, so no commit is marked; record it with: envgit commit",
            None => "nothing is committed yet, so no commit is marked; record it with: envgit commit",
        });
    } else if let Some(mark) = &report.marked {
        cmd.ui.print(&format!("{short} is marked as {mark}\n"))?;
    } else if !report.withdrawn.is_empty() {
        let marks = report.withdrawn.join(", ");
        cmd.ui
            .print(&format!("{short} is no longer marked as good (was {marks})\n"))?;
    }
    if !report.outcome.healthy {
        cmd.ui.hint("go back to the last good commit with: envgit rescue");
    }
    Ok(code)
}
