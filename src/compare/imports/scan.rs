//! What a module imports when it is imported: its source, read as a list of steps.
//!
//! Lexical, not a parser: what is no Python gives some list of steps. Bodies of functions are passed over, those of
//! classes are not; what an `if` decides is followed where the condition is known, see [`Python`].

use std::collections::HashSet;

use super::condition::Python;
use super::exceptions::Catches;
use super::lines::Lines;
use super::statement;

/// What a module does when it is imported, as far as imports go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// In the order in which they are done.
    pub(super) steps: Vec<Step>,
    /// Names that are given a value other than by `from … import`, certainly or perhaps.
    pub(super) bound: HashSet<String>,
}

/// One thing that a module does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Import(Import),
    /// `raise`, with what is raised; nothing for that which is being handled.
    Raise {
        exception: Option<String>,
        line: u32,
    },
    Try(Try),
    /// A `with` whose end may swallow an exception.
    With {
        suppresses: Catches,
        body: Vec<Step>,
    },
    /// Steps that are done or not: it cannot be told.
    Maybe(Vec<Step>),
}

/// An import statement, or one part of `import a, b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// From 1.
    pub(super) line: u32,
    /// How many dots stand before the module.
    pub(super) level: usize,
    /// Dotted; empty in `from . import x`.
    pub(super) module: String,
    pub(super) names: Names,
}

/// What is taken from a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// `import a`: the module itself.
    Module,
    /// `from a import *`.
    All,
    /// `from a import b as c`: what is named there, and here.
    These(Vec<(String, String)>),
}

/// `try` with all that belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) body: Vec<Step>,
    pub(super) handlers: Vec<Handler>,
    pub(super) otherwise: Vec<Step>,
    pub(super) finally: Vec<Step>,
}

/// An `except` clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handler {
    pub(super) catches: Catches,
    pub(super) body: Vec<Step>,
}

impl Script {
    /// All imports, also those that are perhaps not done.
    pub(super) fn imports(&self) -> Vec<&Import> {
        let mut found = Vec::new();
        let mut left: Vec<&[Step]> = vec![&self.steps];
        while let Some(steps) = left.pop() {
            for step in steps {
                match step {
                    Step::Import(import) => found.push(import),
                    Step::Raise { .. } => {}
                    Step::With { body, .. } | Step::Maybe(body) => left.push(body),
                    Step::Try(parts) => {
                        left.extend([&parts.body[..], &parts.otherwise, &parts.finally]);
                        left.extend(parts.handlers.iter().map(|handler| &handler.body[..]));
                    }
                }
            }
        }
        found
    }
}

/// Blocks in blocks beyond this are passed over; Python itself allows a hundred.
const DEPTH: usize = 100;

/// Reads the source of a module.
pub(super) fn scan(source: &[u8], python: &Python) -> Script {
    let mut scan = Scan {
        python,
        blocks: vec![Block::new(0, Role::Plain)],
        bound: HashSet::new(),
        pass_over: None,
    };
    let mut lines = Lines::new(source);
    while let Some(start) = lines.next(scan.pass_over.take()) {
        scan.close(start.column);
        scan.line(lines.text.trim_ascii(), start.number, start.column);
    }
    scan.close(0);
    Script {
        steps: scan.blocks.pop().map(|block| block.steps).unwrap_or_default(),
        bound: scan.bound,
    }
}

struct Scan<'a> {
    python: &'a Python,
    /// Those that are open, the module itself first: never empty.
    blocks: Vec<Block>,
    bound: HashSet<String>,
    /// Lines that are indented further than this belong to a body that is never run.
    pass_over: Option<usize>,
}

struct Block {
    /// Lines indented less than this end it.
    column: usize,
    steps: Vec<Step>,
    role: Role,
    /// What an `else` in it would belong to.
    after: After,
}

impl Block {
    fn new(column: usize, role: Role) -> Self {
        Self {
            column,
            steps: Vec::new(),
            role,
            after: After::Nothing,
        }
    }
}

/// What becomes of the steps of a block when it ends.
enum Role {
    /// They are steps of the block around it.
    Plain,
    Maybe,
    Try,
    Handler(Catches),
    Otherwise,
    Finally,
    With(Catches),
    /// They are never done.
    Never,
}

/// The compound statement that may go on.
#[derive(Clone, Copy)]
enum After {
    Nothing,
    If(Taken),
    Loop,
    Try,
}

/// Whether a branch before was taken.
#[derive(Clone, Copy)]
enum Taken {
    Yes,
    No,
    Perhaps,
}

