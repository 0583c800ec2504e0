//! What holds for all texts: nothing differs from itself, comparing the other way round mirrors, what differs is enough
//! to get from one side to the other, and no bytes do harm.

use proptest::prelude::*;
use proptest::sample::select;

use super::difference::Comparison;
use super::tree::{Step, Value};
use super::*;

const NAMES: &[&str] = &[
    "a.jsonl",
    "a.json",
    "a.yaml",
    "a.toml",
    "a.ini",
    ".env",
    "requirements.txt",
];

/// What texts that look like the formats are put together of.
const PIECES: &[&str] = &[
    "a",
    "b",
    "é",
    "1",
    "=",
    ": ",
    "\n",
    "\r\n",
    " ",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    " # ",
    ",",
    "&x ",
    "*x",
    "<<: ",
    "|\n",
    ">\n",
    "---\n",
    "\\",
    "$A",
    "export ",
    "==1.0",
    ";",
    "@",
    "-r ",
    "--hash=",
    ".",
    "-",
    "_",
    "\"\"\"",
    "'''",
    "{\"a\": 1}\n",
    "{\"id\": 1, \"b\": 2}\n",
    "a: 1\n",
    "a = 1\n",
    "[a]\n",
    "!t ",
    "? ",
    "\t",
    "\u{feff}",
    "%YAML 1.2\n",
    "!<x> ",
    "!!str ",
    "numpy",
    "python_version",
    "'3.8'",
    "(",
    ")",
    "~",
    ">",
    "<",
];

fn path(name: &str) -> RelPath {
    RelPath::new(name).unwrap()
}

/// JSON values that often have keys and elements in common.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        select(vec!["", "a", "重庆", "\u{1}"]).prop_map(serde_json::Value::from),
        (0..4).prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let key = select(vec!["id", "a", "b", "c d", "重庆"]);
        let map = |entries: Vec<(&str, serde_json::Value)>| {
            let entries = entries.into_iter().map(|(key, value)| (key.to_owned(), value));
            serde_json::Value::Object(entries.collect())
        };
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::vec((key, inner), 0..5).prop_map(map),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

/// The changes of records, where there are records.
fn changes(name: &str, from: &str, to: &str) -> Option<Vec<RecordChange>> {
    match config(&path(name), Some(from.as_bytes()), Some(to.as_bytes()))?.meaning {
        ConfigMeaning::Records(records) => Some(records.changes),
        ConfigMeaning::Text { .. } => None,
    }
}

fn mirrored(change: RecordChange) -> RecordChange {
    RecordChange {
        key: change.key,
        change: match change.change {
            ChangeKind::Added => ChangeKind::Removed,
            ChangeKind::Removed => ChangeKind::Added,
            ChangeKind::Changed => ChangeKind::Changed,
        },
        from: change.to,
        to: change.from,
    }
}

fn sorted(mut changes: Vec<RecordChange>) -> Vec<RecordChange> {
    changes.sort_by(|a, b| (&a.key, &a.from, &a.to).cmp(&(&b.key, &b.from, &b.to)));
    changes
}

/// Whether the comparison the other way round says the same, mirrored.
fn mirrors(name: &str, from: &str, to: &str) -> bool {
    let back = changes(name, to, from).map(|changes| sorted(changes.into_iter().map(mirrored).collect()));
    changes(name, from, to).map(sorted) == back
}

/// Does what the differences say, the naive way.
fn apply(value: &mut Value, comparison: &Comparison<'_>) {
    let by_kind = |kind| {
        let is = move |difference: &&Difference<'_>| ChangeKind::of(difference.from, difference.to) == kind;
        comparison.differences.iter().filter(is).collect::<Vec<_>>()
    };
    for difference in by_kind(ChangeKind::Changed) {
        let new = difference.to.unwrap().clone();
        *difference.path.steps().iter().fold(&mut *value, into) = new;
    }
    // From behind, so that the places before stay what they are.
    for difference in by_kind(ChangeKind::Removed).into_iter().rev() {
        let (last, before) = difference.path.steps().split_last().unwrap();
        match (before.iter().fold(&mut *value, into), last) {
            (Value::Map(entries), Step::Key(key)) => entries.retain(|(other, _)| other != key),
            (Value::List(values), Step::Index(index)) => drop(values.remove(*index)),
            (Value::List(values), id) => values.retain(|value| !has_id(value, id)),
            _ => unreachable!(),
        }
    }
    for difference in by_kind(ChangeKind::Added) {
        let (last, before) = difference.path.steps().split_last().unwrap();
        let new = difference.to.unwrap().clone();
        match (before.iter().fold(&mut *value, into), last) {
            (Value::Map(entries), Step::Key(key)) => entries.push((key.clone(), new)),
            (Value::List(values), Step::Index(index)) => values.insert(*index, new),
            (Value::List(values), _) => values.push(new),
            _ => unreachable!(),
        }
    }
}

