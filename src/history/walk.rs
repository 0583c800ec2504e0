//! Walking from commits to those before them.

use std::collections::{BinaryHeap, HashMap, HashSet};

use super::History;
use super::error::Error;
use super::id::CommitId;
use super::log::CommitInfo;

/// Newer commits are greater.
type Rank = (i64, CommitId);

/// Commits, newest first, and never before all those that follow them. Made by [`History::walk`].
///
/// A line of history is read as it is asked for. Where lines meet or several start, clocks alone cannot tell the order,
/// and the rest is read at once.
#[derive(Debug)]
pub struct Walk<'a> {
    history: &'a History,
    ready: BinaryHeap<Rank>,
    known: HashMap<CommitId, CommitInfo>,
    /// How many commits that come earlier still follow this one; known once the rest was read.
    followers: Option<HashMap<CommitId, usize>>,
}

impl History {
    /// All commits that are or come before `starts`.
    ///
    /// # Errors
    /// Names a start that cannot be read; the walk yields the error of any other commit and ends there.
    pub fn walk(&self, starts: &[CommitId]) -> Result<Walk<'_>, Error> {
        let mut walk = Walk {
            history: self,
            ready: BinaryHeap::new(),
            known: HashMap::new(),
            followers: None,
        };
        let starts: HashSet<CommitId> = starts.iter().copied().collect();
        for start in starts {
            let rank = walk.load(start)?;
            walk.ready.push(rank);
        }
        Ok(walk)
    }

    /// Whether `ancestor` is `commit` or comes before it.
    ///
    /// # Errors
    /// Names a commit that cannot be read.
    pub fn is_ancestor(&self, ancestor: CommitId, commit: CommitId) -> Result<bool, Error> {
        let mut seen = HashSet::from([commit]);
        let mut todo = vec![commit];
        while let Some(id) = todo.pop() {
            if id == ancestor {
                return Ok(true);
            }
            let parents = self.commit_info(id)?.parents;
            todo.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        Ok(false)
    }
}

impl History {
    /// All of `commits` and those before them.
    ///
    /// # Errors
    /// Names a commit that cannot be read.
    pub fn up_to(&self, commits: &[CommitId]) -> Result<HashSet<CommitId>, Error> {
        let mut seen: HashSet<CommitId> = commits.iter().copied().collect();
        let mut todo = commits.to_vec();
        while let Some(id) = todo.pop() {
            let parents = self.commit_info(id)?.parents;
            todo.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        Ok(seen)
    }

    /// How many commits come before one of two and not before the other: (those of `a` alone, those of `b` alone).
    ///
    /// # Errors
    /// Names a commit that cannot be read.
    pub fn apart(&self, a: CommitId, b: CommitId) -> Result<(usize, usize), Error> {
        let (of_a, of_b) = (self.up_to(&[a])?, self.up_to(&[b])?);
        Ok((of_a.difference(&of_b).count(), of_b.difference(&of_a).count()))
    }
}

impl Walk<'_> {
    /// Reads a commit once.
    fn load(&mut self, id: CommitId) -> Result<Rank, Error> {
        if let Some(info) = self.known.get(&id) {
            return Ok((info.time.seconds, id));
        }
        let info = self.history.commit_info(id)?;
        let rank = (info.time.seconds, id);
        self.known.insert(id, info);
        Ok(rank)
    }

    /// Reads all that is left and counts followers, so that only commits without one are ready.
    fn read_rest(&mut self) -> Result<(), Error> {
        let mut todo: Vec<CommitId> = self.ready.drain().map(|(_, id)| id).collect();
        let mut followers: HashMap<CommitId, usize> = todo.iter().map(|id| (*id, 0)).collect();
        let starts = todo.clone();
        while let Some(id) = todo.pop() {
            self.load(id)?;
            let parents = self
                .known
                .get(&id)
                .map(|info| distinct(&info.parents))
                .unwrap_or_default();
            for parent in parents {
                let count = followers.entry(parent).or_insert_with(|| {
                    todo.push(parent);
                    0
                });
                *count += 1;
            }
        }
        for start in starts {
            if followers.get(&start) == Some(&0) {
                let rank = self.load(start)?;
                self.ready.push(rank);
            }
        }
        self.followers = Some(followers);
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<CommitInfo>, Error> {
        if self.followers.is_none() && self.ready.len() > 1 {
            self.read_rest()?;
        }
        let Some((_, id)) = self.ready.pop() else {
            return Ok(None);
        };
        self.load(id)?;
        let Some(info) = self.known.remove(&id) else {
            return Ok(None);
        };
        for parent in distinct(&info.parents) {
            let free = match &mut self.followers {
                None => true,
                Some(followers) => {
                    let count = followers.entry(parent).or_insert(1);
                    *count = count.saturating_sub(1);
                    *count == 0
                }
            };
            if free {
                let rank = self.load(parent)?;
                self.ready.push(rank);
            }
        }
        Ok(Some(info))
    }
}

fn distinct(parents: &[CommitId]) -> Vec<CommitId> {
    let mut list = parents.to_vec();
    list.sort_unstable();
    list.dedup();
    list
}

impl Iterator for Walk<'_> {
    type Item = Result<CommitInfo, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if next.is_err() {
            self.ready.clear();
        }
        next.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{commit_at, history};
    use super::*;

    fn subjects(history: &History, starts: &[CommitId]) -> String {
        let walk = history.walk(starts).unwrap();
        walk.map(|c| c.unwrap().subject().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn no_commit_comes_before_one_that_follows_it_whatever_the_clocks_say() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 100, &[]);
        let b = commit_at(&history, "b", 500, &[a]);
        // Made by a clock that is far behind.
        let c = commit_at(&history, "c", 50, &[b]);
        let d = commit_at(&history, "d", 300, &[b]);
        let e = commit_at(&history, "e", 400, &[d, c]);
        assert_eq!(subjects(&history, &[e]), "e d c b a");
        assert_eq!(subjects(&history, &[c, a, b]), "c b a");
        assert_eq!(subjects(&history, &[c, d]), "d c b a");
        assert_eq!(subjects(&history, &[]), "");
        assert_eq!(subjects(&history, &[b, b]), "b a");
    }

    #[test]
    fn a_line_is_read_as_it_is_asked_for() {
        let (_dir, history) = history();
        let mut tip = commit_at(&history, "0", 0, &[]);
        for n in 1..6 {
            tip = commit_at(&history, &n.to_string(), n, &[tip]);
        }
        let mut walk = history.walk(&[tip]).unwrap();
        walk.next().unwrap().unwrap();
        assert_eq!(walk.known.len(), 1);
    }

    #[test]
    fn ancestors() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        let b = commit_at(&history, "b", 2, &[a]);
        let c = commit_at(&history, "c", 3, &[a]);
        assert!(history.is_ancestor(a, c).unwrap());
        assert!(history.is_ancestor(c, c).unwrap());
        assert_eq!(history.apart(b, c).unwrap(), (1, 1));
        assert_eq!(history.apart(a, c).unwrap(), (0, 1));
        assert_eq!(history.apart(c, c).unwrap(), (0, 0));
        assert!(!history.is_ancestor(b, c).unwrap());
        assert!(!history.is_ancestor(c, a).unwrap());
    }
}
