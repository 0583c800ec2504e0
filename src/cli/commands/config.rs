//! `envgit config`

use std::process::ExitCode;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::json::state::SettingsJson;
use crate::cli::theme::paint;
use crate::config::{Editor, Origin};

/// Read or change settings of the repository.
///
/// Settings live in `.envgit/config.toml`, which may also be edited by hand: comments and order are kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  envgit config                        lists all settings with where they come from
  envgit config layers.level           prints one
  envgit config layers.level 3         sets it
  envgit config files.patterns '[\"*.csv\"]'
  envgit config --unset layers.level   back to the default")]
pub(in crate::cli) struct Args {
    /// The setting, as `section.key`.
    key: Option<String>,
    /// Its new value.
    #[arg(requires = "key", conflicts_with = "unset")]
    value: Option<String>,
    /// Return the setting to its default.
    #[arg(long, requires = "key")]
    unset: bool,
    /// List all settings (the default without a key).
    #[arg(short, long, conflicts_with = "key")]
    list: bool,
}

/// Reads or changes.
pub(super) fn run(cmd: &mut CommandContext<'_>, args: &Args) -> Result<ExitCode, CliError> {
    let repo = cmd.repo()?;
    let mut editor = Editor::open(&repo.config_path())?;
    let Some(key) = &args.key else {
        return list(cmd, &editor);
    };
    if args.unset || args.value.is_some() {
        let _lock = repo.lock("envgit config")?;
        match &args.value {
            Some(value) => editor.set(key, value)?,
            None => editor.unset(key)?,
        }
        editor.save()?;
        return Ok(ExitCode::SUCCESS);
    }
    match editor.get(key)? {
        Some(value) => cmd.ui.print(&format!("{value}\n"))?,
        // As git: a setting without a value is no output and exit code 1.
        None => return Ok(ExitCode::FAILURE),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(cmd: &mut CommandContext<'_>, editor: &Editor) -> Result<ExitCode, CliError> {
    let settings = editor.list();
    if cmd.ui.volume.json {
        cmd.ui.json(&SettingsJson::of(&settings))?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = cmd.ui.theme;
    for setting in settings {
        let origin = match setting.origin {
            Origin::Default => paint(theme.dim, "  (default)"),
            Origin::File => String::new(),
        };
        cmd.ui
            .print(&format!("{} = {}{origin}\n", setting.key, setting.value))?;
    }
    Ok(ExitCode::SUCCESS)
}
