//! The second half of a clone: layers come, it becomes a repository, and its state is checked out.

use super::{CloneOptions, ClonePlan, Cloner, places};
use crate::config::{Config, Editor, Upstream};
use crate::exchange::fetch::{self, BroughtLayer, Local};
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

/// Brings the layers, and makes it a repository.
pub(super) fn complete(
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
pub(super) fn bring_back(
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
