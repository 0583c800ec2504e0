//! `envgit verify`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::{CliError, DAMAGED, FAILED};
use crate::cli::{json, render};
use crate::ops::verify::{VerifyOptions, verify, verify_live};

/// Check that everything recorded is still there and is what it was.
///
/// Reads every layer from start to end, every object of the reachable history, all inventories, refs and logs, and the
/// audit log. With --live it compares the live files with a commit instead, reading every one of them. Exit code 4 says
/// that something is damaged, 1 that live files differ.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit verify                  everything in .envgit
  envgit verify --repair         bring back what live files, pins and other layers still have
  envgit verify --live           whether the live files are still those of the last commit
  envgit verify --live v1 -v     the same for a tag, file by file")]
pub(in crate::cli) struct Args {
    /// Compare the live files with a commit; the current one when absent.
    #[arg(long, value_name = "REV", num_args = 0..=1, default_missing_value = "HEAD")]
    live: Option<String>,
    /// With --live: only this root. May be repeated.
    #[arg(long = "root", value_name = "NAME", requires = "live")]
    roots: Vec<String>,
    /// Bring back what can be brought back. Damaged files are moved to .envgit/damaged, never deleted.
    #[arg(long, conflicts_with = "live")]
    repair: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    match &args.live {
        Some(rev) => live(cmd, args, rev),
        None => stored(cmd, args),
    }
}

fn stored(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("verify", &bars)?;
    let report = verify(&mut session, VerifyOptions { repair: args.repair })?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::verify::VerifyJson::of(&report))?;
    } else {
        cmd.ui.warn_all(&report.notes);
        let text = render::verify::stored(&report, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(match report.damages.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(DAMAGED),
    })
}

fn live(cmd: &mut CommandContext<'_>, args: &Args, rev: &str) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("verify", &bars)?;
    let report = verify_live(&mut session, rev, &args.roots)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::verify::LiveJson::of(&report))?;
    } else {
        cmd.ui.warn_all(&report.warnings);
        let text = render::verify::live(&report, cmd.ui.volume.verbose, &cmd.ui.theme);
        cmd.ui.print(&text)?;
        if !report.is_equal() {
            cmd.ui.hint(&format!(
                "bring files back with: envgit restore --from {rev} PATH; a package with: envgit restore --from {rev} \
                 --package NAME"
            ));
        }
    }
    Ok(match report.is_equal() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    })
}
