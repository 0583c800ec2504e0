//! The unit of every path, claim by claim.

use super::*;
use crate::capture::tree::Tree;

fn path(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

fn owners(files: &[(&str, Rank, &str)], folders: &[(&str, &str)]) -> Owners {
    let unit = |name: &str| UnitName::from_tree(name);
    let mut owners = Owners::default();
    files
        .iter()
        .for_each(|(name, rank, file)| owners.claim(&unit(name), *rank, [path(file)]));
    folders
        .iter()
        .for_each(|(name, folder)| owners.claim_folder(&unit(name), path(folder)));
    owners
}

/// `path unit` for every entry.
fn assigned(owners: &Owners, tree: &Tree) -> Vec<String> {
    let entries = tree.entries();
    let assignment = owners.assign(&entries);
    assert!(assignment.units.is_sorted_by(|a, b| a < b));
    assert!((0..assignment.units.len()).all(|unit| assignment.of.contains(&(unit as u32))));
    for (entry, unit) in entries.iter().zip(&assignment.of).filter(|(entry, _)| !entry.is_dir()) {
        assert_eq!(
            assignment.units[*unit as usize],
            owners.unit_of(&entry.path),
            "{}",
            entry.path
        );
    }
    let line = |(entry, unit): (&Entry, &u32)| format!("{} {}", entry.path, assignment.units[*unit as usize]);
    entries.iter().zip(&assignment.of).map(line).collect()
}

#[test]
fn pip_ranks_over_conda_and_earlier_over_later() {
    let owners = owners(
        &[
            ("conda/a", Rank::Conda, "f"),
            ("conda/b", Rank::Conda, "f"),
            ("conda/a", Rank::Conda, "g"),
            ("pip/a", Rank::Pip, "g"),
            ("pip/b", Rank::Pip, "g"),
            ("pip/b", Rank::Pip, "h"),
            ("conda/a", Rank::Conda, "h"),
        ],
        &[],
    );
    let unit = |name: &str| owners.unit_of(&path(name)).to_string();
    assert_eq!(
        [unit("f"), unit("g"), unit("h"), unit("i")],
        ["conda/a", "pip/a", "pip/b", "top"]
    );
}

#[test]
fn byte_code_goes_with_its_source() {
    let owners = owners(
        &[
            ("pip/a", Rank::Pip, "d/m.py"),
            ("conda/a", Rank::Conda, "d/__pycache__/m.cpython-311.pyc"),
            ("conda/a", Rank::Conda, "d/n.py"),
            ("pip/a", Rank::Pip, "d/__pycache__/n.cpython-311.pyc"),
            ("pip/s", Rank::Pip, "d/run.me.py"),
            ("pip/t", Rank::Pip, "top.py"),
        ],
        &[],
    );
    for (file, expected) in [
        ("d/__pycache__/m.cpython-311.pyc", "pip/a"),
        ("d/__pycache__/m.cpython-312.opt-2.pyc", "pip/a"),
        ("d/__pycache__/m.f-12.py311.nbi", "pip/a"),
        ("d/__pycache__/n.cpython-311.pyc", "pip/a"),
        ("d/__pycache__/n.cpython-312.pyc", "conda/a"),
        ("d/__pycache__/run.me.cpython-311.pyc", "pip/s"),
        ("d/__pycache__/other.cpython-311.pyc", "loose/d"),
        ("d/__pycache__/m", "loose/d"),
        ("d/m.pyc", "pip/a"),
        ("d/m.so", "loose/d"),
        ("d/x__pycache__/m.cpython-311.pyc", "loose/d"),
        ("__pycache__/top.cpython-311.pyc", "pip/t"),
    ] {
        assert_eq!(owners.unit_of(&path(file)).as_str(), expected, "{file}");
    }
}

#[test]
fn folders_belong_to_the_one_unit_beneath_them() {
    let tree = Tree::new(&[
        ("bin/a", ""),
        ("bin/b", ""),
        ("lib/s/a/x", ""),
        ("lib/s/a/y/z", ""),
        ("lib/s/a/empty/", ""),
        ("lib/s/a-1.dist-info/RECORD", ""),
        ("lib/s/a-1.dist-info/licenses/deep/L", ""),
        ("lib/s/b", ""),
        ("empty/", ""),
        ("own/x/y", ""),
        ("pyvenv.cfg", ""),
    ]);
    tree.link("lib64", "lib");
    let owners = owners(
        &[
            ("pip/a", Rank::Pip, "bin/a"),
            ("pip/b", Rank::Pip, "bin/b"),
            ("pip/a", Rank::Pip, "lib/s/a/x"),
            ("pip/a", Rank::Pip, "lib/s/a/y/z"),
            ("pip/b", Rank::Pip, "lib/s/b"),
            ("pip/c", Rank::Pip, "not/there"),
        ],
        &[("pip/a", "lib/s/a-1.dist-info")],
    );
    assert_eq!(
        assigned(&owners, &tree),
        [
            "bin loose/bin",
            "bin/a pip/a",
            "bin/b pip/b",
            "empty loose/empty",
            "lib loose/lib",
            "lib/s loose/lib",
            "lib/s/a pip/a",
            "lib/s/a-1.dist-info pip/a",
            "lib/s/a-1.dist-info/RECORD pip/a",
            "lib/s/a-1.dist-info/licenses pip/a",
            "lib/s/a-1.dist-info/licenses/deep pip/a",
            "lib/s/a-1.dist-info/licenses/deep/L pip/a",
            "lib/s/a/empty pip/a",
            "lib/s/a/x pip/a",
            "lib/s/a/y pip/a",
            "lib/s/a/y/z pip/a",
            "lib/s/b pip/b",
            "lib64 top",
            "own loose/own",
            "own/x loose/own",
            "own/x/y loose/own",
            "pyvenv.cfg top",
        ]
    );
}

#[test]
fn claims_within_a_claimed_folder_hold() {
    let tree = Tree::new(&[("d/a", ""), ("d/b", ""), ("d/e/f", ""), ("g/", ""), ("h/i/", "")]);
    let owners = owners(
        &[("pip/b", Rank::Pip, "d/b"), ("conda/g", Rank::Conda, "g")],
        &[("pip/d", "d"), ("pip/e", "d/e"), ("pip/x", "d")],
    );
    assert_eq!(
        assigned(&owners, &tree),
        [
            "d loose/d",
            "d/a pip/d",
            "d/b pip/b",
            "d/e pip/e",
            "d/e/f pip/e",
            "g conda/g",
            "h loose/h",
            "h/i loose/h"
        ]
    );
}

#[test]
fn nothing_has_no_units() {
    assert_eq!(Owners::default().assign(&[]), Assignment::default());
}
