//! What a comparison tells besides what differs.

use serde::Serialize;

use super::check::FindingJson;
use crate::snapshot::explanation::{Command, Explanation, UnitChange};
use crate::snapshot::finding::Finding;

/// The parts of an explanation that belong to no package.
#[derive(Serialize)]
pub(super) struct ExplanationJson<'a> {
    problems: ProblemsJson<'a>,
    units: &'a [UnitChange],
    commands: &'a [Command],
}

#[derive(Serialize)]
struct ProblemsJson<'a> {
    appeared: Vec<FindingJson<'a>>,
    resolved: Vec<FindingJson<'a>>,
    changed: Vec<ChangedJson<'a>>,
}

#[derive(Serialize)]
struct ChangedJson<'a> {
    from: FindingJson<'a>,
    to: FindingJson<'a>,
}

impl<'a> ExplanationJson<'a> {
    pub(super) fn of(explanation: &'a Explanation) -> Self {
        let list = |findings: &'a [Finding]| findings.iter().map(FindingJson::of).collect();
        let problems = &explanation.problems;
        let changed = |(from, to): &'a (Finding, Finding)| ChangedJson {
            from: FindingJson::of(from),
            to: FindingJson::of(to),
        };
        Self {
            problems: ProblemsJson {
                appeared: list(&problems.appeared),
                resolved: list(&problems.resolved),
                changed: problems.changed.iter().map(changed).collect(),
            },
            units: &explanation.units,
            commands: &explanation.commands,
        }
    }
}
