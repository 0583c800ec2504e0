//! Single contents out of layers at a remote, by ranges, without getting the layers.
//!
//! What comes becomes a layer here, of the same frames, so that everything else finds it as it finds any content.

use std::collections::BTreeMap;

use crc_fast::{CrcAlgorithm, Digest as Crc};

use super::coming::{BroughtLayer, layers};
use super::error::Error;
use super::fetch::{Lacking, Local, each_at_once, layer_path};
use super::incoming::Way;
use super::needs::sorted;
use super::source::{Offer, Source};
use super::{index, layout};
use crate::digest::{Digest, Hasher};
use crate::progress::{Phase, Progress};
use crate::remote::Transport;
use crate::store::Store;
use crate::store::catalog::{CHUNK_DIR, Catalog, Frame};
use crate::store::checksum::Checksum;
use crate::store::frame::Unpress;
use crate::store::tarball::{Member, MemberKind};
use crate::store::writer::{LayerWriter, PressedFrame, Sum};

/// So many stored bytes are in memory at once.
const BATCH: u64 = 16 << 20;

/// Frames with less between them are read at once.
const GAP: u64 = 32 << 10;

/// A content and the frames that make it.
struct Job {
    content: Digest,
    size: u64,
    frames: Vec<(Digest, Frame)>,
}

/// Brings what is lacking, and no more where that takes fewer bytes: layers that lie on this disk come whole, as they
/// take no room.
///
/// # Errors
/// As [`layers`].
pub fn contents(
    local: Local<'_>,
    source: &Source,
    offer: &Offer,
    lacking: &Lacking,
    progress: &dyn Progress,
) -> Result<Vec<BroughtLayer>, Error> {
    let transport = match source {
        Source::Remote(transport) if !lacking.is_empty() => &**transport,
        _ => return layers(local, source, offer, lacking, progress),
    };
    let all: Vec<(Digest, u64)> = offer.layers.iter().map(|(digest, size)| (*digest, *size)).collect();
    if source.is_near(&all, local.dir) {
        return layers(local, source, offer, lacking, progress);
    }
    let mut found = each_at_once(&all, |(digest, size)| {
        Ok((*digest, index::read(transport, digest, *size)?))
    })?;
    found.sort_by_key(|(digest, _)| *digest);
    let mut catalog = Catalog::default();
    for (digest, index) in found {
        catalog.add(digest, index);
    }
    catalog.forget_incomplete();
    let jobs = jobs(&catalog, lacking, source.address())?;
    let total = jobs
        .iter()
        .flat_map(|job| &job.frames)
        .map(|(_, frame)| u64::from(frame.stored));
    progress.begin(Phase::Receive, Some(total.sum()));
    let brought = bring(local, transport, &jobs, progress);
    progress.end();
    Ok(vec![brought?])
}

/// Where each content is, in the order in which they lie there.
fn jobs(catalog: &Catalog, lacking: &Lacking, address: &str) -> Result<Vec<Job>, Error> {
    let mut jobs = Vec::new();
    let mut nowhere = crate::store::catalog::DigestMap::default();
    for (content, size) in lacking.contents() {
        let located = catalog.locate(content).unwrap_or_default();
        let frames: Vec<(Digest, Frame)> = located
            .iter()
            .map(|found| (catalog.layer(found.layer), *found.frame))
            .collect();
        if frames.iter().map(|(_, frame)| u64::from(frame.size)).sum::<u64>() != *size {
            nowhere.insert(*content, *size);
            continue;
        }
        jobs.push(Job {
            content: *content,
            size: *size,
            frames,
        });
    }
    if !nowhere.is_empty() {
        return Err(Error::Lacking {
            place: address.to_owned(),
            contents: sorted(&nowhere),
        });
    }
    jobs.sort_by_key(|job| {
        (
            job.frames.first().map(|(layer, frame)| (*layer, frame.offset)),
            job.content,
        )
    });
    Ok(jobs)
}

