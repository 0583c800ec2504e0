//! Pushing: what a remote lacks of this repository.
//!
//! ```text
//! newest entry ─► judge refs ─► layers ─► pack ─► entry (compare-and-swap) ─► files for git clients
//!       ▲                                            │ another was faster
//!       └────────────────────────────────────────────┘
//! ```

mod judge;
mod sent;

use std::collections::{BTreeMap, BTreeSet};

pub use judge::{Force, Outcome, Pushed, Rejection, Update};

use judge::judge;
use sent::{SentFile, digest_of};

use super::entry::{Entry, Pack};
use super::error::Error;
use super::fetch::{Local, each_at_once, layer_path};
use super::log::{self, Newest};
use super::memory::Memory;
use super::needs::{Holdings, Needs, sorted};
use super::{layout, stock};
use crate::digest::Digest;
use crate::fsx::Context as _;
use crate::history::{ObjectId, Person, RefName, Time};
use crate::progress::{Phase, Progress};
use crate::remote::{Body as _, Key, Transport};

/// What a push did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushReport {
    /// The refs.
    pub refs: Vec<Pushed>,
    /// Objects of the history that were sent.
    pub objects: u64,
    /// Bytes of the pack that was sent.
    pub pack_bytes: u64,
    /// Layers that were sent, with their lengths.
    pub layers: Vec<(Digest, u64)>,
    /// Layers that a push which did not end had sent already.
    pub layers_there: Vec<(Digest, u64)>,
    /// Layers that the remote had lost, and that were sent again.
    pub layers_again: Vec<(Digest, u64)>,
    /// Only planned.
    pub dry_run: bool,
}

/// What is pushed, by whom.
#[derive(Clone, Debug)]
pub struct PushOptions<'a> {
    /// The refs.
    pub updates: Vec<Update>,
    /// The branch that a clone is to check out, where nobody said so before.
    pub head: Option<RefName>,
    /// Who pushes.
    pub who: &'a Person,
    /// When.
    pub now: Time,
    /// Send layers again that the remote should have and has no more.
    pub mend: bool,
    /// Only plan.
    pub dry_run: bool,
}

/// So often another may be faster.
const ATTEMPTS: u32 = 100;

/// Pushes. Refs that are rejected stay, and the others move all the same, all at once.
///
/// # Errors
/// What cannot be read here, what the remote refused, or [`Error::Rewritten`].
pub fn push(
    local: Local<'_>,
    transport: &dyn Transport,
    memory: &Memory,
    options: &PushOptions<'_>,
    progress: &dyn Progress,
) -> Result<PushReport, Error> {
    let mut sender = Sender {
        local,
        transport,
        progress,
        sent_layers: BTreeMap::new(),
        pack: None,
        report: PushReport {
            dry_run: options.dry_run,
            ..PushReport::default()
        },
    };
    let mut newest = log::newest(transport)?;
    if let Some(seen) = memory.recall()? {
        log::check_follows(transport, newest.as_ref(), seen)?;
    }
    if let Some(newest) = newest.as_ref().filter(|_| options.mend) {
        sender.send_again(&newest.entry, options.dry_run)?;
    }
    for attempt in 0..ATTEMPTS {
        let refs = newest
            .as_ref()
            .map(|newest| newest.entry.refs.clone())
            .unwrap_or_default();
        sender.report.refs = judge(local.history, &options.updates, &refs)?;
        let moves: Vec<Pushed> = sender
            .report
            .refs
            .iter()
            .filter(|pushed| pushed.moves())
            .cloned()
            .collect();
        if moves.is_empty() {
            if let Some(newest) = &newest {
                // A push that was cut off may have left old ones.
                if !options.dry_run && transport.abilities().write && !stock::are_current(transport, &newest.entry)? {
                    stock::write(transport, newest.entry.clone())?;
                }
                memory.remember(newest.seen())?;
            }
            return Ok(sender.report);
        }
        let entry = sender.prepare(newest.as_ref(), &moves, options)?;
        if options.dry_run {
            return Ok(sender.report);
        }
        if log::append(transport, &entry)? {
            let added = log::newest(transport)?;
            if let Some(added) = &added {
                // Entries and files that stay old are mended by the next push.
                let _ = log::trim(transport, added);
            }
            stock::write(transport, entry.clone())?;
            memory.remember(log::Seen {
                number: entry.number,
                digest: Digest::of(&entry.encode()),
            })?;
            return Ok(sender.report);
        }
        std::thread::sleep(log::pause(attempt));
        newest = log::newest(transport)?;
    }
    Err(Error::Busy {
        address: transport.address().to_owned(),
        why: "others push all the time".to_owned(),
    })
}

