//! `envgit checkout`

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::context::{CommandContext, path_texts};
use crate::cli::error::CliError;
use crate::cli::json::history::CheckoutJson;
use crate::cli::render::changes::{Sections, changes};
use crate::cli::render::numbers::plural;
use crate::cli::render::plan;
use crate::cli::theme::{Theme, paint};
use crate::ops::checkout::{CheckoutOptions, checkout};
use crate::ops::report::{CheckoutReport, PlanReport};
use crate::snapshot::change::{Changes, RootChanges};

/// Bring a recorded state back, exactly.
///
/// If the live state is in no commit, it is recorded first as an autosave. Success is reported only after the result
/// was compared with the commit.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit checkout pre-upgrade-torch29
  envgit checkout --dry-run HEAD~2          tells what it would do
  envgit checkout v1 -b experiment          and start a branch there
  envgit checkout v1 --root torch29         only that root
  envgit checkout HEAD -- configs           only these paths")]
pub(in crate::cli) struct Args {
    /// The state: a branch, tag, autosave, short id, HEAD~2, @{1}…
    #[arg(value_name = "REV")]
    rev: String,
    /// Start this branch there.
    #[arg(short, value_name = "BRANCH")]
    branch: Option<String>,
    /// Only this root. May be repeated.
    #[arg(long, value_name = "NAME")]
    root: Vec<String>,
    /// Tell what would be done, and do nothing. With -v every path.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not record the live state first, and overwrite what no commit holds.
    #[arg(long)]
    discard: bool,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// Only these paths: relative, absolute, or ROOT:PATH.
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<OsString>,
}

/// Brings back.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let options = CheckoutOptions {
        rev: args.rev.clone(),
        branch: args.branch.clone(),
        paths: path_texts(&args.paths),
        roots: args.root.clone(),
        discard: args.discard,
        dry_run: args.dry_run,
        cwd: cmd.world.cwd.clone(),
    };
    let bars = cmd.bars();
    let mut session = cmd.session("checkout", &bars)?;
    let ui = &mut *cmd.ui;
    let asks = ui.can_ask() && !args.yes;
    let report = checkout(&mut session, &options, &mut |preview: &PlanReport| {
        let Some(warning) = plan::git_tracked(preview) else {
            return true;
        };
        ui.warn(&warning);
        let question = dialoguer::Confirm::new().with_prompt("Go on?").default(true);
        !asks || question.interact().unwrap_or(false)
    })?;
    drop(bars);
    let verbose = cmd.ui.volume.verbose;
    if cmd.ui.volume.json {
        cmd.ui.json(&CheckoutJson::of(&report, verbose))?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = cmd.ui.theme;
    if report.dry_run
        && let Some(warning) = plan::git_tracked(&report.plan)
    {
        cmd.ui.warn(&warning);
    }
    cmd.ui.print(&text(&report, verbose, &theme))?;
    cmd.ui.warn_all(&report.warnings);
    if report.head.branch.is_none() && !report.partial && !report.dry_run {
        cmd.ui.hint("a commit from here starts a branch of its own");
    }
    Ok(ExitCode::SUCCESS)
}

fn text(report: &CheckoutReport, verbose: bool, theme: &Theme) -> String {
    let name = paint(theme.head, &report.target.name);
    let at = format!("{name} ({})", paint(theme.id, &report.short));
    let has_work = !report.plan.roots.is_empty();
    let mut out = String::new();
    if report.dry_run {
        out.push_str(&match has_work {
            true => format!("Would bring back {at}: {}\n", theme.foreign(&report.subject)),
            false => format!("The live state is that of {at} already: nothing to do.\n"),
        });
    } else if let Some(branch) = report.head.branch.as_ref().filter(|_| !report.partial) {
        out.push_str(&format!(
            "Now on branch {} at {}",
            paint(theme.branch, branch),
            paint(theme.id, &report.short)
        ));
    } else if report.partial {
        out.push_str(&format!("Brought back that part of {at}"));
    } else {
        out.push_str(&format!("Now at {at}"));
    }
    if !report.dry_run {
        out.push_str(&format!(": {} verified\n", plural(report.verified, "path", "paths")));
    }
    let packages = Changes {
        roots: report.changes.roots.iter().map(only_packages).collect(),
        vars: Vec::new(),
    };
    out.push_str(&changes(&packages, Sections::ALL, theme));
    out.push_str(&plan::plan(&report.plan, verbose, theme));
    if let Some(saved) = &report.autosave {
        out.push_str(&format!(
            "Your previous state is saved as {name}; go back with: envgit checkout {name}\n",
            name = paint(theme.aside, &saved.name)
        ));
    }
    out
}

fn only_packages(root: &RootChanges) -> RootChanges {
    RootChanges {
        configs: Vec::new(),
        files: Vec::new(),
        ..root.clone()
    }
}
