//! Tests of what compiled code lacks.

use super::*;
use crate::snapshot::binary::Need;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn unit(unit: UnitName) -> Binaries {
    let mut binaries = Binaries::new(unit);
    binaries.files = 1;
    binaries
}

fn pip(name: &str) -> Binaries {
    unit(UnitName::pip(name))
}

fn conda(name: &str) -> Binaries {
    unit(UnitName::conda(name))
}

fn needing(mut unit: Binaries, family: &str, version: &str) -> Binaries {
    let need = Need {
        version: version.to_owned(),
        path: path("x.so"),
    };
    unit.versions.insert(family.to_owned(), need);
    unit
}

fn linked(mut unit: Binaries, libraries: &[&str]) -> Binaries {
    unit.libraries = libraries
        .iter()
        .map(|name| ((*name).to_owned(), path("x.so")))
        .collect();
    unit
}

fn providing(mut unit: Binaries, libraries: &[&str]) -> Binaries {
    unit.provides = libraries.iter().map(|name| (*name).to_owned()).collect();
    unit
}

fn debian_12() -> SystemFacts {
    SystemFacts {
        glibc: Some("2.36".to_owned()),
        libstdcxx: Some("3.4.30".to_owned()),
        ..SystemFacts::default()
    }
}

/// Findings as lines: severity, package, problem.
fn lines(binaries: &[Binaries], numpy: Option<&str>, system: &SystemFacts) -> Vec<String> {
    let package = |unit: &Binaries| {
        let (manager, name) = match unit.unit.as_str().split_once('/') {
            Some(("conda", name)) => (Manager::Conda, name),
            Some(("pip", name)) => (Manager::Pip, name),
            _ => return None,
        };
        Some(Package::new(manager, name, "1.0", path("record")))
    };
    let packages: Vec<Package> = binaries.iter().filter_map(package).collect();
    let found = problems(binaries, &packages, numpy, system);
    let line = |finding: &Finding| {
        let whose = finding
            .package
            .as_ref()
            .map_or("nobody's".to_owned(), PackageRef::to_string);
        let what = match &finding.problem {
            Problem::NumpyAbi { numpy, modules } => {
                format!("{} of {} modules, numpy {numpy}", modules.count, modules.of)
            }
            Problem::System { needs, has, path } => format!("needs {needs}, has {has}: {path}"),
            Problem::Driver { needs, driver, has, .. } => format!("{needs} needs driver {driver}, has {has:?}"),
            Problem::Library { library, path } => format!("{library}: {path}"),
            other => format!("{other:?}"),
        };
        format!("{:?} {whose}: {what}", finding.severity)
    };
    found.iter().map(line).collect()
}

fn system_lines(binaries: &[Binaries], system: &SystemFacts) -> Vec<String> {
    lines(binaries, None, system)
}

#[test]
fn modules_for_numpy_1_and_numpy_2() {
    let mut pandas = pip("pandas");
    pandas.numpy.one = vec![path("a.so"), path("b.so")];
    pandas.numpy.two = 1;
    let mut numba = pip("numba");
    numba.numpy.two = 4;
    let both = [pandas, numba];
    let broken = |numpy: &str| [format!("Critical pip's pandas 1.0: 2 of 3 modules, numpy {numpy}")];
    for numpy in ["2.0.0", "2.4.6", "2.0.0rc1", "10.1"] {
        assert_eq!(lines(&both, Some(numpy), &debian_12()), broken(numpy));
    }
    for numpy in [Some("1.26.4"), Some("unknown"), Some(""), None] {
        assert!(lines(&both, numpy, &debian_12()).is_empty(), "{numpy:?}");
    }
}

#[test]
fn files_of_nobody_have_problems_too() {
    let mut loose = unit(UnitName::loose(b"lib/x"));
    loose.numpy.one = vec![path("lib/x.so")];
    let expected = ["Critical nobody's: 1 of 1 modules, numpy 2.1"];
    assert_eq!(lines(&[loose], Some("2.1"), &debian_12()), expected);
}

#[test]
fn versions_of_the_c_library() {
    let cases = [
        ("2.36", false),
        ("2.4", false),
        ("2.37", true),
        ("3.0", true),
        ("2.36.1", true),
    ];
    for (version, expected) in cases {
        let found = system_lines(&[needing(pip("torch"), "GLIBC", version)], &debian_12());
        let line = format!("Critical pip's torch 1.0: needs GLIBC {version}, has 2.36: x.so");
        assert_eq!(found, Vec::from_iter(expected.then_some(line)), "{version}");
    }
}

#[test]
fn what_the_system_does_not_tell_is_no_problem() {
    let needs = ["GLIBC", "GLIBCXX", "CXXABI", "GCC"].map(|family| needing(pip("x"), family, "99.0"));
    assert!(system_lines(&needs, &SystemFacts::default()).is_empty());
    assert_eq!(system_lines(&needs, &debian_12()).len(), 2);
}

