//! Signatures of commits and tags, by real ssh keys, against real git in both directions.

mod common;

use std::path::PathBuf;
use std::process::{Command, Output};

use common::cli::{Said, Shell};
use envgit::history::{History, RefName};
use envgit::ops::signatures::of_refs;
use envgit::service::Place;

/// A repository with two keys and a file that allows the first.
struct Team {
    shell: Shell,
}

impl Team {
    fn new() -> Self {
        let shell = Shell::with_venv();
        let team = Self { shell };
        for key in ["ada", "eve"] {
            team.key(key);
        }
        team.allow(&format!("ada@example.org {}", team.public("ada")));
        team
    }

    fn key(&self, name: &str) {
        let path = self.shell.path(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    fn path(&self, name: &str) -> String {
        self.shell.path(name).to_str().unwrap().to_owned()
    }

    fn public(&self, name: &str) -> String {
        std::fs::read_to_string(self.shell.path(&format!("{name}.pub"))).unwrap()
    }

    fn allow(&self, text: &str) {
        self.shell.write("allowed", text);
    }

    fn history(&self) -> PathBuf {
        let found = [".envgit/history", "project/.envgit/history"].map(|path| self.shell.cwd.join(path));
        found.into_iter().find(|path| path.exists()).unwrap()
    }

    fn git(&self, args: &[&str]) -> Output {
        self.git_with(args, None)
    }

    fn git_with(&self, args: &[&str], input: Option<&[u8]>) -> Output {
        use std::io::Write as _;
        let mut command = Command::new("git");
        self.shell.dress(&mut command);
        let allowed = format!("gpg.ssh.allowedSignersFile={}", self.path("allowed"));
        let signer = format!("user.signingKey={}", self.path("ada"));
        command
            .env("GIT_DIR", self.history())
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.org")
            .args(["-c", "gpg.format=ssh", "-c", &allowed, "-c", &signer])
            .args(args)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.unwrap_or_default())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    fn git_ok(&self, args: &[&str]) -> String {
        let output = self.git(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Signs with a key.
    fn commit(&self, key: &str) -> Said {
        self.shell
            .ok(&["commit", "--allow-empty", "-m", "said", "-S", &self.path(key)])
    }

    fn verify(&self, revs: &[&str]) -> Said {
        let mut args = vec!["verify", "--signatures"];
        args.extend(revs);
        let allowed = self.path("allowed");
        args.extend(["--allowed-signers", &allowed]);
        self.shell.run(&args)
    }

    /// Puts a commit or tag with another text in the place of main or the tag.
    fn replace(&self, kind: &str, name: &str, from: &str, to: &str) {
        let text = self.git(&["cat-file", kind, name]).stdout;
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(from), "{text}");
        let forged = text.replacen(from, to, 1);
        let made = self.git_with(&["hash-object", "-t", kind, "-w", "--stdin"], Some(forged.as_bytes()));
        assert!(made.status.success(), "{made:?}");
        let id = String::from_utf8(made.stdout).unwrap();
        self.git_ok(&["update-ref", &format!("refs/{name}"), id.trim()]);
    }
}

#[test]
fn git_takes_what_envgit_signs() {
    let team = Team::new();
    team.commit("ada");
    let said = team.git(&["verify-commit", "-v", "main"]);
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{told}");
    assert!(told.contains("Good \"git\" signature for ada@example.org"), "{told}");
    let log = team.git_ok(&["log", "-1", "--format=%G? %GS"]);
    assert_eq!(log, "G ada@example.org");
    team.shell
        .ok(&["tag", "-u", &team.path("ada"), "-m", "the paper", "v1"]);
    let said = team.git(&["verify-tag", "v1"]);
    assert!(said.status.success(), "{said:?}");
    // Nothing of the signature is taken for the message.
    let listed = team.shell.ok(&["tag"]).out;
    assert!(listed.contains("the paper") && !listed.contains("SSH"), "{listed}");
    let fsck = team.git(&["fsck", "--strict"]);
    assert!(fsck.status.success(), "{fsck:?}");
    let said = team.verify(&[]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert_eq!(said.out.matches("good ").count(), 2, "{}", said.out);
}

#[test]
fn envgit_takes_what_git_signs() {
    let team = Team::new();
    team.shell.ok(&["commit"]);
    let tree = team.git_ok(&["rev-parse", "main^{tree}"]);
    let id = team.git_ok(&[
        "commit-tree",
        "-S",
        "-p",
        "main",
        "-m",
        "by git\n\nwith a body\n",
        &tree,
    ]);
    team.git_ok(&["update-ref", "refs/heads/main", &id]);
    team.git_ok(&["tag", "-s", "-m", "said by git", "v1", "main"]);
    let said = team.verify(&["main", "v1"]);
    assert_eq!(said.code, 0, "{}", said.transcript());
    assert!(said.out.contains("good main"), "{}", said.out);
    assert!(said.out.contains("by ada@example.org (ED25519 SHA256:"), "{}", said.out);
    let said = team.verify(&["main~1"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("it is not signed"), "{}", said.out);
}

#[test]
fn what_was_altered_is_refused_by_both() {
    for (from, to) in [
        ("said", "says"),
        ("committer Ada", "committer Eve"),
        ("gpgsig -----BEGIN", "gpgsig x\ngpgsig -----BEGIN"),
    ] {
        let team = Team::new();
        team.commit("ada");
        team.replace("commit", "heads/main", from, to);
        let said = team.verify(&["main"]);
        assert_ne!(said.code, 0, "{to}: {}", said.transcript());
        assert!(!said.out.contains("good"), "{}", said.out);
        assert!(!team.git(&["verify-commit", "main"]).status.success());
    }
}

#[test]
fn a_signature_of_another_commit_is_none() {
    let team = Team::new();
    team.commit("ada");
    team.shell.write("env/more", "x");
    team.shell.ok(&["commit", "-m", "said"]);
    let signed = team.git_ok(&["cat-file", "commit", "main~1"]);
    let header = &signed[signed.find("gpgsig").unwrap()..signed.find("\n\n").unwrap() + 1];
    team.replace("commit", "heads/main", "\n\n", &format!("\n{header}\n"));
    let said = team.verify(&["main"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("it was altered after it was signed"), "{}", said.out);
}

#[test]
fn other_keys_namespaces_and_times_are_refused() {
    let team = Team::new();
    team.commit("eve");
    let refused = |why: &str| {
        let said = team.verify(&["main"]);
        assert_eq!(said.code, 1, "{}", said.transcript());
        assert!(said.out.contains("bad  main"), "{why}: {}", said.out);
        assert!(!team.git(&["verify-commit", "main"]).status.success(), "git: {why}");
        said.out
    };
    assert!(refused("another key").contains("its key is not allowed"));
    let eve = team.public("eve");
    team.allow(&format!("eve@example.org {eve}"));
    assert_eq!(team.verify(&["main"]).code, 0);
    team.allow(&format!("eve@example.org valid-before=\"20200101\" {eve}"));
    refused("the key was valid before");
    team.allow(&format!("eve@example.org valid-after=\"20400101\" {eve}"));
    refused("the key is valid later");
    team.allow(&format!(
        "eve@example.org valid-after=\"20200101\",valid-before=\"20400101\" {eve}"
    ));
    assert_eq!(team.verify(&["main"]).code, 0);
    team.allow(&format!("eve@example.org namespaces=\"file\" {eve}"));
    refused("the key may sign other things");
    team.allow("");
    refused("nobody is allowed");
}

#[test]
fn a_key_must_have_been_valid_when_it_signed() {
    let mut team = Team::new();
    // 2001-09-09.
    team.shell.vars.push(("ENVGIT_DATE".into(), "1000000000".into()));
    team.commit("ada");
    let ada = team.public("ada");
    for (from, to, is_good) in [("20010101", "20020101", true), ("20020101", "20400101", false)] {
        team.allow(&format!(
            "ada@example.org valid-after=\"{from}\",valid-before=\"{to}\" {ada}"
        ));
        let said = team.verify(&["main"]);
        assert_eq!(said.code == 0, is_good, "{}", said.transcript());
        assert_eq!(team.git(&["verify-commit", "main"]).status.success(), is_good);
    }
}

#[test]
fn a_signature_in_another_namespace_is_refused() {
    let team = Team::new();
    team.shell.ok(&["commit", "-m", "said"]);
    let bare = team.git(&["cat-file", "commit", "main"]).stdout;
    team.shell.write("bare", &bare);
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "file", "-f"])
        .arg(team.shell.path("ada"))
        .arg(team.shell.path("bare"))
        .output()
        .unwrap();
    assert!(signed.status.success(), "{signed:?}");
    let armor = std::fs::read_to_string(team.shell.path("bare.sig")).unwrap();
    let header = format!("\ngpgsig {}\n\n", armor.trim_end().replace('\n', "\n "));
    team.replace("commit", "heads/main", "\n\n", &header);
    let said = team.verify(&["main"]);
    assert_eq!(said.code, 1, "{}", said.transcript());
    assert!(!team.git(&["verify-commit", "main"]).status.success());
}

/// The full name of a ref, and what a clone would be told of it.
fn told(team: &Team, name: &str, target: Option<&str>) -> Result<(), String> {
    let history = History::open(&team.history()).unwrap();
    let full = RefName::new(name).unwrap();
    let refs: Vec<_> = history
        .refs()
        .unwrap()
        .into_iter()
        .filter(|known| known.name == full)
        .collect();
    assert_eq!(refs.len(), 1);
    let target = target.map(|rev| ("the commit to check out", history.resolve(rev).unwrap()));
    let place = Place {
        cwd: "/".as_ref(),
        env: &[],
    };
    let report = of_refs(&history, place, &team.shell.path("allowed"), &refs, target).unwrap();
    report.into_result().map_err(|error| error.to_string())
}

#[test]
fn a_clone_takes_only_what_is_vouched_for() {
    let team = Team::new();
    team.shell.ok(&["commit", "-m", "unsigned"]);
    team.shell.ok(&["tag", "-u", &team.path("ada"), "signed"]);
    team.shell.ok(&["tag", "-m", "said", "unsigned"]);
    team.shell.ok(&["tag", "-u", &team.path("eve"), "by-eve"]);
    team.shell.ok(&["tag", "light"]);
    // A signed tag vouches for the commit that it names, signed or not.
    assert_eq!(told(&team, "refs/tags/signed", Some("main")), Ok(()));
    let id = team.git_ok(&["rev-parse", "main"]);
    let why = told(&team, "refs/heads/main", Some("main")).unwrap_err();
    assert!(why.contains(&format!("main (commit {id}): it is not signed")), "{why}");
    for (tag, why) in [
        ("unsigned", "it is not signed"),
        ("by-eve", "its key is not allowed"),
        ("light", "it is not signed"),
    ] {
        let said = told(&team, &format!("refs/tags/{tag}"), None).unwrap_err();
        assert!(said.contains(why) && said.contains(tag), "{said}");
    }
    // A good tag under another name could pass an old state for a new one.
    let tag = team.git_ok(&["rev-parse", "refs/tags/signed"]);
    team.git_ok(&["update-ref", "refs/tags/newest", &tag]);
    let why = told(&team, "refs/tags/newest", None).unwrap_err();
    assert!(why.contains("it was signed as the tag \"signed\""), "{why}");
    // A branch with a signed commit, and a target that is another commit.
    team.commit("ada");
    assert_eq!(told(&team, "refs/heads/main", Some("main")), Ok(()));
    let why = told(&team, "refs/heads/main", Some("main~1")).unwrap_err();
    assert!(why.contains("the commit to check out"), "{why}");
}

#[test]
fn settings_sign_every_commit_and_every_tag_that_says_something() {
    let team = Team::new();
    let said = team.shell.run(&["commit", "-S"]);
    assert_eq!(said.code, 2, "{}", said.transcript());
    assert!(said.err.contains("no key to sign with"), "{}", said.err);
    team.shell.ok(&["config", "user.signing_key", &team.path("ada")]);
    team.shell.ok(&["config", "commit.sign", "true"]);
    team.shell
        .ok(&["config", "commit.allowed_signers", &team.path("allowed")]);
    team.shell.ok(&["commit"]);
    team.shell.ok(&["tag", "-m", "said", "v1"]);
    let said = team.shell.ok(&["verify", "--signatures"]);
    assert_eq!(said.out.matches("good ").count(), 2, "{}", said.out);
    team.shell
        .ok(&["commit", "--allow-empty", "--no-sign", "-m", "not signed"]);
    let said = team.shell.run(&["verify", "--signatures", "--json"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("\"good\":false"), "{}", said.out);
    // A key that cannot sign leaves everything as it was.
    let before = team.git_ok(&["rev-parse", "main"]);
    let said = team
        .shell
        .run(&["commit", "--allow-empty", "-m", "x", "-S", "/no/such/key"]);
    assert_eq!(said.code, 1, "{}", said.transcript());
    assert!(said.err.contains("ssh-keygen -Y sign"), "{}", said.err);
    assert_eq!(team.git_ok(&["rev-parse", "main"]), before);
}

#[test]
fn a_clone_takes_only_what_was_signed_by_those_named() {
    let team = Team::new();
    let hub = team.path("hub");
    let (ada, eve) = (team.path("ada"), team.path("eve"));
    team.shell.ok(&["commit", &format!("-S{ada}"), "-m", "signed"]);
    team.shell.ok(&["remote", "add", "origin", &hub]);
    team.shell.ok(&["push"]);
    let (allowed, at) = (team.path("allowed"), team.path("clone"));
    let env = format!("env={}", team.path("elsewhere"));
    let clone = ["clone", "--yes", "--verify", &allowed, "--root", &env, &hub, &at];
    team.shell.ok(&clone);
    for folder in ["clone", "elsewhere"] {
        std::fs::remove_dir_all(team.shell.path(folder)).unwrap();
    }
    team.shell.ok(&["tag", "-s", "-u", &eve, "-m", "mine", "theirs"]);
    team.shell.ok(&["push", "--tags"]);
    let said = team.shell.run(&clone);
    assert_ne!(said.code, 0);
    assert!(said.err.contains("theirs (tag object"), "{}", said.err);
    assert!(!team.shell.path("clone").exists() && !team.shell.path("elsewhere").exists());
}

#[test]
fn the_log_says_who_signed_what() {
    let team = Team::new();
    team.shell.ok(&["commit", "-m", "unsigned"]);
    team.commit("ada");
    team.shell.write("env/more", "x");
    team.commit("eve");
    let allowed = team.path("allowed");
    let said = team.shell.run(&["log", "--show-signature"]);
    assert_eq!(said.code, 2, "{}", said.transcript());
    assert!(said.err.contains("commit.allowed_signers"), "{}", said.err);
    let show = ["log", "--show-signature", "--allowed-signers", &allowed];
    let said = team.shell.ok(&show);
    let told: Vec<&str> = said.out.lines().filter(|line| line.contains("ignature")).collect();
    assert_eq!(told.len(), 3, "{}", said.out);
    assert!(told[0].starts_with("Bad signature: its key is not allowed"), "{told:?}");
    assert!(
        told[1].starts_with("Good signature for ada@example.org with ED25519 SHA256:"),
        "{told:?}"
    );
    assert_eq!(told[2], "No signature");
    // Where git says it: right below the id.
    let lines: Vec<&str> = said.out.lines().collect();
    let at = lines.iter().position(|line| *line == "No signature").unwrap();
    assert!(lines[at - 1].starts_with("commit ") && lines[at + 1].starts_with("Author: "));
    let verdicts = team.git_ok(&["log", "--format=%G?", "main"]);
    assert_eq!(
        verdicts.lines().collect::<Vec<_>>(),
        ["U", "G", "N"],
        "git says the same"
    );
    team.shell.ok(&["config", "commit.allowed_signers", &allowed]);
    let said = team.shell.ok(&["log", "--oneline", "--show-signature", "-n", "2"]);
    assert!(
        said.out.lines().nth(1).unwrap().starts_with("    Bad signature"),
        "{}",
        said.out
    );
    let said = team.shell.ok(&["log", "--show-signature", "--json"]);
    let lines: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |at: usize, field: &str| lines[at]["signature"][field].as_str();
    assert_eq!(
        [of(0, "state"), of(1, "state"), of(2, "state")],
        [Some("bad"), Some("good"), Some("none")]
    );
    assert!(of(0, "problem").unwrap().starts_with("its key is not allowed"));
    assert_eq!(of(1, "signer"), Some("ada@example.org"));
    assert!(of(1, "key").unwrap().starts_with("ED25519 SHA256:"));
    // Whoever does not ask pays nothing and is told nothing.
    assert!(!team.shell.ok(&["log"]).out.contains("ignature"));
    assert!(!team.shell.ok(&["log", "--json"]).out.contains("signature"));
    // An altered commit.
    team.replace("commit", "heads/main", "said", "says");
    let said = team.shell.ok(&["log", "--show-signature", "-n", "1", "main"]);
    assert!(said.out.contains("Bad signature: "), "{}", said.out);
}
