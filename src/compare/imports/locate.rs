//! Where `import` finds a module: the rules of `importlib`, on a list of paths.

use std::collections::HashMap;

use super::condition::Python;
use crate::snapshot::path::{RelPath, escape};

/// The files of a root as importing sees them.
#[derive(Clone, Debug)]
pub struct Tree<'a> {
    /// The folders in which modules are looked for, in this order.
    pub folders: Vec<&'a RelPath>,
    /// All files, sorted by path. Those outside of the folders do not matter.
    pub files: Vec<&'a RelPath>,
    /// The interpreter.
    pub python: Python,
}

impl Tree<'_> {
    /// A path as people know it: beneath its folder of modules.
    pub(super) fn shown(&self, path: &RelPath) -> String {
        let beneath = self.folders.iter().filter(|folder| path.is_within(folder.as_bytes()));
        let longest = beneath.map(|folder| folder.as_bytes().len() + 1).max().unwrap_or(0);
        escape(path.as_bytes().get(longest..).unwrap_or_default())
    }
}

/// A module that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module<'a> {
    /// Dotted, from the top.
    pub(super) name: String,
    /// What is run when it is imported; nothing for a folder without `__init__`.
    pub(super) code: Code<'a>,
    /// Where its own modules are looked for; empty if it is no package.
    pub(super) folders: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code<'a> {
    Source(&'a RelPath),
    Extension(&'a RelPath),
    /// Byte code without source.
    Compiled(&'a RelPath),
    None,
}

/// What becomes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A module, by its number.
    Module(usize),
    /// It is there, and what it does is of no interest.
    Elsewhere,
    /// Nowhere in the root; the standard library does not have it, as far as is known.
    Missing,
}

/// Finds modules, each once.
pub(super) struct Finder<'a> {
    pub(super) tree: &'a Tree<'a>,
    /// Names at the top that are of interest.
    tops: Vec<&'a str>,
    names: HashMap<String, Found>,
    pub(super) modules: Vec<Module<'a>>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(tree: &'a Tree<'a>, mut tops: Vec<&'a str>) -> Self {
        tops.sort_unstable();
        Self {
            tree,
            tops,
            names: HashMap::new(),
            modules: Vec::new(),
        }
    }

    /// A module by its dotted name.
    pub(super) fn find(&mut self, name: &str) -> Found {
        if let Some(found) = self.names.get(name) {
            return *found;
        }
        let found = match name.rsplit_once('.') {
            None => self.top(name),
            Some((parent, child)) => match self.find(parent) {
                Found::Module(parent) => {
                    let folders = std::mem::take(&mut self.modules[parent].folders);
                    let found = self.look(name, child, folders.iter().map(Vec::as_slice));
                    self.modules[parent].folders = folders;
                    found
                }
                other => other,
            },
        };
        self.names.insert(name.to_owned(), found);
        found
    }

    fn top(&mut self, name: &str) -> Found {
        // The standard library comes before what is installed.
        if STANDARD.binary_search(&name).is_ok() || name.starts_with('_') && !self.is_of_interest(name) {
            return Found::Elsewhere;
        }
        let tree = self.tree;
        let found = self.look(name, name, tree.folders.iter().map(|folder| folder.as_bytes()));
        match found {
            Found::Module(_) if !self.is_of_interest(name) => Found::Elsewhere,
            found => found,
        }
    }

    fn is_of_interest(&self, name: &str) -> bool {
        self.tops.binary_search(&name).is_ok()
    }

    fn look<'b>(&mut self, name: &str, last: &str, folders: impl Iterator<Item = &'b [u8]>) -> Found {
        let mut portions = Vec::new();
        for folder in folders {
            let base = [folder, b"/", last.as_bytes()].concat();
            let init = [&base[..], b"/__init__"].concat();
            if let Some(code) = self.code(&init) {
                return self.add(name, code, vec![base]);
            }
            if let Some(code) = self.code(&base) {
                return self.add(name, code, Vec::new());
            }
            let inside = [&base[..], b"/"].concat();
            if self.beginning(&inside).next().is_some() {
                portions.push(base);
            }
        }
        if portions.is_empty() {
            return Found::Missing;
        }
        self.add(name, Code::None, portions)
    }

    fn add(&mut self, name: &str, code: Code<'a>, folders: Vec<Vec<u8>>) -> Found {
        self.modules.push(Module {
            name: name.to_owned(),
            code,
            folders,
        });
        Found::Module(self.modules.len() - 1)
    }

    /// The paths that begin so.
    fn beginning<'b>(&self, start: &'b [u8]) -> impl Iterator<Item = &'a RelPath> + use<'a, 'b> {
        let files = &self.tree.files;
        let first = files.partition_point(|path| path.as_bytes() < start);
        let rest = files[first..].iter().copied();
        rest.take_while(move |path| path.as_bytes().starts_with(start))
    }

    /// The file of a module, of several the one that is preferred.
    fn code(&self, base: &[u8]) -> Option<Code<'a>> {
        let start = [base, b"."].concat();
        let ranked = self.beginning(&start).filter_map(|path| {
            let rank = self.rank(&path.as_bytes()[base.len()..])?;
            Some((rank, path))
        });
        let (rank, path) = ranked.min_by_key(|(rank, _)| *rank)?;
        Some(match rank {
            0..=2 => Code::Extension(path),
            3 => Code::Source(path),
            _ => Code::Compiled(path),
        })
    }

    /// The place of an ending in the order of preference.
    fn rank(&self, end: &[u8]) -> Option<usize> {
        let plain: [&[u8]; 4] = [b".abi3.so", b".so", b".py", b".pyc"];
        if let Some(at) = plain.iter().position(|plain| *plain == end) {
            return Some(at + 1);
        }
        let tagged = end.strip_prefix(b".cpython-")?.strip_suffix(b".so")?;
        if tagged.contains(&b'.') || tagged.contains(&b'/') {
            return None;
        }
        match self.tree.python.tag() {
            None => Some(0),
            Some(tag) => {
                let rest = tagged.strip_prefix(tag.as_bytes())?;
                matches!(rest.first(), None | Some(b'-')).then_some(0)
            }
        }
    }
}

