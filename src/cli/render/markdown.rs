//! A comparison as Markdown, for a pull request or a chat.

use super::diff::side;
use super::problems::{self, Told};
use super::{causes, configs, counted, growth};
use crate::cli::tally::Tally;
use crate::ops::report::DiffReport;
use crate::snapshot::change::{ChangeKind, ConfigChange, PackageChange, RootChanges, VarChange};
use crate::snapshot::explanation::PackageStory;
use crate::snapshot::finding::Severity;

/// How many units are told.
const UNITS: usize = 15;

/// The whole comparison.
pub(in crate::cli) fn diff(report: &DiffReport) -> String {
    let title = format!("### {} → {}\n", code(&side(&report.from)), code(&side(&report.to)));
    let mut parts = vec![title];
    if report.changes.is_empty() {
        parts.push("No differences.\n".to_owned());
    }
    for root in &report.changes.roots {
        parts.extend(problem_list(root));
    }
    for root in report.changes.roots.iter().filter(|root| !root.packages.is_empty()) {
        parts.push(packages(root));
    }
    for root in &report.changes.roots {
        parts.extend(root.configs.iter().map(config));
    }
    if !report.changes.vars.is_empty() {
        let lines: Vec<String> = report.changes.vars.iter().map(var).collect();
        parts.push(format!("**Variables**\n\n{}", lines.concat()));
    }
    let roots: Vec<&RootChanges> = report
        .changes
        .roots
        .iter()
        .filter(|root| !root.files.is_empty())
        .collect();
    if !roots.is_empty() {
        let told: Vec<String> = roots.into_iter().map(files).collect();
        parts.push(told.join("\n"));
    }
    parts.join("\n")
}

fn problem_list(root: &RootChanges) -> Option<String> {
    let line = |told: Told| {
        let sign = match told.severity {
            Some(Severity::Critical) => "🔴",
            Some(Severity::Error) => "🟠",
            Some(Severity::Warning) => "🟡",
            Some(Severity::Note) => "⚪",
            None => "✅ solved:",
        };
        let package = match told.package.as_str() {
            "" => String::new(),
            package => format!("{}: ", bold(package)),
        };
        format!("- {sign} {package}{}\n", text(&told.text))
    };
    let lines: Vec<String> = problems::told(root, false).into_iter().map(line).collect();
    (!lines.is_empty()).then(|| format!("**Problems in {}**\n\n{}", text(root.root.as_str()), lines.concat()))
}

fn packages(root: &RootChanges) -> String {
    let title = format!("**Packages in {}**\n\n", text(root.root.as_str()));
    let head = "| | package | before | after | size | why, and what follows |\n|---|---|---|---|--:|---|\n";
    let rows: Vec<String> = root.stories().map(|(change, story)| row(root, change, story)).collect();
    title + head + &rows.concat()
}

fn row(root: &RootChanges, change: &PackageChange, story: Option<&PackageStory>) -> String {
    let sign = match ChangeKind::of(change.from.as_ref(), change.to.as_ref()) {
        ChangeKind::Added => "+",
        ChangeKind::Removed => "−",
        ChangeKind::Changed => "~",
    };
    let version = |side: &Option<crate::snapshot::package::Package>| {
        side.as_ref().map_or(String::new(), |one| {
            let build = one
                .build
                .as_deref()
                .map(|build| format!(" {build}"))
                .unwrap_or_default();
            text(&format!("{}{build}", one.version))
        })
    };
    let mut why: Vec<String> = Vec::new();
    if let Some(story) = story {
        why.extend(story.critical.iter().map(|what| bold(what)));
        why.extend(causes::why(&story.causes).map(|why| text(&why)));
        why.extend(causes::consequences(story).iter().map(|line| bold(line)));
    }
    format!(
        "| {sign} | {} ({}) | {} | {} | {} | {} |\n",
        text(&change.name),
        change.manager,
        version(&change.from),
        version(&change.to),
        super::packages::unit_of(root, change)
            .map_or(String::new(), |unit| { growth(unit.bytes_before, unit.bytes_after) }),
        why.join("<br>")
    )
}

fn config(config: &ConfigChange) -> String {
    let lines = configs::lines(config).join("\n");
    let fence = fence(&lines);
    let path = html(&config.path.to_string());
    format!("<details><summary><code>{path}</code></summary>\n\n{fence}diff\n{lines}\n{fence}\n</details>\n")
}

fn var(var: &VarChange) -> String {
    let value = |side: &Option<String>| code(side.as_deref().unwrap_or_default());
    match var.change {
        ChangeKind::Added => format!("- + {} = {}\n", code(&var.name), value(&var.to)),
        ChangeKind::Removed => format!("- − {} = {}\n", code(&var.name), value(&var.from)),
        ChangeKind::Changed => format!("- {} = {} → {}\n", code(&var.name), value(&var.from), value(&var.to)),
    }
}

