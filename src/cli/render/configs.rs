//! Unified diffs with colours.

use crate::cli::theme::{Theme, paint};
use crate::snapshot::change::ConfigChange;

/// The diff of one config file.
pub(in crate::cli) fn diff(change: &ConfigChange, theme: &Theme) -> String {
    let mut out = String::new();
    for line in theme.foreign(&change.diff).lines() {
        let style = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => theme.title,
            Some(b'+') => theme.added,
            Some(b'-') => theme.removed,
            Some(b'@') => theme.aside,
            _ => anstyle::Style::new(),
        };
        out.push_str(&paint(style, line));
        out.push('\n');
    }
    out
}
