//! Requirements files as pip reads them: a line each, by the normalized name of what is required.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::str::FromStr;

use pep508_rs::{Pep508Url, Requirement, VersionOrUrl};

use super::tree::Value;

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
        let Some(parsed) = parsed(requirement) else {
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
            key: parsed.name.to_string(),
            value: asked_for(&parsed) + &others,
            marker: parsed
                .marker
                .contents()
                .map(|marker| marker.to_string())
                .unwrap_or_default(),
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

/// Extras, and the versions or the URL.
fn asked_for(requirement: &Requirement<AsWritten>) -> String {
    let mut extras: Vec<String> = requirement.extras.iter().map(ToString::to_string).collect();
    extras.sort_unstable();
    extras.dedup();
    let extras = match extras.is_empty() {
        true => String::new(),
        false => format!("[{}]", extras.join(",")),
    };
    match &requirement.version_or_url {
        None => extras,
        Some(VersionOrUrl::Url(url)) => format!("{extras} @ {url}").trim_start().to_owned(),
        Some(VersionOrUrl::VersionSpecifier(versions)) => {
            let mut versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
            versions.sort_unstable();
            extras + &versions.join(",")
        }
    }
}

/// A requirement, where the line is one.
fn parsed(line: &str) -> Option<Requirement<AsWritten>> {
    // The parser panics at a name or extra that ends in punctuation.
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_name = |name: &str| {
        let is_end = |c: char| c.is_ascii_alphanumeric();
        name.starts_with(is_end) && name.ends_with(is_end)
    };
    let end = line.find(|c| !is_part(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !is_name(name) {
        return None;
    }
    if let Some(extras) = rest.trim_start().strip_prefix('[') {
        let extras = &extras[..extras.find(']')?];
        let are_names = extras.split(',').map(str::trim).all(is_name);
        if !are_names && !extras.trim().is_empty() {
            return None;
        }
    }
    Requirement::from_str(line).ok()
}

/// A URL as it stands in the file. Other types put variables of the environment in.
#[derive(Debug)]
struct AsWritten(String);

impl Display for AsWritten {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pep508Url for AsWritten {
    type Err = Infallible;

    fn parse_url(url: &str, _: Option<&Path>) -> Result<Self, Infallible> {
        Ok(Self(url.to_owned()))
    }
}
