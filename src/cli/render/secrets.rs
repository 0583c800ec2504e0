//! Secrets in commits.

use super::counted;
use crate::cli::theme::{Theme, paint};
use crate::ops::secrets::{SecretFinding, SecretsReport};

/// A line for each secret, then how much was looked at. What is allowed is counted, and told with `all`.
pub(in crate::cli) fn secrets(report: &SecretsReport, all: bool, theme: &Theme) -> String {
    if report.commits == 0 {
        return "Nothing is left to push: the remote has all commits, so none was looked at.\n".to_owned();
    }
    let mut text = String::new();
    for found in &report.findings {
        text.push_str(&line(found, theme));
    }
    if all {
        for found in &report.allowed {
            text.push_str(&format!("{} {}", paint(theme.dim, "allowed:"), line(found, theme)));
        }
    }
    for place in &report.unread {
        text.push_str(&format!("not read: {place}, whose content is not at hand\n"));
    }
    let texts = counted(report.texts as u64, "text");
    let seen = format!("{texts} of {}", counted(report.commits as u64, "commit"));
    let found = match report.findings.len() as u64 {
        0 => "No secrets".to_owned(),
        count => paint(theme.error, counted(count, "secret")),
    };
    let allowed = match report.allowed.len() {
        0 => String::new(),
        count => format!("; {count} allowed"),
    };
    text.push_str(&format!("{found} in {seen}{allowed}.\n"));
    text
}

fn line(found: &SecretFinding, theme: &Theme) -> String {
    let at = found.line.map(|line| format!(" line {line}")).unwrap_or_default();
    format!(
        "{} {}{at} {} {}\n",
        paint(theme.id, &found.short),
        theme.foreign(&found.place),
        paint(theme.title, found.kind.as_str()),
        theme.foreign(&found.masked)
    )
}
