//! Every reader of foreign bytes against mutated input: no panic, no hang, no more memory than is sane.
//!
//! `ENVGIT_FUZZ_SECONDS` is the time for all targets together; without it each gets half a second. A failure names the
//! file that holds its input; files in `tests/fuzz/found/TARGET/` are tried first, every time.

#[path = "../common/mod.rs"]
mod common;
mod engine;
mod seeds;

use std::fs::File;
use std::path::Path;

use engine::{Target, fuzz};
use envgit::audit;
use envgit::capture::{elf, leaks};
use envgit::compare::requirements::conda::{Spec, version};
use envgit::compare::requirements::{Installed, Platform, Texts, unmet};
use envgit::config::Config;
use envgit::history::{CommitId, History, RefName};
use envgit::ops::folders::check_folder;
use envgit::ops::operations;
use envgit::progress::Silent;
use envgit::snapshot::facts::{Manifest, SystemFacts, Vars};
use envgit::snapshot::package::{Manager, Package};
use envgit::snapshot::path::{RelPath, escape, unescape};
use envgit::snapshot::{binary, filelist, package, promise};
use envgit::store::catalog::{LayerIndex, members};
use envgit::store::frame::Unpress;
use envgit::store::toc::{Footer, Toc, unpack};
use envgit::store::verify;

/// What came of it, in words.
fn told<T, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn run(name: &str, seeds: Vec<Vec<u8>>, words: &[&str], run: impl Fn(&[u8]) -> String) {
    fuzz(&Target {
        name,
        seeds,
        words,
        run: &run,
    });
}

#[test]
fn file_lists() {
    let seeds = seeds::inventory_texts(|path| path.windows(7).any(|part| part == b"/files/"));
    let words = [
        "\tprefix=text",
        "\tsparse=1",
        "\thardlink=",
        "\txattr:user.a=AA",
        "\ttarget=",
        "\\x00",
        "..",
        "f 0644 ",
    ];
    run("file_lists", seeds, &words, |text| {
        let list = filelist::decode(text);
        if let Ok(entries) = &list {
            let again = filelist::encode(entries);
            assert!(filelist::decode(&again).is_ok_and(|same| same == *entries));
            for entry in entries.iter().take(3) {
                assert_eq!(filelist::find(text, &entry.path).unwrap().as_ref(), Some(entry));
            }
        }
        let _ = filelist::find(text, &RelPath::new("a/b").unwrap());
        told(list)
    });
}

#[test]
fn records() {
    let is_list = |path: &[u8]| path.ends_with(b".jsonl");
    let words = [
        "{}",
        "\"manager\":\"pip\"",
        "\"record\":\"a\"",
        "null",
        "[]",
        "\"requires\":[\"a>1\"]",
        "\"versions\":{}",
    ];
    run("records", seeds::inventory_texts(is_list), &words, |text| {
        [
            told(package::decode(text)),
            told(promise::decode(text)),
            told(binary::decode(text)),
        ]
        .concat()
    });
}

#[test]
fn snapshots_and_variables() {
    let is_json = |path: &[u8]| path == b"snapshot.json" || path == b"vars.json";
    let words = [
        "\"format\":1",
        "\"roots\":{}",
        "\"layer\":null",
        "\"kind\":\"venv\"",
        "null",
        "[]",
    ];
    run(
        "snapshots_and_variables",
        seeds::inventory_texts(is_json),
        &words,
        |text| {
            let vars: Result<Vars, _> = serde_json::from_slice(text);
            told(serde_json::from_slice::<Manifest>(text)) + &told(vars)
        },
    );
}

