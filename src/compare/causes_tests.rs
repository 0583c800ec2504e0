//! Stories of changes, on values.

use proptest::prelude::*;

use super::*;
use crate::compare::packages;
use crate::compare::requirements::Texts;
use crate::compare::requirements::testing::{conda, part, pip, platform};

fn requested(mut package: Package) -> Package {
    package.requested = true;
    package
}

fn typed(command: &str, specs: &[&str], removes: &[&str]) -> Command {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Command {
        time: "2026-11-23 08:45:57".to_owned(),
        command: command.to_owned(),
        specs: owned(specs),
        removes: owned(removes),
    }
}

fn stories(before: &[Package], after: &[Package], commands: &[Command]) -> (Vec<PackageChange>, Vec<PackageStory>) {
    let (platform, texts) = (platform("3.11.2"), Texts::default());
    let changes = packages(before, after);
    let before = Installed::new(before, &[], &platform, &texts);
    let after = Installed::new(after, &[], &platform, &texts);
    let stories = causes(&changes, &before, &after, commands);
    (changes, stories)
}

/// Each change with its causes, in words.
fn told(before: &[Package], after: &[Package], commands: &[Command]) -> Vec<String> {
    let (changes, stories) = stories(before, after, commands);
    let lines = changes.iter().zip(&stories).map(|(change, story)| {
        let causes: Vec<String> = story.causes.iter().map(cause).collect();
        let critical = story
            .critical
            .as_deref()
            .map(|text| format!(" !! {text}"))
            .unwrap_or_default();
        let note = story
            .note
            .as_deref()
            .map(|text| format!(" ({text})"))
            .unwrap_or_default();
        format!("{}: {}{critical}{note}", change.name, causes.join("; "))
    });
    lines.collect()
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Requested { by: None } => "asked for".to_owned(),
        Cause::Requested { by: Some(by) } => format!("asked for by {by}"),
        Cause::Required {
            by,
            requirement,
            decisive,
            through,
        } => {
            let sign = if *decisive { "requires" } else { "would take" };
            let way: Vec<String> = through
                .iter()
                .map(|by| format!(" < {} {}", by.name, by.version))
                .collect();
            format!("{} {} {sign} {requirement}{}", by.name, by.version, way.concat())
        }
        Cause::Unfit { requirement, found, .. } => {
            let found = found.as_ref().map_or("nothing".to_owned(), ToString::to_string);
            format!("required {requirement}, now {found}")
        }
        Cause::Replaced { by } => format!("replaced by {by}"),
        Cause::Orphaned { of } => {
            let of: Vec<&str> = of.iter().map(|package| &*package.name).collect();
            format!("only {} required it", of.join(" and "))
        }
        Cause::Unexplained => "unexplained".to_owned(),
    }
}

#[test]
fn pyworld_drags_numpy() {
    let numpy = |version: &str| pip("numpy", version, &[]);
    let pyworld = requested(pip("pyworld", "0.3.4", &["numpy>=1.24"]));
    assert_eq!(
        told(&[numpy("1.23.5")], &[numpy("1.26.4"), pyworld.clone()], &[]),
        ["numpy: pyworld 0.3.4 requires numpy>=1.24", "pyworld: asked for"]
    );
    // The version before would have done: the requirement is what there is to tell, but it decided nothing.
    assert_eq!(
        told(&[numpy("1.24.4")], &[numpy("1.26.4"), pyworld], &[]),
        ["numpy: pyworld 0.3.4 would take numpy>=1.24", "pyworld: asked for"]
    );
}

#[test]
fn chains_are_followed_to_what_was_asked_for() {
    let before = [pip("numpy", "1.20", &[]), pip("old", "1", &["numpy"])];
    let after = [
        pip("numpy", "2.0", &[]),
        pip("old", "1", &["numpy"]),
        pip("scipy", "1.14", &["numpy>=1.23.5"]),
        pip("sklearn", "1.5", &["scipy>=1.6", "numpy>=1.19"]),
        requested(pip("umap", "0.5", &["sklearn>=0.22"])),
    ];
    assert_eq!(
        told(&before, &after, &[]),
        [
            "numpy: scipy 1.14 requires numpy>=1.23.5 < sklearn 1.5 < umap 0.5; \
             sklearn 1.5 would take numpy>=1.19 < umap 0.5",
            "scipy: sklearn 1.5 requires scipy>=1.6 < umap 0.5",
            "sklearn: umap 0.5 requires sklearn>=0.22",
            "umap: asked for",
        ]
    );
}

