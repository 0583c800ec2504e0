//! The parts of one statement, from the text of a logical line (see [`Lines`](super::lines::Lines)).

use super::exceptions::{ANY, Catches};
use super::scan::{Import, Names};

/// Context managers that let exceptions pass, by the last part of their names.
const HARMLESS: &[&str] = &["catch_warnings", "errstate", "open", "localcontext", "Lock", "RLock"];

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | 0x80..)
}

fn is_dotted(text: &[u8]) -> bool {
    let is_name = |part: &[u8]| part.first().is_some_and(|b| !b.is_ascii_digit()) && part.iter().all(|b| is_word(*b));
    text.split(|b| *b == b'.').all(is_name)
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The word that a text begins with, and what follows.
pub(super) fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !is_word(*b)).unwrap_or(text.len());
    (&text[..end], text[end..].trim_ascii())
}

/// A walk over text that knows words and how deep in brackets they stand.
struct Pieces<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Pieces<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0 }
    }
}

/// A word, a string or a single byte: where it begins, and how deep in brackets.
struct Piece<'a> {
    at: usize,
    depth: usize,
    bytes: &'a [u8],
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = &self.text[self.at..];
        let first = *rest.first()?;
        let length = match first {
            b'"' => rest[1..]
                .iter()
                .position(|b| *b == b'"')
                .map_or(rest.len(), |end| end + 2),
            b if is_word(b) => rest.iter().position(|b| !is_word(*b)).unwrap_or(rest.len()),
            _ => 1,
        };
        if matches!(first, b')' | b']' | b'}') {
            self.depth = self.depth.saturating_sub(1);
        }
        let piece = Piece {
            at: self.at,
            depth: self.depth,
            bytes: &rest[..length],
        };
        if matches!(first, b'(' | b'[' | b'{') {
            self.depth += 1;
        }
        self.at += length;
        Some(piece)
    }
}

/// A line up to the colon that ends the header of a compound statement, and what follows.
pub(super) fn header(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut lambdas = 0_usize;
    for piece in Pieces::new(text).filter(|piece| piece.depth == 0) {
        match piece.bytes {
            b"lambda" => lambdas += 1,
            b":" if text.get(piece.at + 1) == Some(&b'=') => {}
            b":" if lambdas > 0 => lambdas -= 1,
            b":" => return Some((&text[..piece.at], &text[piece.at + 1..])),
            _ => {}
        }
    }
    None
}

/// Whether what follows `match` or `case` makes them words of the language and not names.
pub(super) fn is_soft(rest: &[u8]) -> bool {
    !matches!(rest.first(), None | Some(b'=' | b'.' | b','))
}

/// The parts of a text between separators outside of brackets, without blanks around them.
pub(super) fn split(text: &[u8], separator: u8) -> Vec<&[u8]> {
    if !text.contains(&separator) {
        return vec![text.trim_ascii()];
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for piece in Pieces::new(text) {
        if piece.depth == 0 && piece.bytes == [separator] {
            parts.push(text[start..piece.at].trim_ascii());
            start = piece.at + 1;
        }
    }
    parts.push(text[start..].trim_ascii());
    parts
}

/// The text before a word that stands outside of brackets, or all of it.
pub(super) fn before_word<'a>(text: &'a [u8], word: &[u8]) -> &'a [u8] {
    let found = Pieces::new(text).find(|piece| piece.depth == 0 && piece.bytes == word);
    text[..found.map_or(text.len(), |piece| piece.at)].trim_ascii()
}

/// The names in a text that are no members of something.
pub(super) fn names(text: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut after_dot = false;
    for piece in Pieces::new(text) {
        let first = piece.bytes.first().copied().unwrap_or_default();
        if is_word(first) && !first.is_ascii_digit() && !after_dot {
            names.push(string(piece.bytes));
        }
        after_dot = first == b'.' || (after_dot && first == b' ');
    }
    names
}

/// The name after `def` or `class`.
pub(super) fn first_name(rest: &[u8]) -> Option<String> {
    let (name, _) = word(rest);
    (!name.is_empty()).then(|| string(name))
}

