//! `envgit commit`

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::history::CommitJson;
use crate::cli::render::changes::summary;
use crate::cli::render::numbers::{plural, size};
use crate::cli::theme::{Theme, paint};
use crate::ops::commit::{CommitOptions, commit};
use crate::ops::report::CommitReport;

/// Record the whole state: packages, files, configs, variables.
///
/// When nothing has changed since the last commit, says so and makes none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit commit -t pre-upgrade-torch29       a save point with a name
  envgit commit -m 'pitch tracking works'
  envgit commit                              the message is written from the changes")]
pub(in crate::cli) struct Args {
    /// The message; written from the changes when left out.
    #[arg(short, long, value_name = "MSG")]
    message: Option<String>,
    /// Also give the commit this tag. May be repeated. When nothing has changed, HEAD gets it.
    #[arg(short, long, value_name = "TAG")]
    tag: Vec<String>,
    /// Start this branch with the commit.
    #[arg(short, long, value_name = "BRANCH")]
    branch: Option<String>,
    /// Commit even if nothing has changed.
    #[arg(long)]
    allow_empty: bool,
    /// Leave out files that cannot be read, and list them.
    #[arg(long)]
    skip_unreadable: bool,
}

/// Commits.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let options = CommitOptions {
        message: args.message.clone(),
        tags: args.tag.clone(),
        branch: args.branch.clone(),
        allow_empty: args.allow_empty,
        skip_unreadable: args.skip_unreadable,
    };
    let report = commit(&mut cmd.session("commit", &bars)?, &options)?;
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&CommitJson::of(&report))?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = cmd.ui.theme;
    cmd.ui.print(&text(&report, &theme))?;
    for path in &report.skipped {
        cmd.ui.warn(&format!("not recorded: {path}"));
    }
    cmd.ui.warn_all(&report.warnings);
    if report.is_first && report.commit.is_some() {
        cmd.ui
            .hint("after a change, `envgit diff` tells what it did and `envgit checkout main` takes it back");
    }
    Ok(ExitCode::SUCCESS)
}

fn text(report: &CommitReport, theme: &Theme) -> String {
    let tags = |verb: &str| match report.tags.len() {
        0 => String::new(),
        _ => format!("{verb} {}\n", report.tags.join(", ")),
    };
    if report.commit.is_none() {
        let nothing = format!(
            "Nothing changed since {}; no commit made.\n",
            paint(theme.id, &report.short)
        );
        return nothing + &tags("Tagged it");
    }
    let branch = report.branch.as_deref().unwrap_or("HEAD");
    let subject = report.message.lines().next().unwrap_or_default();
    let mut out = format!(
        "[{} {}] {}\n",
        paint(theme.branch, branch),
        paint(theme.id, &report.short),
        theme.foreign(subject)
    );
    if report.started_branch {
        out.push_str(&format!("  started the branch {branch}\n"));
    }
    let summary = summary(&report.changes);
    if !summary.is_empty() {
        out.push_str(&format!("  changed: {summary}\n"));
    }
    let Some(manifest) = &report.manifest else { return out };
    for (name, root) in &manifest.roots {
        let packages = match root.kind.holds_packages() {
            true => format!("{}, ", plural(root.packages, "package", "packages")),
            false => String::new(),
        };
        let files = plural(root.files, "file", "files");
        out.push_str(&format!("  {name}: {packages}{files}, {}\n", size(root.bytes)));
    }
    match &manifest.layer {
        Some(layer) => out.push_str(&format!(
            "  layer: {} holding {} of {}\n",
            size(layer.size),
            plural(layer.files, "new file", "new files"),
            size(layer.content)
        )),
        None => out.push_str("  layer: none, all content was stored before\n"),
    }
    out + &tags("  tags:")
}
