//! `envgit tag`

use std::process::ExitCode;

use super::branch::table;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::history::RefsJson;
use crate::cli::theme::paint;
use crate::ops::refs::{create_tag, delete_tag, tags};

/// List, make or remove tags: names that stay where they are put.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The tag to make; without it all are listed.
    name: Option<String>,
    /// Where to put it; HEAD when left out.
    #[arg(requires = "name")]
    rev: Option<String>,
    /// Say what it is for.
    #[arg(short, long, value_name = "MSG", requires = "name")]
    message: Option<String>,
    /// Move a tag that exists.
    #[arg(short, long, requires = "name")]
    force: bool,
    /// Remove the tag.
    #[arg(short, long, requires = "name", conflicts_with_all = ["rev", "message", "force"])]
    delete: bool,
}

/// Lists, makes or removes.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("tag", &bars)?;
    let theme = cmd.ui.theme;
    let Some(name) = &args.name else {
        let all = tags(&mut session)?;
        if cmd.ui.volume.json {
            cmd.ui.json(&RefsJson::of(&all))?;
        } else {
            cmd.ui.print(&table(&all, theme.tag, &theme))?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let (entry, verb) = if args.delete {
        (delete_tag(&mut session, name)?, "Removed the tag")
    } else {
        let message = args.message.as_deref();
        let made = create_tag(&mut session, name, args.rev.as_deref(), message, args.force)?;
        (made, "Tagged as")
    };
    if cmd.ui.volume.json {
        cmd.ui.json(&RefsJson::of(&[entry]))?;
    } else {
        let at = paint(theme.id, &entry.short);
        cmd.ui.print(&format!(
            "{verb} {}: {at} {}\n",
            paint(theme.tag, name),
            theme.foreign(&entry.subject)
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
