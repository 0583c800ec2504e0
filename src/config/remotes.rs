//! `[remotes.NAME]` and `[branches.NAME]`: which other repositories there are, and which of their branches a branch here
//! follows.

use serde::{Deserialize, Serialize};
use toml_edit::{Item, Table, TableLike, Value};

use super::{Config, Editor, Error};
use crate::remote::address;

/// Another repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its name here.
    pub name: String,
    /// Where it is: an address, or an absolute path. Never with a password.
    pub url: String,
    /// Only its history is fetched, no layers.
    pub history_only: bool,
    /// How many stand before it in the configuration.
    pub place: usize,
}

/// The branch of a remote that a branch here follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// The remote's name.
    pub remote: String,
    /// The branch there.
    pub branch: String,
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.remote, self.branch)
    }
}

/// The sections whose parts have names of their own, and the keys of each part.
pub(super) const NAMED: &[(&str, &[&str])] = &[("remotes", &["url", "history_only"]), ("branches", &["upstream"])];

/// A remote's name is one component of a ref's name and of a file's.
fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let is_good = (1..=64).contains(&name.len())
        && name.bytes().all(is_plain)
        && !name.starts_with(['.', '-'])
        && !name.ends_with('.')
        && !name.ends_with(".lock")
        && !name.contains("..");
    match is_good {
        true => Ok(()),
        false => Err(format!(
            "has a bad name: {name:?}; use up to 64 letters, digits, '-', '_' and '.'"
        )),
    }
}

/// Reads one part of a section.
pub(super) fn read(
    config: &mut Config,
    section: &str,
    name: &str,
    field: &str,
    value: Option<&Value>,
) -> Result<(), String> {
    let text = || match value.and_then(Value::as_str) {
        Some("") | None => Err("must be text in quotes".to_owned()),
        Some(text) => Ok(text.to_owned()),
    };
    match (section, field) {
        ("remotes", _) => {
            check_name(name)?;
            let place = config.remotes.len();
            let remote = config.remotes.entry(name.to_owned()).or_insert_with(|| Remote {
                name: name.to_owned(),
                url: String::new(),
                history_only: false,
                place,
            });
            match field {
                "url" => remote.url = text()?,
                _ => {
                    remote.history_only = value
                        .and_then(Value::as_bool)
                        .ok_or_else(|| "must be true or false".to_owned())?;
                }
            }
        }
        _ => {
            let text = text()?;
            let (remote, branch) = text
                .split_once('/')
                .filter(|(remote, branch)| check_name(remote).is_ok() && !branch.is_empty())
                .ok_or_else(|| "must be REMOTE/BRANCH".to_owned())?;
            let upstream = Upstream {
                remote: remote.to_owned(),
                branch: branch.to_owned(),
            };
            config.upstreams.insert(name.to_owned(), upstream);
        }
    }
    Ok(())
}

/// What a part lacks.
pub(super) fn lacks(config: &Config, section: &str, name: &str) -> Option<&'static str> {
    let remote = config.remotes.get(name)?;
    (section == "remotes" && remote.url.is_empty()).then_some("lacks its url; write url = \"ADDRESS\"")
}

/// The value of a key of a part.
pub(super) fn value(config: &Config, section: &str, name: &str, field: &str) -> Option<Value> {
    match (section, field) {
        ("remotes", "url") => config.remotes.get(name).map(|remote| Value::from(remote.url.as_str())),
        ("remotes", _) => config.remotes.get(name).map(|remote| Value::from(remote.history_only)),
        _ => config
            .upstreams
            .get(name)
            .map(|upstream| Value::from(upstream.to_string())),
    }
}

/// The names of the parts of a section.
pub(super) fn names(config: &Config, section: &str) -> Vec<String> {
    match section {
        "remotes" => config.remotes.keys().cloned().collect(),
        _ => config.upstreams.keys().cloned().collect(),
    }
}

impl Config {
    /// The remote of a name.
    pub fn remote(&self, name: &str) -> Option<&Remote> {
        self.remotes.get(name)
    }

    /// What a branch follows.
    pub fn upstream(&self, branch: &str) -> Option<&Upstream> {
        self.upstreams.get(branch)
    }
}

