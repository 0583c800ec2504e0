//! What a file system may do to a command half-way: be full, turn read-only, refuse, vanish. Each fault strikes at a
//! chosen step, in a process of its own. The command must end with one clear error, and the next one must find the old
//! state or the new, as HEAD says.
//!
//! By itself it strikes at some of the steps; with `ENVGIT_CUTS` set, at every one.

mod common;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use common::image::{Image, shell};
use common::two::{Two, program, two, two_in};
use common::{Sandbox, differing, picture, whole_history};
use envgit::cli::{Ui, World};
use envgit::fsx::witness::{Change, Witness, watch};

// ---- the process that is struck ----

/// Runs a shell command once, after so many steps; as often as it takes until it succeeds.
struct Striker {
    after: u32,
    steps: AtomicU32,
    script: String,
    mark: PathBuf,
    is_done: AtomicBool,
}

impl Witness for Striker {
    fn saw(&self, _: Change) {
        if self.steps.fetch_add(1, Ordering::SeqCst) + 1 < self.after || self.is_done.load(Ordering::SeqCst) {
            return;
        }
        let outcome = Command::new("sh")
            .args(["-c", &self.script])
            .stderr(Stdio::null())
            .status();
        if outcome.is_ok_and(|status| status.success()) && !self.is_done.swap(true, Ordering::SeqCst) {
            let _ = std::fs::write(&self.mark, "");
        }
    }
}

/// Not a test by itself: the program, in a process where a fault strikes, started by the tests.
#[test]
fn victim() {
    let Ok(order) = std::env::var("ENVGIT_TEST_FAULT") else {
        return;
    };
    let order: Vec<&str> = order.split('\u{1f}').collect();
    let [after, script, mark, project, args @ ..] = &order[..] else {
        panic!("{order:?}")
    };
    watch(Some(Arc::new(Striker {
        after: after.parse().unwrap(),
        steps: AtomicU32::new(0),
        script: (*script).to_owned(),
        mark: mark.into(),
        is_done: AtomicBool::new(false),
    })));
    let args: Vec<OsString> = ["envgit"].iter().chain(args).map(OsString::from).collect();
    let home = (OsString::from("HOME"), Path::new(project).parent().unwrap().into());
    let world = World {
        cwd: project.into(),
        vars: [home].into(),
    };
    let code = envgit::cli::run(&args, world, Ui::of_process);
    // The only way to see what is in one.
    let digits: String = format!("{code:?}").chars().filter(char::is_ascii_digit).collect();
    std::process::exit(digits.parse().unwrap());
}

/// A fault and what it strikes.
struct Fault<'a> {
    /// Strikes; run by a shell, again at the next step if it fails.
    strike: String,
    /// Takes it away.
    heal: &'a dyn Fn(),
    /// Runs the program as a user who is not root.
    as_nobody: bool,
}

/// The id of a user who may do little.
const NOBODY: u32 = 65534;

fn as_nobody(command: &mut Command) -> &mut Command {
    match rustix::process::geteuid().is_root() {
        true => command.uid(NOBODY).gid(NOBODY),
        false => command,
    }
}

/// Runs a command of the program on which a fault strikes after so many steps. Nothing when it had fewer.
fn struck(project: &Path, args: &[&str], fault: &Fault<'_>, after: u32) -> (bool, Output) {
    let marks = tempfile::tempdir().unwrap();
    let mark = marks.path().join("struck");
    if fault.as_nobody {
        shell(&format!("chmod 777 {}", marks.path().display()));
    }
    let mut order = vec![
        after.to_string(),
        fault.strike.clone(),
        mark.display().to_string(),
        project.display().to_string(),
    ];
    order.extend(args.iter().map(|arg| (*arg).to_owned()));
    let mut command = match fault.as_nobody {
        false => Command::new(std::env::current_exe().unwrap()),
        true => Command::new(reachable(&std::env::current_exe().unwrap(), project)),
    };
    command
        .args(["--exact", "victim", "--quiet", "--nocapture"])
        .env("ENVGIT_TEST_FAULT", order.join("\u{1f}"))
        .current_dir("/")
        .stdin(Stdio::null());
    if fault.as_nobody {
        as_nobody(&mut command);
    }
    let output = command.output().unwrap();
    (mark.exists(), output)
}

