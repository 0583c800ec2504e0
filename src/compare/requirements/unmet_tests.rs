//! Requirements that hold and that do not.

use proptest::prelude::*;

use super::*;
use crate::compare::requirements::testing::{broken, conda, kept, part, pip, platform, system, told};
use crate::compare::requirements::{Platform, Texts};
use crate::snapshot::path::RelPath;

#[test]
fn pip_requirements_are_held_against_what_is_there() {
    let packages = [
        pip("numpy", "2.0.1", &[]),
        pip("matplotlib", "3.7.1", &["numpy (<2.0,>=1.20)", "pillow >=6.2.0"]),
        pip("Pillow", "10.0", &[]),
        pip(
            "pandas",
            "2.2",
            &["numpy>=1.26; python_version >= \"3.12\"", "python_dateutil"],
        ),
    ];
    assert_eq!(
        broken(&packages, &[]),
        [
            "pip's matplotlib 3.7.1 requires numpy (<2.0,>=1.20): pip's numpy 2.0.1",
            "pip's pandas 2.2 requires python_dateutil: nothing",
        ]
    );
}

/// Markers for CPython 3.11.2 on x86_64 Linux.
#[test]
fn markers_are_evaluated_for_the_recorded_system() {
    for (marker, applies) in [
        ("python_version >= '3.8'", true),
        ("python_version < '3.11'", false),
        ("python_version == '3.11'", true),
        ("python_full_version >= '3.11.3'", false),
        ("python_full_version == '3.11.*'", true),
        ("python_version in '3.10 3.11'", true),
        ("python_version not in '3.10, 3.12'", true),
        ("sys_platform == 'linux'", true),
        ("sys_platform != 'win32'", true),
        ("'linux' in sys_platform", true),
        ("platform_system == 'Darwin'", false),
        ("platform_machine == 'x86_64' and platform_system == 'Linux'", true),
        ("platform_machine in 'aarch64 arm64'", false),
        ("os_name == 'posix'", true),
        ("os.name == 'nt'", false),
        ("implementation_name == 'cpython'", true),
        ("platform_python_implementation == 'PyPy'", false),
        ("'3.8' <= python_version", true),
        ("'3.12' < python_version", false),
        ("python_version >= '3.9.'", false),
        ("'x' < python_version", false),
        ("platform_system >= 'Darwin'", false),
        ("platform_release >= '5'", false),
        ("extra == 'dev'", false),
        ("extra == 'dev' or python_version >= '3.8'", true),
        (
            "(sys_platform == 'win32' or sys_platform == 'linux') and python_version > '3'",
            true,
        ),
    ] {
        let packages = [pip("a", "1", &[&format!("gone; {marker}")])];
        assert_eq!(broken(&packages, &[]).len(), usize::from(applies), "{marker}");
    }
}

#[test]
fn without_an_interpreter_only_plain_requirements_are_judged() {
    let packages = [pip("a", "1", &["b", "c; python_version > '3'"])];
    let platform = Platform::new(None, &system(), &packages);
    let installed = Installed::new(&packages, &[], &platform, &Texts::default());
    let told: Vec<_> = unmet(&installed).iter().map(told).collect();
    assert_eq!(told, ["pip's a 1 requires b: nothing"]);
}

#[test]
fn extras_count_only_when_some_package_asks_for_them() {
    let fsspec = pip(
        "fsspec",
        "1",
        &[
            "aiohttp; extra == 'http'",
            "fsspec[http]; extra == 'full'",
            "dask; extra == \"dask\"",
        ],
    );
    assert_eq!(broken(std::slice::from_ref(&fsspec), &[]), [""; 0]);
    let datasets = pip("datasets", "2", &["fsspec[Full]>=0.5"]);
    assert_eq!(
        broken(&[datasets, fsspec.clone()], &[]),
        ["pip's fsspec 1 requires aiohttp; extra == 'http': nothing"]
    );
    let other = pip("other", "2", &["fsspec[dask]; python_version < '3'", "fsspec[no-such]"]);
    assert_eq!(broken(&[other, fsspec], &[]), [""; 0]);
}

