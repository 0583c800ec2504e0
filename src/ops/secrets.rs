//! Secrets in commits that are about to leave this machine.
//!
//! Looked at is what the commits add: variables that were recorded with a value that looks secret, the text of config
//! files, addresses in package records, messages, and files that are known to hold secrets (`.env`, `.netrc`, keys),
//! whose content is read from the layers. Not looked at are files that a package brought, which were public before,
//! and programs and data.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::Session;
use super::error::Error;
use super::side::{MANIFEST, VARS};
use crate::capture::leaks::{self, Leak, LeakKind};
use crate::capture::secrets::redact;
use crate::capture::variables;
use crate::digest::Digest;
use crate::history::{BlobId, CommitId, CommitInfo, History};
use crate::snapshot::entry::FileNode;
use crate::snapshot::facts::Vars;
use crate::snapshot::filelist;
use crate::snapshot::path::{RelPath, escape};
use crate::snapshot::unit::UnitName;

/// The largest file whose content is looked at, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// Which commits are about to be pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Where the others' branches and tags will be.
    pub wanted: Vec<CommitId>,
    /// What they have: these and all before them are not looked at. Those that are not known here count for nothing.
    pub known: Vec<CommitId>,
}

impl Range {
    /// A revision without what the branches of remotes lead to, as they were when last heard of.
    ///
    /// # Errors
    /// An unknown revision.
    pub fn not_at_remotes(session: &Session<'_>, rev: &str) -> Result<Self, Error> {
        let history = session.repo.history();
        let refs = history.refs()?.into_iter();
        let remote = refs.filter(|known| known.name.as_str().starts_with("refs/remotes/"));
        Ok(Self {
            wanted: vec![history.resolve(rev)?],
            known: remote.map(|known| known.commit).collect(),
        })
    }
}

/// A secret that a commit holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFinding {
    /// The first commit that holds it.
    pub commit: CommitId,
    /// Beginning of its id.
    pub short: String,
    /// Where: `ROOT:PATH`, `vars.json:NAME`, `message`. A path is escaped.
    pub place: String,
    /// The line, counted from 1; nothing for a variable.
    pub line: Option<usize>,
    /// What kind.
    pub kind: LeakKind,
    /// The secret as it may be shown.
    pub masked: String,
}

impl SecretFinding {
    /// What `push.allowed_secrets` calls it: `PLACE:KIND`.
    pub fn key(&self) -> String {
        format!("{}:{}", self.place, self.kind.as_str())
    }
}

impl std::fmt::Display for SecretFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.short, self.place)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {} {}", self.kind.as_str(), self.masked)
    }
}

/// What was found in some commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretsReport {
    /// How many commits were looked at.
    pub commits: usize,
    /// How many texts.
    pub texts: usize,
    /// Secrets, by the age of the commits.
    pub findings: Vec<SecretFinding>,
    /// Secrets that `push.allowed_secrets` allows.
    pub allowed: Vec<SecretFinding>,
    /// Files known to hold secrets whose content is not at hand, as `ROOT:PATH`.
    pub unread: Vec<String>,
}

impl SecretsReport {
    /// Nothing, if nothing was found.
    ///
    /// # Errors
    /// [`Error::Secrets`] names each.
    pub fn into_result(self) -> Result<(), Error> {
        if self.findings.is_empty() {
            return Ok(());
        }
        Err(Error::Secrets(self.findings))
    }
}

/// Looks for secrets in what the commits of a range add to what others have. `push` calls it, and goes on after
/// [`SecretsReport::into_result`] or with `--allow-secrets`.
///
/// # Errors
/// A commit that cannot be read.
pub fn find(session: &Session<'_>, range: &Range) -> Result<SecretsReport, Error> {
    let history = session.repo.history();
    let known: Vec<CommitId> = range
        .known
        .iter()
        .copied()
        .filter(|id| history.commit_info(*id).is_ok())
        .collect();
    let known: HashSet<CommitId> = history
        .walk(&known)?
        .map(|info| info.map(|info| info.id))
        .collect::<Result<_, _>>()?;
    let mut commits = Vec::new();
    for info in history.walk(&range.wanted)? {
        let info = info?;
        if !known.contains(&info.id) {
            commits.push(info);
        }
    }
    // The oldest first, so that a secret is told of the commit that brought it.
    commits.reverse();
    let mut search = Search::new(session);
    let ends: HashSet<CommitId> = commits.iter().flat_map(|info| &info.parents).copied().collect();
    for end in ends.intersection(&known) {
        search.pass_over(*end)?;
    }
    for info in &commits {
        search.commit(info)?;
    }
    let mut report = search.report;
    report.commits = commits.len();
    let allowed = &session.repo.config().push.allowed_secrets;
    let is_allowed = |found: &SecretFinding| allowed.iter().any(|pattern| variables::fits(pattern, &found.key()));
    (report.allowed, report.findings) = report.findings.into_iter().partition(is_allowed);
    Ok(report)
}

/// A search under way.
struct Search<'a> {
    session: &'a Session<'a>,
    history: &'a History,
    /// Parts of inventories that were looked at, each with its place.
    seen: HashSet<(Vec<u8>, BlobId)>,
    /// Files of layers likewise.
    seen_files: HashSet<(String, Digest)>,
    report: SecretsReport,
}

