//! `envgit log`

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::context::{CommandContext, path_texts};
use crate::cli::dates;
use crate::cli::error::CliError;
use crate::cli::json::history::LogJson;
use crate::cli::render::history::{LogStyle, log as render};
use crate::ops::log::{LogOptions, log};

/// List commits, newest first: those of every branch and tag, with the current place marked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit log --oneline --graph
  envgit log --package numpy           only commits that changed numpy, with its versions
  envgit log --since '2 days ago' main
  envgit log -- configs/G2P_replace_dict.jsonl")]
pub(in crate::cli) struct Args {
    /// Start from these instead of every branch and tag.
    #[arg(value_name = "REV")]
    revs: Vec<String>,
    /// One line a commit.
    #[arg(long)]
    oneline: bool,
    /// Draw how commits follow each other.
    #[arg(long)]
    graph: bool,
    /// At most this many.
    #[arg(short = 'n', long, value_name = "N")]
    max_count: Option<usize>,
    /// Only newer ones: `2026-11-01`, `2 days ago`, `yesterday`, RFC 3339.
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only commits that changed this package; shows its versions.
    #[arg(long, value_name = "NAME")]
    package: Option<String>,
    /// Also autosaves: states recorded before a checkout.
    #[arg(long)]
    autosaves: bool,
    /// Only commits that changed these paths.
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<OsString>,
}

/// Lists.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let since = match &args.since {
        None => None,
        Some(text) => {
            let now = cmd.world.now()?.to_zoned().unwrap_or_else(jiff::Zoned::now);
            let moment = dates::since(text, &now);
            Some(moment.ok_or_else(|| {
                CliError::usage(format!("{text:?} is no date"))
                    .hinting("write 2026-11-01, '2 days ago', yesterday, or RFC 3339")
            })?)
        }
    };
    let options = LogOptions {
        revs: args.revs.clone(),
        autosaves: args.autosaves,
        max: args.max_count,
        since,
        package: args.package.clone(),
        paths: path_texts(&args.paths),
        cwd: cmd.world.cwd.clone(),
    };
    let mut session = cmd.session("log", &bars)?;
    let report = log(&mut session, &options)?;
    if cmd.ui.volume.json {
        for entry in &report.entries {
            cmd.ui.json(&LogJson::of(entry))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let style = LogStyle {
        oneline: args.oneline,
        graph: args.graph,
    };
    let theme = cmd.ui.theme;
    cmd.ui.print(&render(&report, style, &theme))?;
    Ok(ExitCode::SUCCESS)
}
