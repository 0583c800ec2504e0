//! What pins may do, and what they must not.

mod common;

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::Duration;

use common::cli::Shell;
use common::image::{Image, Overlay};
use common::{Sandbox, differing, picture};
use envgit::ops::Error;
use envgit::ops::checkout::{CheckoutOptions, checkout};
use envgit::ops::pins::{Evict, pins};
use envgit::ops::report::CheckoutReport;
use envgit::ops::undo::{UndoOptions, undo};

fn settle() {
    // Old enough to be told from later writes.
    std::thread::sleep(Duration::from_millis(40));
}

/// Two states of a folder with some files, at the second.
fn two(sandbox: &Sandbox) {
    for version in ["one", "two"] {
        for n in 0..6 {
            sandbox.write(&format!("lib/d{}/f{n}", n % 2), format!("{version} {n}").repeat(20));
        }
        settle();
        sandbox.commit_tagged(version);
    }
}

#[test]
fn going_back_copies_nothing() {
    let sandbox = Sandbox::venv();
    let ino = |path: &str| sandbox.env().join(path).metadata().unwrap().ino();
    sandbox.write("lib/d/f", "one");
    sandbox.write("lib/d/g", "one");
    settle();
    sandbox.commit_tagged("one");
    let before = ["lib/d/f", "lib/d/g"].map(ino);
    let tree = picture(&sandbox.env());
    sandbox.write("lib/d/f", "two");
    sandbox.write("lib/d/g", "two");
    settle();
    sandbox.commit_tagged("two");
    for _ in 0..3 {
        sandbox.checkout("one");
        assert_eq!(["lib/d/f", "lib/d/g"].map(ino), before);
        assert_eq!(differing(&picture(&sandbox.env()), &tree), Vec::<String>::new());
        sandbox.checkout("two");
        assert_ne!(["lib/d/f", "lib/d/g"].map(ino), before);
        assert_eq!(sandbox.read("lib/d/f"), "two");
    }
}

#[test]
fn who_stands_in_a_folder_stays_there() {
    let sandbox = Sandbox::venv();
    two(&sandbox);
    let folder = sandbox.env().join("lib/d0").canonicalize().unwrap();
    let inode = folder.metadata().unwrap().ino();
    let mut shell = Command::new("sleep").arg("1000").current_dir(&folder).spawn().unwrap();
    for rev in ["one", "two", "one"] {
        sandbox.checkout(rev);
    }
    let stands = std::fs::read_link(format!("/proc/{}/cwd", shell.id()));
    let _ = shell.kill();
    let _ = shell.wait();
    assert_eq!(stands.unwrap(), folder);
    assert_eq!(folder.metadata().unwrap().ino(), inode);
    // The one beside it goes whole as before.
    let beside = sandbox.env().join("lib/d1").metadata().unwrap().ino();
    sandbox.checkout("two");
    assert_ne!(sandbox.env().join("lib/d1").metadata().unwrap().ino(), beside);
}

/// A folder that goes whole is listed again only where its stamp moved, which a new name does.
#[test]
fn what_is_made_in_a_folder_before_it_goes_stops_the_checkout() {
    let sandbox = Sandbox::venv();
    two(&sandbox);
    settle();
    let tree = picture(&sandbox.env());
    let meddling: [(&str, &dyn Fn()); 2] = [
        ("env:lib/d0/mine", &|| sandbox.write("lib/d0/mine", "mine")),
        ("env:lib/d1/f1", &|| sandbox.write("lib/d1/f1", "mine")),
    ];
    for (named, meddle) in meddling {
        let options = CheckoutOptions {
            rev: "one".to_owned(),
            ..CheckoutOptions::default()
        };
        let mut confirm = |_: &CheckoutReport| {
            meddle();
            true
        };
        let error = checkout(&mut sandbox.session(), &options, &mut confirm).unwrap_err();
        let expected = format!("files changed while the checkout was prepared: {named}");
        assert_eq!(error.to_string(), expected);
        assert_eq!(differing(&picture(&sandbox.env()), &tree).len(), 1, "{named}");
        let options = CheckoutOptions {
            rev: "two".to_owned(),
            discard: true,
            ..CheckoutOptions::default()
        };
        sandbox.try_checkout(&options).unwrap();
        let _ = std::fs::remove_file(sandbox.env().join("lib/d0/mine"));
        settle();
    }
    assert_eq!(differing(&picture(&sandbox.env()), &tree), Vec::<String>::new());
}

