//! Where two trees differ.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::tree::{Path, Step, Value};

/// Fields that name an element of a list, the most telling first; after them, what ends like an id.
const ID_FIELDS: &[&str] = &["id", "_id", "uid", "uuid", "guid", "key", "name"];
const ID_ENDINGS: &[&str] = &["_id", "-id", "Id", "ID"];

/// A value that differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference<'a> {
    pub(super) path: Path,
    pub(super) from: Option<&'a Value>,
    pub(super) to: Option<&'a Value>,
}

/// A comparison under way, then its result.
#[derive(Debug, Default)]
pub(super) struct Comparison<'a> {
    path: Path,
    /// The smallest values that differ.
    pub(super) differences: Vec<Difference<'a>>,
    /// Something that is in both stands in another order.
    pub(super) is_reordered: bool,
}

impl<'a> Comparison<'a> {
    /// Two trees.
    pub(super) fn of(from: &'a Value, to: &'a Value) -> Self {
        let mut comparison = Self::default();
        comparison.values(from, to);
        comparison
    }

    /// A difference at a step below the current path.
    pub(super) fn differs(&mut self, step: Step, from: Option<&'a Value>, to: Option<&'a Value>) {
        let path = self.path.with(step);
        self.differences.push(Difference { path, from, to });
    }

    fn values(&mut self, from: &'a Value, to: &'a Value) {
        match (from, to) {
            (Value::Map(from), Value::Map(to)) => {
                fn by_key(entries: &[(String, Value)]) -> Vec<(&str, &Value)> {
                    entries.iter().map(|(key, value)| (key.as_str(), value)).collect()
                }
                self.keyed(&by_key(from), &by_key(to), |key| Step::Key((*key).to_owned()));
            }
            (Value::List(from), Value::List(to)) => self.lists(from, to),
            (Value::Tagged(old, from), Value::Tagged(new, to)) if old == new => self.values(from, to),
            _ if from == to => {}
            _ => self.differences.push(Difference {
                path: self.path.clone(),
                from: Some(from),
                to: Some(to),
            }),
        }
    }

    fn at(&mut self, step: Step, from: &'a Value, to: &'a Value) {
        self.path.push(step);
        self.values(from, to);
        self.path.pop();
    }

    /// Elements by their id where they have one. Else by place, but what is equal at the end is passed over first, so
    /// that an element that came or went is told as that and not as a change of all that follow it.
    fn lists(&mut self, from: &'a [Value], to: &'a [Value]) {
        if let Some(field) = id_field(from, to) {
            let with_ids = |values: &'a [Value]| -> Vec<(String, &'a Value)> {
                let id = |value| field_of(value, field).map(shown_id).unwrap_or_default();
                values.iter().map(|value| (id(value), value)).collect()
            };
            return self.keyed(&with_ids(from), &with_ids(to), |id| Step::Id {
                field: field.to_owned(),
                value: id.clone(),
            });
        }
        let ends = from.iter().rev().zip(to.iter().rev());
        let equal = match from.len() == to.len() {
            true => 0,
            false => ends.take_while(|(a, b)| a == b).count(),
        };
        let (from, to) = (&from[..from.len() - equal], &to[..to.len() - equal]);
        for index in 0..from.len().max(to.len()) {
            let step = Step::Index(index);
            match (from.get(index), to.get(index)) {
                (Some(from), Some(to)) => self.at(step, from, to),
                (from, to) => self.differs(step, from, to),
            }
        }
    }

    /// Values by keys that are unique on either side.
    pub(super) fn keyed<K: Eq + Hash>(
        &mut self,
        from: &[(K, &'a Value)],
        to: &[(K, &'a Value)],
        step: impl Fn(&K) -> Step,
    ) {
        let places: HashMap<&K, usize> = to.iter().enumerate().map(|(place, (key, _))| (key, place)).collect();
        let mut is_old = vec![false; to.len()];
        let mut last = 0;
        for (key, old) in from {
            let Some(&place) = places.get(key) else {
                self.differs(step(key), Some(old), None);
                continue;
            };
            is_old[place] = true;
            self.is_reordered |= place < last;
            last = place;
            self.at(step(key), old, to[place].1);
        }
        for ((key, new), _) in to.iter().zip(is_old).filter(|(_, is_old)| !is_old) {
            self.differs(step(key), None, Some(new));
        }
    }
}

/// The field by which the elements of both lists are told apart, if all of them are maps that have it, each list with
/// no value twice.
pub(super) fn id_field<'a>(from: &'a [Value], to: &'a [Value]) -> Option<&'a str> {
    let first = from.first().or(to.first())?;
    let Value::Map(entries) = first else { return None };
    let mut fields: Vec<(usize, &str)> = entries
        .iter()
        .filter_map(|(field, _)| Some((rank(field)?, field.as_str())))
        .collect();
    fields.sort_unstable();
    let tells_apart = |field: &str, values: &'a [Value]| {
        let mut seen = HashSet::with_capacity(values.len());
        values.iter().all(|value| match value {
            Value::Map(entries) if entries.len() > 1 => {
                field_of(value, field).is_some_and(|id| is_id(id) && seen.insert(shown_id(id)))
            }
            _ => false,
        })
    };
    let telling = fields.into_iter().map(|(_, field)| field);
    telling
        .into_iter()
        .find(|field| tells_apart(field, from) && tells_apart(field, to))
}

fn rank(field: &str) -> Option<usize> {
    let known = ID_FIELDS.iter().position(|known| *known == field);
    known.or_else(|| {
        let ends = ID_ENDINGS.iter().any(|ending| field.ends_with(ending));
        ends.then_some(ID_FIELDS.len())
    })
}

fn field_of<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    let Value::Map(entries) = value else { return None };
    entries.iter().find(|(key, _)| key == field).map(|(_, value)| value)
}

/// A scalar that is short enough to stand in a path.
fn is_id(value: &Value) -> bool {
    match value {
        Value::Text(text) | Value::Plain(text) => text.len() <= 128,
        _ => false,
    }
}

/// An id as it stands in a path: text without quotes, unless it could be taken for something else.
fn shown_id(id: &Value) -> String {
    match id {
        Value::Text(text) if is_name(text) => text.clone(),
        id => id.to_string(),
    }
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    text.starts_with(char::is_alphabetic) && text.chars().all(is_part) && !matches!(text, "true" | "false" | "null")
}
