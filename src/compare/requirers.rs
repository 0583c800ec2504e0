//! Who requires a package, as records word it.

use super::requirements::Installed;
use super::requirements::installed::Need;
use crate::snapshot::finding::PackageRef;
use crate::snapshot::package::{Manager, Package};

/// A package that requires another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirer {
    /// That package.
    pub by: PackageRef,
    /// Its requirement, as its record words it.
    pub requirement: String,
}

/// The packages that require `package`, with markers and extras as they apply. Whether it meets them is not asked.
/// Requirements of pip packages name pip packages, those of conda packages name conda packages; the pip side of a conda
/// package (`part_of`) speaks for that package.
pub fn requirers(package: &Package, installed: &Installed<'_>) -> Vec<Requirer> {
    // The names by which pip knows a conda package: those of the records that are part of it.
    let mut names: Vec<(Manager, &str)> = vec![(package.manager, &package.name)];
    let parts = installed.counting().map(|member| member.package);
    let parts = parts.filter(|part| package.manager == Manager::Conda && part.part_of.as_ref() == Some(&package.name));
    names.extend(parts.map(|part| (Manager::Pip, part.name.as_str())));
    let mut found = Vec::new();
    for member in installed.counting().filter(|member| member.package.is_listed()) {
        let by = member.package;
        let is_it = |need: &&Need<'_>| !need.optional && names.contains(&(by.manager, need.name()));
        let is_self = (by.manager, &by.name) == (package.manager, &package.name);
        found.extend(
            member
                .needs
                .iter()
                .filter(is_it)
                .filter(|_| !is_self)
                .map(|need| Requirer {
                    by: PackageRef::from(by),
                    requirement: need.text.to_owned(),
                }),
        );
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::requirements::{Platform, Texts};
    use crate::snapshot::facts::SystemFacts;
    use crate::snapshot::path::RelPath;

    fn package(manager: Manager, name: &str, requires: &[&str]) -> Package {
        let mut package = Package::new(manager, name, "1", RelPath::new(format!("r/{name}")).unwrap());
        package.requires = requires.iter().map(|&text| text.to_owned()).collect();
        package
    }

    fn told(of: &Package, packages: &[Package]) -> Vec<String> {
        let platform = Platform::new(Some("3.11.2"), &SystemFacts::default(), packages);
        let installed = Installed::new(packages, &[], &platform, &Texts::default());
        let told = requirers(of, &installed).into_iter();
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
