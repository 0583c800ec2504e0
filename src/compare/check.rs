//! All problems of one root in one state, and how those of two states differ.

use super::abi;
use super::ownership::Ownership;
use super::requirements::{Installed, Texts, unmet};
use super::state::RootState;
use crate::snapshot::explanation::ProblemChanges;
use crate::snapshot::finding::{Finding, Problem};

/// Everything that is wrong, worst first.
pub fn check(state: &RootState) -> Vec<Finding> {
    let platform = state.platform();
    check_with(state, &state.installed(&platform, &Texts::default()))
}

/// The same with the packages joined already.
pub(super) fn check_with(state: &RootState, installed: &Installed<'_>) -> Vec<Finding> {
    let ownership = Ownership::new(&state.packages, &state.promises, state.python.as_deref());
    let mut findings = ownership.problems(&state.loose);
    let numpy = ownership.version_of("numpy");
    findings.extend(abi::problems(&state.binaries, &state.packages, numpy, &state.system));
    findings.extend(state.imports.iter().cloned());
    findings.extend(unmet(installed));
    findings.sort();
    findings.dedup();
    findings
}

/// Compares the problems of two states.
pub fn compare_problems(before: &[Finding], after: &[Finding]) -> ProblemChanges {
    let mut changes = ProblemChanges::default();
    let mut older: Vec<&Finding> = before.iter().filter(|one| !after.contains(one)).collect();
    for finding in after.iter().filter(|one| !before.contains(one)) {
        match older.iter().position(|old| same_matter(old, finding)) {
            Some(at) => changes.changed.push((older.remove(at).clone(), finding.clone())),
            None => changes.appeared.push(finding.clone()),
        }
    }
    changes.resolved = older.into_iter().cloned().collect();
    changes
}

/// Whether two findings are of one matter, whatever versions and counts they name.
fn same_matter(a: &Finding, b: &Finding) -> bool {
    let name = |finding: &Finding| {
        finding
            .package
            .as_ref()
            .map(|package| (package.manager, package.name.clone()))
    };
    // Several records of one project: whose come first is part of the evidence.
    let named = |finding: &Finding| finding.package.as_ref().map(|package| package.name.clone());
    let same_package = match (&a.problem, &b.problem) {
        (Problem::Records { .. }, Problem::Records { .. }) => named(a) == named(b),
        _ => name(a) == name(b),
    };
    same_package
        && match (&a.problem, &b.problem) {
            (Problem::Requirement { needs: a, .. }, Problem::Requirement { needs: b, .. })
            | (Problem::Import { module: a, .. }, Problem::Import { module: b, .. })
            | (Problem::Library { library: a, .. }, Problem::Library { library: b, .. }) => a == b,
            (Problem::Overwritten { by: a, .. }, Problem::Overwritten { by: b, .. })
            | (Problem::Shared { with: a, .. }, Problem::Shared { with: b, .. }) => {
                (a.manager, &a.name) == (b.manager, &b.name)
            }
            (Problem::Orphans { path: a, .. }, Problem::Orphans { path: b, .. })
            | (Problem::Leftover { path: a }, Problem::Leftover { path: b }) => a == b,
            (Problem::Unparsable { requirement: a, .. }, Problem::Unparsable { requirement: b, .. }) => a == b,
            (Problem::System { needs: a, .. }, Problem::System { needs: b, .. }) => family(a) == family(b),
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
}

/// `GLIBC` of `GLIBC 2.38`.
fn family(needs: &str) -> &str {
    needs.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::finding::{PackageRef, Severity};
    use crate::snapshot::package::Manager;
    use proptest::prelude::*;

    fn requirement(by: &str, needs: &str, found: &str) -> Finding {
        let package = |name: &str, version: &str| PackageRef {
            manager: Manager::Pip,
            name: name.to_owned(),
            version: version.to_owned(),
        };
        Finding {
            severity: Severity::Error,
            package: Some(package(by, "1")),
            problem: Problem::Requirement {
                requirement: format!("{needs}<1"),
                needs: needs.to_owned(),
                found: Some(package(needs, found)),
            },
        }
    }

    #[test]
    fn the_same_problem_with_other_evidence_has_changed() {
        let before = [requirement("a", "numpy", "2"), requirement("gone", "x", "1")];
        let after = [requirement("a", "numpy", "3"), requirement("new", "x", "1")];
        let changes = compare_problems(&before, &after);
        assert_eq!(changes.changed, [(before[0].clone(), after[0].clone())]);
        assert_eq!(changes.resolved, [before[1].clone()]);
        assert_eq!(changes.appeared, [after[1].clone()]);
    }

    fn findings() -> impl Strategy<Value = Vec<Finding>> {
        let one = (0u8..3, 0u8..3, 0u8..2)
            .prop_map(|(by, needs, found)| requirement(&format!("p{by}"), &format!("n{needs}"), &found.to_string()));
        // A state has each matter once.
        proptest::collection::vec(one, 0..6).prop_map(|mut findings| {
            findings.sort();
            findings.dedup_by(|a, b| same_matter(a, b));
            findings
        })
    }

    proptest! {
        #[test]
        fn problems_of_two_states_mirror(a in findings(), b in findings()) {
            let (forth, back) = (compare_problems(&a, &b), compare_problems(&b, &a));
            prop_assert_eq!(&forth.appeared, &back.resolved);
            prop_assert_eq!(&forth.resolved, &back.appeared);
            let mut turned: Vec<_> = back.changed.into_iter().map(|(x, y)| (y, x)).collect();
            turned.sort();
            let mut forth = forth.changed;
            forth.sort();
            prop_assert_eq!(forth, turned);
            prop_assert_eq!(compare_problems(&a, &a), ProblemChanges::default());
        }
    }
}
