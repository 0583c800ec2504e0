//! Addresses of remotes, understood without looking anywhere.
//!
//! | form | place |
//! |---|---|
//! | `PATH`, `file:///PATH` | a directory |
//! | `ssh://[USER@]HOST[:PORT]/PATH`, `sftp://…`, `[USER@]HOST:PATH` | a directory of another machine |
//! | `s3://BUCKET[/PREFIX]`, `oss://…`, `gs://…`, `az://CONTAINER[/PREFIX]` | an object store |
//! | `webdav[s]://[USER@]HOST[:PORT]/PATH` | a WebDAV server |
//! | `http[s]://[USER@]HOST[:PORT]/PATH` | a web server, to read from |
//! | `oci://HOST[:PORT]/NAME` | a container registry |

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Error;

/// The address of a remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As it is shown. It holds no password: one that has is no address.
    text: String,
    place: Place,
}

/// What an address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory, absolute or relative.
    Directory(PathBuf),
    /// A directory that ssh leads to.
    Ssh(Ssh),
    /// An object store.
    Store(Store),
    /// A server that speaks HTTP.
    Web(Web),
    /// A container registry.
    Oci(Oci),
}

/// A directory that ssh leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// Who logs in, if not whom ssh's own configuration says.
    pub user: Option<String>,
    /// A host, or a name in ssh's configuration.
    pub host: String,
    /// The port, if not ssh's own choice.
    pub port: Option<u16>,
    /// Absolute, or relative to the home of the user there.
    pub path: String,
}

/// Which kind of object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Amazon S3 and what is compatible to it.
    S3,
    /// Alibaba Cloud OSS.
    Oss,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// A part of an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Which kind.
    pub service: Service,
    /// The bucket, or container.
    pub bucket: String,
    /// What all names begin with, without slashes around it; may be empty.
    pub prefix: String,
    /// What was said after the question mark: some of [`OPTIONS`].
    pub options: BTreeMap<String, String>,
}

/// What may be said of an object store after the question mark.
pub const OPTIONS: &[(&str, &str)] = &[
    ("account", "the storage account (az)"),
    ("anonymous", "true: without credentials"),
    ("endpoint", "the URL of the service"),
    ("profile", "the profile in the user's AWS files (s3)"),
    ("region", "the region (s3, oss)"),
    ("style", "virtual or path: where the bucket stands in URLs (s3)"),
];

/// A folder on a server that speaks HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Objects can be written, by WebDAV.
    pub is_webdav: bool,
    /// `http://…` or `https://…`, without a user.
    pub url: String,
    /// Who logs in.
    pub user: Option<String>,
}

/// A name in a container registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oci {
    /// `HOST` or `HOST:PORT`.
    pub host: String,
    /// The repository there.
    pub name: String,
}

impl Address {
    /// Understands an address.
    ///
    /// # Errors
    /// What is wrong with it; a password in it is neither taken nor repeated.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let place = match parse(text) {
            Ok(place) => place,
            Err(problem) => {
                // What is wrong may be told in words that hold a part of the password.
                let problem = match holds_password(text) {
                    true => "a password (a colon before an @), token or key does not belong in an address".to_owned(),
                    false => problem,
                };
                let url = without_password(text);
                return Err(Error::Address { url, problem });
            }
        };
        let text = text.to_owned();
        Ok(Self { text, place })
    }

    /// What it leads to.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a text would be an address, but for a password in it, which must neither be kept nor shown.
pub fn holds_password(text: &str) -> bool {
    parse(text).is_err() && without_password(text) != text
}

/// The text with dots for a password, for a token in the place of a user's name, and for parameters that are secrets.
fn without_password(text: &str) -> String {
    match tokens(text).first() {
        Some(token) => format!("{}…", &text[..token.start]),
        None => without_colon_password(text),
    }
}

