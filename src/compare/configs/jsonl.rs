//! JSON Lines: one value a line, told apart by key, by id or by content.

use std::collections::{HashMap, HashSet};

use super::difference::{Comparison, id_field};
use super::json;
use super::tree::{Overruled, Path, Step, Value};

/// A value and the line where it stands, from 1.
pub(super) type Line = (usize, Value);

/// Reads the lines that are not blank.
pub(super) fn read(text: &str) -> Result<Vec<Line>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let value = json::read(line).map_err(|why| match why.split_once(" at line 1") {
                Some((what, column)) => format!("{what} at line {}{column}", index + 1),
                None => format!("{why} at line {}", index + 1),
            })?;
            Ok((index + 1, value))
        })
        .collect()
}

/// Leaves each key of a record once.
pub(super) fn settle(lines: &mut [Line], overruled: &mut Vec<Overruled>) {
    for (line, value) in lines {
        let mut path = Path::default().with(Step::Line(*line));
        value.settle(&mut path, overruled);
    }
}

/// How the records of two files are told apart.
pub(super) enum Paired {
    /// By key or id: one map of single pairs on each side, or one list.
    Trees(Value, Value),
    /// By content.
    Lines(Vec<Line>, Vec<Line>),
}

/// By key where each record is a single pair and the keys tell them apart, else by an id that all of them have.
pub(super) fn paired(from: Vec<Line>, to: Vec<Line>) -> Paired {
    if keys_tell_apart(&from) && keys_tell_apart(&to) {
        let merged = |lines: Vec<Line>| {
            let pairs = lines.into_iter().filter_map(|(_, value)| match value {
                Value::Map(entries) => entries.into_iter().next(),
                _ => None,
            });
            Value::Map(pairs.collect())
        };
        return Paired::Trees(merged(from), merged(to));
    }
    let values = |lines: &[Line]| lines.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
    let (old, new) = (values(&from), values(&to));
    match id_field(&old, &new).is_some() {
        true => Paired::Trees(Value::List(old), Value::List(new)),
        false => Paired::Lines(from, to),
    }
}

/// Single pairs whose keys are mostly different: a dictionary with a few duplicates, not a list of `{"text": …}`.
fn keys_tell_apart(lines: &[Line]) -> bool {
    let mut keys = HashSet::new();
    let are_pairs = lines.iter().all(|(_, value)| match value {
        Value::Map(entries) if entries.len() == 1 => {
            keys.insert(entries[0].0.as_str());
            true
        }
        _ => false,
    });
    are_pairs && keys.len() * 2 > lines.len() || lines.is_empty()
}

/// Compares by content: equal records are paired in their order, and what is left came or went.
pub(super) fn by_content<'a>(from: &'a [Line], to: &'a [Line]) -> Comparison<'a> {
    let mut comparison = Comparison::default();
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, (_, value)) in to.iter().enumerate().rev() {
        places.entry(value.sorted()).or_default().push(place);
    }
    let mut is_old = vec![false; to.len()];
    let mut last = 0;
    for (line, value) in from {
        let Some(place) = places.get_mut(&value.sorted()).and_then(Vec::pop) else {
            comparison.differs(Step::Line(*line), Some(value), None);
            continue;
        };
        is_old[place] = true;
        comparison.is_reordered |= place < last || to[place].1 != *value;
        last = place;
    }
    for ((line, value), _) in to.iter().zip(is_old).filter(|(_, is_old)| !is_old) {
        comparison.differs(Step::Line(*line), None, Some(value));
    }
    comparison
}
