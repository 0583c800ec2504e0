//! Every kind of damage is found, named with what depends on it, and repaired where that is possible.

mod common;

use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::Sandbox;
use common::cli::Shell;
use envgit::capture::state::RootState;
use envgit::digest::Digest;
use envgit::fsx::stamp::Stamp;
use envgit::ops::push::{PushOptions, push};
use envgit::ops::remotes;
use envgit::ops::verify::report::{Damage, DamageKind};
use envgit::ops::verify::{VerifyOptions, VerifyReport, verify, verify_live};

/// Lines that are the same every time, near enough to data.
fn data(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut out = Vec::with_capacity(len + 32);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(format!("{} {}\n", state % 100_000, state % 77).as_bytes());
    }
    out.truncate(len);
    out
}

const SITE: &str = "lib/python3.11/site-packages";

/// Two commits, `v1` and `v2`, that differ in a small file and in one line of a large one; what is large is stored in
/// parts the second time.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::venv();
    sandbox.write("bin/tool", "#!/bin/sh\n");
    sandbox.write(&format!("{SITE}/pkg/__init__.py"), "one = 1\n");
    sandbox.write(&format!("{SITE}/pkg/only_v1.py"), "gone = 1\n");
    sandbox.write(
        &format!("{SITE}/pkg-1.0.dist-info/METADATA"),
        "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n",
    );
    sandbox.write(
        &format!("{SITE}/pkg-1.0.dist-info/RECORD"),
        "pkg/__init__.py,,\npkg/only_v1.py,,\npkg-1.0.dist-info/METADATA,,\npkg-1.0.dist-info/RECORD,,\n",
    );
    let mut library = b"\x7fELF".to_vec();
    library.extend(data(7, 6 << 20));
    sandbox.write("lib/big.so", library);
    let mut table = data(3, 7 << 20);
    sandbox.write("lib/big.jsonl", &table);
    sandbox.commit_tagged("v1");
    table.splice(3 << 20..3 << 20, *b"one more line\n");
    sandbox.write("lib/big.jsonl", &table);
    std::fs::remove_file(sandbox.env().join(format!("{SITE}/pkg/only_v1.py"))).unwrap();
    sandbox.write(&format!("{SITE}/pkg/__init__.py"), "two = 2\n");
    sandbox.commit_tagged("v2");
    sandbox
}

fn run(sandbox: &Sandbox, repair: bool) -> VerifyReport {
    verify(&mut sandbox.session(), VerifyOptions { repair }).unwrap()
}

/// The layers, the one of the first commit first.
fn layers(sandbox: &Sandbox) -> [PathBuf; 2] {
    let of = |rev: &str| {
        let report = envgit::ops::inspect::layers(&mut sandbox.session(), Some(rev)).unwrap();
        let digest = report.layers[0].layer.digest;
        sandbox.repo_dir().join(format!("layers/{digest}.tar.zst"))
    };
    [of("v1"), of("v2")]
}

/// Changes one byte of a file that nobody may write.
fn flip(path: &Path, at: u64) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x55], at).unwrap();
}

fn cut(path: &Path, len: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(len).unwrap();
}