/// A pinned folder that comes whole is not touched again: it must have all that is recorded of it.
#[test]
fn a_pinned_folder_that_got_an_attribute_or_a_mode_does_not_come_whole() {
    let sandbox = Sandbox::venv();
    two(&sandbox);
    let pinned = || {
        let pins = sandbox.repo_dir().join("cache/pins/env");
        let trees = std::fs::read_dir(pins).unwrap().map(|entry| entry.unwrap().path());
        let mut found = trees.map(|tree| tree.join("lib/d0")).filter(|dir| dir.is_dir());
        (found.next().unwrap(), found.next())
    };
    sandbox.checkout("one");
    let tree = picture(&sandbox.env());
    let inode = ino(&sandbox, "lib/d0");
    for meddle in [true, false] {
        sandbox.checkout("two");
        settle();
        let flags = rustix::fs::XattrFlags::empty();
        let give = |dir: &std::path::Path| match meddle {
            true => rustix::fs::setxattr(dir, "user.mine", b"yes", flags).unwrap(),
            false => std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap(),
        };
        let (one, other) = pinned();
        [Some(one), other].iter().flatten().for_each(|dir| give(dir));
        sandbox.checkout("one");
        assert_eq!(differing(&picture(&sandbox.env()), &tree), Vec::<String>::new());
        let mut value = [0u8; 8];
        let attribute = rustix::fs::getxattr(sandbox.env().join("lib/d0"), "user.mine", &mut value[..]);
        assert_eq!(attribute, Err(rustix::io::Errno::NODATA));
        assert_ne!(ino(&sandbox, "lib/d0"), inode);
    }
}

/// What of a folder was put by is not taken for the whole folder: else the pin that is made of it lacks the rest, and
/// every later way there writes that from the layers.
#[test]
fn a_folder_that_left_in_parts_is_pinned_whole_when_it_is_back() {
    let sandbox = Sandbox::venv();
    for version in ["one", "two"] {
        for path in ["lib/d/a/f", "lib/d/a/g", "lib/d/b/f", "lib/d/b/g"] {
            sandbox.write(path, format!("{version} {path}"));
        }
        settle();
        sandbox.commit_tagged(version);
    }
    let folder = sandbox.env().join("lib/d/a");
    let mut shell = Command::new("sleep").arg("1000").current_dir(&folder).spawn().unwrap();
    sandbox.checkout("one");
    let _ = shell.kill();
    let _ = shell.wait();
    settle();
    sandbox.checkout("two");
    let inodes = ["lib/d/a/f", "lib/d/a/g", "lib/d/b/f", "lib/d/b/g"].map(|path| ino(&sandbox, path));
    settle();
    sandbox.checkout("one");
    settle();
    sandbox.checkout("two");
    let again = ["lib/d/a/f", "lib/d/a/g", "lib/d/b/f", "lib/d/b/g"].map(|path| ino(&sandbox, path));
    assert_eq!(again, inodes, "nothing was written anew");
}

/// A folder of several packages, as `nvidia` in a torch environment, leaves the live tree whole; what is of one package
/// goes back into that one's pin.
#[test]
fn a_folder_of_several_packages_is_put_by_in_parts() {
    let sandbox = Sandbox::venv();
    let site = "lib/python3.11/site-packages";
    let mut files = Vec::new();
    for part in ["cublas", "cudnn"] {
        let info = format!("nvidia_{part}-12.0.dist-info");
        let of_package = [
            format!("nvidia/{part}/lib/{part}.so"),
            format!("nvidia/{part}/__init__.py"),
        ];
        let mut record = String::new();
        for file in &of_package {
            sandbox.write(&format!("{site}/{file}"), format!("{file} ").repeat(500));
            record += &format!("{file},,\n");
        }
        let metadata = format!("Metadata-Version: 2.1\nName: nvidia-{part}\nVersion: 12.0\n");
        sandbox.write(&format!("{site}/{info}/METADATA"), metadata);
        record += &format!("{info}/METADATA,,\n{info}/RECORD,,\n");
        sandbox.write(&format!("{site}/{info}/RECORD"), record);
        files.extend(of_package.map(|file| format!("{site}/{file}")));
    }
    settle();
    sandbox.commit_tagged("with");
    let inodes = || Vec::from_iter(files.iter().map(|file| ino(&sandbox, file)));
    let before = inodes();
    let site = sandbox.env().join(site);
    for name in ["nvidia", "nvidia_cublas-12.0.dist-info", "nvidia_cudnn-12.0.dist-info"] {
        std::fs::remove_dir_all(site.join(name)).unwrap();
    }
    settle();
    sandbox.commit_tagged("without");
    // A pin goes live and what left takes its place, in turn.
    let mut folders = std::collections::BTreeSet::new();
    for _ in 0..6 {
        sandbox.checkout("with");
        assert_eq!(inodes(), before, "nothing was written anew");
        let part = |part: &str| site.join("nvidia").join(part).metadata().unwrap().ino();
        folders.insert(["cublas", "cudnn"].map(part));
        settle();
        sandbox.checkout("without");
        assert!(!site.join("nvidia").exists());
        settle();
    }
    assert!(folders.len() <= 2, "made anew: {folders:?}");
}

