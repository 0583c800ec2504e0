//! `envgit pull`.

use std::process::ExitCode;

use super::checkout::{advise, ending, tell_plan};
use crate::cli::consent::{Beforehand, consent};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::pull::{PullOptions, Pulled, pull};

/// Fetch, and bring the live state where the branch's upstream went.
///
/// Only forward: if both sides have commits of their own, nothing is changed and it is said how to go on. What no commit
/// holds yet is recorded first, as with `envgit checkout`, and `envgit undo` leads back.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The remote; that which the current branch follows, else origin, when absent.
    #[arg(value_name = "REMOTE")]
    remote: Option<String>,
    #[command(flatten)]
    beforehand: Beforehand,
    /// When the health check fails afterwards, go back at once.
    #[arg(long)]
    auto_rollback: bool,
    /// Fetch, show what would change here, and change nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("pull", &bars)?;
    let options = PullOptions {
        remote: args.remote.clone(),
        force: args.beforehand.force,
        reason: args.beforehand.reason.clone(),
        auto_rollback: args.auto_rollback,
        dry_run: args.dry_run,
    };
    let asking = args.beforehand.asking();
    let report = pull(&mut session, &options, &mut |report| consent(cmd, report, asking))?;
    let fetched = render::exchange::fetch(&report.fetch, session.repo.history(), &cmd.ui.theme);
    drop(session);
    drop(bars);
    let (volume, theme) = (cmd.ui.volume, cmd.ui.theme);
    let code = match &report.pulled {
        Pulled::Forward(checkout) => ending(checkout),
        Pulled::UpToDate | Pulled::Ahead(_) => ExitCode::SUCCESS,
    };
    if volume.json {
        cmd.ui.json(&json::exchange::PullJson::of(&report, volume.verbose))?;
        return Ok(code);
    }
    if !report.fetch.is_empty() {
        cmd.ui.print(&fetched)?;
    }
    match &report.pulled {
        Pulled::Forward(checkout) if checkout.dry_run => tell_plan(cmd, checkout)?,
        Pulled::Forward(checkout) => {
            cmd.ui.warn_all(&checkout.warnings);
            cmd.ui.print(&render::checkout::done(checkout, &theme))?;
            advise(cmd, checkout);
            if let Some(line) = render::exchange::otherwise(&report.otherwise) {
                cmd.ui.hint(&line);
            }
        }
        _ => cmd.ui.print(&render::exchange::pulled(&report))?,
    }
    Ok(code)
}