fn names(damage: &Damage) -> Vec<&str> {
    let names = damage.needed_by.iter().flat_map(|by| &by.names);
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// One damage, and what is said of it.
fn only(report: &VerifyReport) -> &Damage {
    assert_eq!(report.damages.len(), 1, "{:#?}", report.damages);
    &report.damages[0]
}

/// Repairs, and finds all sound and both states to come back.
fn repaired(sandbox: &Sandbox) -> VerifyReport {
    let report = run(sandbox, true);
    assert_eq!(report.damages, [], "{report:#?}");
    assert_eq!(run(sandbox, false).damages, []);
    for rev in ["v1", "v2"] {
        sandbox.checkout(rev);
    }
    report
}

/// Where in a layer the only frame of a small file lies.
fn frame_of(layer: &Path, name: &str) -> u64 {
    let bytes = std::fs::read(layer).unwrap();
    let number = |at: usize| u64::from_le_bytes(bytes[bytes.len() - 64 + at..][..8].try_into().unwrap()) as usize;
    let toc = zstd::decode_all(&bytes[number(0)..number(0) + number(8)]).unwrap();
    let toc: serde_json::Value = serde_json::from_slice(&toc).unwrap();
    let entries = toc["entries"].as_array().unwrap();
    let entry = entries
        .iter()
        .find(|entry| entry["name"].as_str().unwrap().ends_with(name));
    entry.unwrap()["offset"].as_u64().unwrap()
}

#[test]
fn what_is_sound_is_said_to_be_sound() {
    let sandbox = sandbox();
    let report = run(&sandbox, false);
    assert_eq!(report.damages, []);
    assert_eq!(report.notes, [] as [&str; 0]);
    assert_eq!((report.layers, report.commits, report.refs), (2, 2, 3));
    assert!(report.contents > 8 && report.objects > 10, "{report:?}");
}

#[test]
fn a_flipped_bit_in_a_frame() {
    let sandbox = sandbox();
    let [first, _] = layers(&sandbox);
    flip(&first, frame_of(&first, "only_v1.py") + 12);
    let report = run(&sandbox, false);
    let damage = only(&report);
    assert_eq!(damage.kind, DamageKind::Layer);
    assert_eq!(names(damage), ["v1"], "{damage:?}");
    assert_eq!(damage.paths, [format!("env:{SITE}/pkg/only_v1.py")]);
    assert!(
        damage.what.iter().any(|what| what.contains("frame at byte")),
        "{damage:?}"
    );
    // Neither a pin nor a live file has it any more: that is said, the damaged file is kept, and all else is moved to a
    // sound layer.
    std::fs::remove_dir_all(sandbox.repo_dir().join("cache/pins")).unwrap();
    let report = run(&sandbox, true);
    let damage = only(&report);
    assert_eq!((damage.kind, damage.lost), (DamageKind::MissingLayer, 1));
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("could be had from nowhere"))
    );
    assert_eq!(std::fs::read_dir(report.aside.unwrap()).unwrap().count(), 1);
    sandbox.checkout("v2");
    // Once the file is back, so is the commit.
    sandbox.write(&format!("{SITE}/pkg/only_v1.py"), "gone = 1\n");
    repaired(&sandbox);
}

#[test]
fn a_flipped_bit_in_a_frame_that_live_files_still_have() {
    let sandbox = sandbox();
    let [first, _] = layers(&sandbox);
    // The middle of the first frame of the library; the table after it is needed in parts by the second layer.
    flip(&first, frame_of(&first, "lib/big.so") + 1000);
    let report = run(&sandbox, false);
    let damage = only(&report);
    assert_eq!(names(damage), ["main", "v1", "v2"]);
    assert_eq!(damage.paths, ["env:lib/big.so"]);
    let report = repaired(&sandbox);
    assert!(
        report.repairs.iter().any(|done| done.contains("from the live files")),
        "{:?}",
        report.repairs
    );
}

#[test]
fn a_damaged_part_of_a_file_in_parts() {
    let sandbox = sandbox();
    let [first, _] = layers(&sandbox);
    flip(&first, frame_of(&first, "lib/big.jsonl") + 1000);
    let report = run(&sandbox, false);
    // The first layer has the frame, and the file of the second commit is made of it.
    let kinds: Vec<_> = report.damages.iter().map(|damage| damage.kind).collect();
    assert_eq!(kinds, [DamageKind::Layer, DamageKind::Layer]);
    let second = report
        .damages
        .iter()
        .find(|damage| damage.what.iter().any(|what| what.contains("part")));
    assert_eq!(names(second.unwrap()), ["main", "v2"]);
    // The live file gives the newer one back, and its other frames the rest of the older but one.
    let report = run(&sandbox, true);
    assert!(
        report.damages.iter().all(|damage| !names(damage).contains(&"v2")),
        "{:#?}",
        report.damages
    );
    sandbox.checkout("v2");
}

#[test]
fn a_missing_part() {
    let sandbox = sandbox();
    let [first, second] = layers(&sandbox);
    // The second layer alone: its recipe names parts that only the first has.
    std::fs::remove_file(&first).unwrap();
    let report = run(&sandbox, false);
    let found = report
        .damages
        .iter()
        .find(|damage| damage.object.contains(second.file_name().unwrap().to_str().unwrap()));
    let found = found.expect("the layer with the recipe is named");
    assert!(found.what[0].contains("which no layer gives"), "{found:?}");
    assert_eq!(found.paths, ["env:lib/big.jsonl"]);
}

