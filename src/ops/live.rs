//! The live state of all roots, captured and written down as an inventory in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Session;
use super::error::Error;
use super::homes::Homes;
use super::shell::{self, StandIns};
use crate::capture::configs::ConfigPatterns;
use crate::capture::ignored::{self, Ignored};
use crate::capture::rules::Rules;
use crate::capture::scan::{self, LiveRoot};
use crate::capture::state::RootState;
use crate::capture::touched::Touched;
use crate::capture::written::Written;
use crate::config::Config;
use crate::cores;
use crate::fsx::Context;
use crate::fsx::stable;
use crate::history::{BlobId, CommitId, tracked_paths};
use crate::progress::{Phase, Progress};
use crate::repo::{DIR_NAME, Repo};
use crate::snapshot::entry::Entry;
use crate::snapshot::facts::Vars;
use crate::snapshot::filelist;
use crate::snapshot::path::{RelPath, escape};
use crate::snapshot::root::{Kind, Root, RootName};
use crate::snapshot::unit::UnitName;

/// The live state.
pub(super) struct Live {
    /// The roots, in the order of the configuration.
    pub(super) roots: Vec<LiveRoot>,
    /// The inventory, without manifest and variables.
    pub(super) inventory: BTreeMap<Vec<u8>, BlobId>,
    /// The recorded variables.
    pub(super) vars: Vars,
    /// Config texts that were read.
    pub(super) texts: HashMap<Vec<u8>, Vec<u8>>,
    /// Files that could not be read, for people.
    pub(super) failures: Vec<String>,
    /// Sockets, fifos and devices, for people.
    pub(super) special: Vec<String>,
    /// What is odd, for people.
    pub(super) warnings: Vec<String>,
    /// Recorded setuid and setgid bits count. Without, a live file may lack those that a commit has.
    pub(super) keeps_setuid: bool,
    /// Roots, by number, of which more is known than the stat cache was told.
    pub(super) unsaved: BTreeSet<usize>,
    /// How many files were read to know their content.
    pub(super) read: u64,
    seen: Instant,
}

/// What was seen so lately counts as seen now.
const MOMENT: Duration = Duration::from_secs(2);

/// Parts of the inventory of a root that holds packages.
pub(super) const PACKAGES: &str = "packages.jsonl";
pub(super) const PROMISES: &str = "promises.jsonl";
pub(super) const BINARIES: &str = "binaries.jsonl";
pub(super) const CONDA_HISTORY: &str = "conda-history";
pub(super) const RECORDS: [&str; 4] = [PACKAGES, PROMISES, BINARIES, CONDA_HISTORY];

/// Files that a checkout just wrote, by root.
pub(super) type WrittenByRoot = HashMap<RootName, Written>;

/// By which settings the live state is looked at.
#[derive(Clone)]
pub(super) struct Viewpoint<'a> {
    /// The roots and what is recorded of them.
    pub(super) config: &'a Config,
    /// Keeps the stat cache. Without one everything is read, and nothing is remembered.
    pub(super) repo: Option<&'a Repo>,
    /// The environment variables.
    pub(super) env: &'a [(OsString, OsString)],
    /// Who hears of progress.
    pub(super) progress: &'a dyn Progress,
    /// Where the roots stand in what is recorded.
    pub(super) homes: Homes,
    /// Values of variables that stand for recorded ones.
    pub(super) stand_ins: StandIns,
}

impl Session<'_> {
    /// How this session looks at the live state: as a commit on HEAD would record it.
    pub(super) fn viewpoint(&self) -> Viewpoint<'_> {
        self.viewpoint_of(None)
    }

    /// How it looks at the live state to compare it with that of a commit.
    pub(super) fn viewpoint_of(&self, commit: Option<CommitId>) -> Viewpoint<'_> {
        // A HEAD that cannot be read is told by whoever needs it.
        let head = self.repo.history().head().ok().and_then(|head| head.commit());
        Viewpoint {
            config: self.repo.config(),
            repo: Some(&self.repo),
            env: &self.env,
            progress: self.progress,
            homes: Homes::of(self, commit.into_iter().chain(head)),
            stand_ins: StandIns::of(&self.repo, head),
        }
    }
}

impl Viewpoint<'_> {
    fn state_path(&self, root: &Root) -> Option<PathBuf> {
        self.repo.map(|repo| repo.state_path(&root.name))
    }
}