#[test]
fn circles_end_and_no_requirement_is_no_cause() {
    let after = [
        pip("a", "1", &["b"]),
        pip("b", "1", &["a"]),
        pip("lonely", "1", &["a; python_version < '3'"]),
    ];
    assert_eq!(
        told(&[], &after, &[]),
        ["a: b 1 requires a", "b: a 1 requires b", "lonely: unexplained"]
    );
    // Both changed, and the requirement is what it was.
    let before = [pip("numpy", "1.24", &[]), pip("pandas", "2.0", &["numpy>=1.20"])];
    let after = [pip("numpy", "1.26", &[]), pip("pandas", "2.1", &["numpy>=1.20"])];
    assert_eq!(
        told(&before, &after, &[]),
        ["numpy: unexplained", "pandas: unexplained"]
    );
    let after = [pip("numpy", "1.26", &[]), pip("pandas", "2.1", &["numpy>=1.22"])];
    assert_eq!(
        told(&before, &after, &[]),
        ["numpy: pandas 2.1 would take numpy>=1.22", "pandas: unexplained"]
    );
}

#[test]
fn extras_bring_what_they_require() {
    let after = [
        requested(pip("datasets", "2", &["fsspec[http]"])),
        pip("fsspec", "1", &["aiohttp; extra == 'http'"]),
        pip("aiohttp", "3", &[]),
    ];
    let told = told(&[], &after, &[]);
    assert_eq!(
        told[0],
        "aiohttp: fsspec 1 requires aiohttp; extra == 'http' < datasets 2"
    );
}

#[test]
fn commands_of_conda_name_what_was_asked_for() {
    let before = [
        requested(conda("numpy 1.24 0", &[])),
        requested(conda("tqdm 4.65 0", &[])),
    ];
    let after = [
        requested(conda("numpy 1.26 0", &[])),
        requested(conda("scipy 1.12 0", &["numpy >=1.26,<2", "libblas"])),
        conda("libblas 3 0", &[]),
        requested(conda("tqdm 4.66 0", &[])),
    ];
    let install = typed("conda install scipy", &["scipy"], &[]);
    assert_eq!(
        told(&before, &after, &[install]),
        [
            "libblas: scipy 1.12 requires libblas",
            "numpy: scipy 1.12 requires numpy >=1.26,<2",
            "scipy: asked for by conda install scipy",
            "tqdm: unexplained",
        ]
    );
    let update = typed("conda update --all", &[], &[]);
    assert_eq!(
        told(&before, &after, &[update])[3],
        "tqdm: asked for by conda update --all"
    );
    let back = typed("conda install --revision 1", &[], &[]);
    assert_eq!(
        told(&after, &before, std::slice::from_ref(&back))[2],
        "scipy: asked for by conda install --revision 1"
    );
    // Without a history (pixi) the mark is all there is.
    assert_eq!(told(&before, &after, &[])[3], "tqdm: asked for");
}

#[test]
fn what_went_was_removed_replaced_or_not_needed_any_more() {
    let before = [
        conda("numpy 1.26 0", &["libblas", "python"]),
        conda("libblas 3 0", &[]),
        conda("scipy 1.12 0", &["numpy >=1.23"]),
        conda("python 3.11.2 0", &[]),
    ];
    let remove = typed("conda remove numpy", &[], &["numpy"]);
    assert_eq!(
        told(&before, &before[3..], &[remove]),
        [
            "libblas: only numpy required it",
            "numpy: asked for by conda remove numpy",
            "scipy: required numpy >=1.23, now nothing",
        ]
    );
    // conda found out that pip had installed over its package.
    let after = [
        before[1].clone(),
        before[2].clone(),
        before[3].clone(),
        pip("numpy", "2.0", &[]),
    ];
    assert_eq!(
        told(&before, &after, &[]),
        ["numpy: replaced by pip's numpy 2.0", "numpy: unexplained"]
    );
    assert_eq!(told(&[pip("six", "1", &[])], &[], &[]), ["six: unexplained"]);
}

#[test]
fn another_python_makes_its_packages_change() {
    let before = [
        requested(conda("python 3.11.2 0", &[])),
        conda("numpy 1.26 py311_0", &["python >=3.11,<3.12.0a0"]),
    ];
    let after = [
        requested(conda("python 3.12.1 0", &[])),
        conda("numpy 1.26 py312_0", &["python >=3.12,<3.13.0a0"]),
    ];
    let install = typed("conda install python=3.12", &["python=3.12"], &[]);
    assert_eq!(
        told(&before, &after, &[install]),
        [
            "numpy: required python >=3.11,<3.12.0a0, now conda's python 3.12.1",
            "python: asked for by conda install python=3.12; numpy 1.26 requires python >=3.12,<3.13.0a0",
        ]
    );
}

