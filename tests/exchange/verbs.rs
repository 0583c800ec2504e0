//! The verbs as a user types them.

use std::path::{Path, PathBuf};

use super::common::cli::{Said, Shell};
use super::common::{differing, picture};
use super::places::noise;

/// A repository of Ada's, and a folder that Ben works from.
struct Team {
    shell: Shell,
}

impl Team {
    fn new() -> Self {
        let shell = Shell::with_venv();
        shell.ok(&["commit", "-m", "works"]);
        shell.ok(&["tag", "v1"]);
        Self { shell }
    }

    /// Ada's repository, with a remote that it was pushed to.
    fn pushed() -> Self {
        let team = Self::new();
        team.ada(&["remote", "add", "origin", "/T/remote"]);
        team.ada(&["push", "--tags"]);
        team
    }

    /// Runs it from a folder; `/T` is the temporary folder.
    fn run_in(&self, dir: &Path, args: &[&str]) -> Said {
        let top = self.shell.dir.path().to_str().unwrap();
        let real: Vec<String> = args.iter().map(|arg| arg.replace("/T", top)).collect();
        let real: Vec<&str> = real.iter().map(String::as_str).collect();
        self.shell.run_in(dir, &real)
    }

    fn ok_in(&self, dir: &Path, args: &[&str]) -> Said {
        let said = self.run_in(dir, args);
        assert_eq!(said.code, 0, "{args:?}: {}", said.transcript());
        said
    }

    fn ada(&self, args: &[&str]) -> Said {
        self.ok_in(&self.shell.cwd, args)
    }

    fn ben_dir(&self) -> PathBuf {
        self.shell.path("ben/glm")
    }

    fn ben(&self, args: &[&str]) -> Said {
        self.ok_in(&self.ben_dir(), args)
    }

    fn clone(&self, args: &[&str]) -> Said {
        std::fs::create_dir_all(self.shell.path("ben")).unwrap();
        self.run_in(&self.shell.path("ben"), args)
    }

    fn install(&self, env: &str, version: &str) {
        self.shell.install(env, "einops", version);
        self.shell.write(&format!("{env}/lib/noise"), noise(7, 200_000));
    }
}

