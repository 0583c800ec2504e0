//! Questions that envgit asks on a terminal, answered on a real one.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use common::cli::Shell;

/// Starts a program on a terminal of its own, types an answer when its question is there, then waits for the next, and passes
/// on all that is shown. Of the dialogue each question and each answer is a line. Ctrl-C is typed again while nothing happens,
/// as people do. `<first COMMAND>` before an answer is what happens while the question stands.
const TYPIST: &str = r#"
import os, pty, select, signal, sys, time
dialogue, program = sys.argv[1].encode().split(b"\n"), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(program[0], program)
shown, seen, deadline, last = b"", 0, time.monotonic() + 60, b""
while time.monotonic() < deadline:
    if not select.select([fd], [], [], 1)[0]:
        if last == b"\x03":
            os.write(fd, last)
        continue
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    while len(dialogue) > 1 and dialogue[0] in shown[seen:]:
        seen = shown.index(dialogue[0], seen) + len(dialogue[0])
        typed = dialogue[1]
        if typed.startswith(b"<first "):
            order, typed = typed[len(b"<first "):].split(b">", 1)
            os.system(order)
        typed = typed.replace(b"<enter>", b"\r").replace(b"<ctrl-c>", b"\x03")
        os.write(fd, typed)
        last, dialogue = typed[-1:], dialogue[2:]
else:
    os.kill(pid, signal.SIGKILL)
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
sys.exit(101 if len(dialogue) > 1 else os.waitstatus_to_exitcode(status) % 256)
"#;

/// What a terminal showed, without colours, and the exit code. Fails when the question was not asked.
fn answered(shell: &Shell, question: &str, answer: &str, args: &[&str]) -> (i32, String) {
    match question {
        "" => talked(shell, &[], args),
        question => talked(shell, &[(question, answer)], args),
    }
}

/// The same with several questions, which come in this order.
fn talked(shell: &Shell, dialogue: &[(&str, &str)], args: &[&str]) -> (i32, String) {
    let lines: Vec<String> = dialogue
        .iter()
        .map(|(question, answer)| format!("{question}\n{answer}"))
        .collect();
    let mut command = Command::new("python3");
    command
        .args(["-c", TYPIST, &lines.join("\n"), env!("CARGO_BIN_EXE_envgit")])
        .args(args);
    shell.dress(&mut command);
    command.env("TERM", "dumb").env("NO_COLOR", "1").stdin(Stdio::null());
    let said = shell.said(&mut command);
    assert_ne!(said.code, 101, "{dialogue:?} was not asked: {}{}", said.out, said.err);
    (said.code, said.out)
}

/// A service that says how it is, and is ill while `weights` are missing.
fn serve(shell: &Shell) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let weights = shell.path("env/weights");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let status = if weights.exists() {
                "200 OK"
            } else {
                "503 Service Unavailable"
            };
            let _ = stream
                .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes());
        }
    });
    address
}

/// At `well`; `ill` is a commit with which the service is not well.
fn one_of_two_is_ill() -> Shell {
    let shell = Shell::with_venv();
    let address = serve(&shell);
    shell.ok(&["config", "service.health", &format!("http://{address}")]);
    shell.ok(&["config", "service.health_retries", "0"]);
    shell.write("env/weights", "weights");
    shell.ok(&["commit", "-t", "well"]);
    std::fs::remove_file(shell.path("env/weights")).unwrap();
    shell.ok(&["commit", "-t", "ill"]);
    shell.ok(&["checkout", "well"]);
    shell
}

fn head(shell: &Shell) -> serde_json::Value {
    shell.ok(&["status", "--json"]).json()["head"]["detached_from"].clone()
}

const BACK: &str = "Go back to the state before?";

#[test]
fn after_a_failed_health_check_yes_goes_back() {
    let shell = one_of_two_is_ill();
    let (code, shown) = answered(&shell, BACK, "y", &["checkout", "ill"]);
    assert!(shown.contains("Not healthy") && shown.contains("503"), "{shown}");
    assert!(
        shown.find("Not healthy") < shown.find(BACK),
        "the reason comes before the question: {shown}"
    );
    assert!(shown.contains("Undone: checkout: from well to ill"), "{shown}");
    // It did not become what was asked for.
    assert_eq!(code, 1, "{shown}");
    assert_eq!(head(&shell), "well");
    assert!(shell.path("env/weights").exists());
    assert!(shell.ok(&["status"]).out.contains("Nothing changed"));
}

#[test]
fn after_a_failed_health_check_no_stays_and_names_the_way_back() {
    let shell = one_of_two_is_ill();
    let (code, shown) = answered(&shell, BACK, "n", &["checkout", "ill"]);
    assert_eq!(code, 1, "{shown}");
    assert!(!shown.contains("Undone"), "{shown}");
    assert!(shown.contains("envgit undo"), "{shown}");
    assert_eq!(head(&shell), "ill");
    assert!(!shell.path("env/weights").exists());
    // The same without a question.
    shell.ok(&["undo"]);
    let (code, shown) = answered(&shell, "", "", &["checkout", "--auto-rollback", "ill"]);
    assert_eq!(code, 1, "{shown}");
    assert!(!shown.contains(BACK) && shown.contains("Undone"), "{shown}");
    assert_eq!(head(&shell), "well");
}

