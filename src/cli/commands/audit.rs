//! `envgit audit`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::dates;
use crate::cli::error::{CliError, DAMAGED};
use crate::cli::{json, render};
use crate::ops::audit::{AuditOptions, audit};

/// Show who restored what, when, why, and how it ended.
///
/// Each line of .envgit/audit.jsonl carries the SHA-256 of the line before: --verify names every line that was edited,
/// cut, moved or removed. Who may write that file can also forge all of it, which shows only if the digest of its last
/// line is kept elsewhere; --verify prints it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit audit --since yesterday
  envgit audit --user ada --outcome failed
  envgit audit --verify")]
pub(in crate::cli) struct Args {
    /// Only restores since then: 2026-11-01, yesterday, 2 days ago.
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only restores until then.
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Only by this user: a login name, also one behind sudo, or a name in commits.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only with this outcome.
    #[arg(long, value_name = "OUTCOME", value_parser = ["done", "failed", "recovered", "dropped", "interrupted"])]
    outcome: Option<String>,
    /// Check that the log is as it was written. Ends with 4 when it is not.
    #[arg(long)]
    verify: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let now = cmd.world.now_zoned()?;
    let date = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => dates::since(text, &now).map(Some).ok_or_else(|| {
            CliError::usage(format!("{text:?} is no date")).hinting("write 2026-11-01, yesterday or 2 days ago")
        }),
    };
    let options = AuditOptions {
        since: date(&args.since)?,
        until: date(&args.until)?,
        user: args.user.clone(),
        outcome: args.outcome.clone(),
        verify: args.verify,
    };
    let bars = cmd.bars();
    let mut session = cmd.session("audit", &bars)?;
    let report = audit(&mut session, &options)?;
    let is_whole = report.verdict.as_ref().is_none_or(|verdict| verdict.faults.is_empty());
    if cmd.ui.volume.json {
        cmd.ui.json(&json::control::AuditJson::of(&report))?;
    } else if let Some(verdict) = &report.verdict {
        let text = render::audit::verdict(&report.path, verdict, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    } else {
        let text = render::audit::audit(&report, cmd.ui.volume.verbose, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DAMAGED)
    })
}
