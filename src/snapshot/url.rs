//! Addresses as they are shown.

/// A URL without user, password and conda's `/t/TOKEN`: a record is shown and shared, a secret must not be.
pub fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // A user alone (`git@`) is no secret, nor is a reference to a variable (PEP 610).
    let host = match host.rsplit_once('@') {
        Some((user, host)) if user.contains(':') && !user.contains("${") => host,
        _ => host,
    };
    let path = path
        .strip_prefix("/t/")
        .and_then(|rest| rest.split_once('/'))
        .map_or(path.to_owned(), |(_, path)| format!("/{path}"));
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_their_secrets() {
        for (url, plain) in [
            ("https://user:pw@e.org/x", "https://e.org/x"),
            ("https://e.org/t/tk-123/c/x", "https://e.org/c/x"),
            ("git+ssh://git@e.org/x", "git+ssh://git@e.org/x"),
            ("https://${U}:${P}@e.org/x", "https://${U}:${P}@e.org/x"),
            ("https://e.org/a@b:c", "https://e.org/a@b:c"),
            ("https://e.org", "https://e.org"),
            ("/local/path", "/local/path"),
        ] {
            assert_eq!(without_secrets(url), plain);
        }
    }
}
