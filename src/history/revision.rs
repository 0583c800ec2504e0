//! Revisions: `main`, `HEAD~2`, `v1^{commit}`, `main@{1}`, `autosave/3`, `1a2b3c4d`, `@good`.

use gix::revision::spec::parse::error::CandidateInfo;
use gix::revision::spec::parse::{Error as ParseError, ObjectKindHint, Options};

use super::History;
use super::error::Error;
use super::head::Head;
use super::id::CommitId;
use super::near::near;
use super::refname::{RefKind, RefName};
use super::refs::Ref;

/// The commit that was found good most recently.
const GOOD_WORD: &str = "@good";

/// Whether this can follow a name in a revision.
fn is_suffix(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['~', '^', '@', ':'])
}

/// Where the name in a revision ends.
fn base_len(rev: &str) -> usize {
    let end = rev.find(['~', '^', ':']).unwrap_or(rev.len());
    rev[..end].find("@{").unwrap_or(end)
}

/// `1a2b3c4d-1`, which the parser takes for `1a2b3c4d`; not `v1-4-g1a2b3c4d`, as `git describe` writes.
fn is_id_and_more(base: &str) -> bool {
    let is_hex = |text: &str| text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_described = base.rsplit_once("-g").is_some_and(|(_, id)| is_hex(id));
    !is_described && base.split_once('-').is_some_and(|(id, _)| is_hex(id))
}

/// Why a revision names no commit.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// Nothing has that name.
    #[error("unknown revision {rev:?}")]
    Unknown {
        /// The revision.
        rev: String,
        /// At most three names that look like it.
        near: Vec<String>,
    },
    /// Several objects have an id that begins so.
    #[error("{rev:?} is the beginning of several ids")]
    Ambiguous {
        /// The revision.
        rev: String,
        /// Their short ids and subjects.
        candidates: Vec<(String, String)>,
    },
    /// It names a file or a folder, or more than one commit.
    #[error("{rev:?} does not name a commit")]
    NotACommit {
        /// The revision.
        rev: String,
    },
    /// No commit was found good yet.
    #[error("{rev:?} names no commit: the health check has found none good yet")]
    NoGood {
        /// The revision.
        rev: String,
    },
    /// There is no commit yet.
    #[error("{rev:?} names no commit: nothing is committed yet")]
    NoCommits {
        /// The revision.
        rev: String,
    },
    /// The history cannot be read.
    #[error(transparent)]
    History(#[from] Error),
}

impl History {
    /// The commit that a revision names, in the syntax of git.
    ///
    /// # Errors
    /// Says why it names none, with what was perhaps meant.
    pub fn resolve(&self, rev: &str) -> Result<CommitId, RevisionError> {
        let options = Options {
            object_kind_hint: Some(ObjectKindHint::Committish),
            ..Options::default()
        };
        let not_a_commit = || RevisionError::NotACommit { rev: rev.to_owned() };
        let given = rev;
        let after_good = rev.strip_prefix(GOOD_WORD).filter(|rest| is_suffix(rest));
        let rev = match after_good {
            Some(rest) => {
                let newest = self.newest_good()?;
                let newest = newest.ok_or_else(|| RevisionError::NoGood { rev: rev.to_owned() })?;
                format!("{}{rest}", newest.name)
            }
            None => rev.to_owned(),
        };
        let rev = self.with_full_name(&rev)?;
        let rev = rev.as_str();
        let spec = gix::revision::Spec::from_bstr(rev, &self.repo, options).map_err(|e| self.explain(given, e))?;
        let id = spec.single().ok_or_else(not_a_commit)?.detach();
        let peeled = self.peel(id)?;
        peeled.map(|(commit, _)| commit).ok_or_else(not_a_commit)
    }

