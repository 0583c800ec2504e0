//! Which exceptions a clause catches: what is certain, and what is not.

/// The built-in exceptions that guard imports or come of them, each with what it derives from.
const BUILTIN: &[(&str, &str)] = &[
    ("Exception", "BaseException"),
    ("KeyboardInterrupt", "BaseException"),
    ("SystemExit", "BaseException"),
    ("GeneratorExit", "BaseException"),
    ("ArithmeticError", "Exception"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("EOFError", "Exception"),
    ("ImportError", "Exception"),
    ("LookupError", "Exception"),
    ("MemoryError", "Exception"),
    ("NameError", "Exception"),
    ("OSError", "Exception"),
    ("RuntimeError", "Exception"),
    ("StopIteration", "Exception"),
    ("SyntaxError", "Exception"),
    ("SystemError", "Exception"),
    ("TypeError", "Exception"),
    ("ValueError", "Exception"),
    ("Warning", "Exception"),
    ("EnvironmentError", "OSError"),
    ("FileNotFoundError", "OSError"),
    ("IOError", "OSError"),
    ("IndexError", "LookupError"),
    ("KeyError", "LookupError"),
    ("ModuleNotFoundError", "ImportError"),
    ("NotImplementedError", "RuntimeError"),
    ("PermissionError", "OSError"),
    ("RecursionError", "RuntimeError"),
    ("UnboundLocalError", "NameError"),
    ("UnicodeError", "ValueError"),
    ("UnicodeDecodeError", "UnicodeError"),
    ("ZeroDivisionError", "ArithmeticError"),
];

/// What `import` raises for a module that is nowhere.
pub(super) const NOT_FOUND: &str = "ModuleNotFoundError";

/// The name of an exception that could be any.
pub(super) const ANY: &str = "?";

/// Whether a clause catches an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Catch {
    Yes,
    No,
    Perhaps,
}

/// What an `except` clause or `suppress(…)` names. Anything that is no built-in exception could be or hold any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Catches(pub(super) Vec<String>);

impl Catches {
    /// Whether it catches an exception of this name.
    pub(super) fn catches(&self, raised: &str) -> Catch {
        let mut answer = Catch::No;
        for name in &self.0 {
            match one(name, raised) {
                Catch::Yes => return Catch::Yes,
                Catch::Perhaps => answer = Catch::Perhaps,
                Catch::No => {}
            }
        }
        answer
    }
}

fn parent(name: &str) -> Option<&'static str> {
    let found = BUILTIN.iter().find(|(child, _)| *child == name);
    found.map(|(_, parent)| *parent)
}

fn one(clause: &str, raised: &str) -> Catch {
    if clause == raised && raised != ANY || clause == "BaseException" {
        return Catch::Yes;
    }
    if parent(raised).is_none() {
        // Classes of a project's own are exceptions, and more is not known.
        let is_own = raised != ANY && clause == "Exception";
        return if is_own { Catch::Yes } else { Catch::Perhaps };
    }
    if parent(clause).is_none() {
        return Catch::Perhaps;
    }
    let mut ancestor = parent(raised);
    while let Some(name) = ancestor {
        if name == clause {
            return Catch::Yes;
        }
        ancestor = parent(name);
    }
    Catch::No
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_catch_what_derives_from_what_they_name() {
        for (clause, raised, expected) in [
            ("ImportError", "ImportError", Catch::Yes),
            ("ImportError", "ModuleNotFoundError", Catch::Yes),
            ("ImportError", "ValueError", Catch::No),
            ("ModuleNotFoundError", "ImportError", Catch::No),
            ("Exception", "ValueError", Catch::Yes),
            ("BaseException", "?", Catch::Yes),
            ("Exception", "?", Catch::Perhaps),
            ("Exception", "OwnError", Catch::Yes),
            ("ValueError", "OwnError", Catch::Perhaps),
            ("OwnError", "OwnError", Catch::Yes),
            ("IMPORT_ERRORS", "ImportError", Catch::Perhaps),
            ("(OSError AttributeError)", "ImportError", Catch::Perhaps),
        ] {
            assert_eq!(one(clause, raised), expected, "except {clause} and {raised}");
        }
        let several = Catches(vec!["OSError".to_owned(), "ValueError".to_owned()]);
        assert_eq!(several.catches("ValueError"), Catch::Yes);
        assert_eq!(several.catches("ImportError"), Catch::No);
        assert_eq!(Catches::default().catches("ImportError"), Catch::No);
    }
}
