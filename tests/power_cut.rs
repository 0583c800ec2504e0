//! `kill -9` between every pair of steps, and power cuts that lose any of what no sync had made durable.
//!
//! The library tells a witness of every change of a name or a file. For kills, a process of its own ends itself after
//! the n-th. For power cuts, the changes of one command are recorded once; then what a cut could leave is put together
//! from them in memory, written out, and the program is run on it.
//!
//! By itself it kills after some of the steps and cuts power some dozens of times. `ENVGIT_CUTS=20000 cargo test
//! --release --test power_cut` is the long form: it kills after every step.

mod common;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::image::{Image, Overlay};
use common::two::{Two, program, two, two_in};
use common::{Sandbox, differing, picture, session, whole_history};
use envgit::fsx::witness::{Change, Witness, watch};
use envgit::ops::autosaves::expired;
use envgit::ops::checkout::{CheckoutOptions, checkout};
use envgit::ops::commit::{CommitOptions, commit};
use envgit::ops::gc::{GcOptions, gc};
use envgit::ops::refs::{TagOptions, create_tag};

/// One witness at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// An annotated tag that may be there already.
fn noted() -> TagOptions {
    TagOptions {
        message: Some("noted".to_owned()),
        force: true,
        ..TagOptions::default()
    }
}

/// Before a revision: all of it comes from the layers.
const UNPINNED: &str = "unpinned:";

/// The commands that are cut.
fn perform(project: &Path, what: &str) {
    let mut session = session(project);
    match what {
        "commit" => drop(commit(&mut session, &CommitOptions::default())),
        "tag" => drop(create_tag(&mut session, "mark", &noted())),
        "gc" => {
            let expired = expired(&session).unwrap().into_iter().map(|known| known.name);
            let options = GcOptions {
                expired: expired.collect(),
                ..GcOptions::default()
            };
            drop(gc(&mut session, &options));
        }
        rev => {
            let options = CheckoutOptions {
                rev: rev.trim_start_matches(UNPINNED).to_owned(),
                without_pins: rev.starts_with(UNPINNED),
                ..CheckoutOptions::default()
            };
            drop(checkout(&mut session, &options, &mut |_| true));
        }
    }
}

/// Runs the next command, and tells which of the two states that left; the live tree must be exactly that of HEAD.
fn recovered(two: &Two, told: &str) -> usize {
    let said = two.next_command(told);
    let head = two.sandbox.status().head.commit.unwrap().to_string();
    two.is_exactly(&head, &format!("{told}: {said}"))
}

/// Ends the process after so many changes.
struct Reaper(Mutex<u32>);

