//! `envgit check`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::{CliError, FAILED};
use crate::cli::{json, render};
use crate::ops::check::{CheckOptions, check};
use crate::ops::folders::check_folder;
use crate::ops::secrets::{Range, find};
use crate::snapshot::finding::Severity;

/// Find everything that is wrong in one state: requirements that do not hold, packages that wrote over each other,
/// files altered or missing, compiled code that cannot work here.
///
/// All of it is read from what is recorded; Python is not run. Exits with 1 when there is a problem as bad as
/// `--fail-on`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit check                      problems of the live state
  envgit check works                of a commit
  envgit check --fail-on critical   for CI: only what does not work at all counts
  envgit check -v                   with notes
  envgit check --env /envs/a        an environment that no repository knows
  envgit check --secrets            what a push would refuse to send")]
pub(in crate::cli) struct Args {
    /// The commit; the live state when absent.
    #[arg(value_name = "REV")]
    rev: Option<String>,
    /// Check this folder instead: a conda prefix, a venv. No repository is needed.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["rev", "roots"])]
    env: Option<PathBuf>,
    /// Look for secrets instead, in the commits up to this one that no remote has: passwords, tokens and keys in
    /// variables, config files and messages.
    #[arg(long, conflicts_with_all = ["env", "roots", "fail_on"])]
    secrets: bool,
    /// Only this root. May be repeated.
    #[arg(long = "root", value_name = "NAME")]
    roots: Vec<String>,
    /// Exit with 1 from this severity on.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "error")]
    fail_on: FailOn,
}

/// From which severity on a problem is a failure.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FailOn {
    Critical,
    Error,
    Warning,
    Note,
    Never,
}

impl FailOn {
    fn fails(self, severity: Severity) -> bool {
        match self {
            Self::Critical => severity <= Severity::Critical,
            Self::Error => severity <= Severity::Error,
            Self::Warning => severity <= Severity::Warning,
            Self::Note => true,
            Self::Never => false,
        }
    }
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    if args.secrets {
        return secrets(cmd, args.rev.as_deref().unwrap_or("HEAD"));
    }
    let bars = cmd.bars();
    let report = match &args.env {
        Some(dir) => check_folder(&cmd.world.cwd.join(dir), &bars)?,
        None => {
            let options = CheckOptions {
                rev: args.rev.clone(),
                roots: args.roots.clone(),
            };
            check(&mut cmd.session("check", &bars)?, &options)?
        }
    };
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::check::CheckJson::of(&report))?;
    } else {
        let text = render::problems::check(&report, cmd.ui.volume.verbose, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    let findings = report.roots.iter().flat_map(|root| &root.findings);
    let mut failing = findings.filter(|finding| args.fail_on.fails(finding.severity));
    Ok(if failing.next().is_some() {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn secrets(cmd: &mut CommandContext<'_>, rev: &str) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let session = cmd.session("check", &bars)?;
    let report = find(&session, &Range::not_at_remotes(&session, rev)?)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::secrets::SecretsJson::of(&report))?;
    } else {
        let text = render::secrets::secrets(&report, cmd.ui.volume.verbose, &cmd.ui.theme);
        cmd.ui.print(&text)?;
        if !report.findings.is_empty() {
            cmd.ui
                .hint("what is no secret is allowed by: envgit config push.allowed_secrets 'PLACE:KIND'");
        }
    }
    Ok(match report.findings.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    })
}
