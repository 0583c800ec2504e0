//! The live state written down: its new content as a layer, its inventory as a commit that no ref knows yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::damaged::warn_of_layers;
use super::error::Error;
use super::live::{Live, describe};
use super::pathspec::Selection;
use super::side::{MANIFEST, Side, VARS, compare};
use super::{Session, signing};
use crate::capture::contents::is_gone;
use crate::capture::system;
use crate::history::{BlobId, CommitDraft, CommitId, work_tree_facts};
use crate::progress::Phase;
use crate::service::ssh::SigningKey;
use crate::snapshot::change::Changes;
use crate::snapshot::content::Form;
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::facts::{LayerFacts, Manifest, RootFacts};
use crate::snapshot::path::escape;
use crate::snapshot::root::Kind;
use crate::store::ingest::{Body, Item};
use crate::store::writer::FinishedLayer;

/// The differences from a commit (or nothing) to the live state.
pub(super) fn changes_since(session: &Session<'_>, parent: Option<CommitId>, live: &Live) -> Result<Changes, Error> {
    let history = session.repo.history();
    let from = match parent {
        Some(parent) => Side::of_commit(history, parent, "HEAD")?,
        None => Side::empty(history),
    };
    compare(&from, &Side::of_live(history, live), &Selection::default())
}

/// Reads what is new in the live state and writes it into a layer, which is not yet part of the store.
pub(super) fn absorb(session: &Session<'_>, live: &mut Live) -> Result<Option<FinishedLayer>, Error> {
    warn_of_layers(session);
    let store = session.repo.store()?;
    let mut items = Vec::new();
    let mut owners = Vec::new();
    let mut bytes = 0;
    for (number, root) in live.roots.iter().enumerate() {
        let pending: BTreeSet<usize> = root.pending.iter().copied().collect();
        let entries = root.state.entries.iter().zip(&root.state.marks).enumerate();
        for (at, (entry, mark)) in entries {
            let is_pending = pending.contains(&at);
            let missing = entry
                .file()
                .is_some_and(|file| file.size > 0 && !is_pending && !store.catalog().contains(&file.digest));
            if !is_pending && !missing && (mark.recorded || entry.file().is_some()) {
                continue;
            }
            let item = item(root.root.name.as_str(), &root.root.path, entry, root.form(), is_pending);
            if matches!(item.body, Body::File { .. }) {
                bytes += entry.size();
            }
            items.push(item);
            owners.push((number, at, is_pending));
        }
    }
    if !items.iter().any(|item| matches!(item.body, Body::File { .. })) {
        return Ok(None);
    }
    session.progress.begin(Phase::Store, Some(bytes));
    let absorption = store.absorb(&items, session.progress);
    session.progress.end();
    let absorption = absorption?;
    let mut gone: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (outcome, (number, at, is_pending)) in absorption.outcomes.into_iter().zip(owners) {
        let root = &live.roots[number];
        let entry = &root.state.entries[at];
        let known = entry.file().map(|file| file.digest);
        match outcome {
            None => {}
            // What was hashed before and is another file now: the state as a whole is torn.
            Some(result) if !is_pending && result.as_ref().ok().map(|a| a.content.digest) != known => {
                let path = entry.path.under(&root.root.path);
                live.failures
                    .push(format!("{} changed while it was recorded", path.display()));
            }
            Some(Ok(absorbed)) => live.roots[number].resolve(at, absorbed.content, absorbed.stamp),
            Some(Err(error)) => {
                gone.entry(number).or_default().insert(at);
                if !is_gone(&error) {
                    live.failures.push(describe(&error));
                }
            }
        }
    }
    for (number, root) in live.roots.iter_mut().enumerate() {
        root.pending.clear();
        root.remove(&gone.remove(&number).unwrap_or_default());
    }
    Ok(absorption.layer)
}