impl Witness for Reaper {
    fn saw(&self, _: Change) {
        let mut left = self.0.lock().unwrap();
        *left -= 1;
        if *left == 0 {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}

/// Not a test by itself: the process that is killed, started by the next one.
#[test]
fn victim() {
    let Ok(order) = std::env::var("ENVGIT_TEST_VICTIM") else {
        return;
    };
    let (after, rest) = order.split_once(' ').unwrap();
    let (what, project) = rest.split_once(' ').unwrap();
    watch(Some(Arc::new(Reaper(Mutex::new(after.parse().unwrap())))));
    perform(Path::new(project), what);
}

/// Whether the command was killed before it ended.
fn killed_after(sandbox: &Sandbox, what: &str, steps: u32) -> bool {
    let project = sandbox.project();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim"])
        .env("ENVGIT_TEST_VICTIM", format!("{steps} {what} {}", project.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    !status.success()
}

#[test]
fn a_checkout_killed_after_any_step_leaves_the_old_state_or_the_new() {
    leaves_one_of_two_when_killed("");
}

#[test]
fn a_checkout_that_builds_directories_anew_is_as_safe_when_killed() {
    leaves_one_of_two_when_killed(UNPINNED);
}

fn leaves_one_of_two_when_killed(how: &str) {
    let two = two();
    let mut outcomes = [0; 2];
    let mut at = 1;
    for steps in kills(1) {
        let target = 1 - at;
        let what = format!("{how}{}", ["v1", "v2"][target]);
        if !killed_after(&two.sandbox, &what, steps) {
            assert!(steps > 50, "it has {steps} steps only");
            break;
        }
        let which = recovered(&two, &format!("killed after {steps} steps"));
        outcomes[usize::from(which == target)] += 1;
        at = which;
    }
    assert!(
        outcomes[0] > 1 && outcomes[1] > 1,
        "before and after the seal: {outcomes:?}"
    );
}

#[test]
fn a_checkout_of_what_no_commit_holds_killed_after_any_step_loses_nothing() {
    let two = two();
    let mut outcomes = [0; 2];
    for steps in kills(3) {
        two.sandbox.write("share/mine", format!("mine {steps}\n"));
        let mine = picture(&two.sandbox.env());
        let killed = killed_after(&two.sandbox, "v1", steps);
        two.next_command(&format!("after {steps} steps"));
        let now = picture(&two.sandbox.env());
        let moved = !now.contains_key(&b"share/mine"[..]);
        outcomes[usize::from(moved)] += 1;
        if moved {
            assert_eq!(
                differing(&now, &two.pictures[0]),
                Vec::<String>::new(),
                "after {steps} steps"
            );
            let saved = two.sandbox.session().repo.history().refs().unwrap();
            let autosaves = saved.iter().filter(|known| known.short_name().starts_with("autosave/"));
            let newest = autosaves
                .map(|known| known.short_name().rsplit('/').next().unwrap().parse::<u32>().unwrap())
                .max();
            two.sandbox.checkout(&format!("autosave/{}", newest.unwrap()));
        }
        assert_eq!(
            differing(&picture(&two.sandbox.env()), &mine),
            Vec::<String>::new(),
            "after {steps} steps"
        );
        if !killed {
            break;
        }
        two.sandbox.checkout("v2");
    }
    assert!(
        outcomes[0] > 1 && outcomes[1] > 1,
        "before and after the seal: {outcomes:?}"
    );
}

#[test]
fn what_was_ignored_until_a_killed_checkout_stays() {
    let sandbox = Sandbox::venv();
    sandbox.write("code.py", "one");
    sandbox.commit_tagged("v1");
    sandbox.write("code.py", "two");
    sandbox.write(".snapignore", "kept/\n");
    sandbox.commit_tagged("v2");
    let log = sandbox.env().join("kept/run.log");
    for steps in 1.. {
        sandbox.write("kept/run.log", "mine");
        let was_killed = killed_after(&sandbox, "v1", steps);
        let status = program(&sandbox.project(), &["status"]);
        let said = String::from_utf8_lossy(&status.stderr);
        let left = std::fs::read_to_string(&log).ok();
        assert_eq!(left.as_deref(), Some("mine"), "after {steps} steps: {said}");
        assert!(status.status.success(), "after {steps} steps: {said}");
        if !was_killed {
            assert!(steps > 10, "it has {steps} steps only");
            break;
        }
        sandbox.checkout("v2");
    }
}

/// Puts a file where the checkout will put one, once the swap has begun.
struct Obstacle {
    env: PathBuf,
}

impl Witness for Obstacle {
    fn saw(&self, change: Change) {
        let begins = matches!(&change, Change::Rename { from, .. } if from.starts_with(&self.env) && !from.starts_with(self.env.join(".envgit-stage")));
        if begins {
            let _ = std::fs::write(self.env.join("bin/fresh"), "in the way");
        }
    }
}

/// From the first state, a swap towards the second that an obstacle ends is taken back.
fn is_taken_back(two: &Two) {
    watch(Some(Arc::new(Obstacle { env: two.sandbox.env() })));
    let options = CheckoutOptions {
        rev: "v2".to_owned(),
        ..CheckoutOptions::default()
    };
    let error = two.sandbox.try_checkout(&options).unwrap_err();
    watch(None);
    assert!(error.to_string().contains("was put back"), "{error}");
    std::fs::remove_file(two.sandbox.env().join("bin/fresh")).unwrap();
    assert!(!two.sandbox.repo_dir().join("journal/checkout.json").exists());
    assert_eq!(recovered(two, "taken back"), 0);
}

#[test]
fn a_swap_that_cannot_be_finished_is_taken_back() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let two = two();
    two.sandbox.checkout("v1");
    is_taken_back(&two);
    two.sandbox.checkout("v2");
    assert_eq!(recovered(&two, "then done"), 1);
}

/// Where folders cannot be renamed, they are taken away and made again one by one.
#[test]
fn in_a_container_a_checkout_is_as_safe() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let Some(image) = Image::new("ext4", 96) else { return };
    let two = two_in(Sandbox::venv_on(image.path()));
    let _overlay = Overlay::over(two.sandbox.env().parent().unwrap(), &image);
    two.sandbox.checkout("v1");
    assert_eq!(recovered(&two, "there"), 0);
    is_taken_back(&two);
    let mut at = 0;
    let mut outcomes = [0; 2];
    for steps in kills(3).step_by(2) {
        let target = 1 - at;
        let is_cut = killed_after(&two.sandbox, ["v1", "v2"][target], steps);
        let which = recovered(&two, &format!("killed after {steps} steps on the way to {target}"));
        outcomes[usize::from(which == target)] += 1;
        at = which;
        if !is_cut {
            break;
        }
    }
    assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
}

/// Makes a file when the checkout is sealed, so after it looked at the live tree.
struct Newcomer(PathBuf);

impl Witness for Newcomer {
    fn saw(&self, change: Change) {
        if matches!(&change, Change::Rename { to, .. } if to.ends_with("journal/checkout.json")) {
            let _ = std::fs::write(&self.0, "mine");
        }
    }
}

#[test]
fn a_file_that_is_made_meanwhile_does_not_go_with_its_directory() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let two = two();
    two.sandbox.checkout("v1");
    // One directory is replaced whole, one goes.
    for package in ["torch", "gone"] {
        let path = format!("lib/python3.11/site-packages/{package}/d0/newcomer");
        let path = two.sandbox.env().join(path);
        watch(Some(Arc::new(Newcomer(path.clone()))));
        let options = CheckoutOptions {
            rev: "v2".to_owned(),
            ..CheckoutOptions::default()
        };
        let error = two.sandbox.try_checkout(&options).unwrap_err();
        watch(None);
        assert!(error.to_string().contains("was put back"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"mine", "{package}");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(recovered(&two, package), 0);
    }
    two.sandbox.checkout("v2");
    assert_eq!(recovered(&two, "then done"), 1);
}

#[test]
fn a_commit_killed_after_any_step_leaves_the_history_whole() {
    let two = two();
    let mut before = two.sandbox.status().head.commit;
    for steps in kills(2) {
        two.sandbox.write("share/notes", format!("notes after {steps}\n"));
        two.sandbox.write(&format!("share/n{steps}"), "x");
        std::thread::sleep(Duration::from_millis(30));
        let tree = picture(&two.sandbox.env());
        let killed = killed_after(&two.sandbox, "commit", steps);
        two.next_command(&format!("after {steps} steps"));
        whole_history(&two.sandbox);
        let head = two.sandbox.status().head.commit;
        if head != before {
            assert!(two.sandbox.status().changes.is_empty(), "after {steps} steps");
        }
        assert_eq!(differing(&tree, &picture(&two.sandbox.env())), Vec::<String>::new());
        two.sandbox.commit();
        before = two.sandbox.status().head.commit;
        if !killed {
            break;
        }
    }
    let tree = picture(&two.sandbox.env());
    two.sandbox.checkout("v1");
    assert_eq!(
        differing(&two.pictures[0], &picture(&two.sandbox.env())),
        Vec::<String>::new()
    );
    two.sandbox.checkout("main");
    assert_eq!(differing(&tree, &picture(&two.sandbox.env())), Vec::<String>::new());
}

// ---- power cuts ----

/// A change with what it wrote.
#[derive(Clone, Debug)]
enum Op {
    File { path: PathBuf, file: Content },
    Dir { path: PathBuf, mode: u32 },
    Name(Change),
    Sync(Change),
}

#[derive(Clone, Debug)]
struct Content {
    bytes: Vec<u8>,
    mode: u32,
    mtime: SystemTime,
    is_link: bool,
}

fn content(path: &Path) -> Option<Content> {
    let meta = path.symlink_metadata().ok()?;
    Some(Content {
        bytes: match meta.is_symlink() {
            true => std::fs::read_link(path).ok()?.as_os_str().as_bytes().to_vec(),
            false => std::fs::read(path).ok()?,
        },
        mode: meta.mode() & 0o7777,
        mtime: meta.modified().ok()?,
        is_link: meta.is_symlink(),
    })
}

struct Recorder {
    base: PathBuf,
    ops: Mutex<Vec<Op>>,
}

/// The path at which a change was made.
fn place(change: &Change) -> &Path {
    match change {
        Change::File(path)
        | Change::Symlink(path)
        | Change::Dir(path)
        | Change::Remove(path)
        | Change::SyncFile(path)
        | Change::SyncDir(path)
        | Change::SyncAll(path)
        | Change::Rename { to: path, .. }
        | Change::Exchange { a: path, .. }
        | Change::Link { to: path, .. } => path,
    }
}

impl Witness for Recorder {
    fn saw(&self, change: Change) {
        // Other tests of this process have folders of their own.
        if !place(&change).starts_with(&self.base) {
            return;
        }
        let op = match change {
            Change::File(path) | Change::Symlink(path) => match content(&path) {
                Some(file) => Op::File { path, file },
                None => return,
            },
            Change::Dir(path) => {
                let mode = path.metadata().map_or(0o755, |meta| meta.mode() & 0o7777);
                Op::Dir { path, mode }
            }
            sync @ (Change::SyncFile(_) | Change::SyncDir(_) | Change::SyncAll(_)) => Op::Sync(sync),
            name => Op::Name(name),
        };
        self.ops.lock().unwrap().push(op);
    }
}

#[derive(Clone)]
enum Node {
    Dir {
        mode: u32,
        names: BTreeMap<OsString, usize>,
    },
    File(Content),
}

/// A tree in memory; hard links share a node.
#[derive(Clone)]
struct Model {
    base: PathBuf,
    nodes: Vec<Node>,
}

impl Model {
    fn load(base: &Path) -> Self {
        let mut model = Self {
            base: base.to_owned(),
            nodes: vec![Node::Dir {
                mode: 0o755,
                names: BTreeMap::new(),
            }],
        };
        let mut inodes = BTreeMap::new();
        model.load_dir(base, 0, &mut inodes);
        model
    }

    fn load_dir(&mut self, dir: &Path, at: usize, inodes: &mut BTreeMap<u64, usize>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let node = match inodes.get(&meta.ino()).filter(|_| !meta.is_dir()) {
                Some(node) => *node,
                None => {
                    self.nodes.push(match meta.is_dir() {
                        true => Node::Dir {
                            mode: meta.mode() & 0o7777,
                            names: BTreeMap::new(),
                        },
                        false => Node::File(content(&path).unwrap()),
                    });
                    self.nodes.len() - 1
                }
            };
            inodes.insert(meta.ino(), node);
            self.names(at).insert(path.file_name().unwrap().to_owned(), node);
            if meta.is_dir() {
                self.load_dir(&path, node, inodes);
            }
        }
    }

    fn names(&mut self, at: usize) -> &mut BTreeMap<OsString, usize> {
        match &mut self.nodes[at] {
            Node::Dir { names, .. } => names,
            Node::File(_) => panic!("a directory"),
        }
    }

    /// The directory that holds a path, made if needed, and the last name.
    fn parent(&mut self, path: &Path) -> Option<(usize, OsString)> {
        let relative = path.strip_prefix(&self.base).ok()?;
        let mut at = 0;
        for name in relative.parent()?.iter() {
            let next = self.names(at).get(name).copied();
            at = match next {
                Some(next) if matches!(self.nodes[next], Node::Dir { .. }) => next,
                Some(_) => return None,
                None => {
                    self.nodes.push(Node::Dir {
                        mode: 0o755,
                        names: BTreeMap::new(),
                    });
                    let new = self.nodes.len() - 1;
                    self.names(at).insert(name.to_owned(), new);
                    new
                }
            };
        }
        Some((at, relative.file_name()?.to_owned()))
    }

    fn find(&mut self, path: &Path) -> Option<usize> {
        let (dir, name) = self.parent(path)?;
        self.names(dir).get(&name).copied()
    }

    fn put(&mut self, path: &Path, node: usize) {
        if let Some((dir, name)) = self.parent(path) {
            self.names(dir).insert(name, node);
        }
    }

    fn cut(&mut self, path: &Path) -> Option<usize> {
        let (dir, name) = self.parent(path)?;
        self.names(dir).remove(&name)
    }

    /// Applies what is kept of a change. Its content may be lost though its name is not.
    fn apply(&mut self, op: &Op, with_content: bool) {
        match op {
            Op::File { path, file } => {
                let there = self.find(path);
                let mut file = file.clone();
                match there {
                    Some(node) if with_content => self.nodes[node] = Node::File(file),
                    Some(_) => {}
                    None => {
                        if !with_content && !file.is_link {
                            file.bytes.clear();
                        }
                        self.nodes.push(Node::File(file));
                        self.put(path, self.nodes.len() - 1);
                    }
                }
            }
            Op::Dir { path, mode } => {
                match self.find(path) {
                    Some(node) => {
                        if let Node::Dir { mode: now, .. } = &mut self.nodes[node] {
                            *now = *mode;
                        }
                    }
                    None => {
                        self.nodes.push(Node::Dir {
                            mode: *mode,
                            names: BTreeMap::new(),
                        });
                        self.put(path, self.nodes.len() - 1);
                    }
                };
            }
            Op::Name(Change::Rename { from, to }) => {
                if let Some(node) = self.cut(from) {
                    self.put(to, node);
                }
            }
            Op::Name(Change::Exchange { a, b }) => {
                if let (Some(x), Some(y)) = (self.find(a), self.find(b)) {
                    self.put(a, y);
                    self.put(b, x);
                }
            }
            Op::Name(Change::Link { from, to }) => {
                if let Some(node) = self.find(from) {
                    self.put(to, node);
                }
            }
            Op::Name(Change::Remove(path)) => {
                self.cut(path);
            }
            Op::Name(_) | Op::Sync(_) => {}
        }
    }

    fn write(&self) {
        for entry in std::fs::read_dir(&self.base).unwrap() {
            let path = entry.unwrap().path();
            let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
        }
        let mut written = BTreeMap::new();
        self.write_dir(0, &self.base, &mut written);
    }

    fn write_dir(&self, at: usize, path: &Path, written: &mut BTreeMap<usize, PathBuf>) {
        let Node::Dir { mode, names } = &self.nodes[at] else {
            return;
        };
        for (name, node) in names {
            let path = path.join(name);
            match &self.nodes[*node] {
                Node::Dir { .. } => {
                    std::fs::create_dir(&path).unwrap();
                    self.write_dir(*node, &path, written);
                }
                Node::File(file) if file.is_link => {
                    std::os::unix::fs::symlink(OsString::from_vec(file.bytes.clone()), &path).unwrap();
                    let since = file.mtime.duration_since(SystemTime::UNIX_EPOCH).unwrap();
                    let time = rustix::fs::Timespec {
                        tv_sec: since.as_secs() as i64,
                        tv_nsec: i64::from(since.subsec_nanos()),
                    };
                    let times = rustix::fs::Timestamps {
                        last_access: time,
                        last_modification: time,
                    };
                    rustix::fs::utimensat(rustix::fs::CWD, &path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
                        .unwrap();
                }
                Node::File(file) => {
                    if let Some(first) = written.get(node) {
                        std::fs::hard_link(first, &path).unwrap();
                        continue;
                    }
                    std::fs::write(&path, &file.bytes).unwrap();
                    std::fs::File::options()
                        .write(true)
                        .open(&path)
                        .unwrap()
                        .set_modified(file.mtime)
                        .unwrap();
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(file.mode)).unwrap();
                    written.insert(*node, path);
                }
            }
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode)).unwrap();
    }
}

