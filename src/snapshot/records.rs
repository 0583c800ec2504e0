//! What a change of a config file means: records that came, went or changed, and what changed besides.

use serde::Serialize;

use super::change::ChangeKind;

/// What the change of a config file means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConfigMeaning {
    /// Both sides were understood.
    Records(RecordChanges),
    /// Only the text can be compared.
    Text {
        /// Why a file of a known format could not be read as such; nothing where the format is not known.
        why: Option<String>,
    },
}

/// The records of a config file that differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordChanges {
    /// As what the file was read.
    pub format: ConfigFormat,
    /// The records, in the order of the older file, then those that are only in the newer one; nested ones together.
    pub changes: Vec<RecordChange>,
    /// What is to be said besides.
    pub notes: Vec<ConfigNote>,
}

/// One record, value or requirement that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordChange {
    /// Where it stands: `model.layers[2].dim`, `"重庆"`, `[id=a1].text`, `line 7`, `numpy`; `.` for the whole file.
    pub key: String,
    /// How it changed.
    pub change: ChangeKind,
    /// The older value as compact text.
    pub from: Option<String>,
    /// The newer value as compact text.
    pub to: Option<String>,
}

/// The formats whose records are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigFormat {
    /// One JSON value a line.
    Jsonl,
    /// One JSON value.
    Json,
    /// YAML, one document or several.
    Yaml,
    /// TOML.
    Toml,
    /// Sections with keys, as Python's configparser reads them.
    Ini,
    /// Variables, as dotenv reads them.
    Env,
    /// Requirements and constraints of pip.
    Requirements,
}

impl ConfigFormat {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "JSON Lines",
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Ini => "INI",
            Self::Env => ".env",
            Self::Requirements => "requirements",
        }
    }
}

/// What else there is to say about two texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum ConfigNote {
    /// What is in both stands in another order.
    Order,
    /// Comments differ.
    Comments,
    /// Nothing but spelling and white space differs.
    Formatting,
    /// One of them ends its lines with CR LF.
    LineEndings,
    /// One of them begins with a byte order mark.
    ByteOrderMark,
    /// What a later duplicate key overrules differs.
    Overruled,
    /// A key that stands there twice: the last one counts.
    DuplicateKey {
        /// The key, as in [`RecordChange::key`].
        key: String,
        /// Where.
        side: ConfigSide,
    },
}

/// In which of two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigSide {
    /// The older one.
    From,
    /// The newer one.
    To,
    /// Both.
    Both,
}
