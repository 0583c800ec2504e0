//! The usual: push, fetch, push again.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use envgit::exchange::fetch::{self, Local};
use envgit::exchange::parts;
use envgit::exchange::push::{Force, Outcome, Rejection};
use envgit::exchange::{Error, Peer, Source, Way};
use envgit::ops::checkout::CheckoutOptions;
use envgit::progress::Silent;
use envgit::remote::{Directory, Transport};

use super::common::{Sandbox, differing, picture, whole_history};
use super::places::*;

fn remote() -> (tempfile::TempDir, Directory) {
    let dir = tempfile::tempdir().unwrap();
    let remote = Directory::new(dir.path().join("remote"));
    (dir, remote)
}

/// Checks out what was fetched and compares the trees.
fn checks_out(from: &Sandbox, to: &Sandbox) {
    to.checkout("origin/main");
    assert_eq!(
        differing(&picture(&from.env()), &picture(&to.env())),
        Vec::<String>::new()
    );
}

#[test]
fn what_is_pushed_is_fetched_and_checks_out() {
    let a = with_commits();
    let (dir, remote) = remote();
    let pushed = push_all(&a, &remote);
    assert!(pushed.refs.iter().all(|pushed| pushed.outcome == Outcome::New));
    assert_eq!(pushed.layers.len(), 2);
    let b = Sandbox::venv();
    let fetched = fetch_all(&b, &|| Box::new(Directory::new(dir.path().join("remote"))));
    assert_eq!(fetched.layers.len(), 2);
    // On one file system the layers are the same files.
    assert!(fetched.layers.iter().all(|layer| layer.way == Way::Shared));
    for layer in &fetched.layers {
        let name = format!("layers/{}.tar.zst", layer.digest);
        let inode = |path: std::path::PathBuf| path.metadata().unwrap().ino();
        assert_eq!(
            inode(dir.path().join("remote").join(&name)),
            inode(b.repo_dir().join(&name))
        );
    }
    assert_eq!(at(&b, "refs/remotes/origin/main"), at(&a, "refs/heads/main"));
    assert_eq!(at(&b, "refs/tags/v1"), at(&a, "refs/tags/v1"));
    assert_eq!(fetched.offer.head.as_deref(), Some("refs/heads/main"));
    whole_history(&b);
    checks_out(&a, &b);
    assert_eq!(files(&b.repo_dir().join("incoming")), []);
    // Nothing is new the second time.
    let again = fetch_all(&b, &|| Box::new(Directory::new(dir.path().join("remote"))));
    assert!(again.layers.is_empty() && again.refs.is_empty() && again.objects.packs == 0);
}

#[test]
fn a_push_of_nothing_new_takes_three_round_trips_and_a_fetch_two() {
    let a = with_commits();
    let dir = tempfile::tempdir().unwrap();
    let meter = Meter::new(&dir.path().join("remote"));
    push_all(&a, &meter);
    meter.reset();
    let pushed = push_all(&a, &meter);
    assert!(pushed.refs.iter().all(|pushed| pushed.outcome == Outcome::UpToDate));
    assert_eq!(meter.calls(), 3, "{:?}", meter.traffic.lock().unwrap().calls);
    let b = Sandbox::venv();
    try_fetch(&b, &Source::Remote(Box::new(meter.clone()))).unwrap();
    meter.reset();
    try_fetch(&b, &Source::Remote(Box::new(meter.clone()))).unwrap();
    assert_eq!(meter.calls(), 2);
}

#[test]
fn only_what_is_new_is_sent() {
    let a = with_commits();
    let dir = tempfile::tempdir().unwrap();
    let meter = Meter::new(&dir.path().join("remote"));
    push_all(&a, &meter);
    meter.reset();
    a.write("lib/d.txt", noise(3, 100_000));
    let commit = a.commit();
    let layer = commit.manifest.unwrap().layer.unwrap();
    let pushed = push_all(&a, &meter);
    assert_eq!(pushed.layers, [(layer.digest, layer.size)]);
    let traffic = meter.traffic.lock().unwrap();
    let sent: u64 = traffic.written.iter().map(|(_, size)| size).sum();
    // The layer, a pack and its index.
    assert_eq!(traffic.written.len(), 3);
    assert!(sent < layer.size + 10_000, "{sent} bytes for a layer of {}", layer.size);
}

#[test]
fn content_of_an_older_layer_is_not_sent_again() {
    let a = with_commits();
    let (dir, remote) = remote();
    push_all(&a, &remote);
    // Another branch needs what only the layer of main holds, and nothing new.
    a.checkout("v1");
    a.write("lib/c.txt", noise(2, 300_000));
    a.commit();
    let pushed = push_all(&a, &remote);
    assert!(pushed.layers.is_empty(), "{:?}", pushed.layers);
    let b = Sandbox::venv();
    fetch_all(&b, &|| Box::new(Directory::new(dir.path().join("remote"))));
    b.checkout("v1");
}

