//! How many parts of an object are under way at once: more as long as that makes it faster.

use std::time::Duration;

use super::stream::PART;

/// Twice as many must be so many times as fast. Less is seen by chance, where others use the same cores.
const WORTH: f64 = 1.4;

/// So many parts later it is tried again.
const AGAIN: u64 = 16;

/// Tries twice as many parts, and keeps to that if it was faster.
pub(super) struct Pace {
    ahead: usize,
    /// What was before, while more are tried; and how many bytes came in a second then.
    tried_from: Option<(usize, f64)>,
    bytes: u64,
    took: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ahead: 1,
            tried_from: Some((1, 0.0)),
            bytes: 0,
            took: Duration::ZERO,
        }
    }
}

impl Pace {
    /// How many parts may be under way.
    pub(super) fn ahead(&self) -> usize {
        self.ahead
    }

    /// After how many bytes it is decided how to go on.
    pub(super) fn round(&self) -> u64 {
        PART * match self.tried_from {
            // Those that were under way before came as before.
            Some(_) => 2 * self.ahead as u64,
            None => AGAIN,
        }
    }

    /// So many bytes came, after so long.
    pub(super) fn note(&mut self, bytes: u64, took: Duration) {
        self.bytes += bytes;
        self.took += took;
        if self.bytes < self.round() {
            return;
        }
        let rate = self.bytes as f64 / self.took.as_secs_f64().max(1e-9);
        (self.bytes, self.took) = (0, Duration::ZERO);
        match self.tried_from {
            Some((before, slower)) if rate < slower * WORTH => {
                self.ahead = before;
                self.tried_from = None;
            }
            _ => {
                self.tried_from = Some((self.ahead, rate));
                self.ahead *= 2;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many are under way after so many parts, over a line that gives `each` bytes in a second to one connection and
    /// `all` to all of them.
    fn after(parts: usize, each: f64, all: f64) -> usize {
        let mut pace = Pace::default();
        for _ in 0..parts {
            let rate = (each * pace.ahead().min(6) as f64).min(all);
            pace.note(PART, Duration::from_secs_f64(PART as f64 / rate));
        }
        pace.ahead().min(6)
    }

    #[test]
    fn as_many_as_make_it_faster() {
        assert_eq!(after(0, 50e6, 1e9), 1);
        assert_eq!(after(2, 50e6, 1e9), 2);
        assert_eq!(after(6, 50e6, 1e9), 4);
        assert_eq!(after(14, 50e6, 1e9), 6);
        assert_eq!(after(30, 50e6, 1e9), 6, "six are faster than four");
        // One connection has the whole line.
        assert_eq!(after(20, 50e6, 50e6), 1);
        assert_eq!(after(20, 50e6, 110e6), 2);
    }

    #[test]
    fn a_line_that_got_wider_is_noticed() {
        let mut pace = Pace::default();
        let mut come = |parts: usize, rate: &dyn Fn(usize) -> f64| {
            for _ in 0..parts {
                let took = PART as f64 / rate(pace.ahead());
                pace.note(PART, Duration::from_secs_f64(took));
            }
            pace.ahead()
        };
        assert_eq!(come(30, &|_| 50e6), 1);
        assert!(come(60, &|ahead| 50e6 * ahead as f64) > 2);
    }
}
