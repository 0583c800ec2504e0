//! YAML as a tree. Aliases stay aliases and merge keys stay keys, so that nothing is told twice and nothing grows.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::tree::{LONGEST_PATH, Path, Step, Value, quoted};

/// How deep values may stand in each other.
const MAX_DEPTH: usize = 128;

/// The documents of a file and its comments.
pub(super) struct Yaml {
    pub(super) documents: Vec<Value>,
    pub(super) comments: Vec<String>,
}

/// Reads all documents.
pub(super) fn read(text: &str) -> Result<Yaml, String> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| told(&error))?;
        builder.take(event, span)?;
    }
    if builder.has_aliases && builder.documents.iter().any(has_duplicates) {
        // An alias may stand for a value that a duplicate overrules, which is not compared.
        return Err("aliases beside duplicate keys".to_owned());
    }
    Ok(Yaml {
        comments: comments(text, &builder.scalars),
        documents: builder.documents,
    })
}

fn told(error: &ScanError) -> String {
    format!("{} at line {}", error.info(), error.marker().line())
}

fn has_duplicates(value: &Value) -> bool {
    let mut overruled = Vec::new();
    value.clone().settle(&mut Path::default(), &mut overruled);
    !overruled.is_empty()
}

/// A list or map that is not complete.
struct Open {
    tag: Option<String>,
    values: Values,
}

enum Values {
    List(Vec<Value>),
    Map {
        entries: Vec<(String, Value)>,
        /// The key that waits for its value.
        key: Option<String>,
    },
}

#[derive(Default)]
struct Builder {
    documents: Vec<Value>,
    open: Vec<Open>,
    /// Where each anchor stands.
    anchors: HashMap<usize, String>,
    /// Where scalars stand, in characters.
    scalars: Vec<(usize, usize)>,
    has_aliases: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), String> {
        let line = span.start.line();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalars.push((span.start.index(), span.end.index()));
                if self.awaits_key() {
                    if anchor != 0 || tag.is_some() {
                        return Err(format!("a key with an anchor or tag at line {line}"));
                    }
                    return self.complete(key_value(&text, style), line);
                }
                self.anchor(anchor, line)?;
                self.complete(scalar(&text, style, tag.as_deref()), line)
            }
            Event::Alias(anchor) => {
                if self.awaits_key() {
                    return Err(format!("an alias for a key at line {line}"));
                }
                self.has_aliases = true;
                let place = self.anchors.get(&anchor).cloned().unwrap_or_default();
                self.complete(Value::Plain(format!("*{place}")), line)
            }
            Event::SequenceStart(anchor, tag) => self.begin(Values::List(Vec::new()), anchor, tag.as_deref(), line),
            Event::MappingStart(anchor, tag) => {
                let (entries, key) = (Vec::new(), None);
                self.begin(Values::Map { entries, key }, anchor, tag.as_deref(), line)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let value = match open.values {
                    Values::List(values) => Value::List(values),
                    Values::Map { entries, .. } => Value::Map(entries),
                };
                let value = match open.tag {
                    Some(tag) => Value::Tagged(tag, Box::new(value)),
                    None => value,
                };
                self.complete(value, line)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    /// Whether the next value is a key.
    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last().map(|open| &open.values),
            Some(Values::Map { key: None, .. })
        )
    }

    fn begin(&mut self, values: Values, anchor: usize, tag: Option<&Tag>, line: usize) -> Result<(), String> {
        if self.awaits_key() {
            return Err(format!("a list or map for a key at line {line}"));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep at line {line}"));
        }
        self.anchor(anchor, line)?;
        let tag = tag.map(shown_tag);
        self.open.push(Open { tag, values });
        Ok(())
    }

    /// Remembers the place of an anchor: its name may change without a change of meaning, and may be used again.
    fn anchor(&mut self, anchor: usize, line: usize) -> Result<(), String> {
        if anchor == 0 {
            return Ok(());
        }
        let mut path = Path::default();
        if !self.documents.is_empty() {
            path.push(Step::Index(self.documents.len()));
        }
        for open in &self.open {
            path.push(match &open.values {
                Values::List(values) => Step::Index(values.len()),
                Values::Map { key, .. } => Step::Key(key.clone().unwrap_or_default()),
            });
        }
        let place = path.to_string();
        if place.len() > LONGEST_PATH {
            return Err(format!(
                "an anchor below keys of more than {LONGEST_PATH} bytes at line {line}"
            ));
        }
        self.anchors.insert(anchor, place);
        Ok(())
    }

    fn complete(&mut self, value: Value, line: usize) -> Result<(), String> {
        match self.open.last_mut().map(|open| &mut open.values) {
            None => self.documents.push(value),
            Some(Values::List(values)) => values.push(value),
            Some(Values::Map { entries, key }) => match key.take() {
                Some(key) => entries.push((key, value)),
                None => match value {
                    Value::Text(text) | Value::Plain(text) => *key = Some(text),
                    _ => return Err(format!("a list or map for a key at line {line}")),
                },
            },
        }
        Ok(())
    }
}

