//! What the history needs: every commit that can be reached, its trees and the files of its inventory. Damage is noted,
//! and the rest is surveyed all the same.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Mutex;

use super::Session;
use super::error::Error;
use super::operations::OperationLog;
use crate::cores;
use crate::history::{self, BlobId, CommitId, Head, History, RefName, TreeEntry, TreeId, told};
use crate::snapshot::path::escape;

/// From where the history is surveyed.
pub(super) struct Reach<'a> {
    /// Refs that do not count.
    pub(super) without: &'a [RefName],
    /// Reflog lines before this moment (seconds since 1970) do not count.
    pub(super) since: i64,
    /// HEAD and all refs are where the last operation left them.
    is_as_left: bool,
}

impl<'a> Reach<'a> {
    /// From all refs but `without`, and from the logs as far back as `gc.keep_days` says.
    pub(super) fn of(session: &Session<'_>, without: &'a [RefName]) -> Self {
        const DAY: i64 = 86_400;
        let since = match session.repo.config().gc.keep_days {
            0 => i64::MAX,
            days => session.now.seconds - i64::from(days) * DAY,
        };
        Self {
            without,
            since,
            is_as_left: OperationLog::of(session).left(session.repo.history()),
        }
    }
}

/// What a file of an inventory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    Manifest,
    Vars,
    Packages,
    Config,
    Unit,
    Other,
}

/// A distinct file of the inventories.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) part: Part,
    pub(super) id: BlobId,
    /// Where it stands in the inventory in which it was first met.
    pub(super) path: Vec<u8>,
}

/// A commit that is needed.
#[derive(Clone, Debug)]
pub(super) struct Needed {
    pub(super) tree: TreeId,
    parents: Vec<CommitId>,
    pub(super) subject: String,
    /// Refs that lead to it, by short name.
    pub(super) names: Vec<String>,
}

/// An object or ref that is not as it should be.
#[derive(Clone, Debug)]
pub(super) struct HistoryFlaw {
    /// `commit`, `tree`, `blob`, `ref` or `reflog`.
    pub(super) kind: &'static str,
    /// The id or name.
    pub(super) name: String,
    /// The object, if it is one.
    pub(super) id: Option<[u8; 20]>,
    pub(super) what: String,
    /// Names that lead to it directly.
    pub(super) names: BTreeSet<String>,
    /// Commits that follow it.
    pub(super) followers: BTreeSet<CommitId>,
}

/// What the history needs.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) commits: BTreeMap<CommitId, Needed>,
    /// Distinct files of the inventories.
    pub(super) texts: Vec<Text>,
    pub(super) flaws: Vec<HistoryFlaw>,
    /// How many refs were read.
    pub(super) refs: u64,
    starts: Vec<Start>,
    trees: HashMap<(Folder, TreeId), Vec<Child>>,
}

/// Where the walk begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Start {
    commit: CommitId,
    /// The full name of the ref, or `HEAD`.
    name: String,
    /// A line of its log says so, not the ref itself.
    is_of_log: bool,
}

/// Where in an inventory a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Folder {
    Top,
    Root,
    Files,
    Configs,
}

enum Child {
    Folder(Folder, TreeId),
    File(BlobId),
}

/// What came of reading a text.
pub(super) type Reading<T> = Result<T, String>;

impl Survey {
    /// Surveys the history.
    pub(super) fn of(history: &History, reach: &Reach<'_>) -> Self {
        let mut survey = Self::default();
        survey.starts = survey.find_starts(history, reach);
        survey.walk(history);
        let mut seen = BTreeSet::new();
        let trees: Vec<TreeId> = survey.commits.values().map(|commit| commit.tree).collect();
        for tree in trees {
            survey.tree(history, Folder::Top, tree, &[], &mut seen);
        }
        survey
    }

    /// Whether the refs and logs lead where they led when the survey was made.
    pub(super) fn is_current(&self, history: &History, reach: &Reach<'_>) -> bool {
        let mut now = Self::default();
        let starts = now.find_starts(history, reach);
        starts == self.starts && now.flaws.is_empty()
    }

    /// How many distinct objects were met.
    pub(super) fn objects(&self) -> u64 {
        (self.commits.len() + self.trees.len() + self.texts.len()) as u64
    }

    /// The commits to which the refs of these full names lead, or led as far back as the logs count.
    pub(super) fn reached_from(&self, is_meant: impl Fn(&str) -> bool) -> BTreeSet<CommitId> {
        let starts = self.starts.iter().filter(|start| is_meant(&start.name));
        let mut todo: Vec<CommitId> = starts.map(|start| start.commit).collect();
        let mut reached = BTreeSet::new();
        while let Some(id) = todo.pop() {
            if let Some(commit) = self.commits.get(&id)
                && reached.insert(id)
            {
                todo.extend(&commit.parents);
            }
        }
        reached
    }

