//! `envgit branch`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::theme::paint;
use crate::cli::{json, render};
use crate::ops::refs::{self, BranchScope};
use crate::ops::report::RefEntry;

/// List, make, rename or remove branches.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit branch                      list them, the current one marked with *
  envgit branch -a                   those of remotes too
  envgit branch try-torch-2.9 v1     start one at v1, without going there
  envgit branch -m try-torch-2.9 torch-2.9
  envgit branch -d torch-2.9")]
pub(in crate::cli) struct Args {
    /// The branch; none to list all.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Where to start it (the current commit when absent); with -m, its new name.
    #[arg(value_name = "REV", conflicts_with_all = ["delete", "delete_forced"])]
    rev: Option<String>,
    /// List those that match, with * for any characters.
    #[arg(short, long, value_name = "PATTERN", num_args = 0.., conflicts_with = "name")]
    list: Option<Vec<String>>,
    /// List the branches of remotes, as they were at the last fetch.
    #[arg(short, long, conflicts_with = "name")]
    remotes: bool,
    /// List the branches of remotes too.
    #[arg(short, long, conflicts_with_all = ["name", "remotes"])]
    all: bool,
    /// Move a branch that there is already.
    #[arg(short, long, requires = "name")]
    force: bool,
    /// Remove the branch, if its commits are also in another one.
    #[arg(short, long, requires = "name")]
    delete: bool,
    /// Remove the branch in any case.
    #[arg(short = 'D', requires = "name")]
    delete_forced: bool,
    /// Rename a branch: -m OLD NEW, or -m NEW for the current one.
    #[arg(short = 'm', long = "move", requires = "name", conflicts_with_all = ["delete", "delete_forced", "force"])]
    rename: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("branch", &bars)?;
    let theme = cmd.ui.theme;
    let rev = args.rev.as_deref();
    let told = |entry: &RefEntry| (paint(theme.branch, &entry.name), paint(theme.id, &entry.short));
    let (entry, text) = match args.name.as_deref() {
        None => {
            let scope = match (args.remotes, args.all) {
                (true, _) => BranchScope::Remote,
                (_, true) => BranchScope::All,
                _ => BranchScope::Local,
            };
            let entries = refs::branches(&mut session, scope, args.list.as_deref().unwrap_or_default())?;
            return match cmd.ui.volume.json {
                true => cmd.ui.json(&json::lists::RefsJson::of(&entries)),
                false => cmd.ui.print(&render::lists::refs(&entries, &theme)),
            }
            .map(|()| ExitCode::SUCCESS);
        }
        Some(name) if args.delete || args.delete_forced => {
            let forced = args.delete_forced || args.force;
            let entry = refs::delete_branch(&mut session, name, forced)?;
            let (name, id) = told(&entry);
            (entry, format!("Removed branch {name} (was {id})\n"))
        }
        Some(name) if args.rename => {
            let (old, new) = match rev {
                Some(new) => (name.to_owned(), new),
                None => (current(&mut session)?, name),
            };
            let entry = refs::rename_branch(&mut session, &old, new)?;
            let (name, _) = told(&entry);
            (entry, format!("Renamed branch {old} to {name}\n"))
        }
        Some(name) => {
            let entry = refs::create_branch(&mut session, name, rev, args.force)?;
            let (name, id) = told(&entry);
            let text = format!("Branch {name} is at {id}\n");
            if !entry.is_current {
                let plain = &entry.name;
                cmd.ui.hint(&format!("go there with: envgit checkout {plain}"));
            }
            (entry, text)
        }
    };
    match cmd.ui.volume.json {
        true => cmd.ui.json(&json::lists::RefsJson::of(&[entry]))?,
        false => cmd.ui.print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The branch that HEAD is on.
fn current(session: &mut crate::ops::Session<'_>) -> Result<String, CliError> {
    let branches = refs::branches(session, BranchScope::Local, &[])?;
    let current = branches.into_iter().find(|branch| branch.is_current);
    let current = current.ok_or_else(|| CliError::usage("there is no current branch to rename"));
    Ok(current
        .map_err(|error| error.hinting("name it: envgit branch -m OLD NEW"))?
        .name)
}
