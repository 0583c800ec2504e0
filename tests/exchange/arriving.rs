//! Clones that unpack what has come of a layer while the rest is on its way, from a server that holds the rest back.

use std::path::Path;

use super::common::cli::Shell;
use super::common::{differing, picture};
use super::places::{clone_for_ben, noise};
use super::python::Python;

/// Serves a folder. Of a layer that is asked for as a whole it gives half, waits until there is a file beneath a folder, and
/// then gives the rest: as it is, otherwise, or not at all. Or what it gives is wrong from the start, and the rest is slow.
const SERVER: &str = r#"
import http.server, os, re, sys, time
top, watched, rest, knows_ranges = sys.argv[1:5]
def is_filled():
    return watched == "/" or any(files for _, _, files in os.walk(watched))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_HEAD(self): self.answer(False)
    def do_GET(self): self.answer(True)
    def log_message(self, *_): pass
    def answer(self, body):
        path = top + self.path
        if not os.path.isfile(path):
            self.send_error(404)
            return
        data = open(path, "rb").read()
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = 0, len(data)
        if asked and knows_ranges == "yes":
            start = int(asked[1])
            end = min(len(data), int(asked[2]) + 1) if asked[2] else len(data)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        else:
            self.send_response(200)
        print(self.path, start, end, flush=True)
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if not body: return
        if "/layers/" not in self.path or end - start < len(data) // 2 or knows_ranges != "yes":
            self.wfile.write(data[start:end])
            return
        middle = (start + end) // 2
        if rest == "flawed":
            first = start + (middle - start) // 2
            self.wfile.write(data[start:first] + bytes(byte ^ 1 for byte in data[first:middle]))
            self.wfile.flush()
            time.sleep(1)
            for at in range(middle, end, 65536):
                self.wfile.write(data[at:min(at + 65536, end)])
                time.sleep(0.05)
            return
        self.wfile.write(data[start:middle])
        until = time.monotonic() + 20
        while not is_filled() and time.monotonic() < until: time.sleep(0.01)
        if rest == "otherwise":
            self.wfile.write(bytes(byte ^ 1 for byte in data[middle:end]))
        elif rest == "asitis" and is_filled():
            self.wfile.write(data[middle:end])
        else:
            os._exit(0)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Server {
    python: Python,
    url: String,
}

impl Server {
    fn new(folder: &Path, watched: &Path, rest: &str, knows_ranges: &str) -> Self {
        let args = [
            folder.as_os_str(),
            watched.as_os_str(),
            rest.as_ref(),
            knows_ranges.as_ref(),
        ];
        let python = Python::serve(SERVER, args);
        let url = python.url.clone();
        Self { python, url }
    }

    /// Ends it; what was asked for: path, start and end.
    fn end(self) -> Vec<(String, u64, u64)> {
        let asked = self.python.end().into_iter().filter_map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            let (path, start, end) = (words.next()?, words.next()?, words.next()?);
            Some((path, start.parse().ok()?, end.parse().ok()?))
        });
        asked.collect()
    }
}

/// A repository with a remote, and where Ben's environment is to stand.
fn pushed() -> Shell {
    let shell = Shell::with_venv();
    for n in 0..6 {
        shell.write(&format!("env/lib/noise/{n}"), noise(n, 1 << 20));
    }
    shell.ok(&["commit", "-m", "works"]);
    shell.ok(&["remote", "add", "origin", shell.path("remote").to_str().unwrap()]);
    shell.ok(&["push"]);
    shell
}

fn stands(shell: &Shell) {
    let there = picture(&shell.path("ben/env"));
    assert_eq!(differing(&picture(&shell.path("env")), &there), Vec::<String>::new());
    let status = shell.run_in(&shell.path("ben/glm"), &["status"]);
    assert!(status.out.contains("Nothing changed since"), "{}", status.transcript());
    let verify = shell.run_in(&shell.path("ben/glm"), &["verify"]);
    assert_eq!(verify.code, 0, "{}", verify.transcript());
}

#[test]
fn what_has_come_is_unpacked_before_the_rest_comes() {
    let shell = pushed();
    let watched = shell.path("ben/env/.envgit-stage");
    let server = Server::new(&shell.path("remote"), &watched, "asitis", "yes");
    let said = clone_for_ben(&shell, &server.url);
    server.end();
    assert_eq!(said.code, 0, "{}", said.transcript());
    stands(&shell);
}

#[test]
fn nothing_stands_before_all_of_a_layer_is_what_it_must_be() {
    let cases = [
        ("otherwise", "is refused: "),
        ("not", "cannot reach"),
        // Found while the rest is on its way.
        ("flawed", "is refused: the frame at byte"),
    ];
    for (rest, words) in cases {
        let shell = pushed();
        let watched = shell.path("ben/env/.envgit-stage");
        let server = Server::new(&shell.path("remote"), &watched, rest, "yes");
        let said = clone_for_ben(&shell, &server.url);
        server.end();
        assert_eq!(said.code, 1, "{}", said.transcript());
        assert!(said.err.contains(words), "{rest}: {}", said.transcript());
        assert!(
            !shell.path("ben/glm/.envgit/format.json").exists(),
            "it is no repository"
        );
        assert_eq!(picture(&shell.path("ben/env")).len(), 0, "{rest}");
        // The same command goes on, from a server that is sound.
        let server = Server::new(&shell.path("remote"), Path::new("/"), "asitis", "yes");
        let moved = shell.path("ben/glm/.envgit/clone.json");
        std::fs::write(moved, format!("{{\"url\": {:?}}}", server.url)).unwrap();
        let said = clone_for_ben(&shell, &server.url);
        let asked = server.end();
        assert_eq!(said.code, 0, "{}", said.transcript());
        stands(&shell);
        let resumed = asked.iter().any(|(path, start, _)| {
            let is_layer = path.starts_with("/layers/");
            is_layer && *start > 1 << 20 && *start < 5 << 20
        });
        assert_eq!(resumed, rest == "not", "{asked:?}");
    }
}

#[test]
fn a_server_that_knows_no_ranges_is_asked_once() {
    let shell = pushed();
    let server = Server::new(&shell.path("remote"), Path::new("/"), "asitis", "no");
    let said = clone_for_ben(&shell, &server.url);
    let asked = server.end();
    assert_eq!(said.code, 0, "{}", said.transcript());
    stands(&shell);
    let layer = asked.iter().filter(|(path, ..)| path.starts_with("/layers/"));
    // To find that out, and to get it.
    assert_eq!(layer.count(), 2, "{asked:?}");
}
