//! `.env` files as python-dotenv reads them: `export`, quotes, comments, values of several lines.

use super::tree::Value;

/// A file and its comments.
#[derive(Default)]
pub(super) struct Env {
    pub(super) variables: Vec<(String, Value)>,
    pub(super) comments: Vec<String>,
}

/// Reads a file.
pub(super) fn read(text: &str) -> Result<Env, String> {
    let mut env = Env::default();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(env);
        }
        if let Some(comment) = rest.strip_prefix('#') {
            rest = env.comment(comment);
            continue;
        }
        let before = &text[..text.len() - rest.len()];
        let line = || before.matches('\n').count() + 1;
        let (is_exported, key, after) = key(rest).ok_or_else(|| format!("no variable at line {}", line()))?;
        let after = after.trim_start_matches(is_blank);
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => value(after.trim_start_matches(is_blank)),
            // A name that is given no value is not one with an empty value.
            None => Some((Value::Plain(String::new()), after)),
        }
        .ok_or_else(|| format!("a quote that is not closed at line {}", line()))?;
        // dotenv does not mind, but a shell does.
        let value = match is_exported {
            true => Value::Tagged("export".to_owned(), Box::new(value)),
            false => value,
        };
        env.variables.push((key.to_owned(), value));
        let after = after.trim_start_matches(is_blank);
        rest = match after.strip_prefix('#') {
            Some(comment) => env.comment(comment),
            None if after.is_empty() || after.starts_with(['\n', '\r']) => after,
            None => return Err(format!("text after a value at line {}", line())),
        };
    }
}

impl Env {
    /// Takes a comment and returns what follows its line.
    fn comment<'t>(&mut self, text: &'t str) -> &'t str {
        let (comment, rest) = text.split_at(end_of_line(text));
        self.comments.push(comment.trim().to_owned());
        rest
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\n' | '\r')
}

fn end_of_line(text: &str) -> usize {
    text.find(['\n', '\r']).unwrap_or(text.len())
}

/// Whether there is an `export`, then a name and what follows it.
fn key(text: &str) -> Option<(bool, &str, &str)> {
    let exported = text.strip_prefix("export").filter(|rest| rest.starts_with(is_blank));
    let text = exported.unwrap_or(text).trim_start_matches(is_blank);
    let (key, rest) = match text.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'').filter(|(key, _)| !key.contains('\n'))?,
        None => {
            let is_end = |c: char| c == '=' || c == '#' || c.is_whitespace();
            text.split_at(text.find(is_end).unwrap_or(text.len()))
        }
    };
    (!key.is_empty()).then_some((exported.is_some(), key, rest))
}

/// A value with what follows it; nothing where its quote is not closed.
fn value(text: &str) -> Option<(Value, &str)> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let line = &text[..end_of_line(text)];
        let mut blanks = line.match_indices(is_blank);
        let comment = blanks.find(|(at, blank)| line[at + blank.len()..].starts_with('#'));
        let end = match comment {
            Some((at, _)) => at,
            None if line.starts_with('#') => 0,
            None => line.len(),
        };
        return Some((Value::word(line[..end].trim_end()), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = text[1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let (_, next) = chars.next()?;
                match unescaped(next, quote) {
                    Some(c) => value.push(c),
                    None => value.extend(['\\', next]),
                }
            }
            c if c == quote => {
                // Only in double quotes are variables put in.
                let is_literal = quote == '\'' && value.contains('$');
                let value = match is_literal {
                    true => Value::Plain(format!("'{value}'")),
                    false => Value::word(&value),
                };
                return Some((value, &text[1 + at + 1..]));
            }
            c => value.push(c),
        }
    }
    None
}

fn unescaped(c: char, quote: char) -> Option<char> {
    match (c, quote) {
        ('\\' | '\'', _) | ('"', '"') => Some(c),
        ('n', '"') => Some('\n'),
        ('r', '"') => Some('\r'),
        ('t', '"') => Some('\t'),
        ('a', '"') => Some('\u{7}'),
        ('b', '"') => Some('\u{8}'),
        ('f', '"') => Some('\u{c}'),
        ('v', '"') => Some('\u{b}'),
        _ => None,
    }
}