#[test]
fn a_flipped_bit_in_the_table_of_contents() {
    let sandbox = sandbox();
    let [_, second] = layers(&sandbox);
    let bytes = std::fs::read(&second).unwrap();
    let toc = u64::from_le_bytes(bytes[bytes.len() - 64..][..8].try_into().unwrap());
    flip(&second, toc + 20);
    let report = run(&sandbox, false);
    let damage = only(&report);
    assert_eq!(names(damage), ["main", "v2"]);
    repaired(&sandbox);
}

#[test]
fn a_flipped_bit_in_tar_split_or_in_a_header() {
    for part in ["tar-split", "header"] {
        let sandbox = sandbox();
        let [first, _] = layers(&sandbox);
        let bytes = std::fs::read(&first).unwrap();
        let split = u64::from_le_bytes(bytes[bytes.len() - 32..][..8].try_into().unwrap());
        flip(&first, if part == "header" { 40 } else { split + 30 });
        let report = run(&sandbox, false);
        let damage = only(&report);
        assert_eq!((damage.lost, names(damage).len()), (0, 0), "{part}: no content is hurt");
        let named = if part == "header" { "tar headers" } else { "" };
        assert!(
            damage.what.iter().any(|what| what.contains(named)) && damage.what.len() > 1,
            "{damage:?}"
        );
        repaired(&sandbox);
    }
}

#[test]
fn a_footer_that_is_cut_off_and_a_file_that_is_cut_short() {
    for keep in ["footer", "half", "nothing"] {
        let sandbox = sandbox();
        let [_, second] = layers(&sandbox);
        let len = second.metadata().unwrap().len();
        cut(
            &second,
            match keep {
                "footer" => len - 60,
                "half" => len / 2,
                _ => 0,
            },
        );
        let report = run(&sandbox, false);
        let damage = only(&report);
        assert_eq!(names(damage), ["main", "v2"], "{keep}");
        assert!(damage.what.iter().any(|what| what.contains("cut short")), "{damage:?}");
        repaired(&sandbox);
    }
}

#[test]
fn a_layer_that_is_missing() {
    let sandbox = sandbox();
    let [_, second] = layers(&sandbox);
    std::fs::remove_file(&second).unwrap();
    let report = run(&sandbox, false);
    let damage = only(&report);
    assert_eq!(damage.kind, DamageKind::MissingLayer);
    assert_eq!(names(damage), ["main", "v2"]);
    assert!(damage.object.contains(second.file_name().unwrap().to_str().unwrap()));
    repaired(&sandbox);
}

#[test]
fn a_layer_under_a_wrong_name() {
    let sandbox = sandbox();
    let [_, second] = layers(&sandbox);
    let wrong = second.with_file_name(format!("{}.tar.zst", "7".repeat(64)));
    std::fs::rename(&second, &wrong).unwrap();
    let report = run(&sandbox, false);
    let damage = only(&report);
    assert!(damage.what[0].contains("not that of its name"), "{damage:?}");
    let report = repaired(&sandbox);
    assert!(report.repairs[0].contains("its right name"), "{report:?}");
    assert!(second.exists() && !wrong.exists());
    // And one whose name is no digest at all.
    let odd = second.with_file_name("layer (copy).tar.zst");
    std::fs::rename(&second, &odd).unwrap();
    let report = run(&sandbox, false);
    assert!(
        report.damages.iter().any(|damage| damage.object.contains("(copy)")),
        "{report:?}"
    );
    repaired(&sandbox);
}

#[test]
fn damaged_caches_are_made_anew() {
    let sandbox = sandbox();
    let [first, _] = layers(&sandbox);
    let name = first.file_name().unwrap().to_str().unwrap().replace(".tar.zst", "");
    let index = sandbox.repo_dir().join("cache/index").join(name);
    let before = std::fs::read(&index).unwrap();
    flip(&index, 50);
    flip(&sandbox.repo_dir().join("cache/state/env"), 50);
    let report = run(&sandbox, false);
    assert_eq!(report.damages, []);
    assert_eq!(report.notes.len(), 2, "{:?}", report.notes);
    assert_eq!(std::fs::read(&index).unwrap(), before);
    assert_eq!(run(&sandbox, false).notes, [] as [&str; 0]);
}

/// The file of a loose object.
fn object(sandbox: &Sandbox, id: &str) -> PathBuf {
    let id = git(sandbox, &["rev-parse", id]);
    sandbox.history().join("objects").join(&id[..2]).join(&id[2..])
}

