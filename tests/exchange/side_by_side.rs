//! Large objects of a store: several parts under way at once, passed on in order, and taken up where they broke off.

use std::io::{self, Write};

use envgit::remote::{Key, Surroundings, Transport, open};

use super::places::noise;
use super::python::Python;

/// Says what S3 says to who reads `/team/object`, whatever the signature. Tells of each request when it ends: start, end
/// and how many others were under way.
const SERVER: &str = r#"
import http.server, re, sys, threading, time
data = open(sys.argv[1], "rb").read()
way = sys.argv[2]
lock = threading.Lock()
under_way = 0
broken = set()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
    def do_GET(self):
        global under_way
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "bytes=0-"))
        start, end = int(asked[1]), min(len(data), int(asked[2] or len(data)) + 1)
        with lock:
            under_way += 1
            others = under_way - 1
        body = data[start:end]
        if way == "short" and end == len(data): body = body[:-1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        breaks = way == "breaks" and end not in broken
        if breaks:
            broken.add(end)
            self.close_connection = True
            body = body[:len(body) // 2]
        try:
            for at in range(0, len(body), 262144):
                self.wfile.write(body[at:at + 262144])
                if way == "narrow": time.sleep(0.015)
        except OSError: self.close_connection = True
        with lock:
            under_way -= 1
            print(start, end, others, flush=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
"#;

const PART: u64 = 8 << 20;

struct Store {
    python: Python,
    remote: Box<dyn Transport>,
    _dir: tempfile::TempDir,
}

impl Store {
    fn of(content: &[u8], way: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("object");
        std::fs::write(&file, content).unwrap();
        let python = Python::serve(SERVER, [file.as_os_str(), way.as_ref()]);
        let address = format!("s3://team?endpoint={}", python.url);
        let vars = [
            ("AWS_ACCESS_KEY_ID", "KEY"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "none"),
        ];
        let vars = vars.map(|(name, value)| (name.into(), value.into()));
        let remote = open(&address, &Surroundings::new(dir.path(), vars)).unwrap();
        Self {
            python,
            remote,
            _dir: dir,
        }
    }

    fn stream(&self, start: u64, out: &mut dyn Write) -> Result<u64, envgit::remote::Error> {
        self.remote.stream(&Key::new("object").unwrap(), start, out)
    }

    /// Ends it; the requests that it answered: start, end and how many others were under way, sorted.
    fn end(self) -> Vec<(u64, u64, u64)> {
        let numbers = |line: String| -> Option<(u64, u64, u64)> {
            let mut words = line.split(' ').map(|word| word.parse().ok());
            Some((words.next()??, words.next()??, words.next()??))
        };
        let mut asked: Vec<_> = self.python.end().into_iter().filter_map(numbers).collect();
        asked.sort_unstable();
        asked
    }
}

#[test]
fn parts_come_side_by_side_where_each_connection_is_narrow_and_are_passed_on_in_order() {
    let content = noise(1, (12 * PART + 12_345) as usize);
    for start in [0, 3 << 20] {
        let store = Store::of(&content, "narrow");
        let mut got = Vec::new();
        assert_eq!(store.stream(start, &mut got).unwrap(), content.len() as u64 - start);
        assert!(got == content[start as usize..], "from {start}");
        let asked = store.end();
        assert!(asked.iter().any(|(.., others)| *others >= 2), "{asked:?}");
        let mut at = start;
        for (from, to, _) in &asked {
            assert_eq!(*from, at, "each byte once: {asked:?}");
            assert!(to - from <= 2 * PART, "{asked:?}");
            at = *to;
        }
        assert_eq!(at, content.len() as u64);
    }
}

#[test]
fn each_part_is_taken_up_where_it_broke_off() {
    let content = noise(2, (7 * PART) as usize);
    let store = Store::of(&content, "breaks");
    let mut got = Vec::new();
    store.stream(0, &mut got).unwrap();
    assert!(got == content);
    let asked = store.end();
    let mut at = 0;
    for pair in asked.chunks(2) {
        let ((first, end, _), (again, same_end, _)) = (pair[0], pair[1]);
        assert_eq!(first, at, "{asked:?}");
        assert_eq!((again, same_end), (first + (end - first) / 2, end), "{asked:?}");
        at = end;
    }
    assert_eq!(at, content.len() as u64);
}

#[test]
fn an_object_that_is_shorter_than_it_was_is_an_error() {
    let content = noise(3, (2 * PART + 5) as usize);
    let store = Store::of(&content, "short");
    let mut got = Vec::new();
    let error = store.stream(0, &mut got).unwrap_err().to_string();
    assert!(error.contains("object"), "{error}");
    store.end();
}

#[test]
fn who_takes_no_more_is_not_kept_waiting() {
    struct Full(u64);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            match self.0 > PART {
                true => Err(io::Error::from(io::ErrorKind::StorageFull)),
                false => Ok(bytes.len()),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let content = noise(4, (20 * PART) as usize);
    let store = Store::of(&content, "asitis");
    store.stream(0, &mut Full(0)).unwrap_err();
    let asked = store.end();
    assert!(asked.iter().all(|(start, ..)| *start < 10 * PART), "{asked:?}");
}

#[test]
fn a_small_object_is_one_request() {
    let content = noise(5, PART as usize);
    let store = Store::of(&content, "asitis");
    let mut got = Vec::new();
    store.stream(0, &mut got).unwrap();
    assert!(got == content);
    assert_eq!(store.end(), [(0, PART, 0)]);
}
