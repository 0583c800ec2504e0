//! Packages in columns.

use super::{causes, grown, padded, width};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::PackagesReport;
use crate::snapshot::change::{ChangeKind, PackageChange, RootChanges};
use crate::snapshot::explanation::UnitChange;
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::unit::UnitName;

/// One line a change: what changed first, then what came, then what went. Beneath it why, and what follows, where that
/// is told.
pub(super) fn changes(root: &RootChanges, theme: &Theme) -> String {
    let rank = |change: &PackageChange| match kind(change) {
        ChangeKind::Changed => 0,
        ChangeKind::Added => 1,
        ChangeKind::Removed => 2,
    };
    let mut sorted: Vec<_> = root.stories().collect();
    sorted.sort_by_key(|(change, _)| rank(change));
    let names = sorted.iter().map(|(change, _)| width(&change.name)).max().unwrap_or(0);
    let versions: Vec<String> = sorted.iter().map(|(change, _)| versions(change)).collect();
    let columns = versions.iter().map(|text| width(text)).max().unwrap_or(0);
    let mut text = String::new();
    for ((change, story), versions) in sorted.iter().zip(&versions) {
        let (sign, style) = match kind(change) {
            ChangeKind::Changed => (' ', theme.changed),
            ChangeKind::Added => ('+', theme.added),
            ChangeKind::Removed => ('-', theme.removed),
        };
        let line = format!("{sign} {}  {}", padded(&change.name, names), padded(versions, columns));
        let manager = paint(theme.dim, format_args!("({})", change.manager));
        text.push_str(&format!(
            "  {}  {manager}{}\n",
            paint(style, line),
            size_change(root, change, theme)
        ));
        let Some(story) = story else { continue };
        let indent = " ".repeat(names + 6);
        if let Some(why) = causes::why(&story.causes) {
            text.push_str(&format!("{indent}{}\n", paint(theme.dim, theme.foreign(&why))));
        }
        for line in causes::consequences(story) {
            let style = if line.starts_with("breaks") {
                theme.removed
            } else {
                theme.added
            };
            text.push_str(&format!("{indent}{}\n", paint(style, theme.foreign(&line))));
        }
    }
    text
}

/// `  +44.2 MiB`: by how much the package's files grew or shrank, where that is told.
fn size_change(root: &RootChanges, change: &PackageChange, theme: &Theme) -> String {
    unit_of(root, change).map_or(String::new(), |unit| grown(unit.bytes_before, unit.bytes_after, theme))
}

/// What changed in the files of a package.
pub(super) fn unit_of<'a>(root: &'a RootChanges, change: &PackageChange) -> Option<&'a UnitChange> {
    let unit = match change.manager {
        Manager::Conda => UnitName::conda(&change.name),
        Manager::Pip => UnitName::pip(&change.name),
    };
    root.explanation.as_ref()?.units.iter().find(|known| known.unit == unit)
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
