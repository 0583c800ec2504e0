//! The audit log: every line names the digest of the line before.

use std::path::Path;

use serde::Deserialize;

use super::report::{Damage, DamageKind};
use crate::digest::Digest;
use crate::fsx;
use crate::ops::Error;

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    prev: Option<String>,
}

/// What is wrong with the chain of an audit log; nothing when there is no log.
///
/// # Errors
/// When it is there and cannot be read.
pub(super) fn check(path: &Path) -> Result<Option<Damage>, Error> {
    let Some(text) = fsx::read_if_present(path)? else {
        return Ok(None);
    };
    let what = broken_at(&text);
    Ok(what.map(|what| Damage {
        kind: DamageKind::Audit,
        object: "audit.jsonl".to_owned(),
        what: vec![what],
        needed_by: Vec::new(),
        paths: Vec::new(),
        lost: 0,
        remedy: "compare the log with a backup: somebody or something changed it after it was written".to_owned(),
    }))
}

/// The first line that does not follow from the one before. A last line that a crash cut short is none.
fn broken_at(text: &[u8]) -> Option<String> {
    let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
    let lines = text[..whole].split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let mut before: Option<&[u8]> = None;
    for (at, line) in lines.enumerate() {
        let number = at + 1;
        let Ok(parsed) = serde_json::from_slice::<Line>(line) else {
            return Some(format!("line {number} makes no sense"));
        };
        if let Some(before) = before
            && parsed.prev != Some(Digest::of(before).to_string())
        {
            return Some(format!("line {number} does not follow from line {}", number - 1));
        }
        before = Some(line);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_breaks_the_chain() {
        let first = r#"{"prev":"","what":"a"}"#;
        let second = format!(r#"{{"prev":"{}","what":"b"}}"#, Digest::of(first.as_bytes()));
        let third = format!(r#"{{"prev":"{}","what":"c"}}"#, Digest::of(second.as_bytes()));
        let log = |lines: &[&str]| lines.join("\n") + "\n";
        let good = log(&[first, &second, &third]);
        assert_eq!(broken_at(good.as_bytes()), None);
        assert_eq!(broken_at(&good.as_bytes()[..good.len() - 5]), None);
        assert_eq!(
            broken_at(good.replace("\"a\"", "\"x\"").as_bytes()).unwrap(),
            "line 2 does not follow from line 1"
        );
        assert_eq!(
            broken_at(log(&[first, &third]).as_bytes()).unwrap(),
            "line 2 does not follow from line 1"
        );
        assert_eq!(
            broken_at(log(&[first, "{"]).as_bytes()).unwrap(),
            "line 2 makes no sense"
        );
    }
}