#[test]
fn escaped_text() {
    let seeds = vec![
        b"a\\x00b".to_vec(),
        b"\\\\\\n\\t\\r".to_vec(),
        "重庆\u{1b}[2J".as_bytes().to_vec(),
        b"\xff\xfe".to_vec(),
    ];
    run("escaped_text", seeds, &["\\x", "\\", "..", "/"], |bytes| {
        assert_eq!(unescape(escape(bytes).as_bytes()).as_deref(), Some(bytes));
        assert!(!escape(bytes).chars().any(char::is_control));
        let path = RelPath::parse(bytes);
        if let Ok(path) = &path {
            assert!(path.under(Path::new("/r")).starts_with("/r") && !path.as_bytes().contains(&0));
        }
        told(path)
    });
}

#[test]
fn tables_of_contents() {
    let words = [
        "\"type\":\"chunk\"",
        "\"type\":\"reg\"",
        "\"offset\":",
        "\"chunkSize\":",
        "\"endOffset\":0",
        "null",
        "\"sha256:\"",
    ];
    run("tables_of_contents", seeds::tables(), &words, |text| {
        let toc = match Toc::parse(text) {
            Ok(toc) => toc,
            Err(error) => return error.to_string(),
        };
        let listed = members(&toc);
        let index = LayerIndex::from_toc(&toc, |frame| Ok(vec![b'1'; frame.size.min(100) as usize]));
        told(listed) + &told(index)
    });
}

#[test]
fn compressed_frames_and_footers() {
    let mut seeds = seeds::layers();
    seeds.push(
        Footer::decode(&seeds[0][seeds[0].len() - Footer::LEN..])
            .unwrap()
            .encode(),
    );
    run(
        "compressed_frames_and_footers",
        seeds,
        &["\u{28}\u{b5}/\u{fd}", "GNUlInUx"],
        |bytes| {
            let footer = bytes
                .last_chunk::<{ Footer::LEN }>()
                .map(|tail| told(Footer::decode(tail)));
            let size = bytes.first_chunk::<8>().map_or(0, |head| u64::from_le_bytes(*head));
            let text = told(unpack(bytes, size)) + &told(unpack(bytes, bytes.len() as u64 * 10));
            let frame = told(Unpress::new().unwrap().plain(bytes, (size % (5 << 20)) as usize));
            footer.unwrap_or_default() + &text + &frame
        },
    );
}

#[test]
fn whole_layers() {
    let dir = tempfile::tempdir().unwrap();
    run(
        "whole_layers",
        seeds::layers(),
        &["GNUlInUx", "ustar", "P*M\u{18}"],
        |bytes| {
            let path = dir.path().join("layer");
            std::fs::write(&path, bytes).unwrap();
            let layers = [(envgit::digest::Digest::of(bytes), path)].into();
            let checks = verify::check(&layers, 1, &Silent);
            format!("{:?}", checks[0].flaws)
        },
    );
}

#[test]
fn tables_in_layers() {
    let dir = tempfile::tempdir().unwrap();
    let layer = seeds::layers().swap_remove(0);
    let words = [
        "\"type\":\"chunk\"",
        "\"type\":2",
        "\"payload\":\"\"",
        "\"size\":18446744073709551615",
        "\"offset\":0",
    ];
    run("tables_in_layers", seeds::tables_and_splits(), &words, |text| {
        let path = dir.path().join("layer");
        // The table and tar-split, with a line of dashes between.
        let at = text.windows(3).position(|part| part == b"---").unwrap_or(text.len());
        let split = text.get(at + 3..).unwrap_or_default();
        std::fs::write(&path, seeds::with_tables(&layer, &text[..at], split)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let layers = [(envgit::digest::Digest::of(&bytes), path)].into();
        let checks = verify::check(&layers, 1, &Silent);
        format!("{:?}", checks[0].flaws)
    });
}

#[test]
fn commits_tags_and_trees() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::init(&dir.path().join("h")).unwrap();
    let words = [
        "tree ",
        "parent ",
        "author ",
        "gpgsig ",
        "object ",
        "tagger ",
        "\n\n",
        "40000 a\0",
        "100644 b\0",
        " +9999\n",
    ];
    run("commits_tags_and_trees", seeds::objects(), &words, |data| {
        let write = |kind: &str| -> CommitId { seeds::write_object(history.dir(), kind, data) };
        let (commit, tag) = (write("commit"), write("tag"));
        let name = RefName::new("refs/tags/t").unwrap();
        std::fs::write(history.dir().join(name.as_str()), format!("{tag}\n")).unwrap();
        let tree = write("tree").to_string().parse().unwrap();
        [
            told(history.commit_info(commit)),
            told(history.signed_commit(commit)),
            told(history.signed_tag(tag)),
            told(history.tree_entries(tree)),
            told(history.refs()),
            format!("{}", history.checked_refs().len()),
            told(history.inventory(commit)),
        ]
        .concat()
    });
}

