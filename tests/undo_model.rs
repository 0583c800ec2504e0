//! Undo and redo against a naive model: a stack of what HEAD, the refs and the tree were before and after each operation,
//! as git and the file system tell.

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use common::{Sandbox, Seen, differing, picture};
use envgit::ops::checkout::CheckoutOptions;
use envgit::ops::commit::{CommitOptions, commit};
use envgit::ops::refs;
use envgit::ops::refs::TagOptions;
use envgit::ops::undo::{UndoOptions, undo};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Edit(u8, u8),
    Remove(u8),
    Commit,
    CommitOnBranch(u8),
    Checkout(u8),
    CheckoutPart(u8, u8),
    Discard(u8),
    Tag(u8),
    AnnotatedTag(u8),
    RemoveTag(u8),
    Branch(u8),
    RemoveBranch(u8),
    RenameBranch(u8),
    /// As somebody with git does it.
    GitTag(u8),
    Undo,
    Redo,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    prop_oneof![
        4 => (0u8..4, 0u8..9).prop_map(|(file, content)| Edit(file, content)),
        1 => (0u8..4).prop_map(Remove),
        4 => Just(Commit),
        1 => (0u8..3).prop_map(CommitOnBranch),
        4 => (0u8..8).prop_map(Checkout),
        1 => (0u8..8, 0u8..4).prop_map(|(rev, file)| CheckoutPart(rev, file)),
        1 => (0u8..8).prop_map(Discard),
        2 => (0u8..3).prop_map(Tag),
        1 => (0u8..3).prop_map(AnnotatedTag),
        1 => (0u8..3).prop_map(RemoveTag),
        1 => (0u8..3).prop_map(Branch),
        1 => (0u8..3).prop_map(RemoveBranch),
        1 => (0u8..3).prop_map(RenameBranch),
        1 => (0u8..3).prop_map(GitTag),
        6 => Just(Undo),
        4 => Just(Redo),
    ]
}

/// Names that may lead somewhere.
const REVS: [&str; 8] = ["main", "HEAD~1", "t0", "t1", "t2", "b0", "b1", "b2"];

/// What there is, told by git and the file system alone.
#[derive(Clone, Debug, PartialEq)]
struct World {
    head: String,
    refs: String,
    tree: BTreeMap<Vec<u8>, Seen>,
}

