//! Which frame a thread reads next: each reads contents of its own, one from start to end, and helps with those of
//! others when none is left.
//!
//! A file is written and hashed by one thread at a time, so two of them on one file would wait for each other; but the
//! last file may be the largest.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::catalog::{Frame, Located};

/// A frame that is wanted.
pub(super) struct Task {
    /// The number of the want.
    pub(super) want: usize,
    /// The number of the layer that holds it.
    pub(super) layer: usize,
    pub(super) frame: Frame,
    /// Where it stands in the content.
    pub(super) offset: u64,
}

/// All frames that are wanted, content by content in the order in which they lie on disk.
#[derive(Default)]
pub(super) struct Queue {
    tasks: Vec<Task>,
    contents: Vec<Content>,
    next: AtomicUsize,
}

/// A content and how much of it was taken.
struct Content {
    tasks: Range<usize>,
    taken: AtomicUsize,
}

/// The place of one thread in the queue.
pub(super) struct Turn<'q> {
    queue: &'q Queue,
    content: usize,
    is_helping: bool,
}

impl Queue {
    /// Adds the frames of a want, in their order.
    pub(super) fn push(&mut self, want: usize, frames: &[Located<'_>]) {
        let start = self.tasks.len();
        self.tasks
            .extend(frames.iter().map(|Located { layer, frame, offset }| Task {
                want,
                layer: *layer,
                frame: **frame,
                offset: *offset,
            }));
        self.contents.push(Content {
            tasks: start..self.tasks.len(),
            taken: AtomicUsize::new(0),
        });
    }

    /// Puts the contents in the order in which they lie on disk.
    pub(super) fn sort(&mut self) {
        let tasks = &self.tasks;
        self.contents.sort_by_key(|content| {
            let first = tasks.get(content.tasks.start);
            first.map(|task| (task.layer, task.frame.offset, task.want))
        });
    }

    /// All frames.
    pub(super) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// For one thread, the frames that it is to read.
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn {
            queue: self,
            content: self.next.fetch_add(1, Ordering::Relaxed),
            is_helping: false,
        }
    }
}

impl<'q> Iterator for Turn<'q> {
    type Item = &'q Task;

    fn next(&mut self) -> Option<&'q Task> {
        let queue = self.queue;
        loop {
            let Some(content) = queue.contents.get(self.content) else {
                if self.is_helping {
                    return None;
                }
                self.is_helping = true;
                self.content = 0;
                continue;
            };
            let taken = content.taken.fetch_add(1, Ordering::Relaxed);
            if let Some(at) = Some(content.tasks.start + taken).filter(|at| content.tasks.contains(at)) {
                return queue.tasks.get(at);
            }
            self.content = match self.is_helping {
                true => self.content + 1,
                false => queue.next.fetch_add(1, Ordering::Relaxed),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn frames(at: u64, count: u64) -> Vec<Frame> {
        let frame = |number: u64| Frame {
            digest: Digest::of(b""),
            offset: at + number,
            stored: 1,
            size: 1,
            sum: None,
        };
        (0..count).map(frame).collect()
    }

    fn queue(contents: &[(u64, u64)]) -> Queue {
        let mut queue = Queue::default();
        for (want, (at, count)) in contents.iter().enumerate() {
            let frames = frames(*at, *count);
            let located: Vec<Located<'_>> = frames
                .iter()
                .enumerate()
                .map(|(number, frame)| Located {
                    layer: 0,
                    frame,
                    offset: number as u64,
                })
                .collect();
            queue.push(want, &located);
        }
        queue.sort();
        queue
    }

    fn told(task: Option<&Task>) -> Option<(usize, u64)> {
        task.map(|task| (task.want, task.offset))
    }

    #[test]
    fn threads_keep_to_contents_of_their_own_and_help_at_the_end() {
        let queue = queue(&[(100, 4), (0, 2)]);
        let (mut one, mut other) = (queue.turn(), queue.turn());
        assert_eq!(told(one.next()), Some((1, 0)), "what lies first on disk");
        assert_eq!(told(other.next()), Some((0, 0)));
        assert_eq!(told(other.next()), Some((0, 1)));
        assert_eq!(told(one.next()), Some((1, 1)));
        assert_eq!(told(one.next()), Some((0, 2)), "nothing else is left");
        assert_eq!(told(other.next()), Some((0, 3)));
        assert_eq!((told(one.next()), told(other.next())), (None, None));
    }

    #[test]
    fn many_threads_take_every_frame_once() {
        let contents: Vec<(u64, u64)> = (0..300).map(|n| (n * 100, n % 7)).collect();
        let queue = queue(&contents);
        let all = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for task in queue.turn() {
                        all.lock().unwrap().push((task.want, task.offset));
                    }
                });
            }
        });
        let mut all = all.into_inner().unwrap();
        all.sort_unstable();
        let expected = contents
            .iter()
            .enumerate()
            .flat_map(|(want, (_, count))| (0..*count).map(move |at| (want, at)));
        assert_eq!(all, expected.collect::<Vec<_>>());
    }
}