fn ino(sandbox: &Sandbox, path: &str) -> u64 {
    sandbox.env().join(path).metadata().unwrap().ino()
}

/// A live file and its pin are one inode, and so are their attributes.
#[test]
fn a_pin_that_got_an_attribute_is_not_used() {
    let sandbox = Sandbox::venv();
    let mine = |path: &str| {
        let mut value = [0u8; 16];
        let path = sandbox.env().join(path);
        let len = rustix::fs::getxattr(path, "user.mine", &mut value[..]);
        len.ok().map(|len| value[..len].to_vec())
    };
    let give = |path: &str| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(sandbox.env().join(path), "user.mine", b"yes", flags).unwrap();
    };
    sandbox.write("lib/f", "same");
    sandbox.write("lib/g", "same");
    give("lib/g");
    settle();
    sandbox.commit_tagged("one");
    give("lib/f");
    rustix::fs::removexattr(sandbox.env().join("lib/g"), "user.mine").unwrap();
    settle();
    sandbox.commit_tagged("two");
    for _ in 0..2 {
        sandbox.checkout("one");
        assert_eq!((mine("lib/f"), mine("lib/g")), (None, Some(b"yes".to_vec())));
        assert!(sandbox.status().changes.is_empty());
        sandbox.checkout("two");
        assert_eq!((mine("lib/f"), mine("lib/g")), (Some(b"yes".to_vec()), None));
        assert!(sandbox.status().changes.is_empty());
    }
    give("lib/g");
    sandbox.checkout("HEAD");
    assert_eq!(mine("lib/g"), None);
}

#[test]
fn a_folder_that_became_a_link_is_pinned_as_one_and_back() {
    let sandbox = Sandbox::venv();
    for n in 0..6 {
        sandbox.write(&format!("lib/stays{n}"), format!("stays {n}"));
    }
    let d = sandbox.env().join("lib/d");
    let folder = |text: &str| {
        let _ = std::fs::remove_file(&d);
        sandbox.write("lib/d/f", text);
        sandbox.write("lib/z", text);
        settle();
        sandbox.commit_tagged(text);
    };
    folder("folder");
    std::fs::remove_dir_all(&d).unwrap();
    std::os::unix::fs::symlink("stays0", &d).unwrap();
    sandbox.write("lib/z", "link");
    settle();
    sandbox.commit_tagged("link");
    folder("again");
    let round = || {
        ["folder", "link", "again", "link"].map(|rev| {
            settle();
            sandbox.checkout(rev).verified.by_content
        })
    };
    round();
    round();
    assert_eq!(round(), [0; 4], "nothing is written anew");
}

/// The folder above one that comes whole may be of a unit that does not differ.
#[test]
fn the_folder_that_holds_one_that_comes_whole_keeps_its_time() {
    let sandbox = Sandbox::venv();
    let site = "lib/python3.11/site-packages";
    let files = ["a", "b", "c", "d", "e"].map(|name| format!("ns/pkg/{name}.py"));
    let record = files.iter().map(|file| format!("{file},,\n")).collect::<String>() + "pkg-1.dist-info/RECORD,,\n";
    sandbox.write(
        &format!("{site}/pkg-1.dist-info/METADATA"),
        "Metadata-Version: 2.1\nName: pkg\nVersion: 1\n",
    );
    sandbox.write(&format!("{site}/pkg-1.dist-info/RECORD"), record);
    sandbox.write(&format!("{site}/ns/loose.py"), "");
    let above = sandbox.env().join(site).join("ns");
    for version in ["one", "two"] {
        for file in &files {
            sandbox.write(&format!("{site}/{file}"), version);
        }
        let old = std::time::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        std::fs::File::open(&above).unwrap().set_modified(old).unwrap();
        settle();
        sandbox.commit_tagged(version);
    }
    let pkg = format!("{site}/ns/pkg");
    let before = ino(&sandbox, &pkg);
    sandbox.checkout("one");
    assert_ne!(ino(&sandbox, &pkg), before, "it came whole");
    assert_eq!(above.metadata().unwrap().mtime(), 1_600_000_000);
}

