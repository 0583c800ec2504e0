//! Ctrl-C while a question stands on the terminal: an answer to it. At any other time it ends the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// A question that stands on the terminal, until dropped.
pub(super) struct Question {
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
    pub(super) fn asked() -> Self {
        let watch = Watch::of_process();
        if let Some(watch) = watch {
            watch.came.store(false, Ordering::SeqCst);
            watch.ends.store(false, Ordering::SeqCst);
        }
        Self { watch }
    }

    /// Whether it was the answer.
    pub(super) fn is_interrupted(&self) -> bool {
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
