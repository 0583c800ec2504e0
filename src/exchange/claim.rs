//! Taking a number in the log of a remote that cannot create an object exactly once.
//!
//! The protocol, as a value: it asks for one thing at a time and is told what came of it. Nothing is done here, so that
//! a test can try every order in which several pushers may act.
//!
//! ```text
//! look ─► claim ─► are there others? ─► is the number still free? ─► enter ─► is it ours? ─► withdraw
//!   ▲                   │ yes                     │ no
//!   └── wait ◄── withdraw                         └► withdraw, lost
//! ```
//!
//! Why no two win one number, as long as the remote shows every finished write to all who read or list later: suppose A
//! and B both enter. Each listed the claims after its own was written, and saw no other. When B listed, A's claim had
//! either not been written yet, or was withdrawn. If it had not been written, A listed after B's claim was written and
//! did not see it, so B had withdrawn by then; so one of the two, say A, withdrew before the other listed. Who enters
//! withdraws only after its entry is written. So the entry stood before B listed the claims, and B, who looks at the
//! log after it listed the claims, saw that the number was taken and did not enter.
//!
//! A claim whose owner died would be in the way for ever. Who has seen a claim for more than [`EXPIRY`] by its own
//! clock takes it away. That needs one assumption about time: a claimant that does not enter within [`WINDOW`] of its claim gives up,
//! and a write that was begun is done, or never happens, within [`EXPIRY`] − [`WINDOW`]. No two clocks are compared.

use std::collections::HashMap;
use std::time::Duration;

/// A claim that stood for longer is dead.
pub(super) const EXPIRY: Duration = Duration::from_secs(90);

/// A claimant enters within so long of its claim, or not at all.
pub(super) const WINDOW: Duration = Duration::from_secs(30);

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// List the ids of the claims to the number.
    ListClaims,
    /// Find the highest number in the log.
    Newest,
    /// Write the own claim, under this id.
    Claim(String),
    /// Remove the own claim.
    Withdraw(String),
    /// Remove the claim of somebody who died.
    Bury(String),
    /// Write the entry.
    Enter,
    /// Read the entry: is it the own one?
    Check,
    /// Wait for a random time that grows with the number of tries.
    Wait(u32),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing was asked yet, or it is done.
    Done,
    /// The ids of the claims.
    Claims(Vec<String>),
    /// The highest number.
    Newest(u64),
    /// Whether the entry is the own one.
    Checked(bool),
}

/// How it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Ask(Ask),
    /// The entry is in the log.
    Won,
    /// Another took the number, and the own entry was not written.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Looking,
    Claiming,
    Alone,
    Free,
    Entering,
    Checking,
    /// Withdrawing, and then?
    Leaving(Then),
    Burying,
    Waiting,
    Rechecking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Wait,
    Win,
    Lose,
}

/// One who wants to take a number.
#[derive(Clone, Debug)]
pub(super) struct Claimant {
    number: u64,
    id: String,
    state: State,
    tries: u32,
    /// How often a claim was written. Each has an id of its own: one that was withdrawn and written again would look to
    /// others as if it had stood all the time.
    claims: u32,
    /// When the claim was asked for.
    claimed: Duration,
    /// When the claims of others were first seen.
    seen: HashMap<String, Duration>,
}

impl Claimant {
    /// One who wants to take `number`, under an id that nobody else has.
    pub(super) fn new(number: u64, id: String) -> Self {
        Self {
            number,
            id,
            state: State::Start,
            tries: 0,
            claims: 0,
            claimed: Duration::ZERO,
            seen: HashMap::new(),
        }
    }

    /// The id of the own claim.
    fn own(&self) -> String {
        format!("{}-{}", self.id, self.claims)
    }

    /// Ids of claims in the way, the one that stands longest first.
    pub(super) fn in_the_way(&self) -> Option<&str> {
        let oldest = self.seen.iter().min_by_key(|(_, since)| **since);
        oldest.map(|(id, _)| id.as_str())
    }

