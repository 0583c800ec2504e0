//! Tests of what is remembered of a root.

use crate::snapshot::content::Verbatim;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::progress::Silent;
use crate::snapshot::binary::{self, Binaries};
use crate::snapshot::root::{Kind, Policy};

struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir_all(fixture.root().join("lib")).unwrap();
        fixture
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn put(&self, sample: &str, name: &str) {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elf");
        std::fs::write(
            self.root().join("lib").join(name),
            std::fs::read(data.join(sample)).unwrap(),
        )
        .unwrap();
    }

    /// Captures the root, and remembers it.
    fn capture(&self, kind: Kind) -> LiveRoot {
        // Until no file is so new that it would be looked at again in any case.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let root = Root {
            name: "env".parse().unwrap(),
            path: self.root(),
            kind,
            policy: Policy::Exact,
        };
        let rules = Rules {
            ignored: ignored::Ignored::load(&root.path).unwrap(),
            excluded: BTreeSet::new(),
            configs: None,
            form: Arc::new(Verbatim),
        };
        let mut live = LiveRoot::scan(&root, &rules, Some(&self.state()), &Written::new(), 2).unwrap();
        assert!(live.hash_pending(2, &Silent).is_empty());
        live.finish();
        live.state.save(&self.state()).unwrap();
        live
    }
}

fn loose(live: &LiveRoot) -> Binaries {
    let mut units = binary::decode(&live.state.binaries).unwrap();
    assert_eq!(units.len(), 1);
    units.remove(0)
}

#[test]
fn only_elf_files_that_changed_are_read_again() {
    let fixture = Fixture::new();
    fixture.put("libneeds.so.1", "libneeds.so.1");
    fixture.put("module.so", "module.so");
    let mut live = fixture.capture(Kind::Venv);
    assert_eq!((loose(&live).files, loose(&live).numpy.two), (2, 1));
    assert_eq!(loose(&live).provides, ["libneeds.so.1"]);

    // What is remembered is believed, as long as nothing says otherwise.
    for (_, elf) in &mut live.state.elves {
        elf.soname = Some("remembered".to_owned());
    }
    live.state.save(&fixture.state()).unwrap();
    let unchanged = fixture.capture(Kind::Venv);
    assert!(!unchanged.changed);
    assert_eq!(unchanged.state.binaries, live.state.binaries);

    fixture.put("libstdc++.so.6", "module.so");
    let changed = fixture.capture(Kind::Venv);
    assert_eq!(
        loose(&changed).provides,
        ["libneeds.so.1", "libstdc++.so.6", "remembered"]
    );
    assert_eq!((loose(&changed).files, loose(&changed).numpy.two), (2, 0));

    std::fs::remove_file(fixture.root().join("lib/libneeds.so.1")).unwrap();
    let fewer = fixture.capture(Kind::Venv);
    assert_eq!(loose(&fewer).provides, ["libstdc++.so.6"]);
    assert_eq!(fewer.state.elves.len(), 1);
}

#[test]
fn only_environments_are_searched_for_compiled_code() {
    let fixture = Fixture::new();
    fixture.put("module.so", "module.so");
    let live = fixture.capture(Kind::Project);
    assert!(live.state.binaries.is_empty() && live.state.elves.is_empty());
}