impl Live {
    /// Lists all roots. What changed is not read yet.
    ///
    /// # Errors
    /// A root that is not there.
    pub(super) fn scan(viewpoint: &Viewpoint<'_>, written: &WrittenByRoot) -> Result<Self, Error> {
        let config = viewpoint.config;
        let seen = Instant::now();
        viewpoint.progress.begin(Phase::Scan, None);
        let none = Written::new();
        let scan = |root: &Root| -> Result<LiveRoot, Error> {
            let rules = rules(viewpoint, root)?;
            let written = written.get(&root.name).unwrap_or(&none);
            let state = viewpoint.state_path(root);
            Ok(LiveRoot::scan(root, &rules, state.as_deref(), written, cores::count())?)
        };
        let roots: Result<Vec<_>, Error> = config.roots.iter().map(scan).collect();
        viewpoint.progress.end();
        Ok(Self::of(viewpoint, roots?, seen))
    }

    /// The roots, listed.
    fn of(viewpoint: &Viewpoint<'_>, roots: Vec<LiveRoot>, seen: Instant) -> Self {
        let name = |root: &LiveRoot, path: &RelPath| format!("{}:{path}", root.root.name);
        Self {
            special: roots
                .iter()
                .flat_map(|root| root.special.iter().map(move |path| name(root, path)))
                .collect(),
            failures: roots
                .iter()
                .flat_map(|root| &root.unreadable)
                .map(|error| format!("{error}: {}", error.source))
                .collect(),
            vars: (viewpoint.stand_ins).put_in(shell::vars(viewpoint.config, &viewpoint.homes, viewpoint.env)),
            inventory: BTreeMap::new(),
            texts: HashMap::new(),
            warnings: Vec::new(),
            unsaved: BTreeSet::new(),
            keeps_setuid: viewpoint.repo.is_none_or(Repo::keeps_setuid),
            read: 0,
            seen,
            roots,
        }
    }

    /// Whether it was seen longer ago than a moment: while a question stood, or much was written, others may have
    /// changed it.
    pub(super) fn is_old(&self) -> bool {
        self.seen.elapsed() > MOMENT
    }

    /// Reads what changed, only to know it, and completes the state.
    ///
    /// # Errors
    /// A root that is not there.
    pub(super) fn capture(viewpoint: &Viewpoint<'_>, written: &WrittenByRoot) -> Result<Self, Error> {
        let mut live = Self::scan(viewpoint, written)?;
        live.read_pending(viewpoint.progress);
        live.complete(viewpoint)?;
        Ok(live)
    }

    /// Looks again at what a checkout touched, by root; at everything, if the rest was seen longer ago than a moment. What
    /// follows from that is not derived, and the stat cache not saved yet.
    ///
    /// # Errors
    /// A root that is not there.
    pub(super) fn look_again(
        self,
        viewpoint: &Viewpoint<'_>,
        touched: &HashMap<RootName, Touched>,
        written: &WrittenByRoot,
    ) -> Result<Self, Error> {
        viewpoint.progress.begin(Phase::Scan, None);
        let (is_old, seen) = (self.is_old(), Instant::now());
        let none = (Touched::default(), Written::new());
        let look = |root: LiveRoot| -> Result<LiveRoot, Error> {
            let rules = rules(viewpoint, &root.root)?;
            let touched = touched.get(&root.root.name).unwrap_or(&none.0);
            let written = written.get(&root.root.name).unwrap_or(&none.1);
            Ok(root.look_again(&rules, (!is_old).then_some(touched), written, cores::count())?)
        };
        let roots: Result<Vec<_>, Error> = self.roots.into_iter().map(look).collect();
        viewpoint.progress.end();
        let mut live = Self::of(viewpoint, roots?, seen);
        live.unsaved = self.unsaved;
        live.read_pending(viewpoint.progress);
        let changed = live.roots.iter().enumerate().filter(|(_, root)| root.changed);
        live.unsaved.extend(changed.map(|(number, _)| number));
        Ok(live)
    }

    /// Trusts the stamps of what a checkout just wrote, once the clock of files has ticked on.
    pub(super) fn outlast_doubt(&mut self, written: &WrittenByRoot) {
        let none = Written::new();
        for (number, root) in self.roots.iter_mut().enumerate() {
            if root.changed {
                root.outlast_doubt(written.get(&root.root.name).unwrap_or(&none));
                self.unsaved.insert(number);
            }
        }
    }

    /// Reads what changed, only to know it.
    fn read_pending(&mut self, progress: &dyn Progress) {
        if self.is_known() {
            return;
        }
        progress.begin(Phase::Read, Some(self.pending_bytes()));
        for root in &mut self.roots {
            self.read += root.pending.len() as u64;
            let failures = root.hash_pending(cores::count(), progress);
            self.failures.extend(failures.iter().map(describe));
        }
        progress.end();
    }

