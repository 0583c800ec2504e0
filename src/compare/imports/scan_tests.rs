//! What snippets of real packages import.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Steps as short lines: what is nested stands deeper.
fn told(steps: &[Step]) -> String {
    let mut out = String::new();
    tell(steps, 0, &mut out);
    out
}

fn tell(steps: &[Step], depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    for step in steps {
        let _ = match step {
            Step::Import(import) => writeln!(out, "{pad}{}", tell_import(import)),
            Step::Raise { exception, line } => writeln!(out, "{pad}{line} raise {exception:?}"),
            Step::With { suppresses, body } => {
                let _ = writeln!(out, "{pad}suppress {}", suppresses.0.join(" "));
                tell(body, depth + 1, out);
                Ok(())
            }
            Step::Maybe(body) => {
                let _ = writeln!(out, "{pad}maybe");
                tell(body, depth + 1, out);
                Ok(())
            }
            Step::Try(parts) => {
                let _ = writeln!(out, "{pad}try");
                tell(&parts.body, depth + 1, out);
                for handler in &parts.handlers {
                    let _ = writeln!(out, "{pad}except {}", handler.catches.0.join(" "));
                    tell(&handler.body, depth + 1, out);
                }
                for (word, body) in [("else", &parts.otherwise), ("finally", &parts.finally)] {
                    if !body.is_empty() {
                        let _ = writeln!(out, "{pad}{word}");
                        tell(body, depth + 1, out);
                    }
                }
                Ok(())
            }
        };
    }
}

fn tell_import(import: &Import) -> String {
    let module = format!("{}{}", ".".repeat(import.level), import.module);
    let names = match &import.names {
        Names::Module => String::new(),
        Names::All => " *".to_owned(),
        Names::These(names) => names.iter().fold(String::new(), |all, (name, here)| {
            let alias = if name == here {
                String::new()
            } else {
                format!("={here}")
            };
            format!("{all} {name}{alias}")
        }),
    };
    format!("{} {module}{names}", import.line)
}

fn script(source: &str) -> Script {
    scan(source.as_bytes(), &Python::new(Some("3.11.2")))
}

#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(told(&script(source).steps), expected, "{source}");
}

#[test]
fn every_form_of_import_is_read() {
    check("import a.b as c, d\n", "1 a.b\n1 d\n");
    check("import a ; import b;c = 1; from d import e", "1 a\n1 b\n1 d e\n");
    check("from .x import y, z as w\n", "1 .x y z=w\n");
    check(
        "from . import q\nfrom .import r\nfrom ... import s",
        "1 . q\n2 . r\n3 ... s\n",
    );
    check(
        "from ..a.b import (  # why\n    c,\n    d as e,\n)\nimport f",
        "1 ..a.b c d=e\n5 f\n",
    );
    check("from a import *\nfrom a import(b)", "1 a *\n2 a b\n");
    check("import a, \\\n  b\nfrom c \\\n  import d\n", "1 a\n1 b\n3 c d\n");
    check("from __future__ import annotations", "1 __future__ annotations\n");
}

#[test]
fn what_is_no_import_is_none() {
    check("'''\nimport a\n'''\nx = \"import b\" # import c\n", "");
    check(
        "def f():\n    import a\n\n    def g(): import b\n    x = '''\nimport c'''\nasync def h():\n  import d\n",
        "",
    );
    check("important = 1\nfrom_ = 2\nimport_module('a')\nx.import_(b)\n", "");
    check("f = lambda: __import__('a')\n@deco\ndef g(): pass\n", "");
    check(
        "yield_from = (yield\n)\nfrom = 3\nimport 3\nimport\nfrom a\nfrom import b\n",
        "",
    );
    check("if __name__ == '__main__':\n    import a\n", "");
}

#[test]
fn classes_and_what_follows_functions_are_run() {
    check(
        "class A(\n  B):\n    import a\n    def f(self):\n        import b\n    import c\nimport d\n",
        "3 a\n6 c\n7 d\n",
    );
    check("def f(a, b=(1,\n 2)):\n\n# comment\n    import a\nimport b\n", "6 b\n");
    check(
        "def f(): return 1\nimport a\nclass A: import b\nimport c",
        "2 a\n3 b\n4 c\n",
    );
    check("def f():\n\timport a\n        import b\nimport c", "4 c\n");
}

