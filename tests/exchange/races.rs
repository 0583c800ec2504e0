//! Several who push at once.

use std::collections::BTreeMap;

use envgit::exchange::Source;
use envgit::exchange::push::{Force, Outcome};
use envgit::history::RefName;
use envgit::remote::{Directory, Transport};

use super::common::Sandbox;
use super::places::*;

/// Each pushes its own branches, one after the other, all at the same time.
fn all_succeed(open: &(dyn Fn() -> Box<dyn Transport> + Sync)) {
    const PUSHERS: usize = 3;
    const PUSHES: usize = 4;
    let sandboxes: Vec<Sandbox> = (0..PUSHERS)
        .map(|n| {
            let sandbox = Sandbox::venv();
            sandbox.write("who", format!("pusher {n}"));
            sandbox.commit();
            sandbox
        })
        .collect();
    std::thread::scope(|scope| {
        for (n, sandbox) in sandboxes.iter().enumerate() {
            scope.spawn(move || {
                for push in 0..PUSHES {
                    sandbox.write("what", format!("{n} {push}"));
                    sandbox.commit();
                    let mut update = updates(sandbox, Force::No).remove(0);
                    update.name = RefName::branch(&format!("p{n}/b{push}")).unwrap();
                    let pushed = try_push(sandbox, &*open(), vec![update]).unwrap();
                    assert_eq!(pushed.refs[0].outcome, Outcome::New);
                }
            });
        }
    });
    let b = Sandbox::venv();
    let fetched = try_fetch(&b, &Source::Remote(open())).unwrap();
    assert_eq!(fetched.offer.refs.len(), PUSHERS * PUSHES);
    let refs: BTreeMap<_, _> = fetched.offer.refs.into_iter().collect();
    for (n, sandbox) in sandboxes.iter().enumerate() {
        let last = &refs[&format!("refs/heads/p{n}/b{}", PUSHES - 1)];
        assert_eq!(Some(*last), at(sandbox, "refs/heads/main"));
    }
    // What git clients read is that of the last.
    let transport = open();
    let info = transport
        .get(&envgit::remote::Key::new("history/info/refs").unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(info.iter().filter(|b| **b == b'\n').count(), PUSHERS * PUSHES);
}

#[test]
fn pushers_of_different_branches_all_succeed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("remote");
    all_succeed(&|| Box::new(Directory::new(path.clone())));
}

#[test]
fn so_they_do_where_nothing_is_created_exactly_once() {
    let heap = Heap::default();
    all_succeed(&|| Box::new(heap.clone()));
    let claims = heap.keys().into_iter().filter(|key| key.contains("claims")).count();
    assert_eq!(claims, 0);
}

#[test]
fn of_two_pushers_of_one_branch_one_is_told() {
    for _ in 0..5 {
        let heap = Heap::default();
        let a = with_commits();
        push_all(&a, &heap);
        let b = Sandbox::venv();
        try_fetch(&b, &Source::Remote(Box::new(heap.clone()))).unwrap();
        b.try_checkout(&envgit::ops::checkout::CheckoutOptions {
            rev: "origin/main".into(),
            branch: Some("main".into()),
            ..Default::default()
        })
        .unwrap();
        for (n, sandbox) in [&a, &b].into_iter().enumerate() {
            sandbox.write("mine", format!("{n}"));
            sandbox.commit();
        }
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let pushes: Vec<_> = [&a, &b]
                .into_iter()
                .map(|sandbox| {
                    let heap = heap.clone();
                    scope.spawn(move || {
                        let main = updates(sandbox, Force::No)
                            .into_iter()
                            .filter(|update| update.name.as_str() == "refs/heads/main");
                        try_push(sandbox, &heap, main.collect()).unwrap().refs[0].outcome
                    })
                })
                .collect();
            pushes.into_iter().map(|push| push.join().unwrap()).collect()
        });
        let forward = outcomes.iter().filter(|outcome| **outcome == Outcome::Forward).count();
        assert_eq!(forward, 1, "{outcomes:?}");
    }
}