    /// Bytes that must be read.
    pub(super) fn pending_bytes(&self) -> u64 {
        let sizes = self
            .roots
            .iter()
            .flat_map(|root| root.pending.iter().map(|at| root.state.entries[*at].size()));
        sizes.sum()
    }

    /// Whether nothing must be read.
    pub(super) fn is_known(&self) -> bool {
        self.roots.iter().all(|root| root.pending.is_empty())
    }

    /// Finds packages and units and writes the inventory, once every entry is complete. Saves the stat cache.
    ///
    /// # Errors
    /// A config file that cannot be read.
    pub(super) fn complete(&mut self, viewpoint: &Viewpoint<'_>) -> Result<(), Error> {
        self.derive(viewpoint)?;
        for root in self.roots.iter().filter(|root| root.changed) {
            let path = viewpoint.state_path(&root.root);
            self.warnings.extend(path.and_then(|path| save(&path, &root.state)));
        }
        Ok(())
    }

    /// Notes that all entries are part of the last commit. The stat cache is not saved yet.
    pub(super) fn mark_recorded(&mut self) {
        for (number, root) in self.roots.iter_mut().enumerate() {
            if root.state.marks.iter().any(|mark| !mark.recorded) {
                root.state.marks.iter_mut().for_each(|mark| mark.recorded = true);
                self.unsaved.insert(number);
            }
        }
    }

    /// Saves the stat cache where more is known than it was told, while other work is done. That is told whether the
    /// saving still goes on.
    pub(super) fn save_while(&mut self, viewpoint: &Viewpoint<'_>, work: impl FnOnce(&Self, &dyn Fn() -> bool)) {
        let unsaved = std::mem::take(&mut self.unsaved);
        let paths = unsaved.iter().filter_map(|number| {
            let root = &self.roots[*number];
            Some((viewpoint.state_path(&root.root)?, &root.state))
        });
        let paths: Vec<_> = paths.collect();
        let warnings = std::thread::scope(|scope| {
            let saving = scope.spawn(|| {
                let saved = paths.iter().filter_map(|(path, state)| save(path, state));
                saved.collect::<Vec<_>>()
            });
            work(self, &|| !saving.is_finished());
            saving.join().unwrap_or_default()
        });
        self.warnings.extend(warnings);
    }

    /// The text of an inventory file that is not a unit.
    pub(super) fn text(&self, path: &[u8]) -> Option<Vec<u8>> {
        if let Some(text) = self.texts.get(path) {
            return Some(text.clone());
        }
        let (name, rest) = split(path)?;
        let root = self.root(name)?;
        if let Some(text) = std::str::from_utf8(rest).ok().and_then(|part| records(root, part)) {
            return Some(text.to_vec());
        }
        let config = RelPath::new(rest.strip_prefix(b"configs/")?).ok()?;
        let entry = root.entry(config.as_bytes())?.file()?;
        let text = root.read(&config).ok()?;
        (crate::digest::Digest::of(&text) == entry.digest).then_some(text)
    }

    /// The entries of a unit.
    pub(super) fn unit(&self, root: &RootName, unit: &UnitName) -> Option<Vec<Entry>> {
        let root = self.root(root.as_str().as_bytes())?;
        let at = root.state.units.binary_search_by(|known| known.name.cmp(unit)).ok()?;
        Some(root.unit(at as u32).cloned().collect())
    }

    /// A root by its name.
    pub(super) fn root(&self, name: &[u8]) -> Option<&LiveRoot> {
        self.roots
            .iter()
            .find(|root| root.root.name.as_str().as_bytes() == name)
    }

    /// The texts of all inventory files whose ids are not among `known`.
    ///
    /// # Errors
    /// A config file that changed since it was captured.
    pub(super) fn new_texts(
        &self,
        known: &BTreeMap<Vec<u8>, BlobId>,
        has: impl Fn(BlobId) -> bool,
    ) -> Result<HashMap<BlobId, Vec<u8>>, Error> {
        let mut texts = HashMap::new();
        for root in &self.roots {
            let name = root.root.name.as_str();
            let is_new = |path: &[u8], id: BlobId| known.get(path) != Some(&id) && !has(id);
            let mut wanted: HashMap<u32, BlobId> = HashMap::new();
            for (at, unit) in root.state.units.iter().enumerate() {
                let path = format!("{name}/files/{}", unit.name).into_bytes();
                if let Some(id) = unit.id.map(BlobId::from_bytes)
                    && is_new(&path, id)
                {
                    wanted.insert(at as u32, id);
                }
            }
            for (at, text) in unit_texts(root, |at| wanted.contains_key(&at)) {
                texts.insert(wanted[&at], text);
            }
        }
        for (path, id) in &self.inventory {
            if known.get(path) == Some(id) || texts.contains_key(id) || has(*id) {
                continue;
            }
            let text = self.text(path).filter(|text| BlobId::of(text) == *id);
            let text =
                text.ok_or_else(|| Error::Unreadable(vec![format!("{} changed while it was recorded", escape(path))]))?;
            texts.insert(*id, text);
        }
        Ok(texts)
    }
}

