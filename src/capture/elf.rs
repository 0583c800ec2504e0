//! What one ELF file says of itself: what it needs, what it offers, which NumPy it was built for.
//!
//! Of a file only the headers, the dynamic section, the version sections and single strings are read, and of extension
//! modules the constants, in which they are searched for what NumPy's headers leave there. Nothing in a file is trusted:
//! whatever makes no sense is not there, and no number in it makes the reader work or allocate without bound.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use memchr::memmem::Finder;
use object::elf::{self, FileHeader32, FileHeader64};
use object::endian::Endianness;
use object::read::elf::{Dyn, FileHeader, SectionHeader, SectionTable};
use object::read::{ReadCache, ReadRef, StringTable};
use serde::{Deserialize, Serialize};

use crate::snapshot::path::escape;

/// What a file needs and offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elf {
    /// `e_machine`.
    pub machine: u16,
    /// The name under which others need it.
    pub soname: Option<String>,
    /// The libraries that it needs, in the order in which they are looked for.
    pub needed: Vec<String>,
    /// The highest version needed of each [family](FAMILIES).
    pub needs: BTreeMap<String, String>,
    /// The highest version offered of each family.
    pub offers: BTreeMap<String, String>,
    /// The NumPy whose C interface it was built for, if it is an extension module that uses it.
    pub numpy: Option<NumpyBuild>,
}

/// Which NumPy an extension module was built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NumpyBuild {
    /// NumPy 1.x.
    One {
        /// Cython made it: it compares the sizes of types when it is imported.
        sized: bool,
    },
    /// NumPy 2, which works with 1.x too.
    Two,
}

/// Families of symbol versions that count, and the libraries whose they are. A library that a wheel brings along under
/// a name of its own (`libstdc++-1a2b3c4d.so.6`) is none of them.
const FAMILIES: [(&str, &[&str]); 4] = [
    (
        "GLIBC",
        &[
            "libc.so",
            "libm.so",
            "libpthread.so",
            "libdl.so",
            "librt.so",
            "libutil.so",
            "libresolv.so",
            "ld-linux",
        ],
    ),
    ("GLIBCXX", &["libstdc++.so"]),
    ("CXXABI", &["libstdc++.so"]),
    ("GCC", &["libgcc_s.so"]),
];

/// How many libraries, versions or other entries are looked at.
const MANY: usize = 4096;

/// How long a section with entries may be, in bytes. The longest in real files have some kilobytes.
const LONG: u64 = 1 << 20;

/// How much of the names or constants of a file is searched, in bytes.
const SEARCHED: u64 = 256 << 20;

/// Reads a file; nothing if it is no ELF file that can be read. `name` is that of the file.
pub fn read(file: &File, name: &[u8]) -> Option<Elf> {
    let mut ident = [0; 6];
    file.read_exact_at(&mut ident, 0).ok()?;
    if ident[..4] != elf::ELFMAG {
        return None;
    }
    match elf::FileClass(ident[4]) {
        elf::ELFCLASS64 => read_class::<FileHeader64<Endianness>>(file, name),
        elf::ELFCLASS32 => read_class::<FileHeader32<Endianness>>(file, name),
        _ => None,
    }
}

fn read_class<Class: FileHeader<Endian = Endianness>>(file: &File, name: &[u8]) -> Option<Elf> {
    let cache = ReadCache::new(file);
    let header = Class::parse(&cache).ok()?;
    let endian = header.endian().ok()?;
    let mut elf = Elf {
        machine: header.e_machine(endian).0,
        ..Elf::default()
    };
    // Where the section headers are damaged or stripped, that is all there is to know.
    let count = header.shnum(endian, &cache).unwrap_or(0) as usize;
    if count == 0 || count > usize::from(u16::MAX) {
        return Some(elf);
    }
    let Ok(sections) = header.sections(endian, &cache) else {
        return Some(elf);
    };
    let image = Image {
        endian,
        data: &cache,
        sections,
    };
    image.dynamic(&mut elf);
    image.needs(&mut elf);
    image.offers(&mut elf);
    elf.numpy = image.numpy(file, name);
    Some(elf)
}

