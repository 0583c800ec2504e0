//! JSON as a tree, with numbers as they are written and every duplicate key.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::tree::Value;

/// Reads one JSON value.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let numbers = RefCell::new(Numbers { rest: text });
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Reader(&numbers).deserialize(&mut json);
    let value = value.and_then(|value| json.end().map(|()| value));
    value.map_err(|error| error.to_string())
}

/// The numbers of a JSON text, in order. What reads the text only knows their values, which may be rounded.
struct Numbers<'t> {
    rest: &'t str,
}

impl Numbers<'_> {
    /// The next one, as it is written. The text before the end of it is known to be JSON.
    fn next(&mut self) -> String {
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        let mut is_quoted = false;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if is_quoted => at += 1,
                b'"' => is_quoted = !is_quoted,
                b'-' | b'0'..=b'9' if !is_quoted => break,
                _ => {}
            }
            at += 1;
        }
        let start = at.min(bytes.len());
        let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
        let end = start + bytes[start..].iter().take_while(|b| is_part(b)).count();
        let number = self.rest.get(start..end).unwrap_or_default().to_owned();
        self.rest = self.rest.get(end..).unwrap_or_default();
        number
    }
}

#[derive(Clone, Copy)]
struct Reader<'r, 't>(&'r RefCell<Numbers<'t>>);

impl Reader<'_, '_> {
    fn number<E>(self) -> Result<Value, E> {
        Ok(Value::Plain(self.0.borrow_mut().next()))
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Plain("null".to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        self.number()
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        self.number()
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        self.number()
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = pairs.next_key()? {
            entries.push((key, pairs.next_value_seed(self)?));
        }
        Ok(Value::Map(entries))
    }
}
