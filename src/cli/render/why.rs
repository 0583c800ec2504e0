//! The story of one package.

use super::{causes, count, counted, packages};
use crate::cli::dates;
use crate::cli::theme::{Theme, paint};
use crate::history::Time;
use crate::ops::report::CommitFacts;
use crate::ops::why::{Chapter, FilesNow, PackageNow, WhyReport};
use crate::snapshot::change::ChangeKind;

/// What it is now, then what happened to it.
pub(in crate::cli) fn why(report: &WhyReport, now: Time, theme: &Theme) -> String {
    let side = super::diff::side(&report.side);
    let mut text = String::new();
    if report.now.is_empty() {
        let title = paint(theme.title, theme.foreign(&report.name));
        text.push_str(&format!("{title} is not there now ({side})\n"));
    }
    for package in &report.now {
        text.push_str(&present(package, &side, theme));
    }
    if report.story.is_empty() {
        text.push_str("\nNo commit changed it yet.\n");
        return text;
    }
    text.push_str(&format!("\n{}\n", paint(theme.title, "Story")));
    for chapter in &report.story {
        text.push_str(&told(chapter, now, theme));
    }
    text
}

fn present(now: &PackageNow, side: &str, theme: &Theme) -> String {
    let package = &now.package;
    let title = format!("{} {}", package.name, packages::shown(package));
    let origin = [&package.build, &package.channel].into_iter().flatten();
    let origin: Vec<&str> = [package.manager.as_str()]
        .into_iter()
        .chain(origin.map(String::as_str))
        .collect();
    let mut text = format!(
        "{}  ({}) in {}, {side}\n",
        paint(theme.title, theme.foreign(&title)),
        origin.join(", "),
        now.root
    );
    let mut line = |what: &str, value: &str| {
        text.push_str(&format!("  {what:11}  {}\n", theme.foreign(value)));
    };
    line("record", &package.record.to_string());
    if let Some(url) = &package.url {
        line("from", url);
    }
    let requirers = now
        .required_by
        .iter()
        .map(|one| format!("{} {} requires {}", one.by.name, one.by.version, one.requirement));
    let mut wanted: Vec<String> = requirers.collect();
    if package.requested {
        wanted.insert(0, "asked for by name".to_owned());
    }
    if wanted.is_empty() {
        wanted.push("nothing that is recorded".to_owned());
    }
    for (at, reason) in wanted.iter().enumerate() {
        line(if at == 0 { "wanted by" } else { "" }, reason);
    }
    if let Some(files) = &now.files {
        for (at, fact) in facts(files).iter().enumerate() {
            line(if at == 0 { "files" } else { "" }, fact);
        }
    }
    text
}

/// Whose files are there.
fn facts(files: &FilesNow) -> Vec<String> {
    let fact = &files.fact;
    let mut told = vec![format!(
        "{} of {} as promised",
        count(fact.intact),
        counted(fact.promised, "file")
    )];
    for (by, number) in &files.overwritten {
        told.push(format!("{} overwritten by {by}", counted(*number, "file")));
    }
    if fact.missing > 0 {
        told.push(format!("{} gone", counted(fact.missing, "file")));
    }
    let altered = fact.promised.saturating_sub(fact.intact + fact.replaced + fact.missing);
    if altered > 0 {
        told.push(format!("{} altered", counted(altered, "file")));
    }
    if !files.is_real {
        told.push("`import` gets another record's files".to_owned());
    }
    told
}

fn told(chapter: &Chapter, now: Time, theme: &Theme) -> String {
    let change = &chapter.change;
    let (sign, style) = match ChangeKind::of(change.from.as_ref(), change.to.as_ref()) {
        ChangeKind::Added => ('+', theme.added),
        ChangeKind::Removed => ('-', theme.removed),
        ChangeKind::Changed => (' ', theme.changed),
    };
    let versions = format!("{sign} {} {}", change.name, packages::versions(change));
    let mut text = format!(
        "  {}  ({} in {})  {}\n",
        paint(style, theme.foreign(&versions)),
        change.manager,
        chapter.root,
        commit(chapter.recorded.as_ref(), now, theme)
    );
    for line in causes::story(&chapter.story) {
        text.push_str(&format!("      {}\n", theme.foreign(&line)));
    }
    text
}

/// `3 days ago  1a2b3c4d "message"`.
pub(super) fn commit(facts: Option<&CommitFacts>, now: Time, theme: &Theme) -> String {
    match facts {
        None => "not committed yet".to_owned(),
        Some(facts) => format!(
            "{}  {} \"{}\"",
            dates::ago(facts.time, now),
            paint(theme.id, &facts.short),
            theme.foreign(&facts.subject)
        ),
    }
}
