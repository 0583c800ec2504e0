//! `envgit man`

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::fsx::{self, Context as _, atomic};

/// Write the man pages into a folder.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The folder, such as ~/.local/share/man/man1.
    dir: PathBuf,
}

/// Writes.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let dir = cmd.world.cwd.join(&args.dir);
    fsx::create_dir_all(&dir)?;
    let mut command = crate::cli::command();
    command.build();
    let pages = write_pages(&command, "envgit", &dir)?;
    cmd.ui.note(&format!("wrote {pages} pages into {}", dir.display()));
    Ok(ExitCode::SUCCESS)
}

fn write_pages(command: &clap::Command, name: &str, dir: &std::path::Path) -> Result<usize, CliError> {
    let path = dir.join(format!("{name}.1"));
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name)
        .render(&mut page)
        .at("write", &path)?;
    atomic::write_cache(&path, &page)?;
    let mut pages = 1;
    for sub in command.get_subcommands() {
        pages += write_pages(sub, &format!("{name}-{}", sub.get_name()), dir)?;
    }
    Ok(pages)
}
