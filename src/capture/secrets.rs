//! Telling secrets from other text, by the name of a variable and by the look of its value.
//!
//! What is replaced is the same text for every secret, not a digest: short secrets could be guessed from one.

use std::borrow::Cow;
use std::ops::Range;

/// What stands in place of a secret.
pub const REDACTED: &str = "<redacted>";

/// A variable's value with its secret parts replaced. A name that speaks of a secret hides the whole value, unless it
/// is empty or a yes or no; in other values what looks like a token, private key or password in a URL is replaced.
pub fn redact<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if is_switch(value) {
        Cow::Borrowed(value)
    } else if is_secret_name(name) || is_private_key(value) {
        Cow::Borrowed(REDACTED)
    } else {
        redact_parts(value)
    }
}

/// Whether a value only turns something on or off.
fn is_switch(value: &str) -> bool {
    ["", "0", "1", "true", "false", "yes", "no", "on", "off", "none"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether a variable of this name holds a secret: one of its words says so, and it does not name a file instead.
pub fn is_secret_name(name: &str) -> bool {
    const WORDS: &[&str] = &["AUTH", "PRIVATE", "BEARER", "COOKIE", "CREDS", "PAT"];
    const ENDINGS: &[&str] = &[
        "TOKEN",
        "SECRET",
        "SECRETS",
        "PASSWORD",
        "PASSWORDS",
        "PASSWD",
        "PASSPHRASE",
        "ACCOUNTKEY",
        "CREDENTIAL",
        "CREDENTIALS",
        "APIKEY",
        "OAUTH",
    ];
    const KEYS: &[&str] = &[
        "API",
        "ACCESS",
        "SECRET",
        "PRIVATE",
        "SIGNING",
        "ENCRYPTION",
        "AUTH",
        "SSH",
        "LICENSE",
        "ACCOUNT",
        "MASTER",
        "SESSION",
    ];
    const PLACES: &[&str] = &["PATH", "FILE", "DIR"];
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    if words.last().is_some_and(|last| PLACES.contains(last)) {
        return false;
    }
    // By itself PWD is the current folder, and pass a verb.
    words.len() > 1 && words.iter().any(|word| ["PWD", "PASS"].contains(word))
        || words
            .iter()
            .any(|word| WORDS.contains(word) || ENDINGS.iter().any(|ending| word.ends_with(ending)))
        || words
            .windows(2)
            .any(|pair| KEYS.contains(&pair[0]) && matches!(pair[1], "KEY" | "KEYS"))
}

/// Whether it holds a password, which somebody may have chosen, so that it need not look random.
pub(super) fn is_password_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let last = name
        .rsplit(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    ["PASSWORD", "PASSWD", "PASSPHRASE"]
        .iter()
        .any(|ending| last.ends_with(ending))
}

fn is_private_key(value: &str) -> bool {
    value
        .find("-----BEGIN ")
        .is_some_and(|start| value[start..].contains("PRIVATE KEY"))
}

fn redact_parts(value: &str) -> Cow<'_, str> {
    let mut parts = url_secrets(value);
    parts.extend(named_tokens(value).into_iter().map(|(_, part)| part));
    if parts.is_empty() {
        return Cow::Borrowed(value);
    }
    parts.sort_by_key(|part| (part.start, part.end));
    let mut out = String::with_capacity(value.len());
    let mut done = 0;
    for part in parts {
        if part.start >= done {
            out.push_str(&value[done..part.start]);
            out.push_str(REDACTED);
        }
        done = done.max(part.end);
    }
    out.push_str(&value[done..]);
    Cow::Owned(out)
}

/// Passwords and secret parameters of the URLs in a value.
fn url_secrets(value: &str) -> Vec<Range<usize>> {
    let of_url = |url: Range<usize>| {
        let mut found = parameters(value, url.clone());
        found.extend(password(value, url));
        found
    };
    urls(value).flat_map(of_url).collect()
}

/// Passwords of the URLs in a value.
pub(super) fn url_passwords(value: &str) -> Vec<Range<usize>> {
    urls(value).filter_map(|url| password(value, url)).collect()
}

/// What follows the scheme of each URL in a value.
fn urls(value: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    value.match_indices("://").map(|(scheme_end, _)| {
        let start = scheme_end + 3;
        let end = start
            + value[start..]
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'))
                .unwrap_or(value.len() - start);
        // A list of URLs may be separated by commas: the next one starts where its scheme does.
        let end = value[start..end].find("://").map_or(end, |next| start + next);
        start..end
    })
}

/// The password of `user:password@host`, or a long user name without one, which is a token.
fn password(value: &str, url: Range<usize>) -> Option<Range<usize>> {
    let rest = &value[url.clone()];
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let user = match authority.rfind('@') {
        Some(at) => &rest[..at],
        // `user:pass/word@host`: an unescaped separator in the password; a port would be a number.
        None => {
            let (_, after) = authority.split_once(':')?;
            let is_port = after.bytes().all(|b| b.is_ascii_digit());
            let at = rest.rfind('@').filter(|_| !is_port)?;
            &rest[..at]
        }
    };
    let secret = match user.find(':') {
        Some(colon) => colon + 1..user.len(),
        None if user.len() >= 20 && user.bytes().any(|b| b.is_ascii_digit()) => 0..user.len(),
        None => return None,
    };
    (!secret.is_empty()).then(|| url.start + secret.start..url.start + secret.end)
}

/// The values of `?token=…&sig=…`.
fn parameters(value: &str, url: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let text = &value[url.clone()];
    for (mark, _) in text.match_indices(['?', '&', ';']) {
        let pair = &text[mark + 1..];
        let pair = &pair[..pair.find(['&', ';', '#']).unwrap_or(pair.len())];
        let Some((name, content)) = pair.split_once('=') else {
            continue;
        };
        let is_signature = ["sig", "signature", "x-amz-signature", "key"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        if (is_signature || is_secret_name(name)) && !is_switch(content) {
            let start = url.start + mark + 1 + name.len() + 1;
            found.push(start..start + content.len());
        }
    }
    found
}

/// A token known by its first characters.
struct TokenKind {
    /// A stable word for whose it is.
    name: &'static str,
    prefix: &'static str,
    /// Characters after the prefix, at least.
    length: usize,
    /// Characters between two `-`, `_` or `.`, at least: tells random text from words.
    run: usize,
}

const fn token(name: &'static str, prefix: &'static str, length: usize, run: usize) -> TokenKind {
    TokenKind {
        name,
        prefix,
        length,
        run,
    }
}

const TOKENS: &[TokenKind] = &[
    token("huggingface-token", "hf_", 20, 20),
    token("huggingface-token", "api_org_", 20, 20),
    token("sk-key", "sk-", 20, 16),
    token("github-token", "ghp_", 20, 20),
    token("github-token", "gho_", 20, 20),
    token("github-token", "ghu_", 20, 20),
    token("github-token", "ghs_", 20, 20),
    token("github-token", "ghr_", 20, 20),
    token("github-token", "github_pat_", 20, 16),
    token("gitlab-token", "glpat-", 16, 0),
    token("slack-token", "xoxa-", 10, 0),
    token("slack-token", "xoxb-", 10, 0),
    token("slack-token", "xoxp-", 10, 0),
    token("slack-token", "xoxr-", 10, 0),
    token("slack-token", "xoxs-", 10, 0),
    token("aws-access-key", "AKIA", 16, 16),
    token("aws-access-key", "ASIA", 16, 16),
    token("google-api-key", "AIza", 30, 0),
    token("google-token", "ya29.", 20, 0),
    token("npm-token", "npm_", 30, 30),
    token("pypi-token", "pypi-", 50, 0),
    token("nvidia-key", "nvapi-", 30, 0),
    token("replicate-token", "r8_", 30, 30),
    token("digitalocean-token", "dop_v1_", 30, 30),
];

/// Tokens that stand somewhere in a value, each as a whole, with a word for whose they are.
pub(super) fn named_tokens(value: &str) -> Vec<(&'static str, Range<usize>)> {
    let mut found = Vec::new();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let starts_here = |at: usize| {
        !value[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || c == '_')
    };
    let end_from = |at: usize| at + value[at..].find(|c| !is_part(c)).unwrap_or(value.len() - at);
    for kind in TOKENS {
        for (start, _) in value.match_indices(kind.prefix).filter(|(at, _)| starts_here(*at)) {
            let end = end_from(start);
            let body = &value[start + kind.prefix.len()..end];
            let longest = body.split(['-', '_', '.']).map(str::len).max().unwrap_or(0);
            if body.len() >= kind.length && longest >= kind.run && body.bytes().any(|b| b.is_ascii_digit()) {
                found.push((kind.name, start..end));
            }
        }
    }
    for (start, _) in value.match_indices("eyJ").filter(|(at, _)| starts_here(*at)) {
        let end = end_from(start);
        let web_token = &value[start..end];
        if web_token.len() >= 30 && web_token.matches('.').count() >= 2 {
            found.push(("web-token", start..end));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for secret in [
            "HF_TOKEN",
            "HUGGING_FACE_HUB_TOKEN",
            "UV_PUBLISH_PASSWORD",
            "PIP_PASSWD",
            "WANDB_API_KEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "MODEL_AUTH",
            "PRIVATE_KEY",
            "PGPASSWORD",
            "openai_apikey",
            "db-secret",
        ] {
            assert!(is_secret_name(secret), "{secret}");
        }
        for open in [
            "TOKENIZERS_PARALLELISM",
            "HF_TOKEN_PATH",
            "MAX_TOKENS",
            "MODEL_AUTHOR",
            "CUDA_CACHE_PATH",
            "PATH",
            "PYTHONPATH",
            "PIP_KEYRING_PROVIDER",
            "MODEL_KEY",
            "PWD",
            "NCCL_SECRETARY",
        ] {
            assert!(!is_secret_name(open), "{open}");
        }
    }

    #[test]
    fn values() {
        for (name, value, expected) in [
            ("HF_TOKEN", "anything", "<redacted>"),
            ("HF_TOKEN", "", ""),
            ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", "1"),
            ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "True", "True"),
            ("TOKENIZERS_PARALLELISM", "false", "false"),
            ("MODEL_X", "hf_AbCdEfGhIjKlMnOpQrStUvWx12", "<redacted>"),
            ("MODEL_X", "hf_transfer", "hf_transfer"),
            ("MODEL_X", "sk-proj-0123456789abcdefABCDEF", "<redacted>"),
            (
                "PATH",
                "/opt/sk-learn-envs-2024-with-long-name/bin:/bin",
                "/opt/sk-learn-envs-2024-with-long-name/bin:/bin",
            ),
            ("MODEL_X", "task-0123456789abcdefABCDEF", "task-0123456789abcdefABCDEF"),
            ("MODEL_X", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "<redacted>"),
            ("MODEL_X", "github_pat_11ABCDEFG0123456789abcdef", "<redacted>"),
            ("MODEL_X", "AKIAIOSFODNN7EXAMPLE", "<redacted>"),
            ("MODEL_X", "AKIATHEPLACE", "AKIATHEPLACE"),
            ("MODEL_X", "xoxb-1234567890-abcdef", "<redacted>"),
            ("MODEL_X", "glpat-a_1b-2c3d4e5f6g7h8i9", "<redacted>"),
            (
                "MODEL_X",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_123",
                "<redacted>",
            ),
            ("MODEL_X", "-----BEGIN RSA PRIVATE KEY-----\\nMII", "<redacted>"),
            (
                "MODEL_X",
                "-----BEGIN CERTIFICATE-----\\nMII",
                "-----BEGIN CERTIFICATE-----\\nMII",
            ),
            (
                "PIP_INDEX_URL",
                "https://bob:s3cret@pypi.corp/simple",
                "https://bob:<redacted>@pypi.corp/simple",
            ),
            (
                "PIP_INDEX_URL",
                "https://bob:p@ss@pypi.corp/simple",
                "https://bob:<redacted>@pypi.corp/simple",
            ),
            (
                "PIP_INDEX_URL",
                "https://bob:p/w@pypi.corp/simple",
                "https://bob:<redacted>@pypi.corp/simple",
            ),
            (
                "PIP_INDEX_URL",
                "https://bob@pypi.corp/simple",
                "https://bob@pypi.corp/simple",
            ),
            (
                "PIP_INDEX_URL",
                "https://abcdefghij0123456789xyz@pypi.corp/s",
                "https://<redacted>@pypi.corp/s",
            ),
            (
                "PIP_INDEX_URL",
                "https://pypi.corp:8080/@scope/x",
                "https://pypi.corp:8080/@scope/x",
            ),
            (
                "PIP_EXTRA_INDEX_URL",
                "https://a:1x@h/s https://b:2y@h/s",
                "https://a:<redacted>@h/s https://b:<redacted>@h/s",
            ),
            (
                "UV_INDEX",
                "https://h/s?a=b&access_token=zzz&c=d",
                "https://h/s?a=b&access_token=<redacted>&c=d",
            ),
            ("UV_INDEX", "x=hf_AbCdEfGhIjKlMnOpQrStUvWx12;y", "x=<redacted>;y"),
        ] {
            assert_eq!(redact(name, value), expected, "{name}={value}");
        }
    }

    #[test]
    fn any_text_is_taken() {
        for value in ["://", "重庆://用户:密码@主机", "a://:@", "eyJ", "?=&", "hf_重庆"] {
            let once = redact("MODEL_X", value).into_owned();
            assert_eq!(redact("MODEL_X", &once), once, "{value}");
        }
    }
}