    /// A revision with the full name of the ref that it begins with, if it begins with one. Names come before what ids look
    /// like, as in git: a branch `1a2b3c4d-1` is no commit `1a2b3c4d`.
    fn with_full_name(&self, rev: &str) -> Result<String, RevisionError> {
        let (base, rest) = rev.split_at(base_len(rev));
        // As in git, a whole id is one whatever is called so. Most revisions are, and no ref is listed for them.
        let is_id = base.len() == 40 && base.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id || matches!(base, "" | "HEAD" | "@") {
            return Ok(rev.to_owned());
        }
        let names = self.ref_names()?;
        let places = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];
        let mut full = places.into_iter().map(|place| format!("{place}{base}"));
        match full.find(|full| names.contains(full)) {
            Some(full) => Ok(format!("{full}{rest}")),
            None if is_id_and_more(base) => Err(self.unknown(rev)),
            None => Ok(rev.to_owned()),
        }
    }

    /// The mark on the commit that the health check found good most recently.
    ///
    /// # Errors
    /// When the refs cannot be read.
    pub fn newest_good(&self) -> Result<Option<Ref>, Error> {
        let marks = self.refs()?.into_iter().filter(|known| known.kind() == RefKind::Good);
        Ok(marks.max_by_key(|mark| mark.number()))
    }

    /// The shortest beginning of an id that no other object shares, of at least eight digits.
    pub fn short(&self, id: CommitId) -> String {
        use gix::prelude::ObjectIdExt as _;
        id.oid().attach(&self.repo).shorten_or_id().to_string()
    }

    fn explain(&self, rev: &str, error: gix::Error) -> RevisionError {
        let candidates = error.iter_errors().find_map(|e| match e.downcast_ref::<ParseError>() {
            Some(ParseError::AmbiguousPrefix { candidates, .. }) => Some(candidates),
            Some(ParseError::AmbiguousRefAndObject { candidates, .. }) => Some(candidates),
            _ => None,
        });
        let rev = rev.to_owned();
        if let Some(candidates) = candidates {
            let commits = candidates.iter().filter_map(|(id, info)| match info {
                CandidateInfo::Commit { title, .. } => Some((id.to_string(), title.to_string())),
                CandidateInfo::Tag { name } => Some((id.to_string(), format!("tag {name}"))),
                _ => None,
            });
            let candidates: Vec<_> = commits.collect();
            return if candidates.is_empty() {
                RevisionError::NotACommit { rev }
            } else {
                RevisionError::Ambiguous { rev, candidates }
            };
        }
        if error.is_corrupted() {
            return Error::read(format!("revision {rev:?}"), error).into();
        }
        let base = &rev[..base_len(&rev)];
        if let Ok(Head::Unborn { branch }) = self.head()
            && (matches!(base, "" | "@" | "HEAD") || base == branch)
        {
            return RevisionError::NoCommits { rev };
        }
        self.unknown(&rev)
    }

    /// Nothing has that name.
    fn unknown(&self, rev: &str) -> RevisionError {
        let base = &rev[..base_len(rev)];
        let names = self.ref_names().unwrap_or_default();
        let names = names.iter().filter_map(|name| RefName::new(name).ok());
        let mut near = near(base, names.map(|name| name.short_name().to_owned()));
        // The name exists; what follows it (`~9`) leads nowhere.
        near.retain(|name| name != base);
        RevisionError::Unknown {
            rev: rev.to_owned(),
            near,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Expected;
    use super::super::testing::{commit_at, commit_files, history, note};
    use super::*;

    fn branch(history: &History, name: &str, at: CommitId) {
        let name = RefName::branch(name).unwrap();
        history.set_ref(&name, at, Expected::Any, &note("x")).unwrap();
    }

    #[test]
    fn nothing_committed_is_said() {
        let (_dir, history) = history();
        for rev in ["HEAD", "@", "HEAD~1", "main", "@{1}"] {
            let error = history.resolve(rev).unwrap_err();
            assert!(matches!(error, RevisionError::NoCommits { .. }), "{rev}: {error:?}");
        }
        assert!(matches!(history.resolve("v1"), Err(RevisionError::Unknown { .. })));
    }

    #[test]
    fn unknown_names_come_with_near_ones() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        for name in ["main", "feature/cuda", "zebra"] {
            branch(&history, name, a);
        }
        let near = |rev: &str| match history.resolve(rev).unwrap_err() {
            RevisionError::Unknown { near, .. } => near,
            other => panic!("{rev}: {other:?}"),
        };
        assert_eq!(near("mian"), ["main"]);
        assert_eq!(near("feature/cud"), ["feature/cuda"]);
        assert_eq!(near("feature"), ["feature/cuda"]);
        assert!(near("quite-different").is_empty());
        assert!(near("main~7").is_empty());
        assert_eq!(near("mein~1"), ["main"]);
        for odd in ["", "~", "a..", "^{", "@{", "main@{99}", ":/nothing", "\u{0}", "a b"] {
            assert!(history.resolve(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a_name_comes_before_what_looks_like_an_id() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        let b = commit_at(&history, "b", 2, &[a]);
        let (name, short) = (format!("{}-1", history.short(a)), history.short(a));
        let unknown = |rev: &str| matches!(history.resolve(rev), Err(RevisionError::Unknown { .. }));
        assert!(unknown(&name), "as in git");
        assert_eq!(history.resolve(&format!("v9-2-g{short}")).unwrap(), a);
        for name in [&name, &short, &format!("{short}-rc1"), &format!("v1-2-g{short}")] {
            branch(&history, name, b);
            assert_eq!(history.resolve(name).unwrap(), b, "{name}");
            assert_eq!(history.resolve(&format!("{name}~1")).unwrap(), a, "{name}");
        }
        assert_eq!(history.resolve(&format!("{name}@{{0}}")).unwrap(), b);
        branch(&history, &a.to_string(), b);
        assert_eq!(history.resolve(&a.to_string()).unwrap(), a, "a whole id is one");
        // A tag comes before a branch.
        let tag = RefName::tag(&name).unwrap();
        history.set_ref(&tag, a, Expected::Absent, &note("x")).unwrap();
        assert_eq!(history.resolve(&name).unwrap(), a);
        assert_eq!(history.resolve(&format!("heads/{name}")).unwrap(), b);
    }

    #[test]
    fn the_newest_good_commit_has_a_word() {
        let (_dir, history) = history();
        let a = commit_at(&history, "a", 1, &[]);
        let b = commit_at(&history, "b", 2, &[a]);
        branch(&history, "main", b);
        let none = history.resolve("@good").unwrap_err();
        assert!(matches!(none, RevisionError::NoGood { .. }), "{none:?}");
        // By number, not by the order of names.
        for (number, commit) in [(9, a), (10, b)] {
            let mark = RefName::good(number).unwrap();
            history.set_ref(&mark, commit, Expected::Absent, &note("good")).unwrap();
        }
        assert_eq!(history.resolve("@good").unwrap(), b);
        assert_eq!(history.resolve("@good~1").unwrap(), a);
        assert!(matches!(history.resolve("@good~5"), Err(RevisionError::Unknown { .. })));
        assert!(history.resolve("@goodness").is_err());
    }

    #[test]
    fn what_is_no_commit_is_said() {
        let (_dir, history) = history();
        let a = commit_files(&history, &[("f", "x")], &[]);
        branch(&history, "main", a);
        for rev in ["HEAD^{tree}", "HEAD:f", "main..main"] {
            let error = history.resolve(rev).unwrap_err();
            assert!(matches!(error, RevisionError::NotACommit { .. }), "{rev}: {error:?}");
        }
    }

    #[test]
    fn several_commits_with_one_beginning_are_listed() {
        use super::super::id::object_id;
        use super::super::testing::person;
        let (_dir, history) = history();
        let root = commit_files(&history, &[("a", "x")], &[]);
        let tree = history.commit_info(root).unwrap().tree;
        let time = note("").time;
        let (author, message) = (person(), |n: u32| format!("commit {n}"));
        // Among so many, two share the four digits that git asks for at least; only those are written.
        let mut seen = std::collections::HashMap::new();
        let pair = (0..5000).find_map(|n| {
            let text = format!(
                "tree {tree}\nauthor {author} {time}\ncommitter {author} {time}\n\n{}\n",
                message(n)
            );
            let id = object_id(gix::objs::Kind::Commit, text.as_bytes()).unwrap();
            seen.insert([id[0], id[1]], n).map(|earlier| [earlier, n])
        });
        let pair = pair.unwrap().map(|n| {
            let mut draft = super::super::testing::draft(&[("a", "x")]);
            draft.message = message(n);
            (history.commit(draft).unwrap().to_string(), message(n))
        });
        let error = history.resolve(&pair[0].0[..4]).unwrap_err();
        let RevisionError::Ambiguous { mut candidates, .. } = error else {
            panic!("{error:?}");
        };
        let mut expected = pair.clone().map(|(id, subject)| (id[..8].to_owned(), subject)).to_vec();
        candidates.sort();
        expected.sort();
        assert_eq!(candidates, expected);
        for (id, _) in pair {
            let commit = history.resolve(&id[..8]).unwrap();
            assert_eq!(commit.to_string(), id);
            assert_eq!(history.short(commit), id[..8]);
        }
    }
}
