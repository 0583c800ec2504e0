//! gc removes what a naive model says that nobody needs, and nothing else, whenever it is killed.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Sandbox, differing, picture};
use envgit::history::{CommitId, Expected, Note, RefName};
use envgit::ops::Session;
use envgit::ops::autosaves::expired;
use envgit::ops::checkout::CheckoutOptions;
use envgit::ops::gc::{GcOptions, GcReport, gc};
use envgit::ops::refs::{create_branch, delete_branch, delete_tag};
use envgit::ops::undo::{UndoOptions, undo};
use envgit::ops::verify::{VerifyOptions, verify};
use proptest::prelude::*;

/// A repository in which neither logs nor `undo` keep anything alive.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::venv();
    keep_days(&sandbox, 0);
    sandbox
}

fn keep_days(sandbox: &Sandbox, days: u32) {
    let path = sandbox.repo_dir().join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.split("[gc]").next().unwrap();
    let autosave = "[autosave]\nkeep = 0\nkeep_days = 0\n";
    std::fs::write(&path, format!("{text}[gc]\nkeep_days = {days}\n{autosave}")).unwrap();
}

fn collect(sandbox: &Sandbox) -> GcReport {
    let mut session = sandbox.session();
    let options = options(&session);
    gc(&mut session, &options).unwrap()
}

/// As the command asks for it.
fn options(session: &Session<'_>) -> GcOptions {
    GcOptions {
        expired: expired(session).unwrap().into_iter().map(|known| known.name).collect(),
        ..GcOptions::default()
    }
}

fn layers(sandbox: &Sandbox) -> BTreeSet<PathBuf> {
    let listing = std::fs::read_dir(sandbox.repo_dir().join("layers")).unwrap();
    listing.map(|entry| entry.unwrap().path()).collect()
}

fn is_sound(sandbox: &Sandbox) {
    let report = verify(&mut sandbox.session(), VerifyOptions::default()).unwrap();
    assert_eq!(report.damages, []);
}

/// A commit on a branch that is given up, with content that nothing else has.
fn garbage(sandbox: &Sandbox, what: &str, commits: usize) {
    create_branch(&mut sandbox.session(), "tmp", None, false).unwrap();
    sandbox.checkout("tmp");
    for n in 0..commits {
        sandbox.write("lib/waste.py", format!("{what} {n}\n").repeat(100));
        sandbox.commit();
    }
    sandbox.checkout("main");
    delete_branch(&mut sandbox.session(), "tmp", true).unwrap();
}

#[test]
fn what_nothing_leads_to_goes_and_the_rest_stays() {
    let sandbox = sandbox();
    sandbox.write("lib/a.py", "a\n");
    sandbox.commit_tagged("v1");
    garbage(&sandbox, "x", 3);
    let before = layers(&sandbox);
    let dry = GcOptions {
        dry_run: true,
        ..options(&sandbox.session())
    };
    let plan = gc(&mut sandbox.session(), &dry).unwrap();
    assert_eq!((plan.removed.len(), plan.kept, plan.dry_run), (3, 1, true));
    assert_eq!(layers(&sandbox), before);
    let report = collect(&sandbox);
    assert_eq!((&report.removed, report.kept), (&plan.removed, 1));
    assert_eq!(layers(&sandbox).len(), 1);
    assert_eq!(
        std::fs::read_dir(sandbox.repo_dir().join("cache/index"))
            .unwrap()
            .count(),
        1
    );
    assert!(!sandbox.repo_dir().join("journal/gc.json").exists());
    is_sound(&sandbox);
    assert!(collect(&sandbox).removed.is_empty());
}

