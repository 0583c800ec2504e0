//! The `RECORD` of a package: its files with hash and size, as CSV.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::digest::Digest;

/// Paths and hashes.
pub(super) fn rows(record: &[u8]) -> Result<Vec<(String, String)>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(record);
    reader
        .records()
        .map(|row| {
            let row = row?;
            let field = |index| row.get(index).unwrap_or_default().to_owned();
            Ok((field(0), field(1)))
        })
        .collect()
}

/// The text, with the line ends that pip writes. A file without content (the record itself) stands without hash.
pub(super) fn text(files: &BTreeMap<String, Option<Vec<u8>>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for (path, content) in files {
        let (hash, size) = match content {
            Some(content) => (hash(content), content.len().to_string()),
            None => (String::new(), String::new()),
        };
        writer.write_record([path, &hash, &size])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// The hash of a file's content: `sha256=` and URL-safe base64 without padding.
pub(super) fn hash(content: &[u8]) -> String {
    format!("sha256={}", URL_SAFE_NO_PAD.encode(Digest::of(content).as_bytes()))
}