/// A program at a path that any user can reach.
fn reachable(program: &Path, project: &Path) -> PathBuf {
    let to = project.parent().unwrap().join(program.file_name().unwrap());
    if !to.exists() {
        std::fs::hard_link(program, &to)
            .or_else(|_| std::fs::copy(program, &to).map(|_| ()))
            .unwrap();
    }
    to
}

/// What a failed command said is one error, with a place in it, and its exit code is a documented one.
fn one_clear_error(output: &Output, told: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    assert!(matches!(code, Some(1 | 4)), "{told}: {code:?} {said}");
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{told}: {said}");
    assert!(
        said.contains('/') || said.contains("env"),
        "{told}: names no place: {said}"
    );
    assert!(!said.contains("panicked"), "{told}: {said}");
    said
}

/// The program, run by a user who is not root.
fn program_of_nobody(project: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(reachable(Path::new(env!("CARGO_BIN_EXE_envgit")), project));
    command.arg("-C").arg(project).args(args).env_clear();
    command
        .env("HOME", project.parent().unwrap())
        .current_dir("/")
        .stdin(Stdio::null());
    as_nobody(&mut command).output().unwrap()
}

/// Runs the next command, and tells which of the two states that left; the live tree must be exactly that of HEAD.
fn recovered(two: &Two, as_nobody_too: bool, told: &str) -> usize {
    let project = two.sandbox.project();
    let output = match as_nobody_too {
        true => program_of_nobody(&project, &["status", "--json"]),
        false => program(&project, &["status", "--json"]),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}: {said}");
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let head = status["head"]["commit"].as_str().unwrap();
    two.is_exactly(head, &format!("{told}: {said}"))
}

/// After which steps a fault strikes.
fn steps(first: u32, pace: usize) -> impl Iterator<Item = u32> {
    match std::env::var_os("ENVGIT_CUTS") {
        Some(_) => (1..).step_by(1),
        None => (first..).step_by(pace),
    }
}

/// Goes from one state to the other and back, struck at another step each time. Returns what failed commands said.
fn go_back_and_forth(two: &Two, fault: &Fault<'_>, pace: usize) -> Vec<String> {
    // An earlier fault may have left either: on a way to where it stands already, nothing is in its reach.
    let mut at = recovered(two, fault.as_nobody, "before any fault");
    let mut outcomes = [0; 2];
    let mut errors = Vec::new();
    for after in steps(2, pace) {
        let target = 1 - at;
        let name = ["v1", "v2"][target];
        let (is_struck, output) = struck(&two.sandbox.project(), &["checkout", name], fault, after);
        (fault.heal)();
        let told = format!("struck after {after} steps on the way to {name}");
        if output.status.success() {
            assert_eq!(recovered(two, fault.as_nobody, &told), target, "{told}");
            at = target;
        } else {
            let said = one_clear_error(&output, &told);
            let which = recovered(two, fault.as_nobody, &format!("{told}: {said}"));
            outcomes[usize::from(which == target)] += 1;
            at = which;
            errors.push(said);
        }
        if !is_struck {
            assert!(after > 30, "it has {after} steps only");
            break;
        }
    }
    assert!(outcomes[0] > 0, "{outcomes:?}");
    if !fault.as_nobody {
        let verified = program(&two.sandbox.project(), &["verify"]);
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stdout)
        );
    }
    eprintln!("struck: old state {}, new state {}", outcomes[0], outcomes[1]);
    errors
}

fn no_errors_but(errors: &[String], words: &[&str]) {
    for said in errors {
        assert!(words.iter().any(|word| said.contains(word)), "{said}");
    }
}

// ---- full ----

/// Fills a file system to the last block.
fn fill(place: &Path) -> String {
    let file = place.join("filler").display().to_string();
    format!(
        "for size in 1M 64k 4k; do dd if=/dev/zero of={file} bs=$size oflag=append conv=notrunc 2>/dev/null; done; test -e {file}"
    )
}