fn git(sandbox: &Sandbox, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("--git-dir")
        .arg(sandbox.history())
        .args(args)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn world(sandbox: &Sandbox) -> World {
    let head = std::fs::read_to_string(sandbox.history().join("HEAD")).unwrap();
    World {
        head,
        refs: git(
            sandbox,
            &[
                "for-each-ref",
                "--format=%(objectname) %(refname)",
                "refs/heads",
                "refs/tags",
            ],
        ),
        tree: picture(&sandbox.env()),
    }
}

/// An operation as the model keeps it.
#[derive(Clone, Debug)]
struct Done {
    before: World,
    after: World,
    /// Undoing it brings the tree back.
    moves_tree: bool,
    /// What was there was discarded: the model cannot know the tree.
    discards: bool,
}

fn perform(sandbox: &Sandbox, step: &Step) -> bool {
    let mut session = sandbox.session();
    let checkout = |rev: u8, paths: Vec<String>, discard: bool| {
        let options = CheckoutOptions {
            rev: REVS[usize::from(rev)].to_owned(),
            paths,
            discard,
            ..CheckoutOptions::default()
        };
        sandbox.try_checkout(&options).is_ok()
    };
    match step {
        Step::Edit(file, content) => {
            sandbox.write(&format!("d{}/f{file}", file % 2), format!("{content}"));
            true
        }
        Step::Remove(file) => std::fs::remove_file(sandbox.env().join(format!("d{}/f{file}", file % 2))).is_ok(),
        Step::Commit => commit(&mut session, &CommitOptions::default()).is_ok(),
        Step::CommitOnBranch(n) => {
            let options = CommitOptions {
                branch: Some(format!("b{n}")),
                tags: vec![format!("t{n}")],
                allow_empty: true,
                ..CommitOptions::default()
            };
            commit(&mut session, &options).is_ok()
        }
        Step::Checkout(rev) => checkout(*rev, Vec::new(), false),
        Step::CheckoutPart(rev, file) => checkout(*rev, vec![format!("env:d{}/f{file}", file % 2)], false),
        Step::Discard(rev) => checkout(*rev, Vec::new(), true),
        Step::Tag(n) => refs::create_tag(&mut session, &format!("t{n}"), &forced(None)).is_ok(),
        Step::AnnotatedTag(n) => refs::create_tag(&mut session, &format!("t{n}"), &forced(Some("said"))).is_ok(),
        Step::RemoveTag(n) => refs::delete_tag(&mut session, &format!("t{n}")).is_ok(),
        Step::Branch(n) => refs::create_branch(&mut session, &format!("b{n}"), None, true).is_ok(),
        Step::RemoveBranch(n) => refs::delete_branch(&mut session, &format!("b{n}"), true).is_ok(),
        Step::RenameBranch(n) => {
            refs::rename_branch(&mut session, &format!("b{n}"), &format!("b{}", (n + 1) % 3)).is_ok()
        }
        Step::GitTag(n) => {
            git(sandbox, &["update-ref", &format!("refs/tags/t{n}"), "HEAD"]);
            // What git moved between two commands of envgit is one step: this one ends it.
            refs::delete_tag(&mut session, "none").unwrap_err();
            true
        }
        Step::Undo => undo(&mut session, &UndoOptions::default(), &mut |_| true).is_ok(),
        Step::Redo => {
            let options = UndoOptions {
                redo: true,
                ..UndoOptions::default()
            };
            undo(&mut session, &options, &mut |_| true).is_ok()
        }
    }
}

fn check(steps: &[Step]) {
    let sandbox = Sandbox::venv();
    sandbox.write("d0/f0", "first");
    let (mut done, mut undone): (Vec<Done>, Vec<Done>) = (Vec::new(), Vec::new());
    for (at, step) in [Step::Commit].iter().chain(steps).enumerate() {
        let before = world(&sandbox);
        let has_worked = perform(&sandbox, step);
        let after = world(&sandbox);
        let told = || format!("step {at}: {step:?} of {steps:?}");
        match step {
            Step::Edit(..) | Step::Remove(_) => {}
            Step::Undo | Step::Redo => {
                let (from, to) = match step {
                    Step::Undo => (&mut done, &mut undone),
                    _ => (&mut undone, &mut done),
                };
                let Some(last) = from.pop() else {
                    assert!(!has_worked && before == after, "{}", told());
                    continue;
                };
                assert!(has_worked, "{}", told());
                let goal = if matches!(step, Step::Undo) {
                    &last.before
                } else {
                    &last.after
                };
                assert_eq!((&after.head, &after.refs), (&goal.head, &goal.refs), "{}", told());
                let tree = if last.moves_tree { &goal.tree } else { &before.tree };
                if !last.discards || matches!(step, Step::Redo) {
                    assert_eq!(differing(tree, &after.tree), Vec::<String>::new(), "{}", told());
                }
                // Doing it again leads to where this started, not to where the operation once led.
                let mut turned = last.clone();
                match step {
                    Step::Undo => turned.after = before,
                    _ => (turned.before, turned.discards) = (before, false),
                }
                to.push(turned);
            }
            _ if before == after => {}
            _ => {
                let is_checkout = matches!(step, Step::Checkout(_) | Step::CheckoutPart(..) | Step::Discard(_));
                undone.clear();
                done.push(Done {
                    moves_tree: is_checkout && before.tree != after.tree,
                    discards: matches!(step, Step::Discard(_)),
                    before,
                    after,
                });
            }
        }
        // Whatever happened, nothing that a ref or the log of operations needs is lost.
        let fsck = git(&sandbox, &["fsck", "--strict", "--connectivity-only"]);
        assert!(!fsck.contains("missing"), "{fsck}");
    }
    // Git's own clean-up takes nothing that stepping needs.
    git(&sandbox, &["reflog", "expire", "--expire=now", "--all"]);
    git(&sandbox, &["-c", "gc.reflogExpire=now", "gc", "--prune=now", "--quiet"]);
    while let Some(last) = undone.pop() {
        assert!(perform(&sandbox, &Step::Redo), "after gc: {steps:?}");
        let now = world(&sandbox);
        assert_eq!(
            (&now.head, &now.refs),
            (&last.after.head, &last.after.refs),
            "after gc: {steps:?}"
        );
        done.push(last);
    }
    while let Some(last) = done.pop() {
        assert!(perform(&sandbox, &Step::Undo), "after gc: {steps:?}");
        let now = world(&sandbox);
        assert_eq!(
            (&now.head, &now.refs),
            (&last.before.head, &last.before.refs),
            "after gc: {steps:?}"
        );
    }
}

/// What chance seldom finds: annotations of tags, and commits that nothing but an undo or a redo leads to.
#[test]
fn annotations_and_orphans_outlive_the_cleanup_of_git() {
    use Step::*;
    check(&[AnnotatedTag(0), RemoveTag(0), Undo, RemoveTag(0)]);
    check(&[AnnotatedTag(0), Edit(0, 1), Commit, Tag(0), Undo, Tag(0)]);
    check(&[Edit(0, 1), Commit, Edit(0, 2), Commit, Undo, Undo]);
    check(&[GitTag(0), GitTag(1), Undo, Redo]);
    check(&[CommitOnBranch(0), Checkout(0), RemoveTag(0), RemoveBranch(0)]);
    check(&[
        CommitOnBranch(0),
        Checkout(2),
        Edit(1, 1),
        Commit,
        Checkout(0),
        RemoveBranch(0),
        Undo,
        Undo,
    ]);
    // An undo that finds everything as it was is undone all the same.
    check(&[Edit(0, 0), Discard(0), Undo, Edit(0, 0), Redo]);
    check(&[
        Edit(0, 1),
        Commit,
        Checkout(1),
        Edit(1, 5),
        Checkout(0),
        Undo,
        Undo,
        Edit(2, 2),
        Redo,
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stepping_back_and_forth_leads_where_a_naive_stack_says(steps in prop::collection::vec(step(), 1..16)) {
        check(&steps);
    }
}

/// A tag that is moved if it is there.
fn forced(message: Option<&str>) -> TagOptions {
    TagOptions {
        message: message.map(str::to_owned),
        force: true,
        ..TagOptions::default()
    }
}
