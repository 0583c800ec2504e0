//! `docs/cli.md`, written from the commands themselves.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// The whole reference as Markdown.
pub fn markdown() -> String {
    let mut command = super::command();
    command.build();
    let mut out = String::from(
        "# Command line\n\nWritten from the program's own help. A test holds it to that; after a change, \
         `ENVGIT_UPDATE_DOCS=1 cargo test --test cli_reference` writes it anew.\n\n",
    );
    out.push_str(&paragraphs(&command));
    let _ = writeln!(out, "## Commands\n");
    for sub in listed(&command) {
        let name = sub.get_name();
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            out,
            "- [`envgit {name}`](#envgit-{name}): {}",
            about.trim_end_matches('.')
        );
    }
    let _ = writeln!(out, "\n## Global options\n");
    options(&command, true, &mut out);
    after(&command, &mut out);
    for sub in listed(&command) {
        section(sub, &format!("envgit {}", sub.get_name()), 2, &mut out);
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn listed(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

fn section(command: &Command, name: &str, level: usize, out: &mut String) {
    let _ = writeln!(out, "{} {name}\n", "#".repeat(level));
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let _ = writeln!(out, "```text\n{}\n```\n", usage.replace("\n       ", "\n"));
    out.push_str(&paragraphs(command));
    options(command, false, out);
    after(command, out);
    for sub in listed(command) {
        section(sub, &format!("{name} {}", sub.get_name()), level + 1, out);
    }
}

/// What the command is for.
fn paragraphs(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    // clap takes the full stop from a text of one sentence.
    about
        .map(|about| format!("{}.\n\n", about.to_string().trim_end_matches('.')))
        .unwrap_or_default()
}

/// Arguments and options, each a line.
fn options(command: &Command, global: bool, out: &mut String) {
    let is_own = |arg: &&Arg| {
        let is_standard = matches!(arg.get_id().as_str(), "help" | "version");
        !arg.is_hide_set() && !is_standard && arg.is_global_set() == global
    };
    let mut is_empty = true;
    for arg in command.get_arguments().filter(is_own) {
        is_empty = false;
        let help = arg.get_long_help().or(arg.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default().replace("\n\n", " ");
        let values = arg.get_possible_values();
        let values: Vec<&str> = values
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| value.get_name())
            .collect();
        let takes_value = arg.get_action().takes_values();
        let _ = write!(out, "- `{}`: {}.", spelled(arg), help.trim_end_matches('.'));
        if takes_value && !values.is_empty() {
            let _ = write!(out, " One of `{}`.", values.join("`, `"));
        }
        let default = arg.get_default_values();
        if takes_value && let [default] = default {
            let _ = write!(out, " By default `{}`.", default.to_string_lossy());
        }
        out.push('\n');
    }
    if !is_empty {
        out.push('\n');
    }
}

/// `-m, --message <TEXT>`, `[REV]`, `-- [PATH]…`.
fn spelled(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let name = names
        .first()
        .map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string);
    if arg.is_positional() {
        let many = if arg.get_num_args().is_some_and(|range| range.max_values() > 1) {
            "…"
        } else {
            ""
        };
        let last = if arg.is_last_set() { "-- " } else { "" };
        return match arg.is_required_set() {
            true => format!("{last}<{name}>{many}"),
            false => format!("{last}[{name}]{many}"),
        };
    }
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    let long = arg.get_long().map(|word| format!("--{word}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    let value = if arg.get_action().takes_values() {
        format!(" <{name}>")
    } else {
        String::new()
    };
    format!("{}{value}", flags.join(", "))
}

/// Examples and what else stands below the help.
fn after(command: &Command, out: &mut String) {
    if let Some(text) = command.get_after_help() {
        let _ = writeln!(out, "```text\n{}\n```\n", text.to_string().trim_end());
    }
}