fn item(root: &str, path: &Path, entry: &Entry, form: &Arc<dyn Form>, pending: bool) -> Item {
    let name = |path: &[u8]| [root.as_bytes(), b"/", path].concat();
    let body = match &entry.node {
        Node::Dir => Body::Dir,
        Node::Symlink(target) => Body::Symlink(target.clone()),
        Node::File(file) => match &file.hardlink {
            // Read all the same when it is not known: its content is that of its first name only if nobody is
            // writing now.
            Some(first) if !pending => Body::Link(name(first.as_bytes())),
            _ => Body::File {
                source: entry.path.under(path),
                size: file.size,
                path: entry.path.clone(),
                form: form.clone(),
            },
        },
    };
    Item {
        name: name(entry.path.as_bytes()),
        mode: entry.mode,
        mtime: entry.mtime,
        xattrs: entry.xattrs.clone(),
        body,
    }
}

/// What a commit says, and who vouches for it.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    /// Its message.
    pub(super) message: &'a str,
    /// With what it is signed.
    pub(super) key: Option<&'a SigningKey>,
}

/// Makes a new layer part of the store.
pub(super) fn keep(session: &mut Session<'_>, layer: Option<FinishedLayer>) -> Result<Option<LayerFacts>, Error> {
    let Some(layer) = layer else { return Ok(None) };
    Ok(Some(session.repo.store_mut()?.add(layer)?))
}

/// Writes the commit, which names a layer as that of its new content. Durable on return, but no ref knows it yet.
pub(super) fn record(
    session: &Session<'_>,
    live: &Live,
    layer: Option<LayerFacts>,
    parents: &[CommitId],
    words: Words<'_>,
) -> Result<(CommitId, Manifest), Error> {
    refuse_unstored(session, live)?;
    let history = session.repo.history();
    let manifest = manifest(live, layer);
    let known = match parents.first() {
        Some(parent) => history.inventory(*parent)?.files,
        None => BTreeMap::new(),
    };
    let mut new_blobs = live.new_texts(&known, |id| history.has_blob(id))?;
    let mut files = live.inventory.clone();
    let json = |value: serde_json::Result<Vec<u8>>| value.unwrap_or_default();
    for (path, mut text) in [
        (MANIFEST, json(serde_json::to_vec_pretty(&manifest))),
        (VARS, json(serde_json::to_vec_pretty(&live.vars))),
    ] {
        text.push(b'\n');
        let id = BlobId::of(&text);
        files.insert(path.to_vec(), id);
        new_blobs.insert(id, text);
    }
    let mut composed = history.compose(CommitDraft {
        files,
        new_blobs,
        parents: parents.to_vec(),
        author: session.who.clone(),
        time: session.now,
        message: words.message.to_owned(),
    })?;
    if let Some(key) = words.key {
        composed.sign(signing::sign(session, key, &composed.payload())?);
    }
    Ok((history.write_commit(composed)?, manifest))
}

/// A commit never names content that the layers do not hold.
fn refuse_unstored(session: &Session<'_>, live: &Live) -> Result<(), Error> {
    let catalog = session.repo.store()?.catalog();
    for root in &live.roots {
        let files = root
            .state
            .entries
            .iter()
            .filter_map(|entry| Some((entry, entry.file()?)));
        for (entry, file) in files {
            if file.size > 0 && !catalog.contains(&file.digest) {
                let path = entry.path.under(&root.root.path);
                return Err(Error::Unreadable(vec![format!("{} was not stored", path.display())]));
            }
        }
    }
    Ok(())
}

pub(super) fn manifest(live: &Live, layer: Option<LayerFacts>) -> Manifest {
    let roots = live.roots.iter().map(|live| {
        let files = live.state.entries.iter().filter_map(Entry::file);
        let packages = crate::snapshot::package::decode(&live.state.packages).unwrap_or_default();
        let facts = RootFacts {
            kind: live.root.kind,
            policy: live.root.policy,
            home: escape(
                live.form()
                    .home()
                    .unwrap_or(live.root.path.as_os_str().as_encoded_bytes()),
            ),
            files: files.clone().count() as u64,
            bytes: files.map(|file| file.size).sum(),
            packages: packages.iter().filter(|package| package.is_listed()).count() as u64,
            python: live.state.python.clone(),
            base: live.state.base.as_deref().map(escape),
            git: (live.root.kind == Kind::Project)
                .then(|| work_tree_facts(&live.root.path))
                .flatten(),
        };
        (live.root.name.clone(), facts)
    });
    Manifest {
        format: Manifest::FORMAT,
        roots: roots.collect(),
        system: system::facts(Path::new("/")),
        layer,
    }
}