#[test]
fn a_folder_does_not_go_from_under_somebody() {
    let sandbox = Sandbox::venv();
    sandbox.write("lib/a", "one");
    sandbox.commit_tagged("one");
    sandbox.write("lib/new/deep/f", "two");
    sandbox.write("lib/new/g", "two");
    sandbox.commit_tagged("two");
    let folder = sandbox.env().join("lib/new/deep");
    let mut shell = Command::new("sleep").arg("1000").current_dir(&folder).spawn().unwrap();
    let refused = sandbox.try_checkout(&CheckoutOptions {
        rev: "one".to_owned(),
        ..CheckoutOptions::default()
    });
    let _ = shell.kill();
    let _ = shell.wait();
    let Err(Error::InUse { processes }) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        processes.len() == 1 && processes[0].contains("sleep 1000"),
        "{processes:?}"
    );
    assert!(folder.join("f").exists());
    sandbox.checkout("one");
    assert!(!folder.exists());
}

#[test]
fn a_pin_whose_inode_was_written_to_is_not_used() {
    for goes in [false, true] {
        let sandbox = Sandbox::venv();
        two(&sandbox);
        sandbox.checkout("one");
        let path = sandbox.env().join("lib/d0/f0");
        let meta = path.metadata().unwrap();
        let right = std::fs::read(&path).unwrap();
        // In place, of the same length, with the time put back.
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"XXX", 0).unwrap();
        file.set_modified(meta.modified().unwrap()).unwrap();
        drop(file);
        if goes {
            std::fs::remove_file(&path).unwrap();
        }
        settle();
        sandbox.checkout("two");
        sandbox.checkout("one");
        assert_eq!(std::fs::read(&path).unwrap(), right);
    }
}

#[test]
fn equal_files_stay_two() {
    let sandbox = Sandbox::venv();
    sandbox.write("a", "same");
    settle();
    sandbox.commit_tagged("one");
    // The inode that is pinned as `a` is live as `b`.
    std::fs::rename(sandbox.env().join("a"), sandbox.env().join("b")).unwrap();
    std::fs::copy(sandbox.env().join("b"), sandbox.env().join("a")).unwrap();
    let time = sandbox.env().join("b").metadata().unwrap().modified().unwrap();
    let copy = std::fs::File::options()
        .write(true)
        .open(sandbox.env().join("a"))
        .unwrap();
    copy.set_modified(time).unwrap();
    settle();
    sandbox.commit_tagged("both");
    std::fs::remove_file(sandbox.env().join("a")).unwrap();
    sandbox.commit_tagged("b");
    sandbox.checkout("both");
    let ino = |name: &str| sandbox.env().join(name).metadata().unwrap().ino();
    assert_ne!(ino("a"), ino("b"));
}

#[test]
fn pins_may_go_at_any_time() {
    let sandbox = Sandbox::venv();
    two(&sandbox);
    let tree = picture(&sandbox.env());
    sandbox.checkout("one");
    std::fs::remove_dir_all(sandbox.repo_dir().join("cache")).unwrap();
    sandbox.checkout("two");
    assert_eq!(differing(&picture(&sandbox.env()), &tree), Vec::<String>::new());
}

/// All folders of a name beneath another.
fn folders(dir: &std::path::Path, name: &str, out: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().symlink_metadata().unwrap().is_dir() {
            folders(&entry.path(), name, out);
            if entry.file_name() == name {
                out.push(entry.path());
            }
        }
    }
}

#[test]
fn a_folder_that_was_touched_while_it_was_out_of_use_comes_back_as_recorded() {
    let sandbox = Sandbox::venv();
    sandbox.write("lib/d0/same/f", "in both states");
    two(&sandbox);
    let tree = picture(&sandbox.env());
    for _ in 0..2 {
        sandbox.checkout("one");
        let mut pinned = Vec::new();
        folders(&sandbox.repo_dir().join("cache/pins"), "same", &mut pinned);
        assert!(!pinned.is_empty());
        for folder in pinned {
            // As a process does that stands in it.
            std::fs::write(folder.join("x"), "x").unwrap();
            std::fs::remove_file(folder.join("x")).unwrap();
        }
        sandbox.checkout("two");
        assert_eq!(differing(&picture(&sandbox.env()), &tree), Vec::<String>::new());
    }
}

