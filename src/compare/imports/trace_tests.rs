//! Small trees, and which modules in them can be imported.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::{Python, broken_by_numpy};
use super::*;
use crate::snapshot::binary::NumpyModules;

/// Files with their content, beneath a folder `s`.
struct Files(BTreeMap<RelPath, String>);

impl Sources for Files {
    fn read(&self, paths: &[&RelPath]) -> Vec<Option<Vec<u8>>> {
        let read = |path: &&RelPath| self.0.get(*path).map(|text| text.clone().into_bytes());
        paths.iter().map(read).collect()
    }
}

/// What becomes of `import NAME` for every name at the top: nothing for those that succeed.
///
/// `*.so` is broken with `ImportError`, `*_sized.so` with `ValueError`, `*_good.so` is not.
fn failures(files: &[(&str, &str)]) -> String {
    let named = |path: &str| RelPath::new(format!("s/{path}")).unwrap();
    let files = Files(
        files
            .iter()
            .map(|(path, text)| (named(path), (*text).to_owned()))
            .collect(),
    );
    let ends = |path: &RelPath, end: &str| path.to_string().ends_with(end);
    let so = files
        .0
        .keys()
        .filter(|path| ends(path, ".so") && !ends(path, "_good.so"));
    let modules = NumpyModules {
        one: so.clone().cloned().collect(),
        sized: so.filter(|path| ends(path, "_sized.so")).cloned().collect(),
        two: 0,
    };
    let broken = broken_by_numpy(&modules, "2.4.6");
    let folder = RelPath::new("s").unwrap();
    let tree = Tree {
        folders: vec![&folder],
        files: files.0.keys().collect(),
        python: Python::new(Some("3.11.2")),
    };
    let tops = super::super::top_modules(&[&folder], files.0.keys());
    let mut trace = Trace::new(&tree, tops.iter().map(String::as_str).collect(), &broken, &files);
    let mut told = String::new();
    for top in &tops {
        if let Some(failure) = trace.import(top) {
            let _ = writeln!(
                told,
                "{top}: {} ({})",
                failure.chain().join(", "),
                failure.raises.join(" ")
            );
        }
    }
    told
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &str) {
    assert_eq!(failures(files), expected, "{files:#?}");
}

/// Packages that fail: `imp` with `ImportError`, `val` with `ValueError`.
const IMP: [(&str, &str); 2] = [("imp/__init__.py", "\nfrom . import _x"), ("imp/_x.so", "")];
const VAL: [(&str, &str); 2] = [("val/__init__.py", "from val.x_sized import y"), ("val/x_sized.so", "")];
const IMP_FAILS: &str = "imp: imp/__init__.py:2 imports imp._x (ImportError)\n";
const VAL_FAILS: &str = "val: val/__init__.py:1 imports val.x_sized (ValueError)\n";

/// What becomes of a module `z` that stands beside the two.
#[track_caller]
fn check_module(text: &str, expected: &str) {
    let files = [&IMP[..], &VAL, &[("z.py", text), ("fine.py", "")]].concat();
    let expected = format!("{IMP_FAILS}{VAL_FAILS}{expected}");
    assert_eq!(failures(&files), expected, "{text}");
}

#[test]
fn a_failure_goes_up_to_whoever_imports() {
    check(
        &[
            ("a/__init__.py", "from .b import c\n"),
            ("a/b.py", "import os\nimport a.d.e\n"),
            ("a/d/__init__.py", ""),
            ("a/d/e.py", "from ..f import g"),
            ("a/f.cpython-311-x86_64-linux-gnu.so", ""),
            ("other.py", "import a.d"),
            ("fine.py", "def f(): import a"),
        ],
        "a: a/__init__.py:1 imports a.b, a/b.py:2 imports a.d.e, a/d/e.py:1 imports a.f (ImportError)\n\
         other: other.py:1 imports a, a/__init__.py:1 imports a.b, a/b.py:2 imports a.d.e, a/d/e.py:1 imports a.f \
         (ImportError)\n",
    );
    check(&[IMP[0], ("imp/_x_good.so", "")], "");
}

