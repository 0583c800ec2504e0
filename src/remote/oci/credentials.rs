//! Credentials for registries, from where docker and podman keep them. They are never written.
//!
//! Sources: <https://docs.docker.com/reference/cli/docker/login/#credential-stores> and
//! <https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md>.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::remote::Surroundings;

/// Where they are looked for, for people.
pub(super) const SOURCES: &str = "docker's or podman's configuration: `docker login HOST`";

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    /// By name and password.
    Password(String, String),
    /// By a token that is exchanged for others.
    Identity(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: std::collections::BTreeMap<String, Entry>,
    cred_helpers: std::collections::BTreeMap<String, String>,
    creds_store: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct Entry {
    auth: String,
    identitytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The credentials for a host and a name there, or nothing for everybody's.
///
/// # Errors
/// Names the file that cannot be understood, or the helper that failed.
pub(super) fn find(host: &str, name: &str, surroundings: &Surroundings) -> Result<Option<Credentials>, String> {
    for path in files(surroundings) {
        let Ok(text) = std::fs::read(&path) else { continue };
        // What is in it is a secret, so it is not said what was wrong.
        let config: Config =
            serde_json::from_slice(&text).map_err(|_| format!("{} is no JSON of docker's", path.display()))?;
        if let Some(found) = config.find(host, name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn files(surroundings: &Surroundings) -> Vec<PathBuf> {
    let docker = surroundings
        .var(&["DOCKER_CONFIG"])
        .map(PathBuf::from)
        .or_else(|| surroundings.in_home(".docker"));
    let run = surroundings.var(&["XDG_RUNTIME_DIR"]).map(PathBuf::from);
    let paths = [
        surroundings.var(&["REGISTRY_AUTH_FILE"]).map(PathBuf::from),
        docker.map(|folder| folder.join("config.json")),
        run.map(|folder| folder.join("containers/auth.json")),
        surroundings.in_home(".config/containers/auth.json"),
    ];
    paths.into_iter().flatten().collect()
}

impl Config {
    fn find(&self, host: &str, name: &str) -> Result<Option<Credentials>, String> {
        let names = names(host, name);
        let helper = names.iter().find_map(|name| self.cred_helpers.get(name));
        if let Some(helper) = helper.filter(|helper| !helper.is_empty()) {
            return ask(helper, host);
        }
        let entry = names.iter().find_map(|name| self.auths.get(name));
        // With a store, docker leaves an empty entry to say that there is something.
        if !self.creds_store.is_empty() && entry.is_none_or(|entry| entry.auth.is_empty()) {
            let key = names.iter().find(|name| self.auths.contains_key(*name));
            return ask(&self.creds_store, key.map_or(host, |key| key));
        }
        Ok(entry.and_then(Entry::credentials))
    }
}

/// Under which names a host may stand: podman's go down to the repository, docker's own hub has an old one.
fn names(host: &str, name: &str) -> Vec<String> {
    let path = format!("{host}/{name}");
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let mut names: Vec<String> = ends.map(|end| path[..end].to_owned()).collect();
    names.reverse();
    names.extend([
        format!("https://{host}"),
        format!("http://{host}"),
        format!("https://{host}/v2/"),
    ]);
    if matches!(host, "docker.io" | "registry-1.docker.io") {
        names.push("https://index.docker.io/v1/".to_owned());
    }
    names
}

impl Entry {
    fn credentials(&self) -> Option<Credentials> {
        if !self.identitytoken.is_empty() {
            return Some(Credentials::Identity(self.identitytoken.clone()));
        }
        let bytes = BASE64_STANDARD.decode(&self.auth).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (user, password) = text.split_once(':')?;
        // Old versions of docker end it with a zero.
        let password = password.trim_end_matches('\0');
        Some(Credentials::Password(user.to_owned(), password.to_owned()))
    }
}

/// Asks a program `docker-credential-NAME`.
fn ask(helper: &str, host: &str) -> Result<Option<Credentials>, String> {
    let program = format!("docker-credential-{helper}");
    if helper.contains(['/', '\\']) {
        return Err(format!("{helper:?} is not the name of a credential helper"));
    }
    let failed = |error: std::io::Error| format!("cannot run {program}: {error}");
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not listen says so by its status.
        let _ = input.write_all(host.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    // That there are none is a failure like any other; everybody's access is then tried.
    if !output.status.success() {
        return Ok(None);
    }
    let helped: Helped =
        serde_json::from_slice(&output.stdout).map_err(|_| format!("{program} gave no credentials"))?;
    Ok(Some(match helped.username.as_str() {
        "<token>" => Credentials::Identity(helped.secret),
        _ => Credentials::Password(helped.username, helped.secret),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: &str, host: &str) -> Option<Credentials> {
        let config: Config = serde_json::from_str(config).unwrap();
        config.find(host, "team/x").unwrap()
    }

    #[test]
    fn each_way_to_write_them_down_is_understood() {
        let password = |user: &str, password: &str| Some(Credentials::Password(user.into(), password.into()));
        // ann:hunter2
        let docker = r#"{"auths": {"host:5000": {"auth": "YW5uOmh1bnRlcjI="}, "https://old/v2/": {"auth": "YTpi"},
            "https://index.docker.io/v1/": {"auth": "YTpi"}, "t": {"identitytoken": "tok"}}, "unknown": 1}"#;
        assert_eq!(found(docker, "host:5000"), password("ann", "hunter2"));
        assert_eq!(found(docker, "old"), password("a", "b"));
        assert_eq!(found(docker, "docker.io"), password("a", "b"));
        assert_eq!(found(docker, "t"), Some(Credentials::Identity("tok".into())));
        assert_eq!(found(docker, "host"), None);
        let podman = r#"{"auths": {"host": {"auth": "YTpi"}, "host/team": {"auth": "YW5uOmh1bnRlcjI="}}}"#;
        assert_eq!(found(podman, "host"), password("ann", "hunter2"));
        assert_eq!(found("{}", "host"), None);
        assert!(ask("../x", "host").is_err());
    }
}