#[test]
fn condas_cxx_library_stands_before_the_systems() {
    let pip_unit = needing(needing(pip("scipy"), "GLIBCXX", "3.4.32"), "CXXABI", "1.3.16");
    let system = "Critical pip's scipy 1.0: needs GLIBCXX 3.4.32, has 3.4.30: x.so";
    assert_eq!(system_lines(std::slice::from_ref(&pip_unit), &debian_12()), [system]);

    let mut libstdcxx = conda("libstdcxx");
    libstdcxx.offers.insert("GLIBCXX".to_owned(), "3.4.33".to_owned());
    libstdcxx.offers.insert("CXXABI".to_owned(), "1.3.15".to_owned());
    let expected = ["Critical pip's scipy 1.0: needs CXXABI 1.3.16, has 1.3.15: x.so"];
    assert_eq!(
        system_lines(&[libstdcxx.clone(), pip_unit.clone()], &debian_12()),
        expected
    );

    // One that a wheel brings is for that wheel.
    libstdcxx.unit = UnitName::pip("opencv");
    assert_eq!(system_lines(&[libstdcxx, pip_unit], &debian_12()), [system]);
}

#[test]
fn cuda_and_drivers() {
    let torch = linked(pip("torch"), &["libcudart.so.12", "libcuda.so.1"]);
    let runtime = providing(pip("nvidia-cuda-runtime-cu12"), &["libcudart.so.12"]);
    let both = [runtime, torch];
    let with = |driver: Option<&str>| {
        let system = SystemFacts {
            nvidia_driver: driver.map(str::to_owned),
            ..debian_12()
        };
        system_lines(&both, &system)
    };
    let line = |severity: &str, has: &str| {
        [format!(
            "{severity} pip's torch 1.0: CUDA 12 needs driver 525.60.13, has {has}"
        )]
    };
    assert_eq!(with(None), line("Note", "None"));
    assert_eq!(with(Some("470.82.01")), line("Critical", "Some(\"470.82.01\")"));
    assert_eq!(with(Some("525.60.12")), line("Critical", "Some(\"525.60.12\")"));
    for driver in ["525.60.13", "525.125.06", "550.54.14"] {
        assert!(with(Some(driver)).is_empty(), "{driver}");
    }
}

#[test]
fn each_cuda_version_is_named_once() {
    let units = [
        linked(pip("a"), &["libcudart.so.13"]),
        linked(
            pip("b"),
            &["libcudart.so.13", "libcudart-9335f6a2.so.11.0", "libcudart.so.99"],
        ),
    ];
    let units = units.map(|unit| {
        providing(
            unit,
            &["libcudart.so.13", "libcudart-9335f6a2.so.11.0", "libcudart.so.99"],
        )
    });
    let expected = [
        "Note pip's a 1.0: CUDA 13 needs driver 580.65.06, has None",
        "Note pip's b 1.0: CUDA 11 needs driver 450.80.02, has None",
    ];
    assert_eq!(system_lines(&units, &debian_12()), expected);
}

#[test]
fn libraries_that_only_packages_bring() {
    let torch = linked(
        pip("torch"),
        &["libcudnn.so.9", "libc.so.6", "libGL.so.1", "libnobody.so.3"],
    );
    let cudnn = |name: &str| providing(pip("nvidia-cudnn-cu12"), &[name]);
    let missing = ["Warning pip's torch 1.0: libcudnn.so.9: x.so"];
    assert_eq!(system_lines(std::slice::from_ref(&torch), &debian_12()), missing);
    assert_eq!(
        system_lines(&[cudnn("libcudnn.so.8"), torch.clone()], &debian_12()),
        missing
    );
    assert!(system_lines(&[cudnn("libcudnn.so.9"), torch], &debian_12()).is_empty());
}

#[test]
fn libraries_of_which_conda_has_another_version() {
    let python = |needs| linked(conda("python"), &[needs]);
    let openssl = providing(conda("openssl"), &["libssl.so", "libssl.so.3"]);
    let missing = ["Warning conda's python 1.0: libssl.so.1.1: x.so"];
    assert_eq!(
        system_lines(&[openssl.clone(), python("libssl.so.1.1")], &debian_12()),
        missing
    );
    assert!(system_lines(&[openssl.clone(), python("libssl.so.3")], &debian_12()).is_empty());
    assert!(system_lines(&[openssl.clone(), python("libz.so.1")], &debian_12()).is_empty());
    // What a wheel needs of this kind may be the system's.
    let wheel = linked(pip("wheel"), &["libssl.so.1.1"]);
    assert!(system_lines(&[openssl, wheel], &debian_12()).is_empty());
}

#[test]
fn packages_are_found_by_their_units() {
    let mut leftover = Package::new(Manager::Pip, "x", "0.9", path("a"));
    leftover.defect = Some(crate::snapshot::package::Defect::Leftover);
    let packages = [
        leftover,
        Package::new(Manager::Pip, "X", "1.0", path("b")),
        Package::new(Manager::Conda, "x", "2.0", path("c")),
    ];
    let units = [needing(pip("x"), "GLIBC", "2.99"), needing(conda("x"), "GLIBC", "2.99")];
    let found = problems(&units, &packages, None, &debian_12());
    let names: Vec<String> = found
        .iter()
        .flat_map(|f| &f.package)
        .map(PackageRef::to_string)
        .collect();
    assert_eq!(names, ["conda's x 2.0", "pip's x 1.0"]);
}
