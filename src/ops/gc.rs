//! `gc`: removes layers of which no commit that can be reached needs anything.
//!
//! ```text
//! lock ─► survey ─► mark (durable) ─► look at the refs again ─► refs ─► layers ─► drop the mark
//! ```
//!
//! What is needed is found anew every time. The mark only says what a killed gc was about to remove: a commit that was
//! made since may need it again, so nothing is ever removed because a mark says so.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::error::Error;
use super::survey::{Part, Reach, Survey};
use super::{Session, recover};
use crate::digest::Digest;
use crate::exchange;
use crate::fsx::{self, Context, atomic};
use crate::history::{Expected, RefKind, RefName};
use crate::progress::Phase;
use crate::snapshot::filelist;
use crate::store::catalog::{DigestMap, LayerIndex};

/// What to remove.
#[derive(Clone, Debug, Default)]
pub struct GcOptions {
    /// Only tell.
    pub dry_run: bool,
    /// Autosaves, and what is kept for `undo`, that are given up.
    pub expired: Vec<RefName>,
}

/// What gc removed, or with `dry_run` would.
#[derive(Clone, Debug, Default)]
pub struct GcReport {
    /// Only planned.
    pub dry_run: bool,
    /// Layers that nothing needs: digest and size.
    pub removed: Vec<(Digest, u64)>,
    /// Layers that stay.
    pub kept: u64,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Bytes of content in them that nothing needs.
    pub dead_bytes: u64,
    /// Layers that hold such.
    pub partly_dead: u64,
    /// Autosaves that were given up, by short name.
    pub expired: Vec<String>,
    /// What killed commands had left.
    pub leftovers: u64,
}

impl GcReport {
    /// Bytes that the removed layers took.
    pub fn removed_bytes(&self) -> u64 {
        self.removed.iter().map(|(_, size)| size).sum()
    }
}

/// The note of what is about to be removed.
#[derive(Serialize)]
struct Mark {
    refs: Vec<String>,
    layers: Vec<Digest>,
}

/// How often the refs may move while gc looks.
const ATTEMPTS: u32 = 5;

/// Removes what no branch, tag, autosave or other ref needs, nor a log's line younger than `gc.keep_days`.
///
/// # Errors
/// Anything that is damaged: then nobody can know what is needed, and nothing is removed.
pub fn gc(session: &mut Session<'_>, options: &GcOptions) -> Result<GcReport, Error> {
    let is_kept = |name: &&RefName| !matches!(name.kind(), RefKind::Autosave | RefKind::Undo);
    if let Some(name) = options.expired.iter().find(is_kept) {
        return Err(Error::refused(
            format!("{} is no autosave", name.as_str()),
            "remove branches and tags with `envgit branch -d` and `envgit tag -d`",
        ));
    }
    if options.dry_run {
        let (_, mut report) = find(session, &options.expired)?;
        report.dry_run = true;
        return Ok(report);
    }
    let _lock = session.repo.lock(&session.purpose)?;
    let drafts = recover::clear_drafts(session)?;
    recover::finish_interrupted(session)?;
    let mark = session.repo.dir().join("journal/gc.json");
    let mut attempts = 0;
    let mut report = loop {
        let (survey, report) = find(session, &options.expired)?;
        let noted = Mark {
            refs: options.expired.iter().map(|name| name.as_str().to_owned()).collect(),
            layers: report.removed.iter().map(|(digest, _)| *digest).collect(),
        };
        let text = serde_json::to_vec_pretty(&noted).unwrap_or_default();
        atomic::write(&mark, &text)?;
        // Another git client does not know of the lock.
        if survey.is_current(session.repo.history(), &Reach::of(session, &options.expired)) {
            break report;
        }
        attempts += 1;
        if attempts == ATTEMPTS {
            return Err(Error::refused(
                "the refs of the history keep moving",
                "stop the git client that moves them and try again; nothing was removed",
            ));
        }
    };
    for name in &options.expired {
        session.repo.history().delete_ref(name, Expected::Any)?;
    }
    remove_layers(session, &report)?;
    report.leftovers = drafts as u64 + leftovers(session)?;
    fsx::remove_file(&mark)?;
    mark.parent().map_or(Ok(()), atomic::sync_dir)?;
    Ok(report)
}