#[test]
fn versions_compare_as_pep_440_says() {
    for (specifier, version, holds) in [
        ("==2.9.0", "2.9.0+cu128", true),
        ("==2.9.0+cpu", "2.9.0+cu128", false),
        ("!=2.9.0", "2.9.0+cpu", false),
        (">=2.9.0", "2.9.0+cpu", true),
        (">2.9.0", "2.9.0+cpu", false),
        ("==1.2.*", "1", false),
        ("==1.0.*", "1", true),
        ("!=1.2.*", "1", true),
        ("~=1.2", "1.9", true),
        ("~=1.2.3", "1.3", false),
        (">=1.0", "1.0rc1", false),
        (">=1.0rc1", "1.0", true),
        (">=1.0", "2.0.dev1", true),
        ("<2.0", "2.0rc1", false),
        ("===1.0+Local", "1.0+local", true),
        ("===1.0", "1.0.0", false),
        ("<1!0", "99", true),
        ("", "1", true),
        (" @ https://e.org/numpy-1.0.tar.gz", "7", true),
    ] {
        let packages = [
            pip("a", "1", &[&format!("numpy{specifier}")]),
            pip("numpy", version, &[]),
        ];
        let expected = usize::from(!holds);
        assert_eq!(broken(&packages, &[]).len(), expected, "{specifier} {version}");
    }
}

#[test]
fn conda_requirements_are_held_against_conda_and_the_system() {
    let packages = [
        conda(
            "python 3.11.2 h1_0_cpython",
            &["__glibc >=2.17,<3.0.a0", "__unix", "__linux >=4", "libffi >=3.4,<4.0a0"],
        ),
        conda("python_abi 3.11 4_cp311", &["python 3.11.*"]),
        conda(
            "scipy 1.10 py312_0",
            &[
                "python_abi 3.12.* *_cp312",
                "python >=3.12,<3.13.0a0",
                "numpy >=1.23,<2",
            ],
        ),
        conda("libffi 3.3 0", &[]),
        conda(
            "newer 1 0",
            &["__glibc >=2.40", "__osx", "__archspec 1 x86_64_v3", "__cuda >=12"],
        ),
    ];
    assert_eq!(
        broken(&packages, &[]),
        [
            "conda's newer 1 requires __glibc >=2.40: nothing",
            "conda's newer 1 requires __osx: nothing",
            "conda's python 3.11.2 requires libffi >=3.4,<4.0a0: conda's libffi 3.3",
            "conda's scipy 1.10 requires numpy >=1.23,<2: nothing",
            "conda's scipy 1.10 requires python >=3.12,<3.13.0a0: conda's python 3.11.2",
            "conda's scipy 1.10 requires python_abi 3.12.* *_cp312: conda's python_abi 3.11",
            "conda's newer 1 requires __cuda >=12: nothing",
        ]
    );
}

#[test]
fn a_constraint_holds_where_the_package_is_absent() {
    let mut scipy = conda("scipy 1.10 0", &[]);
    scipy.constrains = vec!["numpy >=1.23".to_owned(), "__cuda >=12".to_owned()];
    assert_eq!(broken(std::slice::from_ref(&scipy), &[]), [""; 0]);
    let old = conda("numpy 1.20 0", &[]);
    assert_eq!(
        broken(&[scipy, old], &[]),
        ["conda's scipy 1.10 requires numpy >=1.23: conda's numpy 1.20"]
    );
}

/// The case that the product is for: conda's record says 1.26.4, a stale dist-info says 1.24.4, the files are 1.25.2.
#[test]
fn of_three_records_the_one_whose_files_are_there_answers() {
    let of_conda = conda("numpy 1.26.4 py311_0", &["python >=3.11,<3.12", "libgone"]);
    let (of_pip, stale) = (pip("numpy", "1.25.2", &[]), pip("numpy", "1.24.4", &["gone"]));
    let promises = [kept(&of_conda, 6), kept(&of_pip, 10), kept(&stale, 5)];
    let packages = [
        of_conda,
        conda("python 3.11.2 0", &[]),
        conda("scipy 1.12 py311_0", &["numpy >=1.26.4,<2.0a0"]),
        conda("builds 1 0", &["numpy 1.25.* py311_0"]),
        of_pip,
        stale,
        pip("numba", "0.59", &["numpy<1.26,>=1.25"]),
        pip("old", "1", &["numpy<1.25"]),
    ];
    assert_eq!(
        broken(&packages, &promises),
        [
            "conda's scipy 1.12 requires numpy >=1.26.4,<2.0a0: pip's numpy 1.25.2",
            "pip's old 1 requires numpy<1.25: pip's numpy 1.25.2",
        ]
    );
}

#[test]
fn what_conda_installed_over_pip_answers() {
    let (of_conda, of_pip) = (conda("numpy 1.26.4 0", &["python"]), pip("numpy", "1.20", &[]));
    let promises = [kept(&of_conda, 10), kept(&of_pip, 3)];
    let packages = [
        of_conda,
        conda("python 3.11.2 0", &[]),
        conda("scipy 1.12 0", &["numpy >=1.26"]),
        of_pip,
    ];
    assert_eq!(broken(&packages, &promises), [""; 0]);
}

