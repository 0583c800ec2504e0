//! `envgit gc`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::autosaves::expired;
use crate::ops::gc::{GcOptions, gc};

/// Remove layers of which nothing is needed any more.
///
/// Needed is what branches, tags, autosaves and other refs lead to (but for autosaves that are neither among the newest
/// nor young any more: `envgit autosaves` tells), and what the logs of HEAD and of branches have known
/// in the last `gc.keep_days` days. A layer stays whole as long as anything in it is needed. Commits that nothing leads
/// to stay in the history, which is small; only their content goes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Show what would be removed and remove nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("gc", &bars)?;
    let options = GcOptions {
        dry_run: args.dry_run,
        expired: expired(&session)?.into_iter().map(|known| known.name).collect(),
    };
    let report = gc(&mut session, &options)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::gc::GcJson::of(&report))?;
    } else {
        let text = render::gc::gc(&report, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