/// What can go, with the survey that says so.
fn find(session: &Session<'_>, expired: &[RefName]) -> Result<(Survey, GcReport), Error> {
    session.progress.begin(Phase::Scan, None);
    let history = session.repo.history();
    let survey = Survey::of(history, &Reach::of(session, expired));
    if let Some(flaw) = survey.flaws.first() {
        return Err(Error::Damaged(format!("{} {}: {}", flaw.kind, flaw.name, flaw.what)));
    }
    let needed = needed(session, &survey)?;
    session.progress.end();
    let catalog = session.repo.store()?.catalog();
    if let Some(layer) = catalog.damaged().first() {
        return Err(Error::Damaged(format!("layer {}: {}", layer.digest, layer.what)));
    }
    // Where only the history was cloned, contents come when they are needed.
    let is_promised = session.repo.config().is_history_only();
    let is_lost = |digest: &&Digest| !is_promised && !catalog.contains(digest);
    if let Some(lost) = needed.keys().find(is_lost) {
        return Err(Error::Damaged(format!("no layer holds the content {lost}")));
    }
    let recipes = catalog.layers().flat_map(|(_, index)| &index.recipes);
    let in_use = recipes.filter(|recipe| needed.contains_key(&recipe.digest));
    let parts: DigestMap<()> = in_use
        .flat_map(|recipe| &recipe.chunks)
        .map(|part| (*part, ()))
        .collect();
    let mut report = GcReport {
        expired: expired.iter().map(|name| name.short_name().to_owned()).collect(),
        ..GcReport::default()
    };
    for (digest, index) in catalog.layers() {
        let path = session.repo.store()?.layer_path(digest);
        let size = path.metadata().at("look at", &path)?.len();
        let (is_needed, dead) = usage(index, &needed, &parts);
        if is_needed {
            report.kept += 1;
            report.kept_bytes += size;
            report.dead_bytes += dead;
            report.partly_dead += u64::from(dead > 0);
        } else {
            report.removed.push((*digest, size));
        }
    }
    Ok((survey, report))
}

/// All contents that the inventories name.
fn needed(session: &Session<'_>, survey: &Survey) -> Result<DigestMap<()>, Error> {
    let readings = survey.read(session.repo.history(), |text, bytes| {
        if text.part != Part::Unit {
            return Ok(Vec::new());
        }
        let entries = filelist::decode(bytes).map_err(|error| error.to_string())?;
        let files = entries.iter().filter_map(|entry| entry.file());
        Ok(files.filter(|file| file.size > 0).map(|file| file.digest).collect())
    })?;
    let mut needed = DigestMap::default();
    for (text, reading) in readings {
        let digests = reading.map_err(|what| Error::Damaged(format!("blob {}: {what}", text.id)))?;
        needed.extend(digests.into_iter().map(|digest| (digest, ())));
    }
    Ok(needed)
}

/// Whether anything of a layer is needed, and how many stored bytes of content are not.
///
/// A second copy of a needed content counts as needed: the first may turn out damaged.
fn usage(index: &LayerIndex, needed: &DigestMap<()>, parts: &DigestMap<()>) -> (bool, u64) {
    let mut is_needed = index.recipes.iter().any(|recipe| needed.contains_key(&recipe.digest));
    let mut dead = 0;
    for whole in &index.wholes {
        let of_whole = needed.contains_key(&whole.digest);
        for frame in &index.frames[whole.first as usize..][..whole.count as usize] {
            if of_whole || parts.contains_key(&frame.digest) {
                is_needed = true;
            } else {
                dead += u64::from(frame.stored);
            }
        }
    }
    (is_needed, dead)
}

fn remove_layers(session: &Session<'_>, report: &GcReport) -> Result<(), Error> {
    let dir = session.repo.layers_dir();
    let store = session.repo.store()?;
    for (digest, _) in &report.removed {
        let path = store.layer_path(digest);
        fsx::remove_file(&path)?;
    }
    if !report.removed.is_empty() {
        atomic::sync_dir(&dir)?;
    }
    Ok(())
}

/// What a fetch brought of an object, and nobody asked for again for so long, is given up. A fetch holds the lock, so
/// none is under way; the age is for who means to go on with one that was cut off.
const FETCHED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Removes drafts of processes that died, what fetches that were cut off had brought, and indexes of layers that are no more.
fn leftovers(session: &Session<'_>) -> Result<u64, Error> {
    /// Caches are written without the lock, by processes that live for a moment.
    const ABANDONED: Duration = Duration::from_secs(3600);
    let repo = session.repo.dir();
    let mut count = exchange::clear_incoming(repo, FETCHED)?;
    for dir in ["", "journal", "cache/index", "cache/state"] {
        let dir = repo.join(dir);
        if dir.is_dir() {
            count += atomic::remove_old_drafts(&dir, ABANDONED)?.len() as u64;
        }
    }
    let (layers, _) = crate::store::verify::list(&session.repo.layers_dir())?;
    let layers: BTreeSet<Digest> = layers.into_keys().collect();
    drop_stale_indexes(&repo.join("cache/index"), &layers)?;
    Ok(count)
}

fn drop_stale_indexes(dir: &Path, layers: &BTreeSet<Digest>) -> Result<(), fsx::Error> {
    let Ok(listing) = std::fs::read_dir(dir) else {
        return Ok(());
    };
    for entry in listing.flatten() {
        let name = entry.file_name();
        let digest = name.to_str().and_then(|name| name.parse::<Digest>().ok());
        if digest.is_some_and(|digest| !layers.contains(&digest)) {
            fsx::remove_file(&entry.path())?;
        }
    }
    Ok(())
}
