//! Values for the tests of renderers.

use crate::digest::Digest;
use crate::history::{CommitId, Person, Time};
use crate::ops::report::{
    CheckReport, CheckoutReport, DiffReport, HeadReport, LogEntry, Outlook, PackageCounts, PlanReport, RefLabel,
    RootFindings, RootPlanReport, SideName, Verified,
};
use crate::snapshot::change::{
    ChangeKind, Changes, ConfigChange, FileChange, FileChangeKind, PackageChange, RootChanges, VarChange,
};
use crate::snapshot::entry::{Entry, FileNode, Node, PrefixUse};
use crate::snapshot::explanation::{Cause, Explanation, PackageStory, ProblemChanges};
use crate::snapshot::finding::{Finding, PackageRef, Paths, Problem, Severity};
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::records::{ConfigFormat, ConfigMeaning, RecordChange, RecordChanges};
use crate::snapshot::root::Kind;
use crate::snapshot::unit::UnitName;

pub(in crate::cli) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(in crate::cli) fn id(byte: u8) -> CommitId {
    CommitId::from_bytes([byte; 20])
}

pub(in crate::cli) fn time() -> Time {
    Time {
        seconds: 1_793_498_400,
        offset: 8 * 3600,
    }
}

pub(in crate::cli) fn package(name: &str, from: Option<&str>, to: Option<&str>) -> PackageChange {
    let package = |version: &str| Package::new(Manager::Pip, name, version, path("lib/x.dist-info"));
    PackageChange {
        manager: Manager::Pip,
        name: name.to_owned(),
        from: from.map(package),
        to: to.map(package),
    }
}

pub(in crate::cli) fn entry(name: &str, size: u64, seed: &str) -> Entry {
    Entry {
        path: path(name),
        mode: 0o644,
        mtime: 0,
        node: Node::File(FileNode {
            size,
            digest: Digest::of(seed.as_bytes()),
            prefix: PrefixUse::None,
            sparse: false,
            hardlink: None,
        }),
        xattrs: Vec::new(),
    }
}

pub(in crate::cli) fn dir(name: &str) -> Entry {
    Entry {
        node: Node::Dir,
        ..entry(name, 0, "")
    }
}

pub(in crate::cli) fn file(from: Option<Entry>, to: Option<Entry>) -> FileChange {
    FileChange {
        unit: UnitName::from_tree("loose/x"),
        from,
        to,
    }
}

/// An upgrade with all that can change.
pub(in crate::cli) fn changes() -> Changes {
    let diff =
        "--- a/configs/g2p.jsonl\n+++ b/configs/g2p.jsonl\n@@ -1,2 +1,2 @@\n {\"a\": 1}\n-{\"b\": 2}\n+{\"b\": 3}\n";
    Changes {
        roots: vec![
            RootChanges {
                root: "env".parse().unwrap(),
                kind: Kind::Venv,
                packages: vec![
                    package("numpy", Some("1.24.4"), Some("1.26.4")),
                    package("pyworld", None, Some("0.3.4")),
                    package("six", Some("1.16.0"), None),
                ],
                configs: vec![],
                files: vec![
                    file(None, Some(dir("lib/pyworld"))),
                    file(None, Some(entry("lib/pyworld/core.so", 46_347_059, "new"))),
                    file(
                        Some(entry("lib/numpy.py", 2048, "old")),
                        Some(entry("lib/numpy.py", 4096, "new")),
                    ),
                    file(Some(entry("lib/six.py", 1000, "six")), None),
                    file(
                        Some(entry("lib/x.py", 7, "x")),
                        Some(Entry {
                            mode: 0o755,
                            ..entry("lib/x.py", 7, "x")
                        }),
                    ),
                ],
                explanation: None,
            },
            RootChanges {
                root: "app".parse().unwrap(),
                kind: Kind::Project,
                packages: vec![],
                configs: vec![ConfigChange {
                    path: path("configs/g2p.jsonl"),
                    change: ChangeKind::Changed,
                    diff: diff.to_owned(),
                    meaning: ConfigMeaning::Records(RecordChanges {
                        format: ConfigFormat::Jsonl,
                        changes: vec![RecordChange {
                            key: "b".to_owned(),
                            change: ChangeKind::Changed,
                            from: Some("2".to_owned()),
                            to: Some("3".to_owned()),
                        }],
                        notes: vec![],
                    }),
                }],
                files: vec![file(
                    Some(entry("configs/g2p.jsonl", 20, "old")),
                    Some(entry("configs/g2p.jsonl", 20, "new")),
                )],
                explanation: None,
            },
        ],
        vars: vec![
            VarChange {
                name: "CUDA_HOME".to_owned(),
                change: ChangeKind::Changed,
                from: Some("/usr/local/cuda-11".to_owned()),
                to: Some("/usr/local/cuda-12".to_owned()),
            },
            VarChange {
                name: "HF_HOME".to_owned(),
                change: ChangeKind::Added,
                from: None,
                to: Some("/data/hf".to_owned()),
            },
        ],
    }
}

pub(in crate::cli) fn head() -> HeadReport {
    HeadReport {
        branch: Some("main".to_owned()),
        commit: Some(id(0x1a)),
        short: Some("1a1a1a1a".to_owned()),
        detached_from: None,
        upstream: None,
    }
}

