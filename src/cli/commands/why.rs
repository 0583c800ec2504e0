//! `envgit why`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::why::{WhyOptions, why};

/// Tell the story of one package: its versions, when they came, by which commit and why.
///
/// First what is there now: its records, what wants it, and whose files stand in its place. Then every change of it,
/// newest first, along first parents; what is not committed yet comes before all commits.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit why numpy            up to the live state
  envgit why numpy v1         up to v1, without a look at the live state")]
pub(in crate::cli) struct Args {
    /// The package, in any spelling: ruamel.yaml, Ruamel_YAML.
    #[arg(value_name = "NAME")]
    name: String,
    /// The commit up to which to tell; the live state when absent.
    #[arg(value_name = "REV")]
    rev: Option<String>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let options = WhyOptions {
        name: args.name.clone(),
        rev: args.rev.clone(),
    };
    let bars = cmd.bars();
    let mut session = cmd.session("why", &bars)?;
    let now = session.now;
    let report = why(&mut session, &options)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::why::WhyJson::of(&report))?;
    } else {
        cmd.ui.warn_all(&report.warnings);
        let text = render::why::why(&report, now, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
