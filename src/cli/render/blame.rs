//! Which commit and which package brought a file.

use super::why::commit;
use super::{counted, padded, size, width};
use crate::cli::theme::{Theme, paint};
use crate::history::Time;
use crate::ops::blame::{Blame, BlameReport, Bytes, FileBlame, Origin, UnitBlame};
use crate::snapshot::entry::Node;
use crate::snapshot::finding::PackageRef;
use crate::snapshot::path::escape;

/// One file in full, or one line a package of a folder.
pub(in crate::cli) fn blame(report: &BlameReport, now: Time, theme: &Theme) -> String {
    let path = report.path.as_ref().map(ToString::to_string).unwrap_or_default();
    let title = format!("{}:{path}", report.root);
    let side = super::diff::side(&report.side);
    let title = format!("{}  {side}\n", paint(theme.title, title));
    match &report.blame {
        Blame::File(file) => title + &one(file, now, theme),
        Blame::Folder(units) if units.is_empty() => title + "  no files\n",
        Blame::Folder(units) => title + &folder(units, now, theme),
    }
}

fn one(file: &FileBlame, now: Time, theme: &Theme) -> String {
    let mut text = String::new();
    let mut line = |what: &str, value: &str| text.push_str(&format!("  {what:10}  {value}\n"));
    line(
        "belongs to",
        &theme.foreign(&owner(file.owner.as_ref(), file.unit.as_str())),
    );
    match &file.entry.node {
        Node::Symlink(target) => line("link to", &escape(target)),
        Node::File(node) => line("bytes", &bytes(file, node.size)),
        Node::Dir => {}
    }
    for package in &file.also {
        line("promised by", &format!("{package} too"));
    }
    line("content", &origin(&file.content, file.owner.as_ref(), now, theme));
    if file.first != file.content {
        line("path", &origin(&file.first, file.owner.as_ref(), now, theme));
    }
    text
}

fn bytes(file: &FileBlame, length: u64) -> String {
    let length = size(length);
    match &file.bytes {
        Bytes::Owner => length,
        Bytes::Altered => format!("{length}, altered: no record promised them"),
        Bytes::Other(by) => format!("{length}, those of {by}, not of its owner"),
    }
}

/// When it came, and by which package if that was another one then.
fn origin(origin: &Origin, now_owner: Option<&PackageRef>, now: Time, theme: &Theme) -> String {
    let commit = commit(origin.recorded.as_ref(), now, theme);
    match &origin.owner {
        Some(owner) if Some(owner) != now_owner => format!("{commit}, with {owner}"),
        None if now_owner.is_some() => format!("{commit}, with no package"),
        _ => commit,
    }
}

fn owner(owner: Option<&PackageRef>, unit: &str) -> String {
    match owner {
        Some(package) => package.to_string(),
        None => format!("no package ({unit})"),
    }
}

fn folder(units: &[UnitBlame], now: Time, theme: &Theme) -> String {
    let names: Vec<String> = units
        .iter()
        .map(|unit| {
            theme
                .foreign(&owner(unit.owner.as_ref(), unit.unit.as_str()))
                .into_owned()
        })
        .collect();
    let files: Vec<String> = units.iter().map(|unit| counted(unit.files, "file")).collect();
    let widest = |texts: &[String]| texts.iter().map(|text| width(text)).max().unwrap_or(0);
    let (names_width, files_width) = (widest(&names), widest(&files));
    let rows = units.iter().zip(names.iter().zip(&files));
    rows.map(|(unit, (name, files))| {
        format!(
            "  {}  {}{files}  {:>10}  {}\n",
            padded(name, names_width),
            " ".repeat(files_width - width(files)),
            size(unit.bytes),
            commit(unit.recorded.as_ref(), now, theme)
        )
    })
    .collect()
}
