//! `envgit clone`.

use std::path::PathBuf;
use std::process::ExitCode;

use dialoguer::Input;

use crate::cli::consent;
use crate::cli::context::{CommandContext, World};
use crate::cli::error::{CliError, FAILED};
use crate::cli::question::ask;
use crate::cli::{identity, json, render};
use crate::config::User;
use crate::fsx;
use crate::ops::clone::{Asker, CloneOptions, ClonePlan, Cloner, Here, Refusal, RootPlace, clone};
use crate::ops::remotes;
use crate::remote::address;

/// Make a repository of your own from another, with its environments at places of this machine.
///
/// The history comes first. Then it is said what speaks against it (room, places, the machine), all at once, before any
/// layer moves; then the layers come, and the newest state is checked out. A clone that was cut off goes on when the same
/// command is run again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit clone /mnt/team/glm                     into ./glm
  envgit clone ../ada/glm my-glm                 from another repository on this machine
  envgit clone --root env=~/envs/glm URL         with the root env at that place
  envgit clone --history URL                     no layers: log works at once, and diff, why and check of commits
  envgit clone --dry-run URL                     what would be done")]
pub(in crate::cli) struct Args {
    /// Where the other repository is.
    #[arg(value_name = "URL")]
    url: String,
    /// The folder to make; named after the URL when absent.
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The branch, tag or commit to check out. A branch follows the one over there; a tag or commit leaves HEAD on no
    /// branch, as with git.
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// Where a root shall stand. May be repeated.
    #[arg(long = "root", value_name = "NAME=PATH")]
    roots: Vec<String>,
    /// Only what these people signed: a file of allowed signers, as ssh-keygen(1) describes it. A branch, tag or commit
    /// without a good signature of one of them is refused before any layer moves.
    #[arg(long, value_name = "KEYS")]
    verify: Option<PathBuf>,
    /// Only the history, no layers; nothing is checked out.
    #[arg(long)]
    history: bool,
    /// Show what would be done and leave nothing behind.
    #[arg(long)]
    dry_run: bool,
    /// Take what is proposed, ask nothing.
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    if address::holds_password(&args.url) {
        return Err(
            CliError::usage("the address holds a password, token or key, which would stand in a file")
                .hinting("leave it out: docs/remotes.md tells where credentials are looked for"),
        );
    }
    let url = remotes::absolute(&args.url, &cmd.world.cwd);
    let project = match &args.dir {
        Some(dir) => cmd.world.cwd.join(dir),
        None => cmd.world.cwd.join(name_of(&url)?),
    };
    let options = CloneOptions {
        url,
        rev: args.rev.clone(),
        roots: given(cmd, &args.roots)?,
        history_only: args.history,
        verify: args.verify.as_ref().map(|file| cmd.world.cwd.join(file)),
        dry_run: args.dry_run,
        here: Here {
            project: fsx::plain(&project),
            home: cmd.world.home(),
            vars: cmd.world.vars.clone(),
        },
        registry: cmd.world.registry(),
    };
    let bars = cmd.bars();
    let cloner = Cloner {
        who: identity::of(&User::default(), &cmd.world),
        now: cmd.world.now()?,
        env: cmd.world.vars.clone().into_iter().collect(),
        progress: &bars,
    };
    let asks = !args.yes && !args.dry_run && !args.history;
    let report = clone(&options, &cloner, &mut Terminal { cmd, asks })?;
    drop(bars);
    let (volume, theme) = (cmd.ui.volume, cmd.ui.theme);
    let cannot = report.plan.obstacles.iter().any(|obstacle| obstacle.is_fatal);
    let code = if cannot {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    };
    if volume.json {
        cmd.ui.json(&json::exchange::CloneJson::of(&report))?;
        return Ok(code);
    }
    if report.plan.dry_run {
        cmd.ui.print(&render::exchange::plan(&report.plan, &theme))?;
        return Ok(code);
    }
    cmd.ui.print(&render::exchange::cloned(&report, &theme))?;
    let next = render::exchange::next(&report).into_iter();
    for line in next.chain(render::exchange::otherwise(&report.otherwise)) {
        cmd.ui.hint(&line);
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder that a clone goes into when none is named.
fn name_of(url: &str) -> Result<String, CliError> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty() && *part != ".envgit");
    let name = parts.next().unwrap_or_default();
    match name.is_empty() || name == ".." || name.ends_with(':') {
        true => Err(CliError::usage("the address names no folder").hinting("name one: envgit clone URL FOLDER")),
        false => Ok(name.to_owned()),
    }
}