/// A file whose headers make sense.
struct Image<'data, Class: FileHeader, R: ReadRef<'data>> {
    endian: Endianness,
    data: R,
    sections: SectionTable<'data, Class, R>,
}

impl<'data, Class: FileHeader<Endian = Endianness>, R: ReadRef<'data>> Image<'data, Class, R> {
    /// The first section of a kind, with the strings it refers to.
    fn section(&self, kind: elf::SectionType) -> Option<(&'data Class::SectionHeader, StringTable<'data, R>)> {
        let section = self.sections.iter().find(|s| s.sh_type(self.endian) == kind)?;
        let (_, length) = section.file_range(self.endian)?;
        let strings = self
            .sections
            .strings(self.endian, self.data, section.link(self.endian))
            .ok()?;
        (length <= LONG).then_some((section, strings))
    }

    fn dynamic(&self, elf: &mut Elf) {
        let Some((section, strings)) = self.section(elf::SHT_DYNAMIC) else {
            return;
        };
        let Ok(entries) = section.data_as_array::<Class::Dyn, R>(self.endian, self.data) else {
            return;
        };
        for entry in entries.iter().take(MANY) {
            let text = || {
                entry
                    .string(self.endian, strings)
                    .ok()
                    .filter(|text| !text.is_empty())
                    .map(escape)
            };
            match entry.d_tag(self.endian) {
                elf::DT_NULL => break,
                elf::DT_NEEDED => elf.needed.extend(text()),
                elf::DT_SONAME => elf.soname = text(),
                _ => {}
            }
        }
    }

    fn needs(&self, elf: &mut Elf) {
        let Some((section, strings)) = self.section(elf::SHT_GNU_VERNEED) else {
            return;
        };
        let Ok(Some((mut libraries, _))) = section.gnu_verneed(self.endian, self.data) else {
            return;
        };
        let mut left = MANY;
        while let Ok(Some((library, mut versions))) = libraries.next() {
            let file = library.file(self.endian, strings).unwrap_or_default();
            while let Ok(Some(version)) = versions.next() {
                let Some(fewer) = left.checked_sub(1) else { return };
                left = fewer;
                raise(
                    &mut elf.needs,
                    file,
                    version.name(self.endian, strings).unwrap_or_default(),
                );
            }
        }
    }

    /// Of the libraries whose versions count.
    fn offers(&self, elf: &mut Elf) {
        let Some(soname) = elf.soname.clone() else { return };
        let Some((section, strings)) = self.section(elf::SHT_GNU_VERDEF) else {
            return;
        };
        let Ok(Some((mut versions, _))) = section.gnu_verdef(self.endian, self.data) else {
            return;
        };
        for _ in 0..MANY {
            let Ok(Some((_, mut names))) = versions.next() else {
                return;
            };
            if let Ok(Some(name)) = names.next() {
                raise(
                    &mut elf.offers,
                    soname.as_bytes(),
                    name.name(self.endian, strings).unwrap_or_default(),
                );
            }
        }
    }

    fn numpy(&self, file: &File, name: &[u8]) -> Option<NumpyBuild> {
        let holds = |part: &[u8]| memchr::memmem::find(name, part).is_some();
        if !name.ends_with(b".so") {
            return None;
        }
        let is_module = holds(b".cpython-") || holds(b".abi3.") || holds(b".pypy") || holds(b"python");
        if !is_module && !self.exports_a_module(file) {
            return None;
        }
        let mut marks = Marks::default();
        let mut budget = SEARCHED;
        for section in self.sections.iter() {
            if self
                .sections
                .section_name(self.endian, section)
                .is_ok_and(|name| name.starts_with(b".rodata"))
            {
                search(file, section.file_range(self.endian), &mut budget, |piece| {
                    marks.look(piece)
                });
            }
        }
        marks.verdict()
    }

    /// Whether `PyInit_…` is among its names.
    fn exports_a_module(&self, file: &File) -> bool {
        let mut found = false;
        let symbols = self.sections.iter().find(|s| s.sh_type(self.endian) == elf::SHT_DYNSYM);
        let names = symbols.and_then(|s| self.sections.section(s.link(self.endian)).ok());
        let range = names.and_then(|s| s.file_range(self.endian));
        search(file, range, &mut SEARCHED.clone(), |piece| {
            found |= memchr::memmem::find(piece, b"PyInit_").is_some();
        });
        found
    }
}

