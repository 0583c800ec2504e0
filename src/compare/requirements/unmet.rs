//! Which requirements do not hold in one state.

use super::installed::{Installed, Member, Need, Verdict, What};
use super::interpreter;
use super::names;
use crate::snapshot::finding::{Finding, PackageRef, Problem, Severity};
use crate::snapshot::package::{Defect, Manager, Package};

/// Everything that packages require and do not find, and what cannot be read of it. Sorted, each told once.
pub fn unmet(installed: &Installed<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &installed.members {
        if member.package.manager == Manager::Pip && member.package.part_of.is_none() {
            let problem = interpreter::problem(member.package, installed.platform);
            findings.extend(problem.map(|problem| of(member.package, problem)));
        }
        if !member.counts {
            continue;
        }
        findings.extend(odd_version(member));
        let named = spokesman(installed, member);
        for (text, why) in &member.unreadable {
            let problem = Problem::Unparsable {
                requirement: (*text).to_owned(),
                why: why.clone(),
            };
            findings.push(of(named, problem));
        }
        for need in &member.needs {
            if let Verdict::Broken(found) = installed.judge(need)
                && !told_by_conda(installed, member, need)
            {
                let mut finding = of(named, broken(need, found));
                finding.severity = severity(member, need);
                findings.push(finding);
            }
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

fn of(package: &Package, problem: Problem) -> Finding {
    let severity = match problem {
        Problem::Unparsable { .. } | Problem::Record { .. } => Severity::Warning,
        _ => Severity::Error,
    };
    Finding {
        severity,
        package: Some(PackageRef::from(package)),
        problem,
    }
}

fn broken(need: &Need<'_>, found: Option<&Package>) -> Problem {
    Problem::Requirement {
        requirement: need.text.to_owned(),
        needs: need.name().to_owned(),
        found: found.map(PackageRef::from),
    }
}

/// What conda takes for well, though the Python metadata in its package says otherwise, is odd rather than wrong, and
/// so is a machine without the driver that a package needs to use a GPU.
fn severity(member: &Member<'_>, need: &Need<'_>) -> Severity {
    if member.package.part_of.is_some() || need.name() == "__cuda" {
        Severity::Warning
    } else {
        Severity::Error
    }
}

/// The package that a finding names: parts are not listed, their conda package is.
fn spokesman<'a>(installed: &Installed<'a>, member: &Member<'a>) -> &'a Package {
    let owner = member.other.filter(|_| member.package.part_of.is_some());
    owner.map_or(member.package, |at| installed.members[at].package)
}

/// Whether the conda package of a part finds the same project wanting, in its own words.
fn told_by_conda(installed: &Installed<'_>, part: &Member<'_>, need: &Need<'_>) -> bool {
    let Some(owner) = part.other.filter(|_| part.package.part_of.is_some()) else {
        return false;
    };
    let same = |own: &&Need<'_>| names::project(own.name()) == need.name();
    let mut owned = installed.members[owner].needs.iter().filter(same);
    owned.any(|own| matches!(own.what, What::Conda(_)) && matches!(installed.judge(own), Verdict::Broken(_)))
}

/// A version by which nothing can be compared.
fn odd_version(member: &Member<'_>) -> Option<Finding> {
    let package = member.package;
    let (readable, rules) = match package.manager {
        Manager::Pip => (member.pip_version.is_some(), "PEP 440"),
        Manager::Conda => (member.conda_version.is_some(), "conda"),
    };
    let odd = !readable && !package.version.is_empty() && package.defect != Some(Defect::Unreadable);
    odd.then(|| {
        let problem = Problem::Record {
            path: package.record.clone(),
            what: format!("{:?} is no version by the rules of {rules}", package.version),
        };
        of(package, problem)
    })
}

#[cfg(test)]
#[path = "unmet_tests.rs"]
mod tests;