/// A pack that was sent, and what is in it.
struct SentPack {
    pack: Pack,
    objects: BTreeSet<ObjectId>,
}

struct Sender<'a> {
    local: Local<'a>,
    transport: &'a dyn Transport,
    progress: &'a dyn Progress,
    /// Layers that are there for sure.
    sent_layers: BTreeMap<Digest, u64>,
    pack: Option<SentPack>,
    report: PushReport,
}

impl Sender<'_> {
    /// Sends all that the refs need, and gives the entry that moves them.
    fn prepare(
        &mut self,
        newest: Option<&Newest>,
        moves: &[Pushed],
        options: &PushOptions<'_>,
    ) -> Result<Entry, Error> {
        let mut entry = next_entry(newest, moves, options);
        let history = self.local.history;
        let there: Vec<ObjectId> = newest
            .iter()
            .flat_map(|newest| newest.entry.refs.values().copied())
            .collect();
        let known: Vec<ObjectId> = there.into_iter().filter(|id| history.has_object(*id)).collect();
        let wants: Vec<ObjectId> = moves.iter().filter_map(|pushed| pushed.to).collect();
        let beyond = history.beyond(&wants, &known)?;
        let layers = self.layers_for(&beyond.files, &known, &entry.layers)?;
        self.report.objects = beyond.objects.len() as u64;
        if options.dry_run {
            self.report.layers = layers;
            return Ok(entry);
        }
        if newest.is_none() {
            self.transport.replace(&layout::format()?, layout::FORMAT)?;
        }
        self.send_layers(&layers)?;
        entry
            .layers
            .extend(self.sent_layers.iter().map(|(digest, size)| (*digest, *size)));
        if !beyond.objects.is_empty() {
            entry.packs.push(self.send_pack(&beyond.objects, wants)?);
        }
        Ok(entry)
    }

    /// The layers that these inventories need and the remote lacks.
    fn layers_for(
        &self,
        files: &[(Vec<u8>, crate::history::BlobId)],
        known: &[ObjectId],
        there: &BTreeMap<Digest, u64>,
    ) -> Result<Vec<(Digest, u64)>, Error> {
        let history = self.local.history;
        let needs = Needs::of(history, files)?;
        if needs.contents.is_empty() {
            return Ok(Vec::new());
        }
        let store = self.local.store()?;
        let mut holdings = Holdings::default();
        let is_there = |digest: &Digest| there.contains_key(digest) || self.sent_layers.contains_key(digest);
        // What is there already comes first, then what the commits wrote themselves.
        let mut layers: Vec<_> = store.catalog().layers().collect();
        layers.sort_by_key(|(digest, _)| (!is_there(digest), !needs.layers.contains(digest)));
        for (digest, index) in layers {
            holdings.add(*digest, index);
        }
        let (wanted, mut lacking) = holdings.find(&needs.contents);
        if !lacking.is_empty() {
            // Layers that are not here may be there, for commits that are there.
            let others = history.beyond(known, &[])?;
            let mut needs = Needs {
                contents: std::mem::take(&mut lacking),
                ..Needs::default()
            };
            needs.without(&Needs::of(history, &others.files)?);
            lacking = needs.contents;
        }
        if !lacking.is_empty() {
            return Err(Error::Lacking {
                place: self.local.layers().display().to_string(),
                contents: sorted(&lacking),
            });
        }
        let mut sized = Vec::new();
        for digest in wanted.into_iter().filter(|digest| !is_there(digest)) {
            let path = store.layer_path(&digest);
            sized.push((digest, path.metadata().at("look at", &path)?.len()));
        }
        Ok(sized)
    }

    fn send_layers(&mut self, layers: &[(Digest, u64)]) -> Result<(), Error> {
        if layers.is_empty() {
            return Ok(());
        }
        // A push that did not end may have sent some.
        let listed = self.listed(&layout::layers()?)?;
        let mut todo = Vec::new();
        for (digest, size) in layers {
            if listed.get(&layout::layer(digest)?) == Some(size) {
                self.report.layers_there.push((*digest, *size));
            } else {
                todo.push((*digest, *size));
            }
        }
        self.put(&todo)?;
        self.report.layers.extend(&todo);
        self.sent_layers.extend(layers.iter().copied());
        Ok(())
    }

    /// Sends layers that the remote has by its own account and not in fact, if they are here.
    fn send_again(&mut self, entry: &Entry, dry_run: bool) -> Result<(), Error> {
        let listed = self.listed(&layout::layers()?)?;
        let mut todo = Vec::new();
        for (digest, size) in &entry.layers {
            let here = layer_path(self.local.dir, digest).metadata();
            let is_here = here.is_ok_and(|here| here.len() == *size);
            if is_here && listed.get(&layout::layer(digest)?) != Some(size) {
                todo.push((*digest, *size));
            }
        }
        if !dry_run {
            self.put(&todo)?;
        }
        self.report.layers_again = todo;
        Ok(())
    }

    /// What lies beneath a key, with lengths.
    fn listed(&self, prefix: &Key) -> Result<BTreeMap<Key, u64>, Error> {
        let listed = self.transport.list(prefix)?.into_iter();
        Ok(listed.map(|found| (found.key, found.size)).collect())
    }

    fn put(&self, layers: &[(Digest, u64)]) -> Result<(), Error> {
        if layers.is_empty() {
            return Ok(());
        }
        let total = layers.iter().map(|(_, size)| size).sum();
        self.progress.begin(Phase::Send, Some(total));
        let (repo, transport, progress) = (self.local.dir, self.transport, self.progress);
        let sent = each_at_once(layers, |(digest, _)| {
            let body = SentFile::open(&layer_path(repo, digest), Some(progress))?;
            transport.put(&layout::layer(digest)?, &body)?;
            Ok(())
        });
        self.progress.end();
        sent.map(drop)
    }

    /// Sends a pack of these objects, unless one that was sent holds them all.
    fn send_pack(&mut self, objects: &[ObjectId], tips: Vec<ObjectId>) -> Result<Pack, Error> {
        let needed: BTreeSet<ObjectId> = objects.iter().copied().collect();
        if let Some(sent) = &self.pack
            && needed.is_subset(&sent.objects)
        {
            return Ok(Pack {
                tips,
                ..sent.pack.clone()
            });
        }
        let draft = tempfile::Builder::new()
            .prefix(".draft-")
            .tempdir_in(self.local.dir)
            .at("create a directory in", self.local.dir)?;
        let files = self.local.history.export(objects, draft.path())?;
        let name = files
            .pack
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let pack = Pack {
            name: name.to_owned(),
            digest: digest_of(&files.pack)?,
            size: files.pack.metadata().at("look at", &files.pack)?.len(),
            tips,
        };
        let listed = self.listed(&layout::packs()?)?;
        // The index last: a git client that sees one looks for the pack.
        for path in [&files.pack, &files.index] {
            let body = SentFile::open(path, None)?;
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let key = layout::pack(file)?;
            if listed.get(&key) != Some(&body.len()) {
                self.transport.put(&key, &body)?;
                self.report.pack_bytes += body.len();
            }
        }
        self.pack = Some(SentPack {
            pack: pack.clone(),
            objects: needed,
        });
        Ok(pack)
    }
}

