//! `envgit branch`

use std::process::ExitCode;

use anstyle::Style;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::history::RefsJson;
use crate::cli::theme::{Theme, paint};
use crate::ops::refs::{branches, create_branch, delete_branch, rename_branch};
use crate::ops::report::RefEntry;

/// List, make, rename or remove branches: names that follow the commits made on them.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The branch to make; without it all are listed.
    name: Option<String>,
    /// Where to start it; HEAD when left out. With -m: the new name.
    #[arg(value_name = "REV", requires = "name")]
    rev: Option<String>,
    /// Move a branch that exists.
    #[arg(short, long, requires = "name")]
    force: bool,
    /// Rename NAME to REV.
    #[arg(short, long, requires = "rev", conflicts_with_all = ["force", "delete", "delete_always"])]
    move_: bool,
    /// Remove the branch if its commits are reachable from elsewhere.
    #[arg(short, long, requires = "name", conflicts_with_all = ["rev", "force"])]
    delete: bool,
    /// Remove the branch in any case.
    #[arg(short = 'D', requires = "name", conflicts_with_all = ["rev", "force", "delete"])]
    delete_always: bool,
}

/// Lists, makes, renames or removes.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("branch", &bars)?;
    let theme = cmd.ui.theme;
    let Some(name) = &args.name else {
        let all = branches(&mut session)?;
        if cmd.ui.volume.json {
            cmd.ui.json(&RefsJson::of(&all))?;
        } else {
            cmd.ui.print(&table(&all, theme.branch, &theme))?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let rev = args.rev.as_deref();
    let (entry, verb) = match rev {
        Some(new) if args.move_ => (rename_branch(&mut session, name, new)?, "Renamed to"),
        _ if args.delete || args.delete_always => (
            delete_branch(&mut session, name, args.delete_always)?,
            "Removed the branch",
        ),
        rev => (create_branch(&mut session, name, rev, args.force)?, "Branch"),
    };
    if cmd.ui.volume.json {
        cmd.ui.json(&RefsJson::of(&[entry]))?;
    } else {
        let at = paint(theme.id, &entry.short);
        let name = paint(theme.branch, &entry.name);
        cmd.ui
            .print(&format!("{verb} {name}: {at} {}\n", theme.foreign(&entry.subject)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Names in aligned columns, the current one marked.
pub(super) fn table(entries: &[RefEntry], style: Style, theme: &Theme) -> String {
    let width = entries
        .iter()
        .map(|entry| entry.name.chars().count())
        .max()
        .unwrap_or(0);
    let line = |entry: &RefEntry| {
        let mark = if entry.is_current { "* " } else { "  " };
        let pad = " ".repeat(width - entry.name.chars().count());
        let (name, short) = (paint(style, &entry.name), paint(theme.id, &entry.short));
        format!("{mark}{name}{pad}  {short} {}\n", theme.foreign(&entry.subject))
    };
    entries.iter().map(line).collect()
}