impl<'a> Search<'a> {
    fn new(session: &'a Session<'a>) -> Self {
        Self {
            session,
            history: session.repo.history(),
            seen: HashSet::new(),
            seen_files: HashSet::new(),
            report: SecretsReport::default(),
        }
    }

    /// Takes what a commit holds for known.
    fn pass_over(&mut self, commit: CommitId) -> Result<(), Error> {
        for (path, id) in self.history.inventory(commit)?.files {
            if let Some((root, unit)) = list_of(&path) {
                let known = self.suspects(root, unit, id)?.into_iter();
                self.seen_files
                    .extend(known.map(|(place, _, file)| (place, file.digest)));
            }
            self.seen.insert((path, id));
        }
        Ok(())
    }

    fn commit(&mut self, info: &CommitInfo) -> Result<(), Error> {
        let leaks = leaks::find(b"", info.message.as_bytes());
        self.note(info, "message", leaks);
        let files = self.history.inventory(info.id)?.files;
        for (path, id) in &files {
            if path == MANIFEST || !self.seen.insert((path.clone(), *id)) {
                continue;
            }
            if path == VARS {
                self.variables(info, *id)?;
                continue;
            }
            if let Some((root, unit)) = list_of(path) {
                let mut suspects = self.suspects(root, unit, *id)?;
                suspects.retain(|(_, inner, _)| !files.contains_key(&[root, b"/configs/", inner.as_bytes()].concat()));
                self.files(info, suspects);
                continue;
            }
            let Some(slash) = memchr::memchr(b'/', path) else {
                continue;
            };
            let (root, part) = (String::from_utf8_lossy(&path[..slash]).into_owned(), &path[slash + 1..]);
            if part == b"packages.jsonl" || part == b"conda-history" {
                self.text(info, &root, part, *id)?;
            } else if let Some(config) = part.strip_prefix(b"configs/") {
                self.text(info, &root, config, *id)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, info: &CommitInfo, place: &str, leaks: Vec<Leak>) {
        self.report.texts += 1;
        for leak in leaks {
            self.report.findings.push(SecretFinding {
                commit: info.id,
                short: self.history.short(info.id),
                place: place.to_owned(),
                line: (leak.line > 0).then_some(leak.line),
                kind: leak.kind,
                masked: leak.masked,
            });
        }
    }

    fn variables(&mut self, info: &CommitInfo, id: BlobId) -> Result<(), Error> {
        // Vars that make no sense hold no value that could be told.
        let vars: Vars = serde_json::from_slice(&self.history.blob(id)?).unwrap_or_default();
        for (name, value) in vars.iter().filter(|(name, value)| redact(name, value) != **value) {
            let leak = Leak {
                kind: LeakKind::Variable,
                line: 0,
                masked: leaks::mask(value),
            };
            self.note(info, &format!("vars.json:{name}"), vec![leak]);
        }
        Ok(())
    }

    fn text(&mut self, info: &CommitInfo, root: &str, path: &[u8], id: BlobId) -> Result<(), Error> {
        let leaks = leaks::find(path, &self.history.blob(id)?);
        self.note(info, &format!("{root}:{}", escape(path)), leaks);
        Ok(())
    }

    /// Files of a unit that are known to hold secrets, with their places; none of a unit that a package brought.
    fn suspects(&self, root: &[u8], unit: &[u8], id: BlobId) -> Result<Vec<Suspect>, Error> {
        if UnitName::from_tree(&String::from_utf8_lossy(unit)).package().is_some() {
            return Ok(Vec::new());
        }
        // A list that makes no sense is `verify`'s to tell.
        let entries = filelist::decode(&self.history.blob(id)?).unwrap_or_default();
        // Some are known by the folder that they are in, which may be the root itself.
        let config = self.session.repo.config();
        let top = config
            .root(&String::from_utf8_lossy(root))
            .map(|root| root.path.as_path());
        let top = top.unwrap_or(Path::new(""));
        let suspects = entries.into_iter().filter_map(|entry| {
            let file = entry.file()?;
            let full = entry.path.under(top);
            let is_one = file.size > 0 && file.size <= MAX_SIZE && leaks::is_suspect(full.as_os_str().as_bytes());
            let place = format!("{}:{}", String::from_utf8_lossy(root), escape(entry.path.as_bytes()));
            is_one.then(|| (place, entry.path.clone(), file.clone()))
        });
        Ok(suspects.collect())
    }

    /// Reads files from the layers.
    fn files(&mut self, info: &CommitInfo, files: Vec<Suspect>) {
        for (place, path, file) in files {
            if !self.seen_files.insert((place.clone(), file.digest)) {
                continue;
            }
            match self.content(&file) {
                Some(text) => {
                    let leaks = leaks::find(path.as_bytes(), &text);
                    self.note(info, &place, leaks);
                }
                None => self.report.unread.push(place),
            }
        }
    }

    fn content(&self, file: &FileNode) -> Option<Vec<u8>> {
        let store = self.session.repo.store().ok()?;
        store.read(&file.digest, file.size).ok()
    }
}

/// A file that may hold secrets: its place, its path in the root, and where its content is.
type Suspect = (String, RelPath, FileNode);

/// The root and unit of a file list.
fn list_of(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = memchr::memchr(b'/', path)?;
    Some((&path[..slash], path[slash + 1..].strip_prefix(b"files/")?))
}
