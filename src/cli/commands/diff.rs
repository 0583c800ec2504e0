//! `envgit diff`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::context::{CommandContext, path_texts};
use crate::cli::error::CliError;
use crate::cli::render::diff::{Configs, Files, Sections};
use crate::cli::{json, render};
use crate::fsx::{Context as _, atomic};
use crate::ops::diff::{DiffOptions, diff};
use crate::ops::folders::diff_folders;
use crate::ops::report::DiffReport;

/// Show what differs between two states: packages, configs, variables, files.
///
/// Without revisions, the last commit is compared with the live state; with one, that commit is.
///
/// With --env, two folders are compared as they stand, without a repository: conda prefixes, virtual environments, or
/// any others. All of both is read and nothing is written. Times do not count there, nor byte code (.pyc), nor what
/// differs only in the folders' own paths (in text, links, and strings of binaries) or in what RECORD and conda-meta say of
/// such files.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit diff                          what changed since the last commit
  envgit diff v1                       what changed since v1
  envgit diff v1..v2 --packages        which packages differ between two commits
  envgit diff HEAD~1 HEAD -- configs/  only below that folder
  envgit diff v1 v2 --html what.html   a page to send to a colleague
  envgit diff --configs --text         config files line by line
  envgit diff --env /envs/a /envs/b    two environments that no repository knows")]
pub(in crate::cli) struct Args {
    /// The older state, or both as A..B.
    #[arg(value_name = "A")]
    from: Option<String>,
    /// The newer state; the live one when absent.
    #[arg(value_name = "B")]
    to: Option<String>,
    /// Compare two folders, in or without any repository.
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["from", "to", "paths", "roots"])]
    env: Vec<PathBuf>,
    /// Show packages, and nothing else that is not asked for.
    #[arg(long)]
    packages: bool,
    /// Show config files, and nothing else that is not asked for.
    #[arg(long)]
    configs: bool,
    /// List files, and nothing else that is not asked for.
    #[arg(long)]
    files: bool,
    /// Show variables, and nothing else that is not asked for.
    #[arg(long)]
    vars: bool,
    /// Show config files as unified diffs of their text instead of by record.
    #[arg(long)]
    text: bool,
    /// Show how much changed, one line a root.
    #[arg(long, group = "listing")]
    stat: bool,
    /// Show the paths that differ as ROOT:PATH, one a line, and nothing else.
    #[arg(long, group = "listing")]
    name_only: bool,
    /// The same with a letter and a tab before each: A added, M modified, D removed, m mode or time only.
    #[arg(long, group = "listing")]
    name_status: bool,
    /// Only this root. May be repeated.
    #[arg(long = "root", value_name = "NAME")]
    roots: Vec<String>,
    /// Write Markdown, for a pull request or a chat.
    #[arg(long, conflicts_with_all = ["json", "listing"])]
    markdown: bool,
    /// Write one self-contained page to FILE, with everything that differs.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "listing", "markdown"])]
    html: Option<PathBuf>,
    /// Exit with 1 if anything differs.
    #[arg(long)]
    exit_code: bool,
    /// Only these paths: relative to the current folder, absolute, or ROOT:PATH; patterns as in git, without
    /// its signs such as `:!`. A folder also stands for the roots in it.
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<OsString>,
}

impl Args {
    /// All sections, unless some are asked for. Of config files the first records, or with `verbose` all.
    fn sections(&self, verbose: bool) -> Sections {
        let all = !(self.packages || self.configs || self.files || self.vars);
        Sections {
            packages: all || self.packages,
            configs: match (all || self.configs, self.text) {
                (false, _) => Configs::Hidden,
                (true, false) => Configs::Records { all: verbose },
                (true, true) => Configs::Diffs,
            },
            vars: all || self.vars,
            files: match (self.files, all) {
                (true, _) => Files::Paths,
                (false, true) => Files::Counts,
                (false, false) => Files::Hidden,
            },
        }
    }

    /// The two revisions; `A..B` is both.
    fn sides(&self) -> Result<(Option<String>, Option<String>), CliError> {
        let range = self.from.as_deref().and_then(|from| from.split_once(".."));
        let Some((from, to)) = range else {
            return Ok((self.from.clone(), self.to.clone()));
        };
        if self.to.is_some() || to.starts_with('.') {
            return Err(CliError::usage("two states can be compared, not more").hinting("write A..B or A B"));
        }
        let or_head = |rev: &str| Some(if rev.is_empty() { "HEAD" } else { rev }.to_owned());
        Ok((or_head(from), or_head(to)))
    }
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let report = match args.env.as_slice() {
        [] => of_states(cmd, args)?,
        [from, to] => {
            let place = |path: &PathBuf| cmd.world.cwd.join(path);
            diff_folders(&place(from), &place(to), &cmd.bars())?
        }
        _ => return Err(CliError::usage("two folders can be compared, not more").hinting("write --env A B once")),
    };
    let sections = args.sections(cmd.ui.volume.verbose);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::diff::DiffJson::of(&report, sections))?;
    } else if let Some(file) = &args.html {
        let file = cmd.world.cwd.join(file);
        write_page(&file, render::html::page(&report).as_bytes())?;
        cmd.ui.warn_all(&report.warnings);
        cmd.ui.note(&format!("wrote {}", file.display()));
    } else {
        cmd.ui.warn_all(&report.warnings);
        let text = if args.markdown {
            render::markdown::diff(&report)
        } else if args.stat {
            render::diff::stat(&report.changes, &cmd.ui.theme)
        } else if args.name_only || args.name_status {
            render::diff::names(&report.changes, args.name_status)
        } else {
            render::diff::diff(&report, sections, &cmd.ui.theme)
        };
        cmd.ui.print(&text)?;
    }
    let differs = args.exit_code && !report.changes.is_empty();
    Ok(if differs { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Replaces a file as a whole, and writes into what is none: a device, a pipe, what a link leads to.
fn write_page(file: &Path, page: &[u8]) -> Result<(), CliError> {
    match file.symlink_metadata() {
        Ok(meta) if !meta.is_file() => std::fs::write(file, page).at("write", file)?,
        _ => atomic::write(file, page)?,
    }
    Ok(())
}

/// The comparison of two states of the repository.
fn of_states(cmd: &CommandContext<'_>, args: &Args) -> Result<DiffReport, CliError> {
    let (from, to) = args.sides()?;
    let options = DiffOptions {
        from,
        to,
        roots: args.roots.clone(),
        paths: path_texts(&args.paths),
        cwd: cmd.world.cwd.clone(),
    };
    let bars = cmd.bars();
    let mut session = cmd.session("diff", &bars)?;
    Ok(diff(&mut session, &options)?)
}
