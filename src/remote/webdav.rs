//! A folder of a WebDAV server (RFC 4918).
//!
//! An object is sent under a name that no key can have and then moved to its own, since a PUT may be seen while it goes
//! on. Whether a move that must not overwrite is atomic is the server's affair, so creates are not promised to be.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::sync::Mutex;

use http::{Method, StatusCode};
use quick_xml::events::Event;

use super::address::{Address, Web as Place};
use super::body::Body;
use super::endpoint::{Answer, Asked, Endpoint, Payload};
use super::web::Web;
use super::{Abilities, Error, Key, Listed, Surroundings, Transport};

/// The longest listing of one folder that is read.
const LISTING_MAX: u64 = 256 << 20;

const PROPERTIES: &[u8] =
    br#"<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/></prop></propfind>"#;

/// A folder of a WebDAV server.
pub(super) struct Webdav {
    web: Web,
    move_method: Method,
    mkcol: Method,
    propfind: Method,
    /// Folders that are known to be there.
    made: Mutex<BTreeSet<String>>,
}

impl Webdav {
    /// # Errors
    /// When there are credentials that everybody on the way could read.
    pub(super) fn open(address: &Address, place: &Place, surroundings: &Surroundings) -> Result<Self, Error> {
        let method = |name: &[u8]| Method::from_bytes(name).unwrap_or_default();
        Ok(Self {
            web: Web::open(address, place, surroundings)?,
            move_method: method(b"MOVE"),
            mkcol: method(b"MKCOL"),
            propfind: method(b"PROPFIND"),
            made: Mutex::new(BTreeSet::new()),
        })
    }

    fn endpoint(&self) -> &Endpoint {
        self.web.endpoint()
    }

    fn ask(&self, asked: Asked, method: &Method, name: &str, payload: Payload) -> Result<Answer, Error> {
        let url = self.web.url(name);
        self.endpoint().send(asked, || self.web.head(method, &url), payload)
    }

    /// Makes the folders above a name, from the top; those that are there stay.
    fn make_folders(&self, asked: Asked, name: &str) -> Result<(), Error> {
        for (end, _) in std::iter::once((0, "")).chain(name.match_indices('/')) {
            let folder = if end == 0 {
                String::new()
            } else {
                format!("{}/", &name[..end])
            };
            let answer = self.ask(asked, &self.mkcol, &folder, Payload::Nothing)?;
            let status = answer.status();
            let is_there = status.is_success() || status == StatusCode::METHOD_NOT_ALLOWED;
            match status {
                _ if is_there || end > 0 => {}
                StatusCode::CONFLICT | StatusCode::NOT_FOUND => {
                    return Err(Error::NoPlace {
                        what: "folder above it".to_owned(),
                        remote: self.address().to_owned(),
                    });
                }
                _ => return Err(self.endpoint().refusal(asked, answer)),
            }
        }
        Ok(())
    }

    /// Sends an object, and gives it its name. Returns whether it got it: not, where it must be new and is not.
    fn write(&self, key: &Key, body: &dyn Body, may_replace: bool) -> Result<bool, Error> {
        let asked = Asked {
            action: "write",
            key: key.as_str(),
        };
        let folder = key.as_str().strip_suffix(key.name()).unwrap_or_default();
        let draft = format!(
            "{folder}.draft-{:x}-{:016x}",
            std::process::id(),
            super::unlike_any_other()
        );
        // A server that lacks the folder hangs up on a large body before it says so.
        if self.made.lock().is_ok_and(|made| !made.contains(folder)) {
            self.make_folders(asked, &draft)?;
            if let Ok(mut made) = self.made.lock() {
                made.insert(folder.to_owned());
            }
        }
        let sent = self.ask(asked, &Method::PUT, &draft, Payload::Body(body));
        let given = sent.and_then(|answer| match answer.status().is_success() {
            true => self.give_name(asked, &draft, may_replace),
            false => Err(self.endpoint().refusal(asked, answer)),
        });
        if !matches!(given, Ok(true)) {
            let _ = self.ask(asked, &Method::DELETE, &draft, Payload::Nothing);
        }
        given
    }

    fn give_name(&self, asked: Asked, draft: &str, may_replace: bool) -> Result<bool, Error> {
        let (from, to) = (self.web.url(draft), self.web.url(asked.key));
        let head = || {
            let head = self.web.head(&self.move_method, &from).header("Destination", &to);
            head.header("Overwrite", if may_replace { "T" } else { "F" })
        };
        let answer = self.endpoint().send(asked, head, Payload::Nothing)?;
        match answer.status() {
            status if status.is_success() => Ok(true),
            StatusCode::PRECONDITION_FAILED if !may_replace => Ok(false),
            _ => Err(self.endpoint().refusal(asked, answer)),
        }
    }

