//! The inner loops whose cost grows with the size of an environment, on 50,000 entries: `cargo bench --bench kernels`.
//!
//! Each runs for about a second; the least and the median of all runs are printed. What whole commands take, beside
//! other tools, is measured by `benches/compare.sh`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use envgit::compare;
use envgit::compare::files::Units;
use envgit::digest::Digest;
use envgit::snapshot::entry::{Entry, FileNode, Node, PrefixUse};
use envgit::snapshot::filelist;
use envgit::snapshot::path::RelPath;
use envgit::snapshot::unit::UnitName;

/// As in a large environment: half a thousand packages.
const PACKAGES: usize = 500;
const FILES: usize = 99;
/// As in a dictionary close to the largest that is kept as text.
const RECORDS: usize = 18_000;

/// One unit for each package: its folder and the files in it. `salt` makes other content.
fn units(salt: usize) -> Units {
    let unit = |package: usize| {
        let folder = format!("lib/python3.11/site-packages/package_{package:03}");
        let path = |name: &str| RelPath::new(name).expect("a plain path");
        let file = |number: usize| Entry {
            path: path(&format!("{folder}/module_{number:02}.cpython-311-x86_64-linux-gnu.so")),
            mode: 0o644,
            mtime: 1_700_000_000_123_456_789 + number as i64,
            node: Node::File(FileNode {
                size: 1000 + number as u64,
                digest: Digest::of(format!("{package} {number} {salt}").as_bytes()),
                prefix: if number == 0 { PrefixUse::Text } else { PrefixUse::None },
                sparse: false,
                hardlink: None,
            }),
            xattrs: Vec::new(),
        };
        let dir = Entry {
            path: path(&folder),
            mode: 0o755,
            mtime: 1_700_000_000_000_000_000,
            node: Node::Dir,
            xattrs: Vec::new(),
        };
        let entries = std::iter::once(dir).chain((0..FILES).map(file)).collect();
        (UnitName::pip(&format!("package-{package:03}")), entries)
    };
    (0..PACKAGES).map(unit).collect()
}

/// A dictionary of single pairs in JSON Lines. `salt` makes other values of
/// every tenth of them, or of all.
fn dictionary(salt: usize, every: usize) -> Vec<u8> {
    let line = |number: usize| {
        let salt = if number.is_multiple_of(every) { salt } else { 0 };
        format!("{{\"词{number:05}\": \"<|CH|><|ONG{salt}|><|Q|><|ING4|>\"}}\n")
    };
    (0..RECORDS).map(line).collect::<String>().into_bytes()
}

fn measure<T>(name: &str, entries: usize, mut work: impl FnMut() -> T) {
    black_box(work());
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) || times.len() < 5 {
        let start = Instant::now();
        black_box(work());
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let (least, median) = (times[0], times[times.len() / 2]);
    let each = median.as_nanos() / entries as u128;
    println!("{name:<34} min {least:>10.3?}   median {median:>10.3?}   {each:>4} ns an entry");
}

fn main() {
    let before = units(0);
    let mut one_changed = before.clone();
    one_changed[7] = units(1)[7].clone();
    let all_changed = units(1);
    let texts: Vec<Vec<u8>> = before.iter().map(|(_, entries)| filelist::encode(entries)).collect();

    let entries = PACKAGES * (FILES + 1);
    println!("{entries} entries in {PACKAGES} units");
    measure("file lists: encode", entries, || {
        before
            .iter()
            .map(|(_, entries)| filelist::encode(entries).len())
            .sum::<usize>()
    });
    measure("file lists: decode", entries, || {
        texts
            .iter()
            .map(|text| filelist::decode(text).map_or(0, |entries| entries.len()))
            .sum::<usize>()
    });
    measure("compare: equal states", entries, || {
        compare::files(&before, &before).len()
    });
    measure("compare: one package changed", entries, || {
        compare::files(&before, &one_changed).len()
    });
    measure("compare: every file changed", entries, || {
        compare::files(&before, &all_changed).len()
    });

    let path = RelPath::new("configs/G2P_replace_dict.jsonl").expect("a plain path");
    let text = dictionary(1, 10);
    println!("{RECORDS} records in {} KiB of JSON Lines", text.len() >> 10);
    for (name, other) in [
        ("configs: every tenth record", dictionary(2, 10)),
        ("configs: every record", dictionary(2, 1)),
    ] {
        measure(name, RECORDS, || compare::config(&path, Some(&text), Some(&other)));
    }
}
