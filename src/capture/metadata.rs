//! The text formats of Python package metadata: headers and the requirements of old eggs.
//!
//! Core metadata (`METADATA`, `PKG-INFO`: PEP 566 and 643) and `WHEEL` (PEP 427) are mail headers, and Python reads them
//! with its mail parser: header names in any case, continuation lines, the end at the first line that is no header.

/// The headers of one file, in its order.
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    /// Reads headers; what follows the first empty or malformed line is the body.
    ///
    /// Text that is not UTF-8 is taken for Latin-1, in which every byte is a character.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in bytes.split(|b| *b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                let Some((_, value)) = headers.last_mut() else { break };
                let more = text(line);
                value.push(' ');
                value.push_str(more.trim());
                continue;
            }
            let Some(colon) = memchr::memchr(b':', line) else { break };
            let name = &line[..colon];
            if name.is_empty() || !name.iter().all(|b| matches!(b, b'!'..=b'~')) {
                break;
            }
            headers.push((
                text(name).to_ascii_lowercase(),
                text(&line[colon + 1..]).trim().to_owned(),
            ));
        }
        Self(headers)
    }

    /// The first value of a header that is not empty.
    pub(super) fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// All values of a header, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All values of a header, as a package keeps them.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.all(name).map(str::to_owned).collect()
    }
}

/// Text of unknown encoding: UTF-8, or else Latin-1.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

/// Lines of a text file without surrounding white space and without empty ones.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
}

/// The requirements of an egg's `requires.txt` in the form of `Requires-Dist`, and the extras that it names.
///
/// The format is that of setuptools: sections `[extra]`, `[:marker]` or `[extra:marker]`, in them one requirement a
/// line. The result is what `importlib.metadata` makes of it.
pub(super) fn egg_requirements(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut requires, mut extras) = (Vec::new(), Vec::new());
    let mut condition = String::new();
    for line in lines(bytes).filter(|line| !line.starts_with(b"#")) {
        let line = text(line);
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (extra, marker) = section.split_once(':').unwrap_or((section, ""));
            if !extra.is_empty() && !extras.iter().any(|known| known == extra) {
                extras.push(extra.to_owned());
            }
            condition = match (extra, marker) {
                ("", "") => String::new(),
                ("", marker) => format!("; {marker}"),
                (extra, "") => format!("; extra == \"{extra}\""),
                (extra, marker) => format!("; ({marker}) and extra == \"{extra}\""),
            };
        } else {
            let space = if line.contains('@') && !condition.is_empty() {
                " "
            } else {
                ""
            };
            requires.push(format!("{line}{space}{condition}"));
        }
    }
    (requires, extras)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_fold_repeat_and_end_at_the_body() {
        let headers = Headers::parse(
            b"Metadata-Version: 2.1\r\nname:  Odd.Name \r\nRequires-Dist: a\r\n (>1);\r\n\tpython_version < '3'\r\n\
              REQUIRES-DIST: b\r\nSummary:\r\n\r\nName: body\r\n",
        );
        assert_eq!(headers.first("Name"), Some("Odd.Name"));
        assert_eq!(headers.list("Requires-Dist"), ["a (>1); python_version < '3'", "b"]);
        assert_eq!(headers.first("Summary"), None);
        assert_eq!(
            Headers::parse(b"Name: a\nno header\nVersion: 1\n").first("Version"),
            None
        );
        assert_eq!(Headers::parse(b" folded\nName: a\n").first("Name"), None);
        assert_eq!(Headers::parse(b"\xef\xbb\xbfName: a").first("Name"), Some("a"));
        assert_eq!(Headers::parse(b"").first("Name"), None);
    }

    #[test]
    fn text_that_is_not_utf_8_is_latin_1() {
        let headers = Headers::parse(b"Name: na\xefve\nAuthor: \xc3\xa9\nVersion: 1\xff");
        assert_eq!(headers.first("name"), Some("naïve"));
        assert_eq!(headers.first("author"), Some("é"));
        assert_eq!(headers.first("version"), Some("1ÿ"));
    }

    #[test]
    fn requirements_of_eggs_read_as_importlib_reads_them() {
        let (requires, extras) = egg_requirements(
            b"six>=1\n\n[:python_version < \"3\"]\nenum34\n\n[test]\npytest\nx @ https://e.org/x.zip\n\
              [test:os_name == 'nt' or a]\ncolorama\n",
        );
        assert_eq!(
            requires,
            [
                "six>=1",
                "enum34; python_version < \"3\"",
                "pytest; extra == \"test\"",
                "x @ https://e.org/x.zip ; extra == \"test\"",
                "colorama; (os_name == 'nt' or a) and extra == \"test\"",
            ]
        );
        assert_eq!(extras, ["test"]);
    }
}