use std::os::unix::ffi::OsStringExt;

/// For every change whether its name and its content are durable when the power goes after `count` of them.
fn durable(ops: &[Op], count: usize) -> Vec<(bool, bool)> {
    let mut all = vec![(false, false); count];
    for (at, op) in ops[..count].iter().enumerate() {
        let Op::Sync(sync) = op else { continue };
        for (before, state) in ops[..at].iter().zip(&mut all) {
            let names: Vec<&Path> = match before {
                Op::File { path, .. } | Op::Dir { path, .. } | Op::Name(Change::Remove(path)) => vec![path],
                Op::Name(Change::Rename { to, .. }) => vec![to],
                Op::Name(Change::Exchange { a, b }) => vec![a, b],
                Op::Name(Change::Link { to, .. }) => vec![to],
                _ => vec![],
            };
            match sync {
                Change::SyncAll(_) => *state = (true, true),
                Change::SyncDir(dir) => state.0 |= names.iter().all(|name| name.parent() == Some(dir)),
                Change::SyncFile(file) => state.1 |= names.first() == Some(&file.as_path()),
                _ => {}
            }
        }
    }
    // A name that is durable is one of something.
    for at in (0..count).rev() {
        if let (Op::Name(Change::Rename { from, .. } | Change::Link { from, .. }), true) = (&ops[at], all[at].0) {
            let makes = |op: &Op| match op {
                Op::File { path, .. } | Op::Dir { path, .. } => path == from,
                Op::Name(Change::Rename { to, .. } | Change::Link { to, .. }) => to == from,
                _ => false,
            };
            if let Some(maker) = ops[..at].iter().rposition(makes) {
                all[maker].0 = true;
            }
        }
    }
    all
}

