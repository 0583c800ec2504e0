//! Asking before a large change: one screen, one question.

use dialoguer::Confirm;

use super::context::CommandContext;
use super::question::ask;
use super::render;
use crate::ops::report::CheckoutReport;

/// From how many paths on a change is large.
const MANY: usize = 100;
/// From how many written bytes on.
const MUCH: u64 = 64 << 20;

/// When the user is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// Never: `--yes`.
    Never,
    /// When the change is large, or touches what git tracks.
    WhenLarge,
    /// For every change.
    Always,
}

/// What a user may say beforehand of every change of the whole live state.
#[derive(Debug, clap::Args)]
pub(super) struct Beforehand {
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    /// Go on although processes have files open that will be replaced: they keep the old ones until they end.
    #[arg(long)]
    pub(super) force: bool,
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

impl Beforehand {
    /// When to ask.
    pub(super) fn asking(&self) -> Asking {
        if self.yes { Asking::Never } else { Asking::WhenLarge }
    }
}

/// Shows what a checkout will do and asks, when somebody is there to ask.
pub(super) fn consent(cmd: &mut CommandContext<'_>, report: &CheckoutReport, asking: Asking) -> bool {
    let tracked = render::checkout::git_tracked(&report.plan);
    if let Some(told) = &tracked {
        cmd.ui.warn(told);
    }
    let wanted = match asking {
        Asking::Never => false,
        Asking::WhenLarge => tracked.is_some() || is_large(report),
        Asking::Always => !report.plan.roots.is_empty(),
    };
    if !wanted || !cmd.ui.can_ask() {
        return true;
    }
    let screen = render::screen::screen(report, &cmd.ui.err_theme());
    cmd.ui.complain(&format!("{screen}\n"));
    yes(cmd, "Go on?")
}

/// A question with two answers, of which yes is the usual one. A terminal that cannot answer has not agreed.
pub(super) fn yes(cmd: &mut CommandContext<'_>, question: &str) -> bool {
    // What is asked about must be on the screen.
    if !cmd.ui.can_ask() || cmd.ui.flush().is_err() {
        return false;
    }
    let prompt = Confirm::new().with_prompt(question).default(true);
    matches!(ask(cmd.ui, || prompt.interact()), Ok(Some(true)))
}

fn is_large(report: &CheckoutReport) -> bool {
    let roots = &report.plan.roots;
    let paths: usize = roots.iter().map(|root| root.paths.len()).sum();
    paths >= MANY || roots.iter().map(|root| root.bytes).sum::<u64>() >= MUCH
}
