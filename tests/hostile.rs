//! What somebody hostile may hand over: inventories and layers made by hand. Each is refused with one clear message,
//! nothing is written outside the root, and nothing takes more memory than the machine has.

mod common;

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::cli::Shell;
use common::{Sandbox, picture, session};
use envgit::digest::Digest;
use envgit::ops::checkout::CheckoutOptions;
use envgit::ops::verify::{VerifyOptions, verify};
use envgit::store::frame::skippable;
use envgit::store::toc::Footer;
use serde_json::Value;

/// Runs git on the history; gives what it printed.
fn git(history: &Path, args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("git")
        .args(args)
        .env("GIT_DIR", history)
        .env("GIT_INDEX_FILE", history.join("hostile-index"))
        .envs([("GIT_AUTHOR_NAME", "Eve"), ("GIT_AUTHOR_EMAIL", "eve@example.org")])
        .envs([
            ("GIT_COMMITTER_NAME", "Eve"),
            ("GIT_COMMITTER_EMAIL", "eve@example.org"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Makes the commit `evil`: that of main with another text at a path of its inventory.
fn forge(history: &Path, path: &str, edit: impl FnOnce(String) -> String) {
    let had = Command::new("git")
        .args(["cat-file", "blob", &format!("main:{path}")])
        .env("GIT_DIR", history)
        .output()
        .unwrap();
    let text = edit(String::from_utf8(had.stdout).unwrap());
    let blob = git(history, &["hash-object", "-w", "--stdin"], text.as_bytes());
    git(history, &["read-tree", "main"], b"");
    git(
        history,
        &["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")],
        b"",
    );
    let tree = git(history, &["write-tree"], b"");
    let id = git(history, &["commit-tree", "-p", "main", "-m", "evil", &tree], b"");
    git(history, &["update-ref", "refs/tags/evil", &id], b"");
}

/// A line of a file list, of the content of `a.txt`.
fn file_line(path: &str) -> String {
    format!("f 0644 1700000000.000000000 6 {} {path}\n", Digest::of(b"hello\n"))
}

/// One root with a file and a folder, committed.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::venv();
    sandbox.write("a.txt", "hello\n");
    sandbox.write("d/x", "hello\n");
    sandbox.commit();
    sandbox
}

/// Checks out `evil`, which must fail and leave everything as it was. Gives the message.
fn refused(sandbox: &Sandbox) -> String {
    let options = CheckoutOptions {
        rev: "evil".to_owned(),
        discard: true,
        ..CheckoutOptions::default()
    };
    let everything = || {
        let mut seen = picture(sandbox.dir.path());
        // git's own work, and caches.
        seen.retain(|path, _| !path.starts_with(b"project/.envgit/") || path.ends_with(b"config.toml"));
        seen
    };
    let before = everything();
    let error = sandbox.try_checkout(&options).unwrap_err().to_string();
    let after = everything();
    assert!(before == after, "{:?}", common::differing(&before, &after));
    error
}

#[test]
fn paths_that_leave_the_root_are_refused() {
    for bad in [
        "../escape",
        "/etc/escape",
        "d/../../escape",
        "d//x",
        "d/./x",
        "d/x\\x00",
        "d/\\x2e\\x2e/x",
    ] {
        let sandbox = sandbox();
        forge(&sandbox.history(), "env/files/loose/d", |_| file_line(bad));
        let told = refused(&sandbox);
        assert!(
            told.contains("is not a plain relative path") || told.contains("damaged"),
            "{bad}: {told}"
        );
    }
}

#[test]
fn a_file_beneath_a_link_is_refused() {
    let sandbox = sandbox();
    let outside = sandbox.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let link = format!("l 1700000000.000000000 d\ttarget={}\n", outside.display());
    forge(&sandbox.history(), "env/files/loose/d", |_| {
        link.clone() + &file_line("d/planted")
    });
    let told = refused(&sandbox);
    assert!(
        told.contains("env:d/planted") && told.contains("not made by envgit"),
        "{told}"
    );
    // The same with a link that stands there already.
    std::fs::remove_dir_all(sandbox.env().join("d")).unwrap();
    std::os::unix::fs::symlink(&outside, sandbox.env().join("d")).unwrap();
    sandbox.commit();
    forge(&sandbox.history(), "env/files/loose/e", |_| file_line("d/planted"));
    let told = refused(&sandbox);
    assert!(told.contains("env:d/planted"), "{told}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_path_that_stands_twice_is_refused() {
    let sandbox = sandbox();
    forge(&sandbox.history(), "env/files/loose/e", |_| file_line("new"));
    let history = sandbox.history();
    git(&history, &["update-ref", "refs/heads/main", "refs/tags/evil"], b"");
    forge(&history, "env/files/loose/f", |_| file_line("new"));
    let told = refused(&sandbox);
    assert!(told.contains("env:new"), "{told}");
}

#[test]
fn the_repository_itself_is_out_of_reach() {
    let sandbox = Sandbox::venv();
    // The root is the folder that holds the repository.
    let config = sandbox.repo_dir().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace(sandbox.env().to_str().unwrap(), ".");
    std::fs::write(&config, text).unwrap();
    std::fs::write(sandbox.project().join("a.txt"), "hello\n").unwrap();
    sandbox.commit();
    let dirs = "d 0755 1700000000.000000000 .envgit\n";
    for (unit, lines) in [
        (
            "env/files/loose/%2Eenvgit",
            format!("{dirs}{}", file_line(".envgit/config.toml")),
        ),
        (
            "env/files/loose/%2Eenvgit-stage",
            format!(
                "d 0755 1700000000.000000000 .envgit-stage\n{}",
                file_line(".envgit-stage/0")
            ),
        ),
    ] {
        forge(&sandbox.history(), unit, |_| lines);
        let told = refused(&sandbox);
        assert!(
            told.contains("envgit's own folder") || told.contains("no directory"),
            "{told}"
        );
    }
}

#[test]
fn attributes_that_give_rights_are_refused() {
    for name in ["security.capability", "trusted.x", "system.posix_acl_access"] {
        let sandbox = sandbox();
        let line = file_line("d/x").replace('\n', &format!("\txattr:{name}=AAAA\n"));
        forge(&sandbox.history(), "env/files/loose/d", |text| {
            text.lines().next().unwrap().to_owned() + "\n" + &line
        });
        let told = refused(&sandbox);
        assert!(told.contains("bad attribute"), "{name}: {told}");
    }
}

#[test]
fn sizes_that_overflow_are_too_much_and_not_little() {
    let sandbox = sandbox();
    let line = |path: &str| file_line(path).replace(" 6 ", " 18446744073709551615 ");
    forge(&sandbox.history(), "env/files/loose/e", |_| line("y") + &line("z"));
    let told = refused(&sandbox);
    assert!(told.contains("needs 17592186044416 MiB"), "{told}");
}

#[test]
fn deep_folders_come_back_and_names_that_are_too_long_are_refused() {
    let sandbox = sandbox();
    let mut deep = String::new();
    let mut path = String::new();
    for _ in 0..300 {
        path.push_str(if path.is_empty() { "e" } else { "/e" });
        deep.push_str(&format!("d 0755 1700000000.000000000 {path}\n"));
    }
    forge(&sandbox.history(), "env/files/loose/e", |_| {
        deep + &file_line(&format!("{path}/x"))
    });
    sandbox.checkout("evil");
    assert_eq!(sandbox.read(&format!("{path}/x")), "hello\n");
    sandbox.checkout("main");
    forge(&sandbox.history(), "env/files/loose/e", |_| file_line(&"n".repeat(300)));
    refused(&sandbox);
}

#[test]
fn links_that_lead_in_circles_come_back_as_links() {
    let sandbox = sandbox();
    let link = |path: &str, to: &str| format!("l 1700000000.000000000 {path}\ttarget={to}\n");
    forge(&sandbox.history(), "env/files/loose/e", |_| {
        format!(
            "d 0755 1700000000.000000000 e\n{}{}{}",
            link("e/a", "b"),
            link("e/b", "a"),
            link("e/c", "../e")
        )
    });
    sandbox.checkout("evil");
    assert_eq!(std::fs::read_link(sandbox.env().join("e/a")).unwrap(), Path::new("b"));
    assert!(sandbox.status().changes.is_empty());
}

#[test]
fn snapshots_that_say_nonsense_are_refused() {
    for (from, to) in [
        ("\"format\": 1", "\"format\": 2"),
        ("\"env\": {", "\"../env\": {"),
        ("\"files\": 2", "\"files\": -1"),
        ("{", "[[[[[[[[[[[["),
    ] {
        let sandbox = sandbox();
        forge(&sandbox.history(), "snapshot.json", |text| {
            assert!(text.contains(from), "{text}");
            text.replacen(from, to, 1)
        });
        refused(&sandbox);
    }
    let sandbox = sandbox();
    forge(&sandbox.history(), "snapshot.json", |_| "[".repeat(1 << 20));
    refused(&sandbox);
}

/// The only layer, its path and bytes.
fn layer(sandbox: &Sandbox) -> (PathBuf, Vec<u8>) {
    let mut layers: Vec<_> = std::fs::read_dir(sandbox.repo_dir().join("layers")).unwrap().collect();
    assert_eq!(layers.len(), 1);
    let path = layers.pop().unwrap().unwrap().path();
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

/// A layer with another table of contents.
fn with_toc(layer: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let footer = Footer::decode(&layer[layer.len() - Footer::LEN..]).unwrap();
    let part = |offset: u64, length: u64| &layer[offset as usize..][..length as usize];
    let toc = zstd::decode_all(part(footer.toc_offset, footer.toc_stored)).unwrap();
    let mut toc: Value = serde_json::from_slice(&toc).unwrap();
    edit(&mut toc);
    let text = serde_json::to_vec(&toc).unwrap();
    assemble(layer, &zstd::encode_all(&text[..], 3).unwrap(), text.len() as u64)
}

/// A layer with a table of contents that is stored as these bytes and said to have that length.
fn assemble(layer: &[u8], stored: &[u8], size: u64) -> Vec<u8> {
    let footer = Footer::decode(&layer[layer.len() - Footer::LEN..]).unwrap();
    let split = &layer[footer.tarsplit_offset as usize..][..footer.tarsplit_stored as usize];
    let mut out = layer[..footer.toc_offset as usize - 8].to_vec();
    let toc_offset = out.len() as u64 + 8;
    out.extend(skippable(stored));
    let tarsplit_offset = out.len() as u64 + 8;
    out.extend(skippable(split));
    let footer = Footer {
        toc_offset,
        toc_stored: stored.len() as u64,
        toc_size: size,
        tarsplit_offset,
        ..footer
    };
    out.extend(skippable(&footer.encode()));
    out
}

/// Puts a layer in the place of the only one, under the name of its digest.
fn replace(sandbox: &Sandbox, bytes: &[u8]) {
    let (path, _) = layer(sandbox);
    std::fs::remove_file(&path).unwrap();
    add(sandbox, bytes);
    let _ = std::fs::remove_dir_all(sandbox.repo_dir().join("cache"));
}

fn add(sandbox: &Sandbox, bytes: &[u8]) {
    let name = format!("{}.tar.zst", Digest::of(bytes));
    std::fs::write(sandbox.repo_dir().join("layers").join(name), bytes).unwrap();
}

/// What a checkout of main into an empty root says.
fn brought_back(sandbox: &Sandbox) -> Result<(), String> {
    std::fs::remove_dir_all(sandbox.env()).unwrap();
    std::fs::create_dir(sandbox.env()).unwrap();
    let options = CheckoutOptions {
        rev: "main".to_owned(),
        discard: true,
        without_pins: true,
        ..CheckoutOptions::default()
    };
    let done = sandbox.try_checkout(&options);
    done.map(|_| ()).map_err(|error| error.to_string())
}

/// Bytes that no two of which are alike for long.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

#[test]
fn a_layer_cannot_pass_its_content_for_that_of_another() {
    // One frame, and several: each is right by itself, and together they are another file.
    for length in [100_000, 9 << 20] {
        let victim = Sandbox::venv();
        victim.write("a.bin", noise(1, length));
        victim.commit();
        assert_eq!(brought_back(&victim), Ok(()));
        let digest = format!("sha256:{}", Digest::of(&noise(1, length)));
        let (path, _) = layer(&victim);
        let good = path.file_name().unwrap().to_str().unwrap().to_owned();
        let other = Sandbox::venv();
        other.write("a.bin", noise(2, length));
        other.commit();
        let (_, bytes) = layer(&other);
        // The first layer by name is asked first.
        let poison = (0..).map(|n| {
            with_toc(&bytes, |toc| {
                let entries = toc["entries"].as_array_mut().unwrap();
                let file = entries.iter_mut().find(|entry| entry["type"] == "reg").unwrap();
                let own = file["digest"].clone();
                file["digest"] = digest.clone().into();
                if file.get("chunkDigest").is_none() {
                    file["chunkDigest"] = own;
                    file["chunkSize"] = length.into();
                }
                toc["n"] = n.into();
            })
        });
        let mut poison = poison.filter(|bytes| format!("{}.tar.zst", Digest::of(bytes)) < good);
        add(&victim, &poison.next().unwrap());
        let told = brought_back(&victim).unwrap_err();
        assert!(
            told.contains("lists other content") || told.contains("is damaged"),
            "{told}"
        );
        let session = &mut victim.session();
        let report = verify(session, VerifyOptions { repair: false }).unwrap();
        assert!(!report.damages.is_empty());
    }
}

#[test]
fn a_flipped_bit_in_a_layer_from_elsewhere_is_put_down_to_its_frame() {
    let sandbox = Sandbox::venv();
    sandbox.write("a.bin", noise(1, 9 << 20));
    sandbox.commit();
    let (path, mut bytes) = layer(&sandbox);
    // What cannot be compressed is stored as it is.
    bytes[6 << 20] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    // Without its index, nobody remembers that it was written here.
    std::fs::remove_dir_all(sandbox.repo_dir().join("cache")).unwrap();
    let told = brought_back(&sandbox).unwrap_err();
    assert!(told.contains("the frame at byte "), "{told}");
    assert!(told.contains(" is damaged"), "{told}");
    assert_eq!(std::fs::read_dir(sandbox.env()).unwrap().count(), 0);
}

#[test]
fn frames_larger_than_a_frame_are_refused_before_they_are_read() {
    for (field, value) in [
        ("chunkSize", 4_000_000_000u64),
        ("endOffset", 4_000_000_000),
        ("offset", 1 << 60),
    ] {
        let sandbox = Sandbox::venv();
        sandbox.write("a.bin", noise(1, 9 << 20));
        sandbox.commit();
        let (_, bytes) = layer(&sandbox);
        let evil = with_toc(&bytes, |toc| {
            let entries = toc["entries"].as_array_mut().unwrap();
            let file = entries.iter_mut().find(|entry| entry["type"] == "reg").unwrap();
            file[field] = value.into();
        });
        replace(&sandbox, &evil);
        let told = brought_back(&sandbox).unwrap_err();
        assert!(told.contains("malformed"), "{field}: {told}");
        let report = verify(&mut sandbox.session(), VerifyOptions { repair: false }).unwrap();
        assert!(!report.damages.is_empty());
    }
}

/// Runs the program with so much address space, in bytes.
fn confined(shell_args: &[&str], sandbox: &Sandbox, bytes: u64) -> (i32, String) {
    let script = format!("ulimit -v {}; exec \"$0\" \"$@\"", bytes / 1024);
    let output = Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_envgit")])
        .args(shell_args)
        .current_dir(sandbox.project())
        .env_clear()
        .env("HOME", sandbox.dir.path())
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_table_of_contents_that_is_a_bomb_is_refused_in_little_memory() {
    const ROOM: u64 = 700 << 20;
    let bomb = |size: usize| {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        let block = vec![b' '; 1 << 20];
        for _ in 0..size >> 20 {
            encoder.write_all(&block).unwrap();
        }
        encoder.finish().unwrap()
    };
    let stored = bomb(2 << 30);
    assert!(stored.len() < 1 << 20);
    for size in [2 << 30, 1000, u64::MAX] {
        let sandbox = sandbox();
        let (_, bytes) = layer(&sandbox);
        replace(&sandbox, &assemble(&bytes, &stored, size));
        std::fs::remove_dir_all(sandbox.env().join("d")).unwrap();
        for args in [&["checkout", "--discard", "--yes", "main"][..], &["verify"]] {
            let (code, told) = confined(args, &sandbox, ROOM);
            assert!(matches!(code, 1 | 4), "{args:?}: {code}: {told}");
            assert!(
                !told.contains("panicked") && !told.contains("memory allocation"),
                "{told}"
            );
        }
    }
}

#[test]
fn a_device_in_the_tar_of_a_layer_is_found() {
    let sandbox = sandbox();
    let (_, bytes) = layer(&sandbox);
    let footer = Footer::decode(&bytes[bytes.len() - Footer::LEN..]).unwrap();
    let split = &bytes[footer.tarsplit_offset as usize..][..footer.tarsplit_stored as usize];
    let split = String::from_utf8(zstd::decode_all(split).unwrap()).unwrap();
    let first: Value = serde_json::from_str(split.lines().next().unwrap()).unwrap();
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let mut headers = base64.decode(first["payload"].as_str().unwrap()).unwrap();
    // The type of the first member, and the sum of its header.
    let sum = |header: &[u8]| {
        let blank = header.iter().enumerate();
        blank
            .map(|(at, b)| if (148..156).contains(&at) { 32 } else { u32::from(*b) })
            .sum::<u32>()
    };
    assert_eq!(headers[257..262], *b"ustar", "{:?}", &headers[..headers.len().min(600)]);
    headers[156] = b'3';
    let told = format!("{:06o}\0 ", sum(&headers[..512]));
    headers[148..156].copy_from_slice(told.as_bytes());
    let first_line = split.lines().next().unwrap();
    let evil_line = first_line.replace(first["payload"].as_str().unwrap(), &base64.encode(&headers));
    let split = split.replacen(first_line, &evil_line, 1);
    // The layer with these headers in front, at the same places.
    let toc = &bytes[footer.toc_offset as usize..][..footer.toc_stored as usize];
    let mut toc: Value = serde_json::from_slice(&zstd::decode_all(toc).unwrap()).unwrap();
    let frame = zstd::encode_all(&headers[..], 1).unwrap();
    let entries = toc["entries"].as_array_mut().unwrap();
    let start = entries
        .iter()
        .filter_map(|entry| entry["offset"].as_u64())
        .min()
        .unwrap();
    let shift = frame.len() as i64 - start as i64;
    for entry in entries.iter_mut() {
        for field in ["offset", "endOffset"] {
            if let Some(at) = entry[field].as_i64() {
                entry[field] = (at + shift).into();
            }
        }
    }
    let mut out = frame;
    out.extend(&bytes[start as usize..footer.toc_offset as usize - 8]);
    let text = serde_json::to_vec(&toc).unwrap();
    let toc = zstd::encode_all(&text[..], 3).unwrap();
    let packed = zstd::encode_all(split.as_bytes(), 3).unwrap();
    let toc_offset = out.len() as u64 + 8;
    out.extend(skippable(&toc));
    let tarsplit_offset = out.len() as u64 + 8;
    out.extend(skippable(&packed));
    let footer = Footer {
        toc_offset,
        toc_stored: toc.len() as u64,
        toc_size: text.len() as u64,
        tarsplit_offset,
        tarsplit_stored: packed.len() as u64,
        tarsplit_size: split.len() as u64,
    };
    out.extend(skippable(&footer.encode()));
    replace(&sandbox, &out);
    let report = verify(&mut sandbox.session(), VerifyOptions { repair: false }).unwrap();
    let told = format!("{:?}", report.damages);
    assert!(told.contains("the tar has other"), "{told}");
    // A checkout takes nothing from tar headers: types, modes and names stand in the inventory.
    assert_eq!(brought_back(&sandbox), Ok(()));
}

#[test]
fn setuid_comes_back_only_where_all_commits_are_ones_own() {
    let sandbox = sandbox();
    let tool = sandbox.env().join("d/tool");
    let set = |mode: u32| std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(mode)).unwrap();
    let mode = || tool.metadata().unwrap().mode() & 0o7777;
    sandbox.write("d/tool", "#!/bin/sh\n");
    set(0o4755);
    sandbox.commit_tagged("with");
    std::fs::remove_file(&tool).unwrap();
    sandbox.commit_tagged("without");
    sandbox.checkout("with");
    assert_eq!(mode(), 0o4755, "one's own");
    sandbox.checkout("without");
    // From now on commits may be somebody else's.
    git(
        &sandbox.history(),
        &["update-ref", "refs/remotes/origin/main", "main"],
        b"",
    );
    sandbox.checkout("with");
    assert_eq!(mode(), 0o755);
    assert!(sandbox.status().changes.is_empty(), "{:?}", sandbox.status().changes);
    assert!(sandbox.commit().commit.is_none());
    // What is there already is no present from anybody.
    set(0o4755);
    assert!(sandbox.status().changes.is_empty());
    sandbox.checkout("without");
    let config = sandbox.repo_dir().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replacen("# setuid = false", "setuid = true", 1)).unwrap();
    sandbox.checkout("with");
    assert_eq!(mode(), 0o4755, "asked for");
    assert!(session(&sandbox.project()).repo.keeps_setuid());
}

#[test]
fn a_setuid_file_that_is_left_out_is_named() {
    let shell = Shell::with_venv();
    let tool = shell.write("env/tool", "#!/bin/sh\n");
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o2755)).unwrap();
    shell.ok(&["commit", "-t", "with"]);
    std::fs::remove_file(&tool).unwrap();
    shell.ok(&["commit"]);
    shell.ok(&["config", "restore.setuid", "false"]);
    let said = shell.ok(&["checkout", "--yes", "with"]);
    assert!(
        said.err.contains("env:tool was recorded with mode 2755"),
        "{}",
        said.transcript()
    );
    assert_eq!(tool.metadata().unwrap().mode() & 0o7777, 0o755);
}
