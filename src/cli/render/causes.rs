//! Why a package changed, in words.

use crate::snapshot::explanation::{Cause, PackageStory};
use crate::snapshot::finding::PackageRef;

/// All that is known of a change, a line each: what it costs first, then its causes.
pub(super) fn story(story: &PackageStory) -> Vec<String> {
    let critical = story.critical.iter().cloned();
    critical.chain(story.causes.iter().map(cause)).collect()
}

/// One cause as part of a sentence that begins with the change: `because scipy 1.17.1 requires numpy>=1.26.4`.
pub(super) fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Requested { by: Some(by) } => format!("asked for: {by}"),
        Cause::Requested { by: None } => "asked for by name".to_owned(),
        Cause::Required {
            by,
            requirement,
            decisive,
            through,
        } => {
            let by = named(by);
            let chain = chain(through);
            match decisive {
                true => format!("because {by} requires {requirement}{chain}"),
                false => format!("{by} changed too and requires {requirement}{chain}, which held before"),
            }
        }
        Cause::Unexplained => "nothing recorded says why".to_owned(),
    }
}

/// ` (libf0 1.1.1 ← asked for)`: what required the one that is named, up to what was asked for.
fn chain(through: &[PackageRef]) -> String {
    if through.is_empty() {
        return String::new();
    }
    let names: Vec<String> = through.iter().map(named).collect();
    format!(" ({} ← asked for)", names.join(" ← "))
}

/// `scipy 1.17.1`.
fn named(package: &PackageRef) -> String {
    format!("{} {}", package.name, package.version).trim_end().to_owned()
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
                Cause::Unexplained,
            ],
            critical: Some("GPU build replaced by CPU build".to_owned()),
        });
        insta::assert_snapshot!(told.join("\n"), @"
        GPU build replaced by CPU build
        asked for by name
        asked for: conda install numpy
        because scipy 1.17.1 requires numpy>=1.26.4
        because scipy 1.17.1 requires numpy>=1.26.4 (libf0 1.1.1 ← app ← asked for)
        scipy 1.17.1 changed too and requires numpy>=1.26.4, which held before
        nothing recorded says why
        ");
    }
}
