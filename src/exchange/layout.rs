//! Where what lies at a remote.
//!
//! ```text
//! format.json                              what this is
//! layers/<sha256>.tar.zst                  write-once
//! history/objects/pack/pack-<sha1>.pack    write-once, with its .idx: what one push brought
//! refs/log/<10 digits>                     entries, each made once
//! refs/newest                              its number, for those who cannot list; follows from it
//! refs/claims/<10 digits>/<id>             where a remote cannot make an object exactly once
//! history/HEAD, history/info/refs, history/objects/info/packs
//!                                          for git clients; follow from the newest entry
//! ```

use super::error::Error;
use crate::digest::Digest;
use crate::remote::Key;

/// The content of `format.json`.
pub(super) const FORMAT: &[u8] =
    b"{ \"remote\": 1, \"about\": \"history and layers of an envgit repository; see docs/format.md, Remote layout\" }\n";

fn key(text: &str) -> Result<Key, Error> {
    Key::new(text).ok_or_else(|| Error::refused("a remote", format!("{text:?} is no name of an object")))
}

pub(super) fn format() -> Result<Key, Error> {
    key("format.json")
}

pub(super) fn log() -> Result<Key, Error> {
    key("refs/log")
}

/// Names the newest entry where entries cannot be listed. It may be old for a moment, never ahead.
pub(super) fn newest() -> Result<Key, Error> {
    key("refs/newest")
}

pub(super) fn entry(number: u64) -> Result<Key, Error> {
    key(&format!("refs/log/{number:010}"))
}

/// The number of an entry, by its key.
pub(super) fn number(entry: &Key) -> Option<u64> {
    let name = entry.name();
    let is_plain = name.len() == 10 && name.bytes().all(|b| b.is_ascii_digit());
    name.parse().ok().filter(|number| is_plain && *number > 0)
}

pub(super) fn claims(number: u64) -> Result<Key, Error> {
    key(&format!("refs/claims/{number:010}"))
}

pub(super) fn claim(number: u64, id: &str) -> Result<Key, Error> {
    key(&format!("refs/claims/{number:010}/{id}"))
}

pub(super) fn layers() -> Result<Key, Error> {
    key("layers")
}

pub(super) fn layer(digest: &Digest) -> Result<Key, Error> {
    key(&format!("layers/{digest}.tar.zst"))
}

pub(super) fn packs() -> Result<Key, Error> {
    key("history/objects/pack")
}

/// A pack or its index, by file name.
pub(super) fn pack(file: &str) -> Result<Key, Error> {
    key(&format!("history/objects/pack/{file}"))
}

/// A file for git clients.
pub(super) fn history(path: &str) -> Result<Key, Error> {
    key(&format!("history/{path}"))
}
