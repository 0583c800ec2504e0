//! Who signed what.

use crate::cli::theme::{Theme, paint};
use crate::ops::signatures::SignaturesReport;

/// A line for each.
pub(in crate::cli) fn signatures(report: &SignaturesReport, theme: &Theme) -> String {
    let width = report
        .entries
        .iter()
        .map(|entry| entry.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for entry in &report.entries {
        let name = format!("{:width$}", entry.name);
        let id = paint(theme.id, &entry.short);
        let line = match &entry.signer {
            Ok(signer) => format!(
                "{} {name} {id} by {} ({})",
                paint(theme.added, "good"),
                theme.foreign(&signer.principal),
                theme.foreign(&signer.key)
            ),
            Err(why) => format!("{} {name} {id} {}", paint(theme.error, "bad "), theme.foreign(why)),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}
