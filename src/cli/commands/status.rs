//! `envgit status`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::render::diff::{Configs, Files, Sections};
use crate::cli::{json, render};
use crate::ops::diff::status;

/// Show what differs from the last commit: packages first, then configs, variables and files.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// List the files instead of counting them.
    #[arg(long)]
    files: bool,
    /// Only the paths that differ, as `diff --name-status` prints them: nothing when nothing does.
    #[arg(short, long, conflicts_with = "files")]
    short: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("status", &bars)?;
    let report = status(&mut session)?;
    let moved_from = session.repo.moved_from();
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        let sections = Sections {
            packages: true,
            configs: Configs::Diffs,
            vars: true,
            files: if args.files { Files::Paths } else { Files::Counts },
        };
        let view = json::diff::DiffJson::of(&report, sections).with_head(&report.head);
        cmd.ui.json(&view)?;
        return Ok(ExitCode::SUCCESS);
    }
    cmd.ui.warn_all(&report.warnings);
    if args.short {
        cmd.ui.print(&render::diff::names(&report.changes, true))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = render::status::status(&report, args.files, &cmd.ui.theme);
    cmd.ui.print(&text)?;
    if let Some(place) = moved_from.filter(|_| !report.changes.is_empty()) {
        cmd.ui.hint(&format!(
            "this folder was {}, and its files may name that; they name this place after: envgit checkout HEAD",
            place.display()
        ));
    } else if report.head.commit.is_none() {
        cmd.ui.hint("record it with: envgit commit -m \"works\"");
    } else if !report.changes.is_empty() {
        cmd.ui
            .hint("see more with: envgit diff; record it with: envgit commit; go back with: envgit checkout HEAD");
    }
    Ok(ExitCode::SUCCESS)
}
