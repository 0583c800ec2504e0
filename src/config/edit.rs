//! Changing single settings while the rest of the file stays as it was written.

use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Key, Table, TableLike, Value};

use super::nearest::nearest;
use super::remotes::{self, NAMED};
use super::settings::{ROOT_KEYS, SETTINGS, Shape};
use super::{Config, Error, check_apart, project_of, read};
use crate::fsx;
use crate::snapshot::root::{Root, RootName};

/// The settings of one repository, open for changes. Nothing is written before [`Editor::save`].
#[derive(Debug)]
pub struct Editor {
    path: PathBuf,
    document: DocumentMut,
    config: Config,
}

/// A setting in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its dotted key.
    pub key: String,
    /// Its value: text as it is, all else as TOML.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The repository's file.
    File,
}

impl Origin {
    /// The word for people and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
        }
    }
}

impl Editor {
    /// Opens `.envgit/config.toml`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = fsx::read(path)?;
        Self::parse(read::utf8(&bytes, path)?, path)
    }

    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let config = read::config(text, path)?;
        let document = text.parse().map_err(|error| read::syntax(&error, text, path))?;
        Ok(Self {
            path: path.to_owned(),
            document,
            config,
        })
    }

    /// The settings with the changes made so far.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The file with the changes made so far.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// Names the file.
    pub fn save(&self) -> Result<(), Error> {
        Ok(fsx::atomic::write(&self.path, self.text().as_bytes())?)
    }

    /// Declares a root.
    ///
    /// # Errors
    /// When its name or directory is taken, or its path is not UTF-8.
    pub fn add_root(&mut self, root: &Root) -> Result<(), Error> {
        check_apart(root, &self.config.roots)?;
        let mut section = read::section_of(root, project_of(&self.path))?;
        self.change(|document| {
            let roots = document.entry("roots").or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            });
            if let Some(roots) = roots.as_table_mut() {
                section.set_position(after_last(roots));
                section.decor_mut().set_prefix("\n");
                roots.insert(root.name.as_str(), Item::Table(section));
            } else if let Some(roots) = roots.as_table_like_mut() {
                roots.insert(
                    root.name.as_str(),
                    Item::Value(Value::InlineTable(section.into_inline_table())),
                );
            }
        })
    }

    /// Takes a root out of version control. Its commits and its files stay.
    ///
    /// # Errors
    /// When it is not declared.
    pub fn remove_root(&mut self, name: &str) -> Result<(), Error> {
        self.declared(name)?;
        self.change(|document| {
            if let Some(roots) = document.get_mut("roots").and_then(Item::as_table_like_mut) {
                roots.remove(name);
            }
        })
    }

    /// The value in effect of a dotted key; nothing where a setting without default is not set.
    ///
    /// # Errors
    /// When there is no such setting.
    pub fn get(&self, key: &str) -> Result<Option<String>, Error> {
        Ok(match self.resolve(key)? {
            Place::Setting(index) => (SETTINGS[index].get)(&self.config).map(|value| shown(&value)),
            Place::Root(name, field) => self.config.root(&name).map(|root| self.root_field(root, field)),
            Place::Named(section, name, field) => {
                remotes::value(&self.config, section, &name, field).map(|value| shown(&value))
            }
        })
    }

    /// Sets a dotted key. Lists are written as TOML (`["a", "b"]`) or with commas between their elements.
    ///
    /// # Errors
    /// When there is no such setting or the value does not fit it; nothing is changed then.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let place = self.resolve(key)?;
        let (path, value) = match &place {
            Place::Setting(index) => {
                let setting = &SETTINGS[*index];
                let value = parse_value(setting.shape, value);
                (setting.key.split('.').collect(), value)
            }
            Place::Root(name, field) => {
                let value = match *field {
                    "path" => read::stored(&project_of(&self.path).join(value), project_of(&self.path))?,
                    _ => value.to_owned(),
                };
                (vec!["roots", name, field], Value::from(value))
            }
            Place::Named("remotes", name, "url") => return self.set_remote(name, value),
            Place::Named(section, name, field) => {
                let shape = if *field == "history_only" {
                    Shape::Flag
                } else {
                    Shape::Text
                };
                (vec![*section, name.as_str(), *field], parse_value(shape, value))
            }
        };
        let changed = self.change(|document| put(document.as_table_mut(), &path, value));
        changed.map_err(|error| match error {
            Error::Value { problem, .. } => Error::BadValue {
                key: key.to_owned(),
                problem,
            },
            other => other,
        })
    }

    /// Takes a setting out of the file, so that its default counts.
    ///
    /// # Errors
    /// When there is no such setting, or it is one that a root needs.
    pub fn unset(&mut self, key: &str) -> Result<(), Error> {
        let place = self.resolve(key)?;
        let (section, sub, field): (&str, Option<&str>, &str) = match &place {
            Place::Setting(index) => match SETTINGS[*index].key.split_once('.') {
                Some((section, field)) => (section, None, field),
                None => return Ok(()),
            },
            Place::Root(name, field) => ("roots", Some(name), field),
            Place::Named(section, name, field) => (section, Some(name), field),
        };
        let changed = self.change(|document| {
            let mut table = document.get_mut(section).and_then(Item::as_table_like_mut);
            if let Some(sub) = sub {
                table = table.and_then(|t| t.get_mut(sub)).and_then(Item::as_table_like_mut);
            }
            if let Some(table) = table {
                table.remove(field);
            }
        });
        changed.map_err(|error| match error {
            Error::Value { problem, .. } => Error::BadValue {
                key: key.to_owned(),
                problem,
            },
            other => other,
        })
    }

    /// All settings in effect, roots first.
    pub fn list(&self) -> Vec<Listed> {
        let roots = self.config.roots.iter().flat_map(|root| {
            let section = self.table("roots").and_then(|t| t.get(root.name.as_str()));
            let section = section.and_then(Item::as_table_like);
            let fields = ROOT_KEYS
                .iter()
                .filter(|field| **field != "base" || root.base.is_some());
            fields.map(move |field| Listed {
                key: format!("{}.{field}", read::root_key(root.name.as_str())),
                value: self.root_field(root, field),
                origin: origin(section.is_some_and(|t| t.contains_key(field))),
            })
        });
        let settings = SETTINGS.iter().filter_map(|setting| {
            let (section, name) = setting.key.split_once('.')?;
            Some(Listed {
                key: setting.key.to_owned(),
                value: shown(&(setting.get)(&self.config)?),
                origin: origin(self.table(section).is_some_and(|t| t.contains_key(name))),
            })
        });
        let named = NAMED.iter().flat_map(|(section, keys)| {
            let names = remotes::names(&self.config, section).into_iter();
            names.flat_map(move |name| {
                let part = remotes::part(self.table(section), &name);
                let list = keys.iter().filter_map(|field| {
                    Some(Listed {
                        key: format!("{}.{field}", read::part_key(section, &name)),
                        value: shown(&remotes::value(&self.config, section, &name, field)?),
                        origin: origin(part.is_some_and(|part| part.contains_key(field))),
                    })
                });
                list.collect::<Vec<_>>()
            })
        });
        roots.chain(named).chain(settings).collect()
    }

    fn table(&self, section: &str) -> Option<&dyn TableLike> {
        self.document.get(section)?.as_table_like()
    }

    fn root_field(&self, root: &Root, field: &str) -> String {
        match field {
            "path" => read::stored(&root.path, project_of(&self.path)).unwrap_or_default(),
            "kind" => root.kind.to_string(),
            "base" => root
                .base
                .as_deref()
                .map(|base| base.display().to_string())
                .unwrap_or_default(),
            _ => root.policy.to_string(),
        }
    }

    fn declared(&self, name: &str) -> Result<&Root, Error> {
        self.config.root(name).ok_or_else(|| Error::NoRoot {
            name: name.to_owned(),
            roots: self
                .config
                .roots
                .iter()
                .map(|root| root.name.clone())
                .collect::<Vec<RootName>>(),
        })
    }

    /// What a dotted key means. Root names with dots in them may be quoted or not.
    fn resolve(&self, key: &str) -> Result<Place, Error> {
        if let Some(index) = SETTINGS.iter().position(|setting| setting.key == key) {
            return Ok(Place::Setting(index));
        }
        let parts: Vec<String> = Key::parse(key)
            .map(|parts| parts.iter().map(|part| part.get().to_owned()).collect())
            .unwrap_or_default();
        if let [first, name @ .., field] = parts.as_slice()
            && first == "roots"
            && !name.is_empty()
        {
            let name = name.join(".");
            self.declared(&name)?;
            if let Some(field) = ROOT_KEYS.iter().find(|known| *known == field) {
                return Ok(Place::Root(name, field));
            }
        }
        if let [section, name @ .., field] = parts.as_slice()
            && let Some((section, keys)) = NAMED.iter().find(|(known, _)| known == section)
            && let Some(field) = keys.iter().find(|known| *known == field)
            && !name.is_empty()
        {
            let name = name.join(".");
            if remotes::names(&self.config, section).contains(&name) || *section == "branches" {
                return Ok(Place::Named(section, name, field));
            }
        }
        let mut known: Vec<String> = SETTINGS.iter().map(|setting| setting.key.to_owned()).collect();
        known.extend(self.config.roots.iter().flat_map(|root| {
            let section = read::root_key(root.name.as_str());
            ROOT_KEYS.iter().map(move |field| format!("{section}.{field}"))
        }));
        Err(Error::NoSetting {
            key: key.to_owned(),
            nearest: nearest(key, known.iter().map(String::as_str)),
        })
    }

    /// Makes a change if the outcome is a valid file.
    pub(super) fn edit(&mut self, edit: impl FnOnce(&mut DocumentMut)) -> Result<(), Error> {
        self.change(edit)
    }

    fn change(&mut self, edit: impl FnOnce(&mut DocumentMut)) -> Result<(), Error> {
        let mut document = self.document.clone();
        let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing("");
        let before = document.to_string();
        edit(&mut document);
        let text = with_trailing(&before, &document.to_string(), &trailing);
        *self = Self::parse(&text, &self.path)?;
        Ok(())
    }
}