#[test]
fn tries_keep_their_parts() {
    check(
        "try:\n    import a\nexcept ImportError as e:\n    import b\n    raise X('y') from e\nexcept:\n    raise\nelse:\n    import c\nfinally:\n    import d\nimport e\n",
        "try\n  2 a\nexcept ImportError\n  4 b\n  5 raise Some(\"X\")\nexcept BaseException\n  7 raise None\nelse\n  9 c\nfinally\n  11 d\n12 e\n",
    );
    check(
        "try: import a\nexcept (ImportError, ValueError): a = None\n",
        "try\n  1 a\nexcept ImportError ValueError\n",
    );
    check(
        "try:\n  try:\n    import a\n  except A:\n    pass\n  import b\nexcept B:\n  import c\n",
        "try\n  try\n    3 a\n  except A\n  6 b\nexcept B\n  8 c\n",
    );
    check(
        "with suppress(ImportError):\n    import a\nwith open(x) as f:\n    import b",
        "suppress ImportError\n  2 a\n4 b\n",
    );
}

#[test]
fn conditions_decide_where_they_can() {
    check("if TYPE_CHECKING:\n    import a\nelse:\n    import b\n", "4 b\n");
    check("if sys.version_info >= (3, 8): import a\nelse: import b\n", "1 a\n");
    check(
        "if sys.version_info < (3, 8):\n  import a\nelif sys.platform == 'win32':\n  import b\nelif x:\n  import c\nelif True:\n  import d\nelse:\n  import e\nimport f\n",
        "maybe\n  6 c\nmaybe\n  8 d\nmaybe\n  10 e\n11 f\n",
    );
    check(
        "if x:\n  if TYPE_CHECKING:\n    import a\n  import b\n",
        "maybe\n  4 b\n",
    );
    check(
        "for x in y:\n  import a\nelse:\n  import b\nwhile z:\n  import c\nwhile False:\n  import d",
        "maybe\n  2 a\nmaybe\n  4 b\nmaybe\n  6 c\n",
    );
    check(
        "match x:\n  case 1:\n    import a\nmatch = 3\nmatch(1)\nimport b\n",
        "maybe\n  maybe\n    3 a\n6 b\n",
    );
    check(
        "if TYPE_CHECKING:\n  def f():\n    pass\n  import a\nelse:\n  import b",
        "6 b\n",
    );
}

#[test]
fn names_that_get_a_value_are_known() {
    let script = script(
        "import a.b, c as d\nfrom e import f\ndef g(): h = 1\nclass i:\n  pass\nj, k = 1, 2\nfor l in m:\n  n = 1\nwith o as p: pass\n",
    );
    let mut bound: Vec<&str> = script.bound.iter().map(String::as_str).collect();
    bound.sort_unstable();
    assert_eq!(bound, ["a", "as", "d", "g", "i", "j", "k", "l", "n", "o", "p"]);
}

#[test]
fn encodings_and_ends_of_line_do_not_matter() {
    let source = b"# -*- coding: latin-1 -*-\r\nx = '\xe9\xff'\r\nimport a\rimport b\n\x0cimport c";
    let script = scan(source, &Python::new(None));
    assert_eq!(told(&script.steps), "3 a\n4 b\n5 c\n");
}

#[test]
fn blocks_may_be_as_deep_as_they_like() {
    let deep: String = (0..5000).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
    let script = script(&format!("{deep}import a\n"));
    assert_eq!(
        script.steps.last().map(|step| matches!(step, Step::Import(_))),
        Some(true)
    );
    let brackets = "(".repeat(100_000);
    assert!(
        super::scan(format!("if {brackets}").as_bytes(), &Python::new(None))
            .steps
            .is_empty()
    );
}

/// Pieces of Python, from which odd files are made.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "import a",
        "from b import c",
        "\n",
        "\n  ",
        "\n    ",
        "\t",
        "if x",
        ":",
        "else:",
        "try:",
        "except X:",
        "finally:",
        "class A:",
        "def f():",
        "'''",
        "\"",
        "'",
        "\\",
        "(",
        ")",
        "#",
        "with suppress(E):",
        "raise",
        ";",
        "lambda",
        "\r",
        "sys.version_info",
        "[",
        "]",
        "<",
        "3",
        ",",
        "and",
        "not ",
    ])
}

proptest! {
    #[test]
    fn any_bytes_are_read(source: Vec<u8>) {
        scan(&source, &Python::new(Some("3.11")));
    }

    #[test]
    fn any_order_of_words_is_read(pieces in prop::collection::vec(piece(), 0..60)) {
        let source = pieces.concat();
        let script = scan(source.as_bytes(), &Python::new(Some("3.11")));
        let lines = source.split(['\n', '\r']).count() as u32;
        for import in script.imports() {
            prop_assert!(import.line >= 1 && import.line <= lines);
        }
    }

    /// Whatever stands in a function before it, an import that begins a line of the module is found.
    #[test]
    fn a_whole_function_hides_nothing(lines in prop::collection::vec("[a-z =:.,+]{0,20}", 0..8)) {
        let body: String = lines.iter().map(|line| format!("    {line}\n")).collect();
        let source = format!("def f():\n    pass\n{body}import a\n");
        let script = scan(source.as_bytes(), &Python::new(Some("3.11")));
        let found = script.imports();
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].module, "a");
    }
}
