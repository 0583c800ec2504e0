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