#[test]
fn a_name_that_comes_back_to_a_file_that_stayed_is_one_with_it() {
    let sandbox = Sandbox::venv();
    // Without pins the file that stays has one name.
    let config = sandbox.repo_dir().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("[pins]\n", "[pins]\nmax_size = 0\n")).unwrap();
    sandbox.write("a", "same");
    sandbox.write("d/other", "other");
    std::fs::hard_link(sandbox.env().join("a"), sandbox.env().join("d/b")).unwrap();
    settle();
    sandbox.commit_tagged("linked");
    std::fs::remove_file(sandbox.env().join("d/b")).unwrap();
    sandbox.commit_tagged("single");
    sandbox.checkout("linked");
    let ino = |name: &str| sandbox.env().join(name).metadata().unwrap().ino();
    assert_eq!(ino("a"), ino("d/b"));
}

/// Regular files beneath a folder, by inode.
fn inodes(dir: &std::path::Path, out: &mut std::collections::BTreeSet<u64>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let meta = entry.path().symlink_metadata().unwrap();
        if meta.is_dir() {
            inodes(&entry.path(), out);
        } else if meta.is_file() {
            out.insert(meta.ino());
        }
    }
}

/// Bytes that do not compress.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(len);
    out
}

/// Commit, upgrade, back, undo and redo where the file system shares blocks.
fn goes_back_by_reflink(kind: &'static str) {
    const BIG: usize = 24 << 20;
    let Some(image) = Image::new(kind, 400) else { return };
    let sandbox = Sandbox::venv_on(image.path());
    let mut pictures = Vec::new();
    for (seed, tag) in [(1, "one"), (2, "two")] {
        sandbox.write("lib/big/model.so", noise(seed, BIG));
        sandbox.write("bin/tool", tag);
        for n in 0..9 {
            sandbox.write(&format!("lib/d{}/f{n}", n % 2), format!("{tag} {n}").repeat(20));
        }
        settle();
        sandbox.commit_tagged(tag);
        pictures.push(picture(&sandbox.env()));
    }
    let apart = |told: &str| {
        let (mut live, mut kept) = Default::default();
        inodes(&sandbox.env(), &mut live);
        inodes(&sandbox.repo_dir(), &mut kept);
        assert!(live.is_disjoint(&kept), "{told}: an inode is live and kept");
    };
    apart("committed");
    let report = envgit::ops::pins::pins(&mut sandbox.session(), None).unwrap();
    assert_eq!(report.roots[0].method, Ok("reflink"));
    let used = image.used();
    // Two layers and two versions of the large file, and each of them once.
    assert!(used < 4 * BIG as u64 + (28 << 20), "{kind}: {used} bytes are used");
    // What comes back shares its blocks too.
    for (rev, at) in [("one", 0), ("two", 1), ("one", 0)] {
        let report = sandbox.checkout(rev);
        assert_eq!(report.verified.by_content, 0, "{kind}: taken from pins");
        assert_eq!(differing(&picture(&sandbox.env()), &pictures[at]), Vec::<String>::new());
        apart(rev);
    }
    sandbox.write("notes", "mine");
    settle();
    let mine = picture(&sandbox.env());
    sandbox.checkout("two");
    let step = |redo: bool| {
        let options = UndoOptions {
            redo,
            ..UndoOptions::default()
        };
        undo(&mut sandbox.session(), &options, &mut |_| true).unwrap();
        picture(&sandbox.env())
    };
    assert_eq!(differing(&step(false), &mine), Vec::<String>::new());
    assert_eq!(differing(&step(true), &pictures[1]), Vec::<String>::new());
    assert_eq!(differing(&step(false), &mine), Vec::<String>::new());
    apart("undone");
    let now = image.used();
    assert!(now < used + (12 << 20), "{kind}: {used} bytes before, {now} after");
    // A write to a live file is not one to its pin.
    let file = std::fs::File::options()
        .write(true)
        .open(sandbox.env().join("lib/big/model.so"))
        .unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"XXX", 5000).unwrap();
    drop(file);
    settle();
    sandbox.checkout("two");
    sandbox.checkout("one");
    assert_eq!(differing(&picture(&sandbox.env()), &pictures[0]), Vec::<String>::new());
}

