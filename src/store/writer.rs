//! Writes one layer: a zstd:chunked tar, frame by frame, in one pass.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::catalog::{CHUNK_DIR, Frame, LayerIndex, RECIPE_DIR, Recipe, Whole};
use super::checksum::Checksum;
use super::frame::{Press, skippable};
use super::tarball::{Member, MemberKind, padding};
use super::toc::{Footer, TarSplitLine, Toc, TocEntry, digest_text};
use crate::digest::{Digest, Hasher};
use crate::fsx::atomic::Draft;
use crate::fsx::{Context, Error};
use crate::snapshot::path::escape;

/// A finished frame of content, not yet placed.
pub struct PressedFrame {
    /// The stored bytes.
    pub stored: Vec<u8>,
    /// Digest of the plain bytes.
    pub digest: Digest,
    /// Plain length.
    pub size: u32,
    /// Checksum of the plain bytes.
    pub sum: Checksum,
}

/// What a content is known by once all of it was read.
#[derive(Clone, Copy, Debug)]
pub struct Sum {
    /// Its digest.
    pub digest: Digest,
    /// CRC-64 (ISO) of it, which tar-split wants.
    pub crc: u64,
}

/// A layer being written. Dropped, it leaves nothing.
#[must_use]
pub struct LayerWriter {
    out: Output,
    path: PathBuf,
    headers: Press,
    /// Raw tar bytes not yet compressed: padding, then headers.
    pending: Vec<u8>,
    toc: Vec<TocEntry>,
    tarsplit: Vec<u8>,
    tarsplit_lines: usize,
    index: LayerIndex,
    content: u64,
    files: u64,
    file: Option<OpenFile>,
}

/// The file with its running digest.
struct Output {
    file: BufWriter<std::fs::File>,
    draft: Draft,
    hasher: Hasher,
    at: u64,
}

/// State to come back to when the file being written turns out torn.
struct OpenFile {
    at: u64,
    hasher: Hasher,
    pending: Vec<u8>,
    toc: usize,
    tarsplit: usize,
    tarsplit_lines: usize,
    frames: usize,
    size: u64,
    name: String,
    start: u64,
}

/// A finished layer.
pub struct FinishedLayer {
    /// Its name.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Files whose content it holds.
    pub files: u64,
    /// Plain bytes of that content.
    pub content: u64,
    /// What it holds.
    pub index: LayerIndex,
    draft: Draft,
}

impl FinishedLayer {
    /// Gives the layer its name; durable on return.
    ///
    /// # Errors
    /// Names the path.
    pub fn publish(self, path: &Path) -> Result<(u64, LayerIndex), Error> {
        self.draft.publish(path)?;
        Ok((self.size, self.index))
    }
}

