//! Secrets in commits, as `check --secrets` tells them and `push` refuses them.

mod common;

use common::cli::Shell;

/// Made here, so that no scanner of this source takes one for real.
fn token(prefix: &str, length: usize) -> String {
    prefix.to_owned() + &"aB3dE5gH7jK9mN1pQ2sT4vW6yZ8".repeat(4)[..length]
}

/// A repository with a project root, `app`, and a venv.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("env/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
    shell.install("env", "numpy", "1.24.4");
    shell.write("app/model.yaml", "eos_token: </s>\nlr: 1e-4\n");
    let (env, app) = (shell.path("env"), shell.path("app"));
    shell.ok(&[
        "init",
        "--no-project",
        "--root",
        &format!("env={}:venv", env.display()),
        "--root",
        &format!("app={}:project", app.display()),
    ]);
    shell
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let shell = shell();
    shell.ok(&["commit"]);
    let said = shell.ok(&["check", "--secrets"]);
    assert!(said.out.contains("No secrets in"), "{}", said.out);
}

#[test]
fn after_a_push_nothing_is_left_to_look_at() {
    let shell = shell();
    shell.ok(&["commit"]);
    shell.ok(&["remote", "add", "origin", shell.path("hub").to_str().unwrap()]);
    shell.ok(&["push"]);
    let said = shell.ok(&["check", "--secrets"]);
    assert!(said.out.starts_with("Nothing is left to push"), "{}", said.out);
}

#[test]
fn each_secret_is_named_once_with_commit_place_line_and_kind() {
    let mut shell = shell();
    let hf = token("hf_", 34);
    shell.write("app/hub.yaml", format!("a: 1\ntoken: {hf}\n"));
    shell.write("app/.env", "LOG=debug\nDB_PASSWORD=hunter2!\n");
    shell.write("app/.netrc", "machine h login bob password hunter2x\n");
    shell.write(
        "env/pip.conf",
        "[global]\nindex-url = https://bob:s3cretpw@pypi.corp/simple\n",
    );
    // What a package brought was public before.
    shell.write(
        "env/lib/python3.11/site-packages/numpy/.netrc",
        "machine h login bob password hunter2x\n",
    );
    let record = "env/lib/python3.11/site-packages/numpy-1.24.4.dist-info/RECORD";
    let text = std::fs::read_to_string(shell.path(record)).unwrap();
    shell.write(record, text + "numpy/.netrc,,\n");
    shell.vars.push(("MODEL_PASS_PHRASE".into(), hf.clone()));
    shell.ok(&["config", "vars.secret", "!MODEL_PASS_PHRASE"]);
    shell.ok(&["commit", "-m", "first"]);
    shell.write("app/more.json", format!("{{\"a\": \"{}\"}}\n", token("ghp_", 36)));
    shell.ok(&["commit", "-m", &format!("with {}", token("glpat-", 20))]);
    let said = shell.run(&["check", "--secrets", "--json"]);
    assert_eq!(said.code, 1, "{}", said.transcript());
    assert!(!said.out.contains(&hf) && !said.out.contains("hunter2"), "{}", said.out);
    let json = said.json();
    assert_eq!(
        (&json["commits"], json["unread"].as_array().unwrap().len()),
        (&2.into(), 0)
    );
    let found: Vec<String> = json["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            format!(
                "{} {} {}",
                found["place"].as_str().unwrap(),
                found["line"],
                found["kind"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "app:.env 2 password",
            "app:hub.yaml 2 huggingface-token",
            "app:.netrc 1 password",
            "env:pip.conf 2 url-password",
            "vars.json:MODEL_PASS_PHRASE null variable",
            "message 1 gitlab-token",
            "app:more.json 1 github-token",
        ]
    );
    let secrets = json["secrets"].as_array().unwrap();
    assert_ne!(secrets[0]["commit"], secrets[5]["commit"]);
}

#[test]
fn what_is_allowed_is_counted_and_no_failure() {
    let shell = shell();
    shell.write("app/tests/a.json", format!("{{\"a\": \"{}\"}}\n", token("ghp_", 36)));
    shell.write("app/b.json", format!("{{\"a\": \"{}\"}}\n", token("ghp_", 36)));
    shell.ok(&["commit"]);
    shell.ok(&["config", "push.allowed_secrets", "app:tests/*:github-token"]);
    let said = shell.run(&["check", "--secrets"]);
    assert_eq!(said.code, 1);
    assert!(
        said.out
            .contains("app:b.json line 1 github-token ghp_… (40 characters)"),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("; 1 allowed.") && !said.out.contains("tests"),
        "{}",
        said.out
    );
    shell.ok(&["config", "push.allowed_secrets", "app:*:github-token"]);
    shell.ok(&["check", "--secrets"]);
}

#[test]
fn what_the_remote_has_is_not_told_again() {
    let shell = shell();
    shell.write("app/b.json", format!("{{\"a\": \"{}\"}}\n", token("ghp_", 36)));
    shell.write("app/.netrc", "machine h login bob password hunter2x\n");
    shell.ok(&["commit"]);
    let history = ["project/.envgit/history", ".envgit/history"].map(|path| shell.cwd.join(path));
    let history = history.into_iter().find(|path| path.exists()).unwrap();
    let mut git = std::process::Command::new("git");
    shell.dress(&mut git);
    git.env("GIT_DIR", history)
        .args(["update-ref", "refs/remotes/origin/main", "refs/heads/main"]);
    assert!(git.status().unwrap().success());
    shell.ok(&["check", "--secrets"]);
    // Another file changes, and the one that the remote has stays as it is.
    shell.write("app/model.yaml", "lr: 2e-4\n");
    shell.write("app/README", "beside .netrc\n");
    shell.ok(&["commit"]);
    let said = shell.ok(&["check", "--secrets"]);
    assert!(said.out.contains("of 1 commit"), "{}", said.out);
}

#[test]
fn a_token_is_known_by_the_folder_of_its_root() {
    let shell = Shell::new();
    shell.write("home/.cache/huggingface/token", token("hf_", 34));
    let root = format!("huggingface={}:cache", shell.path("home/.cache/huggingface").display());
    shell.ok(&["init", "--no-project", "--root", &root]);
    shell.ok(&["commit"]);
    let said = shell.run(&["check", "--secrets"]);
    assert_ne!(said.code, 0, "{}", said.transcript());
    assert!(said.out.contains("huggingface:token"), "{}", said.transcript());
}

#[test]
fn a_push_with_secrets_sends_nothing_unless_it_is_told_to() {
    let shell = shell();
    shell.write("app/hub.yaml", format!("token: {}\n", token("hf_", 34)));
    shell.ok(&["commit"]);
    let hub = shell.path("hub");
    shell.ok(&["remote", "add", "origin", hub.to_str().unwrap()]);
    let said = shell.run(&["push"]);
    assert_ne!(said.code, 0, "{}", said.transcript());
    assert!(
        said.err.contains("app:hub.yaml, line 1: huggingface-token"),
        "{}",
        said.err
    );
    assert!(said.err.contains("--allow-secrets"), "{}", said.err);
    assert!(!hub.exists(), "nothing was sent");
    shell.ok(&["push", "--allow-secrets"]);
    // What the remote has is not looked at again.
    shell.write("app/model.yaml", "eos_token: </s>\nlr: 1e-5\n");
    shell.ok(&["commit"]);
    shell.ok(&["push"]);
}
