//! A server that is asked over HTTP for one remote: tries again what may pass with time, and says what went wrong.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use http::{Method, Request, Response, StatusCode};

use super::body::{Body, Measured};
use super::http::{self as client, Client};
use super::{Error, Key};

/// How often a request is made, and how long is waited at first.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// A server, as one remote sees it.
pub(super) struct Endpoint {
    pub(super) client: Client,
    /// The address of the remote.
    pub(super) address: String,
    /// Where credentials are looked for, for people.
    pub(super) credentials: &'static str,
}

/// What is asked, and of which object, for errors.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) action: &'static str,
    pub(super) key: &'a str,
}

/// What a request carries.
#[derive(Clone, Copy)]
pub(super) enum Payload<'a> {
    Nothing,
    Body(&'a dyn Body),
    /// A body that has to go elsewhere after a failure: the request is not tried again.
    Once(&'a dyn Body),
}

/// A request without its payload.
pub(super) type Head = http::request::Builder;

/// An answer whose body is still to be read.
pub(super) type Answer = Response<ureq::Body>;

impl Endpoint {
    /// Sends a request and gives its answer, whatever its status, unless that is one that passes with time.
    pub(super) fn send(&self, asked: Asked, head: impl Fn() -> Head, payload: Payload) -> Result<Answer, Error> {
        let mut pause = PAUSE;
        let tries = if matches!(payload, Payload::Once(_)) { 1 } else { TRIES };
        for left in (0..tries).rev() {
            match self.send_once(asked, head(), payload) {
                Ok(answer) if left > 0 && passes(answer.status()) => {}
                Err(Failed::Temporary(_)) if left > 0 => {}
                Ok(answer) => return Ok(answer),
                Err(Failed::Temporary(error) | Failed::Final(error)) => return Err(error),
            }
            std::thread::sleep(pause);
            pause *= 3;
        }
        Err(Error::failed(
            asked.action,
            asked.key,
            &self.address,
            "it was tried in vain",
        ))
    }

    fn send_once(&self, asked: Asked, head: Head, payload: Payload) -> Result<Answer, Failed> {
        let wrong = |error: http::Error| Failed::Final(Error::failed(asked.action, asked.key, &self.address, error));
        let (Payload::Body(body) | Payload::Once(body)) = payload else {
            // Some servers want to be told that nothing follows.
            let method = head.method_ref().cloned().unwrap_or_default();
            return match client::has_body(&method) {
                true => self
                    .client
                    .run(head.header(CONTENT_LENGTH, 0).body(&b""[..]).map_err(wrong)?),
                false => self.client.run(head.body(()).map_err(wrong)?),
            }
            .map_err(|error| self.failed(asked, error));
        };
        let mut body = Watched {
            inner: Measured::open(body).map_err(|error| Failed::Final(Error::Local(error)))?,
            broke: None,
            len: body.len(),
        };
        let head = head.header(CONTENT_LENGTH, body.len);
        let request: Request<ureq::SendBody> = head.body(ureq::SendBody::from_reader(&mut body)).map_err(wrong)?;
        let answer = self.client.run(request);
        match body.broke.take() {
            Some(error) => Err(Failed::Final(Error::Local(error))),
            None => answer.map_err(|error| self.failed(asked, error)),
        }
    }

    fn failed(&self, asked: Asked, error: ureq::Error) -> Failed {
        let remote = self.address.clone();
        let is_temporary = client::is_temporary(&error);
        let error = match client::unreachable(&error) {
            Some(problem) => Error::Unreachable { remote, problem },
            None => Error::failed(asked.action, asked.key, &remote, error),
        };
        match is_temporary {
            true => Failed::Temporary(error),
            false => Failed::Final(error),
        }
    }

    /// What a status that is no success means.
    pub(super) fn refusal(&self, asked: Asked, answer: Answer) -> Error {
        let remote = self.address.clone();
        let status = answer.status();
        let said = said(answer);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Error::Denied {
                    remote,
                    problem: format!("{status}{said} (credentials are taken from {})", self.credentials),
                }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => self.absent(asked.key),
            _ => Error::failed(
                asked.action,
                asked.key,
                &remote,
                format!("the server answered {status}{said}"),
            ),
        }
    }

    pub(super) fn absent(&self, key: &str) -> Error {
        Error::Absent {
            key: key.to_owned(),
            remote: self.address.clone(),
        }
    }

    /// A part of what a GET gives.
    pub(super) fn part(&self, key: &Key, range: Range<u64>, head: impl Fn() -> Head) -> Result<Vec<u8>, Error> {
        let len = super::part_len(&range)?;
        let asked = Asked {
            action: "read",
            key: key.as_str(),
        };
        if len == 0 {
            return Ok(Vec::new());
        }
        let last = range.end - 1;
        let answer = self.send(
            asked,
            || head().header(RANGE, format!("bytes={}-{last}", range.start)),
            Payload::Nothing,
        )?;
        let skip = match answer.status() {
            StatusCode::PARTIAL_CONTENT => 0,
            // It knows no ranges.
            StatusCode::OK => range.start,
            _ => return Err(self.refusal(asked, answer)),
        };
        let failed = |error: io::Error| Error::failed("read", key.as_str(), &self.address, error);
        let mut reader = answer.into_body().into_reader();
        io::copy(&mut (&mut reader).take(skip), &mut io::sink()).map_err(failed)?;
        let mut bytes = vec![0; len];
        reader.read_exact(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// Whether it knows ranges.
    pub(super) fn gives_parts(&self, key: &Key, head: impl Fn() -> Head) -> Result<bool, Error> {
        let asked = Asked {
            action: "read",
            key: key.as_str(),
        };
        let answer = self.send(asked, || head().header(RANGE, "bytes=0-0"), Payload::Nothing)?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => Ok(true),
            StatusCode::OK => Ok(false),
            _ => Err(self.refusal(asked, answer)),
        }
    }

    /// All that a GET gives from `start` on; a connection that breaks is taken up where it did.
    pub(super) fn stream(
        &self,
        key: &Key,
        start: u64,
        head: impl Fn() -> Head,
        out: &mut dyn Write,
    ) -> Result<u64, Error> {
        let mut sum = 0;
        let mut left = TRIES;
        let mut pause = PAUSE;
        loop {
            let before = sum;
            match self.pass_on(key, start + sum, &head, out, &mut sum) {
                Ok(()) => return Ok(sum),
                Err(Failed::Temporary(_)) if left > 0 => {
                    if sum > before {
                        (left, pause) = (TRIES, PAUSE);
                    }
                    left -= 1;
                    std::thread::sleep(pause);
                    pause *= 2;
                }
                Err(Failed::Temporary(error) | Failed::Final(error)) => return Err(error),
            }
        }
    }

    fn pass_on(
        &self,
        key: &Key,
        start: u64,
        head: &impl Fn() -> Head,
        out: &mut dyn Write,
        sum: &mut u64,
    ) -> Result<(), Failed> {
        let asked = Asked {
            action: "read",
            key: key.as_str(),
        };
        let ranged = || match start {
            0 => head(),
            _ => head().header(RANGE, format!("bytes={start}-")),
        };
        let answer = self.send(asked, ranged, Payload::Nothing).map_err(Failed::Final)?;
        let mut skip = match answer.status() {
            StatusCode::OK => start,
            StatusCode::PARTIAL_CONTENT => 0,
            StatusCode::RANGE_NOT_SATISFIABLE if ends_at(&answer, start) => return Ok(()),
            StatusCode::RANGE_NOT_SATISFIABLE => return self.must_end_at(asked, head, start).map_err(Failed::Final),
            _ => return Err(Failed::Final(self.refusal(asked, answer))),
        };
        let mut reader = answer.into_body().into_reader();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let n = reader
                .read(&mut buffer)
                .map_err(|error| Failed::Temporary(Error::failed(asked.action, asked.key, &self.address, error)))?;
            if n == 0 {
                return Ok(());
            }
            let skipped = skip.min(n as u64) as usize;
            skip -= skipped as u64;
            out.write_all(&buffer[skipped..n])
                .map_err(|error| Failed::Final(error.into()))?;
            *sum += (n - skipped) as u64;
        }
    }

    /// That an object ends where a server refused to go on, for servers that do not say.
    fn must_end_at(&self, asked: Asked, head: &impl Fn() -> Head, end: u64) -> Result<(), Error> {
        let answer = self.send(asked, || head().method(Method::HEAD), Payload::Nothing)?;
        match self.length(asked, answer)? {
            Some(len) if len == end => Ok(()),
            Some(_) => Err(Error::failed(
                asked.action,
                asked.key,
                &self.address,
                "the object is shorter",
            )),
            None => Err(self.absent(asked.key)),
        }
    }

    /// The length that a HEAD tells, or nothing where there is no object.
    pub(super) fn length(&self, asked: Asked, answer: Answer) -> Result<Option<u64>, Error> {
        match answer.status() {
            StatusCode::OK => {
                let value = answer
                    .headers()
                    .get(CONTENT_LENGTH)
                    .and_then(|value| value.to_str().ok());
                let len = value.and_then(|value| value.parse().ok());
                let unknown = || Error::failed(asked.action, asked.key, &self.address, "the server tells no length");
                len.map(Some).ok_or_else(unknown)
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(self.refusal(asked, answer)),
        }
    }
}

/// Whether an answer says that there is nothing more from a place on.
fn ends_at(answer: &Answer, start: u64) -> bool {
    let range = answer
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|value| value.to_str().ok());
    let len = range.and_then(|range| range.strip_prefix("bytes */"));
    len.and_then(|len| len.parse::<u64>().ok()) == Some(start)
}

/// Whether a server may answer otherwise a little later.
fn passes(status: StatusCode) -> bool {
    // 423: a WebDAV server is busy with that folder for another.
    matches!(status.as_u16(), 408 | 423 | 425 | 429 | 500 | 502..=504)
}

/// The first words of an answer that is no page.
fn said(answer: Answer) -> String {
    let is_page = answer
        .headers()
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let mut text = String::new();
    if !is_page {
        let _ = answer.into_body().into_reader().take(2000).read_to_string(&mut text);
    }
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.is_empty() {
        true => String::new(),
        false => format!(": {}", line.chars().take(300).collect::<String>()),
    }
}

enum Failed {
    /// It may pass with time.
    Temporary(Error),
    Final(Error),
}

/// Notices when it was not the server that failed.
struct Watched<'a> {
    inner: Measured<'a>,
    broke: Option<io::Error>,
    len: u64,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            let kind = error.kind();
            self.broke = Some(error);
            kind.into()
        })
    }
}
