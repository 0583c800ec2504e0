//! `clone`: a repository of one's own from another, with its roots at places of this machine.
//!
//! ```text
//! offer ─► history ─► places ─► preflight ─► consent ─► layers ─► format.json ─► checkout
//! ```
//!
//! Until `format.json` stands there is no repository, and the same command goes on where it was cut off.

mod interpreter;
mod places;
mod preflight;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use places::Here;
pub use preflight::Obstacle;

use super::checkout::{CheckoutOptions, checkout};
use super::error::Error;
use super::init::register;
use super::recover::{clear_locks, if_needed};
use super::remotes::{FIRST_REMOTE, source};
use super::report::CheckoutReport;
use super::side::Side;
use super::{Session, shell, side, signatures};
use crate::capture::system;
use crate::config::{Config, Editor, Upstream};
use crate::exchange::fetch::{self, BroughtLayer, Local};
use crate::exchange::{Memory, Offer, Source};
use crate::fsx::lock::Lock;
use crate::fsx::{self, Context as _, atomic};
use crate::history::{CommitId, Expected, FIRST_BRANCH, History, Note, Person, Ref, RefKind, RefName, Time};
use crate::progress::Progress;
use crate::registry::Registry;
use crate::repo::{DIR_NAME, Repo};
use crate::service::Place;
use crate::snapshot::facts::Manifest;
use crate::snapshot::finding::Finding;
use crate::snapshot::path::unescape;
use crate::snapshot::root::{Kind, Policy, Root, RootName};
use interpreter::Interpreter;
use places::Recorded;

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
    /// Only what these people signed: a file of allowed signers.
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
    /// Lets them choose the places of roots that were not said. `false` stops.
    fn places(&mut self, roots: &mut [RootPlace]) -> bool;
    /// Shows the plan. `false` stops.
    fn agrees(&mut self, plan: &ClonePlan) -> bool;
}

/// The note of a clone under way.
#[derive(Debug, Serialize, Deserialize)]
struct Unfinished {
    url: String,
}

/// Clones.
///
/// # Errors
/// What the other side has that is refused, what speaks against it, or what cannot be written. What came is kept, and
/// the same command goes on with it.
pub fn clone(options: &CloneOptions, cloner: &Cloner<'_>, asker: &mut dyn Asker) -> Result<CloneReport, Error> {
    let project = &options.here.project;
    let from = source(&options.url, &cloner.env)?;
    if options.dry_run {
        let draft = tempfile::tempdir().at("create", std::env::temp_dir())?;
        let (plan, _) = prepare(options, cloner, asker, &from, &Repo::prepare(draft.path())?)?;
        return Ok(CloneReport {
            dir: project.join(DIR_NAME),
            plan,
            layers: Vec::new(),
            checkout: None,
            otherwise: Vec::new(),
        });
    }
    let dir = project.join(DIR_NAME);
    let note = dir.join("clone.json");
    check_free(project, &dir, &note, &options.url)?;
    let is_new_folder = !project.exists();
    let is_complete = dir.join("format.json").exists();
    if !is_complete {
        fsx::create_dir_all(project)?;
        // Nothing else may be in the folder yet.
        fsx::create_dir_all(&dir)?;
        let text = serde_json::to_vec(&Unfinished {
            url: options.url.clone(),
        });
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
            if !is_complete && is_new_folder {
                // Only history came, which is small; a folder that was not there is not left behind.
                let _ = std::fs::remove_dir_all(project);
            } else if !is_complete {
                let _ = std::fs::remove_dir_all(&dir);
            }
            return Err(error);
        }
    };
    let layers = complete(options, cloner, &from, &plan, &offer)?;
    drop(lock);
    let mut session = Session {
        repo: Repo::open(&dir)?,
        who: cloner.who.clone(),
        now: cloner.now,
        env: cloner.env.clone(),
        progress: cloner.progress,
        purpose: "envgit clone".to_owned(),
    };
    let otherwise = shell::remember(&session, plan.commit)?;
    let checkout = bring_back(options, &mut session, &plan)?;
    fsx::remove_file(&note)?;
    Ok(CloneReport {
        plan,
        dir,
        layers,
        checkout,
        otherwise,
    })
}