    fn find_starts(&mut self, history: &History, reach: &Reach<'_>) -> Vec<Start> {
        let mut starts = Vec::new();
        let mut logs = vec!["HEAD".to_owned()];
        for found in history.checked_refs() {
            self.refs += 1;
            let name = RefName::new(&found.name).ok();
            if name.as_ref().is_some_and(|name| reach.without.contains(name)) {
                continue;
            }
            logs.push(found.name.clone());
            match found.commit {
                Ok(commit) => starts.push(Start {
                    commit,
                    name: found.name,
                    is_of_log: false,
                }),
                Err(what) => self.note("ref", found.name, None, what),
            }
        }
        match history.head() {
            Ok(Head::Detached { commit, .. }) => starts.push(Start {
                commit,
                name: "HEAD".to_owned(),
                is_of_log: false,
            }),
            // An undo of the first commit takes the branch away.
            Ok(Head::Unborn { .. }) if reach.is_as_left => {}
            Ok(Head::Unborn { .. }) if self.refs > 0 && history.reflog("HEAD").is_ok_and(|log| !log.is_empty()) => {
                let what = "it is on a branch that is not there".to_owned();
                self.note("ref", "HEAD".to_owned(), None, what);
            }
            Ok(Head::Unborn { .. } | Head::Branch { .. }) => {}
            Err(error) => self.note("ref", "HEAD".to_owned(), None, told(&error)),
        }
        for log in logs {
            match history.reflog(&log) {
                Ok(lines) => {
                    for line in lines.iter().filter(|line| line.time.seconds >= reach.since) {
                        let commits = line.old.into_iter().chain([line.new]);
                        let is_some = |commit: &CommitId| commit.as_bytes() != &[0; 20];
                        starts.extend(commits.filter(is_some).map(|commit| Start {
                            commit,
                            name: log.clone(),
                            is_of_log: true,
                        }));
                    }
                }
                Err(error) => self.note("reflog", log, None, told(&error)),
            }
        }
        starts
    }

    fn note(&mut self, kind: &'static str, name: String, id: Option<[u8; 20]>, what: String) {
        self.flaws.push(HistoryFlaw {
            kind,
            name,
            id,
            what,
            names: BTreeSet::new(),
            followers: BTreeSet::new(),
        });
    }

    fn walk(&mut self, history: &History) {
        let starts = self.starts.iter().cloned();
        let mut todo: Vec<(CommitId, Option<CommitId>, Option<String>)> =
            starts.map(|start| (start.commit, None, Some(start.told()))).collect();
        let mut broken: BTreeMap<CommitId, usize> = BTreeMap::new();
        while let Some((id, follower, name)) = todo.pop() {
            if let Some(known) = self.commits.get_mut(&id) {
                known.names.extend(name);
                continue;
            }
            if let Entry::Vacant(place) = broken.entry(id) {
                match history.commit_info(id) {
                    Ok(info) => {
                        todo.extend(info.parents.iter().map(|parent| (*parent, Some(id), None)));
                        let needed = Needed {
                            tree: info.tree,
                            subject: info.subject().to_owned(),
                            parents: info.parents,
                            names: name.into_iter().collect(),
                        };
                        self.commits.insert(id, needed);
                        continue;
                    }
                    Err(error) => {
                        place.insert(self.flaws.len());
                        self.note("commit", id.to_string(), Some(*id.as_bytes()), told(&error));
                    }
                }
            }
            if let Some(flaw) = broken.get(&id).and_then(|at| self.flaws.get_mut(*at)) {
                flaw.names.extend(name);
                flaw.followers.extend(follower);
            }
        }
        for needed in self.commits.values_mut() {
            // A log says nothing that a ref does not say better.
            needed.names.sort_unstable();
            needed.names.dedup();
            needed.names.retain(|name| !name.starts_with("the log of "));
        }
    }

