//! Which records are of one project and which counts, on values.

use super::*;
use crate::compare::requirements::testing::{conda, kept, part, pip};

/// Each record that is listed, by `NAME VERSION`, with what counts instead.
fn judged(packages: &[Package], promises: &[Promises]) -> Vec<String> {
    let records = Records::new(packages, promises, Some((3, 11)));
    let named = |one: &Package| format!("{} {}", one.name, one.version);
    let judged = |(at, one): (usize, &Record<'_>)| match (records.counts(at), records.better(at)) {
        (true, _) => named(one.package),
        (false, Some(better)) => format!("{} < {}'s {}", named(one.package), better.manager, named(better)),
        (false, None) => format!("{} is not seen", named(one.package)),
    };
    records.all().iter().enumerate().map(judged).collect()
}

/// The case that the product is for: conda's record says 1.26.4, a stale dist-info says 1.24.4, the files are 1.25.2.
#[test]
fn of_three_records_that_whose_files_are_there_counts() {
    let packages = [
        conda("numpy 1.26.4 0", &["python"]),
        pip("numpy", "1.24.4", &[]),
        pip("numpy", "1.25.2", &[]),
    ];
    let shares = |shares: [u64; 3]| [0, 1, 2].map(|at| kept(&packages[at], shares[at]));
    assert_eq!(
        judged(&packages, &shares([6, 5, 10])),
        [
            "numpy 1.26.4 < pip's numpy 1.25.2",
            "numpy 1.24.4 < pip's numpy 1.25.2",
            "numpy 1.25.2"
        ]
    );
    assert_eq!(
        judged(&packages, &shares([6, 5, 3])),
        [
            "numpy 1.26.4",
            "numpy 1.24.4 < conda's numpy 1.26.4",
            "numpy 1.25.2 < conda's numpy 1.26.4"
        ]
    );
    assert_eq!(
        judged(&packages, &[]),
        [
            "numpy 1.26.4 < pip's numpy 1.25.2",
            "numpy 1.24.4 < pip's numpy 1.25.2",
            "numpy 1.25.2"
        ],
        "where nothing is known pip's newest is the likeliest"
    );
}

#[test]
fn a_name_shared_by_chance_is_another_project_unless_files_meet() {
    let packages = [conda("tzdata 2024 0", &[]), pip("tzdata", "2023", &[])];
    assert_eq!(judged(&packages, &[]), ["tzdata 2024", "tzdata 2023"]);
    let mut promises = kept(&packages[0], 10);
    promises
        .shared
        .insert(packages[1].record.clone(), vec![RelPath::new("a").unwrap()]);
    assert_eq!(
        judged(&packages, &[promises]),
        ["tzdata 2024 < pip's tzdata 2023", "tzdata 2023"]
    );
}

#[test]
fn names_agree_by_the_list_and_by_the_parts_of_a_conda_package() {
    let packages = [
        conda("odd 1 0", &[]),
        conda("pytorch 2 0", &["python"]),
        part("odd", "other", "1", &[]),
        pip("other", "2", &[]),
        pip("torch", "3", &[]),
    ];
    assert_eq!(
        judged(&packages, &[]),
        [
            "odd 1 < pip's other 2",
            "pytorch 2 < pip's torch 3",
            "other 2",
            "torch 3"
        ]
    );
}

#[test]
fn most_of_the_files_tell_whatever_the_names() {
    let packages = [conda("a 1 0", &[]), pip("b", "2", &[])];
    for (met, is_one) in [(5, false), (6, true)] {
        let mut promises = kept(&packages[0], 10);
        let files = vec![RelPath::new("f").unwrap(); met];
        promises.replaced.insert(packages[1].record.clone(), files);
        let expected = if is_one { "a 1 < pip's b 2" } else { "a 1" };
        assert_eq!(judged(&packages, &[promises]), [expected, "b 2"], "{met} of 10");
    }
}

#[test]
fn conda_packages_that_pip_replaced_together_do_not_replace_each_other() {
    let packages = [
        conda("matplotlib 3.8 0", &["python"]),
        conda("matplotlib-base 3.8 0", &["python"]),
        pip("matplotlib", "3.7", &[]),
    ];
    assert_eq!(
        judged(&packages, &[kept(&packages[2], 4)]),
        [
            "matplotlib 3.8",
            "matplotlib-base 3.8",
            "matplotlib 3.7 < conda's matplotlib 3.8"
        ]
    );
    assert_eq!(
        judged(&packages, &[]),
        [
            "matplotlib 3.8 < pip's matplotlib 3.7",
            "matplotlib-base 3.8 < pip's matplotlib 3.7",
            "matplotlib 3.7"
        ]
    );
}

#[test]
fn a_record_that_the_interpreter_does_not_see_does_not_count() {
    let mut old = pip("numpy", "2.0", &[]);
    old.record = RelPath::new("lib/python3.10/site-packages/numpy-2.0.dist-info").unwrap();
    let conda = conda("numpy 1.26 0", &["python"]);
    assert_eq!(
        judged(&[conda, old.clone()], &[]),
        ["numpy 1.26", "numpy 2.0 is not seen"]
    );
    assert_eq!(
        judged(&[pip("numpy", "1.26", &[]), old], &[]),
        ["numpy 1.26", "numpy 2.0 < pip's numpy 1.26"]
    );
}

/// What `import` gets and what answers requirements come from here; both are told in one example.
#[test]
fn a_package_of_conda_without_files_is_replaced_but_nobodys_rival() {
    use crate::compare::ownership::Ownership;
    let packages = [
        conda("matplotlib 3.8 0", &["python"]),
        conda("matplotlib-base 3.8 0", &["python"]),
        pip("matplotlib", "3.9", &[]),
    ];
    let mut meta = kept(&packages[0], 10);
    meta.promised = 0;
    let promises = [meta, kept(&packages[1], 2), kept(&packages[2], 9)];
    let ownership = Ownership::new(&packages, &promises, Some("3.11.2"));
    assert!(!ownership.is_real(&packages[0].record) && ownership.is_real(&packages[2].record));
    let rivals: Vec<&str> = ownership
        .rivals(&packages[2].record)
        .iter()
        .map(|one| &*one.name)
        .collect();
    assert_eq!(rivals, ["matplotlib-base"]);
}