#[test]
fn every_kind_of_ref_keeps_what_it_leads_to() {
    let sandbox = sandbox();
    let write = |what: &str| sandbox.write("lib/a.py", format!("{what}\n"));
    write("start");
    sandbox.commit();
    let refs = [
        "refs/heads/side",
        "refs/tags/light",
        "refs/good/run",
        "refs/tags/noted",
        "HEAD",
    ];
    for full in refs {
        create_branch(&mut sandbox.session(), "tmp", Some("main"), false).unwrap();
        sandbox.checkout("tmp");
        write(full);
        let commit = sandbox.commit().commit.unwrap();
        let session = sandbox.session();
        let history = session.repo.history();
        let note = Note {
            who: session.who.clone(),
            time: session.now,
            message: "kept".to_owned(),
        };
        match full {
            "refs/tags/noted" => history.annotate_tag("noted", commit, Expected::Absent, &note).unwrap(),
            "HEAD" => {}
            full => history
                .set_ref(&RefName::new(full).unwrap(), commit, Expected::Absent, &note)
                .unwrap(),
        }
        sandbox.checkout(if full == "HEAD" { "tmp~0" } else { "main" });
        delete_branch(&mut sandbox.session(), "tmp", true).unwrap();
    }
    garbage_free(&sandbox, refs.len() + 1);
    for full in ["refs/heads/side", "refs/tags/light", "refs/good/run", "refs/tags/noted"] {
        sandbox.checkout(full);
        assert_eq!(sandbox.read("lib/a.py"), format!("{full}\n"));
    }
}

/// gc keeps so many layers, and removes none.
fn garbage_free(sandbox: &Sandbox, expected: usize) {
    let report = collect(sandbox);
    assert_eq!((report.removed.len(), layers(sandbox).len()), (0, expected));
}

#[test]
fn a_log_keeps_what_is_young() {
    let sandbox = sandbox();
    sandbox.write("lib/a.py", "a\n");
    sandbox.commit_tagged("v1");
    garbage(&sandbox, "x", 2);
    keep_days(&sandbox, 1);
    assert!(collect(&sandbox).removed.is_empty());
    let mut session = sandbox.session();
    session.now.seconds += 2 * 86_400;
    let options = options(&session);
    assert_eq!(gc(&mut session, &options).unwrap().removed.len(), 2);
}

#[test]
fn what_gc_removed_cannot_be_undone_to() {
    let sandbox = sandbox();
    sandbox.write("lib/a.py", "a\n");
    sandbox.commit_tagged("v1");
    garbage(&sandbox, "x", 1);
    let undone = |sandbox: &Sandbox| undo(&mut sandbox.session(), &UndoOptions::default(), &mut |_| true);
    undone(&sandbox).unwrap();
    delete_branch(&mut sandbox.session(), "tmp", true).unwrap();
    assert_eq!(collect(&sandbox).removed.len(), 1);
    let error = undone(&sandbox).unwrap_err().to_string();
    assert_eq!(error, "the state before \"branch -d tmp\" is no longer kept");
    assert!(sandbox.session().repo.history().resolve("tmp").is_err());
    is_sound(&sandbox);
}

#[test]
fn autosaves_are_kept_until_they_are_given_up() {
    let sandbox = sandbox();
    sandbox.write("lib/a.py", "a\n");
    sandbox.commit_tagged("v1");
    sandbox.write("lib/a.py", "unsaved\n");
    let saved = sandbox.checkout("HEAD").autosave.unwrap();
    let none_expired = gc(&mut sandbox.session(), &GcOptions::default()).unwrap();
    assert!(none_expired.removed.is_empty());
    let refuse = GcOptions {
        expired: vec![RefName::branch("main").unwrap()],
        ..GcOptions::default()
    };
    assert!(gc(&mut sandbox.session(), &refuse).is_err());
    let options = GcOptions {
        expired: vec![RefName::autosave("1").unwrap()],
        ..GcOptions::default()
    };
    let report = gc(&mut sandbox.session(), &options).unwrap();
    assert_eq!((report.removed.len(), report.expired), (1, vec![saved.name]));
    assert!(sandbox.session().repo.history().resolve("autosave/1").is_err());
    is_sound(&sandbox);
}

