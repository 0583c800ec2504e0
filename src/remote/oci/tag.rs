//! Keys as tags.
//!
//! A tag has no slash, begins with a letter, digit or underscore and has at most 128 characters. So `/` is written `__`,
//! `_` is `_-`, and a dash in front is `_.`: `layers/4c0e….tar.zst` becomes `layers__4c0e….tar.zst`.

use crate::remote::Key;

/// The longest tag that registries take.
const LONGEST: usize = 128;

/// The tag of a key, unless it would be too long.
pub(super) fn of(key: &Key) -> Option<String> {
    let mut tag = String::with_capacity(key.as_str().len() + 8);
    for (at, c) in key.as_str().chars().enumerate() {
        match c {
            '/' => tag.push_str("__"),
            '_' => tag.push_str("_-"),
            '-' if at == 0 => tag.push_str("_."),
            c => tag.push(c),
        }
    }
    (tag.len() <= LONGEST).then_some(tag)
}

/// The key of a tag, or nothing for one that is none of ours.
pub(super) fn key(tag: &str) -> Option<Key> {
    let mut text = String::with_capacity(tag.len());
    let mut chars = tag.chars().enumerate();
    while let Some((at, c)) = chars.next() {
        text.push(match c {
            '_' => match chars.next()?.1 {
                '_' => '/',
                '-' => '_',
                '.' if at == 0 => '-',
                _ => return None,
            },
            c => c,
        });
    }
    Key::new(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_tag_of_its_own() {
        for (text, expected) in [
            ("layers/0a.tar.zst", "layers__0a.tar.zst"),
            ("a_b/_c", "a_-b___-c"),
            ("-x/-y-", "_.x__-y-"),
            ("A", "A"),
        ] {
            let tag = of(&Key::new(text).unwrap()).unwrap();
            assert_eq!(tag, expected);
            assert_eq!(key(&tag).unwrap().as_str(), text);
            let first = tag.chars().next().unwrap();
            assert!(first.is_ascii_alphanumeric() || first == '_');
        }
        assert_eq!(of(&Key::new(&"a".repeat(129)).unwrap()), None);
    }

    #[test]
    fn tags_of_others_are_no_keys() {
        for tag in ["latest_", "a_b", "v1__", "__a", "a__.b", "a_.b"] {
            assert_eq!(key(tag), None, "{tag}");
        }
    }
}