/// How long to wait for another clone into the same folder.
const PATIENCE: Duration = Duration::from_secs(2);

/// A folder that holds nothing, or what an earlier try of the same clone left.
fn check_free(project: &Path, dir: &Path, note: &Path, url: &str) -> Result<(), Error> {
    let unfinished: Option<Unfinished> =
        fsx::read_if_present(note)?.and_then(|text| serde_json::from_slice(&text).ok());
    match unfinished {
        Some(unfinished) if unfinished.url == url => return Ok(()),
        Some(unfinished) => {
            return Err(Error::refused(
                format!("{} holds an unfinished clone of {}", project.display(), unfinished.url),
                "finish that one, or remove the folder",
            ));
        }
        None => {}
    }
    if dir.join("format.json").exists() {
        return Err(crate::repo::Error::Exists { dir: dir.to_owned() }.into());
    }
    if project.exists() && !places::is_empty(project) {
        return Err(Error::refused(
            format!("{} is not empty", project.display()),
            "name another folder: envgit clone URL FOLDER",
        ));
    }
    Ok(())
}

/// All obstacles that are in the way at once.
fn hindrance(plan: &ClonePlan) -> Option<Error> {
    let fatal: Vec<&str> = plan
        .obstacles
        .iter()
        .filter(|obstacle| obstacle.is_fatal)
        .map(|obstacle| obstacle.what.as_str())
        .collect();
    (!fatal.is_empty()).then(|| {
        Error::refused(
            format!("this cannot be cloned here:\n  {}", fatal.join("\n  ")),
            "nothing was changed; `--dry-run` shows the whole plan",
        )
    })
}

/// Brings the history, and finds out what is to be done.
fn prepare(
    options: &CloneOptions,
    cloner: &Cloner<'_>,
    asker: &mut dyn Asker,
    from: &Source,
    dir: &Path,
) -> Result<(ClonePlan, Offer), Error> {
    let offer = from.offer(None)?;
    let history = History::open(&dir.join("history"))?;
    let local = Local { history: &history, dir };
    let objects = fetch::objects(local, from, &offer, cloner.progress)?;
    let lacking = fetch::lacking(local, &objects.beyond)?;
    let layers = match options.history_only {
        true => Vec::new(),
        false => fetch::first_layers(local, &offer, &lacking),
    };
    let layer_bytes = layers.iter().map(|(_, size)| size).sum();
    let is_near = from.is_near(&layers, dir);
    // Following refs need layers: they are made when these are there. Only names are looked up here.
    let (name, branch, commit) = chosen(&history, &offer, options.rev.as_deref())?;
    if let Some(allowed) = &options.verify {
        // The folder of the clone is not there yet with --dry-run.
        let here = dir;
        let place = Place {
            cwd: here,
            env: &cloner.env,
        };
        let refs = refs_of(&history, &offer)?;
        signatures::of_refs(&history, place, allowed, &refs, Some((&name, commit)))?.into_result()?;
    }
    let side = Side::of_commit(&history, commit, &name)?;
    let manifest = side::manifest_of(&history, commit)?;
    let mut roots = places_of(&manifest, options)?;
    let is_settled = settle(&mut roots, dir)?;
    if !is_settled && roots.iter().any(|root| !root.is_given) && !asker.places(&mut roots) {
        return Err(Error::Declined);
    }
    let here = system::facts(Path::new("/"));
    let mut plan = ClonePlan {
        address: from.address().to_owned(),
        project: options.here.project.clone(),
        branch,
        name,
        commit,
        short: history.short(commit),
        subject: history.commit_info(commit)?.subject().to_owned(),
        refs: offer.refs.len(),
        layers: layers.len(),
        layer_bytes,
        is_near,
        history_only: options.history_only,
        roots,
        obstacles: Vec::new(),
        findings: preflight::findings(&history, commit, &here)?,
        dry_run: options.dry_run,
    };
    if !is_settled {
        plan.obstacles = preflight::obstacles(&plan, &side, &options.here.project, &here)?;
    }
    Ok((plan, offer))
}