fn next_entry(newest: Option<&Newest>, moves: &[Pushed], options: &PushOptions<'_>) -> Entry {
    let before = newest.map(|newest| &newest.entry);
    let mut refs = before.map(|entry| entry.refs.clone()).unwrap_or_default();
    for pushed in moves {
        let name = pushed.name.as_str().to_owned();
        match pushed.to {
            Some(to) => refs.insert(name, to),
            None => refs.remove(&name),
        };
    }
    let is_there = |name: &String| refs.contains_key(name);
    let first_branch = || refs.keys().find(|name| name.starts_with("refs/heads/")).cloned();
    let head = before
        .and_then(|entry| entry.head.clone())
        .filter(is_there)
        .or_else(|| {
            options
                .head
                .as_ref()
                .map(|head| head.as_str().to_owned())
                .filter(is_there)
        })
        .or_else(first_branch);
    Entry {
        format: Entry::FORMAT,
        number: before.map_or(0, |entry| entry.number) + 1,
        previous: newest.map(|newest| newest.digest),
        id: log::random_id(),
        time: options.now,
        who: options.who.clone(),
        head,
        refs,
        packs: before.map(|entry| entry.packs.clone()).unwrap_or_default(),
        layers: before.map(|entry| entry.layers.clone()).unwrap_or_default(),
    }
}
