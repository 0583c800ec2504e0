//! `envgit ls`.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::context::{CommandContext, path_texts};
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::inspect::ls;

/// List the files of a recorded state, or of the live one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit ls                       all files of the last commit
  envgit ls -l v1 configs/        those below a folder, with sizes and times
  envgit ls --live -- configs/    the same as it stands now")]
pub(in crate::cli) struct Args {
    /// The commit; the current one when absent.
    #[arg(value_name = "REV", conflicts_with = "live")]
    rev: Option<String>,
    /// Only these paths: relative to the current folder, absolute, or ROOT:PATH; patterns as in git, without
    /// its signs such as `:!`. A folder also stands for the roots in it.
    #[arg(value_name = "PATH", requires = "rev")]
    paths: Vec<OsString>,
    /// With mode, size, time and link targets.
    #[arg(short, long)]
    long: bool,
    /// The live state instead of a recorded one.
    #[arg(long)]
    live: bool,
    /// The same as PATH, for use without REV.
    #[arg(last = true, value_name = "PATH")]
    more_paths: Vec<OsString>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let mut paths = path_texts(&args.paths);
    paths.extend(path_texts(&args.more_paths));
    let rev = args.rev.as_deref().unwrap_or("HEAD");
    let bars = cmd.bars();
    let mut session = cmd.session("ls", &bars)?;
    let report = ls(&mut session, (!args.live).then_some(rev), &paths, &cmd.world.cwd)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::lists::LsJson::of(&report))?;
    } else {
        let text = render::lists::ls(&report, args.long, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
