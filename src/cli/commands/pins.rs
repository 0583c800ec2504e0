//! `envgit pins`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::pins::{Evict, pins};

/// List what is kept to go back without copying, and how much room it takes.
///
/// A pin holds the files of one package in one recorded state, by hard links or reflinks. Pins are a cache: without
/// them a checkout takes everything from the layers.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Remove pins beyond pins.max_size: first those that no commit refers to, the oldest first.
    #[arg(long, conflicts_with = "drop")]
    evict: bool,
    /// Remove all pins but those of the live state, which take no room.
    #[arg(long)]
    drop: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let evict = match (args.evict, args.drop) {
        (true, _) => Some(Evict::Bound),
        (_, true) => Some(Evict::All),
        _ => None,
    };
    let bars = cmd.bars();
    let mut session = cmd.session("pins", &bars)?;
    let report = pins(&mut session, evict)?;
    if cmd.ui.volume.json {
        cmd.ui.json(&json::pins::PinsJson::of(&report))?;
    } else {
        let text = render::pins::pins(&report, cmd.ui.volume.verbose);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
