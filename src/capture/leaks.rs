//! Secrets in the text of files: known tokens anywhere, and values that a file of that name keeps secret.
//!
//! Made for a refusal, so it must hardly ever be wrong: what is known by its beginning and length is a finding
//! wherever it stands; what only a name tells (`password = …`) is one where the value looks like no word, place or
//! placeholder, and more is taken for a secret in files that are made for secrets (`.env`, `.netrc`, `.npmrc`).

use std::ops::Range;

use super::secrets::{is_password_name, is_secret_name, named_tokens, url_passwords};

/// What kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeakKind {
    /// A token of a service, known by its first characters.
    Token(&'static str),
    /// A private key in PEM or OpenSSH form.
    PrivateKey,
    /// The key file of a Google service account.
    ServiceAccount,
    /// A password in a URL.
    UrlPassword,
    /// A token of a conda channel in a URL.
    CondaToken,
    /// A value whose name says that it is secret.
    Named,
    /// A recorded variable.
    Variable,
}

impl LeakKind {
    /// A stable word, by which findings are allowed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token(name) => name,
            Self::PrivateKey => "private-key",
            Self::ServiceAccount => "google-service-account",
            Self::UrlPassword => "url-password",
            Self::CondaToken => "conda-token",
            Self::Named => "password",
            Self::Variable => "variable",
        }
    }
}

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// What kind.
    pub kind: LeakKind,
    /// Where: the line, counted from 1; 0 where there are no lines.
    pub line: usize,
    /// The secret as it may be shown: its beginning, and how long it is.
    pub masked: String,
}

/// What a file is made for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `NAME=value` lines for a process.
    Env,
    /// `machine … login … password …`
    Netrc,
    /// `//host/:_authToken=…`
    Npmrc,
    /// Sections with `password = …`
    Pypirc,
    /// What shows which names there are.
    Sample,
    /// Anything else.
    Other,
}

/// Whether a file of this path, that of its root before it, is one that is known to hold secrets, so that its content is
/// worth reading.
pub fn is_suspect(path: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        ".netrc",
        "_netrc",
        ".npmrc",
        ".yarnrc.yml",
        ".pypirc",
        "pip.conf",
        "pip.ini",
        "uv.toml",
        ".condarc",
        "condarc",
        ".git-credentials",
        ".dockercfg",
        ".dockerconfigjson",
        "kaggle.json",
        "credentials.json",
        "application_default_credentials.json",
        "stored_tokens",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        ".token",
        "secrets.toml",
        "secrets.yaml",
        "secrets.yml",
        "secrets.json",
    ];
    const ENDINGS: &[&str] = &[".pem", ".key", ".p8", ".ppk", ".env"];
    const BENEATH: &[&str] = &[
        ".aws/credentials",
        ".docker/config.json",
        "huggingface/token",
        ".kube/config",
    ];
    let Ok(path) = std::str::from_utf8(path) else {
        return false;
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    NAMES.contains(&name)
        || shape(path) == Shape::Env
        || ENDINGS.iter().any(|end| name.ends_with(end))
        || BENEATH
            .iter()
            .any(|end| path == *end || path.ends_with(&format!("/{end}")))
}

fn shape(path: &str) -> Shape {
    /// Files that show which names there are.
    const SAMPLES: &[&str] = &["example", "sample", "template", "dist", "tmpl", "tpl", "defaults"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_env = name == ".env" || name == ".envrc" || name.starts_with(".env.") || name.ends_with(".env");
    match name {
        ".netrc" | "_netrc" => Shape::Netrc,
        ".npmrc" => Shape::Npmrc,
        ".pypirc" => Shape::Pypirc,
        _ if name.split('.').any(|word| SAMPLES.contains(&word)) => Shape::Sample,
        _ if is_env => Shape::Env,
        _ => Shape::Other,
    }
}

/// The secrets in the text of a file, by line. `path` is relative to its root.
pub fn find(path: &[u8], text: &[u8]) -> Vec<Leak> {
    let text = String::from_utf8_lossy(text);
    let path = String::from_utf8_lossy(path);
    let shape = shape(&path);
    let is_account = text.contains("\"service_account\"") && text.contains("\"private_key\"");
    let mut leaks = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut found = of_line(line, shape);
        found.sort_by_key(|(_, part)| (part.start, part.end));
        let mut done = 0;
        for (kind, part) in found {
            // One secret is told once, by the rule that came first.
            if part.start < done {
                continue;
            }
            done = part.end;
            leaks.push(Leak {
                kind,
                line: at + 1,
                masked: mask(&line[part]),
            });
        }
    }
    leaks.extend(private_keys(&text).map(|(line, masked)| Leak {
        kind: if is_account {
            LeakKind::ServiceAccount
        } else {
            LeakKind::PrivateKey
        },
        line,
        masked,
    }));
    leaks.sort_by_key(|leak| (leak.line, leak.kind));
    leaks
}

/// Longer lines are searched a window of so many bytes at a time, so that no search runs on over all of one.
const WINDOW: usize = 16 << 10;

/// So much of a long line, before and behind it, is seen with each finding.
const CONTEXT: usize = 1 << 10;

