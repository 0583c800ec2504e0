//! `envgit blame`.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::context::{CommandContext, path_texts};
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::blame::{BlameOptions, blame};

/// Tell which commit and which package brought a file.
///
/// Of a file: the package that owns it, whether its bytes are those that the package promised, the commit with which
/// its present content came and the one with which the path first came, along first parents. Of a folder: the same for
/// each package that has files in it, in one line.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit blame env/bin/activate
  envgit blame env:lib/python3.11/site-packages/numpy/version.py v1
  envgit blame env:bin                  which packages have programs there, and since when")]
pub(in crate::cli) struct Args {
    /// The file or folder: relative to the current folder, absolute, or ROOT:PATH.
    #[arg(value_name = "PATH")]
    path: OsString,
    /// As of this commit; of the live state when absent.
    #[arg(value_name = "REV")]
    rev: Option<String>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let options = BlameOptions {
        path: path_texts(std::slice::from_ref(&args.path)).concat(),
        rev: args.rev.clone(),
        cwd: cmd.world.cwd.clone(),
    };
    let bars = cmd.bars();
    let mut session = cmd.session("blame", &bars)?;
    let now = session.now;
    let report = blame(&mut session, &options)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::blame::BlameJson::of(&report))?;
    } else {
        cmd.ui.warn_all(&report.warnings);
        let text = render::blame::blame(&report, now, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
