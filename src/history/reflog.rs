//! The logs of refs.

use super::History;
use super::error::Error;
use super::id::CommitId;
use super::person::{Person, Time, parse_signature};
use crate::fsx;

/// A line of the log of a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReflogLine {
    /// Where the ref was, if it existed.
    pub old: Option<CommitId>,
    /// Where it went.
    pub new: CommitId,
    /// Who moved it.
    pub who: Person,
    /// When.
    pub time: Time,
    /// Why.
    pub message: String,
}

impl History {
    /// The log of `HEAD` or of a full ref name, newest first; empty where there is none.
    ///
    /// # Errors
    /// When it cannot be read. A line that a crash cut short, which can only be the last, is left out.
    pub fn reflog(&self, name: &str) -> Result<Vec<ReflogLine>, Error> {
        if gix::validate::reference::name(name.into()).is_err() {
            return Ok(Vec::new());
        }
        let path = self.path("logs").join(name);
        if path.is_dir() {
            return Ok(Vec::new());
        }
        let text = fsx::read_if_present(&path)?.unwrap_or_default();
        let senseless = || Error::damaged(format!("the log of {name}"), "a line makes no sense");
        let lines = newest_first(&text).map(|line| line.ok_or_else(senseless));
        lines.collect()
    }

    /// The first thing that is told of a line of the log of `HEAD`, newest first; lines that make no sense are passed over,
    /// older ones not read. It tells by what names HEAD came and went, and nothing depends on that.
    pub(super) fn find_in_log_of_head<T>(&self, tell: impl FnMut(ReflogLine) -> Option<T>) -> Option<T> {
        let text = fsx::read_if_present(&self.path("logs").join("HEAD"));
        newest_first(&text.ok().flatten().unwrap_or_default())
            .flatten()
            .find_map(tell)
    }
}

/// The whole lines of a log.
fn newest_first(text: &[u8]) -> impl Iterator<Item = Option<ReflogLine>> {
    let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
    let lines = text[..whole].split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(parse).rev()
}

fn parse(line: &[u8]) -> Option<ReflogLine> {
    let tab = line.iter().position(|b| *b == b'\t').unwrap_or(line.len());
    let (head, message) = (&line[..tab], line.get(tab + 1..).unwrap_or(b""));
    let id = |range: std::ops::Range<usize>| -> Option<CommitId> {
        std::str::from_utf8(head.get(range)?).ok()?.parse().ok()
    };
    let (old, new) = (id(0..40)?, id(41..81)?);
    let (who, time) = parse_signature(head.get(82..)?)?;
    Some(ReflogLine {
        old: (old.as_bytes() != &[0; 20]).then_some(old),
        new,
        who,
        time,
        message: String::from_utf8_lossy(message).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{commit_at, history, note};
    use super::super::{Expected, RefName};
    use super::*;

    #[test]
    fn a_line_that_was_cut_short_is_left_out() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        let main = RefName::branch("main").unwrap();
        history
            .set_ref(&main, a, Expected::Absent, &note("two\n lines"))
            .unwrap();
        let path = history.path("logs/refs/heads/main");
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(&text.clone()[..60]);
        std::fs::write(&path, &text).unwrap();
        let log = history.reflog("refs/heads/main").unwrap();
        assert_eq!(log.len(), 1);
        assert_eq!(
            (log[0].old, log[0].new, log[0].message.as_str()),
            (None, a, "two lines")
        );
        assert_eq!(log[0].time, note("").time);
        text.extend_from_slice(b"\n");
        std::fs::write(&path, &text).unwrap();
        assert!(matches!(history.reflog("refs/heads/main"), Err(Error::Damaged { .. })));
    }

    #[test]
    fn no_log_is_an_empty_log() {
        let (_dir, history) = history();
        for name in ["HEAD", "refs/heads/x", "refs/heads", "../config"] {
            assert!(history.reflog(name).unwrap().is_empty(), "{name}");
        }
    }
}