#[test]
fn a_disk_that_fills_up_during_a_checkout() {
    for kind in ["ext4", "tmpfs"] {
        let Some(image) = Image::new(kind, 48) else { return };
        let two = two_in(Sandbox::venv_on(image.path()));
        let filler = image.path().join("filler");
        let fault = Fault {
            strike: fill(image.path()),
            heal: &|| drop(std::fs::remove_file(&filler)),
            as_nobody: false,
        };
        let errors = go_back_and_forth(&two, &fault, 7);
        no_errors_but(&errors, &["free some space", "put back"]);
    }
}

#[test]
fn a_disk_that_fills_up_during_a_commit_or_an_autosave() {
    let Some(image) = Image::new("ext4", 48) else { return };
    let two = two_in(Sandbox::venv_on(image.path()));
    let filler = image.path().join("filler");
    let fault = Fault {
        strike: fill(image.path()),
        heal: &|| drop(std::fs::remove_file(&filler)),
        as_nobody: false,
    };
    let mut failed = [0; 2];
    let commands: [(&[&str], usize); 2] = [(&["commit", "-m", "x"], 9), (&["checkout", "v1"], 17)];
    for (number, (args, pace)) in commands.into_iter().enumerate() {
        for after in steps(1, pace) {
            two.sandbox.write("share/mine", vec![after as u8; 70_000]);
            let mine = picture(&two.sandbox.env());
            let before = two.sandbox.status().head.commit;
            let (is_struck, output) = struck(&two.sandbox.project(), args, &fault, after);
            (fault.heal)();
            let told = format!("{args:?} struck after {after} steps");
            if !output.status.success() {
                failed[number] += 1;
                let said = one_clear_error(&output, &told);
                assert!(
                    said.contains("free some space") || said.contains("put back"),
                    "{told}: {said}"
                );
            }
            let status = program(&two.sandbox.project(), &["status"]);
            assert!(
                status.status.success(),
                "{told}: {}",
                String::from_utf8_lossy(&status.stderr)
            );
            whole_history(&two.sandbox);
            let now = picture(&two.sandbox.env());
            let head = two.sandbox.status().head.commit;
            if head != before && number == 0 {
                let changes = two.sandbox.status().changes.roots;
                assert!(changes.is_empty(), "{told}: {changes:?}");
            }
            if number == 1 && !now.contains_key(&b"share/mine"[..]) {
                assert_eq!(differing(&now, &two.pictures[0]), Vec::<String>::new(), "{told}");
                two.sandbox.checkout(&newest_autosave(&two.sandbox));
            }
            assert_eq!(
                differing(&picture(&two.sandbox.env()), &mine),
                Vec::<String>::new(),
                "{told}"
            );
            if !is_struck {
                break;
            }
            two.sandbox.checkout("v2");
        }
    }
    assert!(failed.iter().all(|count| *count > 2), "{failed:?}");
}

fn newest_autosave(sandbox: &Sandbox) -> String {
    let refs = sandbox.session().repo.history().refs().unwrap();
    let names = refs
        .iter()
        .filter_map(|known| known.short_name().strip_prefix("autosave/"));
    let newest = names.map(|number| number.parse::<u32>().unwrap()).max();
    format!("autosave/{}", newest.unwrap())
}

/// Two states of an environment that is a file system by itself, where one can be mounted.
fn on_an_image() -> Option<(Image, Two)> {
    let sandbox = Sandbox::venv();
    let image = Image::at("ext4", 48, &sandbox.env())?;
    shell(&format!("rmdir {}/lost+found", image.path().display()));
    Some((image, two_in(sandbox)))
}

// ---- read-only ----

#[test]
fn a_root_that_turns_read_only() {
    let Some((image, two)) = on_an_image() else {
        return;
    };
    let at = image.path().display().to_string();
    let fault = Fault {
        // Not while a file is being written; then at the next step.
        strike: format!("mount -o remount,ro {at}"),
        heal: &|| shell(&format!("mount -o remount,rw {at}")),
        as_nobody: false,
    };
    let errors = go_back_and_forth(&two, &fault, 7);
    no_errors_but(&errors, &["can only be read", "put back"]);
    // From the start.
    let at_now = recovered(&two, false, "before");
    shell(&fault.strike);
    let output = program(&two.sandbox.project(), &["checkout", ["v2", "v1"][at_now]]);
    let said = one_clear_error(&output, "read-only");
    assert!(said.contains("can only be read"), "{said}");
    let status = program(&two.sandbox.project(), &["status"]);
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    (fault.heal)();
    recovered(&two, false, "read-only from the start");
}

