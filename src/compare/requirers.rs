//! Who requires a package, as records word it.

use crate::snapshot::finding::PackageRef;
use crate::snapshot::package::{Manager, Package, normalize};

/// A package that requires another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirer {
    /// That package.
    pub by: PackageRef,
    /// Its requirement, as its record words it.
    pub requirement: String,
}

/// The packages that require `package`, by name. Whether it meets them is not asked, and what is required only for an
/// extra is left out. Requirements of pip packages name pip packages, those of conda packages name conda packages; the
/// pip side of a conda package (`part_of`) speaks for that package.
pub fn requirers(package: &Package, packages: &[Package]) -> Vec<Requirer> {
    // The names by which pip knows a conda package: those of the records that are part of it.
    let mut names: Vec<(Manager, &str)> = vec![(package.manager, &package.name)];
    if package.manager == Manager::Conda {
        let parts = packages
            .iter()
            .filter(|part| part.part_of.as_deref() == Some(&package.name));
        names.extend(parts.map(|part| (Manager::Pip, part.name.as_str())));
    }
    let mut found = Vec::new();
    for by in packages.iter().filter(|by| by.is_listed()) {
        for requirement in &by.requires {
            let needed = required_name(by.manager, requirement);
            let is_it = |(manager, name): &(Manager, &str)| *manager == by.manager && needed.as_deref() == Some(name);
            let is_self = (by.manager, &by.name) == (package.manager, &package.name);
            if !is_self && names.iter().any(is_it) {
                found.push(Requirer {
                    by: PackageRef::from(by),
                    requirement: requirement.clone(),
                });
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The name that a requirement is for; nothing if it is only for an extra, or for nothing at all.
fn required_name(manager: Manager, requirement: &str) -> Option<String> {
    let requirement = requirement.trim();
    match manager {
        Manager::Pip => {
            let marker = requirement.split_once(';').map_or("", |(_, marker)| marker);
            if marker.contains("extra") {
                return None;
            }
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let end = requirement.find(|c| !is_of_name(c)).unwrap_or(requirement.len());
            Some(normalize(&requirement[..end])).filter(|name| !name.is_empty())
        }
        Manager::Conda => {
            // `channel::name version build`, `name=version`, `name[key=value]`.
            let name = requirement.rsplit("::").next().unwrap_or(requirement);
            let end = name.find(|c: char| c.is_whitespace() || "=<>!~[".contains(c));
            let name = &name[..end.unwrap_or(name.len())];
            (!name.is_empty()).then(|| name.to_ascii_lowercase())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::path::RelPath;

    fn package(manager: Manager, name: &str, requires: &[&str]) -> Package {
        let mut package = Package::new(manager, name, "1", RelPath::new(format!("r/{name}")).unwrap());
        package.requires = requires.iter().map(|&text| text.to_owned()).collect();
        package
    }

    fn told(of: &Package, packages: &[Package]) -> Vec<String> {
        let told = requirers(of, packages).into_iter();
        told.map(|one| format!("{}: {}", one.by, one.requirement)).collect()
    }

    #[test]
    fn requirements_are_matched_by_name_within_a_manager() {
        let yaml = package(Manager::Pip, "Ruamel.YAML", &[]);
        let conda = package(Manager::Conda, "ruamel.yaml", &[]);
        let packages = [
            yaml.clone(),
            conda.clone(),
            package(
                Manager::Pip,
                "a",
                &["ruamel_yaml[x]>=1; python_version < '4'", "ruamel.yaml.clib"],
            ),
            package(Manager::Pip, "b", &["ruamel.yaml; extra == 'docs'"]),
            package(
                Manager::Conda,
                "c",
                &["conda-forge::ruamel.yaml >=1,<2", "ruamel.yaml.clib"],
            ),
            package(Manager::Conda, "d", &["ruamel.yaml=1"]),
        ];
        assert_eq!(
            told(&yaml, &packages),
            ["pip's a 1: ruamel_yaml[x]>=1; python_version < '4'"]
        );
        assert_eq!(
            told(&conda, &packages),
            [
                "conda's c 1: conda-forge::ruamel.yaml >=1,<2",
                "conda's d 1: ruamel.yaml=1"
            ]
        );
    }

    #[test]
    fn pip_packages_require_conda_packages_by_the_name_of_their_python_part() {
        let torch = package(Manager::Conda, "pytorch", &["typing"]);
        let mut part = package(Manager::Pip, "torch", &["sympy"]);
        part.part_of = Some("pytorch".to_owned());
        let packages = [
            torch.clone(),
            part,
            package(Manager::Pip, "torchaudio", &["torch==2.9"]),
        ];
        assert_eq!(told(&torch, &packages), ["pip's torchaudio 1: torch==2.9"]);
        assert_eq!(told(&package(Manager::Pip, "sympy", &[]), &packages), [""; 0]);
    }
}
