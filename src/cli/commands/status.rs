//! `envgit status`

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::diff::DiffJson;
use crate::cli::render::changes::{Sections, changes};
use crate::cli::theme::{Theme, paint};
use crate::ops::diff::status;
use crate::ops::report::HeadReport;

/// Tell what differs from the last commit: packages first, then configs, variables, files.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// List every path that differs.
    #[arg(long)]
    files: bool,
}

/// Compares HEAD with the live state.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let report = status(&mut cmd.session("status", &bars)?)?;
    drop(bars);
    let sections = Sections {
        list_files: args.files,
        ..Sections::ALL
    };
    if cmd.ui.volume.json {
        cmd.ui.json(&DiffJson::of(&report, sections))?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = cmd.ui.theme;
    let mut text = place(&report.head, &theme);
    let stat = Sections {
        stat: !cmd.ui.volume.verbose,
        ..sections
    };
    match (&report.head.short, report.changes.is_empty()) {
        (_, false) => {
            let shown = Sections { stat: false, ..stat };
            let mut brief = report.changes.clone();
            if stat.stat {
                // The diffs themselves are for `diff`.
                let configs = Sections {
                    packages: false,
                    vars: false,
                    files: false,
                    ..stat
                };
                let only_configs = changes(&brief, configs, &theme);
                brief.roots.iter_mut().for_each(|root| root.configs.clear());
                let rest = changes(&brief, shown, &theme);
                text.push_str(
                    &[rest, only_configs]
                        .into_iter()
                        .filter(|s| !s.is_empty())
                        .collect::<Vec<_>>()
                        .join("\n"),
                );
            } else {
                text.push_str(&changes(&brief, shown, &theme));
            }
        }
        (Some(short), true) => text.push_str(&format!("Nothing changed since {}.\n", paint(theme.id, short))),
        (None, true) => text.push_str("The roots are empty.\n"),
    }
    cmd.ui.print(&text)?;
    cmd.ui.warn_all(&report.warnings);
    if !report.changes.is_empty() {
        cmd.ui.hint(match report.head.commit {
            Some(_) => "`envgit diff` shows more; keep it with `envgit commit`, or go back with `envgit checkout HEAD`",
            None => "record the first state with `envgit commit`",
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// `On branch main at 1a2b3c4d`
pub(super) fn place(head: &HeadReport, theme: &Theme) -> String {
    let at = match &head.short {
        Some(short) => format!(" at {}", paint(theme.id, short)),
        None => ", nothing committed yet".to_owned(),
    };
    match (&head.branch, &head.detached_from) {
        (Some(branch), _) => format!("On branch {}{at}\n", paint(theme.branch, branch)),
        (None, Some(from)) => format!("At {}{at}, on no branch\n", paint(theme.head, from)),
        (None, None) => format!("On no branch{at}\n"),
    }
}
