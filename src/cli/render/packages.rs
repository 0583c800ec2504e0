//! Packages in columns.

use super::{padded, width};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::PackagesReport;
use crate::snapshot::change::{ChangeKind, PackageChange};
use crate::snapshot::package::Package;

/// One line a change: what changed first, then what came, then what went.
pub(super) fn changes(changes: &[PackageChange], theme: &Theme) -> String {
    let rank = |change: &&PackageChange| match kind(change) {
        ChangeKind::Changed => 0,
        ChangeKind::Added => 1,
        ChangeKind::Removed => 2,
    };
    let mut sorted: Vec<&PackageChange> = changes.iter().collect();
    sorted.sort_by_key(rank);
    let names = sorted.iter().map(|change| width(&change.name)).max().unwrap_or(0);
    let versions: Vec<String> = sorted.iter().map(|change| versions(change)).collect();
    let columns = versions.iter().map(|text| width(text)).max().unwrap_or(0);
    let mut text = String::new();
    for (change, versions) in sorted.iter().zip(&versions) {
        let (sign, style) = match kind(change) {
            ChangeKind::Changed => (' ', theme.changed),
            ChangeKind::Added => ('+', theme.added),
            ChangeKind::Removed => ('-', theme.removed),
        };
        let line = format!("{sign} {}  {}", padded(&change.name, names), padded(versions, columns));
        let manager = paint(theme.dim, format_args!("({})", change.manager));
        text.push_str(&format!("  {}  {manager}\n", paint(style, line)));
    }
    text
}

fn kind(change: &PackageChange) -> ChangeKind {
    ChangeKind::of(change.from.as_ref(), change.to.as_ref())
}

/// `1.24.4 → 1.26.4`; builds or origins where the version is the same.
pub(super) fn versions(change: &PackageChange) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) if from.version != to.version => format!("{} → {}", shown(from), shown(to)),
        (Some(from), Some(to)) => {
            let differing = [
                (&from.build, &to.build),
                (&from.channel, &to.channel),
                (&from.installer, &to.installer),
                (&from.url, &to.url),
            ];
            match differing.into_iter().find(|(a, b)| a != b) {
                Some((a, b)) => format!("{}  {} → {}", shown(to), or_none(a), or_none(b)),
                None => format!("{}  reinstalled", shown(to)),
            }
        }
        (Some(one), None) | (None, Some(one)) => shown(one),
        (None, None) => String::new(),
    }
}

pub(super) fn shown(package: &Package) -> String {
    match package.version.as_str() {
        "" => "(no version)".to_owned(),
        version => version.to_owned(),
    }
}

fn or_none(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or("none")
}

/// The packages of a state, root by root.
pub(in crate::cli) fn list(report: &PackagesReport, theme: &Theme) -> String {
    let mut text = String::new();
    for (root, kind, packages) in &report.roots {
        if packages.is_empty() && !kind.holds_packages() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let count = super::counted(packages.len() as u64, "package");
        text.push_str(&format!(
            "{}  {count}\n",
            paint(theme.title, format_args!("{root} ({kind})"))
        ));
        let names = packages.iter().map(|package| width(&package.name)).max().unwrap_or(0);
        let versions = packages.iter().map(|package| width(&shown(package))).max().unwrap_or(0);
        for package in packages {
            let mut origin = package.manager.to_string();
            for part in [&package.build, &package.channel].into_iter().flatten() {
                origin.push_str(&format!(", {part}"));
            }
            if let Some(installer) = package.installer.as_deref().filter(|installer| *installer != "pip") {
                origin.push_str(&format!(", by {installer}"));
            }
            if package.editable {
                origin.push_str(", editable");
            }
            if package.defect.is_some() {
                origin.push_str(", its record cannot be read");
            }
            let name = padded(&package.name, names);
            let version = padded(&shown(package), versions);
            text.push_str(&format!(
                "  {name}  {version}  {}\n",
                paint(theme.dim, format_args!("({origin})"))
            ));
        }
    }
    if text.is_empty() {
        text.push_str("No root holds packages.\n");
    }
    text
}