fn of_line(line: &str, shape: Shape) -> Vec<(LeakKind, Range<usize>)> {
    let mut found = match line.len() > WINDOW {
        true => in_windows(line),
        false => known(line),
    };
    found.extend(named(line, shape).into_iter().map(|part| (LeakKind::Named, part)));
    found
}

/// What is known by its looks in a line that is too long to be searched at once. Windows overlap, and a finding belongs
/// to the one that shows most around it. Long lines are mostly data: a token counts where nothing beside it could belong
/// to the same base64.
fn in_windows(line: &str) -> Vec<(LeakKind, Range<usize>)> {
    let boundary = |at: usize| {
        (0..=at.min(line.len()))
            .rev()
            .find(|at| line.is_char_boundary(*at))
            .unwrap_or(0)
    };
    let is_data = |c: char| matches!(c, '+' | '/' | '=' | '-');
    let is_alone =
        |part: &Range<usize>| !line[..part.start].ends_with(is_data) && !line[part.end..].starts_with(is_data);
    let mut found = Vec::new();
    let (mut start, mut from) = (0, 0);
    loop {
        let end = boundary(start + WINDOW);
        let to = if end == line.len() { end } else { end - CONTEXT };
        for (kind, part) in known(&line[start..end]) {
            let part = start + part.start..start + part.end;
            let counts = !matches!(kind, LeakKind::Token(_)) || is_alone(&part);
            if (from..to).contains(&part.start) && counts {
                found.push((kind, part));
            }
        }
        if end == line.len() {
            return found;
        }
        (start, from) = (boundary(end - 2 * CONTEXT), to);
    }
}

/// What is known by its looks, wherever it stands.
fn known(line: &str) -> Vec<(LeakKind, Range<usize>)> {
    let mut found = Vec::new();
    found.extend(
        named_tokens(line)
            .into_iter()
            // What a manual writes.
            .filter(|(_, part)| !line[part.clone()].to_ascii_lowercase().contains("example"))
            .map(|(name, part)| (LeakKind::Token(name), part)),
    );
    found.extend(url_passwords(line).into_iter().filter_map(|part| {
        let value = &line[part.clone()];
        (!is_placeholder(value)).then_some((LeakKind::UrlPassword, part))
    }));
    found.extend(conda_tokens(line).map(|part| (LeakKind::CondaToken, part)));
    found
}

/// The values that a name tells to be secret.
fn named(line: &str, shape: Shape) -> Vec<Range<usize>> {
    let is_secret = |(name, part): &(&str, Range<usize>)| {
        let value = &line[part.clone()];
        match shape {
            Shape::Env | Shape::Pypirc => is_secret_name(name) && value.len() >= 6,
            Shape::Other if is_password_name(name) => is_random(value) || is_chosen(value),
            _ => is_secret_name(name) && is_random(value),
        }
    };
    let mut named: Vec<Range<usize>> = match shape {
        Shape::Netrc => word_after(line, "password").into_iter().collect(),
        Shape::Npmrc => npm_value(line).into_iter().collect(),
        _ => {
            let all = assignment(line).into_iter().chain(members(line));
            all.filter(is_secret).map(|(_, part)| part).collect()
        }
    };
    named.retain(|part| !is_placeholder(&line[part.clone()]));
    named
}

/// Whether a value may be a password: letters and digits, and no text.
fn is_chosen(value: &str) -> bool {
    /// A shorter one is a word of a sample.
    const LEAST: usize = 8;
    let has = |kind: fn(&u8) -> bool| value.bytes().any(|byte| kind(&byte));
    let is_word = !value.contains(char::is_whitespace) && !value.starts_with(['/', '.']);
    value.len() >= LEAST && is_word && has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit)
}

/// `"name": "value"` anywhere in a line, as JSON has it.
fn members(line: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut quotes = memchr::memchr_iter(b'"', line.as_bytes());
    let strings = std::iter::from_fn(move || Some(quotes.next()? + 1..quotes.next()?));
    let mut before: Option<Range<usize>> = None;
    strings.filter_map(move |part| {
        let name = before.replace(part.clone())?;
        let is_member = line[name.end + 1..part.start - 1].trim() == ":" && !part.is_empty();
        is_member.then(|| (&line[name], part))
    })
}

/// The value of `name = value`, `name: value`, `"name": "value"` or `export NAME=value`, without its quotes.
fn assignment(line: &str) -> Option<(&str, Range<usize>)> {
    let start = line.find(|c: char| !c.is_whitespace() && !matches!(c, '-' | '{' | ','))?;
    let text = &line[start..];
    if text.starts_with(['#', ';', '/']) {
        return None;
    }
    let text = text.strip_prefix("export ").unwrap_or(text);
    let (name, value) = text.split_once(['=', ':'])?;
    let name = name.trim().trim_matches(['"', '\'']);
    if name.is_empty()
        || !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    {
        return None;
    }
    let value = value.trim().trim_end_matches(',').trim_end();
    let bare = value.trim_matches(['"', '\'']);
    // A comment behind the value is none of it.
    let bare = bare
        .split_once(" #")
        .map_or(bare, |(value, _)| value.trim_end().trim_matches(['"', '\'']));
    let at = bare.as_ptr() as usize - line.as_ptr() as usize;
    (!bare.is_empty()).then_some((name, at..at + bare.len()))
}

