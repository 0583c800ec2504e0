//! A container registry, by the distribution protocol
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>).
//!
//! An object is a blob; its key is a tag, whose manifest names the blob as its one layer. Registries have no way to make
//! a tag only if there is none, so creates are not atomic here.

mod credentials;
mod manifest;
mod session;
mod tag;

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LINK, LOCATION};
use http::{Method, Request, StatusCode};
use serde::Deserialize;

use super::address::{Address, Oci as Place};
use super::body::Body;
use super::endpoint::{Answer, Asked, Endpoint, Head, Payload};
use super::http::{Client, is_loopback};
use super::{Abilities, Error, Key, Listed, Surroundings, Transport};
use crate::digest::{Digest, Hasher};
use manifest::Descriptor;
use session::Session;

/// Registries keep manifests below 4 MiB; those of envgit have some hundred bytes.
const MANIFEST_MAX: u64 = 4 << 20;
/// How many manifests are read at the same time for a listing.
const AT_ONCE: usize = 8;

/// A name in a registry.
pub(super) struct Oci {
    session: Session,
    /// `https://HOST/v2/NAME`.
    base: String,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Oci {
    /// Nobody is asked yet.
    pub(super) fn new(address: &Address, place: &Place, surroundings: &Surroundings) -> Self {
        let host = place
            .host
            .rsplit_once(':')
            .map_or(place.host.as_str(), |(host, _)| host);
        let scheme = if is_loopback(host) { "http" } else { "https" };
        let api = if place.host == "docker.io" {
            "registry-1.docker.io"
        } else {
            &place.host
        };
        let endpoint = Endpoint {
            client: Client::new(surroundings),
            address: address.to_string(),
            credentials: credentials::SOURCES,
        };
        Self {
            session: Session::new(endpoint, place, surroundings),
            base: format!("{scheme}://{api}/v2/{}", place.name),
        }
    }

    fn ask(&self, asked: Asked, method: &Method, url: &str, payload: Payload) -> Result<Answer, Error> {
        self.session
            .send(asked, || Request::builder().method(method).uri(url), payload)
    }

    /// The answer, if it is a success.
    fn must(&self, asked: Asked, answer: Answer) -> Result<Answer, Error> {
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(self.session.endpoint.refusal(asked, answer)),
        }
    }

    fn failed(&self, asked: Asked, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::failed(asked.action, asked.key, &self.session.endpoint.address, error)
    }

    fn tag_url(&self, asked: Asked, key: &Key) -> Result<String, Error> {
        let tag = tag::of(key).ok_or_else(|| self.failed(asked, "its name is too long for a registry"))?;
        Ok(format!("{}/manifests/{tag}", self.base))
    }

    /// The blob that a key leads to.
    fn find(&self, asked: Asked, key: &Key) -> Result<Option<Descriptor>, Error> {
        let url = self.tag_url(asked, key)?;
        let head = || Request::builder().uri(&url).header(ACCEPT, manifest::MEDIA_TYPE);
        let answer = self.session.send(asked, head, Payload::Nothing)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let mut body = self.must(asked, answer)?.into_body();
        let json = body.with_config().limit(MANIFEST_MAX).read_to_vec();
        let json = json.map_err(|error| self.failed(asked, error))?;
        manifest::blob(&json).map_err(|problem| self.failed(asked, problem))
    }

    fn must_find(&self, asked: Asked, key: &Key) -> Result<Descriptor, Error> {
        self.find(asked, key)?
            .ok_or_else(|| self.session.endpoint.absent(key.as_str()))
    }

    /// The start of a request for a blob, after `find` was let in.
    fn blob(&self, digest: &str) -> Head {
        let head = Request::builder().uri(format!("{}/blobs/{digest}", self.base));
        match self.session.authorization() {
            Some(value) => head.header(AUTHORIZATION, value),
            None => head,
        }
    }

    fn has_blob(&self, asked: Asked, digest: Digest, size: u64) -> Result<bool, Error> {
        let url = format!("{}/blobs/sha256:{digest}", self.base);
        let answer = self.ask(asked, &Method::HEAD, &url, Payload::Nothing)?;
        Ok(answer.status().is_success() && self.session.endpoint.length(asked, answer)? == Some(size))
    }

    /// Sends a blob, from the start again when that fails: what came of half an upload is nobody's to know.
    fn upload_with_patience(&self, asked: Asked, body: &dyn Body) -> Result<Digest, Error> {
        for pause in [1, 5] {
            match self.upload(asked, body) {
                Err(Error::Failed { .. } | Error::Unreachable { .. }) => {}
                done => return done,
            }
            std::thread::sleep(std::time::Duration::from_secs(pause));
        }
        self.upload(asked, body)
    }