fn files(root: &RootChanges) -> String {
    let tally = Tally::of(root);
    let counts = super::diff::tally_text(&tally);
    let size = growth(tally.bytes_removed, tally.bytes_added);
    let name = text(root.root.as_str());
    let summary = format!("Files in {name}: {counts} {size}");
    let mut units: Vec<_> = root.explanation.iter().flat_map(|told| &told.units).collect();
    units.sort_by_key(|unit| std::cmp::Reverse(unit.bytes_before.max(unit.bytes_after)));
    if units.is_empty() {
        return format!("{}\n", summary.trim_end());
    }
    let row = |unit: &&crate::snapshot::explanation::UnitChange| {
        let size = growth(unit.bytes_before, unit.bytes_after);
        let name = code(unit.unit.as_str());
        format!(
            "| {name} | {} | {} | {} | {size} |\n",
            unit.added, unit.modified, unit.removed
        )
    };
    let rows: Vec<String> = units.iter().take(UNITS).map(row).collect();
    let more = match units.len().saturating_sub(UNITS) {
        0 => String::new(),
        more => format!("\nand {}\n", counted(more as u64, "smaller unit")),
    };
    format!(
        "<details><summary>{}</summary>\n\n| unit | added | modified | removed | size |\n|---|--:|--:|--:|--:|\n{}{more}\
         </details>\n",
        summary.trim_end(),
        rows.concat()
    )
}

/// Text that stands for itself in Markdown and in the cell of a table.
fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => out.extend(['\\', c]),
            c => push_html(c, &mut out),
        }
    }
    out
}

/// Text that stands for itself within a tag, where Markdown is not read.
fn html(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    plain.chars().for_each(|c| push_html(c, &mut out));
    out
}

fn push_html(c: char, out: &mut String) {
    match c {
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '&' => out.push_str("&amp;"),
        c if c.is_control() => out.push(' '),
        c => out.push(c),
    }
}

fn bold(plain: &str) -> String {
    format!("**{}**", text(plain))
}

/// Verbatim text, with as many backticks around as it needs. In the cell of a table a bar would end the cell.
fn code(plain: &str) -> String {
    let plain: String = plain.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.replace('|', "\\|");
    let ticks = "`".repeat(longest_run(&plain) + 1);
    match plain.starts_with('`') || plain.ends_with('`') {
        true => format!("{ticks} {plain} {ticks}"),
        false => format!("{ticks}{plain}{ticks}"),
    }
}

/// A fence that no line of the text ends.
fn fence(body: &str) -> String {
    "`".repeat(longest_run(body).max(2) + 1)
}

fn longest_run(body: &str) -> usize {
    body.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn a_table_of_packages_with_problems_first() {
        insta::assert_snapshot!(diff(&testing::report(testing::explained())), @r"
        ### `HEAD (1a1a1a1a)` → `live state`

        **Problems in env**

        - 🔴 **pandas 2.0.3**: 2 modules built for NumPy 1.x, and NumPy here is 2.4.6 (pandas/\_libs/a.so, pandas/\_libs/b.so)
        - 🟠 **matplotlib 3.7.5**: requires numpy&lt;2,&gt;=1.20, but pip's numpy 2.4.6 is there
        - ✅ solved: 1 file that no record names in mine (mine/a.py)

        **Packages in env**

        | | package | before | after | size | why, and what follows |
        |---|---|---|---|--:|---|
        | ~ | numpy (pip) | 1.24.4 | 1.26.4 |  | because pyworld 0.3.4 requires numpy&gt;=1.26<br>**breaks matplotlib 3.7.5, pandas 2.0.3** |
        | + | pyworld (pip) |  | 0.3.4 |  | asked for directly |
        | − | six (pip) | 1.16.0 |  |  | no requirement explains it |

        <details><summary><code>configs/g2p.jsonl</code></summary>

        ```diff
        - b: 2
        + b: 3
        ```
        </details>

        **Variables**

        - `CUDA_HOME` = `/usr/local/cuda-11` → `/usr/local/cuda-12`
        - + `HF_HOME` = `/data/hf`

        Files in env: 1 added, 1 modified, 1 removed, 1 metadata only +44.2 MiB

        Files in app: 1 modified
        ");
    }

    #[test]
    fn foreign_text_stays_text() {
        assert_eq!(text("a|b *c* <d> [e](f)"), "a\\|b \\*c\\* &lt;d&gt; \\[e\\](f)");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(fence("```\nx"), "````");
    }
}
