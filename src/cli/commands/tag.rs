//! `envgit tag`.

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::theme::paint;
use crate::cli::{identity, json, render};
use crate::ops::refs;

/// List, make or remove tags.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit tag                          list them
  envgit tag -l 'pre-*'               list some
  envgit tag works                    name the current commit
  envgit tag -m paper v1 HEAD~2       name an older one, with a message
  envgit tag -s -m paper v1           signed with user.signing_key
  envgit tag -d works                 remove it")]
pub(in crate::cli) struct Args {
    /// The tag; none to list all.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The commit to name; the current one when absent.
    #[arg(value_name = "REV", conflicts_with = "delete")]
    rev: Option<String>,
    /// Say something about it.
    #[arg(short, long, value_name = "TEXT", requires = "name", conflicts_with = "delete")]
    message: Option<String>,
    /// List those that match, with * for any characters.
    #[arg(short, long, value_name = "PATTERN", num_args = 0.., conflicts_with_all = ["name", "message"])]
    list: Option<Vec<String>>,
    /// Move a tag that there is already.
    #[arg(short, long, requires = "name")]
    force: bool,
    /// Sign it with user.signing_key.
    #[arg(short, long, requires = "name", conflicts_with = "delete")]
    sign: bool,
    /// Sign it with this ssh key.
    #[arg(short = 'u', long, value_name = "KEY", requires = "name", conflicts_with = "delete")]
    sign_with: Option<String>,
    /// Do not sign it, although commit.sign is set.
    #[arg(long, conflicts_with_all = ["sign", "sign_with"])]
    no_sign: bool,
    /// Remove the tag. The commit stays.
    #[arg(short, long, requires = "name")]
    delete: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let bars = cmd.bars();
    let mut session = cmd.session("tag", &bars)?;
    let (entries, did) = match &args.name {
        None => (
            refs::tags(&mut session, args.list.as_deref().unwrap_or_default())?,
            None,
        ),
        Some(name) if args.delete => (vec![refs::delete_tag(&mut session, name)?], Some("Removed tag")),
        Some(name) => {
            let by_setting = session.repo.config().signatures.sign && args.message.is_some() && !args.no_sign;
            let options = refs::TagOptions {
                rev: args.rev.clone(),
                message: args.message.clone(),
                force: args.force,
                key: match args.sign || args.sign_with.is_some() || by_setting {
                    true => Some(identity::signing_key(
                        args.sign_with.as_deref(),
                        &session.repo,
                        &cmd.world,
                    )?),
                    false => None,
                },
            };
            (vec![refs::create_tag(&mut session, name, &options)?], Some("Tagged"))
        }
    };
    let theme = cmd.ui.theme;
    if cmd.ui.volume.json {
        cmd.ui.json(&json::lists::RefsJson::of(&entries))?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(did) = did else {
        cmd.ui.print(&render::lists::refs(&entries, &theme))?;
        if entries.is_empty() && args.list.is_none() {
            cmd.ui
                .hint("no tags yet; name the current commit with: envgit tag NAME");
        }
        return Ok(ExitCode::SUCCESS);
    };
    for entry in &entries {
        let id = paint(theme.id, &entry.short);
        let name = paint(theme.tag, &entry.name);
        cmd.ui.print(&match args.delete {
            true => format!("{did} {name} (was {id})\n"),
            false => format!("{did} {id} as {name}\n"),
        })?;
    }
    Ok(ExitCode::SUCCESS)
}