#[test]
fn a_layer_of_which_a_part_is_needed_stays_and_its_dead_bytes_are_told() {
    let sandbox = sandbox();
    sandbox.write("lib/a.py", "a\n");
    sandbox.commit_tagged("v1");
    create_branch(&mut sandbox.session(), "tmp", None, false).unwrap();
    sandbox.checkout("tmp");
    sandbox.write("lib/shared.py", "shared\n");
    sandbox.write(
        "lib/waste.so",
        (0..100_000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>(),
    );
    sandbox.commit();
    std::fs::remove_file(sandbox.env().join("lib/waste.so")).unwrap();
    let kept = sandbox.commit_tagged("v2").commit.unwrap();
    sandbox.checkout("main");
    // A commit of its own that shares the small file: the branch with the large one goes.
    sandbox.write("lib/shared.py", "shared\n");
    sandbox.commit_tagged("v3");
    delete_branch(&mut sandbox.session(), "tmp", true).unwrap();
    delete_tag(&mut sandbox.session(), "v2").unwrap();
    let report = collect(&sandbox);
    assert_eq!((report.removed.len(), report.kept, report.partly_dead), (0, 2, 1));
    assert!(report.dead_bytes > 10_000, "{report:?}");
    is_sound(&sandbox);
    assert!(
        sandbox.session().repo.history().commit_info(kept).is_ok(),
        "commits stay"
    );
}

#[test]
fn nothing_is_removed_from_a_damaged_repository() {
    let sandbox = sandbox();
    sandbox.write("lib/a.py", "a\n");
    sandbox.commit_tagged("v1");
    garbage(&sandbox, "x", 2);
    std::fs::write(
        sandbox.history().join("refs/tags/gone"),
        format!("{}\n", "3".repeat(40)),
    )
    .unwrap();
    let before = layers(&sandbox);
    let error = gc(&mut sandbox.session(), &GcOptions::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("nothing is removed from a damaged repository: ref refs/tags/gone"),
        "{error}"
    );
    assert_eq!(layers(&sandbox), before);
}

#[test]
fn what_killed_commands_left_is_cleaned_up() {
    let sandbox = sandbox();
    sandbox.write("lib/a.py", "a\n");
    sandbox.commit();
    let old = std::time::SystemTime::now() - Duration::from_secs(7200);
    let leave = |path: &str| {
        let path = sandbox.repo_dir().join(path);
        let file = std::fs::File::create(&path).unwrap();
        file.set_times(std::fs::FileTimes::new().set_modified(old)).unwrap();
        path
    };
    let left = [
        "layers/.draft-x",
        "cache/index/.draft-x",
        ".draft-x",
        "history/refs/heads/x.lock",
    ]
    .map(leave);
    // Somebody may be writing this one.
    let fresh = sandbox.repo_dir().join("cache/state/.draft-y");
    std::fs::write(&fresh, "").unwrap();
    assert_eq!(collect(&sandbox).leftovers, 4);
    assert!(left.iter().all(|path| !path.exists()) && fresh.exists());
}

#[test]
fn a_killed_gc_loses_nothing_and_the_next_one_ends_it() {
    let sandbox = sandbox();
    for n in 0..5 {
        sandbox.write(&format!("lib/a{n}.py"), format!("{n}\n"));
        sandbox.commit_tagged(&format!("v{n}"));
    }
    let goal = picture(&sandbox.env());
    let mut command = Command::new(env!("CARGO_BIN_EXE_envgit"));
    command.arg("-C").arg(sandbox.project()).arg("gc").env_clear();
    command
        .env("HOME", sandbox.dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    garbage(&sandbox, "first", 12);
    let start = std::time::Instant::now();
    assert!(command.status().unwrap().success());
    let whole = start.elapsed();
    assert_eq!(layers(&sandbox).len(), 5);
    let mut between = 0;
    for round in 0..12u32 {
        garbage(&sandbox, &format!("round {round}"), 4);
        let before = layers(&sandbox).len();
        let mut child = command.spawn().unwrap();
        std::thread::sleep(whole * (round + 1) / 13);
        let _ = child.kill();
        child.wait().unwrap();
        between += usize::from(sandbox.repo_dir().join("journal/gc.json").exists());
        assert!((5..=before).contains(&layers(&sandbox).len()));
        is_sound(&sandbox);
    }
    // A mark of a gc that died says nothing about what is needed now.
    let marked: Vec<String> = layers(&sandbox)
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().replace(".tar.zst", ""))
        .collect();
    let mark = serde_json::json!({"refs": [], "layers": marked}).to_string();
    std::fs::write(sandbox.repo_dir().join("journal/gc.json"), mark).unwrap();
    collect(&sandbox);
    assert_eq!(
        layers(&sandbox).len(),
        5,
        "killed between mark and end: {between} times"
    );
    for n in 0..5 {
        sandbox.checkout(&format!("v{n}"));
    }
    assert_eq!(differing(&picture(&sandbox.env()), &goal), [] as [String; 0]);
}

/// What a history of random steps may do.
#[derive(Clone, Debug)]
enum Step {
    /// Writes some of a few contents into some of a few files, and commits on the branch that HEAD is on.
    Commit(Vec<(u8, u8)>),
    /// Commits on a branch of its own that goes, with a tag that stays.
    Tagged(u8, u8),
    Tag(u8),
    Branch(u8),
    Switch(u8),
    DropTag(u8),
    DropBranch(u8),
    Gc,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => proptest::collection::vec((0..4u8, 0..12u8), 1..4).prop_map(Step::Commit),
        2 => (0..3u8, 0..12u8).prop_map(|(tag, content)| Step::Tagged(tag, content)),
        1 => (0..3u8).prop_map(Step::Tag),
        1 => (0..3u8).prop_map(Step::Branch),
        2 => (0..4u8).prop_map(Step::Switch),
        2 => (0..3u8).prop_map(Step::DropTag),
        2 => (0..3u8).prop_map(Step::DropBranch),
        2 => Just(Step::Gc),
    ]
}