/// What the inventory says of the packages of a root, by name of the part.
pub(super) fn records<'a>(root: &'a LiveRoot, part: &str) -> Option<&'a [u8]> {
    match part {
        PACKAGES => Some(&root.state.packages),
        PROMISES => Some(&root.state.promises),
        BINARIES => Some(&root.state.binaries),
        CONDA_HISTORY => Some(&root.state.conda_history),
        _ => None,
    }
}

/// A failure to read a file, in one line.
pub(super) fn describe(error: &stable::Error) -> String {
    match error {
        stable::Error::Io(error) => format!("{error}: {}", error.source),
        other => other.to_string(),
    }
}

/// Writes the stat cache; what goes wrong costs only speed.
fn save(path: &Path, state: &RootState) -> Option<String> {
    let saved = path.parent().map_or(Ok(()), crate::fsx::create_dir_all);
    let saved = saved.and_then(|()| state.save(path));
    saved
        .err()
        .map(|error| format!("the cache was not written: {error}: {}", error.source))
}

fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().position(|b| *b == b'/')?;
    Some((&path[..slash], &path[slash + 1..]))
}

pub(super) fn config_path(root: &str, path: &RelPath) -> Vec<u8> {
    [root.as_bytes(), b"/configs/", path.as_bytes()].concat()
}

/// The texts of some units in one pass over the entries.
pub(super) fn unit_texts(root: &LiveRoot, wanted: impl Fn(u32) -> bool) -> BTreeMap<u32, Vec<u8>> {
    let mut grouped: BTreeMap<u32, Vec<&Entry>> = BTreeMap::new();
    for (entry, unit) in root.state.entries.iter().zip(&root.state.unit_of) {
        if wanted(*unit) {
            grouped.entry(*unit).or_default().push(entry);
        }
    }
    let encode = |(unit, entries): (u32, Vec<&Entry>)| (unit, filelist::encode(entries));
    grouped.into_iter().map(encode).collect()
}

/// By which rules a root is captured.
pub(super) fn rules(viewpoint: &Viewpoint<'_>, root: &Root) -> Result<Rules, Error> {
    let config = viewpoint.config;
    let beneath = |path: &std::path::Path| {
        let rest = path.strip_prefix(&root.path).ok()?;
        RelPath::new(rest.as_os_str().as_encoded_bytes()).ok()
    };
    let others = config.roots.iter().filter(|other| other.name != root.name);
    let mut excluded: BTreeSet<RelPath> = others.filter_map(|other| beneath(&other.path)).collect();
    match viewpoint.repo {
        Some(repo) => excluded.extend(beneath(repo.dir())),
        None => excluded.extend(RelPath::new(DIR_NAME).ok()),
    }
    let mut configs = None;
    if root.kind == Kind::Project {
        excluded.extend(RelPath::new(".git").ok());
        let patterns = ConfigPatterns::new(&config.files.patterns, config.files.max_size);
        configs = Some(patterns.map_err(|e| Error::refused(format!("files.patterns: {e}"), ""))?);
    }
    let form = viewpoint.homes.of_live(config, root, viewpoint.repo);
    Ok(Rules {
        form: Arc::new(form),
        ignored: Ignored::load(&root.path).map_err(|error| why_without_rules(root, error))?,
        excluded,
        configs,
    })
}

/// A root that is no folder has no rules either.
fn why_without_rules(root: &Root, error: ignored::Error) -> scan::Error {
    match std::fs::read_dir(&root.path).at("list", &root.path) {
        Err(source) if source.is_nothing_there() && !source.is_not_found() => scan::Error::Root {
            name: root.name.to_string(),
            source,
        },
        _ => error.into(),
    }
}

/// The paths of a project root that the user's own git tracks.
pub(super) fn git_tracked(root: &Root) -> BTreeSet<RelPath> {
    match root.kind {
        Kind::Project => tracked_paths(&root.path).unwrap_or_default(),
        _ => BTreeSet::new(),
    }
}