#[test]
fn pins_on_btrfs_share_blocks() {
    goes_back_by_reflink("btrfs");
}

#[test]
fn pins_on_xfs_share_blocks() {
    goes_back_by_reflink("xfs");
}

/// Files of every length about that from which on they are written past the page cache, on file systems where they are.
#[test]
fn large_files_come_back_out_of_the_layers() {
    const LARGE: usize = 1 << 20;
    for kind in ["ext4", "xfs", "btrfs"] {
        let Some(image) = Image::new(kind, 400) else { return };
        let sandbox = Sandbox::venv_on(image.path());
        let lengths = [
            LARGE - 1,
            LARGE,
            LARGE + 1,
            4 * LARGE,
            9 * LARGE + 4095,
            13 * LARGE + 4097,
        ];
        let mut pictures = Vec::new();
        for (seed, tag) in [(3, "one"), (5, "two")] {
            for (at, length) in lengths.into_iter().enumerate() {
                // Cut every 4 MiB, and by content.
                sandbox.write(
                    &format!("lib/{at}.so"),
                    [b"\x7fELF", &noise(seed + at as u64, length - 4)[..]].concat(),
                );
                sandbox.write(&format!("lib/{at}.bin"), noise(seed * 100 + at as u64, length));
            }
            settle();
            sandbox.commit_tagged(tag);
            pictures.push(picture(&sandbox.env()));
        }
        for (rev, at) in [("one", 0), ("two", 1)] {
            pins(&mut sandbox.session(), Some(Evict::All)).unwrap();
            sandbox.checkout(rev);
            assert_eq!(
                differing(&picture(&sandbox.env()), &pictures[at]),
                Vec::<String>::new(),
                "{kind}"
            );
        }
    }
}

#[test]
fn what_pins_and_doctor_say() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    let said = shell.ok(&["doctor"]).out;
    assert!(said.contains("pins of env") && said.contains("by "), "{said}");
    let json = shell.ok(&["doctor", "--json"]).json();
    assert_eq!(json["checks"][0]["subject"], "pins of env");
    assert_eq!(
        (&json["checks"][0]["fine"], &json["checks"][0]["remedy"]),
        (&true.into(), &().into())
    );
    let said = shell.ok(&["pins", "-v"]).out;
    assert!(said.contains("pip/numpy"), "{said}");
    let json = shell.ok(&["pins", "--json"]).json();
    let units: Vec<&str> = json["roots"][0]["pins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pin| pin["unit"].as_str().unwrap())
        .collect();
    assert!(units.contains(&"pip/numpy"), "{units:?}");
    assert_eq!(json["evicted"], serde_json::Value::Null);
    assert!(json["roots"][0]["method"].is_string() && json["roots"][0]["unavailable"].is_null());
    // Those of the live state stay.
    let json = shell.ok(&["pins", "--drop", "--json"]).json();
    assert_eq!(json["evicted"]["pins"], 0, "{json}");
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    shell.ok(&["commit"]);
    let json = shell.ok(&["pins", "--drop", "--json"]).json();
    assert_eq!(json["evicted"]["pins"], 1, "{json}");
}