fn into<'v>(value: &'v mut Value, step: &Step) -> &'v mut Value {
    match (value, step) {
        (Value::Map(entries), Step::Key(key)) => &mut entries.iter_mut().find(|(other, _)| other == key).unwrap().1,
        (Value::List(values), Step::Index(index)) => &mut values[*index],
        (Value::List(values), id) => values.iter_mut().find(|value| has_id(value, id)).unwrap(),
        _ => unreachable!(),
    }
}

fn has_id(element: &Value, step: &Step) -> bool {
    let (Value::Map(entries), Step::Id { field, value }) = (element, step) else {
        unreachable!()
    };
    let id = &entries.iter().find(|(key, _)| key == field).unwrap().1;
    id.to_string() == *value || id.to_string() == format!("\"{value}\"")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spelling_is_no_meaning(value in json()) {
        let (short, long) = (value.to_string(), serde_json::to_string_pretty(&value).unwrap());
        prop_assert_eq!(changes("a.json", &short, &long).unwrap_or_default(), []);
    }

    #[test]
    fn differences_lead_from_one_side_to_the_other(from in json(), to in json()) {
        let (from, to) = (json::read(&from.to_string()).unwrap(), json::read(&to.to_string()).unwrap());
        let comparison = Comparison::of(&from, &to);
        let mut made = from.clone();
        apply(&mut made, &comparison);
        prop_assert_eq!(Comparison::of(&made, &to).differences, []);
        // Where an element with an id came in is not told.
        let is_by_id = |difference: &Difference<'_>| matches!(difference.path.steps().last(), Some(Step::Id { .. }));
        if !comparison.is_reordered && !comparison.differences.iter().any(is_by_id) {
            prop_assert_eq!(made.sorted(), to.sorted());
        }
    }

    #[test]
    fn the_other_way_round_is_the_mirror(name in select(NAMES), from in text(), to in text()) {
        prop_assert!(mirrors(name, &from, &to));
    }

    #[test]
    fn trees_mirror(from in json(), to in json()) {
        let lines = |value: &serde_json::Value| match value {
            serde_json::Value::Array(values) => values.iter().map(|value| format!("{value}\n")).collect(),
            value => value.to_string(),
        };
        prop_assert!(mirrors("a.json", &from.to_string(), &to.to_string()));
        prop_assert!(mirrors("a.yaml", &from.to_string(), &to.to_string()));
        prop_assert!(mirrors("a.jsonl", &lines(&from), &lines(&to)));
    }

    #[test]
    fn yaml_reads_json_as_json_does(value in json()) {
        let (json, yaml) = (value.to_string(), format!("{value:#}"));
        let told = |name: &str, text: &str| changes(name, "{\"old\": 1}", text).map(sorted);
        prop_assert_eq!(told("a.yaml", &yaml), told("a.json", &json));
    }

    #[test]
    fn no_text_does_harm(name in select(NAMES), from in text(), to in text()) {
        let change = config(&path(name), Some(from.as_bytes()), Some(to.as_bytes()));
        prop_assert_eq!(change.is_none(), from == to);
    }

    #[test]
    fn no_bytes_do_harm(name in select(NAMES), from: Vec<u8>, to: Option<Vec<u8>>) {
        let change = config(&path(name), Some(&from), to.as_deref());
        prop_assert_eq!(change.is_none(), Some(from) == to);
    }
}