/// A small generator of its own, so that a failure can be told by its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

fn cuts() -> u64 {
    long_form().unwrap_or(80)
}

/// How many power cuts were asked for.
fn long_form() -> Option<u64> {
    std::env::var("ENVGIT_CUTS").ok()?.parse().ok()
}

/// After how many steps a command is killed: in the long form after every one, else after some that differ from test to
/// test.
fn kills(first: u32) -> impl Iterator<Item = u32> {
    match long_form() {
        Some(_) => (1..).step_by(1),
        None => (first..).step_by(7),
    }
}

fn record(two: &Two, what: &str) -> (Model, Vec<Op>) {
    let before = Model::load(two.sandbox.dir.path());
    let recorder = Arc::new(Recorder {
        base: two.sandbox.dir.path().to_owned(),
        ops: Mutex::default(),
    });
    watch(Some(recorder.clone()));
    perform(&two.sandbox.project(), what);
    watch(None);
    let ops = recorder.ops.lock().unwrap().clone();
    (before, ops)
}

/// Cuts the power in the midst of changes: writes out what that leaves, and says what was cut.
fn cut(before: &Model, ops: &[Op], seed: u64) -> String {
    let dice = &mut Dice(seed);
    // As often in the first third, where a checkout seals and swaps.
    let among = if dice.roll(2) == 0 { ops.len() } else { ops.len() / 3 };
    let count = dice.roll(among as u64 + 1) as usize;
    let durable = durable(ops, count);
    // Of what is not durable nothing, a little, half, most or all is there.
    let odds = [0, 1, 5, 9, 10][dice.roll(5) as usize];
    let mut model = before.clone();
    for (op, (name, bytes)) in ops[..count].iter().zip(durable) {
        let is_content_of_old = matches!(op, Op::File { path, .. } if model.find(path).is_some());
        let has_bytes = bytes || dice.roll(10) < odds;
        let has_name = name || (is_content_of_old && has_bytes) || dice.roll(10) < odds;
        if has_name {
            model.apply(op, has_bytes);
        }
    }
    model.write();
    format!(
        "seed {seed:#x}, cut after {count} of {} changes, odds {odds}",
        ops.len()
    )
}

