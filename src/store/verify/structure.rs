//! Whether a layer that somebody else sent is put together as a layer must be, found out without reading its contents:
//! those are checked frame by frame whenever they are read.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::catalog::{Frame, LayerIndex, StoredFile, members};
use super::super::fetch::Reader;
use super::super::toc::Toc;
use super::layout::Layout;
use crate::cores;

/// The longest frame that is taken, plain or stored, in bytes. envgit writes frames of at most 4 MiB, and holds one in
/// memory for each core.
const MAX_FRAME: u32 = 64 << 20;

/// Checks footer, table of contents, tar-split and headers of a layer, and that they say the same. Tells what it holds.
///
/// # Errors
/// What is wrong with it.
pub fn structure(path: &Path) -> Result<LayerIndex, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    let layout = Layout::read(&file, size).map_err(|flaw| flaw.what)?;
    if let Some(flaw) = layout.split_flaw {
        return Err(flaw.what);
    }
    let files = members(&layout.toc)?;
    check_frames(&files, size)?;
    check_names(&layout.toc)?;
    if let Some(flaw) = layout.check_headers(&file, &files) {
        return Err(flaw.what);
    }
    let mut reader = Reader::default();
    LayerIndex::from_toc(&layout.toc, |frame| reader.read(&file, frame))
}

/// Reads the frames of a layer that are not among those that were found right already, on all cores.
///
/// # Errors
/// What is wrong with one.
pub fn check_rest(path: &Path, index: &LayerIndex, mut right: Vec<Frame>) -> Result<(), String> {
    let place = |frame: &Frame| (frame.offset, frame.stored, frame.size, frame.digest);
    right.sort_unstable_by_key(place);
    let is_open = |frame: &&Frame| right.binary_search_by_key(&place(frame), place).is_err();
    let rest: Vec<&Frame> = index.frames.iter().filter(is_open).collect();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let next = AtomicUsize::new(0);
    let check = || {
        let mut reader = Reader::default();
        while let Some(frame) = rest.get(next.fetch_add(1, Ordering::Relaxed)) {
            reader.read(&file, frame)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores::count().min(rest.len()))
            .map(|_| scope.spawn(check))
            .collect();
        let mut joined = threads.into_iter().map(|thread| thread.join());
        joined.try_for_each(|checked| checked.unwrap_or_else(|cause| std::panic::resume_unwind(cause)))
    })
}

fn check_frames(files: &[StoredFile], size: u64) -> Result<(), String> {
    for file in files {
        for frame in &file.frames {
            if frame.size > MAX_FRAME || frame.stored > MAX_FRAME {
                return Err(format!("a frame of {} is longer than {MAX_FRAME} bytes", file.name));
            }
            let end = frame.offset.saturating_add(u64::from(frame.stored));
            if end > size {
                return Err(format!("a frame of {} lies beyond the end of the file", file.name));
            }
        }
    }
    Ok(())
}

/// envgit unpacks nothing by these names, but people do, with tar.
fn check_names(toc: &Toc) -> Result<(), String> {
    for entry in &toc.entries {
        let name = &entry.name;
        if !matches!(entry.kind.as_str(), "reg" | "dir" | "symlink" | "hardlink" | "chunk") {
            return Err(format!("{name} is a {}, which no layer holds", entry.kind));
        }
        if name.starts_with('/') || name.split('/').any(|part| part == "..") {
            return Err(format!("the name {name:?} climbs out of its folder"));
        }
    }
    Ok(())
}