#[test]
fn conda_needs_are_met_by_pip_under_its_own_name() {
    let scipy = conda("scipy 1.12 0", &["numpy >=1.23"]);
    let vision = conda("torchvision 0.20 0", &["pytorch 2.9.0"]);
    assert_eq!(
        broken(
            &[
                scipy.clone(),
                pip("numpy", "1.26", &[]),
                vision.clone(),
                pip("torch", "2.9.0+cpu", &[])
            ],
            &[]
        ),
        [""; 0]
    );
    assert_eq!(
        broken(
            &[scipy, pip("numpy", "1.20", &[]), vision, pip("torch", "2.8.0", &[])],
            &[]
        ),
        [
            "conda's scipy 1.12 requires numpy >=1.23: pip's numpy 1.20",
            "conda's torchvision 0.20 requires pytorch 2.9.0: pip's torch 2.8.0",
        ]
    );
}

#[test]
fn a_conda_package_gone_over_by_an_unrelated_name_is_known_by_its_files() {
    let openexr = conda("openexr-python 3.1 0", &["python"]);
    let of_pip = pip("openexr", "3.3", &[]);
    let mut promises = kept(&openexr, 10);
    promises
        .replaced
        .insert(of_pip.record.clone(), vec![RelPath::new("a.py").unwrap(); 8]);
    let user = conda("user 1 0", &["openexr-python <3.2"]);
    let packages = [openexr, user, of_pip, conda("python 3.11.2 0", &[])];
    assert_eq!(
        broken(&packages, &[promises.clone()]),
        ["conda's user 1 requires openexr-python <3.2: pip's openexr 3.3"]
    );
    // One shared script does not make it another's.
    promises.replaced.clear();
    let script = RelPath::new("bin/x").unwrap();
    promises.replaced.insert(packages[2].record.clone(), vec![script]);
    assert_eq!(broken(&packages, &[promises]), [""; 0]);
}

#[test]
fn names_shared_by_chance_are_not_one_project() {
    let packages = [
        conda("tzdata 2024a 0", &[]),
        conda("python 3.11.2 0", &["tzdata >=2024a"]),
        pip("tzdata", "2023.1", &[]),
    ];
    assert_eq!(broken(&packages, &[]), [""; 0]);
}

#[test]
fn parts_speak_for_their_conda_package_and_only_once() {
    let pytorch = conda("pytorch 2.1.0 cuda_0", &["numpy >=1.23,<2", "sympy"]);
    let torch = part("pytorch", "torch", "2.1.0", &["NumPy<2", "sympy", "jinja2"]);
    let packages = [
        pytorch,
        torch,
        conda("numpy 2.0 0", &["python"]),
        part("numpy", "numpy", "2.0", &[]),
        pip("vision", "1", &["torch==2.1.0"]),
    ];
    assert_eq!(
        broken(&packages, &[]),
        [
            "conda's numpy 2.0 requires python: nothing",
            "conda's pytorch 2.1.0 requires numpy >=1.23,<2: conda's numpy 2.0",
            "conda's pytorch 2.1.0 requires sympy: nothing",
            "conda's pytorch 2.1.0 requires jinja2: nothing",
        ]
    );
}

#[test]
fn what_another_python_left_behind_answers_nothing() {
    let platform = platform("3.12.1");
    let packages = [pip("numpy", "1.26", &["gone"]), conda("scipy 1 0", &["numpy"])];
    let installed = Installed::new(&packages, &[], &platform, &Texts::default());
    let told: Vec<_> = unmet(&installed).iter().map(told).collect();
    assert_eq!(
        told,
        [
            "conda's scipy 1 requires numpy: nothing",
            "pip's numpy 1.26 is for lib/python3.11/site-packages: Python 3.12.1",
        ]
    );
}

#[test]
fn what_cannot_be_read_is_a_finding() {
    let packages = [
        pip(
            "a",
            "2023-03-banana",
            &["b >= banana", "numpy (>dev)", "c; pythons >= '3'", "d>=1"],
        ),
        pip("d", "unknown", &[]),
        pip("e", "", &["a>=1"]),
        conda("f 1.2!3!4 0", &["g >>1", "a[", "f <7"]),
    ];
    assert_eq!(
        broken(&packages, &[]),
        [
            "conda's f 1.2!3!4: cannot read a[",
            "conda's f 1.2!3!4: cannot read g >>1",
            "conda's f 1.2!3!4: \"1.2!3!4\" is no version by the rules of conda",
            "pip's a 2023-03-banana: cannot read b >= banana",
            "pip's a 2023-03-banana: cannot read c; pythons >= '3'",
            "pip's a 2023-03-banana: cannot read numpy (>dev)",
            "pip's a 2023-03-banana: \"2023-03-banana\" is no version by the rules of PEP 440",
            "pip's d unknown: \"unknown\" is no version by the rules of PEP 440",
        ]
    );
}