#[test]
fn only_what_a_clause_names_is_caught() {
    check_module("try:\n  import imp\nexcept ImportError:\n  imp = None", "");
    check_module("try:\n  import imp\nexcept (OSError, Exception):\n  pass", "");
    check_module("try:\n  import val\nexcept:\n  pass", "");
    check_module("with contextlib.suppress(ImportError): import imp", "");
    let goes_up = "imports val, val/__init__.py:1 imports val.x_sized (ValueError)\n";
    check_module(
        "try:\n  import val\nexcept ImportError:\n  val = None",
        &format!("z: z.py:2 {goes_up}"),
    );
    check_module(
        "with suppress(ImportError):\n  import val",
        &format!("z: z.py:2 {goes_up}"),
    );
    check_module("with open(x):\n  import val", &format!("z: z.py:2 {goes_up}"));
    check_module("try:\n  import val\nfinally:\n  pass", &format!("z: z.py:2 {goes_up}"));
    let goes_up = "imports imp, imp/__init__.py:2 imports imp._x (ImportError)\n";
    check_module(
        "try:\n  import imp\nexcept ModuleNotFoundError:\n  pass",
        &format!("z: z.py:2 {goes_up}"),
    );
    // The inner clause does not catch it, the outer one does.
    check_module(
        "try:\n  try:\n    import val\n  except ImportError:\n    pass\nexcept ValueError:\n  pass",
        "",
    );
}

#[test]
fn what_a_handler_does_counts() {
    let why = "imports imp, imp/__init__.py:2 imports imp._x";
    check_module(
        "try:\n  import imp\nexcept ImportError as e:\n  raise ImportError('x') from e",
        &format!("z: z.py:4 raises ImportError in its place, z.py:2 {why} (ImportError)\n"),
    );
    check_module(
        "try:\n  import imp\nexcept ImportError:\n  raise",
        &format!("z: z.py:2 {why} (ImportError)\n"),
    );
    check_module("try:\n  import imp\nexcept ImportError:\n  if x: raise", "");
    check_module(
        "try:\n  import imp\nexcept ImportError:\n  import val",
        "z: z.py:4 imports val, val/__init__.py:1 imports val.x_sized (ValueError)\n",
    );
    check_module("try:\n  import fine\nexcept ImportError:\n  import val", "");
    check_module(
        "try:\n  import imp\nexcept ImportError:\n  pass\nelse:\n  import val",
        "",
    );
    check_module(
        "try:\n  import fine\nexcept ImportError:\n  pass\nelse:\n  import imp",
        &format!("z: z.py:6 {why} (ImportError)\n"),
    );
}

#[test]
fn what_cannot_be_told_does_not_fail() {
    check_module("if x:\n  import imp", "");
    check_module("for x in y:\n  import imp", "");
    check_module("try:\n  import imp\nexcept ERRORS:\n  pass", "");
    check_module("with try_import() as t:\n  import imp", "");
    check_module("if TYPE_CHECKING:\n  import imp", "");
    // If `nowhere` is missing indeed, `val` is never reached, and the clause catches.
    check_module("try:\n  import nowhere\n  import val\nexcept ImportError:\n  pass", "");
    check_module(
        "try:\n  if x: raise ImportError\n  import val\nexcept ImportError:\n  pass",
        "",
    );
    check_module(
        "try:\n  import nowhere\nexcept ImportError:\n  pass\nelse:\n  import val",
        "",
    );
    // Without a clause the module fails one way or the other.
    check_module(
        "import nowhere\nimport val",
        "z: z.py:2 imports val, val/__init__.py:1 imports val.x_sized (ValueError ModuleNotFoundError)\n",
    );
    // What is perhaps raised in one module does not excuse another.
    let files = [
        &VAL[..1],
        &[
            ("val/x_sized.so", ""),
            ("z.py", "try:\n  import y\nexcept ImportError:\n  pass"),
        ],
    ];
    let files = [files.concat(), vec![("y.py", "if x:\n  import q\nimport val")]].concat();
    let told = failures(&files);
    assert!(told.contains("z: z.py:2 imports y, y.py:3 imports val"), "{told}");
}

