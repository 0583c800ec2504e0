//! Match specs.

use proptest::prelude::*;

use super::*;

/// Packages named numpy, in the order of the columns of [`MATCHES`].
const TARGETS: &[(&str, &str)] = &[
    ("1.26.4", "py311_0"),
    ("1.26", "py39_1"),
    ("1.25.2", "py311_h1_cpython"),
    ("2.0.0", "py311_0"),
    ("1.7", "py27_0"),
    ("1.26.4+cpu", "0"),
    ("1.26.0rc1", "0"),
];

/// Which of the targets meet a spec, as py-rattler 0.28 answers: `+` does, `-` does not.
const MATCHES: &[(&str, &str)] = &[
    ("numpy", "+++++++"),
    ("numpy 1.7", "----+--"),
    ("numpy 1.7*", "----+--"),
    ("numpy 1.7.*", "----+--"),
    ("numpy 1.8*", "-------"),
    ("numpy 1.26.4", "+------"),
    ("numpy =1.26", "++---++"),
    ("numpy==1.26", "-+-----"),
    ("numpy=1.26", "++---++"),
    ("numpy ==1.26.4", "+------"),
    ("numpy >=1.23,<2", "+++--++"),
    ("numpy >=1.23, <2", "+++--++"),
    ("numpy >=1.23 , <2", "+++--++"),
    ("numpy >= 1.23", "++++-++"),
    ("numpy >1.23|<1.0", "++++-++"),
    ("numpy 1.23.*|1.26.*", "++---++"),
    ("numpy (>=1.23,<1.25)|>1.26", "+--+-+-"),
    ("numpy !=1.26.4", "-++++++"),
    ("numpy !=1.26.*", "--+++--"),
    ("numpy ~=1.26", "++---+-"),
    ("numpy ~=1.26.1", "+----+-"),
    ("numpy ~=1.25.0", "--+----"),
    ("numpy 1.26.4 py311_0", "+------"),
    ("numpy 1.26.4 py311*", "+------"),
    ("numpy 1.26.4 *_0", "+------"),
    ("numpy 1.26.4 py39_0", "-------"),
    ("numpy=1.26.4=py311_0", "+------"),
    ("numpy==1.26.4=py311_0", "+------"),
    ("numpy=1.26=py311_0", "-------"),
    ("numpy=*=py311*", "+-++---"),
    ("numpy *.* py311_0", "+--+---"),
    ("numpy * py310_0", "-------"),
    ("numpy 1.26.* *_cpython", "-------"),
    ("conda-forge::numpy", "+++++++"),
    ("conda-forge::numpy=1.26", "++---++"),
    ("conda-forge/linux-64::numpy==1.25", "-------"),
    ("numpy[version='>=1.23']", "++++-++"),
    ("numpy[version='>=1.23,<1.26']", "--+---+"),
    ("numpy[version=1.26.4]", "+------"),
    ("numpy[version=1.26.*, build=py311_0]", "+------"),
    ("numpy[version='1.26.*', build='py39*']", "-+-----"),
    ("numpy[build_number='0']", "+-+++++"),
    (r#"numpy[version="1.26|1.25"]"#, "-+-----"),
    ("numpy=1.26[build=py39_0]", "-------"),
    ("numpy >=1.26.0rc1", "++-+-++"),
    ("numpy <1.26.4.post1", "+++-+++"),
    ("numpy <1.26.4rc1", "-++-+-+"),
    ("numpy >=1.26.4a0,<2.0a0", "+----+-"),
    ("numpy <1.27.0a0", "+++-+++"),
    ("numpy >1!1.0", "-------"),
    ("numpy >=2.*.*", "---+---"),
    ("numpy >=1.*", "+++++++"),
    ("numpy ==1.26.*.*|>=3.6", "++---++"),
    ("numpy =0.*,>=0.4.1", "-------"),
    ("numpy =1.*,>=0.4.1", "+++-+++"),
    ("numpy *", "+++++++"),
    ("numpy=*", "+++++++"),
    ("numpy 1.26.4+cpu", "-----+-"),
    ("NumPy >=1", "+++++++"),
    ("numpy <=1.26.4", "+++-+++"),
    ("numpy <=1.26", "-++-+-+"),
    ("numpy >=1.26.4.0", "+--+---"),
    ("numpy =1.26.4.0", "+----+-"),
    ("numpy 1.2*", "-------"),
    ("numpy 1", "-------"),
    ("numpy 1.*", "+++-+++"),
    ("numpy=1.26.4=*", "+------"),
    ("numpy=1.26.4=PY311_0", "+------"),
    ("numpy # comment", "+++++++"),
    ("scipy 1.0", "-------"),
];

fn admitted(spec: &Spec, name: &str, version: &str, build: &str) -> bool {
    let version = super::version(version);
    spec.name() == name && spec.admits(version.as_ref(), Some(build)) == Some(true)
}

#[test]
fn specs_match_what_rattler_matches() {
    for (text, expected) in MATCHES {
        let spec = Spec::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let signs = TARGETS
            .iter()
            .map(|(version, build)| match admitted(&spec, "numpy", version, build) {
                true => '+',
                false => '-',
            });
        assert_eq!(signs.collect::<String>(), *expected, "{text}");
    }
}

/// Cases of conda's own documentation and tests
/// (<https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html>).
#[test]
fn specs_read_as_conda_documents_them() {
    for (text, name, version, build, expected) in [
        ("numpy=1.11", "numpy", "1.11.0", "x", true),
        ("numpy=1.11", "numpy", "1.11.8", "x", true),
        ("numpy=1.11", "numpy", "1.110", "x", false),
        ("numpy==1.11", "numpy", "1.11.0.0", "x", true),
        ("numpy==1.11", "numpy", "1.11.1", "x", false),
        ("numpy>1.11", "numpy", "1.11.post1", "x", true),
        ("numpy=1.11.1|1.11.3", "numpy", "1.11.3", "x", true),
        ("numpy>=1.8,<2", "numpy", "2", "x", false),
        ("numpy>=1.8,<2|==3", "numpy", "3.0", "x", true),
        ("blas 1.0 mkl", "blas", "1.0", "mkl", true),
        ("blas *.* mkl", "blas", "2.1", "openblas", false),
        ("python 3.8.* *_cpython", "python", "3.8.1", "h_0_cpython", true),
        ("python_abi 3.11.* *_cp311", "python_abi", "3.11", "4_cp311", true),
        ("python_abi 3.11.* *_cp311", "python_abi", "3.12", "4_cp312", false),
        ("pytorch=*=cuda*", "pytorch", "2.1", "cuda120py311_0", true),
        ("pytorch=*=cuda*", "pytorch", "2.1", "cpu_py311_0", false),
        ("x264 >=1!164.3095,<1!165", "x264", "1!164.3095", "0", true),
        ("x264 >=1!164.3095,<1!165", "x264", "164.3095", "0", false),
        ("openssl >=1.1.1a,<1.1.2a", "openssl", "1.1.1k", "0", true),
        ("mkl 2023.*.*", "mkl", "2023.1.0", "0", true),
        ("libgfortran5 >=3.0,!=4.*", "libgfortran5", "4.1", "0", false),
        ("defaults::python=3.9", "python", "3.9.1", "0", true),
        (
            "https://software.repos.intel.com/python/conda::python[version=3.9]",
            "python",
            "3.9",
            "0",
            true,
        ),
        (
            "python ==3.9[subdir=linux-64, build_number=\"0\"]",
            "python",
            "3.9",
            "h1_0",
            true,
        ),
        (
            "python ==3.9[subdir=linux-64, build_number=\"0\"]",
            "python",
            "3.9",
            "h1_1",
            false,
        ),
        (
            "python[channel=https://conda.anaconda.org/c,version=3.9]",
            "python",
            "3.9",
            "0",
            true,
        ),
        (
            "bird_tool_utils_python =0.*,>=0.4.1",
            "bird_tool_utils_python",
            "0.4.2",
            "0",
            true,
        ),
        ("/build/linux-64/foo-1.0-py27_0.tar.bz2", "foo", "1.0", "py27_0", true),
        (
            "https://e.org/c/linux-64/py-rattler-0.6.1-py39h8_0.conda",
            "py-rattler",
            "0.6.1",
            "py39h8_0",
            true,
        ),
        ("C:\\\\foo-1.0-py27_0.tar.bz2", "foo", "1.1", "py27_0", false),
        ("foo 1.0 ^py.*$", "foo", "1.0", "py27_0", true),
        ("foo[extras=[a, b], version='>=1']", "foo", "1", "0", true),
    ] {
        let spec = Spec::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(spec.name(), name, "{text}");
        assert_eq!(
            admitted(&spec, name, version, build),
            expected,
            "{text} {version} {build}"
        );
    }
}

#[test]
fn what_is_no_spec_says_why() {
    for text in [
        "",
        " ",
        "[version=1]",
        "numpy[version=1",
        "numpy[version]",
        "numpy[version='1]",
        "numpy[version='1'build=2]",
        "numpy >>1",
        "numpy >=",
        "numpy >=1.2,",
        "num*py",
        "foo ^1.*$",
        "x.conda/a.conda",
        &"(".repeat(100),
        &"1".repeat(5000),
    ] {
        let read = Spec::parse(text);
        assert!(read.as_ref().is_err_and(|why| !why.is_empty()), "{text}: {read:?}");
    }
}

#[test]
fn what_is_not_known_is_not_judged() {
    let judged = |text: &str, version: Option<&str>, build: Option<&str>| {
        let version = version.and_then(super::version);
        Spec::parse(text).unwrap().admits(version.as_ref(), build)
    };
    assert_eq!(judged("a >=1", None, None), None);
    assert_eq!(judged("a", None, None), Some(true));
    assert_eq!(judged("a *", None, None), Some(true));
    assert_eq!(judged("a >=1 py311_0", Some("2"), None), Some(true));
    assert_eq!(judged("a[version='>=3', when='python <3']", Some("2"), None), None);
}

proptest! {
    #[test]
    fn no_text_stops_a_diff(text in "\\PC{0,40}") {
        let _ = Spec::parse(&text).map(|spec| spec.admits(super::version("1.2").as_ref(), Some("py_0")));
    }

    #[test]
    fn no_text_like_a_spec_stops_a_diff(text in "[a-c0-2 .*=!<>~,|()\\[\\]'\"$^+:_-]{0,24}") {
        let _ = Spec::parse(&format!("numpy {text}")).map(|spec| spec.admits(super::version("1.2").as_ref(), None));
        let _ = Spec::parse(&text);
        let _ = super::version(&text);
    }
}
