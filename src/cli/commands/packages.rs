//! `envgit packages`

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::state::PackagesJson;
use crate::cli::render::numbers::plural;
use crate::cli::theme::{Theme, paint};
use crate::ops::inspect::packages;
use crate::snapshot::package::Package;

/// List the packages of a state.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The state; HEAD when left out.
    #[arg(value_name = "REV", conflicts_with = "live")]
    rev: Option<String>,
    /// What is installed now.
    #[arg(long)]
    live: bool,
    /// Only this root.
    #[arg(long, value_name = "NAME")]
    root: Option<String>,
}

/// Lists.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("packages", &bars)?;
    let mut report = packages(&mut session, args.rev.as_deref(), args.live)?;
    drop(bars);
    if let Some(name) = &args.root {
        let known: Vec<String> = report.roots.iter().map(|(root, ..)| root.to_string()).collect();
        report.roots.retain(|(root, ..)| root.as_str() == name);
        if report.roots.is_empty() {
            let name = name.clone();
            return Err(crate::ops::Error::NoSuchRoot { name, known }.into());
        }
    }
    if cmd.ui.volume.json {
        cmd.ui.json(&PackagesJson::of(&report))?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = cmd.ui.theme;
    for (root, kind, packages) in &report.roots {
        let count = plural(packages.len() as u64, "package", "packages");
        cmd.ui.print(&format!(
            "{}\n",
            paint(theme.title, format!("{root} ({kind}, {count})"))
        ))?;
        cmd.ui.print(&table(packages, &theme))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(packages: &[Package], theme: &Theme) -> String {
    let width = |each: fn(&Package) -> &str| packages.iter().map(|p| each(p).chars().count()).max().unwrap_or(0);
    let (name, version) = (width(|p| &p.name), width(|p| &p.version));
    let line = |package: &Package| {
        let origin = [&package.build, &package.channel, &package.installer];
        let origin: Vec<&str> = origin.into_iter().flatten().map(String::as_str).collect();
        let editable = if package.editable { ", editable" } else { "" };
        let facts = format!("{} {}{editable}", package.manager, origin.join(" "));
        let facts = paint(theme.dim, theme.foreign(facts.trim_end()));
        format!(
            "  {:name$}  {:version$}  {facts}\n",
            theme.foreign(&package.name),
            theme.foreign(&package.version)
        )
    };
    packages.iter().map(line).collect()
}
