//! `why` and `blame`: who brought what, told from records.

mod common;

use common::cli::Shell;
use envgit::demo::{TINYNUM_NEW, TINYNUM_OLD, TINYPITCH, wheel};
use insta::assert_snapshot;

const SITE: &str = "env/lib/python3.11/site-packages";

/// What differs from run to run: ids of commits.
fn steady(text: &str) -> String {
    let is_id = |word: &str| word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                let bare = word.trim_matches(['(', ')', ',', '\n']);
                if is_id(bare) {
                    word.replace(bare, "[id]")
                } else {
                    word.to_owned()
                }
            })
            .collect();
        out.push_str(&words.join(" "));
    }
    out
}

/// A repository with a venv in which tinynum came, tinypitch followed with an upgrade, and a file was edited.
fn history() -> Shell {
    let shell = Shell::new();
    shell.write("env/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
    let env = shell.path("env");
    wheel::install(TINYNUM_OLD, &env, "python3.11").unwrap();
    shell.ok(&["init", "--no-project", "--root", &format!("env={}", env.display())]);
    shell.ok(&["commit", "-m", "works"]);
    shell.write("env/note.txt", "one\n");
    shell.ok(&["commit", "-m", "a note"]);
    wheel::install(TINYNUM_NEW, &env, "python3.11").unwrap();
    wheel::install(TINYPITCH, &env, "python3.11").unwrap();
    shell.ok(&["commit", "-m", "pitch tracking"]);
    shell
}

fn told(shell: &Shell, args: &[&str]) -> String {
    steady(&shell.run(args).transcript())
}

#[test]
fn a_package_has_a_story() {
    let shell = history();
    assert_snapshot!(told(&shell, &["why", "TinyNum"]), @r#"
    tinynum 1.26.4  (pip) in env, live state
      record       lib/python3.11/site-packages/tinynum-1.26.4.dist-info
      wanted by    asked for by name
                   tinypitch 0.3.4 requires tinynum>=1.26
      files        14 of 14 files as promised

    Story
        tinynum 1.24.4 → 1.26.4  (pip in env)  60 seconds ago  [id] "pitch tracking"
          asked for directly
          because tinypitch 0.3.4 requires tinynum>=1.26
      + tinynum 1.24.4  (pip in env)  3 minutes ago  [id] "works"
          asked for directly
    "#);
    assert_snapshot!(told(&shell, &["why", "tinynum", "HEAD~1"]), @r#"
    tinynum 1.24.4  (pip) in env, HEAD~1 ([id])
      record       lib/python3.11/site-packages/tinynum-1.24.4.dist-info
      wanted by    asked for by name
      files        14 of 14 files as promised

    Story
      + tinynum 1.24.4  (pip in env)  4 minutes ago  [id] "works"
          asked for directly
    "#);
    // What is not committed yet comes first; a package that is gone still has a story.
    wheel::uninstall("tinypitch", &shell.path("env")).unwrap();
    assert_snapshot!(told(&shell, &["why", "tinypitch"]), @r#"
    tinypitch is not there now (live state)

    Story
      - tinypitch 0.3.4  (pip in env)  not committed yet
          no requirement explains it
      + tinypitch 0.3.4  (pip in env)  3 minutes ago  [id] "pitch tracking"
          asked for directly
    "#);
}

#[test]
fn a_story_tells_whose_files_are_there() {
    let shell = history();
    shell.write(&format!("{SITE}/tinynum/__init__.py"), "broken\n");
    std::fs::remove_file(shell.path(&format!("{SITE}/tinynum/info.py"))).unwrap();
    let said = told(&shell, &["why", "tinynum"]);
    assert!(
        said.contains("1 file gone\n") && said.contains("1 file altered\n"),
        "{said}"
    );
}

#[test]
fn a_story_is_json_too() {
    let shell = history();
    let json = shell.ok(&["why", "tinynum", "--json"]).json();
    assert_eq!(json["state"]["commit"], serde_json::Value::Null);
    assert_eq!(json["now"][0]["version"], "1.26.4");
    assert_eq!(json["now"][0]["required_by"][0]["name"], "tinypitch");
    assert_eq!(json["now"][0]["files"]["promised"], json["now"][0]["files"]["intact"]);
    let story = json["story"].as_array().unwrap();
    let told: Vec<_> = story
        .iter()
        .map(|chapter| {
            (
                chapter["message"].as_str().unwrap(),
                chapter["change"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("pitch tracking", "changed"), ("works", "added")]);
    assert!(story.iter().all(|chapter| chapter["causes"].is_array()));
}

#[test]
fn a_file_has_a_commit_and_a_package() {
    let shell = history();
    let version = format!("{SITE}/tinynum/__init__.py");
    let absolute = shell.path(&version);
    assert_snapshot!(told(&shell, &["blame", absolute.to_str().unwrap()]), @r#"
    env:lib/python3.11/site-packages/tinynum/__init__.py  live state
      belongs to  pip's tinynum 1.26.4
      bytes       356 B
      content     60 seconds ago  [id] "pitch tracking"
      path        3 minutes ago  [id] "works", with pip's tinynum 1.24.4
    "#);
    shell.write(&version, "edited\n");
    assert_snapshot!(told(&shell, &["blame", absolute.to_str().unwrap()]), @r#"
    env:lib/python3.11/site-packages/tinynum/__init__.py  live state
      belongs to  pip's tinynum 1.26.4
      bytes       7 B, altered: no record promised them
      content     not committed yet
      path        4 minutes ago  [id] "works", with pip's tinynum 1.24.4
    "#);
    shell.ok(&["commit", "-m", "edited by hand"]);
    assert_snapshot!(told(&shell, &["blame", "env:lib/python3.11/site-packages/tinynum/__init__.py", "HEAD"]), @r#"
    env:lib/python3.11/site-packages/tinynum/__init__.py  HEAD ([id])
      belongs to  pip's tinynum 1.26.4
      bytes       7 B, altered: no record promised them
      content     60 seconds ago  [id] "edited by hand"
      path        6 minutes ago  [id] "works", with pip's tinynum 1.24.4
    "#);
    assert_snapshot!(told(&shell, &["blame", "env:note.txt"]), @r#"
    env:note.txt  live state
      belongs to  no package (top)
      bytes       4 B
      content     6 minutes ago  [id] "a note"
    "#);
}

#[test]
fn a_path_that_went_and_came_back_is_blamed_on_its_return() {
    let shell = history();
    std::fs::remove_file(shell.path("env/note.txt")).unwrap();
    shell.ok(&["commit", "-m", "no note"]);
    shell.write("env/note.txt", "one\n");
    shell.ok(&["commit", "-m", "a note again"]);
    let json = shell.ok(&["blame", "env:note.txt", "HEAD", "--json"]).json();
    assert_eq!(json["file"]["content"]["message"], "a note again");
    assert_eq!(json["file"]["first"]["message"], "a note");
    // A time is no content.
    shell.write("env/note.txt", "one\n");
    shell.ok(&["commit", "-m", "touched"]);
    let json = shell.ok(&["blame", "env:note.txt", "HEAD", "--json"]).json();
    assert_eq!(json["file"]["content"]["message"], "a note again");
}

#[test]
fn a_folder_is_told_by_package() {
    let shell = history();
    shell.write("env/lib/odd.txt", "x");
    assert_snapshot!(told(&shell, &["blame", "env:"]), @r#"
    env:  live state
      no package (loose/lib)    1 file         1 B  not committed yet
      pip's tinynum 1.26.4    14 files     4.6 KiB  60 seconds ago  [id] "pitch tracking"
      pip's tinypitch 0.3.4    7 files     1.4 KiB  60 seconds ago  [id] "pitch tracking"
      no package (top)         2 files        37 B  2 minutes ago  [id] "a note"
    "#);
    assert_snapshot!(told(&shell, &["blame", "env:lib/python3.11/site-packages/tinypitch", "HEAD"]), @r#"
    env:lib/python3.11/site-packages/tinypitch  HEAD ([id])
      pip's tinypitch 0.3.4  2 files       590 B  2 minutes ago  [id] "pitch tracking"
    "#);
}

#[test]
fn what_is_not_there_is_named() {
    let shell = history();
    assert_snapshot!(told(&shell, &["why", "tinynun"]), @r#"
    --- stderr
    error: no package "tinynun" is recorded, and none is there
    hint: did you mean tinynum?
    --- exit 1
    "#);
    assert_snapshot!(told(&shell, &["why", "zzz"]), @r#"
    --- stderr
    error: no package "zzz" is recorded, and none is there
    hint: see `envgit packages` for what there is
    --- exit 1
    "#);
    assert_snapshot!(told(&shell, &["why", "tinynum", "nope"]), @r#"
    --- stderr
    error: unknown revision "nope"
    hint: see `envgit log --oneline`, `envgit branch` and `envgit tag` for what there is
    --- exit 1
    "#);
    assert_snapshot!(told(&shell, &["blame", "env:lib/nothing"]), @r#"
    --- stderr
    error: "env:lib/nothing" matches nothing in live
    hint: list what there is with `envgit ls REV`; paths count from the current folder, or write ROOT:PATH
    --- exit 1
    "#);
    assert_snapshot!(told(&shell, &["blame", "/etc/passwd"]), @r#"
    --- stderr
    error: "/etc/passwd" is in no root of this repository
    hint: name a path in a root, or ROOT:PATH; `envgit root list` shows the roots
    --- exit 1
    "#);
    assert_snapshot!(told(&shell, &["blame", "env:note.txt", "HEAD~2"]), @r#"
    --- stderr
    error: "env:note.txt" matches nothing in [id]
    hint: list what there is with `envgit ls REV`; paths count from the current folder, or write ROOT:PATH
    --- exit 1
    "#);
}

#[test]
fn before_the_first_commit_there_is_a_present() {
    let shell = Shell::with_venv();
    assert_snapshot!(told(&shell, &["why", "numpy"]), @"
    numpy 1.24.4  (pip) in env, live state
      record       lib/python3.11/site-packages/numpy-1.24.4.dist-info
      wanted by    nothing that is recorded
      files        4 of 4 files as promised

    No commit changed it yet.
    ");
    assert_snapshot!(told(&shell, &["blame", "env:pyvenv.cfg"]), @"
    env:pyvenv.cfg  live state
      belongs to  no package (top)
      bytes       33 B
      content     not committed yet
    ");
}

/// A record of conda that promises files with their digests.
fn conda(shell: &Shell, name: &str, files: &[(&str, &str)]) {
    let digest = |content: &str| envgit::digest::Digest::of(content.as_bytes()).to_string();
    let names: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let promised = files.iter().map(|(path, content)| {
        serde_json::json!({"_path": path, "path_type": "hardlink", "sha256": digest(content),
                           "sha256_in_prefix": digest(content), "size_in_bytes": content.len()})
    });
    let record = serde_json::json!({"name": name, "version": "1.0", "build": "0", "build_number": 0,
        "channel": "conda-forge", "subdir": "linux-64", "files": names,
        "paths_data": {"paths_version": 1, "paths": promised.collect::<Vec<_>>()}});
    shell.write(&format!("conda/conda-meta/{name}-1.0-0.json"), record.to_string());
    for (path, content) in files {
        shell.write(&format!("conda/{path}"), content);
    }
}

#[test]
fn a_name_finds_the_conda_package_that_its_python_part_belongs_to() {
    let shell = Shell::new();
    let info = "lib/python3.11/site-packages/torch-1.0.dist-info";
    let metadata = "Metadata-Version: 2.1\nName: torch\nVersion: 1.0\n";
    conda(&shell, "python", &[("bin/python3.11", "")]);
    conda(
        &shell,
        "pytorch",
        &[
            (&format!("{info}/METADATA"), metadata),
            (&format!("{info}/INSTALLER"), "conda\n"),
            (&format!("{info}/RECORD"), ""),
        ],
    );
    let env = shell.path("conda");
    shell.ok(&["init", "--no-project", "--root", &format!("env={}", env.display())]);
    shell.ok(&["commit", "-m", "works"]);
    std::fs::remove_file(shell.path("conda/conda-meta/pytorch-1.0-0.json")).unwrap();
    std::fs::remove_dir_all(env.join(info)).unwrap();
    assert_snapshot!(told(&shell, &["why", "torch", "HEAD"]), @r#"
    pytorch 1.0  (conda, 0, conda-forge) in env, HEAD ([id])
      record       conda-meta/pytorch-1.0-0.json
      wanted by    nothing that is recorded
      files        3 of 3 files as promised

    Story
      + pytorch 1.0  (conda in env)  60 seconds ago  [id] "works"
          no requirement explains it
    "#);
    assert_snapshot!(told(&shell, &["why", "torch"]), @r#"
    torch is not there now (live state)

    Story
      - pytorch 1.0  (conda in env)  not committed yet
          no requirement explains it
      + pytorch 1.0  (conda in env)  2 minutes ago  [id] "works"
          no requirement explains it
    "#);
}

#[test]
fn bytes_of_another_package_are_named() {
    let shell = Shell::new();
    conda(&shell, "a", &[("share/x", "of a"), ("share/y", "of a")]);
    conda(&shell, "b", &[("share/x", "of b"), ("share/z", "of b")]);
    let env = shell.path("conda");
    shell.ok(&["init", "--no-project", "--root", &format!("env={}", env.display())]);
    assert_snapshot!(told(&shell, &["blame", "env:share/x"]), @"
    env:share/x  live state
      belongs to  conda's a 1.0
      bytes       4 B, those of conda's b 1.0, not of its owner
      content     not committed yet
    ");
    assert_snapshot!(told(&shell, &["why", "a"]), @"
    a 1.0  (conda, 0, conda-forge) in env, live state
      record       conda-meta/a-1.0-0.json
      wanted by    nothing that is recorded
      files        1 of 2 files as promised
                   1 file overwritten by conda's b 1.0

    No commit changed it yet.
    ");
}
