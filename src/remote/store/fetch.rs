//! OpenDAL's requests, sent by the one HTTP client of all remotes.
//!
//! Its futures block where they would have waited, which is right here: each runs on the thread of its caller or on one
//! of the few that a store has for its uploads (docs/decisions/0020).

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use opendal::{Buffer, HttpBody, HttpTransport};

use crate::remote::http::{Client, has_body, is_temporary};

impl HttpTransport for Client {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let (mut parts, body) = request.into_parts();
        let is_head = parts.method == http::Method::HEAD;
        let response = if body.is_empty() && !has_body(&parts.method) {
            self.run(Request::from_parts(parts, ()))
        } else {
            // Without its length it would be sent in chunks, which stores refuse.
            parts
                .headers
                .entry(http::header::CONTENT_LENGTH)
                .or_insert(body.len().into());
            let mut reader = bytes::Buf::reader(body);
            self.run(Request::from_parts(parts, ureq::SendBody::from_reader(&mut reader)))
        };
        let (parts, body) = response.map_err(|error| failed("send request", error))?.into_parts();
        let size = body.content_length().filter(|_| !is_head);
        Ok(Response::from_parts(
            parts,
            HttpBody::new(Pieces::of(body.into_reader()), size),
        ))
    }
}

fn failed(what: &'static str, error: ureq::Error) -> opendal::Error {
    let is_temporary = is_temporary(&error);
    let error = opendal::Error::new(opendal::ErrorKind::Unexpected, what).set_source(error);
    error.with_temporary(is_temporary)
}

/// The body of an answer as a stream of pieces.
struct Pieces {
    body: ureq::BodyReader<'static>,
    /// Read into again and again: a new one for each piece would be cleared each time, for what is mostly far less.
    buffer: Vec<u8>,
}

impl Pieces {
    fn of(body: ureq::BodyReader<'static>) -> Self {
        let buffer = vec![0; 256 * 1024];
        Self { body, buffer }
    }
}

impl futures::Stream for Pieces {
    type Item = opendal::Result<Buffer>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { body, buffer } = &mut *self;
        Poll::Ready(match body.read(buffer) {
            Ok(0) => None,
            Ok(n) => Some(Ok(Buffer::from(buffer[..n].to_vec()))),
            Err(error) => Some(Err(failed("read the answer", ureq::Error::from(error)))),
        })
    }
}
