//! How a config file differs: as text, and by its records where its format is known.
//!
//! ```text
//! document   by its name, into a tree or lines   jsonl, json, yaml, toml, ini, dotenv, requirements
//! tree       values and the paths to them
//! difference two trees into the smallest values that differ
//! ```

mod difference;
mod document;
mod dotenv;
mod ini;
mod json;
mod jsonl;
mod requirements;
mod toml;
mod tree;
mod yaml;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use similar::TextDiff;

use crate::snapshot::change::{ChangeKind, ConfigChange};
use crate::snapshot::path::RelPath;
use crate::snapshot::records::{ConfigFormat, ConfigMeaning, ConfigNote, ConfigSide, RecordChange, RecordChanges};
use difference::{Comparison, Difference};
use document::{Content, Document};
use jsonl::{Line, Paired};
use tree::{Overruled, Path, Value};

/// The change of one config file, if there is any. Absent sides are files that are not there.
pub fn config(path: &RelPath, from: Option<&[u8]>, to: Option<&[u8]>) -> Option<ConfigChange> {
    if from == to {
        return None;
    }
    Some(ConfigChange {
        path: path.clone(),
        change: ChangeKind::of(from, to),
        diff: unified(path, from, to),
        meaning: meaning(path, from, to),
    })
}

fn unified(path: &RelPath, from: Option<&[u8]>, to: Option<&[u8]>) -> String {
    let text = |side: Option<&[u8]>| String::from_utf8_lossy(side.unwrap_or_default()).into_owned();
    let header = |side: Option<&[u8]>, letter: &str| match side {
        Some(_) => format!("{letter}/{path}"),
        None => "/dev/null".to_owned(),
    };
    let (old, new) = (text(from), text(to));
    TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(&header(from, "a"), &header(to, "b"))
        .to_string()
}

fn meaning(path: &RelPath, from: Option<&[u8]>, to: Option<&[u8]>) -> ConfigMeaning {
    let Some(format) = document::format_of(path) else {
        return ConfigMeaning::Text { why: None };
    };
    let read = |bytes: Option<&[u8]>, which: &str| {
        let document = bytes.map(|bytes| Document::read(format, bytes)).transpose();
        document.map_err(|why| format!("the {which} text {why}"))
    };
    let both = read(from, "older").and_then(|from| Ok((from, read(to, "newer")?)));
    match both {
        Ok((from, to)) => ConfigMeaning::Records(records(format, from, to)),
        Err(why) => ConfigMeaning::Text { why: Some(why) },
    }
}

fn records(format: ConfigFormat, from: Option<Document>, to: Option<Document>) -> RecordChanges {
    let mut notes = Vec::new();
    if let (Some(from), Some(to)) = (&from, &to) {
        let differing = [
            (from.comments != to.comments, ConfigNote::Comments),
            (from.has_cr != to.has_cr, ConfigNote::LineEndings),
            (from.has_mark != to.has_mark, ConfigNote::ByteOrderMark),
        ];
        notes.extend(
            differing
                .into_iter()
                .filter_map(|(differs, note)| differs.then_some(note)),
        );
    }
    let is_both = from.is_some() && to.is_some();
    let mut from = Side::of(from);
    let mut to = Side::of(to);
    let (changes, is_reordered) = compare(format, &mut from, &mut to);
    if is_reordered {
        notes.insert(0, ConfigNote::Order);
    }
    if is_both && from.overruled != to.overruled {
        notes.push(ConfigNote::Overruled);
    }
    if is_both && changes.is_empty() && notes.is_empty() {
        notes.push(ConfigNote::Formatting);
    }
    notes.extend(duplicates(&from.overruled, &to.overruled));
    RecordChanges { format, changes, notes }
}

/// One side of a comparison. A file that is not there holds nothing.
#[derive(Default)]
struct Side {
    content: Option<Content>,
    overruled: Vec<Overruled>,
}

