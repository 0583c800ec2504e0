//! `envgit ls`

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::context::{CommandContext, path_texts};
use crate::cli::dates;
use crate::cli::error::CliError;
use crate::cli::json::state::LsJson;
use crate::cli::theme::{Theme, paint};
use crate::history::Time;
use crate::ops::inspect::ls;
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::escape;
use crate::snapshot::root::RootName;

/// List the files of a state.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The state; the live one when left out or `live`.
    #[arg(value_name = "REV")]
    rev: Option<String>,
    /// Only these paths: relative, absolute, or ROOT:PATH.
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// With mode, size, time and unit.
    #[arg(short, long)]
    long: bool,
}

/// Lists.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let rev = args.rev.as_deref().filter(|rev| *rev != "live");
    let cwd = cmd.world.cwd.clone();
    let report = ls(&mut cmd.session("ls", &bars)?, rev, &path_texts(&args.paths), &cwd)?;
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&LsJson::of(&report))?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = cmd.ui.theme;
    for (root, entries) in &report.roots {
        for (entry, unit) in entries {
            cmd.ui.print(&line(root, entry, unit, args.long, &theme))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(root: &RootName, entry: &Entry, unit: &str, long: bool, theme: &Theme) -> String {
    let (letter, tail) = match &entry.node {
        Node::Dir => ('d', "/".to_owned()),
        Node::File(_) => ('f', String::new()),
        Node::Symlink(target) => ('l', format!(" -> {}", escape(target))),
    };
    let path = format!("{root}/{}{tail}", entry.path);
    if !long {
        return format!("{path}\n");
    }
    let time = dates::short(Time {
        seconds: entry.mtime.div_euclid(1_000_000_000),
        offset: 0,
    });
    let unit = paint(theme.dim, format!("({unit})"));
    format!(
        "{letter} {:04o} {:>12} {time} {path} {unit}\n",
        entry.mode,
        entry.size()
    )
}