#[test]
fn a_repository_that_can_only_be_read() {
    let Some(image) = Image::new("ext4", 48) else { return };
    let two = two_in(Sandbox::venv_on(image.path()));
    let at = image.path().display();
    shell(&format!("mount -o remount,ro {at}"));
    let run = |args: &[&str]| program(&two.sandbox.project(), args);
    for args in [
        &["status"][..],
        &["log"],
        &["diff", "v1", "v2"],
        &["show", "v1"],
        &["check"],
        &["verify"],
    ] {
        let output = run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
    }
    for args in [
        &["checkout", "v1"][..],
        &["commit", "-m", "x", "--allow-empty"],
        &["tag", "t"],
        &["undo"],
        &["gc"],
    ] {
        let said = one_clear_error(&run(args), &format!("{args:?}"));
        assert!(said.contains("can only be read"), "{args:?}: {said}");
    }
    shell(&format!("mount -o remount,rw {at}"));
    recovered(&two, false, "all read-only");
}

// ---- refused ----

#[test]
fn a_file_or_folder_that_becomes_immutable() {
    let Some(image) = Image::new("ext4", 48) else { return };
    let two = two_in(Sandbox::venv_on(image.path()));
    let at = image.path().display().to_string();
    let env = two.sandbox.env();
    for (path, pace) in [
        ("share/notes", 7),
        ("share", 7),
        // It moves whole, in one step; a mark on a folder beneath it would not hinder that.
        ("lib/python3.11/site-packages/torch", 5),
    ] {
        let fault = Fault {
            strike: format!("chattr +i {}", env.join(path).display()),
            // Links have no such marks, which is no matter.
            heal: &|| shell(&format!("chattr -R -f -i {at}; true")),
            as_nobody: false,
        };
        let errors = go_back_and_forth(&two, &fault, pace);
        no_errors_but(&errors, &["chattr -i"]);
    }
}

/// Two states that belong to a user who is not root.
fn two_of_nobody() -> Two {
    if std::env::var_os("ENVGIT_WITHOUT_MOUNTS").is_none() {
        assert!(
            rustix::process::geteuid().is_root(),
            "this test becomes another user and needs root; ENVGIT_WITHOUT_MOUNTS=1 says that there is none"
        );
    }
    let two = two();
    let dir = two.sandbox.dir.path().display().to_string();
    if rustix::process::geteuid().is_root() {
        shell(&format!("chown -R {NOBODY}:{NOBODY} {dir} && chmod 755 {dir}"));
    }
    two
}