#[test]
fn there_are_no_pins_across_file_systems_and_doctor_says_what_would_help() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path("env")).unwrap();
    let Some(image) = Image::at("tmpfs", 64, &shell.path("env")) else {
        return;
    };
    shell.write("env/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
    shell.install("env", "numpy", "1.24.4");
    let root = format!("env={}", image.path().display());
    shell.ok(&["init", "--no-project", "--root", &root]);
    shell.ok(&["commit", "-t", "v1"]);
    shell.install("env", "numpy", "1.26.4");
    shell.ok(&["commit"]);
    let said = shell.ok(&["doctor"]).out;
    for words in [
        "pins of env",
        "are on different file systems",
        "keep the project folder, or only .envgit, on the file system of /T/env",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let json = shell.ok(&["doctor", "--json"]).json();
    assert_eq!(json["checks"][0]["fine"], false);
    assert!(
        json["checks"][0]["remedy"]
            .as_str()
            .unwrap()
            .contains("file system of /T/env")
    );
    let said = shell.ok(&["pins"]).out;
    assert!(said.contains("are on different file systems"), "{said}");
    let json = shell.ok(&["pins", "--json"]).json();
    assert_eq!(json["roots"][0]["method"], serde_json::Value::Null);
    assert!(
        json["roots"][0]["unavailable"]
            .as_str()
            .unwrap()
            .contains("different file systems")
    );
    assert_eq!(json["roots"][0]["pins"], serde_json::json!([]));
    // Every file that comes back is written from the layers.
    let json = shell.ok(&["checkout", "v1", "--json"]).json();
    assert_eq!(json["compared"]["by_content"], 1, "{json}");
    let json = shell.ok(&["audit", "--json"]).json();
    assert!(json.to_string().contains("\"by_content\":1"), "{json}");
}

/// The state before is saved and pinned first, and its pins may be made of those that the target needs.
#[test]
fn going_back_from_a_state_that_no_commit_holds_gives_the_recorded_one() {
    type Change = fn(&Sandbox);
    let changes: [Change; 2] = [
        |sandbox| {
            for (path, text) in [("d/x", "x"), ("d/y", "y"), ("d/a", "changed")] {
                sandbox.write(path, text);
            }
            std::fs::remove_file(sandbox.env().join("d/c")).unwrap();
        },
        |sandbox| {
            for (path, text) in [("d/x", "x"), ("d/y", "y"), ("d/z", "z"), ("top", "changed")] {
                sandbox.write(path, text);
            }
        },
    ];
    for change in changes {
        let sandbox = Sandbox::venv();
        for path in ["d/a", "d/b", "d/c", "top"] {
            sandbox.write(path, path);
        }
        settle();
        sandbox.commit_tagged("one");
        let one = picture(&sandbox.env());
        change(&sandbox);
        settle();
        let dirty = picture(&sandbox.env());
        for _ in 0..2 {
            sandbox.checkout("one");
            assert_eq!(differing(&picture(&sandbox.env()), &one), Vec::<String>::new());
            sandbox.checkout("autosave/1");
            assert_eq!(differing(&picture(&sandbox.env()), &dirty), Vec::<String>::new());
        }
    }
}

#[test]
fn a_pin_that_has_another_live_name_is_not_used() {
    for name in ["a", "z"] {
        let sandbox = Sandbox::venv();
        sandbox.write("k", "one");
        settle();
        sandbox.commit_tagged("one");
        let one = picture(&sandbox.env());
        std::fs::hard_link(sandbox.env().join("k"), sandbox.env().join(name)).unwrap();
        let options = CheckoutOptions {
            rev: "one".to_owned(),
            paths: vec![sandbox.env().join("k").display().to_string()],
            ..CheckoutOptions::default()
        };
        sandbox.try_checkout(&options).unwrap();
        assert_eq!(sandbox.read(name), "one");
        sandbox.checkout("one");
        assert_eq!(
            differing(&picture(&sandbox.env()), &one),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

/// Folders that an image brought cannot be renamed, and a second name of a file of it would be a copy.
#[test]
fn in_a_container_an_environment_of_the_image_goes_back_and_forth() {
    let Some(image) = Image::new("ext4", 96) else { return };
    let sandbox = Sandbox::venv_on(image.path());
    for n in 0..6 {
        sandbox.write(&format!("lib/d{}/in/f{n}", n % 2), noise(n, 200_000));
    }
    sandbox.write("lib/gone/deep/x", "x");
    let lib = sandbox.env().join("lib");
    std::os::unix::fs::symlink("d0", lib.join("link")).unwrap();
    let overlay = Overlay::over(sandbox.env().parent().unwrap(), &image);
    settle();
    sandbox.commit_tagged("one");
    let one = picture(&sandbox.env());
    assert!(
        !overlay.upper.join("env/lib").exists(),
        "a commit copies nothing of the image"
    );
    for dir in ["d0", "gone"] {
        std::fs::remove_dir_all(lib.join(dir)).unwrap();
    }
    sandbox.write("lib/d1/in/f1", "two");
    sandbox.write("lib/new/deep/f", "two");
    settle();
    sandbox.commit_tagged("two");
    let two = picture(&sandbox.env());
    for _ in 0..2 {
        sandbox.checkout("one");
        assert_eq!(differing(&picture(&sandbox.env()), &one), Vec::<String>::new());
        sandbox.checkout("two");
        assert_eq!(differing(&picture(&sandbox.env()), &two), Vec::<String>::new());
    }
}
