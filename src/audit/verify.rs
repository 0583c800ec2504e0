//! Whether a log is as it was written: every line, its place and its link to the one before.

use super::entry::{Entry, Event};
use super::{End, lines};
use crate::digest::Digest;

/// A line at which the log is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number in the file, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Lines that were checked.
    pub lines: usize,
    /// What is wrong, in order.
    pub faults: Vec<Fault>,
    /// The end of the chain, for a copy elsewhere.
    pub end: Option<End>,
}

/// Checks a log. `kept` are ends that were noted elsewhere when the log had them.
pub fn verify(bytes: &[u8], kept: &[End]) -> Verdict {
    let mut faults = Vec::new();
    let mut before: Option<(Digest, Option<u64>)> = None;
    let mut ends: Vec<End> = Vec::new();
    let mut count = 0;
    for (at, line) in lines(bytes).enumerate() {
        count = at + 1;
        let mut fault = |what: String| faults.push(Fault { line: at + 1, what });
        let digest = Digest::of(line);
        let entry: Option<Entry> = serde_json::from_slice(line).ok();
        match &entry {
            None if line.is_empty() => fault("it is empty".to_owned()),
            None if serde_json::from_slice::<serde_json::Value>(line).is_err() => {
                fault("it was cut short or overwritten: it is no JSON".to_owned());
            }
            None => fault("it is no entry of an audit log".to_owned()),
            Some(entry) => {
                check(entry, before.as_ref(), &mut fault);
                ends.push(End { id: entry.id, digest });
            }
        }
        let number = entry.map(|entry| entry.id);
        let expected = before.and_then(|(_, id)| id).and_then(|id: u64| id.checked_add(1));
        before = Some((digest, number.or(expected)));
    }
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        faults.push(Fault {
            line: count,
            what: "it was cut short: it has no end".to_owned(),
        });
    }
    for noted in kept {
        match ends.iter().find(|end| end.id == noted.id) {
            Some(end) if end.digest == noted.digest => {}
            Some(_) => {
                let at = ends.iter().position(|end| end.id == noted.id).unwrap_or(0) + 1;
                faults.push(Fault {
                    line: at,
                    what: format!("entry {} is not the one that was noted when it was written", noted.id),
                });
            }
            None => faults.push(Fault {
                line: count + 1,
                what: format!("entry {} is missing; it was noted when it was written", noted.id),
            }),
        }
    }
    faults.sort_by_key(|fault| fault.line);
    faults.dedup();
    Verdict {
        lines: count,
        faults,
        end: ends.last().copied(),
    }
}

/// Holds an entry against the line before it.
fn check(entry: &Entry, before: Option<&(Digest, Option<u64>)>, fault: &mut dyn FnMut(String)) {
    if entry.format != Entry::FORMAT {
        fault(format!("it has the unknown format {}", entry.format));
    }
    let expected = before.map_or(Some(1), |(_, id)| id.and_then(|id| id.checked_add(1)));
    let is_next = expected.is_none_or(|expected| entry.id == expected);
    let is_linked = entry.prev == before.map(|(digest, _)| *digest);
    match (is_next, is_linked, expected) {
        (false, _, Some(expected)) if entry.id > expected => fault(format!(
            "entry {} stands where {expected} is due: {} before it",
            entry.id,
            missing(entry.id - expected)
        )),
        (false, _, Some(expected)) => fault(format!(
            "entry {} stands where {expected} is due: it was moved or written twice",
            entry.id
        )),
        (_, false, _) if before.is_none() => fault("it names a line before it, and there is none".to_owned()),
        (_, false, _) => fault("the line before it was changed: it has another SHA-256 than was noted here".to_owned()),
        _ => {}
    }
    if let Event::Finished(finished) = &entry.event
        && finished.of >= entry.id
    {
        fault(format!("it ends entry {}, which comes later", finished.of));
    }
}

