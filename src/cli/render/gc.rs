//! What gc removed.

use super::{counted, size};
use crate::cli::theme::{Theme, paint};
use crate::ops::gc::GcReport;

/// What went, what stays, and what of that is dead.
pub(in crate::cli) fn gc(report: &GcReport, theme: &Theme) -> String {
    let mut text = String::new();
    for (digest, bytes) in &report.removed {
        let name = paint(theme.id, digest.short());
        text.push_str(&format!("  layer {name}  {:>10}\n", size(*bytes)));
    }
    for name in &report.expired {
        text.push_str(&format!("  {name}\n"));
    }
    let verb = if report.dry_run { "Would remove" } else { "Removed" };
    let removed = match report.removed.is_empty() {
        true => "Nothing to remove".to_owned(),
        false => format!(
            "{verb} {} of {}",
            counted(report.removed.len() as u64, "layer"),
            size(report.removed_bytes())
        ),
    };
    text.push_str(&format!(
        "{removed}; {} of {} needed.\n",
        counted(report.kept, "layer"),
        size(report.kept_bytes)
    ));
    if report.dead_bytes > 0 {
        text.push_str(&format!(
            "{} in {} of them are needed by nothing, and stay with the rest of their layer.\n",
            size(report.dead_bytes),
            report.partly_dead
        ));
    }
    if report.leftovers > 0 {
        let left = counted(report.leftovers, "file");
        text.push_str(&format!("Cleaned up {left} that killed commands had left.\n"));
    }
    text
}
