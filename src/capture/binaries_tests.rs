//! Tests of summing up compiled code.

use super::*;
use crate::digest::Digest;
use crate::snapshot::entry::{FileNode, PrefixUse};

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn entry(text: &str, mode: u32, size: u64) -> Entry {
    Entry {
        path: path(text),
        mode,
        mtime: 0,
        xattrs: Vec::new(),
        node: Node::File(FileNode {
            size,
            digest: Digest::from_bytes([0; 32]),
            prefix: PrefixUse::None,
            sparse: false,
            hardlink: None,
        }),
    }
}

fn elf(needed: &[&str], needs: &[(&str, &str)]) -> Elf {
    let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    Elf {
        machine: native_machine().unwrap_or_default(),
        needed: needed.iter().map(|name| (*name).to_owned()).collect(),
        needs: needs.iter().map(owned).collect(),
        ..Elf::default()
    }
}

/// Sums up files of one unit.
fn sum(files: &[(&str, Elf)]) -> Binaries {
    let entries: Vec<Entry> = files.iter().map(|(name, _)| entry(name, 0o755, 100)).collect();
    let elves: Vec<(RelPath, Elf)> = files.iter().map(|(name, elf)| (path(name), elf.clone())).collect();
    let unit_of = vec![0; entries.len()];
    let name = |_| Some(UnitName::pip("it"));
    let mut units = sum_up(&entries, &unit_of, name, &elves);
    assert_eq!(units.len(), 1);
    units.remove(0)
}

#[test]
fn files_that_may_be_elf_files() {
    let cases = [
        ("lib/x.so", 0o644, 100, true),
        ("lib/libx.so.1.2", 0o644, 100, true),
        ("bin/x", 0o755, 100, true),
        ("bin/x", 0o644, 100, false),
        ("bin/x", 0o755, 51, false),
        ("bin/x.py", 0o755, 100, false),
        ("lib/x.so.py", 0o644, 100, false),
    ];
    for (name, mode, size, expected) in cases {
        assert_eq!(
            is_candidate(&entry(name, mode, size)),
            expected,
            "{name} {mode:o} {size}"
        );
    }
}

#[test]
fn the_highest_need_counts_and_the_first_file_that_has_it() {
    let unit = sum(&[
        ("a.so", elf(&["libc.so.6"], &[("GLIBC", "2.9")])),
        ("b.so", elf(&["libc.so.6"], &[("GLIBC", "2.14")])),
        ("c.so", elf(&["libm.so.6"], &[("GLIBC", "2.14")])),
    ]);
    assert_eq!(unit.files, 3);
    let need = &unit.versions["GLIBC"];
    assert_eq!((need.version.as_str(), &need.path), ("2.14", &path("b.so")));
    let libraries: Vec<_> = unit
        .libraries
        .iter()
        .map(|(name, path)| (name.as_str(), path))
        .collect();
    assert_eq!(libraries, [("libc.so.6", &path("a.so")), ("libm.so.6", &path("c.so"))]);
}

#[test]
fn what_the_unit_holds_is_no_need() {
    let named = Elf {
        soname: Some("libz.so.1".to_owned()),
        ..elf(&[], &[])
    };
    let unit = sum(&[
        (
            "a.so",
            elf(&["libz.so.1", "libq.so", "libr.so", "libcudart.so.12"], &[]),
        ),
        ("lib/libcudart.so.12", elf(&[], &[])),
        ("lib/libq.so", elf(&[], &[])),
        ("lib/zlib-1.so", named),
    ]);
    assert_eq!(unit.provides, ["libcudart.so.12", "libq.so", "libz.so.1"]);
    assert_eq!(
        unit.libraries.keys().collect::<Vec<_>>(),
        ["libcudart.so.12", "libr.so"]
    );
}

#[test]
fn links_are_names_too() {
    let mut link = entry("lib/libblas.so.3", 0, 0);
    link.node = Node::Symlink(b"libopenblas.so.0".to_vec());
    let entries = [link, entry("lib/libopenblas.so.0", 0o755, 100)];
    let elves = [(path("lib/libopenblas.so.0"), elf(&[], &[]))];
    let units = sum_up(&entries, &[0, 0], |_| Some(UnitName::conda("blas")), &elves);
    assert_eq!(units[0].provides, ["libblas.so.3", "libopenblas.so.0"]);
}

#[test]
fn code_for_another_machine_is_data() {
    let mut other = elf(&["libc.so.6"], &[("GLIBC", "2.99")]);
    other.machine ^= 1;
    let unit = sum(&[("a.so", other)]);
    assert_eq!((unit.files, unit.versions.len(), unit.libraries.len()), (1, 0, 0));
}

#[test]
fn modules_by_their_numpy() {
    let built = |numpy| Elf {
        numpy: Some(numpy),
        ..elf(&[], &[])
    };
    let one = built(NumpyBuild::One { sized: false });
    let unit = sum(&[
        (
            "lib/python3.11/site-packages/a/numpy/b.so",
            built(NumpyBuild::One { sized: true }),
        ),
        ("lib/python3.11/site-packages/c.so", one.clone()),
        ("lib/python3.11/site-packages/d.so", built(NumpyBuild::Two)),
        ("lib/python3.11/site-packages/numpy/core/e.so", one.clone()),
        ("lib/python3.11/site-packages/~andas/f.so", one),
    ]);
    let b = path("lib/python3.11/site-packages/a/numpy/b.so");
    assert_eq!(unit.numpy.one, [b.clone(), path("lib/python3.11/site-packages/c.so")]);
    assert_eq!((unit.numpy.sized, unit.numpy.two), (vec![b], 1));
}

#[test]
fn units_are_sorted_and_those_without_code_left_out() {
    let entries = [
        entry("a.so", 0o644, 100),
        entry("b.so", 0o644, 100),
        entry("c.txt", 0o644, 9),
    ];
    let elves = [(path("a.so"), elf(&[], &[])), (path("b.so"), elf(&[], &[]))];
    let names = [UnitName::pip("z"), UnitName::pip("a"), UnitName::pip("m")];
    let units = sum_up(&entries, &[0, 1, 2], |at| names.get(at as usize).cloned(), &elves);
    let found: Vec<&str> = units.iter().map(|unit| unit.unit.as_str()).collect();
    assert_eq!(found, ["pip/a", "pip/z"]);
    let text = crate::snapshot::binary::encode(&units);
    assert_eq!(crate::snapshot::binary::decode(&text).unwrap(), units);
}

#[test]
fn files_are_read_where_they_stand() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elf");
    let names = ["README.md", "libneeds.so.1", "module.so", "not-there.so"].map(path);
    let mut found = read_all(&data, &names.iter().collect::<Vec<_>>());
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let found: Vec<_> = found
        .iter()
        .map(|(path, elf)| (path.to_string(), elf.needed.len()))
        .collect();
    assert_eq!(found, [("libneeds.so.1".to_owned(), 3), ("module.so".to_owned(), 0)]);
}
