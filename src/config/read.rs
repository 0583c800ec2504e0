//! From the text of the file to settings.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Key, Table, TableLike, TomlError};

use super::nearest::nearest;
use super::remotes::{self, NAMED};
use super::settings::{self, ROOT_KEYS, SETTINGS};
use super::{Config, Error, check_apart, project_of};
use crate::fsx::plain;
use crate::snapshot::root::{Kind, Policy, Root, RootName};

/// The text of the file's bytes.
pub(super) fn utf8<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|error| Error::Syntax {
        path: path.to_owned(),
        line: line_at(&bytes[..error.valid_up_to()]),
        problem: "not UTF-8 text; write the file anew in UTF-8".to_owned(),
    })
}

/// What TOML says against a text, with its line.
pub(super) fn syntax(error: &TomlError, text: &str, path: &Path) -> Error {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = line_at(&text.as_bytes()[..start]);
    let source = text.lines().nth(line - 1).unwrap_or_default().trim();
    Error::Syntax {
        path: path.to_owned(),
        line,
        problem: format!("{} in `{source}`", error.message().replace('\n', ", ")),
    }
}

/// Reads the whole text.
pub(super) fn config(text: &str, path: &Path) -> Result<Config, Error> {
    let document = Document::parse(text).map_err(|error| syntax(&error, text, path))?;
    let reader = Reader { text, path };
    let mut config = Config::default();
    for (key, item) in entries(document.as_table()) {
        match key.get() {
            "roots" => config.roots = reader.roots(item)?,
            section if settings::sections().any(|known| known == section) => {
                reader.section(section, item, &mut config)?;
            }
            section if NAMED.iter().any(|(known, _)| *known == section) => {
                reader.named(section, item, &mut config)?;
            }
            unknown => {
                let named = NAMED.iter().map(|(section, _)| *section);
                let known = settings::sections().chain(["roots"]).chain(named);
                return Err(reader.unknown(key, unknown, nearest(unknown, known)));
            }
        }
    }
    Ok(config)
}