impl Scan<'_> {
    /// Ends the blocks that a line at this column does not belong to.
    fn close(&mut self, column: usize) {
        while self.blocks.len() > 1 && self.blocks.last().is_some_and(|block| block.column > column) {
            let Some(block) = self.blocks.pop() else { return };
            let Some(around) = self.blocks.last_mut() else { return };
            let steps = block.steps;
            match (block.role, around.steps.last_mut()) {
                (Role::Plain, _) => around.steps.extend(steps),
                (Role::Maybe, _) if !steps.is_empty() => around.steps.push(Step::Maybe(steps)),
                (Role::With(suppresses), _) => around.steps.push(Step::With {
                    suppresses,
                    body: steps,
                }),
                (Role::Try, _) => around.steps.push(Step::Try(Try {
                    body: steps,
                    ..Try::default()
                })),
                (Role::Handler(catches), Some(Step::Try(parts))) => {
                    parts.handlers.push(Handler { catches, body: steps });
                }
                (Role::Otherwise, Some(Step::Try(parts))) => parts.otherwise.extend(steps),
                (Role::Finally, Some(Step::Try(parts))) => parts.finally.extend(steps),
                _ => {}
            }
        }
    }

    fn line(&mut self, text: &[u8], number: u32, column: usize) {
        let (first, _) = statement::word(text);
        let header = statement::header(text);
        let Some(block) = self.blocks.last_mut() else { return };
        let after = std::mem::replace(&mut block.after, After::Nothing);
        let opened = header.and_then(|(head, suite)| {
            let (word, rest) = match statement::word(head) {
                (b"async", rest) => statement::word(rest),
                found => found,
            };
            self.compound(word, rest, after).map(|role| (role, suite))
        });
        match opened {
            None if matches!(first, b"def" | b"async" | b"class") => {}
            None => self.simple(text, number),
            Some((Role::Never, _)) => self.pass_over = Some(column),
            Some(_) if self.blocks.len() >= DEPTH => self.pass_over = Some(column),
            Some((role, suite)) => {
                self.blocks.push(Block::new(column + 1, role));
                self.simple(suite, number);
            }
        }
    }

    /// What a compound statement makes of its body, if the line begins one.
    fn compound(&mut self, word: &[u8], rest: &[u8], after: After) -> Option<Role> {
        let (goes_on, role) = match (word, after) {
            (b"def", _) => {
                self.bound.extend(statement::first_name(rest));
                (After::Nothing, Role::Never)
            }
            (b"class", _) => {
                self.bound.extend(statement::first_name(rest));
                (After::Nothing, Role::Plain)
            }
            (b"if", _) => self.branch(rest, Taken::No),
            (b"elif", After::If(taken)) => self.branch(rest, taken),
            (b"else", After::If(taken)) => match taken {
                Taken::Yes => (After::Nothing, Role::Never),
                Taken::No => (After::Nothing, Role::Plain),
                Taken::Perhaps => (After::Nothing, Role::Maybe),
            },
            (b"else", After::Loop) => (After::Nothing, Role::Maybe),
            (b"for", _) => {
                self.bound.extend(statement::names(statement::before_word(rest, b"in")));
                (After::Loop, Role::Maybe)
            }
            (b"while", _) => match self.python.truth(rest) {
                Some(false) => (After::If(Taken::No), Role::Never),
                _ => (After::Loop, Role::Maybe),
            },
            (b"try", _) => (After::Try, Role::Try),
            (b"except", After::Try) => (After::Try, Role::Handler(statement::clause(rest))),
            (b"else", After::Try) => (After::Try, Role::Otherwise),
            (b"finally", After::Try) => (After::Nothing, Role::Finally),
            (b"with", _) => {
                self.bound.extend(statement::names(rest));
                (
                    After::Nothing,
                    statement::suppressed(rest).map_or(Role::Plain, Role::With),
                )
            }
            (b"match" | b"case", _) if statement::is_soft(rest) => (After::Nothing, Role::Maybe),
            // Out of place: the file is no Python, or not what it seems.
            (b"elif" | b"else" | b"except" | b"finally", _) => (After::Nothing, Role::Maybe),
            _ => return None,
        };
        if let Some(block) = self.blocks.last_mut() {
            block.after = goes_on;
        }
        Some(role)
    }

    fn branch(&self, condition: &[u8], taken: Taken) -> (After, Role) {
        let truth = match taken {
            Taken::Yes => Some(false),
            _ => self.python.truth(condition),
        };
        match (taken, truth) {
            (Taken::Yes, _) => (After::If(Taken::Yes), Role::Never),
            (_, Some(false)) => (After::If(taken), Role::Never),
            (Taken::No, Some(true)) => (After::If(Taken::Yes), Role::Plain),
            (Taken::No | Taken::Perhaps, _) => (After::If(Taken::Perhaps), Role::Maybe),
        }
    }

    /// Statements on one line.
    fn simple(&mut self, text: &[u8], line: u32) {
        let Some(block) = self.blocks.last_mut() else { return };
        for part in statement::split(text, b';') {
            let (word, rest) = statement::word(part);
            match word {
                b"import" => {
                    for import in statement::plain_imports(rest, line) {
                        self.bound.extend(import.1);
                        block.steps.push(Step::Import(import.0));
                    }
                }
                b"from" => block.steps.extend(statement::from_import(rest, line).map(Step::Import)),
                b"raise" => block.steps.push(Step::Raise {
                    exception: statement::raised(rest),
                    line,
                }),
                b"" => {}
                _ => self.bound.extend(statement::assigned(part)),
            }
        }
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
