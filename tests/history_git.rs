//! The history read, checked and changed by the stock git client.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use envgit::history::{
    BlobId, CommitDraft, CommitId, Expected, Head, History, Note, Person, RefError, RefName, Time, tracked_paths,
    tree_id, work_tree_facts,
};
use tempfile::TempDir;

struct Fixture {
    dir: TempDir,
    history: History,
    clock: i64,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let history = History::init(&dir.path().join("history")).unwrap();
        Self {
            dir,
            history,
            clock: 1_700_000_000,
        }
    }

    fn note(&self, message: &str) -> Note {
        Note {
            who: person(),
            time: self.time(),
            message: message.into(),
        }
    }

    fn time(&self) -> Time {
        Time {
            seconds: self.clock,
            offset: -19_800,
        }
    }

    /// A commit on the branch of HEAD.
    fn commit(&mut self, files: &[(&[u8], &str)], subject: &str) -> CommitId {
        self.clock += 60;
        let parent = self.history.head().unwrap().commit();
        let id = |text: &str| BlobId::of(text.as_bytes());
        let draft = CommitDraft {
            files: files.iter().map(|(path, text)| (path.to_vec(), id(text))).collect(),
            new_blobs: files
                .iter()
                .map(|(_, text)| (id(text), text.as_bytes().to_vec()))
                .collect(),
            parents: parent.into_iter().collect(),
            author: person(),
            time: self.time(),
            message: format!("{subject}\n\nWhy."),
        };
        let commit = self.history.commit(draft).unwrap();
        let expected = parent.map_or(Expected::Absent, Expected::Is);
        let note = self.note(&format!("commit: {subject}"));
        self.history.move_branch_head(commit, expected, &note).unwrap();
        commit
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("history")
    }

    fn git(&self, args: &[&str]) -> String {
        git(self.dir.path(), &self.path(), args).unwrap()
    }

    /// Nothing but what fsck says of commits that no ref reaches.
    fn fsck(&self) {
        assert_eq!(self.git(&["fsck", "--full", "--strict", "--no-dangling"]), "");
    }

    fn objects(&self, end: &str) -> usize {
        fn count(dir: &Path, end: &str) -> usize {
            let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
            entries
                .map(|path| match path.is_dir() {
                    true => count(&path, end),
                    false => usize::from(path.to_str().unwrap().ends_with(end)),
                })
                .sum()
        }
        count(&self.path().join("objects"), end)
    }
}

fn person() -> Person {
    Person {
        name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
    }
}

fn git(home: &Path, dir: &Path, args: &[impl AsRef<OsStr>]) -> Result<String, String> {
    let out = Command::new("git")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .args([
            "-c",
            "user.name=G",
            "-c",
            "user.email=g@x",
            "-c",
            "core.abbrev=8",
            "-c",
            "core.quotePath=true",
        ])
        .arg("-C")
        .arg(dir)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    if out.status.success() {
        Ok(text(out.stdout))
    } else {
        Err(text(out.stderr))
    }
}

