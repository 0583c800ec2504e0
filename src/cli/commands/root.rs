//! `envgit root`.

use std::process::ExitCode;

use crate::capture::detect::parse_root_spec;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::roots;

/// List, add or remove roots: the directory trees under version control.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit root
  envgit root add env=/opt/conda/envs/glm
  envgit root add models=~/.cache/huggingface:cache
  envgit root remove models")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the roots. This is what happens without a subcommand, too.
    List,
    /// Add a root; the next commit records it.
    Add {
        /// Its name and directory. KIND is conda, venv, project or cache; POLICY is exact or tracked.
        #[arg(value_name = "NAME=PATH[:KIND[:POLICY]]")]
        spec: String,
    },
    /// Remove a root. Its files stay, and so do its commits.
    Remove {
        /// The name.
        name: String,
    },
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("root", &bars)?;
    let registry = cmd.world.registry();
    let said = match &args.action {
        None | Some(Action::List) => None,
        Some(Action::Add { spec }) => {
            let root = parse_root_spec(spec, &cmd.world.cwd)?;
            roots::add(&mut session, &root, registry.as_ref())?;
            Some(format!("Added root {} at {}", root.name, root.path.display()))
        }
        Some(Action::Remove { name }) => {
            roots::remove(&mut session, name, registry.as_ref())?;
            Some(format!("Removed root {name}; its files and commits stay"))
        }
    };
    // As the file says now.
    let repo = cmd.repo()?;
    let roots = &repo.config().roots;
    let theme = cmd.ui.theme;
    match said {
        _ if cmd.ui.volume.json => cmd.ui.json(&json::lists::RootsJson::of(roots))?,
        Some(said) => {
            cmd.ui.print(&format!("{said}\n"))?;
            cmd.ui.hint("the next commit takes it into account: envgit commit");
        }
        None => cmd.ui.print(&render::lists::roots(roots, &theme))?,
    }
    Ok(ExitCode::SUCCESS)
}
