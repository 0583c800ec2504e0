//! The rules of `docs/architecture.md`, held against the source itself.
//!
//! Each rule is a function from one file to the places that break it, so that the rules can be tried on sample text
//! below, and a rule that can never fail is noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What each module may use of the others. The same table, with its reasons, stands in `docs/architecture.md`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("digest", &[]),
    ("cores", &[]),
    ("progress", &[]),
    ("fsx", &[]),
    // `fsx` for its error type in `content.rs` alone, where the store and the stage meet: see EXCEPTIONS.
    ("snapshot", &["digest", "progress"]),
    (
        "capture",
        &["cores", "digest", "fsx", "progress", "relocate", "snapshot"],
    ),
    ("compare", &["digest", "snapshot"]),
    ("store", &["cores", "digest", "fsx", "progress", "snapshot"]),
    ("history", &["digest", "fsx", "snapshot"]),
    ("plan", &["digest", "snapshot"]),
    ("relocate", &["digest", "snapshot"]),
    (
        "apply",
        &["cores", "digest", "fsx", "plan", "progress", "relocate", "snapshot"],
    ),
    ("service", &["snapshot"]),
    ("audit", &["digest", "fsx"]),
    ("config", &["capture", "fsx", "remote", "service", "snapshot"]),
    ("registry", &["fsx", "snapshot"]),
    ("remote", &["digest", "fsx", "progress"]),
    (
        "exchange",
        &["digest", "fsx", "history", "progress", "remote", "snapshot", "store"],
    ),
    (
        "repo",
        &[
            "config", "digest", "fsx", "history", "progress", "registry", "snapshot", "store",
        ],
    ),
    ("demo", &["digest", "fsx", "snapshot"]),
    (
        "ops",
        &[
            "apply", "audit", "capture", "compare", "config", "cores", "demo", "digest", "exchange", "fsx", "history",
            "plan", "progress", "registry", "relocate", "remote", "repo", "service", "snapshot", "store",
        ],
    ),
    (
        "cli",
        &[
            "apply", "audit", "capture", "compare", "config", "cores", "demo", "digest", "exchange", "fsx", "history",
            "ops", "plan", "progress", "registry", "relocate", "remote", "repo", "service", "snapshot", "store",
        ],
    ),
];

/// Single files that may use one module more.
const EXCEPTIONS: &[(&str, &str)] = &[("src/snapshot/content.rs", "fsx")];