#[test]
fn refs_and_reflogs() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::init(&dir.path().join("h")).unwrap();
    let words = [
        "refs/heads/",
        "ref: ",
        "^",
        "# pack-refs with: peeled fully-peeled sorted \n",
        "..",
        ".lock",
        "@{",
        "0000",
    ];
    run("refs_and_reflogs", seeds::refs(), &words, |data| {
        let file = |name: &str| history.dir().join(name);
        std::fs::create_dir_all(file("logs")).unwrap();
        for name in ["HEAD", "logs/HEAD", "packed-refs", "refs/heads/main"] {
            std::fs::write(file(name), data).unwrap();
        }
        let text = String::from_utf8_lossy(data);
        let first = text.lines().next().unwrap_or_default();
        [
            told(history.refs()),
            told(history.head()),
            told(history.reflog("HEAD")),
            told(history.resolve(first)),
            told(RefName::branch(first)),
            format!("{}", history.checked_refs().len()),
        ]
        .concat()
    });
}

#[test]
fn requirements() {
    let words = [
        "; python_version < '3.8'",
        " and ",
        " or ",
        "extra == 'x'",
        ">=",
        "~=",
        "===",
        "[gpu]",
        " @ https://h/x.whl",
        "(",
        ")",
        "*",
        "::",
        "=*=",
        "|",
        "[version='",
        "py311_0",
    ];
    run("requirements", seeds::requirements(), &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<String> = text.lines().take(50).map(str::to_owned).collect();
        let record = |name: &str| RelPath::new(format!("{name}-1.dist-info")).unwrap();
        let mut packages = Vec::new();
        for manager in [Manager::Pip, Manager::Conda] {
            let mut asking = Package::new(manager, "asking", "1", record("asking"));
            asking.requires = lines.clone();
            packages.push(asking);
            packages.push(Package::new(
                manager,
                "numpy",
                lines.first().map_or("1", String::as_str),
                record("numpy"),
            ));
        }
        let spec = Spec::parse(&text);
        if let Ok(spec) = &spec {
            spec.admits(version("1.2").as_ref(), Some("py311_0"));
        }
        version(&text);
        let platform = Platform::new(Some("3.11.2"), &SystemFacts::default(), &packages);
        let texts = Texts::default();
        let found = unmet(&Installed::new(&packages, &[], &platform, &texts));
        format!("{} {}", told(spec), found.len().min(4))
    });
}

#[test]
fn elf_files() {
    let dir = tempfile::tempdir().unwrap();
    run(
        "elf_files",
        seeds::elf_files(),
        &["\u{7f}ELF", "GLIBC_2.99", "numpy.core._multiarray_umath"],
        |bytes| {
            let path = dir.path().join("x.so");
            std::fs::write(&path, bytes).unwrap();
            let read = elf::read(&File::open(&path).unwrap(), b"x.so");
            format!("{read:?}")
        },
    );
}

#[test]
fn settings() {
    let dir = tempfile::tempdir().unwrap();
    let words = [
        "[roots.a]\n",
        "path = \"/x\"\n",
        "= []\n",
        "kind = \"venv\"\n",
        "[files]\n",
        "\"\"\"",
        "'''",
        "= 1e9\n",
        "\\u0000",
    ];
    run("settings", seeds::settings(), &words, |bytes| {
        let path = dir.path().join("config.toml");
        std::fs::write(&path, bytes).unwrap();
        told(Config::load(&path))
    });
}

