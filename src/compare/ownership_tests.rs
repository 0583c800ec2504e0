//! Overlaps of records, on values.

use super::*;

fn package(manager: Manager, name: &str, version: &str) -> Package {
    let record = match manager {
        Manager::Conda => format!("conda-meta/{name}-{version}-0.json"),
        Manager::Pip => format!("lib/python3.11/site-packages/{name}-{version}.dist-info"),
    };
    Package::new(manager, name, version, RelPath::new(record).unwrap())
}

fn promises(package: &Package, promised: u64) -> Promises {
    let mut promises = Promises::kept(package.manager, package.record.clone());
    (promises.promised, promises.hashed) = (promised, promised);
    promises
}

fn paths(count: usize) -> Vec<RelPath> {
    (0..count)
        .map(|n| RelPath::new(format!("lib/f{n:03}")).unwrap())
        .collect()
}

fn told(packages: &[Package], promises: &[Promises]) -> Vec<String> {
    let ownership = Ownership::new(packages, promises, Some("3.11.2"));
    ownership.problems(&[]).iter().map(ToString::to_string).collect()
}

#[test]
fn pip_over_conda_is_one_problem_and_import_gets_pips() {
    let packages = [
        package(Manager::Conda, "numpy", "1.24.4"),
        package(Manager::Pip, "numpy", "1.25.2"),
    ];
    let mut conda = promises(&packages[0], 731);
    conda.replaced.insert(packages[1].record.clone(), paths(412));
    conda.missing = paths(9);
    let pip = promises(&packages[1], 740);
    let all = [conda, pip];
    assert_eq!(
        told(&packages, &all),
        [
            "2 records: pip's 1.25.2 has 740 of 740 files intact, conda's 1.24.4 has 310 of 731 (412 overwritten, 9 \
             gone); import gets 1.25.2"
        ]
    );
    let ownership = Ownership::new(&packages, &all, Some("3.11.2"));
    assert!(ownership.is_real(&packages[1].record) && !ownership.is_real(&packages[0].record));
}

#[test]
fn pip_twice_over_conda_is_one_project_though_two_records_never_meet() {
    let packages = [
        package(Manager::Conda, "numpy", "1.26.4"),
        package(Manager::Pip, "numpy", "1.24.4"),
        package(Manager::Pip, "numpy", "1.25.2"),
    ];
    let mut conda = promises(&packages[0], 100);
    conda.replaced.insert(packages[1].record.clone(), paths(60));
    let mut older = promises(&packages[2], 100);
    older.replaced.insert(packages[1].record.clone(), paths(70));
    assert_eq!(
        told(&packages, &[conda, promises(&packages[1], 100), older]),
        [
            "3 records: pip's 1.24.4 has 100 of 100 files intact, conda's 1.26.4 has 40 of 100 (60 overwritten), pip's \
             1.25.2 has 30 of 100 (70 overwritten); import gets 1.24.4"
        ]
    );
}

#[test]
fn where_promises_are_not_recorded_nothing_is_claimed() {
    let packages = [
        package(Manager::Pip, "numpy", "1.24.4"),
        package(Manager::Pip, "numpy", "1.25.2"),
    ];
    let told = told(&packages, &[]);
    assert_eq!(
        told,
        ["2 records: pip's 1.25.2, pip's 1.24.4; which of them import gets is not recorded"]
    );
}

#[test]
fn another_name_of_the_same_project_is_known_by_its_files() {
    let packages = [
        package(Manager::Conda, "pytorch", "2.9.0"),
        package(Manager::Pip, "torch", "2.10.0"),
        package(Manager::Pip, "triton", "3"),
    ];
    let mut conda = promises(&packages[0], 1000);
    conda.replaced.insert(packages[1].record.clone(), paths(900));
    conda.replaced.insert(packages[2].record.clone(), paths(2));
    let all = [conda, promises(&packages[1], 1000), promises(&packages[2], 50)];
    let told = told(&packages, &all);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("2 records: pip's 2.10.0"), "{told:?}");
    assert_eq!(
        told[1],
        "2 of 1,000 files are those of pip's triton 3 (lib/f000, lib/f001)"
    );
}

#[test]
fn clobbers_of_conda_are_told_by_the_loser() {
    let packages = [
        package(Manager::Conda, "clobber-a", "1"),
        package(Manager::Conda, "clobber-b", "1"),
    ];
    let mut a = promises(&packages[0], 3);
    a.shared.insert(packages[1].record.clone(), paths(1));
    let mut b = promises(&packages[1], 3);
    b.replaced.insert(packages[0].record.clone(), paths(1));
    b.shared.insert(packages[0].record.clone(), paths(1));
    assert_eq!(
        told(&packages, &[a, b]),
        [
            "1 of 3 files is that of conda's clobber-a 1 (lib/f000)",
            "1 of 3 files is also promised by conda's clobber-a 1, with the same bytes (lib/f000)"
        ]
    );
}

#[test]
fn odd_records_and_leftovers_are_findings() {
    let mut unreadable = package(Manager::Pip, "odd", "1");
    unreadable.defect = Some(Defect::Unreadable);
    let mut leftover = package(Manager::Pip, "~umpy", "1.24.4");
    leftover.defect = Some(Defect::Leftover);
    let packages = [
        package(Manager::Conda, "old", "1"),
        unreadable,
        package(Manager::Pip, "bare", "1"),
        leftover,
    ];
    let mut old = promises(&packages[0], 4);
    old.hashed = 0;
    old.missing = paths(1);
    let mut altered = promises(&packages[1], 2);
    altered.altered = paths(2);
    assert_eq!(
        told(&packages, &[old, altered, promises(&packages[2], 0)]),
        [
            "1 of 4 files is missing (lib/f000)",
            "no digests: its files cannot be checked (conda-meta/old-1-0.json)",
            "2 of 2 files are altered (lib/f000, lib/f001)",
            "no readable metadata (lib/python3.11/site-packages/odd-1.dist-info)",
            "no RECORD: which files it installed is not known (lib/python3.11/site-packages/bare-1.dist-info)",
            "half removed: lib/python3.11/site-packages/~umpy-1.24.4.dist-info",
        ]
    );
}

#[test]
fn what_nobody_owns_among_packages_is_orphaned() {
    let entry = |path: &str| Entry {
        path: RelPath::new(path).unwrap(),
        mode: 0o644,
        mtime: 0,
        node: crate::snapshot::entry::Node::Symlink(b"x".to_vec()),
        xattrs: Vec::new(),
    };
    let loose = [
        entry("bin/mine"),
        entry("lib/python3.11/site-packages/__pycache__/six.cpython-311.pyc"),
        entry("lib/python3.11/site-packages/distutils-precedence.pth"),
        entry("lib/python3.11/site-packages/mine/a.py"),
        entry("lib/python3.11/site-packages/mine/b.py"),
        entry("lib/python3.11/site-packages/~umpy/a.py"),
    ];
    let found: Vec<_> = orphans(&loose)
        .iter()
        .map(|one| (one.severity, one.to_string()))
        .collect();
    let site = "lib/python3.11/site-packages";
    assert_eq!(
        found,
        [
            (
                Severity::Note,
                format!("1 file that no record names in {site}/__pycache__ ({site}/__pycache__/six.cpython-311.pyc)")
            ),
            (
                Severity::Warning,
                format!("2 files that no record names in {site}/mine ({site}/mine/a.py, {site}/mine/b.py)")
            ),
        ]
    );
}
