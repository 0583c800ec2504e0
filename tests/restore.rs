//! A part of a state comes back, and nothing else changes.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::cli::Shell;
use common::{Sandbox, Seen, differing, picture};
use envgit::ops::Error;
use envgit::ops::checkout::CheckoutOptions;
use envgit::ops::report::CheckoutReport;
use envgit::ops::restore::{RestoreOptions, restore};
use envgit::snapshot::root::{Kind, Policy};

const SITE: &str = "lib/python3.11/site-packages";

/// Installs a package as pip does: its files, a script in `bin/`, a dist-info.
fn install(sandbox: &Sandbox, name: &str, version: &str, files: &[&str]) {
    let info = format!("{SITE}/{name}-{version}.dist-info");
    let mut record = String::new();
    for file in files {
        sandbox.write(&format!("{SITE}/{file}"), format!("{name} {version} {file}\n"));
        record.push_str(&format!("{file},,\n"));
    }
    sandbox.write(&format!("bin/{name}"), format!("#!/bin/sh\n# {version}\n"));
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    sandbox.write(&format!("{info}/METADATA"), metadata);
    sandbox.write(&format!("{info}/INSTALLER"), "pip\n");
    record.push_str(&format!(
        "../../../bin/{name},,\n{name}-{version}.dist-info/METADATA,,\n{name}-{version}.dist-info/INSTALLER,,\n\
         {name}-{version}.dist-info/RECORD,,\n"
    ));
    sandbox.write(&format!("{info}/RECORD"), record);
}

fn uninstall(sandbox: &Sandbox, name: &str, version: &str, files: &[&str]) {
    let site = sandbox.env().join(SITE);
    for file in files {
        std::fs::remove_file(site.join(file)).unwrap();
        let _ = std::fs::remove_dir(site.join(file).parent().unwrap());
    }
    std::fs::remove_file(sandbox.env().join("bin").join(name)).unwrap();
    std::fs::remove_dir_all(site.join(format!("{name}-{version}.dist-info"))).unwrap();
}

const OLD: &[&str] = &["num_py/__init__.py", "num_py/old/only_old.py", "num_py/[a]*.py"];
const NEW: &[&str] = &["num_py/__init__.py", "num_py/only_new.py"];

/// `v1` has num-py 1.0 and six 1.0, `v2` has num-py 2.0 and six 2.0.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::venv();
    sandbox.write("pyvenv.cfg", "home = /usr/bin\n");
    install(&sandbox, "num_py", "1.0", OLD);
    install(&sandbox, "six", "1.0", &["six.py"]);
    sandbox.commit_tagged("v1");
    uninstall(&sandbox, "num_py", "1.0", OLD);
    uninstall(&sandbox, "six", "1.0", &["six.py"]);
    install(&sandbox, "num_py", "2.0", NEW);
    install(&sandbox, "six", "2.0", &["six.py"]);
    sandbox.commit_tagged("v2");
    sandbox
}

fn packages(from: &str, names: &[&str]) -> RestoreOptions {
    RestoreOptions {
        from: Some(from.to_owned()),
        packages: names.iter().map(|name| (*name).to_owned()).collect(),
        ..RestoreOptions::default()
    }
}

fn paths(sandbox: &Sandbox, from: &str, paths: &[&str]) -> RestoreOptions {
    RestoreOptions {
        from: Some(from.to_owned()),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        cwd: sandbox.env(),
        ..RestoreOptions::default()
    }
}

fn perform(sandbox: &Sandbox, options: &RestoreOptions) -> Result<CheckoutReport, Error> {
    restore(&mut sandbox.session(), options, &mut |_| true)
}

/// The part of a picture that a package owns, by the words in its paths.
fn of(picture: &BTreeMap<Vec<u8>, Seen>, name: &str) -> BTreeMap<Vec<u8>, Seen> {
    let named = picture.iter().filter(|(path, _)| {
        let path = String::from_utf8_lossy(path);
        path.contains(&format!("/{name}"))
    });
    named.map(|(path, seen)| (path.clone(), seen.clone())).collect()
}