#[test]
fn a_name_that_a_package_has_itself_is_no_module() {
    let package = |init: &'static str| [("a/__init__.py", init), ("a/b.so", ""), ("c.py", "from a import b")];
    let fails = "c: c.py:1 imports a.b (ImportError)\n";
    check(&package(""), fails);
    check(&package("def f(): b = 1\n"), fails);
    check(&package("__all__ = ['b']\n__getattr__ = lazy"), fails);
    check(&package("b = None"), "");
    check(&package("def b(): pass"), "");
    check(&package("if x:\n  b = 1"), "");
    check(&package("from json import loads as b"), "");
    check(&package("from json import *"), "");
    let star = |other: &'static str| [&package("from .d import *")[..], &[("a/d.py", other)]].concat();
    check(&star("b = 1"), "");
    check(&star("x = 1"), fails);
    check(&star("from . import *\nfrom .d import *"), "");
}

#[test]
fn opencv_loads_its_extension_in_a_function() {
    let files = |name: &'static str| {
        [
            (name, "def bootstrap():\n  pass\n\nbootstrap()\n"),
            ("cv2/cv2.abi3.so", ""),
        ]
    };
    check(
        &files("cv2/__init__.py"),
        "cv2: cv2/__init__.py:4 imports cv2.cv2 (ImportError)\n",
    );
    check(&[("a/__init__.py", "\nbootstrap()"), ("a/cv2.so", "")], "");
    check(&[("cv2/__init__.py", ""), ("cv2/cv2.so", "")], "");
}

#[test]
fn modules_that_import_each_other_end() {
    check(&[("a.py", "import b"), ("b.py", "import a")], "");
    check(
        &[("a.py", "import b\nimport x"), ("b.py", "import a"), ("x.so", "")],
        "a: a.py:2 imports x (ImportError)\n\
         b: b.py:1 imports a, a.py:2 imports x (ImportError)\n\
         x:  (ImportError)\n",
    );
    // Within one interpreter `b` is there once it was imported, though on its own it would fail.
    let circle = [("a.py", "import b\nimport x"), ("b.py", "import a"), ("x.so", "")];
    let after = [
        &circle[..],
        &[("z.py", "try:\n  import a\nexcept Exception:\n  pass\nimport b")],
    ]
    .concat();
    assert!(!failures(&after).contains("z:"));
    check(
        &[
            ("a/__init__.py", "from . import b"),
            ("a/b.py", "from a import c\nfrom .. import d"),
        ],
        "",
    );
}

#[test]
fn long_chains_end_without_an_answer() {
    let names: Vec<(String, String)> = (0..3000)
        .map(|at| {
            (
                format!("m{at}.py"),
                format!("try: import m{}\nexcept OSError: raise", at + 1),
            )
        })
        .collect();
    let mut files: Vec<(&str, &str)> = names
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    files.push(("m3000.so", ""));
    let told = failures(&files);
    assert!(told.contains("m2999: ") && !told.contains("m0: "));
}

#[test]
fn numpy_breaks_what_was_built_for_the_other() {
    let path = |text: &str| RelPath::new(text).unwrap();
    let modules = NumpyModules {
        one: vec![path("s/a.so"), path("s/b.so")],
        sized: vec![path("s/b.so")],
        two: 3,
    };
    let told = |numpy: &str| {
        let broken = broken_by_numpy(&modules, numpy);
        broken
            .iter()
            .map(|b| format!("{} {} {}", b.path, b.exception, b.why))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told("2.4.6"),
        [
            "s/a.so ImportError was built for NumPy 1.x, NumPy 2.4.6 is there",
            "s/b.so ValueError was built for NumPy 1.x, NumPy 2.4.6 is there",
        ]
    );
    assert!(told("1.26.4").is_empty() && told("").is_empty());
}