impl Editor {
    /// Declares a remote, or changes its address.
    ///
    /// # Errors
    /// When the name or the address cannot be used.
    pub fn set_remote(&mut self, name: &str, url: &str) -> Result<(), Error> {
        let bad = |problem: String| Error::BadValue {
            key: format!("remotes.{name}.url"),
            problem,
        };
        check_name(name).map_err(bad)?;
        if address::holds_password(url) {
            return Err(bad(
                "holds a password, token or key, which would stand in a file; leave it out: docs/remotes.md tells where \
                            credentials are looked for"
                    .to_owned(),
            ));
        }
        self.put_named("remotes", name, "url", Value::from(url))
    }

    /// Whether only the history of a remote is fetched.
    ///
    /// # Errors
    /// When there is no such remote.
    pub fn set_history_only(&mut self, name: &str, history_only: bool) -> Result<(), Error> {
        self.put_named("remotes", name, "history_only", Value::from(history_only))
    }

    /// Takes a remote out, and what branches followed of it.
    ///
    /// # Errors
    /// When the rest makes no sense.
    pub fn remove_remote(&mut self, name: &str) -> Result<(), Error> {
        let followers: Vec<String> = self
            .config()
            .upstreams
            .iter()
            .filter(|(_, upstream)| upstream.remote == name)
            .map(|(branch, _)| branch.clone())
            .collect();
        self.edit(|document| {
            let mut drop = |section: &str, part: &str| {
                if let Some(parts) = document.get_mut(section).and_then(Item::as_table_like_mut) {
                    parts.remove(part);
                }
            };
            drop("remotes", name);
            for branch in &followers {
                drop("branches", branch);
            }
        })
    }

    /// Gives a remote another name, for the branches that follow one of it too.
    ///
    /// # Errors
    /// When the name cannot be used.
    pub fn rename_remote(&mut self, name: &str, to: &str) -> Result<(), Error> {
        check_name(to).map_err(|problem| Error::BadValue {
            key: format!("remotes.{to}"),
            problem,
        })?;
        let upstreams = self.config().upstreams.iter();
        let followers: Vec<(String, Upstream)> = upstreams
            .filter(|(_, upstream)| upstream.remote == name)
            .map(|(branch, upstream)| {
                let renamed = Upstream {
                    remote: to.to_owned(),
                    branch: upstream.branch.clone(),
                };
                (branch.clone(), renamed)
            })
            .collect();
        self.edit(|document| {
            if let Some(remotes) = document.get_mut("remotes").and_then(Item::as_table_like_mut)
                && let Some(remote) = remotes.remove(name)
            {
                remotes.insert(to, remote);
            }
            let mut branches = document.get_mut("branches").and_then(Item::as_table_like_mut);
            for (branch, upstream) in followers {
                let table = branches.as_mut().and_then(|branches| branches.get_mut(&branch));
                if let Some(table) = table.and_then(Item::as_table_like_mut) {
                    table.insert("upstream", Item::Value(Value::from(upstream.to_string())));
                }
            }
        })
    }

    /// Lets a branch follow one of a remote.
    ///
    /// # Errors
    /// When the names cannot be used.
    pub fn set_upstream(&mut self, branch: &str, upstream: &Upstream) -> Result<(), Error> {
        self.put_named("branches", branch, "upstream", Value::from(upstream.to_string()))
    }

    /// Lets a branch follow none.
    ///
    /// # Errors
    /// When the rest makes no sense.
    pub fn remove_upstream(&mut self, branch: &str) -> Result<(), Error> {
        self.edit(|document| {
            if let Some(parts) = document.get_mut("branches").and_then(Item::as_table_like_mut) {
                parts.remove(branch);
            }
        })
    }

    fn put_named(&mut self, section: &str, name: &str, field: &str, value: Value) -> Result<(), Error> {
        let put = self.edit(|document| {
            let parts = document.entry(section).or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            });
            let Some(parts) = parts.as_table_like_mut() else { return };
            let part = parts.entry(name).or_insert_with(|| Item::Table(Table::new()));
            if let Some(part) = part.as_table_like_mut() {
                part.insert(field, Item::Value(value));
            }
        });
        put.map_err(|error| match error {
            Error::Value { problem, .. } => Error::BadValue {
                key: format!("{section}.{name}.{field}"),
                problem,
            },
            other => other,
        })
    }
}

/// The part of a section, for where a value comes from.
pub(super) fn part<'t>(section: Option<&'t dyn TableLike>, name: &str) -> Option<&'t dyn TableLike> {
    section?.get(name)?.as_table_like()
}
