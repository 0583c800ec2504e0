//! Object stores, through OpenDAL: S3 and what is compatible to it, Alibaba OSS, Google Cloud Storage, Azure Blob.
//!
//! Async begins and ends here: a store has a runtime, whose few threads send the parts of large uploads, and every call
//! runs on the thread of its caller until it is done.

mod error;
mod fetch;
mod pace;
mod service;
mod stream;

use std::io::Write;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;

use opendal::{Buffer, ErrorKind, OperationContext, Operator};
use tokio::runtime::Runtime;

use super::address::{Address, Store as Place};
use super::body::{Body, Measured};
use super::http::Client;
use super::{Abilities, Error, Key, Listed, Surroundings, Transport};
use error::Naming;
use stream::Streams;

/// The smallest part of a large upload, and the most that is sent at once. All stores take parts of this size.
const PART: u64 = 8 << 20;
/// How many parts of one object are sent at the same time.
const PARTS_AT_ONCE: usize = 4;
/// No store takes more than 10,000 parts.
const PARTS_MAX: u64 = 9_000;
/// Objects below this are written without asking whether they are there.
const SMALL: u64 = 1 << 20;
/// How often what may pass with time is tried, and how long is waited in between at first.
const TRIES: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A part of an object store.
pub(super) struct Store {
    naming: Naming,
    /// Tries again what may pass with time.
    patient: Operator,
    /// Asks once: after an unclear failure, another try of a create could not tell whose object is there.
    once: Operator,
    runtime: Runtime,
    /// Whether the service is known to create atomically; else it is tried.
    known: bool,
    tried: OnceLock<bool>,
    streams: Streams,
}

