//! Who acts: the repository's own setting, then what git would say, then the login name.

use super::context::World;
use crate::config::User;
use crate::history::{Person, git_identity};

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
        };
        assert_eq!(of(&own, &world(home.path(), &[])).to_string(), "Own <own@here>");
    }
}