#[test]
fn permission_that_is_lost() {
    let two = two_of_nobody();
    let env = two.sandbox.env();
    for path in ["share", "lib/python3.11/site-packages"] {
        let path = env.join(path).display().to_string();
        let fault = Fault {
            strike: format!("chmod 555 {path}"),
            heal: &|| shell(&format!("chmod 755 {path}")),
            as_nobody: true,
        };
        let errors = go_back_and_forth(&two, &fault, 7);
        no_errors_but(
            &errors,
            &["permission", "put back", "half-way", "not equal", "changed while"],
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_given_up_only_where_that_is_said() {
    let two = two_of_nobody();
    let (project, notes) = (two.sandbox.project(), two.sandbox.env().join("share/notes"));
    shell(&format!("echo mine > {0} && chmod 000 {0}", notes.display()));
    let said = one_clear_error(&program_of_nobody(&project, &["checkout", "v1"]), "unread");
    assert!(
        said.contains("could not be saved") && said.contains("--discard"),
        "{said}"
    );
    shell(&format!("grep -qx mine {}", notes.display()));
    let output = program_of_nobody(&project, &["checkout", "--discard", "v1"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("share/notes"), "{said}");
    assert_eq!(recovered(&two, true, "discarded"), 0);
    // Of a folder nobody knows what is in it.
    let dir = two.sandbox.env().join("share").display().to_string();
    shell(&format!("chmod 000 {dir}"));
    let said = one_clear_error(&program_of_nobody(&project, &["checkout", "--discard", "v2"]), "folder");
    shell(&format!("chmod 755 {dir}"));
    assert!(said.contains("could not be saved"), "{said}");
    assert_eq!(recovered(&two, true, "refused"), 0);
}

#[test]
fn who_only_goes_on_gives_up_nothing_that_cannot_be_read() {
    let two = two_of_nobody();
    let (project, notes) = (two.sandbox.project(), two.sandbox.env().join("share/notes"));
    let fault = Fault {
        strike: "kill -9 $PPID".to_owned(),
        heal: &|| (),
        as_nobody: true,
    };
    let journal = two.sandbox.repo_dir().join("journal/checkout.json");
    for after in 5.. {
        let (_, output) = struck(&project, &["checkout", "--discard", "v1"], &fault, after);
        assert!(!output.status.success(), "killed after {after} steps");
        if journal.exists() {
            break;
        }
    }
    shell(&format!("echo mine > {0} && chmod 000 {0}", notes.display()));
    let output = program_of_nobody(&project, &["checkout", "v2"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("could not be saved"),
        "{said}"
    );
    shell(&format!("grep -qx mine {}", notes.display()));
    shell(&format!("chmod 644 {}", notes.display()));
    recovered(&two, true, "it can be read");
}

// ---- gone ----

#[test]
fn a_root_that_is_unmounted() {
    let Some((image, two)) = on_an_image() else {
        return;
    };
    let project = two.sandbox.project();
    let is_empty = |told: &str| {
        let names: Vec<_> = std::fs::read_dir(two.sandbox.env())
            .unwrap()
            .flatten()
            .map(|e| e.file_name())
            .collect();
        assert!(
            names.is_empty(),
            "{told}: something was made where the root is not: {names:?}"
        );
    };
    // Before the command.
    image.unmount();
    for args in [
        &["status"][..],
        &["checkout", "v1"],
        &["commit", "-m", "x"],
        &["rescue"],
    ] {
        let said = String::from_utf8_lossy(&program(&project, args).stderr).into_owned();
        if args != ["rescue"] {
            assert!(
                said.contains("is not there") && said.contains("mount its file system"),
                "{args:?}: {said}"
            );
        }
        is_empty(&format!("{args:?}"));
    }
    image.mount();
    assert_eq!(recovered(&two, false, "unmounted before"), 1);
    // While it runs. What is left is looked at while the root is away, and then with it.
    let fault = Fault {
        strike: image.unmounting(),
        heal: &|| {
            is_empty("a struck command");
            let said = String::from_utf8_lossy(&program(&project, &["status"]).stderr).into_owned();
            if two.sandbox.env().read_dir().unwrap().next().is_none() {
                assert!(said.contains("is not there"), "{said}");
                is_empty("status");
                image.mount();
            }
        },
        as_nobody: false,
    };
    go_back_and_forth_unmounted(&two, &fault);
}

/// As [`go_back_and_forth`]; a command that was struck at its very end succeeds.
fn go_back_and_forth_unmounted(two: &Two, fault: &Fault<'_>) {
    let mut at = 1;
    let mut failed = 0;
    for after in steps(2, 7) {
        let target = 1 - at;
        let (is_struck, output) = struck(
            &two.sandbox.project(),
            &["checkout", ["v1", "v2"][target]],
            fault,
            after,
        );
        let told = format!("unmounted after {after} steps");
        if !is_struck {
            break;
        }
        (fault.heal)();
        if !output.status.success() {
            one_clear_error(&output, &told);
            failed += 1;
        }
        at = recovered(two, false, &told);
    }
    assert!(failed > 2);
}

#[test]
fn a_disk_that_goes_away_and_comes_back() {
    for kind in ["ext4", "xfs"] {
        let Some(image) = Image::new(kind, if kind == "xfs" { 320 } else { 64 }) else {
            return;
        };
        let two = two_in(Sandbox::venv_on(image.path()));
        shell("sync");
        let fault = Fault {
            // As a power cut for the file system: what is in its log only in memory is lost.
            strike: format!("xfs_io -x -c shutdown {}", image.path().display()),
            heal: &|| image.mount_again(),
            as_nobody: false,
        };
        go_back_and_forth(&two, &fault, 23);
    }
}

// ---- notes that cannot be read ----

/// Spoils a file in a way.
fn spoil(path: &Path, how: &str) {
    let bytes = std::fs::read(path).unwrap();
    let bytes = match how {
        "empty" => Vec::new(),
        "cut" => bytes[..bytes.len() / 2].to_vec(),
        _ => b"\0\0\0garbage".to_vec(),
    };
    std::fs::write(path, bytes).unwrap();
}

/// Kills the program so that its swap is half done.
fn half_way(two: &Two, target: &str) {
    let journal = two.sandbox.repo_dir().join("journal/checkout.json");
    for after in 40.. {
        let fault = Fault {
            strike: format!("test -e {} && kill -9 $PPID", journal.display()),
            heal: &|| {},
            as_nobody: false,
        };
        let (_, output) = struck(&two.sandbox.project(), &["checkout", target], &fault, after);
        let now = picture(&two.sandbox.env());
        let is_between = two.pictures.iter().all(|known| !differing(&now, known).is_empty());
        if is_between && journal.exists() {
            return;
        }
        assert!(!output.status.success(), "it came to its end");
        recovered(two, false, "killed too early");
    }
}

#[test]
fn a_journal_that_cannot_be_read_does_not_stand_in_the_way() {
    let two = two();
    let repo = two.sandbox.repo_dir();
    for (target, how) in [("v1", "empty"), ("v2", "cut"), ("v1", "garbage")] {
        half_way(&two, target);
        spoil(&repo.join("journal/checkout.json"), how);
        let said = String::from_utf8_lossy(&program(&two.sandbox.project(), &["log"]).stderr).into_owned();
        assert!(
            said.contains("checkout.json is damaged") && said.contains("finishing it first"),
            "{said}"
        );
        assert_eq!(["v1", "v2"][recovered(&two, false, how)], target, "{how}");
        assert!(repo.join("damaged/checkout.json.1").exists());
        let audit = String::from_utf8_lossy(&program(&two.sandbox.project(), &["audit"]).stdout).into_owned();
        assert!(audit.contains("recovered"), "{audit}");
        assert!(program(&two.sandbox.project(), &["audit", "--verify"]).status.success());
        // It can be undone as any other.
        assert!(program(&two.sandbox.project(), &["undo"]).status.success());
        assert_ne!(["v1", "v2"][recovered(&two, false, how)], target, "{how}");
        assert!(program(&two.sandbox.project(), &["redo"]).status.success());
    }
}

#[test]
fn a_note_of_the_operation_that_cannot_be_read_does_not_either() {
    let two = two();
    half_way(&two, "v1");
    spoil(&two.sandbox.repo_dir().join("journal/operation.json"), "cut");
    assert_eq!(recovered(&two, false, "operation.json cut"), 0);
    assert!(program(&two.sandbox.project(), &["undo"]).status.success());
    assert_eq!(recovered(&two, false, "undone"), 1);
}

#[test]
fn where_no_note_is_left_the_state_is_named_and_nothing_is_lost() {
    let two = two();
    half_way(&two, "v1");
    let repo = two.sandbox.repo_dir();
    for note in ["checkout.json", "operation.json"] {
        spoil(&repo.join("journal").join(note), "garbage");
    }
    let live = || {
        let mut live = picture(&two.sandbox.env());
        live.retain(|path, _| !path.starts_with(b".envgit-stage"));
        live
    };
    let between = live();
    let run = |args: &[&str]| program(&two.sandbox.project(), args);
    let output = run(&["commit", "-m", "x"]);
    let said = one_clear_error(&output, "commit");
    assert!(
        said.contains("differs from HEAD") && said.contains("envgit checkout HEAD"),
        "{said}"
    );
    assert!(said.contains("envgit checkout v1"), "where it was going: {said}");
    assert_eq!(differing(&between, &live()), Vec::<String>::new());
    let audit = String::from_utf8_lossy(&run(&["audit"]).stdout).into_owned();
    assert!(
        audit.contains("failed") && audit.contains("differs from HEAD"),
        "{audit}"
    );
    assert!(repo.join("damaged/stage-env.1").is_dir());
    // Said once; then all works.
    assert!(!String::from_utf8_lossy(&run(&["status"]).stderr).contains("damaged"));
    assert!(run(&["checkout", "HEAD"]).status.success());
    assert_eq!(recovered(&two, false, "HEAD"), 1);
    two.sandbox.checkout(&newest_autosave(&two.sandbox));
    assert_eq!(differing(&between, &live()), Vec::<String>::new());
    // A journal that is only left over says nothing of a state that is that of HEAD.
    two.sandbox.checkout("v2");
    std::fs::write(repo.join("journal/checkout.json"), "").unwrap();
    let said = String::from_utf8_lossy(&run(&["status"]).stderr).into_owned();
    assert!(said.contains("the live state is that of HEAD"), "{said}");
    assert_eq!(recovered(&two, false, "left over"), 1);
}

// ---- layers that cannot be read ----

#[test]
fn a_damaged_layer_that_nothing_needs_does_not_stand_in_the_way() {
    let two = two();
    let layers = two.sandbox.repo_dir().join("layers");
    let stray = "0123456789abcdef".repeat(4);
    for content in [&b""[..], b"cut short", &[0; 4096]] {
        std::fs::write(layers.join(format!("{stray}.tar.zst")), content).unwrap();
        // From the layers, where it would be met.
        let _ = std::fs::remove_dir_all(two.sandbox.repo_dir().join("cache/pins"));
        let output = program(&two.sandbox.project(), &["checkout", "v1"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(said.contains(&stray) && said.contains("is damaged"), "{said}");
        assert_eq!(recovered(&two, false, "v1"), 0);
        two.sandbox.write("share/more", format!("{}", content.len()));
        assert!(program(&two.sandbox.project(), &["commit", "-m", "x"]).status.success());
        let gc = program(&two.sandbox.project(), &["gc"]);
        assert_eq!(gc.status.code(), Some(4), "gc removes nothing from what is damaged");
        assert!(program(&two.sandbox.project(), &["checkout", "v2"]).status.success());
        assert_eq!(recovered(&two, false, "v2"), 1);
    }
    assert_eq!(
        program(&two.sandbox.project(), &["verify", "--repair"]).status.code(),
        Some(0)
    );
    assert!(program(&two.sandbox.project(), &["gc"]).status.success());
}

#[test]
fn a_damaged_layer_that_is_needed_is_named_with_what_needs_it_and_the_remedy() {
    let two = two();
    let repo = two.sandbox.repo_dir();
    let report = envgit::ops::inspect::layers(&mut two.sandbox.session(), Some("v1")).unwrap();
    let layer = report.layers[0].layer.digest.to_string();
    let path = repo.join(format!("layers/{layer}.tar.zst"));
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let before = picture(&two.sandbox.env());
    // With the index that outlived it, and without.
    for keep_index in [true, false] {
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        if !keep_index {
            std::fs::remove_dir_all(repo.join("cache/index")).unwrap();
        }
        // Without pins, which are enough otherwise.
        let (pins, away) = (repo.join("cache/pins"), two.sandbox.dir.path().join("pins"));
        std::fs::rename(&pins, &away).unwrap();
        let output = program(&two.sandbox.project(), &["checkout", "v1"]);
        let _ = std::fs::remove_dir_all(&pins);
        std::fs::rename(&away, &pins).unwrap();
        let said = one_clear_error(&output, "cut layer");
        assert_eq!(output.status.code(), Some(4), "{said}");
        for words in [&layer[..], "env:", "envgit verify --repair"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(differing(&before, &picture(&two.sandbox.env())), Vec::<String>::new());
        assert_eq!(recovered(&two, false, "refused"), 1);
    }
    // The pins have it all: they are enough for a checkout, and for the repair.
    assert!(program(&two.sandbox.project(), &["checkout", "v1"]).status.success());
    assert_eq!(recovered(&two, false, "by pins"), 0);
    assert!(
        program(&two.sandbox.project(), &["verify", "--repair"])
            .status
            .success()
    );
}
