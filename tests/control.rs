//! The control side as a user sees it: undo and redo, services, health, rescue, the audit log.

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::cli::{Shell, without_ids};
use insta::assert_snapshot;

/// A session, without what differs from run to run.
fn session(shell: &Shell, lines: &[&str]) -> String {
    steady(&shell.session(lines))
}

/// Ids of commits, durations, and who runs the tests where.
fn steady(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if let Some((head, _)) = line.split_once("in a layer of ") {
            out.push_str(&format!("{head}in a layer of [size]\n"));
            continue;
        }
        if line.starts_with("  took") {
            out.push_str("  took    [time]\n");
            continue;
        }
        if line.starts_with("  who") {
            let (name, _) = line.split_once(" (").unwrap();
            out.push_str(&format!("{name} ([user] on [host])\n"));
            continue;
        }
        out.push_str(&without_ids(line, &[8, 64]));
        out.push('\n');
    }
    out
}

/// Two states, `v1` and `main`, which differ in numpy.
fn two_states() -> Shell {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    upgrade(&shell);
    shell.ok(&["commit"]);
    shell
}

fn upgrade(shell: &Shell) {
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
}

/// Puts a script on the PATH of the shell.
fn script(shell: &mut Shell, name: &str, text: &str) {
    let path = shell.write(&format!("bin/{name}"), format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bin = shell.path("bin");
    shell.vars.retain(|(name, _)| name != "PATH");
    shell.vars.push((
        "PATH".to_owned(),
        format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()),
    ));
}

fn log(shell: &Shell) -> String {
    std::fs::read_to_string(shell.path("calls")).unwrap_or_default()
}

