//! `envgit checkout`.

use std::ffi::OsString;
use std::process::ExitCode;

use dialoguer::Confirm;

use crate::cli::context::{CommandContext, path_texts};
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::checkout::{CheckoutOptions, checkout};
use crate::ops::report::{CheckoutReport, PlanReport};

/// Bring a recorded state back.
///
/// The live state becomes that of REV, and success is reported only after both were compared. What no commit holds yet
/// is recorded first, unless --discard is given. Environments become exactly what was recorded; in project folders,
/// files that no commit ever recorded are left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit checkout before-torch-2.9            the whole state of that tag
  envgit checkout HEAD                        undo all changes since the last commit
  envgit checkout --dry-run v1                what would be done
  envgit checkout v1 -- configs/              only that folder
  envgit checkout -b try-torch-2.9 v1         on a new branch")]
pub(in crate::cli) struct Args {
    /// The commit, tag or branch.
    #[arg(value_name = "REV")]
    rev: String,
    /// Start this branch there.
    #[arg(short, long, value_name = "NAME")]
    branch: Option<String>,
    /// Only this root. May be repeated.
    #[arg(long = "root", value_name = "NAME")]
    roots: Vec<String>,
    /// Show what would be done and do nothing; with -v every path.
    #[arg(long)]
    dry_run: bool,
    /// Do not record the live state first, and overwrite what no commit holds.
    #[arg(long)]
    discard: bool,
    /// Read all that is put in place and compare digests. Otherwise what comes from pins is compared by size, times,
    /// mode and inode.
    #[arg(long)]
    verify: bool,
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    /// Only these paths: relative to the current folder, absolute, or ROOT:PATH.
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<OsString>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let options = CheckoutOptions {
        rev: args.rev.clone(),
        branch: args.branch.clone(),
        paths: path_texts(&args.paths),
        roots: args.roots.clone(),
        discard: args.discard,
        dry_run: args.dry_run,
        verify: args.verify,
        without_pins: false,
        cwd: cmd.world.cwd.clone(),
    };
    let bars = cmd.bars();
    let mut session = cmd.session("checkout", &bars)?;
    let report = checkout(&mut session, &options, &mut |plan| confirm(cmd, args, plan))?;
    drop(session);
    drop(bars);
    let (volume, theme) = (cmd.ui.volume, cmd.ui.theme);
    if volume.json {
        cmd.ui
            .json(&json::checkout::CheckoutJson::of(&report, volume.verbose))?;
        return Ok(ExitCode::SUCCESS);
    }
    cmd.ui.warn_all(&report.warnings);
    if report.dry_run {
        let text = render::checkout::plan(&report, volume.verbose, &theme);
        cmd.ui.print(&text)?;
        if let Some(told) = render::checkout::git_tracked(&report.plan) {
            cmd.ui.warn(&told);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let text = render::checkout::done(&report, &theme);
    cmd.ui.print(&text)?;
    advise(cmd, &report);
    Ok(ExitCode::SUCCESS)
}

/// Says which files git tracks, and asks on a terminal.
fn confirm(cmd: &mut CommandContext<'_>, args: &Args, plan: &PlanReport) -> bool {
    let Some(told) = render::checkout::git_tracked(plan) else {
        return true;
    };
    if args.dry_run {
        return true;
    }
    cmd.ui.warn(&told);
    if args.yes || !cmd.ui.can_ask() {
        return true;
    }
    // A terminal that cannot answer has not agreed.
    Confirm::new()
        .with_prompt("Go on?")
        .default(true)
        .interact()
        .unwrap_or(false)
}

fn advise(cmd: &mut CommandContext<'_>, report: &CheckoutReport) {
    if let Some(autosave) = &report.autosave {
        let name = &autosave.name;
        cmd.ui.note(&format!(
            "Your previous state is saved as {name}; go back with: envgit checkout {name}"
        ));
    }
    if !report.partial && report.head.branch.is_none() {
        cmd.ui
            .hint("you are on no branch; the next commit starts one, and `envgit checkout main` leads back");
    }
}
