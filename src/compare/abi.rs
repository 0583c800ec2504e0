//! What compiled code needs, held against what is there: NumPy, the system's libraries, the NVIDIA driver.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::binary::Binaries;
use crate::snapshot::facts::SystemFacts;
use crate::snapshot::finding::{Finding, PackageRef, Paths, Problem, Severity};
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::unit::UnitName;

/// The least NVIDIA driver for each CUDA major version on Linux
/// ([minor version compatibility](https://docs.nvidia.com/deploy/cuda-compatibility/)).
const DRIVERS: [(u32, &str); 3] = [(11, "450.80.02"), (12, "525.60.13"), (13, "580.65.06")];

/// The problems of compiled code in one root, sorted.
///
/// `numpy` is the version that `import numpy` would get, `system` the machine as recorded: what it does not tell is
/// no problem.
pub fn problems(
    binaries: &[Binaries],
    packages: &[Package],
    numpy: Option<&str>,
    system: &SystemFacts,
) -> Vec<Finding> {
    let owners = Owners::new(packages);
    let mut findings = Vec::new();
    for unit in binaries {
        findings.extend(
            numpy
                .and_then(|numpy| numpy_abi(unit, numpy))
                .map(|f| owners.sign(unit, f)),
        );
        let versions = too_new(unit, binaries, system).map(|f| owners.sign(unit, f));
        findings.extend(versions);
    }
    findings.extend(drivers(binaries, system).map(|(unit, f)| owners.sign(unit, f)));
    findings.extend(libraries(binaries).map(|(unit, f)| owners.sign(unit, f)));
    findings.sort();
    findings
}

/// A problem that is not yet somebody's.
type Unsigned = (Severity, Problem);

/// Packages by their units.
struct Owners(BTreeMap<UnitName, PackageRef>);

impl Owners {
    fn new(packages: &[Package]) -> Self {
        let mut owners = BTreeMap::new();
        for package in packages.iter().filter(|package| package.is_listed()) {
            let unit = match package.manager {
                Manager::Conda => UnitName::conda(&package.name),
                Manager::Pip => UnitName::pip(&package.name),
            };
            owners.entry(unit).or_insert_with(|| PackageRef::from(package));
        }
        Self(owners)
    }

    fn sign(&self, unit: &Binaries, (severity, problem): Unsigned) -> Finding {
        Finding {
            severity,
            package: self.0.get(&unit.unit).cloned(),
            problem,
        }
    }
}

fn numpy_abi(unit: &Binaries, numpy: &str) -> Option<Unsigned> {
    let major: u32 = numpy.split(['.', '!']).next()?.parse().ok()?;
    let modules = &unit.numpy.one;
    if major < 2 || modules.is_empty() {
        return None;
    }
    let all = modules.len() as u64 + unit.numpy.two;
    let problem = Problem::NumpyAbi {
        numpy: numpy.to_owned(),
        modules: Paths::new(modules, all),
    };
    Some((Severity::Critical, problem))
}

/// Versions of the C and C++ libraries that are needed and not there.
fn too_new(unit: &Binaries, all: &[Binaries], system: &SystemFacts) -> impl Iterator<Item = Unsigned> {
    unit.versions.iter().filter_map(move |(family, need)| {
        let has = offered(family, all, system)?;
        is_older(&has, &need.version).then(|| {
            let problem = Problem::System {
                needs: format!("{family} {}", need.version),
                has,
                path: need.path.clone(),
            };
            (Severity::Critical, problem)
        })
    })
}

/// The version that is there. Conda brings its own C++ library, and its interpreter finds that one first; wheels that
/// bring one do so for themselves. Of the system's it is only known which `GLIBCXX` it has.
fn offered(family: &str, all: &[Binaries], system: &SystemFacts) -> Option<String> {
    let of_conda = all
        .iter()
        .filter(|unit| unit.unit.as_str().starts_with("conda/"))
        .filter_map(|unit| unit.offers.get(family))
        .max_by_key(|version| numbers(version));
    match (family, of_conda) {
        ("GLIBC", _) => system.glibc.clone(),
        (_, Some(version)) => Some(version.clone()),
        ("GLIBCXX", None) => system.libstdcxx.clone(),
        _ => None,
    }
}