#[test]
fn a_checkout_survives_any_power_cut() {
    survives_any_power_cut("");
}

#[test]
fn a_checkout_that_builds_directories_anew_survives_any_power_cut() {
    let exchanged = survives_any_power_cut(UNPINNED);
    assert!(exchanged.iter().any(|path| path.ends_with("env/lib")), "{exchanged:?}");
}

/// Tells what changed places.
fn survives_any_power_cut(how: &str) -> Vec<PathBuf> {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let two = two();
    let mut outcomes = [0; 2];
    let mut exchanged = Vec::new();
    for (round, target) in ["v1", "v2"].into_iter().enumerate() {
        let (before, ops) = record(&two, &format!("{how}{target}"));
        exchanged.extend(ops.iter().filter_map(|op| match op {
            Op::Name(Change::Exchange { b, .. }) => Some(b.clone()),
            _ => None,
        }));
        let after = Model::load(two.sandbox.dir.path());
        for n in 0..cuts() / 2 {
            let seed = 0x9e37_79b9_7f4a_7c15 ^ ((n + 1) << 8 | round as u64);
            let told = cut(&before, &ops, seed);
            let which = recovered(&two, &format!("to {target}, {told}"));
            outcomes[usize::from(which == round)] += 1;
        }
        after.write();
    }
    assert!(
        outcomes.iter().all(|count| *count > 1),
        "before and after: {outcomes:?}"
    );
    eprintln!(
        "power cuts of a checkout {how}: old state {}, new state {}",
        outcomes[0], outcomes[1]
    );
    exchanged
}

