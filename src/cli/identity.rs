//! Who acts: the repository's own setting, then what git would say, then the login name.

use std::path::{Path, PathBuf};

use super::context::World;
use super::error::CliError;
use crate::config::User;
use crate::history::{Person, git_identity};
use crate::repo::Repo;
use crate::service::ssh::SigningKey;

/// The person to write into commits.
pub(super) fn of(user: &User, world: &World) -> Person {
    let var = |name: &str| world.text(name).map(str::to_owned);
    let mut name = user.name.clone().or_else(|| var("GIT_AUTHOR_NAME"));
    let mut email = user.email.clone().or_else(|| var("GIT_AUTHOR_EMAIL"));
    if name.is_none() || email.is_none() {
        let home = world.home();
        let xdg = world.path("XDG_CONFIG_HOME");
        let xdg = xdg.or_else(|| Some(home.as_ref()?.join(".config")));
        let files = [
            home.map(|dir| dir.join(".gitconfig")),
            xdg.map(|dir| dir.join("git/config")),
        ];
        for file in files.into_iter().flatten() {
            let (git_name, git_email) = git_identity(&file);
            name = name.or(git_name);
            email = email.or(git_email);
        }
    }
    let login = var("USER")
        .or_else(|| var("LOGNAME"))
        .unwrap_or_else(|| "user".to_owned());
    Person {
        email: email
            .or_else(|| var("EMAIL"))
            .unwrap_or_else(|| format!("{login}@{}", host())),
        name: name.unwrap_or(login),
    }
}

/// The key to sign with: the one named, or that of the settings.
pub(super) fn signing_key(named: Option<&str>, repo: &Repo, world: &World) -> Result<SigningKey, CliError> {
    let set = repo.config().user.signing_key.as_deref();
    let named = named.filter(|key| !key.is_empty());
    let Some(text) = named.or(set) else {
        return Err(CliError::usage("no key to sign with").hinting(
            "name one with -S KEY (tags: -u KEY), or set it: envgit config user.signing_key ~/.ssh/id_ed25519",
        ));
    };
    // What is typed counts from where it is typed, what is written down from where the repository is.
    let folder = if named.is_some() {
        world.cwd.clone()
    } else {
        repo.project().to_owned()
    };
    Ok(match SigningKey::parse(text) {
        SigningKey::File(path) => SigningKey::File(folder.join(beneath_home(path, world))),
        agent => agent,
    })
}

/// Whose signatures are good: the file named, or that of the settings.
pub(super) fn allowed_signers(named: Option<&Path>, repo: &Repo, world: &World) -> Result<PathBuf, CliError> {
    let given = named.map(|file| world.cwd.join(file));
    let set = repo.config().signatures.allowed.as_ref();
    let set = set.map(|file| repo.project().join(beneath_home(file.into(), world)));
    given.or(set).ok_or_else(|| {
        CliError::usage("whose signatures are good is not known")
            .hinting("name a file with --allowed-signers FILE, or set it: envgit config commit.allowed_signers FILE")
    })
}

/// `~/x` as the shell would have it.
pub(super) fn beneath_home(path: PathBuf, world: &World) -> PathBuf {
    match (path.strip_prefix("~"), world.home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

fn host() -> String {
    let uname = rustix::system::uname();
    match uname.nodename().to_string_lossy().as_ref() {
        "" => "localhost".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn world(home: &Path, vars: &[(&str, &str)]) -> World {
        let mut vars: std::collections::BTreeMap<_, _> = vars
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        vars.insert("HOME".into(), home.into());
        World {
            cwd: home.to_owned(),
            vars,
        }
    }

    #[test]
    fn the_nearest_identity_counts() {
        let home = tempfile::tempdir().unwrap();
        let none = User::default();
        let by_login = of(&none, &world(home.path(), &[("USER", "ada"), ("EMAIL", "a@b.c")]));
        assert_eq!(by_login.to_string(), "ada <a@b.c>");
        std::fs::write(
            home.path().join(".gitconfig"),
            "[user]\n\tname = \"Ada L.\" ; whole\n\temail = ada@git\n",
        )
        .unwrap();
        let by_git = of(&none, &world(home.path(), &[("USER", "ada")]));
        assert_eq!((by_git.name.as_str(), by_git.email.as_str()), ("Ada L.", "ada@git"));
        let by_var = of(&none, &world(home.path(), &[("GIT_AUTHOR_NAME", "Eve")]));
        assert_eq!((by_var.name.as_str(), by_var.email.as_str()), ("Eve", "ada@git"));
        let own = User {
            name: Some("Own".to_owned()),
            email: Some("own@here".to_owned()),
            ..User::default()
        };
        assert_eq!(of(&own, &world(home.path(), &[])).to_string(), "Own <own@here>");
    }
}
