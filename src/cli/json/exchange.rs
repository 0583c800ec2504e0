//! `remote`, `push`, `fetch`, `pull` and `clone` with `--json`.

use serde::Serialize;

use super::FORMAT;
use super::checkout::CheckoutJson;
use crate::config::Remote;
use crate::digest::Digest;
use crate::exchange::Way;
use crate::exchange::coming::BroughtLayer;
use crate::exchange::fetch::{Moved, RefUpdate};
use crate::exchange::push::{Outcome, Pushed, Rejection};
use crate::history::{CommitId, ObjectId};
use crate::ops::clone::{ClonePlan, CloneReport, RootPlace};
use crate::ops::fetch::FetchReport;
use crate::ops::pull::{PullReport, Pulled};
use crate::ops::push::PushReport;
use crate::snapshot::path::escape;
use crate::snapshot::root::{Kind, Policy, RootName};

/// `remote --json`.
#[derive(Serialize)]
pub(in crate::cli) struct RemotesJson<'a> {
    format: u32,
    remotes: Vec<RemoteJson<'a>>,
}

#[derive(Serialize)]
struct RemoteJson<'a> {
    name: &'a str,
    url: &'a str,
    history_only: bool,
}

impl<'a> RemotesJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(remotes: &'a [Remote]) -> Self {
        let remotes = remotes.iter().map(|remote| RemoteJson {
            name: &remote.name,
            url: &remote.url,
            history_only: remote.history_only,
        });
        Self {
            format: FORMAT,
            remotes: remotes.collect(),
        }
    }
}

#[derive(Serialize)]
struct LayerJson {
    layer: Digest,
    size: u64,
    /// `received`, `shared` or `copied`; absent when it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    way: Option<&'static str>,
}

fn sent(layers: &[(Digest, u64)]) -> Vec<LayerJson> {
    let sent = layers.iter().map(|(layer, size)| LayerJson {
        layer: *layer,
        size: *size,
        way: None,
    });
    sent.collect()
}

fn brought(layers: &[BroughtLayer]) -> Vec<LayerJson> {
    let brought = layers.iter().map(|layer| LayerJson {
        layer: layer.digest,
        size: layer.size,
        way: Some(match layer.way {
            Way::Received(_) => "received",
            Way::Shared => "shared",
            Way::Copied => "copied",
        }),
    });
    brought.collect()
}

#[derive(Serialize)]
struct RefJson<'a> {
    name: &'a str,
    from: Option<ObjectId>,
    to: Option<ObjectId>,
    outcome: &'static str,
}

/// `push --json`.
#[derive(Serialize)]
pub(in crate::cli) struct PushJson<'a> {
    format: u32,
    remote: &'a str,
    address: &'a str,
    dry_run: bool,
    refs: Vec<RefJson<'a>>,
    objects: u64,
    pack_bytes: u64,
    layers: Vec<LayerJson>,
    layers_there: Vec<LayerJson>,
    layers_again: Vec<LayerJson>,
}

impl<'a> PushJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a PushReport) -> Self {
        let pushed = &report.pushed;
        let one = |pushed: &'a Pushed| RefJson {
            name: pushed.name.as_str(),
            from: pushed.from,
            to: pushed.to,
            outcome: match pushed.outcome {
                Outcome::UpToDate => "up-to-date",
                Outcome::New => "new",
                Outcome::Forward => "forward",
                Outcome::Forced => "forced",
                Outcome::Removed => "removed",
                Outcome::Rejected(Rejection::Unknown) => "rejected-unknown",
                Outcome::Rejected(Rejection::NotForward) => "rejected-not-forward",
                Outcome::Rejected(Rejection::TagExists) => "rejected-tag-exists",
                Outcome::Rejected(Rejection::Stale) => "rejected-stale",
            },
        };
        Self {
            format: FORMAT,
            remote: &report.remote,
            address: &report.address,
            dry_run: pushed.dry_run,
            refs: pushed.refs.iter().map(one).collect(),
            objects: pushed.objects,
            pack_bytes: pushed.pack_bytes,
            layers: sent(&pushed.layers),
            layers_there: sent(&pushed.layers_there),
            layers_again: sent(&pushed.layers_again),
        }
    }
}

/// `fetch --json`.
#[derive(Serialize)]
pub(in crate::cli) struct FetchJson<'a> {
    format: u32,
    #[serde(flatten)]
    fetched: FetchedJson<'a>,
}

#[derive(Serialize)]
struct FetchedJson<'a> {
    remote: &'a str,
    address: &'a str,
    history_only: bool,
    refs: Vec<RefJson<'a>>,
    packs: u64,
    pack_bytes: u64,
    layers: Vec<LayerJson>,
}

