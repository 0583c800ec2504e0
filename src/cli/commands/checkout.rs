//! `envgit checkout`.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::consent::{self, Asking, Beforehand, consent};
use crate::cli::context::{CommandContext, path_texts};
use crate::cli::error::{CliError, FAILED};
use crate::cli::theme::paint;
use crate::cli::{json, render};
use crate::cores::drop_later;
use crate::ops::checkout::{CheckoutOptions, checkout};
use crate::ops::refs;
use crate::ops::report::CheckoutReport;
use crate::ops::undo::UndoOptions;

/// Bring a recorded state back.
///
/// The live state becomes that of REV, and success is reported only after both were compared. What no commit holds yet
/// is recorded first, unless --discard is given. Environments become exactly what was recorded; in project folders,
/// files that no commit ever recorded are left alone. A name that nothing here has and one remote has a branch of makes
/// a branch of that name, which follows it. With -b NAME alone the live state stays as it is, and the next commit goes
/// on that branch.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit checkout before-torch-2.9            the whole state of that tag
  envgit checkout HEAD                        undo all changes since the last commit
  envgit checkout --dry-run v1                what would be done
  envgit checkout v1 -- configs/              only that folder
  envgit checkout -b try-torch-2.9            go on from here on a new branch
  envgit checkout -b try-torch-2.9 v1         from there on a new branch
  envgit undo                                 back to where you were")]
pub(in crate::cli) struct Args {
    /// The commit, tag or branch; - is the branch before the last checkout.
    #[arg(value_name = "REV", required_unless_present = "branch")]
    rev: Option<String>,
    /// Start this branch there; at the branch of a remote, it follows that. Without REV, start it here and leave the live
    /// state alone.
    #[arg(short, long, value_name = "NAME", short_alias = 'c', alias = "create")]
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
    /// mode and inode, and what comes from layers by the checksum that was noted with its digest.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    beforehand: Beforehand,
    /// When the health check fails afterwards, go back at once.
    #[arg(long)]
    auto_rollback: bool,
    /// Only these paths: relative to the current folder, absolute, or ROOT:PATH; patterns as in git, without
    /// its signs such as `:!`. A folder also stands for the roots in it.
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<OsString>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let rev = match (&args.rev, &args.branch) {
        (None, Some(branch)) => return start_branch(cmd, args, branch),
        (rev, _) => rev.clone().unwrap_or_default(),
    };
    let options = CheckoutOptions {
        rev,
        branch: args.branch.clone(),
        paths: path_texts(&args.paths),
        roots: args.roots.clone(),
        discard: args.discard,
        dry_run: args.dry_run,
        force: args.beforehand.force,
        reason: args.beforehand.reason.clone(),
        auto_rollback: args.auto_rollback,
        verify: args.verify,
        cwd: cmd.world.cwd.clone(),
        ..CheckoutOptions::default()
    };
    perform(cmd, &options, args.beforehand.asking())
}

/// Goes on from here on a new branch.
fn start_branch(cmd: &mut CommandContext<'_>, args: &Args, branch: &str) -> Result<ExitCode, CliError> {
    let how = args.dry_run || args.discard || args.verify || args.auto_rollback;
    if how || !args.roots.is_empty() || !args.paths.is_empty() {
        let error = CliError::usage("without REV nothing is brought back, and -b stands alone");
        return Err(error.hinting(format!(
            "to bring back the last commit: envgit checkout -b {branch} HEAD"
        )));
    }
    let bars = cmd.bars();
    let mut session = cmd.session("checkout", &bars)?;
    let entry = refs::start_branch(&mut session, branch)?;
    if cmd.ui.volume.json {
        cmd.ui.json(&json::lists::RefsJson::of(&[entry]))?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = cmd.ui.theme;
    let (name, id) = (paint(theme.branch, &entry.name), paint(theme.id, &entry.short));
    cmd.ui.print(&format!(
        "Now on new branch {name} at {id}; the live state is as it was\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Performs a checkout and tells of it; also for `rescue`.
pub(super) fn perform(
    cmd: &mut CommandContext<'_>,
    options: &CheckoutOptions,
    asking: Asking,
) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("checkout", &bars)?;
    let report = checkout(&mut session, options, &mut |report| consent(cmd, report, asking))?;
    drop(session);
    drop(bars);
    let (volume, theme) = (cmd.ui.volume, cmd.ui.theme);
    if volume.json {
        cmd.ui
            .json(&json::checkout::CheckoutJson::of(&report, volume.verbose))?;
        return Ok(ending(&report));
    }
    if report.dry_run {
        tell_plan(cmd, &report)?;
        return Ok(ExitCode::SUCCESS);
    }
    cmd.ui.warn_all(&report.warnings);
    let text = render::checkout::done(&report, &theme);
    cmd.ui.print(&text)?;
    if report.rolled_back.is_none() {
        advise(cmd, &report);
    }
    tell_health(cmd, &report, options)?;
    let ending = ending(&report);
    drop_later(report);
    Ok(ending)
}

/// Tells what a checkout would do; also for `pull`.
pub(super) fn tell_plan(cmd: &mut CommandContext<'_>, report: &CheckoutReport) -> Result<(), CliError> {
    let (volume, theme) = (cmd.ui.volume, cmd.ui.theme);
    cmd.ui.warn_all(&report.warnings);
    cmd.ui.print(&render::checkout::plan(report, volume.verbose, &theme))?;
    if let Some(told) = render::checkout::git_tracked(&report.plan) {
        cmd.ui.warn(&told);
    }
    Ok(())
}

/// A checkout after which not all is well has failed, also when it was taken back.
pub(super) fn ending(report: &CheckoutReport) -> ExitCode {
    let is_ill = report.health.as_ref().is_some_and(|health| !health.healthy);
    match is_ill || report.service_problem.is_some() {
        true => ExitCode::from(FAILED),
        false => ExitCode::SUCCESS,
    }
}

/// What runs on the new state, and the way back when it is not well.
fn tell_health(
    cmd: &mut CommandContext<'_>,
    report: &CheckoutReport,
    options: &CheckoutOptions,
) -> Result<(), CliError> {
    let theme = cmd.ui.theme;
    if let Some(problem) = &report.service_problem {
        cmd.ui.warn(problem);
    }
    let Some(health) = &report.health else { return Ok(()) };
    cmd.ui
        .print(&format!("\n{}", render::checkout::health(health, &theme)))?;
    if health.healthy {
        return Ok(());
    }
    if let Some(back) = &report.rolled_back {
        cmd.ui.print(&format!("\n{}", render::undo::undo(back, &theme)))?;
        return Ok(());
    }
    if cmd.ui.can_ask() && consent::yes(cmd, "Go back to the state before?") {
        let options = UndoOptions {
            force: options.force,
            reason: Some(format!("the health check failed after checkout {}", options.rev)),
            ..UndoOptions::default()
        };
        return super::undo::perform(cmd, &options, Asking::Never).map(|_| ());
    }
    cmd.ui.hint("go back to the state before with: envgit undo");
    Ok(())
}

pub(super) fn advise(cmd: &mut CommandContext<'_>, report: &CheckoutReport) {
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