/// `NAME=PATH`, the path made absolute.
fn given(cmd: &CommandContext<'_>, roots: &[String]) -> Result<Vec<(String, PathBuf)>, CliError> {
    let parse = |spec: &String| {
        let parts = spec
            .split_once('=')
            .filter(|(name, path)| !name.is_empty() && !path.is_empty());
        let (name, path) = parts.ok_or_else(|| {
            CliError::usage(format!("{spec:?} does not say where a root stands")).hinting("write --root NAME=PATH")
        })?;
        Ok((name.to_owned(), absolute(&cmd.world, path)))
    };
    roots.iter().map(parse).collect()
}

fn absolute(world: &World, path: &str) -> PathBuf {
    // The shell leaves a ~ behind = alone.
    let path = match (path.strip_prefix("~/"), world.home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => world.cwd.join(path),
    };
    fsx::plain(&path)
}

/// Asks on a terminal; elsewhere takes what is proposed.
struct Terminal<'a, 'c> {
    cmd: &'a mut CommandContext<'c>,
    asks: bool,
}

impl Terminal<'_, '_> {
    /// Asks for the place of one root until it is one that can be taken.
    fn place(&mut self, root: &RootPlace, refusal: &dyn Fn(&RootPlace) -> Option<String>) -> Option<PathBuf> {
        let proposed = root.path.display().to_string();
        let world = &self.cmd.world;
        let meant = |text: &str| match text == proposed {
            true => root.path.clone(),
            false => absolute(world, text),
        };
        let prompt = Input::<String>::new()
            .with_prompt(format!("Where shall {} ({}) stand?", root.name, root.kind))
            .default(proposed.clone())
            .validate_with(|text: &String| {
                let path = meant(text);
                refusal(&RootPlace { path, ..root.clone() }).map_or(Ok(()), Err)
            });
        let answer = ask(self.cmd.ui, || prompt.interact_text()).ok().flatten();
        answer.map(|text| meant(&text))
    }
}

impl Asker for Terminal<'_, '_> {
    fn places(&mut self, roots: &mut [RootPlace], refusal: &Refusal) -> bool {
        if !self.asks || !self.cmd.ui.can_ask() {
            return true;
        }
        for at in 0..roots.len() {
            if roots[at].is_given {
                continue;
            }
            // Those that are settled: asked for, or said.
            let others: Vec<RootPlace> = (roots.iter().enumerate())
                .filter(|(number, other)| *number < at || other.is_given)
                .map(|(_, other)| other.clone())
                .collect();
            match self.place(&roots[at], &|place| refusal(place, &others)) {
                Some(path) => roots[at].path = path,
                None => return false,
            }
        }
        true
    }

    fn agrees(&mut self, plan: &ClonePlan) -> bool {
        if !self.asks || !self.cmd.ui.can_ask() {
            return true;
        }
        let theme = self.cmd.ui.err_theme();
        let text = render::exchange::plan(plan, &theme);
        self.cmd.ui.complain(&text);
        consent::yes(self.cmd, "Go on?")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_named_after_its_address() {
        for (url, name) in [
            ("/mnt/team/glm", "glm"),
            ("/home/ada/glm/.envgit", "glm"),
            ("s3://team/envs/glm/", "glm"),
            ("https://host/glm?region=x", "glm"),
        ] {
            assert_eq!(name_of(url).unwrap(), name, "{url}");
        }
        assert!(name_of("/").is_err() && name_of("s3://").is_err());
    }
}