/// The history as a naive reader of it sees it.
#[derive(Default)]
struct Model {
    parents: BTreeMap<CommitId, Option<CommitId>>,
    files: BTreeMap<CommitId, BTreeSet<Vec<u8>>>,
    /// What each layer holds.
    layers: BTreeMap<PathBuf, BTreeSet<Vec<u8>>>,
}

impl Model {
    fn record(&mut self, sandbox: &Sandbox) {
        let before = sandbox.status().head.commit;
        let Some(commit) = sandbox.commit().commit else { return };
        let contents = picture(&sandbox.env()).into_values().map(|seen| seen.content);
        let contents: BTreeSet<Vec<u8>> = contents.filter(|content| !content.is_empty()).collect();
        let stored: BTreeSet<Vec<u8>> = self.layers.values().flatten().cloned().collect();
        let new: BTreeSet<Vec<u8>> = contents.difference(&stored).cloned().collect();
        let known: BTreeSet<PathBuf> = self.layers.keys().cloned().collect();
        let added: Vec<PathBuf> = layers(sandbox).difference(&known).cloned().collect();
        assert_eq!(added.len(), usize::from(!new.is_empty()));
        self.layers.extend(added.into_iter().map(|layer| (layer, new.clone())));
        self.parents.insert(commit, before);
        self.files.insert(commit, contents);
    }