impl Store {
    /// # Errors
    /// When something is missing that only the user can say, such as a region.
    pub(super) fn open(address: &Address, place: &Place, surroundings: &Surroundings) -> Result<Self, Error> {
        let client = Client::new(surroundings);
        // Those who ask for temporary credentials take the client of the process.
        opendal::HttpTransporter::install_default(client.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(PARTS_AT_ONCE)
            .thread_name("envgit-upload")
            .enable_time()
            .build()?;
        let service = service::build(place, surroundings).map_err(|problem| Error::Address {
            url: address.to_string(),
            problem,
        })?;
        let transporter = opendal::HttpTransporter::new(client);
        let once = service
            .operator
            .with_context(OperationContext::from_parts(transporter, Default::default()));
        let retries = opendal::layers::RetryLayer::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(TRIES)
            .with_jitter();
        Ok(Self {
            naming: Naming {
                address: address.to_string(),
                bucket: place.bucket.clone(),
                credentials: service.credentials,
            },
            patient: once.clone().layer(retries),
            once,
            runtime,
            known: service.creates,
            tried: OnceLock::new(),
            streams: Streams::default(),
        })
    }

    /// Whether the second of two creates of one key is refused. Not known where the server cannot be asked.
    fn try_create(&self) -> Option<bool> {
        let nonce = format!("{:x}-{:x}", std::process::id(), crate::remote::unlike_any_other());
        let path = format!("probes/{nonce}");
        let made = self.create_at(&path, b"first").ok()?;
        let again = self.create_at(&path, b"second");
        let content = self.runtime.block_on(self.patient.read(&path));
        let _ = self.runtime.block_on(self.patient.delete(&path));
        let is_first = content.is_ok_and(|content| content.to_bytes() == b"first"[..]);
        Some(made && !again.ok()? && is_first)
    }

    fn create_at(&self, path: &str, bytes: &[u8]) -> opendal::Result<bool> {
        let mut pause = FIRST_PAUSE;
        for last in [false, false, false, true] {
            let write = self.once.write_with(path, bytes.to_vec()).if_not_exists(true);
            match self.runtime.block_on(async { write.await }) {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::ConditionNotMatch => return Ok(false),
                // The server says that it did nothing, because others are at it, or too many.
                Err(error) if !last && matches!(error.kind(), ErrorKind::Conflict | ErrorKind::RateLimited) => {
                    std::thread::sleep(pause);
                    pause *= 3;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Sends what is too large for one request, in parts; nobody sees any of them before all are there.
    fn upload(&self, key: &Key, body: &dyn Body) -> Result<(), Error> {
        let part = PART.max(body.len().div_ceil(PARTS_MAX).next_multiple_of(1 << 20));
        let failed = |error| self.naming.error("write", key.as_str(), error);
        let writer = self
            .patient
            .writer_with(key.as_str())
            .chunk(part as usize)
            .concurrent(PARTS_AT_ONCE);
        let mut writer = self.runtime.block_on(async { writer.await }).map_err(failed)?;
        let mut send = || {
            let mut body = Measured::open(body)?;
            loop {
                let mut piece = vec![0; part as usize];
                let n = body.fill(&mut piece)?;
                if n == 0 {
                    break;
                }
                piece.truncate(n);
                self.runtime.block_on(writer.write(piece)).map_err(failed)?;
            }
            self.runtime.block_on(writer.close()).map_err(failed)?;
            Ok(())
        };
        let sent = send();
        if sent.is_err() {
            // The parts that are there cost their owner money. That they stay is no reason to hide why.
            let _ = self.runtime.block_on(writer.abort());
        }
        sent
    }
}

impl Transport for Store {
    fn address(&self) -> &str {
        &self.naming.address
    }

    fn abilities(&self) -> Abilities {
        let create = self.known
            || self.tried.get().copied().unwrap_or_else(|| match self.try_create() {
                Some(works) => *self.tried.get_or_init(|| works),
                None => false,
            });
        Abilities {
            write: true,
            create,
            replace: true,
            list: true,
        }
    }

    fn size(&self, key: &Key) -> Result<Option<u64>, Error> {
        match self.runtime.block_on(self.patient.stat(key.as_str())) {
            Ok(meta) => Ok(Some(meta.content_length())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.naming.error("read", key.as_str(), error)),
        }
    }

    fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let len = super::part_len(&range)?;
        if len == 0 {
            return self
                .size(key)?
                .map(|_| Vec::new())
                .ok_or_else(|| self.naming.absent(key));
        }
        let read = self.patient.read_with(key.as_str()).range(range);
        let bytes = self.runtime.block_on(async { read.await });
        let bytes = bytes
            .map_err(|error| self.naming.error("read", key.as_str(), error))?
            .to_vec();
        match bytes.len() == len {
            true => Ok(bytes),
            false => Err(Error::failed(
                "read",
                key.as_str(),
                &self.naming.address,
                "the object is shorter",
            )),
        }
    }

    fn stream(&self, key: &Key, start: u64, out: &mut dyn Write) -> Result<u64, Error> {
        self.stream_from(key, start, out)
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Listed>, Error> {
        let folder = format!("{prefix}/");
        let list = self.patient.list_with(&folder).recursive(true);
        let entries = self.runtime.block_on(async { list.await });
        let entries = entries.map_err(|error| self.naming.error("list", prefix.as_str(), error))?;
        let objects = entries.into_iter().filter(|entry| entry.metadata().is_file());
        let mut found: Vec<Listed> = objects
            .filter_map(|entry| {
                let key = Key::new(entry.path())?;
                Some(Listed {
                    key,
                    size: entry.metadata().content_length(),
                })
            })
            .collect();
        found.sort();
        Ok(found)
    }

    fn put(&self, key: &Key, body: &dyn Body) -> Result<(), Error> {
        if body.len() >= SMALL && self.size(key)? == Some(body.len()) {
            return Ok(());
        }
        if body.len() > PART {
            return self.upload(key, body);
        }
        let mut bytes = vec![0; body.len() as usize];
        let mut reader = Measured::open(body)?;
        reader.fill(&mut bytes)?;
        // One byte too many is told by reading on.
        reader.fill(&mut [0])?;
        self.replace(key, &bytes)
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<bool, Error> {
        if !self.abilities().create {
            return match self.size(key)? {
                Some(_) => Ok(false),
                None => self.replace(key, bytes).map(|()| true),
            };
        }
        self.create_at(key.as_str(), bytes)
            .map_err(|error| self.naming.error("write", key.as_str(), error))
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        let written = self
            .runtime
            .block_on(self.patient.write(key.as_str(), Buffer::from(bytes.to_vec())));
        written
            .map(|_| ())
            .map_err(|error| self.naming.error("write", key.as_str(), error))
    }

    fn remove(&self, key: &Key) -> Result<(), Error> {
        let removed = self.runtime.block_on(self.patient.delete(key.as_str()));
        removed.map_err(|error| self.naming.error("remove", key.as_str(), error))
    }
}
