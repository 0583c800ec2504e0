//! Asking on the terminal. Ctrl-C is an answer while a question stands there, and at any other time ends the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

use super::ui::Ui;

/// Asks with `prompt`; nothing when Ctrl-C was the answer.
///
/// # Errors
/// The terminal cannot be asked.
pub(super) fn ask<T>(ui: &mut Ui, prompt: impl FnOnce() -> dialoguer::Result<T>) -> dialoguer::Result<Option<T>> {
    let question = Question::asked();
    let answer = prompt();
    if answer.is_err() {
        // The prompt left the cursor hidden, on its own line.
        ui.complain("\x1b[?25h\n");
    }
    match question.is_interrupted() {
        true => Ok(None),
        false => answer.map(Some),
    }
}

/// A question that stands on the terminal, until dropped.
struct Question {
    watch: Option<&'static Watch>,
}

struct Watch {
    /// Ctrl-C ends the program.
    ends: Arc<AtomicBool>,
    /// Ctrl-C came.
    came: Arc<AtomicBool>,
}

impl Watch {
    /// The one of this process. Where the signal cannot be watched, it ends the program as ever.
    fn of_process() -> Option<&'static Self> {
        static WATCH: OnceLock<Option<Watch>> = OnceLock::new();
        let begin = || {
            let watch = Self {
                ends: Arc::new(AtomicBool::new(true)),
                came: Arc::default(),
            };
            flag::register_conditional_default(SIGINT, watch.ends.clone()).ok()?;
            flag::register(SIGINT, watch.came.clone()).ok()?;
            Some(watch)
        };
        WATCH.get_or_init(begin).as_ref()
    }
}

impl Question {
    /// From now on Ctrl-C is an answer.
    fn asked() -> Self {
        let watch = Watch::of_process();
        if let Some(watch) = watch {
            watch.came.store(false, Ordering::SeqCst);
            watch.ends.store(false, Ordering::SeqCst);
        }
        Self { watch }
    }

    /// Whether it was the answer.
    fn is_interrupted(&self) -> bool {
        self.watch.is_some_and(|watch| watch.came.load(Ordering::SeqCst))
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Some(watch) = self.watch {
            watch.ends.store(true, Ordering::SeqCst);
        }
    }
}
