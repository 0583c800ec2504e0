//! Whether a Python package works with the interpreter of its root.

use pep440_rs::VersionSpecifiers;

use super::pip::{PipVersion, admits};
use super::platform::Platform;
use crate::snapshot::finding::Problem;
use crate::snapshot::package::Package;

/// What speaks against it, if anything does: the folder it is in, its tags, `Requires-Python`.
pub(super) fn problem(package: &Package, platform: &Platform) -> Option<Problem> {
    let found = platform.python()?.to_owned();
    let minor = platform.minor()?;
    if !is_visible(package, Some(minor)) {
        let folder = package
            .record
            .parent()
            .map(|folder| String::from_utf8_lossy(folder).into_owned());
        return Some(Problem::Python {
            requirement: folder.unwrap_or_default(),
            found,
        });
    }
    if let Some(text) = package.requires_python.as_deref() {
        match requires(text, platform) {
            Ok(true) => {}
            Ok(false) => {
                return Some(Problem::Python {
                    requirement: text.to_owned(),
                    found,
                });
            }
            Err(why) => {
                return Some(Problem::Unparsable {
                    requirement: format!("Requires-Python: {text}"),
                    why,
                });
            }
        }
    }
    let suits = |tag: &String| suits(tag, minor, platform.is_pypy());
    if package.tags.is_empty() || package.tags.iter().any(suits) {
        return None;
    }
    Some(Problem::Python {
        requirement: package.tags.join(", "),
        found,
    })
}

/// Whether an interpreter of this major and minor version looks into the folder that the package is in: not into
/// `lib/python3.11` if it is 3.12.
pub(in crate::compare) fn is_visible(package: &Package, minor: Option<(u64, u64)>) -> bool {
    let Some(wanted) = minor else { return true };
    let record = String::from_utf8_lossy(package.record.as_bytes());
    let mut folders = record.split('/');
    let owner = folders.find_map(|folder| minor_of(folder.strip_prefix("python").or(folder.strip_prefix("pypy"))?));
    owner.is_none_or(|minor| minor == wanted)
}

/// `3.11`, `3.13t`.
fn minor_of(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.trim_end_matches('t').parse().ok()?))
}

fn requires(text: &str, platform: &Platform) -> Result<bool, String> {
    let specifiers: VersionSpecifiers = text.parse().map_err(|_| "it is no list of versions".to_owned())?;
    let release = platform.release().map(|release| release.to_string());
    let version = release.and_then(|release| PipVersion::parse(&release));
    Ok(version.is_none_or(|version| admits(&specifiers, &version)))
}

/// Whether a wheel of this tag works with an interpreter
/// ([tags](https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/)). One that cannot be
/// read does.
fn suits(tag: &str, (major, minor): (u64, u64), pypy: bool) -> bool {
    let mut parts = tag.split('-');
    let (Some(pythons), Some(abis)) = (parts.next(), parts.next()) else {
        return true;
    };
    let stable = abis.split('.').any(|abi| abi == "abi3");
    pythons.split('.').any(|python| {
        let end = python.find(|c: char| c.is_ascii_digit()).unwrap_or(python.len());
        let (implementation, digits) = python.split_at(end);
        let (Ok(own_major), rest) = (
            digits[..digits.len().min(1)].parse::<u64>(),
            digits.get(1..).unwrap_or(""),
        ) else {
            return true;
        };
        let own_minor: Option<u64> = rest.trim_end_matches('t').parse().ok();
        match implementation {
            "py" => own_major == major && own_minor.is_none_or(|own| own <= minor),
            "cp" if pypy => false,
            "pp" if !pypy => false,
            "cp" if stable => own_major == major && own_minor.is_none_or(|own| own <= minor),
            "cp" | "pp" => own_major == major && own_minor.is_none_or(|own| own == minor),
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::requirements::testing::{pip, platform};

    #[test]
    fn tags_are_held_against_the_interpreter() {
        for (tag, on_312, on_pypy310) in [
            ("py3-none-any", true, true),
            ("py2.py3-none-any", true, true),
            ("py2-none-any", false, false),
            ("py310-none-any", true, true),
            ("py313-none-any", false, false),
            ("cp312-cp312-manylinux_2_17_x86_64", true, false),
            ("cp311-cp311-manylinux_2_17_x86_64", false, false),
            ("cp37-abi3-manylinux_2_17_x86_64", true, false),
            ("cp313-abi3-manylinux_2_17_x86_64", false, false),
            ("cp312-none-linux_x86_64", true, false),
            ("pp310-pypy310_pp73-manylinux_2_17_x86_64", false, true),
            ("cp312-cp312t-linux_x86_64", true, false),
            ("odd", true, true),
            ("jy-x-y", true, true),
            ("", true, true),
        ] {
            assert_eq!(suits(tag, (3, 12), false), on_312, "{tag}");
            assert_eq!(suits(tag, (3, 10), true), on_pypy310, "{tag}");
        }
    }

    #[test]
    fn the_folder_the_tags_and_requires_python_can_all_speak_against_it() {
        let told = |requires: Option<&str>, tags: &[&str]| {
            let mut package = pip("a", "1", &[]);
            package.requires_python = requires.map(str::to_owned);
            package.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            match problem(&package, &platform("3.11.2")) {
                Some(Problem::Python { requirement, found }) => format!("{requirement} but {found}"),
                Some(Problem::Unparsable { requirement, why }) => format!("{requirement}: {why}"),
                Some(other) => format!("{other:?}"),
                None => "fine".to_owned(),
            }
        };
        assert_eq!(told(Some(">=3.8"), &["cp311-cp311-linux_x86_64"]), "fine");
        assert_eq!(told(Some(">=3.12"), &[]), ">=3.12 but 3.11.2");
        assert_eq!(told(Some("!=3.11.*"), &[]), "!=3.11.* but 3.11.2");
        assert_eq!(
            told(Some(">=3.x"), &[]),
            "Requires-Python: >=3.x: it is no list of versions"
        );
        assert_eq!(
            told(None, &["cp312-cp312-linux_x86_64"]),
            "cp312-cp312-linux_x86_64 but 3.11.2"
        );
        let mut package = pip("a", "1", &[]);
        package.requires_python = Some(">=4".to_owned());
        assert_eq!(problem(&package, &platform("")), None, "no interpreter is known");
        let in_another = problem(&package, &platform("3.12.1"));
        let Some(Problem::Python { requirement, .. }) = in_another else {
            panic!("{in_another:?}")
        };
        assert_eq!(requirement, "lib/python3.11/site-packages");
    }
}
