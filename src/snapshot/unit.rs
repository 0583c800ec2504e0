//! Units: the files that belong together, so that a change of one package rewrites one file list.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::package::Manager;

/// The name of a unit, which is also its path beneath `<root>/files/` in an inventory: `pip/numpy`,
/// `conda/openssl`, `loose/bin`, or `top` for unowned files at the top of the root.
///
/// Names are safe in any git tree: bytes other than `A-Z a-z 0-9 . _ + - @` and leading dots are percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnitName(String);

impl UnitName {
    /// The files of a pip package, by its normalized name (PEP 503).
    pub fn pip(name: &str) -> Self {
        Self(format!("pip/{}", encode(name.as_bytes())))
    }

    /// The files of a conda package.
    pub fn conda(name: &str) -> Self {
        Self(format!("conda/{}", encode(name.as_bytes())))
    }

    /// Unowned files: by the first folder of their path.
    pub fn loose(path: &[u8]) -> Self {
        match path.iter().position(|b| *b == b'/') {
            Some(end) => Self::loose_folder(&path[..end]),
            None => Self("top".to_owned()),
        }
    }

    /// Unowned files in a top-level folder.
    pub fn loose_folder(folder: &[u8]) -> Self {
        Self(format!("loose/{}", encode(folder)))
    }

    /// A name read from an inventory.
    pub fn from_tree(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// The package that the unit is of: its manager and encoded name; nothing for unowned files.
    pub fn package(&self) -> Option<(Manager, &str)> {
        let (manager, name) = self.0.split_once('/')?;
        [Manager::Conda, Manager::Pip]
            .into_iter()
            .find(|known| known.as_str() == manager)
            .map(|manager| (manager, name))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn encode(name: &[u8]) -> String {
    use fmt::Write;
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.iter().enumerate() {
        let plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-' | b'@') || (*byte == b'.' && at > 0);
        if plain {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_git_trees() {
        assert_eq!(UnitName::pip("ruamel-yaml").as_str(), "pip/ruamel-yaml");
        assert_eq!(UnitName::loose(b".git/x").as_str(), "loose/%2Egit");
        assert_eq!(UnitName::loose(b"a b/\xff").as_str(), "loose/a%20b");
        assert_eq!(UnitName::loose(b"pyvenv.cfg").as_str(), "top");
        assert_eq!(UnitName::conda("..").as_str(), "conda/%2E.");
    }
}
