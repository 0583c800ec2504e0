//! Which modules can certainly not be imported, by what files say and without running Python.
//!
//! A module is *broken* when it fails by itself: an extension built for another NumPy. Whoever imports it fails too,
//! unless a clause catches the exception. So the source of all that may import it is read ([`Sources`]) for the steps
//! that each module does when it is imported ([`scan`]), and those steps are done one after the other ([`trace`]).
//!
//! What cannot be told counts as success: conditional imports, context managers that are not known, modules that
//! stand nowhere. So every [`Finding`] is true as far as the files go, while imports that fail for other reasons, or
//! in functions that run on import, are not found.

use std::collections::BTreeSet;

use crate::snapshot::binary::NumpyModules;
use crate::snapshot::finding::{Finding, PackageRef, Problem, Severity};
use crate::snapshot::path::RelPath;

mod candidates;
mod condition;
mod exceptions;
mod graph;
mod lines;
mod locate;
mod scan;
mod statement;
mod trace;

pub use candidates::{candidates, top_modules};
pub use condition::Python;
pub use graph::Sources;
pub use locate::Tree;

/// A module that fails by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its file.
    pub path: RelPath,
    /// What importing it raises: `ImportError`.
    pub exception: String,
    /// Why it fails, for people, without its path: `was built for NumPy 1.x, NumPy 2.4.6 is there`.
    pub why: String,
}

/// A package with the modules at the top that it may be imported by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The package.
    pub package: PackageRef,
    /// Its modules: see [`top_modules`].
    pub modules: BTreeSet<String>,
}

/// The extension modules of a unit that a NumPy of this version breaks: none before 2.
pub fn broken_by_numpy(modules: &NumpyModules, numpy: &str) -> Vec<Broken> {
    let major = numpy.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 2) {
        return Vec::new();
    }
    let broken = |path: &RelPath| {
        let is_sized = modules.sized.binary_search(path).is_ok();
        Broken {
            path: path.clone(),
            exception: if is_sized { "ValueError" } else { "ImportError" }.to_owned(),
            why: format!("was built for NumPy 1.x, NumPy {numpy} is there"),
        }
    };
    modules.one.iter().map(broken).collect()
}

/// The modules of candidates that certainly cannot be imported because of what is broken, each with the way there.
pub fn problems(tree: &Tree<'_>, sources: &impl Sources, broken: &[Broken], candidates: &[Candidate]) -> Vec<Finding> {
    let tops: BTreeSet<&str> = candidates.iter().flat_map(|c| &c.modules).map(String::as_str).collect();
    let mut trace = trace::Trace::new(tree, tops.into_iter().collect(), broken, sources);
    let mut findings = Vec::new();
    for candidate in candidates {
        for module in &candidate.modules {
            let Some(failure) = trace.import(module) else { continue };
            let Some(cause) = failure.cause.and_then(|at| broken.get(at)) else {
                continue;
            };
            let path = tree.shown(&cause.path);
            findings.push(Finding {
                severity: Severity::Critical,
                package: Some(candidate.package.clone()),
                problem: Problem::Import {
                    module: module.clone(),
                    chain: failure.chain(),
                    why: format!("{path} {}: {}", cause.why, cause.exception),
                },
            });
        }
    }
    findings
}
