//! `envgit rescue`.

use std::process::ExitCode;

use crate::cli::consent::Asking;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::render;
use crate::ops::checkout::CheckoutOptions;
use crate::ops::rescue::rescue;

/// Bring back the commit that was found good most recently.
///
/// It tells what it will undo, asks on a terminal, and goes there in one step. What no commit holds is recorded first,
/// as with every checkout, and envgit undo leads back.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Show what would be done and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    /// Go on although processes have files open that will be replaced: they keep the old ones until they end.
    #[arg(long)]
    force: bool,
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT", default_value = "rescue")]
    reason: String,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("rescue", &bars)?;
    let report = rescue(&mut session)?;
    drop(session);
    drop(bars);
    let lead = render::undo::rescue(&report, &cmd.ui.theme);
    cmd.ui.note(lead.trim_end());
    let options = CheckoutOptions {
        rev: report.rev.clone(),
        dry_run: args.dry_run,
        force: args.force,
        reason: Some(args.reason.clone()),
        cwd: cmd.world.cwd.clone(),
        ..CheckoutOptions::default()
    };
    let asking = if args.yes { Asking::Never } else { Asking::Always };
    super::checkout::perform(cmd, &options, asking)
}
