//! Text, and the first lines of Python scripts among it.
//!
//! The kernel reads 127 bytes of a first line (255 since Linux 5.1) and cuts it at the first space. Where an interpreter
//! does not fit, pip and distlib write it into a second line, which a shell executes and Python takes for a string:
//!
//! ```text
//! #!/bin/sh
//! '''exec' /a/very/long/path/bin/python "$0" "$@"
//! ' '''
//! ```
//!
//! So a script has the form here that pip would give it here. Some installers write two lines where one would do; such
//! a script carries a mark where it has two for a better reason, so that it becomes what it was.

use super::paths::Map;

/// The length that every kernel reads, `#!` and the newline included: as in distlib.
const LONGEST_LINE: usize = 127;

/// The marks: comments to the shell, part of a string to Python.
const WAS_TWO: &[u8] = b" # two lines";
const WAS_QUOTED: &[u8] = b" # two lines, quoted";

/// How a script names its interpreter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    Two { quoted: bool },
}

/// The beginning of a script.
struct Start<'a> {
    shape: Shape,
    /// The form that it has where the interpreter fits, when that is not one line.
    mark: Option<&'static [u8]>,
    interpreter: &'a [u8],
    rest: &'a [u8],
}

/// A text with every path exchanged.
pub(super) fn change(map: &Map, text: &[u8]) -> Vec<u8> {
    let Some(start) = Start::of(text) else {
        return map.change(text);
    };
    let interpreter = map.change(start.interpreter);
    let (did_fit, fits) = (fits(start.interpreter), fits(&interpreter));
    let (shape, mark) = match (start.shape, start.mark, did_fit, fits) {
        (Shape::One, _, true, false) => (canonical(&interpreter), None),
        (shape @ Shape::Two { .. }, None, false, true) if shape == canonical(start.interpreter) => (Shape::One, None),
        (Shape::Two { .. }, None, false, false) => (canonical(&interpreter), None),
        (Shape::Two { quoted }, None, true, false) => {
            let mark = if quoted { WAS_QUOTED } else { WAS_TWO };
            (canonical(&interpreter), Some(mark))
        }
        (Shape::Two { .. }, Some(mark), false, true) => {
            let quoted = mark == WAS_QUOTED;
            (Shape::Two { quoted }, None)
        }
        (Shape::Two { .. }, mark @ Some(_), false, false) => (canonical(&interpreter), mark),
        (shape, mark, _, _) => (shape, mark),
    };
    let mut out = Vec::with_capacity(text.len() + 64);
    match shape {
        Shape::One => [b"#!", &interpreter[..]]
            .iter()
            .for_each(|part| out.extend_from_slice(part)),
        Shape::Two { quoted } => {
            let quote: &[u8] = if quoted { b"\"" } else { b"" };
            let mark = mark.unwrap_or_default();
            for part in [BEFORE, quote, &interpreter, quote, AFTER, mark, b"\n' '''"] {
                out.extend_from_slice(part);
            }
        }
    }
    out.push(b'\n');
    out.extend_from_slice(&map.change(start.rest));
    out
}

const BEFORE: &[u8] = b"#!/bin/sh\n'''exec' ";
const AFTER: &[u8] = b" \"$0\" \"$@\"";

/// The longest that a text can become whose paths alone would make it `len` bytes long.
pub(super) fn bound(len: u64) -> u64 {
    len.saturating_add(LONGEST_LINE as u64)
}

fn fits(interpreter: &[u8]) -> bool {
    interpreter.len() + 3 <= LONGEST_LINE && !interpreter.contains(&b' ')
}

/// The two lines that distlib writes.
fn canonical(interpreter: &[u8]) -> Shape {
    let quoted = interpreter.contains(&b' ');
    Shape::Two { quoted }
}

impl<'a> Start<'a> {
    fn of(text: &'a [u8]) -> Option<Self> {
        let start = Self::of_two(text).or_else(|| Self::of_one(text))?;
        let name = start.interpreter.rsplit(|byte| *byte == b'/').next()?;
        let is_python = name.starts_with(b"python") || name.starts_with(b"pypy");
        let is_plain = !name.contains(&b' ') && !start.interpreter.contains(&b'"');
        (start.interpreter.starts_with(b"/") && is_python && is_plain).then_some(start)
    }

    fn of_one(text: &'a [u8]) -> Option<Self> {
        let line = text.strip_prefix(b"#!")?;
        let end = memchr::memchr(b'\n', line)?;
        Some(Self {
            shape: Shape::One,
            mark: None,
            interpreter: &line[..end],
            rest: &line[end + 1..],
        })
    }

    fn of_two(text: &'a [u8]) -> Option<Self> {
        let line = text.strip_prefix(BEFORE)?;
        let end = memchr::memchr(b'\n', line)?;
        let (line, rest) = (&line[..end], line[end..].strip_prefix(b"\n' '''\n")?);
        let marked = |mark: &'static [u8]| Some((line.strip_suffix(mark)?, Some(mark)));
        let (line, mark) = marked(WAS_QUOTED).or_else(|| marked(WAS_TWO)).unwrap_or((line, None));
        let word = line.strip_suffix(AFTER)?;
        let inner = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\""));
        Some(Self {
            shape: Shape::Two {
                quoted: inner.is_some(),
            },
            mark,
            interpreter: inner.unwrap_or(word),
            rest,
        })
    }
}