#[test]
fn a_small_commit_is_loose_and_git_reads_it() {
    let mut f = Fixture::new();
    f.commit(&[(b"snapshot.json", "{}\n"), (b"env/packages.jsonl", "a\n")], "first");
    let second = f.commit(
        &[
            (b"snapshot.json", "{}\n"),
            (b"env/packages.jsonl", "a\nb\n"),
            (b"env/files/na\xffme\n", "x\n"),
        ],
        "second",
    );
    assert_eq!(f.objects(".pack"), 0);
    f.fsck();
    assert_eq!(f.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(f.git(&["rev-parse", "HEAD"]), second.to_string());
    let log = f.git(&["log", "--stat", "--format=%an <%ae> %ai | %s | %b"]);
    let expected = [
        "Ada Lovelace <ada@example.com> 2023-11-14 16:45:20 -0530 | second | Why.",
        "\"env/files/na\\377me\\n\"",
        "2 files changed, 2 insertions(+)",
        "Ada Lovelace <ada@example.com> 2023-11-14 16:44:20 -0530 | first | Why.",
    ];
    for line in expected {
        assert!(log.contains(line), "{line} in {log}");
    }
    assert_eq!(f.git(&["cat-file", "blob", "HEAD:env/packages.jsonl"]), "a\nb");
    let reflog = f.git(&["reflog", "--format=%gd %gs %H"]);
    assert_eq!(reflog.lines().count(), 2, "{reflog}");
    assert!(
        reflog.starts_with(&format!("HEAD@{{0}} commit: second {second}")),
        "{reflog}"
    );
    assert_eq!(
        f.git(&["reflog", "main", "--format=%gs"]),
        "commit: second\ncommit: first"
    );
}

#[test]
fn a_large_commit_is_one_pack() {
    let mut f = Fixture::new();
    let paths: Vec<_> = (0..300).map(|n| format!("env/files/pip/{}/unit{n}", n % 7)).collect();
    let contents: Vec<_> = (0..300).map(|n| format!("content {n}\n").repeat(n % 50)).collect();
    let files: Vec<_> = paths
        .iter()
        .zip(&contents)
        .map(|(p, c)| (p.as_bytes(), c.as_str()))
        .collect();
    let commit = f.commit(&files, "large");
    assert_eq!((f.objects(".pack"), f.objects(".idx"), f.objects(".keep")), (1, 1, 0));
    assert_eq!(f.objects(""), 2, "no loose object, nothing left behind");
    f.fsck();
    assert_eq!(f.git(&["ls-tree", "-r", "--name-only", "HEAD"]).lines().count(), 300);
    let inventory = f.history.inventory(commit).unwrap();
    assert_eq!(inventory.tree.to_string(), f.git(&["rev-parse", "HEAD^{tree}"]));
    let content = |path: &str| f.history.blob(inventory.files[path.as_bytes()]).unwrap();
    assert_eq!(content(&paths[49]), contents[49].as_bytes());
    // The same files again cost one commit object.
    f.commit(&files, "again");
    assert_eq!(f.objects(""), 3);
    f.fsck();
}

#[test]
fn git_may_repack_and_the_history_goes_on() {
    let mut f = Fixture::new();
    let first = f.commit(&[(b"a", "1")], "first");
    f.history
        .annotate_tag("v1", first, Expected::Absent, &f.note("works"))
        .unwrap();
    f.git(&["gc", "--prune=now", "--quiet"]);
    assert!(f.path().join("packed-refs").exists());
    let second = f.commit(&[(b"a", "1"), (b"b", "2")], "second");
    f.fsck();
    assert_eq!(f.history.inventory(first).unwrap().files.len(), 1);
    assert_eq!(f.history.resolve("main~1").unwrap(), first);
    f.git(&["pack-refs", "--all"]);
    let main = RefName::branch("main").unwrap();
    let refused = f
        .history
        .set_ref(&main, first, Expected::Is(first), &f.note("x"))
        .unwrap_err();
    assert!(
        matches!(refused, RefError::Moved { actual: Some(at), .. } if at == second),
        "{refused:?}"
    );
    f.history
        .delete_ref(&RefName::tag("v1").unwrap(), Expected::Is(first))
        .unwrap();
    assert_eq!(f.git(&["tag", "--list"]), "");
    assert_eq!(f.history.refs().unwrap().len(), 1);
    f.fsck();
}

#[test]
fn tree_ids_without_writing_are_those_of_git() {
    let mut f = Fixture::new();
    let shapes: [&[(&[u8], &str)]; 4] = [
        &[],
        &[(b"a", "1")],
        &[
            (b"a.b", "1"),
            (b"a/c", "2"),
            (b"a0", "3"),
            (b"a-/x/y/z", "4"),
            (b"a/b/c", ""),
        ],
        &[
            (b"\xff\xfe/\x01", "1"),
            ("重庆/é".as_bytes(), "2"),
            (b"with space/and\ttab", "3"),
        ],
    ];
    for files in shapes {
        let list: BTreeMap<_, _> = files
            .iter()
            .map(|(p, c)| (p.to_vec(), BlobId::of(c.as_bytes())))
            .collect();
        f.commit(files, "shape");
        assert_eq!(
            tree_id(&list).unwrap().to_string(),
            f.git(&["rev-parse", "HEAD^{tree}"])
        );
        f.fsck();
    }
}

#[test]
fn of_two_threads_one_moves_the_ref() {
    let mut f = Fixture::new();
    let base = f.commit(&[(b"a", "0")], "base");
    let path = f.path();
    let mut at = base;
    for round in 0..10 {
        let barrier = std::sync::Barrier::new(2);
        let note = f.note("race");
        let race = |who: usize| {
            let history = History::open(&path).unwrap();
            let content = format!("{round} {who}").into_bytes();
            let id = BlobId::of(&content);
            let draft = CommitDraft {
                files: BTreeMap::from([(b"a".to_vec(), id)]),
                new_blobs: HashMap::from([(id, content)]),
                parents: vec![at],
                author: person(),
                time: note.time,
                message: format!("{round} {who}"),
            };
            let commit = history.commit(draft).unwrap();
            barrier.wait();
            (commit, history.move_branch_head(commit, Expected::Is(at), &note))
        };
        let results = std::thread::scope(|scope| {
            let race = &race;
            let other = scope.spawn(move || race(1));
            [race(0), other.join().unwrap()]
        });
        let winners: Vec<_> = results.iter().filter(|(_, r)| r.is_ok()).map(|(id, _)| *id).collect();
        let [winner] = winners[..] else {
            panic!("{results:?}");
        };
        for (_, result) in &results {
            if let Err(error) = result {
                assert!(
                    matches!(error, RefError::Moved { actual: Some(id), .. } if *id == winner),
                    "{error:?}"
                );
            }
        }
        assert_eq!(f.git(&["rev-parse", "main"]), winner.to_string());
        at = winner;
    }
    assert_eq!(f.git(&["reflog", "main", "--format=%h"]).lines().count(), 11);
    assert_eq!(f.git(&["reflog", "HEAD", "--format=%h"]).lines().count(), 11);
    f.fsck();
}

#[test]
fn revisions_mean_what_they_mean_to_git() {
    let mut f = Fixture::new();
    let first = f.commit(&[(b"a", "1")], "first");
    let second = f.commit(&[(b"a", "2")], "second");
    f.commit(&[(b"a", "3")], "third");
    let name = |n: Result<RefName, RefError>| n.unwrap();
    let set = |n: RefName, id| f.history.set_ref(&n, id, Expected::Absent, &f.note("made")).unwrap();
    set(name(RefName::autosave("3")), first);
    set(name(RefName::branch("feature/cuda")), second);
    set(name(RefName::tag("light")), second);
    f.history
        .annotate_tag("v1", second, Expected::Absent, &f.note("works\n\nlong"))
        .unwrap();
    let go = |branch: &str, from: &str| {
        let note = f.note(&format!("checkout: moving from {from} to {branch}"));
        f.history.attach_head(&RefName::branch(branch).unwrap(), &note).unwrap();
    };
    go("feature/cuda", "main");
    go("main", "feature/cuda");
    f.fsck();
    assert_eq!(f.git(&["cat-file", "-t", "v1"]), "tag");
    assert_eq!(
        f.git(&["for-each-ref", "--format=%(contents)", "refs/tags/v1"]),
        "works\n\nlong"
    );
    let short = first.to_string()[..8].to_owned();
    let table = [
        "HEAD",
        "@",
        "HEAD~1",
        "HEAD~2",
        "HEAD^",
        "@~1^",
        "main",
        "refs/heads/main",
        "heads/main",
        "feature/cuda",
        "feature/cuda~1",
        "light",
        "v1",
        "v1~1",
        "v1^{commit}",
        "v1^{}",
        "tags/v1",
        "autosave/3",
        "refs/autosave/3",
        "main@{0}",
        "main@{1}",
        "main@{2}",
        "HEAD@{1}",
        "HEAD@{2}",
        "HEAD@{3}",
        "@{1}",
        "@{-1}",
        "@{-1}~1",
        &short,
        "HEAD^{/first}",
    ];
    let agree = |rev: &str, asked: &str| {
        let by_git = git(f.dir.path(), &f.path(), &["rev-parse", "--verify", asked]);
        let ours = f.history.resolve(rev).map(|id| id.to_string());
        assert_eq!(ours.map_err(|e| format!("{e:?}")), by_git, "{rev}");
    };
    for rev in table {
        agree(rev, &format!("{rev}^{{commit}}"));
    }
    agree(":/second", ":/second");
    for rev in [
        "HEAD~3",
        "nothing",
        "main@{7}",
        "v1^2",
        "HEAD^{tree}",
        "refs/heads",
        "@{-9}",
        "heads",
    ] {
        let arg = format!("{rev}^{{commit}}");
        assert!(
            git(f.dir.path(), &f.path(), &["rev-parse", "--verify", &arg]).is_err(),
            "{rev}"
        );
        assert!(f.history.resolve(rev).is_err(), "{rev}");
    }
}

#[test]
fn git_sees_where_head_is() {
    let mut f = Fixture::new();
    let first = f.commit(&[(b"a", "1")], "first");
    f.commit(&[(b"a", "2")], "second");
    let note = f.note("checkout: moving from main to main~1");
    f.history.detach_head(first, Expected::Any, &note).unwrap();
    assert!(git(f.dir.path(), &f.path(), &["symbolic-ref", "HEAD"]).is_err());
    assert_eq!(f.git(&["rev-parse", "HEAD"]), first.to_string());
    assert_eq!(
        f.git(&["reflog", "-1", "--format=%gs"]),
        "checkout: moving from main to main~1"
    );
    let from = Some("main~1".to_owned());
    assert_eq!(f.history.head().unwrap(), Head::Detached { commit: first, from });
    // What git itself does to HEAD is understood too.
    f.git(&["update-ref", "-m", "by git", "--no-deref", "HEAD", "main"]);
    let log = f.history.reflog("HEAD").unwrap();
    assert_eq!((log[0].message.as_str(), log[0].old), ("by git", Some(first)));
    f.fsck();
}

#[test]
fn what_git_commits_is_walked_in_its_order() {
    let mut f = Fixture::new();
    let work = f.dir.path().join("clone");
    f.commit(&[(b"a", "1")], "first");
    f.git(&["clone", "--quiet", ".", work.to_str().unwrap()]);
    let run = |args: &[&str]| git(f.dir.path(), &work, args).unwrap();
    run(&["checkout", "-q", "-b", "side"]);
    run(&["commit", "-q", "--allow-empty", "-m", "side"]);
    run(&["checkout", "-q", "main"]);
    run(&["commit", "-q", "--allow-empty", "-m", "trunk"]);
    run(&["merge", "-q", "--no-ff", "-m", "joined", "side"]);
    run(&["push", "-q", "origin", "main"]);
    let tip = f.history.resolve("main").unwrap();
    let walk = f.history.walk(&[tip]).unwrap();
    let commits: Vec<_> = walk.map(Result::unwrap).collect();
    let mut subjects: Vec<_> = commits.iter().map(|c| c.subject()).collect();
    assert_eq!((subjects[0], subjects[3]), ("joined", "first"));
    subjects.sort_unstable();
    assert_eq!(subjects, ["first", "joined", "side", "trunk"]);
    assert_eq!(commits[0].parents.len(), 2);
}

#[test]
fn facts_of_a_project() {
    let home = tempfile::tempdir().unwrap();
    let top = home.path().join("project");
    std::fs::create_dir_all(top.join("src/deep")).unwrap();
    assert_eq!(work_tree_facts(&top), None);
    assert_eq!(tracked_paths(&top), None);
    let run = |args: &[&str]| git(home.path(), &top, args).unwrap();
    run(&["init", "-q", "-b", "trunk"]);
    let unborn = work_tree_facts(&top).unwrap();
    assert_eq!(
        (unborn.commit, unborn.branch.as_deref(), unborn.dirty),
        (None, Some("trunk"), false)
    );
    std::fs::write(top.join("a.py"), "1\n").unwrap();
    std::fs::write(top.join("src/b.py"), "2\n").unwrap();
    std::fs::write(top.join("src/deep/c.py"), "3\n").unwrap();
    run(&["add", "."]);
    assert!(work_tree_facts(&top).unwrap().dirty);
    run(&["commit", "-q", "-m", "one"]);
    std::fs::write(top.join("untracked"), "x").unwrap();
    let index = std::fs::read(top.join(".git/index")).unwrap();
    let clean = work_tree_facts(&top).unwrap();
    assert_eq!(clean.commit, Some(run(&["rev-parse", "HEAD"])));
    assert!(!clean.dirty);
    std::fs::write(top.join("src/b.py"), "22\n").unwrap();
    assert!(work_tree_facts(&top.join("src")).unwrap().dirty);
    let list = |path: &Path| {
        let paths = tracked_paths(path).unwrap();
        paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list(&top), "a.py src/b.py src/deep/c.py");
    assert_eq!(list(&top.join("src")), "b.py deep/c.py");
    assert_eq!(
        std::fs::read(top.join(".git/index")).unwrap(),
        index,
        "the index is not rewritten"
    );
    run(&["checkout", "-q", "--detach"]);
    assert_eq!(work_tree_facts(&top).unwrap().branch, None);
}

#[test]
fn the_users_configuration_does_not_count() {
    let mut f = Fixture::new();
    let config = f.git(&["config", "--local", "--list"]);
    assert!(
        config.contains("core.bare=true") && config.contains("core.logallrefupdates=true"),
        "{config}"
    );
    assert!(!config.contains("gc.auto"));
    f.commit(&[(b"a", "1")], "first");
    assert!(History::init(&f.path()).is_err(), "a history is not made over another");
    let error = History::open(f.dir.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot open the history at {}", f.dir.path().display())
    );
}
