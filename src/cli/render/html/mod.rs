//! A comparison as one self-contained page: no script, no font or picture from elsewhere.

mod tree;

use std::fmt::Write as _;

use super::diff::{side, tally_text};
use super::problems::{self, Told};
use super::{causes, configs, counted, growth};
use crate::cli::tally::Tally;
use crate::ops::report::DiffReport;
use crate::snapshot::change::{ChangeKind, ConfigChange, PackageChange, RootChanges, VarChange};
use crate::snapshot::explanation::PackageStory;
use crate::snapshot::finding::Severity;
use crate::snapshot::package::Package;

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(in crate::cli) fn page(report: &DiffReport) -> String {
    let title = format!("{} → {}", side(&report.from), side(&report.to));
    let mut body = format!("<h1><small>envgit diff</small>{}</h1>\n", text(&title));
    let problems: Vec<(&RootChanges, Vec<Told>)> = report
        .changes
        .roots
        .iter()
        .map(|root| (root, problems::told(root, false)))
        .collect();
    body.push_str(&chips(report, &problems));
    for (root, told) in problems.iter().filter(|(_, told)| !told.is_empty()) {
        section(&mut body, "Problems", Some(root));
        body.push_str(&problem_list(told));
    }
    for root in report.changes.roots.iter().filter(|root| !root.packages.is_empty()) {
        section(&mut body, "Packages", Some(root));
        body.push_str(&packages(root));
    }
    for root in report.changes.roots.iter().filter(|root| !root.configs.is_empty()) {
        section(&mut body, "Configs", Some(root));
        body.extend(root.configs.iter().map(config));
    }
    if !report.changes.vars.is_empty() {
        section(&mut body, "Variables", None);
        body.push_str(&vars(&report.changes.vars));
    }
    for root in report.changes.roots.iter().filter(|root| !root.files.is_empty()) {
        section(&mut body, "Files", Some(root));
        body.push_str(&tree::of(&root.files));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\
         <footer>Made by envgit {} from recorded data.</footer>\n</main>\n</body>\n</html>\n",
        text(&title),
        env!("CARGO_PKG_VERSION")
    )
}

fn section(body: &mut String, what: &str, root: Option<&RootChanges>) {
    let place = root.map(|root| format!(" in {}", root.root)).unwrap_or_default();
    let _ = writeln!(body, "<h2>{}</h2>", text(&format!("{what}{place}")));
}

/// The numbers that matter, in a row.
fn chips(report: &DiffReport, problems: &[(&RootChanges, Vec<Told>)]) -> String {
    let told = || problems.iter().flat_map(|(_, told)| told);
    let mut chips: Vec<(&str, String)> = Vec::new();
    for (severity, class, noun) in [
        (Some(Severity::Critical), "critical", "critical problem"),
        (Some(Severity::Error), "error", "error"),
        (Some(Severity::Warning), "warning", "warning"),
        (None, "solved", "problem solved"),
    ] {
        match told().filter(|one| one.severity == severity).count() as u64 {
            0 => {}
            1 => chips.push((class, format!("1 {noun}"))),
            number if severity.is_none() => chips.push((class, format!("{number} problems solved"))),
            number => chips.push((class, counted(number, noun))),
        }
    }
    let roots = &report.changes.roots;
    let packages: usize = roots.iter().map(|root| root.packages.len()).sum();
    if packages > 0 {
        chips.push(("", format!("{} changed", counted(packages as u64, "package"))));
    }
    let configs: usize = roots.iter().map(|root| root.configs.len()).sum();
    if configs > 0 {
        chips.push(("", format!("{} changed", counted(configs as u64, "config"))));
    }
    for root in roots.iter().filter(|root| !root.files.is_empty()) {
        let tally = Tally::of(root);
        let size = growth(tally.bytes_removed, tally.bytes_added);
        chips.push(("dim", format!("{}: {} {size}", root.root, tally_text(&tally))));
    }
    if chips.is_empty() {
        chips.push(("solved", "no differences".to_owned()));
    }
    let chip = |(class, words): &(&str, String)| format!("<li class=\"{class}\">{}</li>", text(words.trim_end()));
    format!(
        "<ul class=\"chips\">{}</ul>\n",
        chips.iter().map(chip).collect::<String>()
    )
}

