//! Remotes, and what went to and came from them.

use std::path::Path;

use super::checkout::stuck;
use super::problems::line;
use super::{counted, size};
use crate::cli::theme::{Theme, paint};
use crate::config::Remote;
use crate::digest::Digest;
use crate::exchange::Way;
use crate::exchange::coming::BroughtLayer;
use crate::exchange::fetch::{Moved, RefUpdate};
use crate::exchange::push::{Outcome, Pushed, Rejection};
use crate::history::{CommitId, History, ObjectId};
use crate::ops::clone::{ClonePlan, CloneReport};
use crate::ops::fetch::FetchReport;
use crate::ops::pull::{PullReport, Pulled};
use crate::ops::push::PushReport;
use crate::snapshot::finding::Problem;
use crate::snapshot::root::Kind;

/// A line a remote.
pub(in crate::cli) fn remotes(remotes: &[Remote]) -> String {
    if remotes.is_empty() {
        return "No remotes; add one with: envgit remote add origin URL\n".to_owned();
    }
    let width = remotes.iter().map(|remote| remote.name.len()).max().unwrap_or(0);
    let line = |remote: &Remote| {
        let only = if remote.history_only { "  (history only)" } else { "" };
        format!("{:<width$}  {}{only}\n", remote.name, remote.url)
    };
    remotes.iter().map(line).collect()
}

fn short(history: &History, id: Option<ObjectId>) -> String {
    id.map_or_else(
        || "nothing".to_owned(),
        |id| history.short(CommitId::from_bytes(*id.as_bytes())),
    )
}

/// What was sent, and what became of each ref.
pub(in crate::cli) fn push(report: &PushReport, history: &History, theme: &Theme) -> String {
    let pushed = &report.pushed;
    let verb = if pushed.dry_run { "Would push" } else { "Pushed" };
    let moved = || pushed.refs.iter().filter(|one| one.moves());
    let moves = moved().next().is_some();
    let only_removes = moved().all(|one| one.outcome == Outcome::Removed);
    let mut text = String::new();
    if !pushed.layers_again.is_empty() {
        text.push_str(&format!(
            "{verb} {} again, which {} had lost\n",
            layers_sent(&pushed.layers_again),
            report.remote
        ));
    }
    if moves && only_removes {
        let verb = if pushed.dry_run { "Would remove" } else { "Removed" };
        text.push_str(&format!("{verb} from {}\n", report.address));
    } else if moves {
        text.push_str(&format!(
            "{verb} {} and {} to {}\n",
            layers_sent(&pushed.layers),
            counted(pushed.objects, "object"),
            report.address
        ));
    } else if !report.is_rejected() {
        text.push_str(&format!("{} is up to date\n", report.remote));
    }
    for one in &pushed.refs {
        if one.outcome != Outcome::UpToDate {
            text.push_str(&format!("  {}\n", ref_pushed(one, history, theme)));
        }
    }
    for (branch, upstream) in &report.follows {
        text.push_str(&format!("{branch} follows {upstream} from now on\n"));
    }
    text
}

/// How many layers, with their length.
fn layers_sent(layers: &[(Digest, u64)]) -> String {
    let bytes = layers.iter().map(|(_, size)| size).sum();
    match layers.len() {
        0 => "no layers".to_owned(),
        count => format!("{} of {}", counted(count as u64, "layer"), size(bytes)),
    }
}

fn ref_pushed(pushed: &Pushed, history: &History, theme: &Theme) -> String {
    let name = paint(theme.branch, pushed.name.short_name());
    let (from, to) = (short(history, pushed.from), short(history, pushed.to));
    match pushed.outcome {
        Outcome::UpToDate => format!("{name} is there already"),
        Outcome::New => format!("{name} is new, at {to}"),
        Outcome::Forward => format!("{name} {from} → {to}"),
        Outcome::Forced => format!("{name} {from} → {to} (forced)"),
        Outcome::Removed => format!("{name} removed (was {from})"),
        Outcome::Rejected(why) => {
            let why = match why {
                Rejection::Unknown => "the remote has commits that are not here",
                Rejection::NotForward => "the remote has commits that are not in it",
                Rejection::TagExists => "the remote has another tag of that name",
                Rejection::Stale => "somebody moved it since it was last fetched",
            };
            format!("{} {name}: {why}", paint(theme.error, "rejected"))
        }
    }
}

