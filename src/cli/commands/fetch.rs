//! `envgit fetch`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::fetch::{FetchOptions, fetch};

/// Get what another repository has and this one lacks.
///
/// Branches over there are known here as REMOTE/BRANCH afterwards; the live state and the branches here stay as they
/// are. All that comes is checked before it is used, and a fetch that was cut off goes on where it stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit fetch
  envgit fetch ada && envgit diff main ada/main
  envgit fetch --missing            the layers too, after `envgit clone --history`")]
pub(in crate::cli) struct Args {
    /// The remote; that which the current branch follows, else origin, when absent.
    #[arg(value_name = "REMOTE")]
    remote: Option<String>,
    /// Also get the layers that anything here lacks.
    #[arg(long)]
    missing: bool,
    /// Forget branches that are no longer over there.
    #[arg(short, long)]
    prune: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("fetch", &bars)?;
    let options = FetchOptions {
        remote: args.remote.clone(),
        missing: args.missing,
        prune: args.prune,
    };
    let report = fetch(&mut session, &options)?;
    let history = session.repo.history();
    if cmd.ui.volume.json {
        cmd.ui.json(&json::exchange::FetchJson::of(&report))?;
    } else {
        let text = render::exchange::fetch(&report, history, &cmd.ui.theme);
        cmd.ui.print(&text)?;
        if report.history_only && !report.refs.is_empty() {
            cmd.ui
                .hint("only the history came; the layers come with: envgit fetch --missing");
        }
    }
    Ok(ExitCode::SUCCESS)
}
