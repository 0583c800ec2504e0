//! What a verification found.

use super::diff;
use super::{count, counted, size};
use crate::cli::theme::{Theme, paint};
use crate::ops::verify::VerifyReport;
use crate::ops::verify::report::{Damage, Dependent, LiveReport};

/// How many files of a unit, and how many commits, are named.
const NAMED: usize = 5;

/// What was read, what was repaired and what is damaged.
pub(in crate::cli) fn stored(report: &VerifyReport, theme: &Theme) -> String {
    let mut text = String::new();
    for done in &report.repairs {
        text.push_str(&format!("{done}\n"));
    }
    for layer in &report.fetched {
        text.push_str(&format!(
            "brought layer {} ({}) from {} ({})\n",
            layer.layer.short(),
            size(layer.size),
            theme.foreign(&layer.remote),
            theme.foreign(&layer.address)
        ));
    }
    if let Some(aside) = &report.aside {
        text.push_str(&format!("Damaged files are kept in {}\n", aside.display()));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    for damage in &report.damages {
        text.push_str(&damaged(damage, theme));
        text.push('\n');
    }
    let read = format!(
        "{} ({}), {}, {} and {}",
        counted(report.layers, "layer"),
        size(report.bytes),
        counted(report.commits, "commit"),
        counted(report.objects, "object"),
        counted(report.refs, "ref"),
    );
    let promised = report.promised.as_ref().map_or(0, |promised| promised.files);
    if report.damages.is_empty() {
        let content = match report.contents - promised.min(report.contents) {
            0 if promised > 0 => "no recorded file".to_owned(),
            here => counted(here, "recorded file"),
        };
        text.push_str(&format!("Sound: {read} read; the content of {content} is there.\n"));
    } else {
        let found = counted(report.damages.len() as u64, "damage");
        text.push_str(&format!("{} in {read}.\n", paint(theme.error, found)));
    }
    if let Some(promised) = &report.promised {
        text.push_str(&format!(
            "Only the history was cloned: the content of {} stays with {}; {} brings it.\n",
            counted(promised.files, "recorded file"),
            theme.foreign(&promised.remote),
            paint(theme.hint, format_args!("envgit fetch --missing {}", promised.remote)),
        ));
    }
    text
}

fn damaged(damage: &Damage, theme: &Theme) -> String {
    let mut text = format!("{} {}\n", paint(theme.error, "damaged:"), theme.foreign(&damage.object));
    for what in &damage.what {
        text.push_str(&format!("  {}\n", theme.foreign(what)));
    }
    if damage.lost > 0 {
        let named = damage.paths.join(", ");
        let more = match damage.lost.saturating_sub(damage.paths.len() as u64) {
            0 => String::new(),
            more => format!(" and {} more", count(more)),
        };
        text.push_str(&format!(
            "  lost: {} ({}{more})\n",
            counted(damage.lost, "content"),
            theme.foreign(&named)
        ));
    }
    if !damage.needed_by.is_empty() {
        let named: Vec<String> = damage
            .needed_by
            .iter()
            .take(NAMED)
            .map(|by| dependent(by, theme))
            .collect();
        let more = match damage.needed_by.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {} more", count(more as u64)),
        };
        text.push_str(&format!("  needed by {}{more}\n", named.join(", ")));
    }
    text.push_str(&format!("  {} {}\n", paint(theme.hint, "remedy:"), damage.remedy));
    text
}

fn dependent(by: &Dependent, theme: &Theme) -> String {
    let id = paint(theme.id, &by.short);
    match by.names.is_empty() {
        true => id,
        false => format!("{id} ({})", by.names.join(", ")),
    }
}

/// Files that are not as a commit has them, by package.
pub(in crate::cli) fn live(report: &LiveReport, lists_all: bool, theme: &Theme) -> String {
    let read = format!("{} ({})", counted(report.files, "live file"), size(report.bytes));
    if report.is_equal() {
        return format!(
            "{read} compared by digest: all are as in {}.\n",
            diff::side(&report.side)
        );
    }
    let mut text = format!(
        "{read} compared by digest; these are not as in {}:\n",
        diff::side(&report.side)
    );
    for root in &report.roots {
        if root.units.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{}\n", paint(theme.title, &root.root)));
        for (unit, changes) in &root.units {
            text.push_str(&format!("  {unit}: {}\n", counted(changes.len() as u64, "path")));
            let named = if lists_all { changes.len() } else { NAMED };
            for change in changes.iter().take(named) {
                let (letter, style) = diff::letter(change.kind(), theme);
                let line = paint(style, format_args!("{letter} {}", change.path()));
                text.push_str(&format!("    {line}\n"));
            }
            if changes.len() > named {
                text.push_str(&format!("    and {} more\n", count((changes.len() - named) as u64)));
            }
        }
    }
    text
}
