//! `envgit restore`.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::consent::{Asking, consent};
use crate::cli::context::{CommandContext, path_texts};
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::restore::{RestoreOptions, restore};

/// Bring back a part of a recorded state: a package, some paths, the config files or the variables.
///
/// A package comes back whole: every file that it owned, its metadata and its scripts, in place of the version that is
/// there now. The live state is recorded first as in checkout, success is reported only after what came back was
/// compared, and HEAD stays where it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit restore --package numpy              as of the last commit
  envgit restore --from v1 --package numpy    as of a tag
  envgit restore --from v1 configs/ start.sh  some paths
  envgit restore --config                     all config files
  eval \"$(envgit restore --vars --from v1)\"   the variables")]
#[command(group = clap::ArgGroup::new("part").required(true).multiple(true).args(["packages", "paths", "config", "vars"]))]
pub(in crate::cli) struct Args {
    /// The commit, tag or branch; the current commit when absent.
    #[arg(long, value_name = "REV")]
    from: Option<String>,
    /// A package, conda or pip. May be repeated.
    #[arg(short, long = "package", value_name = "NAME", conflicts_with_all = ["paths", "config", "vars"])]
    packages: Vec<String>,
    /// Only config files; with PATH, those among them.
    #[arg(long, conflicts_with = "vars")]
    config: bool,
    /// Print what a shell must do to take over the recorded variables; the same as `envgit env REV`.
    #[arg(long, conflicts_with_all = ["paths", "roots", "force", "discard", "dry_run"])]
    vars: bool,
    /// Only this root. May be repeated.
    #[arg(long = "root", value_name = "NAME")]
    roots: Vec<String>,
    /// Restore a package even if a file of it belongs to another package now, and go on although processes have files
    /// open that will be replaced.
    #[arg(long)]
    force: bool,
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Show what would be done and do nothing; with -v every path.
    #[arg(long)]
    dry_run: bool,
    /// Do not record the live state first, and overwrite what no commit holds.
    #[arg(long)]
    discard: bool,
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    /// Paths: relative to the current folder, absolute, or ROOT:PATH; patterns as in git, without
    /// its signs such as `:!`. A folder also stands for the roots in it.
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    if args.vars {
        let rev = args.from.as_deref().unwrap_or("HEAD");
        return super::env::print(cmd, rev, super::env::Shell::Sh);
    }
    let options = RestoreOptions {
        from: args.from.clone(),
        packages: args.packages.clone(),
        paths: path_texts(&args.paths),
        configs: args.config,
        roots: args.roots.clone(),
        force: args.force,
        reason: args.reason.clone(),
        discard: args.discard,
        dry_run: args.dry_run,
        cwd: cmd.world.cwd.clone(),
    };
    let bars = cmd.bars();
    let mut session = cmd.session("restore", &bars)?;
    let asking = if args.yes { Asking::Never } else { Asking::WhenLarge };
    let report = restore(&mut session, &options, &mut |report| consent(cmd, report, asking))?;
    drop(session);
    drop(bars);
    let (volume, theme) = (cmd.ui.volume, cmd.ui.theme);
    if volume.json {
        cmd.ui
            .json(&json::checkout::CheckoutJson::of(&report, volume.verbose))?;
        return Ok(ExitCode::SUCCESS);
    }
    cmd.ui.warn_all(&report.warnings);
    let text = match report.dry_run || report.plan.roots.is_empty() {
        true => render::checkout::plan(&report, volume.verbose, &theme),
        false => render::checkout::done(&report, &theme),
    };
    cmd.ui.print(&text)?;
    super::checkout::advise(cmd, &report);
    Ok(ExitCode::SUCCESS)
}
