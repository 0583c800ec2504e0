//! `envgit verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::{CliError, DAMAGED, FAILED};
use crate::cli::{identity, json, render};
use crate::ops::signatures::check;
use crate::ops::verify::{VerifyOptions, verify, verify_live};

/// Check that everything recorded is still there and is what it was.
///
/// Reads every layer from start to end, every object of the reachable history, all inventories, refs and logs, and the
/// audit log. With --live it compares the live files with a commit instead, reading every one of them. With
/// --signatures it tells who signed HEAD, the branches and the tags. Exit code 4 says that something is damaged, 1 that
/// live files differ or that something is not signed by an allowed key.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit verify                  everything in .envgit
  envgit verify --repair         bring back what live files, pins, layers and remotes still have
  envgit verify --live           whether the live files are still those of the last commit
  envgit verify --live v1 -v     the same for a tag, file by file
  envgit verify --signatures --allowed-signers team.keys")]
pub(in crate::cli) struct Args {
    /// Compare the live files with a commit; the current one when absent.
    #[arg(long, value_name = "REV", num_args = 0..=1, default_missing_value = "HEAD")]
    live: Option<String>,
    /// With --live: only this root. May be repeated.
    #[arg(long = "root", value_name = "NAME", requires = "live")]
    roots: Vec<String>,
    /// Bring back what can be brought back: from layers, live files and pins, and the rest from the remotes. Damaged files
    /// are moved to .envgit/damaged, never deleted.
    #[arg(long, conflicts_with = "live")]
    repair: bool,
    /// Tell who signed these; HEAD and all branches and tags when none is named.
    #[arg(long, value_name = "REV", num_args = 0.., conflicts_with_all = ["live", "repair"])]
    signatures: Option<Vec<String>>,
    /// Whose signatures are good: a file as ssh-keygen(1) describes it; that of commit.allowed_signers when absent.
    #[arg(long, value_name = "FILE", requires = "signatures")]
    allowed_signers: Option<PathBuf>,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    match (&args.live, &args.signatures) {
        (Some(rev), _) => live(cmd, args, rev),
        (None, Some(revs)) => signatures(cmd, args, revs),
        (None, None) => stored(cmd, args),
    }
}

fn stored(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("verify", &bars)?;
    let report = verify(&mut session, VerifyOptions { repair: args.repair })?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::verify::VerifyJson::of(&report))?;
    } else {
        cmd.ui.warn_all(&report.notes);
        let text = render::verify::stored(&report, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(match report.damages.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(DAMAGED),
    })
}

fn live(cmd: &mut CommandContext<'_>, args: &Args, rev: &str) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("verify", &bars)?;
    let report = verify_live(&mut session, rev, &args.roots)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::verify::LiveJson::of(&report))?;
    } else {
        cmd.ui.warn_all(&report.warnings);
        let text = render::verify::live(&report, cmd.ui.volume.verbose, &cmd.ui.theme);
        cmd.ui.print(&text)?;
        if !report.is_equal() {
            cmd.ui.hint(&format!(
                "bring files back with: envgit restore --from {rev} PATH; a package with: envgit restore --from {rev} \
                 --package NAME"
            ));
        }
    }
    Ok(match report.is_equal() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    })
}

fn signatures(cmd: &mut CommandContext<'_>, args: &Args, revs: &[String]) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let session = cmd.session("verify", &bars)?;
    let allowed = identity::allowed_signers(args.allowed_signers.as_deref(), &session.repo, &cmd.world)?;
    let report = check(&session, &allowed, revs)?;
    drop(session);
    drop(bars);
    if cmd.ui.volume.json {
        cmd.ui.json(&json::signatures::SignaturesJson::of(&report))?;
    } else {
        let text = render::signatures::signatures(&report, &cmd.ui.theme);
        cmd.ui.print(&text)?;
    }
    Ok(match report.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    })
}
