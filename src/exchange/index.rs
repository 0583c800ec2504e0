//! What a layer at a remote holds, read from its end without getting the rest.

use super::error::Error;
use super::layout;
use crate::digest::Digest;
use crate::remote::{Key, Transport};
use crate::store::catalog::LayerIndex;
use crate::store::frame::Unpress;
use crate::store::toc::{Footer, Toc, unpack};

/// Footer, tar-split and most tables of contents lie within so many bytes of the end.
const TAIL: u64 = 64 << 10;

/// The longest stored table of contents, in bytes.
const MAX_STORED: u64 = 128 << 20;

/// The longest plain one.
const MAX_PLAIN: u64 = 512 << 20;

/// Reads the index of a layer of `size` bytes.
pub(super) fn read(transport: &dyn Transport, digest: &Digest, size: u64) -> Result<LayerIndex, Error> {
    let key = layout::layer(digest)?;
    let what = || format!("the layer {} at {}", digest.short(), transport.address());
    let refused = |why: String| Error::refused(what(), why);
    let tail_start = size.saturating_sub(TAIL);
    let tail = transport.read(&key, tail_start..size)?;
    let footer = tail
        .len()
        .checked_sub(Footer::LEN)
        .and_then(|at| Footer::decode(&tail[at..]).ok())
        .ok_or_else(|| refused("it has no zstd:chunked footer".to_owned()))?;
    let end = footer.toc_offset.saturating_add(footer.toc_stored);
    if end > size || footer.toc_stored > MAX_STORED || footer.toc_size > MAX_PLAIN {
        return Err(refused("its footer makes no sense".to_owned()));
    }
    let range = footer.toc_offset..end;
    let stored = match range.start.checked_sub(tail_start) {
        Some(at) => tail[at as usize..(end - tail_start) as usize].to_vec(),
        None => transport.read(&key, range)?,
    };
    let plain = unpack(&stored, footer.toc_size).map_err(|error| refused(error.to_string()))?;
    let toc = Toc::parse(&plain).map_err(|error| refused(error.to_string()))?;
    LayerIndex::from_toc(&toc, |frame| {
        let bytes = read_frame(transport, &key, size, frame)?;
        Ok(bytes)
    })
    .map_err(refused)
}

/// The longest recipe, in bytes: one of 64 digits for every MiB of a file.
const MAX_RECIPE: u32 = 64 << 20;

fn read_frame(
    transport: &dyn Transport,
    key: &Key,
    size: u64,
    frame: &crate::store::catalog::Frame,
) -> Result<Vec<u8>, String> {
    let end = frame.offset.saturating_add(u64::from(frame.stored));
    if end > size || frame.stored > MAX_RECIPE || frame.size > MAX_RECIPE {
        return Err("a frame makes no sense".to_owned());
    }
    let stored = transport
        .read(key, frame.offset..end)
        .map_err(|error| error.to_string())?;
    let plain = Unpress::new()
        .and_then(|mut unpress| unpress.plain(&stored, frame.size as usize))
        .map_err(|error| error.to_string())?;
    match Digest::of(&plain) == frame.digest {
        true => Ok(plain),
        false => Err(format!("the frame at byte {} is damaged", frame.offset)),
    }
}
