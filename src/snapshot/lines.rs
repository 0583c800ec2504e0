//! JSON Lines: the form of the inventory's lists of records.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One JSON object a line.
pub(super) fn encode<T: Serialize>(records: &[T]) -> Vec<u8> {
    let mut text = Vec::new();
    for record in records {
        // Plain fields in memory: this cannot fail.
        let _ = serde_json::to_writer(&mut text, record);
        text.push(b'\n');
    }
    text
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// Names the line.
pub(super) fn decode<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, String> {
    let lines = text
        .split(|b| *b == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| serde_json::from_slice(line).map_err(|e| format!("line {}: {e}", at + 1)))
        .collect()
}
