//! Layers as their readers see them: envgit, system tar, and an independent zstd:chunked reader.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use super::checksum::Checksum;
use super::ingest::{Body, Item};
use super::*;
use crate::progress::Silent;
use crate::relocate::Relocation;
use crate::snapshot::content::{ContentSink, ContentSource, FetchError, Want};
use crate::snapshot::path::RelPath;

fn text(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut out = Vec::with_capacity(len + 16);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(format!("{} {}\n", state % 1000, state % 77).as_bytes());
    }
    out.truncate(len);
    out
}

struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("live")).unwrap();
        Store::init(&dir.path().join("layers")).unwrap();
        Self { dir }
    }

    fn open(&self) -> Store {
        let at = self.dir.path();
        Store::open(&at.join("layers"), &at.join("cache"), Settings::default()).unwrap()
    }

    fn item(&self, name: &str, bytes: &[u8]) -> Item {
        let source = self.dir.path().join("live").join(name);
        std::fs::write(&source, bytes).unwrap();
        Item {
            name: format!("env/{name}").into_bytes(),
            mode: 0o644,
            mtime: 1_700_000_000_000_000_001,
            xattrs: vec![],
            body: Body::File {
                source,
                size: bytes.len() as u64,
                path: RelPath::new(name).unwrap(),
                form: Arc::new(Relocation::at_home(b"/opt/prefix")),
            },
        }
    }

    /// Stores the items and returns the layer that it made.
    fn store(&self, items: &[Item]) -> Option<LayerFacts> {
        let mut store = self.open();
        let absorbed = store.absorb(items, &Silent).unwrap();
        assert!(absorbed.outcomes.iter().flatten().all(Result::is_ok));
        absorbed.layer.map(|layer| store.add(layer).unwrap())
    }

    fn layer(&self, facts: &LayerFacts) -> std::path::PathBuf {
        self.open().layer_path(&facts.digest)
    }
}

/// Everything at once: small, empty, duplicate, fixed frames, content-defined chunks, links.
fn mixed(fixture: &Fixture) -> (Vec<Item>, BTreeMap<String, Vec<u8>>) {
    let mut elf = b"\x7fELF".to_vec();
    elf.extend(text(3, 9 << 20));
    let contents = [
        ("a.py", b"import os\n".to_vec()),
        ("b-copy.py", b"import os\n".to_vec()),
        ("c-empty", vec![]),
        ("d.so", elf.clone()),
        ("e.jsonl", text(5, 6 << 20)),
        ("f-copy.so", elf),
    ];
    let mut items: Vec<Item> = contents.iter().map(|(name, bytes)| fixture.item(name, bytes)).collect();
    let plain = |name: &str, body| Item {
        name: name.as_bytes().to_vec(),
        mode: 0o755,
        mtime: 0,
        xattrs: vec![],
        body,
    };
    items.insert(0, plain("env", Body::Dir));
    items.push(plain("env/link", Body::Symlink(b"a.py".to_vec())));
    items.push(plain("env/second-name", Body::Link(b"env/a.py".to_vec())));
    let files = contents.into_iter().map(|(n, b)| (n.to_owned(), b)).collect();
    (items, files)
}

#[test]
fn contents_come_back_and_are_stored_once() {
    let fixture = Fixture::new();
    let (items, files) = mixed(&fixture);
    let facts = fixture.store(&items).unwrap();
    assert_eq!(facts.files, 3);
    assert!(fixture.store(&items).is_none(), "nothing new, no layer");
    let store = fixture.open();
    for bytes in files.values().filter(|b| !b.is_empty()) {
        assert_eq!(&store.read(&Digest::of(bytes), bytes.len() as u64).unwrap(), bytes);
    }
    assert_eq!(store.catalog().locate(&Digest::of(&files["d.so"])).unwrap().len(), 3);
    assert_eq!(std::fs::read_dir(fixture.dir.path().join("layers")).unwrap().count(), 1);
}

#[test]
fn equal_input_gives_an_equal_layer() {
    let digests: Vec<_> = (0..3)
        .map(|_| {
            let fixture = Fixture::new();
            let (items, _) = mixed(&fixture);
            fixture.store(&items).unwrap().digest
        })
        .collect();
    assert!(digests.iter().all(|d| *d == digests[0]), "{digests:?}");
}

