//! The command line: what was typed, what is shown, and nothing of what is done between the two.
//!
//! ```text
//! args ──► commands/NAME.rs ──► ops (options in, report out) ──► render/ (text) or json/ ──► Ui
//! ```
//!
//! A command's file holds its arguments, whose comments are its help, and its `run`. Reports become text in `render/`
//! and JSON in `json/`; both are pure. `error.rs` and `advice.rs` alone know
//! exit codes and remedies.

mod advice;
mod commands;
mod consent;
mod context;
mod dates;
mod error;
mod identity;
mod json;
mod progress;
mod question;
mod reference;
mod render;
mod tally;
mod theme;
mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser};

pub use context::{CommandContext, World};
pub use error::CliError;
pub use reference::markdown;
pub use ui::{ColorChoice, Ui, Volume};

/// git for environments: commit, compare and bring back packages, files, configs and variables.
///
/// envgit records the whole state of conda and pip environments, of the project folder beside them and of the
/// variables around them, tells what changed, and brings any recorded state back exactly.
#[derive(Debug, Parser)]
#[command(
    name = "envgit",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = AFTER_HELP
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: commands::Command,
}

const AFTER_HELP: &str = "\
Start here:
  envgit demo                             a guided tour in a temporary folder, about a second long
  envgit init && envgit commit -m works   put this folder and the active environment under version control

Environment:
  ENVGIT_DIR       the repository to use: a .envgit folder, or the folder that holds one
  ENVGIT_DATE      the time to record instead of now: RFC 3339, or seconds since 1970
  GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, EMAIL    who makes commits, unless `envgit config user.name` says so
  NO_COLOR         turns colours off

Exit codes: 0 done, 1 failed (or differences with `diff --exit-code`, problems with `check`), 2 wrong usage,
3 the repository is locked by another process, 4 the repository or a layer is damaged.";

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Work as if started in DIR.
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<std::path::PathBuf>,
    /// Write JSON for programs instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    /// When to use colours.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", global = true)]
    color: ColorChoice,
    /// Leave out hints and progress.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Tell more.
    #[arg(short, long, global = true)]
    verbose: bool,
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    run(&args, World::of_process(), Ui::of_process)
}

/// Runs one command: `args` with the program's name first, in a `world`, on the [`Ui`] that `ui` makes for its
/// options.
pub fn run(args: &[OsString], world: World, ui: impl FnOnce(ColorChoice, Volume) -> Ui) -> ExitCode {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(error) => return usage(args, &error),
    };
    let global = &cli.global;
    let volume = Volume {
        json: global.json,
        quiet: global.quiet,
        verbose: global.verbose,
    };
    let mut ui = ui(global.color, volume);
    let outcome = match world.moved_to(global.directory.as_deref()) {
        Ok(world) => {
            let mut context = CommandContext { ui: &mut ui, world };
            cli.command.run(&mut context)
        }
        Err(error) => Err(error),
    };
    let outcome = outcome.and_then(|code| {
        ui.flush()?;
        Ok(code)
    });
    outcome.unwrap_or_else(|error| error.report(&mut ui))
}

/// Runs one command within another, on its [`Ui`].
fn run_in(context: &mut CommandContext<'_>, args: &[OsString]) -> Result<ExitCode, CliError> {
    let cli = parse(args).map_err(|error| CliError::usage(error.to_string()))?;
    cli.command.run(context)
}

/// The whole command line as clap sees it: for completions, man pages and the reference.
pub fn command() -> clap::Command {
    Cli::command()
}

/// `log -3` is `log -n3`, as in git.
fn with_counts(args: &[OsString]) -> Vec<OsString> {
    let log = args.iter().position(|arg| arg == "log").unwrap_or(args.len());
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    let count = |arg: &OsString| {
        let digits = arg.to_str()?.strip_prefix('-')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| OsString::from(format!("-n{digits}")))
    };
    let spelled = |(at, arg): (usize, &OsString)| match at > log && at < end {
        true => count(arg).unwrap_or_else(|| arg.clone()),
        false => arg.clone(),
    };
    args.iter().enumerate().map(spelled).collect()
}

fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(with_counts(args))?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// What does the work of a verb that git and conda have.
fn instead_of(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "reset" | "revert" => {
            "the live state of REV: `envgit checkout REV`; the last step back: `envgit undo`; one file: `envgit restore PATH`"
        }
        "stash" => "what is not committed is saved before each checkout: `envgit autosaves` lists it",
        "add" | "rm" | "mv" => "all of the roots is recorded by `envgit commit`; what .snapignore names is left out",
        "rebase" | "cherry-pick" | "merge" => {
            "a state is recorded whole: take single packages or files from another with `envgit restore --from REV`"
        }
        "install" | "update" | "upgrade" | "uninstall" | "create" => {
            "install with conda or pip as ever, then record it: `envgit commit`"
        }
        "list" => "`envgit packages` lists them; `envgit ls REV` lists files",
        _ => return None,
    })
}

/// Help, the version, or what is wrong with the arguments.
fn usage(args: &[OsString], error: &clap::Error) -> ExitCode {
    let wants_json = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    if error.use_stderr() && wants_json {
        let volume = Volume {
            json: true,
            ..Volume::default()
        };
        let text = error.to_string();
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .take_while(|line| !line.is_empty())
            .collect();
        let line = lines.join(" ");
        let message = line.strip_prefix("error: ").unwrap_or(&line);
        return CliError::usage(message).report(&mut Ui::of_process(ColorChoice::Never, volume));
    }
    // A closed pipe is nobody's fault.
    let _ = error.print();
    if let Some(ContextValue::String(verb)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(instead) = instead_of(verb)
    {
        eprintln!("\nhint: {instead}");
    }
    ExitCode::from(if error.use_stderr() { error::USAGE } else { 0 })
}