/// The word behind another one.
fn word_after(line: &str, word: &str) -> Option<Range<usize>> {
    let mut words = line.split_whitespace();
    words.find(|known| *known == word)?;
    let value = words.next()?;
    let at = value.as_ptr() as usize - line.as_ptr() as usize;
    Some(at..at + value.len())
}

/// The value of `_authToken`, `_auth` or `_password`.
fn npm_value(line: &str) -> Option<Range<usize>> {
    let (name, value) = line.split_once('=')?;
    let key = name.trim().rsplit(':').next().unwrap_or(name);
    let value = value.trim().trim_matches('"');
    let at = value.as_ptr() as usize - line.as_ptr() as usize;
    (["_authToken", "_auth", "_password"].contains(&key) && !value.is_empty()).then_some(at..at + value.len())
}

/// `https://host/t/TOKEN/channel`
fn conda_tokens(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    line.match_indices("/t/").filter_map(|(at, _)| {
        let start = at + 3;
        let length = line[start..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))?;
        let token = &line[start..start + length];
        let is_url = line[..at]
            .rfind("://")
            .is_some_and(|scheme| !line[scheme + 3..at].contains(char::is_whitespace));
        let is_one =
            line[start + length..].starts_with('/') && length >= 16 && token.bytes().any(|b| b.is_ascii_digit());
        (is_url && is_one).then_some(start..start + length)
    })
}

/// The lines at which private keys begin: with a body, so that a text about keys is none.
fn private_keys(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    text.match_indices("-----BEGIN ").filter_map(|(at, _)| {
        let rest = &text[at..];
        let head = &rest[..rest
            .char_indices()
            .map(|(at, _)| at)
            .take_while(|at| *at <= 64)
            .last()?];
        let end = head
            .find("PRIVATE KEY")
            .filter(|end| head[11..*end].bytes().all(|b| b.is_ascii_uppercase() || b == b' '))?;
        let body = &rest[end..];
        let body = &body[body.find("-----")? + 5..];
        // Line ends may stand as \n, as in JSON.
        let run = body
            .trim_start_matches(['\r', '\n', ' ', '\t', '"'])
            .trim_start_matches("\\n")
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
        let is_encrypted = body.trim_start().starts_with("Proc-Type") || body.trim_start().starts_with("Version");
        if run.count() < 32 && !is_encrypted {
            return None;
        }
        let line = text[..at].bytes().filter(|b| *b == b'\n').count() + 1;
        Some((line, format!("-----BEGIN {}PRIVATE KEY…", &head[11..end])))
    })
}

/// Stands for a value: a variable, a word in brackets, asterisks, what a manual writes.
fn is_placeholder(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "password",
        "passwd",
        "pass",
        "secret",
        "token",
        "changeme",
        "change_me",
        "change-me",
        "example",
        "redacted",
        "none",
        "null",
        "true",
        "false",
        "todo",
        "your",
        "xxx",
        "dummy",
        "placeholder",
        "test",
        "user",
        "key",
    ];
    let lower = value.to_ascii_lowercase();
    let marks = value.starts_with(['$', '<', '{', '%', '*', '[']) || value.contains("${") || value.contains("{{");
    let same = value.chars().all(|c| value.starts_with(c));
    let told = [
        "your-",
        "your_",
        "<your",
        "replace",
        "example",
        "placeholder",
        "changeme",
        "redacted",
        "xxxx",
        "...",
    ];
    marks || same || WORDS.contains(&lower.as_str()) || told.iter().any(|word| lower.contains(word))
}

/// Looks as if drawn at random: long, of letters and digits mixed, no path, no words.
fn is_random(value: &str) -> bool {
    let length = value.len();
    let plain = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_' | b'.'));
    if !(20..=256).contains(&length) || !plain || is_placeholder(value) {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let longest_word = value
        .split(|c: char| !c.is_ascii_lowercase())
        .map(str::len)
        .max()
        .unwrap_or(0);
    // Words have long runs of small letters; versions and dates have few letters; paths have several slashes.
    digits >= 3 && letters >= 8 && longest_word <= 7 && value.matches('/').count() <= 2 && entropy(value) >= 3.5
}

/// Bits a character.
fn entropy(value: &str) -> f64 {
    let mut counts = [0u32; 256];
    value.bytes().for_each(|b| counts[usize::from(b)] += 1);
    let total = value.len() as f64;
    let shares = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

/// What of a secret may be shown: enough to know it again, too little to use.
pub fn mask(secret: &str) -> String {
    let count = secret.chars().count();
    let shown = match count {
        0..=11 => 0,
        12..=23 => 2,
        _ => 4,
    };
    let head: String = secret.chars().take(shown).filter(|c| !c.is_control()).collect();
    format!("{head}… ({count} characters)")
}

#[cfg(test)]
#[path = "leaks_tests.rs"]
mod tests;
