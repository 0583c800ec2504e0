//! `envgit init`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::capture::detect::{Proposal, parse_root_spec, propose};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::state::RootsJson;
use crate::cli::theme::paint;
use crate::fsx::{self, Context as _};
use crate::ops::init::{InitOptions, init};
use crate::repo::{self, DIR_NAME};
use crate::snapshot::root::{Kind, Root};

/// Make a repository in a project folder.
///
/// Finds the active conda environment or venv, the project folder and model caches by itself, and asks on a terminal
/// which of them to version. What is inside another root belongs to the inner one only.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit init                                     asks on a terminal, else takes the proposal
  envgit init --root torch29=/opt/conda/envs/torch29 --no-project
  envgit init --root data=/srv/data:cache:tracked")]
pub(in crate::cli) struct Args {
    /// The project folder; made if it is not there.
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Version this directory; KIND is conda, venv, project or cache, POLICY is exact or tracked. May be repeated.
    /// Nothing else is proposed then but the project folder.
    #[arg(long, value_name = "NAME=PATH[:KIND[:POLICY]]")]
    root: Vec<String>,
    /// Leave the project folder itself out.
    #[arg(long)]
    no_project: bool,
    /// Take the proposal without asking.
    #[arg(short, long)]
    yes: bool,
}

/// Makes the repository.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let project: PathBuf = cmd.world.cwd.join(&args.path).components().collect();
    let existing = project.join(DIR_NAME);
    if existing.join("format.json").exists() {
        return Err(repo::Error::Exists { dir: existing }.into());
    }
    let roots = roots(cmd, args, &project)?;
    if roots.is_empty() {
        return Err(CliError::usage("there is nothing to version: no root was chosen")
            .hinting("name one: envgit init --root NAME=PATH"));
    }
    fsx::create_dir_all(&project)?;
    let options = InitOptions {
        project: project.canonicalize().at("look at", &project)?,
        roots,
        registry: cmd.world.registry(),
    };
    let report = init(&options)?;
    if cmd.ui.volume.json {
        cmd.ui.json(&RootsJson::of_init(&report))?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = cmd.ui.theme;
    let mut text = format!("{} {}\n", paint(theme.title, "New repository:"), report.dir.display());
    text.push_str(&super::root::table(&report.roots));
    cmd.ui.print(&text)?;
    for file in &report.ignore_files {
        cmd.ui.note(&format!(
            "{} says what is left out; edit it as you like",
            file.display()
        ));
    }
    cmd.ui.hint("record the state with: envgit commit -t works");
    Ok(ExitCode::SUCCESS)
}

fn roots(cmd: &mut CommandContext<'_>, args: &Args, project: &Path) -> Result<Vec<Root>, CliError> {
    let proposals: Vec<Proposal> = propose(&cmd.world.surroundings(project))
        .into_iter()
        .filter(|proposal| !(args.no_project && proposal.root.path == project))
        .collect();
    if args.root.is_empty() {
        return choose(cmd, args, proposals);
    }
    let mut roots = Vec::new();
    for spec in &args.root {
        roots.push(parse_root_spec(spec, &cmd.world.cwd)?);
    }
    let own = proposals
        .into_iter()
        .map(|proposal| proposal.root)
        .find(|root| root.path == project);
    if let Some(mut own) = own
        && !roots.iter().any(|root| root.path == own.path)
    {
        if roots.iter().any(|root| root.name == own.name)
            && let Ok(name) = format!("{}-project", own.name).parse()
        {
            own.name = name;
        }
        debug_assert_eq!(own.kind, Kind::Project);
        roots.push(own);
    }
    Ok(roots)
}

fn choose(cmd: &mut CommandContext<'_>, args: &Args, proposals: Vec<Proposal>) -> Result<Vec<Root>, CliError> {
    let taken: Vec<bool> = proposals.iter().map(|proposal| proposal.preselected).collect();
    let chosen: Vec<usize> = if cmd.ui.can_ask() && !args.yes && !proposals.is_empty() {
        let lines: Vec<String> = proposals
            .iter()
            .map(|proposal| {
                format!(
                    "{}  {}  ({})",
                    proposal.root.name,
                    proposal.root.path.display(),
                    proposal.why
                )
            })
            .collect();
        let picked = dialoguer::MultiSelect::new()
            .with_prompt("Which directories shall envgit version? (space selects, enter ends)")
            .items(&lines)
            .defaults(&taken)
            .interact_opt();
        match picked {
            Ok(Some(picked)) => picked,
            Ok(None) => return Err(crate::ops::Error::Declined.into()),
            Err(dialoguer::Error::IO(error)) => return Err(error.into()),
        }
    } else {
        (0..proposals.len()).filter(|at| taken[*at]).collect()
    };
    Ok(proposals
        .into_iter()
        .enumerate()
        .filter(|(at, _)| chosen.contains(at))
        .map(|(_, proposal)| proposal.root)
        .collect())
}
