//! `envgit show`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::render::diff::{Configs, Files, Sections};
use crate::cli::{json, render};
use crate::ops::log::show;

/// Show one commit: its message, roots, machine, layer, and what it changed.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The commit; the current one when absent.
    #[arg(value_name = "REV", default_value = "HEAD")]
    rev: String,
    /// List the files that it changed.
    #[arg(long)]
    files: bool,
    /// Show config files as unified diffs of their text instead of by record.
    #[arg(long)]
    text: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("show", &bars)?;
    let report = show(&mut session, &args.rev)?;
    let sections = Sections {
        packages: true,
        configs: match args.text {
            true => Configs::Diffs,
            false => Configs::Records {
                all: cmd.ui.volume.verbose,
            },
        },
        vars: true,
        files: if args.files { Files::Paths } else { Files::Counts },
    };
    if cmd.ui.volume.json {
        cmd.ui.json(&json::show::ShowJson::of(&report, sections))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = render::show::show(&report, sections, cmd.ui.volume.verbose, &cmd.ui.theme);
    cmd.ui.print(&text)?;
    Ok(ExitCode::SUCCESS)
}
