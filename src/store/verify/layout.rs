//! How a layer is put together: footer, table of contents, tar-split, and whether they agree.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use super::super::catalog::StoredFile;
use super::super::frame::Unpress;
use super::super::toc::{Footer, Toc, unpack, unpack_lines};
use super::tarball::compare_tar;
use super::{Flaw, Part};
use crate::digest::Digest;

/// One line of tar-split.
#[derive(Deserialize)]
struct SplitLine {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    name: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    payload: String,
}

/// A part of the tar by tar-split. Headers are known by their sum only: those of a large layer are a hundred MB, and they
/// stand in the layer too.
pub(super) enum Piece {
    Raw { length: usize, sum: Digest },
    Content { name: String, size: u64, crc: Option<u64> },
}

/// A part of the tar by the layer.
pub(super) enum Segment {
    /// What stands between two contents.
    Headers(Headers),
    /// So many bytes of content.
    Content(u64),
}

/// Where headers stand in the layer.
pub(super) struct Headers {
    offset: u64,
    stored: u64,
    pub(super) plain: usize,
}

impl Headers {
    pub(super) fn read(&self, file: &File, unpress: &mut Unpress) -> io::Result<Vec<u8>> {
        let mut stored = vec![0; usize::try_from(self.stored).unwrap_or(0)];
        file.read_exact_at(&mut stored, self.offset)?;
        unpress.plain(&stored, self.plain)
    }
}

/// How a layer is put together.
pub(super) struct Layout {
    pub(super) toc: Toc,
    toc_offset: u64,
    pub(super) split: Option<Vec<Piece>>,
    pub(super) split_flaw: Option<Flaw>,
}

impl Layout {
    pub(super) fn read(file: &File, size: u64) -> Result<Self, Flaw> {
        let flaw = |part: Part| {
            move |error: io::Error| Flaw {
                part,
                what: error.to_string(),
            }
        };
        let footer = read_footer(file, size).map_err(flaw(Part::Footer))?;
        let toc = read_skippable(file, footer.toc_offset, footer.toc_stored, footer.toc_size, size);
        let toc = toc
            .and_then(|stored| unpack(&stored, footer.toc_size))
            .map_err(flaw(Part::Contents))?;
        let toc = Toc::parse(&toc).map_err(flaw(Part::Contents))?;
        let (offset, stored, plain) = (footer.tarsplit_offset, footer.tarsplit_stored, footer.tarsplit_size);
        let split = read_skippable(file, offset, stored, plain, size).and_then(|stored| pieces(&stored, plain));
        let (split, split_flaw) = match split {
            Ok(split) => (Some(split), None),
            Err(error) => (None, Some(flaw(Part::TarSplit)(error))),
        };
        Ok(Self {
            toc,
            toc_offset: footer.toc_offset,
            split,
            split_flaw,
        })
    }

    /// The checksum of each file as tar-split has it.
    pub(super) fn sums(&self, files: &[StoredFile]) -> Vec<Option<u64>> {
        let contents = self.split.iter().flatten().filter_map(|piece| match piece {
            Piece::Content { crc, .. } => Some(*crc),
            Piece::Raw { .. } => None,
        });
        let mut sums: Vec<_> = contents.take(files.len()).collect();
        sums.resize(files.len(), None);
        sums
    }

    /// Whether tar-split, the headers in the layer and the table of contents say the same.
    pub(super) fn check_headers(&self, file: &File, files: &[StoredFile]) -> Option<Flaw> {
        let split = self.split.as_ref()?;
        let told = |part: Part, what: String| Some(Flaw { part, what });
        let listed: Vec<(&str, u64)> = files.iter().map(|file| (file.name.as_str(), file.size)).collect();
        let in_split: Vec<(&str, u64)> = split
            .iter()
            .filter_map(|piece| match piece {
                Piece::Content { name, size, .. } => Some((name.as_str(), *size)),
                Piece::Raw { .. } => None,
            })
            .collect();
        if listed != in_split {
            let what = "tar-split lists other files than the table of contents".to_owned();
            return told(Part::TarSplit, what);
        }
        let compared = self
            .segments(file, files, split)
            .and_then(|segments| compare_tar(file, &segments, &self.toc));
        compared.err().and_then(|what| told(Part::Headers, what))
    }