pub(in crate::cli) fn report(changes: Changes) -> DiffReport {
    DiffReport {
        from: SideName {
            commit: Some(id(0x1a)),
            name: "HEAD".to_owned(),
        },
        to: SideName {
            commit: None,
            name: "live".to_owned(),
        },
        changes,
        head: head(),
        warnings: vec![],
    }
}

/// A commit of a log: its id's byte, that of its parent, its message and the names at it.
pub(in crate::cli) fn commit(byte: u8, parent: Option<u8>, message: &str, refs: &[RefLabel]) -> LogEntry {
    LogEntry {
        commit: id(byte),
        short: id(byte).to_string()[..8].to_owned(),
        parents: parent.map(id).into_iter().collect(),
        refs: refs.to_vec(),
        is_head: false,
        author: Person {
            name: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
        },
        time: time(),
        message: message.to_owned(),
        packages: PackageCounts::default(),
        package_changes: vec![],
        layer: None,
        signature: None,
    }
}

/// Problems of a state, one of each severity.
pub(in crate::cli) fn findings() -> Vec<Finding> {
    let package = |name: &str, version: &str| PackageRef {
        manager: Manager::Pip,
        name: name.to_owned(),
        version: version.to_owned(),
    };
    let path = |name: &str| RelPath::new(format!("lib/python3.11/site-packages/{name}")).unwrap();
    let files = |names: &[&str], of| {
        let paths: Vec<RelPath> = names.iter().map(|name| path(name)).collect();
        Paths::new(&paths, of)
    };
    vec![
        Finding {
            severity: Severity::Critical,
            package: Some(package("pandas", "2.0.3")),
            problem: Problem::NumpyAbi {
                numpy: "2.4.6".to_owned(),
                modules: files(&["pandas/_libs/a.so", "pandas/_libs/b.so"], 40),
            },
        },
        Finding {
            severity: Severity::Error,
            package: Some(package("matplotlib", "3.7.5")),
            problem: Problem::Requirement {
                requirement: "numpy<2,>=1.20".to_owned(),
                needs: "numpy".to_owned(),
                found: Some(package("numpy", "2.4.6")),
            },
        },
        Finding {
            severity: Severity::Warning,
            package: None,
            problem: Problem::Orphans {
                path: path("mine"),
                files: files(&["mine/a.py"], 1),
            },
        },
        Finding {
            severity: Severity::Note,
            package: Some(package("a", "1")),
            problem: Problem::Shared {
                with: package("b", "1"),
                files: files(&["ns/__init__.py"], 9),
            },
        },
    ]
}

/// What `check` says of one root.
pub(in crate::cli) fn check_report() -> CheckReport {
    CheckReport {
        side: report(Changes::default()).to,
        roots: vec![RootFindings {
            root: "env".parse().unwrap(),
            kind: Kind::Venv,
            packages: 81,
            findings: findings(),
        }],
    }
}

/// [`changes`] with what there is to say about them.
pub(in crate::cli) fn explained() -> Changes {
    let mut changes = changes();
    let mut findings = findings();
    let resolved = vec![findings.remove(2)];
    let root = &mut changes.roots[0];
    let named = |name: &str, version: &str| PackageRef {
        manager: Manager::Pip,
        name: name.to_owned(),
        version: version.to_owned(),
    };
    let story = |change: &PackageChange| match change.name.as_str() {
        "numpy" => PackageStory {
            causes: vec![Cause::Required {
                by: named("pyworld", "0.3.4"),
                requirement: "numpy>=1.26".to_owned(),
                decisive: true,
                through: Vec::new(),
            }],
            critical: None,
            note: None,
            breaks: vec![named("matplotlib", "3.7.5"), named("pandas", "2.0.3")],
            mends: Vec::new(),
        },
        "pyworld" => PackageStory {
            causes: vec![Cause::Requested { by: None }],
            ..PackageStory::default()
        },
        _ => PackageStory {
            causes: vec![Cause::Unexplained],
            ..PackageStory::default()
        },
    };
    root.explanation = Some(Explanation {
        packages: root.packages.iter().map(story).collect(),
        problems: ProblemChanges {
            appeared: findings,
            resolved,
            changed: Vec::new(),
        },
        units: Vec::new(),
        commands: Vec::new(),
    });
    changes
}

/// A checkout of a tag.
pub(in crate::cli) fn checkout() -> CheckoutReport {
    CheckoutReport {
        target: SideName {
            commit: Some(id(0x1a)),
            name: "pre-upgrade-torch29".to_owned(),
        },
        short: "1a1a1a1a".to_owned(),
        subject: "works".to_owned(),
        plan: PlanReport {
            roots: vec![RootPlanReport {
                root: "env".parse().unwrap(),
                added: 12_000,
                replaced: 1021,
                removed: 3,
                metadata: 0,
                bytes: 46_347_059,
                paths: vec![
                    (path("lib/six.py"), FileChangeKind::Added),
                    (path("lib/x.so"), FileChangeKind::Removed),
                ],
                git_tracked: vec![path("start.sh")],
            }],
        },
        autosave: None,
        head: HeadReport { branch: None, ..head() },
        partial: false,
        dry_run: true,
        changes: changes(),
        verified: Verified {
            paths: 13_021,
            by_content: 9,
            by_stamp: 11_400,
        },
        outlook: Outlook::default(),
        service_problem: None,
        health: None,
        marked_good: None,
        rolled_back: None,
        follows: None,
        stuck: Vec::new(),
        warnings: vec![],
    }
}
