//! What a checkout is about to do, or did.

use super::changes::letter;
use super::numbers::{count, plural, size};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::{PlanReport, RootPlanReport};

/// One line a root, and every path when asked for.
pub(in crate::cli) fn plan(plan: &PlanReport, lists_paths: bool, theme: &Theme) -> String {
    let width = plan
        .roots
        .iter()
        .map(|root| root.root.as_str().len())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for root in &plan.roots {
        out.push_str(&format!("  {:width$}  {}\n", root.root.as_str(), counts(root)));
        if lists_paths {
            for (path, kind) in &root.paths {
                let (letter, style) = letter(*kind, theme);
                out.push_str(&format!("    {} {path}\n", paint(style, letter)));
            }
        }
    }
    out
}

fn counts(root: &RootPlanReport) -> String {
    let told = [
        (root.replaced, "replaced"),
        (root.added, "added"),
        (root.removed, "removed"),
        (root.metadata, "with new metadata"),
    ];
    let told = told.into_iter().filter(|(n, _)| *n > 0);
    let mut told: Vec<_> = told.map(|(n, word)| format!("{} {word}", count(n))).collect();
    told.push(format!("{} to write", size(root.bytes)));
    told.join(", ")
}

/// The warning about files that the user's own git tracks, if there are any.
pub(in crate::cli) fn git_tracked(plan: &PlanReport) -> Option<String> {
    const NAMED: usize = 5;
    let paths: Vec<String> = plan
        .roots
        .iter()
        .flat_map(|root| root.git_tracked.iter().map(|path| format!("{}:{path}", root.root)))
        .collect();
    if paths.is_empty() {
        return None;
    }
    let more = match paths.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {} more", count(more as u64)),
    };
    Some(format!(
        "{} tracked by your own git will change: {}{more}",
        plural(paths.len() as u64, "file", "files"),
        paths[..paths.len().min(NAMED)].join(", ")
    ))
}