fn missing(count: u64) -> String {
    match count {
        1 => "1 line is missing".to_owned(),
        count => format!("{count} lines are missing"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Actor, Changed, Finished, Outcome, Point, Started};
    use super::super::{FILE_NAME, Log};
    use super::*;

    fn actor() -> Actor {
        Actor {
            name: "Ada".into(),
            user: "ada".into(),
            sudo_user: None,
            host: "h".into(),
        }
    }

    fn started(why: &str) -> Event {
        Event::Started(Started {
            time: "2026-11-01T10:00:00+00:00".into(),
            who: actor(),
            command: "checkout".into(),
            why: Some(why.into()),
            from: Point::default(),
            to: Point::default(),
            only: Vec::new(),
            changes: Changed::default(),
        })
    }

    fn finished(of: u64) -> Event {
        Event::Finished(Finished {
            of,
            time: "2026-11-01T10:00:01+00:00".into(),
            who: actor(),
            outcome: Outcome::Done,
            error: None,
            milliseconds: Some(12),
            verified: 7,
            by_content: 3,
            by_stamp: 2,
            saved_as: None,
            health: None,
        })
    }

    /// A log of three restores: six lines.
    fn log() -> (tempfile::TempDir, Vec<u8>, Vec<End>) {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::new(dir.path());
        let mut ends = Vec::new();
        for n in 0..3 {
            log.add(started(&format!("reason {n}"))).unwrap();
            ends.push(log.add(finished(2 * n + 1)).unwrap());
        }
        let bytes = std::fs::read(dir.path().join(FILE_NAME)).unwrap();
        (dir, bytes, ends)
    }

    fn told(bytes: &[u8], kept: &[End]) -> Vec<String> {
        let verdict = verify(bytes, kept);
        verdict
            .faults
            .iter()
            .map(|f| format!("{}: {}", f.line, f.what))
            .collect()
    }

    #[test]
    fn a_log_as_it_was_written_passes() {
        let (_dir, bytes, ends) = log();
        let verdict = verify(&bytes, &ends);
        assert_eq!((verdict.lines, &verdict.faults), (6, &Vec::new()));
        assert_eq!(verdict.end, ends.last().copied());
        assert_eq!(verify(b"", &[]).faults, Vec::new());
    }

    #[test]
    fn lines_that_counted_by_digest_are_read_still() {
        let line = serde_json::to_string(&finished(1)).unwrap();
        let older = line.replace("by_content", "by_digest");
        assert!(older != line && serde_json::from_str::<Event>(&older).unwrap() == finished(1));
    }

    #[test]
    fn every_damaged_line_is_named() {
        let (_dir, bytes, ends) = log();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let join = |lines: &[&str]| format!("{}\n", lines.join("\n"));
        // Edited: the next line's link tells.
        let edited = text.replacen("reason 1", "reason X", 1);
        assert_eq!(
            told(edited.as_bytes(), &[]),
            ["4: the line before it was changed: it has another SHA-256 than was noted here"]
        );
        // The last line edited: only what was noted elsewhere tells.
        let last = format!(
            "{}{}\n",
            join(&lines[..5]),
            lines[5].replace("\"verified\":7", "\"verified\":8")
        );
        assert_eq!(told(last.as_bytes(), &[]), Vec::<String>::new());
        assert_eq!(
            told(last.as_bytes(), &ends),
            ["6: entry 6 is not the one that was noted when it was written"]
        );
        // Removed, in the middle, at the start and at the end.
        let without = |at: usize| {
            join(
                &lines
                    .iter()
                    .enumerate()
                    .filter(|(n, _)| *n != at)
                    .map(|(_, l)| *l)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            told(without(2).as_bytes(), &[]),
            ["3: entry 4 stands where 3 is due: 1 line is missing before it"]
        );
        assert_eq!(
            told(without(0).as_bytes(), &[]),
            ["1: entry 2 stands where 1 is due: 1 line is missing before it"]
        );
        assert_eq!(
            told(without(5).as_bytes(), &ends),
            ["6: entry 6 is missing; it was noted when it was written"]
        );
        // Two lines that changed places.
        let mut moved = lines.clone();
        moved.swap(1, 2);
        assert_eq!(
            told(join(&moved).as_bytes(), &[]),
            [
                "2: entry 3 stands where 2 is due: 1 line is missing before it",
                "3: entry 2 stands where 4 is due: it was moved or written twice",
                "4: entry 4 stands where 3 is due: 1 line is missing before it"
            ]
        );
        // Cut short, at the end and in the middle.
        let cut = &text[..text.len() - 10];
        assert_eq!(
            told(cut.as_bytes(), &[]),
            [
                "6: it was cut short or overwritten: it is no JSON",
                "6: it was cut short: it has no end"
            ]
        );
        let mut short = lines.clone();
        short[2] = &short[2][..40];
        assert_eq!(
            told(join(&short).as_bytes(), &[]),
            [
                "3: it was cut short or overwritten: it is no JSON",
                "4: the line before it was changed: it has another SHA-256 than was noted here"
            ]
        );
    }

    #[test]
    fn what_follows_a_line_that_a_crash_cut_short_is_chained_to_it() {
        let (dir, bytes, _) = log();
        std::fs::write(dir.path().join(FILE_NAME), &bytes[..bytes.len() - 10]).unwrap();
        let log = Log::new(dir.path());
        assert_eq!(log.unfinished().unwrap(), Some(5));
        log.add(finished(5)).unwrap();
        assert_eq!(log.unfinished().unwrap(), None);
        assert_eq!(
            told(&log.bytes().unwrap(), &[]),
            ["6: it was cut short or overwritten: it is no JSON"]
        );
    }
}