#[test]
fn a_branch_brings_the_layers_of_others_that_it_needs() {
    let a = with_commits();
    // A commit that stores nothing: its content lies in the layer of main.
    a.checkout("v1");
    a.write("lib/c.txt", noise(2, 300_000));
    let report = a.commit();
    let branch = format!("refs/heads/{}", report.branch.unwrap());
    let only: Vec<_> = updates(&a, Force::No)
        .into_iter()
        .filter(|update| update.name.as_str() == branch)
        .collect();
    let (dir, remote) = remote();
    let pushed = try_push(&a, &remote, only).unwrap();
    assert_eq!(pushed.layers.len(), 2);
    let b = Sandbox::venv();
    let fetched = fetch_all(&b, &|| Box::new(Directory::new(dir.path().join("remote"))));
    assert_eq!(fetched.layers.len(), 2);
    b.checkout(&branch.replace("refs/heads/", "origin/"));
}

#[test]
fn another_repository_can_be_fetched_from() {
    let a = with_commits();
    let b = Sandbox::venv();
    let peer = || Source::Repository(Box::new(Peer::open(&a.repo_dir()).unwrap()));
    let fetched = try_fetch(&b, &peer()).unwrap();
    assert!(fetched.layers.iter().all(|layer| layer.way == Way::Shared));
    assert_eq!(fetched.offer.head.as_deref(), Some("refs/heads/main"));
    checks_out(&a, &b);
    a.write("lib/d.txt", "new\n");
    a.commit();
    let fetched = try_fetch(&b, &peer()).unwrap();
    assert_eq!((fetched.layers.len(), fetched.objects.packs), (1, 1));
    checks_out(&a, &b);
    whole_history(&b);
}