/// Names and texts near each other, so that something matches.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abc](\\[[xy]\\])?( ?[<>=!~]{1,2} ?[0-2](\\.[0-2*])?){0,2}(; ?(extra == '[xy]'|python_version [<>] '3.[0-9]'))?",
        "[abc][.-]?(\\[[xy][.-]?\\])? ?[<>=!]{0,2}[0-2.*]{0,4}( [*_0-2]{0,3})?",
        "\\PC{0,30}",
        "[abc();'\"=<>! \\[\\]@#\\\\~orandinextrapython_version3.]{0,40}",
    ]
}

prop_compose! {
    fn package()(
        conda in any::<bool>(),
        name in "[abc]",
        version in "([0-2](\\.[0-2]){0,2}(\\+cpu)?|[a-z!]{0,3})",
        requires in proptest::collection::vec(text(), 0..4),
        of in proptest::option::of("[abc]"),
    ) -> Package {
        let requires: Vec<&str> = requires.iter().map(String::as_str).collect();
        match (conda, of) {
            (true, _) => super::super::testing::conda(&format!("{name} {version} 0"), &requires),
            (false, Some(of)) => part(&of, &name, &version, &requires),
            (false, None) => pip(&name, &version, &requires),
        }
    }
}

proptest! {
    #[test]
    fn no_text_like_a_requirement_stops_a_diff(
        name in "([ab]{0,2}[ ._-]{0,2}\\[?[ab]?[ ._,-]{0,2}\\]? ?|\\PC{0,5})",
        versions in "([<>=!~]{0,3} ?([0-9a-c!+*._-]{0,6}|\\PC{0,3}),?){0,3}",
        marker in "(; ?\\(?(python_version|extra|os_name|platform_release|'[a3.]{0,3}'|implementation_version|python_full_version|sys_platform)( ?(<|>=|==|!=|~=|===|in|not in) ?)('[0-9a-z*. ,+-]{0,8}'|os_name|python_version)( (and|or) )?\\)?){0,3}",
    ) {
        broken(&[pip("a", "1", &[&format!("{name}{versions}{marker}")]), pip("b", "1", &["a[b,a]"])], &[]);
    }

    #[test]
    fn no_package_list_stops_a_diff_and_its_order_is_nothing(
        mut packages in proptest::collection::vec(package(), 0..6),
        intact in 0u64..11,
    ) {
        packages.sort_by(|a, b| a.key().cmp(&b.key()));
        packages.dedup_by(|a, b| a.record == b.record);
        let promises: Vec<_> = packages.iter().take(1).map(|first| kept(first, intact)).collect();
        let forward = broken(&packages, &promises);
        packages.reverse();
        prop_assert_eq!(forward, broken(&packages, &promises));
    }

    #[test]
    fn pip_requirements_hold_as_a_naive_comparison_says(
        operator in "(<|<=|>|>=|==|!=)",
        wanted in proptest::collection::vec(0u64..3, 1..4),
        there in proptest::collection::vec(0u64..3, 1..4),
    ) {
        let dotted = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        let padded = |numbers: &[u64]| [0, 1, 2].map(|at| numbers.get(at).copied().unwrap_or(0));
        let (there_, wanted_) = (padded(&there), padded(&wanted));
        let holds = match &*operator {
            "<" => there_ < wanted_,
            "<=" => there_ <= wanted_,
            ">" => there_ > wanted_,
            ">=" => there_ >= wanted_,
            "==" => there_ == wanted_,
            _ => there_ != wanted_,
        };
        let version = dotted(&there);
        let requirement = format!("b{operator}{}", dotted(&wanted));
        let of_pip = [pip("a", "1", &[&requirement]), pip("b", &version, &[])];
        let of_conda = [conda("a 1 0", &[&requirement]), conda(&format!("b {version} 0"), &[])];
        prop_assert_eq!(broken(&of_pip, &[]).is_empty(), holds);
        prop_assert_eq!(broken(&of_conda, &[]).is_empty(), holds);
    }
}
