//! Puts what feeder and workers made back in order, into the layer.

use std::collections::BTreeMap;
use std::path::Path;

use crc_fast::CrcAlgorithm;
use crossbeam_channel::Receiver;

use super::{Absorbed, Body, Item, Message, Outcomes, Run, Small, press_frame};
use crate::digest::Digest;
use crate::fsx::Context;
use crate::store::Error;
use crate::store::catalog::{CHUNK_DIR, DigestMap, RECIPE_DIR, Recipe};
use crate::store::frame::Press;
use crate::store::tarball::{Member, MemberKind};
use crate::store::writer::{LayerWriter, PressedFrame};

/// Puts everything in order into the layer.
pub(super) fn write(
    context: &Run<'_>,
    writer: &mut LayerWriter,
    results: &Receiver<(usize, Message)>,
) -> Result<Outcomes, Error> {
    let mut out = Writing {
        context,
        writer,
        outcomes: Vec::new(),
        names: DigestMap::default(),
    };
    out.outcomes.resize_with(context.items.len(), || None);
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    while let Ok((sequence, message)) = results.recv() {
        waiting.insert(sequence, message);
        while let Some(message) = waiting.remove(&next) {
            out.take(message)?;
            context.window.leave(next);
            next += 1;
        }
    }
    Ok(out.outcomes)
}

struct Writing<'a, 'w> {
    context: &'a Run<'a>,
    writer: &'w mut LayerWriter,
    outcomes: Outcomes,
    /// The item that holds each content of this layer.
    names: DigestMap<usize>,
}

impl Writing<'_, '_> {
    fn take(&mut self, message: Message) -> Result<(), Error> {
        match message {
            Message::Small(batch) => {
                for (at, result) in batch {
                    match (&self.context.items[at].body, result) {
                        (Body::File { .. }, Ok(small)) => self.small(at, small)?,
                        (Body::File { .. }, Err(error)) => self.outcomes[at] = Some(Err(error)),
                        _ => self.plain(at)?,
                    }
                }
            }
            Message::Begin(at, size) => {
                let member = member(&self.context.items[at], MemberKind::File(size));
                self.writer.begin_file(&member, size)?;
            }
            Message::Frame(frame) => {
                self.context.progress.advance(frame.size.into());
                self.writer.frame(&frame)?;
            }
            Message::End(at, sum, absorbed) => {
                self.writer.end_file(sum)?;
                self.names.insert(sum.digest, at);
                self.outcomes[at] = Some(Ok(absorbed));
            }
            Message::Abort => self.writer.abort_file()?,
            Message::Known(at, absorbed) => self.known(at, absorbed)?,
            Message::Chunk(at, frame, crc) => {
                self.context.progress.advance(frame.size.into());
                self.envgit_file(CHUNK_DIR, at, frame.digest, &frame, crc)?;
            }
            Message::Recipe(at, recipe, absorbed) => self.recipe(at, recipe, absorbed)?,
            Message::Failed(at, error) => self.outcomes[at] = Some(Err(error)),
            Message::Broken(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn plain(&mut self, at: usize) -> Result<(), Error> {
        let item = &self.context.items[at];
        let kind = match &item.body {
            Body::Dir => MemberKind::Dir,
            Body::Symlink(target) => MemberKind::Symlink(target),
            Body::Link(target) => MemberKind::Link(target),
            Body::File { .. } => return Ok(()),
        };
        Ok(self.writer.member(&member(item, kind))?)
    }

    fn small(&mut self, at: usize, small: Small) -> Result<(), Error> {
        self.context.progress.advance(small.absorbed.stamp.size);
        let size = small.absorbed.content.size;
        let digest = small.absorbed.content.digest;
        match small.frame {
            Some(frame) if !self.names.contains_key(&digest) => {
                let member = member(&self.context.items[at], MemberKind::File(size));
                self.writer.file(&member, &frame, small.crc)?;
                self.names.insert(digest, at);
                self.outcomes[at] = Some(Ok(small.absorbed));
                Ok(())
            }
            None if size == 0 => {
                let member = member(&self.context.items[at], MemberKind::File(0));
                self.writer.member(&member)?;
                self.outcomes[at] = Some(Ok(small.absorbed));
                Ok(())
            }
            _ => self.known(at, small.absorbed),
        }
    }

    /// Content that is stored already: in this layer the tar gets a link to it, so that `tar x` gives the file; what
    /// an older layer holds is left out.
    fn known(&mut self, at: usize, absorbed: Absorbed) -> Result<(), Error> {
        if let Some(first) = self.names.get(&absorbed.content.digest) {
            let items = self.context.items;
            let kind = MemberKind::Link(&items[*first].name);
            self.writer.member(&member(&items[at], kind))?;
        }
        self.outcomes[at] = Some(Ok(absorbed));
        Ok(())
    }

    fn recipe(&mut self, at: usize, recipe: Recipe, absorbed: Absorbed) -> Result<(), Error> {
        let text = recipe.encode();
        let digest = Digest::of(&text);
        let mut press = Press::new(3).at("start", Path::new("zstd"))?;
        let frame = press_frame(&mut press, &text, digest).at("compress", Path::new("a recipe"))?;
        let crc = crc_fast::checksum(CrcAlgorithm::Crc64GoIso, &text);
        self.envgit_file(RECIPE_DIR, at, recipe.digest, &frame, crc)?;
        self.writer.recipe(recipe);
        self.outcomes[at] = Some(Ok(absorbed));
        Ok(())
    }

    /// A member of envgit's own, dated as the file it serves.
    fn envgit_file(&mut self, dir: &str, at: usize, name: Digest, frame: &PressedFrame, crc: u64) -> Result<(), Error> {
        let name = format!("{dir}{name}");
        let member = Member {
            name: name.as_bytes(),
            mode: 0o644,
            mtime: self.context.items[at].mtime,
            xattrs: &[],
            kind: MemberKind::File(frame.size.into()),
        };
        Ok(self.writer.file(&member, frame, crc)?)
    }
}

fn member<'a>(item: &'a Item, kind: MemberKind<'a>) -> Member<'a> {
    Member {
        name: &item.name,
        mode: item.mode,
        mtime: item.mtime,
        xattrs: &item.xattrs,
        kind,
    }
}