#[test]
fn a_checkout_is_undone_with_what_no_commit_held() {
    let shell = two_states();
    shell.write("env/notes", "precious");
    let text = session(
        &shell,
        &[
            "checkout v1",
            "undo --dry-run",
            "undo",
            "status",
            "redo",
            "status",
            "undo --list",
        ],
    );
    assert_snapshot!(text, @"
    $ envgit checkout v1
    Now at v1 ([id]): 10 paths verified (files: [n] by content, [m] by stamp)

    Packages
        numpy  1.26.4 → 1.24.4  (pip)
    --- stderr
    Your previous state is saved as autosave/1; go back with: envgit checkout autosave/1
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    $ envgit undo --dry-run
    Would undo: checkout: from main to v1
      HEAD  v1 → main
      env  5 to add, 1 to replace, 4 to remove; 206 B to write
    $ envgit undo
    Undone: checkout: from main to v1
      HEAD  v1 → main
      the live state is that of autosave/1 ([id]): 11 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    hint: take this back with: envgit redo
    $ envgit status
    On branch main at [id]

    Files
      env  1 added  +8 B
    --- stderr
    hint: see more with: envgit diff; record it with: envgit commit; go back with: envgit checkout HEAD
    $ envgit redo
    Done again: checkout: from main to v1
      HEAD  main → v1
      the live state is that of v1 ([id]): 10 paths verified (files: [n] by content, [m] by stamp)
      what was there is saved as autosave/1
    $ envgit status
    At v1 ([id]), on no branch
    Nothing changed since [id].
    $ envgit undo --list
         5  2026-11-01 10:08  redo: checkout: from main to v1
         4  2026-11-01 10:06  undo: checkout: from main to v1
    >    3  2026-11-01 10:04  checkout: from main to v1
         2  2026-11-01 10:03  commit: numpy 1.24.4 → 1.26.4
         1  2026-11-01 10:02  commit: First state of env: 1 package, 5 files
    ");
    assert!(!shell.path("env/notes").exists());
    shell.ok(&["undo"]);
    assert_eq!(std::fs::read_to_string(shell.path("env/notes")).unwrap(), "precious");
}

#[test]
fn commits_and_tags_are_undone() {
    let shell = two_states();
    let text = session(
        &shell,
        &[
            "tag -f v1",
            "undo",
            "tag -m paper v2",
            "tag -d v2",
            "undo",
            "tag",
            "undo",
            "undo",
            "status",
            "undo",
            "undo",
            "redo",
            "redo",
            "undo --list",
            "log --oneline",
        ],
    );
    assert_snapshot!(text, @"
    $ envgit tag -f v1
    Tagged [id] as v1
    $ envgit undo
    Undone: tag v1
      tag v1  [id] → [id]
    --- stderr
    hint: take this back with: envgit redo
    $ envgit tag -m paper v2
    Tagged [id] as v2
    $ envgit tag -d v2
    Removed tag v2 (was [id])
    $ envgit undo
    Undone: tag -d v2
      tag v2  is there again, at [id]
    --- stderr
    hint: take this back with: envgit redo
    $ envgit tag
      v1  [id]  First state of env: 1 package, 5 files
      v2  [id]  paper
    $ envgit undo
    Undone: tag v2
      tag v2  is gone (was [id])
    --- stderr
    hint: take this back with: envgit redo
    $ envgit undo
    Undone: commit: numpy 1.24.4 → 1.26.4
      branch main  [id] → [id]
      the files stay as they are
    --- stderr
    hint: take this back with: envgit redo
    $ envgit status
    On branch main at [id]

    Packages
        numpy  1.24.4 → 1.26.4  (pip)
               no requirement explains it

    Files
      env  3 added, 1 modified, 3 removed  +198 B  -198 B
    --- stderr
    hint: see more with: envgit diff; record it with: envgit commit; go back with: envgit checkout HEAD
    $ envgit undo
    Undone: commit: First state of env: 1 package, 5 files
      branch main  is gone (was [id])
      tag v1  is gone (was [id])
      the files stay as they are
    --- stderr
    hint: take this back with: envgit redo
    $ envgit undo
    --- stderr
    error: there is nothing to undo
    hint: `envgit reflog` shows where HEAD has been
    --- exit 1
    $ envgit redo
    Done again: commit: First state of env: 1 package, 5 files
      branch main  is there again, at [id]
      tag v1  is there again, at [id]
      the files stay as they are
    $ envgit redo
    Done again: commit: numpy 1.24.4 → 1.26.4
      branch main  [id] → [id]
      the files stay as they are
    $ envgit undo --list
        12  2026-11-01 10:16  redo: commit: numpy 1.24.4 → 1.26.4
        11  2026-11-01 10:15  redo: commit: First state of env: 1 package, 5 files
        10  2026-11-01 10:13  undo: commit: First state of env: 1 package, 5 files
         9  2026-11-01 10:11  undo: commit: numpy 1.24.4 → 1.26.4
         8  2026-11-01 10:10  undo: tag v2
         7  2026-11-01 10:08  undo: tag -d v2
         6  2026-11-01 10:07  tag -d v2  (undone)
         5  2026-11-01 10:06  tag v2  (undone)
         4  2026-11-01 10:05  undo: tag v1
         3  2026-11-01 10:04  tag v1
    >    2  2026-11-01 10:03  commit: numpy 1.24.4 → 1.26.4
         1  2026-11-01 10:02  commit: First state of env: 1 package, 5 files
    $ envgit log --oneline
    [id] (HEAD -> main) numpy 1.24.4 → 1.26.4
    [id] (tag: v1) First state of env: 1 package, 5 files
    ");
}

#[test]
fn what_git_moved_is_undone_too() {
    let shell = two_states();
    let mut git = Command::new("git");
    git.args(["update-ref", "-d", "refs/tags/v1"]);
    shell.dress(&mut git);
    git.env("GIT_DIR", shell.path("glm/.envgit/history"));
    assert!(git.status().unwrap().success());
    let text = session(&shell, &["undo", "tag", "undo --list"]);
    assert_snapshot!(text, @"
    $ envgit undo
    Undone: moved by git, or by an interrupted envgit
      tag v1  is there again, at [id]
    --- stderr
    hint: take this back with: envgit redo
    $ envgit tag
      v1  [id]  First state of env: 1 package, 5 files
    $ envgit undo --list
         4  2026-11-01 10:05  undo: moved by git, or by an interrupted envgit
         3  2026-11-01 10:05  moved by git, or by an interrupted envgit  (undone)
    >    2  2026-11-01 10:03  commit: numpy 1.24.4 → 1.26.4
         1  2026-11-01 10:02  commit: First state of env: 1 package, 5 files
    ");
}

#[test]
fn where_head_has_been() {
    let shell = two_states();
    shell.ok(&["checkout", "v1"]);
    let text = session(&shell, &["reflog", "reflog main", "reflog mian", "reflog HEAD~1"]);
    assert_snapshot!(text, @r#"
    $ envgit reflog
    [id] HEAD@{0}: checkout: moving from main to v1
    [id] HEAD@{1}: commit: numpy 1.24.4 → 1.26.4
    [id] HEAD@{2}: commit (initial): First state of env: 1 package, 5 files
    $ envgit reflog main
    [id] main@{0}: commit: numpy 1.24.4 → 1.26.4
    [id] main@{1}: commit (initial): First state of env: 1 package, 5 files
    $ envgit reflog mian
    --- stderr
    error: unknown revision "mian"
    hint: did you mean main?
    --- exit 1
    $ envgit reflog HEAD~1
    --- stderr
    error: unknown revision "HEAD~1"
    hint: see `envgit log --oneline`, `envgit branch` and `envgit tag` for what there is
    --- exit 1
    "#);
}

#[test]
fn autosaves_are_listed_and_kept_by_their_own_rule() {
    let shell = two_states();
    for n in 0..3 {
        shell.write("env/notes", format!("state {n}"));
        shell.ok(&["checkout", "HEAD"]);
    }
    let listed = session(&shell, &["autosaves"]);
    assert_snapshot!(listed, @"
    $ envgit autosaves
    autosave/3  [id]   1 minute ago  +notes
        1 changed path, 7 B stored; kept: among the newest
    autosave/2  [id]  2 minutes ago  +notes
        1 changed path, 7 B stored; kept: among the newest
    autosave/1  [id]  3 minutes ago  +notes
        1 changed path, 7 B stored; kept: among the newest
    Kept: the newest 20 (autosave.keep), and all of the last 30 days (autosave.keep_days)
    --- stderr
    hint: bring one back with: envgit checkout autosave/3; compare it with: envgit diff autosave/3
    ");
    shell.ok(&["config", "autosave.keep", "1"]);
    shell.ok(&["config", "autosave.keep_days", "0"]);
    let kept = |shell: &Shell| {
        let list = shell.ok(&["autosaves", "--json"]).json();
        let one = |entry: &serde_json::Value| {
            format!(
                "{} {}",
                entry["name"].as_str().unwrap(),
                entry["kept"].as_str().unwrap()
            )
        };
        list["autosaves"]
            .as_array()
            .unwrap()
            .iter()
            .map(one)
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        kept(&shell),
        "autosave/3 newest, autosave/2 expired, autosave/1 expired"
    );
    shell.ok(&["config", "autosave.keep_days", "1"]);
    assert_eq!(kept(&shell), "autosave/3 newest, autosave/2 until, autosave/1 until");
}

#[test]
fn an_autosave_that_a_later_checkout_relies_on_is_not_old() {
    let mut shell = two_states();
    shell.ok(&["config", "autosave.keep", "0"]);
    shell.ok(&["config", "autosave.keep_days", "1"]);
    shell.write("env/notes", "mine");
    shell.ok(&["checkout", "HEAD"]);
    let kept = |shell: &Shell| {
        let list = shell.ok(&["autosaves", "--json"]).json();
        assert_eq!(list["autosaves"].as_array().unwrap().len(), 1);
        list["autosaves"][0]["kept"].as_str().unwrap().to_owned()
    };
    assert_eq!(kept(&shell), "until");
    shell
        .vars
        .push(("ENVGIT_DATE".to_owned(), "2026-11-05T10:00:00Z".to_owned()));
    assert_eq!(kept(&shell), "expired");
    shell.ok(&["undo"]);
    shell.ok(&["checkout", "HEAD"]);
    assert_eq!(
        kept(&shell),
        "until",
        "the same autosave holds the state before this checkout"
    );
}

#[test]
fn going_to_and_fro_with_a_file_of_ones_own_saves_each_state_once() {
    let shell = Shell::new();
    shell.write("glm/config.yaml", "rate: 1\n");
    shell.ok(&["init"]);
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("glm/config.yaml", "rate: 2\n");
    shell.ok(&["commit"]);
    shell.write("glm/notes", "mine");
    for target in ["v1", "main", "v1", "main", "v1"] {
        shell.ok(&["checkout", target]);
        assert_eq!(std::fs::read(shell.path("glm/notes")).unwrap(), b"mine");
    }
    let list = shell.ok(&["autosaves", "--json"]).json();
    assert_eq!(list["autosaves"].as_array().unwrap().len(), 2, "{list}");
    shell.ok(&["undo"]);
    let status = shell.ok(&["status", "--json"]).json();
    assert_eq!(status["head"]["branch"], "main");
    assert_eq!(std::fs::read(shell.path("glm/notes")).unwrap(), b"mine");
}

#[test]
fn services_stand_still_during_a_checkout() {
    let mut shell = two_states();
    let calls = shell.path("calls");
    let numpy = shell.path("env/lib/python3.11/site-packages/numpy/__init__.py");
    for tool in ["systemctl", "docker"] {
        let text = format!("echo {tool} $* $(cat {}) >> {}", numpy.display(), calls.display());
        script(&mut shell, tool, &text);
    }
    shell.ok(&["config", "service.systemd", "glm.service"]);
    shell.ok(&["config", "service.docker", "glm"]);
    shell.ok(&[
        "config",
        "service.stop",
        &format!("echo own stop >> {}", calls.display()),
    ]);
    shell.ok(&[
        "config",
        "service.start",
        &format!("[\"sh\", \"-c\", \"echo own start >> {}\"]", calls.display()),
    ]);
    let dry = session(&shell, &["checkout --dry-run v1"]);
    assert_snapshot!(dry, @"
    $ envgit checkout --dry-run v1
    Would bring back v1 ([id]): First state of env: 1 package, 5 files

      env  4 to add, 1 to replace, 4 to remove; 198 B to write

      stopped and started again: echo own stop >> /T/calls, systemd unit glm.service, docker container glm
    ");
    assert_eq!(log(&shell), "", "a dry run stops nothing");
    shell.ok(&["checkout", "v1"]);
    let expected = "own stop
systemctl stop glm.service __version__ = \"1.26.4\"
docker stop glm __version__ = \"1.26.4\"
docker start glm __version__ = \"1.24.4\"
systemctl start glm.service __version__ = \"1.24.4\"
own start
";
    assert_eq!(log(&shell), expected);
    // Nothing to do, nothing to stop; and a commit disturbs nobody unless told to.
    shell.ok(&["checkout", "v1"]);
    shell.write("env/notes", "x");
    shell.ok(&["commit"]);
    assert_eq!(log(&shell), expected);
    shell.ok(&["config", "service.quiesce", "true"]);
    shell.write("env/notes", "y");
    shell.ok(&["commit"]);
    assert_eq!(log(&shell).lines().count(), 12);
}

#[test]
fn a_service_that_writes_while_it_stops_does_not_spoil_the_checkout() {
    let shell = two_states();
    let state = shell.path("env/state");
    shell.ok(&[
        "config",
        "service.stop",
        &format!("echo last words > {}", state.display()),
    ]);
    shell.ok(&["checkout", "v1"]);
    assert!(!state.exists(), "v1 has no such file");
    shell.ok(&["undo"]);
    assert!(state.exists(), "it was recorded before the checkout");
}

#[test]
fn services_are_started_again_whatever_happens() {
    let shell = two_states();
    let calls = shell.path("calls");
    let start = format!("echo start >> {}", calls.display());
    shell.ok(&["config", "service.start", &start]);
    shell.ok(&["config", "service.stop", "echo cannot >&2; exit 4"]);
    let failed = session(&shell, &["checkout v1"]);
    assert_snapshot!(failed, @"
    $ envgit checkout v1
    --- stderr
    error: `echo cannot >&2; exit 4` ended with exit code 4
      | cannot
    hint: see the settings with `envgit config`; nothing was changed, and what had been stopped was started again unless a warning says otherwise
    --- exit 1
    ");
    assert_eq!(log(&shell), "start\n");
    // The checkout fails while they are stopped: a layer is gone.
    shell.ok(&["config", "service.stop", "true"]);
    let layers = shell.path("glm/.envgit/layers");
    std::fs::rename(&layers, shell.path("kept")).unwrap();
    std::fs::create_dir(&layers).unwrap();
    let _ = std::fs::remove_dir_all(shell.path("glm/.envgit/cache"));
    assert_ne!(shell.run(&["checkout", "v1"]).code, 0);
    assert_eq!(log(&shell), "start\nstart\n");
    std::fs::remove_dir_all(&layers).unwrap();
    std::fs::rename(shell.path("kept"), &layers).unwrap();
    // envgit itself was killed meanwhile.
    shell.write("glm/.envgit/journal/services", "x\n");
    let text = session(&shell, &["status"]);
    assert!(text.contains("starting them again"), "{text}");
    assert_eq!(log(&shell), "start\nstart\nstart\n");
    // A start that fails is told, and the checkout stands.
    shell.ok(&["config", "service.start", "echo no luck; exit 5"]);
    let text = session(&shell, &["checkout v1", "status"]);
    assert_snapshot!(text, @"
    $ envgit checkout v1
    Now at v1 ([id]): 10 paths verified (files: [n] by content, [m] by stamp)

    Packages
        numpy  1.26.4 → 1.24.4  (pip)
    --- stderr
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    warning: a service was not started again: `echo no luck; exit 5` ended with exit code 5
      | no luck
    --- exit 1
    $ envgit status
    At v1 ([id]), on no branch
    Nothing changed since [id].
    ");
}

/// A process with a file of the environment mapped.
struct Mapper(Child);

impl Mapper {
    fn new(path: &std::path::Path) -> Self {
        let program = "import mmap, sys\nf = open(sys.argv[1], 'rb')\nm = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)\n\
                       f.close()\nprint('ready', flush=True)\nsys.stdin.read()\nprint(m[:].decode(), flush=True)";
        let mut child = Command::new("python3")
            .args(["-c", program])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.as_mut().unwrap();
        // Byte by byte: what comes later is for others.
        let mut byte = [0];
        while std::io::Read::read(out, &mut byte).unwrap() == 1 && byte[0] != b'\n' {
            line.push(byte[0] as char);
        }
        assert_eq!(line, "ready");
        Self(child)
    }

    /// What it sees in its mapping.
    fn content(mut self) -> String {
        drop(self.0.stdin.take());
        let mut text = String::new();
        std::io::Read::read_to_string(self.0.stdout.as_mut().unwrap(), &mut text).unwrap();
        self.0.wait().unwrap();
        text
    }
}

#[test]
fn files_in_use_stop_a_checkout_unless_forced() {
    let shell = two_states();
    let used = shell.path("env/lib/python3.11/site-packages/numpy/__init__.py");
    let mapper = Mapper::new(&used);
    let pid = mapper.0.id();
    let said = shell.run(&["checkout", "v1"]);
    assert_eq!(said.code, 1, "{}", said.transcript());
    let line = said.err.lines().nth(1).unwrap();
    assert!(line.trim().starts_with(&format!("{pid} ")), "{line}");
    assert!(
        line.contains("python3 -c import mmap") && line.ends_with("numpy/__init__.py"),
        "{line}"
    );
    assert!(said.err.contains("hint: stop them"), "{}", said.err);
    assert_eq!(
        shell.ok(&["status", "--json"]).json()["clean"],
        true,
        "nothing was changed"
    );
    let dry = shell.ok(&["checkout", "--dry-run", "--json", "v1"]).json();
    assert_eq!(dry["in_use"][0]["pid"], pid);
    // Only what is replaced or removed counts.
    let config = shell.path("env/pyvenv.cfg");
    let other = Mapper::new(&config);
    let forced = shell.ok(&["checkout", "--force", "v1"]);
    assert!(forced.out.contains("numpy  1.26.4 → 1.24.4"), "{}", forced.transcript());
    assert_eq!(
        mapper.content().trim(),
        "__version__ = \"1.26.4\"",
        "the old file lives on for it"
    );
    shell.ok(&["undo"]);
    other.content();
    // With services that envgit stops, it is for them to end.
    let again = Mapper::new(&used);
    shell.ok(&["config", "service.stop", "true"]);
    shell.ok(&["checkout", "v1"]);
    again.content();
}

/// A web server that answers 200 while a file of the environment is there.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn watching(path: &std::path::Path) -> Self {
        let program = "import http.server, os, sys\n\
            class H(http.server.BaseHTTPRequestHandler):\n\
            \x20   def do_GET(self):\n\
            \x20       ok = os.path.exists(sys.argv[1])\n\
            \x20       body = b'fine' if ok else b'weights are missing'\n\
            \x20       self.send_response(200 if ok else 503)\n\
            \x20       self.send_header('Content-Length', str(len(body)))\n\
            \x20       self.end_headers()\n\
            \x20       self.wfile.write(body)\n\
            \x20   def log_message(self, *args): pass\n\
            s = http.server.HTTPServer(('127.0.0.1', 0), H)\n\
            print(s.server_address[1], flush=True)\n\
            s.serve_forever()";
        let mut child = Command::new("python3")
            .args(["-c", program])
            .arg(path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut port)
            .unwrap();
        let url = format!("http://127.0.0.1:{}/health", port.trim());
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `good` has the weights, `main` has lost them; a server tells.
fn ill() -> (Shell, Server) {
    let shell = Shell::with_venv();
    shell.write("env/weights", "1");
    shell.ok(&["commit", "-m", "weights"]);
    let server = Server::watching(&shell.path("env/weights"));
    shell.ok(&["config", "service.health", &server.url]);
    shell.ok(&["config", "service.health_retries", "0"]);
    (shell, server)
}

fn plain(text: &str, server: &Server) -> String {
    text.replace(&server.url, "http://[server]")
}

#[test]
fn health_is_recorded_and_rescue_leads_back() {
    let (shell, server) = ill();
    let text = session(&shell, &["rescue", "health", "health", "log --oneline"]);
    assert_snapshot!(plain(&text, &server), @r#"
    $ envgit rescue
    --- stderr
    error: "@good" names no commit: the health check has found none good yet
    hint: set a check with `envgit config service.health COMMAND` and run `envgit health` while all is well
    --- exit 1
    $ envgit health
    Healthy: http://[server]
    [id] is marked as good/1
    $ envgit health
    Healthy: http://[server]
    [id] is marked as good/1
    $ envgit log --oneline
    [id] (HEAD -> main, good/1) weights
    "#);
    std::fs::remove_file(shell.path("env/weights")).unwrap();
    shell.write("env/notes", "keep me");
    shell.ok(&["commit", "-m", "lost them"]);
    shell.write("env/more", "not recorded");
    let text = session(
        &shell,
        &[
            "health",
            "diff --stat @good",
            "rescue --dry-run",
            "rescue",
            "health",
            "undo",
        ],
    );
    assert_snapshot!(plain(&text, &server), @"
    $ envgit health
    Not healthy: `http://[server]` answers 503 Service Unavailable
      | weights are missing
    --- stderr
    hint: the live state is in no commit, so no commit is marked; record it with: envgit commit
    hint: go back to the last good commit with: envgit rescue
    --- exit 1
    $ envgit diff --stat @good
    env  files: 2 added, 1 removed
    $ envgit rescue --dry-run
    Would bring back good/1 ([id]): weights

      env  1 to add, 2 to remove; 1 B to write
    --- stderr
    The last good commit is [id] of 2026-11-01 10:02: weights
    Going there leaves behind, for a later checkout:
      [id] lost them
    $ envgit rescue
    Now at good/1 ([id]): 11 paths verified (files: [n] by content, [m] by stamp)

    Healthy: http://[server]
    --- stderr
    The last good commit is [id] of 2026-11-01 10:02: weights
    Going there leaves behind, for a later checkout:
      [id] lost them
    Your previous state is saved as autosave/1; go back with: envgit checkout autosave/1
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    $ envgit health
    Healthy: http://[server]
    [id] is marked as good/1
    $ envgit undo
    Undone: checkout: from main to good/1
      HEAD  good/1 → main
      the live state is that of autosave/1 ([id]): 12 paths verified (files: [n] by content, [m] by stamp)
    Not healthy: `http://[server]` answers 503 Service Unavailable
      | weights are missing
    --- stderr
    hint: take this back with: envgit redo
    --- exit 1
    ");
    assert!(shell.path("env/more").exists() && !shell.path("env/weights").exists());
}

#[test]
fn the_newest_finding_counts() {
    let (shell, server) = ill();
    shell.ok(&["health"]);
    shell.write("env/a", "1");
    shell.ok(&["commit", "-m", "a"]);
    shell.ok(&["health"]);
    let newest = shell.ok(&["show", "--json", "@good"]).json();
    assert_eq!(newest["message"], "a");
    // A third finding, for the first commit again: it is the newest, and has one mark.
    shell.ok(&["checkout", "HEAD~1"]);
    assert_eq!(shell.ok(&["show", "--json", "@good"]).json()["message"], "weights");
    shell.ok(&["checkout", "main"]);
    drop(server);
    let said = shell.run(&["health", "--json"]);
    assert_eq!((said.code, said.json()["withdrawn"][0].as_str()), (1, Some("good/4")));
    assert_eq!(shell.ok(&["show", "--json", "@good"]).json()["message"], "weights");
}

#[test]
fn a_checkout_after_which_not_all_is_well() {
    let (shell, server) = ill();
    shell.ok(&["tag", "well"]);
    std::fs::remove_file(shell.path("env/weights")).unwrap();
    shell.ok(&["commit", "-m", "lost them", "-t", "ill"]);
    shell.ok(&["checkout", "well"]);
    shell.write("env/notes", "mine");
    let text = session(
        &shell,
        &["checkout --auto-rollback ill", "status", "checkout ill", "undo"],
    );
    assert_snapshot!(plain(&text, &server), @"
    $ envgit checkout --auto-rollback ill
    Now at ill ([id]): 10 paths verified (files: [n] by content, [m] by stamp)

    Not healthy: `http://[server]` answers 503 Service Unavailable
      | weights are missing

    Undone: checkout: from well to ill
      HEAD  ill → well
      the live state is that of autosave/1 ([id]): 12 paths verified (files: [n] by content, [m] by stamp)
    --- exit 1
    $ envgit status
    At well ([id]), on no branch

    Files
      env  1 added  +4 B
    --- stderr
    hint: see more with: envgit diff; record it with: envgit commit; go back with: envgit checkout HEAD
    $ envgit checkout ill
    Now at ill ([id]): 10 paths verified (files: [n] by content, [m] by stamp)

    Not healthy: `http://[server]` answers 503 Service Unavailable
      | weights are missing
    --- stderr
    Your previous state is saved as autosave/1; go back with: envgit checkout autosave/1
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    hint: go back to the state before with: envgit undo
    --- exit 1
    $ envgit undo
    Undone: checkout: from well to ill
      HEAD  ill → well
      the live state is that of autosave/1 ([id]): 12 paths verified (files: [n] by content, [m] by stamp)
    Healthy: http://[server]
    --- stderr
    hint: take this back with: envgit redo
    ");
    let said = shell.run(&["checkout", "--auto-rollback", "--json", "ill"]);
    assert_eq!(said.code, 1);
    let json = said.json();
    assert_eq!(
        (&json["health"]["healthy"], &json["rolled_back"]["redo"]),
        (&false.into(), &false.into())
    );
    assert_eq!(json["head"]["detached_from"], "well");
    assert_eq!(std::fs::read_to_string(shell.path("env/notes")).unwrap(), "mine");
}

#[test]
fn every_restore_is_in_the_audit_log() {
    let shell = two_states();
    shell.ok(&["config", "audit.require_reason", "true"]);
    let refused = session(&shell, &["checkout v1", "checkout v1 --reason="]);
    assert_snapshot!(refused, @"
    $ envgit checkout v1
    --- stderr
    error: audit.require_reason is set, and no reason was given
    hint: say why with --reason TEXT
    --- exit 2
    $ envgit checkout v1 --reason=
    --- stderr
    error: audit.require_reason is set, and no reason was given
    hint: say why with --reason TEXT
    --- exit 2
    ");
    shell.write("env/notes", "mine");
    shell.ok(&["checkout", "--reason", "torch 2.9 broke inference", "v1"]);
    assert_ne!(shell.run(&["undo"]).code, 0);
    shell.ok(&["undo", "--reason", "it did not"]);
    let text = session(&shell, &["audit", "audit --verify"]);
    assert_snapshot!(text, @"
    $ envgit audit
    #3  2026-11-01T10:09:00+00:00  undo  done
      who     Ada ([user] on [host])
      why     it did not
      from    v1 ([id])
      to      autosave/1 ([id])
      changed 5 added, 1 replaced, 4 removed
              numpy 1.24.4 → 1.26.4
      took    [time]

    #1  2026-11-01T10:07:00+00:00  checkout  done
      who     Ada ([user] on [host])
      why     torch 2.9 broke inference
      from    main ([id]), with changes that no commit held
      to      v1 ([id])
      changed 4 added, 1 replaced, 5 removed
              numpy 1.26.4 → 1.24.4
      saved   autosave/1
      took    [time]
    $ envgit audit --verify
    /T/glm/.envgit/audit.jsonl is as it was written: 4 lines
    Entry 4 ends it; keep its SHA-256 elsewhere: [id]
    ");
    let ids = |args: &[&str]| {
        let list = shell.ok(&[&["audit", "--json"], args].concat()).json();
        let restores = list["restores"].as_array().unwrap().clone();
        restores
            .iter()
            .map(|entry| entry["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), [3, 1]);
    assert_eq!(ids(&["--user", "Ada"]), [3, 1]);
    assert_eq!(ids(&["--user", "nobody-else"]), Vec::<u64>::new());
    assert_eq!(ids(&["--outcome", "failed"]), Vec::<u64>::new());
    assert_eq!(ids(&["--since", "2026-11-02"]), Vec::<u64>::new());
    assert_eq!(ids(&["--until", "2026-11-02"]), [3, 1]);
    let [first, second] = [1, 0].map(|at: usize| {
        let list = shell.ok(&["audit", "--json"]).json();
        list["restores"][at]["started"]["time"].as_str().unwrap().to_owned()
    });
    assert_eq!(ids(&["--since", &second]), [3]);
    assert_eq!(ids(&["--until", &first]), [1]);
}

#[test]
fn who_called_sudo_is_in_the_audit_log() {
    let mut shell = two_states();
    shell.vars.push(("SUDO_USER".to_owned(), "grace".to_owned()));
    shell.ok(&["checkout", "v1"]);
    let list = shell.ok(&["audit", "--json", "--user", "grace"]).json();
    assert_eq!(list["restores"][0]["started"]["who"]["sudo_user"], "grace");
}

#[test]
fn a_damaged_audit_log_is_named_by_line() {
    let shell = two_states();
    for target in ["v1", "main", "v1"] {
        shell.ok(&["checkout", target]);
    }
    let path = shell.path("glm/.envgit/audit.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(lines.len(), 6);
    let damaged = |text: String| {
        std::fs::write(&path, text).unwrap();
        let said = shell.run(&["audit", "--verify"]);
        assert_eq!(said.code, 4, "{}", said.transcript());
        let told = said
            .out
            .lines()
            .skip(1)
            .map(|line| line.trim().split(':').next().unwrap().to_owned());
        told.collect::<Vec<_>>().join(", ")
    };
    // The end of each restore is also noted in the log of operations.
    assert_eq!(damaged(whole.replacen("\"checkout\"", "\"undo\"", 1)), "line 2");
    assert_eq!(damaged(lines[..4].join("\n") + "\n"), "line 5");
    assert_eq!(damaged(whole[..whole.len() - 9].to_owned()), "line 6, line 6, line 7");
    assert_eq!(damaged([&lines[..2], &lines[3..]].concat().join("\n") + "\n"), "line 3");
    let mut swapped = lines.clone();
    swapped.swap(2, 4);
    assert_eq!(damaged(swapped.join("\n") + "\n"), "line 3, line 4, line 5, line 6");
    std::fs::write(&path, &whole).unwrap();
    shell.ok(&["audit", "--verify"]);
}

#[test]
fn an_interrupted_restore_shows_as_such() {
    let shell = two_states();
    shell.ok(&["checkout", "v1"]);
    let path = shell.path("glm/.envgit/audit.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, whole.split_inclusive('\n').next().unwrap()).unwrap();
    let list = shell.ok(&["audit", "--json", "--outcome", "interrupted"]).json();
    assert_eq!(list["restores"][0]["id"], 1);
    // Nothing had begun to change, so there is nothing to finish.
    shell.ok(&["tag", "x"]);
    assert_eq!(
        shell.ok(&["audit", "--json", "--outcome", "dropped"]).json()["restores"][0]["id"],
        1
    );
}

#[test]
fn a_killed_undo_is_finished_or_never_was() {
    let shell = Shell::with_venv();
    for n in 0..200 {
        shell.write(&format!("env/lib/m{n}"), "one".repeat(500));
    }
    shell.write("env/big", "a".repeat(6 << 20));
    shell.ok(&["commit", "-t", "v1"]);
    for n in 0..200 {
        shell.write(&format!("env/lib/m{n}"), "two".repeat(500));
    }
    shell.write("env/big", "b".repeat(6 << 20));
    shell.ok(&["commit", "-t", "v2"]);
    shell.write("env/notes", "unrecorded");
    let trees = |shell: &Shell| common::picture(&shell.path("env"));
    let at_main = trees(&shell);
    shell.ok(&["checkout", "v1"]);
    let at_v1 = trees(&shell);
    let start = Instant::now();
    shell.ok(&["undo"]);
    let whole = start.elapsed();
    shell.ok(&["redo"]);
    let mut finished = [0; 2];
    for round in 0..24u32 {
        let verb = if round % 2 == 0 { "undo" } else { "redo" };
        let (before, after) = if round % 2 == 0 {
            (&at_v1, &at_main)
        } else {
            (&at_main, &at_v1)
        };
        let mut child = shell
            .command()
            .arg(verb)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole * (round % 12) / 11 + Duration::from_micros(u64::from(round) * 211));
        let _ = child.kill();
        child.wait().unwrap();
        let status = shell.ok(&["status", "--json"]).json();
        let on_main = status["head"]["branch"] == "main";
        let is_done = on_main == (verb == "undo");
        finished[usize::from(is_done)] += 1;
        let expected = if is_done { after } else { before };
        assert_eq!(
            common::differing(expected, &trees(&shell)),
            Vec::<String>::new(),
            "round {round}"
        );
        if !is_done {
            shell.ok(&[verb]);
            assert_eq!(
                common::differing(after, &trees(&shell)),
                Vec::<String>::new(),
                "round {round}, again"
            );
        }
    }
    assert!(
        finished[0] > 0 && finished[1] > 0,
        "kills before and after the seal: {finished:?}"
    );
    assert_eq!(
        shell.ok(&["audit", "--json", "--verify"]).json()["verdict"]["whole"],
        true
    );
}

#[test]
fn names_that_mean_something_already() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-m", "works"]);
    shell.ok(&["branch", "other"]);
    for args in [
        &["branch", "autosave/1"][..],
        &["tag", "good/2"],
        &["checkout", "-b", "good/1"],
        &["branch", "-m", "other", "autosave/7"],
    ] {
        let said = shell.run(args);
        assert_eq!(said.code, 1, "{}", said.transcript());
        assert!(
            said.err.contains("is how envgit calls a state that it keeps"),
            "{}",
            said.transcript()
        );
    }
    shell.ok(&["tag", "good/old"]);
    let said = shell.run(&["branch", "-m", "other", "main"]);
    assert!(
        said.err.contains("the branch main exists already"),
        "{}",
        said.transcript()
    );
}

#[test]
fn a_warning_is_told_once_also_where_the_state_before_is_saved() {
    let shell = Shell::with_venv();
    shell.write("data/x", "1");
    let data = format!("data={}:cache", shell.path("data").display());
    shell.ok(&["root", "add", &data]);
    shell.ok(&["commit", "-t", "v1"]);
    shell.ok(&["root", "remove", "data"]);
    shell.write("env/lib/new", "unrecorded");
    let said = shell.ok(&["checkout", "-y", "v1"]);
    assert!(said.err.contains("saved as autosave/1"), "{}", said.transcript());
    assert_eq!(
        said.err.matches("data of v1 is not brought back").count(),
        1,
        "{}",
        said.transcript()
    );
}

#[test]
fn a_folder_that_stays_because_of_a_fifo_in_it_is_told() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    std::fs::create_dir(shell.path("env/lib/new")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = shell.path("env/lib/new/p");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let said = shell.ok(&["checkout", "-y", "v1"]);
    let told = "env:lib/new/p is no file, folder or link: it is not recorded, and what it is in stays";
    assert!(said.err.contains(told), "{}", said.transcript());
    assert!(fifo.exists());
}
