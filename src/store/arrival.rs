//! A layer on its way in: what has come of it may be read before the rest is there.

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Error;
use super::catalog::{Frame, LayerIndex};
use crate::digest::Digest;

/// A layer that is on its way, and what it holds by its own account. Nothing of it is believed before it was checked:
/// frames by their digests, as ever, and the whole when it is there.
#[derive(Clone)]
pub struct Awaited {
    /// Its digest.
    pub digest: Digest,
    /// What it says it holds.
    pub index: LayerIndex,
    /// How far it has come.
    pub arrival: Arc<Arrival>,
}

/// How far a layer has come. Who brings it tells; who reads it waits.
#[derive(Default)]
pub struct Arrival {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The file, once there is one; it stays the same one when it gets its place.
    file: Option<Arc<File>>,
    /// So many bytes of it are there.
    length: u64,
    end: Option<End>,
    /// Nobody waits for it any more.
    is_unwanted: bool,
    reading: Reading,
    /// Frames that were read and made the contents that they are of.
    right: Vec<Frame>,
    /// What is wrong with what was read, if anything.
    flaw: Option<String>,
}

/// What to expect of those who read it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Reading {
    /// Nobody reads it, or they went without a word.
    #[default]
    Not,
    /// Somebody does.
    Under,
    /// They are through, and told which frames they found right.
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It is whole, checked and durable, and in its place.
    Here,
    /// It will not come.
    Lost,
}

impl Arrival {
    /// So many bytes from the start are in this file.
    pub fn begin(&self, file: File, length: u64) {
        self.change(|state| (state.file, state.length) = (Some(Arc::new(file)), length));
    }

    /// So many bytes from the start are there by now.
    pub fn reached(&self, length: u64) {
        self.change(|state| state.length = length);
    }

    /// It is whole, checked and durable, and in its place.
    pub fn is_here(&self) {
        self.change(|state| state.end = Some(End::Here));
    }

    /// Nobody brings it any more: if it is not here it will not come.
    pub fn is_over(&self) {
        self.change(|state| state.end = state.end.or(Some(End::Lost)));
    }

    /// Whether it will not come.
    pub fn is_lost(&self) -> bool {
        self.state().end == Some(End::Lost)
    }

    /// Nobody waits for it any more.
    pub fn give_up(&self) {
        self.change(|state| state.is_unwanted = true);
    }

    /// Whether somebody may still wait for it.
    pub fn is_wanted(&self) -> bool {
        !self.state().is_unwanted
    }

    /// Somebody will read it and tell what they found.
    pub(super) fn attend(&self) {
        self.change(|state| state.reading = Reading::Under);
    }

    /// Whether somebody does.
    pub fn is_attended(&self) -> bool {
        self.state().reading != Reading::Not
    }

    /// These frames were read and make the contents that they are of.
    pub(super) fn found_right(&self, frames: impl IntoIterator<Item = Frame>) {
        self.state().right.extend(frames);
    }

    /// This was found to be wrong with it.
    pub(super) fn is_flawed(&self, what: &str) {
        self.state().flaw.get_or_insert_with(|| what.to_owned());
    }

    /// What was found to be wrong with it.
    pub fn flaw(&self) -> Option<String> {
        self.state().flaw.clone()
    }

    /// Who reads it is through.
    fn is_read(&self) {
        self.change(|state| state.reading = Reading::Done);
    }

    /// Nobody reads it any more.
    pub fn leave(&self) {
        self.change(|state| {
            if state.reading == Reading::Under {
                state.reading = Reading::Not;
            }
        });
    }

    /// The frames that were found right, once it was read; nothing when nobody will tell.
    pub fn right(&self) -> Option<Vec<Frame>> {
        let mut state = self.state();
        loop {
            match state.reading {
                Reading::Done => return Some(std::mem::take(&mut state.right)),
                Reading::Not => return None,
                Reading::Under => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Its file, as soon as all up to this byte is in it.
    ///
    /// # Errors
    /// What is missing, when it will not come.
    pub(super) fn up_to(&self, end: u64) -> Result<Arc<File>, String> {
        let mut state = self.state();
        loop {
            match &state.file {
                Some(file) if state.length >= end => return Ok(file.clone()),
                _ if state.end.is_some() => return Err("it did not come".to_owned()),
                _ => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn wait(&self) -> End {
        let mut state = self.state();
        loop {
            match state.end {
                Some(end) => return end,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Every change is one assignment, so a thread that died left nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl super::Store {
    /// Nothing more is read before all is here: waits until every layer that it awaits is whole, checked and durable.
    ///
    /// # Errors
    /// Names one that will not come.
    pub fn settle(&self) -> Result<(), Error> {
        self.awaited.values().for_each(|arrival| arrival.is_read());
        for (digest, arrival) in &self.awaited {
            if arrival.wait() == End::Lost {
                return Err(Error::Lost { layer: *digest });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, Write as _};
    use std::time::Duration;

    use super::*;

    #[test]
    fn readers_wait_for_what_they_need() {
        let arrival = Arrival::default();
        let mut file = tempfile::tempfile().unwrap();
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| arrival.up_to(4).map(|file| file.metadata().unwrap().len()));
            arrival.begin(file.try_clone().unwrap(), 0);
            std::thread::sleep(Duration::from_millis(5));
            assert!(!reading.is_finished());
            file.write_all(b"abcde").unwrap();
            arrival.reached(5);
            assert_eq!(reading.join().unwrap(), Ok(5));
        });
        assert!(arrival.up_to(5).is_ok());
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcde");
    }

    #[test]
    fn who_brings_it_hears_what_was_found_or_that_nobody_tells() {
        let frame = Frame {
            digest: Digest::of(b"a"),
            offset: 7,
            stored: 1,
            size: 1,
            sum: None,
        };
        let told = |tell: &(dyn Fn(&Arrival) + Sync)| {
            let arrival = Arrival::default();
            arrival.attend();
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| arrival.right());
                std::thread::sleep(Duration::from_millis(5));
                assert!(!waiting.is_finished());
                tell(&arrival);
                waiting.join().unwrap()
            })
        };
        let through = |arrival: &Arrival| {
            arrival.found_right([frame]);
            arrival.is_read();
            arrival.leave();
        };
        assert_eq!(told(&through), Some(vec![frame]));
        assert_eq!(told(&Arrival::leave), None);
        assert_eq!(Arrival::default().right(), None, "nobody reads it");
    }

    #[test]
    fn what_will_not_come_keeps_nobody_waiting() {
        let arrival = Arrival::default();
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| arrival.up_to(1).map(drop));
            let waiting = scope.spawn(|| arrival.wait() == End::Lost);
            arrival.is_over();
            assert_eq!(reading.join().unwrap(), Err("it did not come".to_owned()));
            assert!(waiting.join().unwrap());
        });
        let here = Arrival::default();
        here.is_here();
        here.is_over();
        assert!(!here.is_lost(), "it came before");
    }
}
