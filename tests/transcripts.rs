//! Sessions as a user sees them: what is typed, what is printed, how it ends.

mod common;

use common::cli::{Shell, without_ids};
use insta::assert_snapshot;

/// What differs from run to run: ids of commits (times of files are part of them) and sizes of layers (they depend on
/// the compressor's version).
fn steady(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = match line.split_once(" in a layer of ") {
            Some((head, _)) => format!("{head} in a layer of [size]"),
            None => line.to_owned(),
        };
        out.push_str(&without_ids(&line, &[8]));
        out.push('\n');
    }
    out
}

#[test]
fn an_upgrade_and_the_way_back() {
    let shell = Shell::with_venv();
    let before = shell.session(&["status", "commit -t works", "commit", "status"]);
    assert_snapshot!(steady(&before), @r#"
    $ envgit status
    On branch main, nothing committed yet

    The first commit would record:
      env (venv): 1 package, 5 files
    --- stderr
    hint: record it with: envgit commit -m "works"
    $ envgit commit -t works
    [main (first commit) [id]] First state of env: 1 package, 5 files
      env  1 package, 5 files of 231 B
      stored 231 B of new content in a layer of [size]
      tagged works
    --- stderr
    hint: after the next change, see it with: envgit diff
    $ envgit commit
    Nothing changed since [id]; no commit made.
    $ envgit status
    On branch main at [id]
    Nothing changed since [id].
    "#);
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    shell.install("env", "pyworld", "0.3.4");
    let after = shell.session(&["status", "diff --stat", "commit", "log --oneline"]);
    assert_snapshot!(steady(&after), @"
    $ envgit status
    On branch main at [id]

    Packages
        numpy    1.24.4 → 1.26.4  (pip)
                 no requirement explains it
      + pyworld  0.3.4            (pip)  +203 B
                 no requirement explains it

    Files
      env  7 added, 1 modified, 3 removed  +401 B  -198 B
        pip/pyworld  4 added  +203 B
        pip/numpy    3 added, 1 modified, 3 removed
    --- stderr
    hint: see more with: envgit diff; record it with: envgit commit; go back with: envgit checkout HEAD
    $ envgit diff --stat
    env  packages: 1 changed, 1 added; files: 7 added, 1 modified, 3 removed
    $ envgit commit
    [main [id]] numpy 1.24.4 → 1.26.4, +pyworld 0.3.4
      env  2 packages, 9 files of 434 B: 7 added, 1 modified, 3 removed
      stored 393 B of new content in a layer of [size]
    $ envgit log --oneline
    [id] (HEAD -> main) numpy 1.24.4 → 1.26.4, +pyworld 0.3.4
    [id] (tag: works) First state of env: 1 package, 5 files
    ");
    let back = shell.session(&[
        "checkout --dry-run works",
        "checkout works",
        "log --oneline --graph",
        "packages",
    ]);
    assert_snapshot!(steady(&back), @"
    $ envgit checkout --dry-run works
    Would bring back works ([id]): First state of env: 1 package, 5 files

      env  4 to add, 1 to replace, 10 to remove; 198 B to write
    $ envgit checkout works
    Now at works ([id]): 10 paths verified (files: [n] by content, [m] by stamp)

    Packages
        numpy    1.26.4 → 1.24.4  (pip)
      - pyworld  0.3.4            (pip)
    --- stderr
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    $ envgit log --oneline --graph
    * [id] (main) numpy 1.24.4 → 1.26.4, +pyworld 0.3.4
    * [id] (HEAD, tag: works) First state of env: 1 package, 5 files
    $ envgit packages
    env (venv)  1 package
      numpy  1.24.4  (pip)
    ");
}

#[test]
fn nobody_is_stranded() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("env/a", "1");
    shell.ok(&["commit", "-m", "a"]);
    shell.ok(&["checkout", "v1"]);
    shell.write("env/b", "1");
    let text = shell.session(&[
        "commit -m b",
        "branch",
        "tag",
        "log --oneline --graph",
        "checkout main",
        "branch -d v1-1",
    ]);
    assert_snapshot!(steady(&text), @"
    $ envgit commit -m b
    [v1-1 [id]] b
      env  1 package, 6 files of 232 B: 1 added
      no new content to store
    --- stderr
    hint: this is the start of branch v1-1; rename it with: envgit branch -m v1-1 NAME
    $ envgit branch
      main  [id]  a
    * v1-1  [id]  b
    $ envgit tag
      v1  [id]  First state of env: 1 package, 5 files
    $ envgit log --oneline --graph
    * [id] (HEAD -> v1-1) b
    | * [id] (main) a
    |/
    * [id] (tag: v1) First state of env: 1 package, 5 files
    $ envgit checkout main
    Now on branch main at [id]: 11 paths verified (files: [n] by content, [m] by stamp)
    $ envgit branch -d v1-1
    --- stderr
    error: only the branch v1-1 leads to its commits
    hint: to lose them: envgit branch -D v1-1; to keep them first: envgit tag NAME v1-1
    --- exit 1
    ");
}

#[test]
fn configs_and_variables_are_told() {
    let mut shell = Shell::new();
    shell.write(
        "glm/configs/G2P_replace_dict.jsonl",
        "{\"重庆\": \"<|CH|>\"}\n{\"弦\": \"<|X|><|IAN2|>\"}\n",
    );
    shell
        .vars
        .push(("CUDA_HOME".to_owned(), "/usr/local/cuda-12".to_owned()));
    shell
        .vars
        .push(("HF_TOKEN".to_owned(), "hf_secretsecretsecretsecret".to_owned()));
    shell.ok(&["init", "--yes"]);
    shell.ok(&["commit"]);
    shell.write(
        "glm/configs/G2P_replace_dict.jsonl",
        "{\"重庆\": \"<|CH|>\"}\n{\"弦\": \"<|X|><|IAN1|>\"}\n",
    );
    shell.vars[0].1 = "/usr/local/cuda-13".to_owned();
    assert_snapshot!(steady(&shell.session(&["diff", "diff --configs --text"])), @r#"
    $ envgit diff
    HEAD ([id]) → live state

    Configs in glm
      M configs/G2P_replace_dict.jsonl
          ~ "弦"  "<|X|><|IAN2|>" → "<|X|><|IAN1|>"

    Variables
        CUDA_HOME=/usr/local/cuda-12 → /usr/local/cuda-13

    Files
      glm  1 modified  +46 B  -46 B
    $ envgit diff --configs --text
    HEAD ([id]) → live state

    Configs in glm
    --- a/configs/G2P_replace_dict.jsonl
    +++ b/configs/G2P_replace_dict.jsonl
    @@ -1,2 +1,2 @@
     {"重庆": "<|CH|>"}
    -{"弦": "<|X|><|IAN2|>"}
    +{"弦": "<|X|><|IAN1|>"}
    "#);
    let everything: String = ["vars.json", "snapshot.json"]
        .iter()
        .map(|file| {
            let mut git = std::process::Command::new("git");
            shell.dress(git.args(["-C", ".envgit/history", "show", &format!("main:{file}")]));
            shell.said(&mut git).out
        })
        .collect();
    assert!(
        everything.contains("cuda-12") && !everything.contains("hf_secret"),
        "{everything}"
    );
}

#[test]
fn configs_are_told_by_record() {
    let shell = Shell::new();
    shell.write(
        "glm/configs/G2P_replace_dict.jsonl",
        "{\"弦\": \"<|X|><|IAN2|>\"}\n{\"银行\": \"<|Y|><|IN2|><|H|><|ANG2|>\"}\n",
    );
    shell.write("glm/configs/spk_prompt.json", "{\"jiayan\": {\"text\": \"a\"},}\n");
    shell.write(
        "glm/configs/custom_dict.jsonl",
        "{\"id\": \"u1\", \"text\": \"a\"}\n{\"id\": \"u2\", \"text\": \"b\"}\n",
    );
    shell.write(
        "glm/configs/flow.yaml",
        "# mel\nmel:\n  n_mels: 80\n  hop: 256\nsampler: {steps: 10, schedule: cosine}\n",
    );
    shell.write("glm/configs/vocoder.yaml", "rate: 24000 # Hz\n");
    shell.write("glm/.env", "CUDA_VISIBLE_DEVICES=0\nexport HF_HOME=/data/hf\n");
    shell.write(
        "glm/requirements.txt",
        "torch==2.3.1\ntransformers >= 4.40\nWeTextProcessing==1.0.3\n",
    );
    shell.write("glm/start.sh", "python app.py\n");
    shell.ok(&["init", "--yes"]);
    shell.ok(&["commit"]);
    shell.write(
        "glm/configs/G2P_replace_dict.jsonl",
        "{\"弦\": \"<|X|><|IAN1|>\"}\n{\"银行\": \"<|Y|><|IN2|><|H|><|ANG2|>\"}\n{\"重庆\": \"<|CH|><|ONG2|>\"}\n",
    );
    shell.write("glm/configs/spk_prompt.json", "{\"jiayan\": {\"text\": \"b\"}}\n");
    shell.write(
        "glm/configs/custom_dict.jsonl",
        "{\"id\": \"u2\", \"text\": \"c\"}\n{\"id\": \"u1\", \"text\": \"a\"}\n",
    );
    shell.write(
        "glm/configs/flow.yaml",
        "mel:\n  n_mels: 100\n  hop: 256\nsampler:\n  steps: 10\n  schedule: \"cosine\"\n  cfg: 0.7\n",
    );
    shell.write("glm/configs/vocoder.yaml", "rate:   24000\n");
    shell.write("glm/.env", "HF_HOME=/data/hf\nCUDA_VISIBLE_DEVICES=0,1\n");
    shell.write(
        "glm/requirements.txt",
        "torch == 2.4.0\nTransformers>=4.40 # as tested\nonnxruntime-gpu\n",
    );
    shell.write("glm/start.sh", "python3 app.py\n");
    assert_snapshot!(steady(&shell.session(&["diff --configs"])), @r#"
    $ envgit diff --configs
    HEAD ([id]) → live state

    Configs in glm
      M .env
          ~ CUDA_VISIBLE_DEVICES  0 → 0,1
          ~ HF_HOME               export /data/hf → /data/hf
          also: order
      M configs/G2P_replace_dict.jsonl
          ~ "弦"    "<|X|><|IAN2|>" → "<|X|><|IAN1|>"
          + "重庆"  "<|CH|><|ONG2|>"
      M configs/custom_dict.jsonl
          ~ [id=u2].text  "b" → "c"
          also: order
      M configs/flow.yaml
          ~ mel.n_mels   80 → 100
          + sampler.cfg  0.7
          also: comments
      M configs/spk_prompt.json  as text: the older text does not read as JSON: trailing comma at line 1 column 26
    --- a/configs/spk_prompt.json
    +++ b/configs/spk_prompt.json
    @@ -1 +1 @@
    -{"jiayan": {"text": "a"},}
    +{"jiayan": {"text": "b"}}
      M configs/vocoder.yaml  comments and formatting only
      M requirements.txt
          ~ torch             ==2.3.1 → ==2.4.0
          - wetextprocessing  ==1.0.3
          + onnxruntime-gpu
          also: comments
    --- a/start.sh
    +++ b/start.sh
    @@ -1 +1 @@
    -python app.py
    +python3 app.py
    "#);
    let json = shell.ok(&["diff", "--configs", "--json"]).json();
    let config = &json["roots"][0]["configs"][2];
    assert_snapshot!(serde_json::to_string_pretty(&config["meaning"]).unwrap(), @r#"
    {
      "kind": "records",
      "format": "jsonl",
      "changes": [
        {
          "key": "[id=u2].text",
          "change": "changed",
          "from": "\"b\"",
          "to": "\"c\""
        }
      ],
      "notes": [
        {
          "note": "order"
        }
      ]
    }
    "#);
    let text = serde_json::to_string(&json).unwrap();
    assert!(text.contains(r#""meaning":{"kind":"text","why":null}"#), "{text}");
}

#[test]
fn a_checkout_says_which_files_the_users_own_git_tracks() {
    let shell = Shell::new();
    shell.write("glm/start.sh", "#!/bin/sh\n");
    let git = |args: &[&str]| {
        let mut git = std::process::Command::new("git");
        shell.dress(git.args(args));
        let said = shell.said(&mut git);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    git(&["init", "-q"]);
    git(&["add", "start.sh"]);
    git(&["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "x"]);
    shell.ok(&["init", "--yes"]);
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("glm/start.sh", "#!/bin/bash\n");
    let head = git(&["rev-parse", "HEAD"]);
    let text = shell.session(&["checkout --dry-run v1", "checkout v1"]);
    assert!(text.matches("glm/start.sh").count() >= 2, "before, each time: {text}");
    assert_eq!(git(&["rev-parse", "HEAD"]), head);
    assert!(
        git(&["status", "--porcelain"])
            .lines()
            .all(|line| line.starts_with("??")),
        "as committed, .git untouched"
    );
    let git_facts = shell.ok(&["show", "v1", "--json"]).json()["snapshot"]["roots"]["glm"]["git"].clone();
    assert_eq!(git_facts["commit"].as_str().unwrap(), head.trim());
}

#[test]
fn the_repository_is_found_through_the_active_environment() {
    let mut shell = Shell::with_venv();
    shell.ok(&["commit"]);
    shell.cwd = shell.path("home");
    assert_eq!(shell.run(&["status"]).code, 1);
    let env = shell.path("env").to_str().unwrap().to_owned();
    shell.vars.push(("VIRTUAL_ENV".to_owned(), env));
    shell.ok(&["status"]);
    shell.vars[0] = (
        "ENVGIT_DIR".to_owned(),
        shell.path("glm/.envgit").to_str().unwrap().to_owned(),
    );
    shell.ok(&["status"]);
}

#[test]
fn a_new_branch_goes_on_from_here() {
    let shell = Shell::with_venv();
    let nothing_yet = shell.session(&[
        "checkout -b try",
        "commit -m works",
        "checkout",
        "checkout -b try --discard",
    ]);
    assert_snapshot!(steady(&nothing_yet), @r#"
    $ envgit checkout -b try
    --- stderr
    error: "HEAD" names no commit: nothing is committed yet
    hint: record the present state with `envgit commit -m MESSAGE`
    --- exit 1
    $ envgit commit -m works
    [main (first commit) [id]] works
      env  1 package, 5 files of 231 B
      stored 231 B of new content in a layer of [size]
    --- stderr
    hint: after the next change, see it with: envgit diff
    $ envgit checkout
    --- stderr
    error: the following required arguments were not provided:
      <REV>

    Usage: envgit checkout <REV> [-- <PATH>...]

    For more information, try '--help'.
    --- exit 2
    $ envgit checkout -b try --discard
    --- stderr
    error: without REV nothing is brought back, and -b stands alone
    hint: to bring back the last commit: envgit checkout -b try HEAD
    --- exit 2
    "#);
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    let on_it = shell.session(&[
        "switch -c try",
        "checkout -b try",
        "status",
        "commit -m upgraded",
        "branch",
        "checkout -",
        "switch @{-1}",
        "log -1 --oneline",
        "checkout - -- env:no/such",
        "undo",
        "undo",
        "undo",
        "undo",
    ]);
    assert_snapshot!(steady(&on_it), @r#"
    $ envgit switch -c try
    Now on new branch try at [id]; the live state is as it was
    $ envgit checkout -b try
    --- stderr
    error: the branch try exists already
    hint: choose another name, or move it: envgit branch -f try
    --- exit 1
    $ envgit status
    On branch try at [id]

    Packages
        numpy  1.24.4 → 1.26.4  (pip)
               no requirement explains it

    Files
      env  3 added, 1 modified, 3 removed  +198 B  -198 B
    --- stderr
    hint: see more with: envgit diff; record it with: envgit commit; go back with: envgit checkout HEAD
    $ envgit commit -m upgraded
    [try [id]] upgraded
      env  1 package, 5 files of 231 B: 3 added, 1 modified, 3 removed
      stored 194 B of new content in a layer of [size]
    $ envgit branch
      main  [id]  works
    * try   [id]  upgraded
    $ envgit checkout -
    Now on branch main at [id]: 10 paths verified (files: [n] by content, [m] by stamp)

    Packages
        numpy  1.26.4 → 1.24.4  (pip)
    $ envgit switch @{-1}
    Now on branch try at [id]: 10 paths verified (files: [n] by content, [m] by stamp)

    Packages
        numpy  1.24.4 → 1.26.4  (pip)
    $ envgit log -1 --oneline
    [id] (HEAD -> try) upgraded
    $ envgit checkout - -- env:no/such
    --- stderr
    error: "env:no/such" matches nothing in main or the live state
    hint: list what there is with `envgit ls REV`; paths count from the current folder, or write ROOT:PATH
    --- exit 1
    $ envgit undo
    Undone: checkout: from main to try
      HEAD  try → main
      the live state is that of main ([id]): 10 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    hint: take this back with: envgit redo
    $ envgit undo
    Undone: checkout: from try to main
      HEAD  main → try
      the live state is that of try ([id]): 10 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    hint: take this back with: envgit redo
    $ envgit undo
    Undone: commit: upgraded
      branch try  [id] → [id]
      the files stay as they are
    --- stderr
    hint: take this back with: envgit redo
    $ envgit undo
    Undone: checkout -b try
      HEAD  try → main
      branch try  is gone (was [id])
    --- stderr
    hint: take this back with: envgit redo
    "#);
}

#[test]
fn a_checkout_goes_where_git_would() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("env/notes", "two");
    shell.ok(&["commit", "-m", "two"]);
    shell.ok(&["tag", "main", "v1"]);
    shell.write("env/notes", "unsaved");
    // HEAD stays on its branch, and a branch comes before a tag.
    let said = shell.session(&["checkout HEAD", "checkout main", "status", "tag -d main", "tag @"]);
    assert_snapshot!(steady(&said), @r#"
    $ envgit checkout HEAD
    Now on branch main at [id]: 11 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    warning: main is a branch and a tag; the branch is taken, the tag is refs/tags/main
    Your previous state is saved as autosave/1; go back with: envgit checkout autosave/1
    $ envgit checkout main
    Now on branch main at [id]: 11 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    warning: main is a branch and a tag; the branch is taken, the tag is refs/tags/main
    $ envgit status
    On branch main at [id]
    Nothing changed since [id].
    $ envgit tag -d main
    Removed tag main (was [id])
    $ envgit tag @
    --- stderr
    error: "@" is not a valid name: @ has a meaning of its own
    hint: use letters, digits, '-', '_', '.' and '/', such as before-torch-2.9
    --- exit 2
    "#);
    // On no branch, HEAD stays where it is and is called as before.
    shell.ok(&["checkout", "v1"]);
    shell.write("env/notes", "unsaved");
    let said = shell.session(&["checkout HEAD", "status", "checkout -"]);
    assert_snapshot!(steady(&said), @"
    $ envgit checkout HEAD
    Now at v1 ([id]): 10 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    Your previous state is saved as autosave/2; go back with: envgit checkout autosave/2
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    $ envgit status
    At v1 ([id]), on no branch
    Nothing changed since [id].
    $ envgit checkout -
    Now at v1 ([id]): 10 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    ");
    // A branch that a commit starts is left for the one before, as any other.
    shell.ok(&["checkout", "-b", "try"]);
    shell.write("env/notes", "three");
    shell.ok(&["commit", "-b", "other", "-m", "three"]);
    let said = shell.session(&["checkout -", "checkout v1", "checkout main", "checkout -"]);
    assert_snapshot!(steady(&said), @"
    $ envgit checkout -
    Now on branch try at [id]: 10 paths verified (files: [n] by content, [m] by stamp)
    $ envgit checkout v1
    Now at v1 ([id]): 10 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    $ envgit checkout main
    Now on branch main at [id]: 11 paths verified (files: [n] by content, [m] by stamp)
    $ envgit checkout -
    Now at v1 ([id]): 10 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    ");
}

#[test]
fn roots_that_the_repository_has_not() {
    let shell = Shell::with_venv();
    shell.write("data/table", "one");
    let data = shell.path("data");
    shell.ok(&["root", "add", &format!("data={}:cache", data.display())]);
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("data/table", "two");
    shell.ok(&["root", "remove", "data"]);
    shell.ok(&["commit", "-m", "without data"]);
    let said = shell.session(&[
        "checkout v1",
        "root remove env",
        "checkout main",
        "root add all=/",
        "root add own=.envgit",
    ]);
    assert_snapshot!(steady(&said), @"
    $ envgit checkout v1
    Now at v1 ([id]): 10 paths verified (files: [n] by content, [m] by stamp)
    --- stderr
    warning: data of v1 is not brought back: this repository has no such root; declare it first: envgit root add NAME=PATH
    hint: you are on no branch; the next commit starts one, and `envgit checkout main` leads back
    $ envgit root remove env
    Removed root env; its files and commits stay
    --- stderr
    hint: the next commit takes it into account: envgit commit
    $ envgit checkout main
    --- stderr
    error: main has the roots env, and this repository has none of them
    hint: declare it first: envgit root add NAME=PATH
    --- exit 1
    $ envgit root add all=/
    --- stderr
    error: / cannot be a root: it is the whole file system
    hint: name the environment or the project folder itself
    --- exit 1
    $ envgit root add own=.envgit
    --- stderr
    error: /T/glm/.envgit cannot be a root: it is envgit's own folder
    hint: name the environment or the project folder itself
    --- exit 1
    ");
    assert_eq!(std::fs::read_to_string(shell.path("data/table")).unwrap(), "two");
}

#[test]
fn a_root_is_known_by_its_plain_path() {
    let shell = Shell::new();
    shell.write("env/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
    shell.ok(&["init", "--no-project", "--root", "env=../glm/../env"]);
    shell.ok(&["commit", "-t", "v1"]);
    let said = shell.session(&["root list", "ls -- ../env/pyvenv.cfg"]);
    assert_snapshot!(steady(&said), @r#"
    $ envgit root list
      env  venv     exact    /T/env
    $ envgit ls -- ../env/pyvenv.cfg
    env/pyvenv.cfg
    "#);
    // Written by hand.
    let config = shell.path("glm/.envgit/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let path = shell.path("env").canonicalize().unwrap();
    std::fs::write(&config, text.replace(path.to_str().unwrap(), "../env")).unwrap();
    let again = shell.session(&["root list", "ls -- ../env/pyvenv.cfg"]);
    assert_eq!(again, said);
    // The repository lies in its own root.
    let shell = Shell::new();
    shell.write("conda-meta/history", "");
    shell.ok(&["init", "--no-project", "--root", "all=.."]);
    shell.ok(&["commit", "-t", "v1"]);
    shell.write("notes", "two");
    shell.ok(&["commit"]);
    shell.ok(&["checkout", "v1"]);
    assert!(!shell.path("notes").exists());
    assert!(shell.ok(&["status"]).out.contains("Nothing changed"));
}

#[test]
fn a_page_is_written_into_what_is_no_file() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    let real = shell.write("real.html", "old");
    std::os::unix::fs::symlink(&real, shell.path("link.html")).unwrap();
    shell.ok(&["diff", "v1", "--html", "../link.html"]);
    assert!(shell.path("link.html").symlink_metadata().unwrap().is_symlink());
    assert!(std::fs::read_to_string(&real).unwrap().contains("<html"));
    let fifo = shell.path("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::read_to_string(fifo).unwrap()
    });
    shell.ok(&["diff", "v1", "--html", "../fifo"]);
    assert!(reader.join().unwrap().contains("<html"));
    assert!(!fifo.symlink_metadata().unwrap().is_file());
}

#[test]
fn lists_are_cut_as_git_cuts_them() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-am", "works", "-t", "pre-numpy", "-t", "v1"]);
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    shell.ok(&["commit", "-m", "upgraded"]);
    shell.ok(&["branch", "team/try", "v1"]);
    let said = shell.session(&[
        "tag -l pre-* x*",
        "tag --list",
        "tag --list nothing",
        "tag -l [",
        "branch -l t*y",
        "log --oneline v1..main",
        "log --oneline v1..",
        "log --oneline main..v1",
        "log --oneline ^v1",
        "log --oneline main ^HEAD~1",
        "log --oneline main..nowhere",
        "diff --name-only v1..main",
        "diff --name-status v1 main -- env:bin env:*.py",
        "diff --name-status --stat",
    ]);
    assert_snapshot!(steady(&said), @r#"
    $ envgit tag -l pre-* x*
      pre-numpy  [id]  works
    $ envgit tag --list
      pre-numpy  [id]  works
      v1         [id]  works
    $ envgit tag --list nothing
    $ envgit tag -l [
    --- stderr
    error: this is no pattern of names: error parsing glob '[': unclosed character class; missing ']'
    hint: write * for any characters, ? for one, [ab] for one of these
    --- exit 1
    $ envgit branch -l t*y
      team/try  [id]  works
    $ envgit log --oneline v1..main
    [id] (HEAD -> main) upgraded
    $ envgit log --oneline v1..
    [id] (HEAD -> main) upgraded
    $ envgit log --oneline main..v1
    --- stderr
    No such commits.
    $ envgit log --oneline ^v1
    [id] (HEAD -> main) upgraded
    $ envgit log --oneline main ^HEAD~1
    [id] (HEAD -> main) upgraded
    $ envgit log --oneline main..nowhere
    --- stderr
    error: unknown revision "nowhere"
    hint: see `envgit log --oneline`, `envgit branch` and `envgit tag` for what there is
    --- exit 1
    $ envgit diff --name-only v1..main
    env:lib/python3.11/site-packages/numpy-1.24.4.dist-info/INSTALLER
    env:lib/python3.11/site-packages/numpy-1.24.4.dist-info/METADATA
    env:lib/python3.11/site-packages/numpy-1.24.4.dist-info/RECORD
    env:lib/python3.11/site-packages/numpy-1.26.4.dist-info/INSTALLER
    env:lib/python3.11/site-packages/numpy-1.26.4.dist-info/METADATA
    env:lib/python3.11/site-packages/numpy-1.26.4.dist-info/RECORD
    env:lib/python3.11/site-packages/numpy/__init__.py
    $ envgit diff --name-status v1 main -- env:bin env:*.py
    M	env:lib/python3.11/site-packages/numpy/__init__.py
    $ envgit diff --name-status --stat
    --- stderr
    error: the argument '--name-status' cannot be used with '--stat'

    Usage: envgit diff --name-status [A] [B] [-- <PATH>...]

    For more information, try '--help'.
    --- exit 2
    "#);
}

#[test]
fn a_part_comes_back() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    shell.install("env", "six", "1.16.0");
    shell.ok(&["commit"]);
    let said = shell.session(&[
        "restore --from v1 --package numpy --dry-run",
        "restore --from v1 --package numpy",
        "diff",
        "verify --live",
        "restore --package NumPy",
        "restore --package numpy",
        "restore --package torch",
        "restore env:nothing",
        "restore env:pyvenv.cfg env:nothing",
        "checkout v1 -- env:pyvenv.cfg env:*.nothing",
        "restore",
        "restore --package numpy env:bin",
    ]);
    assert_snapshot!(steady(&said), @r#"
    $ envgit restore --from v1 --package numpy --dry-run
    Would bring back v1 ([id]): First state of env: 1 package, 5 files

      env  4 to add, 1 to replace, 4 to remove; 198 B to write
    $ envgit restore --from v1 --package numpy
    Restored from v1 ([id]): 9 paths verified (files: [n] by content, [m] by stamp)

    Packages
        numpy  1.26.4 → 1.24.4  (pip)
    $ envgit diff
    HEAD ([id]) → live state

    Packages
        numpy  1.26.4 → 1.24.4  (pip)
               no requirement explains it

    Files
      env  3 added, 1 modified, 3 removed  +198 B  -198 B
    $ envgit verify --live
    9 live files (419 B) compared by digest; these are not as in HEAD ([id]):

    env
      pip/numpy: 9 paths
        A lib/python3.11/site-packages/numpy-1.24.4.dist-info
        A lib/python3.11/site-packages/numpy-1.24.4.dist-info/INSTALLER
        A lib/python3.11/site-packages/numpy-1.24.4.dist-info/METADATA
        A lib/python3.11/site-packages/numpy-1.24.4.dist-info/RECORD
        D lib/python3.11/site-packages/numpy-1.26.4.dist-info
        and 4 more
    --- stderr
    hint: bring files back with: envgit restore --from HEAD PATH; a package with: envgit restore --from HEAD --package NAME
    --- exit 1
    $ envgit restore --package NumPy
    Restored from HEAD ([id]): 6 paths verified (files: [n] by content, [m] by stamp)

    Packages
        numpy  1.24.4 → 1.26.4  (pip)
    --- stderr
    Your previous state is saved as autosave/1; go back with: envgit checkout autosave/1
    $ envgit restore --package numpy
    Nothing to do: this part is as in HEAD ([id]) already.
    $ envgit restore --package torch
    --- stderr
    error: HEAD has no package torch
    hint: `envgit packages HEAD` lists what it has
    --- exit 1
    $ envgit restore env:nothing
    --- stderr
    error: "env:nothing" matches nothing in HEAD or the live state
    hint: list what there is with `envgit ls REV`; paths count from the current folder, or write ROOT:PATH
    --- exit 1
    $ envgit restore env:pyvenv.cfg env:nothing
    --- stderr
    error: "env:nothing" matches nothing in HEAD or the live state
    hint: list what there is with `envgit ls REV`; paths count from the current folder, or write ROOT:PATH
    --- exit 1
    $ envgit checkout v1 -- env:pyvenv.cfg env:*.nothing
    --- stderr
    error: "env:*.nothing" matches nothing in v1 or the live state
    hint: list what there is with `envgit ls REV`; paths count from the current folder, or write ROOT:PATH
    --- exit 1
    $ envgit restore
    --- stderr
    error: the following required arguments were not provided:
      <--package <NAME>|PATH|--config|--vars>

    Usage: envgit restore <--package <NAME>|PATH|--config|--vars>

    For more information, try '--help'.
    --- exit 2
    $ envgit restore --package numpy env:bin
    --- stderr
    error: the argument '--package <NAME>' cannot be used with '[PATH]...'

    Usage: envgit restore <--package <NAME>|PATH|--config|--vars>

    For more information, try '--help'.
    --- exit 2
    "#);
}

#[test]
fn damage_is_told_and_repaired() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "v1"]);
    let mut layers = std::fs::read_dir(shell.path("glm/.envgit/layers")).unwrap();
    std::fs::remove_file(layers.next().unwrap().unwrap().path()).unwrap();
    let said = shell.session(&["verify", "gc", "verify --repair", "verify", "gc"]);
    assert_snapshot!(sizeless(&nameless(&steady(&said))), @"
    $ envgit verify
    damaged: layers/[name].tar.zst
      it is not there
      lost: 5 contents (env:lib/python3.11/site-packages/numpy-1.24.4.dist-info/INSTALLER, env:lib/python3.11/site-packages/numpy-1.24.4.dist-info/METADATA, env:lib/python3.11/site-packages/numpy-1.24.4.dist-info/RECORD, env:lib/python3.11/site-packages/numpy/__init__.py, env:pyvenv.cfg)
      needed by [id] (main, v1)
      remedy: bring it back from a backup; `envgit verify --repair` brings back what the live files, pins, other layers and remotes still have

    1 damage in 0 layers [size] 1 commit, 11 objects and 2 refs.
    --- exit 4
    $ envgit gc
    --- stderr
    error: nothing is removed from a damaged repository: no layer holds the content [name]
    hint: see all that is damaged with `envgit verify`; `envgit verify --repair` brings back what it can
    --- exit 4
    $ envgit verify --repair
    stored 5 contents from the live files in layer [name]

    Sound: 1 layer [size] 1 commit, 11 objects and 2 refs read; the content of 5 recorded files is there.
    $ envgit verify
    Sound: 1 layer [size] 1 commit, 11 objects and 2 refs read; the content of 5 recorded files is there.
    $ envgit gc
    Nothing to remove; 1 layer of [size] needed.
    ");
}

/// Without whole ids and digests, and without the names of layers, which are digests of compressed bytes.
fn nameless(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_name = matches!(name.len(), 12 | 40 | 64) && name.bytes().all(|b| b.is_ascii_hexdigit());
        out.push_str(if is_name { "[name]" } else { name });
        out.push_str(&word[name.len()..]);
    }
    out
}

/// Without sizes of layers, which depend on the compressor's version.
fn sizeless(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut words: Vec<&str> = Vec::new();
        for word in line.split(' ') {
            let is_unit = ["B", "KiB"]
                .iter()
                .any(|unit| word.trim_matches(['(', ')', ',', ';']) == *unit);
            if is_unit {
                words.pop();
                words.push("[size]");
            } else {
                words.push(word);
            }
        }
        out.push_str(words.join(" ").trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn variables_are_printed_for_a_shell() {
    let mut shell = Shell::with_venv();
    shell.vars = vec![
        ("CUDA_HOME".to_owned(), "/usr/local/it's".to_owned()),
        ("HF_TOKEN".to_owned(), "hf_abcdefghijklmnopqrstuvwxyz".to_owned()),
    ];
    shell.ok(&["commit", "-t", "v1"]);
    shell.vars = vec![("HF_HOME".to_owned(), "/models".to_owned())];
    let said = shell.session(&["env v1", "restore --vars --from v1", "env --shell fish", "env --json"]);
    assert_snapshot!(nameless(&steady(&said)), @r#"
    $ envgit env v1
    export CUDA_HOME='/usr/local/it'\''s'
    export PATH='/usr/local/bin:/usr/bin:/bin'
    # HF_TOKEN is secret and was not recorded
    unset HF_HOME
    $ envgit restore --vars --from v1
    export CUDA_HOME='/usr/local/it'\''s'
    export PATH='/usr/local/bin:/usr/bin:/bin'
    # HF_TOKEN is secret and was not recorded
    unset HF_HOME
    $ envgit env --shell fish
    set -gx CUDA_HOME '/usr/local/it\'s'
    set -gx PATH '/usr/local/bin:/usr/bin:/bin'
    # HF_TOKEN is secret and was not recorded
    set -e HF_HOME
    $ envgit env --json
    {"format":1,"state":{"commit":"[name]","name":"HEAD"},"set":{"CUDA_HOME":"/usr/local/it's","PATH":"/usr/local/bin:/usr/bin:/bin"},"unset":["HF_HOME"],"secret":["HF_TOKEN"]}
    "#);
}

#[test]
fn stock_git_reads_the_history() {
    let shell = Shell::with_venv();
    shell.ok(&["commit"]);
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    shell.ok(&["commit"]);
    let git = |args: &[&str]| {
        let mut git = std::process::Command::new("git");
        shell.dress(git.arg("-C").arg(".envgit/history").args(args));
        let said = shell.said(&mut git);
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        said.out
    };
    git(&["fsck", "--strict", "--full"]);
    let log = git(&["log", "--stat", "--format=%an %s"]);
    assert!(
        log.contains("Ada numpy 1.24.4 → 1.26.4") && log.contains("env/files/pip/numpy"),
        "{log}"
    );
    let diff = git(&["diff", "HEAD~1", "HEAD", "--", "env/packages.jsonl"]);
    assert!(
        diff.contains("-{\"manager\":\"pip\",\"name\":\"numpy\",\"version\":\"1.24.4\""),
        "{diff}"
    );
}

#[test]
fn the_demo_brings_its_state_back() {
    let shell = Shell::new();
    let said = shell.ok(&["demo"]);
    assert!(said.out.contains("byte-identical"), "{}", said.transcript());
    let versions: Vec<&str> = said
        .out
        .lines()
        .filter(|line| matches!(*line, "1.24.4" | "1.26.4"))
        .collect();
    assert_eq!(
        versions,
        ["1.24.4", "1.26.4", "1.24.4"],
        "as python3 itself says: {}",
        said.out
    );
}

#[test]
fn completions_and_man_pages_are_written() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish"] {
        assert!(shell.ok(&["completions", name]).out.contains("checkout"), "{name}");
    }
    shell.ok(&["man", "man1"]);
    let page = std::fs::read_to_string(shell.path("glm/man1/envgit-checkout.1")).unwrap();
    assert!(page.contains("dry\\-run"));
}

#[test]
fn the_last_commit_is_made_again() {
    let shell = Shell::with_venv();
    let nothing = shell.session(&["commit --amend"]);
    assert_snapshot!(steady(&nothing), @"
    $ envgit commit --amend
    --- stderr
    error: there is no commit to amend yet
    hint: record the first one with: envgit commit
    --- exit 1
    ");
    shell.ok(&["commit", "-t", "works"]);
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    shell.ok(&["commit", "-t", "newer"]);
    let same = shell.session(&[
        "commit --amend",
        "commit --amend -m checked",
        "commit --amend -m checked",
    ]);
    assert_snapshot!(steady(&same), @"
    $ envgit commit --amend
    Nothing changed since [id]; no commit made.
    $ envgit commit --amend -m checked
    [main [id]] checked
      env  1 package, 5 files of 231 B: 3 added, 1 modified, 3 removed
      no new content to store
    --- stderr
    warning: still at the commit before: newer; move a tag with: envgit tag -f NAME
    $ envgit commit --amend -m checked
    Nothing changed since [id]; no commit made.
    ");
    shell.install("env", "pyworld", "0.3.4");
    let more = shell.session(&[
        "commit --amend",
        "log --oneline",
        "reflog -n 3",
        "status",
        "undo",
        "log --oneline",
        "status",
    ]);
    assert_snapshot!(steady(&more), @"
    $ envgit commit --amend
    [main [id]] checked
      env  2 packages, 9 files of 434 B: 7 added, 1 modified, 3 removed
      stored 199 B of new content in a layer of [size]
    $ envgit log --oneline
    [id] (HEAD -> main) checked
    [id] (tag: newer) numpy 1.24.4 → 1.26.4
    [id] (tag: works) First state of env: 1 package, 5 files
    $ envgit reflog -n 3
    [id] HEAD@{0}: commit (amend): checked
    [id] HEAD@{1}: commit (amend): checked
    [id] HEAD@{2}: commit: numpy 1.24.4 → 1.26.4
    $ envgit status
    On branch main at [id]
    Nothing changed since [id].
    $ envgit undo
    Undone: commit --amend: checked
      branch main  [id] → [id]
      the files stay as they are
    --- stderr
    hint: take this back with: envgit redo
    $ envgit log --oneline
    [id] (HEAD -> main) checked
    [id] (tag: newer) numpy 1.24.4 → 1.26.4
    [id] (tag: works) First state of env: 1 package, 5 files
    $ envgit status
    On branch main at [id]

    Packages
      + pyworld  0.3.4  (pip)  +203 B
                 no requirement explains it

    Files
      env  4 added  +203 B
    --- stderr
    hint: see more with: envgit diff; record it with: envgit commit; go back with: envgit checkout HEAD
    ");
}

/// A message that was written from the changes is written from those of the new commit.
#[test]
fn a_message_that_told_the_changes_tells_them_again() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "works"]);
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    shell.ok(&["commit"]);
    shell.install("env", "pyworld", "0.3.4");
    let more = shell.session(&["commit --amend", "log --oneline", "diff --stat works HEAD"]);
    assert_snapshot!(steady(&more), @"
    $ envgit commit --amend
    [main [id]] numpy 1.24.4 → 1.26.4, +pyworld 0.3.4
      env  2 packages, 9 files of 434 B: 7 added, 1 modified, 3 removed
      stored 199 B of new content in a layer of [size]
    $ envgit log --oneline
    [id] (HEAD -> main) numpy 1.24.4 → 1.26.4, +pyworld 0.3.4
    [id] (tag: works) First state of env: 1 package, 5 files
    $ envgit diff --stat works HEAD
    env  packages: 1 changed, 1 added; files: 7 added, 1 modified, 3 removed
    ");
    assert_snapshot!(sizeless(&shell.session(&["verify"])), @"
    $ envgit verify
    Sound: 3 layers [size] 3 commits, 32 objects and 3 refs read; the content of 17 recorded files is there.
    ");
    // The first commit has no commit before it, and keeps its words.
    shell.ok(&["checkout", "works"]);
    shell.install("env", "pyworld", "0.3.4");
    let first = shell.session(&["commit --amend -b x", "commit --amend", "log --oneline"]);
    assert_snapshot!(steady(&first), @"
    $ envgit commit --amend -b x
    --- stderr
    error: the argument '--amend' cannot be used with '--branch <NAME>'

    Usage: envgit commit --amend

    For more information, try '--help'.
    --- exit 2
    $ envgit commit --amend
    [works-1 (first commit) [id]] First state of env: 1 package, 5 files
      env  2 packages, 9 files of 434 B
      no new content to store
    --- stderr
    warning: still at the commit before: works; move a tag with: envgit tag -f NAME
    hint: this is the start of branch works-1; rename it with: envgit branch -m works-1 NAME
    $ envgit log --oneline
    [id] (HEAD -> works-1) First state of env: 1 package, 5 files
    [id] (main) numpy 1.24.4 → 1.26.4, +pyworld 0.3.4
    [id] (tag: works) First state of env: 1 package, 5 files
    ");
}

#[test]
fn a_short_status_is_for_scripts() {
    let shell = Shell::with_venv();
    shell.ok(&["commit", "-t", "works"]);
    let clean = shell.ok(&["status", "-s"]);
    assert_eq!((clean.out.as_str(), clean.err.as_str()), ("", ""));
    shell.uninstall("env", "numpy", "1.24.4");
    shell.install("env", "numpy", "1.26.4");
    let short = shell.ok(&["status", "--short"]);
    assert_eq!(short.out, shell.ok(&["diff", "--name-status"]).out);
    assert!(
        short
            .out
            .contains("M\tenv:lib/python3.11/site-packages/numpy/__init__.py\n")
    );
    assert_eq!(short.err, "");
}

/// A path is brought back whatever of the folders above it is gone.
#[test]
fn a_file_comes_back_with_the_folders_above_it() {
    let shell = Shell::with_venv();
    shell.write("env/etc/deep/a.ini", "1");
    shell.write("env/etc/deep/b.ini", "2");
    shell.write("glm/configs/x.yaml", "rate: 1\n");
    shell.ok(&["root", "add", &format!("glm={}:project", shell.path("glm").display())]);
    shell.ok(&["commit"]);
    std::fs::remove_dir_all(shell.path("env/etc")).unwrap();
    std::fs::remove_dir_all(shell.path("glm/configs")).unwrap();
    shell.ok(&["checkout", "HEAD", "--", "env:etc/deep/a.ini", "configs/x.yaml"]);
    assert_eq!(std::fs::read(shell.path("env/etc/deep/a.ini")).unwrap(), b"1");
    assert_eq!(std::fs::read(shell.path("glm/configs/x.yaml")).unwrap(), b"rate: 1\n");
    let short = shell.ok(&["status", "-s"]);
    assert_eq!(short.out, "D\tenv:etc/deep/b.ini\n");
    shell.ok(&["checkout", "HEAD", "--", "env:etc/deep/b.ini"]);
    assert_eq!(shell.ok(&["status", "-s"]).out, "");
}

/// What others reach through a link above a package is not hidden behind a new folder.
#[test]
fn a_package_is_not_put_in_the_place_of_a_link() {
    let shell = Shell::with_venv();
    shell.install("env", "einops", "0.8.0");
    shell.ok(&["commit"]);
    std::fs::rename(shell.path("env/lib"), shell.path("env/lib.moved")).unwrap();
    std::os::unix::fs::symlink("lib.moved", shell.path("env/lib")).unwrap();
    let refused = shell.session(&[
        "restore --package numpy",
        "restore env:lib/python3.11/site-packages/numpy",
    ]);
    assert_snapshot!(steady(&refused), @"
    $ envgit restore --package numpy
    --- stderr
    error: env:lib is no folder here, and env:lib/python3.11 cannot be put into it
    hint: name env:lib too, or move it away; nothing was changed
    --- exit 1
    $ envgit restore env:lib/python3.11/site-packages/numpy
    --- stderr
    error: env:lib is no folder here, and env:lib/python3.11 cannot be put into it
    hint: name env:lib too, or move it away; nothing was changed
    --- exit 1
    ");
    assert!(shell.path("env/lib").is_symlink());
    // Named, it goes.
    shell.ok(&["restore", "env:lib"]);
    assert!(!shell.path("env/lib").is_symlink());
}

/// `-` is where HEAD was, whatever became of the name by which it had got there.
#[test]
fn the_place_before_is_a_commit() {
    let shell = Shell::with_venv();
    for n in 0..5 {
        shell.write("env/f", n.to_string());
        shell.ok(&["commit", "-m", &n.to_string()]);
    }
    let live = || std::fs::read_to_string(shell.path("env/f")).unwrap();
    shell.ok(&["tag", "mark", "main~3"]);
    shell.ok(&["checkout", "mark"]);
    shell.ok(&["checkout", "main"]);
    shell.ok(&["tag", "-f", "mark", "main~1"]);
    shell.ok(&["checkout", "-"]);
    assert_eq!(live(), "1");
    shell.ok(&["checkout", "main"]);
    shell.ok(&["checkout", "HEAD~1"]);
    shell.ok(&["checkout", "main~2"]);
    shell.ok(&["checkout", "-"]);
    assert_eq!(live(), "3");
    shell.ok(&["checkout", "@{-2}"]);
    assert_eq!(live(), "3", "main~2 was reached from HEAD~1");
}

#[test]
fn a_first_commit_that_was_undone_is_no_damage() {
    let shell = Shell::with_venv();
    shell.ok(&["commit"]);
    for step in ["undo", "redo", "undo"] {
        shell.ok(&[step]);
        shell.ok(&["verify"]);
    }
    // A branch that is lost otherwise is.
    shell.ok(&["redo"]);
    std::fs::remove_file(shell.path("glm/.envgit/history/refs/heads/main")).unwrap();
    let lost = shell.run(&["verify"]);
    assert_eq!(lost.code, 4, "{}", lost.transcript());
}
