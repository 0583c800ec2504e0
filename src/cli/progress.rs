//! Bars on a terminal: only for what takes longer than half a second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::theme::{Theme, paint};
use super::ui::Ui;
use crate::progress::{Phase, Progress};

/// How long to wait before anything is drawn.
const PATIENCE: Duration = Duration::from_millis(500);

const FRAME: Duration = Duration::from_millis(100);

/// Draws the progress of one command.
pub(super) struct Bars {
    state: Arc<Mutex<State>>,
    is_drawing: bool,
    /// Warnings are for people: with JSON the report holds them.
    tells_warnings: bool,
    theme: Theme,
}

#[derive(Default)]
struct State {
    bar: Option<ProgressBar>,
    /// The patience is over.
    is_visible: bool,
}

impl Bars {
    /// Bars for a command; without a terminal they are never drawn.
    pub(super) fn new(ui: &Ui) -> Self {
        let bars = Self {
            state: Arc::default(),
            is_drawing: ui.can_draw(),
            tells_warnings: !ui.volume.json,
            theme: ui.err_theme(),
        };
        if bars.is_drawing {
            let state = Arc::downgrade(&bars.state);
            std::thread::spawn(move || {
                std::thread::sleep(PATIENCE);
                if let Some(state) = state.upgrade() {
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    state.is_visible = true;
                    state.reveal();
                }
            });
        }
        bars
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reveal(&self) {
        if let Some(bar) = self.bar.as_ref().filter(|_| self.is_visible) {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            bar.enable_steady_tick(FRAME);
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.state().clear();
    }
}

impl Progress for Bars {
    fn begin(&self, phase: Phase, bytes: Option<u64>) {
        if !self.is_drawing {
            return;
        }
        let mut state = self.state();
        state.clear();
        let bar = match bytes.filter(|bytes| *bytes > 0) {
            Some(bytes) => ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden()).with_style(style(
                "{msg}  {wide_bar:.dim} {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta} left",
            )),
            None => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
                .with_style(style("{spinner} {msg}  {elapsed}")),
        };
        bar.set_message(words(phase));
        state.bar = Some(bar);
        state.reveal();
    }

    fn advance(&self, bytes: u64) {
        if self.is_drawing
            && let Some(bar) = &self.state().bar
        {
            bar.inc(bytes);
        }
    }

    fn end(&self) {
        if self.is_drawing {
            self.state().clear();
        }
    }

    fn warn(&self, message: &str) {
        if !self.tells_warnings {
            return;
        }
        let line = format!(
            "{} {}",
            paint(self.theme.warning, "warning:"),
            self.theme.foreign(message)
        );
        let state = self.state();
        match &state.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Scan => "Looking at files",
        Phase::Read => "Reading files",
        Phase::Store => "Storing files",
        Phase::Stage => "Preparing files",
        Phase::Swap => "Moving files into place",
        Phase::Sync => "Writing to disk",
        Phase::Send => "Sending",
        Phase::Receive => "Receiving",
        Phase::Verify => "Verifying",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_understood() {
        for bytes in [None, Some(10)] {
            let bars = Bars {
                state: Arc::default(),
                is_drawing: true,
                tells_warnings: true,
                theme: Theme::plain(),
            };
            bars.begin(Phase::Store, bytes);
            bars.advance(5);
            assert_eq!(bars.state().bar.as_ref().map(ProgressBar::position), Some(5));
            bars.end();
            assert!(bars.state().bar.is_none());
        }
        let template =
            "{msg}  {wide_bar:.dim} {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta} left";
        assert!(ProgressStyle::with_template(template).is_ok());
    }
}