#[test]
fn audit_logs() {
    let words = [
        "\"event\":\"started\"",
        "\"event\":\"finished\"",
        "\"prev\":null",
        "\"id\":",
        "\"of\":",
        "null",
    ];
    run("audit_logs", seeds::audit_logs(), &words, |bytes| {
        format!("{:?}", audit::verify(bytes, &[]).faults.first())
    });
}

#[test]
fn operation_logs() {
    let words = [
        "\"kind\":\"undo\"",
        "\"kind\":\"redo\"",
        "\"of\":1",
        "\"id\":18446744073709551615",
        "\"refs\":[]",
        "\"head\":null",
        "null",
        "\n",
    ];
    run("operation_logs", seeds::operation_logs(), &words, |bytes| {
        let parsed = operations::parse(bytes);
        if let Ok(log) = &parsed {
            let (done, undone) = operations::stacks(log);
            assert!(done.len() + undone.len() <= log.len());
            let mut again = Vec::new();
            for operation in log {
                again.extend(serde_json::to_vec(operation).unwrap());
                again.push(b'\n');
            }
            assert_eq!(operations::parse(&again).unwrap(), *log);
        }
        told(parsed)
    });
}

#[test]
fn config_trees() {
    let words = [
        "- ",
        ": ",
        "&a ",
        "*a",
        "<<: *a",
        "!!binary ",
        "{",
        "[",
        "\n  ",
        "---\n",
        "\"\"\"",
        "=",
        "[a.b]\n",
        "\\ud800",
        "1e999",
    ];
    run("config_trees", seeds::config_trees(), &words, |bytes| {
        let mut outcome = String::new();
        let half = bytes.len() / 2;
        for name in [
            "a.json",
            "a.jsonl",
            "a.yaml",
            "a.toml",
            "a.ini",
            "a.env",
            "a.properties",
            "requirements.txt",
            "a.txt",
        ] {
            let path = RelPath::new(name).unwrap();
            let change = envgit::compare::config(&path, Some(bytes), Some(&bytes[..half]));
            outcome.push_str(&format!("{:?}", change.map(|change| change.meaning)));
        }
        outcome
    });
}

#[test]
fn leaked_secrets() {
    let words = [
        "sk-",
        "hf_",
        "://",
        "@",
        "-----BEGIN ",
        "PRIVATE KEY-----",
        "eyJ",
        "password ",
        "_authToken=",
        "TOKEN=",
        "/t/",
    ];
    run("leaked_secrets", seeds::config_trees(), &words, |bytes| {
        let paths: [&[u8]; 5] = [b".env", b".netrc", b".npmrc", b"a.json", b"\xff"];
        let found = paths.map(|path| leaks::find(path, bytes).len().min(3));
        format!("{found:?}").replace(['0', '1', '2', '3'], "x") + &"y".repeat(found.iter().sum())
    });
}

/// Records of packages, sources of modules and compiled code, as they lie in an environment.
#[test]
fn environments() {
    let dir = tempfile::tempdir().unwrap();
    let words = [
        "Requires-Dist: ",
        "Name: ",
        "Version: ",
        ",sha256=",
        "\n\n",
        "import ",
        "from . import x",
        "try:\n",
        "except ImportError:\n",
        "\"depends\": [",
        "\"files\": [",
        "\"paths_data\"",
        "if TYPE_CHECKING:",
        "\\\n",
        "\"\"\"",
        "# -*- coding: x -*-",
    ];
    run("environments", seeds::records(), &words, |bytes| {
        seeds::lay_out(dir.path(), bytes);
        match check_folder(&dir.path().join("env"), &Silent) {
            Ok(report) => {
                let findings = report.roots.iter().flat_map(|root| &root.findings);
                findings
                    .map(|finding| finding.to_string())
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            Err(error) => error.to_string(),
        }
    });
}