#[test]
fn git_clones_the_history_over_plain_http() {
    use std::io::{BufRead, BufReader};
    let a = with_commits();
    let session = a.session();
    let history = session.repo.history();
    let note = envgit::history::Note {
        who: who("Ada"),
        time: NOW,
        message: "first".into(),
    };
    let main = history.resolve("main").unwrap();
    history
        .annotate_tag("v2", main, envgit::history::Expected::Absent, &note)
        .unwrap();
    let (dir, remote) = remote();
    push_all(&a, &remote);
    a.write("lib/d.txt", "more\n");
    a.commit();
    push_all(&a, &remote);
    let code = "import http.server, functools, sys\n\
                h = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])\n\
                s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), h)\n\
                print(s.server_port, flush=True)\n\
                s.serve_forever()\n";
    let mut server = Command::new("python3")
        .args(["-c", code])
        .arg(dir.path().join("remote"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = format!("http://127.0.0.1:{}/history", line.trim());
    let clone = dir.path().join("clone");
    let said = Command::new("git")
        .args(["clone", "-q", &url])
        .arg(&clone)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("http_proxy")
        .output()
        .unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let git = |args: &[&str]| {
        let out = Command::new("git").arg("-C").arg(&clone).args(args).output().unwrap();
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let main = at(&a, "refs/heads/main").unwrap().to_string();
    assert_eq!(git(&["rev-parse", "HEAD"]), main);
    assert_eq!(git(&["symbolic-ref", "--short", "HEAD"]), "main");
    assert_eq!(git(&["tag"]), "v1\nv2");
    assert_eq!(git(&["rev-list", "--count", "HEAD"]), "3");
    let fsck = Command::new("git")
        .arg("-C")
        .arg(&clone)
        .args(["fsck", "--strict"])
        .status();
    assert!(fsck.unwrap().success());
}

#[test]
fn only_forward_unless_forced() {
    let a = with_commits();
    let (dir, remote) = remote();
    push_all(&a, &remote);
    let there = || Box::new(Directory::new(dir.path().join("remote"))) as Box<dyn Transport>;
    let b = Sandbox::venv();
    fetch_all(&b, &there);
    b.try_checkout(&CheckoutOptions {
        rev: "origin/main".into(),
        branch: Some("main".into()),
        ..CheckoutOptions::default()
    })
    .unwrap();
    b.write("lib/b-was-here", "b");
    b.commit();
    a.write("lib/a-was-here", "a");
    a.commit();
    assert_eq!(push_all(&b, &remote).refs[0].outcome, Outcome::Forward);
    let outcome = |force| {
        let pushed = try_push(&a, &remote, updates(&a, force)).unwrap();
        let main = pushed
            .refs
            .into_iter()
            .find(|pushed| pushed.name.as_str() == "refs/heads/main");
        main.unwrap().outcome
    };
    // a does not know what b made.
    assert_eq!(outcome(Force::No), Outcome::Rejected(Rejection::Unknown));
    let seen = at(&b, "refs/remotes/origin/main");
    fetch_all(&b, &there);
    assert_eq!(
        outcome(Force::IfAt(seen)),
        Outcome::Rejected(Rejection::Stale),
        "the remote went on since"
    );
    fetch_all(&a, &there);
    assert_eq!(outcome(Force::No), Outcome::Rejected(Rejection::NotForward));
    let seen = at(&a, "refs/remotes/origin/main");
    assert_eq!(outcome(Force::IfAt(seen)), Outcome::Forced);
    let fetched = fetch_all(&b, &there);
    assert_eq!(fetched.refs[0].moved, envgit::exchange::fetch::Moved::Forced);
    // Tags do not move unless forced.
    let mut tag = updates(&a, Force::No);
    tag.retain(|update| update.name.as_str() == "refs/tags/v1");
    tag[0].to = at(&a, "refs/heads/main");
    let pushed = try_push(&a, &remote, tag.clone()).unwrap();
    assert_eq!(pushed.refs[0].outcome, Outcome::Rejected(Rejection::TagExists));
    tag[0].to = None;
    assert_eq!(try_push(&a, &remote, tag).unwrap().refs[0].outcome, Outcome::Removed);
}

#[test]
fn the_log_stays_short() {
    let a = Sandbox::venv();
    a.write("a", "a");
    a.commit();
    let (dir, remote) = remote();
    for n in 0..130 {
        let mut tag = updates(&a, Force::No).remove(0);
        tag.name = envgit::history::RefName::tag(&format!("t{n}")).unwrap();
        try_push(&a, &remote, vec![tag]).unwrap();
    }
    let log = files(&dir.path().join("remote/refs/log"));
    assert_eq!((log.len(), log[99].0.as_str()), (100, "0000000130"));
    assert_eq!(log[0].0, "0000000031");
}

#[test]
fn a_remote_that_was_set_back_is_noticed() {
    let a = with_commits();
    let (dir, remote) = remote();
    push_all(&a, &remote);
    let copy = dir.path().join("copy");
    let done = Command::new("cp")
        .arg("-a")
        .arg(dir.path().join("remote"))
        .arg(&copy)
        .status();
    assert!(done.unwrap().success());
    a.write("x", "x");
    a.commit();
    push_all(&a, &remote);
    let old = Directory::new(copy);
    let error = try_push(&a, &old, updates(&a, Force::No)).unwrap_err();
    assert!(matches!(&error, Error::Rewritten { .. }), "{error:?}");
    let error = try_fetch(&a, &Source::Remote(Box::new(old))).err().unwrap();
    assert!(error.to_string().contains("entry 2 was seen, and now 1"), "{error}");
}

#[test]
fn contents_come_alone_where_layers_are_far() {
    let a = with_commits();
    // A file of several frames.
    a.write("lib/big", noise(9, 9 << 20));
    a.commit();
    a.write("lib/b.txt", "small again");
    a.commit();
    let dir = tempfile::tempdir().unwrap();
    let meter = Meter::new(&dir.path().join("remote"));
    push_all(&a, &meter);
    let b = Sandbox::venv();
    let session = b.session();
    let repo_dir = b.repo_dir();
    let local = Local {
        history: session.repo.history(),
        dir: &repo_dir,
    };
    let source = Source::Remote(Box::new(meter.clone()));
    let offer = source.offer(None).unwrap();
    fetch::objects(local, &source, &offer, &Silent).unwrap();
    let files_of = |rev: &str| {
        let commit = session.repo.history().resolve(rev).unwrap();
        session
            .repo
            .history()
            .inventory(commit)
            .unwrap()
            .files
            .into_iter()
            .collect::<Vec<_>>()
    };
    let note = envgit::history::Note {
        who: who("Ada"),
        time: NOW,
        message: "fetch".into(),
    };
    fetch::track(local, "origin", &offer, false, &note).unwrap();
    for (rev, most) in [("v1", 230_000), ("origin/main", 10_500_000)] {
        meter.reset();
        let lacking = fetch::lacking_of(local, &files_of(rev)).unwrap();
        let brought = parts::contents(local, &source, &offer, &lacking, &Silent).unwrap();
        assert_eq!(brought.len(), 1);
        let read: u64 = meter.traffic.lock().unwrap().read.values().sum();
        // Tables of contents, 64 KiB of each layer at most, come besides.
        assert!(read < most + 4 * (64 << 10), "{rev}: {read}");
        b.checkout(rev);
    }
    assert_eq!(differing(&picture(&a.env()), &picture(&b.env())), Vec::<String>::new());
    // The layers that were made of them are like any other.
    let checked = envgit::ops::verify::verify(&mut b.session(), Default::default()).unwrap();
    assert_eq!(checked.damages.len(), 0, "{:?}", checked.damages);
}

#[test]
fn nothing_is_told_apart_from_something() {
    let b = Sandbox::venv();
    let (_dir, remote) = remote();
    let error = try_fetch(&b, &Source::Remote(Box::new(remote))).err().unwrap();
    assert!(matches!(error, Error::Nothing { .. }));
}