fn git(sandbox: &Sandbox, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .env("GIT_DIR", sandbox.history())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn damaged_and_missing_git_objects() {
    for (what, is_missing) in [
        ("v2:env/files/pip/pkg", false),
        ("v2:env/files/pip/pkg", true),
        ("v2:env/packages.jsonl", true),
        ("v2:env/files", true),
        ("v2:vars.json", false),
    ] {
        let sandbox = sandbox();
        let path = object(&sandbox, what);
        if is_missing {
            std::fs::remove_file(&path).unwrap();
        } else {
            flip(&path, 12);
        }
        let report = run(&sandbox, false);
        let damage = only(&report);
        assert_eq!(damage.kind, DamageKind::Object, "{what}");
        assert!(names(damage).contains(&"v2"), "{what}: {damage:?}");
        let report = repaired(&sandbox);
        assert!(report.repairs[0].contains("from the live state"), "{report:?}");
        git(&sandbox, &["fsck", "--strict", "--full"]);
    }
}

#[test]
fn git_objects_that_nobody_can_tell_are_named() {
    for (what, leads) in [("v1:snapshot.json", "\"v1\""), ("v1", "refs/tags/v1")] {
        let sandbox = sandbox();
        flip(&object(&sandbox, what), 12);
        for report in [run(&sandbox, false), run(&sandbox, true)] {
            let damage = report.damages.iter().find(|damage| damage.kind == DamageKind::Object);
            let damage = damage.unwrap_or_else(|| panic!("{what}: {report:?}"));
            assert!(damage.remedy.contains("backup"));
            // The commit itself: then its tag leads nowhere.
            let told = format!("{:?}", report.damages);
            assert!(told.contains(leads), "{what}: {told}");
        }
    }
}

#[test]
fn refs_and_logs_that_lead_nowhere() {
    let sandbox = sandbox();
    let blob = git(&sandbox, &["rev-parse", "v1:vars.json"]);
    std::fs::write(
        sandbox.history().join("refs/tags/gone"),
        format!("{}\n", "3".repeat(40)),
    )
    .unwrap();
    std::fs::write(sandbox.history().join("refs/tags/blob"), format!("{blob}\n")).unwrap();
    std::fs::write(sandbox.history().join("refs/tags/noise"), "noise\n").unwrap();
    let log = sandbox.history().join("logs/refs/heads/main");
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, format!("nonsense\n{text}")).unwrap();
    let report = run(&sandbox, false);
    let refs: Vec<_> = report
        .damages
        .iter()
        .filter(|damage| damage.kind == DamageKind::Ref)
        .collect();
    assert_eq!(refs.len(), 3, "{:#?}", report.damages);
    assert!(refs.iter().any(|damage| damage.object == "refs/tags/gone"));
    assert!(refs.iter().any(|damage| damage.object == "refs/tags/noise"));
    assert!(
        refs.iter()
            .any(|damage| damage.object == "refs/tags/blob" && damage.what[0].contains("no commit"))
    );
    let logs: Vec<_> = report
        .damages
        .iter()
        .filter(|damage| damage.kind == DamageKind::Reflog)
        .collect();
    assert_eq!(logs.len(), 1);
    assert_eq!(report.damages.len(), 4);
    for name in ["gone", "blob", "noise"] {
        std::fs::remove_file(sandbox.history().join("refs/tags").join(name)).unwrap();
    }
    std::fs::write(&log, &text).unwrap();
    std::fs::write(sandbox.history().join("HEAD"), "ref: refs/heads/nowhere\n").unwrap();
    let report = run(&sandbox, false);
    assert_eq!(only(&report).object, "HEAD");
}

#[test]
fn an_inventory_that_lies_about_a_digest() {
    let sandbox = sandbox();
    let list = git(&sandbox, &["cat-file", "blob", "v2:env/files/loose/bin"]);
    let honest = Digest::of(b"#!/bin/sh\n").to_string();
    assert!(list.contains(&honest));
    let lie = list.replace(&honest, &Digest::of(b"never stored").to_string()) + "\n";
    // A commit that git finds nothing wrong with.
    let script = format!(
        "export GIT_INDEX_FILE={index}; git read-tree v2 && blob=$(git hash-object -w --stdin) && \
         git update-index --cacheinfo 100644,$blob,env/files/loose/bin && \
         git tag liar $(git -c user.name=a -c user.email=a@b commit-tree -p v2 -m lie $(git write-tree))",
        index = sandbox.dir.path().join("index").display()
    );
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .env("GIT_DIR", sandbox.history())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), lie.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let report = run(&sandbox, false);
    let damage = only(&report);
    assert_eq!(damage.kind, DamageKind::Content);
    assert_eq!(names(damage), ["liar"]);
    assert_eq!(damage.paths, ["env:bin/tool"]);
}