/// Tokens as web addresses have them: `https://TOKEN@host`, `?token=…`.
fn tokens(text: &str) -> Vec<Range<usize>> {
    /// No user's name is that long and has a digit.
    const LEAST: usize = 20;
    let Some(start) = text.find("://").map(|at| at + 3) else {
        return Vec::new();
    };
    let rest = &text[start..];
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let user = authority.rfind('@').map_or(0..0, |at| 0..at);
    let name = &authority[user.clone()];
    let is_token = text.starts_with("http") && name.len() >= LEAST && name.bytes().any(|b| b.is_ascii_digit());
    let mut found = Vec::new();
    if is_token && !name.contains(':') {
        found.push(start..start + user.end);
    }
    let words = [
        "token",
        "secret",
        "password",
        "passwd",
        "signature",
        "access_key",
        "accountkey",
        "credential",
    ];
    let query = rest.find('?').map_or(rest.len(), |at| at + 1);
    let mut at = start + query;
    for pair in rest[query..].split('&') {
        if let Some((name, value)) = pair.split_once('=') {
            let lower = name.to_ascii_lowercase().replace('-', "_");
            if !value.is_empty() && (lower == "sig" || words.iter().any(|word| lower.contains(word))) {
                found.push(at + name.len() + 1..at + pair.len());
            }
        }
        at += pair.len() + 1;
    }
    found
}

fn without_colon_password(text: &str) -> String {
    let (scheme, rest) = text.split_at(text.find("://").map_or(0, |at| at + 3));
    // A password may hold an @ or, written badly, a slash: rather too much is left out than too little.
    let at = rest.rfind('@');
    match at.and_then(|at| Some((rest[..at].find(':')?, at))) {
        Some((colon, at)) => format!("{scheme}{}:…{}", &rest[..colon], &rest[at..]),
        None => text.to_owned(),
    }
}

fn parse(text: &str) -> Result<Place, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if !tokens(text).is_empty() {
        return Err("a token or key does not belong in an address".to_owned());
    }
    if text.contains(|c: char| c.is_control()) {
        return Err("it holds a control character".to_owned());
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return scp_like(text).unwrap_or_else(|| Ok(Place::Directory(PathBuf::from(text))));
    };
    match scheme {
        "file" => file(rest),
        "ssh" | "sftp" => ssh(rest),
        "s3" => store(Service::S3, rest),
        "oss" => store(Service::Oss, rest),
        "gs" | "gcs" => store(Service::Gcs, rest),
        "az" | "azblob" => store(Service::Azure, rest),
        "webdav" => web(true, "http", rest),
        "webdavs" => web(true, "https", rest),
        "http" | "https" => web(false, scheme, rest),
        "oci" => oci(rest),
        _ => Err(format!(
            "{scheme}:// is not known; known are file, ssh, sftp, s3, oss, gs, az, webdav, webdavs, http, https and oci"
        )),
    }
}

/// `file:///PATH` or `file://localhost/PATH`.
fn file(rest: &str) -> Result<Place, String> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err("file:// needs an absolute path: file:///…".to_owned());
    }
    Ok(Place::Directory(Path::new(&decode(path)?).to_owned()))
}

/// `[USER@]HOST:PATH` as scp and git take it, unless it is a path: a colon behind a slash is part of a name.
fn scp_like(text: &str) -> Option<Result<Place, String>> {
    let (before, path) = match text.find("]:") {
        Some(at) if text.contains('[') => (&text[..=at], &text[at + 2..]),
        _ => text.split_once(':')?,
    };
    if before.contains('/') || before.is_empty() {
        return None;
    }
    Some(authority(before).and_then(|who| {
        if path.is_empty() {
            return Err("a path must follow the colon".to_owned());
        }
        // `USER:PASSWORD@HOST:PATH`, which nobody takes.
        if path.split_once('@').is_some_and(|(_, rest)| rest.contains(':')) {
            return Err("a password does not belong in an address".to_owned());
        }
        Ok(Place::Ssh(Ssh {
            user: who.user,
            host: who.host,
            port: None,
            path: path.to_owned(),
        }))
    }))
}