#[test]
fn a_commit_survives_any_power_cut() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let two = two();
    let old = two.sandbox.status().head.commit;
    two.sandbox.write("share/notes", "third\n");
    two.sandbox.write("share/more", "more\n");
    std::thread::sleep(Duration::from_millis(40));
    let tree = picture(&two.sandbox.env());
    let (before, ops) = record(&two, "commit");
    let new = two.sandbox.status().head.commit;
    assert_ne!(old, new);
    let mut outcomes = [0; 2];
    let mut n = 0;
    // How many changes there are depends on the hour, and so does how many cuts come after the last of them that counts.
    while n < cuts() / 3 || (n < cuts() * 4 && outcomes.iter().any(|count| *count < 2)) {
        n += 1;
        let seed = 0x517c_c1b7_2722_0a95 ^ (n << 8);
        let told = cut(&before, &ops, seed);
        two.next_command(&told);
        let state = two.sandbox.status();
        assert!([old, new].contains(&state.head.commit), "{told}");
        assert_eq!(state.changes.is_empty(), state.head.commit == new, "{told}");
        outcomes[usize::from(state.head.commit == new)] += 1;
        // What HEAD says can be brought back from nothing.
        let kept = two.sandbox.dir.path().join("kept");
        std::fs::rename(two.sandbox.env(), &kept).unwrap();
        two.sandbox.checkout("HEAD");
        let back = picture(&two.sandbox.env());
        let expected = if state.head.commit == new {
            &tree
        } else {
            &two.pictures[1]
        };
        assert_eq!(differing(&back, expected), Vec::<String>::new(), "{told}");
    }
    assert!(
        outcomes.iter().all(|count| *count > 1),
        "before and after: {outcomes:?}"
    );
    eprintln!(
        "power cuts of a commit: old state {}, new state {}",
        outcomes[0], outcomes[1]
    );
}