#[test]
fn an_inventory_that_makes_no_sense() {
    let sandbox = sandbox();
    let script = format!(
        "export GIT_INDEX_FILE={index}; git read-tree v2 && blob=$(echo nonsense | git hash-object -w --stdin) && \
         git update-index --cacheinfo 100644,$blob,env/files/loose/bin && \
         git tag odd $(git -c user.name=a -c user.email=a@b commit-tree -p v2 -m odd $(git write-tree))",
        index = sandbox.dir.path().join("index").display()
    );
    let made = Command::new("sh")
        .args(["-c", &script])
        .env("GIT_DIR", sandbox.history())
        .status();
    assert!(made.unwrap().success());
    let report = run(&sandbox, false);
    let damage = only(&report);
    assert_eq!((damage.kind, names(damage)), (DamageKind::Inventory, vec!["odd"]));
}

#[test]
fn live_files_that_are_altered_are_told_by_package() {
    let sandbox = sandbox();
    let live = || verify_live(&mut sandbox.session(), "HEAD", &[]).unwrap();
    assert!(live().is_equal());
    // Altered so that the stat cache has no way to tell: same length and times.
    let path = sandbox.env().join(format!("{SITE}/pkg/__init__.py"));
    let before = std::fs::metadata(&path).unwrap();
    std::fs::write(&path, "evil= 2\n").unwrap();
    let times = std::fs::FileTimes::new().set_modified(before.modified().unwrap());
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_times(times)
        .unwrap();
    std::fs::remove_file(sandbox.env().join("bin/tool")).unwrap();
    sandbox.write("bin/extra", "x");
    let report = live();
    let told: Vec<String> = report.roots[0]
        .units
        .iter()
        .flat_map(|(unit, changes)| {
            changes
                .iter()
                .map(move |c| format!("{unit} {:?} {}", c.kind(), c.path()))
        })
        .collect();
    assert_eq!(
        told,
        [
            "loose/bin Added bin/extra".to_owned(),
            "loose/bin Removed bin/tool".to_owned(),
            format!("pip/pkg Modified {SITE}/pkg/__init__.py"),
        ]
    );
}

#[test]
fn live_files_are_read_whatever_the_cache_says() {
    let sandbox = sandbox();
    sandbox.status();
    sandbox.write("bin/tool", "#!/bin/zz\n");
    // A cache that takes the altered file for the recorded one.
    let cache = sandbox.repo_dir().join("cache/state/env");
    let mut state: RootState = envgit::fsx::cache::read(&cache).unwrap();
    let at = state
        .entries
        .iter()
        .position(|entry| entry.path.as_bytes() == b"bin/tool")
        .unwrap();
    state.marks[at].stamp = Stamp::of_path(&sandbox.env().join("bin/tool")).unwrap();
    state.marks[at].racy = false;
    state.save(&cache).unwrap();
    assert!(sandbox.status().changes.is_empty(), "the cache is believed");
    let report = verify_live(&mut sandbox.session(), "HEAD", &[]).unwrap();
    let (unit, changes) = &report.roots[0].units[0];
    assert_eq!(
        (unit.as_str(), changes[0].path().as_bytes()),
        ("loose/bin", &b"bin/tool"[..])
    );
}

#[test]
fn pins_give_back_what_layers_lost() {
    let sandbox = sandbox();
    let [first, _] = layers(&sandbox);
    flip(&first, frame_of(&first, "only_v1.py") + 12);
    let report = repaired(&sandbox);
    assert!(
        report.repairs.iter().any(|done| done.contains("from the pins")),
        "{report:?}"
    );
}

