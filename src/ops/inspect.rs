//! `ls`, `cat`, `packages` and `layers`: looking into a state.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

use super::Session;
use super::error::Error;
use super::live::Live;
use super::pathspec::Selection;
use super::report::{LayerEntry, LayersReport, LsReport, PackagesReport, SideName};
use super::side::{Side, manifest_of};
use crate::fsx::{self, Context};
use crate::progress::Progress;
use crate::snapshot::content::{ContentSink, ContentSource, Want};
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;
use crate::store::Store;

/// In a clone of the history alone there is no live state: HEAD is asked in its place.
pub(super) fn stands_for_live(session: &Session<'_>) -> Option<&'static str> {
    let config = session.repo.config();
    let is_bare = config.is_history_only() && config.roots.iter().all(|root| root.path.symlink_metadata().is_err());
    is_bare.then_some("HEAD")
}

/// Calls `each` with the state of a revision, or with the live state when there is none.
pub(super) fn with_side<T>(
    session: &mut Session<'_>,
    rev: Option<&str>,
    each: impl FnOnce(&Session<'_>, &Side<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let history = session.repo.history();
    match rev.or(stands_for_live(session)) {
        Some(rev) => each(session, &Side::of_commit(history, history.resolve(rev)?, rev)?),
        None => {
            let live = Live::capture(&session.viewpoint(), &Default::default())?;
            each(session, &Side::of_live(history, &live))
        }
    }
}

/// Entries of a state: of `rev`, or of the live state when absent. Paths as in checkout.
///
/// # Errors
/// An unknown revision; a path that matches nothing.
pub fn ls(session: &mut Session<'_>, rev: Option<&str>, paths: &[String], cwd: &Path) -> Result<LsReport, Error> {
    let selection = Selection::new(&session.repo.config().roots, &[], paths, cwd)?;
    with_side(session, rev, |_, side| {
        let mut roots = Vec::new();
        for root in side.roots.keys().filter(|root| selection.has_root(root)) {
            let mut entries: Vec<(Entry, String)> = Vec::new();
            for (unit, list) in side.entries(root)? {
                let selected = list.into_iter().filter(|entry| selection.has_path(root, &entry.path));
                entries.extend(selected.map(|entry| (entry, unit.to_string())));
            }
            entries.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
            if !entries.is_empty() || paths.is_empty() {
                roots.push((root.clone(), entries));
            }
        }
        if roots.is_empty() && !paths.is_empty() {
            return Err(Error::NoSuchPath {
                path: paths.join(" "),
                state: side.label(),
            });
        }
        Ok(LsReport {
            side: side.name.clone(),
            roots,
        })
    })
}

/// The bytes of one file: `REV:PATH`, where PATH is `ROOT/PATH`, or `PATH` when it is in one root only. A symlink
/// gives its target.
///
/// # Errors
/// An unknown revision or path; content that the layers no longer give.
pub fn cat(session: &mut Session<'_>, spec: &str, out: &mut dyn Write) -> Result<(), Error> {
    let shape = || Error::refused(format!("{spec:?} names no file of a commit"), "write REV:ROOT/PATH");
    let (rev, path) = spec.split_once(':').ok_or_else(shape)?;
    let rev = if rev.is_empty() { "HEAD" } else { rev };
    with_side(session, Some(rev), |session, side| {
        let entry = find(side, path)?;
        match &entry.node {
            Node::Symlink(target) => out.write_all(target).at("write", "standard output")?,
            Node::Dir => {
                return Err(Error::refused(
                    format!("{path} is a directory"),
                    format!("list it: envgit ls {rev} {path}"),
                ));
            }
            Node::File(file) => {
                let want = Want {
                    digest: file.digest,
                    size: file.size,
                };
                write_content(session.repo.store()?, want, session.progress, out)?;
            }
        }
        Ok(())
    })
}

/// Writes one content piece by piece: fetched on all cores, written here, in order.
fn write_content(store: &Store, want: Want, progress: &dyn Progress, out: &mut dyn Write) -> Result<(), Error> {
    struct Pieces(SyncSender<(u64, Vec<u8>)>);
    impl ContentSink for Pieces {
        fn write_at(&self, _: usize, offset: u64, bytes: &[u8]) -> Result<(), fsx::Error> {
            let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
            self.0
                .send((offset, bytes.to_vec()))
                .map_err(gone)
                .at("write", "the output")
        }
    }
    /// Pieces under way.
    const AHEAD: usize = 16;
    let (sender, pieces) = sync_channel(AHEAD);
    std::thread::scope(|scope| {
        let fetching = scope.spawn(move || store.fetch(&[want], &Pieces(sender), progress));
        let mut next = 0;
        let mut waiting = BTreeMap::new();
        let mut written = Ok(());
        for (offset, piece) in pieces {
            waiting.insert(offset, piece);
            while let Some(piece) = waiting.remove(&next) {
                next += piece.len() as u64;
                written = written.and_then(|()| out.write_all(&piece));
            }
            if written.is_err() {
                break;
            }
        }
        let fetched = fetching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.at("write", "the output")?;
        Ok(fetched?)
    })
}

fn find(side: &Side<'_>, path: &str) -> Result<Entry, Error> {
    let none = || Error::NoSuchPath {
        path: path.to_owned(),
        state: side.label(),
    };
    let in_root = |root: &RootName, rest: &str| -> Result<Option<Entry>, Error> {
        let Ok(rest) = RelPath::parse(rest.as_bytes()) else {
            return Ok(None);
        };
        let units = side.entries(root)?;
        Ok(units
            .into_iter()
            .flat_map(|(_, list)| list)
            .find(|entry| entry.path == rest))
    };
    if let Some((root, rest)) = path.split_once('/')
        && let Some(root) = side.roots.keys().find(|known| known.as_str() == root)
        && let Some(entry) = in_root(root, rest)?
    {
        return Ok(entry);
    }
    let mut found = Vec::new();
    for root in side.roots.keys() {
        found.extend(in_root(root, path)?.map(|entry| (root, entry)));
    }
    match found.len() {
        0 => Err(none()),
        1 => found.pop().map(|(_, entry)| entry).ok_or_else(none),
        _ => {
            let roots: Vec<_> = found.iter().map(|(root, _)| format!("{root}/{path}")).collect();
            Err(Error::refused(
                format!("{path} is in several roots"),
                format!("name one: {}", roots.join(", ")),
            ))
        }
    }
}

/// Packages of a state: HEAD when `rev` is absent and there is a commit, else the live state; `live` forces the live
/// state.
///
/// # Errors
/// An unknown revision.
pub fn packages(session: &mut Session<'_>, rev: Option<&str>, live: bool) -> Result<PackagesReport, Error> {
    let has_head = session.repo.history().head()?.commit().is_some();
    let rev = rev.or((has_head && !live).then_some("HEAD"));
    with_side(session, rev, |_, side| {
        let mut roots = Vec::new();
        for (root, kind) in side.roots.iter().filter(|(_, kind)| kind.holds_packages()) {
            let mut packages = side.packages(root)?;
            packages.retain(|package| package.is_listed());
            roots.push((root.clone(), *kind, packages));
        }
        Ok(PackagesReport {
            side: side.name.clone(),
            roots,
        })
    })
}

/// The layer stack of a commit.
///
/// # Errors
/// An unknown revision.
pub fn layers(session: &mut Session<'_>, rev: Option<&str>) -> Result<LayersReport, Error> {
    let rev = rev.unwrap_or("HEAD");
    let commit = session.repo.history().resolve(rev)?;
    let history = session.repo.history();
    let dir = session.repo.layers_dir();
    let mut layers = Vec::new();
    for info in history.walk(&[commit])? {
        let info = info?;
        let Some(layer) = manifest_of(history, info.id)?.layer else {
            continue;
        };
        layers.push(LayerEntry {
            present: dir.join(format!("{}.tar.zst", layer.digest)).exists(),
            subject: info.subject().to_owned(),
            commit: info.id,
            short: history.short(info.id),
            layer,
        });
    }
    Ok(LayersReport {
        side: SideName {
            commit: Some(commit),
            name: rev.to_owned(),
        },
        layers,
        dir,
    })
}