/// Notes a version (`GLIBC_2.34`) of a library if it is the highest of a family that counts.
fn raise(highest: &mut BTreeMap<String, String>, library: &[u8], version: &[u8]) {
    // Relative relocations in packed form came with this C library.
    let version = if version == b"GLIBC_ABI_DT_RELR" {
        b"GLIBC_2.36"
    } else {
        version
    };
    let Some((family, number)) = std::str::from_utf8(version).ok().and_then(|text| text.split_once('_')) else {
        return;
    };
    let is_number = !number.is_empty() && number.split('.').all(|part| part.parse::<u32>().is_ok());
    let counts = FAMILIES.iter().any(|(name, libraries)| {
        *name == family && libraries.iter().any(|start| library.starts_with(start.as_bytes()))
    });
    if is_number && counts {
        let known = highest.entry(family.to_owned()).or_default();
        if parts(known) < parts(number) {
            *known = number.to_owned();
        }
    }
}

fn parts(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// What NumPy's headers and Cython leave among the constants of a module.
#[derive(Debug, Default)]
struct Marks {
    /// `import_array()` of NumPy 1.16 to 1.26 names this module, that of NumPy 2 both this and the next.
    core_umath: bool,
    new_core_umath: bool,
    /// The message of Cython's `import_array()`; pybind11 has the name too.
    core_multiarray: bool,
    /// Any module of NumPy 2's.
    new_core: bool,
    /// The table that holds the C interface.
    table: bool,
    /// Cython's comparison of sizes.
    sized: bool,
}

/// The longest mark, less one byte: so much of the end of a piece is looked at again with the next.
const OVERLAP: usize = 64;

impl Marks {
    fn look(&mut self, piece: &[u8]) {
        for at in Finder::new(b"numpy.").find_iter(piece) {
            let rest = &piece[at + b"numpy.".len()..];
            self.core_umath |= rest.starts_with(b"core._multiarray_umath");
            self.new_core_umath |= rest.starts_with(b"_core._multiarray_umath");
            self.core_multiarray |= rest.starts_with(b"core.multiarray");
            self.new_core |= rest.starts_with(b"_core.");
        }
        let holds = |mark: &[u8]| memchr::memmem::find(piece, mark).is_some();
        self.table = self.table || holds(b"_ARRAY_API");
        self.sized = self.sized || holds(b"size changed, may indicate binary incompatibility");
    }

    /// What was tried with NumPy 2.4: modules with the first mark alone raise `ImportError`, or `ValueError` where they
    /// compare sizes. So do modules of Cython that know NumPy's types but not its functions. Modules of pybind11 look
    /// for the table at run time and work with both.
    fn verdict(&self) -> Option<NumpyBuild> {
        if self.new_core_umath {
            return Some(NumpyBuild::Two);
        }
        let knows_types = self.core_multiarray && self.sized && !self.table && !self.new_core;
        (self.core_umath || knows_types).then_some(NumpyBuild::One { sized: self.sized })
    }
}

/// Calls `look` with a part of a file, piece by piece, as far as the budget goes; pieces overlap.
fn search(file: &File, range: Option<(u64, u64)>, budget: &mut u64, mut look: impl FnMut(&[u8])) {
    let Some((mut at, length)) = range else { return };
    let mut left = length.min(*budget);
    let mut piece = vec![0; (1 << 20).min(left as usize + OVERLAP)];
    let mut kept = 0;
    while left > 0 {
        let room = (piece.len() - kept).min(left as usize);
        let Ok(read @ 1..) = file.read_at(&mut piece[kept..kept + room], at) else {
            return;
        };
        let filled = kept + read;
        look(&piece[..filled]);
        let read = read as u64;
        (at, left, *budget) = (at.saturating_add(read), left - read, *budget - read);
        kept = filled.min(OVERLAP);
        piece.copy_within(filled - kept..filled, 0);
    }
}

#[cfg(test)]
#[path = "elf_tests.rs"]
mod tests;
