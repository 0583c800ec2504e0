//! `envgit remote`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::ops::remotes;

/// List, add, rename or remove remotes: other places of this history.
///
/// A remote is a folder (a mounted share, say) that envgit fills, or the folder of another envgit repository, from which
/// can only be fetched. Addresses hold no passwords.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit remote
  envgit remote add origin /mnt/team/glm
  envgit remote add ada ../ada/glm          another repository, to fetch from
  envgit remote set-url origin /mnt/new/glm
  envgit remote rename origin team
  envgit remote remove ada")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the remotes. This is what happens without a subcommand, too.
    List,
    /// Add a remote.
    Add {
        /// What to call it here.
        name: String,
        /// Where it is.
        url: String,
    },
    /// Forget a remote, with the branches that were seen there. Commits and layers stay until `envgit gc`.
    Remove {
        /// The name.
        name: String,
    },
    /// Give a remote another name. Branches that follow one of it go on following it.
    Rename {
        /// The name it has.
        name: String,
        /// The name it gets.
        to: String,
    },
    /// Say where a remote is from now on.
    SetUrl {
        /// The name.
        name: String,
        /// Where it is.
        url: String,
    },
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let session = cmd.session("remote", &bars)?;
    let cwd = cmd.world.cwd.clone();
    let (remotes, said) = match &args.action {
        None | Some(Action::List) => (remotes::list(&session), None),
        Some(Action::Add { name, url }) => {
            let remote = remotes::add(&session, name, url, &cwd)?;
            let said = format!("Added remote {} at {}\n", remote.name, remote.url);
            (vec![remote], Some(said))
        }
        Some(Action::SetUrl { name, url }) => {
            let remote = remotes::set_url(&session, name, url, &cwd)?;
            let said = format!("Remote {} is at {}\n", remote.name, remote.url);
            (vec![remote], Some(said))
        }
        Some(Action::Rename { name, to }) => {
            let remote = remotes::rename(&session, name, to)?;
            let said = format!("Remote {name} is {} now\n", remote.name);
            (vec![remote], Some(said))
        }
        Some(Action::Remove { name }) => {
            let remote = remotes::remove(&session, name)?;
            let said = format!("Forgot remote {}\n", remote.name);
            (vec![remote], Some(said))
        }
    };
    match said {
        _ if cmd.ui.volume.json => cmd.ui.json(&json::exchange::RemotesJson::of(&remotes))?,
        Some(said) => cmd.ui.print(&said)?,
        None => cmd.ui.print(&render::exchange::remotes(&remotes))?,
    }
    Ok(ExitCode::SUCCESS)
}
