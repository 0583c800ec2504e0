//! `envgit root`

use std::process::ExitCode;

use crate::capture::detect::parse_root_spec;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::state::RootsJson;
use crate::ops::roots::{add, remove};
use crate::snapshot::root::Root;

/// List, add or remove what is under version control.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the roots (the default).
    List,
    /// Version one more directory, from the next commit on.
    Add {
        /// The directory; KIND is conda, venv, project or cache, POLICY is exact or tracked.
        #[arg(value_name = "NAME=PATH[:KIND[:POLICY]]")]
        spec: String,
    },
    /// Version a directory no longer. Its files and its history stay.
    Remove {
        /// The root's name.
        name: String,
    },
}

/// Lists, adds or removes.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let registry = cmd.world.registry();
    match &args.verb {
        None | Some(Verb::List) => {}
        Some(Verb::Add { spec }) => {
            let root = parse_root_spec(spec, &cmd.world.cwd)?;
            add(&mut cmd.session("root add", &bars)?, &root, registry.as_ref())?;
        }
        Some(Verb::Remove { name }) => remove(&mut cmd.session("root remove", &bars)?, name, registry.as_ref())?,
    }
    let repo = cmd.repo()?;
    let roots = &repo.config().roots;
    if cmd.ui.volume.json {
        cmd.ui.json(&RootsJson::of(repo.dir(), roots))?;
    } else {
        cmd.ui.print(&table(roots))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Roots in aligned columns.
pub(super) fn table(roots: &[Root]) -> String {
    let width = |each: fn(&Root) -> String| roots.iter().map(|root| each(root).chars().count()).max().unwrap_or(0);
    let name = width(|root| root.name.to_string());
    let kind = width(|root| format!("{}, {}", root.kind, root.policy));
    let line = |root: &Root| {
        let facts = format!("{}, {}", root.kind, root.policy);
        format!(
            "  {:name$}  {facts:kind$}  {}\n",
            root.name.as_str(),
            root.path.display()
        )
    };
    roots.iter().map(line).collect()
}
