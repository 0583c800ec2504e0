//! What differs: packages first, then configs, variables and files.

use super::configs;
use super::numbers::{count, growth, plural};
use crate::cli::theme::{Theme, paint};
use crate::snapshot::change::{ChangeKind, Changes, FileChange, FileChangeKind, PackageChange, RootChanges, VarChange};
use crate::snapshot::package::Package;

/// Which parts of the changes are shown, and how closely.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Sections {
    pub(in crate::cli) packages: bool,
    pub(in crate::cli) configs: bool,
    pub(in crate::cli) vars: bool,
    pub(in crate::cli) files: bool,
    /// Every path, not only the counts.
    pub(in crate::cli) list_files: bool,
    /// Counts instead of diffs.
    pub(in crate::cli) stat: bool,
}

impl Sections {
    /// All of them.
    pub(in crate::cli) const ALL: Self = Self {
        packages: true,
        configs: true,
        vars: true,
        files: true,
        list_files: false,
        stat: false,
    };
}

/// How many paths of each kind differ, and by how many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct FileCounts {
    pub(in crate::cli) added: u64,
    pub(in crate::cli) removed: u64,
    pub(in crate::cli) modified: u64,
    pub(in crate::cli) metadata_only: u64,
    /// Bytes of new content.
    pub(in crate::cli) bytes_added: u64,
    /// Bytes of old content.
    pub(in crate::cli) bytes_removed: u64,
}

impl FileCounts {
    /// Of all paths of a root.
    pub(in crate::cli) fn of(files: &[FileChange]) -> Self {
        let mut counts = Self::default();
        for change in files {
            let kind = change.kind();
            match kind {
                FileChangeKind::Added => counts.added += 1,
                FileChangeKind::Removed => counts.removed += 1,
                FileChangeKind::Modified => counts.modified += 1,
                FileChangeKind::MetadataOnly => counts.metadata_only += 1,
            }
            if kind != FileChangeKind::MetadataOnly {
                counts.bytes_added += change.to.as_ref().map_or(0, |entry| entry.size());
                counts.bytes_removed += change.from.as_ref().map_or(0, |entry| entry.size());
            }
        }
        counts
    }
}

/// All selected parts, each under its heading.
pub(in crate::cli) fn changes(changes: &Changes, sections: Sections, theme: &Theme) -> String {
    let mut blocks = Vec::new();
    for root in &changes.roots {
        if sections.packages && !root.packages.is_empty() {
            blocks.push(packages(root, sections, theme));
        }
    }
    for root in &changes.roots {
        if sections.configs && !root.configs.is_empty() {
            blocks.push(config_block(root, sections, theme));
        }
    }
    if sections.vars && !changes.vars.is_empty() {
        blocks.push(vars(&changes.vars, sections, theme));
    }
    let files = files(changes, sections, theme);
    if sections.files && !files.is_empty() {
        blocks.push(files);
    }
    blocks.join("\n")
}

fn packages(root: &RootChanges, sections: Sections, theme: &Theme) -> String {
    let title = format!("Packages in {}", root.root);
    if sections.stat {
        return format!(
            "{}: {}\n",
            paint(theme.title, title),
            kinds(
                root.packages
                    .iter()
                    .map(|c| ChangeKind::of(c.from.as_ref(), c.to.as_ref()))
            )
        );
    }
    let width = root
        .packages
        .iter()
        .map(|change| change.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut out = format!("{}\n", paint(theme.title, title));
    for change in &root.packages {
        out.push_str(&package(change, width, theme));
        out.push('\n');
    }
    out
}

/// `~ numpy    1.24.4 → 1.26.4  (pip)`
pub(in crate::cli) fn package(change: &PackageChange, width: usize, theme: &Theme) -> String {
    let (sign, style) = match ChangeKind::of(change.from.as_ref(), change.to.as_ref()) {
        ChangeKind::Added => ('+', theme.added),
        ChangeKind::Removed => ('-', theme.removed),
        ChangeKind::Changed => ('~', theme.changed),
    };
    let versions = match (&change.from, &change.to) {
        (Some(from), Some(to)) => {
            let both = [from, to].map(|p| theme.foreign(&identity(p, differs_in(from, to))).into_owned());
            format!("{} → {}", both[0], both[1])
        }
        (Some(one), None) | (None, Some(one)) => theme.foreign(&one.version).into_owned(),
        (None, None) => String::new(),
    };
    let name = theme.foreign(&change.name);
    let pad = " ".repeat(width.saturating_sub(change.name.chars().count()));
    let manager = paint(theme.dim, format!("({})", change.manager));
    format!("  {} {name}{pad}  {versions}  {manager}", paint(style, sign))
}

/// The least that tells two records apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Difference {
    Version,
    Build,
    Origin,
}

fn differs_in(from: &Package, to: &Package) -> Difference {
    if from.version != to.version {
        Difference::Version
    } else if from.build != to.build {
        Difference::Build
    } else {
        Difference::Origin
    }
}

