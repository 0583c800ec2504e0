//! The compiled code of a root: which files hold any, what they need, and that summed up by unit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use object::elf;

use super::elf::{Elf, NumpyBuild, read};
use super::inspect::in_parallel;
use crate::fsx::stable;
use crate::snapshot::binary::{Binaries, Need};
use crate::snapshot::entry::{Entry, Node};
use crate::snapshot::path::{RelPath, escape};
use crate::snapshot::unit::UnitName;

/// The length of the shortest header.
const SHORTEST: u64 = 52;

/// Endings of files that are no ELF files, though many of them may be executed.
const SOURCES: [&[u8]; 6] = [b".py", b".pyc", b".sh", b".pl", b".h", b".a"];

/// Who needs this library needs a driver, also if it brings the library along.
const CUDA_RUNTIME: &str = "libcudart";

/// Whether a file may be an ELF file.
pub fn is_candidate(entry: &Entry) -> bool {
    let Some(file) = entry.file() else { return false };
    let name = entry.path.file_name();
    let named = memchr::memmem::find(name, b".so").is_some();
    file.size >= SHORTEST && (named || entry.mode & 0o111 != 0) && !SOURCES.iter().any(|end| name.ends_with(end))
}

/// Reads files, on all cores. What is no ELF file, or cannot be read any more, is left out.
pub fn read_all(root: &Path, paths: &[&RelPath]) -> Vec<(RelPath, Elf)> {
    let read_one = |at: usize| {
        let path: &RelPath = paths[at];
        let file = stable::StableFile::open(&path.under(root)).ok()?.into_file();
        Some((path.clone(), read(&file, path.file_name())?))
    };
    in_parallel(paths.len(), read_one).into_iter().flatten().collect()
}

/// Sums up by unit. `entries` are all entries of the root, sorted, `unit_of` the numbers of their units, `elves` what is
/// known of the ELF files among them.
pub fn sum_up(
    entries: &[Entry],
    unit_of: &[u32],
    unit_name: impl Fn(u32) -> Option<UnitName>,
    elves: &[(RelPath, Elf)],
) -> Vec<Binaries> {
    let mut elves = elves.iter().peekable();
    let mut sums: BTreeMap<u32, Sum> = BTreeMap::new();
    for (entry, unit) in entries.iter().zip(unit_of) {
        while elves.next_if(|(path, _)| *path < entry.path).is_some() {}
        match (elves.next_if(|(path, _)| *path == entry.path), &entry.node) {
            (Some((path, elf)), Node::File(_)) => sums.entry(*unit).or_default().add(path, elf),
            // Other names of libraries (`libblas.so.3`) may be what is needed.
            (_, Node::Symlink(_)) if is_library_name(entry.path.file_name()) => {
                sums.entry(*unit).or_default().provide(entry.path.file_name());
            }
            _ => {}
        }
    }
    let finished = sums
        .into_iter()
        .filter_map(|(unit, sum)| Some(sum.finish(unit_name(unit)?)));
    let mut finished: Vec<Binaries> = finished.filter(|unit| unit.files > 0).collect();
    finished.sort_by(|a, b| a.unit.cmp(&b.unit));
    finished
}

#[derive(Default)]
struct Sum {
    files: u64,
    needs: BTreeMap<String, Need>,
    offers: BTreeMap<String, String>,
    libraries: BTreeMap<String, RelPath>,
    provides: BTreeSet<String>,
    one: Vec<RelPath>,
    sized: Vec<RelPath>,
    two: u64,
}

impl Sum {
    /// Files come in the order of their paths, so that the first to need something stays.
    fn add(&mut self, path: &RelPath, elf: &Elf) {
        self.files += 1;
        if elf.machine != native_machine().unwrap_or(elf.machine) {
            return;
        }
        for (family, version) in &elf.needs {
            let need = || Need {
                version: version.clone(),
                path: path.clone(),
            };
            let known = self.needs.entry(family.clone()).or_insert_with(need);
            if is_less(&known.version, version) {
                *known = need();
            }
        }
        for (family, version) in &elf.offers {
            let known = self.offers.entry(family.clone()).or_default();
            if is_less(known, version) {
                *known = version.clone();
            }
        }
        for library in &elf.needed {
            self.libraries.entry(library.clone()).or_insert_with(|| path.clone());
        }
        self.provides.extend(elf.soname.clone());
        if is_library_name(path.file_name()) {
            self.provide(path.file_name());
        }
        match elf.numpy {
            _ if !may_be_imported(path) => {}
            Some(NumpyBuild::One { sized }) => {
                self.one.push(path.clone());
                self.sized.extend(sized.then(|| path.clone()));
            }
            Some(NumpyBuild::Two) => self.two += 1,
            None => {}
        }
    }

    fn provide(&mut self, name: &[u8]) {
        self.provides.insert(escape(name));
    }

    fn finish(mut self, unit: UnitName) -> Binaries {
        self.libraries
            .retain(|name, _| !self.provides.contains(name) || name.starts_with(CUDA_RUNTIME));
        let mut binaries = Binaries::new(unit);
        binaries.files = self.files;
        binaries.versions = self.needs;
        binaries.offers = self.offers;
        binaries.libraries = self.libraries;
        binaries.provides = self.provides.into_iter().collect();
        binaries.numpy.one = self.one;
        binaries.numpy.sized = self.sized;
        binaries.numpy.two = self.two;
        binaries
    }
}

/// Whether a file is named as libraries are that others need: extension modules are not.
fn is_library_name(name: &[u8]) -> bool {
    name.starts_with(b"lib") && memchr::memmem::find(name, b".so").is_some()
}

/// Whether a module lies where it may be imported, and is not NumPy's own, which is as new as NumPy is.
fn may_be_imported(path: &RelPath) -> bool {
    let parts: Vec<&[u8]> = path.as_bytes().split(|b| *b == b'/').collect();
    let site = parts
        .iter()
        .position(|part| matches!(*part, b"site-packages" | b"dist-packages"));
    let top = site.and_then(|at| parts.get(at + 1));
    top.is_none_or(|top| *top != b"numpy" && !top.starts_with(b"~"))
}

fn is_less(a: &str, b: &str) -> bool {
    let parts = |version: &str| -> Vec<u32> { version.split('.').filter_map(|part| part.parse().ok()).collect() };
    parts(a) < parts(b)
}

/// The `e_machine` of what this machine runs; what is for another is data to it.
fn native_machine() -> Option<u16> {
    let machine = match std::env::consts::ARCH {
        "x86_64" => elf::EM_X86_64,
        "aarch64" => elf::EM_AARCH64,
        "x86" => elf::EM_386,
        "arm" => elf::EM_ARM,
        "powerpc64" => elf::EM_PPC64,
        "s390x" => elf::EM_S390,
        "riscv64" => elf::EM_RISCV,
        _ => return None,
    };
    Some(machine.0)
}

#[cfg(test)]
#[path = "binaries_tests.rs"]
mod tests;
