//! The settings, each declared once: key, meaning, default and how it is read.

mod table;
mod values;

use toml_edit::Value;

use super::Config;
pub(super) use table::SETTINGS;
pub(super) use values::{Problem, text};

/// One setting.
pub(super) struct Setting {
    /// Its dotted key: section and name.
    pub(super) key: &'static str,
    /// How a value is written on a command line.
    pub(super) shape: Shape,
    /// What it does, for the comments of a new file.
    pub(super) about: &'static [&'static str],
    /// An example for a new file, where the default says too little.
    pub(super) example: Option<&'static str>,
    /// The value in effect, if there is one.
    pub(super) get: fn(&Config) -> Option<Value>,
    /// Takes a value from the file.
    pub(super) put: fn(&mut Config, &Value) -> Result<(), Problem>,
}

/// How a value is written on a command line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it is.
    Text,
    /// A number where it looks like one, else as it is.
    Number,
    /// A TOML array, or elements separated by commas.
    List,
    /// A TOML array, or a line for the shell.
    Command,
    /// `true` or `false`.
    Flag,
}

/// The keys of a root's section.
pub(super) const ROOT_KEYS: &[&str] = &["path", "kind", "policy", "base"];

/// The setting of a dotted key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The sections, in order, each once.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    SETTINGS.iter().filter_map(move |setting| {
        let (section, _) = setting.key.split_once('.')?;
        let is_new = section != last;
        last = section;
        is_new.then_some(section)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Check, Command};

    #[test]
    fn what_is_got_can_be_put() {
        let mut config = Config::default();
        config.user.name = Some("Ada".into());
        config.user.email = Some("a@b".into());
        config.user.signing_key = Some("~/k".into());
        config.restore.setuid = Some(true);
        config.signatures.allowed = Some("f".into());
        config.files.patterns = vec!["*.csv".into()];
        config.services.stop = Some(Command::Shell("stop it".into()));
        config.services.start = Some(Command::argv(&["start", "a b"]));
        config.services.quiesce = true;
        config.health.check = Some(Check::Url("http://localhost/".into()));
        config.autosaves.keep = 7;
        let mut again = Config::default();
        for setting in SETTINGS {
            let value = (setting.get)(&config).unwrap();
            (setting.put)(&mut again, &value).unwrap();
        }
        assert_eq!(again, config);
    }
}
