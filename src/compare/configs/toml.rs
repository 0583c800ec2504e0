//! TOML as a tree, with numbers and dates as they are written.

use toml_edit::{DocumentMut, Item, Table, Value as TomlValue};

use super::tree::Value;

/// Reads a document. Duplicate keys are an error in TOML.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|b| *b == b'\n').count() + 1;
        format!("{} at line {line}", error.message().replace('\n', ", "))
    })?;
    Ok(table(document.as_table()))
}

fn table(table: &Table) -> Value {
    let entries = table
        .iter()
        .filter_map(|(key, value)| Some((key.to_owned(), item(value)?)));
    Value::Map(entries.collect())
}

fn item(item: &Item) -> Option<Value> {
    Some(match item {
        Item::None => return None,
        Item::Value(inner) => value(inner),
        Item::Table(inner) => table(inner),
        Item::ArrayOfTables(tables) => Value::List(tables.iter().map(table).collect()),
    })
}

fn value(written: &TomlValue) -> Value {
    match written {
        TomlValue::String(text) => Value::Text(text.value().clone()),
        TomlValue::Integer(number) => Value::Plain(number.display_repr().into_owned()),
        TomlValue::Float(number) => Value::Plain(number.display_repr().into_owned()),
        TomlValue::Boolean(truth) => Value::Plain(truth.value().to_string()),
        TomlValue::Datetime(time) => Value::Plain(time.display_repr().into_owned()),
        TomlValue::Array(values) => Value::List(values.iter().map(value).collect()),
        TomlValue::InlineTable(inner) => Value::Map(
            inner
                .iter()
                .map(|(key, inner)| (key.to_owned(), value(inner)))
                .collect(),
        ),
    }
}

/// The comments of a text that is TOML: from a `#` outside of quotes to the end of its line.
pub(super) fn comments(text: &str) -> Vec<String> {
    let mut comments = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['#', '"', '\'']) {
        rest = &rest[at..];
        let end = if rest.starts_with('#') {
            let end = rest.find('\n').unwrap_or(rest.len());
            comments.push(rest[1..end].trim().to_owned());
            end
        } else {
            end_of_string(rest)
        };
        rest = &rest[end..];
    }
    comments
}

/// Where the string that the text begins with ends.
fn end_of_string(text: &str) -> usize {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let fence = if text.starts_with(&triple) {
        triple.as_str()
    } else {
        quote
    };
    let mut at = fence.len();
    while at < text.len() {
        let rest = &text[at..];
        if let Some(after) = rest.strip_prefix(fence) {
            // A string in three quotes may end in one or two of its own.
            let more = after
                .bytes()
                .take_while(|b| fence.len() == 3 && [*b] == quote.as_bytes());
            return at + fence.len() + more.count();
        }
        let next = rest.chars().next().map_or(1, char::len_utf8);
        let escaped = quote == "\"" && rest.starts_with('\\');
        at += next;
        if escaped {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}
