//! The lines of a log's graph: lanes that fork from commits that several follow.

use crate::history::CommitId;

/// Lanes from the newest commit downwards. Each waits for the commit that is its next.
#[derive(Default)]
pub(super) struct Graph {
    lanes: Vec<CommitId>,
}

/// What to draw for one commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// Before the commit's first line.
    pub(super) commit: String,
    /// Before its other lines.
    pub(super) body: String,
    /// Whole lines after it: lanes that join or move.
    pub(super) after: Vec<String>,
}

impl Graph {
    /// Draws a commit that follows `parent`; none for a first commit or one whose parent is not shown.
    pub(super) fn draw(&mut self, commit: CommitId, parent: Option<CommitId>) -> Rows {
        let at = self.lanes.iter().position(|lane| *lane == commit).unwrap_or_else(|| {
            self.lanes.push(commit);
            self.lanes.len() - 1
        });
        let row = |at_lane: &str| {
            let lane = |index: usize| if index == at { at_lane } else { "|" };
            (0..self.lanes.len()).map(lane).collect::<Vec<_>>().join(" ")
        };
        let commit_row = row("*");
        let body = row(if parent.is_some() { "|" } else { " " });
        let mut after = Vec::new();
        match parent {
            None => {
                if at + 1 < self.lanes.len() {
                    after.push(moved(at, self.lanes.len(), false));
                }
                self.lanes.remove(at);
            }
            Some(parent) => {
                if let Some(other) = self.lanes.iter().position(|lane| *lane == parent) {
                    let (into, from) = (at.min(other), at.max(other));
                    after = self.join(from, into);
                    self.lanes[into] = parent;
                } else {
                    self.lanes[at] = parent;
                }
            }
        }
        let trimmed = |row: String| row.trim_end().to_owned();
        Rows {
            commit: commit_row,
            body: trimmed(body),
            after: after.into_iter().map(trimmed).collect(),
        }
    }

    /// Leads the lane `from` into the lane `into` on its left, one place a line.
    fn join(&mut self, from: usize, into: usize) -> Vec<String> {
        let mut lines = vec![moved(from, self.lanes.len(), true)];
        self.lanes.remove(from);
        for place in (into + 1..from).rev() {
            let mut line: Vec<u8> = vec![b' '; self.lanes.len() * 2 - 1];
            (0..self.lanes.len()).for_each(|lane| line[lane * 2] = b'|');
            line[place * 2 - 1] = b'/';
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        lines
    }
}

/// All lanes right of `at` move one place to the left; the lane `at` too, when it `joins`.
fn moved(at: usize, lanes: usize, joins: bool) -> String {
    let mut line: Vec<u8> = vec![b' '; lanes * 2];
    (0..at).for_each(|lane| line[lane * 2] = b'|');
    let first = if joins { at } else { at + 1 };
    (first.max(1)..lanes).for_each(|lane| line[lane * 2 - 1] = b'/');
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::id;
    use super::*;

    /// Draws commits (id, parent) with a body line each.
    fn drawn(commits: &[(u8, Option<u8>)]) -> String {
        let mut graph = Graph::default();
        let mut text = String::new();
        for (commit, parent) in commits {
            let rows = graph.draw(id(*commit), parent.map(id));
            text.push_str(&format!("{} {commit}\n", rows.commit));
            for line in rows.after {
                text.push_str(&format!("{line}\n"));
            }
        }
        text
    }

    #[test]
    fn one_line() {
        assert_eq!(drawn(&[(2, Some(1)), (1, None)]), "* 2\n* 1\n");
    }

    #[test]
    fn a_fork() {
        assert_eq!(
            drawn(&[(4, Some(2)), (3, Some(1)), (2, Some(1)), (1, None)]),
            "* 4\n| * 3\n* | 2\n|/\n* 1\n"
        );
    }

    #[test]
    fn three_from_one() {
        assert_eq!(
            drawn(&[(4, Some(1)), (3, Some(1)), (2, Some(1)), (1, None)]),
            "* 4\n| * 3\n|/\n| * 2\n|/\n* 1\n"
        );
    }

    #[test]
    fn a_lane_passes_behind_another() {
        // 5 and 3 both follow 1, 4 in between follows 2.
        assert_eq!(
            drawn(&[(5, Some(1)), (4, Some(2)), (3, Some(1)), (2, Some(1)), (1, None)]),
            "* 5\n| * 4\n| | * 3\n| |/\n|/|\n| * 2\n|/\n* 1\n"
        );
    }

    #[test]
    fn a_lane_that_ends_makes_room() {
        assert_eq!(drawn(&[(4, None), (3, Some(2)), (2, None)]), "* 4\n* 3\n* 2\n");
        assert_eq!(
            drawn(&[(5, Some(3)), (4, Some(2)), (3, None), (2, None)]),
            "* 5\n| * 4\n* | 3\n /\n* 2\n"
        );
    }
}
