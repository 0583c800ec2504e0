//! Logs that only grow: a line is whole and durable when the call returns.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::witness::{Change, saw};
use super::{Context, Error, atomic};

/// What happens to a last line that a crash cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    /// It is taken away: nothing was promised about it.
    Drop,
    /// It stays as a line of its own: what was written is evidence.
    Keep,
}

/// Appends one line, without its newline. Only for whoever holds the lock of what the log belongs to.
///
/// # Errors
/// Names the file.
pub fn line(path: &Path, line: &[u8], torn: Torn) -> Result<(), Error> {
    let is_new = !path.exists();
    let mut file = File::options()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .at("open", path)?;
    let mut text = Vec::with_capacity(line.len() + 2);
    if !ends_in_newline(&mut file).at("read", path)? {
        match torn {
            Torn::Keep => text.push(b'\n'),
            Torn::Drop => {
                let whole = whole_length(path)?;
                file.set_len(whole).at("shorten", path)?;
            }
        }
    }
    text.extend_from_slice(line);
    text.push(b'\n');
    let before = file.metadata().at("look at", path)?.len();
    if let Err(error) = file.write_all(&text).and_then(|()| file.sync_all()) {
        // Half a line on a full disk says nothing; what cannot be taken away either is as a crash leaves it.
        let _ = file.set_len(before);
        return Err(error).at("write", path);
    }
    saw(|| Change::File(path.to_owned()));
    saw(|| Change::SyncFile(path.to_owned()));
    if is_new {
        path.parent().map_or(Ok(()), atomic::sync_dir)?;
    }
    Ok(())
}

/// An empty file ends in a newline, so to say.
fn ends_in_newline(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last[0] == b'\n')
}

/// The length of all whole lines.
fn whole_length(path: &Path) -> Result<u64, Error> {
    let text = super::read(path)?;
    Ok(memchr::memrchr(b'\n', &text).map_or(0, |at| at as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_dropped_or_kept_but_never_glued_to_the_next() {
        let dir = tempfile::tempdir().unwrap();
        for (torn, expected) in [(Torn::Drop, "one\nthree\n"), (Torn::Keep, "one\ntw\nthree\n")] {
            let path = dir.path().join(format!("{torn:?}"));
            line(&path, b"one", torn).unwrap();
            std::fs::write(&path, "one\ntw").unwrap();
            line(&path, b"three", torn).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        }
    }
}