/// Crates that belong to some modules only.
const CRATES: &[(&str, &[&str])] = &[
    ("gix", &["history"]),
    ("gix_pack", &["history"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("dialoguer", &["cli"]),
    ("signal_hook", &["cli"]),
    ("anstream", &["cli", "main"]),
    ("anstyle", &["cli"]),
    ("ureq", &["remote", "service"]),
    ("bytes", &["remote"]),
    ("futures", &["remote"]),
    ("http", &["remote"]),
    ("opendal", &["remote"]),
    ("quick_xml", &["remote"]),
    ("tokio", &["remote"]),
];

/// Words that only some modules may say.
const WORDS: &[(&str, &[&str])] = &[
    ("println!", &["cli", "main"]),
    ("eprintln!", &["cli", "main"]),
    ("print!", &["cli", "main"]),
    ("eprint!", &["cli", "main"]),
    // The user's commands run in one place; remotes start ssh and docker's credential helpers.
    ("std::process::Command", &["cli", "remote", "service"]),
    ("dbg!", &[]),
    (".unwrap()", &[]),
    ("todo!(", &[]),
    ("unimplemented!(", &[]),
];

/// One source file.
struct Source {
    /// Relative to the package, with slashes.
    path: String,
    text: String,
    /// Compiled for tests only.
    is_test: bool,
}

impl Source {
    /// The module it belongs to: `store` for `src/store/toc.rs` and for `src/store.rs`.
    fn module(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = inner.split('/').next().unwrap_or(inner);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Lines with their numbers, without comments, text in quotes and items for tests.
    fn code(&self) -> Vec<(usize, String)> {
        if self.is_test {
            return Vec::new();
        }
        let mut code = Vec::new();
        let mut in_tests = false;
        let mut lines = blank_literals(&self.text)
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        lines.push(String::new());
        for (at, line) in lines.iter().enumerate() {
            let next = lines.get(at + 1).map(String::as_str).unwrap_or_default();
            if line == "#[cfg(test)]" && next.starts_with("mod ") && next.ends_with('{') {
                in_tests = true;
            }
            if !in_tests {
                code.push((at + 1, line.clone()));
            }
            if line == "}" {
                in_tests = false;
            }
        }
        code
    }

    fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// The text with comments and the content of string literals blanked out; lines stay where they are.
fn blank_literals(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let starts = |at: usize, what: &str| text[at..].starts_with(what);
    while at < bytes.len() {
        if !text.is_char_boundary(at) {
            at += 1;
            continue;
        }
        let end = if starts(at, "//") {
            text[at..].find('\n').map_or(bytes.len(), |n| at + n)
        } else if bytes[at] == b'r' && (starts(at, "r\"") || starts(at, "r#")) && !is_word(bytes, at) {
            let hashes = text[at + 1..].bytes().take_while(|b| *b == b'#').count();
            if bytes.get(at + 1 + hashes) == Some(&b'"') {
                let close = format!("\"{}", "#".repeat(hashes));
                let from = at + 2 + hashes;
                text[from..]
                    .find(&close)
                    .map_or(bytes.len(), |n| from + n + close.len())
            } else {
                at + 1
            }
        } else if bytes[at] == b'"' {
            let mut end = at + 1;
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            (end + 1).min(bytes.len())
        } else if starts(at, "'\"'") || starts(at, "b'\"'") {
            at + text[at..].find("\"'").map_or(1, |n| n + 2)
        } else if starts(at, "'\\\"'") || starts(at, "'\\\\'") {
            at + 4
        } else {
            at + 1
        };
        if end == at + 1 && bytes[at] != b'"' {
            out.push(text[at..].chars().next().unwrap_or(' '));
        } else {
            out.push(' ');
            out.extend(text[at..end].chars().filter(|c| *c == '\n'));
        }
        at = end;
    }
    out
}

/// Whether the byte before `at` goes on into a word.
fn is_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

/// The words that follow `prefix`, wherever it stands as a path of its own.
fn after<'a>(line: &'a str, prefix: &str) -> Vec<&'a str> {
    let word = |rest: &'a str| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        &rest[..end.unwrap_or(rest.len())]
    };
    let mut found = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        let rest = &line[at + prefix.len()..];
        if is_word(line.as_bytes(), at) {
            continue;
        }
        match rest.strip_prefix('{') {
            // `use crate::{a, b::C};` on one line.
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            found.push(word(&list[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
            None => found.push(word(rest)),
        }
    }
    found.retain(|name| name.chars().next().is_some_and(|c| c.is_ascii_lowercase()));
    found
}

/// Uses of modules that the table does not allow.
fn forbidden_modules(source: &Source) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let module = source.module();
    let mut errors = Vec::new();
    if matches!(module, "lib" | "main") {
        return errors;
    }
    let Some(allowed) = table.get(module) else {
        return vec![source.at(1, &format!("the module {module} is not in the table of modules"))];
    };
    for (line, code) in source.code() {
        for used in after(&code, "crate::") {
            let excepted = EXCEPTIONS.contains(&(source.path.as_str(), used));
            // A word that names no module is an item at the top of the crate.
            if table.contains_key(used) && used != module && !allowed.contains(&used) && !excepted {
                errors.push(source.at(line, &format!("{module} may not use {used}")));
            }
        }
    }
    errors
}

/// Uses of crates that belong to other modules.
fn forbidden_crates(source: &Source) -> Vec<String> {
    let mut errors = Vec::new();
    for (line, code) in source.code() {
        for (name, modules) in CRATES {
            let used = code.match_indices(&format!("{name}::")).any(|(at, _)| {
                let before = code[..at].trim_end();
                let is_member = before.ends_with("::") || before.ends_with('.');
                !is_word(code.as_bytes(), at) && !is_member
            });
            if used && !modules.contains(&source.module()) {
                let whose = modules.join(" and ");
                errors.push(source.at(line, &format!("{name} belongs to {whose}")));
            }
        }
    }
    errors
}

/// Words that the module may not say.
fn forbidden_words(source: &Source) -> Vec<String> {
    let mut errors = Vec::new();
    for (line, code) in source.code() {
        for (word, modules) in WORDS {
            let said = code
                .match_indices(word)
                .any(|(at, _)| !is_word(code.as_bytes(), at) || word.starts_with('.'));
            if said && !modules.contains(&source.module()) {
                errors.push(source.at(line, &format!("{word} stands here")));
            }
        }
    }
    errors
}

/// Files that do not say what they are, or are named for nothing in particular.
fn nameless(source: &Source) -> Vec<String> {
    let mut errors = Vec::new();
    if !source.text.starts_with("//!") {
        errors.push(source.at(1, "the file does not begin with a //! line"));
    }
    let stem = Path::new(&source.path).file_stem().and_then(|stem| stem.to_str());
    if let Some("utils" | "util" | "helpers" | "helper" | "common" | "misc") = stem {
        errors.push(source.at(1, "the name says nothing: name the file for its noun"));
    }
    errors
}

/// What a file breaks of one rule.
type Rule = fn(&Source) -> Vec<String>;

const RULES: &[(&str, Rule)] = &[
    ("modules use only what the table allows", forbidden_modules),
    ("crates stay in their modules", forbidden_crates),
    ("the library is silent and does not panic", forbidden_words),
    ("every file says what it is", nameless),
];

/// All files beneath `src`.
fn sources() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    let mut folders = vec![top.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let texts: Vec<(PathBuf, String)> = paths
        .into_iter()
        .map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    let tests: BTreeSet<PathBuf> = texts.iter().flat_map(|(path, text)| test_files(path, text)).collect();
    let named = |path: &Path| path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
    texts
        .into_iter()
        .map(|(path, text)| Source {
            path: named(&path),
            is_test: tests.contains(&path),
            text,
        })
        .collect()
}

/// The files that a file declares as `#[cfg(test)] mod NAME;`.
fn test_files(path: &Path, text: &str) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(path);
    let is_root = matches!(
        path.file_name().and_then(|n| n.to_str()),
        Some("mod.rs" | "lib.rs" | "main.rs")
    );
    let inner = if is_root {
        folder.to_owned()
    } else {
        path.with_extension("")
    };
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            continue;
        }
        let mut explicit = None;
        if let Some(file) = lines.peek().and_then(|line| line.trim().strip_prefix("#[path = \"")) {
            explicit = Some(folder.join(file.trim_end_matches("\"]")));
            lines.next();
        }
        let declared = lines.peek().and_then(|line| line.trim().strip_suffix(';'));
        let name = declared.and_then(|line| line.split("mod ").nth(1));
        if let Some(name) = name {
            found.push(explicit.unwrap_or_else(|| inner.join(format!("{name}.rs"))));
        }
    }
    found
}