fn bring(
    local: Local<'_>,
    transport: &dyn Transport,
    jobs: &[Job],
    progress: &dyn Progress,
) -> Result<BroughtLayer, Error> {
    let mut writer = LayerWriter::create(&local.layers())?;
    let refused = |content: &Digest, why: &str| {
        Error::refused(
            format!("the content {} at {}", content.short(), transport.address()),
            why,
        )
    };
    let mut unpress = Unpress::new().map_err(|error| Error::refused("a frame", error.to_string()))?;
    let mut open: Option<(usize, Hasher, Crc)> = None;
    for batch in batches(jobs) {
        let stored = read(transport, jobs, &batch, progress)?;
        for (at, number) in batch {
            let job = &jobs[at];
            if number == 0 {
                let name = format!("{CHUNK_DIR}{}", job.content);
                writer.begin_file(&member(&name, job.size), job.size)?;
                open = Some((at, Hasher::new(), Crc::new(CrcAlgorithm::Crc64GoIso)));
            }
            let (layer, frame) = job.frames[number];
            let bytes = stored
                .get(&(layer, frame.offset))
                .ok_or_else(|| refused(&job.content, "a frame did not come"))?;
            let plain = unpress
                .plain(bytes, frame.size as usize)
                .map_err(|error| refused(&job.content, &error.to_string()))?;
            if Digest::of(&plain) != frame.digest {
                return Err(refused(&job.content, "a frame of it is damaged"));
            }
            writer.frame(&PressedFrame {
                stored: bytes.clone(),
                digest: frame.digest,
                size: frame.size,
                sum: Checksum::of(&plain),
            })?;
            if let Some((_, hasher, crc)) = &mut open {
                hasher.update(&plain);
                crc.update(&plain);
            }
            if number + 1 == job.frames.len()
                && let Some((_, hasher, crc)) = open.take()
            {
                let digest = hasher.finish();
                if digest != job.content {
                    return Err(refused(&job.content, "its frames are sound and make another content"));
                }
                writer.end_file(Sum {
                    digest,
                    crc: crc.finalize(),
                })?;
            }
        }
    }
    let layer = writer.finish()?;
    let digest = layer.digest;
    let (size, index) = layer.publish(&layer_path(local.dir, &digest))?;
    Store::renew_index(&local.dir.join("cache"), &digest, &index);
    Ok(BroughtLayer {
        digest,
        size,
        way: Way::Received(size),
    })
}

fn member(name: &str, size: u64) -> Member<'_> {
    Member {
        name: name.as_bytes(),
        mode: 0o644,
        mtime: 0,
        xattrs: &[],
        kind: MemberKind::File(size),
    }
}

/// The frames of all jobs in order, by job and number, cut into batches.
fn batches(jobs: &[Job]) -> Vec<Vec<(usize, usize)>> {
    let mut batches = vec![Vec::new()];
    let mut bytes = 0;
    for (at, job) in jobs.iter().enumerate() {
        for (number, (_, frame)) in job.frames.iter().enumerate() {
            bytes += u64::from(frame.stored);
            if bytes > BATCH {
                bytes = u64::from(frame.stored);
                batches.push(Vec::new());
            }
            if let Some(batch) = batches.last_mut() {
                batch.push((at, number));
            }
        }
    }
    batches
}

/// The stored bytes of each frame of a batch, by layer and offset.
type Stored = BTreeMap<(Digest, u64), Vec<u8>>;

fn read(
    transport: &dyn Transport,
    jobs: &[Job],
    batch: &[(usize, usize)],
    progress: &dyn Progress,
) -> Result<Stored, Error> {
    let mut frames: Vec<(Digest, Frame)> = batch.iter().map(|(at, number)| jobs[*at].frames[*number]).collect();
    frames.sort_by_key(|(layer, frame)| (*layer, frame.offset));
    frames.dedup_by_key(|(layer, frame)| (*layer, frame.offset));
    let mut runs: Vec<(Digest, Vec<Frame>)> = Vec::new();
    for (layer, frame) in frames {
        let joins = runs.last().is_some_and(|(of, run)| {
            let end = run.last().map_or(0, |last| last.offset + u64::from(last.stored));
            *of == layer && frame.offset >= end && frame.offset - end <= GAP
        });
        match runs.last_mut() {
            Some((_, run)) if joins => run.push(frame),
            _ => runs.push((layer, vec![frame])),
        }
    }
    let read = each_at_once(&runs, |(layer, run)| {
        let start = run.first().map_or(0, |frame| frame.offset);
        let end = run.last().map_or(0, |frame| frame.offset + u64::from(frame.stored));
        let bytes = transport.read(&layout::layer(layer)?, start..end)?;
        progress.advance(bytes.len() as u64);
        let cut = |frame: &Frame| {
            let at = (frame.offset - start) as usize;
            let bytes = bytes.get(at..at + frame.stored as usize).unwrap_or_default();
            ((*layer, frame.offset), bytes.to_vec())
        };
        Ok(run.iter().map(cut).collect::<Vec<_>>())
    })?;
    Ok(read.into_iter().flatten().collect())
}