    /// The layers that hold anything which some ref leads to.
    fn needed(&self, sandbox: &Sandbox) -> BTreeSet<PathBuf> {
        let session = sandbox.session();
        let history = session.repo.history();
        let mut todo: Vec<CommitId> = history.refs().unwrap().into_iter().map(|known| known.commit).collect();
        todo.extend(history.head().unwrap().commit());
        let mut contents = BTreeSet::new();
        while let Some(commit) = todo.pop() {
            contents.extend(self.files[&commit].iter().cloned());
            todo.extend(self.parents[&commit]);
        }
        let holds = |held: &&BTreeSet<Vec<u8>>| !held.is_disjoint(&contents);
        self.layers
            .iter()
            .filter(|(_, held)| holds(held))
            .map(|(layer, _)| layer.clone())
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn what_is_kept_is_what_a_naive_model_needs(steps in proptest::collection::vec(step(), 4..16)) {
        let sandbox = sandbox();
        let mut model = Model::default();
        sandbox.write("f0", "start");
        model.record(&sandbox);
        let forced = envgit::ops::refs::TagOptions {
            force: true,
            ..Default::default()
        };
        for step in steps.into_iter().chain([Step::Gc]) {
            match step {
                Step::Commit(writes) => {
                    for (file, content) in writes {
                        sandbox.write(&format!("f{file}"), format!("content {content}"));
                    }
                    model.record(&sandbox);
                }
                Step::Tagged(tag, content) => {
                    if create_branch(&mut sandbox.session(), "side", None, false).is_ok() {
                        sandbox.checkout("side");
                        sandbox.write("f9", format!("tagged {content}"));
                        model.record(&sandbox);
                        let name = format!("t{tag}");
                        envgit::ops::refs::create_tag(&mut sandbox.session(), &name, &forced).unwrap();
                        sandbox.checkout("main");
                        delete_branch(&mut sandbox.session(), "side", true).unwrap();
                    }
                }
                Step::Tag(n) => {
                    let _ = envgit::ops::refs::create_tag(&mut sandbox.session(), &format!("t{n}"), &forced);
                }
                Step::Branch(n) => {
                    let _ = create_branch(&mut sandbox.session(), &format!("b{n}"), None, false);
                }
                Step::Switch(n) => {
                    let rev = if n == 3 { "main".to_owned() } else { format!("b{n}") };
                    let _ = sandbox.try_checkout(&CheckoutOptions { rev, ..CheckoutOptions::default() });
                }
                Step::DropTag(n) => {
                    let _ = delete_tag(&mut sandbox.session(), &format!("t{n}"));
                }
                Step::DropBranch(n) => {
                    let _ = delete_branch(&mut sandbox.session(), &format!("b{n}"), true);
                }
                Step::Gc => {
                    collect(&sandbox);
                    let needed = model.needed(&sandbox);
                    prop_assert_eq!(&layers(&sandbox), &needed);
                    model.layers.retain(|layer, _| needed.contains(layer));
                    is_sound(&sandbox);
                }
            }
        }
    }
}

#[test]
fn what_an_old_fetch_left_goes_and_what_may_go_on_stays() {
    let sandbox = sandbox();
    sandbox.write("bin/tool", "x");
    sandbox.commit();
    let incoming = sandbox.repo_dir().join("incoming");
    std::fs::create_dir_all(&incoming).unwrap();
    let days = |days: u64| std::time::SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    let left = [
        (format!("{}.part", "a".repeat(64)), 8, false),
        (format!("{}.part", "b".repeat(64)), 6, true),
        (format!("{}.part", "c".repeat(64)), 0, true),
        ("notes".to_owned(), 80, true),
    ];
    for (name, age, _) in &left {
        let file = std::fs::File::create(incoming.join(name)).unwrap();
        file.set_times(std::fs::FileTimes::new().set_modified(days(*age)))
            .unwrap();
    }
    // While a fetch is under way, nobody clears up: it holds the lock.
    let at_work = sandbox.session();
    let lock = at_work.repo.lock("envgit fetch").unwrap();
    let mut session = sandbox.session();
    assert!(session.repo.try_lock("envgit gc").unwrap().is_none());
    drop(lock);
    let report = gc(&mut session, &GcOptions::default()).unwrap();
    assert_eq!(report.leftovers, 1);
    for (name, _, stays) in &left {
        assert_eq!(incoming.join(name).exists(), *stays, "{name}");
    }
    let plan = GcOptions {
        dry_run: true,
        ..GcOptions::default()
    };
    assert_eq!(gc(&mut session, &plan).unwrap().leftovers, 0);
}