#[test]
fn a_package_comes_back_whole_and_the_rest_stays() {
    let sandbox = sandbox();
    let v2 = picture(&sandbox.env());
    sandbox.checkout("v1");
    let v1 = picture(&sandbox.env());
    sandbox.checkout("main");
    let head = sandbox.status().head;
    let report = perform(&sandbox, &packages("v1", &["Num.PY"])).unwrap();
    let now = picture(&sandbox.env());
    assert_eq!(differing(&of(&now, "num_py"), &of(&v1, "num_py")), [] as [String; 0]);
    assert_eq!(differing(&of(&now, "six"), &of(&v2, "six")), [] as [String; 0]);
    assert_eq!(now.len(), v1.len(), "nothing of the newer version is left");
    assert_eq!(sandbox.status().head, head);
    let change = &report.changes.roots[0].packages[0];
    let versions = [&change.from, &change.to].map(|package| package.clone().unwrap().version);
    assert_eq!(
        (report.changes.roots[0].packages.len(), versions),
        (1, ["2.0", "1.0"].map(str::to_owned))
    );
    let log = envgit::ops::audit::audit(&mut sandbox.session(), &Default::default()).unwrap();
    assert_eq!(log.entries[0].started.changes.packages, ["num-py 2.0 → 1.0"]);
    // HEAD held the state before, so there was nothing to save; back is one command.
    assert_eq!(report.autosave, None);
    perform(&sandbox, &packages("HEAD", &["num-py"])).unwrap();
    assert_eq!(differing(&picture(&sandbox.env()), &v2), [] as [String; 0]);
    assert!(sandbox.status().changes.is_empty());
}

#[test]
fn what_no_commit_held_is_saved_first() {
    let sandbox = sandbox();
    sandbox.write(&format!("{SITE}/num_py/__init__.py"), "edited by hand\n");
    let edited = picture(&sandbox.env());
    let report = perform(&sandbox, &packages("HEAD", &["num_py"])).unwrap();
    assert!(sandbox.status().changes.is_empty());
    sandbox.checkout(&report.autosave.unwrap().name);
    assert_eq!(differing(&picture(&sandbox.env()), &edited), [] as [String; 0]);
}

#[test]
fn a_dry_run_changes_nothing() {
    let sandbox = sandbox();
    let before = picture(&sandbox.env());
    let options = RestoreOptions {
        dry_run: true,
        ..packages("v1", &["num-py"])
    };
    let report = perform(&sandbox, &options).unwrap();
    assert!(
        report.plan.roots[0].removed > 0 && report.plan.roots[0].added > 0,
        "{:?}",
        report.plan
    );
    assert_eq!(differing(&picture(&sandbox.env()), &before), [] as [String; 0]);
}

#[test]
fn a_removed_package_comes_back_with_the_folders_above_it() {
    let sandbox = sandbox();
    let v2 = picture(&sandbox.env());
    std::fs::remove_dir_all(sandbox.env().join("lib")).unwrap();
    std::fs::remove_dir_all(sandbox.env().join("bin")).unwrap();
    perform(&sandbox, &packages("HEAD", &["six"])).unwrap();
    let now = picture(&sandbox.env());
    assert_eq!(differing(&of(&now, "six"), &of(&v2, "six")), [] as [String; 0]);
    assert!(of(&now, "num_py").is_empty());
}

#[test]
fn two_owners_of_one_path_are_refused_unless_forced() {
    let sandbox = Sandbox::venv();
    install(&sandbox, "cv", "1.0", &["cv2/__init__.py"]);
    sandbox.commit_tagged("v1");
    uninstall(&sandbox, "cv", "1.0", &["cv2/__init__.py"]);
    install(&sandbox, "cv_headless", "1.0", &["cv2/__init__.py"]);
    sandbox.commit_tagged("v2");
    let before = picture(&sandbox.env());
    let error = perform(&sandbox, &packages("v1", &["cv"])).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("1 file of cv would have two owners: env:{SITE}/cv2/__init__.py belongs to pip/cv-headless now")
    );
    assert_eq!(differing(&picture(&sandbox.env()), &before), [] as [String; 0]);
    let forced = RestoreOptions {
        force: true,
        ..packages("v1", &["cv"])
    };
    perform(&sandbox, &forced).unwrap();
    assert_eq!(
        sandbox.read(&format!("{SITE}/cv2/__init__.py")),
        "cv 1.0 cv2/__init__.py\n"
    );
    assert!(
        sandbox
            .env()
            .join(format!("{SITE}/cv_headless-1.0.dist-info/METADATA"))
            .exists()
    );
}

#[test]
fn a_package_that_the_revision_lacks_is_refused() {
    let sandbox = sandbox();
    let error = perform(&sandbox, &packages("v1", &["num-py", "torch"])).unwrap_err();
    assert_eq!(error.to_string(), "v1 has no package torch");
    assert!(sandbox.status().changes.is_empty());
}