#[test]
fn system_tar_lists_and_extracts_a_layer() {
    let fixture = Fixture::new();
    let (items, files) = mixed(&fixture);
    let layer = fixture.layer(&fixture.store(&items).unwrap());
    let out = fixture.dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let tar = out.join("layer.tar");
    std::fs::write(&tar, zstd::decode_all(std::fs::File::open(&layer).unwrap()).unwrap()).unwrap();
    let status = Command::new("tar")
        .arg("xf")
        .arg(&tar)
        .arg("-C")
        .arg(&out)
        .status()
        .unwrap();
    assert!(status.success());
    for (name, bytes) in &files {
        assert_eq!(&std::fs::read(out.join("env").join(name)).unwrap(), bytes, "{name}");
    }
    assert_eq!(std::fs::read_link(out.join("env/link")).unwrap(), Path::new("a.py"));
    let modified = out.join("env/a.py").metadata().unwrap().modified().unwrap();
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(since.as_nanos(), 1_700_000_000_000_000_001);
}

#[test]
fn an_independent_reader_rebuilds_the_tar() {
    let fixture = Fixture::new();
    let (items, _) = mixed(&fixture);
    let layer = std::fs::read(fixture.layer(&fixture.store(&items).unwrap())).unwrap();
    let found = zstd_chunked::MetadataReferences::from_footer(&layer).unwrap();
    let range = |r: std::ops::Range<u64>| &layer[r.start as usize..r.end as usize];
    let stream =
        zstd_chunked::Stream::new_from_frames(range(found.manifest.range.clone()), range(found.tarsplit.range.clone()))
            .unwrap();
    let mut rebuilt = Vec::new();
    stream
        .write_to(&mut rebuilt, |content| {
            let plain = zstd::decode_all(range(content.range.clone()))?;
            assert_eq!(format!("sha256:{}", Digest::of(&plain)), content.digest);
            Ok(plain)
        })
        .unwrap();
    assert_eq!(Digest::of(&rebuilt), Digest::of(&zstd::decode_all(&layer[..]).unwrap()));
}

#[test]
fn one_changed_line_of_data_costs_one_or_two_chunks() {
    let fixture = Fixture::new();
    let mut data = text(9, 12 << 20);
    let first = fixture.store(&[fixture.item("data.jsonl", &data)]).unwrap();
    data.splice(7_000_000..7_000_010, *b"another line of text\n");
    let second = fixture.store(&[fixture.item("data.jsonl", &data)]).unwrap();
    assert!(
        second.content * 3 < first.content,
        "{} of {}",
        second.content,
        first.content
    );
    let store = fixture.open();
    assert_eq!(store.read(&Digest::of(&data), data.len() as u64).unwrap(), data);
    std::fs::remove_dir_all(fixture.dir.path().join("cache")).unwrap();
    assert_eq!(
        fixture.open().read(&Digest::of(&data), data.len() as u64).unwrap(),
        data,
        "with an index rebuilt from the layers"
    );
}

#[test]
fn damaged_indexes_are_rebuilt() {
    let fixture = Fixture::new();
    let (items, files) = mixed(&fixture);
    let facts = fixture.store(&items).unwrap();
    let path = fixture.dir.path().join("cache/index").join(facts.digest.to_string());
    let good = std::fs::read(&path).unwrap();
    let cached = || Store::cached_index(&fixture.dir.path().join("cache"), &facts.digest).unwrap();
    let known = cached();
    assert!(known.is_proven, "the writer knows what it wrote");
    let summed = |index: &LayerIndex| index.frames.iter().filter(|frame| frame.sum.is_some()).count();
    assert_eq!(summed(&known), known.frames.len());
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    for bytes in [&bad[..], b"", &good[..40]] {
        std::fs::write(&path, bytes).unwrap();
        let store = fixture.open();
        let elf = &files["d.so"];
        assert_eq!(&store.read(&Digest::of(elf), elf.len() as u64).unwrap(), elf);
        let again = cached();
        assert!(
            again.says_what(&known),
            "written anew, and equal to what the writer knew"
        );
        assert!(
            !again.is_proven,
            "of a layer that is only read anybody may have been the writer"
        );
        assert_eq!(summed(&again), 0, "nobody has looked at the frames");
    }
    let layer = (facts.digest, fixture.layer(&facts));
    let checks = verify::check(&[layer].into(), 2, &Silent);
    assert_eq!(checks[0].index, Some(known), "who reads them all knows what they are");
}

