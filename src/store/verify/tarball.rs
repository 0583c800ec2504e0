//! The tar in a layer, read as any reader of tars would.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::super::frame::Unpress;
use super::super::toc::Toc;
use super::layout::Segment;
use crate::snapshot::path::escape;

/// The headers of the tar against the table of contents.
pub(super) fn compare_tar(file: &File, segments: &[Segment], toc: &Toc) -> Result<(), String> {
    let odd = |error: io::Error| format!("the tar cannot be read: {error}");
    let mut archive = tar::Archive::new(Tar::new(file, segments).map_err(odd)?);
    let mut listed = toc.entries.iter().filter(|entry| entry.kind != "chunk");
    for member in archive.entries_with_seek().map_err(odd)? {
        let member = member.map_err(odd)?;
        let mut name = member.path_bytes().into_owned();
        if name.ends_with(b"/") {
            name.pop();
        }
        let name = escape(&name);
        let entry = listed
            .next()
            .ok_or_else(|| format!("{name} is not in the table of contents"))?;
        let kind = match member.header().entry_type() {
            tar::EntryType::Directory => "dir",
            tar::EntryType::Symlink => "symlink",
            tar::EntryType::Link => "hardlink",
            tar::EntryType::Regular | tar::EntryType::Continuous => "reg",
            // A device, a pipe: what `tar x` would make, and no layer of ours has.
            _ => "other",
        };
        let link = member.link_name_bytes().map(|link| escape(&link)).unwrap_or_default();
        let mode = member.header().mode().ok();
        let same_mode = kind == "symlink" || mode == entry.mode;
        let same_size = kind != "reg" || member.size() == entry.size.unwrap_or(0);
        if name != entry.name || kind != entry.kind || link != entry.link_name || !same_mode || !same_size {
            return Err(format!(
                "the tar has {kind} {name} where the table of contents has {} {}",
                entry.kind, entry.name
            ));
        }
    }
    match listed.next() {
        Some(entry) => Err(format!("the tar has no {}", entry.name)),
        None => Ok(()),
    }
}

/// The tar with zeros in place of contents.
struct Tar<'a> {
    file: &'a File,
    segments: &'a [Segment],
    /// Where each segment starts, and the end of all.
    starts: Vec<u64>,
    at: u64,
    unpress: Unpress,
    /// The headers that were read last, and the number of their segment.
    headers: Option<(usize, Vec<u8>)>,
}

impl<'a> Tar<'a> {
    fn new(file: &'a File, segments: &'a [Segment]) -> io::Result<Self> {
        let mut starts = vec![0];
        let mut end = 0;
        for segment in segments {
            let length = match segment {
                Segment::Headers(headers) => headers.plain as u64,
                Segment::Content(size) => *size,
            };
            end = u64::saturating_add(end, length);
            starts.push(end);
        }
        Ok(Self {
            file,
            segments,
            starts,
            at: 0,
            unpress: Unpress::new()?,
            headers: None,
        })
    }
}

impl Read for Tar<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let number = self.starts.partition_point(|start| *start <= self.at).saturating_sub(1);
        let Some(segment) = self.segments.get(number) else {
            return Ok(0);
        };
        let within = self.at - self.starts[number];
        let filled = match segment {
            Segment::Headers(headers) => {
                let bytes = match self.headers.take() {
                    Some((known, bytes)) if known == number => bytes,
                    _ => headers.read(self.file, &mut self.unpress)?,
                };
                let filled = (&bytes[within as usize..]).read(buffer)?;
                self.headers = Some((number, bytes));
                filled
            }
            Segment::Content(size) => {
                let filled = usize::try_from(size - within).map_or(buffer.len(), |left| left.min(buffer.len()));
                buffer[..filled].fill(0);
                filled
            }
        };
        self.at += filled as u64;
        Ok(filled)
    }
}

impl Seek for Tar<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = self.starts.last().copied().unwrap_or(0);
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => end.checked_add_signed(by),
        };
        self.at = to.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