#[test]
fn a_clone_stands_and_is_clean() {
    let team = Team::pushed();
    let said = team.clone(&["clone", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert!(
        said.out
            .contains("Cloned /T/remote into /T/ben/glm\nOn branch main at "),
        "{}",
        said.out
    );
    assert!(said.out.contains("(shared with it on this disk)"), "{}", said.out);
    assert!(said.err.contains("cd /T/ben/glm"), "{}", said.err);
    assert!(
        said.err.contains("source /T/ben/glm/.venv/bin/activate"),
        "{}",
        said.err
    );
    let there = picture(&team.shell.path("ben/glm/.venv"));
    assert_eq!(
        differing(&picture(&team.shell.path("env")), &there),
        Vec::<String>::new()
    );
    let status = team.ben(&["status"]);
    assert!(status.out.contains("Up to date with origin/main."), "{}", status.out);
    assert!(status.out.contains("Nothing changed since"), "{}", status.out);
    assert!(team.ben(&["tag"]).out.contains("v1"));
    assert!(!team.ben_dir().join(".envgit/clone.json").exists());
    // A commit with nothing new is the same commit.
    assert!(
        team.ben(&["commit", "-m", "x"]).out.contains("Nothing"),
        "no change was made"
    );
}

#[test]
fn push_and_pull_go_back_and_forth() {
    let team = Team::pushed();
    team.clone(&["clone", "/T/remote", "glm"]);
    team.install("ben/glm/.venv", "0.8.0");
    team.ben(&["commit", "-m", "einops"]);
    assert!(team.ben(&["status"]).out.contains("1 commit ahead of origin/main."));
    let pushed = team.ben(&["push"]);
    assert!(pushed.out.contains("Pushed 1 layer of"), "{}", pushed.out);
    assert!(team.ben(&["push"]).out.contains("origin is up to date"));
    let fetched = team.ada(&["fetch"]);
    assert!(fetched.out.contains("Fetched 1 layer of"), "{}", fetched.out);
    assert!(team.ada(&["status"]).out.contains("1 commit behind origin/main"));
    let planned = team.ada(&["pull", "--dry-run"]);
    assert!(planned.out.contains(" to add"), "{}", planned.out);
    assert!(!team.shell.path("env/lib/python3.11/site-packages/einops").exists());
    assert!(team.ada(&["status"]).out.contains("1 commit behind origin/main"));
    let pulled = team.ada(&["pull"]);
    assert!(pulled.out.contains("main"), "{}", pulled.out);
    assert!(team.shell.path("env/lib/python3.11/site-packages/einops").is_dir());
    assert!(team.ada(&["status"]).out.contains("Up to date with origin/main."));
    assert!(team.ada(&["log", "--oneline"]).out.contains("einops"));
    // The way back.
    team.ada(&["undo", "--yes"]);
    assert!(!team.shell.path("env/lib/python3.11/site-packages/einops").exists());
    assert!(team.ada(&["status"]).out.contains("1 commit behind origin/main"));
    team.ada(&["pull"]);
    assert!(team.ada(&["pull"]).out.contains("main is up to date with origin/main"));
}

#[test]
fn who_diverged_is_told_what_to_do() {
    let team = Team::pushed();
    team.clone(&["clone", "/T/remote", "glm"]);
    team.install("ben/glm/.venv", "0.8.0");
    team.ben(&["commit", "-m", "ben's"]);
    team.ben(&["push"]);
    team.install("env", "0.7.0");
    team.ada(&["commit", "-m", "ada's"]);
    let said = team.run_in(&team.shell.cwd, &["push"]);
    assert_eq!(said.code, 1);
    assert!(
        said.out
            .contains("rejected main: the remote has commits that are not here"),
        "{}",
        said.transcript()
    );
    assert!(said.err.contains("envgit pull"), "{}", said.err);
    assert!(
        said.err.starts_with("error: the remote did not take everything\n"),
        "{}",
        said.err
    );
    let before = picture(&team.shell.path("env"));
    let said = team.run_in(&team.shell.cwd, &["pull"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err
            .contains("main and origin/main have diverged: 1 and 1 commits apart"),
        "{}",
        said.err
    );
    assert_eq!(
        differing(&before, &picture(&team.shell.path("env"))),
        Vec::<String>::new()
    );
    let said = team.run_in(&team.shell.cwd, &["push"]);
    assert!(said.out.contains("commits that are not in it"), "{}", said.out);
    team.ada(&["push", "--force-with-lease"]);
    let said = team.ben(&["fetch"]);
    assert!(said.out.contains("(moved by force)"), "{}", said.out);
}

#[test]
fn a_history_without_layers_answers_at_once() {
    let team = Team::pushed();
    team.install("env", "0.8.0");
    team.ada(&["commit", "-m", "einops"]);
    team.ada(&["push"]);
    let said = team.clone(&["clone", "--history", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert_eq!(
        std::fs::read_dir(team.ben_dir().join(".envgit/layers"))
            .unwrap()
            .count(),
        0
    );
    assert!(!team.ben_dir().join(".venv").exists());
    assert!(team.ben(&["log", "--oneline"]).out.contains("einops"));
    assert!(team.ben(&["diff", "v1", "main"]).out.contains("einops"));
    assert!(team.ben(&["why", "einops"]).out.contains("einops"));
    team.ben(&["check", "main"]);
    // Without the remote, a checkout says what is missing.
    let remote = team.shell.path("remote");
    std::fs::rename(&remote, team.shell.path("away")).unwrap();
    let said = team.run_in(&team.ben_dir(), &["checkout", "main"]);
    assert_ne!(said.code, 0);
    assert!(
        said.err.contains("there is nothing at /T/remote"),
        "{}",
        said.transcript()
    );
    assert!(!team.ben_dir().join(".venv/lib").exists());
    std::fs::rename(team.shell.path("away"), &remote).unwrap();
    // What is fetched later is without layers, too, until they are asked for.
    team.ada(&["commit", "--allow-empty", "-m", "more"]);
    team.ben(&["fetch"]);
    assert_eq!(
        std::fs::read_dir(team.ben_dir().join(".envgit/layers"))
            .unwrap()
            .count(),
        0
    );
    let said = team.ben(&["fetch", "--missing"]);
    assert!(said.out.contains("Fetched 2 layers of"), "{}", said.out);
    team.ben(&["checkout", "main"]);
    assert!(
        team.ben_dir()
            .join(".venv/lib/python3.11/site-packages/einops")
            .is_dir()
    );
}

#[test]
fn what_a_history_left_at_its_remote_is_not_damage() {
    let team = Team::pushed();
    // Only a tag leads to the commit.
    team.ada(&["checkout", "-b", "side", "HEAD"]);
    team.install("env", "0.8.0");
    team.ada(&["commit", "-m", "einops"]);
    team.ada(&["tag", "released"]);
    team.ada(&["checkout", "main"]);
    team.ada(&["push", "origin", "main", "released"]);
    let said = team.clone(&["clone", "--history", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    let verify = || team.run_in(&team.ben_dir(), &["verify"]);
    let said = verify();
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert!(said.out.starts_with("Sound: 0 layers (0 B), "), "{}", said.out);
    assert!(
        said.out.contains("the content of no recorded file is there"),
        "{}",
        said.out
    );
    assert!(
        said.out
            .contains("stays with origin; envgit fetch --missing origin brings it."),
        "{}",
        said.out
    );
    let json = team.ben(&["verify", "--json"]).json();
    assert_eq!(json["sound"].as_bool(), Some(true));
    assert_eq!(json["promised"]["remote"].as_str(), Some("origin"));
    assert_eq!(json["promised"]["files"], json["contents"]);
    // A repair does not bring it either.
    let said = team.ben(&["verify", "--repair"]);
    assert!(said.out.starts_with("Sound: 0 layers"), "{}", said.out);
    // What a checkout brought was here, and is missed.
    team.ben(&["checkout", "main"]);
    let layers = || {
        let found = std::fs::read_dir(team.ben_dir().join(".envgit/layers")).unwrap();
        found.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    assert_eq!(verify().code, 0, "{}", verify().transcript());
    let brought = layers();
    assert_eq!(brought.len(), 1);
    // What only a commit of this repository needs is at no remote.
    let module = team.ben_dir().join(".venv/lib/python3.11/site-packages/of_ben.py");
    std::fs::write(&module, "ben = 1\n").unwrap();
    team.ben(&["commit", "-m", "ben's"]);
    let own = layers().into_iter().find(|layer| !brought.contains(layer)).unwrap();
    std::fs::remove_file(&own).unwrap();
    std::fs::remove_dir_all(team.ben_dir().join(".envgit/cache")).unwrap();
    let said = verify();
    assert_eq!(said.code, 4, "{}", said.transcript());
    assert!(said.out.contains("of_ben.py"), "{}", said.out);
    assert!(said.out.contains("1 damage in 1 layer"), "{}", said.out);
    assert!(said.out.contains("lost: 1 content "), "{}", said.out);
}

#[test]
fn a_dry_run_leaves_nothing() {
    let team = Team::pushed();
    let said = team.clone(&["clone", "--dry-run", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert!(
        said.out.contains("Clone of /T/remote into /T/ben/glm\n"),
        "{}",
        said.out
    );
    assert!(said.out.contains("env  /T/ben/glm/.venv (venv, "), "{}", said.out);
    assert!(said.out.contains("recorded at /T/env"), "{}", said.out);
    assert!(!team.ben_dir().exists());
    let json = team.clone(&["clone", "--dry-run", "--json", "/T/remote", "glm"]).json();
    assert_eq!(json["roots"][0]["path"].as_str(), Some("/T/ben/glm/.venv"));
    assert_eq!(json["dry_run"].as_bool(), Some(true));
}

#[test]
fn what_speaks_against_a_clone_is_told_at_once() {
    let team = Team::pushed();
    team.shell.write("ben/full/x", "x");
    let said = team.clone(&["clone", "/T/remote", "full"]);
    assert!(said.err.contains("/T/ben/full is not empty"), "{}", said.err);
    let said = team.clone(&["clone", "--root", "env=/T/ben/full", "/T/remote", "glm"]);
    assert!(said.err.contains("/T/ben/full is not empty"), "{}", said.err);
    assert!(!team.ben_dir().exists());
    let said = team.clone(&["clone", "--root", "nope=/T/x", "/T/remote", "glm"]);
    assert!(said.err.contains("there is no root \"nope\""), "{}", said.err);
    let said = team.clone(&["clone", "/T/nowhere", "glm"]);
    assert!(said.err.contains("there is nothing at /T/nowhere"), "{}", said.err);
    assert!(!team.ben_dir().exists());
    let said = team.clone(&["clone", "--rev", "nope", "/T/remote", "glm"]);
    assert!(said.err.contains("nope"), "{}", said.err);
}

#[test]
fn what_holds_the_old_path_holds_the_new_one() {
    let team = Team::pushed();
    let script = |dir: &Path| format!("VIRTUAL_ENV={}\n", dir.display());
    team.shell.write("env/bin/activate", script(&team.shell.path("env")));
    team.ada(&["commit", "-m", "activate"]);
    team.ada(&["push"]);
    let said = team.clone(&["clone", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    let venv = team.shell.path("ben/glm/.venv");
    let there = std::fs::read_to_string(venv.join("bin/activate")).unwrap();
    assert_eq!(there, script(&venv.canonicalize().unwrap()));
    assert!(team.ben(&["status"]).out.contains("Nothing changed since"));
    // And what is committed there is as if it had been made here.
    team.shell.write("ben/glm/.venv/bin/deactivate", script(&venv));
    team.ben(&["commit", "-m", "deactivate"]);
    team.ben(&["push"]);
    team.ada(&["pull"]);
    let here = std::fs::read_to_string(team.shell.path("env/bin/deactivate")).unwrap();
    assert_eq!(here, script(&team.shell.path("env")));
}

#[test]
fn a_teammates_folder_is_cloned() {
    let team = Team::new();
    let said = team.clone(&["clone", "../glm", "glm", "--rev", "v1"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert!(said.out.contains("At v1 ("), "{}", said.out);
    assert!(team.ben(&["status"]).out.contains("Nothing changed since"));
    let said = team.run_in(&team.ben_dir(), &["checkout", "-b", "main", "origin/main"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    let said = team.run_in(&team.ben_dir(), &["push"]);
    assert!(
        said.err.contains("is a repository that somebody works in"),
        "{}",
        said.err
    );
}

#[test]
fn a_clone_that_was_cut_off_goes_on() {
    let team = Team::pushed();
    let layers = team.shell.path("remote/layers");
    let hidden = team.shell.path("hidden");
    std::fs::rename(&layers, &hidden).unwrap();
    let said = team.clone(&["clone", "/T/remote", "glm"]);
    assert_ne!(said.code, 0);
    assert!(!team.ben_dir().join(".envgit/format.json").exists());
    let said = team.run_in(&team.shell.path("ben/glm"), &["status"]);
    assert_ne!(said.code, 0, "it is no repository yet");
    std::fs::rename(&hidden, &layers).unwrap();
    let said = team.clone(&["clone", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert!(team.ben(&["status"]).out.contains("Nothing changed since"));
    let said = team.clone(&["clone", "/T/remote", "glm"]);
    assert!(said.err.contains("is already an envgit repository"), "{}", said.err);
}

#[test]
fn a_clone_that_was_cut_off_is_no_place_to_commit() {
    let team = Team::pushed();
    team.shell.write("env/lib/more", "more");
    team.ada(&["commit", "-m", "more"]);
    team.ada(&["push"]);
    team.clone(&["clone", "/T/remote", "glm"]);
    // As if it had been killed right before the checkout.
    let dir = team.ben_dir().join(".envgit");
    let remote = team.shell.path("remote").canonicalize().unwrap();
    std::fs::write(dir.join("clone.json"), format!("{{\"url\": {remote:?}}}")).unwrap();
    std::fs::remove_file(dir.join("history/refs/heads/main")).unwrap();
    std::fs::remove_dir_all(team.ben_dir().join(".venv")).unwrap();
    let said = team.run_in(&team.ben_dir(), &["status"]);
    assert!(
        said.err.contains("was cut off; finish it with: envgit clone"),
        "{}",
        said.transcript()
    );
    let said = team.run_in(&team.ben_dir(), &["commit", "-m", "x"]);
    assert_ne!(said.code, 0);
    assert!(
        said.err.contains("nothing of it stands here yet"),
        "{}",
        said.transcript()
    );
    // Somebody made the branch otherwise.
    let other = team.ben(&["show", "v1", "--json"]).json()["commit"]
        .as_str()
        .unwrap()
        .to_owned();
    std::fs::write(dir.join("history/refs/heads/main"), other + "\n").unwrap();
    let said = team.clone(&["clone", "/T/remote", "glm"]);
    assert_ne!(said.code, 0, "{}", said.transcript());
    assert!(
        said.err.contains("the branch main was moved here"),
        "{}",
        said.transcript()
    );
    std::fs::remove_file(dir.join("history/refs/heads/main")).unwrap();
    let said = team.clone(&["clone", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert!(team.ben(&["status"]).out.contains("Nothing changed since"));
}

#[test]
fn another_address_is_another_remote() {
    let team = Team::new();
    team.shell.write("glm/x", "");
    team.shell
        .write("env/.env", "HF_TOKEN=hf_abcdefghijKLMNOPqrstuvWXYZ01234567\n");
    team.ada(&["commit", "-m", "with a secret"]);
    team.ada(&["remote", "add", "origin", "/T/private"]);
    let refused = team.run_in(&team.shell.cwd, &["push"]);
    assert_ne!(refused.code, 0);
    team.ada(&["push", "--allow-secrets"]);
    team.ada(&["remote", "set-url", "origin", "/T/public"]);
    let refused = team.run_in(&team.shell.cwd, &["push"]);
    assert_ne!(refused.code, 0, "{}", refused.transcript());
    assert!(
        refused.err.contains("HF_TOKEN") || refused.err.contains(".env"),
        "{}",
        refused.transcript()
    );
    assert!(!team.shell.path("public").exists());
}

#[test]
fn a_branch_goes_to_another_name_only_when_that_is_said() {
    let team = Team::pushed();
    team.clone(&["clone", "/T/remote", "glm"]);
    team.ben(&["checkout", "-b", "mine", "origin/main"]);
    std::fs::write(team.ben_dir().join(".venv/lib/note"), "mine").unwrap();
    team.ben(&["commit", "-m", "a note"]);
    let said = team.run_in(&team.ben_dir(), &["push"]);
    assert_eq!(said.code, 1, "{}", said.transcript());
    assert!(
        said.err.contains("mine follows origin/main, which has another name"),
        "{}",
        said.transcript()
    );
    let said = team.ben(&["push", "origin", "mine:main"]).out;
    assert!(said.contains("main "), "{said}");
    assert!(team.ben(&["status"]).out.contains("Up to date with origin/main"));
    team.ada(&["pull"]);
    assert!(team.shell.path("env/lib/note").exists());
    assert!(team.ben(&["push", "origin", "mine"]).out.contains("mine is new"));
}

#[test]
fn what_is_removed_over_there_has_to_be_there() {
    let team = Team::pushed();
    team.ada(&["push", "origin", "v1"]);
    team.ada(&["tag", "-d", "v1"]);
    let said = team.ada(&["push", "-d", "origin", "v1"]).out;
    assert!(
        said.starts_with("Removed from /") && said.contains("v1 removed"),
        "{said}"
    );
    for name in ["v1", "mian"] {
        let said = team.run_in(&team.shell.cwd, &["push", "-d", "origin", name]);
        assert_eq!(said.code, 1, "{}", said.transcript());
        assert!(
            said.err.contains(&format!("origin has no branch or tag {name}")),
            "{}",
            said.transcript()
        );
    }
}

#[test]
fn gc_takes_a_history_for_what_it_is() {
    let team = Team::pushed();
    team.clone(&["clone", "--history", "/T/remote", "glm"]);
    team.ben(&["gc"]);
    team.ben(&["verify"]);
}

#[test]
fn data_comes_as_it_was() {
    let team = Team::pushed();
    let place = team.shell.path("env").canonicalize().unwrap();
    let place = place.to_str().unwrap();
    let data = [
        &b"PK\x03\x04\0\0\0"[..],
        place.as_bytes(),
        b"/train\0\0\0\0\0\0\0\0the sum",
    ]
    .concat();
    team.shell.write("env/share/model.pt", &data);
    team.ada(&["commit", "-m", "a checkpoint"]);
    team.ada(&["push"]);
    let said = team.clone(&["clone", "--root", "env=/T/b", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert_eq!(std::fs::read(team.shell.path("b/share/model.pt")).unwrap(), data);
    assert!(
        said.out.contains("env:share/model.pt: it is data"),
        "{}",
        said.transcript()
    );
    assert!(team.ben(&["status"]).out.contains("Nothing changed since"));
}

#[test]
fn a_clone_is_the_same_by_every_name_of_its_folder() {
    let team = Team::new();
    let settings = format!("data: {}/data\n", team.shell.cwd.canonicalize().unwrap().display());
    team.shell.write("glm/c.yaml", &settings);
    let cwd = team.shell.cwd.clone();
    team.ada(&["root", "add", &format!("app={}", cwd.display())]);
    team.ada(&["commit", "-m", "settings"]);
    team.ada(&["remote", "add", "origin", "/T/remote"]);
    team.ada(&["push"]);
    std::fs::create_dir_all(team.shell.path("ben")).unwrap();
    std::fs::create_dir(team.shell.path("disk")).unwrap();
    std::os::unix::fs::symlink(team.shell.path("disk"), team.shell.path("ben/home")).unwrap();
    let by_link = team.shell.path("ben/home/glm");
    let said = team.run_in(
        &team.shell.path("ben"),
        &["clone", "/T/remote", by_link.to_str().unwrap()],
    );
    assert_eq!(said.code, 0, "{}", said.transcript());
    for dir in [&by_link, &team.shell.path("disk/glm")] {
        let said = team.ok_in(dir, &["status"]);
        assert!(said.out.contains("Nothing changed since"), "{}", said.transcript());
        assert!(team.ok_in(dir, &["ls", "--", "c.yaml"]).out.contains("app/c.yaml"));
    }
    // Moved, it is told what to do, and then it names the new place.
    let moved = team.shell.path("disk/moved");
    std::fs::rename(team.shell.path("disk/glm"), &moved).unwrap();
    assert!(team.ok_in(&moved, &["status"]).err.contains("envgit checkout HEAD"));
    team.ok_in(&moved, &["checkout", "HEAD"]);
    assert!(team.ok_in(&moved, &["status"]).out.contains("Nothing changed since"));
    let now = std::fs::read_to_string(moved.join("c.yaml")).unwrap();
    assert!(now.ends_with("/moved/data\n"), "{now}");
}

#[test]
fn remotes_are_added_listed_and_forgotten() {
    let team = Team::new();
    assert!(team.ada(&["remote"]).out.contains("No remotes"));
    let said = team.run_in(&team.shell.cwd, &["push"]);
    assert!(said.err.contains("there is no remote"), "{}", said.err);
    team.ada(&["remote", "add", "origin", "../remote"]);
    assert_eq!(team.ada(&["remote"]).out, "origin  /T/remote\n");
    for url in [
        "https://me:secret@host/x",
        "me:secret@host:x",
        "s3://b?endpoint=http://me:secret@host",
    ] {
        let said = team.run_in(&team.shell.cwd, &["remote", "add", "x", url]);
        assert_ne!(said.code, 0, "{url}");
        assert!(
            said.err.contains("password") && !said.err.contains("secret"),
            "{}",
            said.err
        );
    }
    let said = team.run_in(&team.shell.cwd, &["remote", "add", "../x", "/T/x"]);
    assert!(said.err.contains("bad name"), "{}", said.err);
    let said = team.ada(&["push"]);
    assert!(
        said.out.contains("main follows origin/main from now on"),
        "{}",
        said.out
    );
    assert_eq!(
        team.ada(&["config", "branches.main.upstream"]).out.trim(),
        "origin/main"
    );
    assert_eq!(team.ada(&["config", "remotes.origin.url"]).out.trim(), "/T/remote");
    team.ada(&["remote", "remove", "origin"]);
    assert!(team.ada(&["remote"]).out.contains("No remotes"));
    let said = team.run_in(&team.shell.cwd, &["diff", "origin/main"]);
    assert_ne!(said.code, 0);
}

#[test]
fn branches_are_removed_over_there() {
    let team = Team::pushed();
    team.ada(&["branch", "try"]);
    team.ada(&["push", "origin", "try"]);
    team.clone(&["clone", "/T/remote", "glm"]);
    let said = team.ada(&["push", "--delete", "origin", "try"]);
    assert!(said.out.contains("try removed"), "{}", said.out);
    let said = team.ben(&["fetch", "--prune"]);
    assert!(said.out.contains("origin/try is gone"), "{}", said.out);
}

#[test]
fn a_clone_at_a_tag_still_fetches_and_says_how_to_go_on() {
    let team = Team::pushed();
    let said = team.clone(&["clone", "--rev", "v1", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert!(said.out.contains("At v1 ("), "{}", said.out);
    team.install("env", "0.8.0");
    team.ada(&["commit", "-m", "einops"]);
    team.ada(&["push"]);
    // On no branch nothing can go on, and nothing changes.
    let before = picture(&team.shell.path("ben/glm/.venv"));
    let said = team.run_in(&team.ben_dir(), &["pull"]);
    assert_eq!(said.code, 1, "{}", said.transcript());
    assert!(said.err.contains("HEAD is at v1 and on no branch"), "{}", said.err);
    assert!(
        said.err.contains("envgit checkout main") && said.err.contains("envgit fetch"),
        "{}",
        said.err
    );
    assert!(team.ben(&["fetch"]).out.contains("origin/main"));
    assert_eq!(
        differing(&before, &picture(&team.shell.path("ben/glm/.venv"))),
        Vec::<String>::new()
    );
    // What it names makes a branch that follows, as with git.
    team.ben(&["checkout", "--yes", "main"]);
    assert!(team.ben(&["status"]).out.contains("Up to date with origin/main."));
    assert!(
        team.shell
            .path("ben/glm/.venv/lib/python3.11/site-packages/einops")
            .is_dir()
    );
    team.install("env", "0.9.0");
    team.ada(&["commit", "-m", "more"]);
    team.ada(&["push"]);
    team.ben(&["pull"]);
    assert!(team.ben(&["log", "--oneline"]).out.contains("more"));
}

#[test]
fn a_clone_at_a_branch_follows_it() {
    let team = Team::pushed();
    team.ada(&["checkout", "-b", "try", "main"]);
    team.ada(&["push"]);
    let said = team.clone(&["clone", "--rev", "try", "/T/remote", "glm"]);
    assert!(said.out.contains("On branch try at "), "{}", said.transcript());
    assert!(team.ben(&["status"]).out.contains("Up to date with origin/try."));
    team.install("env", "0.8.0");
    team.ada(&["commit", "-m", "tried"]);
    team.ada(&["push"]);
    team.ben(&["pull"]);
    assert!(team.ben(&["log", "--oneline"]).out.contains("tried"));
}

#[test]
fn a_branch_follows_the_one_of_the_remote_at_which_it_begins() {
    let team = Team::pushed();
    team.clone(&["clone", "--rev", "v1", "/T/remote", "glm"]);
    let upstream = |branch: &str| {
        let text = std::fs::read_to_string(team.ben_dir().join(".envgit/config.toml")).unwrap();
        let part = text.split(&format!("[branches.{branch}]\n")).nth(1).map(str::to_owned);
        part.map(|part| part.lines().next().unwrap().to_owned())
    };
    team.ben(&["checkout", "--dry-run", "main"]);
    assert_eq!(upstream("main"), None);
    let said = team.ben(&["checkout", "main"]);
    assert!(
        said.out.contains("main follows origin/main from now on"),
        "{}",
        said.transcript()
    );
    assert_eq!(upstream("main").as_deref(), Some("upstream = \"origin/main\""));
    team.ben(&["undo"]);
    assert_eq!(upstream("main"), None, "the branch is gone, and what it followed");
    team.ben(&["checkout", "-b", "mine", "origin/main"]);
    assert_eq!(upstream("mine").as_deref(), Some("upstream = \"origin/main\""));
    team.ben(&["checkout", "-b", "alone", "v1"]);
    assert_eq!(upstream("alone"), None);
    // Two remotes have it: nobody guesses.
    team.ben(&["remote", "add", "other", "/T/remote"]);
    team.ben(&["fetch", "other"]);
    let said = team.run_in(&team.ben_dir(), &["checkout", "main"]);
    assert_eq!(said.code, 1, "{}", said.transcript());
    assert!(said.err.contains("origin/main, other/main"), "{}", said.err);
    assert!(said.err.contains("envgit checkout -b main origin/main"), "{}", said.err);
    // A name that nobody has is still told as such.
    let said = team.run_in(&team.ben_dir(), &["checkout", "nowhere"]);
    assert!(said.err.contains("nowhere"), "{}", said.err);
}

#[test]
fn what_a_fetch_brought_is_listed() {
    let team = Team::pushed();
    team.clone(&["clone", "/T/remote", "glm"]);
    team.shell.install("env", "six", "1.16.0");
    team.ada(&["commit", "-m", "six as well"]);
    team.ada(&["push"]);
    team.ben(&["fetch"]);
    let names = |args: &[&str]| -> Vec<String> {
        let said = team.ben(args).out;
        let name = |line: &str| line[2..].split_whitespace().next().unwrap().to_owned();
        said.lines().map(name).collect()
    };
    assert_eq!(names(&["branch"]), ["main"]);
    assert_eq!(names(&["branch", "-r"]), ["origin/main"]);
    assert_eq!(names(&["branch", "-a"]), ["main", "origin/main"]);
    assert_eq!(names(&["branch", "-a", "-l", "origin*"]), ["origin/main"]);
    let ahead = team.ben(&["log", "--oneline", "HEAD..origin/main"]).out;
    assert!(
        ahead.ends_with("six as well\n") && ahead.lines().count() == 1,
        "{ahead}"
    );
    assert_eq!(team.ben(&["log", "--oneline", "origin/main.."]).out, "");
}

#[test]
fn what_a_branch_follows_goes_and_comes_with_it() {
    let team = Team::pushed();
    team.clone(&["clone", "/T/remote", "glm"]);
    let config = || std::fs::read_to_string(team.ben_dir().join(".envgit/config.toml")).unwrap();
    let follows = |branch: &str| {
        let config = config();
        let part = config.split_once(&format!("[branches.{branch}]\n"));
        part.is_some_and(|(_, part)| part.starts_with("upstream = \"origin/main\""))
    };
    team.ben(&["checkout", "-b", "mine", "origin/main"]);
    assert!(follows("mine"));
    team.ben(&["undo"]);
    assert!(!follows("mine"));
    team.ben(&["redo"]);
    assert!(follows("mine"), "{}", config());
    team.ben(&["branch", "-m", "yours"]);
    assert_eq!((follows("mine"), follows("yours")), (false, true), "{}", config());
    team.ben(&["undo"]);
    assert_eq!((follows("mine"), follows("yours")), (true, false), "{}", config());
    team.ben(&["checkout", "main"]);
    team.ben(&["branch", "-d", "mine"]);
    assert!(!follows("mine"), "{}", config());
    team.ben(&["branch", "mine", "v1"]);
    assert!(!follows("mine"), "another branch of that name: {}", config());
    team.ben(&["undo"]);
    team.ben(&["undo"]);
    assert!(follows("mine"), "{}", config());
    // A remote that is gone is followed no more.
    team.ben(&["branch", "-d", "mine"]);
    team.ben(&["remote", "remove", "origin"]);
    team.ben(&["undo"]);
    assert!(!follows("mine"), "{}", config());
    assert!(team.ben(&["branch"]).out.contains("mine"));
}

#[test]
fn what_names_another_place_is_not_recorded() {
    let team = Team::new();
    team.shell.write(
        "env/bin/tool",
        format!("#!{}/bin/python\n", team.shell.path("env").display()),
    );
    team.ada(&["commit", "-m", "with a script"]);
    team.ada(&["remote", "add", "origin", "/T/remote"]);
    team.ada(&["push"]);
    team.clone(&["clone", "/T/remote", "glm"]);
    let moved = team.shell.path("ben/moved");
    std::fs::rename(team.ben_dir(), &moved).unwrap();
    std::fs::write(moved.join(".venv/lib/note"), "mine").unwrap();
    let said = team.run_in(&moved, &["commit", "-m", "after moving"]);
    assert_eq!(said.code, 1, "{}", said.transcript());
    assert!(
        said.err
            .contains("this folder was /T/ben/glm before, and 1 file still name that, such as env:bin/tool"),
        "{}",
        said.transcript()
    );
    team.ok_in(&moved, &["checkout", "-y", "HEAD"]);
    team.ok_in(&moved, &["restore", "-y", "--from", "autosave/1", "env:lib/note"]);
    let said = team.ok_in(&moved, &["commit", "-m", "after moving"]);
    assert!(
        said.out.contains("1 added") && !said.out.contains("modified"),
        "{}",
        said.out
    );
}

#[test]
fn who_goes_on_with_a_clone_goes_on_with_what_was_asked_for() {
    let team = Team::pushed();
    team.shell.write("env/lib/more", "more");
    team.ada(&["commit", "-m", "more"]);
    team.ada(&["push"]);
    let layers = team.shell.path("remote/layers");
    let hidden = team.shell.path("hidden");
    std::fs::rename(&layers, &hidden).unwrap();
    let said = team.clone(&[
        "clone",
        "--rev",
        "v1",
        "--root",
        "env=/T/ben/elsewhere",
        "/T/remote",
        "glm",
    ]);
    assert_ne!(said.code, 0);
    let said = team.run_in(&team.ben_dir(), &["init", "--yes"]);
    assert!(
        said.err.contains("holds a clone that was cut off"),
        "{}",
        said.transcript()
    );
    std::fs::rename(&hidden, &layers).unwrap();
    let said = team.clone(&["clone", "/T/remote", "glm"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert!(team.shell.path("ben/elsewhere/pyvenv.cfg").exists());
    assert!(!team.shell.path("ben/elsewhere/lib/more").exists(), "v1 was asked for");
}

#[test]
fn a_root_does_not_stand_where_another_has_something() {
    let team = Team::new();
    team.shell.write("glm/src/main.py", "");
    team.ada(&["root", "add", "glm=/T/glm:project"]);
    team.ada(&["commit", "-m", "works"]);
    team.ada(&["remote", "add", "origin", "/T/remote"]);
    team.ada(&["push"]);
    for place in ["src", "src/deep", "src/main.py/x"] {
        let root = format!("env=/T/ben/glm/{place}");
        let said = team.clone(&["clone", "--yes", "--root", &root, "/T/remote", "glm"]);
        assert_eq!(
            said.code,
            if place == "src/deep" { 0 } else { 1 },
            "{}",
            said.transcript()
        );
        if said.code == 1 {
            assert!(
                said.err.contains("env cannot stand at /T/ben/glm/src"),
                "{}",
                said.transcript()
            );
            assert!(!team.ben_dir().exists());
        }
        let _ = std::fs::remove_dir_all(team.ben_dir());
    }
    let said = team.clone(&["clone", "--root", "env=/T/a", "--root", "env=/T/b", "/T/remote", "glm"]);
    assert!(
        said.err.contains("two places are named for env"),
        "{}",
        said.transcript()
    );
}

#[test]
fn a_clone_at_a_step_from_a_name() {
    let team = Team::pushed();
    team.shell.write("env/lib/more", "more");
    team.ada(&["commit", "-m", "more"]);
    team.ada(&["push"]);
    for (rev, has_more) in [
        ("HEAD", true),
        ("main~1", false),
        ("HEAD^", false),
        ("refs/tags/v1", false),
    ] {
        let said = team.clone(&["clone", "--rev", rev, "/T/remote", "glm"]);
        assert_eq!(said.code, 0, "{}", said.transcript());
        assert_eq!(team.ben_dir().join(".venv/lib/more").exists(), has_more, "{rev}");
        std::fs::remove_dir_all(team.ben_dir()).unwrap();
    }
    let said = team.clone(&["clone", "--rev", "main~7", "/T/remote", "glm"]);
    assert_eq!(said.code, 1, "{}", said.transcript());
}

#[test]
fn what_clones_begin_with_stays() {
    let team = Team::pushed();
    team.ada(&["branch", "aside"]);
    team.ada(&["push", "origin", "aside"]);
    let said = team.run_in(&team.shell.cwd, &["push", "-d", "origin", "main"]);
    assert!(
        said.err.contains("main is what a clone of origin checks out"),
        "{}",
        said.transcript()
    );
    team.ada(&["push", "-d", "origin", "aside"]);
}

#[test]
fn an_address_holds_no_secret() {
    let team = Team::new();
    for address in [
        "https://ghp_0123456789abcdefghijklmnop@example.org/x",
        "https://example.org/x?token=abc",
        "s3://bucket/x?access_key_id=abc&secret_access_key=zzz",
    ] {
        let said = team.run_in(&team.shell.cwd, &["remote", "add", "origin", address]);
        assert_ne!(said.code, 0, "{}", said.transcript());
        assert!(
            said.err.contains("holds a password, token or key"),
            "{}",
            said.transcript()
        );
        let config = std::fs::read_to_string(team.shell.cwd.join(".envgit/config.toml")).unwrap();
        assert!(
            !config.contains("ghp_") && !config.contains("zzz") && !config.contains("=abc"),
            "{config}"
        );
        let said = team.clone(&["clone", address, "there"]);
        let all = said.transcript();
        assert!(
            !all.contains("ghp_") && !all.contains("zzz") && !all.contains("=abc"),
            "{all}"
        );
    }
    team.ada(&["remote", "add", "origin", "https://ada@example.org/x"]);
}

#[test]
fn a_remote_that_lost_layers_gets_them_again() {
    let team = Team::pushed();
    let layers = team.shell.path("remote/layers");
    let name = std::fs::read_dir(&layers).unwrap().next().unwrap().unwrap().path();
    for damage in [
        |path: &Path| std::fs::remove_file(path).unwrap(),
        |path: &Path| {
            std::fs::remove_file(path).unwrap();
            std::fs::write(path, "cut").unwrap();
        },
    ] {
        damage(&name);
        assert_ne!(team.clone(&["clone", "/T/remote", "glm"]).code, 0);
        let said = team.ada(&["push", "--force"]).out;
        assert!(
            said.contains("Pushed 1 layer of ") && said.contains(" again, which origin had lost"),
            "{said}"
        );
        team.ok_in(&team.shell.path("ben"), &["clone", "/T/remote", "glm"]);
        std::fs::remove_dir_all(team.ben_dir()).unwrap();
    }
    let said = team.ada(&["push", "--force"]).out;
    assert!(!said.contains("again"), "{said}");
}

#[test]
fn a_remote_gets_another_name() {
    let team = Team::pushed();
    team.ada(&["remote", "add", "backup", "/T/backup"]);
    let config = || std::fs::read_to_string(team.shell.cwd.join(".envgit/config.toml")).unwrap();
    let before = config();
    for (name, to, code, why) in [
        ("nobody", "team", 1, "there is no remote nobody"),
        ("origin", "backup", 1, "there is a remote backup already"),
        ("origin", "a b", 2, "remotes.a b has a bad name"),
    ] {
        let said = team.run_in(&team.shell.cwd, &["remote", "rename", name, to]);
        assert_eq!(said.code, code, "{}", said.transcript());
        assert!(said.err.contains(why), "{}", said.transcript());
        assert_eq!(config(), before);
    }
    team.ada(&["config", "remotes.origin.history_only", "true"]);
    let said = team.ada(&["remote", "rename", "origin", "team"]);
    assert_eq!(said.out, "Remote origin is team now\n");
    let list = team.ada(&["remote", "--json"]).json();
    assert_eq!(list["remotes"][1]["name"], "team", "{list}");
    assert_eq!(team.ada(&["config", "remotes.team.history_only"]).out, "true\n");
    assert!(!config().contains("origin"), "{}", config());
    // What was seen of it has the new name only, and the branch goes on following it.
    assert_eq!(team.ada(&["log", "--oneline", "HEAD..team/main"]).out, "");
    assert_ne!(team.run_in(&team.shell.cwd, &["log", "origin/main"]).code, 0);
    team.install("env", "2.0");
    team.ada(&["commit"]);
    let said = team.ada(&["push"]);
    assert!(said.transcript().contains("main"), "{}", said.transcript());
    assert_eq!(team.ada(&["log", "--oneline", "HEAD..team/main"]).out, "");
    assert!(!team.shell.path("backup").exists());
}
