//! The commands, one file each: its arguments directly above its `run`.

mod audit;
mod autosaves;
mod blame;
mod branch;
mod cat;
mod check;
mod checkout;
mod clone;
mod commit;
mod completions;
mod config;
mod demo;
mod diff;
mod doctor;
mod env;
mod fetch;
mod gc;
mod health;
mod init;
mod layers;
mod log;
mod ls;
mod man;
mod packages;
mod pins;
mod pull;
mod push;
mod redo;
mod reflog;
mod remote;
mod rescue;
mod restore;
mod root;
mod show;
mod status;
mod tag;
mod undo;
mod verify;
mod why;

use std::process::ExitCode;

use super::context::CommandContext;
use super::error::CliError;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Init(init::Args),
    Commit(commit::Args),
    Status(status::Args),
    Log(log::Args),
    Show(show::Args),
    Diff(diff::Args),
    Check(check::Args),
    Why(why::Args),
    Blame(blame::Args),
    #[command(alias = "switch")]
    Checkout(checkout::Args),
    Undo(undo::Args),
    Redo(redo::Args),
    Autosaves(autosaves::Args),
    Health(health::Args),
    Rescue(rescue::Args),
    Audit(audit::Args),
    Restore(restore::Args),
    Clone(clone::Args),
    Push(push::Args),
    Fetch(fetch::Args),
    Pull(pull::Args),
    Remote(remote::Args),
    Tag(tag::Args),
    Branch(branch::Args),
    Reflog(reflog::Args),
    Ls(ls::Args),
    Cat(cat::Args),
    Packages(packages::Args),
    Layers(layers::Args),
    Env(env::Args),
    Verify(verify::Args),
    Gc(gc::Args),
    Root(root::Args),
    Pins(pins::Args),
    Doctor(doctor::Args),
    Config(config::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Does it.
    pub(super) fn run(&self, cmd: &mut CommandContext<'_>) -> Result<ExitCode, CliError> {
        match self {
            Self::Init(args) => init::run(cmd, args),
            Self::Commit(args) => commit::run(cmd, args),
            Self::Status(args) => status::run(cmd, args),
            Self::Log(args) => log::run(cmd, args),
            Self::Show(args) => show::run(cmd, args),
            Self::Diff(args) => diff::run(cmd, args),
            Self::Check(args) => check::run(cmd, args),
            Self::Why(args) => why::run(cmd, args),
            Self::Blame(args) => blame::run(cmd, args),
            Self::Checkout(args) => checkout::run(cmd, args),
            Self::Undo(args) => undo::run(cmd, args),
            Self::Redo(args) => redo::run(cmd, args),
            Self::Autosaves(args) => autosaves::run(cmd, args),
            Self::Health(args) => health::run(cmd, args),
            Self::Rescue(args) => rescue::run(cmd, args),
            Self::Audit(args) => audit::run(cmd, args),
            Self::Restore(args) => restore::run(cmd, args),
            Self::Clone(args) => clone::run(cmd, args),
            Self::Push(args) => push::run(cmd, args),
            Self::Fetch(args) => fetch::run(cmd, args),
            Self::Pull(args) => pull::run(cmd, args),
            Self::Remote(args) => remote::run(cmd, args),
            Self::Tag(args) => tag::run(cmd, args),
            Self::Branch(args) => branch::run(cmd, args),
            Self::Reflog(args) => reflog::run(cmd, args),
            Self::Ls(args) => ls::run(cmd, args),
            Self::Cat(args) => cat::run(cmd, args),
            Self::Packages(args) => packages::run(cmd, args),
            Self::Layers(args) => layers::run(cmd, args),
            Self::Env(args) => env::run(cmd, args),
            Self::Verify(args) => verify::run(cmd, args),
            Self::Gc(args) => gc::run(cmd, args),
            Self::Root(args) => root::run(cmd, args),
            Self::Pins(args) => pins::run(cmd, args),
            Self::Doctor(args) => doctor::run(cmd, args),
            Self::Config(args) => config::run(cmd, args),
            Self::Demo(args) => demo::run(cmd, args),
            Self::Completions(args) => completions::run(cmd, args),
            Self::Man(args) => man::run(cmd, args),
        }
    }
}
