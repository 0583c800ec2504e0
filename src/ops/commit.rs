//! `commit`: the live state becomes a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::damaged::warn_of_layers;
use super::diff::head;
use super::error::Error;
use super::live::{Live, describe};
use super::operations::{Done, OperationKind, Watch};
use super::pathspec::Selection;
use super::pause::Pause;
use super::report::CommitReport;
use super::side::{MANIFEST, Side, VARS, compare};
use super::{Session, clone, moved, notes, pinning, recover, shell, signing};
use crate::capture::contents::is_gone;
use crate::capture::system;
use crate::compare::describe as describe_changes;
use crate::history::{BlobId, CommitDraft, CommitId, Expected, Head, RefName, moving, work_tree_facts};
use crate::progress::Phase;
use crate::service::ssh::SigningKey;
use crate::snapshot::change::Changes;
use crate::snapshot::content::Form;
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::facts::{LayerFacts, Manifest, RootFacts};
use crate::snapshot::finding::thousands;
use crate::snapshot::path::escape;
use crate::snapshot::root::Kind;
use crate::store::ingest::{Body, Item};
use crate::store::writer::FinishedLayer;

/// How to commit.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// The message; written from the changes when absent.
    pub message: Option<String>,
    /// Tags for the new commit.
    pub tags: Vec<String>,
    /// Starts this branch for it.
    pub branch: Option<String>,
    /// Commit even if nothing changed.
    pub allow_empty: bool,
    /// Leave out files that cannot be read.
    pub skip_unreadable: bool,
    /// Sign the commit with this key.
    pub key: Option<SigningKey>,
}

/// Records the live state.
///
/// # Errors
/// A root that is not there, files that cannot be read or never hold still, names that are taken. No ref has moved
/// then.
pub fn commit(session: &mut Session<'_>, options: &CommitOptions) -> Result<CommitReport, Error> {
    let _lock = session.repo.lock(&session.purpose)?;
    recover::finish_interrupted(session)?;
    notes::refuse_unsettled(session)?;
    let watch = Watch::begin(session)?;
    let pause = match session.repo.config().services.quiesce {
        true => Pause::begin(session)?,
        false => None,
    };
    let outcome = record_live(session, options);
    let problem = pause.and_then(|pause| pause.end(session));
    let report = match (outcome, problem) {
        (Ok(report), problem) => CommitReport {
            service_problem: problem,
            ..report
        },
        (Err(error), problem) => {
            problem.iter().for_each(|problem| session.progress.warn(problem));
            return Err(error);
        }
    };
    let done = match report.commit {
        Some(_) => Done::refs(
            OperationKind::Commit,
            format!("commit: {}", report.message.lines().next().unwrap_or_default()),
        ),
        None => Done::refs(OperationKind::Tag, format!("tag {}", report.tags.join(" "))),
    };
    watch.end(session, done)?;
    Ok(report)
}

fn record_live(session: &mut Session<'_>, options: &CommitOptions) -> Result<CommitReport, Error> {
    if let Some(url) = clone::unfinished(session) {
        return Err(Error::refused(
            format!("this is a clone of {url} that was cut off: nothing of it stands here yet"),
            format!("finish it: envgit clone {url} {}", session.repo.project().display()),
        ));
    }
    let place = Place::choose(session, options)?;
    let mut live = Live::scan(&session.viewpoint(), &Default::default())?;
    let mut layer = None;
    let mut changes = Changes::default();
    // Where nothing must be read, nothing may have changed, and then the layers need not even be opened.
    let maybe_unchanged = live.is_known() && place.parent.is_some();
    if maybe_unchanged {
        live.complete(&session.viewpoint())?;
        changes = changes_since(session, place.parent, &live)?;
    }
    if !maybe_unchanged || !changes.is_empty() || options.allow_empty {
        layer = absorb(session, &mut live)?;
        refuse_unreadable(&live, options)?;
        live.complete(&session.viewpoint())?;
        changes = changes_since(session, place.parent, &live)?;
    }
    refuse_unreadable(&live, options)?;
    moved::refuse(session, &changes)?;
    let mut report = CommitReport {
        commit: None,
        short: place
            .parent
            .map(|id| session.repo.history().short(id))
            .unwrap_or_default(),
        branch: place.branch.clone(),
        started_branch: false,
        is_first: place.parent.is_none(),
        message: String::new(),
        tags: options.tags.clone(),
        changes: Changes::default(),
        manifest: None,
        service_problem: None,
        skipped: [live.failures.clone(), live.special.clone()].concat(),
        warnings: live.warnings.clone(),
    };
    if place.parent.is_some() && changes.is_empty() && !options.allow_empty {
        place.tag_parent(session, &options.tags)?;
        return Ok(report);
    }
    let message = match &options.message {
        Some(message) => message.clone(),
        None if place.parent.is_none() => first_message(&live),
        None => describe_changes(&changes),
    };
    let words = Words {
        message: &message,
        key: options.key.as_ref(),
    };
    let (commit, manifest) = record(session, &live, layer, place.parent, words)?;
    place.publish(session, commit, &message, &options.tags)?;
    pinning::hold(session, &mut live, &pinning::Which::Missing);
    live.mark_recorded();
    let recorded = changes.vars.iter().map(|var| var.name.as_str());
    if let Err(error) = shell::forget(&session.repo, recorded) {
        report.warnings.push(error.to_string());
    }
    live.save_while(&session.viewpoint(), |live| {
        pinning::tidy(session, live, pinning::After::Commit);
    });
    report.commit = Some(commit);
    report.short = session.repo.history().short(commit);
    report.started_branch = place.starts_branch;
    report.message = message;
    if place.parent.is_some() {
        report.changes = changes;
    }
    report.manifest = Some(manifest);
    Ok(report)
}

