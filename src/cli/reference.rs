//! `docs/cli.md`, made from the commands themselves.

use std::fmt::Write;

/// The whole reference as Markdown.
pub fn markdown() -> String {
    let mut command = super::command().term_width(100);
    command.build();
    let mut out = String::from(
        "# Command line\n\nMade from the program's own help; a test compares this file with it. To write it anew:\n\
         `ENVGIT_UPDATE_DOCS=1 cargo test --test cli_reference`.\n",
    );
    section(&mut command, "envgit", 2, &mut out);
    out
}

fn section(command: &mut clap::Command, name: &str, level: usize, out: &mut String) {
    let help = command.render_long_help().to_string();
    let _ = write!(out, "\n{} {name}\n\n```text\n", "#".repeat(level));
    for line in help.lines() {
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.push_str("```\n");
    for sub in command.get_subcommands_mut() {
        let name = format!("{name} {}", sub.get_name());
        section(sub, &name, level.max(2), out);
    }
}