/// The names that an assignment gives a value; others too, if they stand left of the sign.
pub(super) fn assigned(statement: &[u8]) -> Vec<String> {
    if !statement.contains(&b'=') {
        return Vec::new();
    }
    let mut end = 0;
    for piece in Pieces::new(statement).filter(|piece| piece.depth == 0 && piece.bytes == b"=") {
        let before = statement[..piece.at].last();
        let after = statement.get(piece.at + 1);
        if after != Some(&b'=') && !matches!(before, Some(b'=' | b'!' | b'<' | b'>' | b':')) {
            end = piece.at;
        }
    }
    names(&statement[..end])
}

/// What an `except` clause catches.
pub(super) fn clause(rest: &[u8]) -> Catches {
    let rest = before_word(rest.strip_prefix(b"*").unwrap_or(rest), b"as");
    if rest.is_empty() {
        return Catches(vec!["BaseException".to_owned()]);
    }
    exceptions(in_brackets(rest).unwrap_or(rest))
}

/// The exceptions in a list; what is no name could be any.
fn exceptions(list: &[u8]) -> Catches {
    let parts = split(list, b',').into_iter().filter(|part| !part.is_empty());
    let name = |part: &[u8]| {
        let part = part.strip_prefix(b"builtins.").unwrap_or(part);
        if is_dotted(part) { string(part) } else { ANY.to_owned() }
    };
    Catches(parts.map(name).collect())
}

fn in_brackets(text: &[u8]) -> Option<&[u8]> {
    Some(text.strip_prefix(b"(")?.strip_suffix(b")")?.trim_ascii())
}

/// What the context managers of a `with` may swallow, if they may swallow anything.
pub(super) fn suppressed(rest: &[u8]) -> Option<Catches> {
    let mut all = Vec::new();
    for item in split(in_brackets(rest).unwrap_or(rest), b',') {
        let manager = before_word(item, b"as");
        let end = manager.iter().position(|b| *b == b'(').unwrap_or(manager.len());
        let (callee, arguments) = manager.split_at(end);
        let last = string(callee.rsplit(|b| *b == b'.').next().unwrap_or_default().trim_ascii());
        if last == "suppress" {
            all.extend(in_brackets(arguments).map_or_else(any, exceptions).0);
        } else if !HARMLESS.contains(&last.as_str()) && !last.ends_with("lock") && !last.is_empty() {
            all.extend(any().0);
        }
    }
    (!all.is_empty()).then_some(Catches(all))
}

/// What could be any exception.
fn any() -> Catches {
    Catches(vec![ANY.to_owned()])
}

/// The exception that is raised; nothing for the one that is being handled.
pub(super) fn raised(rest: &[u8]) -> Option<String> {
    if rest.is_empty() {
        return None;
    }
    let callee = before_word(rest, b"from");
    let end = callee.iter().position(|b| *b == b'(').unwrap_or(callee.len());
    let name = callee[..end].trim_ascii();
    let name = name.strip_prefix(b"builtins.").unwrap_or(name);
    // A variable: whatever it holds.
    let is_class = is_dotted(name)
        && name
            .rsplit(|b| *b == b'.')
            .next()
            .is_some_and(|last| last[0].is_ascii_uppercase());
    Some(if is_class { string(name) } else { ANY.to_owned() })
}

/// A name and what it is called here.
fn renamed(part: &[u8]) -> (&[u8], Option<&[u8]>) {
    let name = before_word(part, b"as");
    let alias = part[name.len()..].trim_ascii().strip_prefix(b"as");
    (name, alias.map(<[u8]>::trim_ascii).filter(|alias| !alias.is_empty()))
}

/// The imports of `import a.b as c, d`, each with the name that it gives a value.
pub(super) fn plain_imports(rest: &[u8], line: u32) -> Vec<(Import, Option<String>)> {
    let parts = split(rest, b',').into_iter().map(renamed);
    let known = parts.filter(|(name, _)| is_dotted(name));
    known
        .map(|(name, alias)| {
            let first = name.split(|b| *b == b'.').next();
            let import = Import {
                line,
                level: 0,
                module: string(name),
                names: Names::Module,
            };
            (import, alias.or(first).map(string))
        })
        .collect()
}

