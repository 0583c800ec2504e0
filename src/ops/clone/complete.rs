//! The second half of a clone: layers come, it becomes a repository, and its state is checked out.

use super::{CloneOptions, ClonePlan, Cloner, places};
use std::path::Path;

use crate::apply::clear_stage;
use crate::config::{Config, Editor, Upstream};
use crate::exchange::coming::{self, BroughtLayer, Coming};
use crate::exchange::fetch::{self, Lacking, Local};
use crate::exchange::{Memory, Offer, Source};
use crate::fsx::{self, atomic};
use crate::history::{Expected, History, Note, RefName};
use crate::ops::Session;
use crate::ops::checkout::{CheckoutOptions, checkout};
use crate::ops::error::Error;
use crate::ops::init::register;
use crate::ops::recover::if_needed;
use crate::ops::remotes::FIRST_REMOTE;
use crate::ops::report::CheckoutReport;
use crate::repo::{DIR_NAME, Repo};
use crate::snapshot::root::Root;

/// Lets refs follow the offered ones, and opens what is to be the repository: with all that is to come for it, and for
/// now without it.
pub(super) fn begin(
    options: &CloneOptions,
    cloner: &Cloner<'_>,
    from: &Source,
    plan: &ClonePlan,
    offer: &Offer,
) -> Result<(Repo, Outstanding), Error> {
    let project = &options.here.project;
    let dir = project.join(DIR_NAME);
    let history = History::open(&dir.join("history"))?;
    let local = Local {
        history: &history,
        dir: &dir,
    };
    let mut outstanding = Outstanding::default();
    if !options.history_only {
        let wants: Vec<_> = offer.refs.values().copied().collect();
        outstanding.lacking = fetch::lacking(local, &history.beyond(&wants, &[])?)?;
        let lacking = &outstanding.lacking;
        match coming::is_foreseeable(local, from, offer, lacking)? {
            true => outstanding.layers = coming::foresee(local, from, offer, lacking)?,
            false => outstanding.here = coming::layers(local, from, offer, lacking, cloner.progress)?,
        }
    }
    let note = Note {
        who: cloner.who.clone(),
        time: cloner.now,
        message: format!("clone: from {}", options.url),
    };
    fetch::track(local, FIRST_REMOTE, offer, false, &note)?;
    fetch::remember(&Memory::of(&dir, FIRST_REMOTE), offer)?;
    let awaited = outstanding.layers.iter().map(|layer| layer.awaited.clone()).collect();
    if dir.join("format.json").exists() {
        let mut repo = Repo::open(&dir)?;
        repo.await_layers(awaited)?;
        return Ok((repo, outstanding));
    }
    clear_stages_of_before(&dir);
    let repo = Repo::open_awaiting(project, &config_text(options, plan)?, awaited)?;
    Ok((repo, outstanding))
}

/// What is to come.
#[derive(Default)]
pub(super) struct Outstanding {
    pub(super) layers: Vec<Coming>,
    pub(super) lacking: Lacking,
    /// What came beforehand.
    here: Vec<BroughtLayer>,
}

/// An earlier try may have begun to fill other places.
fn clear_stages_of_before(dir: &Path) {
    if let Ok(config) = Config::load(&dir.join(crate::config::FILE_NAME)) {
        for root in &config.roots {
            // It is in nobody's way.
            let _ = clear_stage(&root.path);
        }
    }
}

fn config_text(options: &CloneOptions, plan: &ClonePlan) -> Result<String, Error> {
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
    let project = &options.here.project;
    let text = Config::initial_text(project, &roots)?;
    let config = project.join(DIR_NAME).join(crate::config::FILE_NAME);
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
    Ok(editor.text())
}

/// Brings what is to come, and meanwhile what it is to be becomes what it is.
pub(super) fn finish(
    options: &CloneOptions,
    session: &mut Session<'_>,
    from: &Source,
    plan: &ClonePlan,
    outstanding: Outstanding,
) -> Result<(Vec<BroughtLayer>, Option<CheckoutReport>), Error> {
    let dir = session.repo.dir().to_owned();
    let history = History::open(&dir.join("history"))?;
    let local = Local {
        history: &history,
        dir: &dir,
    };
    let Outstanding { layers, lacking, here } = outstanding;
    let done = coming::layers_while(local, from, &layers, &lacking, || bring_back(options, session, plan));
    if dir.join("format.json").exists() {
        register(&session.repo, options.registry.as_ref());
    }
    let (brought, checkout) = done?;
    Ok((here.into_iter().chain(brought).collect(), checkout))
}

/// Makes the branch, and the live state that of the commit.
pub(super) fn bring_back(
    options: &CloneOptions,
    session: &mut Session<'_>,
    plan: &ClonePlan,
) -> Result<Option<CheckoutReport>, Error> {
    let note = session.note(format!("clone: from {}", options.url));
    if options.history_only {
        session.repo.settle()?;
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
    let checkout_options = match &plan.branch {
        // An earlier try made it.
        Some(branch) if session.repo.history().has_branch(branch)? => {
            let there = session.repo.history().resolve(RefName::branch(branch)?.as_str())?;
            if there != plan.commit {
                return Err(Error::refused(
                    format!("the branch {branch} was moved here before the clone was done"),
                    format!("bring that state here instead: envgit checkout {FIRST_REMOTE}/{branch}"),
                ));
            }
            CheckoutOptions {
                rev: branch.clone(),
                ..CheckoutOptions::default()
            }
        }
        branch => CheckoutOptions {
            rev: match branch {
                Some(branch) => format!("{FIRST_REMOTE}/{branch}"),
                // Names of the other side, such as its HEAD, may mean nothing or something else here.
                None => match session.repo.history().resolve(&plan.name) {
                    Ok(commit) if commit == plan.commit => plan.name.clone(),
                    _ => plan.commit.to_string(),
                },
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