/// What to do about rejected refs.
pub(in crate::cli) fn rejected(report: &PushReport) -> Option<String> {
    let why = report.pushed.refs.iter().find_map(|pushed| match pushed.outcome {
        Outcome::Rejected(why) => Some(why),
        _ => None,
    })?;
    Some(match why {
        Rejection::Unknown | Rejection::NotForward => {
            "get theirs first with `envgit pull`, or take them away from everybody with --force".to_owned()
        }
        Rejection::TagExists => "choose another name, or move it for everybody with --force".to_owned(),
        Rejection::Stale => "look at what came with `envgit fetch`, then decide again".to_owned(),
    })
}

fn layers(layers: &[BroughtLayer]) -> String {
    let bytes: u64 = layers.iter().map(|layer| layer.size).sum();
    let shared = layers.iter().filter(|layer| layer.way == Way::Shared).count();
    let how = match shared {
        0 => "",
        count if count == layers.len() => " (shared with it on this disk)",
        _ => " (some shared with it on this disk)",
    };
    format!("{} of {}{how}", counted(layers.len() as u64, "layer"), size(bytes))
}

/// What came, and what became of each ref.
pub(in crate::cli) fn fetch(report: &FetchReport, history: &History, theme: &Theme) -> String {
    if report.is_empty() {
        return format!("Nothing new at {}\n", report.remote);
    }
    let what = match (report.layers.is_empty(), report.history_only) {
        (true, true) => "the history".to_owned(),
        (true, false) => "no layers".to_owned(),
        (false, _) => layers(&report.layers),
    };
    let mut text = format!("Fetched {what} from {}\n", report.address);
    for update in &report.refs {
        text.push_str(&format!("  {}\n", ref_fetched(update, history, theme)));
    }
    text
}

fn ref_fetched(update: &RefUpdate, history: &History, theme: &Theme) -> String {
    let name = paint(theme.branch, update.name.short_name());
    let (from, to) = (short(history, update.from), short(history, update.to));
    match update.moved {
        Moved::New => format!("{name} is new, at {to}"),
        Moved::Forward => format!("{name} {from} → {to}"),
        Moved::Forced => format!("{name} {from} → {to} (moved by force)"),
        Moved::Pruned => format!("{name} is gone (was {from})"),
        Moved::Kept => format!("{name} stays at {from}; theirs is another tag, at {to}"),
    }
}

/// How a branch stands to what it follows, when nothing was checked out.
pub(in crate::cli) fn pulled(report: &PullReport) -> String {
    let (branch, upstream) = (&report.branch, &report.upstream);
    match &report.pulled {
        Pulled::UpToDate => format!("{branch} is up to date with {upstream}\n"),
        Pulled::Ahead(count) => format!(
            "{branch} is {} ahead of {upstream}; send them with: envgit push\n",
            counted(*count as u64, "commit")
        ),
        Pulled::Forward(_) => String::new(),
    }
}

