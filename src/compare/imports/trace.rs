//! Importing without an interpreter: what modules do is done step by step, and what certainly fails, fails.
//!
//! Whatever cannot be told succeeds: a failure that is reported is one that cannot be avoided. A failure goes up to
//! whoever imports unless a clause catches it; where a clause only perhaps does, it is forgotten.

use std::collections::HashMap;
use std::rc::Rc;

use super::exceptions::{ANY, Catch, Catches, NOT_FOUND};
use super::graph::Graph;
use super::locate::{Code, Found};
use super::scan::{Handler, Import, Step, Try};
use super::{Broken, Sources, Tree};
use crate::snapshot::path::RelPath;

/// An exception that a step raises if it is done: forgotten at the end of the module.
const IF_DONE: &str = "?if";

/// Modules that import one another, and blocks in them, beyond this are taken to succeed. Python itself gives up at
/// some 150 modules.
const DEPTH: usize = 400;

/// An import that cannot succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// What it raises: the exception that is certain, then those that could come before it.
    raises: Vec<String>,
    /// The steps from what fails to what is imported.
    hops: Vec<String>,
    /// What fails by itself; nothing for what a module raises of its own accord.
    pub(super) cause: Option<usize>,
}

impl Failure {
    /// From what is imported to what fails.
    pub(super) fn chain(&self) -> Vec<String> {
        self.hops.iter().rev().cloned().collect()
    }
}

/// How steps end: with what they may have raised, or with what they certainly raise.
type Outcome = Result<Vec<String>, Failure>;

#[derive(Clone)]
enum State {
    /// Being imported: to whoever imports it again it is there.
    Running,
    Done(Vec<String>),
    /// With the modules that it imported before it failed, which stay.
    Failed(Failure, Rc<[usize]>),
}

/// Imports modules, remembering how that went.
pub(super) struct Trace<'a> {
    graph: Graph<'a>,
    broken: &'a [Broken],
    by_path: HashMap<&'a RelPath, usize>,
    states: HashMap<usize, State>,
    /// Modules that were imported since the last [`import`](Self::import) began, in order.
    done: Vec<usize>,
    /// What stays of modules that failed, with the state before: in another interpreter it need not be there.
    left: Vec<(usize, Option<State>)>,
    depth: usize,
    /// Whether something was too deep to be looked into.
    cut: bool,
}

impl<'a> Trace<'a> {
    pub(super) fn new(tree: &'a Tree<'a>, tops: Vec<&'a str>, broken: &'a [Broken], sources: &impl Sources) -> Self {
        let by_path = broken.iter().enumerate().map(|(at, broken)| (&broken.path, at));
        Self {
            graph: Graph::read(tree, tops, sources),
            broken,
            by_path: by_path.collect(),
            states: HashMap::new(),
            done: Vec::new(),
            left: Vec::new(),
            depth: 0,
            cut: false,
        }
    }

    /// Imports a module at the top in a fresh interpreter: the failure, if it certainly fails.
    pub(super) fn import(&mut self, name: &str) -> Option<Failure> {
        let Found::Module(module) = self.graph.finder.find(name) else {
            return None;
        };
        let failure = self.load(module).err();
        if std::mem::take(&mut self.cut) {
            self.left.extend(self.done.iter().map(|module| (*module, None)));
        }
        self.done.clear();
        while let Some((module, state)) = self.left.pop() {
            match state {
                Some(state) => self.states.insert(module, state),
                None => self.states.remove(&module),
            };
        }
        failure
    }

    fn load(&mut self, module: usize) -> Outcome {
        match self.states.get(&module) {
            Some(State::Running) => return Ok(Vec::new()),
            Some(State::Done(may)) => return Ok(may.clone()),
            Some(State::Failed(failure, stays)) => {
                let failure = failure.clone();
                for other in Rc::clone(stays).iter() {
                    self.stay(*other);
                }
                return Err(failure);
            }
            None => {}
        }
        self.states.insert(module, State::Running);
        let start = self.done.len();
        let outcome = match self.graph.finder.modules[module].code {
            Code::Extension(path) => match self.by_path.get(path) {
                Some(broken) => Err(Failure {
                    raises: vec![self.broken[*broken].exception.clone()],
                    hops: Vec::new(),
                    cause: Some(*broken),
                }),
                None => Ok(Vec::new()),
            },
            Code::Source(_) => match self.graph.script(module) {
                Some(script) => self.run(module, &script.steps, None),
                None => Ok(Vec::new()),
            },
            Code::Compiled(_) | Code::None => Ok(Vec::new()),
        };
        let outcome = match outcome {
            Ok(may) => Ok(known(may)),
            Err(failure) => Err(Failure {
                raises: known(failure.raises),
                ..failure
            }),
        };
        let state = match &outcome {
            Ok(may) => {
                self.done.push(module);
                State::Done(may.clone())
            }
            Err(failure) => {
                let stays: Rc<[usize]> = self.done[start..].into();
                self.left.extend(stays.iter().map(|other| (*other, None)));
                State::Failed(failure.clone(), stays)
            }
        };
        self.states.insert(module, state);
        outcome
    }

    /// A module that stays of one that failed is there from now on.
    fn stay(&mut self, module: usize) {
        if !matches!(self.states.get(&module), Some(State::Running | State::Done(_))) {
            let before = self.states.insert(module, State::Done(Vec::new()));
            self.left.push((module, before));
        }
    }