/// CUDA versions for which the driver is too old or unknown: one problem each, of the first that needs it.
fn drivers<'b>(binaries: &'b [Binaries], system: &SystemFacts) -> impl Iterator<Item = (&'b Binaries, Unsigned)> {
    let mut runtimes: BTreeMap<u32, (&Binaries, &RelPath)> = BTreeMap::new();
    for unit in binaries {
        for (library, path) in &unit.libraries {
            if let Some(major) = runtime_version(library) {
                runtimes.entry(major).or_insert((unit, path));
            }
        }
    }
    let driver = system.nvidia_driver.clone();
    runtimes.into_iter().filter_map(move |(major, (unit, path))| {
        let (_, least) = DRIVERS.iter().find(|(known, _)| *known == major)?;
        let severity = match &driver {
            Some(driver) if is_older(driver, least) => Severity::Critical,
            Some(_) => return None,
            // A machine without a GPU runs what it runs on the processor, and perhaps the GPU is elsewhere.
            None => Severity::Note,
        };
        let problem = Problem::Driver {
            needs: format!("CUDA {major}"),
            driver: (*least).to_owned(),
            has: driver.clone(),
            path: path.clone(),
        };
        Some((unit, (severity, problem)))
    })
}

/// The 12 of `libcudart.so.12` and of `libcudart-9335f6a2.so.12.1`.
fn runtime_version(library: &str) -> Option<u32> {
    let (name, version) = library.split_once(".so.")?;
    let is_runtime = name == "libcudart" || name.starts_with("libcudart-");
    version.split('.').next()?.parse().ok().filter(|_| is_runtime)
}

/// Libraries that come with packages, or with a toolkit that somebody installed by hand, but with no system.
const OF_PACKAGES: [&str; 16] = [
    "libarrow",
    "libc10",
    "libcublas",
    "libcudart",
    "libcudnn",
    "libcufft",
    "libcupti",
    "libcurand",
    "libcusolver",
    "libcusparse",
    "libmkl_",
    "libnccl",
    "libnvJitLink",
    "libnvrtc",
    "libparquet",
    "libtorch",
];

/// Libraries that are needed and that no unit of the root holds, one problem each, of the first that needs it: those
/// that only packages bring, and those that a conda package needs and of which conda has another version. Of others it
/// cannot be told from what is recorded whether the system has them.
fn libraries(binaries: &[Binaries]) -> impl Iterator<Item = (&Binaries, Unsigned)> {
    let is_conda = |unit: &Binaries| unit.unit.as_str().starts_with("conda/");
    let provided: BTreeSet<&str> = binaries
        .iter()
        .flat_map(|unit| &unit.provides)
        .map(String::as_str)
        .collect();
    let of_conda: BTreeSet<&str> = binaries
        .iter()
        .filter(|unit| is_conda(unit))
        .flat_map(|unit| &unit.provides)
        .map(|name| family(name))
        .collect();
    let mut missing: BTreeMap<&str, (&Binaries, &RelPath)> = BTreeMap::new();
    for unit in binaries {
        for (library, path) in &unit.libraries {
            let of_packages = OF_PACKAGES.iter().any(|start| library.starts_with(start));
            let other_version = is_conda(unit) && of_conda.contains(family(library));
            if (of_packages || other_version) && !provided.contains(library.as_str()) {
                missing.entry(library).or_insert((unit, path));
            }
        }
    }
    missing.into_iter().map(|(library, (unit, path))| {
        let problem = Problem::Library {
            library: library.to_owned(),
            path: path.clone(),
        };
        (unit, (Severity::Warning, problem))
    })
}

/// The `libssl` of `libssl.so.3`.
fn family(library: &str) -> &str {
    library.split_once(".so").map_or(library, |(family, _)| family)
}

fn is_older(version: &str, than: &str) -> bool {
    numbers(version) < numbers(than)
}

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
#[path = "abi_tests.rs"]
mod tests;
