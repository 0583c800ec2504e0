//! Causes in words.

use crate::snapshot::explanation::{Cause, PackageStory};
use crate::snapshot::finding::PackageRef;

/// How many packages are named before the rest is counted.
const NAMED: usize = 4;

/// Why a package changed, in one line: `because pyworld 0.3.4 requires numpy>=1.26`.
pub(super) fn why(causes: &[Cause]) -> Option<String> {
    let mut text = cause(causes.first()?);
    let more = causes
        .iter()
        .skip(1)
        .filter(|cause| matches!(cause, Cause::Required { .. }));
    match more.count() {
        0 => {}
        more => text.push_str(&format!(" (and {more} more)")),
    }
    Some(text)
}

/// All that is known of a change, a line each: what it costs first, then its causes.
pub(super) fn story(story: &PackageStory) -> Vec<String> {
    let critical = story.critical.iter().cloned();
    critical.chain(story.causes.iter().map(cause)).collect()
}

/// One cause, as a sentence goes on that begins with the change.
pub(super) fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Requested { by: None } => "asked for directly".to_owned(),
        Cause::Requested { by: Some(by) } => format!("asked for directly: {by}"),
        Cause::Required {
            by,
            requirement,
            decisive,
            through,
        } => {
            let chain: Vec<String> = through
                .iter()
                .map(|package| format!(", for {}", named(package)))
                .collect();
            let chain = chain.concat();
            match decisive {
                true => format!("because {} requires {requirement}{chain}", named(by)),
                false => format!(
                    "{} requires {requirement}{chain}, which the version before met too",
                    named(by)
                ),
            }
        }
        Cause::Unfit {
            requirement,
            needs,
            found,
        } => match found {
            Some(found) => format!("it required {requirement}, and {} is there now", named(found)),
            None => format!("it required {requirement}, and no {needs} is there now"),
        },
        Cause::Replaced { by } => format!("{} ({}) has its place", named(by), by.manager),
        Cause::Orphaned { of } => {
            let names: Vec<String> = of.iter().map(named).collect();
            format!("nothing requires it any more, as {} did", names.join(", "))
        }
        Cause::Unexplained => "no requirement explains it".to_owned(),
    }
}

/// What follows from a change, in one line each: `breaks matplotlib 3.7.5, pandas 2.0.3`.
pub(super) fn consequences(story: &PackageStory) -> Vec<String> {
    let told = |verb: &str, packages: &[PackageRef]| {
        let names: Vec<String> = packages.iter().take(NAMED).map(named).collect();
        let more = packages.len() - names.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        (!packages.is_empty()).then(|| format!("{verb} {}{more}", names.join(", ")))
    };
    [told("breaks", &story.breaks), told("mends", &story.mends)]
        .into_iter()
        .flatten()
        .collect()
}

fn named(package: &PackageRef) -> String {
    match package.version.as_str() {
        "" => package.name.clone(),
        version => format!("{} {version}", package.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::package::Manager;

    fn package(name: &str, version: &str) -> PackageRef {
        PackageRef {
            manager: Manager::Pip,
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    #[test]
    fn every_cause_has_its_words() {
        let required = |decisive, through: &[PackageRef]| Cause::Required {
            by: package("scipy", "1.17.1"),
            requirement: "numpy>=1.26.4".to_owned(),
            decisive,
            through: through.to_vec(),
        };
        let told = story(&PackageStory {
            causes: vec![
                Cause::Requested { by: None },
                Cause::Requested {
                    by: Some("conda install numpy".to_owned()),
                },
                required(true, &[]),
                required(true, &[package("libf0", "1.1.1"), package("app", "")]),
                required(false, &[]),
                Cause::Unfit {
                    requirement: "numpy<2".to_owned(),
                    needs: "numpy".to_owned(),
                    found: Some(package("numpy", "2.4.6")),
                },
                Cause::Replaced {
                    by: package("torch", "2.10.0"),
                },
                Cause::Orphaned {
                    of: vec![package("librosa", "0.10.1")],
                },
                Cause::Unexplained,
            ],
            critical: Some("GPU build replaced by CPU build".to_owned()),
            ..PackageStory::default()
        });
        insta::assert_snapshot!(told.join("\n"), @"
        GPU build replaced by CPU build
        asked for directly
        asked for directly: conda install numpy
        because scipy 1.17.1 requires numpy>=1.26.4
        because scipy 1.17.1 requires numpy>=1.26.4, for libf0 1.1.1, for app
        scipy 1.17.1 requires numpy>=1.26.4, which the version before met too
        it required numpy<2, and numpy 2.4.6 is there now
        torch 2.10.0 (pip) has its place
        nothing requires it any more, as librosa 0.10.1 did
        no requirement explains it
        ");
    }
}