#[test]
fn a_frame_is_known_by_the_checksum_noted_with_it_and_a_wrong_one_costs_only_time() {
    let fixture = Fixture::new();
    let (items, files) = mixed(&fixture);
    let facts = fixture.store(&items).unwrap();
    let cache = fixture.dir.path().join("cache");
    let mut index = Store::cached_index(&cache, &facts.digest).unwrap();
    let elf = &files["d.so"];
    let read = || fixture.open().read(&Digest::of(elf), elf.len() as u64);
    // By the checksum: the digest is not asked.
    let noted = index.clone();
    index
        .frames
        .iter_mut()
        .filter(|frame| frame.size as usize > 1 << 20)
        .for_each(|frame| frame.digest = Digest::of(b""));
    Store::renew_index(&cache, &facts.digest, &index);
    assert_eq!(&read().unwrap(), elf);
    // By the digest where the checksum does not fit.
    index = noted;
    index
        .frames
        .iter_mut()
        .for_each(|frame| frame.sum = Some(Checksum::of(b"")));
    Store::renew_index(&cache, &facts.digest, &index);
    assert_eq!(&read().unwrap(), elf);
    index.frames.iter_mut().for_each(|frame| frame.digest = Digest::of(b""));
    Store::renew_index(&cache, &facts.digest, &index);
    assert!(read().is_err());
}

#[test]
fn damage_in_a_layer_names_the_layer_and_spares_the_rest() {
    let fixture = Fixture::new();
    let (items, files) = mixed(&fixture);
    let facts = fixture.store(&items).unwrap();
    let path = fixture.layer(&facts);
    let store = fixture.open();
    let elf = Digest::of(&files["d.so"]);
    let at = store.catalog().locate(&elf).unwrap()[1].frame.offset as usize + 1000;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(&path, bytes).unwrap();
    struct Collect(Mutex<Vec<usize>>);
    impl ContentSink for Collect {
        fn write_at(&self, want: usize, _: u64, _: &[u8]) -> Result<(), crate::fsx::Error> {
            self.0.lock().unwrap().push(want);
            Ok(())
        }
    }
    let wants: Vec<Want> = ["a.py", "d.so", "e.jsonl"]
        .iter()
        .map(|name| Want {
            digest: Digest::of(&files[*name]),
            size: files[*name].len() as u64,
        })
        .collect();
    let sink = Collect(Mutex::default());
    let error = store.fetch(&wants, &sink, &Silent).unwrap_err();
    let FetchError::Lost { lost, reason } = &error else {
        panic!("{error}")
    };
    assert_eq!(lost.iter().collect::<Vec<_>>(), [&elf]);
    assert!(
        reason.contains(&facts.digest.to_string()) && reason.contains("damaged"),
        "{reason}"
    );
    let got = sink.0.into_inner().unwrap();
    assert!(got.contains(&0) && got.contains(&2));
    std::fs::remove_file(&path).unwrap();
    assert!(store.fetch(&wants, &Collect(Mutex::default()), &Silent).is_err());
}

#[test]
fn a_missing_file_is_an_outcome_of_its_own() {
    let fixture = Fixture::new();
    let good = fixture.item("good", b"good");
    let large = fixture.item("large", &text(1, 5 << 20));
    let gone = fixture.item("gone", b"gone");
    std::fs::remove_file(fixture.dir.path().join("live/gone")).unwrap();
    std::fs::remove_file(fixture.dir.path().join("live/large")).unwrap();
    let absorbed = fixture.open().absorb(&[gone, good, large], &Silent).unwrap();
    let ok: Vec<_> = absorbed.outcomes.iter().map(|o| o.as_ref().unwrap().is_ok()).collect();
    assert_eq!(ok, [false, true, false]);
    drop(absorbed.layer);
    assert_eq!(std::fs::read_dir(fixture.dir.path().join("layers")).unwrap().count(), 0);
}

/// A file that is written to all the time is reported, and what the layer got of it is taken out again.
#[test]
fn a_file_that_never_holds_still_leaves_no_trace_in_the_layer() {
    let fixture = Fixture::new();
    let restless = fixture.item("restless", &text(1, 48 << 20));
    let after = fixture.item("z", b"after it");
    let Body::File { source, .. } = &restless.body else {
        unreachable!()
    };
    let stop = std::sync::atomic::AtomicBool::new(false);
    let absorbed = std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Write;
            let mut file = std::fs::File::options().write(true).open(source).unwrap();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                file.write_all(b"x").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let absorbed = fixture.open().absorb(&[restless.clone(), after], &Silent).unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        absorbed
    });
    assert!(absorbed.outcomes[0].as_ref().unwrap().is_err());
    assert!(absorbed.outcomes[1].as_ref().unwrap().is_ok());
    let mut store = fixture.open();
    let facts = store.add(absorbed.layer.unwrap()).unwrap();
    let path = store.layer_path(&facts.digest);
    assert_eq!(Digest::of(&std::fs::read(&path).unwrap()), facts.digest);
    assert!(path.metadata().unwrap().len() < 10_000);
    assert_eq!(store.read(&Digest::of(b"after it"), 8).unwrap(), b"after it");
}
