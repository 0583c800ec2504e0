//! Tests of the ELF reader.

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elf").join(name);
    std::fs::read(path).unwrap()
}

fn read_bytes(bytes: &[u8], name: &str) -> Option<Elf> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    read(&file, name.as_bytes())
}

fn pairs(versions: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    versions
        .iter()
        .map(|(family, version)| (&**family, &**version))
        .collect()
}

const MARKS: [&[u8]; 5] = [
    b"numpy._core._multiarray_umath",
    b"numpy.core._multiarray_umath",
    b"numpy.core.multiarray",
    b"_ARRAY_API",
    b"size changed",
];

/// The sample module with only some of the marks, by number.
fn module(marks: &[usize]) -> Vec<u8> {
    let mut bytes = sample("module.so");
    for (at, mark) in MARKS.iter().enumerate() {
        if !marks.contains(&at) {
            let found = memchr::memmem::find(&bytes, mark).unwrap();
            bytes[found..found + mark.len()].fill(b'.');
        }
    }
    bytes
}

#[test]
fn needs_of_a_library() {
    let elf = read_bytes(&sample("libneeds.so.1"), "libneeds.so.1").unwrap();
    assert_eq!(elf.machine, object::elf::EM_X86_64.0);
    assert_eq!(elf.soname.as_deref(), Some("libneeds.so.1"));
    assert_eq!(elf.needed, ["libnobody.so.3", "libstdc++.so.6", "libc.so.6"]);
    let needs = [("CXXABI", "1.3.9"), ("GLIBC", "2.34"), ("GLIBCXX", "3.4.29")];
    assert_eq!(pairs(&elf.needs), needs);
    assert_eq!((elf.offers.len(), elf.numpy), (0, None));
}

#[test]
fn versions_are_compared_as_numbers() {
    let elf = read_bytes(&sample("libstdc++.so.6"), "libstdc++.so.6").unwrap();
    assert_eq!(pairs(&elf.offers), [("CXXABI", "1.3.13"), ("GLIBCXX", "3.4.30")]);
}

#[test]
fn a_library_under_a_name_of_its_own_is_not_the_systems() {
    let mut bytes = sample("libneeds.so.1");
    let at = memchr::memmem::find(&bytes, b"libstdc++.so.6").unwrap();
    bytes[at..at + 14].copy_from_slice(b"libstdcpp.so.6");
    let elf = read_bytes(&bytes, "libneeds.so.1").unwrap();
    assert_eq!(pairs(&elf.needs), [("GLIBC", "2.34")]);
}

#[test]
fn which_numpy_a_module_was_built_for() {
    use NumpyBuild::{One, Two};
    let cases: [(&[usize], Option<NumpyBuild>); 8] = [
        (&[1, 3], Some(One { sized: false })),
        (&[1, 2, 3, 4], Some(One { sized: true })),
        (&[0, 1, 2, 3, 4], Some(Two)),
        (&[0, 1, 3], Some(Two)),
        // Cython that knows the types only.
        (&[2, 4], Some(One { sized: true })),
        // pybind11.
        (&[2, 3], None),
        // Cython without NumPy.
        (&[4], None),
        (&[], None),
    ];
    for (marks, expected) in cases {
        let found = |name| read_bytes(&module(marks), name).unwrap().numpy;
        for name in ["module.so", "module.cpython-311-x86_64-linux-gnu.so", "module.abi3.so"] {
            assert_eq!(found(name), expected, "{marks:?} {name}");
        }
        assert_eq!(found("libmodule.so.1"), None);
    }
}

#[test]
fn a_library_that_exports_no_module_is_not_searched() {
    let mut bytes = module(&[1, 3]);
    let at = memchr::memmem::find(&bytes, b"PyInit_").unwrap();
    bytes[at] = b'Q';
    assert_eq!(read_bytes(&bytes, "module.so").unwrap().numpy, None);
    assert!(read_bytes(&bytes, "module.abi3.so").unwrap().numpy.is_some());
}

#[test]
fn a_mark_across_two_pieces_is_found() {
    let mark = b"numpy.core._multiarray_umath";
    for at in [(1 << 20) - 1, (1 << 20) - 14, (1 << 20) - mark.len(), 1 << 20] {
        let mut file = tempfile::tempfile().unwrap();
        let mut bytes = vec![0; at + mark.len() + 1000];
        bytes[at..at + mark.len()].copy_from_slice(mark);
        file.write_all(&bytes).unwrap();
        let mut marks = Marks::default();
        let mut budget = SEARCHED;
        search(&file, Some((0, bytes.len() as u64)), &mut budget, |piece| {
            marks.look(piece)
        });
        assert!(marks.core_umath, "{at}");
        assert_eq!(budget, SEARCHED - bytes.len() as u64);
    }
}

#[test]
fn what_is_no_elf_file_is_nothing() {
    for bytes in [
        &b""[..],
        b"\x7fEL",
        b"#!/bin/sh\nexit\n",
        b"\x7fELF\x03\x01 and then nothing",
        &[0; 100],
    ] {
        assert_eq!(read_bytes(bytes, "x.so"), None);
    }
}

/// Numbers that lead astray.
fn odd_number() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        Just(vec![0; 8]),
        Just(vec![0xff; 8]),
        Just(vec![0xff; 4]),
        any::<u64>().prop_map(|number| number.to_le_bytes().to_vec()),
        any::<u32>().prop_map(|number| number.to_le_bytes().to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever stands in a file, reading it ends and does not panic.
    #[test]
    fn hostile_files_are_read_to_an_end(
        name in prop_oneof![Just("libneeds.so.1"), Just("libstdc++.so.6"), Just("module.so")],
        changes in prop::collection::vec((any::<prop::sample::Index>(), odd_number()), 1..12),
        length in any::<prop::sample::Index>(),
        cut in prop::bool::weighted(0.2),
    ) {
        let mut bytes = sample(name);
        for (at, number) in changes {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + number.len());
            bytes[at..end].copy_from_slice(&number[..end - at]);
        }
        if cut {
            bytes.truncate(length.index(bytes.len()));
        }
        if let Some(elf) = read_bytes(&bytes, name) {
            prop_assert!(elf.needed.len() <= MANY);
        }
    }
}

#[test]
fn entries_that_lead_in_circles_end() {
    let mut bytes = sample("libneeds.so.1");
    // The version needs: `vn_cnt` at its most, `vna_next` nowhere on.
    let section = {
        let data = &bytes[..];
        let header = FileHeader64::<Endianness>::parse(data).unwrap();
        let endian = header.endian().unwrap();
        let sections = header.sections(endian, data).unwrap();
        let found = sections.iter().find(|s| s.sh_type(endian) == elf::SHT_GNU_VERNEED);
        found.unwrap().file_range(endian).unwrap().0 as usize
    };
    bytes[section + 2..section + 4].fill(0xff);
    bytes[section + 16 + 12..section + 16 + 16].fill(0);
    let elf = read_bytes(&bytes, "libneeds.so.1").unwrap();
    assert_eq!(pairs(&elf.needs), [("GLIBC", "2.34")]);
}