/// A key as text. One that would be a number without its quotes keeps them, because it is another key.
fn key_value(text: &str, style: ScalarStyle) -> Value {
    match (style, plain(text)) {
        (ScalarStyle::Plain, value) => value,
        (_, Value::Plain(_)) => Value::Text(quoted(text)),
        (_, value) => value,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let value = match style {
        ScalarStyle::Plain => plain(text),
        _ => Value::Text(text.to_owned()),
    };
    match tag {
        None => value,
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Value::Text(text.to_owned()),
        Some(tag) => Value::Tagged(shown_tag(tag), Box::new(value)),
    }
}

fn shown_tag(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        format!("!!{}", tag.suffix)
    } else if tag.handle == "!" || tag.handle.is_empty() {
        format!("!{}", tag.suffix)
    } else {
        format!("!<{}{}>", tag.handle, tag.suffix)
    }
}

/// A scalar without quotes: text, unless some version of YAML takes it for another type.
fn plain(text: &str) -> Value {
    const WORDS: &[&str] = &["yes", "no", "on", "off", ".inf", "-.inf", "+.inf", ".nan"];
    let lower = text.to_ascii_lowercase();
    let is_cased = |word: &str| {
        text == word || text == word.to_ascii_uppercase() || text.get(1..) == word.get(1..) && lower == word
    };
    match lower.as_str() {
        "" | "~" => Value::Plain("null".to_owned()),
        "null" | "true" | "false" if is_cased(&lower) => Value::Plain(lower),
        word if WORDS.contains(&word) => Value::Plain(text.to_owned()),
        _ if is_number_like(text) => Value::Plain(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

/// Numbers, dates and times in all their notations, and some more.
fn is_number_like(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-', '.']);
    let is_part = |c: char| {
        c.is_ascii_hexdigit() || matches!(c, 'x' | 'o' | '_' | '+' | '-' | '.' | ':' | 't' | 'T' | 'z' | 'Z' | ' ')
    };
    digits.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(is_part)
}

/// The comments: from a `#` that follows white space and stands in no scalar to the end of its line.
fn comments(text: &str, scalars: &[(usize, usize)]) -> Vec<String> {
    let mut scalars = scalars.iter().copied().peekable();
    let mut comments = Vec::new();
    let mut comment: Option<String> = None;
    let mut before = ' ';
    for (at, c) in text.chars().enumerate() {
        while scalars.next_if(|(_, end)| *end <= at).is_some() {}
        let is_scalar = scalars.peek().is_some_and(|(start, _)| *start <= at);
        match &mut comment {
            Some(_) if c == '\n' => comments.extend(comment.take()),
            Some(comment) => comment.push(c),
            None if c == '#' && before.is_whitespace() && !is_scalar => comment = Some(String::new()),
            None => {}
        }
        before = c;
    }
    comments.extend(comment);
    comments.iter().map(|comment| comment.trim().to_owned()).collect()
}
