//! `envgit commit`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::{CliError, FAILED};
use crate::cli::{identity, json, render};
use crate::ops::commit::{CommitOptions, commit};
use crate::ops::report::CommitReport;

/// Record the present state of all roots.
///
/// Without a message, it is written from the changes: numpy 1.24.4 → 1.26.4, +pyworld 0.3.4. If nothing changed,
/// nothing is recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit commit -m \"works on 2 GPUs\" -t before-torch-2.9
  envgit commit                 with a message that tells the changes
  envgit commit --amend -m TEXT the last commit again, with another message and what changed since")]
pub(in crate::cli) struct Args {
    /// What to say of this state.
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Give the new commit this tag. May be repeated.
    #[arg(short, long = "tag", value_name = "NAME")]
    tags: Vec<String>,
    /// Start this branch with the new commit.
    #[arg(short, long, value_name = "NAME")]
    branch: Option<String>,
    /// As hands used to git type it. All is recorded in any case.
    #[arg(short, long, hide = true)]
    all: bool,
    /// Commit even if nothing changed.
    #[arg(long)]
    allow_empty: bool,
    /// Put the new commit in the place of the last one. Without -m it keeps that one's message, but one that was written
    /// from the changes is written anew. `envgit undo` brings the last one back.
    #[arg(long, conflicts_with = "branch")]
    amend: bool,
    /// Leave out files that cannot be read, naming them, instead of failing.
    #[arg(long)]
    skip_unreadable: bool,
    /// Sign the commit with an ssh key; with user.signing_key where none is named.
    #[arg(short = 'S', long = "sign", value_name = "KEY", num_args = 0..=1, default_missing_value = "")]
    sign: Option<String>,
    /// Do not sign it, although commit.sign is set.
    #[arg(long, conflicts_with = "sign")]
    no_sign: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    if args.message.as_deref().is_some_and(|message| message.trim().is_empty()) {
        return Err(CliError::usage("the message is empty").hinting("leave -m out: the message then tells the changes"));
    }
    let bars = cmd.bars();
    let mut session = cmd.session("commit", &bars)?;
    let signs = args.sign.is_some() || (session.repo.config().signatures.sign && !args.no_sign);
    let options = CommitOptions {
        message: args.message.clone(),
        tags: args.tags.clone(),
        branch: args.branch.clone(),
        allow_empty: args.allow_empty,
        amend: args.amend,
        skip_unreadable: args.skip_unreadable,
        key: match signs {
            true => Some(identity::signing_key(args.sign.as_deref(), &session.repo, &cmd.world)?),
            false => None,
        },
    };
    let report = commit(&mut session, &options)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::commit::CommitJson::of(&report))?;
        return Ok(ending(&report));
    }
    let skipped: Vec<String> = report.skipped.iter().map(|path| format!("left out: {path}")).collect();
    cmd.ui.warn_all(&skipped);
    cmd.ui.warn_all(&report.warnings);
    let text = render::commit::commit(&report, &cmd.ui.theme);
    cmd.ui.print(&text)?;
    if let Some(branch) = report
        .branch
        .as_deref()
        .filter(|_| report.started_branch && args.branch.is_none())
    {
        cmd.ui.hint(&format!(
            "this is the start of branch {branch}; rename it with: envgit branch -m {branch} NAME"
        ));
    } else if report.is_first {
        cmd.ui.hint("after the next change, see it with: envgit diff");
    }
    if let Some(problem) = &report.service_problem {
        cmd.ui.warn(problem);
    }
    Ok(ending(&report))
}

/// What is recorded is recorded, but a service that does not run is a failure.
fn ending(report: &CommitReport) -> ExitCode {
    match report.service_problem {
        Some(_) => ExitCode::from(FAILED),
        None => ExitCode::SUCCESS,
    }
}