impl<'a> FetchedJson<'a> {
    fn of(report: &'a FetchReport) -> Self {
        let one = |update: &'a RefUpdate| RefJson {
            name: update.name.as_str(),
            from: update.from,
            to: update.to,
            outcome: match update.moved {
                Moved::New => "new",
                Moved::Forward => "forward",
                Moved::Forced => "forced",
                Moved::Pruned => "pruned",
                Moved::Kept => "kept",
            },
        };
        Self {
            remote: &report.remote,
            address: &report.address,
            history_only: report.history_only,
            refs: report.refs.iter().map(one).collect(),
            packs: report.packs,
            pack_bytes: report.pack_bytes,
            layers: brought(&report.layers),
        }
    }
}

impl<'a> FetchJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a FetchReport) -> Self {
        Self {
            format: FORMAT,
            fetched: FetchedJson::of(report),
        }
    }
}

/// `pull --json`.
#[derive(Serialize)]
pub(in crate::cli) struct PullJson<'a> {
    format: u32,
    branch: &'a str,
    upstream: String,
    /// `up-to-date`, `ahead` or `forward`.
    outcome: &'static str,
    ahead: usize,
    fetch: FetchedJson<'a>,
    /// As `checkout --json` has it.
    checkout: Option<CheckoutJson<'a>>,
    /// Variables that came and that the shell has otherwise.
    otherwise: &'a [String],
}

impl<'a> PullJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a PullReport, lists_paths: bool) -> Self {
        let (outcome, ahead, checkout) = match &report.pulled {
            Pulled::UpToDate => ("up-to-date", 0, None),
            Pulled::Ahead(count) => ("ahead", *count, None),
            Pulled::Forward(checkout) => ("forward", 0, Some(CheckoutJson::of(checkout, lists_paths))),
        };
        Self {
            format: FORMAT,
            branch: &report.branch,
            upstream: report.upstream.to_string(),
            outcome,
            ahead,
            fetch: FetchedJson::of(&report.fetch),
            checkout,
            otherwise: &report.otherwise,
        }
    }
}

/// `clone --json`.
#[derive(Serialize)]
pub(in crate::cli) struct CloneJson<'a> {
    format: u32,
    dry_run: bool,
    address: &'a str,
    project: String,
    branch: Option<&'a str>,
    name: &'a str,
    commit: CommitId,
    history_only: bool,
    roots: Vec<PlaceJson<'a>>,
    /// To get.
    planned_layers: usize,
    planned_bytes: u64,
    /// That came.
    layers: Vec<LayerJson>,
    /// As `checkout --json` has it; null with `--dry-run` and `--history`.
    checkout: Option<CheckoutJson<'a>>,
    /// Recorded variables that the shell has otherwise.
    otherwise: &'a [String],
    obstacles: Vec<ObstacleJson<'a>>,
    problems: Vec<ProblemJson<'a>>,
}

#[derive(Serialize)]
struct PlaceJson<'a> {
    root: &'a RootName,
    kind: Kind,
    policy: Policy,
    home: String,
    path: String,
    files: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct ObstacleJson<'a> {
    fatal: bool,
    what: &'a str,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    root: &'a RootName,
    what: String,
}

impl<'a> CloneJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a CloneReport) -> Self {
        let plan: &ClonePlan = &report.plan;
        let text = |path: &std::path::Path| escape(path.as_os_str().as_encoded_bytes());
        let place = |place: &'a RootPlace| PlaceJson {
            root: &place.name,
            kind: place.kind,
            policy: place.policy,
            home: text(&place.home),
            path: text(&place.path),
            files: place.files,
            bytes: place.bytes,
        };
        let obstacles = plan.obstacles.iter().map(|obstacle| ObstacleJson {
            fatal: obstacle.is_fatal,
            what: &obstacle.what,
        });
        let problems = plan.findings.iter().map(|(root, finding)| ProblemJson {
            root,
            what: crate::cli::render::problems::line(finding),
        });
        Self {
            format: FORMAT,
            dry_run: plan.dry_run,
            address: &plan.address,
            project: text(&plan.project),
            branch: plan.branch.as_deref(),
            name: &plan.name,
            commit: plan.commit,
            history_only: plan.history_only,
            roots: plan.roots.iter().map(place).collect(),
            planned_layers: plan.layers,
            planned_bytes: plan.layer_bytes,
            layers: brought(&report.layers),
            checkout: report
                .checkout
                .as_ref()
                .map(|checkout| CheckoutJson::of(checkout, false)),
            otherwise: &report.otherwise,
            obstacles: obstacles.collect(),
            problems: problems.collect(),
        }
    }
}