/// Two states, with and without so many files that envgit asks before it goes from one to the other; at the second.
fn many_and_few() -> Shell {
    let shell = Shell::with_venv();
    for n in 0..120 {
        shell.write(&format!("env/lib/many/f{n}"), format!("{n}"));
    }
    shell.ok(&["commit", "-t", "many"]);
    std::fs::remove_dir_all(shell.path("env/lib/many")).unwrap();
    shell.ok(&["commit", "-t", "few"]);
    shell
}

#[test]
fn before_a_large_change_one_screen_and_one_question() {
    let shell = many_and_few();
    shell.write("env/mine", "no commit holds it");
    let (code, shown) = answered(&shell, "Go on?", "n", &["checkout", "many"]);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("stopped; nothing was changed"), "{shown}");
    assert!(!shell.path("env/lib/many").exists());
    // What will change, what is saved, how to return; on one screen.
    for words in ["121 to add", "autosave", "envgit undo"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(shown.lines().count() <= 24, "{shown}");
    let (code, shown) = answered(&shell, "Go on?", "y", &["checkout", "many"]);
    assert_eq!(code, 0, "{shown}");
    assert!(shell.path("env/lib/many/f7").exists());
    // Scripts are not asked, nor is who says yes before, nor is a small change worth a question.
    shell.ok(&["checkout", "few"]);
    let (code, shown) = answered(&shell, "", "", &["checkout", "--yes", "many"]);
    assert!(code == 0 && !shown.contains("Go on?"), "{shown}");
    shell.write("env/small", "small");
    shell.ok(&["commit", "-t", "small"]);
    let (code, shown) = answered(&shell, "", "", &["checkout", "many"]);
    assert!(code == 0 && !shown.contains("Go on?"), "{shown}");
}

#[test]
fn what_happens_while_a_question_stands_is_seen() {
    let shell = many_and_few();
    let new = shell.path("env/lib/new");
    let meanwhile = format!("<first echo mine | tee {} && sleep 2.2>y", new.display());
    let (code, shown) = answered(&shell, "Go on?", &meanwhile, &["checkout", "many"]);
    assert_eq!(code, 0, "{shown}");
    assert!(shell.path("env/lib/many/f7").exists());
    assert!(!new.exists(), "the root is exact");
    assert!(shell.ok(&["status"]).out.contains("Nothing changed"));
    // And it is not lost.
    shell.ok(&["checkout", "autosave/1"]);
    assert_eq!(std::fs::read_to_string(new).unwrap(), "mine\n");
}

/// Ada's repository with a project and a conda environment, pushed; the address and a machine with a conda of its own.
fn to_be_cloned() -> (Shell, String) {
    let shell = Shell::new();
    shell.write("ada/torch29/conda-meta/history", "");
    shell.install("ada/torch29", "numpy", "1.24.4");
    shell.write("glm/run.py", "print(1)\n");
    let env = format!("torch29={}:conda", shell.path("ada/torch29").display());
    shell.ok(&["init", "--root", &env]);
    shell.ok(&["commit"]);
    let hub = shell.path("hub").to_str().unwrap().to_owned();
    shell.ok(&["remote", "add", "origin", &hub]);
    shell.ok(&["push"]);
    shell.write("home/miniconda3/conda-meta/history", "");
    shell.write("home/miniconda3/condabin/conda", "");
    shell.write("home/miniconda3/bin/conda", "");
    (shell, hub)
}

const WHERE_GLM: &str = "Where shall glm (project) stand?";
const WHERE_ENV: &str = "Where shall torch29 (conda) stand?";

#[test]
fn clone_asks_for_each_place_and_proposes_one_that_fits() {
    let (shell, hub) = to_be_cloned();
    let folder = shell.path("bob/glm");
    let dialogue = [(WHERE_GLM, "<enter>"), (WHERE_ENV, "<enter>"), ("Go on?", "y")];
    let (code, shown) = talked(&shell, &dialogue, &["clone", &hub, folder.to_str().unwrap()]);
    assert_eq!(code, 0, "{shown}");
    let conda = "/T/home/miniconda3/envs/torch29";
    for words in [
        format!("{WHERE_GLM} [/T/bob/glm]"),
        format!("{WHERE_ENV} [{conda}]"),
        format!("torch29  {conda} (conda, "),
        "conda activate torch29".to_owned(),
    ] {
        assert!(shown.contains(&words), "{words}: {shown}");
    }
    assert!(shell.path("home/miniconda3/envs/torch29/lib").is_dir() && folder.join("run.py").exists());
    // What was said beforehand is not asked; ~ is the home; what is typed counts.
    let again = shell.path("bob/again");
    let root = format!("glm={}", again.display());
    let args = ["clone", "--root", &root, &hub, again.to_str().unwrap()];
    let (code, shown) = talked(&shell, &[(WHERE_ENV, "~/other<enter>"), ("Go on?", "y")], &args);
    assert_eq!(code, 0, "{shown}");
    assert!(
        !shown.contains(WHERE_GLM) && shown.contains("[/T/home/miniconda3/envs/torch29-2]"),
        "{shown}"
    );
    assert!(shell.path("home/other/lib").is_dir());
    // Scripts are not asked.
    let quiet = shell.path("bob/quiet");
    let (code, shown) = answered(&shell, "", "", &["clone", "--yes", &hub, quiet.to_str().unwrap()]);
    assert!(code == 0 && !shown.contains("Where shall"), "{shown}");
}