#[test]
fn the_source_keeps_the_rules() {
    let sources = sources();
    assert!(sources.len() > 50, "only {} files were found", sources.len());
    let mut report = String::new();
    for (rule, check) in RULES {
        let errors: Vec<String> = sources.iter().flat_map(check).collect();
        if !errors.is_empty() {
            let _ = write!(report, "\n{rule}:\n  {}\n", errors.join("\n  "));
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn the_table_names_the_modules_that_there_are() {
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: BTreeSet<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").or(line.strip_prefix("mod ")))
        .filter_map(|rest| rest.strip_suffix(';'))
        .collect();
    let table: BTreeSet<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    let unknown: Vec<_> = declared.difference(&table).collect();
    assert!(
        unknown.is_empty(),
        "src/lib.rs declares what the table lacks: {unknown:?}"
    );
}

#[test]
fn the_table_has_no_circles() {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    while done.len() < table.len() {
        let next = table
            .iter()
            .find(|(module, uses)| !done.contains(*module) && uses.iter().all(|used| done.contains(used)));
        let (module, _) = next.unwrap_or_else(|| panic!("a circle among all but {done:?}"));
        done.insert(module);
    }
}

#[test]
fn the_documentation_shows_the_same_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let text = std::fs::read_to_string(path).unwrap();
    for (module, uses) in MAY_USE {
        let row = text.lines().find(|line| line.starts_with(&format!("| `{module}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/architecture.md has no row for {module}"));
        let cell = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap().trim();
        let written: BTreeSet<&str> = cell.split('`').skip(1).step_by(2).collect();
        let expected: BTreeSet<&str> = match *module {
            "ops" | "cli" => continue,
            _ => uses.iter().copied().collect(),
        };
        assert_eq!(written, expected, "the row of {module} in docs/architecture.md");
    }
}

#[test]
fn the_index_lists_every_decision() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/decisions");
    let index = std::fs::read_to_string(dir.join("README.md")).unwrap();
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name != "README.md" && !index.contains(&format!("]({name})")) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "docs/decisions/README.md lacks {missing:?}");
    let links = index
        .lines()
        .filter_map(|line| line.split_once("](")?.1.split_once(')'));
    let dead: Vec<&str> = links
        .map(|(name, _)| name)
        .filter(|name| !dir.join(name).exists())
        .collect();
    assert!(dead.is_empty(), "docs/decisions/README.md names {dead:?}");
}

fn sample(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
        is_test: false,
    }
}