fn entries(table: &dyn TableLike) -> impl Iterator<Item = (&Key, &Item)> {
    table
        .iter()
        .filter_map(|(name, _)| table.get_key_value(name))
        .filter(|(_, item)| !item.is_none())
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Reader<'_> {
    fn section(&self, section: &str, item: &Item, config: &mut Config) -> Result<(), Error> {
        let table = self.table(section, item)?;
        for (name, item) in entries(table) {
            let key = format!("{section}.{}", name.get());
            let Some(setting) = settings::find(&key) else {
                let known = SETTINGS.iter().map(|setting| setting.key);
                return Err(self.unknown(name, &key, nearest(&key, known)));
            };
            let value = item
                .as_value()
                .ok_or_else(|| self.wrong(item.span(), &key, "must be a value, not a section"))?;
            (setting.put)(config, value).map_err(|problem| self.wrong(value.span(), &key, problem))?;
        }
        Ok(())
    }

    /// A section whose parts have names of their own.
    fn named(&self, section: &str, item: &Item, config: &mut Config) -> Result<(), Error> {
        let keys = NAMED.iter().find(|(known, _)| *known == section);
        let keys = keys.map_or(&[][..], |(_, keys)| keys);
        for (name, item) in entries(self.table(section, item)?) {
            let part = part_key(section, name.get());
            for (field, item) in entries(self.table(&part, item)?) {
                let key = format!("{part}.{}", field.get());
                if !keys.contains(&field.get()) {
                    let nearest = nearest(field.get(), keys.iter().copied());
                    return Err(self.unknown(field, &key, nearest.map(|near| format!("{part}.{near}"))));
                }
                remotes::read(config, section, name.get(), field.get(), item.as_value())
                    .map_err(|problem| self.wrong(item.span(), &key, problem))?;
            }
            if let Some(problem) = remotes::lacks(config, section, name.get()) {
                return Err(self.wrong(name.span().or(item.span()), &part, problem));
            }
        }
        Ok(())
    }

    fn roots(&self, item: &Item) -> Result<Vec<Root>, Error> {
        let mut roots = Vec::new();
        for (name, item) in entries(self.table("roots", item)?) {
            let key = root_key(name.get());
            let span = name.span().or(item.span());
            let root = self.root(&key, name, item)?;
            check_apart(&root, &roots).map_err(|error| self.wrong(span, &key, format!("is not alone: {error}")))?;
            roots.push(root);
        }
        Ok(roots)
    }

    fn root(&self, key: &str, name: &Key, item: &Item) -> Result<Root, Error> {
        let parsed: RootName = name
            .get()
            .parse()
            .map_err(|problem| self.wrong(name.span(), key, format!("has a bad name: {problem}")))?;
        let table = self.table(key, item)?;
        for (field, _) in entries(table) {
            if !ROOT_KEYS.contains(&field.get()) {
                let nearest = nearest(field.get(), ROOT_KEYS.iter().copied());
                let nearest = nearest.map(|near| format!("{key}.{near}"));
                return Err(self.unknown(field, &format!("{key}.{}", field.get()), nearest));
            }
        }
        let path = self.field(table, key, "path", |text| match text {
            "" => Err("must name a directory".to_owned()),
            text => Ok(text.to_owned()),
        })?;
        let kind = self.field(table, key, "kind", str::parse::<Kind>)?;
        let policy = self.field(table, key, "policy", str::parse::<Policy>)?;
        let base = self.field(table, key, "base", |text| match text.starts_with('/') {
            true => Ok(text.to_owned()),
            false => Err("must name the folder of an interpreter, as /usr/bin".to_owned()),
        })?;
        let span = name.span().or(item.span());
        let path = path.ok_or_else(|| self.wrong(span.clone(), key, "lacks its path; write path = \"DIRECTORY\""))?;
        let kind = kind.ok_or_else(|| {
            self.wrong(
                span,
                key,
                "lacks its kind; write kind = \"conda\", \"venv\", \"project\" or \"cache\"",
            )
        })?;
        Ok(Root {
            name: parsed,
            path: absolute(&path, project_of(self.path)),
            kind,
            policy: policy.unwrap_or_else(|| kind.default_policy()),
            base: base.map(PathBuf::from),
        })
    }

    fn field<T>(
        &self,
        table: &dyn TableLike,
        root: &str,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Error> {
        let Some(item) = table.get(name) else { return Ok(None) };
        let key = format!("{root}.{name}");
        item.as_value()
            .ok_or_else(|| "must be text in quotes".to_owned())
            .and_then(settings::text)
            .and_then(parse)
            .map(Some)
            .map_err(|problem| self.wrong(item.span(), &key, problem))
    }

    fn table<'i>(&self, key: &str, item: &'i Item) -> Result<&'i dyn TableLike, Error> {
        item.as_table_like()
            .ok_or_else(|| self.wrong(item.span(), key, format!("must be a section; write [{key}]")))
    }

    fn unknown(&self, at: &Key, key: &str, nearest: Option<String>) -> Error {
        Error::UnknownKey {
            path: self.path.to_owned(),
            line: self.line(at.span()),
            key: key.to_owned(),
            nearest,
        }
    }

    fn wrong(&self, span: Option<Range<usize>>, key: &str, problem: impl Into<String>) -> Error {
        let problem = problem.into();
        // Problems of a word in the value begin with the word; others continue a sentence about the key.
        let continues = ["must ", "lacks ", "has ", "holds ", "is "]
            .iter()
            .any(|verb| problem.starts_with(verb));
        Error::Value {
            path: self.path.to_owned(),
            line: self.line(span),
            key: key.to_owned(),
            problem: if continues {
                problem
            } else {
                format!("is wrong: {problem}")
            },
        }
    }

    fn line(&self, span: Option<Range<usize>>) -> usize {
        let start = span.map_or(0, |span| span.start.min(self.text.len()));
        line_at(&self.text.as_bytes()[..start])
    }
}

/// The number of the line that begins after some text, counted from 1.
fn line_at(before: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', before).count() + 1
}

/// The dotted key of a root's section: names with dots in them are quoted.
pub(super) fn root_key(name: &str) -> String {
    part_key("roots", name)
}

/// The same of any section whose parts have names.
pub(super) fn part_key(section: &str, name: &str) -> String {
    format!("{section}.{}", Key::new(name).display_repr())
}

/// A path of the file as an absolute one.
fn absolute(path: &str, project: &Path) -> PathBuf {
    plain(&project.join(path))
}

/// The path to write into the file: relative within the project folder, so that the folder can move.
pub(super) fn stored(path: &Path, project: &Path) -> Result<String, Error> {
    let path = match path.strip_prefix(project) {
        Ok(inside) if inside.as_os_str().is_empty() => Path::new("."),
        Ok(inside) => inside,
        Err(_) => path,
    };
    let text = path.to_str().ok_or_else(|| Error::NotText { path: path.to_owned() })?;
    Ok(text.to_owned())
}

/// The section of a root as it is written.
pub(super) fn section_of(root: &Root, project: &Path) -> Result<Table, Error> {
    let mut table = Table::new();
    table.insert("path", toml_edit::value(stored(&root.path, project)?));
    table.insert("kind", toml_edit::value(root.kind.as_str()));
    table.insert("policy", toml_edit::value(root.policy.as_str()));
    if let Some(base) = &root.base {
        let text = base.to_str().ok_or_else(|| Error::NotText { path: base.clone() })?;
        table.insert("base", toml_edit::value(text));
    }
    Ok(table)
}
