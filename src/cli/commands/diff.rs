//! `envgit diff`

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::context::{CommandContext, path_texts};
use crate::cli::error::CliError;
use crate::cli::json::diff::DiffJson;
use crate::cli::render::changes::{Sections, changes};
use crate::ops::diff::{DiffOptions, diff};

/// Compare two states.
///
/// One revision is compared with the live state, none compares HEAD with it. Two commits are compared without a look
/// at the live state.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit diff                          what changed since the last commit
  envgit diff pre-upgrade-torch29      since that tag
  envgit diff v1 v2 --packages         between two commits, packages only
  envgit diff -- configs               only what is in that folder")]
pub(in crate::cli) struct Args {
    /// One or two revisions, or A..B.
    #[arg(value_name = "REV", num_args = 0..=2)]
    revs: Vec<String>,
    /// Show packages only (selections add up).
    #[arg(long)]
    packages: bool,
    /// Show configs only.
    #[arg(long)]
    configs: bool,
    /// Show variables only.
    #[arg(long)]
    vars: bool,
    /// List every path that differs; alone, shows files only.
    #[arg(long)]
    files: bool,
    /// Show counts instead of diffs.
    #[arg(long)]
    stat: bool,
    /// Only this root. May be repeated.
    #[arg(long, value_name = "NAME")]
    root: Vec<String>,
    /// Exit with 1 when there are differences.
    #[arg(long)]
    exit_code: bool,
    /// Only these paths: relative, absolute, or ROOT:PATH; `*` and `?` match.
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<OsString>,
}

/// Compares.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut revs = args.revs.iter().map(String::as_str);
    let (mut from, mut to) = (revs.next(), revs.next());
    if let (Some(range), None) = (from, to)
        && let Some((a, b)) = range.split_once("..")
    {
        from = Some(if a.is_empty() { "HEAD" } else { a });
        to = Some(if b.is_empty() { "HEAD" } else { b });
    }
    let options = DiffOptions {
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        roots: args.root.clone(),
        paths: path_texts(&args.paths),
        cwd: cmd.world.cwd.clone(),
    };
    let report = diff(&mut cmd.session("diff", &bars)?, &options)?;
    drop(bars);
    let selected = args.packages || args.configs || args.vars || args.files;
    let sections = Sections {
        packages: args.packages || !selected,
        configs: args.configs || !selected,
        vars: args.vars || !selected,
        files: args.files || !selected,
        list_files: args.files,
        stat: args.stat,
    };
    if cmd.ui.volume.json {
        cmd.ui.json(&DiffJson::of(&report, sections))?;
    } else {
        let theme = cmd.ui.theme;
        cmd.ui.print(&changes(&report.changes, sections, &theme))?;
        cmd.ui.warn_all(&report.warnings);
    }
    let differs = !report.changes.is_empty();
    Ok(if args.exit_code && differs {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