/// The commit to which a tag leads.
fn tagged(two: &Two, tag: &str) -> Option<String> {
    let session = two.sandbox.session();
    let found = session.repo.history().resolve(&format!("refs/tags/{tag}"));
    found.ok().map(|id| id.to_string())
}

#[test]
fn a_tag_killed_after_any_step_or_cut_is_there_or_not() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let two = two();
    let mut outcomes = [0; 2];
    for steps in 1.. {
        let killed = killed_after(&two.sandbox, "tag", steps);
        if !killed {
            assert!(steps > 5, "it has {steps} steps only");
            break;
        }
        let is_there = tagged(&two, "mark").is_some();
        assert_eq!(recovered(&two, "a killed tag"), 1);
        whole_history(&two.sandbox);
        outcomes[usize::from(is_there)] += 1;
        if is_there {
            envgit::ops::refs::delete_tag(&mut two.sandbox.session(), "mark").unwrap();
        }
    }
    envgit::ops::refs::delete_tag(&mut two.sandbox.session(), "mark").unwrap();
    let (before, ops) = record(&two, "tag");
    assert!(tagged(&two, "mark").is_some());
    for n in 0..cuts() / 4 {
        let seed = 0x2545_f491_4f6c_dd1d ^ ((n + 1) << 8);
        let told = cut(&before, &ops, seed);
        let is_there = tagged(&two, "mark").is_some();
        assert_eq!(recovered(&two, &told), 1);
        whole_history(&two.sandbox);
        let found = tagged(&two, "mark");
        assert!(
            found.is_none() || found.as_ref() == Some(&two.ids[1]),
            "{told}: {found:?}"
        );
        outcomes[usize::from(is_there)] += 1;
        // The next one follows, and can be undone.
        create_tag(&mut two.sandbox.session(), "next", &TagOptions::default()).unwrap();
        assert!(program(&two.sandbox.project(), &["undo"]).status.success(), "{told}");
        assert_eq!(tagged(&two, "next"), None, "{told}");
    }
    assert!(outcomes.iter().all(|count| *count > 1), "{outcomes:?}");
}

/// Layers that are there.
fn layers(two: &Two) -> usize {
    std::fs::read_dir(two.sandbox.repo_dir().join("layers"))
        .unwrap()
        .count()
}

