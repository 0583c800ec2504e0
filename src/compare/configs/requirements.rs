//! Requirements files as pip reads them: a line each, by the normalized name of what is required.

use std::collections::HashMap;

use super::tree::Value;
use crate::compare::requirements::pip::Parts;

/// A file and its comments.
#[derive(Debug, Default)]
pub(super) struct Requirements {
    pub(super) entries: Vec<(String, Value)>,
    pub(super) comments: Vec<String>,
}

/// Reads a file. What is no requirement is kept as it stands, so this cannot fail.
pub(super) fn read(text: &str) -> Requirements {
    let mut file = Requirements::default();
    let mut found = Vec::new();
    for line in joined(text) {
        let (line, comment) = split_comment(&line);
        file.comments.extend(comment.map(|comment| comment.trim().to_owned()));
        let line = line.trim();
        if !line.is_empty() {
            found.push(Line::of(line));
        }
    }
    let mut times: HashMap<String, usize> = HashMap::new();
    for line in &found {
        *times.entry(line.key.clone()).or_default() += 1;
    }
    for line in found {
        // What is required more than once is told apart by the marker.
        let is_only = times[&line.key] == 1;
        let (mut key, mut value) = (line.key, line.value);
        if !line.marker.is_empty() {
            let marked = if is_only { &mut value } else { &mut key };
            *marked = format!("{marked} ; {}", line.marker).trim_start().to_owned();
        }
        let hashes = (!line.hashes.is_empty()).then(|| (format!("{key} --hash"), Value::Plain(line.hashes.join(" "))));
        file.entries.push((key, Value::Plain(value)));
        file.entries.extend(hashes);
    }
    file
}

/// The lines, with those that a backslash continues put together. A comment is not continued.
fn joined(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let (content, comment) = split_comment(line);
        let continued = comment.is_none().then(|| content.strip_suffix('\\')).flatten();
        let piece = continued.unwrap_or(line);
        match lines.last_mut().filter(|_| is_open) {
            Some(last) => *last += &format!(" {}", piece.trim_start()),
            None => lines.push(piece.to_owned()),
        }
        is_open = continued.is_some();
    }
    lines
}

/// A comment begins the line or follows white space.
fn split_comment(line: &str) -> (&str, Option<&str>) {
    let start = line
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    match start {
        Some(at) => (&line[..at], Some(&line[at + 1..])),
        None => (line, None),
    }
}

/// One line of meaning.
#[derive(Debug)]
struct Line {
    key: String,
    value: String,
    marker: String,
    hashes: Vec<String>,
}

impl Line {
    fn of(line: &str) -> Self {
        if line.starts_with('-') {
            return Self::option(line);
        }
        let mut dashes = line.match_indices("--").map(|(at, _)| at);
        let options = dashes.find(|at| line[..*at].ends_with(char::is_whitespace));
        let (requirement, options) = line.split_at(options.unwrap_or(line.len()));
        let requirement = requirement.trim_end();
        let Some((parsed, versions)) = Parts::of(requirement)
            .ok()
            .and_then(|parts| parts.specifiers().ok().map(|versions| (parts, versions)))
        else {
            return Self::verbatim(line);
        };
        let mut hashes = Vec::new();
        let mut others = String::new();
        for option in options.split_whitespace() {
            match option.strip_prefix("--hash=") {
                Some(hash) => hashes.push(hash.to_owned()),
                None => others += &format!(" {option}"),
            }
        }
        hashes.sort_unstable();
        Self {
            value: asked_for(&parsed, versions) + &others,
            marker: parsed.marker.map(plain_marker).unwrap_or_default(),
            key: parsed.name,
            hashes,
        }
    }

    /// `--index-url` counts once; all others may come any number of times and are known by all they say.
    fn option(line: &str) -> Self {
        let (name, argument) = match line.find(|c: char| c == '=' || c.is_whitespace()) {
            Some(at) => (&line[..at], line[at + 1..].trim()),
            None if !line.starts_with("--") && line.is_char_boundary(2) => line.split_at(2),
            None => (line, ""),
        };
        let name = match name {
            "-i" | "--pypi-url" => "--index-url",
            "--find-links" => "-f",
            "--requirement" => "-r",
            "--constraint" => "-c",
            "--editable" => "-e",
            name => name,
        };
        if name == "--index-url" {
            return Self {
                key: name.to_owned(),
                value: argument.to_owned(),
                ..Self::verbatim("")
            };
        }
        Self::verbatim(format!("{name} {argument}").trim_end())
    }

    fn verbatim(line: &str) -> Self {
        Self {
            key: line.to_owned(),
            value: String::new(),
            marker: String::new(),
            hashes: Vec::new(),
        }
    }
}

/// Extras, and the versions or the address.
fn asked_for(parts: &Parts<'_>, mut versions: Vec<String>) -> String {
    let mut extras = parts.extras.clone();
    extras.sort_unstable();
    extras.dedup();
    let extras = match extras.is_empty() {
        true => String::new(),
        false => format!("[{}]", extras.join(",")),
    };
    match parts.address {
        Some(address) => format!("{extras} @ {address}").trim_start().to_owned(),
        None => {
            versions.sort_unstable();
            extras + &versions.join(",")
        }
    }
}

/// A marker with single blanks, also around operators, and one kind of quotes.
fn plain_marker(marker: &str) -> String {
    let is_operator = |c: char| matches!(c, '<' | '>' | '=' | '!' | '~');
    let mut spaced = String::with_capacity(marker.len() + 8);
    let mut before = ' ';
    for c in marker.chars() {
        if before != ' ' && is_operator(c) != is_operator(before) {
            spaced.push(' ');
        }
        spaced.push(if c == '\'' { '"' } else { c });
        before = c;
    }
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ")
}
