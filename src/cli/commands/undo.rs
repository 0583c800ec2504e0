//! `envgit undo`.

use std::process::ExitCode;

use crate::cli::consent::{Asking, Beforehand, consent};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::undo::{UndoOptions, operations, undo};

/// Undo the last checkout, commit, or change of tags and branches.
///
/// A checkout is undone by bringing back the state before it, recorded or not. A commit is undone by moving its branch
/// back: the files stay as they are. Every undo can be undone with `envgit redo`, and nothing is lost by either: what
/// no commit holds is recorded first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit undo                  step back
  envgit undo --list           what was done, and what the next undo undoes
  envgit undo --dry-run")]
pub(in crate::cli) struct Args {
    /// List what was done, newest first, and do nothing. `>` marks what the next undo undoes.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    how: How,
}

/// How to step; the same for `redo`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct How {
    /// Show what would be done and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    beforehand: Beforehand,
}

impl How {
    /// Steps.
    pub(super) fn step(&self, cmd: &mut CommandContext<'_>, redo: bool) -> Result<ExitCode, CliError> {
        let options = UndoOptions {
            redo,
            dry_run: self.dry_run,
            force: self.beforehand.force,
            reason: self.beforehand.reason.clone(),
        };
        perform(cmd, &options, self.beforehand.asking())
    }
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    if !args.list {
        return args.how.step(cmd, false);
    }
    let bars = cmd.bars();
    let mut session = cmd.session("undo", &bars)?;
    let report = operations(&mut session)?;
    if cmd.ui.volume.json {
        cmd.ui.json(&json::undo::OperationsJson::of(&report))?;
    } else {
        let text = render::undo::operations(&report, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Steps back or forth and tells of it.
pub(super) fn perform(
    cmd: &mut CommandContext<'_>,
    options: &UndoOptions,
    asking: Asking,
) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session(if options.redo { "redo" } else { "undo" }, &bars)?;
    let report = undo(&mut session, options, &mut |report| consent(cmd, report, asking))?;
    drop(session);
    drop(bars);
    let code = report
        .checkout
        .as_ref()
        .map_or(ExitCode::SUCCESS, super::checkout::ending);
    let (volume, theme) = (cmd.ui.volume, cmd.ui.theme);
    if volume.json {
        cmd.ui.json(&json::undo::UndoJson::of(&report, volume.verbose))?;
        return Ok(code);
    }
    if let Some(checkout) = &report.checkout {
        cmd.ui.warn_all(&checkout.warnings);
    }
    cmd.ui.print(&render::undo::undo(&report, &theme))?;
    if let Some(checkout) = &report.checkout {
        if let Some(health) = &checkout.health {
            cmd.ui.print(&render::checkout::health(health, &theme))?;
        }
        if let Some(problem) = &checkout.service_problem {
            cmd.ui.warn(problem);
        }
    }
    if !report.dry_run && !report.is_redo {
        cmd.ui.hint("take this back with: envgit redo");
    }
    Ok(code)
}