/// Takes the places that an earlier try settled on, where it came so far that they may hold files already.
fn settle(roots: &mut [RootPlace], dir: &Path) -> Result<bool, Error> {
    if !dir.join("format.json").exists() {
        return Ok(false);
    }
    let config = Config::load(&dir.join(crate::config::FILE_NAME))?;
    for root in roots.iter_mut() {
        if let Some(settled) = config.root(root.name.as_str()) {
            root.path = settled.path.clone();
        }
    }
    Ok(true)
}

/// The branches and tags that came, under the names that they will have.
fn refs_of(history: &History, offer: &Offer) -> Result<Vec<Ref>, Error> {
    let mut refs = Vec::new();
    for (name, id) in &offer.refs {
        let name = RefName::new(name)?;
        if matches!(name.kind(), RefKind::Branch | RefKind::Tag) {
            refs.extend(history.ref_to(name, *id)?);
        }
    }
    Ok(refs)
}

/// The commit to check out: its name, the branch that is made for it, and itself.
fn chosen(history: &History, offer: &Offer, rev: Option<&str>) -> Result<(String, Option<String>, CommitId), Error> {
    let commit_at = |full: &str| -> Result<Option<CommitId>, Error> {
        match offer.refs.get(full) {
            Some(id) => Ok(history.commit_of(*id)?),
            None => Ok(None),
        }
    };
    let branches: Vec<&String> = offer
        .refs
        .keys()
        .filter(|name| name.starts_with("refs/heads/"))
        .collect();
    let Some(rev) = rev else {
        let main = format!("refs/heads/{FIRST_BRANCH}");
        let head = offer.head.as_ref().filter(|head| offer.refs.contains_key(*head));
        let head = head
            .or_else(|| offer.refs.contains_key(&main).then_some(&main))
            .or_else(|| branches.first().copied());
        let Some(head) = head else {
            return Err(Error::refused(
                "there is no branch over there",
                "name a tag or commit with --rev",
            ));
        };
        let commit = commit_at(head)?;
        let name = head.trim_start_matches("refs/heads/").to_owned();
        let commit = commit.ok_or_else(|| Error::refused(format!("{head} leads nowhere"), ""))?;
        return Ok((name.clone(), Some(name), commit));
    };
    if let Some(commit) = commit_at(&format!("refs/heads/{rev}"))? {
        return Ok((rev.to_owned(), Some(rev.to_owned()), commit));
    }
    if let Some(commit) = commit_at(&format!("refs/tags/{rev}"))? {
        return Ok((rev.to_owned(), None, commit));
    }
    Ok((rev.to_owned(), None, history.resolve(rev)?))
}

/// The roots of a commit with a place for each.
fn places_of(manifest: &Manifest, options: &CloneOptions) -> Result<Vec<RootPlace>, Error> {
    for (name, _) in &options.roots {
        if !manifest.roots.keys().any(|known| known.as_str() == name) {
            return Err(Error::NoSuchRoot {
                name: name.clone(),
                known: manifest.roots.keys().map(ToString::to_string).collect(),
            });
        }
    }
    let home = |text: &str| unescape(text.as_bytes()).map(|bytes| PathBuf::from(bytes_to_os(bytes)));
    let recorded: Vec<Recorded> = manifest
        .roots
        .iter()
        .map(|(name, facts)| Recorded {
            name: name.clone(),
            kind: facts.kind,
            home: home(&facts.home).unwrap_or_default(),
        })
        .collect();
    let proposed = places::propose(&recorded, &options.here);
    let roots = manifest.roots.iter().zip(recorded).zip(proposed);
    Ok(roots
        .map(|(((name, facts), recorded), proposed)| {
            let (base, lacks) = match interpreter::find(facts, &options.here) {
                Interpreter::Same => (None, None),
                Interpreter::Elsewhere(dir) => (Some(dir), None),
                Interpreter::Missing(name) => (None, Some(name)),
            };
            let given = options.roots.iter().find(|(given, _)| given == name.as_str());
            RootPlace {
                name: name.clone(),
                kind: facts.kind,
                policy: facts.policy,
                home: recorded.home,
                path: given.map_or(proposed, |(_, path)| path.clone()),
                files: facts.files,
                bytes: facts.bytes,
                is_given: given.is_some(),
                base,
                lacks,
            }
        })
        .collect())
}