#[test]
fn paths_come_back_and_only_they() {
    let sandbox = sandbox();
    let file = format!("{SITE}/num_py/[a]*.py");
    // Its folder is there, another that it needs is not.
    let nested = format!("{SITE}/num_py/old/only_old.py");
    for path in ["num_py/old/only_old.py", "num_py/old"] {
        let options = paths(&sandbox, "v1", &[&format!("{SITE}/{path}")]);
        perform(&sandbox, &options).unwrap();
        assert_eq!(sandbox.read(&nested), "num_py 1.0 num_py/old/only_old.py\n");
        std::fs::remove_dir_all(sandbox.env().join(format!("{SITE}/num_py/old"))).unwrap();
    }
    assert!(!sandbox.env().join(&file).exists());
    assert_eq!(sandbox.read(&format!("{SITE}/six.py")), "six 2.0 six.py\n");
    let error = perform(&sandbox, &paths(&sandbox, "v1", &["nothing/here"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"nothing/here\" matches nothing in v1 or the live state"
    );
}

#[test]
fn config_files_come_back_and_other_files_stay() {
    let sandbox = Sandbox::new(Kind::Project, Policy::Tracked);
    sandbox.write("configs/a.json", "{\"a\": 1}\n");
    sandbox.write("start.sh", "echo 1\n");
    sandbox.write("run.py", "print(1)\n");
    sandbox.commit_tagged("v1");
    sandbox.write("configs/a.json", "{\"a\": 2}\n");
    sandbox.write("start.sh", "echo 2\n");
    sandbox.write("run.py", "print(2)\n");
    sandbox.write("configs/new.json", "{}\n");
    let options = RestoreOptions {
        configs: true,
        ..RestoreOptions::default()
    };
    let only_one = RestoreOptions {
        paths: vec!["configs/a.json".to_owned()],
        cwd: sandbox.env(),
        ..options.clone()
    };
    perform(&sandbox, &only_one).unwrap();
    assert_eq!(
        (sandbox.read("configs/a.json"), sandbox.read("start.sh")),
        ("{\"a\": 1}\n".into(), "echo 2\n".into())
    );
    perform(&sandbox, &options).unwrap();
    assert_eq!(sandbox.read("start.sh"), "echo 1\n");
    assert_eq!(sandbox.read("run.py"), "print(2)\n");
    assert_eq!(
        sandbox.read("configs/new.json"),
        "{}\n",
        "what no commit recorded is left alone"
    );
    // A state without any: not everything is meant then.
    let bare = Sandbox::venv();
    bare.write("a.json", "{}");
    bare.commit();
    let error = perform(&bare, &options).unwrap_err();
    assert!(matches!(error, Error::NoSuchPath { .. }), "{error}");
}

#[test]
fn a_folder_that_holds_something_else_is_never_in_the_way() {
    let sandbox = Sandbox::venv();
    install(&sandbox, "a", "1.0", &["a"]);
    sandbox.commit_tagged("v1");
    uninstall(&sandbox, "a", "1.0", &["a"]);
    // A folder where the old version had a file, with something of another package in it.
    install(&sandbox, "a", "2.0", &["a/mine.py"]);
    install(&sandbox, "b", "1.0", &["a/yours.py"]);
    sandbox.commit_tagged("v2");
    let before = picture(&sandbox.env());
    let error = perform(&sandbox, &packages("v1", &["a"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("env:{SITE}/a must become a file, and env:{SITE}/a/yours.py is in it")
    );
    assert_eq!(differing(&picture(&sandbox.env()), &before), [] as [String; 0]);
}

#[test]
fn an_interrupted_restore_is_finished_and_touches_nothing_else() {
    let sandbox = sandbox();
    let v2 = picture(&sandbox.env());
    sandbox.checkout("v1");
    let v1 = picture(&sandbox.env());
    sandbox.checkout("main");
    perform(&sandbox, &packages("v1", &["num-py"])).unwrap();
    let goal = picture(&sandbox.env());
    sandbox.checkout("main");
    // What a restore leaves that was killed in the middle of its swap: the sealed journal, and some of the changes.
    let journal = sandbox.repo_dir().join("journal/checkout.json");
    let target = sandbox.session().repo.history().resolve("v1").unwrap();
    let exact: Vec<String> = of(&v1, "num_py")
        .keys()
        .chain(of(&v2, "num_py").keys())
        .map(|path| String::from_utf8(path.clone()).unwrap())
        .collect();
    let noted = serde_json::json!({
        "target": target.to_string(), "name": "v1", "branch": null, "partial": true, "before": null,
        "roots": [], "paths": [], "exact": {"env": exact}, "cwd": "/",
    });
    std::fs::write(&journal, noted.to_string()).unwrap();
    std::fs::remove_dir_all(sandbox.env().join(format!("{SITE}/num_py-2.0.dist-info"))).unwrap();
    std::fs::remove_file(sandbox.env().join(format!("{SITE}/num_py/only_new.py"))).unwrap();
    envgit::ops::recover::if_needed(&mut sandbox.session()).unwrap();
    assert!(!journal.exists());
    assert_eq!(differing(&picture(&sandbox.env()), &goal), [] as [String; 0]);
}

#[test]
fn a_wheel_of_the_demo_goes_back_and_forth() {
    use envgit::demo::wheel::install;
    let wheels = [
        envgit::demo::TINYNUM_OLD,
        envgit::demo::TINYNUM_NEW,
        envgit::demo::TINYPITCH,
    ];
    let sandbox = Sandbox::venv();
    sandbox.write("pyvenv.cfg", "home = /usr/bin\n");
    let put = |wheel: &[u8]| install(wheel, &sandbox.env(), "python3.11").unwrap();
    put(wheels[0]);
    sandbox.commit_tagged("v1");
    put(wheels[1]);
    put(wheels[2]);
    sandbox.commit_tagged("v2");
    let v2 = picture(&sandbox.env());
    perform(&sandbox, &packages("v1", &["tinynum"])).unwrap();
    let info = |version: &str| Path::new(SITE).join(format!("tinynum-{version}.dist-info"));
    assert!(sandbox.env().join(info("1.24.4")).exists() && !sandbox.env().join(info("1.26.4")).exists());
    perform(&sandbox, &packages("v2", &["tinynum"])).unwrap();
    assert_eq!(differing(&picture(&sandbox.env()), &v2), [] as [String; 0]);
}

/// `v1` holds `build/`, which is gone and ignored since.
fn built() -> Sandbox {
    let sandbox = Sandbox::new(Kind::Project, Policy::Tracked);
    sandbox.write(".snapignore", "");
    sandbox.write("build/a.o", "1");
    sandbox.write("build/sub/b.o", "2");
    std::os::unix::fs::symlink("a.o", sandbox.env().join("build/link")).unwrap();
    std::fs::hard_link(sandbox.env().join("build/a.o"), sandbox.env().join("build/z.o")).unwrap();
    sandbox.commit_tagged("v1");
    std::fs::remove_dir_all(sandbox.env().join("build")).unwrap();
    sandbox.write(".snapignore", "build/\n");
    sandbox.commit_tagged("v2");
    sandbox
}

#[test]
fn what_is_ignored_now_comes_back_from_when_it_was_recorded() {
    let sandbox = built();
    sandbox.checkout("v1");
    let v1 = picture(&sandbox.env().join("build"));
    sandbox.checkout("main");
    let report = perform(&sandbox, &paths(&sandbox, "v1", &["build"])).unwrap();
    assert_eq!(report.plan.roots[0].paths.len(), 6);
    let now = picture(&sandbox.env().join("build"));
    assert_eq!(differing(&now, &v1), [] as [String; 0]);
    assert!(sandbox.status().changes.is_empty(), "it is ignored all the same");
    let again = perform(&sandbox, &paths(&sandbox, "v1", &["build"])).unwrap();
    assert!(again.plan.roots.is_empty(), "it stands: {:?}", again.plan);
    // What was made of it since no commit holds.
    sandbox.write("build/a.o", "made anew");
    sandbox.write("build/new.o", "made anew");
    let options = paths(&sandbox, "v1", &["build"]);
    let error = perform(&sandbox, &options).unwrap_err();
    assert!(
        matches!(&error, Error::InTheWay { paths } if paths == &["env:build/a.o"]),
        "{error}"
    );
    let options = RestoreOptions {
        discard: true,
        ..options
    };
    perform(&sandbox, &options).unwrap();
    assert_eq!(
        (sandbox.read("build/a.o"), sandbox.read("build/new.o")),
        ("1".into(), "made anew".into())
    );
    assert!(!sandbox.repo_dir().join("journal/checkout.json").exists());
}

#[test]
fn what_stands_where_a_folder_must_be_goes_only_when_discarded() {
    let sandbox = built();
    let elsewhere = sandbox.dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("a.o"), "mine").unwrap();
    sandbox.write(".snapignore", "build\n");
    sandbox.commit();
    std::os::unix::fs::symlink(&elsewhere, sandbox.env().join("build")).unwrap();
    let options = paths(&sandbox, "v1", &["build"]);
    let error = perform(&sandbox, &options).unwrap_err();
    assert!(matches!(error, Error::InTheWay { .. }), "{error}");
    let options = RestoreOptions {
        discard: true,
        ..options
    };
    perform(&sandbox, &options).unwrap();
    assert_eq!(sandbox.read("build/a.o"), "1");
    assert_eq!(std::fs::read_to_string(elsewhere.join("a.o")).unwrap(), "mine");
}

#[test]
fn an_interrupted_restore_of_what_is_ignored_is_finished() {
    let sandbox = built();
    let target = envgit::history::History::open(&sandbox.history())
        .unwrap()
        .resolve("v1")
        .unwrap();
    let journal = sandbox.repo_dir().join("journal/checkout.json");
    let noted = serde_json::json!({
        "target": target.to_string(), "name": "v1", "branch": null, "partial": true, "before": null,
        "roots": [], "paths": [], "cwd": "/",
        "exact": {"env": ["build", "build/a.o", "build/link", "build/sub", "build/sub/b.o", "build/z.o"]},
    });
    std::fs::write(&journal, noted.to_string()).unwrap();
    sandbox.write("build/a.o", "placed, and its time not set");
    envgit::ops::recover::if_needed(&mut sandbox.session()).unwrap();
    assert!(!journal.exists());
    assert_eq!(
        (sandbox.read("build/link"), sandbox.read("build/sub/b.o")),
        ("1".into(), "2".into())
    );
}

#[test]
fn a_package_of_several_roots_comes_back_in_each() {
    let shell = Shell::with_venv();
    shell.write("other/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
    shell.install("other", "numpy", "1.24.4");
    shell.ok(&["root", "add", &format!("other={}", shell.path("other").display())]);
    shell.ok(&["commit", "-t", "v1"]);
    let upgrade = || {
        for env in ["env", "other"] {
            shell.uninstall(env, "numpy", "1.24.4");
            shell.install(env, "numpy", "1.26.4");
        }
        shell.ok(&["commit", "--allow-empty", "-m", "later"]);
    };
    let has_old = |env: &str| shell.path(env).join(SITE).join("numpy-1.24.4.dist-info").is_dir();
    upgrade();
    shell.ok(&["restore", "--from", "v1", "--package", "numpy"]);
    assert!(has_old("env") && has_old("other"));
    upgrade();
    shell.ok(&["restore", "--from", "v1", "--package", "numpy", "--root", "other"]);
    assert!(!has_old("env") && has_old("other"));
}

#[test]
fn a_name_of_a_file_comes_back_only_where_its_first_one_is_the_same() {
    let sandbox = Sandbox::venv();
    sandbox.write("b", "one");
    std::fs::hard_link(sandbox.env().join("b"), sandbox.env().join("c")).unwrap();
    sandbox.commit_tagged("one");
    sandbox.write("b", "mine");
    sandbox.write("c", "other");
    let checkout = CheckoutOptions {
        rev: "one".to_owned(),
        paths: vec!["c".to_owned()],
        cwd: sandbox.env(),
        ..CheckoutOptions::default()
    };
    for error in [
        perform(&sandbox, &paths(&sandbox, "one", &["c"])).unwrap_err(),
        sandbox.try_checkout(&checkout).unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            "in one, env:c and env:b are one file, and env:b is another now"
        );
    }
    assert_eq!([sandbox.read("b"), sandbox.read("c")], ["mine", "other"]);
    sandbox.status();
    // The first name is as it was, or comes along because it is gone.
    sandbox.write("b", "one");
    perform(&sandbox, &paths(&sandbox, "one", &["b"])).unwrap();
    perform(&sandbox, &paths(&sandbox, "one", &["c"])).unwrap();
    assert_eq!([sandbox.read("b"), sandbox.read("c")], ["one", "one"]);
    for name in ["b", "c"] {
        std::fs::remove_file(sandbox.env().join(name)).unwrap();
    }
    perform(&sandbox, &paths(&sandbox, "one", &["c"])).unwrap();
    assert!(sandbox.status().changes.is_empty());
}