    /// Goes on with what came of the last step. `now` is any clock that never goes back.
    pub(super) fn step(&mut self, now: Duration, told: Told) -> Step {
        match (self.state, told) {
            (State::Start, _) => self.ask(State::Looking, Ask::ListClaims),
            (State::Looking, Told::Claims(ids)) => self.look(now, ids),
            (State::Claiming, _) => self.ask(State::Alone, Ask::ListClaims),
            (State::Alone, Told::Claims(ids)) => {
                if ids == [self.own()] {
                    return self.ask(State::Free, Ask::Newest);
                }
                self.remember(now, ids);
                self.leave(Then::Wait)
            }
            (State::Free, Told::Newest(newest)) => {
                if newest + 1 != self.number {
                    self.leave(Then::Lose)
                } else if now.saturating_sub(self.claimed) > WINDOW {
                    self.leave(Then::Wait)
                } else {
                    self.ask(State::Entering, Ask::Enter)
                }
            }
            (State::Entering, _) => self.ask(State::Checking, Ask::Check),
            (State::Checking, Told::Checked(is_own)) => self.leave(if is_own { Then::Win } else { Then::Lose }),
            (State::Leaving(Then::Win), _) => Step::Won,
            (State::Leaving(Then::Lose), _) => Step::Lost,
            (State::Leaving(Then::Wait), _) => self.wait(),
            (State::Burying, _) => self.ask(State::Looking, Ask::ListClaims),
            (State::Waiting, _) => self.ask(State::Rechecking, Ask::Newest),
            (State::Rechecking, Told::Newest(newest)) if newest + 1 == self.number => {
                self.ask(State::Looking, Ask::ListClaims)
            }
            (State::Rechecking, Told::Newest(_)) => Step::Lost,
            // An answer to another question: whoever drives this is wrong, and asking again harms nothing.
            (State::Looking | State::Alone, _) => Step::Ask(Ask::ListClaims),
            (State::Free | State::Rechecking, _) => Step::Ask(Ask::Newest),
            (State::Checking, _) => Step::Ask(Ask::Check),
        }
    }

    fn look(&mut self, now: Duration, ids: Vec<String>) -> Step {
        if ids.is_empty() {
            self.seen.clear();
            self.claimed = now;
            self.claims += 1;
            let claim = Ask::Claim(self.own());
            return self.ask(State::Claiming, claim);
        }
        self.remember(now, ids);
        let dead = self.seen.iter().find(|(_, since)| now.saturating_sub(**since) > EXPIRY);
        match dead.map(|(id, _)| id.clone()) {
            Some(id) => {
                self.seen.remove(&id);
                self.ask(State::Burying, Ask::Bury(id))
            }
            None => self.wait(),
        }
    }

    /// Claims that are there now. One that went meanwhile is forgotten.
    fn remember(&mut self, now: Duration, ids: Vec<String>) {
        let mut seen = HashMap::new();
        let own = self.own();
        for id in ids.into_iter().filter(|id| *id != own) {
            let since = self.seen.get(&id).copied().unwrap_or(now);
            seen.insert(id, since);
        }
        self.seen = seen;
    }

    fn wait(&mut self) -> Step {
        self.tries += 1;
        self.ask(State::Waiting, Ask::Wait(self.tries))
    }

    fn leave(&mut self, then: Then) -> Step {
        let withdraw = Ask::Withdraw(self.own());
        self.ask(State::Leaving(then), withdraw)
    }