fn bytes_to_os(bytes: Vec<u8>) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(bytes)
}

/// Brings the layers, and makes it a repository.
fn complete(
    options: &CloneOptions,
    cloner: &Cloner<'_>,
    from: &Source,
    plan: &ClonePlan,
    offer: &Offer,
) -> Result<Vec<BroughtLayer>, Error> {
    let project = &options.here.project;
    let dir = project.join(DIR_NAME);
    let history = History::open(&dir.join("history"))?;
    let local = Local {
        history: &history,
        dir: &dir,
    };
    let mut layers = Vec::new();
    if !options.history_only {
        let wants: Vec<_> = offer.refs.values().copied().collect();
        let lacking = fetch::lacking(local, &history.beyond(&wants, &[])?)?;
        layers = fetch::layers(local, from, offer, &lacking, cloner.progress)?;
    }
    let note = Note {
        who: cloner.who.clone(),
        time: cloner.now,
        message: format!("clone: from {}", options.url),
    };
    fetch::track(local, FIRST_REMOTE, offer, false, &note)?;
    fetch::remember(&Memory::of(&dir, FIRST_REMOTE), offer)?;
    if dir.join("format.json").exists() {
        return Ok(layers);
    }
    let roots: Vec<Root> = plan
        .roots
        .iter()
        .map(|place| Root {
            name: place.name.clone(),
            path: place.path.clone(),
            kind: place.kind,
            policy: place.policy,
            base: place.base.clone(),
        })
        .collect();
    let text = Config::initial_text(project, &roots)?;
    let config = dir.join(crate::config::FILE_NAME);
    atomic::write(&config, text.as_bytes())?;
    let mut editor = Editor::open(&config)?;
    editor.set_remote(FIRST_REMOTE, &options.url)?;
    if options.history_only {
        editor.set_history_only(FIRST_REMOTE, true)?;
    }
    if let Some(branch) = &plan.branch {
        let upstream = Upstream {
            remote: FIRST_REMOTE.to_owned(),
            branch: branch.clone(),
        };
        editor.set_upstream(branch, &upstream)?;
    }
    let repo = Repo::complete(project, &editor.text())?;
    register(&repo, options.registry.as_ref());
    Ok(layers)
}

/// Makes the branch, and the live state that of the commit.
fn bring_back(
    options: &CloneOptions,
    session: &mut Session<'_>,
    plan: &ClonePlan,
) -> Result<Option<CheckoutReport>, Error> {
    let note = session.note(format!("clone: from {}", options.url));
    if options.history_only {
        let history = session.repo.history();
        match &plan.branch {
            Some(branch) => {
                let name = RefName::branch(branch)?;
                history.set_ref(&name, plan.commit, Expected::Any, &note)?;
                history.attach_head(&name, &note)?;
            }
            None => history.detach_head(plan.commit, Expected::Any, &note)?,
        }
        return Ok(None);
    }
    // What an earlier try began to put in place is finished first: it may make the branch.
    if_needed(session)?;
    let is_empty = plan.roots.iter().all(|place| places::is_empty(&place.path));
    for place in &plan.roots {
        fsx::create_dir_all(&place.path)?;
    }
    let has_branch = |branch: &String| {
        let name = RefName::branch(branch).ok();
        let refs = session.repo.history().refs().unwrap_or_default();
        refs.into_iter().any(|known| Some(known.name) == name)
    };
    let checkout_options = match &plan.branch {
        // An earlier try made it.
        Some(branch) if has_branch(branch) => CheckoutOptions {
            rev: branch.clone(),
            ..CheckoutOptions::default()
        },
        branch => CheckoutOptions {
            rev: match branch {
                Some(branch) => format!("{FIRST_REMOTE}/{branch}"),
                None => plan.name.clone(),
            },
            branch: branch.clone(),
            ..CheckoutOptions::default()
        },
    };
    let checkout_options = CheckoutOptions {
        // Where an earlier try came to this point, somebody may have worked in them since.
        discard: is_empty,
        reason: Some(format!("clone of {}", options.url)),
        cwd: options.here.project.clone(),
        ..checkout_options
    };
    checkout(session, &checkout_options, &mut |_| true).map(Some)
}
