//! `envgit log`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::context::{CommandContext, path_texts};
use crate::cli::error::CliError;
use crate::cli::render::log::Style;
use crate::cli::{dates, identity, json, render};
use crate::ops::log::{LogOptions, log};
use crate::snapshot::package::normalize;

/// Show the commits, newest first.
///
/// Without revisions, all branches and tags are shown and the current place is marked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit log --oneline --graph
  envgit log HEAD..origin/main             what a pull would bring
  envgit log --package numpy               when did numpy change, and to what
  envgit log --since \"2 days ago\" -- configs/")]
pub(in crate::cli) struct Args {
    /// Start from these instead of from everywhere; A..B for those of B that A has not.
    #[arg(value_name = "REV")]
    revs: Vec<String>,
    /// One line a commit.
    #[arg(long)]
    oneline: bool,
    /// Draw how branches fork.
    #[arg(long)]
    graph: bool,
    /// Show at most this many.
    #[arg(short = 'n', long, value_name = "NUMBER")]
    max_count: Option<usize>,
    /// Only commits since then: 2026-11-01, "2 days ago", yesterday.
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only commits that changed this package, with its versions.
    #[arg(long, value_name = "NAME")]
    package: Option<String>,
    /// Also show the states that were saved before checkouts.
    #[arg(long)]
    autosaves: bool,
    /// Say of each commit whether it is signed, and by whom, as git does.
    #[arg(long)]
    show_signature: bool,
    /// Whose signatures are good: a file as ssh-keygen(1) describes it; that of commit.allowed_signers when absent.
    #[arg(long, value_name = "FILE", requires = "show_signature")]
    allowed_signers: Option<PathBuf>,
    /// Only commits that changed these paths.
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<OsString>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let now = cmd.world.now_zoned()?;
    let since = match &args.since {
        None => None,
        Some(text) => Some(dates::since(text, &now).ok_or_else(|| {
            CliError::usage(format!("{text:?} is no date")).hinting("write 2026-11-01, \"2 days ago\" or yesterday")
        })?),
    };
    let bars = cmd.bars();
    let mut session = cmd.session("log", &bars)?;
    let named = args.allowed_signers.as_deref();
    let allowed_signers = match args.show_signature {
        true => Some(identity::allowed_signers(named, &session.repo, &cmd.world)?),
        false => None,
    };
    let options = LogOptions {
        revs: args.revs.clone(),
        autosaves: args.autosaves,
        max: args.max_count,
        since,
        package: args.package.as_deref().map(normalize),
        paths: path_texts(&args.paths),
        cwd: cmd.world.cwd.clone(),
        allowed_signers,
    };
    let report = log(&mut session, &options)?;
    if cmd.ui.volume.json {
        for entry in &report.entries {
            cmd.ui.json(&json::log::LogJson::of(entry))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let style = Style {
        is_oneline: args.oneline,
        has_graph: args.graph,
    };
    let text = render::log::log(&report, style, &cmd.ui.theme);
    cmd.ui.print(&text)?;
    if report.entries.is_empty() {
        cmd.ui.note(if report.head.commit.is_none() {
            "No commits yet."
        } else {
            "No such commits."
        });
    }
    Ok(ExitCode::SUCCESS)
}
