//! What every format is read into: a tree of values, and the paths to them.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter, Write as _};

/// How long the path to a list or map may be, in bytes. It is told with every value, so that the changes of a hostile
/// file could else be as large as the square of it.
pub(super) const LONGEST_PATH: usize = 1024;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Text, shown in quotes.
    Text(String),
    /// A number, a truth value or a word, as it is written.
    Plain(String),
    /// Values in order.
    List(Vec<Value>),
    /// Values by key, in the order of the file. A key may stand there more than once until [`Value::settle`].
    Map(Vec<(String, Value)>),
    /// A value with a type that the file gives it.
    Tagged(String, Box<Value>),
}

impl Value {
    /// Text of a format that has no other type: without quotes where it can be told from what stands around it.
    pub(super) fn word(text: &str) -> Self {
        let is_clear = !text.is_empty() && text.trim() == text && !text.contains(char::is_control);
        if is_clear {
            Self::Plain(text.to_owned())
        } else {
            Self::Text(text.to_owned())
        }
    }

    /// What a file that is not there is compared as, where this is the other file.
    pub(super) fn emptied(&self) -> Option<Self> {
        match self {
            Self::List(_) => Some(Self::List(Vec::new())),
            Self::Map(_) => Some(Self::Map(Vec::new())),
            _ => None,
        }
    }

    /// Whether the paths to all lists and maps are of a length that can be told with each value in them.
    pub(super) fn has_short_paths(&self) -> bool {
        self.fits(LONGEST_PATH)
    }

    fn fits(&self, room: usize) -> bool {
        let further = |length: usize, value: &Self| match value {
            Self::Text(_) | Self::Plain(_) => true,
            value => room.checked_sub(length).is_some_and(|room| value.fits(room)),
        };
        match self {
            Self::Text(_) | Self::Plain(_) => true,
            Self::Tagged(_, value) => value.fits(room),
            Self::List(values) => values.iter().all(|value| further(1, value)),
            Self::Map(entries) => entries.iter().all(|(key, value)| further(key.len() + 1, value)),
        }
    }

    /// Leaves each key once, with its last value, and tells what that overrules.
    pub(super) fn settle(&mut self, path: &mut Path, overruled: &mut Vec<Overruled>) {
        let mut inner = |step: &dyn Fn() -> Step, value: &mut Self| {
            if matches!(value, Self::Text(_) | Self::Plain(_)) {
                return;
            }
            path.push(step());
            value.settle(path, overruled);
            path.pop();
        };
        match self {
            Self::Text(_) | Self::Plain(_) => {}
            Self::Tagged(_, value) => value.settle(path, overruled),
            Self::List(values) => {
                for (index, value) in values.iter_mut().enumerate() {
                    inner(&|| Step::Index(index), value);
                }
            }
            Self::Map(entries) => {
                for (key, value) in entries.iter_mut() {
                    inner(&|| Step::Key(key.clone()), value);
                }
                last_wins(entries, path, overruled);
            }
        }
    }

    /// The text with the keys of maps sorted: equal for values that differ in nothing else.
    pub(super) fn sorted(&self) -> String {
        let mut copy = self.clone();
        copy.sort();
        copy.to_string()
    }

    fn sort(&mut self) {
        match self {
            Self::Text(_) | Self::Plain(_) => {}
            Self::Tagged(_, value) => value.sort(),
            Self::List(values) => values.iter_mut().for_each(Self::sort),
            Self::Map(entries) => {
                entries.iter_mut().for_each(|(_, value)| value.sort());
                entries.sort_by(|a, b| a.0.cmp(&b.0));
            }
        }
    }
}

/// Keeps the place of the first of equal keys and the value of the last.
fn last_wins(entries: &mut Vec<(String, Value)>, path: &Path, overruled: &mut Vec<Overruled>) {
    if entries.len() < 2 {
        return;
    }
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
    let first: Vec<usize> = entries
        .iter()
        .enumerate()
        .map(|(at, (key, _))| *places.entry(key).or_insert(at))
        .collect();
    if first.iter().enumerate().all(|(at, first)| at == *first) {
        return;
    }
    let mut kept: Vec<Option<(String, Value)>> = Vec::with_capacity(entries.len());
    for (entry, first) in entries.drain(..).zip(first) {
        kept.push(None);
        if let Some((key, value)) = kept[first].replace(entry) {
            let key = path.with(Step::Key(key)).to_string();
            overruled.push(Overruled { key, value });
        }
    }
    entries.extend(kept.into_iter().flatten());
}

/// A value that does not count, because its key comes again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overruled {
    /// Its path, as text.
    pub(super) key: String,
    /// The value.
    pub(super) value: Value,
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Plain(text) => f.write_str(text),
            Self::Tagged(tag, value) => write!(f, "{tag} {value}"),
            Self::List(values) => {
                f.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{value}")?;
                }
                f.write_char(']')
            }
            Self::Map(entries) => {
                f.write_char('{')?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{}: {value}", quoted(key))?;
                }
                f.write_char('}')
            }
        }
    }
}

/// Text in quotes, as JSON writes it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// One step from a value to one that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a map.
    Key(String),
    /// Into a list, by place.
    Index(usize),
    /// Into a list, by the value of a field that no other element shares.
    Id { field: String, value: String },
    /// A line of the file, from 1.
    Line(usize),
}

/// The way from the whole file to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

impl Path {
    pub(super) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    /// One step further.
    pub(super) fn with(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.push(step);
        path
    }

    #[cfg(test)]
    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The key, where the path is nothing else.
    pub(super) fn only_key(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Step::Key(key)] => Some(key),
            _ => None,
        }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_char('.');
        }
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    let dot = if index > 0 { "." } else { "" };
                    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                    if !key.is_empty() && key.chars().all(is_bare) {
                        write!(f, "{dot}{key}")?;
                    } else {
                        write!(f, "{dot}{}", quoted(key))?;
                    }
                }
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Id { field, value } => write!(f, "[{field}={value}]")?,
                Step::Line(line) => write!(f, "line {line}")?,
            }
        }
        Ok(())
    }
}
