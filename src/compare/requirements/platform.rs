//! The system and the interpreter that requirements are held against, as recorded.

use pep440_rs::Version;

use super::marker::Values;
use crate::snapshot::facts::SystemFacts;
use crate::snapshot::package::{Manager, Package};

/// The CUDA version that a branch of the NVIDIA driver brings, newest first
/// ([release notes](https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/)).
const CUDA_OF_DRIVER: &[(u32, &str)] = &[
    (590, "13.1"),
    (580, "13.0"),
    (575, "12.9"),
    (570, "12.8"),
    (565, "12.7"),
    (560, "12.6"),
    (555, "12.5"),
    (550, "12.4"),
    (545, "12.3"),
    (535, "12.2"),
    (530, "12.1"),
    (525, "12.0"),
    (520, "11.8"),
    (515, "11.7"),
    (510, "11.6"),
    (495, "11.5"),
    (470, "11.4"),
    (465, "11.3"),
    (460, "11.2"),
    (455, "11.1"),
    (450, "11.0"),
    (440, "10.2"),
    (418, "10.1"),
    (410, "10.0"),
];

/// What requirements may ask of the world around the packages.
#[derive(Clone, Debug)]
pub struct Platform {
    python: Option<String>,
    version: Option<Version>,
    pypy: bool,
    values: Option<Values>,
    glibc: Option<String>,
    kernel: String,
    driver: Option<String>,
}

/// What is known of one of conda's virtual packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Virtual {
    /// It is there, in this version.
    Present(String),
    /// It is not there.
    Absent,
    /// Nothing was recorded that tells.
    Unknown,
}

impl Platform {
    /// From the facts of a root (its interpreter's version) and of the system; the packages tell PyPy from CPython.
    pub fn new(python: Option<&str>, system: &SystemFacts, packages: &[Package]) -> Self {
        let version = python.and_then(python_version);
        let pypy = packages.iter().any(is_of_pypy);
        Self {
            python: python.map(str::to_owned),
            values: version.as_ref().and_then(|version| values(version, pypy, system)),
            version,
            pypy,
            glibc: system.glibc.clone(),
            kernel: leading_version(&system.kernel).to_owned(),
            driver: system.nvidia_driver.clone(),
        }
    }

    /// What environment markers compare with; nothing if no interpreter is known.
    pub(super) fn values(&self) -> Option<&Values> {
        self.values.as_ref()
    }

    /// The interpreter's version as recorded.
    pub(super) fn python(&self) -> Option<&str> {
        self.python.as_deref()
    }

    /// The interpreter's version, as `Requires-Python` compares it: three numbers, no pre-release.
    pub(super) fn release(&self) -> Option<Version> {
        let version = self.version.as_ref()?;
        Some(Version::new(version.release().iter().copied().take(3)))
    }

    /// Major and minor version of the interpreter.
    pub(super) fn minor(&self) -> Option<(u64, u64)> {
        minor_of(self.version.as_ref()?)
    }

    /// Whether the interpreter is PyPy.
    pub(super) fn is_pypy(&self) -> bool {
        self.pypy
    }

    /// One of conda's virtual packages
    /// ([list](https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-virtual.html)).
    pub(super) fn virtual_package(&self, name: &str) -> Virtual {
        let version = |known: Option<String>| known.map_or(Virtual::Unknown, Virtual::Present);
        match name {
            "__unix" => Virtual::Present("0".to_owned()),
            "__linux" => version(Some(self.kernel.clone()).filter(|kernel| !kernel.is_empty())),
            "__glibc" => version(self.glibc.clone()),
            "__cuda" => match &self.driver {
                Some(driver) => version(cuda_of_driver(driver)),
                None => Virtual::Absent,
            },
            "__osx" | "__win" => Virtual::Absent,
            _ => Virtual::Unknown,
        }
    }
}

fn values(version: &Version, pypy: bool, system: &SystemFacts) -> Option<Values> {
    let release = version.release();
    Some(Values {
        implementation_name: if pypy { "pypy" } else { "cpython" },
        platform_python_implementation: if pypy { "PyPy" } else { "CPython" },
        python_version: format!("{}.{}", release.first()?, release.get(1).copied().unwrap_or(0)),
        python_full_version: version.to_string(),
        platform_machine: system.arch.clone(),
        platform_release: system.kernel.clone(),
    })
}

