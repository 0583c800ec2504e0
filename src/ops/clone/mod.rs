//! `clone`: a repository of one's own from another, with its roots at places of this machine.
//!
//! ```text
//!                                                      ┌► layers ───────┐
//! offer ─► history ─► places ─► preflight ─► consent ─►┤                ├► format.json ─► swap
//!                                                      └► checkout, stage┘
//! ```
//!
//! What has come of a layer is staged while the rest comes. Until `format.json` stands there is no repository, and the
//! same command goes on where it was cut off.

mod complete;
mod interpreter;
mod places;
mod preflight;
mod prepare;
mod revision;

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use places::Here;
pub use preflight::Obstacle;

use super::error::Error;
use super::recover::clear_locks;
use super::remotes::source;
use super::report::CheckoutReport;
use super::{Session, shell};
use crate::exchange::coming::BroughtLayer;
use crate::fsx::lock::Lock;
use crate::fsx::{self, Context as _, atomic};
use crate::history::{CommitId, History, Person, Time};
use crate::progress::Progress;
use crate::registry::Registry;
use crate::repo::{CLONE_NOTE, DIR_NAME, Repo};
use crate::snapshot::finding::Finding;
use crate::snapshot::path::{escape, unescape};
use crate::snapshot::root::{Kind, Policy, RootName};
use complete::{begin, finish};
use preflight::hindrance;
use prepare::prepare;

/// What to clone.
#[derive(Clone, Debug)]
pub struct CloneOptions {
    /// The address, as it is to be kept.
    pub url: String,
    /// The branch, tag or commit to check out; the other side's branch when absent.
    pub rev: Option<String>,
    /// Places that were said: name and absolute path.
    pub roots: Vec<(String, PathBuf)>,
    /// Only the history, no layers.
    pub history_only: bool,
    /// Only what these people signed: a file of allowed signers, absolute.
    pub verify: Option<PathBuf>,
    /// Only plan.
    pub dry_run: bool,
    /// This machine.
    pub here: Here,
    /// Where the user's repositories are noted.
    pub registry: Option<Registry>,
}

/// Who clones, and who hears of it.
pub struct Cloner<'a> {
    /// Who.
    pub who: Person,
    /// When.
    pub now: Time,
    /// The environment variables to record from.
    pub env: Vec<(OsString, OsString)>,
    /// Who hears of progress.
    pub progress: &'a dyn Progress,
}

/// A root and where it is to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPlace {
    /// Its name.
    pub name: RootName,
    /// What lives in it.
    pub kind: Kind,
    /// What a checkout does with what the commit lacks.
    pub policy: Policy,
    /// Where it stood when it was recorded.
    pub home: PathBuf,
    /// Where it is to stand.
    pub path: PathBuf,
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The place was said, not proposed.
    pub is_given: bool,
    /// The folder of the interpreter that a virtual environment is based on, where that is another one here.
    pub base: Option<PathBuf>,
    /// The interpreter that it needs and that was not found: `python3.11`.
    pub lacks: Option<String>,
}

/// What a clone is about to do.
#[derive(Clone, Debug)]
pub struct ClonePlan {
    /// Where from.
    pub address: String,
    /// Where to.
    pub project: PathBuf,
    /// The branch it will be on, or nothing for the commit itself.
    pub branch: Option<String>,
    /// The name by which it was chosen.
    pub name: String,
    /// The commit.
    pub commit: CommitId,
    /// Its short id.
    pub short: String,
    /// Its subject.
    pub subject: String,
    /// Branches and tags over there.
    pub refs: usize,
    /// Layers to get, and their bytes.
    pub layers: usize,
    /// See `layers`.
    pub layer_bytes: u64,
    /// They lie on the same file system and take no room of their own.
    pub is_near: bool,
    /// Only the history.
    pub history_only: bool,
    /// The roots, by name.
    pub roots: Vec<RootPlace>,
    /// What speaks against it.
    pub obstacles: Vec<Obstacle>,
    /// Problems of packages that this machine has and the recording one had not.
    pub findings: Vec<(RootName, Finding)>,
    /// Nothing is done.
    pub dry_run: bool,
}

/// What a clone did.
#[derive(Clone, Debug)]
pub struct CloneReport {
    /// What was planned.
    pub plan: ClonePlan,
    /// The repository's own directory.
    pub dir: PathBuf,
    /// Layers that came.
    pub layers: Vec<BroughtLayer>,
    /// What was checked out.
    pub checkout: Option<CheckoutReport>,
    /// Recorded variables that the shell has otherwise, or not at all: escaped.
    pub otherwise: Vec<String>,
}

/// Somebody who can be asked.
pub trait Asker {
    /// Lets them choose the places of roots that were not said. `refusal` tells what speaks against a place beside those of
    /// others. `false` stops.
    fn places(&mut self, roots: &mut [RootPlace], refusal: &Refusal) -> bool;
    /// Shows the plan. `false` stops.
    fn agrees(&mut self, plan: &ClonePlan) -> bool;
}

/// Why a root cannot stand where it is to stand, beside others.
pub type Refusal = dyn Fn(&RootPlace, &[RootPlace]) -> Option<String>;

/// The note of a clone under way: who goes on with it goes on with this.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Unfinished {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rev: Option<String>,
    /// The file of allowed signers, escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verify: Option<String>,
    /// Places that were said, escaped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roots: Vec<(String, String)>,
}

impl Unfinished {
    fn of(options: &CloneOptions) -> Self {
        let text = |path: &PathBuf| escape(path.as_os_str().as_bytes());
        Self {
            url: options.url.clone(),
            rev: options.rev.clone(),
            verify: options.verify.as_ref().map(text),
            roots: options
                .roots
                .iter()
                .map(|(name, path)| (name.clone(), text(path)))
                .collect(),
        }
    }