/// Puts what followed the last section back behind that section, and not behind sections that were appended: comments
/// there are of its settings.
fn with_trailing(before: &str, after: &str, trailing: &str) -> String {
    let appended = after
        .strip_prefix(before)
        .filter(|new| new.trim_start().starts_with('['));
    match appended {
        Some(new) if !trailing.is_empty() => {
            let end = if trailing.ends_with('\n') { "" } else { "\n" };
            format!("{before}{trailing}{end}{new}")
        }
        _ => format!("{after}{trailing}"),
    }
}

enum Place {
    /// An index into [`SETTINGS`].
    Setting(usize),
    /// A root's name and one of [`ROOT_KEYS`].
    Root(String, &'static str),
    /// A section of [`NAMED`], the name of a part and one of its keys.
    Named(&'static str, String, &'static str),
}

fn origin(is_in_file: bool) -> Origin {
    if is_in_file { Origin::File } else { Origin::Default }
}

fn shown(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string().trim().to_owned(),
    }
}

fn parse_value(shape: Shape, text: &str) -> Value {
    let trimmed = text.trim();
    match shape {
        Shape::Text => Value::from(text),
        Shape::Number => trimmed
            .parse::<i64>()
            .map_or_else(|_| Value::from(trimmed), Value::from),
        Shape::Flag => trimmed
            .parse::<bool>()
            .map_or_else(|_| Value::from(trimmed), Value::from),
        Shape::Command if !trimmed.starts_with('[') => Value::from(trimmed),
        Shape::Command => trimmed.parse().unwrap_or_else(|_| Value::from(trimmed)),
        Shape::List if trimmed.starts_with('[') => trimmed.parse().unwrap_or_else(|_| Value::from(trimmed)),
        Shape::List => {
            let elements = trimmed.split(',').map(str::trim).filter(|element| !element.is_empty());
            Value::Array(elements.collect::<Array>())
        }
    }
}

/// Puts a value at a path, keeping the comment that stands behind the old one.
fn put(table: &mut dyn TableLike, path: &[&str], mut value: Value) {
    match path {
        [name] => match table.get_mut(name).and_then(Item::as_value_mut) {
            Some(old) => {
                *value.decor_mut() = old.decor().clone();
                *old = value;
            }
            None => {
                table.insert(name, Item::Value(value));
            }
        },
        [section, rest @ ..] => {
            let item = table.entry(section).or_insert_with(|| Item::Table(Table::new()));
            if let Some(table) = item.as_table_like_mut() {
                put(table, rest, value);
            }
        }
        [] => {}
    }
}

/// The position in the file behind the last root.
fn after_last(roots: &Table) -> Option<isize> {
    roots.iter().filter_map(|(_, item)| item.as_table()?.position()).max()
}
