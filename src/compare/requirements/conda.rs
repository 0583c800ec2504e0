//! Requirements of conda packages: match specs ([CEP 29](https://conda.org/learn/ceps/cep-0029)).
//!
//! Versions are those of rattler; around them stands what conda reads in a spec: `channel::name version build`,
//! `name=version=build`, and fields in brackets. Channels, hashes and flags are not held against packages: a record
//! tells them in other words than a spec does.

use rattler_conda_version::{ParseStrictness, Version, VersionSpec};

/// Longer texts and deeper brackets are no specs, and reading them costs time and stack.
const MAX_LENGTH: usize = 4096;
const MAX_DEPTH: usize = 32;

/// What follows an operator is no version yet, so a blank or `=` after one of these separates nothing.
const OPERATORS: &[char] = &['=', '!', '|', ',', '<', '>', '~'];

/// One match spec.
#[derive(Debug)]
pub struct Spec {
    name: String,
    version: Option<VersionSpec>,
    build: Option<String>,
    build_number: Option<VersionSpec>,
    /// It holds under a condition only (`when`), which is not judged.
    conditional: bool,
}

impl Spec {
    /// Reads a spec, as written in a record or on conda's command line.
    ///
    /// # Errors
    /// Says what cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("it is longer than {MAX_LENGTH} bytes"));
        }
        if text.bytes().filter(|b| *b == b'(').count() > MAX_DEPTH {
            return Err(format!("it has more than {MAX_DEPTH} brackets"));
        }
        let (plain, fields) = split_fields(text.trim())?;
        let plain = plain.split('#').next().unwrap_or_default().trim();
        if let Some(file) = file_name(plain) {
            return of_file(file);
        }
        // Channel and namespace stand before the last colon.
        let plain = plain.rsplit(':').next().unwrap_or_default().trim();
        let end = plain.find(|c: char| c.is_whitespace() || OPERATORS.contains(&c));
        let (name, rest) = plain.split_at(end.unwrap_or(plain.len()));
        let (version, build) = version_and_build(rest.trim());
        let mut spec = Self {
            name: name.to_lowercase(),
            version: None,
            build: build.map(str::to_owned),
            build_number: None,
            conditional: false,
        };
        let mut version = version.map(|version| as_conda_reads(&version, build));
        for (key, value) in fields {
            match &*key {
                "name" => spec.name = value.to_lowercase(),
                "version" => version = Some(as_conda_reads(&without_blanks(&value), None)),
                "build" => spec.build = Some(value),
                "build_number" => spec.build_number = Some(constraint(&without_blanks(&value))?),
                "when" => spec.conditional = true,
                _ => {}
            }
        }
        spec.version = version.map(|version| constraint(&version)).transpose()?;
        if !is_name(&spec.name) {
            return Err(format!("{:?} is not the name of a package", spec.name));
        }
        Ok(spec)
    }

    /// The name of the package.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a package of this name meets it; nothing if that cannot be known. A build that is not known does.
    pub fn admits(&self, version: Option<&Version>, build: Option<&str>) -> Option<bool> {
        if self.conditional {
            return None;
        }
        let versions = match &self.version {
            Some(VersionSpec::Any) | None => true,
            Some(spec) => spec.matches(version?),
        };
        let builds = match (&self.build, build) {
            (Some(pattern), Some(build)) => matches_build(pattern, build),
            _ => true,
        };
        let numbers = match (&self.build_number, build.and_then(build_number)) {
            (Some(spec), Some(number)) => spec.matches(&number),
            _ => true,
        };
        Some(versions && builds && numbers)
    }
}

/// A version of a conda package, if it is one.
pub fn version(text: &str) -> Option<Version> {
    text.parse().ok().filter(|_| text.len() <= MAX_LENGTH)
}

fn constraint(text: &str) -> Result<VersionSpec, String> {
    VersionSpec::from_str(text, ParseStrictness::Lenient).map_err(|error| format!("{text:?}: {error}"))
}

/// What stands in brackets: keys and values.
type Fields = Vec<(String, String)>;