    /// Sends a blob whose digest is known when all of it was sent, and returns the digest.
    fn upload(&self, asked: Asked, body: &dyn Body) -> Result<Digest, Error> {
        let start = format!("{}/blobs/uploads/", self.base);
        let place = |answer: &Answer, of: &str| {
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let location = location.and_then(|location| absolute(of, location));
            location.ok_or_else(|| self.failed(asked, "the registry does not say where to send it"))
        };
        let answer = self.must(asked, self.ask(asked, &Method::POST, &start, Payload::Nothing)?)?;
        let upload = place(&answer, &start)?;
        let hashed = Hashed {
            body,
            digest: Mutex::new(None),
        };
        let octets = || {
            let head = Request::builder().method(Method::PATCH).uri(&upload);
            head.header(CONTENT_TYPE, "application/octet-stream")
        };
        let sent = self
            .session
            .send(asked, octets, Payload::Once(&hashed))
            .and_then(|answer| self.must(asked, answer));
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                let _ = self.ask(asked, &Method::DELETE, &upload, Payload::Nothing);
                return Err(error);
            }
        };
        let digest = hashed.digest.lock().ok().and_then(|digest| *digest);
        let digest = digest.ok_or_else(|| self.failed(asked, "it was not read to its end"))?;
        let end = place(&answer, &upload)?;
        let mark = if end.contains('?') { '&' } else { '?' };
        let end = format!("{end}{mark}digest=sha256:{digest}");
        self.must(asked, self.ask(asked, &Method::PUT, &end, Payload::Nothing)?)?;
        Ok(digest)
    }

    fn set_manifest(&self, asked: Asked, key: &Key, json: &[u8]) -> Result<(), Error> {
        let empty = Digest::of(manifest::EMPTY);
        if !self.has_blob(asked, empty, manifest::EMPTY.len() as u64)? {
            self.upload(asked, &manifest::EMPTY)?;
        }
        let url = self.tag_url(asked, key)?;
        let head = || {
            let head = Request::builder().method(Method::PUT).uri(&url);
            head.header(CONTENT_TYPE, manifest::MEDIA_TYPE)
        };
        let answer = self.session.send(asked, head, Payload::Body(&json))?;
        self.must(asked, answer).map(drop)
    }

    fn write(&self, key: &Key, body: &dyn Body) -> Result<(), Error> {
        let asked = Asked {
            action: "write",
            key: key.as_str(),
        };
        // Objects that are named by their digest are not sent twice, whichever key leads to them.
        let named = key.name().get(..64).and_then(|hex| Digest::from_hex(hex.as_bytes()));
        let digest = match named {
            Some(digest) if self.has_blob(asked, digest, body.len())? => digest,
            _ => self.upload_with_patience(asked, body)?,
        };
        self.set_manifest(asked, key, &manifest::of(key, digest, body.len()))
    }

    /// The keys below a folder, those that were removed among them.
    fn keys(&self, prefix: &Key) -> Result<Vec<Key>, Error> {
        let asked = Asked {
            action: "list",
            key: prefix.as_str(),
        };
        let folder = format!("{prefix}/");
        let mut url = format!("{}/tags/list?n=1000", self.base);
        let mut keys = Vec::new();
        loop {
            let answer = self.ask(asked, &Method::GET, &url, Payload::Nothing)?;
            if answer.status() == StatusCode::NOT_FOUND {
                return Ok(keys);
            }
            let answer = self.must(asked, answer)?;
            let link = answer.headers().get(LINK).and_then(|value| value.to_str().ok());
            let next = link.and_then(|link| link.split_once('<')?.1.split_once('>'));
            let next = next.and_then(|(next, _)| absolute(&url, next));
            let body = answer.into_body().with_config().limit(64 << 20).read_to_vec();
            let body = body.map_err(|error| self.failed(asked, error))?;
            let tags: Tags = serde_json::from_slice(&body).map_err(|error| self.failed(asked, error))?;
            let found = tags.tags.unwrap_or_default();
            keys.extend(
                found
                    .iter()
                    .filter_map(|tag| tag::key(tag))
                    .filter(|key| key.as_str().starts_with(&folder)),
            );
            match next {
                Some(next) if next != url => url = next,
                _ => return Ok(keys),
            }
        }
    }
}

/// A URL from one that may leave out what it has in common with another.
fn absolute(base: &str, url: &str) -> Option<String> {
    if url.contains("://") {
        return Some(url.to_owned());
    }
    let path = base.find("://")? + 3;
    let end = base[path..].find('/').map_or(base.len(), |at| path + at);
    url.starts_with('/').then(|| format!("{}{url}", &base[..end]))
}

