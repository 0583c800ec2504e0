//! A web server that gives files: to read from, by range where it knows ranges.

use std::io::Write;
use std::ops::Range;

use http::{HeaderValue, Method, Request};

use super::address::{Address, Web as Place};
use super::body::Body;
use super::endpoint::{Asked, Endpoint, Head, Payload};
use super::http::Client;
use super::{Abilities, Error, Key, Listed, Surroundings, Transport, login};

/// A folder of a web server. It cannot be listed.
pub(super) struct Web {
    endpoint: Endpoint,
    url: String,
    authorization: Option<HeaderValue>,
}

impl Web {
    /// # Errors
    /// When there are credentials that everybody on the way could read.
    pub(super) fn open(address: &Address, place: &Place, surroundings: &Surroundings) -> Result<Self, Error> {
        let authorization = login::header(place, surroundings).map_err(|problem| Error::Denied {
            remote: address.to_string(),
            problem,
        })?;
        Ok(Self {
            endpoint: Endpoint {
                client: Client::new(surroundings),
                address: address.to_string(),
                credentials: login::SOURCES,
            },
            url: place.url.clone(),
            authorization,
        })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    /// The start of a request.
    pub(super) fn head(&self, method: &Method, url: &str) -> Head {
        let head = Request::builder().method(method).uri(url);
        match &self.authorization {
            Some(value) => head.header(http::header::AUTHORIZATION, value),
            None => head,
        }
    }

    fn read_only(&self) -> Error {
        Error::ReadOnly {
            remote: self.endpoint.address.clone(),
        }
    }
}

impl Transport for Web {
    fn address(&self) -> &str {
        &self.endpoint.address
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            write: false,
            create: false,
            replace: false,
            list: false,
        }
    }

    fn size(&self, key: &Key) -> Result<Option<u64>, Error> {
        let asked = Asked {
            action: "read",
            key: key.as_str(),
        };
        let head = || self.head(&Method::HEAD, &self.url(key.as_str()));
        let answer = self.endpoint.send(asked, head, Payload::Nothing)?;
        self.endpoint.length(asked, answer)
    }

    fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let head = || self.head(&Method::GET, &self.url(key.as_str()));
        self.endpoint.part(key, range, head)
    }

    fn gives_parts(&self, key: &Key) -> Result<bool, Error> {
        let head = || self.head(&Method::GET, &self.url(key.as_str()));
        self.endpoint.gives_parts(key, head)
    }

    fn stream(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, Error> {
        let head = || self.head(&Method::GET, &self.url(key.as_str()));
        self.endpoint.stream(key, start, head, out)
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Listed>, Error> {
        let problem = "a web server does not tell what it has";
        Err(Error::failed("list", prefix.as_str(), self.address(), problem))
    }

    fn put(&self, _: &Key, _: &dyn Body) -> Result<(), Error> {
        Err(self.read_only())
    }

    fn create(&self, _: &Key, _: &[u8]) -> Result<bool, Error> {
        Err(self.read_only())
    }

    fn replace(&self, _: &Key, _: &[u8]) -> Result<(), Error> {
        Err(self.read_only())
    }

    fn remove(&self, _: &Key) -> Result<(), Error> {
        Err(self.read_only())
    }
}