/// Cuts off `[key=value, …]` at the end.
fn split_fields(text: &str) -> Result<(&str, Fields), String> {
    let Some(start) = text.find('[').filter(|_| text.ends_with(']')) else {
        return match text.contains('[') {
            true => Err("a bracket is not closed".to_owned()),
            false => Ok((text, Vec::new())),
        };
    };
    let mut fields = Vec::new();
    let mut rest = text[start + 1..text.len() - 1].trim();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once('=')
            .ok_or_else(|| format!("{rest:?} is no field: key=value is"))?;
        let (value, after) = value(after.trim_start())?;
        fields.push((key.trim().to_lowercase(), value.to_owned()));
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.is_empty() => after,
            None => return Err(format!("{after:?} follows a field: a comma does")),
        };
    }
    Ok((&text[..start], fields))
}

/// A value and what follows it: quoted, in brackets, or up to the next comma.
fn value(text: &str) -> Result<(&str, &str), String> {
    let close = match text.chars().next() {
        Some(quote @ ('\'' | '"')) => quote,
        Some('[') => ']',
        _ => return Ok(text.split_at(text.find(',').unwrap_or(text.len()))).map(|(value, rest)| (value.trim(), rest)),
    };
    let end = text[1..].find(close).ok_or_else(|| format!("{text:?} is not closed"))?;
    Ok((&text[1..=end], &text[end + 2..]))
}

/// The file name in a spec that is a path or an address of a package.
fn file_name(text: &str) -> Option<&str> {
    let stem = text.strip_suffix(".conda").or_else(|| text.strip_suffix(".tar.bz2"))?;
    let is_path = stem.contains(['/', '\\']) && !stem.contains("::");
    is_path.then(|| stem.rsplit(['/', '\\']).next().unwrap_or_default())
}

fn of_file(stem: &str) -> Result<Spec, String> {
    let mut parts = stem.rsplitn(3, '-');
    let (Some(build), Some(version), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("{stem:?} is not the file name of a package"));
    };
    Ok(Spec {
        name: name.to_lowercase(),
        version: Some(constraint(&format!("=={version}"))?),
        build: Some(build.to_owned()),
        build_number: None,
        conditional: false,
    })
}

/// Splits what follows the name where conda does: at the first blank or `=` that does not belong to an operator and
/// that only a build follows.
fn version_and_build(text: &str) -> (Option<String>, Option<&str>) {
    let separates = |at: usize, c: char| {
        let before = text[..at].chars().next_back();
        let after = text.get(at + 1..).unwrap_or_default();
        (c == ' ' || c == '=')
            && before.is_some_and(|before| !OPERATORS.contains(&before))
            && !after.trim().is_empty()
            && !after.contains('-')
            && !after.contains(['=', ',', '|', '<', '>', '~'])
    };
    let (version, build) = match text.char_indices().find(|(at, c)| separates(*at, *c)) {
        Some((at, _)) => (&text[..at], Some(text[at + 1..].trim())),
        None => (text, None),
    };
    (
        Some(without_blanks(version)).filter(|version| !version.is_empty()),
        build,
    )
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// `=1.2` alone means `1.2.*`; `==1.2`, `=1.2=build` and `1.2` mean that version.
fn as_conda_reads(version: &str, build: Option<&str>) -> String {
    let Some(rest) = version.strip_prefix('=') else {
        return version.to_owned();
    };
    if let (Some(exact), None) = (rest.strip_prefix('='), build) {
        return exact.to_owned();
    }
    if rest.contains(['=', ',', '|']) {
        return version.to_owned();
    }
    match build {
        None if !rest.ends_with('*') => format!("{rest}.*"),
        _ => rest.to_owned(),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Whether a build is as asked for: `*` stands for anything. Regular expressions (`^…$`) are not judged.
fn matches_build(pattern: &str, build: &str) -> bool {
    if pattern.starts_with('^') && pattern.ends_with('$') {
        return true;
    }
    let (pattern, build) = (pattern.to_lowercase(), build.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = build.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The number at the end of a build: `0` of `py311_0`.
fn build_number(build: &str) -> Option<Version> {
    let number = build.rsplit('_').next()?;
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
#[path = "conda_tests.rs"]
mod tests;
