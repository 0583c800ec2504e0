//! The logical lines of Python source: what stands between two ends of a statement, without comments and strings.

use memchr::{memchr2, memchr3};

/// A string as long as this, or with anything but the bytes of names and versions, is left out of a line.
const SHORT: usize = 32;

/// Reads one logical line after the other. Any superset of ASCII will do; what is no Python gives lines too.
pub(super) struct Lines<'a> {
    source: &'a [u8],
    at: usize,
    number: u32,
    /// The line as [`next`](Self::next) left it: one physical line, strings as `""` except short plain ones.
    pub(super) text: Vec<u8>,
}

/// Where a logical line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// From 1.
    pub(super) number: u32,
    /// How far it is indented; tabs go to the next multiple of eight.
    pub(super) column: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(source: &'a [u8]) -> Self {
        let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
        Self {
            source,
            at: 0,
            number: 1,
            text: Vec::new(),
        }
    }

    /// The next line, or the next that is not indented further than `within`: the rest of a body is passed over.
    pub(super) fn next(&mut self, within: Option<usize>) -> Option<Start> {
        loop {
            let column = self.indentation()?;
            let start = Start {
                number: self.number,
                column,
            };
            self.text.clear();
            let wanted = within.is_none_or(|within| column <= within);
            self.logical(wanted);
            if wanted {
                return Some(start);
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    /// Passes over blank lines and comments up to the first byte of a statement.
    fn indentation(&mut self) -> Option<usize> {
        let mut column = 0;
        loop {
            match self.peek()? {
                b' ' => column += 1,
                b'\t' => column = (column / 8 + 1) * 8,
                b'\x0c' => column = 0,
                b'\n' | b'\r' => {
                    self.newline();
                    column = 0;
                    continue;
                }
                b'#' => {
                    self.comment();
                    continue;
                }
                _ => return Some(column),
            }
            self.at += 1;
        }
    }

    fn comment(&mut self) {
        let rest = &self.source[self.at..];
        self.at += memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
    }

    /// Passes over one end of line, of which there are three kinds.
    fn newline(&mut self) {
        let end: &[u8] = if self.source[self.at..].starts_with(b"\r\n") {
            b"\r\n"
        } else {
            b"\n"
        };
        self.at += end.len();
        self.number += 1;
    }

    /// Passes over the rest of a logical line, its end included.
    fn logical(&mut self, wanted: bool) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => self.comment(),
                b'\n' | b'\r' => {
                    self.newline();
                    if depth == 0 {
                        return;
                    }
                    self.push(wanted, b" ");
                }
                b'\\' => {
                    self.at += 1;
                    if matches!(self.peek(), Some(b'\n' | b'\r')) {
                        self.newline();
                    }
                    self.push(wanted, b" ");
                }
                b'"' | b'\'' => self.string(byte, wanted),
                b'(' | b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                    self.push(wanted, &[byte]);
                }
                b')' | b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                    self.push(wanted, &[byte]);
                }
                _ => {
                    let rest = &self.source[self.at..];
                    let end = rest.iter().position(|b| SPECIAL[usize::from(*b)]).unwrap_or(rest.len());
                    self.push(wanted, &rest[..end]);
                    self.at += end;
                }
            }
        }
    }

    fn push(&mut self, wanted: bool, bytes: &[u8]) {
        if wanted {
            self.text.extend_from_slice(bytes);
        }
    }

    /// Passes over a string. One that is not closed ends with its line, or with the file if it is triple-quoted.
    ///
    /// Quotes in the braces of an f-string end it (Python 3.12 allows them): as they come in pairs, what follows is
    /// read rightly again.
    fn string(&mut self, quote: u8, wanted: bool) {
        let triple = [quote; 3];
        let is_triple = self.source[self.at..].starts_with(&triple);
        let start = self.at + if is_triple { 3 } else { 1 };
        self.at = start;
        let end = loop {
            let rest = &self.source[self.at.min(self.source.len())..];
            let found = memchr3(quote, b'\\', b'\n', rest);
            let Some(found) = found else {
                self.at = self.source.len();
                break self.at;
            };
            let at = self.at + found;
            self.at = at;
            match self.source[at] {
                b'\n' if is_triple => self.newline(),
                b'\n' => break at,
                b'\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'\n' | b'\r') => self.newline(),
                        Some(_) => self.at += 1,
                        None => {}
                    }
                }
                _ if !is_triple => {
                    self.at += 1;
                    break at;
                }
                _ if rest[found..].starts_with(&triple) => {
                    self.at += 3;
                    break at;
                }
                _ => self.at += 1,
            }
        };
        if wanted {
            let content = &self.source[start.min(end)..end];
            let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            self.text.push(b'"');
            if content.len() <= SHORT && content.iter().all(plain) {
                self.text.extend_from_slice(content);
            }
            self.text.push(b'"');
        }
    }
}

/// Bytes at which more than copying is to be done.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"#\n\r\\\"'()[]{}";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(source: &str) -> Vec<String> {
        let mut lines = Lines::new(source.as_bytes());
        let mut all = Vec::new();
        while let Some(start) = lines.next(None) {
            let text = String::from_utf8_lossy(&lines.text).into_owned();
            all.push(format!("{}:{} {text}", start.number, start.column));
        }
        all
    }

    #[test]
    fn a_logical_line_ends_where_its_brackets_and_strings_end() {
        let source =
            "\u{feff}a = (1, # one\n  2)\n\n# comment\n\tb = '''x\n'y' \\''' # no\n''' + \"win32\"\n  c \\\n d\r\ne\r";
        assert_eq!(
            lines(source),
            ["1:0 a = (1,    2)", "5:8 b = \"\" + \"win32\"", "8:2 c   d", "10:0 e"]
        );
    }

    #[test]
    fn quotes_in_an_f_string_do_not_confuse_what_follows() {
        assert_eq!(lines("a = f\"{x[\"k\"]}\"\nb"), ["1:0 a = f\"\"k\"\"", "2:0 b"]);
    }

    #[test]
    fn an_open_string_ends_with_its_line() {
        assert_eq!(lines("a = 'b\nc\n\"\"\"d\ne"), ["1:0 a = \"b\"", "2:0 c", "3:0 \"\""]);
    }

    #[test]
    fn bodies_are_passed_over_with_all_that_they_hold() {
        let mut lines = Lines::new(b"def f():\n    '''\nx\n'''\n    (\ny)\nz");
        assert_eq!(lines.next(None), Some(Start { number: 1, column: 0 }));
        assert_eq!(lines.next(Some(0)), Some(Start { number: 7, column: 0 }));
        assert_eq!(lines.text, b"z");
    }
}