    fn read(note: &Path) -> Result<Option<Self>, Error> {
        Ok(fsx::read_if_present(note)?.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// What was asked for the first time and is not asked otherwise now.
    fn complete(self, options: &CloneOptions) -> CloneOptions {
        let path = |text: &String| unescape(text.as_bytes()).map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
        let mut options = options.clone();
        options.rev = options.rev.or(self.rev);
        options.verify = options.verify.or(self.verify.as_ref().and_then(path));
        for (name, place) in &self.roots {
            if !options.roots.iter().any(|(given, _)| given == name) {
                options.roots.extend(path(place).map(|place| (name.clone(), place)));
            }
        }
        options
    }
}

/// Clones.
///
/// # Errors
/// What the other side has that is refused, what speaks against it, or what cannot be written. What came is kept, and
/// the same command goes on with it.
pub fn clone(options: &CloneOptions, cloner: &Cloner<'_>, asker: &mut dyn Asker) -> Result<CloneReport, Error> {
    let project = &options.here.project;
    let from = source(&options.url, &cloner.env)?;
    let dir = project.join(DIR_NAME);
    let note = dir.join(CLONE_NOTE);
    let options = &match earlier_try(project, &dir, &note, &options.url)? {
        Some(unfinished) => unfinished.complete(options),
        None => options.clone(),
    };
    if options.dry_run {
        let draft = tempfile::tempdir().at("create", std::env::temp_dir())?;
        let (plan, _) = prepare(options, cloner, asker, &from, &Repo::prepare(draft.path())?)?;
        return Ok(CloneReport {
            dir,
            plan,
            layers: Vec::new(),
            checkout: None,
            otherwise: Vec::new(),
        });
    }
    let made: Vec<&Path> = project.ancestors().take_while(|folder| !folder.exists()).collect();
    let is_complete = dir.join("format.json").exists();
    if !is_complete {
        fsx::create_dir_all(project)?;
        // Nothing else may be in the folder yet.
        fsx::create_dir_all(&dir)?;
        let text = serde_json::to_vec(&Unfinished::of(options));
        atomic::write(&note, &text.unwrap_or_default())?;
    }
    // Two clones into one folder would write to the same files.
    let lock = Lock::acquire(&dir.join("lock"), "envgit clone", PATIENCE).map_err(crate::repo::Error::from)?;
    if !is_complete {
        Repo::prepare(project)?;
    }
    clear_locks(&History::open(&dir.join("history"))?)?;
    let prepared = prepare(options, cloner, asker, &from, &dir).and_then(|(plan, offer)| match hindrance(&plan) {
        // It was agreed to before.
        None if is_complete || asker.agrees(&plan) => Ok((plan, offer)),
        None => Err(Error::Declined),
        Some(error) => Err(error),
    });
    let (plan, offer) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            if !is_complete {
                // Only history came, which is small; folders that were not there are not left behind.
                let _ = std::fs::remove_dir_all(&dir);
                made.iter().for_each(|folder| drop(std::fs::remove_dir(folder)));
            }
            return Err(error);
        }
    };
    let (repo, outstanding) = begin(options, cloner, &from, &plan, &offer)?;
    drop(lock);
    let mut session = Session {
        repo,
        who: cloner.who.clone(),
        now: cloner.now,
        env: cloner.env.clone(),
        progress: cloner.progress,
        purpose: "envgit clone".to_owned(),
    };
    let otherwise = shell::remember(&session, plan.commit)?;
    let (layers, checkout) = finish(options, &mut session, &from, &plan, outstanding)?;
    fsx::remove_file(&note)?;
    Ok(CloneReport {
        plan,
        dir,
        layers,
        checkout,
        otherwise,
    })
}

/// The address of a clone into this repository that was cut off before anything stood on a branch.
pub fn unfinished(session: &Session<'_>) -> Option<String> {
    if session.repo.history().head().ok()?.commit().is_some() {
        return None;
    }
    Some(Unfinished::read(&session.repo.dir().join(CLONE_NOTE)).ok()??.url)
}

/// How long to wait for another clone into the same folder.
const PATIENCE: Duration = Duration::from_secs(2);

/// What an earlier try of the same clone noted; nothing where the folder is free.
fn earlier_try(project: &Path, dir: &Path, note: &Path, url: &str) -> Result<Option<Unfinished>, Error> {
    let nearest = project.ancestors().find(|path| path.symlink_metadata().is_ok());
    if let Some(file) = nearest.filter(|path| !path.is_dir()) {
        return Err(Error::refused(
            format!("{} is no folder", file.display()),
            "name another folder: envgit clone URL FOLDER",
        ));
    }
    match Unfinished::read(note)? {
        Some(unfinished) if unfinished.url == url => return Ok(Some(unfinished)),
        Some(unfinished) => {
            return Err(Error::refused(
                format!("{} holds an unfinished clone of {}", project.display(), unfinished.url),
                "finish that one, or remove the folder",
            ));
        }
        None => {}
    }
    if dir.join("format.json").exists() {
        return Err(Error::refused(
            crate::repo::Error::Exists { dir: dir.to_owned() }.to_string(),
            "name another folder: envgit clone URL FOLDER",
        ));
    }
    if project.exists() && !places::is_empty(project) {
        return Err(Error::refused(
            format!("{} is not empty", project.display()),
            "name another folder: envgit clone URL FOLDER",
        ));
    }
    Ok(None)
}