#[test]
fn what_nobody_needs_stands_in_nobodys_way() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("env/notes", "two");
    shell.ok(&["commit", "-t", "v2"]);
    shell.ok(&["checkout", "v1"]);
    let own = |name: &str| shell.cwd.join(".envgit").join(name);
    std::fs::create_dir_all(own("history/refs/autosave")).unwrap();
    std::fs::write(own("history/refs/autosave/1"), "").unwrap();
    std::fs::write(own("history/refs/tags/v2"), "").unwrap();
    std::fs::write(own("history/refs/tags/gone"), "3".repeat(40) + "\n").unwrap();
    let add = |name: &str| {
        let mut file = std::fs::File::options().append(true).open(own(name)).unwrap();
        std::io::Write::write_all(&mut file, b"garbage\n").unwrap();
    };
    add("history/logs/HEAD");
    add("operations.jsonl");
    let said = shell.run(&["verify"]);
    assert_eq!(said.code, 4, "{}", said.transcript());
    for word in ["refs/autosave/1", "refs/tags/v2", "HEAD", "line 4: it makes no sense"] {
        assert!(said.out.contains(word), "{word}: {}", said.transcript());
    }
    // The names that make no sense are told, and everything else goes on.
    shell.write("env/notes", "unsaved");
    for args in [
        &["status"][..],
        &["log"],
        &["checkout", "main"],
        &["undo"],
        &["redo"],
        &["commit"],
        &["tag"],
    ] {
        let said = shell.ok(args);
        assert!(
            said.err.contains("refs/tags/v2 is passed over") && said.err.contains("refs/tags/gone is passed over"),
            "{}",
            said.transcript()
        );
    }
    let saved = shell.ok(&["autosaves"]).out;
    assert!(saved.contains("autosave/2"), "{saved}");
    assert_eq!(shell.ok(&["show", "autosave/2"]).code, 0);
    // But nobody can know what they led to.
    let said = shell.run(&["gc"]);
    assert_eq!(said.code, 4, "{}", said.transcript());
}

#[test]
fn an_audit_log_that_was_changed() {
    let sandbox = sandbox();
    sandbox.checkout("v1");
    sandbox.checkout("main");
    let log = sandbox.repo_dir().join("audit.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    assert_eq!(run(&sandbox, false).damages, []);
    std::fs::write(&log, text.replacen("\"added\":", "\"added\":1", 1)).unwrap();
    let report = run(&sandbox, false);
    assert_eq!(only(&report).kind, DamageKind::Audit);
}

/// A remote in a folder, to which all was pushed, with layers that are files of their own.
fn pushed_to(sandbox: &Sandbox, name: &str) -> PathBuf {
    let folder = sandbox.dir.path().join(format!("remote-{name}"));
    let url = folder.to_str().unwrap().to_owned();
    remotes::add(&sandbox.session(), name, &url, sandbox.dir.path()).unwrap();
    let options = PushOptions {
        remote: Some(name.to_owned()),
        ..PushOptions::default()
    };
    push(&mut sandbox.session(), &options).unwrap();
    let mut folders = vec![folder.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                std::fs::remove_file(&path).unwrap();
                std::fs::write(&path, bytes).unwrap();
            }
        }
    }
    folder
}