/// Modules of the standard library that every supported Python has, sorted.
const STANDARD: &[&str] = &[
    "__future__",
    "abc",
    "argparse",
    "array",
    "ast",
    "asyncio",
    "atexit",
    "base64",
    "bdb",
    "binascii",
    "bisect",
    "builtins",
    "bz2",
    "cProfile",
    "calendar",
    "cmath",
    "cmd",
    "code",
    "codecs",
    "codeop",
    "collections",
    "colorsys",
    "compileall",
    "concurrent",
    "configparser",
    "contextlib",
    "contextvars",
    "copy",
    "copyreg",
    "csv",
    "ctypes",
    "curses",
    "dataclasses",
    "datetime",
    "dbm",
    "decimal",
    "difflib",
    "dis",
    "doctest",
    "email",
    "encodings",
    "enum",
    "errno",
    "faulthandler",
    "fcntl",
    "filecmp",
    "fileinput",
    "fnmatch",
    "fractions",
    "ftplib",
    "functools",
    "gc",
    "getopt",
    "getpass",
    "gettext",
    "glob",
    "grp",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "http",
    "imaplib",
    "importlib",
    "inspect",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "locale",
    "logging",
    "lzma",
    "mailbox",
    "marshal",
    "math",
    "mimetypes",
    "mmap",
    "modulefinder",
    "multiprocessing",
    "netrc",
    "numbers",
    "opcode",
    "operator",
    "optparse",
    "os",
    "pathlib",
    "pdb",
    "pickle",
    "pickletools",
    "pkgutil",
    "platform",
    "plistlib",
    "poplib",
    "posix",
    "posixpath",
    "pprint",
    "profile",
    "pstats",
    "pty",
    "pwd",
    "py_compile",
    "pyclbr",
    "pydoc",
    "queue",
    "quopri",
    "random",
    "re",
    "reprlib",
    "resource",
    "rlcompleter",
    "runpy",
    "sched",
    "secrets",
    "select",
    "selectors",
    "shelve",
    "shlex",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "stat",
    "statistics",
    "string",
    "stringprep",
    "struct",
    "subprocess",
    "symtable",
    "sys",
    "sysconfig",
    "syslog",
    "tabnanny",
    "tarfile",
    "tempfile",
    "termios",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "token",
    "tokenize",
    "trace",
    "traceback",
    "tracemalloc",
    "tty",
    "types",
    "typing",
    "unicodedata",
    "unittest",
    "urllib",
    "uuid",
    "venv",
    "warnings",
    "wave",
    "weakref",
    "webbrowser",
    "wsgiref",
    "xml",
    "xmlrpc",
    "zipapp",
    "zipfile",
    "zipimport",
    "zlib",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<RelPath> {
        let mut paths: Vec<RelPath> = text
            .split_whitespace()
            .map(|path| RelPath::new(path).unwrap())
            .collect();
        paths.sort();
        paths
    }

    #[track_caller]
    fn check(files: &str, name: &str, expected: &str) {
        let (folders, files) = (paths("s t"), paths(files));
        let tree = Tree {
            folders: folders.iter().collect(),
            files: files.iter().collect(),
            python: Python::new(Some("3.11.2")),
        };
        let mut finder = Finder::new(&tree, vec!["a"]);
        let told = match finder.find(name) {
            Found::Module(at) => match finder.modules[at].code {
                Code::Source(path) => format!("source {path}"),
                Code::Extension(path) => format!("extension {path}"),
                Code::Compiled(path) => format!("compiled {path}"),
                Code::None => format!("{} folders", finder.modules[at].folders.len()),
            },
            other => format!("{other:?}"),
        };
        assert_eq!(told, expected, "{name}");
    }

    #[test]
    fn packages_come_before_extensions_and_those_before_source() {
        check("s/a.py s/a.abi3.so s/a/__init__.py", "a", "source s/a/__init__.py");
        check("s/a.py s/a.abi3.so s/a.so s/a/x.py", "a", "extension s/a.abi3.so");
        check("s/a.py s/a.pyc", "a", "source s/a.py");
        check("s/a.pyc", "a", "compiled s/a.pyc");
        let tagged = "s/a.cpython-311-x86_64-linux-gnu.so s/a.cpython-312-x86_64-linux-gnu.so s/a.so";
        check(tagged, "a", "extension s/a.cpython-311-x86_64-linux-gnu.so");
        check("s/a.cpython-3111.so s/a.py", "a", "source s/a.py");
        check(
            "s/a/__init__.cpython-311.so s/a/__init__.py",
            "a",
            "extension s/a/__init__.cpython-311.so",
        );
    }

    #[test]
    fn a_folder_without_init_is_a_package_of_all_such_folders() {
        check("s/a/b.py t/a/c.py", "a", "2 folders");
        check("s/a/b.py t/a/c.py", "a.c", "source t/a/c.py");
        check("s/a/b.py t/a.py", "a", "source t/a.py");
        check("s/ab.py", "a", "Missing");
    }

    #[test]
    fn what_is_of_no_interest_is_elsewhere() {
        check("s/os.py", "os.path", "Elsewhere");
        check("s/b.py", "b", "Elsewhere");
        check("s/b/c.py", "b.c.d", "Elsewhere");
        check("s/b.py", "c", "Missing");
        check("s/a.py", "a.c", "Missing");
    }

    #[test]
    fn the_standard_library_is_in_order() {
        assert!(STANDARD.is_sorted());
    }
}
