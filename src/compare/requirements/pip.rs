//! Requirements of Python packages: `Requires-Dist` ([PEP 508](https://peps.python.org/pep-0508/)).

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};

use super::marker::Marker;
use super::platform::Platform;
use crate::snapshot::package::normalize;

/// Longer texts and deeper brackets are no requirements, and reading them costs time and stack.
const MAX_LENGTH: usize = 4096;
const MAX_DEPTH: usize = 32;

/// One requirement.
#[derive(Debug)]
pub(super) struct Requirement {
    /// The normalized name of the project.
    pub(super) name: String,
    /// Extras of that project, normalized.
    pub(super) extras: Vec<String>,
    /// Nothing for any version, and for an address (`name @ address`).
    specifiers: Option<VersionSpecifiers>,
    marker: Option<Marker>,
}

/// A requirement as it is written.
#[derive(Debug)]
pub(in crate::compare) struct Parts<'a> {
    /// The normalized name of the project.
    pub(in crate::compare) name: String,
    /// Extras of that project, normalized.
    pub(in crate::compare) extras: Vec<String>,
    /// The versions that are admitted; empty for all.
    versions: &'a str,
    /// What follows an `@`.
    pub(in crate::compare) address: Option<&'a str>,
    /// What follows a semicolon.
    pub(in crate::compare) marker: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Takes a requirement apart.
    pub(in crate::compare) fn of(text: &'a str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("it is longer than {MAX_LENGTH} bytes"));
        }
        if text.bytes().filter(|b| *b == b'(').count() > MAX_DEPTH {
            return Err(format!("it has more than {MAX_DEPTH} brackets"));
        }
        let text = text.trim();
        let (name, rest) = text.split_at(text.find(|c| !is_of_name(c)).unwrap_or(text.len()));
        let name = checked_name(name)?;
        let (extras, rest) = extras(rest.trim_start())?;
        let (versions, address, marker) = match rest.strip_prefix('@') {
            // A semicolon may be part of an address: before a marker stands a blank.
            Some(rest) => match rest.split_once(" ;") {
                Some((address, marker)) => ("", Some(address.trim()), Some(marker.trim())),
                None => ("", Some(rest.trim()), None),
            },
            None => match rest.split_once(';') {
                Some((versions, marker)) => (versions, None, Some(marker.trim())),
                None => (rest, None, None),
            },
        };
        Ok(Self {
            name,
            extras,
            versions,
            address,
            marker,
        })
    }

    /// The versions that are admitted, each specifier in its plain form.
    pub(in crate::compare) fn specifiers(&self) -> Result<Vec<String>, String> {
        let specifiers = specifiers(self.versions)?;
        Ok(specifiers
            .iter()
            .flat_map(|all| all.iter())
            .map(ToString::to_string)
            .collect())
    }
}

/// A version of a Python package: as written, and as compared.
#[derive(Clone, Debug)]
pub(super) struct PipVersion {
    text: String,
    version: Version,
}

impl PipVersion {
    /// Reads a version, if it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let version: Version = text.parse().ok()?;
        // `==1.2.*` is compared number by number, as far as both go: a missing number is a zero (PEP 440).
        let mut release = version.release().to_vec();
        release.resize(release.len().max(8), 0);
        Some(Self {
            text: version.to_string(),
            version: version.with_release(release),
        })
    }
}

impl Requirement {
    /// Reads one line of `Requires-Dist`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = Parts::of(text)?;
        Ok(Self {
            name: parts.name,
            extras: parts.extras,
            specifiers: specifiers(parts.versions)?,
            marker: parts.marker.map(Marker::parse).transpose()?,
        })
    }

    /// Whether it applies on a platform, when these extras were asked for.
    pub(super) fn applies(&self, platform: &Platform, extras: &[String]) -> bool {
        let Some(marker) = &self.marker else { return true };
        let Some(values) = platform.values() else { return false };
        let mut contexts = extras.iter().map(String::as_str).chain([""]);
        contexts.any(|extra| marker.applies(values, extra))
    }

    /// Whether a version meets it. A version that cannot be read does if none is asked for; else nobody knows.
    pub(super) fn admits(&self, version: Option<&PipVersion>) -> Option<bool> {
        match &self.specifiers {
            None => Some(true),
            Some(specifiers) => Some(admits(specifiers, version?)),
        }
    }
}

/// Whether a version, pre-releases too, is within all of the specifiers.
pub(super) fn admits(specifiers: &VersionSpecifiers, version: &PipVersion) -> bool {
    specifiers.iter().all(|specifier| admits_one(specifier, version))
}

/// Whether a version is within one specifier.
pub(super) fn admits_one(specifier: &VersionSpecifier, version: &PipVersion) -> bool {
    match specifier.operator() {
        Operator::ExactEqual => specifier.version().to_string() == version.text,
        _ => specifier.contains(&version.version),
    }
}

/// Whether a requirement is only for those who ask for an extra: it need not be read if nobody did.
pub(super) fn is_of_extra(text: &str) -> bool {
    let Some((_, marker)) = text.split_once(';') else {
        return false;
    };
    let asks = |rest: &str| rest.trim_start().starts_with("==");
    let mut extras = marker.match_indices("extra");
    !marker.contains("or ") && !marker.contains("or(") && extras.any(|(at, word)| asks(&marker[at + word.len()..]))
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn checked_name(name: &str) -> Result<String, String> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if edge(name.chars().next()) && edge(name.chars().next_back()) && name.chars().all(is_of_name) {
        Ok(normalize(name))
    } else {
        Err(format!("{name:?} is no name"))
    }
}

/// `[a, b]`, and what follows it.
fn extras(text: &str) -> Result<(Vec<String>, &str), String> {
    let Some(list) = text.strip_prefix('[') else {
        return Ok((Vec::new(), text));
    };
    let (list, rest) = list.split_once(']').ok_or("its list of extras is not closed")?;
    let named = list.split(',').map(str::trim);
    let extras = match list.trim() {
        "" => Vec::new(),
        _ => named.map(checked_name).collect::<Result<_, _>>()?,
    };
    Ok((extras, rest.trim_start()))
}

/// `>=1,<2`, also in brackets as older metadata has it.
fn specifiers(text: &str) -> Result<Option<VersionSpecifiers>, String> {
    let text = text.trim();
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let text = inner.unwrap_or(text).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let named = text.split(',').map(str::trim).filter(|specifier| !specifier.is_empty());
    let specifiers = named.map(|specifier| {
        let specifier: Result<VersionSpecifier, _> = specifier.parse();
        specifier.map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
    });
    let specifiers: Vec<VersionSpecifier> = specifiers.collect::<Result<_, _>>()?;
    Ok(Some(specifiers.into_iter().collect()))
}
