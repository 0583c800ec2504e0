//! Files that follow from the newest entry: its number, and those by which a git client clones the history over plain HTTP (git's "dumb" protocol). They follow from the
//! newest entry, so they may be lost or old for a moment: the next push, even one that moves nothing, writes them anew.

use std::fmt::Write as _;

use super::entry::Entry;
use super::error::Error;
use super::{layout, log};
use crate::remote::{Key, Transport};

/// One line a ref: its id, a tab, its full name.
fn info_refs(entry: &Entry) -> String {
    let mut text = String::new();
    for (name, id) in &entry.refs {
        let _ = writeln!(text, "{id}\t{name}");
    }
    text
}

fn head(entry: &Entry) -> String {
    format!("ref: {}\n", entry.head.as_deref().unwrap_or("refs/heads/main"))
}

fn info_packs(entry: &Entry) -> String {
    let mut text = String::new();
    for pack in &entry.packs {
        let _ = writeln!(text, "P {}.pack", pack.name);
    }
    text.push('\n');
    text
}

/// The files of an entry, in the order in which they are written: what refs need is named before them.
fn files(entry: &Entry) -> Result<Vec<(Key, String)>, Error> {
    Ok(vec![
        (layout::newest()?, format!("{}\n", entry.number)),
        (layout::history("objects/info/packs")?, info_packs(entry)),
        (layout::history("info/refs")?, info_refs(entry)),
        (layout::history("HEAD")?, head(entry)),
    ])
}

/// How often another may push while these files are written.
const ATTEMPTS: u32 = 10;

/// Writes the files of `entry`. Two who write at once may leave those of the older entry, so each looks afterwards
/// whether its entry is still the newest, and if not writes those of the newest: the last who looks sees it.
pub(super) fn write(transport: &dyn Transport, mut entry: Entry) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        for (key, text) in files(&entry)? {
            transport.replace(&key, text.as_bytes())?;
        }
        match log::newest(transport)? {
            Some(newest) if newest.entry.number != entry.number => entry = newest.entry,
            _ => break,
        }
    }
    Ok(())
}

/// Whether `info/refs` is that of the entry. The other files were written by the same push.
pub(super) fn are_current(transport: &dyn Transport, entry: &Entry) -> Result<bool, Error> {
    let expected = info_refs(entry);
    let key = layout::history("info/refs")?;
    if expected.is_empty() {
        return Ok(true);
    }
    let mut found = Vec::new();
    Ok(transport.stream(&key, 0, &mut found).is_ok() && found == expected.as_bytes())
}