/// A body whose digest is known once it was read to its end.
struct Hashed<'a> {
    body: &'a dyn Body,
    digest: Mutex<Option<Digest>>,
}

impl Body for Hashed<'_> {
    fn len(&self) -> u64 {
        self.body.len()
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut reader = HashingReader {
            inner: self.body.open()?,
            hasher: Hasher::new(),
            left: self.body.len(),
            digest: &self.digest,
        };
        reader.note();
        Ok(Box::new(reader))
    }
}

struct HashingReader<'a> {
    inner: Box<dyn Read + Send + 'a>,
    hasher: Hasher,
    left: u64,
    digest: &'a Mutex<Option<Digest>>,
}

impl HashingReader<'_> {
    /// Tells the digest when nothing is left: who sends a known length does not read on to see the end.
    fn note(&mut self) {
        if let Ok(mut digest) = self.digest.lock() {
            *digest = (self.left == 0).then(|| std::mem::take(&mut self.hasher).finish());
        }
    }
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n > 0 {
            self.hasher.update(&buffer[..n]);
            self.left = self.left.saturating_sub(n as u64);
            self.note();
        }
        Ok(n)
    }
}

impl Transport for Oci {
    fn address(&self) -> &str {
        &self.session.endpoint.address
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            write: true,
            create: false,
            replace: true,
            list: true,
        }
    }

    fn size(&self, key: &Key) -> Result<Option<u64>, Error> {
        let found = self.find(reading(key), key)?;
        Ok(found.map(|blob| blob.size))
    }

    fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let blob = self.must_find(reading(key), key)?;
        self.session.endpoint.part(key, range, || self.blob(&blob.digest))
    }

    fn stream(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, Error> {
        let blob = self.must_find(reading(key), key)?;
        if start >= blob.size {
            return match start == blob.size {
                true => Ok(0),
                false => Err(self.failed(reading(key), "the object is shorter")),
            };
        }
        self.session
            .endpoint
            .stream(key, start, || self.blob(&blob.digest), out)
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Listed>, Error> {
        let keys = self.keys(prefix)?;
        let next = AtomicUsize::new(0);
        let work = || {
            let mut found = Vec::new();
            while let Some(key) = keys.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(size) = self.size(key)? {
                    found.push(Listed { key: key.clone(), size });
                }
            }
            Ok(found)
        };
        let found: Result<Vec<_>, Error> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE.min(keys.len())).map(|_| scope.spawn(work)).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| match thread.join() {
                Ok(found) => found,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            threads.into_iter().map(join).collect()
        });
        let mut found: Vec<Listed> = found?.into_iter().flatten().collect();
        found.sort();
        Ok(found)
    }

    fn put(&self, key: &Key, body: &dyn Body) -> Result<(), Error> {
        if self.size(key)? == Some(body.len()) {
            return Ok(());
        }
        self.write(key, body)
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<bool, Error> {
        if self.size(key)?.is_some() {
            return Ok(false);
        }
        self.write(key, &bytes).map(|()| true)
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        self.write(key, &bytes)
    }

    fn remove(&self, key: &Key) -> Result<(), Error> {
        let asked = Asked {
            action: "remove",
            key: key.as_str(),
        };
        let url = self.tag_url(asked, key)?;
        let head = || {
            Request::builder()
                .method(Method::HEAD)
                .uri(&url)
                .header(ACCEPT, manifest::MEDIA_TYPE)
        };
        let answer = self.session.send(asked, head, Payload::Nothing)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        let answer = self.must(asked, answer)?;
        let digest = answer
            .headers()
            .get("docker-content-digest")
            .and_then(|value| value.to_str().ok());
        if let Some(digest) = digest {
            let url = format!("{}/manifests/{digest}", self.base);
            let answer = self.ask(asked, &Method::DELETE, &url, Payload::Nothing)?;
            if answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND {
                return Ok(());
            }
        }
        // Many registries remove nothing at their users' request.
        self.set_manifest(asked, key, &manifest::removed(key))
    }
}

fn reading(key: &Key) -> Asked<'_> {
    Asked {
        action: "read",
        key: key.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_locations_are_completed() {
        let base = "https://host:5000/v2/a/blobs/uploads/?x=1";
        assert_eq!(
            absolute(base, "/v2/b?c=d").as_deref(),
            Some("https://host:5000/v2/b?c=d")
        );
        assert_eq!(absolute(base, "https://other/x").as_deref(), Some("https://other/x"));
        assert_eq!(absolute(base, "x"), None);
    }
}