    fn ask(&mut self, state: State, ask: Ask) -> Step {
        self.state = state;
        Step::Ask(ask)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A remote without any atomic operation but that a finished write is seen by all.
    #[derive(Clone, Default)]
    struct Store {
        claims: BTreeSet<String>,
        /// Who wrote the entry of the number that all want; the last writer wins.
        entry: Vec<String>,
    }

    #[derive(Clone)]
    struct Pusher {
        claimant: Claimant,
        pending: Step,
        /// When it was decided to write the entry.
        decided: Option<Duration>,
        is_dead: bool,
    }

    #[derive(Clone)]
    struct World {
        store: Store,
        pushers: Vec<Pusher>,
        now: Duration,
    }

    const NUMBER: u64 = 7;

    impl World {
        fn new(count: usize) -> Self {
            let pushers = (0..count).map(|n| {
                let mut claimant = Claimant::new(NUMBER, format!("p{n}"));
                let pending = claimant.step(Duration::ZERO, Told::Done);
                Pusher {
                    claimant,
                    pending,
                    decided: None,
                    is_dead: false,
                }
            });
            Self {
                store: Store::default(),
                pushers: pushers.collect(),
                now: Duration::ZERO,
            }
        }

        fn can_act(&self, at: usize) -> bool {
            let pusher = &self.pushers[at];
            !pusher.is_dead && matches!(pusher.pending, Step::Ask(_))
        }

        /// Pusher `at` does what it was about to do.
        fn act(&mut self, at: usize) {
            let pusher = &mut self.pushers[at];
            let id = pusher.claimant.id.clone();
            let Step::Ask(ask) = &pusher.pending else { return };
            let told = match ask {
                Ask::ListClaims => Told::Claims(self.store.claims.iter().cloned().collect()),
                Ask::Newest => Told::Newest(NUMBER - u64::from(self.store.entry.is_empty())),
                Ask::Claim(claim) => {
                    self.store.claims.insert(claim.clone());
                    Told::Done
                }
                Ask::Withdraw(claim) => {
                    self.store.claims.remove(claim);
                    Told::Done
                }
                Ask::Bury(other) => {
                    self.store.claims.remove(other);
                    Told::Done
                }
                Ask::Enter => {
                    self.store.entry.push(id);
                    pusher.decided = None;
                    Told::Done
                }
                Ask::Check => Told::Checked(self.store.entry.last() == Some(&id)),
                Ask::Wait(_) => Told::Done,
            };
            pusher.pending = pusher.claimant.step(self.now, told);
            if pusher.pending == Step::Ask(Ask::Enter) {
                pusher.decided = Some(self.now);
            }
        }

        /// The time that may pass at most before a write that was decided on must have happened.
        fn patience(&self) -> Duration {
            let alive = self.pushers.iter().filter(|pusher| !pusher.is_dead);
            let limits = alive.filter_map(|pusher| Some(pusher.decided? + (EXPIRY - WINDOW)));
            limits
                .min()
                .map_or(Duration::MAX, |limit| limit.saturating_sub(self.now))
        }

        fn check(&self) {
            assert!(self.store.entry.len() <= 1, "two entered: {:?}", self.store.entry);
            for pusher in &self.pushers {
                let is_in = self.store.entry.contains(&pusher.claimant.id);
                match pusher.pending {
                    Step::Won => assert!(is_in, "a winner's entry is not there"),
                    Step::Lost => assert!(!is_in, "a loser's entry is there"),
                    Step::Ask(_) => {}
                }
            }
        }
    }

    /// Every order in which two may act, as far as `depth` steps, and then one after the other.
    fn explore(world: &World, depth: u32, paths: &mut u32) {
        world.check();
        let ready: Vec<usize> = (0..world.pushers.len()).filter(|at| world.can_act(*at)).collect();
        if ready.is_empty() {
            *paths += 1;
            return;
        }
        if depth == 0 {
            let mut world = world.clone();
            for at in ready {
                for _ in 0..100 {
                    world.act(at);
                    world.check();
                }
            }
            assert_eq!(world.store.entry.len(), 1, "nobody entered");
            *paths += 1;
            return;
        }
        for at in ready {
            let mut next = world.clone();
            next.act(at);
            explore(&next, depth - 1, paths);
        }
    }

    #[test]
    fn in_no_order_do_two_win() {
        let mut paths = 0;
        explore(&World::new(2), 14, &mut paths);
        assert!(paths > 5_000, "{paths}");
        let mut paths = 0;
        explore(&World::new(3), 9, &mut paths);
        assert!(paths > 10_000, "{paths}");
    }

    fn next(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    /// Two to four pushers, clocks that jump, and pushers that die at any step.
    #[test]
    fn the_dead_are_buried_and_the_living_lose_nothing() {
        let (mut won, mut buried) = (0, 0);
        for seed in 1..3000_u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut world = World::new(2 + (seed % 3) as usize);
            // One survives, so that somebody can win.
            for _ in 0..400 {
                let at = next(&mut random) as usize % world.pushers.len();
                match next(&mut random) % 16 {
                    0 => {
                        let jump = Duration::from_secs(next(&mut random) % 100);
                        world.now += jump.min(world.patience());
                    }
                    1 if at > 0 && seed % 2 == 0 => world.pushers[at].is_dead = true,
                    _ => {
                        let burying = matches!(world.pushers[at].pending, Step::Ask(Ask::Bury(_)));
                        if world.can_act(at) {
                            world.act(at);
                            buried += u32::from(burying);
                        }
                    }
                }
                world.check();
            }
            won += u32::from(!world.store.entry.is_empty());
        }
        assert!(won > 2950, "{won} of 2999 ended with an entry");
        assert!(buried > 50, "{buried} dead claims were met");
    }

    #[test]
    fn who_is_late_gives_up() {
        let mut late = Claimant::new(1, "late".into());
        let mut told = Told::Done;
        let mut now = Duration::ZERO;
        let mut asked = Vec::new();
        for _ in 0..6 {
            let Step::Ask(ask) = late.step(now, told) else { panic!() };
            told = match &ask {
                Ask::ListClaims if asked.contains(&Ask::Claim("late-1".into())) => Told::Claims(vec!["late-1".into()]),
                Ask::ListClaims => Told::Claims(vec![]),
                Ask::Newest => {
                    now += WINDOW + Duration::from_secs(1);
                    Told::Newest(0)
                }
                _ => Told::Done,
            };
            asked.push(ask);
        }
        assert!(!asked.contains(&Ask::Enter), "{asked:?}");
        assert!(asked.contains(&Ask::Withdraw("late-1".into())));
    }
}