/// Major and minor version of an interpreter, from its version as recorded.
pub(in crate::compare) fn minor(python: Option<&str>) -> Option<(u64, u64)> {
    minor_of(&python_version(python?)?)
}

fn minor_of(version: &Version) -> Option<(u64, u64)> {
    let release = version.release();
    Some((*release.first()?, release.get(1).copied().unwrap_or(0)))
}

/// `3.11.2`, also of `3.11.2+` and the like.
fn python_version(text: &str) -> Option<Version> {
    let version: Option<Version> = text.parse().ok();
    version.or_else(|| leading_version(text).parse().ok())
}

/// The numbers with which a text begins: `6.1.0` of `6.1.0-18-amd64`.
fn leading_version(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    text[..end.unwrap_or(text.len())].trim_end_matches('.')
}

fn is_of_pypy(package: &Package) -> bool {
    match package.manager {
        Manager::Conda => {
            let build = package.build.as_deref().unwrap_or_default();
            package.name.starts_with("pypy3") || (package.name == "python" && build.contains("pypy"))
        }
        Manager::Pip => memchr::memmem::find(package.record.as_bytes(), b"lib/pypy").is_some(),
    }
}

fn cuda_of_driver(driver: &str) -> Option<String> {
    let branch: u32 = driver.split('.').next()?.parse().ok()?;
    let row = CUDA_OF_DRIVER.iter().find(|(least, _)| *least <= branch);
    row.map(|(_, cuda)| (*cuda).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::path::RelPath;

    fn facts() -> SystemFacts {
        SystemFacts {
            kernel: "6.1.0-18-amd64".to_owned(),
            arch: "x86_64".to_owned(),
            glibc: Some("2.36".to_owned()),
            ..SystemFacts::default()
        }
    }

    #[test]
    fn versions_of_python_are_read_as_they_are_written() {
        for (text, expected) in [
            ("3.11.2", Some((3, 11))),
            ("3.12", Some((3, 12))),
            ("3.13.0rc1", Some((3, 13))),
            ("3.11.2+", Some((3, 11))),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(Platform::new(Some(text), &facts(), &[]).minor(), expected, "{text}");
        }
        let candidate = Platform::new(Some("3.13.0rc1"), &facts(), &[]);
        assert_eq!(candidate.release().map(|v| v.to_string()).as_deref(), Some("3.13.0"));
    }

    #[test]
    fn pypy_is_known_by_its_packages() {
        let record = RelPath::new("lib/pypy3.10/site-packages/six-1.16.0.dist-info").unwrap();
        let six = Package::new(Manager::Pip, "six", "1.16.0", record);
        assert!(Platform::new(Some("3.10.2"), &facts(), &[six]).is_pypy());
        let mut python = Package::new(
            Manager::Conda,
            "python",
            "3.9.18",
            RelPath::new("conda-meta/p.json").unwrap(),
        );
        assert!(!Platform::new(None, &facts(), std::slice::from_ref(&python)).is_pypy());
        python.build = Some("0_73_pypy".to_owned());
        assert!(Platform::new(None, &facts(), &[python]).is_pypy());
    }

    #[test]
    fn virtual_packages_come_from_the_facts() {
        let present = |version: &str| Virtual::Present(version.to_owned());
        let mut system = facts();
        let of = |system: &SystemFacts, name: &str| Platform::new(None, system, &[]).virtual_package(name);
        assert_eq!(of(&system, "__glibc"), present("2.36"));
        assert_eq!(of(&system, "__linux"), present("6.1.0"));
        assert_eq!(of(&system, "__unix"), present("0"));
        assert_eq!(of(&system, "__win"), Virtual::Absent);
        assert_eq!(of(&system, "__archspec"), Virtual::Unknown);
        assert_eq!(of(&system, "__cuda"), Virtual::Absent);
        for (driver, cuda) in [
            ("550.54.14", "12.4"),
            ("535.129.03", "12.2"),
            ("470.57.02", "11.4"),
            ("999.1", "13.1"),
        ] {
            system.nvidia_driver = Some(driver.to_owned());
            assert_eq!(of(&system, "__cuda"), present(cuda), "{driver}");
        }
        system.nvidia_driver = Some("odd".to_owned());
        system.glibc = None;
        assert_eq!(of(&system, "__cuda"), Virtual::Unknown);
        assert_eq!(of(&system, "__glibc"), Virtual::Unknown);
    }
}