    /// Does steps in order. `handled` is the failure that is being handled.
    fn run(&mut self, module: usize, steps: &[Step], handled: Option<&Failure>) -> Outcome {
        if self.depth == DEPTH {
            self.cut = true;
            return Ok(vec![ANY.to_owned()]);
        }
        self.depth += 1;
        let mut before = Vec::new();
        let mut outcome = Ok(Vec::new());
        for step in steps {
            outcome = self.step(module, step, handled);
            match &mut outcome {
                Ok(may) => before.append(may),
                Err(failure) => {
                    failure.raises.append(&mut before);
                    break;
                }
            }
        }
        self.depth -= 1;
        outcome.map(|_| before)
    }

    fn step(&mut self, module: usize, step: &Step, handled: Option<&Failure>) -> Outcome {
        match step {
            Step::Import(import) => self.import_step(module, import),
            Step::Raise { exception, line } => Err(self.raise(module, exception.as_deref(), *line, handled)),
            Step::Try(parts) => self.attempt(module, parts, handled),
            Step::With { suppresses, body } => {
                let handler = Handler {
                    catches: suppresses.clone(),
                    body: Vec::new(),
                };
                let outcome = self.run(module, body, handled);
                self.handle(module, outcome, std::slice::from_ref(&handler))
            }
            Step::Maybe(_) => Ok(vec![IF_DONE.to_owned()]),
        }
    }

    fn import_step(&mut self, module: usize, import: &Import) -> Outcome {
        let mut may = Vec::new();
        for target in self.graph.targets(module, import) {
            match target.found {
                Found::Elsewhere => {}
                Found::Missing => may.push(NOT_FOUND.to_owned()),
                Found::Module(other) => match self.load(other) {
                    Ok(mut more) => may.append(&mut more),
                    Err(mut failure) => {
                        failure
                            .hops
                            .push(self.hop(module, import.line, &format!("imports {}", target.name)));
                        failure.raises.append(&mut may);
                        return Err(failure);
                    }
                },
            }
        }
        Ok(may)
    }

    /// What a `raise` makes of the failure that is being handled.
    fn raise(&self, module: usize, exception: Option<&str>, line: u32, handled: Option<&Failure>) -> Failure {
        let mut failure = handled.cloned().unwrap_or(Failure {
            raises: vec![ANY.to_owned()],
            hops: Vec::new(),
            cause: None,
        });
        if let Some(exception) = exception {
            failure.raises = vec![exception.to_owned()];
            let said = if exception == ANY { "an exception" } else { exception };
            failure
                .hops
                .push(self.hop(module, line, &format!("raises {said} in its place")));
        }
        failure
    }

    fn attempt(&mut self, module: usize, parts: &Try, handled: Option<&Failure>) -> Outcome {
        let mut outcome = self.run(module, &parts.body, handled);
        // What follows `else` is done if nothing was caught.
        if let Ok(may) = &mut outcome
            && may.iter().all(|raised| catch(&parts.handlers, raised).0 == Catch::No)
        {
            let mut before = std::mem::take(may);
            outcome = match self.run(module, &parts.otherwise, handled) {
                Ok(more) => {
                    before.extend(more);
                    Ok(before)
                }
                Err(mut failure) => {
                    failure.raises.append(&mut before);
                    return self.finish(module, parts, handled, Err(failure));
                }
            };
        }
        let outcome = self.handle(module, outcome, &parts.handlers);
        self.finish(module, parts, handled, outcome)
    }

    fn finish(&mut self, module: usize, parts: &Try, handled: Option<&Failure>, outcome: Outcome) -> Outcome {
        self.run(module, &parts.finally, handled)?;
        outcome
    }

    /// What handlers make of an outcome.
    fn handle(&mut self, module: usize, outcome: Outcome, handlers: &[Handler]) -> Outcome {
        let failure = match outcome {
            Ok(mut may) => {
                // Caught, unless the handler raises it again.
                may.retain(|raised| {
                    let (catches, at) = catch(handlers, raised);
                    let again = at.is_some_and(|at| handlers[at].body.iter().any(|s| matches!(s, Step::Raise { .. })));
                    catches != Catch::Yes || again
                });
                return Ok(may);
            }
            Err(failure) => failure,
        };
        let mut answers = failure.raises.iter().map(|raised| catch(handlers, raised));
        let first = answers.next().unwrap_or((Catch::Perhaps, None));
        if answers.any(|answer| answer != first) {
            return Ok(vec![ANY.to_owned()]);
        }
        match first {
            (Catch::No, _) => Err(failure),
            (Catch::Yes, Some(at)) => self.run(module, &handlers[at].body, Some(&failure)),
            (Catch::Yes | Catch::Perhaps, _) => Ok(vec![ANY.to_owned()]),
        }
    }

    /// A step of a chain: `sklearn/utils/fixes.py:19 imports pandas`.
    fn hop(&self, module: usize, line: u32, what: &str) -> String {
        let module = &self.graph.finder.modules[module];
        match module.code {
            Code::Source(path) | Code::Extension(path) | Code::Compiled(path) => {
                format!("{}:{line} {what}", self.graph.finder.tree.shown(path))
            }
            Code::None => format!("{}:{line} {what}", module.name),
        }
    }
}

/// What may be raised, each once, as whoever imports a module sees it.
fn known(raised: Vec<String>) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for raised in raised {
        if raised != IF_DONE && !known.contains(&raised) {
            known.push(raised);
        }
    }
    known
}

/// Whether some handler catches an exception, and which does it first.
fn catch(handlers: &[Handler], raised: &str) -> (Catch, Option<usize>) {
    let catches = |handler: &Handler| Catches::catches(&handler.catches, raised);
    let answers = handlers.iter().map(catches).enumerate();
    match answers.into_iter().find(|(_, answer)| *answer != Catch::No) {
        Some((at, answer)) => (answer, Some(at)),
        None => (Catch::No, None),
    }
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