impl Side {
    fn of(document: Option<Document>) -> Self {
        document.map_or_else(Self::default, |document| Self {
            content: Some(document.content),
            overruled: document.overruled,
        })
    }

    /// The records of JSON Lines.
    fn lines(&mut self) -> Option<Vec<Line>> {
        match self.content.take() {
            Some(Content::Lines(lines)) => Some(lines),
            other => {
                self.content = other;
                None
            }
        }
    }

    /// The tree; several documents of YAML are a list.
    fn tree(&mut self, is_list: bool) -> Option<Value> {
        match self.content.take()? {
            Content::Tree(value) => Some(value),
            Content::Documents(documents) if is_list => Some(Value::List(documents)),
            Content::Documents(documents) => documents.into_iter().next(),
            Content::Lines(_) => None,
        }
    }

    fn has_documents(&self) -> bool {
        matches!(&self.content, Some(Content::Documents(documents)) if documents.len() > 1)
    }
}

/// The changes, and whether what is on both sides stands in another order.
fn compare(format: ConfigFormat, from: &mut Side, to: &mut Side) -> (Vec<RecordChange>, bool) {
    let (old, new) = match (from.lines(), to.lines()) {
        (None, None) => {
            let is_list = from.has_documents() || to.has_documents();
            (from.tree(is_list), to.tree(is_list))
        }
        (old, new) => match jsonl::paired(old.unwrap_or_default(), new.unwrap_or_default()) {
            Paired::Lines(old, new) => return told(format, &jsonl::by_content(&old, &new)),
            Paired::Trees(mut old, mut new) => {
                old.settle(&mut Path::default(), &mut from.overruled);
                new.settle(&mut Path::default(), &mut to.overruled);
                (Some(old), Some(new))
            }
        },
    };
    let emptied = |value: &Option<Value>| value.as_ref().and_then(Value::emptied);
    let (no_old, no_new) = (emptied(&new), emptied(&old));
    match (old.as_ref().or(no_old.as_ref()), new.as_ref().or(no_new.as_ref())) {
        (Some(old), Some(new)) => told(format, &Comparison::of(old, new)),
        (old, new) => {
            let whole = Difference {
                path: Path::default(),
                from: old,
                to: new,
            };
            let is_any = old.is_some() || new.is_some();
            (is_any.then(|| change(format, &whole)).into_iter().collect(), false)
        }
    }
}

fn told(format: ConfigFormat, comparison: &Comparison<'_>) -> (Vec<RecordChange>, bool) {
    let changes = comparison
        .differences
        .iter()
        .map(|difference| change(format, difference));
    (changes.collect(), comparison.is_reordered)
}

fn change(format: ConfigFormat, difference: &Difference<'_>) -> RecordChange {
    let text = |value: Option<&Value>| value.map(Value::to_string);
    // A requirement is its own key, as it stands.
    let own_key = match format {
        ConfigFormat::Requirements => difference.path.only_key(),
        _ => None,
    };
    RecordChange {
        key: own_key.map_or_else(|| difference.path.to_string(), str::to_owned),
        change: ChangeKind::of(difference.from, difference.to),
        from: text(difference.from),
        to: text(difference.to),
    }
}

/// A note for each key that stands twice, in the order in which they come.
fn duplicates(from: &[Overruled], to: &[Overruled]) -> Vec<ConfigNote> {
    let mut keys: Vec<(&str, ConfigSide)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (overruled, side) in [(from, ConfigSide::From), (to, ConfigSide::To)] {
        for key in overruled.iter().map(|overruled| overruled.key.as_str()) {
            match places.get(key) {
                Some(place) if keys[*place].1 != side => keys[*place].1 = ConfigSide::Both,
                Some(_) => {}
                None => {
                    places.insert(key, keys.len());
                    keys.push((key, side));
                }
            }
        }
    }
    let note = |(key, side): (&str, ConfigSide)| ConfigNote::DuplicateKey {
        key: key.to_owned(),
        side,
    };
    keys.into_iter().map(note).collect()
}