    /// The tar as it stands in the layer, with the headers that tar-split has between the contents.
    fn segments(&self, file: &File, files: &[StoredFile], split: &[Piece]) -> Result<Vec<Segment>, String> {
        let mut unpress = Unpress::new().map_err(|error| error.to_string())?;
        let mut pieces = split.iter();
        let mut segments = Vec::with_capacity(2 * files.len() + 1);
        let mut at = 0;
        let end = self.toc_offset.saturating_sub(8);
        let places = files.iter().map(|file| {
            let first = file.frames.first().map_or(0, |frame| frame.offset);
            let after = file
                .frames
                .last()
                .map_or(0, |frame| frame.offset + u64::from(frame.stored));
            (first, after, Some(file.size))
        });
        for (first, after, content) in places.chain([(end, end, None)]) {
            let raw = pieces.by_ref().map_while(|piece| match piece {
                Piece::Raw { length, sum } => Some((*length, *sum)),
                Piece::Content { .. } => None,
            });
            let expected: Vec<(usize, Digest)> = raw.collect();
            let gap = first
                .checked_sub(at)
                .ok_or_else(|| format!("the contents overlap at byte {first}"))?;
            if first > end {
                return Err(format!("a content is said to begin at byte {first}, beyond the end"));
            }
            let headers = Headers {
                offset: at,
                stored: gap,
                plain: expected.iter().map(|(length, _)| length).sum(),
            };
            let plain = headers
                .read(file, &mut unpress)
                .map_err(|error| format!("the tar headers at byte {at} are damaged: {error}"))?;
            let mut rest = &plain[..];
            for (length, sum) in expected {
                let (piece, behind) = rest.split_at(length);
                if Digest::of(piece) != sum {
                    return Err(format!("the tar headers at byte {at} are not those of tar-split"));
                }
                rest = behind;
            }
            segments.push(Segment::Headers(headers));
            segments.extend(content.map(Segment::Content));
            at = after;
        }
        Ok(segments)
    }
}

/// The longest table of contents or tar-split that is read, in bytes. A million files have some 200 MB.
pub(in crate::store) const MAX_TEXT: u64 = 512 << 20;

fn read_footer(file: &File, size: u64) -> io::Result<Footer> {
    let cut = || io::Error::new(io::ErrorKind::InvalidData, "it is cut short: there is no footer");
    let start = size.checked_sub(Footer::LEN as u64).ok_or_else(cut)?;
    let mut bytes = [0; Footer::LEN];
    file.read_exact_at(&mut bytes, start)?;
    let footer = Footer::decode(&bytes).map_err(|_| cut())?;
    let after = |offset: u64, stored: u64| offset.saturating_add(stored).saturating_add(8);
    let in_order = footer.tarsplit_offset == after(footer.toc_offset, footer.toc_stored)
        && after(footer.tarsplit_offset, footer.tarsplit_stored) == start + 8;
    if in_order {
        Ok(footer)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the footer does not fit the file",
        ))
    }
}

/// The stored bytes of a text of `plain` bytes.
fn read_skippable(file: &File, offset: u64, stored: u64, plain: u64, size: u64) -> io::Result<Vec<u8>> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if offset.saturating_add(stored) > size {
        return Err(invalid("it lies beyond the end of the file"));
    }
    if plain > MAX_TEXT {
        return Err(invalid("it says that it is longer than any layer needs"));
    }
    let mut bytes = vec![0; usize::try_from(stored).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

fn pieces(stored: &[u8], plain: u64) -> io::Result<Vec<Piece>> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "a line of tar-split makes no sense");
    let mut pieces = Vec::new();
    unpack_lines(stored, plain, |line| {
        if line.is_empty() {
            return Ok(());
        }
        let line: SplitLine = serde_json::from_slice(line)?;
        let payload = BASE64.decode(&line.payload).map_err(|_| invalid())?;
        pieces.push(match line.kind {
            1 => Piece::Content {
                name: line.name,
                size: line.size,
                crc: payload.try_into().ok().map(u64::from_be_bytes),
            },
            2 => Piece::Raw {
                length: payload.len(),
                sum: Digest::of(&payload),
            },
            _ => return Err(invalid()),
        });
        Ok(())
    })?;
    Ok(pieces)
}