impl LayerWriter {
    /// Starts a layer in a directory.
    ///
    /// # Errors
    /// Names the directory.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("layer");
        let mut draft = Draft::create(&path)?;
        let file = draft.file().try_clone().at("write", &path)?;
        Ok(Self {
            out: Output {
                file: BufWriter::with_capacity(1 << 20, file),
                draft,
                hasher: Hasher::new(),
                at: 0,
            },
            headers: Press::new(1).at("start zstd for", &path)?,
            path,
            pending: Vec::new(),
            toc: Vec::new(),
            tarsplit: Vec::new(),
            tarsplit_lines: 0,
            index: LayerIndex {
                is_proven: true,
                ..LayerIndex::default()
            },
            content: 0,
            files: 0,
            file: None,
        })
    }

    /// The file under way, by a handle of its own.
    ///
    /// # Errors
    /// Names the layer.
    pub fn handle(&self) -> Result<std::fs::File, Error> {
        self.out.file.get_ref().try_clone().at("write", &self.path)
    }

    /// A member without content: a directory, a link, or an empty file.
    ///
    /// # Errors
    /// Names the layer.
    pub fn member(&mut self, member: &Member<'_>) -> Result<(), Error> {
        self.push_header(member)?;
        Ok(())
    }

    fn push_header(&mut self, member: &Member<'_>) -> Result<(), Error> {
        let header = member.header().at("write", &self.path)?;
        self.pending.extend_from_slice(&header);
        self.toc.push(toc_entry(member));
        Ok(())
    }

    /// Begins a file of `size` bytes (not 0), whose frames follow.
    ///
    /// # Errors
    /// Names the layer.
    pub fn begin_file(&mut self, member: &Member<'_>, size: u64) -> Result<(), Error> {
        let before = OpenFile {
            at: self.out.at,
            hasher: self.out.hasher.clone(),
            pending: self.pending.clone(),
            toc: self.toc.len(),
            tarsplit: self.tarsplit.len(),
            tarsplit_lines: self.tarsplit_lines,
            frames: self.index.frames.len(),
            size,
            name: escape(member.name),
            start: 0,
        };
        self.push_header(member)?;
        self.flush_headers()?;
        self.file = Some(OpenFile {
            start: self.out.at,
            ..before
        });
        Ok(())
    }

    /// The next frame of the current file.
    ///
    /// # Errors
    /// Names the layer.
    pub fn frame(&mut self, frame: &PressedFrame) -> Result<(), Error> {
        let offset = self.out.at;
        self.out.write(&frame.stored).at("write", &self.path)?;
        self.index.frames.push(Frame {
            digest: frame.digest,
            offset,
            stored: frame.stored.len() as u32,
            size: frame.size,
            sum: Some(frame.sum),
        });
        Ok(())
    }

    /// Ends the current file.
    ///
    /// # Errors
    /// Names the layer; also when the frames do not add up to the size announced.
    pub fn end_file(&mut self, sum: Sum) -> Result<(), Error> {
        let file = self.take_open()?;
        let frames = &self.index.frames[file.frames..];
        let plain: u64 = frames.iter().map(|f| u64::from(f.size)).sum();
        if plain != file.size {
            return Err(io::Error::other("frames do not add up to the file")).at("write", &self.path);
        }
        let single = frames.len() == 1;
        let mut chunk_offset = 0;
        let name = &self.toc[file.toc].name.clone();
        for (at, frame) in frames.iter().enumerate() {
            let entry = if at == 0 {
                &mut self.toc[file.toc]
            } else {
                self.toc.push(TocEntry {
                    kind: "chunk".to_owned(),
                    name: name.clone(),
                    chunk_offset: Some(chunk_offset),
                    ..TocEntry::default()
                });
                let last = self.toc.len() - 1;
                &mut self.toc[last]
            };
            entry.offset = Some(frame.offset);
            if !single {
                entry.chunk_size = Some(frame.size.into());
                entry.chunk_digest = Some(digest_text(frame.digest));
            }
            chunk_offset += u64::from(frame.size);
        }
        let entry = &mut self.toc[file.toc];
        entry.digest = Some(digest_text(sum.digest));
        entry.offset = Some(file.start);
        entry.end_offset = Some(self.out.at);
        self.index.wholes.push(Whole {
            digest: sum.digest,
            size: file.size,
            first: file.frames as u32,
            count: (self.index.frames.len() - file.frames) as u32,
        });
        self.tarsplit_line(1, &file.name, Some(file.size), &sum.crc.to_be_bytes());
        self.pending.resize(padding(file.size), 0);
        let (chunk, recipe) = (file.name.starts_with(CHUNK_DIR), file.name.starts_with(RECIPE_DIR));
        self.files += u64::from(!chunk);
        self.content += if recipe { 0 } else { file.size };
        Ok(())
    }

    /// Takes the current file out again, as if it had never begun.
    ///
    /// # Errors
    /// Names the layer.
    pub fn abort_file(&mut self) -> Result<(), Error> {
        let file = self.take_open()?;
        self.out.rewind(file.at, file.hasher).at("write", &self.path)?;
        self.pending = file.pending;
        self.toc.truncate(file.toc);
        self.tarsplit.truncate(file.tarsplit);
        self.tarsplit_lines = file.tarsplit_lines;
        self.index.frames.truncate(file.frames);
        Ok(())
    }

    /// Adds a small file that is at hand as one frame.
    ///
    /// # Errors
    /// Names the layer.
    pub fn file(&mut self, member: &Member<'_>, frame: &PressedFrame, crc: u64) -> Result<(), Error> {
        self.begin_file(member, frame.size.into())?;
        self.frame(frame)?;
        let digest = frame.digest;
        self.end_file(Sum { digest, crc })
    }

    /// Notes that the recipe member just written makes this content.
    pub fn recipe(&mut self, recipe: Recipe) {
        self.index.wholes.pop();
        self.index.frames.pop();
        self.index.recipes.push(recipe);
    }

    /// Whether no content was written.
    pub fn is_empty(&self) -> bool {
        self.index.wholes.is_empty() && self.index.recipes.is_empty()
    }

    fn take_open(&mut self) -> Result<OpenFile, Error> {
        self.file
            .take()
            .ok_or_else(|| io::Error::other("no file was begun"))
            .at("write", &self.path)
    }

    fn flush_headers(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let raw = std::mem::take(&mut self.pending);
        for piece in raw.chunks(super::frame::MAX_FRAME) {
            let frame = self.headers.frame(piece).at("write", &self.path)?;
            self.out.write(&frame).at("write", &self.path)?;
        }
        self.tarsplit_line(2, "", None, &raw);
        Ok(())
    }

    fn tarsplit_line(&mut self, kind: u8, name: &str, size: Option<u64>, payload: &[u8]) {
        let line = TarSplitLine {
            kind,
            name,
            size,
            payload: BASE64.encode(payload),
            position: self.tarsplit_lines,
        };
        self.tarsplit_lines += 1;
        // Writing to memory what has only plain fields cannot fail.
        let _ = serde_json::to_writer(&mut self.tarsplit, &line);
        self.tarsplit.push(b'\n');
    }

    /// Ends the tar, writes the table of contents and syncs nothing yet.
    ///
    /// # Errors
    /// Names the layer.
    pub fn finish(mut self) -> Result<FinishedLayer, Error> {
        const END_OF_TAR: usize = 1024;
        self.pending.resize(self.pending.len() + END_OF_TAR, 0);
        self.flush_headers()?;
        let toc = Toc {
            version: 1,
            entries: std::mem::take(&mut self.toc),
        };
        let toc = serde_json::to_vec(&toc)
            .map_err(io::Error::other)
            .at("write", &self.path)?;
        let (toc_offset, toc_stored) = self.skippable(&toc)?;
        let tarsplit = std::mem::take(&mut self.tarsplit);
        let (tarsplit_offset, tarsplit_stored) = self.skippable(&tarsplit)?;
        let footer = Footer {
            toc_offset,
            toc_stored,
            toc_size: toc.len() as u64,
            tarsplit_offset,
            tarsplit_stored,
            tarsplit_size: tarsplit.len() as u64,
        };
        self.out.write(&skippable(&footer.encode())).at("write", &self.path)?;
        self.out.file.flush().at("write", &self.path)?;
        Ok(FinishedLayer {
            digest: self.out.hasher.finish(),
            size: self.out.at,
            files: self.files,
            content: self.content,
            index: self.index,
            draft: self.out.draft,
        })
    }

    /// Compresses `plain` into a skippable frame; returns where the compressed bytes start and how many they are.
    fn skippable(&mut self, plain: &[u8]) -> Result<(u64, u64), Error> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).at("write", &self.path)?;
        // Guards the table of contents itself against rot.
        encoder.include_checksum(true).at("write", &self.path)?;
        encoder.write_all(plain).at("write", &self.path)?;
        let compressed = encoder.finish().at("write", &self.path)?;
        let offset = self.out.at + 8;
        self.out.write(&skippable(&compressed)).at("write", &self.path)?;
        Ok((offset, compressed.len() as u64))
    }
}

impl Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.at += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn rewind(&mut self, at: u64, hasher: Hasher) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().set_len(at)?;
        self.file.seek(SeekFrom::Start(at))?;
        self.at = at;
        self.hasher = hasher;
        Ok(())
    }
}

fn toc_entry(member: &Member<'_>) -> TocEntry {
    let (kind, link, size) = match member.kind {
        MemberKind::Dir => ("dir", &b""[..], None),
        MemberKind::File(size) => ("reg", &b""[..], Some(size)),
        MemberKind::Symlink(target) => ("symlink", target, None),
        MemberKind::Link(target) => ("hardlink", target, None),
    };
    let xattrs: BTreeMap<String, String> = member
        .xattrs
        .iter()
        .filter_map(|x| Some((String::from_utf8(x.name.clone()).ok()?, BASE64.encode(&x.value))))
        .collect();
    let time = jiff::Timestamp::from_nanosecond(member.mtime.into());
    TocEntry {
        kind: kind.to_owned(),
        name: escape(member.name),
        link_name: escape(link),
        mode: Some(member.mode),
        size,
        modtime: time.ok().map(|t| t.to_string()),
        xattrs: (!xattrs.is_empty()).then_some(xattrs),
        ..TocEntry::default()
    }
}