#[test]
fn clone_asks_again_with_the_reason_when_a_place_is_refused() {
    let (shell, hub) = to_be_cloned();
    shell.write("full/x", "x");
    let folder = shell.path("bob/glm");
    let (full, taken) = (shell.path("full"), folder.to_str().unwrap());
    let dialogue = [
        (WHERE_GLM, "<enter>"),
        (WHERE_ENV, &format!("{}<enter>", full.display())),
        ("is not empty", ""),
        (WHERE_ENV, &format!("{taken}<enter>")),
        ("cannot both stand at", ""),
        (WHERE_ENV, &format!("{}/x/y<enter>", full.display())),
        ("x is no folder", ""),
        (WHERE_ENV, &format!("{}<enter>", shell.path("bob/env").display())),
        ("Go on?", "y"),
    ];
    let (code, shown) = talked(&shell, &dialogue, &["clone", &hub, taken]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("error: /T/full is not empty"), "{shown}");
    assert!(
        shown.contains("error: glm and torch29 cannot both stand at /T/bob/glm"),
        "{shown}"
    );
    assert!(shell.path("bob/env/lib").is_dir());
    assert_eq!(std::fs::read_dir(&full).unwrap().count(), 1);
}

#[test]
fn ctrl_c_and_no_leave_nothing_of_a_clone() {
    let (shell, hub) = to_be_cloned();
    let folder = shell.path("bob/work/glm");
    let env = format!("torch29={}", shell.path("bob/env").display());
    let args = ["clone", &hub, folder.to_str().unwrap()];
    let first: &[(&str, &str)] = &[(WHERE_GLM, "<ctrl-c>")];
    let second: &[(&str, &str)] = &[(WHERE_GLM, "<enter>"), (WHERE_ENV, "/tm<ctrl-c>")];
    let last: &[(&str, &str)] = &[(WHERE_GLM, "<enter>"), (WHERE_ENV, "<enter>"), ("Go on?", "<ctrl-c>")];
    let no: &[(&str, &str)] = &[(WHERE_GLM, "<enter>"), (WHERE_ENV, "<enter>"), ("Go on?", "n")];
    for dialogue in [first, second, last, no] {
        let (code, shown) = talked(&shell, dialogue, &args);
        assert_eq!(code, 1, "{dialogue:?}: {shown}");
        assert!(
            shown
                .replace("\x1b[?25h", "")
                .contains("\nerror: stopped; nothing was changed"),
            "{dialogue:?}: {shown:?}"
        );
        let shows_cursor = |shown: &str| shown.rfind("\x1b[?25h") >= shown.rfind("\x1b[?25l");
        assert!(shows_cursor(&shown), "{dialogue:?}: {shown:?}");
        assert!(!shell.path("bob").exists(), "{dialogue:?}");
        assert!(!shell.path("home/miniconda3/envs").exists(), "{dialogue:?}");
    }
    // A folder that was there stays.
    std::fs::create_dir_all(&folder).unwrap();
    let (code, _) = talked(
        &shell,
        first,
        &["clone", "--root", &env, &hub, folder.to_str().unwrap()],
    );
    assert_eq!((code, std::fs::read_dir(&folder).unwrap().count()), (1, 0));
}

#[test]
fn init_asks_what_to_record_and_may_be_left() {
    let shell = Shell::new();
    shell.write("glm/.venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
    shell.write("glm/run.py", "print(1)\n");
    let what = "What to record";
    for left in ["<ctrl-c>", "q"] {
        let (code, shown) = talked(&shell, &[(what, left)], &["init"]);
        assert_eq!(code, 1, "{left}: {shown}");
        assert!(!shell.path("glm/.envgit").exists(), "{left}: {shown}");
        let (hidden, seen) = (shown.rfind("\x1b[?25l"), shown.rfind("\x1b[?25h"));
        assert!(seen > hidden, "{left} leaves the cursor hidden: {shown:?}");
    }
    let (code, shown) = talked(&shell, &[(what, "<enter>")], &["init"]);
    assert_eq!(code, 0, "{shown}");
    assert!(shell.path("glm/.envgit/format.json").exists());
}
