//! `envgit packages`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::Error;
use crate::ops::inspect::packages;

/// List the conda and pip packages of a state.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The commit; the current one when absent.
    #[arg(value_name = "REV", conflicts_with = "live")]
    rev: Option<String>,
    /// The live state instead of a recorded one.
    #[arg(long)]
    live: bool,
    /// Only this root. May be repeated.
    #[arg(long = "root", value_name = "NAME")]
    roots: Vec<String>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("packages", &bars)?;
    let mut report = packages(&mut session, args.rev.as_deref(), args.live)?;
    drop(session);
    drop(bars);
    for name in &args.roots {
        let known: Vec<String> = report.roots.iter().map(|(root, ..)| root.to_string()).collect();
        if !known.contains(name) {
            let name = name.clone();
            return Err(Error::NoSuchRoot { name, known }.into());
        }
    }
    if !args.roots.is_empty() {
        report
            .roots
            .retain(|(root, ..)| args.roots.iter().any(|name| name == root.as_str()));
    }
    if cmd.ui.volume.json {
        cmd.ui.json(&json::PackagesJson::of(&report))?;
    } else {
        let text = render::package_list(&report, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