/// What a clone would do, and what speaks against it.
pub(in crate::cli) fn plan(plan: &ClonePlan, theme: &Theme) -> String {
    let mut text = format!(
        "Clone of {} into {}\n  {} at {}  {}\n",
        plan.address,
        plan.project.display(),
        paint(theme.branch, &plan.name),
        paint(theme.id, &plan.short),
        plan.subject
    );
    let room = if plan.is_near { " (shared on this disk)" } else { "" };
    if plan.history_only {
        text.push_str("  only the history, no layers\n");
    } else {
        text.push_str(&format!(
            "  {} of {}{room}\n",
            counted(plan.layers as u64, "layer"),
            size(plan.layer_bytes)
        ));
    }
    let width = plan
        .roots
        .iter()
        .map(|root| root.name.as_str().len())
        .max()
        .unwrap_or(0);
    for root in &plan.roots {
        let name = root.name.as_str();
        text.push_str(&format!(
            "  {name:<width$}  {} ({}, {}, {})\n",
            root.path.display(),
            root.kind,
            counted(root.files, "file"),
            size(root.bytes)
        ));
        if root.path != root.home {
            text.push_str(&format!("  {:<width$}  recorded at {}\n", "", root.home.display()));
        }
    }
    for obstacle in &plan.obstacles {
        let word = match obstacle.is_fatal {
            true => paint(theme.error, "cannot:"),
            false => paint(theme.warning, "warning:"),
        };
        text.push_str(&format!("{word} {}\n", obstacle.what));
    }
    for (root, finding) in &plan.findings {
        text.push_str(&format!(
            "{} on this machine, {root}: {}{}\n",
            paint(theme.warning, "warning:"),
            line(finding),
            remedy(&finding.problem)
        ));
    }
    text
}

/// What a clone did.
pub(in crate::cli) fn cloned(report: &CloneReport, theme: &Theme) -> String {
    let plan = &report.plan;
    let at = match &plan.branch {
        Some(branch) => format!(
            "On branch {} at {}",
            paint(theme.branch, branch),
            paint(theme.id, &plan.short)
        ),
        None => format!("At {} ({})", paint(theme.tag, &plan.name), paint(theme.id, &plan.short)),
    };
    let mut text = format!(
        "Cloned {} into {}\n{at}: {}\n",
        plan.address,
        plan.project.display(),
        plan.subject
    );
    if plan.history_only {
        text.push_str(
            "Only the history came; log, and diff, why and check of what is recorded, work: envgit check HEAD\n",
        );
        return text;
    }
    text.push_str(&format!("Got {}\n", layers(&report.layers)));
    for root in &plan.roots {
        text.push_str(&format!(
            "  {}  {} ({})\n",
            root.name,
            root.path.display(),
            counted(root.files, "file")
        ));
    }
    if let Some(checkout) = &report.checkout {
        text.push_str(&format!(
            "Compared with the commit: {} equal.\n",
            counted(checkout.verified.paths, "path")
        ));
        text.push_str(&stuck(checkout, theme));
    }
    for (root, finding) in &plan.findings {
        text.push_str(&format!(
            "{} on this machine, {root}: {}\n",
            paint(theme.warning, "warning:"),
            line(finding)
        ));
    }
    text
}

/// What to type next.
pub(in crate::cli) fn next(report: &CloneReport) -> Vec<String> {
    let plan = &report.plan;
    let folder = quoted(&plan.project);
    if plan.history_only {
        return vec![format!(
            "cd {folder}, then: envgit log; a checkout brings what it needs, and all comes with: envgit fetch --missing"
        )];
    }
    let mut lines = vec![format!("cd {folder}")];
    for root in &plan.roots {
        match root.kind {
            Kind::Conda => {
                let is_named = root.path.parent().is_some_and(|dir| dir.ends_with("envs"));
                let name = root.path.file_name().unwrap_or_default().to_string_lossy();
                lines.push(match is_named {
                    true => format!("conda activate {name}"),
                    false => format!("conda activate {}", quoted(&root.path)),
                });
            }
            Kind::Venv => lines.push(format!("source {}", quoted(&root.path.join("bin/activate")))),
            Kind::Project | Kind::Cache => {}
        }
    }
    lines.push("envgit status".to_owned());
    lines
}

/// What can be done about a problem of this machine that its own words do not say.
fn remedy(problem: &Problem) -> &'static str {
    match problem {
        Problem::System { .. } => "; a newer system has that, or install a build for this one",
        _ => "",
    }
}

/// What to do about recorded variables that this shell has otherwise.
pub(in crate::cli) fn otherwise(names: &[String]) -> Option<String> {
    const NAMED: usize = 6;
    let mut named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    if names.len() > NAMED {
        named.push("…");
    }
    (!names.is_empty()).then(|| {
        format!(
            "this shell has other values than were recorded for {}, which is no change; to see them: envgit env",
            named.join(", ")
        )
    })
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@:".contains(c);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
