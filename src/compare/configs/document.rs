//! Which format a file has, and what it holds.

use super::jsonl::{self, Line};
use super::tree::{LONGEST_PATH, Overruled, Path, Step, Value};
use super::{dotenv, ini, json, requirements, toml, yaml};
use crate::snapshot::path::RelPath;
use crate::snapshot::records::ConfigFormat;

/// The format by the name of the file, if it is one whose records are compared.
pub(super) fn format_of(path: &RelPath) -> Option<ConfigFormat> {
    let path = String::from_utf8_lossy(path.as_bytes()).to_ascii_lowercase();
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let lists_requirements = || {
        let is_named = stem.contains("requirements") || stem.contains("constraints");
        is_named || folder.rsplit('/').next() == Some("requirements")
    };
    if name == ".env" || name.starts_with(".env.") {
        return Some(ConfigFormat::Env);
    }
    Some(match extension {
        "jsonl" | "ndjson" => ConfigFormat::Jsonl,
        "json" => ConfigFormat::Json,
        "yaml" | "yml" => ConfigFormat::Yaml,
        "toml" => ConfigFormat::Toml,
        "ini" | "cfg" => ConfigFormat::Ini,
        "env" => ConfigFormat::Env,
        "txt" if lists_requirements() => ConfigFormat::Requirements,
        // `dev.in` is one of pip-tools' files; `config.h.in` and `MANIFEST.in` are not.
        "in" if lists_requirements() || !stem.contains('.') && stem != "manifest" => ConfigFormat::Requirements,
        _ => return None,
    })
}

/// A file, read.
pub(super) struct Document {
    pub(super) content: Content,
    pub(super) comments: Vec<String>,
    /// What duplicate keys overrule.
    pub(super) overruled: Vec<Overruled>,
    /// Begins with a byte order mark.
    pub(super) has_mark: bool,
    /// Has lines that end with CR LF.
    pub(super) has_cr: bool,
}

/// What a file holds.
pub(super) enum Content {
    Tree(Value),
    /// The documents of a YAML file.
    Documents(Vec<Value>),
    Lines(Vec<Line>),
}

impl Document {
    /// Reads a file; the error says why it cannot be, as what follows "the text".
    pub(super) fn read(format: ConfigFormat, bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
        let (text, has_mark) = match text.strip_prefix('\u{feff}') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let read = content(format, text).map_err(|why| format!("does not read as {}: {why}", format.name()));
        let (mut content, comments) = read?;
        let has_short_paths = match &content {
            Content::Tree(value) => value.has_short_paths(),
            Content::Documents(documents) => documents.iter().all(Value::has_short_paths),
            Content::Lines(lines) => lines.iter().all(|(_, value)| value.has_short_paths()),
        };
        if !has_short_paths {
            return Err(format!(
                "has lists or maps below keys of more than {LONGEST_PATH} bytes"
            ));
        }
        let mut overruled = Vec::new();
        match &mut content {
            Content::Tree(value) => value.settle(&mut Path::default(), &mut overruled),
            Content::Documents(documents) => settle_documents(documents, &mut overruled),
            Content::Lines(lines) => jsonl::settle(lines, &mut overruled),
        }
        Ok(Self {
            content,
            comments,
            overruled,
            has_mark,
            has_cr: text.contains("\r\n"),
        })
    }
}

fn settle_documents(documents: &mut [Value], overruled: &mut Vec<Overruled>) {
    let is_only = documents.len() == 1;
    for (index, document) in documents.iter_mut().enumerate() {
        let root = Path::default();
        let mut path = if is_only { root } else { root.with(Step::Index(index)) };
        document.settle(&mut path, overruled);
    }
}

/// The content and the comments.
fn content(format: ConfigFormat, text: &str) -> Result<(Content, Vec<String>), String> {
    Ok(match format {
        ConfigFormat::Jsonl => (Content::Lines(jsonl::read(text)?), Vec::new()),
        ConfigFormat::Json => (Content::Tree(json::read(text)?), Vec::new()),
        ConfigFormat::Yaml => {
            let yaml = yaml::read(text)?;
            (Content::Documents(yaml.documents), yaml.comments)
        }
        ConfigFormat::Toml => (Content::Tree(toml::read(text)?), toml::comments(text)),
        ConfigFormat::Ini => {
            let mut ini = ini::read(text)?;
            let comments = std::mem::take(&mut ini.comments);
            (Content::Tree(ini.tree()), comments)
        }
        ConfigFormat::Env => {
            let env = dotenv::read(text)?;
            (Content::Tree(Value::Map(env.variables)), env.comments)
        }
        ConfigFormat::Requirements => {
            let file = requirements::read(text);
            (Content::Tree(Value::Map(file.entries)), file.comments)
        }
    })
}