#[test]
fn what_breaks_a_rule_is_found_and_named() {
    type Rule = fn(&Source) -> Vec<String>;
    let cases: &[(Rule, &str, &str, &str)] = &[
        (
            forbidden_modules,
            "src/plan/mod.rs",
            "//! x\nuse crate::store::Store;\n",
            "src/plan/mod.rs:2: plan may not use store",
        ),
        (
            forbidden_modules,
            "src/plan/mod.rs",
            "use crate::{digest::Digest, apply};\n",
            "src/plan/mod.rs:1: plan may not use apply",
        ),
        (
            forbidden_modules,
            "src/store/a.rs",
            "fn f() { crate::history::g() }\n",
            "src/store/a.rs:1: store may not use history",
        ),
        (
            forbidden_modules,
            "src/snapshot/path.rs",
            "use crate::fsx;\n",
            "src/snapshot/path.rs:1: snapshot may not use fsx",
        ),
        (
            forbidden_modules,
            "src/ops/log.rs",
            "use crate::cli::ui;\n",
            "src/ops/log.rs:1: ops may not use cli",
        ),
        (
            forbidden_modules,
            "src/new/mod.rs",
            "",
            "src/new/mod.rs:1: the module new is not in the table of modules",
        ),
        (
            forbidden_crates,
            "src/ops/log.rs",
            "use gix::ObjectId;\n",
            "src/ops/log.rs:1: gix belongs to history",
        ),
        (
            forbidden_crates,
            "src/ops/log.rs",
            "#[derive(clap::Args)]\n",
            "src/ops/log.rs:1: clap belongs to cli and main",
        ),
        (
            forbidden_words,
            "src/store/a.rs",
            "fn f() {\n    println!();\n}\n",
            "src/store/a.rs:2: println! stands here",
        ),
        (
            forbidden_words,
            "src/store/a.rs",
            "let a = b.unwrap();\n",
            "src/store/a.rs:1: .unwrap() stands here",
        ),
        (
            forbidden_words,
            "src/cli/a.rs",
            "let a = b\n    .unwrap();\n",
            "src/cli/a.rs:2: .unwrap() stands here",
        ),
        (
            forbidden_words,
            "src/store/a.rs",
            "#[cfg(test)]\nmod tests {\n    b.unwrap();\n}\nfn f() {\n    b.unwrap();\n}\n",
            "src/store/a.rs:6: .unwrap() stands here",
        ),
        (
            nameless,
            "src/store/a.rs",
            "use std::io;\n",
            "src/store/a.rs:1: the file does not begin with a //! line",
        ),
        (
            nameless,
            "src/store/utils.rs",
            "//! x\n",
            "src/store/utils.rs:1: the name says nothing: name the file for its noun",
        ),
    ];
    for (rule, path, text, expected) in cases {
        assert_eq!(rule(&sample(path, text)), [*expected], "{text:?}");
    }
}

#[test]
fn what_keeps_the_rules_passes() {
    let cases = [
        (
            "src/store/a.rs",
            "//! x\nuse crate::{digest::Digest, fsx::{self, Error}};\nuse super::toc::Toc;\n",
        ),
        (
            "src/snapshot/content.rs",
            "//! x\nfn f() -> Result<(), crate::fsx::Error> {}\n",
        ),
        ("src/history/a.rs", "//! x\nuse gix::ObjectId;\n"),
        ("src/cli/a.rs", "//! x\nuse clap::Args;\nfn f() { println!(); }\n"),
        (
            "src/store/a.rs",
            "//! x\n// b.unwrap(); crate::ops::x\nconst A: &str = \"crate::ops println! .unwrap()\";\n",
        ),
        (
            "src/store/a.rs",
            "//! x\nconst A: &str = r#\"a \"crate::ops::b\" c\"#;\nconst B: char = '\"';\nfn f() {}\n",
        ),
        (
            "src/store/a.rs",
            "//! x\n#[cfg(test)]\nmod tests {\n    fn f() { crate::ops::x().unwrap(); }\n}\n",
        ),
        ("src/store/a.rs", "//! x\nlet a = b.unwrap_or_default();\n"),
    ];
    for (path, text) in cases {
        let errors: Vec<String> = RULES.iter().flat_map(|(_, rule)| rule(&sample(path, text))).collect();
        assert!(errors.is_empty(), "{text:?}: {errors:?}");
    }
}

#[test]
fn files_for_tests_are_known_by_their_declaration() {
    let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod more;\nmod real;\n";
    let found = test_files(Path::new("src/store/mod.rs"), text);
    assert_eq!(
        found,
        [Path::new("src/store/tests.rs"), Path::new("src/store/a_tests.rs")]
    );
    let found = test_files(Path::new("src/store.rs"), "#[cfg(test)]\npub(crate) mod testing;\n");
    assert_eq!(found, [Path::new("src/store/testing.rs")]);
}