    fn gather(&self, folder: &str, found: &mut Vec<Listed>) -> Result<(), Error> {
        let asked = Asked {
            action: "list",
            key: folder,
        };
        let url = self.web.url(&format!("{folder}/"));
        let head = || {
            let head = self.web.head(&self.propfind, &url).header("Depth", "1");
            head.header(http::header::CONTENT_TYPE, "application/xml")
        };
        let answer = self.endpoint().send(asked, head, Payload::Body(&PROPERTIES))?;
        match answer.status() {
            StatusCode::MULTI_STATUS => {}
            StatusCode::NOT_FOUND => return Ok(()),
            _ => return Err(self.endpoint().refusal(asked, answer)),
        }
        let text = answer.into_body().with_config().limit(LISTING_MAX).read_to_string();
        let failed =
            |error: Box<dyn std::error::Error + Send + Sync>| Error::failed("list", folder, self.address(), error);
        let text = text.map_err(|error| failed(error.into()))?;
        let entries = entries(&text).map_err(|error| failed(error.into()))?;
        // The folder itself is among them.
        for entry in entries.iter().filter(|entry| entry.path() != path_of(&url)) {
            let Some(key) = Key::new(&format!("{folder}/{}", entry.name())) else {
                continue;
            };
            if entry.is_folder {
                self.gather(key.as_str(), found)?;
            } else if let Some(size) = entry.size {
                found.push(Listed { key, size });
            }
        }
        Ok(())
    }
}

/// The path in a URL, without the slash at its end.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| {
        rest.split_once('/')
            .map_or("", |_| &rest[rest.find('/').unwrap_or(0)..])
    });
    rest.trim_end_matches('/')
}

/// What a listing tells of one name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    /// A URL, or its path.
    href: String,
    is_folder: bool,
    size: Option<u64>,
}

impl Entry {
    fn path(&self) -> &str {
        path_of(&self.href)
    }

    fn name(&self) -> &str {
        let path = self.path();
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// What a multistatus tells, whatever its namespace prefixes are.
fn entries(text: &str) -> Result<Vec<Entry>, quick_xml::Error> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut entries: Vec<Entry> = Vec::new();
    let mut words = String::new();
    loop {
        match reader.read_event()? {
            Event::Start(tag) | Event::Empty(tag) => {
                words.clear();
                match (tag.local_name().as_ref(), entries.last_mut()) {
                    ("response", _) => entries.push(Entry::default()),
                    ("collection", Some(entry)) => entry.is_folder = true,
                    _ => {}
                }
            }
            // Names with anything to escape are no keys.
            Event::Text(text) => words.push_str(&text.into_inner()),
            Event::End(tag) => {
                if let Some(entry) = entries.last_mut() {
                    match tag.local_name().as_ref() {
                        "href" if entry.href.is_empty() => entry.href = words.trim().to_owned(),
                        "getcontentlength" => entry.size = words.trim().parse().ok(),
                        _ => {}
                    }
                }
                words.clear();
            }
            Event::Eof => return Ok(entries),
            _ => {}
        }
    }
}

impl Transport for Webdav {
    fn address(&self) -> &str {
        self.web.address()
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            write: true,
            create: false,
            replace: false,
            list: true,
        }
    }

    fn size(&self, key: &Key) -> Result<Option<u64>, Error> {
        self.web.size(key)
    }

    fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, Error> {
        self.web.read(key, range)
    }

    fn gives_parts(&self, key: &Key) -> Result<bool, Error> {
        self.web.gives_parts(key)
    }

    fn stream(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, Error> {
        self.web.stream(key, start, out)
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Listed>, Error> {
        let mut found = Vec::new();
        self.gather(prefix.as_str(), &mut found)?;
        found.sort();
        Ok(found)
    }

    fn put(&self, key: &Key, body: &dyn Body) -> Result<(), Error> {
        if self.size(key)? == Some(body.len()) {
            return Ok(());
        }
        self.write(key, body, true).map(drop)
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<bool, Error> {
        if self.size(key)?.is_some() {
            return Ok(false);
        }
        self.write(key, &bytes, false)
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        self.write(key, &bytes, true).map(drop)
    }

    fn remove(&self, key: &Key) -> Result<(), Error> {
        let asked = Asked {
            action: "remove",
            key: key.as_str(),
        };
        let answer = self.ask(asked, &Method::DELETE, key.as_str(), Payload::Nothing)?;
        match answer.status() {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            _ => Err(self.endpoint().refusal(asked, answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_of_all_dialects_are_understood() {
        let text = r#"<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">
          <D:response><D:href>/dav/a/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype>
          </D:prop></D:propstat></D:response>
          <d:response><d:href>http://host/dav/a/x.tar</d:href><d:prop><d:resourcetype/>
          <d:getcontentlength>12</d:getcontentlength></d:prop></d:response>
          <response><href>/dav/a/b%20c&amp;d</href><prop><getcontentlength>x</getcontentlength></prop></response>
        </D:multistatus>"#;
        let entries = entries(text).unwrap();
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| (entry.path(), entry.is_folder, entry.size))
            .collect();
        assert_eq!(seen[..2], [("/dav/a", true, None), ("/dav/a/x.tar", false, Some(12))]);
        assert_eq!(entries[1].name(), "x.tar");
        assert_eq!(Key::new(entries[2].name()), None);
        assert!(super::entries("<a><b></a>").is_err());
    }
}