fn ssh(rest: &str) -> Result<Place, String> {
    let (who, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let who = authority(who)?;
    let path = decode(path)?;
    // As with git, /~/x is x in the home there.
    let path = path.strip_prefix("/~/").unwrap_or(&path);
    if path.is_empty() || path == "/" {
        return Err("a path must follow the host: ssh://HOST/PATH".to_owned());
    }
    Ok(Place::Ssh(Ssh {
        user: who.user,
        host: who.host,
        port: who.port,
        path: path.to_owned(),
    }))
}

fn store(service: Service, rest: &str) -> Result<Place, String> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.contains('@') {
        return Err("credentials do not belong in an address; they are taken from the environment".to_owned());
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if bucket.is_empty() || !bucket.chars().all(is_name) {
        return Err(format!("{bucket:?} is not the name of a bucket"));
    }
    let prefix = prefix.trim_matches('/');
    if prefix.split('/').any(|part| matches!(part, "." | "..")) || prefix.contains("//") {
        return Err(format!("{prefix:?} is no prefix: it has an empty part, . or .."));
    }
    Ok(Place::Store(Store {
        service,
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        options: options(query)?,
    }))
}

fn options(query: &str) -> Result<BTreeMap<String, String>, String> {
    let mut options = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !OPTIONS.iter().any(|(known, _)| *known == name) {
            let known: Vec<&str> = OPTIONS.iter().map(|(known, _)| *known).collect();
            return Err(format!("?{name}= is not known; known are {}", known.join(", ")));
        }
        let value = decode(value)?;
        if value.contains('@') {
            return Err(format!("?{name}= holds an @: credentials do not belong in an address"));
        }
        options.insert(name.to_owned(), value);
    }
    Ok(options)
}

fn web(is_webdav: bool, scheme: &str, rest: &str) -> Result<Place, String> {
    if rest.contains(['?', '#']) {
        return Err("a query or fragment leads to no folder".to_owned());
    }
    let (who, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let who = authority(who)?;
    let port = who.port.map(|port| format!(":{port}")).unwrap_or_default();
    let host = match who.host.contains(':') {
        true => format!("[{}]", who.host),
        false => who.host,
    };
    Ok(Place::Web(Web {
        is_webdav,
        url: format!("{scheme}://{host}{port}{}", path.trim_end_matches('/')),
        user: who.user,
    }))
}

fn oci(rest: &str) -> Result<Place, String> {
    let (who, name) = rest.split_once('/').unwrap_or((rest, ""));
    let who = authority(who)?;
    if who.user.is_some() {
        return Err("a registry's user is taken from docker's own configuration: docker login".to_owned());
    }
    // The grammar of repository names in OCI's distribution-spec.
    let is_part = |part: &str| {
        let is_edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        is_edge(part.bytes().next()) && is_edge(part.bytes().last()) && part.bytes().all(is_inner)
    };
    if !name.split('/').all(is_part) {
        return Err(format!(
            "{name:?} is no name in a registry: lower-case letters, digits and . _ - between slashes, without a tag"
        ));
    }
    let port = who.port.map(|port| format!(":{port}")).unwrap_or_default();
    Ok(Place::Oci(Oci {
        host: format!("{}{port}", who.host),
        name: name.to_owned(),
    }))
}

/// `[USER@]HOST[:PORT]`.
struct Authority {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

fn authority(text: &str) -> Result<Authority, String> {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    if user.is_some_and(|user| user.contains(':')) {
        return Err("a password does not belong in an address".to_owned());
    }
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, after)) => (host, after.strip_prefix(':')),
        None => rest
            .split_once(':')
            .map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = port
        .map(|port| port.parse().map_err(|_| format!("{port:?} is not a port")))
        .transpose()?;
    // What begins with a dash would be an option to ssh.
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || host.starts_with('-') || !host.chars().all(is_host) {
        return Err(format!("{host:?} is not a host"));
    }
    let is_user = |user: &str| !user.is_empty() && !user.starts_with('-') && !user.contains(char::is_whitespace);
    if let Some(user) = user.filter(|user| !is_user(user)) {
        return Err(format!("{user:?} is not a user"));
    }
    Ok(Authority {
        user: user.map(str::to_owned),
        host: host.to_owned(),
        port,
    })
}

/// Resolves `%20` and the like.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.ok_or_else(|| format!("{text:?} has a % that two hexadecimal digits do not follow"))?);
        rest = &after[2..];
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| format!("{text:?} is no text"))
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
