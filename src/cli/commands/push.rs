//! `envgit push`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::{CliError, FAILED};
use crate::cli::{json, render};
use crate::ops::push::{PushOptions, push};

/// Send branches, with all they need, to a remote.
///
/// Layers go first, then the history, then the branches move, all at once: whoever looks at the remote sees either state
/// whole. Only what the remote lacks is sent, and a push that was cut off sends nothing whole twice. A branch only goes
/// forward; one that somebody else moved meanwhile is left alone, and the exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit push                       the current branch, to what it follows
  envgit push origin main v1        a branch and a tag
  envgit push origin try:main       a branch, to one of another name
  envgit push --all --tags          everything
  envgit push --delete origin try-torch")]
pub(in crate::cli) struct Args {
    /// The remote; that which the current branch follows, else origin, when absent.
    #[arg(value_name = "REMOTE")]
    remote: Option<String>,
    /// Branches or tags, or HERE:THERE for one of another name there; the current branch when absent.
    #[arg(value_name = "BRANCH", conflicts_with = "all")]
    names: Vec<String>,
    /// All branches.
    #[arg(long)]
    all: bool,
    /// All tags as well.
    #[arg(long)]
    tags: bool,
    /// Remove the named branches or tags over there. What they needed stays.
    #[arg(short, long, requires = "names", conflicts_with_all = ["all", "tags"])]
    delete: bool,
    /// Move branches and tags also where that takes commits away from others. Layers that the remote lost go there again.
    #[arg(short, long)]
    force: bool,
    /// The same of branches, unless somebody moved them since they were last fetched.
    #[arg(long, conflicts_with = "force")]
    force_with_lease: bool,
    /// Send passwords, tokens and keys that were recorded, too. Without it each is named and nothing is sent.
    #[arg(long)]
    allow_secrets: bool,
    /// Show what would be sent and send nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("push", &bars)?;
    let options = PushOptions {
        remote: args.remote.clone(),
        names: args.names.clone(),
        all: args.all,
        tags: args.tags,
        delete: args.delete,
        force: args.force,
        force_with_lease: args.force_with_lease,
        allow_secrets: args.allow_secrets,
        dry_run: args.dry_run,
    };
    let report = push(&mut session, &options)?;
    let history = session.repo.history();
    if cmd.ui.volume.json {
        cmd.ui.json(&json::exchange::PushJson::of(&report))?;
    } else {
        let text = render::exchange::push(&report, history, &cmd.ui.theme);
        drop(bars);
        cmd.ui.print(&text)?;
        if let Some(advice) = render::exchange::rejected(&report) {
            return Err(CliError::rejected("the remote did not take everything").hinting(advice));
        }
    }
    Ok(match report.is_rejected() {
        true => ExitCode::from(FAILED),
        false => ExitCode::SUCCESS,
    })
}
