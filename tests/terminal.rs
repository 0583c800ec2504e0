//! Questions that envgit asks on a terminal, answered on a real one.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use common::cli::Shell;

/// Starts a program on a terminal of its own, types an answer when a question is there, and passes on all that is shown.
const TYPIST: &str = r#"
import os, pty, select, sys, time
question, answer, program = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(program[0], program)
shown, deadline = b"", time.monotonic() + 60
while time.monotonic() < deadline:
    if not select.select([fd], [], [], 0.2)[0]:
        continue
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if answer and question in shown:
        os.write(fd, answer)
        answer = b""
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
sys.exit(101 if answer else os.waitstatus_to_exitcode(status))
"#;

/// What a terminal showed, without colours, and the exit code. Fails when the question was not asked.
fn answered(shell: &Shell, question: &str, answer: &str, args: &[&str]) -> (i32, String) {
    let mut command = Command::new("python3");
    command
        .args(["-c", TYPIST, question, answer, env!("CARGO_BIN_EXE_envgit")])
        .args(args);
    shell.dress(&mut command);
    command.env("TERM", "dumb").env("NO_COLOR", "1").stdin(Stdio::null());
    let said = shell.said(&mut command);
    assert_ne!(said.code, 101, "{question:?} was not asked: {}{}", said.out, said.err);
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

#[test]
fn before_a_large_change_one_screen_and_one_question() {
    let shell = Shell::with_venv();
    for n in 0..120 {
        shell.write(&format!("env/lib/many/f{n}"), format!("{n}"));
    }
    shell.ok(&["commit", "-t", "many"]);
    std::fs::remove_dir_all(shell.path("env/lib/many")).unwrap();
    shell.ok(&["commit", "-t", "few"]);
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