fn refuse_unreadable(live: &Live, options: &CommitOptions) -> Result<(), Error> {
    if live.failures.is_empty() || options.skip_unreadable {
        return Ok(());
    }
    Err(Error::Unreadable(live.failures.clone()))
}

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

/// Writes the layer and the commit. Durable on return, but no ref knows the commit yet.
pub(super) fn record(
    session: &mut Session<'_>,
    live: &Live,
    layer: Option<FinishedLayer>,
    parent: Option<CommitId>,
    words: Words<'_>,
) -> Result<(CommitId, Manifest), Error> {
    let layer = match layer {
        Some(layer) => Some(session.repo.store_mut()?.add(layer)?),
        None => None,
    };
    refuse_unstored(session, live)?;
    let history = session.repo.history();
    let manifest = manifest(live, layer);
    let known = match parent {
        Some(parent) => history.inventory(parent)?.files,
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
        parents: parent.into_iter().collect(),
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

fn manifest(live: &Live, layer: Option<LayerFacts>) -> Manifest {
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

fn first_message(live: &Live) -> String {
    let manifest = manifest(live, None);
    let total = |count: fn(&RootFacts) -> u64| manifest.roots.values().map(count).sum::<u64>();
    let names: Vec<_> = manifest.roots.keys().map(ToString::to_string).collect();
    let counted = |count: u64, noun: &str| format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" });
    format!(
        "First state of {}: {}, {}",
        names.join(", "),
        counted(total(|root| root.packages), "package"),
        counted(total(|root| root.files), "file")
    )
}

/// Where a new commit goes.
struct Place {
    parent: Option<CommitId>,
    branch: Option<String>,
    starts_branch: bool,
}

impl Place {
    /// The branch that HEAD is on; else one that is named, or derived from the place that HEAD is at, so that nobody
    /// is left on no branch. Names are checked before anything is written.
    fn choose(session: &Session<'_>, options: &CommitOptions) -> Result<Self, Error> {
        let history = session.repo.history();
        let refs = history.refs()?;
        for tag in &options.tags {
            let name = RefName::tag(tag)?;
            if refs.iter().any(|known| known.name == name) {
                return Err(Error::refused(
                    format!("the tag {tag} exists already"),
                    format!("choose another name, or move it: envgit tag -f {tag}"),
                ));
            }
        }
        let exists = |name: &str| {
            refs.iter()
                .any(|known| known.name.as_str() == format!("refs/heads/{name}"))
        };
        if let Some(branch) = &options.branch {
            RefName::branch(branch)?;
            if exists(branch) {
                return Err(Error::refused(
                    format!("the branch {branch} exists already"),
                    "choose another name",
                ));
            }
        }
        let head = history.head()?;
        let parent = head.commit();
        let (branch, starts_branch) = match (&options.branch, head) {
            (Some(branch), Head::Unborn { .. }) => (branch.clone(), false),
            (Some(branch), _) => (branch.clone(), true),
            (None, Head::Unborn { branch } | Head::Branch { name: branch, .. }) => (branch, false),
            (None, Head::Detached { commit, from }) => {
                let from = from.filter(|name| RefName::branch(name).is_ok() && !commit.to_string().starts_with(name));
                let base = from.map_or_else(|| history.short(commit), |name| name.replace('/', "-"));
                let free = (1..).map(|n| format!("{base}-{n}")).find(|name| !exists(name));
                (free.unwrap_or(base), true)
            }
        };
        Ok(Self {
            parent,
            branch: Some(branch),
            starts_branch,
        })
    }

    /// Moves the refs to the new commit.
    fn publish(&self, session: &Session<'_>, commit: CommitId, message: &str, tags: &[String]) -> Result<(), Error> {
        let history = session.repo.history();
        let subject = message.lines().next().unwrap_or_default();
        let kind = if self.parent.is_none() {
            "commit (initial)"
        } else {
            "commit"
        };
        let note = session.note(format!("{kind}: {subject}"));
        if let Some(branch) = &self.branch {
            let name = RefName::branch(branch)?;
            if self.starts_branch {
                let before = head(history)?;
                let from = before.branch.or(before.detached_from).unwrap_or_default();
                history.set_ref(&name, self.parent.unwrap_or(commit), Expected::Absent, &note)?;
                history.attach_head(&name, &session.note(moving(&from, branch)))?;
            } else if self.parent.is_none() {
                history.attach_head(&name, &note)?;
            }
        }
        history.move_branch_head(commit, self.parent.map_or(Expected::Absent, Expected::Is), &note)?;
        self.tag(session, commit, tags)
    }

    /// Nothing changed, so the tags go to the commit that is there.
    fn tag_parent(&self, session: &Session<'_>, tags: &[String]) -> Result<(), Error> {
        self.parent.map_or(Ok(()), |commit| self.tag(session, commit, tags))
    }

    fn tag(&self, session: &Session<'_>, commit: CommitId, tags: &[String]) -> Result<(), Error> {
        for tag in tags {
            let note = session.note(format!("tag: {tag}"));
            session
                .repo
                .history()
                .set_ref(&RefName::tag(tag)?, commit, Expected::Absent, &note)?;
        }
        Ok(())
    }
}
