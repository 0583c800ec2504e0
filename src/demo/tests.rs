//! The wheels install, upgrade and go as with pip.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::wheel::{Error, install, install_dependency, uninstall};
use super::{TINYNUM_NEW, TINYNUM_OLD, TINYPITCH, record};

const SITE: &str = "lib/python3.11/site-packages";

/// All files beneath a directory, relative.
fn files(dir: &Path) -> Vec<String> {
    let walk = ignore::WalkBuilder::new(dir).standard_filters(false).build();
    let mut files: Vec<String> = walk
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file())
        .map(|path| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    files
}

fn env() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn what_is_pulled_in_was_not_requested() {
    let env = tempfile::tempdir().unwrap();
    install_dependency(TINYNUM_NEW, env.path(), "python3.11").unwrap();
    let info = env.path().join("lib/python3.11/site-packages/tinynum-1.26.4.dist-info");
    assert!(info.join("INSTALLER").exists() && !info.join("REQUESTED").exists());
    assert!(
        !std::fs::read_to_string(info.join("RECORD"))
            .unwrap()
            .contains("REQUESTED")
    );
}

#[test]
fn what_is_installed_is_what_the_record_says() {
    let env = env();
    for wheel in [TINYNUM_OLD, TINYPITCH] {
        install(wheel, env.path(), "python3.11").unwrap();
    }
    let site = env.path().join(SITE);
    let mut listed = Vec::new();
    for info in ["tinynum-1.24.4.dist-info", "tinypitch-0.3.4.dist-info"] {
        for (path, hash) in record::rows(&std::fs::read(site.join(info).join("RECORD")).unwrap()).unwrap() {
            let plain = site.join(&path).canonicalize().unwrap();
            if !path.ends_with("/RECORD") {
                assert_eq!(hash, record::hash(&std::fs::read(&plain).unwrap()), "{path}");
            }
            listed.push(
                plain
                    .strip_prefix(env.path().canonicalize().unwrap())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        assert_eq!(std::fs::read(site.join(info).join("INSTALLER")).unwrap(), b"pip\n");
        assert_eq!(std::fs::read(site.join(info).join("REQUESTED")).unwrap(), b"");
    }
    listed.sort();
    assert_eq!(files(env.path()), listed);
    let script = env.path().join("bin/tinynum-info");
    let text = std::fs::read_to_string(&script).unwrap();
    let shebang = format!("#!{}/bin/python\n", env.path().display());
    assert!(
        text.starts_with(&shebang) && text.contains("from tinynum.info import main\n"),
        "{text}"
    );
    assert_eq!(script.metadata().unwrap().permissions().mode() & 0o500, 0o500);
}

#[test]
fn the_wheels_are_made_of_their_sources() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/wheels/src");
    for (wheel, package, version) in [
        (TINYNUM_OLD, "tinynum", "1.24.4"),
        (TINYNUM_NEW, "tinynum", "1.26.4"),
        (TINYPITCH, "tinypitch", "0.3.4"),
    ] {
        let env = env();
        install(wheel, env.path(), "python3.11").unwrap();
        let source = sources.join(format!("{package}-{version}")).join(package);
        let installed = env.path().join(SITE).join(package);
        assert_eq!(files(&source), files(&installed), "run src/demo/wheels/build.py");
        for file in files(&source) {
            let same = std::fs::read(source.join(&file)).unwrap() == std::fs::read(installed.join(&file)).unwrap();
            assert!(same, "{file} differs: run src/demo/wheels/build.py");
        }
    }
}

#[test]
fn an_upgrade_leaves_nothing_of_the_old_version() {
    let (upgraded, fresh) = (env(), env());
    install(TINYNUM_OLD, upgraded.path(), "python3.11").unwrap();
    let cache = upgraded.path().join(SITE).join("tinynum/__pycache__");
    std::fs::create_dir(&cache).unwrap();
    std::fs::write(cache.join("linalg.cpython-311.pyc"), "").unwrap();
    install(TINYNUM_NEW, upgraded.path(), "python3.11").unwrap();
    install(TINYNUM_NEW, fresh.path(), "python3.11").unwrap();
    assert_eq!(files(upgraded.path()), files(fresh.path()));
    assert!(!cache.exists());
}

#[test]
fn what_others_put_there_stays() {
    let env = env();
    install(TINYNUM_NEW, env.path(), "python3.11").unwrap();
    let own = env.path().join(SITE).join("tinynum/mine.txt");
    std::fs::write(&own, "").unwrap();
    uninstall("TinyNum", env.path()).unwrap();
    assert_eq!(files(env.path()), [format!("{SITE}/tinynum/mine.txt")]);
    assert!(matches!(
        uninstall("tinynum", env.path()),
        Err(Error::NotInstalled { .. })
    ));
}

#[test]
fn a_damaged_wheel_changes_nothing() {
    let env = env();
    install(TINYNUM_OLD, env.path(), "python3.11").unwrap();
    let before = files(env.path());
    let mut damaged = TINYNUM_NEW.to_vec();
    let at = memchr::memmem::find(&damaged, b"import math").unwrap();
    damaged[at] = b'x';
    for wheel in [&damaged[..], &TINYNUM_NEW[..300], b""] {
        assert!(matches!(
            install(wheel, env.path(), "python3.11"),
            Err(Error::BadWheel { .. })
        ));
    }
    assert_eq!(files(env.path()), before);
}

#[test]
fn a_record_that_leads_out_of_the_environment_is_refused() {
    let env = env();
    let path = env.path().join("prefix");
    install(TINYNUM_OLD, &path, "python3.11").unwrap();
    let outside = env.path().join("precious");
    std::fs::write(&outside, "").unwrap();
    let record = path.join(SITE).join("tinynum-1.24.4.dist-info/RECORD");
    std::fs::write(&record, "../../../../precious,,\ntinynum/array.py,,\n").unwrap();
    let error = uninstall("tinynum", &path).unwrap_err().to_string();
    assert!(error.contains("outside of the environment"), "{error}");
    assert!(outside.exists() && path.join(SITE).join("tinynum/array.py").exists());
}

#[test]
fn python_takes_it_for_what_it_is() {
    let env = env();
    for wheel in [TINYNUM_OLD, TINYNUM_NEW, TINYPITCH] {
        install(wheel, env.path(), "python3.11").unwrap();
    }
    let program = "
import importlib.metadata as m, tinynum, tinypitch
print(tinynum.__version__, m.version('tinynum'), m.requires('tinypitch'), tinynum.array([1, 2, 6]).mean())
print(m.distribution('tinynum').read_text('INSTALLER').strip(), tinypitch.pitch([0, 1, 0, -1] * 100, 8000))
assert all(f.locate().exists() for f in m.files('tinynum')), m.files('tinynum')
";
    let output = std::process::Command::new("python3")
        .args(["-B", "-c", program])
        .env("PYTHONPATH", env.path().join(SITE))
        .output()
        .expect("python3 is needed for this test");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let expected = "1.26.4 1.26.4 ['tinynum>=1.26'] 3.0\npip 1980.0\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{stderr}");
}