    fn tree(
        &mut self,
        history: &History,
        folder: Folder,
        tree: TreeId,
        path: &[u8],
        seen: &mut BTreeSet<(Part, BlobId)>,
    ) {
        /// Folders within folders, beyond which a tree is taken for hostile.
        const MAX_DEPTH: usize = 2048;
        if self.trees.contains_key(&(folder, tree)) {
            return;
        }
        let entries = match history.tree_entries(tree) {
            Ok(entries) if path.iter().filter(|b| **b == b'/').count() < MAX_DEPTH => entries,
            Ok(_) => {
                self.note(
                    "tree",
                    tree.to_string(),
                    Some(*tree.as_bytes()),
                    "its folders are nested too deeply".to_owned(),
                );
                Vec::new()
            }
            Err(error) => {
                let known = self.flaws.iter().any(|flaw| flaw.id == Some(*tree.as_bytes()));
                if !known {
                    self.note("tree", tree.to_string(), Some(*tree.as_bytes()), told(&error));
                }
                Vec::new()
            }
        };
        let mut children = Vec::with_capacity(entries.len());
        let mut todo = Vec::new();
        for entry in entries {
            match entry {
                TreeEntry::Folder(name, id) => {
                    let inner = match (folder, &name[..]) {
                        (Folder::Top, _) => Folder::Root,
                        (Folder::Root, b"files") => Folder::Files,
                        (Folder::Root, _) => Folder::Configs,
                        (inner, _) => inner,
                    };
                    children.push(Child::Folder(inner, id));
                    todo.push((inner, id, [path, &name, b"/"].concat()));
                }
                TreeEntry::File(name, id) => {
                    let part = match (folder, &name[..]) {
                        (Folder::Top, b"snapshot.json") => Part::Manifest,
                        (Folder::Top, b"vars.json") => Part::Vars,
                        (Folder::Root, b"packages.jsonl") => Part::Packages,
                        (Folder::Files, _) => Part::Unit,
                        (Folder::Configs, _) => Part::Config,
                        _ => Part::Other,
                    };
                    children.push(Child::File(id));
                    if seen.insert((part, id)) {
                        let path = [path, &name].concat();
                        self.texts.push(Text { part, id, path });
                    }
                }
            }
        }
        self.trees.insert((folder, tree), children);
        for (inner, id, path) in todo {
            self.tree(history, inner, id, &path, seen);
        }
    }

    /// Reads all texts on all cores. What cannot be read, or of which `each` finds something wrong, is an error.
    ///
    /// # Errors
    /// When the history cannot be opened again.
    pub(super) fn read<T: Send>(
        &self,
        history: &History,
        each: impl Fn(&Text, &[u8]) -> Reading<T> + Sync,
    ) -> Result<Vec<(&Text, Reading<T>)>, Error> {
        let threads = cores::count();
        let queue = Mutex::new(self.texts.iter());
        let done = Mutex::new(Vec::with_capacity(self.texts.len()));
        let dir = history.dir();
        let work = || -> Result<(), history::Error> {
            // gix's handles are bound to a thread.
            let history = History::open(dir)?;
            let next = || queue.lock().ok().and_then(|mut queue| queue.next());
            while let Some(text) = next() {
                let read = history.blob(text.id).map_err(|error| told(&error));
                let result = read.and_then(|bytes| each(text, &bytes));
                if let Ok(mut done) = done.lock() {
                    done.push((text, result));
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.min(self.texts.len())).map(|_| scope.spawn(work)).collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, Result<(), history::Error>>| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            workers.into_iter().try_for_each(join)
        })?;
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_by(|(a, _), (b, _)| (&a.path, a.id).cmp(&(&b.path, b.id)));
        Ok(done)
    }

    /// Which commits need each of these objects (blobs or trees).
    pub(super) fn dependents(&self, bad: &BTreeSet<[u8; 20]>) -> BTreeMap<[u8; 20], BTreeSet<CommitId>> {
        let mut found: BTreeMap<[u8; 20], BTreeSet<CommitId>> = BTreeMap::new();
        if bad.is_empty() {
            return found;
        }
        let mut known = HashMap::new();
        for (id, commit) in &self.commits {
            for object in self.bad_in(Folder::Top, commit.tree, bad, &mut known).iter() {
                found.entry(*object).or_default().insert(*id);
            }
        }
        found
    }

    fn bad_in(
        &self,
        folder: Folder,
        tree: TreeId,
        bad: &BTreeSet<[u8; 20]>,
        known: &mut HashMap<(Folder, TreeId), Rc<BTreeSet<[u8; 20]>>>,
    ) -> Rc<BTreeSet<[u8; 20]>> {
        if let Some(found) = known.get(&(folder, tree)) {
            return found.clone();
        }
        let mut found = BTreeSet::new();
        if bad.contains(tree.as_bytes()) {
            found.insert(*tree.as_bytes());
        }
        for child in self.trees.get(&(folder, tree)).into_iter().flatten() {
            match child {
                Child::Folder(inner, id) => found.extend(self.bad_in(*inner, *id, bad, known).iter()),
                Child::File(id) if bad.contains(id.as_bytes()) => {
                    found.insert(*id.as_bytes());
                }
                Child::File(_) => {}
            }
        }
        let found = Rc::new(found);
        known.insert((folder, tree), found.clone());
        found
    }
}

impl Start {
    /// For people.
    fn told(&self) -> String {
        match RefName::new(&self.name) {
            _ if self.is_of_log => format!("the log of {}", self.name),
            Ok(name) => name.short_name().to_owned(),
            Err(_) => self.name.clone(),
        }
    }
}

impl Text {
    /// The root it belongs to.
    pub(super) fn root(&self) -> String {
        let end = self.path.iter().position(|b| *b == b'/').unwrap_or(0);
        escape(&self.path[..end])
    }
}