/// Both states come back from the layers alone, and nothing is damaged.
fn holds_both(two: &Two, told: &str) {
    recovered(two, told);
    whole_history(&two.sandbox);
    let verified = program(&two.sandbox.project(), &["verify"]);
    assert!(
        verified.status.success(),
        "{told}: {}",
        String::from_utf8_lossy(&verified.stdout)
    );
    for at in [0, 1] {
        let options = CheckoutOptions {
            rev: ["v1", "v2"][at].to_owned(),
            without_pins: true,
            ..CheckoutOptions::default()
        };
        two.sandbox.try_checkout(&options).unwrap();
        let left = differing(&picture(&two.sandbox.env()), &two.pictures[at]);
        assert_eq!(left, Vec::<String>::new(), "{told}");
    }
}

/// An autosave that is kept by nothing, with a layer that only it needs.
fn something_to_collect(two: &Two) {
    two.sandbox.write("share/waste", "waste\n".repeat(500));
    two.sandbox.checkout("v1");
    two.sandbox.checkout("v2");
}

#[test]
fn gc_killed_after_any_step_or_cut_keeps_what_is_needed() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let two = two();
    let config = two.sandbox.repo_dir().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let nothing_more = "[gc]\nkeep_days = 0\n[autosave]\nkeep = 0\nkeep_days = 0\n";
    let text = text.split("[gc]").next().unwrap();
    std::fs::write(&config, format!("{text}{nothing_more}")).unwrap();
    let mut outcomes = [0; 2];
    for steps in (1..).step_by(if long_form().is_some() { 1 } else { 2 }) {
        something_to_collect(&two);
        assert_eq!(layers(&two), 3);
        let killed = killed_after(&two.sandbox, "gc", steps);
        outcomes[usize::from(layers(&two) == 2)] += 1;
        holds_both(&two, &format!("killed after {steps} steps"));
        // Whatever is left the next one takes.
        perform(&two.sandbox.project(), "gc");
        assert_eq!(layers(&two), 2, "after {steps} steps");
        if !killed {
            break;
        }
    }
    something_to_collect(&two);
    let (before, ops) = record(&two, "gc");
    assert_eq!(layers(&two), 2);
    for n in 0..cuts() / 5 {
        let seed = 0x9e6c_63d0_876a_9a47 ^ ((n + 1) << 8);
        let told = cut(&before, &ops, seed);
        outcomes[usize::from(layers(&two) == 2)] += 1;
        holds_both(&two, &told);
    }
    assert!(outcomes.iter().all(|count| *count > 1), "{outcomes:?}");
    eprintln!("gc: layer still there {}, gone {}", outcomes[0], outcomes[1]);
}

#[test]
fn an_autosave_survives_any_power_cut() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let two = two();
    two.sandbox.write("share/mine", "mine\n");
    two.sandbox.write("share/notes", "mine too\n");
    std::thread::sleep(Duration::from_millis(40));
    let mine = picture(&two.sandbox.env());
    let (before, ops) = record(&two, "v1");
    let mut outcomes = [0; 2];
    for n in 0..cuts() / 5 {
        let seed = 0xd1b5_4a32_d192_ed03 ^ ((n + 1) << 8);
        let told = cut(&before, &ops, seed);
        two.next_command(&told);
        let head = two.sandbox.status().head.commit.unwrap().to_string();
        let moved = head == two.ids[0];
        assert!(moved || head == two.ids[1], "{told}");
        outcomes[usize::from(moved)] += 1;
        let now = picture(&two.sandbox.env());
        if moved {
            assert_eq!(differing(&now, &two.pictures[0]), Vec::<String>::new(), "{told}");
            // From the layers alone.
            let options = CheckoutOptions {
                rev: "autosave/1".to_owned(),
                without_pins: true,
                ..CheckoutOptions::default()
            };
            two.sandbox.try_checkout(&options).unwrap();
        }
        let left = differing(&picture(&two.sandbox.env()), &mine);
        assert_eq!(left, Vec::<String>::new(), "{told}");
        whole_history(&two.sandbox);
    }
    assert!(outcomes.iter().all(|count| *count > 1), "{outcomes:?}");
    eprintln!(
        "power cuts of an autosaving checkout: old state {}, new state {}",
        outcomes[0], outcomes[1]
    );
}
