//! What an address and its credentials are looked up in: the folder, the environment variables and the user's files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder and the environment variables that the caller has.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    folder: PathBuf,
    vars: BTreeMap<String, String>,
}

impl Surroundings {
    /// Relative paths start in `folder`. Variables that are no text are left out.
    pub fn new(folder: &Path, vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let as_text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self {
            folder: folder.to_owned(),
            vars: vars.into_iter().filter_map(as_text).collect(),
        }
    }

    /// Where relative paths start.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The first of these variables that is set and not empty.
    pub fn var(&self, names: &[&str]) -> Option<&str> {
        let values = names.iter().filter_map(|name| self.vars.get(*name));
        values.map(String::as_str).find(|value| !value.is_empty())
    }

    /// A path in the user's home, where there is one.
    pub fn in_home(&self, path: &str) -> Option<PathBuf> {
        self.var(&["HOME"]).map(|home| Path::new(home).join(path))
    }
}
