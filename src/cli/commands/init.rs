//! `envgit init`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dialoguer::MultiSelect;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};

use crate::capture::detect::{Proposal, parse_root_spec, propose};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::question::ask;
use crate::cli::{json, render};
use crate::fsx;
use crate::ops::init::{InitOptions, init};
use crate::snapshot::root::{Kind, Root, RootName};

/// Put a project folder and its environments under version control.
///
/// Finds the active conda environment, the active or local virtual environment, the project folder and model caches,
/// and proposes them as roots. On a terminal it asks; otherwise, or with --yes, it takes what it proposes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit init                                  ask what to record, here
  envgit init --yes ~/GLM-TTS                  take the proposal, for another folder
  envgit init --root env=/opt/conda/envs/glm   that environment and the project folder")]
pub(in crate::cli) struct Args {
    /// The project folder: .envgit is made in it. The current folder when absent.
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// Record this directory. KIND is conda, venv, project or cache; POLICY is exact or tracked. May be repeated.
    #[arg(long = "root", value_name = "NAME=PATH[:KIND[:POLICY]]")]
    roots: Vec<String>,
    /// Leave the project folder out.
    #[arg(long)]
    no_project: bool,
    /// Take what is proposed, ask nothing.
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let given = args.path.as_deref().unwrap_or(Path::new("."));
    let project = fsx::plain(&cmd.world.cwd.join(given));
    if project.join(crate::repo::DIR_NAME).join("format.json").exists() {
        // Before any question is asked.
        let dir = project.join(crate::repo::DIR_NAME);
        return Err(crate::repo::Error::Exists { dir }.into());
    }
    fsx::create_dir_all(&project)?;
    let mut proposals = propose(&cmd.world.surroundings(&project));
    if args.no_project {
        proposals.retain(|proposal| proposal.root.path != project);
    }
    let roots = if args.roots.is_empty() {
        choose(cmd, args, proposals)?
    } else {
        spelled_out(cmd, args, &project, proposals)?
    };
    if roots.is_empty() {
        return Err(CliError::usage("there is nothing to record")
            .hinting("activate the environment first, or name it: envgit init --root env=/path/to/environment"));
    }
    let options = InitOptions {
        project,
        roots,
        registry: cmd.world.registry(),
    };
    let report = init(&options)?;
    if cmd.ui.volume.json {
        cmd.ui.json(&json::lists::InitJson::of(&report))?;
    } else {
        let text = render::lists::init(&report, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    cmd.ui.hint("record the present state with: envgit commit -m \"works\"");
    Ok(ExitCode::SUCCESS)
}

/// The roots of `--root`, and the project folder.
fn spelled_out(
    cmd: &CommandContext<'_>,
    args: &Args,
    project: &Path,
    proposals: Vec<Proposal>,
) -> Result<Vec<Root>, CliError> {
    let mut roots = Vec::new();
    for spec in &args.roots {
        roots.push(parse_root_spec(spec, &cmd.world.cwd)?);
    }
    let folder = proposals
        .into_iter()
        .find(|proposal| proposal.root.path == project && proposal.root.kind == Kind::Project && proposal.preselected);
    if let Some(Proposal { root: mut folder, .. }) = folder
        && !roots.iter().any(|root: &Root| root.path == folder.path)
    {
        if roots.iter().any(|root| root.name == folder.name) {
            folder.name = RootName::from_lossy(&format!("{}-project", folder.name));
        }
        roots.push(folder);
    }
    Ok(roots)
}

/// What the user picks of the proposals, or what is preselected.
fn choose(cmd: &mut CommandContext<'_>, args: &Args, proposals: Vec<Proposal>) -> Result<Vec<Root>, CliError> {
    if proposals.is_empty() || args.yes || !cmd.ui.can_ask() {
        let taken = proposals.into_iter().filter(|proposal| proposal.preselected);
        return Ok(taken.map(|proposal| proposal.root).collect());
    }
    let labels: Vec<String> = proposals
        .iter()
        .map(|proposal| {
            let Root { name, path, kind, .. } = &proposal.root;
            format!("{name}  {}  ({kind}: {})", path.display(), proposal.why)
        })
        .collect();
    let defaults: Vec<bool> = proposals.iter().map(|proposal| proposal.preselected).collect();
    let (colorful, simple) = (ColorfulTheme::default(), SimpleTheme);
    let theme: &dyn Theme = if cmd.ui.err_theme().is_color {
        &colorful
    } else {
        &simple
    };
    let prompt = MultiSelect::with_theme(theme)
        .with_prompt("What to record (space selects, enter accepts)")
        .items(&labels)
        .defaults(&defaults);
    let answer = ask(cmd.ui, || prompt.interact_opt())
        .map_err(|error| CliError::usage(format!("cannot ask: {error}")).hinting("use --yes or --root"))?;
    let chosen = answer.flatten().ok_or(crate::ops::Error::Declined)?;
    let picked = proposals
        .into_iter()
        .enumerate()
        .filter(|(index, _)| chosen.contains(index));
    Ok(picked.map(|(_, proposal)| proposal.root).collect())
}
