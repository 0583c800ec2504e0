//! Keys: the names of objects at a remote.

use std::fmt;

/// A name like `layers/4c0e….tar.zst`: parts of `A-Z a-z 0-9 . _ -` between slashes, none empty or with a dot in front.
/// Such a name is a plain path on every file system and needs no escape in any URL; names with a dot in front are left
/// to places for what they have under way. No key may be the folder of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// A key from text, unless it is none.
    pub fn new(text: &str) -> Option<Self> {
        let is_plain = |part: &str| {
            let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_allowed)
        };
        text.split('/').all(is_plain).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_keys() {
        for good in ["a", "layers/0a.tar.zst", "refs/log/0000000001", "A_b-c/d.e"] {
            assert_eq!(Key::new(good).map(|key| key.to_string()).as_deref(), Some(good));
        }
        for bad in [
            "", "/a", "a/", "a//b", "../a", "a/..", "a/./b", "a b", "ü", "a\\b", "a?b", "a%2e", ".a", "a/.b",
        ] {
            assert_eq!(Key::new(bad), None, "{bad:?}");
        }
    }
}
