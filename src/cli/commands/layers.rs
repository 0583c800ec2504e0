//! `envgit layers`

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::history::LayersJson;
use crate::cli::render::numbers::{plural, size};
use crate::cli::theme::paint;
use crate::ops::inspect::layers;

/// List the layers that a commit stands on, newest first: digests, sizes, files.
///
/// Each is a plain tar: `zstd -dc LAYER | tar tv` lists it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The commit.
    #[arg(value_name = "REV")]
    rev: Option<String>,
}

/// Lists.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let report = layers(&mut cmd.session("layers", &bars)?, args.rev.as_deref())?;
    if cmd.ui.volume.json {
        cmd.ui.json(&LayersJson::of(&report))?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = cmd.ui.theme;
    let mut total = 0;
    for entry in &report.layers {
        total += entry.layer.size;
        let missing = match entry.present {
            true => String::new(),
            false => paint(theme.error, "  (missing)"),
        };
        let files = plural(entry.layer.files, "file", "files");
        cmd.ui.print(&format!(
            "{} {:>10}  {files:>14}  {} {}{missing}\n",
            paint(theme.aside, entry.layer.digest),
            size(entry.layer.size),
            paint(theme.id, &entry.short),
            theme.foreign(&entry.subject)
        ))?;
    }
    let count = plural(report.layers.len() as u64, "layer", "layers");
    cmd.ui
        .note(&format!("{count}, {} in {}", size(total), report.dir.display()));
    Ok(ExitCode::SUCCESS)
}