fn problem_list(told: &[Told]) -> String {
    let item = |one: &Told| {
        format!(
            "<li class=\"{0}\"><b>{0}</b> <span><strong>{1}</strong> {2}</span></li>\n",
            one.word(),
            text(&one.package),
            text(&one.text)
        )
    };
    format!(
        "<ul class=\"problems\">\n{}</ul>\n",
        told.iter().map(item).collect::<String>()
    )
}

fn packages(root: &RootChanges) -> String {
    let rows: String = root.stories().map(|(change, story)| row(root, change, story)).collect();
    format!(
        "<table>\n<thead><tr><th>package</th><th>before</th><th>after</th><th class=\"number\">size</th>\
         <th>why, and what follows</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
}

fn row(root: &RootChanges, change: &PackageChange, story: Option<&PackageStory>) -> String {
    let class = class(ChangeKind::of(change.from.as_ref(), change.to.as_ref()));
    let version = |side: &Option<Package>| {
        side.as_ref().map_or(String::new(), |one| {
            let build = one.build.as_deref().unwrap_or_default();
            text(format!("{} {build}", one.version).trim_end())
        })
    };
    let mut why = String::new();
    if let Some(story) = story {
        let mut line = |class: &str, words: &str| {
            let _ = write!(why, "<p class=\"{class}\">{}</p>", text(words));
        };
        if let Some(lost) = &story.critical {
            line("critical", lost);
        }
        if let Some(cause) = causes::why(&story.causes) {
            line("", &cause);
        }
        for words in causes::consequences(story) {
            line(
                if words.starts_with("breaks") {
                    "critical"
                } else {
                    "solved"
                },
                &words,
            );
        }
    }
    let size = super::packages::unit_of(root, change)
        .map_or(String::new(), |unit| growth(unit.bytes_before, unit.bytes_after));
    format!(
        "<tr><td><strong class=\"{class}\">{}</strong> <span class=\"dim\">{}</span></td>\
         <td data-label=\"before\">{}</td><td data-label=\"after\">{}</td>\
         <td class=\"number\" data-label=\"size\">{size}</td><td>{why}</td></tr>\n",
        text(&change.name),
        change.manager,
        version(&change.from),
        version(&change.to)
    )
}

fn class(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "",
    }
}

fn config(config: &ConfigChange) -> String {
    let line = |line: &str| {
        let class = match line.as_bytes().first() {
            Some(b'+') => "added",
            Some(b'-') => "removed",
            Some(b'@') => "dim",
            _ => "",
        };
        format!("<span class=\"{class}\">{}\n</span>", text(line))
    };
    let lines: String = configs::lines(config).iter().map(|one| line(one)).collect();
    format!(
        "<details open><summary class=\"{}\"><code>{}</code></summary><pre>{lines}</pre></details>\n",
        class(config.change),
        text(&config.path.to_string())
    )
}

fn vars(vars: &[VarChange]) -> String {
    let value = |side: &Option<String>| text(side.as_deref().unwrap_or_default());
    let row = |var: &VarChange| {
        format!(
            "<tr><td><strong class=\"{}\">{}</strong></td><td data-label=\"before\"><code>{}</code></td>\
             <td data-label=\"after\"><code>{}</code></td></tr>\n",
            class(var.change),
            text(&var.name),
            value(&var.from),
            value(&var.to)
        )
    };
    format!(
        "<table>\n<thead><tr><th>variable</th><th>before</th><th>after</th></tr></thead>\n<tbody>\n{}</tbody>\n\
         </table>\n",
        vars.iter().map(row).collect::<String>()
    )
}

/// Text that stands for itself in HTML, also within quotes.
fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn a_page_tells_all_and_fetches_nothing() {
        let page = page(&testing::report(testing::explained()));
        for part in [
            "<h2>Problems in env</h2>",
            "<li class=\"critical\">1 critical problem</li>",
            "<p class=\"\">because pyworld 0.3.4 requires numpy&gt;=1.26</p>",
            "<p class=\"critical\">breaks matplotlib 3.7.5, pandas 2.0.3</p>",
            "<span class=\"added\">+ b: 3\n</span>",
            "<strong class=\"added\">HF_HOME</strong>",
            "<span class=\"name\">core.so</span>",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        for outside in ["http:", "https:", "<script", "src=", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn foreign_text_stays_text() {
        let mut changes = testing::explained();
        changes.roots[0].packages[0].name = "<img src=x onerror=alert(1)>".to_owned();
        changes.vars[0].to = Some("\"><script>".to_owned());
        let page = page(&testing::report(changes));
        assert!(!page.contains("<img") && !page.contains("<script"), "{page}");
    }
}
