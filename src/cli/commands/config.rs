//! `envgit config`.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::{json, render};
use crate::config::{Editor, Listed};

/// Show or change the repository's settings.
///
/// They stand, with comments, in .envgit/config.toml, which may also be edited by hand.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit config                                 all settings
  envgit config files.max_size                  one of them
  envgit config files.patterns \"*.csv,!*.txt\"   a list
  envgit config --unset user.email")]
pub(in crate::cli) struct Args {
    /// The setting, such as files.max_size or roots.env.policy.
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// Its new value.
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
    /// Take KEY out of the file, so that its default counts.
    #[arg(long, requires = "key", conflicts_with = "value")]
    unset: bool,
    /// List all settings. This is what happens without KEY, too.
    #[arg(short, long, conflicts_with = "key")]
    list: bool,
}

pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let repo = cmd.repo()?;
    let path = repo.config_path();
    let Some(key) = &args.key else {
        let settings = Editor::open(&path)?.list();
        let theme = cmd.ui.theme;
        match cmd.ui.volume.json {
            true => cmd.ui.json(&json::lists::SettingsJson::of(&settings))?,
            false => cmd.ui.print(&render::lists::settings(&settings, &theme))?,
        }
        return Ok(ExitCode::SUCCESS);
    };
    if args.value.is_none() && !args.unset {
        return get(cmd, &path, key);
    }
    let _lock = repo.lock("envgit config")?;
    let mut editor = Editor::open(&path)?;
    match &args.value {
        Some(value) => editor.set(key, value)?,
        None => editor.unset(key)?,
    }
    editor.save()?;
    if key.starts_with("roots.")
        && let Some(registry) = cmd.world.registry()
    {
        let roots: Vec<&Path> = editor.config().roots.iter().map(|root| root.path.as_path()).collect();
        // An aid only: the repository is still found from its folder.
        if let Err(error) = registry.register(repo.dir(), &roots) {
            cmd.ui.warn(&format!(
                "the repository will not be found from its environments: {error}"
            ));
        }
    }
    if cmd.ui.volume.json {
        cmd.ui.json(&json::lists::SettingsJson::of(&listed(&editor, key)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes one value; as git, fails silently where nothing is set.
fn get(cmd: &mut CommandContext<'_>, path: &Path, key: &str) -> Result<ExitCode, CliError> {
    let editor = Editor::open(path)?;
    let value = editor.get(key)?;
    if cmd.ui.volume.json {
        cmd.ui.json(&json::lists::SettingsJson::of(&listed(&editor, key)))?;
    } else if let Some(value) = &value {
        cmd.ui.print(&format!("{value}\n"))?;
    }
    Ok(if value.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn listed(editor: &Editor, key: &str) -> Vec<Listed> {
    editor.list().into_iter().filter(|setting| setting.key == key).collect()
}
