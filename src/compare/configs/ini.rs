//! INI as Python's configparser reads it, with keys as they are written.

use std::collections::HashMap;

use super::tree::Value;

/// A file and its comments.
#[derive(Default)]
pub(super) struct Ini {
    sections: Vec<Section>,
    places: HashMap<String, usize>,
    pub(super) comments: Vec<String>,
}

struct Section {
    /// Nothing for what stands before the first header.
    name: Option<String>,
    options: Vec<(String, Vec<String>)>,
}

impl Ini {
    /// A map of sections, each a map of keys; or a map of keys where there are no sections at all.
    pub(super) fn tree(self) -> Value {
        let mut entries = Vec::new();
        for section in self.sections {
            let options = section.options.into_iter().map(|(key, lines)| (key, value(lines)));
            match section.name {
                Some(name) => entries.push((name, Value::Map(options.collect()))),
                None => entries.extend(options),
            }
        }
        Value::Map(entries)
    }

    /// Begins a section or goes on with it.
    fn enter(&mut self, name: Option<&str>) -> usize {
        if let Some(place) = name.and_then(|name| self.places.get(name)) {
            return *place;
        }
        let place = self.sections.len();
        let options = Vec::new();
        let name = name.map(str::to_owned);
        self.places.extend(name.clone().map(|name| (name, place)));
        self.sections.push(Section { name, options });
        place
    }
}

/// One line as a word; several as a list, so that a change of one is told as that.
fn value(mut lines: Vec<String>) -> Value {
    while lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    match lines.as_slice() {
        [] => Value::word(""),
        [line] => Value::word(line),
        lines => Value::List(lines.iter().map(|line| Value::word(line)).collect()),
    }
}

/// Reads a file.
pub(super) fn read(text: &str) -> Result<Ini, String> {
    let mut ini = Ini::default();
    let mut section = None;
    // Whether the last line belongs to an option, and how far that stands from the margin.
    let mut has_option = false;
    let mut margin = 0;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.starts_with(['#', ';']) {
            ini.comments.push(content[1..].trim().to_owned());
            continue;
        }
        let option = section
            .filter(|_| has_option)
            .and_then(|at: usize| ini.sections[at].options.last_mut());
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        match option {
            Some((_, lines)) if content.is_empty() || indent > margin => {
                lines.push(content.to_owned());
                continue;
            }
            _ if content.is_empty() => continue,
            _ => margin = indent,
        }
        let header = content
            .strip_prefix('[')
            .and_then(|rest| Some(&rest[..rest.rfind(']')?]));
        if let Some(name) = header.filter(|name| !name.is_empty()) {
            if section.is_some_and(|at| ini.sections[at].name.is_none()) {
                return Err("keys before the first section".to_owned());
            }
            section = Some(ini.enter(Some(name)));
            has_option = false;
            continue;
        }
        let pair = content
            .split_once(['=', ':'])
            .map(|(key, value)| (key.trim_end(), value.trim_start()));
        let Some((key, value)) = pair.filter(|(key, _)| !key.is_empty()) else {
            return Err(format!(
                "neither a section nor a key with a value at line {}",
                index + 1
            ));
        };
        let at = section.unwrap_or_else(|| ini.enter(None));
        section = Some(at);
        ini.sections[at].options.push((key.to_owned(), vec![value.to_owned()]));
        has_option = true;
    }
    Ok(ini)
}