/// The file of a layer at a remote.
fn at_remote(remote: &Path, layer: &Path) -> PathBuf {
    let name = layer.file_name().unwrap();
    let mut folders = vec![remote.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == name {
                return path;
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    panic!("{name:?} is not at {remote:?}");
}

/// Without pins, what only the first commit had is nowhere else on this machine.
fn without_pins(sandbox: &Sandbox) {
    std::fs::remove_dir_all(sandbox.repo_dir().join("cache/pins")).unwrap();
}

fn fetched(report: &VerifyReport) -> Vec<(String, &str)> {
    let told = report.fetched.iter();
    told.map(|layer| (format!("{}.tar.zst", layer.layer), layer.remote.as_str()))
        .collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_remote_gives_back_a_damaged_layer() {
    let sandbox = sandbox();
    pushed_to(&sandbox, "origin");
    let [first, _] = layers(&sandbox);
    let sound = std::fs::read(&first).unwrap();
    without_pins(&sandbox);
    flip(&first, frame_of(&first, "only_v1.py") + 12);
    let damaged = std::fs::read(&first).unwrap();
    let report = repaired(&sandbox);
    assert_eq!(fetched(&report), [(file_name(&first), "origin")]);
    assert_eq!(report.notes, [] as [&str; 0]);
    assert!(std::fs::read(&first).unwrap() == sound);
    let aside = report.aside.unwrap().join(format!("{}.1", file_name(&first)));
    assert!(
        std::fs::read(aside).unwrap() == damaged,
        "the damaged one is kept as it was"
    );
    // It is all that was needed: nothing was stored a second time.
    assert_eq!(run(&sandbox, false).layers, 2);
}

#[test]
fn a_remote_gives_back_a_missing_layer_and_makes_those_whole_that_need_it() {
    let sandbox = sandbox();
    let remote = pushed_to(&sandbox, "origin");
    let [first, second] = layers(&sandbox);
    let whole = std::fs::read(&second).unwrap();
    without_pins(&sandbox);
    std::fs::remove_file(&first).unwrap();
    let report = repaired(&sandbox);
    assert_eq!(fetched(&report), [(file_name(&first), "origin")]);
    assert!(first.exists() && std::fs::read(&second).unwrap() == whole);
    assert!(report.fetched[0].address.contains(remote.to_str().unwrap()));
    assert_eq!(run(&sandbox, false).layers, 2);
}

/// The file of one layer gets the name of another, which is at the remote only then.
#[test]
fn what_comes_from_a_remote_never_takes_the_place_of_another_layer() {
    // The layer that is lost under its own name is at the remote in any case, the other one only in the second.
    for is_pushed in [false, true] {
        let sandbox = sandbox();
        let remote = pushed_to(&sandbox, "origin");
        let [first, second] = layers(&sandbox);
        if !is_pushed {
            std::fs::remove_file(at_remote(&remote, &second)).unwrap();
        }
        without_pins(&sandbox);
        sandbox.checkout("v1");
        let (one, two) = (std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
        std::fs::rename(&second, &first).unwrap();
        // What the remote has to give is not among the live files.
        std::fs::remove_file(sandbox.env().join("lib/big.so")).unwrap();
        let told = run(&sandbox, false).damages;
        let missing = told.iter().find(|damage| damage.kind == DamageKind::MissingLayer);
        let missing = missing.unwrap_or_else(|| panic!("{told:#?}"));
        assert!(missing.object.contains(&file_name(&first)), "{told:#?}");
        assert!(
            missing.what[0].contains("the file of that name is layer"),
            "{missing:#?}"
        );
        assert!(missing.lost > 0);
        let report = run(&sandbox, true);
        assert_eq!(report.damages, [], "{report:#?}");
        assert_eq!(report.notes, [] as [&str; 0]);
        assert_eq!(fetched(&report), [(file_name(&first), "origin")]);
        assert!(std::fs::read(&first).unwrap() == one && std::fs::read(&second).unwrap() == two);
        for rev in ["v2", "v1"] {
            sandbox.checkout(rev);
        }
    }
}

#[test]
fn layers_that_have_each_others_names_get_their_own() {
    let sandbox = sandbox();
    let [first, second] = layers(&sandbox);
    let (one, two) = (std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let between = first.with_file_name("between");
    for (from, to) in [(&first, &between), (&second, &first), (&between, &second)] {
        std::fs::rename(from, to).unwrap();
    }
    let report = repaired(&sandbox);
    assert_eq!(report.repairs.len(), 2, "{report:#?}");
    assert!(std::fs::read(&first).unwrap() == one && std::fs::read(&second).unwrap() == two);
    assert_eq!(report.aside, None);
}

#[test]
fn a_damaged_layer_is_kept_when_a_whole_one_takes_its_name() {
    let sandbox = sandbox();
    let [first, second] = layers(&sandbox);
    let wrong = second.with_file_name(format!("{}.tar.zst", "7".repeat(64)));
    std::fs::copy(&second, &wrong).unwrap();
    flip(&second, frame_of(&second, "pkg/__init__.py") + 12);
    let damaged = std::fs::read(&second).unwrap();
    // And the one that has parts of it is away, so that it is whole and not sound.
    std::fs::remove_file(&first).unwrap();
    let report = run(&sandbox, true);
    let aside = report.aside.clone().unwrap().join(format!("{}.1", file_name(&second)));
    assert!(std::fs::read(aside).unwrap() == damaged, "{report:#?}");
    let kept = std::fs::read_dir(report.aside.unwrap()).unwrap();
    let lengths: Vec<u64> = kept.map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
    assert_eq!(
        lengths.len(),
        2,
        "the whole one was taken apart, and is kept too: {lengths:?}"
    );
}

#[test]
fn no_remote_is_asked_for_what_is_here() {
    let sandbox = sandbox();
    pushed_to(&sandbox, "origin");
    let [first, _] = layers(&sandbox);
    flip(&first, frame_of(&first, "lib/big.so") + 1000);
    let report = repaired(&sandbox);
    assert_eq!(fetched(&report), []);
    assert!(report.repairs.iter().any(|done| done.contains("from the live files")));
}

#[test]
fn a_layer_that_is_damaged_at_one_remote_comes_from_the_next() {
    for harm in ["frame", "end"] {
        let sandbox = sandbox();
        // In the order of the configuration, not of the alphabet.
        let worse = pushed_to(&sandbox, "worse");
        let better = pushed_to(&sandbox, "better");
        let [first, _] = layers(&sandbox);
        without_pins(&sandbox);
        let there = at_remote(&worse, &first);
        match harm {
            "frame" => flip(&there, frame_of(&there, "only_v1.py") + 12),
            _ => cut(&there, there.metadata().unwrap().len() - 30),
        }
        flip(&first, frame_of(&first, "only_v1.py") + 12);
        let damaged = std::fs::read(&first).unwrap();
        // Both damaged: what is here is repaired as far as it can be, and said.
        let moved = better.with_file_name("moved");
        std::fs::rename(&better, &moved).unwrap();
        let report = run(&sandbox, true);
        assert_eq!(only(&report).lost, 1, "{harm}");
        assert_eq!(fetched(&report), []);
        assert!(report.repairs.iter().any(|done| done.contains("stored")), "{report:#?}");
        let told = report.notes.join("\n");
        assert!(told.contains("not from the remote worse: "), "{told}");
        assert!(told.contains("the remote better was of no help"), "{told}");
        assert!(
            told.contains("once it answers, run `envgit verify --repair` again"),
            "{told}"
        );
        let aside = report.aside.unwrap().join(format!("{}.1", file_name(&first)));
        assert!(std::fs::read(aside).unwrap() == damaged, "{harm}: nothing is lost");
        sandbox.checkout("v2");
        std::fs::rename(&moved, &better).unwrap();
        let report = repaired(&sandbox);
        assert_eq!(fetched(&report), [(file_name(&first), "better")], "{harm}");
        assert!(
            report.notes[0].contains("not from the remote worse: "),
            "{:?}",
            report.notes
        );
    }
}

#[test]
fn a_remote_that_cannot_be_reached_hides_nothing() {
    let sandbox = sandbox();
    let url = "http://127.0.0.1:1/envgit";
    remotes::add(&sandbox.session(), "away", url, sandbox.dir.path()).unwrap();
    let [first, second] = layers(&sandbox);
    without_pins(&sandbox);
    flip(&first, frame_of(&first, "only_v1.py") + 12);
    std::fs::remove_file(&second).unwrap();
    let report = run(&sandbox, true);
    assert_eq!(only(&report).lost, 1);
    assert!(
        report.repairs.iter().any(|done| done.contains("from the live files")),
        "{:?}",
        report.repairs
    );
    let told = report.notes.join("\n");
    assert!(
        told.contains("the remote away was of no help: ") && told.contains("once it answers"),
        "{told}"
    );
    sandbox.checkout("v2");
}

#[test]
fn both_views_say_what_came_from_where() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-m", "works"]);
    shell.ok(&["remote", "add", "origin", shell.path("hub").to_str().unwrap()]);
    shell.ok(&["push"]);
    let layers = shell.cwd.join(".envgit/layers");
    for is_json in [false, true] {
        std::fs::remove_dir_all(shell.cwd.join(".envgit/cache/pins")).unwrap_or_default();
        std::fs::remove_dir_all(shell.path("env/lib/python3.11/site-packages")).unwrap_or_default();
        let layer = std::fs::read_dir(&layers).unwrap().next().unwrap().unwrap().path();
        std::fs::remove_file(&layer).unwrap();
        let name = file_name(&layer).replace(".tar.zst", "");
        if is_json {
            let json = shell.ok(&["verify", "--repair", "--json"]).json();
            let fetched = &json["fetched"][0];
            assert_eq!(
                (fetched["layer"].as_str(), fetched["remote"].as_str()),
                (Some(&*name), Some("origin"))
            );
            assert_eq!(fetched["size"].as_u64(), Some(layer.metadata().unwrap().len()));
            assert!(fetched["address"].as_str().unwrap().ends_with("hub"));
        } else {
            let said = shell.ok(&["verify", "--repair"]);
            let told = format!("brought layer {}", &name[..8]);
            assert!(
                said.out.contains(&told) && said.out.contains("from origin ("),
                "{}",
                said.transcript()
            );
        }
    }
}