#[test]
fn what_a_package_brings_along_is_no_cause_of_its_change() {
    let before = [
        requested(pip("torch", "2.9.1", &["triton==3.5.1"])),
        pip("triton", "3.5.1", &[]),
    ];
    let after = [
        requested(pip("torch", "2.10.0", &["triton==3.6.0"])),
        pip("triton", "3.6.0", &[]),
    ];
    assert_eq!(
        told(&before, &after, &[]),
        ["torch: asked for", "triton: torch 2.10.0 requires triton==3.6.0"]
    );
}

#[test]
fn a_lost_gpu_is_critical_within_and_across_managers() {
    let torch = |version: &str| requested(pip("torch", version, &[]));
    assert_eq!(
        told(&[torch("2.9.0+cu128")], &[torch("2.9.0+cpu")], &[]),
        ["torch: asked for !! GPU build replaced by CPU build"]
    );
    assert_eq!(
        told(&[torch("2.9.0+cu118")], &[torch("2.9.0+cu128")], &[]),
        ["torch: asked for (CUDA 11.8 build replaced by CUDA 12.8 build)"]
    );
    let of_conda = |build: &str| conda(&format!("pytorch 2.9.0 {build}"), &["python"]);
    assert_eq!(
        told(&[of_conda("py311_cuda12")], &[of_conda("py311_cpu")], &[]),
        ["pytorch: unexplained !! GPU build replaced by CPU build"]
    );
    let before = [of_conda("py311_cuda12"), part("pytorch", "torch", "2.9.0", &[])];
    let after = [of_conda("py311_cuda12"), torch("2.9.0+cpu")];
    assert_eq!(
        told(&before, &after, &[]),
        ["torch: asked for !! GPU build replaced by CPU build"]
    );
    let (gpu, cpu) = (pip("onnxruntime-gpu", "1.20", &[]), pip("onnxruntime", "1.20", &[]));
    assert_eq!(
        told(std::slice::from_ref(&gpu), std::slice::from_ref(&cpu), &[]),
        [
            "onnxruntime: unexplained !! GPU build replaced by CPU build",
            "onnxruntime-gpu: unexplained"
        ]
    );
    assert_eq!(
        told(&[cpu], &[gpu], &[]),
        ["onnxruntime: unexplained", "onnxruntime-gpu: unexplained"]
    );
}

prop_compose! {
    fn package()(
        of_conda in any::<bool>(),
        name in "[a-d]",
        version in "[0-2](\\+cpu|\\+cu118|\\+cu128)?",
        requires in proptest::collection::vec("[a-d]([<>=]=[0-2])?", 0..3),
        requested in any::<bool>(),
    ) -> Package {
        let requires: Vec<&str> = requires.iter().map(String::as_str).collect();
        let mut package = match of_conda {
            true => conda(&format!("{name} {version} 0"), &requires),
            false => pip(&name, &version, &requires),
        };
        package.requested = requested;
        package
    }
}

fn list() -> impl Strategy<Value = Vec<Package>> {
    proptest::collection::vec(package(), 0..8).prop_map(|mut packages| {
        packages.sort_by(|a, b| a.key().cmp(&b.key()));
        packages.dedup_by(|a, b| a.record == b.record);
        packages
    })
}

proptest! {
    #[test]
    fn every_change_has_a_story_and_only_changed_packages_are_causes(a in list(), b in list()) {
        let (changes, stories) = stories(&a, &b, &[]);
        prop_assert_eq!(changes.len(), stories.len());
        let came: Vec<PackageRef> = changes.iter().filter_map(|change| Some(change.to.as_ref()?.into())).collect();
        for (change, story) in changes.iter().zip(&stories) {
            prop_assert!(!story.causes.is_empty());
            for cause in &story.causes {
                if let Cause::Required { by, through, .. } = cause {
                    prop_assert!(change.to.is_some());
                    for package in std::iter::once(by).chain(through) {
                        prop_assert!(came.contains(package), "{} is no cause", package);
                        prop_assert_ne!((package.manager, &package.name), (change.manager, &String::new()));
                    }
                    prop_assert!(!through.contains(by));
                }
            }
        }
    }

    #[test]
    fn what_is_lost_one_way_is_gained_the_other(a in list(), b in list()) {
        let ((changes, forth), (back_changes, back)) = (stories(&a, &b, &[]), stories(&b, &a, &[]));
        let both = |change: &PackageChange| change.from.is_some() && change.to.is_some();
        for ((there, one), (again, other)) in changes.iter().zip(&forth).zip(back_changes.iter().zip(&back)) {
            prop_assert_eq!((&there.from, &there.to), (&again.to, &again.from));
            if both(there) {
                let told = |story: &PackageStory| story.critical.is_some() || story.note.is_some();
                prop_assert_eq!(told(one), told(other));
            }
        }
    }
}