/// The import of `from ..a import b as c, d`.
pub(super) fn from_import(rest: &[u8], line: u32) -> Option<Import> {
    let is_dot = |b: &u8| matches!(b, b'.' | b' ' | b'\t');
    let start = rest.iter().position(|b| !is_dot(b))?;
    let level = rest[..start].iter().filter(|b| **b == b'.').count();
    let rest = &rest[start..];
    let module = match word(rest).0 {
        b"import" => &rest[..0],
        _ => before_word(rest, b"import"),
    };
    let list = rest[module.len()..].trim_ascii().strip_prefix(b"import")?.trim_ascii();
    if !module.is_empty() && !is_dotted(module) || module.is_empty() && level == 0 {
        return None;
    }
    let list = in_brackets(list).unwrap_or(list);
    let names = if list == b"*" {
        Names::All
    } else {
        let parts = split(list, b',').into_iter().map(renamed);
        let known = parts.filter(|(name, _)| is_dotted(name));
        Names::These(
            known
                .map(|(name, alias)| (string(name), string(alias.unwrap_or(name))))
                .collect(),
        )
    };
    Some(Import {
        line,
        level,
        module: string(module),
        names,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_header_ends_at_its_own_colon() {
        for (line, expected) in [
            ("if x[1:2]: pass", Some(("if x[1:2]", " pass"))),
            ("if y := f(): g", Some(("if y := f()", " g"))),
            ("while lambda: 1: x", Some(("while lambda: 1", " x"))),
            ("else:", Some(("else", ""))),
            ("x = 1", None),
        ] {
            let found = header(line.as_bytes()).map(|(head, suite)| (text(head), text(suite)));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn clauses_name_what_they_catch() {
        for (rest, expected) in [
            ("", &["BaseException"][..]),
            ("ImportError", &["ImportError"]),
            ("(ImportError, a.B) as e", &["ImportError", "a.B"]),
            ("builtins.OSError", &["OSError"]),
            ("*ValueError", &["ValueError"]),
            ("f()", &["?"]),
        ] {
            assert_eq!(clause(rest.as_bytes()).0, expected, "{rest}");
        }
        for (rest, expected) in [
            ("suppress(ImportError)", Some(&["ImportError"][..])),
            ("contextlib.suppress(A, B), open(\"x\") as f", Some(&["A", "B"])),
            ("warnings.catch_warnings(record=True) as w", None),
            ("_lock", None),
            ("try_import() as t", Some(&["?"])),
            ("(open(a) as b, c())", Some(&["?"])),
        ] {
            let found = suppressed(rest.as_bytes()).map(|catches| catches.0);
            assert_eq!(
                found.as_deref(),
                expected
                    .map(|e| e.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
                    .as_deref(),
                "{rest}"
            );
        }
    }

    #[test]
    fn raise_names_what_it_raises() {
        for (rest, expected) in [
            ("", None),
            ("ImportError(\"x\") from e", Some("ImportError")),
            ("ImportError", Some("ImportError")),
            ("a.Own(1)", Some("a.Own")),
            ("e", Some("?")),
            ("make()(x)", Some("?")),
        ] {
            assert_eq!(raised(rest.as_bytes()).as_deref(), expected, "{rest}");
        }
    }

    #[test]
    fn an_assignment_gives_values_to_what_stands_left() {
        for (statement, expected) in [
            ("a = b = c", &["a", "b"][..]),
            ("a, (b, *c) = d", &["a", "b", "c"]),
            ("a: int = f(b=1)", &["a", "int"]),
            ("a.b = c", &["a"]),
            ("f(a=b)", &[]),
            ("a == b", &[]),
            ("a += b", &["a"]),
        ] {
            assert_eq!(assigned(statement.as_bytes()), expected, "{statement}");
        }
    }
}