fn identity(package: &Package, difference: Difference) -> String {
    let version = &package.version;
    let origin = || {
        let known = [&package.channel, &package.installer, &package.url];
        known
            .into_iter()
            .flatten()
            .next()
            .cloned()
            .unwrap_or_else(|| "unknown origin".to_owned())
    };
    match difference {
        Difference::Version => version.clone(),
        Difference::Build => format!("{version} {}", package.build.as_deref().unwrap_or("no build")),
        Difference::Origin if package.editable => format!("{version} editable"),
        Difference::Origin => format!("{version} from {}", origin()),
    }
}

fn config_block(root: &RootChanges, sections: Sections, theme: &Theme) -> String {
    let title = format!("Configs in {}", root.root);
    if sections.stat {
        let kinds = kinds(root.configs.iter().map(|change| change.change));
        return format!("{}: {kinds}\n", paint(theme.title, title));
    }
    let mut out = format!("{}\n", paint(theme.title, title));
    for change in &root.configs {
        out.push_str(&configs::diff(change, theme));
    }
    out
}

fn vars(vars: &[VarChange], sections: Sections, theme: &Theme) -> String {
    if sections.stat {
        let kinds = kinds(vars.iter().map(|var| var.change));
        return format!("{}: {kinds}\n", paint(theme.title, "Variables"));
    }
    let mut out = format!("{}\n", paint(theme.title, "Variables"));
    for var in vars {
        let value = |side: &Option<String>| theme.foreign(side.as_deref().unwrap_or_default()).into_owned();
        let line = match var.change {
            ChangeKind::Added => format!("{} {}={}", paint(theme.added, '+'), var.name, value(&var.to)),
            ChangeKind::Removed => format!("{} {}={}", paint(theme.removed, '-'), var.name, value(&var.from)),
            ChangeKind::Changed => format!(
                "{} {}={}\n    {} {}",
                paint(theme.changed, '~'),
                var.name,
                value(&var.from),
                paint(theme.dim, "→"),
                value(&var.to)
            ),
        };
        out.push_str(&format!("  {line}\n"));
    }
    out
}

/// `2 changed, 1 added, 1 removed`
fn kinds(kinds: impl Iterator<Item = ChangeKind>) -> String {
    let mut counts = [0u64; 3];
    for kind in kinds {
        counts[kind as usize] += 1;
    }
    let [added, removed, changed] = counts;
    let told = [(changed, "changed"), (added, "added"), (removed, "removed")];
    let told = told
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", count(n)));
    told.collect::<Vec<_>>().join(", ")
}

fn files(changes: &Changes, sections: Sections, theme: &Theme) -> String {
    let roots: Vec<&RootChanges> = changes.roots.iter().filter(|root| !root.files.is_empty()).collect();
    if roots.is_empty() {
        return String::new();
    }
    let width = roots.iter().map(|root| root.root.as_str().len()).max().unwrap_or(0);
    let mut out = format!("{}\n", paint(theme.title, "Files"));
    for root in roots {
        let counts = FileCounts::of(&root.files);
        out.push_str(&format!(
            "  {:width$}  {}\n",
            root.root.as_str(),
            file_counts(&counts, theme)
        ));
        if sections.list_files {
            for change in &root.files {
                out.push_str(&file(change, theme));
            }
        }
    }
    out
}

fn file_counts(counts: &FileCounts, theme: &Theme) -> String {
    let told = [
        (counts.modified, "modified", theme.changed),
        (counts.added, "added", theme.added),
        (counts.removed, "removed", theme.removed),
        (counts.metadata_only, "metadata only", theme.dim),
    ];
    let told = told.into_iter().filter(|(n, ..)| *n > 0);
    let told: Vec<_> = told
        .map(|(n, word, style)| paint(style, format!("{} {word}", count(n))))
        .collect();
    let growth = growth(counts.bytes_added, counts.bytes_removed);
    format!("{} {}", told.join(", "), paint(theme.dim, format!("({growth})")))
}

fn file(change: &FileChange, theme: &Theme) -> String {
    let (letter, style) = letter(change.kind(), theme);
    format!("    {} {}\n", paint(style, letter), change.path())
}

/// `A`dded, `D`eleted, `M`odified; `m` for metadata alone.
pub(in crate::cli) fn letter(kind: FileChangeKind, theme: &Theme) -> (char, anstyle::Style) {
    match kind {
        FileChangeKind::Added => ('A', theme.added),
        FileChangeKind::Removed => ('D', theme.removed),
        FileChangeKind::Modified => ('M', theme.changed),
        FileChangeKind::MetadataOnly => ('m', theme.dim),
    }
}

/// `3 packages, 1 config, 1,204 files` for one line.
pub(in crate::cli) fn summary(changes: &Changes) -> String {
    let sum = |each: fn(&RootChanges) -> usize| changes.roots.iter().map(each).sum::<usize>() as u64;
    let told = [
        (sum(|root| root.packages.len()), "package", "packages"),
        (sum(|root| root.configs.len()), "config", "configs"),
        (changes.vars.len() as u64, "variable", "variables"),
        (sum(|root| root.files.len()), "path", "paths"),
    ];
    let told = told.into_iter().filter(|(n, ..)| *n > 0);
    told.map(|(n, one, many)| plural(n, one, many))
        .collect::<Vec<_>>()
        .join(", ")
}
